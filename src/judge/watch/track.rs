//! What is remembered of one tensor of one candidate over a run: the worst, the first fault, and thinned columns.

use crate::judge::verdict::{GapSummary, TensorCurve, finite};
use crate::{
    judge::{gap::Deviation, noise::UNJUDGED},
    run::Phase,
};

/// Values a column keeps at most, before neighbours are merged: plots show fewer, and a long run stays small.
const COLUMN: usize = 1 << 14;

/// One tensor of one phase.
pub(in crate::judge) struct Track {
    pub(in crate::judge) phase: Phase,
    /// The deviation that used most of its limit.
    pub(in crate::judge) worst: Option<Deviation>,
    /// The largest gap that was judged.
    pub(in crate::judge) largest_gap: f64,
    /// The smallest limit there was of what was not exactly 0; NaN before that.
    pub(in crate::judge) smallest_limit: f64,
    /// Whether it was ever off.
    pub(in crate::judge) failed: bool,
    pub(in crate::judge) unjudged: usize,
    pub(in crate::judge) judged: usize,
    pub(in crate::judge) between: GapSummary,
    /// The largest gap between the sides, NaN being the largest.
    widest: f64,
    pub(in crate::judge) curve: TensorCurve,
}

impl Track {
    pub(in crate::judge) fn new(phase: Phase, tensor: &str) -> Self {
        let (judged, limit, between) = Default::default();
        Self {
            phase,
            worst: None,
            largest_gap: 0.0,
            smallest_limit: f64::NAN,
            failed: false,
            unjudged: 0,
            judged: 0,
            between: GapSummary { max: None, at: 0, last: None },
            widest: f64::NEG_INFINITY,
            curve: TensorCurve { phase, tensor: tensor.to_owned(), judged, limit, between },
        }
    }

    /// Takes in how far the candidate's tensor is from exact arithmetic; `counts` says whether agreement would prove
    /// anything at this step.
    pub(in crate::judge) fn judge(&mut self, deviation: Deviation, bucket: usize, counts: bool) {
        push(&mut self.curve.judged, bucket, deviation.gap);
        push(&mut self.curve.limit, bucket, deviation.limit);
        if deviation.passes() {
            if !counts {
                return;
            }
            if !(deviation.limit <= UNJUDGED) {
                self.unjudged += 1;
                return;
            }
        }
        self.judged += 1;
        // What is exactly 0, as an update that waits for more gradients, has no part that a fault could be.
        let nothing = deviation.limit == 0.0 && deviation.ratio.is_nan();
        // And what is off has made the norm that its limit is relative to.
        if deviation.passes() && !nothing {
            self.smallest_limit = self.smallest_limit.min(deviation.limit);
        }
        self.failed |= !deviation.passes();
        // NaN stays: it is larger than any limit.
        if !(deviation.gap <= self.largest_gap) {
            self.largest_gap = deviation.gap;
        }
        if self.worst.is_none_or(|worst| !(deviation.budget <= worst.budget)) {
            self.worst = Some(deviation);
        }
    }

    /// Takes in a step at which the tensor was not judged: for plots the latest values stand on.
    pub(in crate::judge) fn hold(&mut self, bucket: usize) {
        for column in [&mut self.curve.judged, &mut self.curve.limit] {
            if let Some(&latest) = column.last() {
                push(column, bucket, f64::from(latest));
            }
        }
    }

    /// Takes in how far the two sides are apart.
    pub(in crate::judge) fn apart(&mut self, gap: f64, step: usize, bucket: usize) {
        push(&mut self.curve.between, bucket, gap);
        self.between.last = finite(gap);
        if !self.widest.is_nan() && !(gap <= self.widest) {
            self.widest = gap;
            (self.between.max, self.between.at) = (finite(gap), step);
        }
    }

    /// Takes in a step at which the sides were not set beside each other here: for plots the latest gap stands on.
    pub(in crate::judge) fn unseen(&mut self, bucket: usize) {
        let latest = self.curve.between.last().copied().unwrap_or_default();
        push(&mut self.curve.between, bucket, f64::from(latest));
    }

    /// Its columns; none between the sides where these were never set beside each other.
    pub(in crate::judge) fn curve(self) -> TensorCurve {
        let mut curve = self.curve;
        if self.widest == f64::NEG_INFINITY {
            curve.between.clear();
        }
        curve
    }

    /// Merges neighbouring values of every column.
    pub(in crate::judge) fn thin(&mut self) {
        for column in [&mut self.curve.judged, &mut self.curve.limit, &mut self.curve.between] {
            thin(column);
        }
    }
}

/// Which value of every column a compared step belongs to.
#[derive(Default)]
pub(in crate::judge) struct Buckets {
    /// The first step of each bucket.
    pub(in crate::judge) steps: Vec<usize>,
    /// Compared steps seen.
    seen: usize,
    /// Compared steps in a bucket: 2^`doublings`.
    doublings: u32,
}

impl Buckets {
    /// Compared steps seen, the latest too.
    pub(in crate::judge) fn seen(&self) -> usize {
        self.seen
    }

    /// The bucket of the next compared step, and whether columns must be thinned before it is used.
    pub(in crate::judge) fn next(&mut self, step: usize) -> (usize, bool) {
        let mut bucket = self.seen >> self.doublings;
        let full = bucket == COLUMN;
        if full {
            self.doublings += 1;
            self.steps = self.steps.iter().copied().step_by(2).collect();
            bucket = self.seen >> self.doublings;
        }
        if bucket == self.steps.len() {
            self.steps.push(step);
        }
        self.seen += 1;
        (bucket, full)
    }
}

/// Merges neighbouring values, keeping the worse.
pub(in crate::judge) fn thin(column: &mut Vec<f32>) {
    *column = column.chunks(2).map(|pair| pair.iter().copied().fold(f32::NEG_INFINITY, worse)).collect();
}

/// Puts a value in its bucket, which keeps the worst.
pub(in crate::judge) fn push(column: &mut Vec<f32>, bucket: usize, value: f64) {
    let value = value as f32;
    match column.get_mut(bucket) {
        Some(kept) => *kept = worse(*kept, value),
        None => column.push(value),
    }
}

/// The larger of two, NaN being the largest.
fn worse(a: f32, b: f32) -> f32 {
    if a.is_nan() || a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_thinned_and_keeps_its_worst_step() {
        let mut buckets = Buckets::default();
        let mut track = Track::new(Phase::Loss, "loss");
        let steps = 5 * COLUMN + 3;
        for step in 0..steps {
            let (bucket, full) = buckets.next(step);
            if full {
                track.thin();
            }
            track.apart(if step == 12_345 { 0.5 } else { 1e-7 }, step, bucket);
        }
        assert!(buckets.steps.len() <= COLUMN);
        assert_eq!(buckets.steps.len(), track.curve.between.len());
        let bucket = buckets.steps.iter().rposition(|&first| first <= 12_345).unwrap();
        assert_eq!(track.curve.between[bucket], 0.5);
        assert_eq!(track.between, GapSummary { max: Some(0.5), at: 12_345, last: Some(1e-7) });
    }
}
