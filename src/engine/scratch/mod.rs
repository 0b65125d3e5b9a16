//! The engine from scratch, on `ndarray`: every formula written out. It allocates nothing once it is built, but for what
//! the `gemm` crate packs its operands into, in products too large for plain loops.
//!
//! Layers, loss and optimizer have one file each, named as in `engine/torch`, so that the two read side by side.
//! Each is generic over [`Real`] (f32 or f64); the arithmetic that is worth vectorizing is in `kernels`.

mod kernels;
mod layer;
mod loss;
mod optimizer;

use super::{Description, Engine, misfit};
use crate::{
    data::Batch,
    error::{Error, Result},
    model::{Model, Parameter},
    tensor::{DType, Shape, Values, View},
    training::Training,
};
use layer::Layer;
use loss::Objective;
use ndarray::{Array2, ArrayD, IxDyn};
use optimizer::Rule;

pub use kernels::Real;

/// A tensor that is trained, and the gradient of the optimized loss in it.
struct Trained<T> {
    value: ArrayD<T>,
    gradient: ArrayD<T>,
}

/// A model in training, in f32 or f64.
pub struct Scratch<T> {
    parameters: Vec<Parameter>,
    trained: Vec<Trained<T>>,
    layers: Vec<Box<dyn Layer<T>>>,
    objective: Objective,
    rule: Rule<T>,
    inputs: Array2<T>,           // [capacity, inputs]
    targets: Array2<T>,          // [capacity, outputs]
    activations: Vec<Array2<T>>, // per layer [capacity, width]
    gradients: Vec<Array2<T>>,   // per layer, in its output [capacity, width]
    rows: usize,                 // of the latest batch
}

impl<T: Real> Scratch<T> {
    /// An engine with all parameters 0, for batches of at most `capacity` rows.
    pub fn new(model: &Model, training: &Training, capacity: usize) -> Self {
        let parameters = model.parameters();
        let zeros = |parameter: &Parameter| ArrayD::zeros(IxDyn(&parameter.shape));
        let trained: Vec<_> = parameters
            .iter()
            .map(|parameter| Trained { value: zeros(parameter), gradient: zeros(parameter) })
            .collect();
        let buffers = || model.widths().iter().map(|&width| Array2::zeros((capacity, width))).collect();
        Self {
            layers: layer::build(model),
            objective: Objective::new(training),
            rule: Rule::new(&training.optimizer, &parameters),
            inputs: Array2::zeros((capacity, model.inputs)),
            targets: Array2::zeros((capacity, model.outputs())),
            activations: buffers(),
            gradients: buffers(),
            rows: 0,
            parameters,
            trained,
        }
    }

    fn output(&self) -> &[T] {
        self.activations.last().map_or(&[], |output| head(output, self.rows))
    }

    fn view<'a>(&self, buffer: &'a Array2<T>) -> View<'a> {
        View { shape: Shape::new(&[self.rows, buffer.ncols()]), values: T::values(head(buffer, self.rows)) }
    }
}

/// The first `rows` rows of a buffer, contiguous.
fn head<T>(buffer: &Array2<T>, rows: usize) -> &[T] {
    let width = buffer.ncols();
    buffer.as_slice().map_or(&[], |all| &all[..rows * width])
}

/// As [`head`], to write.
fn head_mut<T>(buffer: &mut Array2<T>, rows: usize) -> &mut [T] {
    let width = buffer.ncols();
    buffer.as_slice_mut().map_or(&mut [], |all| &mut all[..rows * width])
}

/// The elements of a parameter or its gradient, which are contiguous from the start.
fn flat<T>(array: &ArrayD<T>) -> &[T] {
    array.as_slice().unwrap_or(&[])
}

/// As [`flat`], to write.
fn flat_mut<T>(array: &mut ArrayD<T>) -> &mut [T] {
    array.as_slice_mut().unwrap_or(&mut [])
}

/// The elements of a view that is in the engine's type.
fn typed<'a, T: Real>(operation: &str, view: &View<'a>) -> Result<&'a [T]> {
    T::slice(view.values).ok_or_else(|| refused(operation, T::DTYPE.to_string(), view))
}

fn refused(operation: &str, takes: String, given: &View<'_>) -> Error {
    Error::Engine {
        engine: "scratch".to_owned(),
        operation: operation.to_owned(),
        message: format!("takes {takes}, was given {} {}", given.shape, given.dtype()),
    }
}

impl<T: Real> Engine for Scratch<T> {
    fn describe(&self) -> Description {
        Description {
            name: "scratch".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dtype: T::DTYPE,
            device: "cpu".to_owned(),
            threads: 1,
        }
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        let described = &self.parameters[parameter];
        match T::slice(values.values) {
            Some(slice) if values.shape == described.shape && slice.len() == described.shape.elements() => {
                flat_mut(&mut self.trained[parameter].value).copy_from_slice(slice);
                Ok(())
            }
            _ => Err(misfit("scratch", described, T::DTYPE, &values)),
        }
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        let rows = batch.rows();
        let inputs = typed::<T>("forward", &batch.inputs)?;
        if rows > self.inputs.nrows() || batch.inputs.shape != Shape::new(&[rows, self.inputs.ncols()]) {
            return Err(refused("forward", format!("at most {:?}", self.inputs.shape()), &batch.inputs));
        }
        self.rows = rows;
        head_mut(&mut self.inputs, rows).copy_from_slice(inputs);
        let mut input = head(&self.inputs, rows);
        for (layer, activation) in self.layers.iter().zip(&mut self.activations) {
            layer.forward(&self.trained, input, head_mut(activation, rows), rows);
            input = head(activation, rows);
        }
        Ok(())
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        let targets = typed::<T>("loss", &batch.targets)?;
        let width = self.targets.ncols();
        let kept = head_mut(&mut self.targets, self.rows);
        if batch.targets.shape != Shape::new(&[self.rows, width]) {
            return Err(refused("loss", format!("{:?}", [self.rows, width]), &batch.targets));
        }
        kept.copy_from_slice(targets);
        Ok(self.objective.report(self.output(), targets))
    }

    fn backward(&mut self) -> Result<()> {
        let rows = self.rows;
        if let (Some(output), Some(gradient)) = (self.activations.last(), self.gradients.last_mut()) {
            self.objective.gradient(head(output, rows), head(&self.targets, rows), head_mut(gradient, rows));
        }
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, from) = self.gradients.split_at_mut(index);
            let input = if index == 0 { &self.inputs } else { &self.activations[index - 1] };
            layer.backward(
                &mut self.trained,
                head(input, rows),
                head(&self.activations[index], rows),
                head(&from[0], rows),
                before.last_mut().map(|gradient| head_mut(gradient, rows)),
                rows,
            );
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        self.rule.update(&mut self.trained);
        Ok(())
    }

    fn parameter(&self, parameter: usize) -> View<'_> {
        let values = T::values(flat(&self.trained[parameter].value));
        View { shape: self.parameters[parameter].shape, values }
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        let values = T::values(flat(&self.trained[parameter].gradient));
        View { shape: self.parameters[parameter].shape, values }
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.view(&self.activations[layer])
    }

    fn output_gradient(&self) -> View<'_> {
        match self.gradients.last() {
            Some(gradient) => self.view(gradient),
            None => View { shape: Shape::new(&[0]), values: T::values(&[]) },
        }
    }
}

/// An engine from scratch in `dtype`.
pub fn build(model: &Model, training: &Training, dtype: DType, capacity: usize) -> Box<dyn Engine + Send> {
    match dtype {
        DType::F32 => Box::new(Scratch::<f32>::new(model, training, capacity)),
        DType::F64 => Box::new(Scratch::<f64>::new(model, training, capacity)),
    }
}

impl Real for f32 {
    const DTYPE: DType = DType::F32;

    fn of(value: f64) -> Self {
        value as Self
    }

    fn widen(self) -> f64 {
        f64::from(self)
    }

    fn values(slice: &[Self]) -> Values<'_> {
        Values::F32(slice)
    }

    fn slice(values: Values<'_>) -> Option<&[Self]> {
        match values {
            Values::F32(slice) => Some(slice),
            Values::F64(_) => None,
        }
    }
}

impl Real for f64 {
    const DTYPE: DType = DType::F64;

    fn of(value: f64) -> Self {
        value
    }

    fn widen(self) -> f64 {
        self
    }

    fn values(slice: &[Self]) -> Values<'_> {
        Values::F64(slice)
    }

    fn slice(values: Values<'_>) -> Option<&[Self]> {
        match values {
            Values::F64(slice) => Some(slice),
            Values::F32(_) => None,
        }
    }
}
