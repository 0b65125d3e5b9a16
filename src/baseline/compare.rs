//! An experiment as it is now, held against what was accepted of it.

use super::{
    deviation::{Deviation, What, same_edits},
    entry::{Entry, Figure, First, two_digits},
    found::Found,
    waiver::Waived,
};
use crate::{
    experiment::Waiver,
    judge::verdict::{Outcome, Phase},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many times its noise a gap may be, of how many times its noise it was, or of that noise if it was below it.
///
/// Healthy engines differ by less: of 160 experiments (five networks, f32 and f64, eight seeds, 3 and 40 steps) each was trained
/// by four engines (ours, and libtorch's AVX-512, AVX2 and plain code). Of 4548 pairs in which one was beyond its noise, it was
/// at most 1.52 times the other. At parity a gap is at most 3 times its noise, so that with 2 what was within two thirds of its
/// limit cannot go to the whole of it unseen, and what was above that is a mismatch first.
const GAP_FACTOR: f64 = 2.0;

/// How many times its accepted class the smallest fault that would have shown may be.
///
/// In the same runs it differed by at most 1.38 in 9600 pairs. A class is at most 2.5 times what it was made of, so that a loss of
/// power by 5 is always found, and one by less than 2 never.
const POWER_FACTOR: f64 = 2.0;

/// Something that is not as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it means.
    pub kind: Kind,
    /// A sentence without its full stop.
    pub words: String,
    /// Where to look: `file:line`.
    pub origin: String,
}

/// What a [`Change`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is worse.
    Regression,
    /// It is better.
    Improvement,
    /// A deviation that was decided on.
    Decided,
    /// It is told, and means neither.
    Note,
    /// The baseline has no figures of this environment.
    Unmeasured,
}

/// What changed, in the order in which it is told.
pub fn against(was: &Entry, now: &Found) -> Vec<Change> {
    let mut told = Told { was, now, changes: Vec::new() };
    told.outcome();
    told.deviations();
    told.structure();
    told.power();
    told.gaps();
    told.changes.sort_by_key(|change| change.kind);
    told.changes
}

/// What is told of an experiment without an entry: what was decided, and what was not.
pub(super) fn alone(now: &Found) -> Vec<Change> {
    let mut changes: Vec<Change> = now.deviations.iter().filter_map(|(of, waived)| decided(of, waived)).collect();
    changes.extend(now.undecided().map(|deviation| Change {
        kind: Kind::Regression,
        words: called(deviation),
        origin: deviation.origin.clone(),
    }));
    changes.sort_by_key(|change| change.kind);
    changes
}

/// A deviation in words: `other-eps: the candidate has another ε`.
fn called(deviation: &Deviation) -> String {
    format!("{}: {}", deviation.what.name(), deviation.words)
}

fn until(waiver: &Waiver) -> String {
    waiver.until.as_ref().map_or(String::new(), |until| format!(", until {until}"))
}

/// What was decided on a deviation.
fn decided(deviation: &Deviation, waived: &Waived) -> Option<Change> {
    let name = deviation.what.name();
    match waived {
        Waived::Accepted(waiver) => Some(Change {
            kind: Kind::Decided,
            words: format!("{name} is accepted{}: {}", until(waiver), waiver.why),
            origin: waiver.origin.clone(),
        }),
        Waived::Expired(waiver) => Some(Change {
            kind: Kind::Regression,
            words: format!(
                "{}; it was accepted until {}, which is past: {}",
                called(deviation),
                waiver.until.as_deref().unwrap_or_default(),
                waiver.why
            ),
            origin: waiver.origin.clone(),
        }),
        Waived::Not => None,
    }
}

struct Told<'a> {
    was: &'a Entry,
    now: &'a Found,
    changes: Vec<Change>,
}

impl Told<'_> {
    fn tell(&mut self, kind: Kind, words: impl Into<String>) {
        let origin = self.now.origin.clone();
        self.changes.push(Change { kind, words: words.into(), origin });
    }

    fn outcome(&mut self) {
        let (was, now) = (self.was.outcome, self.now.entry.outcome);
        match (was, now) {
            // Of a mismatch its deviations tell.
            (_, Outcome::Mismatch)
            | (Outcome::Parity, Outcome::Parity)
            | (Outcome::Inconclusive, Outcome::Inconclusive) => {}
            (Outcome::Parity | Outcome::Mismatch, Outcome::Inconclusive) => {
                self.tell(Kind::Regression, format!("nothing can be said any more, where there was {was}"));
            }
            (Outcome::Mismatch | Outcome::Inconclusive, Outcome::Parity) => {
                self.tell(Kind::Improvement, format!("parity, where it was {was}"));
            }
        }
    }

    fn deviations(&mut self) {
        for (deviation, waived) in &self.now.deviations {
            self.changes.extend(decided(deviation, waived).or_else(|| self.undecided(deviation)));
        }
        for waiver in &self.now.idle {
            let words =
                format!("{} was accepted, and is not there any more; take that out of `accepted`", waiver.name());
            self.changes.push(Change { kind: Kind::Note, words, origin: waiver.origin.clone() });
        }
        if self.now.entry.outcome == Outcome::Mismatch {
            let there: BTreeSet<&str> =
                self.now.deviations.iter().flat_map(|(deviation, _)| names(&deviation.what)).collect();
            let causes = self.was.causes.iter().map(|named| named.cause.as_str());
            let gone = causes.chain(self.was.places.iter().map(String::as_str)).filter(|name| !there.contains(name));
            let words: Vec<String> = gone.map(|name| format!("{name} is not there any more")).collect();
            words.into_iter().for_each(|words| self.tell(Kind::Improvement, words));
        }
    }

    /// Of a deviation that nobody decided on, how it is new.
    fn undecided(&self, deviation: &Deviation) -> Option<Change> {
        let change = |kind, words| Some(Change { kind, words, origin: deviation.origin.clone() });
        match &deviation.what {
            What::Cause { edits, proved, .. } => {
                let known = self.was.causes.iter().find(|known| names(&deviation.what).contains(&known.cause.as_str()));
                match known {
                    Some(known) if known.proved && !proved => {
                        change(Kind::Regression, format!("{}; it was proved, and is not any more", called(deviation)))
                    }
                    Some(known) if same_edits(&known.edits, edits) || known.cause != deviation.what.name() => None,
                    Some(known) => {
                        let (now, was) = (edits.join(" "), known.edits.join(" "));
                        change(Kind::Regression, format!("{}; it is {now} now, and was {was}", called(deviation)))
                    }
                    None if self.was_unexplained(&deviation.phases) => {
                        change(Kind::Note, format!("what was unexplained has a cause now: {}", called(deviation)))
                    }
                    None => change(Kind::Regression, format!("a new cause, {}", called(deviation))),
                }
            }
            What::Place(place) if self.was.places.contains(place) => self.moved(place, deviation),
            What::Place(_) => change(Kind::Regression, format!("a new place, {}", called(deviation))),
        }
    }

    /// Whether a phase has a deviation that is new or was decided on: its gap and its power say nothing more.
    fn is_told(&self, phase: Phase) -> bool {
        let mut of = self.now.deviations.iter().filter(|(deviation, _)| deviation.phases.contains(&phase));
        of.any(|(deviation, waived)| *waived != Waived::Not || !self.was_there(deviation))
    }

    /// Whether a deviation was there when it was accepted.
    fn was_there(&self, deviation: &Deviation) -> bool {
        let names = names(&deviation.what);
        let mut causes = self.was.causes.iter().map(|known| &known.cause);
        causes.any(|known| names.contains(&known.as_str()))
            || self.was.places.iter().any(|known| names.contains(&known.as_str()))
    }

    /// Whether each of these phases went wrong without a cause.
    fn was_unexplained(&self, phases: &[Phase]) -> bool {
        let wrong = |phase: &Phase| self.was.places.iter().any(|place| place.split('/').next() == Some(phase.name()));
        phases.iter().all(wrong)
    }

    /// Of a place that is known, whether it looks otherwise, or comes earlier. The step depends on rounding where a deviation is
    /// small, so that it counts in the environments that were measured.
    fn moved(&self, place: &str, deviation: &Deviation) -> Option<Change> {
        let [was, now] =
            [self.was, &self.now.entry].map(|entry| entry.first.as_ref().filter(|first| is_at(first, place)));
        let (was, now) = (was?, now?);
        let measured = self.was.gaps.contains_key(self.now.environment());
        let words = if was.pattern != now.pattern {
            "it looks otherwise than it did"
        } else if now.step < was.step && measured {
            "it comes earlier than it did"
        } else {
            return None;
        };
        let words = format!("{}; {words} (step {} now, {} then)", called(deviation), now.step, was.step);
        Some(Change { kind: Kind::Regression, words, origin: deviation.origin.clone() })
    }

    fn structure(&mut self) {
        let (was, now) = (self.was, &self.now.entry);
        if was.parameters != now.parameters {
            let [was, now] = [was, now].map(|entry| entry.parameters.join(", "));
            self.tell(Kind::Regression, format!("the parameters are {now}, and were {was}"));
        }
        let lost = |one: &Entry, other: &Entry| -> Vec<&'static str> {
            one.judged.iter().filter(|phase| !other.judged.contains(phase)).map(|phase| phase.name()).collect()
        };
        let (lost, won) = (lost(was, now), lost(now, was));
        if !lost.is_empty() {
            self.tell(Kind::Regression, format!("{} is not judged any more", lost.join(", ")));
        }
        if !won.is_empty() {
            self.tell(Kind::Improvement, format!("{} is judged, too", won.join(", ")));
        }
    }

    fn power(&mut self) {
        let held =
            self.was.power.iter().map(|(phase, edge)| (*phase, *edge)).filter(|(phase, _)| !self.is_told(*phase));
        for (phase, was) in held.collect::<Vec<_>>() {
            let now = self.now.verdict.phases.get(&phase).and_then(|summary| summary.detectable);
            let of = format!("a factor of 1 ± {:e} on a tensor of {} would have shown", two_digits(was), phase.name());
            match now {
                // That it is not judged is told already.
                None if !self.now.entry.judged.contains(&phase) => {}
                None => self.tell(Kind::Regression, format!("less power: {of}, and now none for certain")),
                Some(now) if !(now <= POWER_FACTOR * was) => {
                    self.tell(Kind::Regression, format!("less power: {of}, and now 1 ± {:e}", two_digits(now)));
                }
                Some(now) if is_finer(now, was) => {
                    self.tell(Kind::Improvement, format!("more power: {of}, and now 1 ± {:e}", two_digits(now)));
                }
                Some(_) => {}
            }
        }
    }

    fn gaps(&mut self) {
        let environment = self.now.environment().to_owned();
        let Some(were) = self.was.gaps.get(&environment) else {
            let words = format!("the baseline has no gaps of {environment}; it has those of {}", others(self.was));
            self.tell(Kind::Unmeasured, words);
            return;
        };
        let now = self.now.entry.gaps.values().next().into_iter().flatten();
        let pairs: Vec<(Phase, Figure, Figure)> = now
            .filter(|(phase, _)| !self.is_told(**phase))
            .filter_map(|(phase, now)| Some((*phase, *were.get(phase)?, *now)))
            .collect();
        for (phase, was, now) in pairs {
            let words = || {
                let ([one, other], phase) = ([now, was].map(shown), phase.name());
                format!("the largest gap in {phase} is {one}; it was {other}")
            };
            if is_farther(now, was) {
                self.tell(Kind::Regression, words());
            } else if is_farther(was, now) {
                self.tell(Kind::Improvement, words());
            }
        }
    }
}

/// `3.4e-6, 2.6 times its noise`.
fn shown(figure: Figure) -> String {
    let times = figure.times_its_noise();
    let times = if times < 1e3 { format!("{times:.1}") } else { format!("{:e}", two_digits(times)) };
    format!("{:e}, {times} times its noise", figure.gap)
}

/// What a deviation may be called.
fn names(what: &What) -> Vec<&str> {
    match what {
        What::Cause { id, alternatives, .. } => std::iter::once(id).chain(alternatives).map(String::as_str).collect(),
        What::Place(place) => vec![place],
    }
}

fn is_at(first: &First, place: &str) -> bool {
    place.split_once('/') == Some((first.phase.name(), &first.tensor))
}

fn others(entry: &Entry) -> String {
    let names: Vec<&str> = entry.gaps.keys().map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("; ") }
}

/// Whether a power is better than that of a class, whatever that was made of.
pub(super) fn is_finer(now: f64, was: f64) -> bool {
    now * POWER_FACTOR * 2.5 < was
}

/// Whether a power is that of a class, as far as can be told.
pub(super) fn is_as_fine(now: f64, was: f64) -> bool {
    now <= POWER_FACTOR * was && !is_finer(now, was)
}

/// Whether a gap is beyond its noise, and beyond another one, by more than engines differ that are right.
pub(super) fn is_farther(now: Figure, was: Figure) -> bool {
    now.times_its_noise() > GAP_FACTOR * was.times_its_noise().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_within_its_noise_is_no_regression_whatever_it_was() {
        let figure = |times: f64| Figure { gap: times * 1e-7, noise: 1e-7 };
        for (was, now, farther) in
            [(0.0, 0.9, false), (0.0, 1.9, false), (0.0, 2.1, true), (1.4, 2.7, false), (1.4, 2.9, true)]
        {
            assert_eq!(is_farther(figure(now), figure(was)), farther, "{now} beside {was}");
        }
        // More noise explains a larger gap.
        assert!(!is_farther(Figure { gap: 1e-3, noise: 1e-3 }, figure(1.0)));
    }
}
