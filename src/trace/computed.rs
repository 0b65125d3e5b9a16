//! What a recording has of its steps beside the weights: each part that is there in whole, and what is said of the others.

use super::{Array, Kept, Trace, recording::Tensor};
use crate::{engine::Lends, error::Result, model::Model};
use std::sync::Arc;

/// What was computed, step by step.
#[derive(Debug)]
pub(super) struct Computed {
    pub activations: Vec<Array>,                  // per layer
    pub activation_gradients: Vec<Option<Array>>, // likewise
    pub gradients: Vec<Tensor>,                   // per parameter
    pub output_gradient: Option<Array>,
    pub loss: Option<Array>,
    /// Microseconds of forward, loss, backward and update.
    pub times: Option<Array>,
}

impl Computed {
    /// Of a trace of this model, which has these of so many gradients.
    pub fn of(
        trace: &Trace,
        model: &Model,
        (mut gradients, parameters): (Vec<Tensor>, usize),
        said: &mut Vec<String>,
    ) -> Result<Self> {
        let clipped = trace.manifest.gradient_of.as_deref() == Some("clipped");
        if clipped && !gradients.is_empty() {
            said.push("its gradients are those after clipping, which are not judged".to_owned());
        } else if !gradients.is_empty() && gradients.len() < parameters {
            said.push(
                "it has the gradients of some parameters alone, which are not judged; record them all".to_owned(),
            );
        }
        if clipped || gradients.len() < parameters {
            gradients.clear();
        }
        let mut activations = activations(trace, model)?;
        if !activations.is_empty() && activations.len() < model.layers.len() {
            said.push("it has the outputs of some layers alone, which are not judged; record them all".to_owned());
            activations.clear();
        }
        let [loss, output_gradient] = ["loss", "output_gradient"].map(|name| trace.array(name).cloned());
        // The gradients between two layers are judged beside what the layers put out.
        let activation_gradients =
            if activations.is_empty() { Vec::new() } else { activation_gradients(trace, model)? };
        let times = times(trace)?;
        Ok(Self { activations, activation_gradients, gradients, output_gradient, loss, times })
    }

    /// Steps that all of it has; nothing where there is none of it.
    pub fn steps(&self) -> Option<usize> {
        let Self { activations, activation_gradients, loss, output_gradient, times, .. } = self;
        let arrays = activations.iter().chain(activation_gradients.iter().flatten());
        let arrays = arrays.chain(loss).chain(output_gradient).chain(times).map(Array::steps);
        arrays.chain(self.gradients.iter().map(Tensor::steps)).min()
    }

    /// What an engine that plays it back has of a step.
    pub fn lends(&self, buffers: bool) -> Lends {
        Lends {
            activations: !self.activations.is_empty(),
            loss: self.loss.is_some(),
            output_gradient: self.output_gradient.is_some(),
            gradients: !self.gradients.is_empty(),
            buffers,
            evaluation: false,
            times: self.times.is_some(),
        }
    }
}

/// The rows of a batch, of an array that is as long as the largest one.
pub(super) fn padded(array: &Array, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
    array.read(step, values)?;
    let most = array.shape().first().copied().unwrap_or(1).max(1);
    values.truncate(array.elements() / most * rows.min(most));
    Ok(())
}

/// An array with a row of the layer's width for each row of the batch, if it is there.
fn of_layer(trace: &Trace, name: &str, (layer, width): (usize, usize)) -> Result<Option<Array>> {
    let Some(array) = trace.array(name) else { return Ok(None) };
    let rows = array.shape().first().copied().unwrap_or(1).max(1);
    if array.elements() != rows * width {
        return Err(trace.fault(format!(
            "array {name} has shape {:?} at every step, where layer {layer} has {width} columns; layers are counted as in \
             model.layers, from 0",
            array.shape()
        )));
    }
    Ok(Some(array.clone()))
}

/// The outputs of the layers that are there; the last one's may be called `output`.
fn activations(trace: &Trace, model: &Model) -> Result<Vec<Array>> {
    let widths = model.widths();
    let mut found = Vec::new();
    for (layer, width) in widths.iter().copied().enumerate() {
        let own = of_layer(trace, &format!("activation/{layer}"), (layer, width))?;
        let last = if layer + 1 == widths.len() { of_layer(trace, "output", (layer, width))? } else { None };
        found.extend(own.or(last));
    }
    Ok(found)
}

/// The gradients in the outputs of the layers, of those that have one.
fn activation_gradients(trace: &Trace, model: &Model) -> Result<Vec<Option<Array>>> {
    let of = |(layer, width)| of_layer(trace, &format!("activation_gradient/{layer}"), (layer, width));
    model.widths().into_iter().enumerate().map(of).collect()
}

/// What the dropout layers kept, if there are some, and it has masks for all of them. One that drops nothing needs none.
pub(super) fn kept(trace: &Trace, model: &Model) -> Result<Option<Arc<[Kept]>>> {
    let mut kept = Vec::new();
    for (layer, place) in model.places().iter().enumerate().filter(|(_, place)| place.mask.is_some()) {
        match of_layer(trace, &format!("mask/{layer}"), (layer, place.output.elements()))? {
            Some(mask) => kept.push(Kept::of(&mask)?),
            None if place.is_identity() => kept.push(Kept::default()),
            None => return Ok(None),
        }
    }
    Ok((!kept.is_empty()).then(|| kept.into()))
}

/// What was measured of every step, if it was.
fn times(trace: &Trace) -> Result<Option<Array>> {
    let Some(array) = trace.array("time_us") else { return Ok(None) };
    if array.shape() != [4] {
        return Err(trace.fault(format!(
            "has times of shape {:?} at every step; there are four, µs of forward, loss, backward and update",
            array.shape()
        )));
    }
    let mut values = Vec::new();
    for step in 0..array.steps() {
        array.read(step, &mut values)?;
        if let Some(time) = values.iter().find(|time| !(**time >= 0.0 && **time < 1e15)) {
            return Err(trace.fault(format!("says in time_us.npy that a phase of step {step} took {time} µs")));
        }
    }
    Ok(Some(array.clone()))
}
