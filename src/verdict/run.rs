//! One candidate that is watched: each tensor of each step, taken in and judged.

use super::{Divergence, Farther, NonFinite, finite, track::Track};
use crate::{
    gap::Deviation,
    lockstep::{Phase, RunMode, RunSide, SideStep},
    noise::{Apart, Broken, Places, Referee},
    replay::Replay,
    tensor::DType,
};

/// One candidate that is watched.
pub(super) struct Run {
    pub(super) mode: RunMode,
    /// The reference's, and the candidate's.
    pub(super) dtypes: [DType; 2],
    pub(super) replay: Replay,
    pub(super) tracks: Vec<Track>,
    pub(super) losses: Vec<f64>,
    pub(super) deviations: Vec<Deviation>,
    /// How far the sides are apart, place by place.
    pub(super) apart: Apart,
    /// Whether at the latest replayed step the batch and the forward phase were within their limits, on both sides.
    pub(super) forward: bool,
    /// Whether every phase was.
    pub(super) passed: bool,
    /// Whether a value past the horizon was not finite: from there on there is nothing to judge.
    pub(super) ended: bool,
}

/// A step that is compared. Where it was replayed the sides have its records.
pub(super) struct Compared<'a> {
    pub(super) step: usize,
    /// Where steps before it were watched alone, the first of them.
    pub(super) since: Option<usize>,
    pub(super) bucket: usize,
    /// Whether agreement proves anything.
    pub(super) counts: bool,
    /// Whether the phases of this candidate were replayed.
    pub(super) replayed: bool,
    pub(super) k: f64,
    pub(super) reference: &'a SideStep,
    pub(super) candidate: &'a SideStep,
}

impl Run {
    /// Takes in one step: the gaps of all places, and the deviations of those that are judged. Returns where a value is
    /// not finite; what comes after it follows from it.
    pub(super) fn take_in(
        &mut self,
        places: &Places,
        theirs: &[Deviation],
        referee: Option<&Referee>,
        at: &Compared<'_>,
    ) -> Option<NonFinite> {
        if at.replayed {
            (self.forward, self.passed) = (true, true);
        }
        for (number, (&place, track)) in places.all.iter().zip(&mut self.tracks).enumerate() {
            let apart = self.apart.gaps.get(number).copied().flatten();
            match apart {
                Some(gap) => track.apart(gap, at.step, at.bucket),
                None => track.unseen(at.bucket),
            }
            if let Some(broken) = self.apart.broken.filter(|broken| broken.place == number) {
                let Broken { offset, finite, value, largest, .. } = broken;
                let side = off(finite);
                // Where the other side's value is beyond the type, or numbers are so large that a product of three of them
                // is, as in the way back through a norm, no fault is needed for that.
                let dtype = self.dtypes[usize::from(finite[0])];
                let most = places.overflows_from(place, at.reference.rows.max(at.candidate.rows), dtype);
                return Some(NonFinite {
                    mode: self.mode,
                    step: at.step,
                    phase: place.phase(),
                    tensor: places.tensor(place),
                    index: places.index(place, offset, at.candidate.rows),
                    side,
                    counts: at.counts,
                    overflow: (value.is_some_and(|value| value.abs() >= most) || largest >= dtype.largest().cbrt())
                        .then_some(dtype),
                });
            }
            let (Some(theirs), Some(found)) = (theirs.get(number), self.deviations.get(number)) else { continue };
            if !at.replayed {
                track.hold(at.bucket);
                continue;
            }
            // The reference's own error is noise, as far as any rounding explains it; the candidate's is not.
            let headroom = places.headroom(place, at.reference.rows);
            let (mut judged, mut farther) = (found.allowing(f64::max(1.0, at.k * theirs.budget).min(headroom)), None);
            if referee.is_none_or(|referee| referee.agrees(number)) {
                let theirs = theirs.allowing(headroom);
                farther = match (theirs.passes(), judged.passes()) {
                    (true, true) => None,
                    (true, false) => Some(Farther::Candidate),
                    (false, true) => Some(Farther::Reference),
                    (false, false) => Some(Farther::Both),
                };
                if farther == Some(Farther::Reference) {
                    judged = theirs;
                }
            } else if self.mode == RunMode::Free {
                // As below, but on weights of its own a side need not agree with the other.
                track.hold(at.bucket);
                continue;
            } else {
                // The replay has another definition than the reference's: what counts is that the sides agree.
                judged = Deviation::between(apart.unwrap_or(f64::NAN), theirs.limit + found.limit);
            }
            track.judge(judged, at.bucket, at.counts);
            self.forward &= !matches!(place.phase(), Phase::Batch | Phase::Forward) || judged.passes();
            self.passed &= judged.passes();
            if !judged.passes() && track.first.is_none() {
                let reference = places.values(place, &at.reference.record, RunSide::Reference);
                let candidate = places.values(place, &at.candidate.record, RunSide::Candidate);
                track.first = Some(Divergence {
                    mode: self.mode,
                    step: at.step,
                    since: at.since,
                    phase: place.phase(),
                    tensor: places.tensor(place),
                    index: places.index(place, judged.worst, at.candidate.rows),
                    gap: finite(judged.gap),
                    limit: finite(judged.decisive_limit()),
                    budget: finite(judged.budget),
                    ratio: finite(judged.ratio),
                    reference: reference.get(judged.worst).copied(),
                    candidate: candidate.get(judged.worst).copied(),
                    farther,
                });
            }
        }
        None
    }
}

/// The side that is off, by whether it is finite in the reference and in the candidate.
pub(super) fn off(finite: [bool; 2]) -> Farther {
    match finite {
        [true, _] => Farther::Candidate,
        [false, true] => Farther::Reference,
        [false, false] => Farther::Both,
    }
}
