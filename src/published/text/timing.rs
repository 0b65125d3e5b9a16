//! What Table 1's times are measured with: steps by their phases, classifications, the sweep and the author's NumPy.

use super::{
    sets::Opened,
    shapes::{PRODUCTS_SHAPE, SHAPES, Shape},
    times::EPOCHS,
};
use crate::{
    bench,
    data::{BatchSize, Length, loader::Loader, set::Which},
    error::Result,
    experiment::{Experiment, RunSide},
    judge::{
        noise::Limits,
        verdict::{Phase, Speed},
    },
    run::{Mode, prepared},
    study::{Context, quantile, sorted},
};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a shape's steps may take, in multiply-adds of one engine: some seconds of both.
const WORK: f64 = 9e9;
/// Steps of a shape, at least and at most.
const STEPS: [f64; 2] = [12.0, 600.0];
/// Blocks of each engine's classification, in turn.
const BLOCKS: usize = 9;
/// Rows of an epoch of products, which the document does not tell.
pub(super) const PRODUCTS_ROWS: f64 = 20_000.0;

/// Microseconds of the phases of a step: forward, loss, backward, update.
pub(super) type Phases = [f64; 4];

/// What was measured at one shape. Pairs are libtorch, scratch.
#[derive(Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) network: String,
    /// Whether its inputs are drawn.
    pub(super) drawn: bool,
    pub(super) phases: [Phases; 2],
    /// Steps of an epoch; of drawn rows, as if there were [`PRODUCTS_ROWS`].
    steps: f64,
    /// Rows that are classified in one batch.
    pub(super) rows: usize,
    /// Microseconds of an engine's first call.
    pub(super) first: [f64; 2],
    /// Microseconds of the calls after it, median.
    pub(super) classify: [f64; 2],
}

impl Times {
    /// Seconds of an epoch's steps.
    pub(super) fn epoch(&self) -> [f64; 2] {
        self.phases.map(|phases| phases.iter().sum::<f64>() * self.steps / 1e6)
    }

    /// The same as the document counts: with a look at the validation rows, divided by one epoch less than there were.
    pub(super) fn counted(&self) -> [f64; 2] {
        let epoch = self.epoch();
        [0, 1].map(|side| (epoch[side] + self.classify[side] / 1e6) * EPOCHS / (EPOCHS - 1.0))
    }

    /// libtorch's step with one product more, as large as the forward pass, over its step.
    pub(super) fn third_product(&self) -> f64 {
        let step: f64 = self.phases[0].iter().sum();
        (step + self.phases[0][0]) / step
    }
}

/// Steps of one size of batch or layer.
#[derive(Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) batch: usize,
    pub(super) units: usize,
    pub(super) phases: [Phases; 2],
}

impl Point {
    /// libtorch over scratch.
    pub(super) fn ratio(&self) -> f64 {
        self.phases[0].iter().sum::<f64>() / self.phases[1].iter().sum::<f64>()
    }

    /// Microseconds of libtorch's step for a thousand multiply-adds of its products.
    pub(super) fn per_work(&self) -> f64 {
        let work = 2.0 * (self.batch * self.units * SWEPT_INPUTS) as f64;
        1e3 * self.phases[0].iter().sum::<f64>() / work
    }
}

/// Inputs of the network that is swept: questions' with 50-d vectors.
pub(super) const SWEPT_INPUTS: usize = 1000;
/// Its batches and hidden units.
const SWEEP: [(usize, usize); 8] =
    [(8, 100), (32, 100), (128, 100), (512, 100), (32, 25), (32, 50), (32, 200), (32, 400)];

/// Steps that fit into [`WORK`].
fn steps(batch: usize, parameters: usize) -> usize {
    let [least, most] = STEPS;
    (WORK / (2.0 * (batch * parameters) as f64)).clamp(least, most) as usize
}

/// Medians of both engines' phases over so many steps, in turn.
fn phases(context: &Context<'_>, mut experiment: Experiment, steps: usize) -> Result<[Phases; 2]> {
    experiment.course.length = Length::Steps(steps);
    experiment.noise.judged = false;
    let verdict = context.silent(&experiment, Mode::Free, Limits::default())?;
    Ok(verdict.measured.speed.map_or([[f64::NAN; 4]; 2], |speed| by_phase(&speed)))
}

fn by_phase(speed: &Speed) -> [Phases; 2] {
    let of = |phase: Phase| {
        let found = speed.per_phase.get(&phase);
        let us = |us: f64| (us - speed.timer_us).max(0.0);
        found.map_or([f64::NAN; 2], |found| [us(found.reference_us), us(found.candidate_us)])
    };
    let phases = Phase::COMPUTED.map(of);
    [0, 1].map(|side| phases.map(|phase| phase[side]))
}

pub(super) fn measure(context: &Context<'_>, shape: &Shape, opened: &Opened) -> Result<Times> {
    let drawn = opened.is_drawn();
    let experiment = opened.experiment(shape.name, &[])?;
    let rows = if drawn { PRODUCTS_ROWS } else { opened.set.training.rows() as f64 };
    let parameters = opened.set.columns * shape.units;
    let phases = phases(context, experiment.clone(), steps(shape.batch, parameters))?;
    let (classified, first, classify) = classify(context, &experiment)?;
    Ok(Times {
        network: shape.network(opened),
        drawn,
        phases,
        steps: (rows / shape.batch as f64).ceil(),
        rows: classified,
        first,
        classify,
    })
}

/// A forward pass of all test rows, or validation rows where there are none, in one batch: the rows, the first call of
/// each engine and the median of the others, blocks in turn.
fn classify(context: &Context<'_>, experiment: &Experiment) -> Result<(usize, [f64; 2], [f64; 2])> {
    let set = &experiment.set;
    let part = if set.test.is_some() { Which::Test } else { Which::Validation };
    let side = experiment.side(RunSide::Reference);
    let wanted = [side.dtype].into_iter().collect();
    let loader = Loader::sequential(set.clone(), part, BatchSize::Full, side.encoding, wanted)?;
    let rows = loader.rows();
    let mut engines = [
        prepared(experiment, RunSide::Reference, rows)?, //
        prepared(experiment, RunSide::Candidate, rows)?,
    ];
    let mut blocks = [Vec::new(), Vec::new()];
    for _ in 0..=BLOCKS {
        context.go_on()?;
        for (engine, blocks) in engines.iter_mut().zip(&mut blocks) {
            let start = Instant::now();
            engine.forward(&loader.batch(side.dtype))?;
            blocks.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let first = [blocks[0][0], blocks[1][0]];
    let medians = blocks.map(|blocks| quantile(&sorted(blocks[1..].to_vec()), 0.5));
    Ok((rows, first, medians))
}

/// The swept network, changed by `sets`.
fn swept(context: &Context<'_>, inputs: usize, batch: usize, units: usize, classes: usize) -> Result<[Phases; 2]> {
    let sets = [
        "data.rows=1024".to_owned(),
        "data.validation_rows=8".to_owned(),
        format!("data.columns={inputs}"),
        format!("data.centers={classes}"),
        format!("training.batch_size={batch}"),
        format!(
            "model.layers=[{{ linear = {{ outputs = {units} }} }}, \"relu\", {{ linear = {{ outputs = {classes} }} }}]"
        ),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let opened = Opened::new(&PRODUCTS_SHAPE, &sets)?;
    phases(context, opened.experiment("swept", &[])?, steps(batch, inputs * units).min(300))
}

/// Questions as the document has it, with 100-d vectors, which are not to be had: drawn.
pub(super) fn wide_questions(context: &Context<'_>) -> Result<[Phases; 2]> {
    swept(context, 2000, 8, 100, 6)
}

pub(super) fn sweep(context: &Context<'_>) -> Result<Vec<Point>> {
    let point = |&(batch, units): &(usize, usize)| {
        Ok(Point { batch, units, phases: swept(context, SWEPT_INPUTS, batch, units, 2)? })
    };
    SWEEP.iter().map(point).collect()
}

/// A step in Python: the shape's name, threads, NumPy's over PyTorch's time.
pub(super) struct InPython {
    pub(super) name: &'static str,
    pub(super) threads: usize,
    pub(super) ratio: f64,
}

/// NumPy against PyTorch as `lockstep bench all` last measured them, where its report lies beside this one.
pub(super) fn python(context: &Context<'_>) -> Option<Vec<InPython>> {
    let report = bench::read(&context.folder.parent()?.join("bench").join("bench.json")).ok()?;
    let rows = report.python?.rows;
    let us = |library: &str, name: &str, threads: usize| {
        let mut rows = rows.iter().filter(|row| row.workload == name && row.threads == threads);
        rows.find(|row| row.library.starts_with(library)).map(|row| row.us.median)
    };
    let mut threads: Vec<usize> = rows.iter().map(|row| row.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let all = threads.iter().flat_map(|&threads| SHAPES.iter().map(move |shape| (shape.name, threads)));
    let of = |(name, threads)| {
        Some(InPython { name, threads, ratio: us("numpy", name, threads)? / us("torch", name, threads)? })
    };
    let found: Vec<InPython> = all.filter_map(of).collect();
    (!found.is_empty()).then_some(found)
}
