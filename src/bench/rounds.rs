//! Two workers in turn.
//!
//! A round is a block of every kind of work by the one, a pause, and the same by the other; who goes first alternates,
//! so that a slow spell of the machine meets both. The pause lets the threads of an engine that is done go to sleep;
//! whoever has his turn then does a repetition that is not timed, to wake his own and to have his data near.

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
    /// Between two engines of one thread each.
    pub pause: Duration,
    /// Between two engines of several.
    pub long_pause: Duration,
}

impl Pace {
    /// For figures that are to be believed: blocks that are long beside a clock read (20 ns) and short beside the
    /// scheduler's slice, as many as three seconds have room for.
    pub const FULL: Self = Self {
        least: 11,
        most: 101,
        budget: Duration::from_secs(3),
        block: Duration::from_millis(2),
        pause: Duration::from_millis(2),
        long_pause: Duration::from_millis(15),
    };
    /// For a look: the fewest rounds that have an interval.
    pub const QUICK: Self = Self {
        least: 6,
        most: 6,
        budget: Duration::ZERO,
        block: Duration::from_micros(50),
        pause: Duration::from_micros(100),
        long_pause: Duration::from_micros(100),
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
    let pause = if workers.iter().any(|worker| worker.threads() > 1) { pace.long_pause } else { pace.pause };
    let timed: Vec<Work> = works.iter().copied().filter(|work| !Work::PHASES.contains(work)).collect();
    let mut repeats = [Vec::new(), Vec::new()];
    for (worker, repeats) in workers.iter_mut().zip(&mut repeats) {
        thread::sleep(pause);
        *repeats = timed.iter().map(|&work| worker.warm(work, pace.block)).collect::<Result<Vec<u32>>>()?;
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
            thread::sleep(pause);
            let before = (Instant::now(), workers[1 - side].processor_ns());
            for (work, took) in turn(&mut workers[side], &timed, &repeats[side], works)? {
                let place = works.iter().position(|&own| own == work);
                us[place.unwrap_or_default()][side].push(took);
            }
            idle.note(before, workers[1 - side].processor_ns());
        }
    }
    Ok(Some(Rounds { us, idle: idle.share() }))
}

/// One engine's part of a round: microseconds of every kind of work.
fn turn(worker: &mut Worker, timed: &[Work], repeats: &[u32], works: &[Work]) -> Result<Vec<(Work, f64)>> {
    let mut took = Vec::with_capacity(works.len());
    if let Some(&first) = timed.first() {
        worker.block(first, 1)?;
    }
    for (&work, &repeats) in timed.iter().zip(repeats) {
        took.push((work, worker.block(work, repeats)?));
        if work == Work::Step && works.contains(&Work::Forward) {
            took.extend(Work::PHASES.into_iter().zip(worker.phases(repeats)?));
        }
    }
    Ok(took)
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
