//! The tensors of one step of one side, copied and widened to f64 (exactly): what is compared and replayed.

use crate::{data::Batch, engine::Engine};

/// One step of one side. Copies, never aliases, in buffers that are reused from step to step.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// Rows of the batch.
    pub rows: usize,
    /// `[rows, inputs]`
    pub inputs: Vec<f64>,
    /// `[rows, outputs]`
    pub targets: Vec<f64>,
    /// Each parameter before the update.
    pub before: Vec<Vec<f64>>,
    /// Each layer's output, `[rows, width]`.
    pub activations: Vec<Vec<f64>>,
    /// The reported loss.
    pub loss: f64,
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
    pub fn begin(&mut self, engine: &dyn Engine, batch: &Batch<'_>) {
        self.rows = batch.rows();
        batch.inputs.widen_into(&mut self.inputs);
        batch.targets.widen_into(&mut self.targets);
        let count = engine.parameters().len();
        self.before.resize_with(count, Vec::new);
        for (parameter, before) in self.before.iter_mut().enumerate() {
            engine.parameter(parameter).widen_into(before);
        }
    }

    /// After the last phase: everything that the step computed.
    pub fn end(&mut self, engine: &dyn Engine, layers: usize, loss: f64) {
        self.loss = loss;
        engine.output_gradient().widen_into(&mut self.output_gradient);
        self.activations.resize_with(layers, Vec::new);
        for (layer, activation) in self.activations.iter_mut().enumerate() {
            engine.activation(layer).widen_into(activation);
        }
        self.gradients_only(engine);
        for kept in [&mut self.updates, &mut self.after] {
            kept.resize_with(self.before.len(), Vec::new);
        }
        for (parameter, before) in self.before.iter().enumerate() {
            engine.parameter(parameter).widen_into(&mut self.after[parameter]);
            let (after, update) = (&self.after[parameter], &mut self.updates[parameter]);
            update.clear();
            update.extend(after.iter().zip(before).map(|(after, before)| after - before));
        }
    }

    /// After the last phase of a step that is not compared, where an optimizer has a state.
    pub fn gradients_only(&mut self, engine: &dyn Engine) {
        self.gradients.resize_with(engine.parameters().len(), Vec::new);
        for (parameter, gradient) in self.gradients.iter_mut().enumerate() {
            engine.gradient(parameter).widen_into(gradient);
        }
    }

    /// The model's output, `[rows, outputs]`.
    pub fn output(&self) -> &[f64] {
        self.activations.last().map_or(&[], Vec::as_slice)
    }
}
