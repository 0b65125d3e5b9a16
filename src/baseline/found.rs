//! One experiment as it is now.

use super::{
    deviation::{Deviation, deviations},
    entry::Entry,
    waiver::{Waived, idle, refuse, waived},
};
use crate::{
    error::Result,
    experiment::{Experiment, Waiver},
    judge::verdict::{Curves, Verdict},
};
use std::path::Path;

/// One experiment as it is now.
#[derive(Debug, Clone)]
pub struct Found {
    /// What a baseline would keep of it.
    pub entry: Entry,
    /// All of it.
    pub verdict: Verdict,
    /// What is not as it should be, and what was decided on it.
    pub deviations: Vec<(Deviation, Waived)>,
    /// Decisions on what is not there.
    pub idle: Vec<Waiver>,
    /// Where the experiment begins: `file:1`.
    pub origin: String,
    /// Of the phase in which it first goes wrong, its budget at some steps from the first to the last.
    pub budgets: Vec<(usize, f32)>,
}

/// Points of a picture.
const POINTS: usize = 32;

/// Budgets of the phase that goes wrong, of steps from the first to the last.
fn picked(verdict: &Verdict, curves: &Curves) -> Vec<(usize, f32)> {
    let wrong = verdict.phases.iter().find(|(_, summary)| summary.first_divergence.is_some());
    let Some(budgets) = wrong.and_then(|(phase, _)| curves.budgets.get(phase)) else { return Vec::new() };
    let replayed = curves.steps.iter().copied().zip(budgets.iter().copied()).filter(|(_, budget)| *budget >= 0.0);
    let all: Vec<(usize, f32)> = replayed.collect();
    let mut picked: Vec<(usize, f32)> =
        (0..POINTS).filter_map(|point| all.get(point * all.len().saturating_sub(1) / (POINTS - 1)).copied()).collect();
    picked.dedup();
    picked
}

impl Found {
    /// What was found of an experiment in a folder; decisions are those that hold `today`.
    pub fn new(experiment: &Experiment, folder: &Path, (verdict, curves): (Verdict, &Curves), today: &str) -> Self {
        let all = deviations(experiment, &verdict);
        let budgets = picked(&verdict, curves);
        let entry = Entry::new(experiment, folder, &verdict, &all);
        let idle = idle(&experiment.accepted, &all).cloned().collect();
        let decided = |deviation: Deviation| {
            let waived = waived(&experiment.accepted, &deviation, today);
            (deviation, waived)
        };
        let deviations = all.into_iter().map(decided).collect();
        Self { entry, verdict, deviations, idle, origin: experiment.origin("").to_owned(), budgets }
    }

    /// Refuses decisions on what there cannot be, before anything runs.
    ///
    /// # Errors
    /// If a cause or a phase is unknown.
    pub fn may(experiment: &Experiment) -> Result<()> {
        refuse(&experiment.accepted)
    }

    /// What its figures depend on.
    pub fn environment(&self) -> &str {
        self.entry.gaps.keys().next().map_or("", String::as_str)
    }

    /// The deviations that were not decided on.
    pub fn undecided(&self) -> impl Iterator<Item = &Deviation> {
        self.deviations.iter().filter(|(_, waived)| *waived == Waived::Not).map(|(deviation, _)| deviation)
    }
}
