//! What can train a model: the [`Engine`] trait, one call per phase, and the engines that implement it.
//!
//! An engine is built from a [`Model`] and a [`Training`] alone, so that the two sides cannot drift apart by hand.
//! It lends its tensors through [`View`]s; whoever compares reads them in place between two phases.

mod check;
pub mod faulty;
mod recorded;
mod saved;
pub mod scratch;
#[cfg(feature = "torch")]
pub mod torch;

use crate::{
    data::{Batch, Inputs},
    error::{Error, Result},
    experiment::Side,
    model::{Parameter, Place},
    tensor::{DType, View},
};
pub use check::check;
pub use recorded::Recorded;
pub use saved::Saved;
use std::fmt;

/// What an engine is, for legends, reports and verdict.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `libtorch`, `scratch`…
    pub name: String,
    /// Its version.
    pub version: String,
    /// The type it computes in.
    pub dtype: DType,
    /// Where it computes: `cpu`.
    pub device: String,
    /// How many threads it uses.
    pub threads: usize,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.version, self.dtype)
    }
}

/// What an engine has of a step beside the weights that it ends with. Whoever judges works out what it does not have, from
/// what it has, and judges the rest together with what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lends {
    /// [`Engine::activation`], of every layer.
    pub activations: bool,
    /// What [`Engine::loss`] returns.
    pub loss: bool,
    /// [`Engine::output_gradient`].
    pub output_gradient: bool,
    /// [`Engine::gradient`], of every parameter.
    pub gradients: bool,
    /// Its buffers.
    pub buffers: bool,
    /// Whether it computes batches in evaluation mode.
    pub evaluation: bool,
    /// Whether what it takes for a step is the time of one.
    pub times: bool,
}

impl Lends {
    /// Everything, as an engine that trains has it.
    pub const ALL: Self = Self {
        activations: true,
        loss: true,
        output_gradient: true,
        gradients: true,
        buffers: true,
        evaluation: true,
        times: true,
    };

    /// What two of them have in common.
    #[must_use]
    pub fn both(self, other: Self) -> Self {
        Self {
            activations: self.activations && other.activations,
            loss: self.loss && other.loss,
            output_gradient: self.output_gradient && other.output_gradient,
            gradients: self.gradients && other.gradients,
            buffers: self.buffers && other.buffers,
            evaluation: self.evaluation && other.evaluation,
            times: self.times && other.times,
        }
    }

    /// Whether everything is there that a step computes.
    pub fn is_whole(&self) -> bool {
        self.activations && self.loss && self.output_gradient && self.gradients && self.buffers
    }
}

/// An engine in training. The phases of a step are called in order: [`forward`](Self::forward),
/// [`loss`](Self::loss), [`backward`](Self::backward), [`update`](Self::update).
///
/// Views are valid until the next call that takes `&mut self`. Tensors of a step (activations, gradients) are those
/// of the latest step; before the first they may be empty or anything. An engine that does not have all of them says so
/// ([`lends`](Self::lends)), and need not write those methods.
pub trait Engine {
    /// What this engine is.
    fn describe(&self) -> Description;

    /// Says how many threads it may use from now on: one until it is told otherwise. It may take fewer, as
    /// [`describe`](Self::describe) then says; one that knows no threads stays with one.
    fn set_threads(&mut self, threads: usize) {
        let _ = threads;
    }

    /// Refuses what this engine does not do, instead of doing something else: a layer, a loss, an optimizer, a setting.
    /// Asked once, before anything runs.
    ///
    /// # Errors
    /// [`Error::Engine`], which says what and what to write instead.
    fn supports(&self, side: &Side) -> Result<()>;

    /// What it has of a step beside the weights that this ends with; the same from the start to the end. What is not there is not
    /// asked for.
    fn lends(&self) -> Lends {
        Lends::ALL
    }

    /// What it trains, in `state_dict` order, then what it keeps beside: the running statistics of batch norm, which are
    /// not `trained`. Every other method means a tensor by its place in this list.
    fn tensors(&self) -> &[Parameter];

    /// Replaces the values of a tensor. The state of the optimizer stays.
    ///
    /// # Errors
    /// If the view's shape or type is not the tensor's.
    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()>;

    /// The values of a tensor.
    fn tensor(&self, tensor: usize) -> View<'_>;

    /// Computes every layer's output for a batch in the engine's own type: in training, or as `batch.training` says in
    /// evaluation, where dropout is off (there are no masks) and batch norm uses and keeps its running statistics.
    ///
    /// # Errors
    /// If the engine refuses, with its own words.
    fn forward(&mut self, batch: &Batch<'_>) -> Result<()>;

    /// Computes the loss of the latest outputs; returns the reported one.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64>;

    /// Computes the gradient of the optimized loss in the outputs and in every parameter.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn backward(&mut self) -> Result<()>;

    /// Changes the parameters by the optimizer's rule; where gradients accumulate, at every n-th call alone.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn update(&mut self) -> Result<()>;

    /// One whole step on a batch; returns the reported loss. Nobody is to look at gradients in between or afterwards:
    /// an engine may change parameters as their gradients come, and never write those down.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn step(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.forward(batch)?;
        let loss = self.loss(batch)?;
        self.backward()?;
        self.update()?;
        Ok(loss)
    }

    /// What forward, loss, backward and update of the latest step took, in nanoseconds, where that was measured elsewhere.
    fn took(&self) -> Option<[u64; 4]> {
        None
    }

    /// Those of [`tensors`](Self::tensors) that it trains: the first ones.
    fn parameters(&self) -> &[Parameter] {
        let all = self.tensors();
        &all[..all.partition_point(|tensor| tensor.trained)]
    }

    /// Those that it keeps beside.
    fn buffers(&self) -> &[Parameter] {
        &self.tensors()[self.parameters().len()..]
    }

    /// The values of one of these.
    fn buffer(&self, buffer: usize) -> View<'_> {
        self.tensor(self.parameters().len() + buffer)
    }

    /// The gradient in a parameter, in the parameter's shape, before any clipping: that of the optimized loss, its
    /// penalty included.
    fn gradient(&self, parameter: usize) -> View<'_> {
        let _ = parameter;
        View::nothing()
    }

    /// The output of a layer: `[batch, width]`. The last layer's is the model's output.
    fn activation(&self, layer: usize) -> View<'_> {
        let _ = layer;
        View::nothing()
    }

    /// The gradient in the model's output: `[batch, outputs]`.
    fn output_gradient(&self) -> View<'_> {
        View::nothing()
    }

    /// The gradient of the optimized loss in the output of a layer, `[batch, width]`, where the engine has it: with these a
    /// wrong derivative is put at its layer.
    fn activation_gradient(&self, layer: usize) -> Option<View<'_>> {
        let _ = layer;
        None
    }
}

/// The error of an engine that is given a tensor it has no place for.
pub(crate) fn misfit(engine: &str, parameter: &Parameter, dtype: DType, values: &View<'_>) -> Error {
    Error::Engine {
        engine: engine.to_owned(),
        operation: format!("load {}", parameter.name),
        message: format!("takes {} {dtype}, was given {} {}", parameter.shape, values.shape, values.dtype()),
    }
}

/// What every engine refuses in the same words: a batch that a layer of the model has no answer for.
pub(crate) fn refuse_unanswered(engine: &str, places: &[Place], batch: &Batch<'_>) -> Result<()> {
    let refused = |message| {
        let operation = format!("forward of inputs {}", batch.inputs.shape());
        Err(Error::Engine { engine: engine.to_owned(), operation, message })
    };
    if batch.rows() == 0 {
        return refused("a batch has one row at least".to_owned());
    }
    if batch.training && batch.rows() == 1 {
        let norm = places.iter().enumerate().find(|(_, place)| place.facts.needs_rows);
        if let Some((index, Place { layer, input, .. })) = norm {
            return refused(format!(
                "layer {index} ({layer}): Expected more than 1 value per channel when training, got input size \
                 [1, {}]; use a batch_size that leaves no batch of one row",
                input.elements()
            ));
        }
    }
    let Some(words) = places.first().and_then(|place| place.facts.words) else { return Ok(()) };
    let Inputs::Dense(View { values, .. }) = batch.inputs else {
        return refused("layer 0 takes the numbers of words, not sparse rows".to_owned());
    };
    match values.position(|word| !(word >= 0.0 && word < words as f64 && word.fract() == 0.0)) {
        None => Ok(()),
        Some(place) => {
            let (word, index) = (values.at(place), batch.inputs.shape().index(place));
            refused(format!(
                "{word} at {index:?} is no number of one of the {words} words of layer 0, 0 to {}",
                words - 1
            ))
        }
    }
}
