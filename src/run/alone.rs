//! One engine of an experiment, trained alone: nothing is compared.

use super::{Batches, RunSide, Scores, Start, build, evaluation::Looker, start};
use crate::{
    data::{
        BatchSize,
        loader::Loader,
        set::{DataSet, Which},
    },
    engine::{Engine, Saved},
    error::Result,
    experiment::{Experiment, Side},
};
use std::sync::Arc;

/// A side's engine with its own initial weights, for batches of at most `rows` rows.
///
/// # Errors
/// If it cannot be built.
pub fn prepared(experiment: &Experiment, which: RunSide, rows: usize) -> Result<Box<dyn Engine>> {
    prepared_by(experiment, which, rows, &build)
}

/// What makes a side's engine, for batches of at most so many rows.
pub type Building<'a> = &'a dyn Fn(&Side, usize) -> Result<Box<dyn Engine>>;

/// The same of an engine that `build` makes.
pub(super) fn prepared_by(
    experiment: &Experiment,
    which: RunSide,
    rows: usize,
    build: Building<'_>,
) -> Result<Box<dyn Engine>> {
    let start = Start::draw(experiment)?;
    let values = if which == RunSide::Reference { &start.reference } else { &start.candidate };
    let side = experiment.side(which);
    let mut engine = build(side, rows)?;
    start::load(engine.as_mut(), side, values)?;
    Ok(engine)
}

/// One side of an experiment in training, without the other. Early stopping and looks on the way are the caller's.
///
/// ```
/// # use lockstep::{experiment::Experiment, run::{Alone, RunSide}, data::set::Which};
/// let text = r#"
///     data = { kind = "circle", rows = 100, test_rows = 50 }
///     model.layers = [{ linear = { outputs = 8 } }, "tanh", { linear = { outputs = 2 } }]
///     training = { loss = "mse", optimizer = { sgd = { lr = 0.1 } }, batch_size = 10, epochs = 3 }
/// "#;
/// let experiment = Experiment::parse(text, "circle", "".as_ref(), &[])?;
/// let mut alone = Alone::new(&experiment, RunSide::Candidate)?;
/// let losses = alone.epoch()?;
/// assert_eq!((losses.len(), alone.steps_per_epoch()), (10, 10));
/// let test = alone.scores(&experiment.set, Which::Test)?;
/// assert_eq!(test.rows, 50);
/// # Ok::<(), lockstep::error::Error>(())
/// ```
pub struct Alone {
    side: Side,
    batches: Batches,
    engine: Box<dyn Engine>,
    /// The next step.
    step: usize,
}

impl Alone {
    /// The engine of a side with its initial weights.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn new(experiment: &Experiment, which: RunSide) -> Result<Self> {
        let batches = Batches::new(experiment, which)?;
        let engine = prepared(experiment, which, batches.largest())?;
        Ok(Self { side: experiment.side(which).clone(), batches, engine, step: 0 })
    }

    /// Trains on the next batch; returns the reported loss.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn step(&mut self) -> Result<f64> {
        self.batches.prepare(self.step);
        self.step += 1;
        self.batches.lend(self.side.dtype, |batch, _| self.engine.step(batch))
    }

    /// Trains on what is left of the epoch; returns the reported loss of each step.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn epoch(&mut self) -> Result<Vec<f64>> {
        let left = self.steps_per_epoch() - self.step % self.steps_per_epoch();
        (0..left).map(|_| self.step()).collect()
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.batches.steps_per_epoch()
    }

    /// How well it does on a part of a set, its own or another one with the same columns.
    ///
    /// # Errors
    /// If the set has no such part, or the engine fails.
    pub fn scores(&mut self, set: &Arc<DataSet>, part: Which) -> Result<Scores> {
        Looker::new(set, part, &self.side, self.size())?.scores(self.engine.as_mut(), &[], &mut Vec::new())
    }

    /// What it makes of a part of a set. `[rows, outputs]`
    ///
    /// # Errors
    /// As [`scores`](Self::scores).
    pub fn outputs(&mut self, set: &Arc<DataSet>, part: Which) -> Result<Vec<f64>> {
        let (dtype, encoding) = (self.side.dtype, self.side.encoding);
        let mut loader =
            Loader::sequential(Arc::clone(set), part, self.size(), encoding, [dtype].into_iter().collect())?;
        let (mut all, mut outputs) = (Vec::new(), Vec::new());
        for step in 0..loader.steps_per_epoch() {
            loader.prepare(step);
            self.engine.forward(&loader.batch(dtype))?;
            self.engine.activation(self.side.model.layers.len() - 1).widen_into(&mut outputs);
            all.extend_from_slice(&outputs);
        }
        Ok(all)
    }

    /// The engine, to read what it lends.
    pub fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// A copy of its parameters and buffers.
    pub fn weights(&self) -> Saved {
        Saved::of(self.engine.as_ref())
    }

    /// Gives it back parameters and buffers that were its own.
    ///
    /// # Errors
    /// If they were another engine's.
    pub fn restore(&mut self, weights: &Saved) -> Result<()> {
        weights.give(self.engine.as_mut())
    }

    /// Batches in which it looks: no larger than what its engine was built for.
    fn size(&self) -> BatchSize {
        BatchSize::Rows(self.batches.largest())
    }
}
