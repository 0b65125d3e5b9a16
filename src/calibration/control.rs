//! Runs at parity: how much of the noise they use where the constants are measured, and whether any is called a
//! mismatch where they are not.

use super::settings::{CALIBRATION, CONTROL, Setting};
use crate::study::{Context, sorted};
use crate::{
    error::Result,
    judge::{
        noise::Limits,
        verdict::{Outcome, Verdict},
    },
    run::{Mode, Phase},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seeds of each setting on which the constants are measured, and its steps.
pub(super) const SEEDS: u64 = 25;
pub(super) const STEPS: usize = 200;

/// Seeds of each setting, in f32 and in f64, on which false alarms are counted, and its steps. Other seeds than above.
pub(super) const CONTROL_SEEDS: std::ops::Range<u64> = 1000..1005;
pub(super) const CONTROL_STEPS: usize = 1000;

/// Numbers of twins that are tried.
pub(super) const TWINS: [usize; 3] = [1, 2, 4];

/// The place, among [`TWINS`], of the number that is run.
pub(super) fn held() -> usize {
    TWINS.iter().position(|&twins| twins == Limits::default().twins).unwrap_or_default()
}

/// One setting of the calibration.
pub(super) struct Calibrated {
    pub name: &'static str,
    /// By phase, what each run used at most of the noise, in ascending order.
    pub phases: BTreeMap<Phase, Vec<f64>>,
    /// For each number of twins, how many times as far as they each run drifted at most, in ascending order.
    pub drift: [Vec<f64>; 3],
    /// Ties of all runs.
    pub ties: usize,
}

/// One run at parity under the limits that hold.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Control {
    pub setting: usize,
    pub dtype: String,
    pub outcome: Outcome,
    /// Largest budgets by phase.
    pub phases: BTreeMap<Phase, f64>,
    pub drift: Option<f64>,
    pub horizon: Option<usize>,
    pub ties: usize,
    pub unjudged: usize,
    /// The verdict's first divergence, in words.
    pub first: Option<String>,
}

/// What one run of the calibration uses of the noise.
#[derive(Serialize, Deserialize)]
struct Used {
    phases: BTreeMap<Phase, Option<f64>>,
    drift: [Option<f64>; 3],
    ties: usize,
}

/// Measures the noise.
pub(super) fn calibrate(context: &Context<'_>, seeds: u64, steps: usize) -> Result<Vec<Calibrated>> {
    let jobs: Vec<(usize, u64)> =
        (0..CALIBRATION.len()).flat_map(|setting| (0..seeds).map(move |seed| (setting, seed))).collect();
    let runs = context.each(
        &jobs,
        |(setting, seed)| format!("noise of {}, seed {seed}", CALIBRATION[*setting].name),
        |&(setting, seed)| {
            let experiment = CALIBRATION[setting].experiment(steps, &[format!("seed={seed}")])?;
            // Limits of exactly the noise: budgets are shares of it, and what is called a mismatch means nothing.
            let mut used = Used { phases: BTreeMap::new(), drift: [None; 3], ties: 0 };
            for (place, twins) in TWINS.into_iter().enumerate() {
                let limits = Limits { k: 1.0, twins, again: 0, closely: false };
                let mode = if place == 0 { Mode::Both } else { Mode::Free };
                let verdict = context.silent(&experiment, mode, limits)?;
                used.drift[place] = drift(&verdict);
                if place == 0 {
                    used.phases = verdict.phases.iter().map(|(phase, summary)| (*phase, summary.budget)).collect();
                    used.ties = verdict.tied;
                }
            }
            Ok(used)
        },
    )?;
    let of = |setting: usize| {
        let used = || jobs.iter().zip(&runs).filter(move |((which, _), _)| *which == setting).map(|(_, used)| used);
        let phase = |phase: Phase| (phase, sorted(used().filter_map(|used| used.phases[&phase]).collect()));
        let drift = |twins: usize| sorted(used().filter_map(|used| used.drift[twins]).collect());
        Calibrated {
            name: CALIBRATION[setting].name,
            phases: Phase::COMPUTED.into_iter().map(phase).collect(),
            drift: [drift(0), drift(1), drift(2)],
            ties: used().map(|used| used.ties).sum(),
        }
    };
    Ok((0..CALIBRATION.len()).map(of).collect())
}

/// How many times as far as the twins that decide, where those of the first look do not, a run drifts at most.
#[cfg(all(test, feature = "torch"))]
pub(super) fn decided(context: &Context<'_>, setting: usize, seed: u64, steps: usize) -> Result<Option<f64>> {
    let experiment = CALIBRATION[setting].experiment(steps, &[format!("seed={seed}")])?;
    let limits = Limits { k: 1.0, twins: Limits::default().again, again: 0, closely: false };
    Ok(drift(&context.silent(&experiment, Mode::Free, limits)?))
}

/// Counts false alarms.
pub(super) fn control(context: &Context<'_>, seeds: std::ops::Range<u64>, steps: usize) -> Result<Vec<Control>> {
    let jobs: Vec<(usize, u64, &'static str)> = (0..CONTROL.len())
        .flat_map(|setting| seeds.clone().flat_map(move |seed| ["f32", "f64"].map(|dtype| (setting, seed, dtype))))
        .collect();
    let part = |(setting, seed, dtype): &(usize, u64, &str)| {
        format!("control of {}, {dtype}, seed {seed}", CONTROL[*setting].name)
    };
    context.each(&jobs, part, |&(setting, seed, dtype)| {
        let described: &Setting = &CONTROL[setting];
        let experiment = described.experiment(steps, &[format!("seed={seed}"), format!("dtype={dtype}")])?;
        let verdict = context.silent(&experiment, Mode::Both, Limits::default())?;
        Ok(Control {
            setting,
            dtype: dtype.to_owned(),
            outcome: verdict.verdict,
            phases: verdict.phases.iter().filter_map(|(phase, summary)| Some((*phase, summary.budget?))).collect(),
            drift: drift(&verdict),
            horizon: verdict.horizon,
            ties: verdict.tied,
            unjudged: verdict.unjudged.iter().map(|unjudged| unjudged.steps).sum(),
            first: verdict
                .first_divergence
                .as_ref()
                .map(|first| format!("seed {seed}: {}", crate::report::words::place(first))),
        })
    })
}

/// The largest budget of a free run's drift.
fn drift(verdict: &Verdict) -> Option<f64> {
    verdict.noise.drift.as_ref().and_then(|drift| drift.budget)
}
