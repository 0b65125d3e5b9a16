//! What else ran on the machine while something was measured. libgomp's threads wait for each other: with as many of
//! them as cores, a single other busy program makes a step take a thousand times as long, and its median with it.

use super::worker::Worker;
use std::{fs, thread, time::Instant};

/// Processor time up to a moment.
pub(super) struct Load {
    at: Instant,
    /// Seconds of all cores, busy or taken away by the host.
    busy: f64,
    /// Seconds of the workers.
    own: f64,
}

/// The share of the machine above which others are said to have disturbed engines of so many threads: half of the cores
/// that these leave idle, and 5 %, a core of two for a tenth of the time.
pub(super) fn quiet(threads: usize) -> f64 {
    let cores = cores();
    0.05 + 0.5 * (cores - threads as f64).max(0.0) / cores
}

fn cores() -> f64 {
    thread::available_parallelism().map_or(1, usize::from) as f64
}

/// Units of /proc/stat, a second's parts on every Linux of today (proc(5), `USER_HZ`).
const TICKS: f64 = 100.0;

impl Load {
    /// Up to now; nothing where the system does not say.
    pub(super) fn now(workers: &[Worker; 2]) -> Option<Self> {
        let [one, other] = workers.each_ref().map(Worker::processor_ns);
        let busy = busy(&fs::read_to_string("/proc/stat").ok()?)?;
        Some(Self { at: Instant::now(), busy, own: (one? + other?) as f64 / 1e9 })
    }

    /// The share of the machine that others have taken since.
    pub(super) fn others(&self, workers: &[Worker; 2]) -> Option<f64> {
        let now = Self::now(workers)?;
        let all = cores() * now.at.duration_since(self.at).as_secs_f64();
        Some((((now.busy - self.busy) - (now.own - self.own)) / all).max(0.0))
    }
}

/// Seconds in which all cores together were not idle: user, nice, system, irq, softirq and steal, without idle and
/// iowait.
fn busy(stat: &str) -> Option<f64> {
    let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().map(str::parse::<f64>);
    let ticks = ticks.collect::<Result<Vec<f64>, _>>().ok()?;
    Some([0, 1, 2, 5, 6, 7].iter().filter_map(|&place: &usize| ticks.get(place)).sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    use super::busy;

    #[test]
    fn what_is_idle_or_waits_for_a_disk_is_not_busy() {
        let stat = "cpu  100 20 30 5000 700 4 5 6 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(busy(stat), Some(1.65));
        assert_eq!((busy(""), busy("cpu  x")), (None, None));
    }
}
