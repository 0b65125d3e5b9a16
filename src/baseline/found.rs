//! One experiment as it is now.

use super::{
    deviation::{Deviation, deviations},
    entry::Entry,
    waiver::{Waived, idle, refuse, waived},
};
use crate::{
    error::Result,
    experiment::{Experiment, Waiver},
    judge::verdict::Verdict,
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
}

impl Found {
    /// What was found of an experiment in a folder; decisions are those that hold `today`.
    pub fn new(experiment: &Experiment, folder: &Path, verdict: Verdict, today: &str) -> Self {
        let all = deviations(experiment, &verdict);
        let entry = Entry::new(experiment, folder, &verdict, &all);
        let idle = idle(&experiment.accepted, &all).cloned().collect();
        let decided = |deviation: Deviation| {
            let waived = waived(&experiment.accepted, &deviation, today);
            (deviation, waived)
        };
        let deviations = all.into_iter().map(decided).collect();
        Self { entry, verdict, deviations, idle, origin: experiment.origin("").to_owned() }
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
