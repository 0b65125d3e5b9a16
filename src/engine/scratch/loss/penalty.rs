//! Penalties on large weights: weight·Σ|w| or weight·Σw² over the parameters that count, with gradients weight·sign(w),
//! which is 0 at 0, and weight·2w.

use super::{Real, Sum, elements::sign};
use crate::{
    engine::scratch::{Trained, flat, flat_mut},
    model::Parameter,
    training::{Norm, Penalty},
};

/// A penalty in the engine's type.
pub(super) struct Weighed<T> {
    norm: Norm,
    weight: T,
    taken: Vec<bool>, // per parameter
}

impl<T: Real> Weighed<T> {
    pub(super) fn new(penalty: Penalty, parameters: &[Parameter]) -> Self {
        Self {
            norm: penalty.norm,
            weight: T::of(penalty.weight(parameters)),
            taken: parameters.iter().map(|parameter| penalty.takes(parameter)).collect(),
        }
    }

    pub(super) fn value(&self, trained: &[Trained<T>]) -> T {
        let mut sum = Sum::new();
        for (trained, _) in trained.iter().zip(&self.taken).filter(|(_, taken)| **taken) {
            match self.norm {
                Norm::L1 => flat(&trained.value).iter().for_each(|w| sum.add(w.abs())),
                Norm::L2 => flat(&trained.value).iter().for_each(|&w| sum.add(w * w)),
            }
        }
        self.weight * sum.total()
    }

    pub(super) fn penalize(&self, trained: &mut [Trained<T>]) {
        let twice = self.weight + self.weight;
        for (Trained { value, gradient }, _) in trained.iter_mut().zip(&self.taken).filter(|(_, taken)| **taken) {
            let pairs = flat_mut(gradient).iter_mut().zip(flat(value));
            match self.norm {
                Norm::L1 => pairs.for_each(|(gradient, &w)| *gradient += self.weight * sign(w)),
                Norm::L2 => pairs.for_each(|(gradient, &w)| *gradient += twice * w),
            }
        }
    }
}
