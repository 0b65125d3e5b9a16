//! Layers: libtorch's operations, autograd remembers what the way back needs.

use crate::model::{self, Axis, Bag, BatchNorm, Gelu, Place};
use tch::{Kind, TchError, Tensor};

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
        // The same function: tch's leaky_relu takes no slope.
        model::Layer::LeakyRelu { slope } => {
            input.f_prelu(&Tensor::f_full([1], slope, (input.kind(), input.device()))?)
        }
        model::Layer::Gelu(Gelu::Erf) => input.f_gelu("none"),
        model::Layer::Gelu(Gelu::Tanh) => input.f_gelu("tanh"),
        model::Layer::Silu => input.f_silu(),
        model::Layer::Softplus { beta, threshold } => softplus(input, beta, threshold),
        model::Layer::Softmax(axis) => input.f_softmax(dimension(axis), None::<Kind>),
        model::Layer::LogSoftmax(axis) => input.f_log_softmax(dimension(axis), None::<Kind>),
        model::Layer::Dropout(_) => match place.mask.and_then(|mask| pass.masks.get(mask)) {
            Some(mask) => input.f_mul(&mask.f_view_as(input)?),
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
        model::Layer::LayerNorm(norm) => {
            input.f_layer_norm([norm.columns as i64], trained.first(), trained.get(1), norm.eps, false)
        }
        model::Layer::Embedding(_) => {
            Tensor::f_embedding(&trained[0], &input.f_to_kind(Kind::Int64)?, -1, false, false)
        }
        model::Layer::EmbeddingBag(_, bag) => {
            let words = input.f_to_kind(Kind::Int64)?;
            let length = place.input.elements();
            // As `nn.EmbeddingBag` makes them of a matrix: every row is a bag.
            let starts: Vec<i64> = (0..words.numel()).step_by(length).map(|start| start as i64).collect();
            let (words, starts) = (words.f_view([-1])?, Tensor::f_from_slice(&starts)?);
            let mode = i64::from(bag == Bag::Mean);
            Tensor::f_embedding_bag(&trained[0], &words, &starts, false, mode, false, None::<&Tensor>, false)
                .map(|(output, ..)| output)
        }
        model::Layer::Flatten => input.f_flatten(1, -1),
    }
}

/// PyTorch's `dim`.
fn dimension(axis: Axis) -> i64 {
    i64::from(axis == Axis::Columns)
}

/// tch's softplus takes no options; with others than PyTorch's defaults it is put together from its parts.
fn softplus(input: &Tensor, beta: f64, threshold: f64) -> Result<Tensor, TchError> {
    if (beta, threshold) == (1.0, 20.0) {
        return input.f_softplus();
    }
    let scaled = input.f_mul_scalar(beta)?;
    let smooth = scaled.f_clamp_max(threshold)?.f_exp()?.f_log1p()?.f_div_scalar(beta)?;
    input.f_where_self(&scaled.f_gt(threshold)?, &smooth)
}
