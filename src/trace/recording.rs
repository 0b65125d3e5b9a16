//! A trace beside a model: which of its arrays is what, where its steps begin, and what they are worth.

use super::{Array, Mapped, Trace, matching::matched};
use crate::{
    engine::Lends,
    error::Result,
    model::{Model, init::InitialValues},
    tensor::{DType, Shape},
};
use std::fmt;

/// One recorded tensor of every step, in the model's layout.
#[derive(Debug)]
struct Tensor {
    array: Array,
    shape: Shape,
    transposed: bool,
}

/// A trace of a model in training.
#[derive(Debug)]
pub struct Recording {
    /// What recorded it.
    pub engine: String,
    /// The type it computed in.
    pub dtype: DType,
    /// Steps that are there in whole.
    pub steps: usize,
    /// The weights before the first of them, in the model's order, and in its own type.
    pub first: Vec<Vec<f64>>,
    /// What of a step it has.
    pub lends: Lends,
    /// How it was read, in sentences.
    pub said: Vec<String>,
    path: String,
    parameters: Vec<Tensor>,
    /// The row of the weights that step 0 ends with.
    after_first: usize,
    activations: Vec<Array>,
    gradients: Vec<Tensor>,
    output_gradient: Option<Array>,
    loss: Option<Array>,
}

/// Two are the same if they were read from the same place.
impl PartialEq for Recording {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// What an experiment says of the weights that training starts from.
pub struct Beginning<'a> {
    /// The experiment's own, where it says which.
    pub given: Option<&'a [InitialValues]>,
    /// How many steps it has.
    pub steps: Option<usize>,
}

impl Tensor {
    fn read(&self, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.array.read(step, values)?;
        if self.transposed {
            let (rows, columns) = (self.shape[0], self.shape[1]);
            *values = (0..values.len()).map(|at| values[at % columns * rows + at / columns]).collect();
        }
        Ok(())
    }
}

impl Recording {
    /// A trace of this model.
    ///
    /// # Errors
    /// If its arrays are not the model's, or cannot be read.
    pub fn new(trace: &Trace, model: &Model, map: &[Mapped], beginning: &Beginning<'_>) -> Result<Self> {
        let fault = |message: String| trace.fault(message);
        let recorded: Vec<(&str, &Array)> = trace.of("parameter").collect();
        let shapes: Vec<_> = recorded.iter().map(|(name, array)| (*name, array.shape())).collect();
        let found = matched((&shapes, trace.ordered), model, &trace.manifest.layout, map).map_err(fault)?;
        let mut said: Vec<String> = found.said.into_iter().collect();
        let model_parameters = model.parameters();
        let tensors = |folder: &str| -> Vec<Option<Tensor>> {
            let of = |(number, one): (usize, &super::matching::Match)| {
                let array = trace.array(&format!("{folder}/{}", one.from))?.clone();
                let shape = model_parameters[number].shape;
                (array.elements() == shape.elements()).then_some(Tensor { array, shape, transposed: one.transposed })
            };
            found.each.iter().enumerate().map(of).collect()
        };
        let all = |tensors: Vec<Option<Tensor>>| tensors.into_iter().collect::<Option<Vec<_>>>();
        let parameters =
            all(tensors("parameter")).ok_or_else(|| trace.fault("has arrays that do not fit the model"))?;
        if let Some(whole) = parameters.iter().find(|tensor| tensor.array.is_whole()) {
            return Err(trace.fault(format!(
                "holds whole numbers for a weight of shape {}; record float32 or float64",
                whole.shape
            )));
        }
        let clipped = trace.manifest.gradient_of.as_deref() == Some("clipped");
        let gradients = all(tensors("gradient")).filter(|_| !clipped).unwrap_or_default();
        if clipped {
            said.push("its gradients are those after clipping, which are not judged".to_owned());
        }
        let activations = activations(trace, model);
        let [loss, output_gradient] = ["loss", "output_gradient"].map(|name| trace.array(name).cloned());
        let rows = parameters.iter().map(|tensor| tensor.array.steps()).min().unwrap_or_default();
        if rows == 0 {
            return Err(trace.fault("has no recorded step"));
        }
        let computed = activations.iter().chain(gradients.iter().map(|gradient| &gradient.array));
        let computed = computed.chain(&loss).chain(&output_gradient).map(Array::steps).min();
        let dtype = trace.dtype()?;
        let (first, after_first) = first_weights(trace, &parameters, (rows, computed), dtype, beginning)?;
        let steps = (rows - after_first).min(computed.unwrap_or(usize::MAX));
        let counts: Vec<usize> = parameters.iter().map(|tensor| tensor.array.steps()).collect();
        let uneven = counts.iter().any(|count| *count != rows)
            || computed.is_some_and(|computed| computed + after_first != rows);
        if uneven || trace.arrays.iter().any(|(_, array)| array.cut) {
            said.push(format!("its recording was cut short; its first {steps} steps are whole"));
        }
        let lends = Lends {
            activations: !activations.is_empty(),
            loss: loss.is_some(),
            output_gradient: output_gradient.is_some(),
            gradients: !gradients.is_empty(),
            buffers: false,
            evaluation: false,
            times: false,
        };
        let engine = trace.engine().to_owned();
        let path = trace.path().display().to_string();
        Ok(Self {
            engine,
            dtype,
            steps,
            first,
            lends,
            said: said.into_iter().map(|said| format!("{path}: {said}")).collect(),
            path,
            parameters,
            after_first,
            activations,
            gradients,
            output_gradient,
            loss,
        })
    }

    /// The weights that a step ends with.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn parameter(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.parameters[number].read(self.after_first + step, values)
    }

    /// The gradient in a parameter at a step.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn gradient(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.gradients[number].read(step, values)
    }

    /// The output of a layer at a step, of a batch of so many rows.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn activation(&self, layer: usize, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
        padded(&self.activations[layer], (step, rows), values)
    }

    /// The gradient in the outputs at a step, of a batch of so many rows.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn output_gradient(&self, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
        self.output_gradient.as_ref().map_or(Ok(()), |array| padded(array, (step, rows), values))
    }

    /// The reported loss of a step.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn loss(&self, step: usize) -> Result<f64> {
        let mut value = Vec::new();
        self.loss.as_ref().map_or(Ok(()), |array| array.read(step, &mut value))?;
        Ok(value.first().copied().unwrap_or(f64::NAN))
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// The outputs of all layers, if all are there; the last one's may be called `output`.
fn activations(trace: &Trace, model: &Model) -> Vec<Array> {
    let widths = model.widths();
    let of = |layer: usize| {
        let last = (layer + 1 == widths.len()).then(|| trace.array("output")).flatten();
        let array = trace.array(&format!("activation/{layer}")).or(last)?;
        array.elements().is_multiple_of(widths[layer]).then(|| array.clone())
    };
    (0..widths.len()).map(of).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The rows of a batch, of an array that is as long as the largest one.
fn padded(array: &Array, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
    array.read(step, values)?;
    let most = array.shape().first().copied().unwrap_or(1).max(1);
    values.truncate(array.elements() / most * rows.min(most));
    Ok(())
}

/// The weights before the first step, and the row that the first step ends with: the first recorded row is either.
fn first_weights(
    trace: &Trace,
    parameters: &[Tensor],
    (rows, computed): (usize, Option<usize>),
    dtype: DType,
    beginning: &Beginning<'_>,
) -> Result<(Vec<Vec<f64>>, usize)> {
    let recorded = parameters.iter().map(|tensor| {
        let mut values = Vec::new();
        tensor.read(0, &mut values).map(|()| values)
    });
    let recorded: Vec<Vec<f64>> = recorded.collect::<Result<_>>()?;
    let round = |value: f64| if dtype == DType::F32 { f64::from(value as f32) } else { value };
    let given = beginning.given.map(|given| -> Vec<Vec<f64>> {
        given.iter().map(|one| one.values.iter().map(|&value| round(value)).collect()).collect()
    });
    let is_first = match (&given, computed, beginning.steps) {
        (Some(given), ..) if *given == recorded => true,
        // As many as there are losses or gradients are those after each step.
        (_, Some(computed), _) if rows > computed => true,
        (Some(_), Some(computed), _) if rows == computed => false,
        (Some(_), _, Some(steps)) => rows != steps,
        (Some(_), ..) => false,
        (None, Some(computed), _) if rows == computed => {
            return Err(trace.fault(format!(
                "has {rows} weights and {computed} losses: the weights after every step, without those that the first one starts \
                 from; record these, too, as the first row, or give them: model.init = {{ file = \"first.npz\" }}"
            )));
        }
        (None, ..) => true,
    };
    match given {
        Some(given) if !is_first => Ok((given, 0)),
        _ if rows < 2 => Err(trace.fault("has the weights of one moment alone; a step is from one row to the next")),
        _ => Ok((recorded, 1)),
    }
}
