//! Engines with a fault put into them: what shows that a fault is found, and where.
//!
//! The engine inside does the work; what it is given, lends or keeps is changed on the way, so that any engine can have
//! any of these. Each fault belongs to one phase, and the phases after it go by what it made. [`with_faults`] puts in
//! those of an experiment; a [`Fault`] of the gradient is for studies. The mistakes in formulas ([`training::Fault`])
//! are the scratch engine's own.

/// The methods that a wrapper leaves to the engine `inner`.
macro_rules! inner {
    ($($method:ident)*) => { $(inner!(@ $method);)* };
    (@ describe) => { fn describe(&self) -> $crate::engine::Description { self.inner.describe() } };
    (@ set_threads) => { fn set_threads(&mut self, threads: usize) { self.inner.set_threads(threads); } };
    (@ supports) => {
        fn supports(&self, side: &$crate::experiment::Side) -> $crate::error::Result<()> { self.inner.supports(side) }
    };
    (@ tensors) => { fn tensors(&self) -> &[$crate::model::Parameter] { self.inner.tensors() } };
    (@ load) => {
        fn load(&mut self, tensor: usize, values: $crate::tensor::View<'_>) -> $crate::error::Result<()> {
            self.inner.load(tensor, values)
        }
    };
    (@ forward) => {
        fn forward(&mut self, batch: &$crate::data::Batch<'_>) -> $crate::error::Result<()> {
            self.inner.forward(batch)
        }
    };
    (@ loss) => {
        fn loss(&mut self, batch: &$crate::data::Batch<'_>) -> $crate::error::Result<f64> { self.inner.loss(batch) }
    };
    (@ backward) => { fn backward(&mut self) -> $crate::error::Result<()> { self.inner.backward() } };
    (@ update) => { fn update(&mut self) -> $crate::error::Result<()> { self.inner.update() } };
    (@ tensor) => { fn tensor(&self, tensor: usize) -> $crate::tensor::View<'_> { self.inner.tensor(tensor) } };
    (@ gradient) => {
        fn gradient(&self, parameter: usize) -> $crate::tensor::View<'_> { self.inner.gradient(parameter) }
    };
    (@ activation) => {
        fn activation(&self, layer: usize) -> $crate::tensor::View<'_> { self.inner.activation(layer) }
    };
    (@ activation_gradient) => {
        fn activation_gradient(&self, layer: usize) -> Option<$crate::tensor::View<'_>> {
            self.inner.activation_gradient(layer)
        }
    };
    (@ output_gradient) => { fn output_gradient(&self) -> $crate::tensor::View<'_> { self.inner.output_gradient() } };
}

mod frozen;
mod gradient;
mod per_sample;
mod transposed;

use super::Engine;
use crate::{
    error::{Error, Result},
    training::{self, Around, Maker, Training},
};

pub use gradient::{Fault, Faulty};

/// Puts the faults of a training that any engine can have into this one: gradients that are kept innermost, as they
/// become updates there, then one update for each row, then what belongs to single parameters, whatever was typed first.
///
/// # Errors
/// If a fault is of a parameter that the engine does not have, or cannot have that fault.
pub fn with_faults(engine: Box<dyn Engine>, training: &Training) -> Result<Box<dyn Engine>> {
    let of = |fault| if let Maker::Wrapper(fault) = training::Fault::made_by(fault) { Some(fault) } else { None };
    let mut faults: Vec<Around<'_>> = training.faults.iter().filter_map(of).collect();
    faults.sort_by_key(depth);
    faults.into_iter().try_fold(engine, |engine, fault| around(engine, fault, training))
}

/// Its place from the innermost on.
fn depth(fault: &Around<'_>) -> u8 {
    match fault {
        Around::GradientsNotZeroed => 0,
        Around::UpdatePerSample => 1,
        Around::Transposed(_) => 2,
        Around::Frozen(_) => 3,
    }
}

/// Puts one fault around an engine.
fn around(engine: Box<dyn Engine>, fault: Around<'_>, training: &Training) -> Result<Box<dyn Engine>> {
    let number = |name: &str| number(engine.as_ref(), name);
    Ok(match fault {
        Around::GradientsNotZeroed => Box::new(Faulty::new(engine, training, Fault::NotZeroed)),
        Around::UpdatePerSample => Box::new(per_sample::PerSample::new(engine)),
        Around::Transposed(name) => {
            let parameter = number(name)?;
            Box::new(transposed::Transposed::new(engine, parameter)?)
        }
        Around::Frozen(name) => {
            let parameter = number(name)?;
            Box::new(frozen::Frozen::new(engine, parameter))
        }
    })
}

/// The number of the parameter with this name.
fn number(engine: &dyn Engine, name: &str) -> Result<usize> {
    let names: Vec<&str> = engine.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    names.iter().position(|other| *other == name).ok_or_else(|| Error::Engine {
        engine: engine.describe().name,
        operation: "put a fault into a parameter".to_owned(),
        message: format!("there is no {name}; there are {}", names.join(", ")),
    })
}
