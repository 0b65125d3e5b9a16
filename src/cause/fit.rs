//! Constants that nobody listed: one an edit, found at the first step apart, and then tried on the steps around it like any other.

use super::{
    Cause, Edit,
    edit::Range,
    search::{Question, Window},
    trial::Trial,
};
use crate::{error::Result, run::Phase};
use std::collections::BTreeSet;

/// Constants that are tried at first, evenly between the ends.
const POINTS: usize = 12;

/// How often ends close in at most, where nothing fits before.
const PASSES: usize = 14;

/// The pass after which those alone are followed that come closest.
const CHOOSING: usize = 5;

/// How many these are.
const FOLLOWED: usize = 8;

/// Whole numbers of which each is tried.
const MOST_COUNTED: usize = 256;

/// Digits that a constant is given by at most; one of these is tried by itself.
const MOST_DIGITS: usize = 7;

/// One constant on its way.
struct Sought {
    cause: &'static Cause,
    edit: Edit,
    range: Range,
    /// Between where it is sought now, on the range's own scale, and how far off it is there.
    ends: [(f64, f64); 2],
    /// The best point so far, and how far off it is.
    best: Option<(f64, f64)>,
    /// Whether the best one fits.
    fits: bool,
}

impl Sought {
    fn new(cause: &'static Cause, edit: Edit) -> Option<Self> {
        let range = edit.open?;
        let ends = range.ends().map(|end| (end, f64::INFINITY));
        Some(Self { cause, edit, range, ends, best: None, fits: false })
    }

    /// How far off it is at its best.
    fn off(&self) -> f64 {
        self.best.map_or(f64::INFINITY, |(_, off)| off)
    }

    /// Evenly at first; then where the distance, which falls evenly towards the right one, ends by how it falls from either
    /// end to the best, and close around that.
    fn points(&self) -> Vec<f64> {
        let [low, high] = self.ends.map(|(point, _)| point);
        let even = |from: f64, to: f64, count: usize| -> Vec<f64> {
            (1..=count).map(|point| from + (to - from) * point as f64 / (count + 1) as f64).collect()
        };
        let Some((best, off)) = self.best else { return even(low, high, POINTS) };
        let mut points = [even(low, best, 2), even(best, high, 2)].concat();
        for (end, off_there) in self.ends {
            let beyond = off * (best - end) / (off_there - off);
            points.extend([0.0, 1e-3, -1e-3, 0.1, -0.1].map(|part| best + beyond * (1.0 + part)));
        }
        points.retain(|point| low < *point && *point < high && *point != best);
        points
    }

    /// Takes in how far off its points are. The right one lies between the neighbours of the best.
    fn close_in(&mut self, off: &[(f64, f64)]) {
        let known: Vec<(f64, f64)> = off.iter().copied().chain(self.best).chain(self.ends).collect();
        let inner = off.iter().copied().chain(self.best);
        let Some(best) = inner.min_by(|one, other| one.1.total_cmp(&other.1)) else { return };
        let below = known.iter().filter(|known| known.0 < best.0).max_by(|one, other| one.0.total_cmp(&other.0));
        let above = known.iter().filter(|known| known.0 > best.0).min_by(|one, other| one.0.total_cmp(&other.0));
        self.ends = [*below.unwrap_or(&self.ends[0]), *above.unwrap_or(&self.ends[1])];
        self.best = Some(best);
    }

    /// The constant that was found, as the number of fewest digits first.
    fn closed(&self) -> Vec<Edit> {
        let Some(measured) = self.best.map(|(point, _)| self.range.constant(point)) else { return Vec::new() };
        let short = |value: f64, digits: usize| format!("{value:.digits$e}").parse::<f64>().unwrap_or(value);
        let mut numbers: Vec<f64> = Vec::new();
        for digits in 0..MOST_DIGITS {
            let direct = short(measured, digits);
            // 0.9995 is 5e-4 from 1.
            let from_one = short(1.0 - short(1.0 - measured, digits), MOST_DIGITS + 3);
            let near_one = matches!(self.range, Range::Share { .. }) && measured > 0.5;
            let both = [Some(direct), near_one.then_some(from_one)];
            numbers.extend(both.into_iter().flatten());
        }
        numbers.push(measured);
        let mut seen = BTreeSet::new();
        numbers.retain(|number| seen.insert(number.to_bits()));
        numbers.iter().map(|number| self.edit.at(*number, short(measured, MOST_DIGITS - 1))).collect()
    }
}

impl Question<'_> {
    /// Edits with constants that were found for phases that nothing explains, tried on all steps.
    pub(super) fn fitted(&self, left: &BTreeSet<Phase>) -> Result<Vec<Trial>> {
        let mut found = Vec::new();
        for phase in left {
            let edits = self.suggested(*phase).into_iter();
            let (counted, sought): (Vec<_>, Vec<_>) = edits
                .filter(|(_, edit)| edit.open.is_some())
                .partition(|(_, edit)| matches!(edit.open, Some(Range::Count { .. })));
            let mut trials: Vec<Trial> = counted.iter().flat_map(|(cause, edit)| self.counted(cause, edit)).collect();
            let mut constants = Vec::from_iter((0..trials.len()).map(|number| number..number + 1));
            for closed in self.sought(sought, *phase)? {
                let first = trials.len();
                trials.extend(closed.into_iter().filter_map(|(cause, edit)| self.trial((cause, None), edit)));
                constants.push(first..trials.len());
            }
            self.run(&mut trials, Window::Whole)?;
            let fits = |number: &usize| trials[*number].fits(*phase);
            // Of one constant the shortest that fits.
            let shortest: Vec<usize> = constants.into_iter().filter_map(|mut of| of.find(fits)).collect();
            let trials = trials.into_iter().enumerate();
            found.extend(trials.filter(|(number, _)| shortest.contains(number)).map(|(_, trial)| trial));
        }
        Ok(found)
    }

    /// One trial for each whole number.
    fn counted(&self, cause: &'static Cause, edit: &Edit) -> Vec<Trial> {
        let Some(Range::Count { from, to }) = edit.open else { return Vec::new() };
        let all = from..=to.min(from + MOST_COUNTED - 1);
        all.filter_map(|count| self.trial((cause, None), edit.at(count as f64, count as f64))).collect()
    }

    /// The constants that come closest at the first step at which a phase is apart, each in several lengths.
    fn sought(&self, edits: Vec<(&'static Cause, Edit)>, phase: Phase) -> Result<Vec<Vec<(&'static Cause, Edit)>>> {
        let mut all: Vec<Sought> = edits.into_iter().filter_map(|(cause, edit)| Sought::new(cause, edit)).collect();
        for pass in 0..PASSES {
            let mut tried = Vec::new();
            let mut trials = Vec::new();
            for (number, sought) in all.iter().enumerate().filter(|(_, sought)| !sought.fits) {
                for point in sought.points() {
                    let constant = sought.range.constant(point);
                    let trial = self.trial((sought.cause, None), sought.edit.at(constant, constant));
                    tried.extend(trial.is_some().then_some((number, point)));
                    trials.extend(trial);
                }
            }
            if trials.is_empty() {
                break;
            }
            self.run(&mut trials, Window::First(phase))?;
            for (number, sought) in all.iter_mut().enumerate() {
                let of: Vec<_> = tried.iter().zip(&trials).filter(|((of, _), _)| *of == number).collect();
                let off: Vec<(f64, f64)> = of.iter().map(|((_, point), trial)| (*point, trial.far(phase))).collect();
                sought.close_in(&off);
                let best = of.iter().find(|((_, point), _)| sought.best.is_some_and(|best| best.0 == *point));
                sought.fits |= best.is_some_and(|(_, trial)| trial.fits(phase));
            }
            all.retain(|sought| sought.off().is_finite());
            if pass + 1 == CHOOSING {
                all.sort_by(|one, other| one.off().total_cmp(&other.off()));
                all.truncate(FOLLOWED);
            }
        }
        Ok(all.iter().map(|sought| sought.closed().into_iter().map(|edit| (sought.cause, edit)).collect()).collect())
    }
}
