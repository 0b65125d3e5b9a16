//! Layers: what each computes forward, and the gradients it passes back.

mod activation;
mod linear;

use activation::Each;

use super::{Real, Trained};
use crate::model::{self, Model};

/// A layer of the engine. All slices are row-major with `rows` rows.
pub(super) trait Layer<T>: Send {
    /// Writes the output for `input`.
    fn forward(&self, trained: &[Trained<T>], input: &[T], output: &mut [T], rows: usize);

    /// Writes the gradients in the layer's parameters and, unless it is the first layer, in its input.
    fn backward(
        &self,
        trained: &mut [Trained<T>],
        input: &[T],
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
        rows: usize,
    );
}

/// The layers of `model`; linear ones are told which parameters are theirs.
pub(super) fn build<T: Real>(model: &Model) -> Vec<Box<dyn Layer<T>>> {
    let mut next = 0;
    let mut layers: Vec<Box<dyn Layer<T>>> = Vec::with_capacity(model.layers.len());
    for layer in &model.layers {
        layers.push(match *layer {
            model::Layer::Linear(sizes) => {
                let weight = next;
                next += 1 + usize::from(sizes.bias);
                Box::new(linear::Linear { sizes, weight })
            }
            model::Layer::Sigmoid => Box::new(Each(activation::Sigmoid)),
            model::Layer::Tanh => Box::new(Each(activation::Tanh)),
            model::Layer::Relu => Box::new(Each(activation::Relu)),
        });
    }
    layers
}
