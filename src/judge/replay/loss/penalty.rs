//! Penalties: weight·Σ|w| or weight·Σw² in the loss, weight·sign(w) or weight·2w in the gradients.

use super::{Exact, Parameters, Replay, Sum};
use crate::training::Norm;

impl Replay {
    /// A loss with its bound, and the penalties added.
    pub(super) fn penalized(&self, (mut loss, mut bound): (f64, f64), parameters: Parameters<'_>) -> (f64, f64) {
        let rounding = self.rounding;
        for penalty in &self.training.penalties {
            let weight = penalty.weight(&self.parameters);
            let mut sum = Sum::new(rounding);
            for (index, _) in self.parameters.iter().enumerate().filter(|(_, parameter)| penalty.takes(parameter)) {
                for w in parameters(index) {
                    sum.add(match penalty.norm {
                        Norm::L1 => (w.abs(), 0.0),
                        Norm::L2 => (w * w, rounding.chain(1.0, w * w)),
                    });
                }
            }
            // The factor, the number of elements and their quotient round, and the product.
            let value = weight * sum.total();
            bound += weight.abs() * sum.bound(rounding) + rounding.chain(4.0, value.abs());
            bound += rounding.chain(1.0, loss.abs() + value.abs());
            loss += value;
        }
        (loss, bound)
    }

    /// Adds the penalties' gradients to those of the layers.
    pub(in crate::judge::replay) fn penalize(&mut self, parameters: Parameters<'_>) {
        let rounding = self.rounding;
        for penalty in &self.training.penalties {
            let weight = penalty.weight(&self.parameters);
            let all = self.parameters.iter().zip(&mut self.gradients).enumerate();
            for (index, (_, Exact { value, bound })) in all.filter(|(_, (parameter, _))| penalty.takes(parameter)) {
                for ((value, bound), w) in value.iter_mut().zip(bound).zip(parameters(index)) {
                    let added = match penalty.norm {
                        Norm::L1 => weight * f64::from(i8::from(*w > 0.0) - i8::from(*w < 0.0)),
                        Norm::L2 => weight * 2.0 * w,
                    };
                    if added == 0.0 {
                        continue;
                    }
                    // The factor, the number of elements, their quotient and the product, then the sum, in any order of
                    // several.
                    let magnitude = value.abs() + added.abs();
                    *bound += rounding.chain(4.0, added.abs()) + rounding.chain(1.0, magnitude);
                    *value += added;
                }
            }
        }
    }
}
