//! Watches a run and judges it: every phase of every compared step, on each side's own inputs.
//!
//! A candidate's tensor is judged against what the *reference's* definition gives in exact arithmetic on the
//! candidate's own inputs to that phase; the reference against the same on its own. Blame falls on a phase whose inputs
//! agree and whose result does not. How far a free run as a whole may drift, its twins say.

use super::{
    NonFinite,
    drifting::Drifting,
    run::{Compared, Run, off},
    speed::{Times, note_times},
    track::{Buckets, Track},
};
use crate::{
    data::Inputs,
    experiment::Experiment,
    gap::Deviation,
    lockstep::{
        Engines, Evaluated, Lockstep, Mode, Observer, Phase, RunMode, RunSide, Runner, STOCK, StartDifference,
        StepEvent,
    },
    noise::{Apart, Drift, Limits, Places, Referee, Ties, Twins, non_finite},
    replay::Replay,
    tensor::{DType, View},
};
use std::{collections::BTreeMap, ops::ControlFlow};

/// Steps that are always replayed, from the first.
const FIRST: usize = 8;

/// How many times as large as at a replayed step, which was within its limits and met no tie, a gap between the synced
/// sides may be before it is replayed, too.
const EXPLAINED: f64 = 4.0;

/// Judges a run as its observer.
pub struct Judge {
    pub(super) title: String,
    pub(super) resolved: serde_json::Value,
    pub(super) mode: Mode,
    pub(super) differences: Vec<StartDifference>,
    pub(super) not_checked: Vec<String>,
    pub(super) compared_every: usize,
    pub(super) names: [String; 2],
    pub(super) places: Places,
    replay: Replay,
    deviations: Vec<Deviation>,
    pub(super) runs: Vec<Run>,
    pub(super) losses: Vec<f64>,
    pub(super) times: [Times; 2],
    pub(super) buckets: Buckets,
    /// Steps at which a phase had a tensor that was judged.
    pub(super) compared: BTreeMap<Phase, usize>,
    pub(super) moved: bool,
    pub(super) non_finite: Vec<NonFinite>,
    pub(super) evaluations: Vec<Evaluated>,
    pub(super) data: Vec<String>,
    pub(super) referee: Option<Referee>,
    pub(super) twins: Option<Twins>,
    /// By how much of each parameter rounding may have moved it at the latest compared step.
    moved_by: Vec<f64>,
    /// Every how many compared steps are replayed.
    replayed_every: usize,
    /// Whether the latest compared step is.
    replayed: bool,
    /// Whether anything is: with `noise = "off"` the sides are only set beside each other.
    pub(super) judging: bool,
    /// How many were not.
    pub(super) skipped: usize,
    /// For each judged place, the gap between the synced sides that needs no replay.
    explained: Vec<f64>,
    pub(super) limits: Limits,
    pub(super) horizon_at: f64,
    pub(super) drifting: Drifting,
    pub(super) ties: Ties,
}

impl Judge {
    /// A judge of the run that `lockstep` is about to make.
    pub fn new(experiment: &Experiment, mode: Mode, lockstep: &Lockstep) -> Self {
        Self::with(experiment, mode, lockstep, STOCK, Limits::default())
    }

    /// As [`new`](Self::new), with a referee and limits of your own.
    pub fn with(
        experiment: &Experiment,
        mode: Mode,
        lockstep: &Lockstep,
        engines: Engines<'_>,
        limits: Limits,
    ) -> Self {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let places = Places::new(experiment, limits.k);
        let run = |mode| Run {
            mode,
            replay: Replay::new(reference, candidate.dtype, limits.k),
            tracks: places.all.iter().map(|&place| Track::new(place.phase(), &places.tensor(place))).collect(),
            losses: Vec::new(),
            deviations: Vec::new(),
            apart: Apart::default(),
            forward: false,
            passed: false,
            ended: false,
        };
        let (reference_name, candidate_name) = lockstep.describe();
        let mut not_checked = super::finish::not_checked(experiment, mode, lockstep, &places);
        let judging = experiment.noise.judged;
        let referee = judging.then(|| Referee::new(experiment, lockstep.rows, limits.k, engines)).transpose();
        if let Err(error) = &referee {
            not_checked.push(format!("whether the replay's formulas are libtorch's: {error}"));
        }
        let few = if lockstep.compared_every == 1 { limits.twins } else { 0 };
        let count = experiment.noise.twins.unwrap_or(few);
        let free = judging && mode.runs().contains(&RunMode::Free);
        if free && count == 0 {
            not_checked.push("how far the free run may drift, and its horizon: no twins ran beside it".to_owned());
        }
        // A side is judged by its own rounding: the twins are as coarse as the coarser side.
        let coarser = if [reference.dtype, candidate.dtype].contains(&DType::F32) { DType::F32 } else { DType::F64 };
        let horizon_at = experiment.noise.horizon;
        let twins = || Twins::new(reference, coarser, Limits { twins: count, ..limits }, lockstep.rows, horizon_at);
        Self {
            title: experiment.title.clone(),
            resolved: experiment.resolved.clone(),
            mode,
            not_checked,
            compared_every: lockstep.compared_every,
            names: [reference_name.to_string(), candidate_name.to_string()],
            replay: Replay::new(reference, reference.dtype, limits.k),
            deviations: Vec::new(),
            runs: mode.runs().iter().copied().map(run).collect(),
            losses: Vec::new(),
            times: Default::default(),
            buckets: Buckets::default(),
            compared: BTreeMap::new(),
            moved: false,
            non_finite: Vec::new(),
            evaluations: Vec::new(),
            data: experiment.set.notes.clone(),
            referee: referee.ok().flatten(),
            twins: (free && count > 0).then(twins),
            limits,
            horizon_at,
            moved_by: Vec::new(),
            replayed_every: lockstep.replayed_every,
            replayed: false,
            judging,
            skipped: 0,
            explained: Vec::new(),
            drifting: Drifting::new(lockstep),
            ties: Ties::new(experiment),
            differences: lockstep.differences.clone(),
            places,
        }
    }

    fn compare(&mut self, event: &StepEvent<'_>) {
        let judged = |runs: &[Run], phase| -> usize {
            let tracks = runs.iter().flat_map(|run| &run.tracks).filter(|track| track.phase == phase);
            tracks.map(|track| track.judged).sum()
        };
        let phases = || std::iter::once(Phase::Batch).chain(Phase::COMPUTED);
        let before: Vec<usize> = phases().map(|phase| judged(&self.runs, phase)).collect();
        let (bucket, full) = self.buckets.next(event.step);
        self.measure(event);
        let record = &event.reference.record;
        if let Some(Err(error)) = self.referee.as_mut().map(|referee| referee.step(&self.places, record)) {
            self.not_checked.push(format!("whether the replay's formulas are libtorch's: {error}"));
            self.referee = None;
        }
        let drift = self.follow_drift(event, bucket, full);
        let horizon = self.twins.as_ref().and_then(Twins::horizon);
        for (run, (mode, candidate)) in self.runs.iter_mut().zip(event.candidates) {
            if full {
                run.tracks.iter_mut().for_each(Track::thin);
            }
            if run.ended {
                run.tracks.iter_mut().for_each(|track| track.hold(bucket));
                continue;
            }
            self.moved = self.moved || moves(event.reference_runner) || moves(candidate);
            let counts = *mode == RunMode::Sync || horizon.is_none_or(|horizon| event.step < horizon);
            let k = self.limits.k;
            let replayed = self.replayed;
            let (reference, latest) = (event.reference, &candidate.latest);
            let step = Compared { step: event.step, bucket, counts, replayed, k, reference, candidate: latest };
            if let Some(found) = run.take_in(&self.places, &self.deviations, self.referee.as_ref(), &step) {
                run.ended = !found.counts;
                self.non_finite.push(found);
                continue;
            }
            // Weights that are apart by more than rounding put a free run's kinks anywhere; without twins nobody knows.
            let together = *mode == RunMode::Sync || (self.twins.is_some() && self.drifting.together());
            let mut tied = false;
            if counts && together && self.places.aligned && run.forward && reference.rows == latest.rows {
                tied = self.ties.take_in(*mode, event.step, event.reference_runner, candidate);
                if tied && *mode == RunMode::Free {
                    let why = format!("from step {}, at which it meets a tie, it may be elsewhere", event.step);
                    self.drifting.unjudged = Some(why);
                }
            }
            if *mode == RunMode::Sync && self.replayed && run.passed && !tied {
                self.explained.resize(run.deviations.len(), 0.0);
                for (explained, apart) in self.explained.iter_mut().zip(&run.apart.gaps) {
                    *explained = f64::max(*explained / 2.0, EXPLAINED * apart);
                }
            }
        }
        // Once it is known whether a tie of this step sent the free run elsewhere.
        if let Some(drift) = drift {
            self.drifting.take_in(event.step, drift, horizon);
        }
        for (phase, before) in phases().zip(before) {
            *self.compared.entry(phase).or_default() += usize::from(judged(&self.runs, phase) > before);
        }
    }

    /// Measures, where it is its turn or a gap stands out, each side against its replay.
    fn measure(&mut self, event: &StepEvent<'_>) {
        if !self.replayed {
            self.skipped += usize::from(self.judging);
            return;
        }
        let reference = &event.reference.record;
        self.places.measure(&mut self.replay, RunSide::Reference, reference, reference, &mut self.deviations);
        for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended) {
            let record = &candidate.latest.record;
            self.places.measure(&mut run.replay, RunSide::Candidate, record, reference, &mut run.deviations);
        }
    }

    /// Lets the twins make the step, and nudges them where it left them; of a compared one, says where it took everyone.
    fn follow_drift(&mut self, event: &StepEvent<'_>, bucket: usize, full: bool) -> Option<Drift> {
        let twins = self.twins.as_mut()?;
        let stepped = twins.step(&event.batch, &event.reference_runner.kept().before);
        if event.compared {
            // A reference that is not finite ends the run. How far it then is from its twins is no noise, and no horizon.
            if !self.deviations.iter().all(|deviation| deviation.gap.is_finite()) {
                return None;
            }
            if self.replayed {
                self.moved_by = self.places.moved(&event.reference.record, &self.deviations);
            }
        }
        if let Err(error) = stepped.and_then(|()| twins.nudge(&self.moved_by)) {
            self.not_checked.push(format!("how far the free run may drift: {error}"));
            self.twins = None;
            return None;
        }
        let free = event.candidates.iter().find(|(mode, _)| *mode == RunMode::Free);
        let (_, candidate) = free.filter(|_| event.compared)?;
        if full {
            super::track::thin(&mut self.drifting.twins);
        }
        let engines = [event.reference_runner.engine(), candidate.engine()];
        let drift = twins.compare(event.step, engines, self.places.pairs());
        super::track::push(&mut self.drifting.twins, bucket, drift.twins);
        Some(drift)
    }

    /// On a step that is not compared the losses are all there is to see.
    fn watch_losses(&mut self, event: &StepEvent<'_>) {
        for (run, (mode, candidate)) in self.runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended) {
            let losses = (event.reference.loss, candidate.latest.loss);
            if let Some((_, finite)) = non_finite(|| std::iter::once(losses)) {
                let side = off(finite);
                let (step, phase, tensor) = (event.step, Phase::Loss, "loss".to_owned());
                let counts = *mode == RunMode::Sync || self.twins.as_ref().and_then(Twins::horizon).is_none();
                run.ended = !counts;
                self.non_finite.push(NonFinite { mode: *mode, step, phase, tensor, index: Vec::new(), side, counts });
            }
        }
    }

    /// What is not finite ends the run: nothing after it means anything. Past the horizon it ends the free run alone.
    fn flow(&self) -> ControlFlow<()> {
        let over = self.non_finite.iter().any(|found| found.counts) || self.runs.iter().all(|run| run.ended);
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Observer for Judge {
    fn computed(&mut self, event: &StepEvent<'_>) {
        let Self { places, replay, runs, .. } = self;
        let runs = runs.iter_mut().zip(event.candidates);
        if event.compared {
            let wide = |(inputs, targets): (Inputs<'_>, View<'_>)| {
                let mut wide = [Vec::new(), Vec::new()];
                inputs.widen_into(&mut wide[0]);
                targets.widen_into(&mut wide[1]);
                wide
            };
            let given = event.given.filter(|_| places.watch_batches).map(|given| given.map(wide));
            for (run, (_, candidate)) in runs.filter(|(run, _)| !run.ended) {
                places.computed([event.reference_runner, candidate], given.as_ref(), &mut run.apart);
            }
        } else if self.judging {
            let advance = |replay: &mut Replay, which, side: &Runner| {
                let engine = side.engine();
                let (weight, gradient) =
                    (|index| engine.parameter(index).values, |index| engine.gradient(index).values);
                places.advance(replay, which, &event.batch, [&weight, &gradient], engine.parameters().len());
            };
            advance(replay, RunSide::Reference, event.reference_runner);
            runs.for_each(|(run, (_, candidate))| advance(&mut run.replay, RunSide::Candidate, candidate));
        }
    }

    fn updated(&mut self, event: &StepEvent<'_>) -> bool {
        let seen = self.buckets.seen() + 1;
        let in_turn = seen <= FIRST || seen.is_multiple_of(self.replayed_every);
        let Self { places, replay, runs, explained, .. } = self;
        let reference = event.reference_runner;
        let mut quiet = None;
        for (run, (mode, candidate)) in runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended) {
            let losses = [event.reference.judged, candidate.latest.judged];
            places.updated([reference, candidate], losses, &mut run.apart);
            if *mode == RunMode::Sync {
                let mut pairs = explained.iter().zip(&run.apart.gaps);
                quiet = Some(!explained.is_empty() && pairs.all(|(explained, apart)| apart <= explained));
            }
        }
        self.replayed = self.judging && (in_turn || quiet != Some(true));
        if self.judging && !self.replayed {
            let advance = |replay: &mut Replay, which, side: &Runner| {
                let (kept, parameters) = (side.kept(), side.engine().parameters().len());
                let weight = |index: usize| kept.before[index].values();
                let gradient = |index: usize| kept.gradients[index].values();
                places.advance(replay, which, &event.batch, [&weight, &gradient], parameters);
            };
            advance(replay, RunSide::Reference, reference);
            for (run, (_, candidate)) in runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended) {
                advance(&mut run.replay, RunSide::Candidate, candidate);
            }
        }
        let asked = self.referee.as_ref().is_some_and(Referee::asks);
        self.replayed || asked || (self.judging && self.ties.at_inputs())
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        self.losses.push(event.reference.loss);
        // Of earlier looks the matrices go: a page shows the last one's, and a thousand classes take megabytes.
        if !event.evaluated.is_empty() {
            for earlier in &mut self.evaluations {
                earlier.reference.confusion = None;
                earlier.candidates.iter_mut().for_each(|(_, scores)| scores.confusion = None);
            }
        }
        self.evaluations.extend_from_slice(event.evaluated);
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
        self.follow_drift(event, 0, false);
        self.flow()
    }
}

/// Whether a step moved any weight of a side.
fn moves(side: &Runner) -> bool {
    let engine = side.engine();
    (0..engine.parameters().len()).any(|index| {
        let (before, after) = (side.before(index).iter(), engine.parameter(index).values.iter());
        before.zip(after).any(|(before, after)| after - before != 0.0)
    })
}
