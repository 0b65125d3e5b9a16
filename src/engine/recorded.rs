//! An engine that trained elsewhere: plays a recording back, step by step.

use super::{Description, Engine, Lends, misfit};
use crate::{
    data::Batch,
    error::Result,
    experiment::Side,
    model::{Model, Parameter},
    tensor::{DType, Owned, Shape, Values, View},
    trace::Recording,
};
use std::sync::Arc;

/// The playing back of a [`Recording`].
pub struct Recorded {
    recording: Arc<Recording>,
    tensors: Vec<Parameter>,
    widths: Vec<usize>, // per layer
    /// The step that is played, and the rows of its batch.
    step: usize,
    rows: usize,
    took: Option<[u64; 4]>,
    values: Vec<Owned>,               // per tensor
    gradients: Vec<Owned>,            // per parameter
    activations: Vec<Owned>,          // per layer
    activation_gradients: Vec<Owned>, // likewise, of those that it has
    output_gradient: Owned,
    /// A tensor as it is read.
    read: Vec<f64>,
}

impl Recorded {
    /// Of a recording of this model.
    pub fn new(recording: Arc<Recording>, model: &Model) -> Self {
        let tensors = model.tensors();
        let starts = model.buffers().into_iter().enumerate().map(|(number, (buffer, start))| {
            recording.first_buffers.get(number).cloned().unwrap_or_else(|| vec![start; buffer.shape.elements()])
        });
        let own = |values: Vec<f64>| owned(&values, recording.dtype);
        let values = recording.first.iter().cloned().chain(starts).map(own).collect();
        let trained = recording.first.len();
        let empty = || Owned::new(recording.dtype);
        Self {
            widths: model.widths(),
            gradients: (0..trained).map(|_| empty()).collect(),
            activations: (0..model.layers.len()).map(|_| empty()).collect(),
            activation_gradients: (0..model.layers.len()).map(|_| empty()).collect(),
            output_gradient: empty(),
            step: 0,
            rows: 0,
            took: None,
            read: Vec::new(),
            tensors,
            values,
            recording,
        }
    }

    /// Reads a tensor in the type that the engine computed in.
    fn take(read: &mut Vec<f64>, into: &mut Owned, tensor: impl FnOnce(&mut Vec<f64>) -> Result<()>) -> Result<()> {
        tensor(read)?;
        into.assign(Values::F64(read));
        Ok(())
    }
}

fn owned(values: &[f64], dtype: DType) -> Owned {
    let mut own = Owned::new(dtype);
    own.assign(Values::F64(values));
    own
}

impl Engine for Recorded {
    fn describe(&self) -> Description {
        Description {
            name: "trace".to_owned(),
            version: self.recording.engine.clone(),
            dtype: self.recording.dtype,
            device: "elsewhere".to_owned(),
            threads: 1,
        }
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn lends(&self) -> Lends {
        self.recording.lends
    }

    fn tensors(&self) -> &[Parameter] {
        &self.tensors
    }

    /// What was recorded stands: it is given the weights that it started from.
    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        let own = &self.tensors[tensor];
        if values.shape != own.shape || values.dtype() != self.recording.dtype {
            return Err(misfit("recorded", own, self.recording.dtype, &values));
        }
        self.values[tensor].copy(values.values);
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        self.values[tensor].view(self.tensors[tensor].shape)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        let Self { recording, activations, read, values, .. } = self;
        (self.step, self.rows) = (batch.step, batch.rows());
        let kept = values.iter_mut().skip(recording.first.len()).filter(|_| recording.lends.buffers);
        for (number, own) in kept.enumerate() {
            Self::take(read, own, |values| recording.buffer(number, batch.step, values))?;
        }
        let at = (self.step, self.rows);
        for (layer, own) in activations.iter_mut().enumerate().filter(|_| recording.lends.activations) {
            Self::take(read, own, |values| recording.activation(layer, at, values))?;
        }
        Ok(())
    }

    fn loss(&mut self, _batch: &Batch<'_>) -> Result<f64> {
        self.recording.loss(self.step)
    }

    fn backward(&mut self) -> Result<()> {
        let Self { recording, gradients, activation_gradients, output_gradient, read, step, rows, .. } = self;
        if recording.lends.output_gradient {
            Self::take(read, output_gradient, |values| recording.output_gradient((*step, *rows), values))?;
        }
        for (layer, own) in activation_gradients.iter_mut().enumerate() {
            if recording.has_activation_gradient(layer) {
                Self::take(read, own, |values| recording.activation_gradient(layer, (*step, *rows), values))?;
            }
        }
        for (number, own) in gradients.iter_mut().enumerate().filter(|_| recording.lends.gradients) {
            Self::take(read, own, |values| recording.gradient(number, *step, values))?;
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        let Self { recording, values, read, step, took, .. } = self;
        *took = recording.nanoseconds(*step)?;
        for (number, own) in values.iter_mut().take(recording.first.len()).enumerate() {
            Self::take(read, own, |values| recording.parameter(number, *step, values))?;
        }
        Ok(())
    }

    fn took(&self) -> Option<[u64; 4]> {
        self.took
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.gradients[parameter].view(self.tensors[parameter].shape)
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.activations[layer].view(Shape::new(&[self.rows, self.widths[layer]]))
    }

    fn activation_gradient(&self, layer: usize) -> Option<View<'_>> {
        let own = self.recording.has_activation_gradient(layer).then(|| &self.activation_gradients[layer])?;
        Some(own.view(Shape::new(&[self.rows, self.widths[layer]])))
    }

    fn output_gradient(&self) -> View<'_> {
        self.output_gradient.view(Shape::new(&[self.rows, self.widths.last().copied().unwrap_or_default()]))
    }
}
