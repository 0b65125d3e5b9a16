//! What of a mismatch can be decided on: its causes, and the places that no cause explains.

use crate::{
    experiment::Experiment,
    judge::verdict::{Cause, Divergence, Outcome, Phase, Status, Verdict},
};
use std::collections::{BTreeMap, BTreeSet};

/// One thing in which the candidate is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// What it is.
    pub what: What,
    /// The phases in which it shows.
    pub phases: Vec<Phase>,
    /// What it does, in words.
    pub words: String,
    /// The key of the experiment to look at: `file:line`.
    pub origin: String,
}

/// What a [`Deviation`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A cause that fits.
    Cause {
        /// The catalogue's id.
        id: String,
        /// Its `--set`s.
        edits: Vec<String>,
        /// Whether a run proves it.
        proved: bool,
        /// Ids of others that fit as well.
        alternatives: Vec<String>,
    },
    /// Phase and tensor of a mismatch that no cause explains: `update/2.bias`.
    Place(String),
}

impl What {
    /// As it is called: the id, or the place.
    pub fn name(&self) -> &str {
        match self {
            Self::Cause { id, .. } => id,
            Self::Place(place) => place,
        }
    }
}

/// Every deviation of a mismatch; at least one.
pub(super) fn deviations(experiment: &Experiment, verdict: &Verdict) -> Vec<Deviation> {
    if verdict.verdict != Outcome::Mismatch {
        return Vec::new();
    }
    let causes = || verdict.causes.iter().filter(|cause| cause.status != Status::Unexplained);
    let mut explained: BTreeSet<Phase> = causes().flat_map(|cause| cause.phases.iter().copied()).collect();
    // What proves all causes is at parity in evaluation mode, too.
    let proved = !verdict.causes.is_empty() && verdict.causes.iter().all(|cause| cause.status == Status::Confirmed);
    let evaluation = verdict.first_of(Phase::Evaluation).filter(|_| proved).map(|_| Phase::Evaluation);
    explained.extend(evaluation);
    let mut places: BTreeMap<String, (Phase, String)> = BTreeMap::new();
    let mut put = |phase: Phase, tensor: &str, words: String| {
        places.entry(format!("{}/{tensor}", phase.name())).or_insert((phase, words));
    };
    for difference in verdict.start.iter().filter(|difference| difference.kind.is_of_numbers()) {
        put(Phase::Start, &difference.tensor, format!("{} starts otherwise", difference.tensor));
    }
    let firsts = verdict.phases.values().filter_map(|summary| summary.first_divergence.as_ref());
    let first = verdict.first_divergence.as_ref().filter(|first| first.phase != Phase::Start);
    // The drift of a free run follows from what phases show.
    let of_drift = |at: &&Divergence| at.is_drift() && !explained.is_empty();
    for at in firsts.chain(first).filter(|at| !explained.contains(&at.phase) && !of_drift(at)) {
        put(at.phase, &at.tensor, format!("{} goes wrong in {} at step {}", at.tensor, at.phase.name(), at.step));
    }
    for found in verdict.non_finite.iter().filter(|found| found.is_fault() && !explained.contains(&found.phase)) {
        put(found.phase, &found.tensor, format!("{} is {} at step {}", found.tensor, found.what, found.step));
    }
    let of_cause = causes().map(|cause| Deviation {
        what: what(cause),
        phases: cause.phases.iter().copied().chain(evaluation).collect(),
        words: cause.summary.clone(),
        origin: blamed(experiment, cause),
    });
    let of_place = places.into_iter().map(|(place, (phase, words))| Deviation {
        what: What::Place(place),
        phases: vec![phase],
        words,
        origin: experiment.origin(table(phase)).to_owned(),
    });
    of_cause.chain(of_place).collect()
}

fn what(cause: &Cause) -> What {
    What::Cause {
        id: cause.id.clone(),
        edits: cause.edits.clone(),
        proved: cause.status == Status::Confirmed,
        alternatives: cause.alternatives.iter().map(|other| other.id.clone()).collect(),
    }
}

/// Whether two lists of `--set`s are the same, but for the digits of constants that were measured, which are as good as those of f32.
pub(super) fn same_edits(one: &[String], other: &[String]) -> bool {
    const CLOSE: f64 = 1e-3;
    let apart = |letter: char| " =[]{},\"".contains(letter);
    let parts = |edits: &[String]| -> Vec<String> { edits.join(" ").split(apart).map(str::to_owned).collect() };
    let (one, other) = (parts(one), parts(other));
    let close = |a: &str, b: &str| {
        a.parse::<f64>()
            .ok()
            .zip(b.parse::<f64>().ok())
            .is_some_and(|(a, b)| (a - b).abs() <= CLOSE * a.abs().max(b.abs()))
    };
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a == b || close(a, b))
}

/// Where the candidate says what a cause names; else the table of the phase.
fn blamed(experiment: &Experiment, cause: &Cause) -> String {
    let keys = cause.edits.iter().filter_map(|edit| edit.strip_prefix("reference.")?.split_once('='));
    let named = keys.map(|(key, _)| key).find(|key| *key != "training.faults" && *key != "engine");
    let faults = experiment.candidate.training.faults.first().map(|_| "training.faults");
    let phase = cause.phases.first().copied().unwrap_or(Phase::Update);
    experiment.origin(named.or(faults).unwrap_or(table(phase))).to_owned()
}

/// The key of an experiment that a phase depends on.
fn table(phase: Phase) -> &'static str {
    match phase {
        Phase::Start => "model.init",
        Phase::Batch => "data",
        Phase::Forward | Phase::Backward | Phase::Evaluation => "model.layers",
        Phase::Loss => "training.loss",
        Phase::Update => "training.optimizer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_the_same_up_to_the_digits_of_what_was_measured() {
        let same = |one: &str, other: &str| same_edits(&[one.to_owned()], &[other.to_owned()]);
        assert!(same("reference.training.optimizer.sgd.lr=0.11937", "reference.training.optimizer.sgd.lr=0.11938"));
        assert!(same("reference.training.faults=[{ scaled = 2.00001 }]", "reference.training.faults=[{ scaled = 2 }]"));
        assert!(!same("reference.training.optimizer.adam.eps=1e-7", "reference.training.optimizer.adam.eps=1e-6"));
        assert!(!same("reference.training.optimizer.sgd.lr=0.1", "reference.training.optimizer.sgd.momentum=0.1"));
        assert!(!same("reference.training.faults=[a]", "reference.training.faults=[a, b]"));
    }
}
