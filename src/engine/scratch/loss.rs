//! The loss c·Σ(p − t)², its gradient 2c(p − t), and the reported number. Sums run in the engine's own type.

use super::Real;
use crate::training::{Loss, ReportedLoss, Training};

/// Elements summed before their sum is added to the others.
const BLOCK: usize = 128;

/// What is optimized and what is printed.
pub(super) struct Objective {
    loss: Loss,
    reported: ReportedLoss,
}

impl Objective {
    pub(super) fn new(training: &Training) -> Self {
        Self { loss: training.loss, reported: training.reported_loss }
    }

    /// The reported loss of outputs p for targets t.
    pub(super) fn report<T: Real>(&self, outputs: &[T], targets: &[T]) -> f64 {
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
        match self.reported {
            ReportedLoss::Loss(loss) => (squares * T::of(loss.factor(count))).widen(),
            ReportedLoss::DeltaTimesMse => {
                let mean = sum / T::of(count as f64);
                (mean * (squares * T::of(0.5))).widen()
            }
        }
    }

    /// Writes the gradient of the optimized loss in the outputs.
    pub(super) fn gradient<T: Real>(&self, outputs: &[T], targets: &[T], gradient: &mut [T]) {
        let factor = T::of(2.0 * self.loss.factor(outputs.len()));
        for ((gradient, &output), &target) in gradient.iter_mut().zip(outputs).zip(targets) {
            *gradient = factor * (output - target);
        }
    }
}
