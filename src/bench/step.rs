//! How long a training step takes in each engine alone, one thread a side.
//!
//! A clock read costs about a fifth of a tiny net's phase, so blocks of steps are timed, not steps: blocks of the two
//! sides alternate, after a warm-up, and the median block counts.

use crate::{
    data::Batch,
    engine::Engine,
    error::Result,
    experiment::Experiment,
    lockstep::{self, Batches, RunSide},
};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What a block aims to last: long beside a clock read (some 20 ns), short beside the scheduler's slice.
const BLOCK: Duration = Duration::from_millis(2);

/// Blocks of each side; the median of this many is steady to about 1 % between runs on a quiet machine.
pub const BLOCKS: usize = 101;

/// A training step of both engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bench {
    /// The experiment's title.
    pub experiment: String,
    /// Rows of a batch.
    pub batch: usize,
    /// The reference, in words.
    pub reference: String,
    /// The candidate, in words.
    pub candidate: String,
    /// The whole step, then the part of it up to and with each phase.
    pub rows: Vec<Row>,
}

/// Microseconds, medians over alternating blocks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What is repeated.
    pub work: String,
    /// The reference's time.
    pub reference_us: f64,
    /// The candidate's time.
    pub candidate_us: f64,
    /// The quartiles of the blocks' ratio reference / candidate, pair by pair, with the median in the middle.
    pub ratio: [f64; 3],
}

/// One kind of work that a block repeats.
type Work = fn(&mut dyn Engine, &Batch<'_>) -> Result<()>;

/// Phases depend on those before them, so each row repeats all up to its phase.
const WORK: [(&str, Work); 4] = [
    ("forward", |engine, batch| engine.forward(batch)),
    ("forward, loss", |engine, batch| engine.forward(batch).and_then(|()| engine.loss(batch).map(drop))),
    ("forward, loss, backward", |engine, batch| {
        engine.forward(batch)?;
        engine.loss(batch)?;
        engine.backward()
    }),
    ("whole step", |engine, batch| engine.step(batch).map(drop)),
];

/// Times the engines of an experiment on its first batch; `tick` is called after each of [`BLOCKS`] rounds.
///
/// # Errors
/// If an engine cannot be built or fails.
pub fn bench(experiment: &Experiment, tick: impl FnMut()) -> Result<Bench> {
    let batches = [RunSide::Reference, RunSide::Candidate].map(|side| Batches::new(experiment, side));
    let [one, other] = batches;
    let batches = [one?, other?];
    let reference = lockstep::prepared(experiment, RunSide::Reference)?;
    let candidate = lockstep::prepared(experiment, RunSide::Candidate)?;
    let mut engines = [reference, candidate];
    let dtypes = [experiment.reference.dtype, experiment.candidate.dtype];
    let rows = batches[0].lend(dtypes[0], |reference, _| {
        batches[1].lend(dtypes[1], |candidate, _| rows(&mut engines, [reference, candidate], tick))
    })?;
    Ok(Bench {
        experiment: experiment.title.clone(),
        batch: batches[0].largest(),
        reference: format!("{}: {}", engines[0].describe(), experiment.reference.model),
        candidate: format!("{}: {}", engines[1].describe(), experiment.candidate.model),
        rows,
    })
}

/// Every kind of work on either side's batch.
fn rows(engines: &mut [Box<dyn Engine>; 2], batches: [&Batch<'_>; 2], mut tick: impl FnMut()) -> Result<Vec<Row>> {
    let [reference, candidate] = engines.each_mut().map(Box::as_mut);
    let mut repeat = Vec::with_capacity(WORK.len());
    for (_, work) in WORK {
        repeat.push([repeats(reference, batches[0], work)?, repeats(candidate, batches[1], work)?]);
    }
    // All rows in turn, block by block, so that a slow spell of the machine meets every one of them.
    let mut found = vec![[Vec::new(), Vec::new()]; WORK.len()];
    for _ in 0..BLOCKS {
        for (((_, work), repeat), found) in WORK.iter().zip(&repeat).zip(&mut found) {
            found[0].push(block(reference, batches[0], *work, repeat[0])?);
            found[1].push(block(candidate, batches[1], *work, repeat[1])?);
        }
        tick();
    }
    let rows = WORK.iter().zip(found).map(|((name, _), [mut reference_us, mut candidate_us])| {
        let mut ratios: Vec<f64> = reference_us.iter().zip(&candidate_us).map(|(r, c)| r / c).collect();
        Row {
            work: (*name).to_owned(),
            reference_us: quantile(&mut reference_us, 2),
            candidate_us: quantile(&mut candidate_us, 2),
            ratio: [1, 2, 3].map(|quarter| quantile(&mut ratios, quarter)),
        }
    });
    Ok(rows.collect())
}

/// How often work is repeated in a block, once the engine is warm: first calls take a thousand times as long.
fn repeats(engine: &mut dyn Engine, batch: &Batch<'_>, work: Work) -> Result<u32> {
    block(engine, batch, work, 16)?;
    let mut repeats = 1;
    loop {
        let us = block(engine, batch, work, repeats)? * f64::from(repeats);
        if us >= BLOCK.as_secs_f64() * 1e6 || repeats >= 1 << 20 {
            return Ok(repeats);
        }
        repeats *= 2;
    }
}

/// Microseconds per repetition.
fn block(engine: &mut dyn Engine, batch: &Batch<'_>, work: Work, repeats: u32) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..repeats {
        work(engine, batch)?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(repeats))
}

/// The value at so many quarters of the sorted values.
fn quantile(values: &mut [f64], quarter: usize) -> f64 {
    let place = (values.len() - 1) * quarter / 4;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}
