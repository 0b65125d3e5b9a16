//! The tensors of one step of one side: copied as they are held ([`Snapshot`]), and widened to f64 (exactly) where the
//! step is replayed ([`StepRecord`]).

use crate::{
    data::Batch,
    engine::Engine,
    error::{Error, Result},
    model::Parameter,
    tensor::{DType, Owned, Shape, Values, View},
};
use std::collections::BTreeMap;

/// Copies of what a step worked on, in the engine's own type: all that its record needs and an update may change. In
/// buffers that are reused from step to step.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Each parameter before the update.
    pub before: Vec<Owned>,
    /// Each buffer before the forward phase.
    pub buffers_before: Vec<Owned>,
    /// Each layer's output, `[rows, width]`.
    pub activations: Vec<Owned>,
    /// Each buffer after the forward phase.
    pub buffers: Vec<Owned>,
    /// `[rows, outputs]`
    pub output_gradient: Owned,
    /// The gradient in each layer's output; empty where the engine does not lend it.
    pub activation_gradients: Vec<Owned>, // [rows, width]
    /// The gradient in each parameter.
    pub gradients: Vec<Owned>,
    /// The outputs of the weights after the update, where either side reports the loss of those.
    pub looked: Owned, // [rows, outputs]
}

impl Snapshot {
    /// Before the first phase: the weights that the step starts from.
    ///
    /// # Errors
    /// If the engine lends a tensor of another shape than its model's.
    pub(super) fn weights(&mut self, engine: &dyn Engine) -> Result<()> {
        keep_each(engine, "parameter", engine.parameters(), &mut self.before, |index| engine.tensor(index))
    }

    /// Before the first phase: the buffers.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub(super) fn buffers_before(&mut self, engine: &dyn Engine) -> Result<()> {
        keep_each(engine, "buffer", engine.buffers(), &mut self.buffers_before, |index| engine.buffer(index))
    }

    /// Before the update: everything that the step computed on so many rows. `widths` are the layers'.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub(super) fn computed(&mut self, engine: &dyn Engine, rows: usize, widths: &[usize]) -> Result<()> {
        let lends = engine.lends();
        self.activations.resize_with(widths.len(), Owned::default);
        for (layer, (activation, &width)) in self.activations.iter_mut().zip(widths).enumerate() {
            if lends.activations {
                let lent = fitting(engine, "activation", engine.activation(layer), Shape::new(&[rows, width]))?;
                activation.copy(lent.values);
            }
        }
        self.activation_gradients.resize_with(widths.len(), Owned::default);
        for (layer, (gradient, &width)) in self.activation_gradients.iter_mut().zip(widths).enumerate() {
            match engine.activation_gradient(layer) {
                None => gradient.copy(Values::F64(&[])),
                Some(lent) => {
                    let lent = fitting(engine, "activation gradient", lent, Shape::new(&[rows, width]))?;
                    gradient.copy(lent.values);
                }
            }
        }
        if lends.output_gradient {
            let outputs = Shape::new(&[rows, widths.last().copied().unwrap_or_default()]);
            let lent = fitting(engine, "output gradient", engine.output_gradient(), outputs)?;
            self.output_gradient.copy(lent.values);
        }
        keep_each(engine, "buffer", engine.buffers(), &mut self.buffers, |index| engine.buffer(index))?;
        if !lends.gradients {
            self.gradients.resize_with(engine.parameters().len(), Owned::default);
            return Ok(());
        }
        keep_each(engine, "gradient", engine.parameters(), &mut self.gradients, |index| engine.gradient(index))
    }

    /// The weights that the step starts from, where they are those of another side, converted.
    pub(super) fn weights_of<'a>(&mut self, others: impl Iterator<Item = Values<'a>>, dtype: DType) {
        let mut count = 0;
        for (index, values) in others.enumerate() {
            if self.before.len() == index {
                self.before.push(Owned::new(dtype));
            }
            if values.dtype() == dtype {
                self.before[index].copy(values);
            } else {
                self.before[index] = Owned::new(dtype);
                self.before[index].assign(values);
            }
            count = index + 1;
        }
        self.before.truncate(count);
    }

    /// After the update, where either side reports the loss of the new weights: their outputs.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub(super) fn looked(&mut self, engine: &dyn Engine, rows: usize, widths: &[usize]) -> Result<()> {
        let (last, width) = (widths.len() - 1, widths.last().copied().unwrap_or_default());
        let lent = fitting(engine, "activation", engine.activation(last), Shape::new(&[rows, width]))?;
        self.looked.copy(lent.values);
        Ok(())
    }
}

/// Whether an engine lends everything that a step computed in the shapes that its model says.
///
/// # Errors
/// If it does not.
pub(super) fn check(engine: &dyn Engine, rows: usize, widths: &[usize]) -> Result<()> {
    let lends = engine.lends();
    for (layer, &width) in widths.iter().enumerate().filter(|_| lends.activations) {
        fitting(engine, "activation", engine.activation(layer), Shape::new(&[rows, width]))?;
    }
    if lends.output_gradient {
        let outputs = Shape::new(&[rows, widths.last().copied().unwrap_or_default()]);
        fitting(engine, "output gradient", engine.output_gradient(), outputs)?;
    }
    for (index, buffer) in engine.buffers().iter().enumerate() {
        fitting(engine, "buffer", engine.buffer(index), buffer.shape)?;
    }
    for (index, parameter) in engine.parameters().iter().enumerate().filter(|_| lends.gradients) {
        fitting(engine, "gradient", engine.gradient(index), parameter.shape)?;
    }
    Ok(())
}

/// What an optimizer goes on from at a step, where that does not come from the step before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// Updates before this one.
    pub updates: usize,
    /// What it keeps of every parameter, by PyTorch's names; nothing before the first update.
    pub moments: Vec<BTreeMap<String, Vec<f64>>>,
}

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
    /// Each layer's output, `[rows, width]`; empty where the engine does not lend it.
    pub activations: Vec<Vec<f64>>,
    /// How far each element of them may be off the side's, where it was worked out; empty else.
    pub activations_off: Vec<Vec<f64>>,
    /// The reported loss.
    pub loss: f64,
    /// The outputs of the weights after the update, in evaluation, where either side reports the loss of those.
    pub looked: Vec<f64>, // [rows, outputs]
    /// `[rows, outputs]`
    pub output_gradient: Vec<f64>,
    /// The gradient in each layer's output, `[rows, width]`; empty where the engine does not lend it.
    pub activation_gradients: Vec<Vec<f64>>,
    /// How far each element of the output gradient may be off the side's, where it was worked out from that; empty else.
    pub output_gradient_off: Vec<f64>,
    /// The gradient in each parameter; empty where the engine does not lend it.
    pub gradients: Vec<Vec<f64>>,
    /// How far each element of them may be off the side's, where it was worked out; empty else.
    pub gradients_off: Vec<Vec<f64>>,
    /// Each parameter's change, after − before, in f64.
    pub updates: Vec<Vec<f64>>,
    /// Each parameter after the update.
    pub after: Vec<Vec<f64>>,
    /// What the optimizer goes on from, where steps before this one are not known.
    pub resumed: Option<Resumed>,
}

impl StepRecord {
    /// Before the first phase: the batch, and the weights that the step starts from.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn begin(&mut self, engine: &dyn Engine, batch: &Batch<'_>) -> Result<()> {
        self.given(batch);
        copy_each(engine, "buffer", engine.buffers(), &mut self.buffers_before, |index| engine.buffer(index))?;
        self.weights(engine)
    }

    /// What the side is given.
    pub fn given(&mut self, batch: &Batch<'_>) {
        (self.rows, self.evaluation) = (batch.rows(), !batch.training);
        batch.inputs.widen_into(&mut self.inputs);
        batch.targets.widen_into(&mut self.targets);
        self.masked(batch.masks);
    }

    /// The definition's masks of the batch.
    pub(super) fn masked(&mut self, masks: &[View<'_>]) {
        self.masks.resize_with(masks.len(), Vec::new);
        self.masks.iter_mut().zip(masks).for_each(|(kept, mask)| mask.widen_into(kept));
    }

    /// Before the update: the weights that the step starts from.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn weights(&mut self, engine: &dyn Engine) -> Result<()> {
        copy_each(engine, "parameter", engine.parameters(), &mut self.before, |index| engine.tensor(index))
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
        copy_each(engine, "parameter", engine.parameters(), &mut self.after, |index| engine.tensor(index))?;
        self.updates.resize_with(self.after.len(), Vec::new);
        for ((update, after), before) in self.updates.iter_mut().zip(&self.after).zip(&self.before) {
            update.clear();
            update.extend(after.iter().zip(before).map(|(after, before)| after - before));
        }
        Ok(())
    }

    /// A look at the evaluation mode: what the engine made of the batch that [`begin`](Self::begin) was told of.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub fn evaluated(&mut self, engine: &dyn Engine, widths: &[usize], loss: f64) -> Result<()> {
        self.loss = loss;
        self.activations.resize_with(widths.len(), Vec::new);
        for (layer, (activation, &width)) in self.activations.iter_mut().zip(widths).enumerate() {
            copy(engine, "activation", engine.activation(layer), Shape::new(&[self.rows, width]), activation)?;
        }
        // A loss that is that of the weights after the update is one of these weights, too.
        self.looked = self.output().to_vec();
        copy_each(engine, "buffer", engine.buffers(), &mut self.buffers, |index| engine.buffer(index))
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

    /// After the update: all of a step that `engine` made on `batch`, from the copies of what it worked on. The loss is
    /// the one that is judged.
    ///
    /// # Errors
    /// As [`computed`](Self::computed).
    pub(super) fn recall(&mut self, kept: &Snapshot, engine: &dyn Engine, batch: &Batch<'_>, loss: f64) -> Result<()> {
        (self.step, self.epoch, self.loss) = (batch.step, batch.epoch, loss);
        self.given(batch);
        widen_each(&kept.before, &mut self.before);
        widen_each(&kept.buffers_before, &mut self.buffers_before);
        widen_each(&kept.activations, &mut self.activations);
        widen_each(&kept.activation_gradients, &mut self.activation_gradients);
        widen_each(&kept.buffers, &mut self.buffers);
        widen_each(&kept.gradients, &mut self.gradients);
        kept.output_gradient.values().widen_into(&mut self.output_gradient);
        kept.looked.values().widen_into(&mut self.looked);
        self.updated(engine)
    }

    /// How far each element of what reaches a layer may be off the side's; empty where it is the side's own.
    pub fn input_off(&self, layer: usize) -> &[f64] {
        layer.checked_sub(1).map_or(&[], |before| self.output_off(before))
    }

    /// How far each element of a layer's output may be off the side's; empty where it is the side's own.
    pub fn output_off(&self, layer: usize) -> &[f64] {
        self.activations_off.get(layer).map_or(&[], Vec::as_slice)
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

/// Copies a tensor for every parameter, or every buffer, of an engine, as it is held.
fn keep_each<'a>(
    engine: &'a dyn Engine,
    what: &str,
    parameters: &[Parameter],
    kept: &mut Vec<Owned>,
    lent: impl Fn(usize) -> View<'a>,
) -> Result<()> {
    kept.resize_with(parameters.len(), Owned::default);
    for (index, (kept, parameter)) in kept.iter_mut().zip(parameters).enumerate() {
        kept.copy(fitting(engine, what, lent(index), parameter.shape)?.values);
    }
    Ok(())
}

fn widen_each(kept: &[Owned], wide: &mut Vec<Vec<f64>>) {
    wide.resize_with(kept.len(), Vec::new);
    wide.iter_mut().zip(kept).for_each(|(wide, kept)| kept.values().widen_into(wide));
}

/// Copies a tensor that an engine lends, if it has the shape that its model says.
fn copy(engine: &dyn Engine, what: &str, lent: View<'_>, shape: Shape, kept: &mut Vec<f64>) -> Result<()> {
    fitting(engine, what, lent, shape)?.widen_into(kept);
    Ok(())
}

/// A tensor that an engine lends, if it has the shape that its model says.
fn fitting<'a>(engine: &dyn Engine, what: &str, lent: View<'a>, shape: Shape) -> Result<View<'a>> {
    if lent.shape != shape || lent.len() != shape.elements() {
        return Err(Error::Engine {
            engine: engine.describe().name,
            operation: format!("lend a tensor ({what})"),
            message: format!("its model says {shape}, it is {} with {} elements", lent.shape, lent.len()),
        });
    }
    Ok(lent)
}
