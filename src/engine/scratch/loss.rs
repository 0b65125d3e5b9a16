//! The loss c·Σ(p − t)², its gradient 2c(p − t), and the reported number. Sums run in the engine's own type.

use super::{Real, Trained};
use crate::{
    error::Result,
    training::{Loss, ReportedMeasure, Training},
};
use std::marker::PhantomData;

/// Elements summed before their sum is added to the others.
const BLOCK: usize = 128;

/// What is optimized and what is printed.
pub(super) struct Objective<T> {
    training: Training,
    outputs: usize,
    kind: PhantomData<T>,
}

impl<T: Real> Objective<T> {
    /// The objective of a training, for batches of at most `capacity` rows of `outputs` columns.
    pub(super) fn new(training: &Training, outputs: usize, capacity: usize) -> Self {
        let _ = capacity;
        Self { training: training.clone(), outputs, kind: PhantomData }
    }

    /// The reported loss of outputs p for targets t.
    ///
    /// # Errors
    /// If a target is no class.
    pub(super) fn report(&self, outputs: &[T], targets: &[T], trained: &[Trained<T>]) -> Result<f64> {
        let _ = trained;
        let count = outputs.len();
        let (mut sum, mut squares) = (T::zero(), T::zero());
        // In blocks, so that the error grows with the length of a block and the number of blocks, not their product.
        for (outputs, targets) in outputs.chunks(BLOCK).zip(targets.chunks(BLOCK)) {
            let (mut block_sum, mut block_squares) = (T::zero(), T::zero());
            for (&output, &target) in outputs.iter().zip(targets) {
                let difference = output - target;
                block_sum += difference;
                block_squares += difference * difference;
            }
            sum += block_sum;
            squares += block_squares;
        }
        Ok(match &self.training.reported_loss.measure {
            ReportedMeasure::Loss(loss) => (squares * T::of(self.factor(loss, count))).widen(),
            ReportedMeasure::DeltaTimesMse => {
                let mean = sum / T::of(count as f64);
                (mean * (squares * T::of(0.5))).widen()
            }
        })
    }

    fn factor(&self, loss: &Loss, count: usize) -> f64 {
        loss.reduction.factor(count as f64, count / self.outputs)
    }

    /// Writes the gradient of the optimized loss in the outputs.
    pub(super) fn gradient(&self, outputs: &[T], targets: &[T], gradient: &mut [T]) {
        let factor = T::of(2.0 * self.factor(&self.training.loss, outputs.len()));
        for ((gradient, &output), &target) in gradient.iter_mut().zip(outputs).zip(targets) {
            *gradient = factor * (output - target);
        }
    }

    /// Adds the gradient of the penalties to those of the parameters.
    pub(super) fn penalize(&self, trained: &mut [Trained<T>]) {
        let _ = trained;
    }
}
