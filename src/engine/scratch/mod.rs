//! The engine from scratch, on `ndarray`: every formula written out. It allocates nothing once it has made a step of its
//! largest batch.
//!
//! Layers, loss and optimizer have one file each, named as in `engine/torch`, so that the two read side by side.
//! Each is generic over [`Real`] (f32 or f64); the arithmetic that is worth vectorizing is in `kernels`.

mod kernels;
mod layer;
mod loss;
pub(crate) mod optimizer;

use super::{Description, Engine, misfit, refuse_unanswered};
use crate::{
    data::{self, Batch},
    error::{Error, Result},
    experiment::Side,
    model::{self, Model, Parameter, Place},
    tensor::{DType, Shape, View},
    training::Training,
};
use layer::{Input, Layer, Pass};
use loss::Objective;
use ndarray::{Array2, ArrayD, IxDyn};
use optimizer::Rule;

use kernels::Kernels;
pub use kernels::Real;

/// A tensor that is trained, and the gradient of the optimized loss in it.
struct Trained<T> {
    value: ArrayD<T>,
    gradient: ArrayD<T>,
}

/// A model in training, in f32 or f64.
pub struct Scratch<T> {
    tensors: Vec<Parameter>, // the trained ones first
    trained: Vec<Trained<T>>,
    kept: Vec<Vec<T>>, // per buffer
    places: Vec<Place>,
    layers: Vec<Box<dyn Layer<T>>>,
    objective: Objective<T>,
    rule: Rule<T>,
    inputs: Inputs<T>,
    targets: Array2<T>,          // [capacity, target columns]
    activations: Vec<Array2<T>>, // per layer [capacity, width]
    gradients: Vec<Array2<T>>,   // per layer, in its output [capacity, width]
    rows: usize,                 // of the latest batch
    at: [usize; 2],              // its step and epoch
    kernels: Kernels<T>,
}

/// The inputs of the latest batch.
struct Inputs<T> {
    sparse: bool,
    dense: Array2<T>,   // [capacity, inputs]; no rows before the first dense batch
    starts: Vec<usize>, // [rows + 1]
    columns: Vec<u32>,  // as many as values
    values: Vec<T>,
}

impl<T: Real> Inputs<T> {
    fn keep(&mut self, given: &data::Inputs<'_>, capacity: usize) -> Result<()> {
        let [rows, columns] = [given.shape()[0], self.dense.ncols()];
        if rows > capacity || given.shape() != Shape::new(&[rows, columns]) {
            return Err(refused("forward", format!("at most {:?}", [capacity, columns]), given.shape(), given.dtype()));
        }
        let wrong = || refused("forward", T::DTYPE.to_string(), given.shape(), given.dtype());
        match given {
            data::Inputs::Dense(view) => {
                if self.dense.nrows() < capacity {
                    self.dense = Array2::zeros((capacity, columns));
                }
                head_mut(&mut self.dense, rows).copy_from_slice(T::slice(view.values).ok_or_else(wrong)?);
            }
            data::Inputs::Sparse(sparse) => {
                replace(&mut self.starts, sparse.starts);
                replace(&mut self.columns, sparse.columns);
                replace(&mut self.values, T::slice(sparse.values).ok_or_else(wrong)?);
            }
        }
        self.sparse = matches!(given, data::Inputs::Sparse(_));
        Ok(())
    }

    fn lend(&self, rows: usize) -> Input<'_, T> {
        if !self.sparse {
            return Input::Dense(head(&self.dense, rows));
        }
        let (starts, columns, values) = (&self.starts, &self.columns, &self.values);
        let rows = data::Sparse { width: self.dense.ncols(), starts, columns, values: T::values(values) };
        Input::Sparse { rows, values }
    }
}

fn replace<T: Copy>(kept: &mut Vec<T>, given: &[T]) {
    kept.clear();
    kept.extend_from_slice(given);
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
        let room = || model.widths().iter().map(|&width| Array2::zeros((capacity, width))).collect();
        let buffers = model.buffers();
        let places = model.places();
        Self {
            layers: places.iter().map(|place| layer::build(place, capacity, &training.faults)).collect(),
            objective: Objective::new(training, model.outputs(), &parameters),
            rule: Rule::new(training, &parameters),
            kept: buffers.iter().map(|(buffer, start)| vec![T::of(*start); buffer.shape.elements()]).collect(),
            inputs: Inputs {
                sparse: false,
                dense: Array2::zeros((0, model.inputs)),
                starts: Vec::new(),
                columns: Vec::new(),
                values: Vec::new(),
            },
            targets: Array2::zeros((capacity, training.loss.target_columns(model.outputs()))),
            activations: room(),
            gradients: room(),
            rows: 0,
            at: [0; 2],
            kernels: Kernels::new(1),
            tensors: model.tensors(),
            trained,
            places,
        }
    }

    /// The way back; with `updates` parameters change on it, and gradients need not be written down.
    fn back(&mut self, updates: bool) -> Result<()> {
        let rows = self.rows;
        if let (Some(output), Some(gradient)) = (self.activations.last(), self.gradients.last_mut()) {
            self.objective.gradient(head(output, rows), head(&self.targets, rows), head_mut(gradient, rows));
        }
        let Self { layers, activations, gradients, trained, kept, inputs, kernels, rule, .. } = self;
        let rule = updates.then_some(rule);
        let mut pass = Pass { trained, buffers: kept, rows, training: true, masks: &[], kernels, rule };
        for (index, layer) in layers.iter_mut().enumerate().rev() {
            let (before, from) = gradients.split_at_mut(index);
            let input = if index == 0 { inputs.lend(rows) } else { Input::Dense(head(&activations[index - 1], rows)) };
            layer.backward(
                &mut pass,
                input,
                head(&activations[index], rows),
                head(&from[0], rows),
                before.last_mut().map(|gradient| head_mut(gradient, rows)),
            )?;
        }
        self.objective.penalize(&mut self.trained);
        Ok(())
    }

    fn view<'a>(&self, buffer: &'a Array2<T>) -> View<'a> {
        View { shape: Shape::new(&[self.rows, buffer.ncols()]), values: T::values(head(buffer, self.rows)) }
    }
}

/// Why an array here can be read as a slice: every one is made by `zeros`, row-major, and never turned or cut.
const CONTIGUOUS: &str = "an array made by zeros is contiguous";

/// The first `rows` rows of a buffer.
#[allow(clippy::expect_used)]
fn head<T>(buffer: &Array2<T>, rows: usize) -> &[T] {
    &buffer.as_slice().expect(CONTIGUOUS)[..rows * buffer.ncols()]
}

/// As [`head`], to write.
#[allow(clippy::expect_used)]
fn head_mut<T>(buffer: &mut Array2<T>, rows: usize) -> &mut [T] {
    let elements = rows * buffer.ncols();
    &mut buffer.as_slice_mut().expect(CONTIGUOUS)[..elements]
}

/// The elements of a parameter or its gradient.
#[allow(clippy::expect_used)]
fn flat<T>(array: &ArrayD<T>) -> &[T] {
    array.as_slice().expect(CONTIGUOUS)
}

/// As [`flat`], to write.
#[allow(clippy::expect_used)]
fn flat_mut<T>(array: &mut ArrayD<T>) -> &mut [T] {
    array.as_slice_mut().expect(CONTIGUOUS)
}

fn refused(operation: &str, takes: String, shape: Shape, dtype: DType) -> Error {
    Error::Engine {
        engine: "scratch".to_owned(),
        operation: operation.to_owned(),
        message: format!("takes {takes}, was given {shape} {dtype}"),
    }
}

impl<T: Real> Engine for Scratch<T> {
    fn describe(&self) -> Description {
        Description {
            name: "scratch".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dtype: T::DTYPE,
            device: "cpu".to_owned(),
            threads: self.kernels.threads(),
        }
    }

    fn set_threads(&mut self, threads: usize) {
        if threads != self.kernels.threads() {
            self.kernels = Kernels::new(threads);
        }
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        &self.tensors
    }

    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        let described = &self.tensors[tensor];
        let own = match tensor.checked_sub(self.trained.len()) {
            None => flat_mut(&mut self.trained[tensor].value),
            Some(buffer) => &mut self.kept[buffer],
        };
        match T::slice(values.values) {
            Some(slice) if values.shape == described.shape && slice.len() == own.len() => {
                own.copy_from_slice(slice);
                Ok(())
            }
            _ => Err(misfit("scratch", described, T::DTYPE, &values)),
        }
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        let own = match tensor.checked_sub(self.trained.len()) {
            None => flat(&self.trained[tensor].value),
            Some(buffer) => &self.kept[buffer],
        };
        View { shape: self.tensors[tensor].shape, values: T::values(own) }
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        refuse_unanswered("scratch", &self.places, batch)?;
        self.inputs.keep(&batch.inputs, self.targets.nrows())?;
        self.rows = batch.rows();
        self.at = [batch.step, batch.epoch];
        let Self { layers, activations, trained, kept, inputs, rows, kernels, .. } = self;
        let (rows, training, masks) = (*rows, batch.training, batch.masks);
        let mut pass = Pass { trained, buffers: kept, rows, training, masks, kernels, rule: None };
        let mut input = inputs.lend(rows);
        for (layer, activation) in layers.iter_mut().zip(activations) {
            layer.forward(&mut pass, input, head_mut(activation, rows))?;
            input = Input::Dense(head(activation, rows));
        }
        Ok(())
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        let view = &batch.targets;
        let shape = Shape::new(&[self.rows, self.targets.ncols()]);
        let Some(targets) = T::slice(view.values).filter(|_| view.shape == shape) else {
            return Err(refused("loss", format!("{shape} {}", T::DTYPE), view.shape, view.dtype()));
        };
        head_mut(&mut self.targets, self.rows).copy_from_slice(targets);
        let output = self.activations.last().map_or(&[][..], |output| head(output, self.rows));
        self.objective.report(output, targets, &self.trained)
    }

    fn backward(&mut self) -> Result<()> {
        self.back(false)
    }

    fn update(&mut self) -> Result<()> {
        let Self { rule, trained, kernels, at, .. } = self;
        if !rule.begin(*at, trained.iter().map(|trained| flat(&trained.gradient))) {
            return Ok(());
        }
        for (index, Trained { value, gradient }) in trained.iter_mut().enumerate() {
            rule.update_shared(kernels, index, flat_mut(value), flat(gradient));
        }
        Ok(())
    }

    /// Updates parameters as their gradients come, where nothing asks for all of these at once.
    fn step(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.forward(batch)?;
        let loss = self.loss(batch)?;
        if self.rule.is_local() && !self.objective.penalizes() {
            self.rule.begin(self.at, std::iter::empty());
            self.back(true)?;
            // Linear layers have updated theirs.
            let Self { places, rule, trained, kernels, .. } = self;
            let others = places.iter().filter(|place| !matches!(place.layer, model::Layer::Linear(_)));
            for index in others.flat_map(|place| place.parameters.clone()) {
                let Trained { value, gradient } = &mut trained[index];
                rule.update_shared(kernels, index, flat_mut(value), flat(gradient));
            }
        } else {
            self.backward()?;
            self.update()?;
        }
        Ok(loss)
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        let values = T::values(flat(&self.trained[parameter].gradient));
        View { shape: self.tensors[parameter].shape, values }
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.view(&self.activations[layer])
    }

    fn activation_gradient(&self, layer: usize) -> Option<View<'_>> {
        self.gradients.get(layer).map(|gradient| self.view(gradient))
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
