//! Gradients that are not what the engine inside computed. Phase backward.
//!
//! An engine has no way to take a gradient, so the update is made here: by the training's optimizer, the scratch
//! engine's, in the engine's own type, on the changed gradients.

use super::Engine;
use crate::{
    data::Batch,
    engine::scratch::{Real, optimizer::Rule},
    error::Result,
    model::Parameter,
    tensor::{DType, Owned, Shape, View},
    training::Training,
};

/// What is wrong with gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Every gradient is this many times too large.
    GradientTimes(f64),
    /// The gradient of one element has the other sign: the one of median magnitude in this parameter.
    SignFlipped(usize),
    /// The elements of this parameter's gradient are in reverse order.
    Reversed(usize),
    /// Every other column of this parameter's gradient is 0, from column 1.
    ColumnsZeroed(usize),
    /// Each step's gradients are added to those of the steps before.
    NotZeroed,
}

/// An engine with wrong gradients.
pub struct Faulty {
    inner: Box<dyn Engine>,
    fault: Fault,
    /// The steps that have it.
    when: fn(usize) -> bool,
    rule: AnyRule,
    at: [usize; 2],         // step and epoch of the latest batch
    gradients: Vec<Owned>,  // per parameter, its shape
    parameters: Vec<Owned>, // likewise
}

/// An optimizer in the engine's type.
enum AnyRule {
    F32(Rule<f32>),
    F64(Rule<f64>),
}

impl AnyRule {
    fn new(training: &Training, parameters: &[Parameter], dtype: DType) -> Self {
        match dtype {
            DType::F32 => Self::F32(Rule::new(training, parameters)),
            DType::F64 => Self::F64(Rule::new(training, parameters)),
        }
    }

    /// One step of all parameters.
    fn update(&mut self, at: [usize; 2], parameters: &mut [Owned], gradients: &[Owned]) {
        // All are of one type, the engine's.
        match self {
            Self::F32(rule) => update(rule, at, parameters, gradients, |owned| match owned {
                Owned::F32(values) => values,
                Owned::F64(_) => &mut [],
            }),
            Self::F64(rule) => update(rule, at, parameters, gradients, |owned| match owned {
                Owned::F64(values) => values,
                Owned::F32(_) => &mut [],
            }),
        }
    }
}

fn update<T: Real>(
    rule: &mut Rule<T>,
    at: [usize; 2],
    parameters: &mut [Owned],
    gradients: &[Owned],
    elements: fn(&mut Owned) -> &mut [T],
) {
    let gradients = || gradients.iter().map(|gradient| T::slice(gradient.values()).unwrap_or(&[]));
    if !rule.begin(at, gradients()) {
        return;
    }
    for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradients()).enumerate() {
        rule.update(index, elements(parameter), gradient);
    }
}

impl Faulty {
    /// Puts a fault into an engine that trains by `training`.
    pub fn new(inner: Box<dyn Engine>, training: &Training, fault: Fault) -> Self {
        Self::at(inner, training, fault, |_| true)
    }

    /// The same at some steps alone.
    pub fn at(inner: Box<dyn Engine>, training: &Training, fault: Fault, when: fn(usize) -> bool) -> Self {
        let dtype = inner.describe().dtype;
        let held = || inner.parameters().iter().map(|_| Owned::new(dtype)).collect();
        let (gradients, parameters) = (held(), held());
        let rule = AnyRule::new(training, inner.parameters(), dtype);
        Self { inner, fault, when, rule, at: [0; 2], gradients, parameters }
    }

    fn shape(&self, parameter: usize) -> Shape {
        self.inner.parameters()[parameter].shape
    }

    /// Copies the gradients of the engine inside, with the fault in them.
    fn corrupt(&mut self) {
        let Self { inner, fault, gradients, .. } = self;
        let gathers = *fault == Fault::NotZeroed;
        for (index, held) in gradients.iter_mut().enumerate() {
            let gradient = inner.gradient(index).values;
            if gathers && held.values().len() == gradient.len() {
                held.change(|place, before| before + gradient.at(place));
            } else {
                held.assign(gradient);
            }
        }
        match *fault {
            _ if !(self.when)(self.at[0]) => {}
            Fault::GradientTimes(factor) => gradients.iter_mut().for_each(|held| held.change(|_, x| factor * x)),
            Fault::SignFlipped(index) => {
                let flipped = median(&wide(&gradients[index]));
                gradients[index].change(|place, x| if Some(place) == flipped { -x } else { x });
            }
            Fault::ColumnsZeroed(index) => {
                let columns = inner.parameters()[index].shape.last().copied().unwrap_or(1);
                gradients[index].change(|place, x| if place % columns % 2 == 1 { 0.0 } else { x });
            }
            Fault::Reversed(index) => {
                let values = wide(&gradients[index]);
                gradients[index].change(|place, _| values[values.len() - 1 - place]);
            }
            Fault::NotZeroed => {}
        }
    }
}

fn wide(held: &Owned) -> Vec<f64> {
    let mut values = Vec::new();
    held.view(Shape::new(&[])).widen_into(&mut values);
    values
}

/// The place of the median magnitude among what is not 0.
fn median(values: &[f64]) -> Option<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&place| values[place] != 0.0).collect();
    order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
    order.get(order.len() / 2).copied()
}

impl Engine for Faulty {
    inner! {
        describe set_threads supports tensors load loss tensor activation output_gradient
        activation_gradient
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.at = [batch.step, batch.epoch];
        self.inner.forward(batch)
    }

    fn backward(&mut self) -> Result<()> {
        self.inner.backward()?;
        self.corrupt();
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        for (index, parameter) in self.parameters.iter_mut().enumerate() {
            parameter.assign(self.inner.tensor(index).values);
        }
        self.rule.update(self.at, &mut self.parameters, &self.gradients);
        for (index, parameter) in self.parameters.iter().enumerate() {
            let shape = self.inner.parameters()[index].shape;
            self.inner.load(index, parameter.view(shape))?;
        }
        Ok(())
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        if self.gradients[parameter].values().is_empty() {
            return self.inner.gradient(parameter);
        }
        self.gradients[parameter].view(self.shape(parameter))
    }
}
