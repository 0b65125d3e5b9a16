//! Layers: libtorch's operations, autograd remembers what the way back needs.

use crate::model::{self, Model};
use tch::{TchError, Tensor};

/// A layer of the engine.
pub(super) enum Layer {
    /// y = x·Wᵀ + b; the parameters are the engine's number `weight` and, with a bias, the one after it.
    Linear { weight: usize, bias: bool },
    /// σ(x).
    Sigmoid,
    /// tanh(x).
    Tanh,
    /// max(0, x).
    Relu,
}

/// The layers of `model`; linear ones are told which parameters are theirs.
pub(super) fn build(model: &Model) -> Vec<Layer> {
    let mut next = 0;
    let mut layers = Vec::with_capacity(model.layers.len());
    for layer in &model.layers {
        layers.push(match layer {
            model::Layer::Linear(linear) => {
                let weight = next;
                next += 1 + usize::from(linear.bias);
                Layer::Linear { weight, bias: linear.bias }
            }
            model::Layer::Sigmoid => Layer::Sigmoid,
            model::Layer::Tanh => Layer::Tanh,
            model::Layer::Relu => Layer::Relu,
        });
    }
    layers
}

impl Layer {
    /// The output for `input`: `[batch, inputs]` to `[batch, outputs]`.
    pub(super) fn forward(&self, trained: &[Tensor], input: &Tensor) -> Result<Tensor, TchError> {
        match *self {
            Self::Linear { weight, bias } => input.f_linear(&trained[weight], bias.then(|| &trained[weight + 1])),
            Self::Sigmoid => input.f_sigmoid(),
            Self::Tanh => input.f_tanh(),
            Self::Relu => input.f_relu(),
        }
    }
}
