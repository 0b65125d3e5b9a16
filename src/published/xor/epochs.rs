//! Claims about how long training takes: without biases, at twice the rate, from other initial weights.
//!
//! Trained by the engine from scratch alone, which the parity runs show to be the reference's equal; the posted seed
//! is trained by the reference too.

use super::parity;
use crate::{
    error::Result,
    run::{Alone, RunSide},
    study::{Context, owned, quartiles},
};
use serde::{Deserialize, Serialize};

/// Seeds of each set-up.
const SEEDS: u64 = 50;

/// "Near 0 loss": a mean squared error below this; outputs are then within 0.1 of their targets.
pub(super) const NEAR_ZERO: f64 = 0.01;

/// Epochs after which a run counts as stuck.
const PATIENCE: usize = 100_000;

/// Epochs to near 0 of one set-up, over seeds.
#[derive(Serialize, Deserialize)]
pub(super) struct Epochs {
    /// By seed; `None` where a run got stuck.
    pub(super) by_seed: Vec<Option<f64>>,
    /// At the posted seed, trained by the reference.
    pub(super) posted: Option<f64>,
}

impl Epochs {
    /// Quartiles of the runs that got there.
    pub(super) fn quartiles(&self) -> [f64; 3] {
        quartiles(&self.by_seed.iter().copied().flatten().collect::<Vec<_>>())
    }

    /// How many of the runs got there.
    pub(super) fn reached(&self) -> String {
        format!("{} of {}", self.by_seed.iter().flatten().count(), self.by_seed.len())
    }

    /// Quartiles of the ratio to another set-up, seed by seed, where both got there.
    pub(super) fn ratio(&self, other: &Self) -> [f64; 3] {
        let pairs = self.by_seed.iter().zip(&other.by_seed);
        quartiles(&pairs.filter_map(|(one, other)| Some((*one)? / (*other)?)).collect::<Vec<_>>())
    }
}

/// The set-ups whose epochs the claims compare.
pub(super) struct Found {
    pub(super) with_bias: Epochs,
    pub(super) without_bias: Epochs,
    /// Without biases, lr 0.6, PyTorch's initial weights; as the answer trains.
    pub(super) twice_the_rate: Epochs,
    /// The same from truncated normal weights.
    pub(super) truncated: Epochs,
}

/// Trains every set-up.
pub(super) fn find(context: &Context<'_>) -> Result<Found> {
    let run = |name: &str, sets: &[&str]| -> Result<Epochs> {
        let epochs = |seed: u64, engine: &str, patience: usize| -> Result<Option<f64>> {
            let mut sets = owned(sets);
            sets.extend([format!("seed={seed}"), format!("reference.engine={engine}")]);
            let mut alone = Alone::new(&parity(&sets)?, RunSide::Reference)?;
            for step in 1..=patience {
                if alone.step()? < NEAR_ZERO {
                    return Ok(Some(step as f64));
                }
            }
            Ok(None)
        };
        context.once(&format!("epochs to near 0: {name}"), || {
            let mut by_seed = Vec::new();
            for seed in 0..SEEDS {
                context.go_on()?;
                by_seed.push(epochs(seed, "scratch", PATIENCE)?);
            }
            // The reference is some hundred times slower: it is trained where the end is known to be near.
            let posted = match by_seed.first() {
                Some(&Some(known)) => epochs(0, "torch", 2 * known as usize)?,
                _ => None,
            };
            Ok(Epochs { by_seed, posted })
        })
    };
    Ok(Found {
        with_bias: run("with biases", &[])?,
        without_bias: run("without", &["model.bias=false"])?,
        twice_the_rate: run("at twice the rate", &["model.bias=false", "training.optimizer.sgd.lr=0.6"])?,
        truncated: run(
            "truncated normal",
            &["model.bias=false", "training.optimizer.sgd.lr=0.6", "model.init=truncated-normal"],
        )?,
    })
}
