//! Watches a run and judges it: every phase of the steps that are replayed, on each side's own inputs. Of a large model these
//! are the first ones, some in turn, and every one at which the synced sides are farther apart than replays have explained;
//! the gaps between these sides are looked at in every step.
//!
//! A candidate's tensor is judged against what the *reference's* definition gives in exact arithmetic on the
//! candidate's own inputs to that phase; the reference against the same on its own. Blame falls on a phase whose inputs
//! agree and whose result does not. How far a free run as a whole may drift, its twins say.

mod candidate;
mod drifting;
mod first;
mod sizes;
mod step;
mod times;
mod track;

use super::{
    before::{Unreached, differences, not_checked},
    verdict::NonFinite,
};
use crate::{
    data::Inputs,
    experiment::{EngineKind, Experiment},
    judge::{
        gap::Deviation,
        noise::{Apart, Effects, Layout, Limits, Place, Places, Referee, Ties, Twins, Watched, non_finite},
        replay::Replay,
    },
    run::{
        Engines, Evaluated, Lockstep, Mode, Observer, Phase, RunMode, RunSide, Runner, STOCK, SideStep,
        StartDifference, StepEvent,
    },
    tensor::{DType, View},
};
pub(super) use candidate::Run;
use candidate::{Look, off, what};
use drifting::Drifting;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};
use times::{Times, note_times};
pub(super) use times::{quartiles, speed_of};
use track::Buckets;
pub(super) use track::Track;

/// Steps that are always replayed, from the first.
const FIRST: usize = 8;

/// Whose phases a step's replays cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replayed {
    /// All sides'.
    All,
    /// The reference's and the synced candidate's, from what they still lent after their updates.
    Synced,
    /// Nobody's: the gaps of the synced sides are no larger than replays have explained.
    Nobody,
}

/// Judges a run as its observer.
pub struct Judge {
    pub(in crate::judge) title: String,
    /// The settings in which the sides differ, in words.
    pub(in crate::judge) settings: Vec<String>,
    pub(in crate::judge) resolved: serde_json::Value,
    pub(in crate::judge) mode: Mode,
    pub(in crate::judge) differences: Vec<StartDifference>,
    pub(in crate::judge) not_checked: Vec<String>,
    pub(in crate::judge) names: [String; 2],
    pub(in crate::judge) places: Places,
    replay: Replay,
    /// What makes the reference's records whole.
    layout: Layout,
    deviations: Vec<Deviation>,
    pub(in crate::judge) runs: Vec<Run>,
    pub(in crate::judge) losses: Vec<f64>,
    /// The number of each step.
    pub(in crate::judge) numbers: Vec<usize>,
    pub(in crate::judge) times: [Times; 2],
    pub(in crate::judge) buckets: Buckets,
    /// Batches of looks at the evaluation mode.
    looks: usize,
    /// The bucket of the step at hand, and whether columns had to be thinned for it.
    bucket: (usize, bool),
    /// The phases of it that have had a tensor that was judged.
    judged: BTreeSet<Phase>,
    /// Steps at which a phase had a tensor that was judged.
    pub(in crate::judge) compared: BTreeMap<Phase, usize>,
    /// Of every phase, the largest budget of every compared step; below 0 where it was not replayed.
    pub(in crate::judge) budgets: BTreeMap<Phase, Vec<f32>>,
    pub(in crate::judge) moved: bool,
    pub(in crate::judge) non_finite: Vec<NonFinite>,
    pub(in crate::judge) evaluations: Vec<Evaluated>,
    pub(in crate::judge) data: Vec<String>,
    pub(in crate::judge) referee: Option<Referee>,
    pub(in crate::judge) twins: Option<Twins>,
    /// By how much of each parameter rounding may have moved it at the latest compared step.
    moved_by: Vec<f64>,
    /// Whether the sides take the rows in batches of different sizes.
    pub(in crate::judge) batches_differ: bool,
    /// Whether a synced candidate starts every step from all of the reference's weights.
    synced: bool,
    /// Every how many steps are replayed, whatever their gaps: each, where gaps say nothing.
    replayed_every: usize,
    /// How much of the latest compared step is replayed.
    replayed: Replayed,
    /// Whether anything is: with `noise = "off"` the sides are only set beside each other.
    pub(in crate::judge) judging: bool,
    /// Compared steps whose phases were replayed.
    pub(in crate::judge) replays: usize,
    /// The last step of them.
    latest_replay: Option<usize>,
    /// What the weights have an effect on.
    pub(in crate::judge) effects: Effects,
    /// For each place, the gap between the synced sides that needs no replay.
    explained: Vec<f64>,
    /// Steps that a gap called for a replay of and that could not be replayed.
    pub(in crate::judge) lost: Vec<usize>,
    pub(in crate::judge) limits: Limits,
    pub(in crate::judge) horizon_at: f64,
    pub(in crate::judge) drifting: Drifting,
    pub(in crate::judge) unreached: Unreached,
    pub(in crate::judge) ties: Ties,
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
        let [of_reference, of_candidate] = lockstep.lends();
        let places = Places::new(experiment, of_reference.both(of_candidate), limits.k);
        let (reference_name, candidate_name) = lockstep.describe();
        let mut not_checked = not_checked(experiment, mode, &places);
        let judging = experiment.noise.judged;
        // The engine of the replay's own formulas has nobody to be asked about, and no twins.
        let own = reference.engine == EngineKind::Exact;
        let asked = judging && !own;
        let referee = asked.then(|| Referee::new(experiment, lockstep.rows, limits.k, engines)).transpose();
        if let Err(error) = &referee {
            not_checked.push(format!("whether the replay's formulas are libtorch's: {error}"));
        }
        // Beside a large model twins run only where the synced gaps do not explain how far the free run goes.
        let few = if lockstep.replayed_every == 1 || !lockstep.synced { limits.twins } else { 0 };
        let count = if own || lockstep.has_gaps() { 0 } else { experiment.noise.twins.unwrap_or(few) };
        let free = judging && mode.runs().contains(&RunMode::Free);
        // A side is judged by its own rounding: the twins are as coarse as the coarser side.
        let coarser = if [reference.dtype, candidate.dtype].contains(&DType::F32) { DType::F32 } else { DType::F64 };
        let horizon_at = experiment.noise.horizon;
        let twins = || Twins::new(reference, coarser, Limits { twins: count, ..limits }, lockstep.rows, horizon_at);
        Self {
            settings: differences(experiment, &lockstep.differences),
            title: experiment.title.clone(),
            resolved: experiment.resolved.clone(),
            mode,
            not_checked,
            names: [reference_name.to_string(), candidate_name.to_string()],
            replay: Replay::new(reference, reference.dtype, limits.k)
                .with_tail(experiment.alignment().tail.reference.start),
            layout: Layout::of_reference(of_reference),
            deviations: Vec::new(),
            runs: mode.runs().iter().map(|&mode| Run::new(mode, experiment, (&places, of_candidate), limits)).collect(),
            losses: Vec::new(),
            numbers: Vec::new(),
            times: Default::default(),
            buckets: Buckets::default(),
            looks: 0,
            bucket: (0, false),
            judged: BTreeSet::new(),
            compared: BTreeMap::new(),
            budgets: BTreeMap::new(),
            moved: false,
            non_finite: Vec::new(),
            evaluations: Vec::new(),
            data: experiment.set.notes.iter().chain(&lockstep.matched).cloned().collect(),
            referee: referee.ok().flatten(),
            twins: (free && count > 0).then(twins),
            limits,
            horizon_at,
            moved_by: Vec::new(),
            replayed_every: if lockstep.synced { lockstep.replayed_every } else { 1 },
            batches_differ: lockstep.batches_differ,
            synced: lockstep.synced,
            replayed: Replayed::Nobody,
            judging,
            replays: 0,
            latest_replay: None,
            effects: Effects::default(),
            explained: Vec::new(),
            lost: Vec::new(),
            drifting: Drifting::new(lockstep),
            unreached: Unreached::new(experiment),
            ties: Ties::new(experiment),
            differences: lockstep.differences.clone(),
            places,
        }
    }

    /// Whether the gaps of the synced sides, of the places that were looked at, are no larger than replays have explained.
    fn quiet(&self) -> bool {
        let quiet = |run: &Run| {
            let mut gaps = self.explained.iter().zip(&run.apart.gaps);
            !self.explained.is_empty() && gaps.all(|(explained, apart)| apart.is_none_or(|apart| apart <= *explained))
        };
        self.runs.iter().find(|run| run.mode == RunMode::Sync && !run.ended).is_some_and(quiet)
    }

    /// Looks at how far a candidate is from the reference in what both computed.
    fn look(&mut self, event: &StepEvent<'_>, wanted: RunMode) {
        let wide = |(inputs, targets): (Inputs<'_>, View<'_>)| {
            let mut wide = [Vec::new(), Vec::new()];
            inputs.widen_into(&mut wide[0]);
            targets.widen_into(&mut wide[1]);
            wide
        };
        let given = event.given.filter(|_| self.places.watch_batches).map(|given| given.map(wide));
        let runs = self.runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended);
        for (run, (_, candidate)) in runs.filter(|(run, _)| run.mode == wanted) {
            self.places.computed([event.reference_runner, candidate], given.as_ref(), &mut run.apart);
        }
    }

    /// Looks at how far the candidates' weights are from the reference's, and their losses: those that are judged, or, where the
    /// sides have seen other batches, those that they print of the whole step.
    fn watch(&mut self, event: &StepEvent<'_>) {
        let Self { places, runs, batches_differ, .. } = self;
        let loss = |side: &SideStep| if *batches_differ { side.loss } else { side.judged };
        let runs = runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended);
        let mut watched: Vec<_> = runs
            .map(|(run, (_, side))| {
                // Nothing was looked at before the updates.
                if *batches_differ {
                    run.apart.clear(places.all.len());
                }
                Watched { side, loss: loss(&side.latest), apart: &mut run.apart }
            })
            .collect();
        places.watched((event.reference_runner, loss(event.reference)), &mut watched);
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
                let (mode, index) = (*mode, Vec::new());
                let value = [losses.0, losses.1].into_iter().find(|loss| loss.is_finite());
                let bad = [losses.1, losses.0].into_iter().find(|loss| !loss.is_finite());
                let what = what(bad.unwrap_or(f64::NAN)).to_owned();
                self.non_finite.push(NonFinite {
                    mode,
                    step,
                    phase,
                    tensor,
                    index,
                    side,
                    value,
                    what,
                    counts,
                    overflow: None,
                });
            }
        }
    }

    /// What is not finite ends the run: nothing after it means anything. Past the horizon it ends the free run alone.
    fn flow(&self) -> ControlFlow<()> {
        let over = self.non_finite.iter().any(|found| found.counts) || self.runs.iter().all(|run| run.ended);
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Replayed {
    fn covers(self, mode: RunMode) -> bool {
        match self {
            Self::All => true,
            Self::Synced => mode == RunMode::Sync,
            Self::Nobody => false,
        }
    }
}

impl Observer for Judge {
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        self.replayed = Replayed::Nobody;
        // What the sides compute from different rows is not set beside each other.
        if self.batches_differ {
            self.replayed = if self.judging { Replayed::All } else { Replayed::Nobody };
            return self.judging;
        }
        if event.compared {
            let seen = self.buckets.seen() + 1;
            let due = seen <= FIRST || seen.is_multiple_of(self.replayed_every);
            self.look(event, RunMode::Sync);
            // A free run whose loss is not finite is looked at whole, so that it is said where that begins.
            let free = event.candidates.iter().find(|(mode, _)| *mode == RunMode::Free);
            let broken = free.is_some_and(|(_, candidate)| !candidate.latest.judged.is_finite());
            let all = !self.judging || due || broken || !self.quiet();
            if all {
                self.look(event, RunMode::Free);
                self.replayed = if self.judging { Replayed::All } else { Replayed::Nobody };
                return self.judging;
            }
        }
        if self.judging {
            let Self { places, replay, runs, .. } = self;
            let advance = |replay: &mut Replay, which, side: &Runner| {
                let engine = side.engine();
                let (weight, gradient) = (|index| engine.tensor(index).values, |index| engine.gradient(index).values);
                places.advance(replay, which, &event.batch, [&weight, &gradient], engine.parameters().len());
            };
            advance(replay, RunSide::Reference, event.reference_runner);
            for (run, (_, candidate)) in runs.iter_mut().zip(event.candidates) {
                if run.mode == RunMode::Free {
                    run.apart.clear(places.all.len());
                }
                advance(&mut run.replay, RunSide::Candidate, candidate);
            }
        }
        false
    }

    fn updated(&mut self, event: &StepEvent<'_>) -> bool {
        if self.batches_differ {
            if event.part.last {
                self.watch(event);
            }
            return false;
        }
        let reference = event.reference_runner;
        let everything = !self.judging || self.replayed == Replayed::All;
        if everything {
            for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended) {
                let losses = [event.reference.judged, candidate.latest.judged];
                self.places.updated([reference, candidate], losses, &mut run.apart);
            }
        } else {
            self.watch(event);
        }
        let synced = event.candidates.iter().find(|(mode, _)| *mode == RunMode::Sync);
        if everything {
            // The gaps of a later step may call for its replay when its updates have been made.
            let mut sides = synced.iter().map(|(_, candidate)| candidate).chain([reference]);
            if self.replayed_every > 1 && !sides.all(Runner::still_lends) {
                self.replayed_every = 1;
            }
            return false;
        }
        for (run, (_, candidate)) in self.runs.iter_mut().zip(event.candidates) {
            if run.mode == RunMode::Free && run.apart.broken.is_some() {
                let mut earlier = Apart::default();
                self.places.computed([reference, candidate], None, &mut earlier);
                if earlier.broken.is_some() {
                    run.apart = earlier;
                }
            }
        }
        if self.quiet() {
            return false;
        }
        let Some((run, (_, candidate))) = self.runs.iter().zip(synced).find(|(run, _)| run.mode == RunMode::Sync)
        else {
            return false;
        };
        let mut again = Apart::default();
        self.places.computed([reference, candidate], None, &mut again);
        let mut gradients = self.places.all.iter().zip(again.gaps.iter().zip(&run.apart.gaps));
        if gradients.any(|(place, (now, then))| matches!(place, Place::Gradient(_)) && now != then) {
            self.lost.push(event.step);
            return false;
        }
        self.replayed = Replayed::Synced;
        true
    }

    fn looked(&mut self, step: usize, reference: &Runner, candidates: &[(RunMode, Runner)]) {
        if !self.judging || self.non_finite.iter().any(|found| found.counts) {
            return;
        }
        let horizon = self.twins.as_ref().and_then(Twins::horizon);
        let Self { places, replay, runs, limits, .. } = self;
        for (number, record) in reference.looked().iter().enumerate() {
            let theirs = places.look(replay, (record, None), limits.closely);
            for (run, (mode, candidate)) in runs.iter_mut().zip(candidates).filter(|(run, _)| !run.ended) {
                let Some(own) = candidate.looked().get(number) else { continue };
                let counts = *mode == RunMode::Sync || horizon.is_none_or(|horizon| step < horizon);
                let look = Look { step, bucket: self.looks, counts, k: limits.k, closely: limits.closely };
                run.take_in_look(places, (replay, &theirs), [record, own], look);
            }
            self.looks += 1;
        }
        *self.compared.entry(Phase::Evaluation).or_default() += 1;
    }

    fn part(&mut self, event: &StepEvent<'_>) {
        self.compare(event);
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        self.losses.push(event.reference.loss);
        self.numbers.push(event.step);
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
            if let (Some(record), Some(loss)) = (self.layout.worked_out(), self.losses.last_mut()) {
                *loss = record.loss;
            }
            for run in &mut self.runs {
                // What a side would have reported, where it does not say.
                if let (Some(record), Some(loss)) = (run.layout.worked_out(), run.losses.last_mut()) {
                    *loss = record.loss;
                }
            }
            return self.flow();
        }
        self.watch_losses(event);
        self.follow_drift(event, 0, false);
        self.flow()
    }
}
