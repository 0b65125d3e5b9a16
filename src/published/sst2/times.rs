//! How long an epoch takes in both engines, by batch size, and what a look at the dev rows costs beside it.

use super::sweeps::SIZES;
use crate::{
    data::set::Which,
    error::Result,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, quartiles},
};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Blocks of each engine, in turn.
const BLOCKS: usize = 5;
/// Rows of a block, about.
const ROWS: usize = 1024;
/// Sizes that libtorch is timed at: the dense rows of the next one fill 660 MB.
pub(super) const LARGEST_DENSE: usize = 4096;
/// A block's steps.
const STEPS: [usize; 2] = [2, 200];
const MICROSECONDS: f64 = 1e6;

/// Times at one batch size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Time {
    pub(super) size: usize,
    pub(super) steps_per_epoch: usize,
    /// Microseconds of a step: median of the blocks, reference (NaN where it is not timed) and candidate.
    pub(super) step_us: [Option<f64>; 2],
    /// Microseconds of a look at the dev rows, likewise.
    pub(super) look_us: [Option<f64>; 2],
}

impl Time {
    /// Seconds of an epoch of a side.
    pub(super) fn epoch_s(&self, side: usize) -> f64 {
        self.step_us[side].map_or(f64::NAN, |step| step * self.steps_per_epoch as f64 / MICROSECONDS)
    }

    /// What a look costs, in steps of the same side.
    pub(super) fn look_in_steps(&self, side: usize) -> f64 {
        match (self.look_us[side], self.step_us[side]) {
            (Some(look), Some(step)) => look / step,
            _ => f64::NAN,
        }
    }

    /// How many times as long the reference takes.
    pub(super) fn ratio(&self) -> f64 {
        self.epoch_s(0) / self.epoch_s(1)
    }
}

/// Times every batch size, with one thread and nothing beside it.
pub(super) fn measure(context: &Context<'_>, on: &dyn Fn(&[String]) -> Result<Experiment>) -> Result<Vec<Time>> {
    context.once("time by batch size", || {
        SIZES.into_iter().map(|size| of_size(context, size, &on(&[format!("training.batch_size={size}")])?)).collect()
    })
}

fn of_size(context: &Context<'_>, size: usize, experiment: &Experiment) -> Result<Time> {
    let mut sides = [None, Some(Alone::new(experiment, RunSide::Candidate)?)];
    if size <= LARGEST_DENSE {
        sides[0] = Some(Alone::new(experiment, RunSide::Reference)?);
    }
    let steps = (ROWS / size).clamp(STEPS[0], STEPS[1]);
    let mut blocks = [const { (Vec::new(), Vec::new()) }; 2];
    // The first block warms up.
    for block in 0..=BLOCKS {
        context.go_on()?;
        for (side, (of_steps, of_looks)) in sides.iter_mut().zip(&mut blocks) {
            let Some(alone) = side else { continue };
            let start = Instant::now();
            for _ in 0..steps {
                alone.step()?;
            }
            let trained = start.elapsed();
            alone.scores(&experiment.set, Which::Validation)?;
            if block > 0 {
                of_steps.push(trained.as_secs_f64() * MICROSECONDS / steps as f64);
                of_looks.push((start.elapsed() - trained).as_secs_f64() * MICROSECONDS);
            }
        }
    }
    let median = |values: &Vec<f64>| (!values.is_empty()).then(|| quartiles(values)[1]);
    let [(reference, looks), (candidate, own_looks)] = &blocks;
    let steps_per_epoch = sides[1].as_ref().map_or(0, Alone::steps_per_epoch);
    Ok(Time {
        size,
        steps_per_epoch,
        step_us: [median(reference), median(candidate)],
        look_us: [median(looks), median(own_looks)],
    })
}
