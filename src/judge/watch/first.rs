//! Where a phase first goes wrong, in whole: every tensor of the phase at that step, with what it looks like beside what it
//! should be.

use super::candidate::Failed;
use crate::judge::verdict::{Divergence, Farther, TensorFound, budget_of, finite, limit_of};
use crate::{
    judge::{
        gap::{Deviation, Pattern},
        noise::{Each, Judged, Place, Places, Slack},
        replay::Replay,
    },
    run::{Phase, RunMode, StepRecord},
};
use std::collections::{BTreeMap, BTreeSet};

/// The two sides of a step, in the definition's layout.
pub(super) struct Sides<'a> {
    /// The reference's replay, and the candidate's.
    pub(super) definition: &'a mut Replay,
    pub(super) replay: &'a mut Replay,
    pub(super) records: [&'a StepRecord; 2],
    pub(super) slack: Option<&'a Slack>,
    /// Whether both were given the same rows, so that either's value stands beside the other's.
    pub(super) alike: bool,
}

/// One tensor, in full.
#[derive(Clone)]
struct Captured {
    place: Place,
    found: Vec<f64>,
    exact: Vec<f64>,
    bound: Vec<f64>,
}

/// Notes of every phase of which a tensor is `failed` for the first time where that is, in whole.
pub(super) fn note(
    firsts: &mut BTreeMap<Phase, Divergence>,
    places: &Places,
    at: (RunMode, usize, Option<usize>),
    failed: Vec<Failed>,
    mut sides: Sides<'_>,
) {
    let phases: BTreeSet<Phase> = failed.iter().map(|failed| failed.place.phase()).collect();
    for phase in phases {
        if firsts.contains_key(&phase) {
            continue;
        }
        let failed: Vec<Failed> = failed.iter().copied().filter(|failed| failed.place.phase() == phase).collect();
        if let Some(divergence) = sides.divergence(places, at, phase, &failed) {
            firsts.insert(phase, divergence);
        }
    }
}

impl Sides<'_> {
    /// Where a phase goes wrong at a step: at the first of the tensors that `failed` in the order in which they come.
    fn divergence(
        &mut self,
        places: &Places,
        (mode, step, since): (RunMode, usize, Option<usize>),
        phase: Phase,
        failed: &[Failed],
    ) -> Option<Divergence> {
        let of_reference = failed.first()?.farther == Some(Farther::Reference);
        let mut failed = failed.to_vec();
        let mut captured = self.capture(places, phase, of_reference, &failed);
        // Gradients come from the loss on, and updates are told in their order.
        let from_loss = matches!(phase, Phase::Backward | Phase::Update);
        if from_loss {
            captured.reverse();
            failed.reverse();
        }
        if phase == Phase::Backward
            && let Some(pieces) = self.pieces(places, of_reference, &captured, &failed)
        {
            (captured, failed) = pieces;
        }
        let first = *failed.first()?;
        let mut tensors: Vec<TensorFound> = captured.iter().map(|one| self.found(places, one, &failed)).collect();
        if !from_loss {
            tensors.reverse();
        }
        let own = captured.iter().find(|one| one.place == first.place);
        let element = own.map_or(first.judged.worst, |one| one.typical(first.allowed, first.judged.worst));
        let value = |side: usize| {
            let told = self.alike || of_reference == (side == 0);
            let value = places.values(first.place, self.records[side]).get(element).copied().filter(|_| told);
            value.and_then(finite)
        };
        let rows = self.records[usize::from(!of_reference)].rows;
        Some(Divergence {
            mode,
            step,
            since,
            phase,
            tensor: places.tensor(first.place),
            index: places.index(first.place, element, rows),
            gap: finite(first.judged.gap),
            limit: limit_of(first.judged),
            budget: budget_of(first.judged.budget),
            ratio: finite(first.judged.ratio),
            reference: value(0),
            candidate: value(1),
            expected: own.and_then(|one| one.exact.get(element).copied()).and_then(finite),
            farther: first.farther,
            tensors,
        })
    }

    /// Every tensor of a phase, on one of the sides. Where a replay has another definition than the reference the tensor is
    /// set beside the reference's.
    fn capture(&mut self, places: &Places, phase: Phase, of_reference: bool, failed: &[Failed]) -> Vec<Captured> {
        let [reference, candidate] = self.records;
        let mut captured = Vec::new();
        let mut each = |place: Place, judged: Judged<'_>| {
            if place.phase() != phase {
                return;
            }
            let own = failed.iter().find(|failed| failed.place == place);
            let theirs = places.values(place, reference);
            let (exact, bound) = match own {
                Some(Failed { farther: None, judged, .. }) => {
                    let most = theirs.iter().fold(0.0, |most, value| f64::max(most, value.abs()));
                    (theirs.to_vec(), vec![judged.limit * most; theirs.len()])
                }
                _ => (judged.exact.to_vec(), judged.bound.to_vec()),
            };
            captured.push(Captured { place, found: judged.found.to_vec(), exact, bound });
        };
        let evaluation = failed.iter().any(|failed| places.looked.contains(&failed.place));
        let (replay, given) = match of_reference {
            true => (&mut *self.definition, (reference, None)),
            false => (&mut *self.replay, (candidate, self.slack)),
        };
        if evaluation {
            places.measure_look(replay, given, &mut each);
        } else {
            places.measure(replay, (true, None), given, reference, &mut each);
        }
        captured
    }

    /// The backward phase layer by layer, where the side lends the gradients in what its layers put out: so a wrong derivative
    /// is put at its layer. Nothing where the side lends none, or where all layers are right by themselves.
    fn pieces(
        &mut self,
        places: &Places,
        of_reference: bool,
        captured: &[Captured],
        failed: &[Failed],
    ) -> Option<(Vec<Captured>, Vec<Failed>)> {
        let [reference, candidate] = self.records;
        let (replay, record) =
            if of_reference { (&mut *self.definition, reference) } else { (&mut *self.replay, candidate) };
        let of_output = |place: Place| place == Place::OutputGradient;
        let outputs = captured.iter().filter(|one| of_output(one.place));
        let mut pieces: Vec<Captured> = outputs.cloned().collect();
        let mut apart: Vec<Failed> = failed.iter().copied().filter(|failed| of_output(failed.place)).collect();
        let whole = pieces.len();
        let farther = failed.first()?.farther;
        let each: Each<'_> = &mut |place, judged: Judged<'_>| {
            let allowed = places.headroom(place, record.rows);
            let deviation = judged.deviation().allowing(allowed);
            if !deviation.passes() {
                apart.push(Failed { place, judged: deviation, allowed, farther });
            }
            let Judged { found, exact, bound } = judged;
            pieces.push(Captured { place, found: found.to_vec(), exact: exact.to_vec(), bound: bound.to_vec() });
        };
        places.measure_pieces(replay, record, each);
        (pieces.len() > whole && !apart.is_empty()).then_some((pieces, apart))
    }

    /// A tensor beside what it should be.
    fn found(&self, places: &Places, one: &Captured, failed: &[Failed]) -> TensorFound {
        let Captured { place, found, exact, bound } = one;
        let rows = self.records[1].rows;
        let own = failed.iter().find(|failed| failed.place == *place);
        let mut rows_off = Vec::new();
        let (pattern, constant) = match own {
            None => (Pattern::Same, None),
            Some(own) => {
                let bound: Vec<f64> = bound.iter().map(|bound| bound * own.allowed).collect();
                match Pattern::of(found, exact, &bound, places.shape(*place, rows, found.len())) {
                    // A single number is a factor times what it should be, whatever is wrong.
                    (Pattern::Same, _) => (Pattern::Uneven, None),
                    (Pattern::Uneven, constant) => {
                        rows_off = one.rows_off(own.allowed, if place.has_rows() { rows } else { 0 });
                        (Pattern::Uneven, constant)
                    }
                    other => other,
                }
            }
        };
        let deviation = own.map_or_else(|| Deviation::new(found, exact, bound), |own| own.judged);
        TensorFound {
            name: places.tensor(*place),
            pattern,
            constant,
            rows: rows_off,
            gap: finite(deviation.gap),
            limit: if deviation.passes() { finite(deviation.limit) } else { limit_of(deviation) },
        }
    }
}

impl Captured {
    /// Of as many rows, those that have an element beyond its bound; none where all have, or where there are other ones.
    fn rows_off(&self, allowed: f64, rows: usize) -> Vec<usize> {
        if [self.exact.len(), self.bound.len()] != [self.found.len(); 2] {
            return Vec::new();
        }
        let width = self.found.len().checked_div(rows).unwrap_or(0);
        let beyond = |at: usize| !((self.found[at] - self.exact[at]).abs() <= allowed * self.bound[at]);
        let off: Vec<usize> = (0..rows).filter(|row| (row * width..(row + 1) * width).any(beyond)).collect();
        if off.len() < rows { off } else { Vec::new() }
    }

    /// The element to show: of those beyond their bounds the one that is farthest off; where that is none, `worst`.
    fn typical(&self, allowed: f64, worst: usize) -> usize {
        let off = |place: &usize| (self.found[*place] - self.exact[*place]).abs();
        let beyond = (0..self.found.len().min(self.exact.len()))
            .filter(|place| !(off(place) <= allowed * self.bound[*place]))
            .max_by(|one, other| off(one).total_cmp(&off(other)));
        beyond.unwrap_or(worst)
    }
}
