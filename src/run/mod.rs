//! Drives a reference and its candidates over the same batches, phase by phase, and tells observers what happened.
//!
//! One reference pass feeds a free candidate (its own weights throughout) and a synced one (takes the reference's
//! weights before every step). Each phase is timed alone; which side goes first alternates from step to step. Where the
//! sides' batches have different sizes a step is one of the larger, and the other side makes several.

mod alone;
mod batches;
mod checkpoint;
mod ended;
mod engines;
mod evaluation;
mod gaps;
mod looks;
mod masks;
mod observer;
mod phase;
mod record;
mod recorded;
mod runner;
mod start;

pub use crate::experiment::RunSide;
pub use alone::{Alone, prepared};
pub use batches::Batches;
pub use checkpoint::{CHECKPOINT_FILES, Checkpoints};
pub use ended::{Decision, Ended, Stopping};
pub use engines::{Engines, Role, STOCK, build, load};
pub use evaluation::{Evaluated, Evaluation, Patience, Scores};
pub use masks::Masks;
pub use observer::{Observer, Part, Silent, StepEvent};
pub use phase::{Mode, Phase, RunMode};
pub use record::{Resumed, Snapshot, StepRecord};
pub use recorded::recorded_into;
pub use runner::{Runner, SideStep};
pub use start::{Start, StartDifference, StartKind};

use crate::{
    data::{Batch, set::Which},
    engine::{Description, Lends},
    error::{Error, Result},
    experiment::{Experiment, Side},
    model::Alignment,
    training::Course,
};
use gaps::Gaps;
use std::sync::atomic::{AtomicBool, Ordering};

/// Multiply-adds of a forward pass from which on not every step is replayed, but for the first ones.
const LARGE: usize = 1 << 17;

/// Every how many steps of such a model are replayed, whatever the gaps: a replay of all sides takes some five times what
/// their own step does, watching a tenth (reports/calibration).
const REPLAYED: usize = 9;

/// Parameters beyond which replays are rarer still, and every how many steps there are any. Every step is watched.
const MANY: usize = 100_000;
const REPLAYED_OF_MANY: usize = 33;

/// The first number from `least` on that is odd, so that either side goes first in turn, and has no common divisor with
/// the steps of an epoch, so that every batch has its turn, a ragged last one too.
fn in_turn(least: usize, steps_of_epoch: usize) -> usize {
    let common = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut every = least | 1;
    while common(every, steps_of_epoch) != 1 {
        every += 2;
    }
    every
}

/// Engines in step, ready to run.
pub struct Lockstep {
    /// What differs at the start, each difference asked for by the experiment.
    pub differences: Vec<StartDifference>,
    /// How the names of files of weights were matched, where they are not the model's.
    pub matched: Vec<String>,
    /// Every how many steps all phases are replayed; on the others the gaps between the sides are watched.
    pub replayed_every: usize,
    /// Whether a synced candidate starts every step from the reference's weights, all of them.
    pub synced: bool,
    /// The experiment's length in steps.
    pub steps: usize,
    /// Rows of the largest batch.
    pub rows: usize,
    /// Whether the sides take the rows in batches of different sizes.
    pub batches_differ: bool,
    steps_per_epoch: usize,
    batches: Batches,
    /// The candidate's, where they are others.
    own: Option<Batches>,
    /// The definition's masks of those, where they have another size.
    defined_masks: Option<Masks>,
    validation: Option<Evaluation>,
    test: Option<Evaluation>,
    course: Course,
    reference: Runner,
    candidates: Vec<(RunMode, Runner)>,
    /// For each of the candidate's parameters, and of its buffers, the reference's of the same name and shape.
    shared: [Vec<Option<usize>>; 2],
    /// Whether what is compared is to be judged, too.
    judged: bool,
    gaps: Option<Gaps>,
    /// The looks at the evaluation mode of a candidate that was recorded.
    recorded: Option<looks::Recorded>,
}

impl Lockstep {
    /// Builds the engines of an experiment and gives them their initial weights.
    ///
    /// # Errors
    /// If an engine cannot be built, or the sides differ at the start where the experiment does not ask for it.
    pub fn new(experiment: &Experiment, mode: Mode) -> Result<Self> {
        Self::with(experiment, mode, STOCK)
    }

    /// As [`new`](Self::new), with engines of your own.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(experiment: &Experiment, mode: Mode, engines: Engines<'_>) -> Result<Self> {
        let start = Start::draw(experiment)?;
        let batches = Batches::new(experiment, RunSide::Reference)?;
        let own = Batches::differ(experiment).then(|| Batches::new(experiment, RunSide::Candidate)).transpose()?;
        let [validation, test] = [Which::Validation, Which::Test].map(|part| Evaluation::new(experiment, part));
        let [validation, test] = [validation?, test?];
        let looks = [&validation, &test].into_iter().flatten().map(Evaluation::largest);
        let rows = looks.chain(own.as_ref().map(Batches::largest)).fold(batches.largest(), usize::max);
        let runner = |role, side: &Side, values| -> Result<Runner> {
            let mut engine = engines(role, side, rows)?;
            start::load(engine.as_mut(), side, values)?;
            Ok(Runner::new(engine, side, [&experiment.reference, &experiment.candidate]))
        };
        let mut reference = runner(Role::Reference, &experiment.reference, &start.reference)?;
        start::take_buffers(&mut reference, experiment, &start)?;
        let candidates = mode
            .runs()
            .iter()
            .map(|&mode| Ok((mode, runner(Role::Candidate, &experiment.candidate, &start.candidate)?)))
            .collect::<Result<Vec<_>>>()?;
        for (_, candidate) in &candidates {
            start::check([reference.engine.as_ref(), candidate.engine.as_ref()], &start)?;
        }
        if own.is_none()
            && let Some((_, candidate)) = candidates.first()
        {
            let same =
                |reference: &Batch<'_>| batches.lend(candidate.dtype, |candidate, _| start::same(reference, candidate));
            batches.lend(reference.dtype, |batch, _| same(batch))?;
        }
        let alignment = experiment.alignment();
        let of = &experiment.candidate.model;
        let shared = [
            Alignment::of_candidate(&alignment.parameters, of.parameters().len()),
            Alignment::of_candidate(&alignment.buffers, of.buffers().len()),
        ];
        let model = &experiment.reference.model;
        let batches_differ = experiment.batches_differ();
        if batches_differ && !mode.runs().contains(&RunMode::Free) {
            return Err(Error::Usage(
                "with batches of different sizes only a free run shows whether the sides make the same steps; leave --mode \
                 out, or write --mode free"
                    .to_owned(),
            ));
        }
        let (steps_of_epoch, largest) =
            (experiment.course.order.steps_per_epoch(experiment.set.training.rows()), batches.largest());
        let parameters: usize = model.parameters().iter().map(|parameter| parameter.shape.elements()).sum();
        let replayed_every = match model.multiply_adds().saturating_mul(largest) {
            _ if batches_differ || experiment.numbers().is_some() => 1,
            _ if parameters > MANY => in_turn(REPLAYED_OF_MANY, steps_of_epoch),
            LARGE.. => in_turn(REPLAYED, steps_of_epoch),
            _ => 1,
        };
        let steps = experiment.course.length.steps(steps_of_epoch);
        let sides = [&experiment.reference, &experiment.candidate];
        let recordings = || sides.into_iter().filter_map(|side| side.recording());
        let mut said = start.said();
        said.extend(recordings().flat_map(|recording| recording.said.clone()));
        let recorded = recordings().map(|recording| recording.steps).fold(usize::MAX, usize::min);
        let gaps = Gaps::of(experiment);
        let steps = gaps.as_ref().map_or(steps, |gaps| gaps.steps(steps));
        if recorded < steps {
            said.push(format!("the trace has {recorded} whole steps of the experiment's {steps}"));
        }
        let synced = mode.runs().contains(&RunMode::Sync) && shared[0].iter().all(Option::is_some);
        Ok(Self {
            matched: said,
            differences: start.differences,
            replayed_every,
            synced,
            steps: steps.min(recorded),
            rows,
            batches_differ,
            steps_per_epoch: steps_of_epoch,
            batches,
            own,
            defined_masks: batches_differ.then(|| Masks::new(model, experiment.reference.seed, experiment.kept())),
            validation: validation.map(|validation| validation.rarely(replayed_every > 1)),
            test,
            course: experiment.course.clone(),
            reference,
            candidates,
            shared,
            judged: experiment.noise.judged,
            gaps,
            recorded: looks::Recorded::of(experiment)?,
        })
    }

    /// What the two engines are.
    pub fn describe(&self) -> (Description, Description) {
        let reference = self.reference.engine.describe();
        let candidate =
            self.candidates.first().map_or_else(|| reference.clone(), |(_, runner)| runner.engine.describe());
        (reference, candidate)
    }

    /// What the reference, and the candidates, have of a step.
    pub fn lends(&self) -> [Lends; 2] {
        let reference = self.reference.engine.lends();
        [reference, self.candidates.first().map_or(reference, |(_, runner)| runner.engine.lends())]
    }

    /// Runs `steps` steps, or until an observer or `stop` ends it. With `only`, tensors are compared at that step
    /// alone; else at every one. An observer is first told of what was computed, then of the
    /// updates, then of the step as a whole.
    ///
    /// # Errors
    /// If an engine fails.
    pub fn run(
        &mut self,
        steps: usize,
        only: Option<usize>,
        stop: &AtomicBool,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Ended> {
        let sides = 1 + self.candidates.len();
        let rule = self.course.early_stopping.filter(|_| self.validation.is_some());
        let mut patience: Vec<Patience> = rule.map(|rule| vec![Patience::new(rule); sides]).unwrap_or_default();
        let mut ended = Ended::default();
        for step in 0..steps {
            if stop.load(Ordering::Relaxed) {
                ended.interrupted = true;
                break;
            }
            let number = self.number(step);
            let compared = match only {
                Some(only) => step == only,
                None => true,
            };
            self.sync()?;
            self.resume(number)?;
            let own = [self.batches.of_step(step), self.own.as_ref().unwrap_or(&self.batches).of_step(step)];
            let parts = own.each_ref().map(ExactSizeIterator::len);
            let count = parts[0].max(parts[1]);
            let mut asked = false;
            let mut at = At {
                step: number,
                steps: self.number(steps - 1) + 1,
                compared,
                part: Part { number: 0, last: count == 1, acted: [true; 2] },
            };
            for number in 0..count {
                at.part = Part { number, last: number + 1 == count, acted: parts.map(|parts| number < parts) };
                asked = self.part(at, own.each_ref().map(|own| own.start + number), observers)?;
            }
            ended.steps = step + 1;
            self.forget_looks();
            let evaluated = self.look(number, step + 1 == steps, &mut patience)?;
            if asked && self.validation.is_none() && ((step + 1).is_power_of_two() || step + 1 == steps) {
                self.each_side(0, [true; 2], |side, batches| {
                    batches.lend(side.dtype, |batch, targets| side.look(batch, targets))
                })?;
            }
            let mut over = false;
            // Every observer sees the step, also when an earlier one ends the run.
            self.tell(at, &evaluated, &mut |event| {
                observers.iter_mut().for_each(|observer| over |= observer.step(event).is_break());
            });
            // What a step has broken is known before what a look makes of it.
            self.show_looks(number, observers);
            self.forget_looks();
            self.look_again(number)?;
            self.show_looks(number, observers);
            if over || patience.first().is_some_and(|reference| reference.stopped.is_some()) {
                break;
            }
        }
        self.finish(&mut ended, &patience)?;
        if ended.test.is_some() {
            self.show_looks(ended.steps.saturating_sub(1), observers);
        }
        Ok(ended)
    }

    /// Makes a part of a step: for each side the batch with its number. Returns whether records were asked for.
    fn part(&mut self, at: At, numbers: [usize; 2], observers: &mut [&mut dyn Observer]) -> Result<bool> {
        let At { step, compared, part, .. } = at;
        if part.acted[0] {
            self.batches.prepare(numbers[0]);
        }
        if let Some(own) = self.own.as_mut().filter(|_| part.acted[1]) {
            own.prepare(numbers[1]);
        }
        self.each_side(step, part.acted, |side, batches| {
            batches.lend(side.dtype, |batch, _| side.compute(batch, compared, part.number == 0))
        })?;
        let (mut asked, mut late) = (false, false);
        self.tell(at, &[], &mut |event| {
            observers.iter_mut().for_each(|observer| asked |= observer.computed(event));
        });
        if compared {
            self.copy(asked, part.acted)?;
        }
        self.each_side(step, part.acted, |side, batches| {
            batches.lend(side.dtype, |batch, _| side.update(batch, part.number == 0))
        })?;
        if compared {
            self.tell(at, &[], &mut |event| {
                observers.iter_mut().for_each(|observer| late |= observer.updated(event));
            });
        }
        if asked || late {
            self.record(asked, part.acted)?;
        }
        if !part.last {
            self.tell(at, &[], &mut |event| observers.iter_mut().for_each(|observer| observer.part(event)));
        }
        Ok(asked)
    }

    /// Lets the synced candidate take the reference's weights.
    fn sync(&mut self) -> Result<()> {
        let [parameters, buffers] = &self.shared;
        for (_, candidate) in self.candidates.iter_mut().filter(|(mode, _)| *mode == RunMode::Sync) {
            for (own, reference) in parameters.iter().enumerate().filter_map(|(own, found)| Some((own, (*found)?))) {
                candidate.take(own, self.reference.engine.tensor(reference))?;
            }
            let trained = candidate.engine.parameters().len();
            for (own, reference) in buffers.iter().enumerate().filter_map(|(own, found)| Some((own, (*found)?))) {
                candidate.take(trained + own, self.reference.engine.buffer(reference))?;
            }
        }
        Ok(())
    }

    /// Copies what the update may change: all that records need where they are asked for, else the weights that the step
    /// starts from. Those are the reference's alone where a synced candidate has started from the same.
    fn copy(&mut self, asked: bool, [reference_acted, candidates_acted]: [bool; 2]) -> Result<()> {
        let Self { reference, candidates, judged, .. } = self;
        let mut candidates = candidates.iter_mut().map(|(_, side)| side).filter(|_| candidates_acted);
        let reference = Some(reference).filter(|_| reference_acted);
        if asked {
            reference.map_or(Ok(()), Runner::copy)?;
            return candidates.try_for_each(Runner::copy);
        }
        reference.map_or(Ok(()), Runner::copy_weights)?;
        if *judged { Ok(()) } else { candidates.try_for_each(Runner::copy_weights) }
    }

    /// Makes every side's record of the step, or those of the reference and of the synced candidate from what they lend.
    fn record(&mut self, asked: bool, acted: [bool; 2]) -> Result<()> {
        if !asked {
            self.reference.copy_rest()?;
            let Self { reference, candidates, shared: [parameters, _], .. } = self;
            for (_, side) in candidates.iter_mut().filter(|(mode, _)| *mode == RunMode::Sync) {
                side.copy_late(parameters.iter().flatten().map(|&number| reference.before(number)))?;
            }
        }
        self.each_side(0, acted, |side, batches| {
            batches.lend(side.dtype, |batch, targets| side.record(batch, targets))
        })?;
        self.note_resumed()?;
        if let Some(masks) = self.defined_masks.as_mut().filter(|_| acted[1]) {
            for (_, side) in &mut self.candidates {
                let (dtype, SideStep { record, rows, .. }) = (side.dtype, &mut side.latest);
                masks.draw(record.step, record.epoch, *rows);
                record.masked(&masks.views(dtype));
            }
        } else if self.own.is_some() {
            // A side is judged by the definition's masks, in its own type.
            let rows = self.reference.latest.rows;
            for (_, side) in self.candidates.iter_mut().filter(|(_, side)| side.latest.rows == rows) {
                let record = &mut side.latest.record;
                self.batches.lend(side.dtype, |batch, _| record.masked(batch.masks));
            }
        }
        Ok(())
    }

    /// Lets the reference, the candidates or all do something, each with its batches; which goes first alternates from step
    /// to step.
    fn each_side(
        &mut self,
        step: usize,
        [of_reference, of_candidates]: [bool; 2],
        mut act: impl FnMut(&mut Runner, &Batches) -> Result<()>,
    ) -> Result<()> {
        let Self { batches, own, reference, candidates, .. } = self;
        let given = own.as_ref().unwrap_or(batches);
        let mut candidates = candidates.iter_mut().map(|(_, side)| side).filter(|_| of_candidates);
        if step.is_multiple_of(2) {
            if of_reference {
                act(reference, batches)?;
            }
            return candidates.try_for_each(|side| act(side, given));
        }
        candidates.rev().try_for_each(|side| act(side, given))?;
        if of_reference { act(reference, batches) } else { Ok(()) }
    }

    /// Tells of the step as it stands.
    fn tell(&self, at: At, evaluated: &[Evaluated], told: &mut dyn FnMut(&StepEvent<'_>)) {
        let At { step, steps, compared, part } = at;
        self.batches.lend(self.reference.dtype, |batch, targets| {
            let event = StepEvent {
                step,
                part,
                steps,
                batch: *batch,
                given: None,
                compared,
                reference: &self.reference.latest,
                reference_runner: &self.reference,
                candidates: &self.candidates,
                evaluated,
            };
            match (&self.own, self.candidates.first()) {
                (Some(own), Some((_, side))) => own.lend(side.dtype, |other, of_other| {
                    told(&StepEvent { given: Some([(batch.inputs, targets), (other.inputs, of_other)]), ..event });
                }),
                _ => told(&event),
            }
        });
    }
}

/// Where a run is.
#[derive(Clone, Copy)]
struct At {
    step: usize,
    steps: usize,
    compared: bool,
    part: Part,
}
