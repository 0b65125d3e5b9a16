//! From what was found to new entries: what is written is what is shown, and what is not worth a word stays as it was.

use super::{
    compare::{is_as_fine, is_farther},
    deviation::same_edits,
    entry::{Entry, Figure, NamedCause},
    file::{Baseline, rendered},
    found::Found,
};
use crate::judge::verdict::Phase;
use std::collections::BTreeMap;

/// What becomes of one entry.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The experiment's path from the baseline.
    pub name: String,
    /// The lines that go, with `-` before them, and those that come, with `+`.
    pub lines: Vec<String>,
}

impl Baseline {
    /// Takes in what was found of an experiment; what that changes, if it changes anything.
    pub fn take_in(&mut self, name: &str, found: &Found) -> Option<Renewal> {
        let was = self.experiments.get(name);
        let renewed = was.map_or_else(|| found.entry.clone(), |was| renewed(was, found));
        let renewal = renewal(name, was, Some(&renewed));
        self.experiments.insert(name.to_owned(), renewed);
        renewal
    }

    /// The lines in which another entry of an experiment differs from the one that is there.
    pub fn differences(&self, name: &str, other: &Entry) -> Vec<String> {
        renewal(name, self.experiments.get(name), Some(other)).map_or(Vec::new(), |renewal| renewal.lines)
    }

    /// Takes out the entry of an experiment that is not there any more.
    pub fn take_out(&mut self, name: &str) -> Option<Renewal> {
        let was = self.experiments.remove(name);
        renewal(name, was.as_ref(), None)
    }
}

/// The entry of the same experiment: what differs by less than engines do that are right stays, so that a change of the file
/// says that something changed. Of another experiment nothing stays.
fn renewed(was: &Entry, found: &Found) -> Entry {
    let now = &found.entry;
    if was.definition != now.definition {
        return now.clone();
    }
    let power = now.power.iter().map(|(phase, edge)| (*phase, power(*phase, *edge, was, found)));
    let mut gaps = was.gaps.clone();
    let environment = found.environment();
    let measured = gaps.contains_key(environment);
    let figures = gaps.entry(environment.to_owned()).or_default();
    *figures = now
        .gaps
        .get(environment)
        .into_iter()
        .flatten()
        .map(|(phase, now)| (*phase, kept(figures, *phase, *now)))
        .collect();
    // Where a place is the same, a small deviation shows some steps sooner or later in another environment.
    let place = |entry: &Entry| entry.first.as_ref().map(|first| (first.phase, first.tensor.clone(), first.pattern));
    let first = if !measured && place(was) == place(now) { &was.first } else { &now.first };
    let same = |one: &NamedCause, other: &NamedCause| {
        (&one.cause, one.proved) == (&other.cause, other.proved) && same_edits(&one.edits, &other.edits)
    };
    let known = |now: &NamedCause| was.causes.iter().find(|was| same(was, now)).unwrap_or(now).clone();
    let causes = now.causes.iter().map(known).collect();
    Entry { power: power.collect(), gaps, first: first.clone(), causes, ..now.clone() }
}

fn power(phase: Phase, edge: f64, was: &Entry, found: &Found) -> f64 {
    let detectable = found.verdict.phases.get(&phase).and_then(|summary| summary.detectable);
    match (was.power.get(&phase), detectable) {
        (Some(was), Some(now)) if is_as_fine(now, *was) => *was,
        (Some(_) | None, _) => edge,
    }
}

fn kept(figures: &BTreeMap<Phase, Figure>, phase: Phase, now: Figure) -> Figure {
    match figures.get(&phase) {
        Some(was) if !is_farther(now, *was) && !is_farther(*was, now) => *was,
        Some(_) | None => now,
    }
}

/// What differs between two entries, line by line.
fn renewal(name: &str, was: Option<&Entry>, now: Option<&Entry>) -> Option<Renewal> {
    let [was, now] = [was, now].map(|entry| entry.map_or(String::new(), |entry| rendered(name, entry)));
    let gone = was.lines().filter(|line| !now.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let come = now.lines().filter(|line| !was.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    let lines: Vec<String> = gone.chain(come).collect();
    (!lines.is_empty()).then(|| Renewal { name: name.to_owned(), lines })
}
