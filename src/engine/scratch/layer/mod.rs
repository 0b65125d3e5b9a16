//! Layers: what each computes forward, and the gradients it passes back.

mod activation;
mod batch_norm;
mod dropout;
mod embedding;
mod flatten;
mod gelu;
mod layer_norm;
mod linear;
mod smooth;
mod softmax;

use super::{Kernels, Real, Rule, Trained};
use crate::{
    data::Sparse,
    error::{Error, Result},
    model::{self, Place},
    tensor::View,
    training::Fault,
};
use activation::Each;

/// A layer of the engine, for batches of at most so many rows as it was built for.
pub(super) trait Layer<T>: Send {
    /// Writes the output for `input`, and keeps what the way back needs beside the two.
    ///
    /// # Errors
    /// If the input is of a kind that the layer does not take.
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()>;

    /// Writes the gradients in the layer's parameters and, unless it is the first layer, in its input.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn backward(
        &mut self,
        pass: &mut Pass<'_, T>,
        input: Input<'_, T>,
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()>;
}

/// What layers share while a batch passes. A layer's own parameters, buffers and mask are found by its
/// [`Place`].
pub(super) struct Pass<'a, T> {
    /// Every parameter, with its gradient.
    pub(super) trained: &'a mut [Trained<T>],
    /// Every buffer.
    pub(super) buffers: &'a mut [Vec<T>],
    /// Rows of the batch.
    pub(super) rows: usize,
    /// Whether this is training, not evaluation.
    pub(super) training: bool,
    /// For each dropout layer what its input is multiplied by; none where dropout is off.
    pub(super) masks: &'a [View<'a>],
    /// What products are worked out by.
    pub(super) kernels: &'a mut Kernels<T>,
    /// What changes parameters as their gradients come, where nobody is to look at those.
    pub(super) rule: Option<&'a mut Rule<T>>,
}

/// What reaches a layer, row-major.
pub(super) enum Input<'a, T> {
    /// Every element.
    Dense(&'a [T]),
    /// What is not 0, of a batch's inputs: `values` are those that `rows` counts.
    Sparse { rows: Sparse<'a>, values: &'a [T] },
}

impl<T> Clone for Input<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Input<'_, T> {}

impl<'a, T> Input<'a, T> {
    /// Every element, for layers that take nothing else.
    fn dense(self) -> Result<&'a [T]> {
        match self {
            Self::Dense(values) => Ok(values),
            Self::Sparse { .. } => Err(Error::Engine {
                engine: "scratch".to_owned(),
                operation: "forward of sparse rows".to_owned(),
                message: "only a linear layer takes them; let one come first".to_owned(),
            }),
        }
    }
}

/// The layer at a place of a model, for batches of at most `capacity` rows, with the `faults` that are its own.
pub(super) fn build<T: Real>(place: &Place, capacity: usize, faults: &[Fault]) -> Box<dyn Layer<T>> {
    let weight = place.parameters.start;
    let makes = |fault: Fault| faults.contains(&fault);
    let softmax = |axis, log| {
        let (columns, stable) = (place.output.elements(), !makes(Fault::UnstableSoftmax));
        Box::new(softmax::Softmax { axis, columns, log, stable })
    };
    match place.layer {
        model::Layer::Linear(sizes) => Box::new(linear::Linear { sizes, weight }),
        model::Layer::Sigmoid if makes(Fault::SigmoidDerivativeOfOutput) => Box::new(Each(activation::SigmoidOfOutput)),
        model::Layer::Sigmoid => Box::new(Each(activation::Sigmoid)),
        model::Layer::Tanh => Box::new(Each(activation::Tanh)),
        model::Layer::Relu if makes(Fault::ReluDerivativeOneAtZero) => Box::new(Each(activation::ReluOneAtZero)),
        model::Layer::Relu => Box::new(Each(activation::Relu)),
        model::Layer::LeakyRelu { slope } => Box::new(Each(activation::LeakyRelu { slope: T::of(slope) })),
        model::Layer::Gelu(model::Gelu::Erf) => Box::new(Each(gelu::Erf)),
        model::Layer::Gelu(model::Gelu::Tanh) => Box::new(Each(gelu::Tanh)),
        model::Layer::Silu => Box::new(Each(smooth::Silu)),
        model::Layer::Softplus { beta, threshold } => {
            Box::new(Each(smooth::Softplus { beta: T::of(beta), threshold: T::of(threshold) }))
        }
        model::Layer::Softmax(axis) => softmax(axis, false),
        model::Layer::LogSoftmax(axis) => softmax(axis, true),
        model::Layer::Dropout(_) => Box::new(dropout::Dropout::new(place, capacity)),
        model::Layer::LayerNorm(norm) => Box::new(layer_norm::LayerNorm::new(norm, place, capacity)),
        model::Layer::BatchNorm(options) => Box::new(batch_norm::BatchNorm::new(options, place)),
        model::Layer::Embedding(table) => Box::new(embedding::Embedding { table, weight }),
        model::Layer::EmbeddingBag(table, bag) => {
            Box::new(embedding::EmbeddingBag { table, bag, words: place.input.elements(), weight })
        }
        model::Layer::Flatten => Box::new(flatten::Flatten),
    }
}

#[cfg(test)]
mod tests;
