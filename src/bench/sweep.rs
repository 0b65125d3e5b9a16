//! How cost grows: a step of both engines against the size of the batch, the width and the depth of the network, and
//! the number of threads; and where libtorch catches up.

use super::{
    interval::Interval,
    rounds::{Pace, alternate},
    worker::{Purpose, Source, Work, Worker},
};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::{sync::atomic::AtomicBool, time::Duration};

/// What is varied, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// `batch`, `width`, `depth` or `threads`.
    pub name: String,
    /// The axis in words.
    pub axis: String,
    /// What stays as it is, in words.
    pub of: String,
    /// In ascending order.
    pub points: Vec<Point>,
    /// Where the reference catches up: between two of the points, by interpolation; `None` where it does not.
    pub catches_up: Option<f64>,
}

/// One place of a sweep: an observed step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Of what is varied.
    pub at: usize,
    /// The reference's microseconds.
    pub reference_us: Interval,
    /// The candidate's microseconds.
    pub candidate_us: Interval,
    /// Reference over candidate, pair by pair.
    pub ratio: Interval,
}

/// What is varied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    axis: &'static str,
    of: &'static str,
    /// Where a step is measured.
    at: &'static [usize],
    /// Rows, width, hidden layers and threads at a place.
    net: fn(usize) -> [usize; 4],
}

/// Every sweep; that of the threads goes as far as there are cores.
pub(super) const PLANS: [Plan; 4] = [
    Plan {
        name: "batch",
        axis: "rows of a batch",
        of: "2-25-25-1 ReLU, one thread",
        at: &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096],
        net: |rows| [rows, 25, 2, 1],
    },
    Plan {
        name: "width",
        axis: "units of a hidden layer",
        of: "2-w-w-1 ReLU, batches of 100, one thread",
        at: &[5, 10, 25, 50, 100, 200, 400, 800, 1400, 2048],
        net: |width| [100, width, 2, 1],
    },
    Plan {
        name: "depth",
        axis: "hidden layers",
        of: "2-25-…-25-1 ReLU, batches of 100, one thread",
        at: &[1, 2, 4, 8, 16],
        net: |depth| [100, 25, depth, 1],
    },
    Plan {
        name: "threads",
        axis: "threads",
        of: "2-512-512-1 ReLU, batches of 512",
        at: &[1, 2, 4, 8, 16, 32, 64],
        net: |threads| [512, 512, 2, threads],
    },
];

/// How often the interval in which libtorch catches up is halved.
const HALVINGS: usize = 3;

/// A sweep's own pace: points are many, and a curve shows what is off.
fn shorter(pace: Pace) -> Pace {
    Pace {
        least: pace.least.min(7),
        most: pace.most.min(31),
        budget: pace.budget.min(Duration::from_millis(250)),
        ..pace
    }
}

impl Plan {
    /// Measures every point; `None` when `stop` ends it.
    ///
    /// # Errors
    /// If an engine cannot be built or fails.
    pub(super) fn measure(
        &self,
        cores: usize,
        sets: &[String],
        pace: Pace,
        quick: bool,
        stop: &AtomicBool,
    ) -> Result<Option<Sweep>> {
        let of_threads = self.name == "threads";
        let mut at: Vec<usize> = self.at.to_vec();
        if of_threads {
            at.retain(|&threads| threads <= cores);
            at.extend((at.last() != Some(&cores)).then_some(cores));
        } else if quick {
            at.truncate(2);
        }
        let mut measuring = Measuring { plan: self, sets, pace: shorter(pace), stop, workers: None };
        let mut points = Vec::new();
        for at in at {
            let Some(point) = measuring.point(at)? else { return Ok(None) };
            points.push(point);
        }
        if !of_threads {
            for _ in 0..HALVINGS {
                let Some((from, to)) = crossing(&points) else { break };
                let middle = ((from.at as f64) * (to.at as f64)).sqrt().round() as usize;
                if middle == from.at || middle == to.at {
                    break;
                }
                let Some(point) = measuring.point(middle)? else { return Ok(None) };
                points.push(point);
                points.sort_by_key(|point| point.at);
            }
        }
        let catches_up = crossing(&points).filter(|_| !of_threads).map(between);
        let [name, axis, of] = [self.name, self.axis, self.of].map(str::to_owned);
        Ok(Some(Sweep { name, axis, of, points, catches_up }))
    }

    fn source(&self, at: usize, sets: &[String]) -> (Source, usize) {
        let [rows, width, depth, threads] = (self.net)(at);
        let hidden = format!("{{ linear = {{ outputs = {width} }} }}, 'relu', ").repeat(depth);
        let text = format!(
            "title = '{}'\ndata = {{ kind = 'circle', rows = {rows} }}\n\
             model.layers = [{hidden}{{ linear = {{ outputs = 1 }} }}]\n\
             training = {{ loss = 'mse', optimizer = {{ sgd = {{ lr = 1e-7 }} }}, steps = 1 }}\n",
            self.name
        );
        let name = format!("sweep of {}", self.name);
        (Source::Text { name, text, sets: sets.to_vec(), words: None }, threads)
    }
}

/// A sweep in progress.
struct Measuring<'a> {
    plan: &'a Plan,
    sets: &'a [String],
    pace: Pace,
    stop: &'a AtomicBool,
    /// The workers and their threads: kept from point to point.
    workers: Option<([Worker; 2], usize)>,
}

impl Measuring<'_> {
    fn point(&mut self, at: usize) -> Result<Option<Point>> {
        let (source, threads) = self.plan.source(at, self.sets);
        let workers = match self.workers.take() {
            Some((workers, own)) if own == threads => workers,
            _ => [Worker::start(true, threads)?, Worker::start(false, threads)?],
        };
        let (workers, _) = self.workers.insert((workers, threads));
        for worker in workers.iter_mut() {
            worker.load(&source, Purpose::Training)?;
        }
        let Some(rounds) = alternate(workers, &[Work::Step], self.pace, self.stop)? else { return Ok(None) };
        let [reference, candidate] = rounds.us.into_iter().next().unwrap_or_default();
        let ratios = reference.iter().zip(&candidate).map(|(reference, candidate)| reference / candidate).collect();
        Ok(Some(Point {
            at,
            reference_us: Interval::of(reference),
            candidate_us: Interval::of(candidate),
            ratio: Interval::of(ratios),
        }))
    }
}

/// The last two neighbours of which the reference is slower at the first, and not at the second.
fn crossing(points: &[Point]) -> Option<(&Point, &Point)> {
    let crosses = |pair: &&[Point]| pair[0].ratio.median > 1.0 && !(pair[1].ratio.median > 1.0);
    points.windows(2).rfind(crosses).map(|pair| (&pair[0], &pair[1]))
}

/// Where the ratio is 1 between two points, on logarithmic axes.
fn between((from, to): (&Point, &Point)) -> f64 {
    let (high, low) = (from.ratio.median.ln(), to.ratio.median.ln());
    let (start, end) = ((from.at as f64).ln(), (to.at as f64).ln());
    (start + (end - start) * high / (high - low)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(ratios: &[(usize, f64)]) -> Vec<Point> {
        let point = |&(at, ratio): &(usize, f64)| {
            let [reference_us, candidate_us, ratio] = [ratio, 1.0, ratio].map(|value| Interval::of(vec![value]));
            Point { at, reference_us, candidate_us, ratio }
        };
        ratios.iter().map(point).collect()
    }

    #[test]
    fn where_the_reference_catches_up_is_found_on_logarithmic_axes() {
        let points_of = points(&[(1, 9.0), (10, 2.0), (1000, 0.5), (4000, 0.4)]);
        let (from, to) = crossing(&points_of).unwrap();
        assert_eq!((from.at, to.at), (10, 1000));
        assert!((between((from, to)) - 100.0).abs() < 1e-9);
        assert!(crossing(&points(&[(1, 9.0), (10, 2.0)])).is_none(), "it never does");
        assert!(crossing(&points(&[(1, 0.9), (10, 0.2)])).is_none(), "it was never behind");
        let again = points(&[(1, 0.9), (2, 1.1), (3, 0.9)]);
        assert_eq!(crossing(&again).map(|(from, _)| from.at), Some(2));
    }

    #[test]
    fn a_sweep_varies_one_thing_at_a_time() {
        for plan in PLANS {
            for &at in plan.at {
                let [rows, width, depth, threads] = (plan.net)(at);
                let varied = match plan.name {
                    "batch" => rows,
                    "width" => width,
                    "depth" => depth,
                    _ => threads,
                };
                assert_eq!(varied, at);
            }
        }
        let experiment = PLANS[2].source(4, &["reference.engine=scratch".to_owned()]).0.open().unwrap();
        assert_eq!(experiment.candidate.model.widths(), [25, 25, 25, 25, 25, 25, 25, 25, 1]);
    }
}
