//! The reported loss, the gradient of the optimized one in the outputs, and what penalties add to the gradients in the
//! parameters, from the side's own outputs and weights. Losses of elements and of classes have a file each.

mod classes;
mod elements;
mod penalty;

use super::{Exact, Parameters, Replay, Rounding};
use crate::{
    run::StepRecord,
    training::{Fault, Loss, Measure, ReportedMeasure},
};

/// Roundings in eˣ, ln x and ln(1 + x) as libraries evaluate them: 1 ulp = 2u (glibc, SLEEF's u10 functions), twice that
/// for libraries that are half as good.
const TRANSCENDENTAL: f64 = 4.0;

/// A sum of terms, and what bounds its rounding.
#[derive(Debug, Clone, Default)]
struct Sum {
    value: f64,
    /// What the additions have rounded off (Neumaier 1974): of long sums of equal terms that would be more than a side of
    /// f64 is allowed.
    rounded_off: f64,
    /// The sum of the terms' magnitudes.
    magnitude: f64,
    /// The sum of the errors that the terms come with.
    error: f64,
    terms: usize,
    /// Whether the terms are looked at closely, and so kept.
    close: bool,
    kept: Vec<f64>,
}

/// A number of an output and a target, with its error.
type OfElement<'a> = &'a dyn Fn(&Measure, f64, f64, Rounding) -> (f64, f64);

/// What the sum of the terms of a loss is multiplied by.
#[derive(Debug, Clone, Copy)]
struct Factor {
    value: f64,
    /// Its relative error.
    error: f64,
}

impl Replay {
    /// The reported loss of what `record` holds, and how far rounding may take a side from it. Where it is that after the
    /// update, `parameters` are those after it.
    pub fn loss(&self, record: &StepRecord, parameters: Parameters<'_>) -> (f64, f64) {
        // Of a side that did not look at the new weights it is that of the old ones.
        let after = self.training.reported_loss.after_update && !record.looked.is_empty();
        let outputs = if after { record.looked.as_slice() } else { record.output() };
        let targets = record.targets.as_slice();
        let loss = match &self.training.reported_loss.measure {
            ReportedMeasure::Loss(loss) => {
                let (sum, factor) = (self.terms(loss, outputs, targets), self.factor(loss, outputs, targets));
                let value = factor.value * sum.total();
                let bound = factor.value.abs() * sum.bound(self.rounding) + factor.error * value.abs();
                (value, bound + self.rounding.chain(1.0, value.abs()))
            }
            ReportedMeasure::DeltaTimesMse => self.delta_times_mse(outputs, targets),
        };
        if self.training.reported_loss.penalty { self.penalized(loss, parameters) } else { loss }
    }

    /// How far the reported loss may be off where each of the outputs is by so much: by its derivative there. It is unknown
    /// where that is, and where the outputs of the new weights would be needed.
    pub fn loss_spread(&self, record: &StepRecord, off: &[f64]) -> f64 {
        if off.iter().all(|&off| off == 0.0) {
            return 0.0;
        }
        match &self.training.reported_loss.measure {
            ReportedMeasure::Loss(loss) if !self.training.reported_loss.after_update => {
                let mut slopes = Exact::default();
                self.slopes(loss, record.output(), &record.targets, &mut slopes);
                slopes.value.iter().zip(off).map(|(slope, off)| slope.abs() * off).sum::<f64>() * 1.01
            }
            ReportedMeasure::Loss(_) | ReportedMeasure::DeltaTimesMse => f64::INFINITY,
        }
    }

    /// How far each element of the gradient in the outputs may be off where each of the outputs is by so much: the ends of where
    /// that may be, of losses of rows one output at a time.
    pub fn output_gradient_spread(&self, record: &StepRecord, off: &[f64]) -> Vec<f64> {
        let (outputs, columns) = (record.output(), self.columns());
        if off.iter().all(|&off| off == 0.0) {
            return Vec::new();
        }
        let loss = &self.training.loss;
        let at = |moved: &[f64]| {
            let mut slopes = Exact::default();
            self.slopes(loss, moved, &record.targets, &mut slopes);
            slopes.value
        };
        let exact = at(outputs);
        let mut spread = vec![0.0; outputs.len()];
        for column in 0..if loss.per_row() { columns } else { 1 } {
            let mut farthest = vec![0.0; outputs.len()];
            for sign in [1.0, -1.0] {
                let moves = |place: usize| !loss.per_row() || place % columns == column;
                let end = |(place, (x, off)): (usize, (&f64, &f64))| if moves(place) { x + sign * off } else { *x };
                let moved: Vec<f64> = outputs.iter().zip(off).enumerate().map(end).collect();
                for ((farthest, end), exact) in farthest.iter_mut().zip(at(&moved)).zip(&exact) {
                    *farthest = f64::max(*farthest, (end - exact).abs());
                }
            }
            spread.iter_mut().zip(farthest).for_each(|(spread, farthest)| *spread += 1.01 * farthest);
        }
        spread
    }

    /// The gradient of the optimized loss in the outputs.
    pub fn output_gradient(&mut self, outputs: &[f64], targets: &[f64]) -> &Exact {
        let mut result = std::mem::take(&mut self.result);
        self.slopes(&self.training.loss, outputs, targets, &mut result);
        self.result = result;
        &self.result
    }

    /// The gradient of a loss in the outputs.
    fn slopes(&self, loss: &Loss, outputs: &[f64], targets: &[f64], result: &mut Exact) {
        let (columns, factor) = (self.columns(), self.factor(loss, outputs, targets));
        let (rounding, target_columns) = (self.rounding, loss.target_columns(columns));
        let underflow = 2.0 * rounding.smallest * elements::steepness(&loss.measure);
        let rows = outputs.chunks_exact(columns).zip(targets.chunks_exact(target_columns));
        result.value.clear();
        result.bound.clear();
        for (row, target) in rows {
            let push = |slope: Option<(f64, f64)>| {
                // Nothing is 0 whatever the factor is: infinite where no row counts.
                let Some((slope, error)) = slope else {
                    result.value.push(0.0);
                    return result.bound.push(0.0);
                };
                let value = factor.value * slope;
                result.value.push(value);
                // The product of factor and slope; libtorch multiplies by a further factor or two, and what underflows on
                // the way may be multiplied later.
                let own = rounding.chain(3.0, value.abs()) + factor.error * value.abs() + underflow;
                result.bound.push(factor.value.abs() * error + own);
            };
            if loss.per_row() {
                classes::slopes(loss, row, target, rounding, push);
            } else if self.is_broadcast(columns) {
                // The mean over all targets, which are as many as the rows.
                row.iter().map(|&p| Some(self.against_all(p, targets, &elements::slope, &loss.measure))).for_each(push);
            } else {
                let pairs = row.iter().zip(target);
                pairs.map(|(&p, &t)| Some(elements::slope(&loss.measure, p, t, rounding))).for_each(push);
            }
        }
    }

    /// The sum of the terms of a loss.
    fn terms(&self, loss: &Loss, outputs: &[f64], targets: &[f64]) -> Sum {
        let (columns, mut sum) = (self.columns(), Sum::new(self.rounding));
        if loss.per_row() {
            let rows = outputs.chunks_exact(columns).zip(targets.chunks_exact(loss.target_columns(columns)));
            rows.for_each(|(row, target)| classes::term(loss, row, target, self.rounding, &mut sum));
        } else if self.is_broadcast(columns) {
            outputs.iter().for_each(|&p| sum.add(self.against_all(p, targets, &elements::term, &loss.measure)));
        } else {
            let pairs = outputs.iter().zip(targets);
            pairs.for_each(|(&p, &t)| sum.add(elements::term(&loss.measure, p, t, self.rounding)));
        }
        sum
    }

    /// Whether every output is held against every target, by mistake.
    fn is_broadcast(&self, columns: usize) -> bool {
        columns == 1 && self.makes(&Fault::TargetsBroadcast)
    }

    /// The mean of what an output has of every target.
    fn against_all(&self, p: f64, targets: &[f64], of: OfElement<'_>, measure: &Measure) -> (f64, f64) {
        let mut sum = Sum::new(self.rounding);
        targets.iter().for_each(|&t| sum.add(of(measure, p, t, self.rounding)));
        let count = targets.len() as f64;
        (sum.total() / count, (sum.bound(self.rounding) + 2.0 * self.rounding.unit * sum.magnitude) / count)
    }

    /// The factor of a loss: rounded to the type, as a quotient or a product, with the error of what it is divided by.
    fn factor(&self, loss: &Loss, outputs: &[f64], targets: &[f64]) -> Factor {
        let columns = self.columns();
        let rows = outputs.len() / columns;
        if !loss.per_row() {
            return Factor {
                value: loss.reduction.factor(outputs.len() as f64, rows),
                error: 2.0 * self.rounding.unit,
            };
        }
        let rows = outputs.chunks_exact(columns).zip(targets.chunks_exact(loss.target_columns(columns)));
        let mut count = Sum::new(self.rounding);
        rows.filter_map(|(row, target)| classes::counted(loss, row, target)).for_each(|weight| {
            count.add((weight, self.rounding.unit * if weight == weight.round() { 0.0 } else { weight.abs() }));
        });
        let (value, off) = (loss.reduction.factor(count.total(), count.terms), count.bound(self.rounding));
        // Whole numbers are summed exactly.
        let off = if loss.weights().is_some() { off / count.total().abs() } else { 0.0 };
        Factor { value, error: off + 3.0 * self.rounding.unit }
    }

    fn columns(&self) -> usize {
        self.places.last().map_or(1, |place| place.output.elements())
    }

    /// mean(p − t) · ½Σ(p − t)².
    fn delta_times_mse(&self, outputs: &[f64], targets: &[f64]) -> (f64, f64) {
        let (rounding, count) = (self.rounding, outputs.len());
        let differences = || outputs.iter().zip(targets).map(|(output, target)| output - target);
        let [sum, magnitude] = [differences().sum::<f64>(), differences().map(f64::abs).sum::<f64>()];
        let half_squares = differences().map(|difference| difference * difference).sum::<f64>() / 2.0;
        // Each term of Σ(p − t)² is a subtraction (one rounding, squared two) and a product before it is summed; the
        // factor is one more product. All are positive, so the error is relative to the sum itself; the mean's terms
        // may cancel: its error is relative to Σ|p − t|.
        let squares = differences().map(|difference| difference * difference);
        let of_squares = rounding.summed(count, 1.0, squares.map(|x| x / (2.0 * half_squares))) + 5.0 * rounding.unit;
        let mean = sum / count as f64;
        let of_mean = rounding.summed(count, magnitude, differences()) + 3.0 * rounding.unit * magnitude;
        let of_mean = of_mean / count as f64;
        let bound = of_mean * half_squares + (of_squares + 2.0 * rounding.unit) * (mean * half_squares).abs();
        (mean * half_squares, bound + count as f64 * rounding.smallest)
    }
}

impl Sum {
    fn new(rounding: Rounding) -> Self {
        Self { close: rounding.close, ..Self::default() }
    }

    /// Adds a term with its error.
    fn add(&mut self, (value, error): (f64, f64)) {
        let sum = self.value + value;
        let (large, small) = if self.value.abs() >= value.abs() { (self.value, value) } else { (value, self.value) };
        self.rounded_off += (large - sum) + small;
        self.value = sum;
        self.magnitude += value.abs();
        self.error += error;
        self.terms += 1;
        if self.close {
            self.kept.push(value);
        }
    }

    fn total(&self) -> f64 {
        // Nothing is rounded off an infinite sum.
        if self.value.is_finite() { self.value + self.rounded_off } else { self.value }
    }

    /// How far rounding may take a side from the sum.
    fn bound(&self, rounding: Rounding) -> f64 {
        let of_sum = rounding.summed(self.terms, self.magnitude + self.error, self.kept.iter().copied());
        self.error + of_sum + self.terms as f64 * rounding.smallest
    }
}
