//! An engine with a fault put into it: what shows that a fault is found, and where.
//!
//! The engine inside does the work; what it lends or keeps is changed on the way. Each [`Fault`] belongs to one phase,
//! and the phases after it go by what it made.

use super::{Description, Engine};
use crate::{
    data::Batch,
    error::Result,
    model::Parameter,
    tensor::{DType, Owned, Shape, Values, View},
    training::Training,
};

/// What is wrong with an engine. Faults of the gradient come with plain gradient descent, whatever the engine inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Every gradient is this many times too large. Phase backward.
    GradientTimes(f64),
    /// The gradient of one element has the other sign: the one of median magnitude in this parameter. Phase backward.
    SignFlipped(usize),
    /// The elements of this parameter's gradient are in reverse order. Phase backward.
    Reversed(usize),
    /// Every other column of this parameter's gradient is 0, from column 1. Phase backward.
    ColumnsZeroed(usize),
    /// This square weight is used transposed. Phase forward.
    Transposed(usize),
    /// This parameter is never updated. Phase update.
    Frozen(usize),
}

/// An engine with a fault.
pub struct Faulty {
    inner: Box<dyn Engine>,
    fault: Fault,
    lr: f64,
    dtype: DType,
    gradients: Vec<Owned>,
    parameters: Vec<Owned>,
}

impl Faulty {
    /// Puts a fault into an engine that trains by `training`.
    pub fn new(inner: Box<dyn Engine>, training: &Training, fault: Fault) -> Self {
        let dtype = inner.describe().dtype;
        let mut faulty =
            Self { inner, fault, lr: training.optimizer.lr(), dtype, gradients: Vec::new(), parameters: Vec::new() };
        faulty.keep();
        faulty
    }

    /// Copies what is lent, with the fault in it.
    fn keep(&mut self) {
        let number = self.inner.parameters().len();
        self.gradients = (0..number).map(|index| self.held(&wide(self.inner.gradient(index)), index)).collect();
        self.parameters = (0..number).map(|index| self.held(&wide(self.inner.parameter(index)), index)).collect();
    }

    /// Values of a parameter, or of its gradient, as the side names them.
    fn held(&self, values: &[f64], index: usize) -> Owned {
        let turned = match self.fault {
            Fault::Transposed(parameter) if parameter == index => {
                transposed(values, self.inner.parameters()[index].shape)
            }
            _ => values.to_vec(),
        };
        let mut held = Owned::new(self.dtype);
        held.assign(Values::F64(&turned));
        held
    }

    /// Changes the gradients that were kept.
    fn corrupt(&mut self) {
        let columns = |index: usize| self.inner.parameters()[index].shape.last().copied().unwrap_or(1);
        match self.fault {
            Fault::GradientTimes(factor) => self.gradients.iter_mut().for_each(|held| held.change(|_, x| factor * x)),
            Fault::SignFlipped(index) => {
                let magnitudes = wide(self.gradients[index].view(Shape::new(&[])));
                let mut order: Vec<usize> = (0..magnitudes.len()).filter(|&place| magnitudes[place] != 0.0).collect();
                order.sort_by(|&a, &b| magnitudes[a].abs().total_cmp(&magnitudes[b].abs()));
                let flipped = order.get(order.len() / 2).copied();
                self.gradients[index].change(|place, x| if Some(place) == flipped { -x } else { x });
            }
            Fault::ColumnsZeroed(index) => {
                let columns = columns(index);
                self.gradients[index].change(|place, x| if place % columns % 2 == 1 { 0.0 } else { x });
            }
            Fault::Reversed(index) => {
                let values = wide(self.gradients[index].view(Shape::new(&[])));
                self.gradients[index].change(|place, _| values[values.len() - 1 - place]);
            }
            Fault::Transposed(_) | Fault::Frozen(_) => {}
        }
    }
}

fn wide(view: View<'_>) -> Vec<f64> {
    let mut values = Vec::new();
    view.widen_into(&mut values);
    values
}

/// A square matrix, turned.
fn transposed(values: &[f64], shape: Shape) -> Vec<f64> {
    let size = shape.first().copied().unwrap_or(1);
    (0..values.len()).map(|place| values[place % size * size + place / size]).collect()
}

impl Engine for Faulty {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn parameters(&self) -> &[Parameter] {
        self.inner.parameters()
    }

    fn buffers(&self) -> &[Parameter] {
        self.inner.buffers()
    }

    fn load_buffer(&mut self, buffer: usize, values: View<'_>) -> Result<()> {
        self.inner.load_buffer(buffer, values)
    }

    fn buffer(&self, buffer: usize) -> View<'_> {
        self.inner.buffer(buffer)
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        let held = self.held(&wide(values), parameter);
        self.inner.load(parameter, held.view(values.shape))?;
        self.parameters[parameter] = self.held(&wide(held.view(values.shape)), parameter);
        Ok(())
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.inner.forward(batch)
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.inner.loss(batch)
    }

    fn backward(&mut self) -> Result<()> {
        self.inner.backward()?;
        self.keep();
        self.corrupt();
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        match self.fault {
            Fault::Transposed(_) => self.inner.update()?,
            Fault::Frozen(parameter) => {
                self.inner.update()?;
                let shape = self.inner.parameters()[parameter].shape;
                self.inner.load(parameter, self.parameters[parameter].view(shape))?;
            }
            _ => {
                for index in 0..self.gradients.len() {
                    let shape = self.inner.parameters()[index].shape;
                    let gradient = wide(self.gradients[index].view(shape));
                    // In the engine's own type: each product and each difference is rounded once more than in f64.
                    self.parameters[index].change(|place, x| x - self.lr * gradient[place]);
                    self.inner.load(index, self.parameters[index].view(shape))?;
                }
            }
        }
        let number = self.parameters.len();
        self.parameters = (0..number).map(|index| self.held(&wide(self.inner.parameter(index)), index)).collect();
        Ok(())
    }

    fn parameter(&self, parameter: usize) -> View<'_> {
        self.parameters[parameter].view(self.inner.parameters()[parameter].shape)
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.gradients[parameter].view(self.inner.parameters()[parameter].shape)
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.inner.activation(layer)
    }

    fn output_gradient(&self) -> View<'_> {
        self.inner.output_gradient()
    }
}
