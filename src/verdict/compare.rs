//! An experiment, run in both engines and judged: what commands and studies call.

use super::{Curves, Divergence, Judge, Measured, Mode, Speed, Verdict};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    lockstep::{Engines, Lockstep, Observer, STOCK, timer_us},
    noise::Limits,
};
use std::{collections::BTreeMap, sync::atomic::AtomicBool, time::Instant};

/// How an experiment is compared.
#[derive(Clone, Copy)]
pub struct Comparison<'a> {
    /// How the candidate is run.
    pub mode: Mode,
    /// The step that a probe compares.
    pub at: usize,
    /// What makes its engines.
    pub engines: Engines<'a>,
    /// What its limits are derived with.
    pub limits: Limits,
}

impl Default for Comparison<'_> {
    fn default() -> Self {
        Self { mode: Mode::Both, at: 0, engines: STOCK, limits: Limits::default() }
    }
}

/// Runs an experiment in both engines and judges it. `watching` is told of every step; `stop` ends the run. A free run
/// that drifts too far, though no phase shows why, is run again beside more twins.
///
/// # Errors
/// If an engine cannot be built or fails, or a probe's step lies past the end.
pub fn compare(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    environment: BTreeMap<String, String>,
    watching: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<(Verdict, Curves)> {
    let found = run(experiment, comparison, environment.clone(), watching, stop)?;
    let (verdict, again) = (&found.0, comparison.limits.again);
    let drifts = verdict.first_divergence.as_ref().is_some_and(Divergence::is_drift);
    if !drifts || verdict.noise.twins >= again || verdict.interrupted {
        return Ok(found);
    }
    let mut experiment = experiment.clone();
    experiment.noise.twins = Some(again);
    let second = run(&experiment, comparison, environment, watching, stop)?;
    Ok(if second.0.interrupted { found } else { second })
}

fn run(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    environment: BTreeMap<String, String>,
    watching: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<(Verdict, Curves)> {
    let start = Instant::now();
    let Comparison { mode, at, engines, limits } = comparison;
    let mut lockstep = Lockstep::with(experiment, mode, engines)?;
    let all = lockstep.steps;
    let (steps, only) = if mode == Mode::Probe { (at.saturating_add(1), Some(at)) } else { (all, None) };
    if steps > all {
        return Err(Error::Usage(format!(
            "--at {at} lies past the end: the experiment has {all} steps, numbered from 0"
        )));
    }
    let mut judge = Judge::with(experiment, mode, &lockstep, engines, limits);
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
