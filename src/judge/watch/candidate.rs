//! One candidate that is watched: each tensor of each step, taken in and judged.

use super::{first, sizes::Sizes, track::Track};
use crate::judge::verdict::{self, Divergence, Farther, NonFinite};
use crate::{
    engine::Lends,
    experiment::Experiment,
    judge::{
        gap::Deviation,
        noise::{Apart, Broken, Each, Filling, Layout, Limits, Place, Places, Referee},
        replay::Replay,
    },
    run::{Phase, RunMode, SideStep, StepRecord},
    tensor::{DType, gap},
};
use std::collections::BTreeMap;

/// One candidate that is watched.
pub(in crate::judge) struct Run {
    pub(in crate::judge) mode: RunMode,
    /// The reference's, and the candidate's.
    pub(in crate::judge) dtypes: [DType; 2],
    pub(in crate::judge) replay: Replay,
    /// What makes its records ones of the definition.
    pub(in crate::judge) layout: Layout,
    /// What makes looks that were recorded whole.
    looking: Filling,
    pub(in crate::judge) tracks: Vec<Track>,
    /// Of the looks at the evaluation mode.
    pub(in crate::judge) looks: Vec<Track>,
    pub(in crate::judge) losses: Vec<f64>,
    pub(in crate::judge) deviations: Vec<Deviation>,
    /// Of each phase, where it first goes wrong by itself.
    pub(in crate::judge) firsts: BTreeMap<Phase, Divergence>,
    /// In which steps it differs, by the size of their batches.
    pub(in crate::judge) sizes: Sizes,
    /// How far the sides are apart, place by place.
    pub(in crate::judge) apart: Apart,
    /// Of the latest replayed step, the largest budget of each phase.
    pub(in crate::judge) budgets: BTreeMap<Phase, f64>,
    /// Whether at the latest replayed step the batch and the forward phase were within their limits, on both sides.
    pub(in crate::judge) forward: bool,
    /// Whether every phase was.
    pub(in crate::judge) passed: bool,
    /// Whether the reference, and the candidate, have moved a weight in the latest step.
    pub(in crate::judge) moved: [bool; 2],
    /// Whether a value past the horizon was not finite: from there on there is nothing to judge.
    pub(in crate::judge) ended: bool,
}

/// A step that is compared. Where it was replayed the sides have its records.
pub(in crate::judge) struct Compared<'a> {
    pub(in crate::judge) step: usize,
    /// Whether it is the first part of the step.
    pub(in crate::judge) first: bool,
    /// Whether the sides were given the same rows, so that more than their weights can be set beside each other.
    pub(in crate::judge) alike: bool,
    /// Where steps before it were watched alone, the first of them.
    pub(in crate::judge) since: Option<usize>,
    pub(in crate::judge) bucket: usize,
    /// Whether agreement proves anything.
    pub(in crate::judge) counts: bool,
    /// Whether the phases of this candidate were replayed.
    pub(in crate::judge) replayed: bool,
    pub(in crate::judge) k: f64,
    pub(in crate::judge) reference: &'a SideStep,
    /// The reference's record, in whole.
    pub(in crate::judge) record: &'a StepRecord,
    pub(in crate::judge) candidate: &'a SideStep,
}

/// A batch of a look at the evaluation mode.
pub(in crate::judge) struct Look {
    /// The step that it comes after.
    pub(in crate::judge) step: usize,
    pub(in crate::judge) bucket: usize,
    /// Whether agreement proves anything.
    pub(in crate::judge) counts: bool,
    pub(in crate::judge) k: f64,
    pub(in crate::judge) closely: bool,
}

/// A tensor that is apart at a step.
#[derive(Clone, Copy)]
pub(in crate::judge) struct Failed {
    pub(in crate::judge) place: Place,
    /// With what the bound was allowed to grow by.
    pub(in crate::judge) judged: Deviation,
    /// By how much the bound was allowed to grow.
    pub(in crate::judge) allowed: f64,
    /// Nobody where the replay has another definition than the reference.
    pub(in crate::judge) farther: Option<Farther>,
}

impl Run {
    /// Nothing yet, of a candidate of an experiment.
    pub(in crate::judge) fn new(
        mode: RunMode,
        experiment: &Experiment,
        (places, lends): (&Places, Lends),
        limits: Limits,
    ) -> Self {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let track = |place: &Place| Track::new(place.phase(), &places.tensor(*place));
        let tail = experiment.alignment().tail.reference.start;
        // How many of its own batches make an update is the candidate's, where they are not the reference's.
        let mut defined = reference.clone();
        if experiment.batches_differ() {
            defined.training.accumulate = candidate.training.accumulate;
        }
        Self {
            mode,
            dtypes: [reference.dtype, candidate.dtype],
            replay: Replay::new(&defined, candidate.dtype, limits.k).with_tail(tail),
            layout: Layout::new(experiment, lends, limits.k),
            looking: Filling::of_looks(),
            tracks: places.all.iter().map(track).collect(),
            looks: places.looked.iter().map(track).collect(),
            losses: Vec::new(),
            deviations: Vec::new(),
            firsts: BTreeMap::new(),
            sizes: Sizes::default(),
            apart: Apart::default(),
            budgets: BTreeMap::new(),
            forward: false,
            passed: false,
            moved: [false; 2],
            ended: false,
        }
    }

    /// All that was judged.
    pub(in crate::judge) fn all_tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().chain(&self.looks)
    }

    /// One of them by its number.
    pub(in crate::judge) fn track(&self, number: usize) -> Option<&Track> {
        self.tracks.get(number).or_else(|| self.looks.get(number.checked_sub(self.tracks.len())?))
    }

    /// Measures a step: how far the candidate is from what the definition makes of its own inputs.
    pub(in crate::judge) fn measure(
        &mut self,
        places: &Places,
        (record, reference): (&StepRecord, &StepRecord),
        advanced: bool,
        closely: bool,
    ) {
        let Self { replay, layout, deviations, .. } = self;
        let given = layout.of(replay, record, reference);
        deviations.clear();
        let each: Each<'_> = &mut |_, judged| deviations.push(judged.deviation());
        places.measure(replay, (advanced, None), given, reference, each);
        if closely {
            places.measure_closely(replay, &places.all, record.rows, deviations, &mut |replay, each| {
                places.measure(replay, (true, None), given, reference, each);
            });
        }
    }

    /// Takes in one step: the gaps of all places, and the deviations of those that are judged. Returns where a value is
    /// not finite; what comes after it follows from it. `definition` is the replay of the reference.
    pub(in crate::judge) fn take_in(
        &mut self,
        places: &Places,
        (definition, theirs): (&mut Replay, &[Deviation]),
        referee: Option<&Referee>,
        at: &Compared<'_>,
    ) -> Option<NonFinite> {
        if let Some(broken) = self.apart.broken.filter(|_| !at.alike) {
            return Some(self.not_finite(places, broken, at));
        }
        if at.replayed && at.first {
            (self.forward, self.passed) = (true, true);
        }
        if at.first {
            self.budgets.clear();
        }
        let mut failed = Vec::new();
        for (number, (&place, track)) in places.all.iter().zip(&mut self.tracks).enumerate() {
            let apart = self.apart.gaps.get(number).copied().flatten();
            match apart {
                Some(gap) => track.apart(gap, at.step, at.bucket),
                None => track.unseen(at.bucket),
            }
            if let Some(broken) = self.apart.broken.filter(|broken| broken.place == number) {
                return Some(self.not_finite(places, broken, at));
            }
            let (Some(theirs), Some(found)) = (theirs.get(number), self.deviations.get(number)) else { continue };
            if !at.replayed {
                track.hold(at.bucket);
                continue;
            }
            let headroom = places.headroom(place, at.reference.rows);
            let agrees = referee.is_none_or(|referee| referee.agrees(number));
            if !agrees && (self.mode == RunMode::Free || !at.alike) {
                // The replay has another definition than the reference's, and on weights or rows of its own a side need not
                // agree with the other.
                track.hold(at.bucket);
                continue;
            }
            let outcome = if agrees {
                beside(place, theirs, found, at.k, headroom)
            } else {
                // What counts is that the sides agree.
                let judged = Deviation::between(apart.unwrap_or(f64::NAN), theirs.limit + found.limit);
                Failed { place, judged, allowed: 1.0, farther: None }
            };
            track.judge(outcome.judged, at.bucket, at.counts);
            let passes = outcome.judged.passes();
            let budget = self.budgets.entry(place.phase()).or_default();
            if !(outcome.judged.budget <= *budget) {
                *budget = outcome.judged.budget;
            }
            self.forward &= !matches!(place.phase(), Phase::Batch | Phase::Forward) || passes;
            self.passed &= passes;
            if !passes {
                failed.push(outcome);
            }
        }
        if at.replayed && at.alike {
            self.sizes.take_in(at.step, at.candidate.rows, !failed.is_empty());
        }
        let Self { mode, replay, layout, firsts, .. } = self;
        let (candidate, slack) = layout.latest(&at.candidate.record);
        let records = [at.record, candidate];
        let sides = first::Sides { definition, replay, records, slack, alike: at.alike && !places.elsewhere };
        first::note(firsts, places, (*mode, at.step, at.since), failed, sides);
        None
    }

    /// Where a value of the step is not finite.
    fn not_finite(&self, places: &Places, broken: Broken, at: &Compared<'_>) -> NonFinite {
        let Broken { place, offset, finite, value, bad, largest } = broken;
        let place = places.all[place];
        // Where the other side's value is beyond the type, or numbers are so large that a product of three of them
        // is, as in the way back through a norm, no fault is needed for that.
        let dtype = self.dtypes[usize::from(finite[0])];
        let most = places.overflows_from(place, at.reference.rows.max(at.candidate.rows), dtype);
        NonFinite {
            mode: self.mode,
            step: at.step,
            phase: place.phase(),
            tensor: places.tensor(place),
            index: places.index(place, offset, at.candidate.rows),
            side: off(finite),
            value: value.and_then(verdict::finite),
            what: what(bad).to_owned(),
            counts: at.counts,
            overflow: (value.is_some_and(|value| value.abs() >= most) || largest >= dtype.largest().cbrt())
                .then_some(dtype),
        }
    }

    /// Takes in a batch of a look at the evaluation mode: the records of the reference and of the candidate.
    pub(in crate::judge) fn take_in_look(
        &mut self,
        places: &Places,
        (definition, theirs): (&mut Replay, &[Deviation]),
        [reference, record]: [&StepRecord; 2],
        at: Look,
    ) {
        let Self { mode, replay, layout, looking, firsts, looks, .. } = self;
        let given = match record.activations.iter().any(Vec::is_empty) {
            true => {
                let (record, slack) = looking.look(replay, record);
                (record, Some(slack))
            }
            false => layout.of(replay, record, reference),
        };
        let found = places.look(replay, given, at.closely);
        // Of batches of different sizes the latest may be others.
        let alike = reference.inputs.len() == record.inputs.len();
        let mut failed = Vec::new();
        let pairs = theirs.iter().zip(&found);
        for ((&place, track), (theirs, found)) in places.looked.iter().zip(looks).zip(pairs) {
            match alike {
                true => {
                    track.apart(gap(places.values(place, reference), places.values(place, given.0)), at.step, at.bucket)
                }
                false => track.unseen(at.bucket),
            }
            // Where training diverges neither side's numbers are any.
            if !theirs.gap.is_finite() && !found.gap.is_finite() {
                continue;
            }
            let outcome = beside(place, theirs, found, at.k, places.headroom(place, record.rows));
            track.judge(outcome.judged, at.bucket, at.counts);
            if !outcome.judged.passes() {
                failed.push(outcome);
            }
        }
        let sides = first::Sides { definition, replay, records: [reference, given.0], slack: given.1, alike };
        first::note(firsts, places, (*mode, at.step, None), failed, sides);
    }
}

/// A candidate's deviation beside the reference's: the reference's own error is noise, as far as any rounding explains it;
/// the candidate's is not.
fn beside(place: Place, theirs: &Deviation, found: &Deviation, k: f64, headroom: f64) -> Failed {
    let allowed = f64::max(1.0, k * theirs.budget).min(headroom);
    let (judged, of_theirs) = (found.allowing(allowed), theirs.allowing(headroom));
    match (of_theirs.passes(), judged.passes()) {
        (true, true) => Failed { place, judged, allowed, farther: None },
        (true, false) => Failed { place, judged, allowed, farther: Some(Farther::Candidate) },
        (false, true) => Failed { place, judged: of_theirs, allowed: headroom, farther: Some(Farther::Reference) },
        (false, false) => Failed { place, judged, allowed, farther: Some(Farther::Both) },
    }
}

/// A value that is not finite, in words.
pub(in crate::judge) fn what(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "infinite",
        _ => "−infinite",
    }
}

/// The side that is off, by whether it is finite in the reference and in the candidate.
pub(in crate::judge) fn off(finite: [bool; 2]) -> Farther {
    match finite {
        [true, _] => Farther::Candidate,
        [false, true] => Farther::Reference,
        [false, false] => Farther::Both,
    }
}
