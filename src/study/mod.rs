//! Published "from scratch vs PyTorch" comparisons, re-run and set beside their printed numbers.
//!
//! A study runs its experiments in both engines, answers each claim of its document, and says whether what it expects
//! of the runs held. Its experiment files are inside the program, so that it runs in any folder.

pub mod noise;
mod shapley;
pub mod xor;

use crate::{
    error::Result,
    experiment::Experiment,
    lockstep::{Mode, Observer, StepEvent},
    noise::Limits,
    verdict::{Comparison, SCHEMA, Verdict, compare},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

/// Every study there is.
pub const ALL: &[Study] = &[xor::STUDY, noise::STUDY];

/// A published comparison.
pub struct Study {
    /// What `lockstep study` calls it.
    pub name: &'static str,
    /// Its document, in a line.
    pub title: &'static str,
    /// How many parts it runs, for the progress bar.
    pub parts: usize,
    /// Runs it and writes its report.
    pub run: fn(&Context<'_>) -> Result<Outcome>,
}

/// What a study runs in.
pub struct Context<'a> {
    /// Where its report goes; exists and can be written.
    pub folder: &'a Path,
    /// Set to end the study between two steps.
    pub stop: &'a AtomicBool,
    /// Told of each part that is done.
    pub tick: &'a (dyn Fn(&str) + Sync),
}

/// What came of a study.
pub struct Outcome {
    /// For the terminal.
    pub summary: String,
    /// 0 when it ran and every expectation held, 1 when one failed, 130 when it was interrupted.
    pub exit_code: u8,
}

/// A study's verdict.json.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StudyVerdict {
    /// The version of the layout.
    pub schema: u32,
    /// The study's name.
    pub study: String,
    /// Whether Ctrl-C ended it early; what is missing was not run.
    pub interrupted: bool,
    /// What the document says, and what we found.
    pub claims: Vec<Claim>,
    /// What must hold for the study to have worked.
    pub expectations: Vec<Expectation>,
    /// The runs, by name.
    pub experiments: BTreeMap<String, Verdict>,
}

/// One claim of a document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// A short name.
    pub id: String,
    /// What is printed.
    pub printed: String,
    /// What we found.
    pub ours: String,
    /// Whether they agree; `null` where it cannot be told.
    pub agrees: Option<bool>,
}

/// What must hold for a study to have worked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// What is expected.
    pub what: String,
    /// Whether it held.
    pub held: bool,
}

impl StudyVerdict {
    /// A verdict with nothing in it yet.
    pub fn new(study: &str) -> Self {
        Self {
            schema: SCHEMA,
            study: study.to_owned(),
            interrupted: false,
            claims: Vec::new(),
            expectations: Vec::new(),
            experiments: BTreeMap::new(),
        }
    }

    /// The exit code: 130 interrupted, 1 when an expectation failed, else 0; mismatches are what studies look for.
    pub fn exit_code(&self) -> u8 {
        match self.expectations.iter().all(|expectation| expectation.held) {
            _ if self.interrupted => 130,
            true => 0,
            false => 1,
        }
    }

    fn expect(&mut self, what: impl Into<String>, held: bool) {
        self.expectations.push(Expectation { what: what.into(), held });
    }

    fn claim(&mut self, id: &str, printed: &str, ours: impl Into<String>, agrees: Option<bool>) {
        self.claims.push(Claim { id: id.to_owned(), printed: printed.to_owned(), ours: ours.into(), agrees });
    }
}

impl Context<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// An observer that only wants the run to go on.
struct Nobody;

impl Observer for Nobody {
    fn step(&mut self, _event: &StepEvent<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Compares an experiment and keeps the verdict alone.
fn silent(context: &Context<'_>, experiment: &Experiment, mode: Mode, limits: Limits) -> Result<Verdict> {
    let comparison = Comparison { mode, limits, ..Comparison::default() };
    Ok(compare(experiment, comparison, BTreeMap::new(), &mut Nobody, context.stop)?.0)
}

/// Does every job, on as many threads as there are cores; the results come in the jobs' order. `None` when interrupted.
fn on_all_cores<J: Sync, R: Send>(
    context: &Context<'_>,
    jobs: &[J],
    work: impl Fn(&J) -> Result<R> + Sync,
) -> Result<Option<Vec<R>>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while !context.stopped() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            done.push((number, work(job)));
            (context.tick)("");
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    if context.stopped() {
        return Ok(None);
    }
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect::<Result<Vec<R>>>().map(Some)
}

/// Mean and standard deviation (of a sample).
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 })
}

/// In ascending order.
fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// First quartile, median and third quartile; NaN where there is nothing.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let sorted = sorted(values.to_vec());
    [1, 2, 3].map(|quarter| match sorted.len() {
        0 => f64::NAN,
        count => {
            let place = (count - 1) as f64 * quarter as f64 / 4.0;
            let (low, high) = (place.floor() as usize, place.ceil() as usize);
            sorted[low] + (place - place.floor()) * (sorted[high] - sorted[low])
        }
    })
}
