//! One edit, replayed on the candidate's own records, step by step.

use super::{Cause, Edit};
use crate::{
    engine::Lends,
    experiment::Experiment,
    judge::{
        gap::Deviation,
        noise::{Each, Layout, Places, UNJUDGED},
        replay::Replay,
    },
    run::{Observer, Phase, RunMode, StepEvent, StepRecord},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

/// A definition beside the candidate's records.
pub(super) struct Replayed {
    places: Places,
    layout: Layout,
    replay: Replay,
    /// The largest budget of each phase so far.
    pub worst: BTreeMap<Phase, f64>,
    /// How many tensors of each phase have been out of judgement: agreement with these proves nothing.
    unjudged: BTreeMap<Phase, usize>,
    /// Of each phase so far, the largest gap beside the limits of the definition as it is: an edit may widen its own.
    far: BTreeMap<Phase, f64>,
    /// What the latest step was found to be.
    latest: Vec<Deviation>,
}

impl Replayed {
    pub fn new(experiment: &Experiment, lends: Lends, k: f64) -> Self {
        let tail = experiment.alignment().tail.reference.start;
        Self {
            places: Places::new(experiment, lends, k),
            layout: Layout::new(experiment, lends, k),
            replay: Replay::new(&experiment.reference, experiment.candidate.dtype, k).with_tail(tail),
            worst: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            far: BTreeMap::new(),
            latest: Vec::new(),
        }
    }

    /// Takes in a step.
    fn measure(&mut self, record: &StepRecord, reference: &StepRecord) {
        let Self { places, layout, replay, worst, unjudged, latest, .. } = self;
        let given = layout.of(replay, record, reference);
        latest.clear();
        let each: Each<'_> = &mut |_, judged| latest.push(judged.deviation());
        places.measure(replay, (false, None), given, reference, each);
        places.measure_closely(replay, &places.all, record.rows, latest, &mut |replay, each| {
            places.measure(replay, (true, None), given, reference, each);
        });
        for (place, deviation) in places.all.iter().zip(latest.iter()) {
            let budget = worst.entry(place.phase()).or_default();
            *unjudged.entry(place.phase()).or_default() += usize::from(!(deviation.limit <= UNJUDGED));
            // What is no number is worse than any.
            if !(deviation.budget <= *budget) {
                *budget = deviation.budget;
            }
        }
    }

    /// Takes in how far the latest step is from it beside the limits of the definition as it is.
    fn compare(&mut self, plain: &Self) {
        let limits = plain.latest.iter().map(|deviation| deviation.limit);
        for ((place, deviation), limit) in self.places.all.iter().zip(&self.latest).zip(limits) {
            let far = self.far.entry(place.phase()).or_default();
            // What is exact has a limit of 0.
            let found = deviation.gap / limit.max(f64::EPSILON);
            // What is no number is farther than any.
            if !(found <= *far) {
                *far = found;
            }
        }
    }

    pub fn fits(&self, phase: Phase) -> bool {
        self.worst.get(&phase).is_some_and(|budget| *budget <= 1.0)
    }
}

/// One edit that is tried.
pub(super) struct Trial {
    pub cause: &'static Cause,
    /// The other one's, of a pair.
    pub other: Option<&'static Cause>,
    pub edit: Edit,
    /// The engine that the edit needs, where the experiment says another one.
    pub engine: Option<&'static str>,
    pub replayed: Replayed,
    /// Whether it is over: it fits no phase that it is to explain.
    pub dead: bool,
}

impl Trial {
    /// None where the edit says nothing of this experiment.
    pub fn new(
        experiment: &Experiment,
        (cause, other): (&'static Cause, Option<&'static Cause>),
        edit: Edit,
        (lends, k): (Lends, f64),
    ) -> Option<Self> {
        let edited = experiment.edited(&edit.sets()).ok()?;
        // What a recording has of layers is that of as many as it was made of.
        let layers = |experiment: &Experiment| experiment.reference.model.layers.len();
        let recorded = experiment.candidate.recording().is_some();
        if recorded && lends.activations && layers(experiment) != layers(&edited) {
            return None;
        }
        let exact = edited.reference.engine != experiment.reference.engine;
        let said = !experiment.resolved["reference"]["engine"].is_null();
        let engine = (said && exact).then_some("engine=exact");
        Some(Self { cause, other, edit, engine, replayed: Replayed::new(&edited, lends, k), dead: false })
    }

    pub fn fits(&self, phase: Phase) -> bool {
        self.replayed.fits(phase)
    }

    /// How far a phase is from it at most, beside the limits of the definition as it is: infinite where it was not tried to the
    /// end.
    pub fn far(&self, phase: Phase) -> f64 {
        let far = self.replayed.far.get(&phase).copied().unwrap_or_default();
        if self.dead || far.is_nan() { f64::INFINITY } else { far }
    }
}

/// Runs trials beside an experiment.
pub(super) struct Trying<'a> {
    pub trials: &'a mut [Trial],
    /// The definition as it is.
    pub plain: Replayed,
    pub mode: RunMode,
    /// The phases that are to be explained.
    pub wanted: &'a BTreeSet<Phase>,
    /// Whether a trial goes on that fits none of them.
    pub all: bool,
    /// Of each of these, the steps at which the plain definition does not fit.
    pub apart: BTreeMap<Phase, usize>,
}

impl Observer for Trying<'_> {
    fn computed(&mut self, _event: &StepEvent<'_>) -> bool {
        true
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        let Some((_, candidate)) = event.candidates.iter().find(|(mode, _)| *mode == self.mode) else {
            return ControlFlow::Break(());
        };
        let (record, reference) = (&candidate.latest.record, &event.reference.record);
        let plain = &mut self.plain;
        plain.worst.clear();
        plain.measure(record, reference);
        for phase in self.wanted.iter().filter(|phase| !plain.fits(**phase)) {
            *self.apart.entry(*phase).or_default() += 1;
        }
        for trial in self.trials.iter_mut().filter(|trial| !trial.dead) {
            let replayed = &mut trial.replayed;
            replayed.measure(record, reference);
            replayed.compare(plain);
            for phase in self.wanted.iter().filter(|phase| replayed.unjudged.get(phase) > plain.unjudged.get(phase)) {
                replayed.worst.insert(*phase, f64::INFINITY);
            }
            trial.dead = !self.all && !self.wanted.iter().any(|phase| replayed.fits(*phase));
        }
        ControlFlow::Continue(())
    }
}
