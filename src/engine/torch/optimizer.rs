//! libtorch's own optimizers, and clipping as PyTorch does it.

use crate::training::{Accumulate, Adam, Clip, Optimizer};
use tch::{COptimizer, TchError, Tensor};

/// The optimizer, without parameters yet. libtorch refuses to be built with a rate below 0, but takes it afterwards: see
/// [`set_rate`].
pub(super) fn build(optimizer: &Optimizer) -> Result<COptimizer, TchError> {
    let lr = optimizer.lr().abs();
    match *optimizer {
        Optimizer::Sgd(sgd) => COptimizer::sgd(lr, sgd.momentum, sgd.dampening, sgd.weight_decay, sgd.nesterov),
        Optimizer::Adam(Adam { betas: [one, two], eps, weight_decay, decoupled: false, .. }) => {
            COptimizer::adam(lr, one, two, weight_decay, eps, false)
        }
        Optimizer::Adam(Adam { betas: [one, two], eps, weight_decay, decoupled: true, .. }) => {
            COptimizer::adamw(lr, one, two, weight_decay, eps, false)
        }
        Optimizer::RmsProp(rms) => {
            COptimizer::rms_prop(lr, rms.alpha, rms.eps, rms.weight_decay, rms.momentum, rms.centered)
        }
    }
}

/// Gives an optimizer that has its parameters a rate below 0, where that is what it is to have.
pub(super) fn set_rate(built: &mut COptimizer, optimizer: &Optimizer) -> Result<(), TchError> {
    let lr = optimizer.lr();
    if lr < 0.0 { built.set_learning_rate(lr) } else { Ok(()) }
}

/// The gradients of several batches, added up as `backward` adds to `.grad`: of the loss, or of `loss / n`.
pub(super) struct Gathered {
    accumulate: Accumulate,
    seen: usize,
    /// What has been gathered since the latest update.
    pub sums: Vec<Tensor>, // per parameter, its shape
}

impl Gathered {
    pub(super) fn new(accumulate: Accumulate, parameters: &[Tensor]) -> Result<Self, TchError> {
        let sums = parameters.iter().map(|parameter| parameter.f_detach()?.f_zeros_like()).collect::<Result<_, _>>()?;
        Ok(Self { accumulate, seen: 0, sums })
    }

    /// Takes in the gradients of a batch; returns whether an update has its turn.
    pub(super) fn take_in(&mut self, gradients: &[Tensor]) -> Result<bool, TchError> {
        let Accumulate { batches, mean } = self.accumulate;
        self.seen = self.seen % batches + 1;
        for (sum, gradient) in self.sums.iter_mut().zip(gradients) {
            if self.seen == 1 {
                let _ = sum.f_zero_()?;
            }
            let _ = if mean { sum.f_add_(&gradient.f_div_scalar(batches as f64)?)? } else { sum.f_add_(gradient)? };
        }
        Ok(self.seen == batches)
    }
}

/// Copies of the gradients, cut: by the lines of `torch.nn.utils.clip_grad_norm_` and `clip_grad_value_`.
pub(super) fn clipped(clip: Clip, gradients: &[Tensor]) -> Result<Vec<Tensor>, TchError> {
    match clip {
        Clip::Norm(most) => {
            let norms = gradients.iter().map(Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
            let factor = Tensor::f_stack(&norms, 0)?
                .f_norm()?
                .f_add_scalar(1e-6)?
                .f_reciprocal()?
                .f_mul_scalar(most)?
                .f_clamp_max(1.0)?;
            gradients.iter().map(|gradient| gradient.f_mul(&factor)).collect()
        }
        Clip::Value(most) => gradients.iter().map(|gradient| gradient.f_clamp(-most, most)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use tch::Kind;

    /// Norms take the processor's instructions; so few elements as these are summed alike by all of them.
    #[test]
    fn clipped_gradients_are_pythons_bit_for_bit() {
        let file = include_str!("../../../tests/fixtures/pytorch/clipping.json");
        let cases = serde_json::from_str::<Value>(file).unwrap()["cases"].as_array().unwrap().clone();
        for case in &cases {
            let kind = if case["dtype"] == "f32" { Kind::Float } else { Kind::Double };
            let tensors = |which: &str| {
                let tensor = |name: &str| {
                    let numbers = |key: &str| -> Vec<f64> {
                        case[which][name][key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
                    };
                    let shape: Vec<i64> = numbers("shape").iter().map(|&size| size as i64).collect();
                    Tensor::from_slice(&numbers("values")).to_kind(kind).view(&shape[..])
                };
                ["weight", "bias"].map(tensor)
            };
            let option = |key: &str| case["options"][key].as_f64();
            let clip = option("max_norm").map(Clip::Norm).or(option("clip_value").map(Clip::Value)).unwrap();
            for (found, python) in clipped(clip, &tensors("gradients")).unwrap().iter().zip(&tensors("clipped")) {
                assert!(found.equal(python), "{} of {}: {found} for {python}", case["name"], case["case"]);
            }
        }
        assert!(cases.len() >= 20);
    }
}
