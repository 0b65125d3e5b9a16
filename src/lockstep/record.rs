//! The tensors of one step of one side, copied and widened to f64 (exactly): what is compared and replayed.

use crate::{
    data::Batch,
    engine::Engine,
    error::{Error, Result},
    model::Parameter,
    tensor::{Shape, View},
};

/// One step of one side. Copies, never aliases, in buffers that are reused from step to step.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// The step, from 0.
    pub step: usize,
    /// The pass over the data, from 0.
    pub epoch: usize,
    /// Rows of the batch.
    pub rows: usize,
    /// Whether it was for evaluation, not for training.
    pub evaluation: bool,
    /// `[rows, inputs]`
    pub inputs: Vec<f64>,
    /// `[rows, target columns]`
    pub targets: Vec<f64>,
    /// What the definition's dropout layers multiply their inputs by, each `[rows, width]`.
    pub masks: Vec<Vec<f64>>,
    /// Each buffer before the forward phase.
    pub buffers_before: Vec<Vec<f64>>,
    /// Each buffer after it.
    pub buffers: Vec<Vec<f64>>,
    /// Each parameter before the update.
    pub before: Vec<Vec<f64>>,
    /// Each layer's output, `[rows, width]`.
    pub activations: Vec<Vec<f64>>,
    /// The reported loss.
    pub loss: f64,
    /// The outputs of the weights after the update, in evaluation, where either side reports the loss of those.
    pub looked: Vec<f64>, // [rows, outputs]
    /// `[rows, outputs]`
    pub output_gradient: Vec<f64>,
    /// The gradient in each parameter.
    pub gradients: Vec<Vec<f64>>,
    /// Each parameter's change, after − before, in f64.
    pub updates: Vec<Vec<f64>>,
    /// Each parameter after the update.
    pub after: Vec<Vec<f64>>,
}

impl StepRecord {
    /// Before the first phase: the batch, and the weights that the step starts from.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn begin(&mut self, engine: &dyn Engine, batch: &Batch<'_>) -> Result<()> {
        (self.rows, self.evaluation) = (batch.rows(), !batch.training);
        batch.inputs.widen_into(&mut self.inputs);
        batch.targets.widen_into(&mut self.targets);
        self.masks.resize_with(batch.masks.len(), Vec::new);
        self.masks.iter_mut().zip(batch.masks).for_each(|(kept, mask)| mask.widen_into(kept));
        copy_each(engine, "buffer", engine.buffers(), &mut self.buffers_before, |index| engine.buffer(index))?;
        self.weights(engine)
    }

    /// Before the update: the weights that the step starts from.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn weights(&mut self, engine: &dyn Engine) -> Result<()> {
        copy_each(engine, "parameter", engine.parameters(), &mut self.before, |index| engine.parameter(index))
    }

    /// Before the update: everything that the step computed. `widths` are the layers'.
    ///
    /// # Errors
    /// If the engine lends a tensor of another shape than its model's.
    pub fn computed(&mut self, engine: &dyn Engine, widths: &[usize], loss: f64) -> Result<()> {
        self.loss = loss;
        self.activations.resize_with(widths.len(), Vec::new);
        for (layer, (activation, &width)) in self.activations.iter_mut().zip(widths).enumerate() {
            copy(engine, "activation", engine.activation(layer), Shape::new(&[self.rows, width]), activation)?;
        }
        let outputs = Shape::new(&[self.rows, widths.last().copied().unwrap_or_default()]);
        copy(engine, "output gradient", engine.output_gradient(), outputs, &mut self.output_gradient)?;
        copy_each(engine, "buffer", engine.buffers(), &mut self.buffers, |index| engine.buffer(index))?;
        self.gradients(engine)
    }

    /// Before the update of a step that is not compared, where an optimizer has a state.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn gradients(&mut self, engine: &dyn Engine) -> Result<()> {
        copy_each(engine, "gradient", engine.parameters(), &mut self.gradients, |index| engine.gradient(index))
    }

    /// After the update: the new weights, and their change.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn updated(&mut self, engine: &dyn Engine) -> Result<()> {
        copy_each(engine, "parameter", engine.parameters(), &mut self.after, |index| engine.parameter(index))?;
        self.updates.resize_with(self.after.len(), Vec::new);
        for ((update, after), before) in self.updates.iter_mut().zip(&self.after).zip(&self.before) {
            update.clear();
            update.extend(after.iter().zip(before).map(|(after, before)| after - before));
        }
        Ok(())
    }

    /// After the update, where either side reports the loss of the new weights: their outputs, and what this side prints.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn looked(&mut self, engine: &dyn Engine, widths: &[usize], loss: f64) -> Result<()> {
        self.loss = loss;
        let (last, width) = (widths.len() - 1, widths.last().copied().unwrap_or_default());
        copy(engine, "activation", engine.activation(last), Shape::new(&[self.rows, width]), &mut self.looked)
    }

    /// What reaches a layer: the batch's inputs, or the output of the layer before.
    pub fn input(&self, layer: usize) -> &[f64] {
        if layer == 0 { &self.inputs } else { &self.activations[layer - 1] }
    }

    /// The model's output, `[rows, outputs]`.
    pub fn output(&self) -> &[f64] {
        self.activations.last().map_or(&[], Vec::as_slice)
    }
}

/// Copies a tensor for every parameter, or every buffer, of an engine.
fn copy_each<'a>(
    engine: &'a dyn Engine,
    what: &str,
    parameters: &[Parameter],
    kept: &mut Vec<Vec<f64>>,
    lent: impl Fn(usize) -> View<'a>,
) -> Result<()> {
    kept.resize_with(parameters.len(), Vec::new);
    for (index, (kept, parameter)) in kept.iter_mut().zip(parameters).enumerate() {
        copy(engine, what, lent(index), parameter.shape, kept)?;
    }
    Ok(())
}

/// Copies a tensor that an engine lends, if it has the shape that its model says.
fn copy(engine: &dyn Engine, what: &str, lent: View<'_>, shape: Shape, kept: &mut Vec<f64>) -> Result<()> {
    if lent.shape != shape || lent.len() != shape.elements() {
        return Err(Error::Engine {
            engine: engine.describe().name,
            operation: format!("lend a tensor ({what})"),
            message: format!("its model says {shape}, it is {} with {} elements", lent.shape, lent.len()),
        });
    }
    lent.widen_into(kept);
    Ok(())
}
