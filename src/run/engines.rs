//! What makes the engines of a run.

use crate::{
    engine::{Engine, Recorded, faulty},
    error::{Error, Result},
    experiment::{EngineKind, Side},
    tensor::{DType, Owned, Shape, Values},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Inputs and outputs of all layers for one batch: 2 GB in f64, of which a run holds several copies.
const MOST_ACTIVATIONS: usize = 250_000_000;

/// Loads values held in f64 into an engine that computes in `dtype`.
///
/// # Errors
/// If the shape is not the parameter's.
pub fn load(engine: &mut dyn Engine, parameter: usize, shape: Shape, values: &[f64], dtype: DType) -> Result<()> {
    let mut own = Owned::new(dtype);
    own.assign(Values::F64(values));
    engine.load(parameter, own.view(shape))
}

/// What an engine is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// To define what is right.
    Reference,
    /// To be judged.
    Candidate,
    /// To say in f64 what the reference's definition is.
    Referee,
}

/// Makes the engine of a side, for batches of at most so many rows.
pub type Engines<'a> = &'a dyn Fn(Role, &Side, usize) -> Result<Box<dyn Engine>>;

/// The engines of this crate.
pub const STOCK: Engines<'static> = &|_, side, rows| build(side, rows);

/// The engine that a side asks for, with the faults that it is to have.
///
/// # Errors
/// If it cannot be built, or this program was built without it.
pub fn build(side: &Side, capacity: usize) -> Result<Box<dyn Engine>> {
    let columns: usize = side.model.inputs + side.model.widths().iter().sum::<usize>();
    if capacity.saturating_mul(columns) > MOST_ACTIVATIONS {
        return Err(Error::Usage(format!(
            "a batch of {capacity} rows needs {columns} numbers for each of them, {MOST_ACTIVATIONS} in all fit; set a \
             smaller training.batch_size, or narrower layers"
        )));
    }
    let engine: Box<dyn Engine> = match &side.engine {
        EngineKind::Recorded(recording) => Box::new(Recorded::new(Arc::clone(recording), &side.model)),
        EngineKind::Exact => {
            return Err(Error::Usage(
                "engine = \"exact\" is the judge's: it trains in `lockstep run` alone".to_owned(),
            ));
        }
        EngineKind::Scratch => crate::engine::scratch::build(&side.model, &side.training, side.dtype, capacity),
        #[cfg(feature = "torch")]
        EngineKind::Torch => Box::new(crate::engine::torch::Torch::new(&side.model, &side.training, side.dtype)?),
        #[cfg(not(feature = "torch"))]
        EngineKind::Torch => {
            return Err(Error::Usage(
                "this program was built without libtorch; build it with the feature `torch`, or give the side another \
                 engine: --set reference.engine=scratch"
                    .to_owned(),
            ));
        }
    };
    faulty::with_faults(engine, &side.training)
}
