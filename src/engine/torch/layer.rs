//! Layers: libtorch's operations, autograd remembers what the way back needs.

use crate::model::{self, BatchNorm, Place};
use tch::{TchError, Tensor};

/// What layers share while a batch passes; a layer's own are found by its [`Place`].
pub(super) struct Pass<'a> {
    /// Every parameter.
    pub(super) trained: &'a [Tensor],
    /// Every buffer.
    pub(super) buffers: &'a [Tensor],
    /// For each dropout layer what its input is multiplied by; none where dropout is off.
    pub(super) masks: &'a [Tensor],
    /// Whether this is training, not evaluation.
    pub(super) training: bool,
}

/// The output of the layer at a place, for `input`.
pub(super) fn forward(place: &Place, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
    let trained = &pass.trained[place.parameters.clone()];
    let buffers = &pass.buffers[place.buffers.clone()];
    match place.layer {
        model::Layer::Linear(_) => input.f_linear(&trained[0], trained.get(1)),
        model::Layer::Sigmoid => input.f_sigmoid(),
        model::Layer::Tanh => input.f_tanh(),
        model::Layer::Relu => input.f_relu(),
        model::Layer::Dropout(_) => match place.mask.and_then(|mask| pass.masks.get(mask)) {
            Some(mask) => input.f_mul(mask),
            None => input.f_view_as(input),
        },
        model::Layer::BatchNorm(BatchNorm { norm, momentum }) => input.f_batch_norm(
            trained.first(),
            trained.get(1),
            buffers.first(),
            buffers.get(1),
            pass.training,
            momentum,
            norm.eps,
            false,
        ),
        _ => todo!("{} in libtorch", place.layer),
    }
}
