//! Gradients of several batches that become one update; the formula stands at [`training::Accumulate`](Accumulate).

use super::vectorized;
use crate::{engine::scratch::Real, model::Parameter, training::Accumulate};

/// What has been gathered since the latest update.
pub(super) struct Gathered<T> {
    accumulate: Accumulate,
    seen: usize,
    sums: Vec<Vec<T>>, // per parameter, as many as it has elements
}

impl<T: Real> Gathered<T> {
    pub(super) fn new(accumulate: Accumulate, parameters: &[Parameter]) -> Self {
        let zeros = |parameter: &Parameter| vec![T::zero(); parameter.shape.elements()];
        Self { accumulate, seen: 0, sums: parameters.iter().map(zeros).collect() }
    }

    /// Takes in the gradients of a batch, all parameters'; returns whether an update has its turn.
    pub(super) fn take_in<'a>(&mut self, gradients: impl Iterator<Item = &'a [T]>) -> bool {
        let Accumulate { batches, mean } = self.accumulate;
        self.seen = self.seen % batches + 1;
        let (first, last) = (self.seen == 1, self.seen == batches);
        for (sum, gradient) in self.sums.iter_mut().zip(gradients) {
            if first {
                sum.copy_from_slice(gradient);
            } else {
                add(sum, gradient);
            }
        }
        if last && mean {
            let count = T::of(batches as f64);
            self.sums.iter_mut().for_each(|sum| sum.iter_mut().for_each(|sum| *sum /= count));
        }
        last
    }

    /// What was gathered for the parameter with this number.
    pub(super) fn of(&self, index: usize) -> &[T] {
        &self.sums[index]
    }

    /// The same of all parameters.
    pub(super) fn all(&self) -> impl Iterator<Item = &[T]> {
        self.sums.iter().map(Vec::as_slice)
    }
}

fn add<T: Real>(sums: &mut [T], gradients: &[T]) {
    vectorized(
        #[inline(always)]
        || {
            for (sum, &gradient) in sums.iter_mut().zip(gradients) {
                *sum += gradient;
            }
        },
    );
}
