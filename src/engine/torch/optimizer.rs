//! libtorch's own optimizers.

use crate::training::Optimizer;
use tch::{COptimizer, TchError};

/// The optimizer, without parameters yet.
pub(super) fn build(optimizer: &Optimizer) -> Result<COptimizer, TchError> {
    match *optimizer {
        Optimizer::Sgd(sgd) => COptimizer::sgd(sgd.lr, sgd.momentum, sgd.dampening, sgd.weight_decay, sgd.nesterov),
        _ => todo!("in libtorch"),
    }
}
