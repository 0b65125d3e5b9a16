//! An experiment, run in both engines and judged: what commands and studies call.

use super::{Curves, Judge, Measured, Mode, Speed, Verdict};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    lockstep::{Lockstep, Observer, timer_us},
};
use std::{collections::BTreeMap, sync::atomic::AtomicBool, time::Instant};

/// How an experiment is compared.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// How the candidate is run.
    pub mode: Mode,
    /// The step that a probe compares.
    pub at: usize,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { mode: Mode::Both, at: 0 }
    }
}

/// Runs an experiment in both engines and judges it. `watching` is told of every step; `stop` ends the run.
///
/// # Errors
/// If an engine cannot be built or fails, or a probe's step lies past the end.
pub fn compare(
    experiment: &Experiment,
    comparison: Comparison,
    environment: BTreeMap<String, String>,
    watching: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<(Verdict, Curves)> {
    let start = Instant::now();
    let Comparison { mode, at } = comparison;
    let mut lockstep = Lockstep::new(experiment, mode)?;
    let all = lockstep.steps;
    let (steps, only) = if mode == Mode::Probe { (at.saturating_add(1), Some(at)) } else { (all, None) };
    if steps > all {
        return Err(Error::Usage(format!(
            "--at {at} lies past the end: the experiment has {all} steps, numbered from 0"
        )));
    }
    let mut judge = Judge::new(experiment, mode, &lockstep);
    let mut measured = Measured { environment, ..Measured::default() };
    let (reference, candidate) = lockstep.describe();
    let sides = [("reference", &experiment.reference, reference), ("candidate", &experiment.candidate, candidate)];
    for (side, described, name) in sides {
        measured.environment.insert(side.to_owned(), format!("{name}: {}", described.model));
    }
    let ended = lockstep.run(steps, only, stop, &mut [&mut judge, watching])?;
    if ended.steps > 0 {
        measured.speed = Some(Speed { timer_us: timer_us(), run_s: start.elapsed().as_secs_f64(), ..Speed::default() });
    }
    Ok(judge.finish(ended, measured))
}
