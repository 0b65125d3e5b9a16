//! How long a mini-batch takes: as one batch, or sample by sample as in the document's framework.

use super::{by_sample::BySample, folds::Init};
use crate::study::Context;
use crate::{
    error::Result,
    experiment::{Experiment, RunSide},
    run::{Batches, prepared},
    study::quartiles,
};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Blocks of each way to train, in turn with the others'.
const ROUNDS: usize = 31;

/// Microseconds of a step on a mini-batch of 100, quartiles over blocks.
#[derive(Serialize, Deserialize)]
pub(super) struct Speed {
    pub(super) scratch: [f64; 3],
    pub(super) torch: [f64; 3],
    pub(super) scratch_by_sample: [f64; 3],
    pub(super) torch_by_sample: [f64; 3],
}

struct Timed {
    engine: Box<dyn crate::engine::Engine>,
    us: Vec<f64>,
    steps: usize,
}

/// Measures, on one thread, while nothing else of the study runs.
pub(super) fn measure(context: &Context<'_>) -> Result<Speed> {
    context.once("time of a mini-batch", || {
        let experiment = super::parity(&[Init::Custom.set().to_owned()])?;
        let mut batches = Batches::new(&experiment, RunSide::Reference)?;
        let mut all = timed(&experiment, batches.largest())?;
        for round in 0..=ROUNDS {
            context.go_on()?;
            for way in &mut all {
                let us = way.block(&experiment, &mut batches)?;
                // The first block warms up.
                if round > 0 {
                    way.us.push(us);
                }
            }
        }
        let [scratch, torch, scratch_by_sample, torch_by_sample] = all.map(|way| quartiles(&way.us));
        Ok(Speed { scratch, torch, scratch_by_sample, torch_by_sample })
    })
}

/// The four ways: blocks of some milliseconds each, whole epochs.
fn timed(experiment: &Experiment, rows: usize) -> Result<[Timed; 4]> {
    let way = |which, by_sample: bool, steps| -> Result<Timed> {
        let engine = prepared(experiment, which, rows)?;
        let side = experiment.side(which);
        let engine = if by_sample { Box::new(BySample::new(engine, side)) } else { engine };
        Ok(Timed { engine, us: Vec::new(), steps })
    };
    let (torch, scratch) = (RunSide::Reference, RunSide::Candidate);
    Ok([way(scratch, false, 100)?, way(torch, false, 20)?, way(scratch, true, 10)?, way(torch, true, 1)?])
}

impl Timed {
    /// Microseconds of a step, over a block.
    fn block(&mut self, experiment: &Experiment, batches: &mut Batches) -> Result<f64> {
        let dtype = experiment.reference.dtype;
        let start = Instant::now();
        for step in 0..self.steps {
            batches.prepare(step);
            batches.lend(dtype, |batch, _| self.engine.step(batch))?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e6 / self.steps as f64)
    }
}
