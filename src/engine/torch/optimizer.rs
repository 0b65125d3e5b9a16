//! libtorch's own optimizers, and clipping as PyTorch does it.

use crate::training::{Adam, Clip, Optimizer};
use tch::{COptimizer, TchError, Tensor};

/// The optimizer, without parameters yet.
pub(super) fn build(optimizer: &Optimizer) -> Result<COptimizer, TchError> {
    match *optimizer {
        Optimizer::Sgd(sgd) => COptimizer::sgd(sgd.lr, sgd.momentum, sgd.dampening, sgd.weight_decay, sgd.nesterov),
        Optimizer::Adam(Adam { lr, betas: [one, two], eps, weight_decay, decoupled: false }) => {
            COptimizer::adam(lr, one, two, weight_decay, eps, false)
        }
        Optimizer::Adam(Adam { lr, betas: [one, two], eps, weight_decay, decoupled: true }) => {
            COptimizer::adamw(lr, one, two, weight_decay, eps, false)
        }
        Optimizer::RmsProp(rms) => {
            COptimizer::rms_prop(rms.lr, rms.alpha, rms.eps, rms.weight_decay, rms.momentum, rms.centered)
        }
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
