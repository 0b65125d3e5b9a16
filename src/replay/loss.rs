//! The reported loss, and the gradient of the optimized one in the outputs, from the side's own outputs.

use super::{Exact, Replay};
use crate::training::{Loss, ReportedMeasure};

impl Replay {
    /// The reported loss of `outputs` p for `targets` t, and how far rounding may take a side from it.
    pub fn loss(&self, outputs: &[f64], targets: &[f64]) -> (f64, f64) {
        let rounding = self.rounding;
        let count = outputs.len();
        let (mut sum, mut magnitude, mut squares) = (0.0, 0.0, 0.0);
        for (output, target) in outputs.iter().zip(targets) {
            let difference = output - target;
            sum += difference;
            magnitude += difference.abs();
            squares += difference * difference;
        }
        // Each term is a subtraction (one rounding, squared two) and a product before it is summed; the factor is one
        // more product. All terms of Σ(p − t)² are positive, so the error is relative to the sum itself.
        let of_squares = rounding.sum(count) + 5.0 * rounding.unit;
        match &self.training.reported_loss.measure {
            ReportedMeasure::Loss(loss) => {
                let value = self.factor(loss, count) * squares;
                (value, of_squares * value + count as f64 * rounding.smallest)
            }
            ReportedMeasure::DeltaTimesMse => {
                // The mean's terms may cancel: its error is relative to Σ|p − t|.
                let (mean, half_squares) = (sum / count as f64, squares / 2.0);
                let of_mean = (rounding.sum(count) + 3.0 * rounding.unit) * magnitude / count as f64;
                let bound = of_mean * half_squares + (of_squares + 2.0 * rounding.unit) * (mean * half_squares).abs();
                (mean * half_squares, bound + count as f64 * rounding.smallest)
            }
        }
    }

    /// The gradient 2c(p − t) of the optimized loss c·Σ(p − t)² in the outputs.
    pub fn output_gradient(&mut self, outputs: &[f64], targets: &[f64]) -> &Exact {
        let factor = 2.0 * self.factor(&self.training.loss, outputs.len());
        let rounding = self.rounding;
        let gradient = outputs.iter().zip(targets).map(|(output, target)| factor * (output - target));
        // p − t, the factor's own rounding and its product; libtorch multiplies by a further factor or two.
        self.result.fill(gradient, |value| rounding.chain(6.0, value.abs()));
        &self.result
    }

    fn factor(&self, loss: &Loss, count: usize) -> f64 {
        let outputs = self.places.last().map_or(1, |place| place.output.elements());
        loss.reduction.factor(count as f64, count / outputs)
    }
}
