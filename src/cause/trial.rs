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
    model::Dropout,
    run::{Masks, Observer, Phase, RunMode, StepEvent, StepRecord},
    tensor::DType,
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
    /// Tensors that are out of judgement by it, and not by the definition as it is: agreement with these proves nothing.
    hidden: BTreeSet<usize>,
    /// Of each phase so far, the largest gap beside the limits of the definition as it is: an edit may widen its own.
    far: BTreeMap<Phase, f64>,
    /// What the latest step was found to be.
    latest: Vec<Deviation>,
    /// The masks of its own dropout, where that is not the definition's.
    masks: Option<Masks>,
    dtype: DType,
}

impl Replayed {
    pub fn new(experiment: &Experiment, lends: Lends, k: f64) -> Self {
        let tail = experiment.alignment().tail.reference.start;
        Self {
            places: Places::new(experiment, lends, k),
            layout: Layout::new(experiment, lends, k),
            replay: Replay::new(&experiment.reference, experiment.candidate.dtype, k).with_tail(tail),
            worst: BTreeMap::new(),
            hidden: BTreeSet::new(),
            far: BTreeMap::new(),
            latest: Vec::new(),
            masks: None,
            dtype: experiment.candidate.dtype,
        }
    }

    /// With dropout of its own, where `plain` has another.
    fn with_masks(self, experiment: &Experiment, plain: &Experiment) -> Self {
        let dropout = |experiment: &Experiment| -> Vec<Dropout> {
            experiment.reference.model.layers.iter().filter_map(|layer| layer.facts().mask).collect()
        };
        let own = dropout(experiment) != dropout(plain);
        let masks = || Masks::new(&experiment.reference.model, experiment.reference.seed, experiment.kept());
        Self { masks: own.then(masks), ..self }
    }

    /// Takes in a step.
    fn measure(&mut self, record: &StepRecord, reference: &StepRecord) {
        let Self { places, layout, replay, worst, latest, masks, dtype, .. } = self;
        let masked = masks.as_mut().map(|masks| {
            masks.draw(record.step, record.epoch, record.rows);
            let wide = masks.views(*dtype).into_iter().map(|mask| mask.values.iter().collect());
            StepRecord { masks: wide.collect(), ..record.clone() }
        });
        let record = masked.as_ref().unwrap_or(record);
        let given = layout.of(replay, record, reference);
        latest.clear();
        let each: Each<'_> = &mut |_, judged| latest.push(judged.deviation());
        places.measure(replay, (false, None), given, reference, each);
        places.measure_closely(replay, &places.all, record.rows, latest, &mut |replay, each| {
            places.measure(replay, (true, None), given, reference, each);
        });
        for (place, deviation) in places.all.iter().zip(latest.iter()) {
            let budget = worst.entry(place.phase()).or_default();
            // What is no number is worse than any.
            if !(deviation.budget <= *budget) {
                *budget = deviation.budget;
            }
        }
    }

    /// Takes in how the latest step stands to it beside the definition as it is.
    fn compare(&mut self, plain: &Self) {
        let alike = self.places.all == plain.places.all;
        for (number, (place, deviation)) in self.places.all.iter().zip(&self.latest).enumerate() {
            let beside = if alike { &plain.latest[number] } else { deviation };
            let far = self.far.entry(place.phase()).or_default();
            // What is exact has a limit of 0.
            let found = deviation.gap / beside.limit.max(f64::EPSILON);
            // What is no number is farther than any.
            if !(found <= *far) {
                *far = found;
            }
            // A gradient that a mistake makes 0 is rounding alone, and small beside the right one: that shows as much.
            let told = deviation.limit <= UNJUDGED || deviation.limit * deviation.norm <= UNJUDGED * beside.norm;
            let neither = alike && beside.limit > UNJUDGED;
            if !(told || neither) {
                self.hidden.insert(number);
            }
        }
    }

    /// Whether it explains a phase, every tensor of it.
    pub fn fits(&self, phase: Phase) -> bool {
        self.allows(phase) && !self.hidden.iter().any(|number| self.places.all[*number].phase() == phase)
    }

    /// Whether nothing in a phase is against it.
    fn allows(&self, phase: Phase) -> bool {
        self.worst.get(&phase).is_some_and(|budget| *budget <= 1.0)
    }

    /// Whether it explains most tensors of a phase, and nothing is against it.
    fn may_fit(&self, phase: Phase) -> bool {
        let of = |number: &&usize| self.places.all[**number].phase() == phase;
        let hidden = self.hidden.iter().filter(of).count();
        let all = self.places.all.iter().filter(|place| place.phase() == phase).count();
        self.allows(phase) && 2 * hidden < all
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
        let replayed = Replayed::new(&edited, lends, k).with_masks(&edited, experiment);
        Some(Self { cause, other, edit, engine, replayed, dead: false })
    }

    pub fn fits(&self, phase: Phase) -> bool {
        self.replayed.fits(phase)
    }

    /// Whether what was recorded does not tell it from what fits.
    pub fn may_fit(&self, phase: Phase) -> bool {
        self.replayed.may_fit(phase)
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
            trial.dead = !self.all && !self.wanted.iter().any(|phase| replayed.may_fit(*phase));
        }
        ControlFlow::Continue(())
    }
}
