//! Drives a reference and its candidates over the same batches, phase by phase, and tells observers what happened.
//!
//! One reference pass feeds a free candidate (its own weights throughout) and a synced one (takes the reference's
//! weights before every step). Each phase is timed alone; which side goes first alternates from step to step.

mod phase;
mod record;
mod start;

pub use phase::{Mode, Phase, RunMode};
pub use record::StepRecord;
pub use start::{Start, StartDifference, StartKind};

use crate::{
    data::{Batch, BatchSize, DataSet},
    engine::{Description, Engine, faulty},
    error::{Error, Result},
    experiment::{EngineKind, Experiment, Side},
    model::Model,
    tensor::{DType, Shape, Values, View},
    training::Optimizer,
};
use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// Parameters up to which every step is compared.
const COMPARED_EVERY_STEP: usize = 100_000;

/// Inputs and outputs of all layers for one batch: 2 GB in f64, of which a run holds several copies.
const MOST_ACTIVATIONS: usize = 250_000_000;

/// What a step costs on larger models, per multiply-add and per parameter, in units of one multiply-add of an engine:
/// an engine's step; recording and replaying one side; the gaps between two. Fitted to steps of 10⁵ to 10⁶ parameters
/// with batches of 1 to 256 rows, to a third, and what comparing takes for a parameter 1.6 times that, as between engines
/// it has left the caches. Counts, not a clock's readings, so that a verdict is deterministic.
const ENGINE: [f64; 2] = [1.0, 34.0];
const REPLAY: [f64; 2] = [3.1, 600.0];
const GAPS: [f64; 2] = [0.1, 210.0];

/// Multiply-adds of a forward pass from which on not every compared step is replayed.
const LARGE: usize = 1 << 17;

/// Every how many compared steps of such a model are replayed, at least: a replay of all sides takes up to ten times
/// what the two engines do, watching the gaps a fifth of that (reports/noise).
const REPLAYED: usize = 9;

/// What comparing may cost beside the two engines on larger models, by the counts above: a third of the 30 % it is held
/// to, as a referee and the first steps come on top (reports/noise has it measured).
const SHARE: f64 = 0.1;

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

/// Every how many steps a model is compared.
fn compared_every(model: &Model, rows: usize, candidates: usize, steps_of_epoch: usize) -> usize {
    let parameters: usize = model.parameters().iter().map(|parameter| parameter.shape.elements()).sum();
    if parameters <= COMPARED_EVERY_STEP {
        return 1;
    }
    // Forward, and both gradients of every product.
    let multiply_adds = (3 * model.multiply_adds()).saturating_mul(rows) as f64;
    let cost = |[each, parameter]: [f64; 2]| each * multiply_adds + parameter * parameters as f64;
    let compared = (1 + candidates) as f64 * cost(REPLAY) + candidates as f64 * cost(GAPS);
    in_turn((compared / (SHARE * 2.0 * cost(ENGINE))).ceil() as usize, steps_of_epoch)
}

/// Engines in step, ready to run.
pub struct Lockstep {
    /// What differs at the start, each difference asked for by the experiment.
    pub differences: Vec<StartDifference>,
    /// Every how many steps tensors are compared.
    pub compared_every: usize,
    /// Every how many of those the phases are replayed; on the others the gaps between the sides are watched.
    pub replayed_every: usize,
    /// The experiment's length in steps.
    pub steps: usize,
    /// Rows of the largest batch.
    pub rows: usize,
    data: DataSet,
    batch_size: BatchSize,
    reference: Runner,
    candidates: Vec<(RunMode, Runner)>,
    /// For each of the candidate's parameters, the reference's of the same name and shape.
    shared: Vec<Option<usize>>,
    /// What is recorded of a step that is not compared: what the shadow of an optimizer's state must see.
    between: Kept,
}

/// One engine in training, and what its latest step left.
pub struct Runner {
    /// The latest step.
    pub latest: SideStep,
    engine: Box<dyn Engine>,
    dtype: DType,
    widths: Vec<usize>, // per layer
}

/// What one side did at one step.
#[derive(Debug, Clone, Default)]
pub struct SideStep {
    /// The reported loss.
    pub loss: f64,
    /// Nanoseconds of forward, loss, backward and update.
    pub nanoseconds: [u64; 4],
    /// The step's tensors, on steps that are compared; on the others what an earlier one left, but for the gradients
    /// where an optimizer has a state, and the weights before the update where they enter it.
    pub record: StepRecord,
}

/// One step of all sides.
pub struct StepEvent<'a> {
    /// From 0.
    pub step: usize,
    /// How many steps the run is to have.
    pub steps: usize,
    /// What the reference was given.
    pub batch: Batch<'a>,
    /// Whether the records are those of this step.
    pub compared: bool,
    /// Whether at least the gradients in the records are those of this step.
    pub gradients: bool,
    /// The reference.
    pub reference: &'a SideStep,
    /// The candidates that run, synced before free.
    pub candidates: &'a [(RunMode, Runner)],
}

/// Someone who is told of every step, and may end the run.
pub trait Observer {
    /// Called after every step; `Break` ends the run with this step.
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()>;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Steps that were run.
    pub steps: usize,
    /// Whether `stop` ended it.
    pub interrupted: bool,
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
        let data = DataSet::load(&experiment.data);
        let start = Start::draw(experiment)?;
        let rows = data.batch_rows(experiment.batch_size);
        let runner = |role, side: &Side, values| -> Result<Runner> {
            let mut engine = engines(role, side, rows)?;
            start::load(engine.as_mut(), side, values)?;
            Ok(Runner { engine, dtype: side.dtype, widths: side.model.widths(), latest: SideStep::default() })
        };
        let reference = runner(Role::Reference, &experiment.reference, &start.reference)?;
        let candidates = mode
            .runs()
            .iter()
            .map(|&mode| Ok((mode, runner(Role::Candidate, &experiment.candidate, &start.candidate)?)))
            .collect::<Result<Vec<_>>>()?;
        for (_, candidate) in &candidates {
            let batches = [&reference, candidate].map(|side| data.batch(0, experiment.batch_size, side.dtype));
            start::check([reference.engine.as_ref(), candidate.engine.as_ref()], batches, &start)?;
        }
        let names = reference.engine.parameters();
        let shared = experiment
            .candidate
            .model
            .parameters()
            .iter()
            .map(|parameter| names.iter().position(|name| name == parameter))
            .collect();
        let model = &experiment.reference.model;
        let steps_of_epoch = data.rows().div_ceil(rows);
        let compared_every = compared_every(model, rows, candidates.len(), steps_of_epoch);
        // What is sampled already is not sampled again.
        let large = compared_every == 1 && model.multiply_adds().saturating_mul(rows) >= LARGE;
        Ok(Self {
            differences: start.differences,
            compared_every,
            replayed_every: if large { in_turn(REPLAYED, steps_of_epoch) } else { 1 },
            steps: data.steps(experiment.length, experiment.batch_size),
            rows,
            data,
            batch_size: experiment.batch_size,
            reference,
            candidates,
            shared,
            between: kept_between(experiment),
        })
    }

    /// What the two engines are.
    pub fn describe(&self) -> (Description, Description) {
        let reference = self.reference.engine.describe();
        let candidate =
            self.candidates.first().map_or_else(|| reference.clone(), |(_, runner)| runner.engine.describe());
        (reference, candidate)
    }

    /// Runs `steps` steps, or until an observer or `stop` ends it. With `only`, tensors are recorded at that step
    /// alone; else at every `compared_every`-th and the last.
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
        for step in 0..steps {
            if stop.load(Ordering::Relaxed) {
                return Ok(Ended { steps: step, interrupted: true });
            }
            let compared = match only {
                Some(only) => step == only,
                None => step % self.compared_every == 0 || step + 1 == steps,
            };
            self.step(step, compared)?;
            let event = StepEvent {
                step,
                steps,
                batch: self.data.batch(step, self.batch_size, self.reference.dtype),
                compared,
                gradients: compared || self.between != Kept::Nothing,
                reference: &self.reference.latest,
                candidates: &self.candidates,
            };
            // Every observer sees the step, also when an earlier one ends the run.
            let answers: Vec<_> = observers.iter_mut().map(|observer| observer.step(&event)).collect();
            if answers.iter().any(ControlFlow::is_break) {
                return Ok(Ended { steps: step + 1, interrupted: false });
            }
        }
        Ok(Ended { steps, interrupted: false })
    }

    fn step(&mut self, step: usize, compared: bool) -> Result<()> {
        for (mode, candidate) in &mut self.candidates {
            if *mode == RunMode::Sync {
                for (parameter, reference) in self.shared.iter().enumerate() {
                    if let Some(reference) = *reference {
                        copy(self.reference.engine.parameter(reference), candidate, parameter)?;
                    }
                }
            }
        }
        let kept = if compared { Kept::Everything } else { self.between };
        let mut sides: Vec<&mut Runner> = Vec::with_capacity(3);
        sides.push(&mut self.reference);
        sides.extend(self.candidates.iter_mut().map(|(_, runner)| runner));
        if step % 2 == 1 {
            sides.reverse();
        }
        sides.into_iter().try_for_each(|side| side.step(&self.data, self.batch_size, step, kept))
    }
}

/// What is recorded of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Everything,
    GradientsAndWeights,
    Gradients,
    Nothing,
}

/// What is recorded of a step that is not compared.
fn kept_between(experiment: &Experiment) -> Kept {
    let sides = [&experiment.reference, &experiment.candidate];
    let any = |asks: fn(&Optimizer) -> bool| sides.iter().any(|side| asks(&side.training.optimizer));
    match (any(Optimizer::has_state), any(Optimizer::remembers_weights)) {
        (_, true) => Kept::GradientsAndWeights,
        (true, false) => Kept::Gradients,
        (false, false) => Kept::Nothing,
    }
}

impl Runner {
    /// One step, every phase timed alone; what is copied for a record is copied outside of them.
    fn step(&mut self, data: &DataSet, size: BatchSize, step: usize, kept: Kept) -> Result<()> {
        let batch = data.batch(step, size, self.dtype);
        let engine = self.engine.as_mut();
        (self.latest.record.step, self.latest.record.epoch) = (batch.step, batch.epoch);
        if kept == Kept::Everything {
            self.latest.record.begin(engine, &batch)?;
        }
        let start = Instant::now();
        engine.forward(&batch)?;
        let forward = Instant::now();
        let loss = engine.loss(&batch)?;
        let reported = Instant::now();
        engine.backward()?;
        let backward = Instant::now();
        // Before the update, which may do what it likes with the gradients.
        match kept {
            Kept::Everything => self.latest.record.computed(engine, &self.widths, loss)?,
            Kept::Gradients => self.latest.record.gradients(engine)?,
            Kept::GradientsAndWeights => {
                self.latest.record.gradients(engine)?;
                self.latest.record.weights(engine)?;
            }
            Kept::Nothing => {}
        }
        let copied = Instant::now();
        engine.update()?;
        let update = Instant::now();
        self.latest.loss = loss;
        self.latest.nanoseconds = [(start, forward), (forward, reported), (reported, backward), (copied, update)]
            .map(|(from, to)| (to - from).as_nanos() as u64);
        if kept == Kept::Everything {
            self.latest.record.updated(engine)?;
        }
        Ok(())
    }
}

/// Loads a reference's parameter into a candidate, converted where they compute in different types.
fn copy(values: View<'_>, candidate: &mut Runner, parameter: usize) -> Result<()> {
    if values.dtype() == candidate.dtype {
        return candidate.engine.load(parameter, values);
    }
    let mut wide = Vec::new();
    values.widen_into(&mut wide);
    load(candidate.engine.as_mut(), parameter, values.shape, &wide, candidate.dtype)
}

/// Loads values held in f64 into an engine that computes in `dtype`.
///
/// # Errors
/// If the shape is not the parameter's.
pub fn load(engine: &mut dyn Engine, parameter: usize, shape: Shape, values: &[f64], dtype: DType) -> Result<()> {
    match dtype {
        DType::F64 => engine.load(parameter, View { shape, values: Values::F64(values) }),
        DType::F32 => {
            let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            engine.load(parameter, View { shape, values: Values::F32(&narrow) })
        }
    }
}

/// What an engine is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To define what is right.
    Reference,
    /// To be judged.
    Candidate,
    /// To say in f64 what the reference's definition is.
    Referee,
}

/// Makes the engine of a side, for batches of at most so many rows.
pub type Engines<'a> = &'a dyn Fn(Role, &Side, usize) -> Result<Box<dyn Engine>>;

/// The engines of this crate.
pub const STOCK: Engines<'static> = &|_, side, rows| build(side, rows);

/// The engine that a side asks for, with the faults that it is to have.
///
/// # Errors
/// If it cannot be built, or this program was built without it.
pub fn build(side: &Side, capacity: usize) -> Result<Box<dyn Engine>> {
    let columns: usize = side.model.inputs + side.model.widths().iter().sum::<usize>();
    if capacity.saturating_mul(columns) > MOST_ACTIVATIONS {
        return Err(Error::Usage(format!(
            "a batch of {capacity} rows needs {columns} numbers for each of them, {MOST_ACTIVATIONS} in all fit; set a \
             smaller training.batch_size, or narrower layers"
        )));
    }
    let engine: Box<dyn Engine> = match side.engine {
        EngineKind::Scratch => crate::engine::scratch::build(&side.model, &side.training, side.dtype, capacity),
        #[cfg(feature = "torch")]
        EngineKind::Torch => Box::new(crate::engine::torch::Torch::new(&side.model, &side.training, side.dtype)?),
        #[cfg(not(feature = "torch"))]
        EngineKind::Torch => {
            return Err(Error::Usage(
                "this program was built without libtorch; build it with the feature `torch`, or give the side another \
                 engine: --set reference.engine=scratch"
                    .to_owned(),
            ));
        }
    };
    faulty::with_faults(engine, &side.training)
}

/// A side's engine alone, with its own initial weights.
///
/// # Errors
/// If it cannot be built.
pub fn prepared(experiment: &Experiment, which: RunSide) -> Result<Box<dyn Engine>> {
    let start = Start::draw(experiment)?;
    let (side, values) = match which {
        RunSide::Reference => (&experiment.reference, &start.reference),
        RunSide::Candidate => (&experiment.candidate, &start.candidate),
    };
    let mut engine = build(side, DataSet::load(&experiment.data).batch_rows(experiment.batch_size))?;
    start::load(engine.as_mut(), side, values)?;
    Ok(engine)
}

/// Trains a side's engine alone; returns the reported loss of every step, up to and with the first for which `until`
/// holds.
///
/// # Errors
/// If the engine cannot be built or fails.
pub fn train_alone(
    experiment: &Experiment,
    which: RunSide,
    steps: usize,
    until: impl Fn(f64) -> bool,
) -> Result<Vec<f64>> {
    let data = DataSet::load(&experiment.data);
    let mut engine = prepared(experiment, which)?;
    let dtype = engine.describe().dtype;
    let mut losses = Vec::new();
    for step in 0..steps {
        let batch = data.batch(step, experiment.batch_size, dtype);
        losses.push(engine.step(&batch)?);
        if losses.last().is_some_and(|&loss| until(loss)) {
            break;
        }
    }
    Ok(losses)
}

/// A side of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSide {
    /// The reference.
    Reference,
    /// The candidate.
    Candidate,
}

/// What one clock read costs, in microseconds: the median of batches of back-to-back reads.
pub fn timer_us() -> f64 {
    const READS: u32 = 100;
    let mut batches: Vec<f64> = (0..21)
        .map(|_| {
            let start = Instant::now();
            (1..READS).for_each(|_| {
                std::hint::black_box(Instant::now());
            });
            start.elapsed().as_secs_f64() * 1e6 / f64::from(READS)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}
