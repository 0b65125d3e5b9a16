//! Watches a run and judges it: every phase of every compared step, on each side's own inputs.
//!
//! A candidate's tensor is judged against what the *reference's* definition gives in exact arithmetic on the
//! candidate's own inputs to that phase; the reference against the same on its own. Blame falls on a phase whose inputs
//! agree and whose result does not. How far the sides are apart is measured beside it and judges nothing.

use super::{
    Curves, Divergence, Farther, Measured, NonFinite, Outcome, PhaseSpeed, PhaseSummary, PhaseTimes, SCHEMA, Speed,
    Verdict, finite,
    place::{Places, Side},
    track::{Buckets, Track},
};
use crate::{
    experiment::Experiment,
    gap::Deviation,
    lockstep::{
        Ended, Lockstep, Mode, Observer, Phase, RunMode, SideStep, StartDifference, StartKind, StepEvent, StepRecord,
    },
    noise,
    replay::Replay,
};
use std::{collections::BTreeMap, ops::ControlFlow};

/// One candidate that is watched.
struct Run {
    mode: RunMode,
    replay: Replay,
    tracks: Vec<Track>,
    losses: Vec<f64>,
    deviations: Vec<Deviation>,
}

/// Judges a run as its observer.
pub struct Judge {
    title: String,
    resolved: serde_json::Value,
    mode: Mode,
    differences: Vec<StartDifference>,
    not_checked: Vec<String>,
    compared_every: usize,
    names: [String; 2],
    places: Places,
    replay: Replay,
    deviations: Vec<Deviation>,
    runs: Vec<Run>,
    losses: Vec<f64>,
    times: [Times; 2],
    buckets: Buckets,
    /// Steps at which a phase had a tensor that was judged.
    compared: BTreeMap<Phase, usize>,
    moved: bool,
    non_finite: Vec<NonFinite>,
}

/// Nanoseconds of every step, by phase.
type Times = [Vec<u32>; 4];

impl Judge {
    /// A judge of the run that `lockstep` is about to make.
    pub fn new(experiment: &Experiment, mode: Mode, lockstep: &Lockstep) -> Self {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let places = Places::new(experiment);
        let run = |mode| Run {
            mode,
            replay: Replay::new(reference, candidate.dtype, noise::K),
            tracks: places.all.iter().map(|&place| Track::new(place.phase(), &places.tensor(place))).collect(),
            losses: Vec::new(),
            deviations: Vec::new(),
        };
        let (reference_name, candidate_name) = lockstep.describe();
        Self {
            title: experiment.title.clone(),
            resolved: experiment.resolved.clone(),
            mode,
            differences: lockstep.differences.clone(),
            not_checked: not_checked(experiment, mode, lockstep, &places),
            compared_every: lockstep.compared_every,
            names: [reference_name.to_string(), candidate_name.to_string()],
            replay: Replay::new(reference, reference.dtype, noise::K),
            deviations: Vec::new(),
            runs: mode.runs().iter().copied().map(run).collect(),
            losses: Vec::new(),
            times: Default::default(),
            buckets: Buckets::default(),
            compared: BTreeMap::new(),
            moved: false,
            non_finite: Vec::new(),
            places,
        }
    }

    fn compare(&mut self, event: &StepEvent<'_>) {
        let judged = |runs: &[Run], phase| -> usize {
            let tracks = runs.iter().flat_map(|run| &run.tracks).filter(|track| track.phase == phase);
            tracks.map(|track| track.judged).sum()
        };
        let before = Phase::COMPUTED.map(|phase| judged(&self.runs, phase));
        let (bucket, full) = self.buckets.next(event.step);
        let reference = &event.reference.record;
        self.places.measure(&mut self.replay, Side::Reference, reference, reference, &mut self.deviations);
        for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates) {
            let record = &candidate.latest.record;
            self.places.measure(&mut run.replay, Side::Candidate, record, reference, &mut run.deviations);
            if full {
                run.tracks.iter_mut().for_each(Track::thin);
            }
            let moves = |record: &StepRecord| record.updates.iter().flatten().any(|&change| change != 0.0);
            self.moved = self.moved || moves(reference) || moves(record);
            let step = Compared { step: event.step, bucket, reference, candidate: record };
            if let Some(found) = run.take_in(&self.places, &self.deviations, &step) {
                self.non_finite.push(found);
            }
        }
        for (phase, before) in Phase::COMPUTED.into_iter().zip(before) {
            *self.compared.entry(phase).or_default() += usize::from(judged(&self.runs, phase) > before);
        }
    }

    /// On a step that is not compared the losses are all there is to see.
    fn watch_losses(&mut self, event: &StepEvent<'_>) {
        for (mode, candidate) in event.candidates {
            if let Some((_, side)) = non_finite(&[event.reference.loss], &[candidate.latest.loss]) {
                let (step, phase, tensor) = (event.step, Phase::Loss, "loss".to_owned());
                self.non_finite.push(NonFinite { mode: *mode, step, phase, tensor, index: Vec::new(), side });
            }
        }
    }

    /// What is not finite ends the run: nothing after it means anything.
    fn flow(&self) -> ControlFlow<()> {
        if self.non_finite.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// The verdict on the run, and the numbers behind its plots.
    pub fn finish(mut self, ended: Ended, mut measured: Measured) -> (Verdict, Curves) {
        let times = self.times.each_mut().map(|side| side.each_mut().map(|column| quartiles(column)));
        measured.speed = measured.speed.map(|speed| speed_of(&times, speed));
        let phases: BTreeMap<Phase, PhaseSummary> =
            Phase::COMPUTED.into_iter().map(|phase| (phase, self.summary(phase))).collect();
        let first_divergence = self.start_divergence().or_else(|| {
            let firsts = phases.values().filter_map(|summary| summary.first_divergence.clone());
            let one_sided = self.non_finite.iter().filter(|found| found.side != Farther::Both).map(not_finite);
            firsts.chain(one_sided).min_by_key(|divergence| (divergence.step, divergence.phase, divergence.mode))
        });
        self.note_hidden();
        if !self.moved && self.non_finite.is_empty() {
            self.not_checked.push("anything: no weight moved in any step".to_owned());
        }
        let verdict = self.outcome(ended, first_divergence.as_ref(), &phases);
        let full_names = |run: &Run| {
            let named = self.places.all.iter().zip(&run.tracks);
            named.map(|(&place, track)| (self.places.full_name(place), track.between.clone())).collect()
        };
        let gaps = self.runs.iter().map(|run| (run.mode, full_names(run))).collect();
        let mut curves = Curves {
            reference: self.names[0].clone(),
            candidate: self.names[1].clone(),
            reference_loss: self.losses,
            steps: self.buckets.steps,
            times: (0..4)
                .map(|phase| PhaseTimes {
                    phase: Phase::COMPUTED[phase],
                    reference_us: times[0][phase],
                    candidate_us: times[1][phase],
                })
                .collect(),
            ..Curves::default()
        };
        for run in self.runs {
            let tensors = run.tracks.into_iter().map(|track| track.curve).collect();
            match run.mode {
                RunMode::Sync => (curves.sync, curves.synced_loss) = (tensors, run.losses),
                RunMode::Free => (curves.free, curves.free_loss) = (tensors, run.losses),
            }
        }
        let verdict = Verdict {
            schema: SCHEMA,
            experiment: self.title,
            differences: differing(&self.resolved["reference"], &self.resolved["candidate"], ""),
            resolved: self.resolved,
            mode: self.mode,
            verdict,
            interrupted: ended.interrupted,
            steps: ended.steps,
            compared_every: self.compared_every,
            horizon: None,
            first_divergence,
            start: self.differences,
            phases,
            gaps,
            causes: Vec::new(),
            ties: Vec::new(),
            non_finite: self.non_finite,
            not_checked: self.not_checked,
            measured,
        };
        (verdict, curves)
    }

    /// Lists the tensors that rounding hid at every step: agreement in them proves nothing.
    fn note_hidden(&mut self) {
        for run in &self.runs {
            for track in run.tracks.iter().filter(|track| track.judged == 0 && track.unjudged > 0) {
                self.not_checked.push(format!(
                    "{} of {} in the {} run: its rounding bound passes 1 % of it at every step",
                    track.phase.name(),
                    track.curve.tensor,
                    run.mode
                ));
            }
        }
    }

    fn outcome(&self, ended: Ended, first: Option<&Divergence>, phases: &BTreeMap<Phase, PhaseSummary>) -> Outcome {
        if self.non_finite.iter().any(|found| found.side != Farther::Both) || first.is_some() {
            return if ended.interrupted { Outcome::Inconclusive } else { Outcome::Mismatch };
        }
        // Nothing compared is not a pass: a phase without a judged tensor, a tensor whose update rounding hid at every
        // step, weights that never moved, NaN on both sides.
        let hidden = |track: &Track| track.phase == Phase::Update && track.judged == 0 && track.unjudged > 0;
        let nothing = phases.values().any(|summary| summary.budget.is_none())
            || self.runs.iter().any(|run| run.tracks.iter().any(hidden));
        if ended.interrupted || nothing || !self.moved || !self.non_finite.is_empty() || !self.places.aligned {
            return Outcome::Inconclusive;
        }
        Outcome::Parity
    }

    /// The first difference of the start, as a divergence.
    fn start_divergence(&self) -> Option<Divergence> {
        let mut differences = self.differences.iter().filter(|difference| difference.kind != StartKind::Dtype);
        let (difference, run) = (differences.next()?, self.runs.first()?);
        Some(Divergence {
            mode: run.mode,
            step: 0,
            phase: Phase::Start,
            tensor: difference.tensor.clone(),
            index: Vec::new(),
            gap: difference.gap,
            limit: Some(0.0),
            budget: None,
            ratio: None,
            reference: None,
            candidate: None,
            farther: None,
        })
    }

    /// One phase over all candidates.
    fn summary(&self, phase: Phase) -> PhaseSummary {
        let tracks = || self.runs.iter().flat_map(|run| &run.tracks).filter(|track| track.phase == phase);
        let worst = tracks().filter_map(|track| track.worst).reduce(|a, b| if a.budget >= b.budget { a } else { b });
        let judged = || tracks().filter(|track| track.judged > 0);
        let firsts = tracks().filter_map(|track| track.first.as_ref());
        let largest =
            |values: &mut dyn Iterator<Item = f64>| values.reduce(|a, b| if a >= b { a } else { b }).and_then(finite);
        PhaseSummary {
            max_gap: worst.and_then(|worst| finite(worst.gap)),
            limit: worst.and_then(|worst| finite(worst.decisive_limit())),
            budget: worst
                .map(|worst| worst.budget)
                .and_then(|budget| if budget.is_nan() { None } else { Some(budget.min(f64::MAX)) }),
            compared: self.compared.get(&phase).copied().unwrap_or_default(),
            unjudged: tracks().map(|track| track.unjudged).sum(),
            minimum_limit: largest(&mut judged().map(|track| track.largest_gap)),
            // A tensor that was never judged would have hidden any fault.
            detectable: if tracks().any(|track| track.judged == 0 && track.unjudged > 0) {
                None
            } else {
                largest(&mut judged().map(|track| track.smallest_limit))
            },
            first_divergence: firsts.min_by_key(|divergence| (divergence.step, divergence.mode)).cloned(),
        }
    }
}

impl Observer for Judge {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        self.losses.push(event.reference.loss);
        note_times(&mut self.times[0], event.reference);
        for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates) {
            run.losses.push(candidate.latest.loss);
        }
        // The last candidate is the free one where there is one: the one that trains by itself.
        if let Some((_, candidate)) = event.candidates.last() {
            note_times(&mut self.times[1], &candidate.latest);
        }
        if event.compared {
            self.compare(event);
            return self.flow();
        }
        self.watch_losses(event);
        if event.gradients {
            self.places.advance(&mut self.replay, Side::Reference, &event.reference.record);
            for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates) {
                self.places.advance(&mut run.replay, Side::Candidate, &candidate.latest.record);
            }
        }
        self.flow()
    }
}

/// The records of a step that is compared.
struct Compared<'a> {
    step: usize,
    bucket: usize,
    reference: &'a StepRecord,
    candidate: &'a StepRecord,
}

impl Run {
    /// Takes in one step: the gaps of all places, and the deviations of those that are judged. Returns where a value is
    /// not finite; what comes after it follows from it.
    fn take_in(&mut self, places: &Places, theirs: &[Deviation], at: &Compared<'_>) -> Option<NonFinite> {
        for (number, (&place, track)) in places.all.iter().zip(&mut self.tracks).enumerate() {
            track.apart(places.apart(place, at.reference, at.candidate), at.step, at.bucket);
            let (Some(theirs), Some(found)) = (theirs.get(number), self.deviations.get(number)) else { continue };
            let reference = places.values(place, at.reference, Side::Reference);
            let candidate = places.values(place, at.candidate, Side::Candidate);
            if !(theirs.gap.is_finite() && found.gap.is_finite())
                && let Some((offset, side)) = non_finite(reference, candidate)
            {
                let index = places.index(place, offset, at.candidate.rows);
                let tensor = places.tensor(place);
                return Some(NonFinite { mode: self.mode, step: at.step, phase: place.phase(), tensor, index, side });
            }
            let farther = match (theirs.passes(), found.passes()) {
                (true, true) => None,
                (true, false) => Some(Farther::Candidate),
                (false, true) => Some(Farther::Reference),
                (false, false) => Some(Farther::Both),
            };
            let judged = if farther == Some(Farther::Reference) { theirs } else { found };
            track.judge(*judged, at.bucket);
            if farther.is_some() && track.first.is_none() {
                track.first = Some(Divergence {
                    mode: self.mode,
                    step: at.step,
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

/// A value that is finite on one side only, as a divergence.
fn not_finite(found: &NonFinite) -> Divergence {
    Divergence {
        mode: found.mode,
        step: found.step,
        phase: found.phase,
        tensor: found.tensor.clone(),
        index: found.index.clone(),
        gap: None,
        limit: None,
        budget: None,
        ratio: None,
        reference: None,
        candidate: None,
        farther: Some(found.side),
    }
}

/// The first element that is not finite, and on which side.
fn non_finite(reference: &[f64], candidate: &[f64]) -> Option<(usize, Farther)> {
    // Both sides at the same place prove nothing; one side at some place is a fault, whatever the other does elsewhere.
    let pairs = || reference.iter().zip(candidate);
    if let Some(offset) = pairs().position(|(reference, candidate)| reference.is_finite() != candidate.is_finite()) {
        let farther = if reference[offset].is_finite() { Farther::Candidate } else { Farther::Reference };
        return Some((offset, farther));
    }
    let first = |values: &[f64]| values.iter().position(|value| !value.is_finite());
    match (first(reference), first(candidate)) {
        (None, None) => None,
        (Some(offset), None) => Some((offset, Farther::Reference)),
        (None, Some(offset)) => Some((offset, Farther::Candidate)),
        (Some(offset), Some(_)) => Some((offset, Farther::Both)),
    }
}

/// The keys below `path` in which two trees differ.
fn differing(reference: &serde_json::Value, candidate: &serde_json::Value, path: &str) -> Vec<String> {
    use serde_json::Value::{Null, Object};
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (reference, candidate) {
        (Object(one), Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let value = |tree: &serde_json::Map<_, _>, key: &str| tree.get(key).cloned().unwrap_or(Null);
            keys.into_iter().flat_map(|key| differing(&value(one, key), &value(other, key), &below(key))).collect()
        }
        _ if reference == candidate => Vec::new(),
        _ => {
            let shown =
                |value: &serde_json::Value| if value.is_null() { "default".to_owned() } else { value.to_string() };
            vec![format!("{path}: {} / {}", shown(reference), shown(candidate))]
        }
    }
}

/// What a run of this experiment cannot say, whatever it finds.
fn not_checked(experiment: &Experiment, mode: Mode, lockstep: &Lockstep, places: &Places) -> Vec<String> {
    let mut texts = Vec::new();
    if mode.runs().contains(&RunMode::Free) {
        texts.push(
            "how far the free run may drift: each of its phases is judged on its own inputs, the drift is only shown"
                .to_owned(),
        );
    }
    if !places.aligned {
        texts.push("forward and backward: the sides' layers do not correspond one to one".to_owned());
    }
    let uncompared = places.uncompared(experiment);
    if !uncompared.is_empty() {
        texts.push(format!("{}: only one side has it in that shape", uncompared.join(", ")));
    }
    if mode == Mode::Probe {
        texts.push("the steps before the probed one".to_owned());
    } else if lockstep.compared_every > 1 {
        texts.push(format!("the steps between every {}th: the model is large", lockstep.compared_every));
    }
    texts
}

fn note_times(times: &mut Times, step: &SideStep) {
    for (column, &nanoseconds) in times.iter_mut().zip(&step.nanoseconds) {
        column.push(u32::try_from(nanoseconds).unwrap_or(u32::MAX));
    }
}

/// First quartile, median and third quartile, in microseconds.
fn quartiles(column: &mut [u32]) -> [f64; 3] {
    if column.is_empty() {
        return [0.0; 3];
    }
    [1, 2, 3].map(|quarter| {
        let place = (column.len() - 1) * quarter / 4;
        f64::from(*column.select_nth_unstable(place).1) / 1e3
    })
}

/// Fills in a speed from the quartiles of both sides' phases.
fn speed_of(times: &[[[f64; 3]; 4]; 2], speed: Speed) -> Speed {
    let medians = times.map(|side| side.map(|quartiles| quartiles[1]));
    let [reference_us, candidate_us] = medians.map(|side| side.iter().sum::<f64>());
    let phase = |index: usize| PhaseSpeed { reference_us: medians[0][index], candidate_us: medians[1][index] };
    Speed {
        reference_us,
        candidate_us,
        ratio: reference_us / candidate_us,
        per_phase: (0..4).map(|index| (Phase::COMPUTED[index], phase(index))).collect(),
        ..speed
    }
}
