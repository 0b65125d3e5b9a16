//! One experiment with so many threads: both engines' time for every kind of work, training and inference, beside what
//! it takes at least.

use super::{
    counted::Counted,
    interval::Interval,
    load::{Load, quiet},
    peak::Peak,
    rounds::{Pace, alternate},
    worker::{Loaded, Memory, Purpose, Source, Work, Worker},
};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;

/// Both engines on one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The workload's name, or the experiment's title.
    pub name: String,
    /// The experiment's title.
    pub title: String,
    /// Threads of each engine.
    pub threads: usize,
    /// The reference's engine, in words.
    pub reference: String,
    /// The candidate's engine, in words.
    pub candidate: String,
    /// The candidate's layers, in words.
    pub model: String,
    /// Numbers that the candidate trains.
    pub parameters: usize,
    /// Memory of the reference's process and of the candidate's in training, where the system says.
    pub memory: [Option<Memory>; 2],
    /// The processor time that the idle engine's threads took, as a share of the time in which the other one worked.
    pub idle: Option<f64>,
    /// The share of the machine's processor time that other programs took meanwhile, where the system says.
    pub others: Option<f64>,
    /// Each kind of work.
    pub rows: Vec<Row>,
}

/// One kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    pub work: Work,
    /// Rows of its batch.
    pub batch: usize,
    /// Blocks of each engine.
    pub blocks: usize,
    /// The reference's.
    pub reference: Figures,
    /// The candidate's.
    pub candidate: Figures,
    /// Reference over candidate, of the blocks pair by pair.
    pub ratio: Interval,
    /// What the ratio is to be at least, where something is asked of it.
    pub at_least: Option<f64>,
}

/// One engine's time, and what it makes of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Microseconds.
    pub us: Interval,
    /// Rows of a batch in a second.
    pub samples_per_s: f64,
    /// 10⁹ operations of products in a second.
    pub gflops: f64,
    /// 10⁹ bytes in a second that have to move at least.
    pub gb_per_s: f64,
    /// The least time that the machine allows over the time that it took; `None` where the machine was not measured.
    pub roofline: Option<f64>,
    /// What the least time is bound by: `arithmetic`, or a level of memory.
    pub bound: Option<String>,
}

/// Whether a ratio is what it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// All of its interval is.
    Yes,
    /// None of it is.
    No,
    /// The median is, but not the whole interval.
    Nearly,
    /// The median is not, but some of the interval.
    NotQuite,
}

impl Measured {
    /// Whether other programs took so much of the machine that the figures are not to be believed.
    pub fn disturbed(&self) -> bool {
        self.others.is_some_and(|others| others > quiet(self.threads))
    }
}

impl Row {
    /// Whether the ratio is what it is to be.
    pub fn met(&self) -> Option<Met> {
        let least = self.at_least?;
        let Interval { low, median, high } = self.ratio;
        Some(match (low >= least, median >= least, high >= least) {
            (true, ..) => Met::Yes,
            (_, true, _) => Met::Nearly,
            (_, _, true) => Met::NotQuite,
            _ => Met::No,
        })
    }
}

impl Figures {
    fn new(us: Vec<f64>, (rows, counted): (usize, &Counted), peak: Option<&Peak>) -> Self {
        let us = Interval::of(us);
        let per_second = 1e6 / us.median;
        let least = peak.map(|peak| peak.least(counted));
        Self {
            us,
            samples_per_s: rows as f64 * per_second,
            gflops: counted.operations * per_second / 1e9,
            gb_per_s: counted.bytes * per_second / 1e9,
            roofline: least.map(|(seconds, _)| seconds * per_second),
            bound: least.map(|(_, bound)| bound.to_owned()),
        }
    }
}

/// Times both engines of an experiment; `None` when `stop` ends it. `at_least` is what the ratio of a step, and of
/// inference, is to be.
///
/// # Errors
/// If the experiment cannot be opened, or an engine cannot be built or fails.
pub fn bench(
    source: &Source,
    threads: usize,
    pace: Pace,
    peak: Option<&Peak>,
    at_least: Option<[f64; 2]>,
    stop: &AtomicBool,
) -> Result<Option<Measured>> {
    let mut workers = [Worker::start(true, threads)?, Worker::start(false, threads)?];
    let mut found: Option<Measured> = None;
    for purpose in [Purpose::Training, Purpose::Inference] {
        let [reference, candidate] = &mut workers;
        let loaded = [reference.load(source, purpose)?, candidate.load(source, purpose)?];
        let works: Vec<Work> = loaded[1].works.iter().map(|(work, ..)| *work).collect();
        let before = Load::now(&workers);
        let Some(rounds) = alternate(&mut workers, &works, pace, stop)? else { return Ok(None) };
        let others = before.and_then(|before| before.others(&workers));
        let rows = rounds.us.into_iter().enumerate().map(|(place, us)| row(&loaded, place, us, peak, at_least));
        match &mut found {
            Some(measured) => {
                measured.rows.extend(rows);
                measured.others = measured.others.into_iter().chain(others).reduce(f64::max);
            }
            None => {
                let [reference, candidate] = loaded.clone();
                let [one, other] = &mut workers;
                found = Some(Measured {
                    name: candidate.title.clone(),
                    title: candidate.title,
                    threads,
                    reference: reference.engine,
                    candidate: candidate.engine,
                    model: candidate.model,
                    parameters: candidate.parameters,
                    memory: [one.memory()?, other.memory()?],
                    idle: rounds.idle,
                    others,
                    rows: rows.collect(),
                });
            }
        }
    }
    Ok(found)
}

fn row(
    loaded: &[Loaded; 2],
    place: usize,
    [reference, candidate]: [Vec<f64>; 2],
    peak: Option<&Peak>,
    at_least: Option<[f64; 2]>,
) -> Row {
    let [of_reference, of_candidate] = [0, 1].map(|side: usize| {
        let (_, rows, counted) = &loaded[side].works[place];
        (*rows, counted)
    });
    let (work, batch, _) = loaded[1].works[place];
    let ratios = reference.iter().zip(&candidate).map(|(reference, candidate)| reference / candidate).collect();
    let asked = match work {
        Work::Step | Work::Fused => Some(0),
        Work::Forward | Work::Loss | Work::Backward | Work::Update => None,
        Work::Whole | Work::Batches | Work::Rows => Some(1),
    };
    Row {
        work,
        batch,
        blocks: reference.len(),
        reference: Figures::new(reference, of_reference, peak),
        candidate: Figures::new(candidate, of_candidate, peak),
        ratio: Interval::of(ratios),
        at_least: at_least.and_then(|at_least| asked.map(|kind: usize| at_least[kind])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_met_only_where_its_whole_interval_is() {
        let figures = Figures {
            us: Interval::of(vec![1.0]),
            samples_per_s: 0.0,
            gflops: 0.0,
            gb_per_s: 0.0,
            roofline: None,
            bound: None,
        };
        let met = |at_least, [low, median, high]: [f64; 3]| {
            let (work, batch, blocks) = (Work::Step, 1, 11);
            let (reference, candidate) = (figures.clone(), figures.clone());
            Row { work, batch, blocks, reference, candidate, ratio: Interval { low, median, high }, at_least }.met()
        };
        assert_eq!(met(Some(1.1), [1.1, 1.2, 1.3]), Some(Met::Yes));
        assert_eq!(met(Some(1.15), [1.1, 1.2, 1.3]), Some(Met::Nearly));
        assert_eq!(met(Some(1.25), [1.1, 1.2, 1.3]), Some(Met::NotQuite));
        assert_eq!(met(Some(1.4), [1.1, 1.2, 1.3]), Some(Met::No));
        assert_eq!(met(Some(1.0), [f64::NAN; 3]), Some(Met::No));
        assert_eq!(met(None, [1.0; 3]), None);
    }

    #[test]
    fn rates_follow_from_the_time_and_what_is_counted() {
        let levels = vec![super::super::peak::Level { name: "memory".to_owned(), bytes: None, gb_per_s: 10.0 }];
        let peak = Peak { threads: 1, gflops: 100.0, levels };
        let counted = Counted { operations: 1e6, bytes: 1e5, held: 1e9 };
        let found = Figures::new(vec![40.0; 6], (8, &counted), Some(&peak));
        assert_eq!((found.samples_per_s, found.gflops, found.gb_per_s), (2e5, 25.0, 2.5));
        assert_eq!((found.roofline, found.bound.as_deref()), (Some(0.25), Some("arithmetic")));
    }
}
