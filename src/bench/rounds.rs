//! Two workers in turn.
//!
//! A round is a block of every kind of work by the one, a pause, and the same by the other; who goes first alternates, so
//! that a slow spell of the machine meets both. The pause lets the threads of an engine that is done go to sleep.

use super::worker::{Work, Worker};
use crate::error::Result;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How thoroughly is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Rounds at least, whatever they take.
    pub least: usize,
    /// Rounds at most.
    pub most: usize,
    /// Between the two, until this time is spent.
    pub budget: Duration,
    /// What a block lasts at least.
    pub block: Duration,
    /// Between two engines.
    pub pause: Duration,
}

impl Pace {
    /// For figures that are to be believed: blocks that are long beside a clock read (20 ns) and short beside the
    /// scheduler's slice, as many as two seconds have room for.
    pub const FULL: Self = Self {
        least: 11,
        most: 101,
        budget: Duration::from_secs(2),
        block: Duration::from_millis(2),
        pause: Duration::from_millis(5),
    };
    /// For a look: the fewest rounds that have an interval.
    pub const QUICK: Self = Self {
        least: 6,
        most: 6,
        budget: Duration::ZERO,
        block: Duration::from_micros(50),
        pause: Duration::from_micros(100),
    };
}

/// What rounds came to.
pub(super) struct Rounds {
    /// For each kind of work the microseconds of one repetition in every round: reference, candidate.
    pub(super) us: Vec<[Vec<f64>; 2]>,
    /// The processor time that the idle side's threads took, as a share of the time in which the other side worked.
    pub(super) idle: Option<f64>,
}

/// Measures each kind of work in both workers; `None` when `stop` ends it.
///
/// # Errors
/// If an engine fails.
pub(super) fn alternate(
    workers: &mut [Worker; 2],
    works: &[Work],
    pace: Pace,
    stop: &AtomicBool,
) -> Result<Option<Rounds>> {
    let mut repeats = Vec::with_capacity(works.len());
    for &work in works {
        let [reference, candidate] = workers;
        repeats.push([reference.warm(work, pace.block)?, candidate.warm(work, pace.block)?]);
        thread::sleep(pace.pause);
    }
    let mut us: Vec<[Vec<f64>; 2]> = works.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    let (start, mut idle) = (Instant::now(), Idle::default());
    for round in 0..pace.most {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if round >= pace.least && start.elapsed() >= pace.budget {
            break;
        }
        for side in [round % 2, 1 - round % 2] {
            thread::sleep(pace.pause);
            let before = (Instant::now(), workers[1 - side].processor_ns());
            for ((&work, repeats), us) in works.iter().zip(&repeats).zip(&mut us) {
                us[side].push(workers[side].block(work, repeats[side])?);
            }
            idle.note(before, workers[1 - side].processor_ns());
        }
    }
    Ok(Some(Rounds { us, idle: idle.share() }))
}

/// Processor time of whoever should have none.
#[derive(Default)]
struct Idle {
    busy_ns: f64,
    idle_ns: f64,
}

impl Idle {
    fn note(&mut self, (start, before): (Instant, Option<u64>), after: Option<u64>) {
        if let (Some(before), Some(after)) = (before, after) {
            self.busy_ns += start.elapsed().as_nanos() as f64;
            self.idle_ns += after.saturating_sub(before) as f64;
        }
    }

    fn share(&self) -> Option<f64> {
        (self.busy_ns > 0.0).then(|| self.idle_ns / self.busy_ns)
    }
}
