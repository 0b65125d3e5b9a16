//! Softmax and its logarithm, along the columns of each row or the rows of each column.

use super::super::{Exact, Replay, Rounding};
use crate::{model::Axis, training::Fault};

/// Roundings of e^(x − max) besides those of its exponent: e to 1 ulp = 2u (SLEEF, glibc), with room for one half as good.
const EXPONENTIAL: f64 = 4.0;

/// The offsets of every line of `[rows, columns]` that is summed over.
pub(super) fn lines(axis: Axis, rows: usize, elements: usize) -> Vec<Vec<usize>> {
    let columns = elements.checked_div(rows).unwrap_or(0);
    match axis {
        Axis::Columns => (0..rows).map(|row| (row * columns..(row + 1) * columns).collect()).collect(),
        Axis::Rows => (0..columns).map(|column| (0..rows).map(|row| row * columns + column).collect()).collect(),
    }
}

/// Of one line: max, Σe^(x − max), and that sum's relative error.
struct Line {
    largest: f64,
    sum: f64,
    error: f64,
}

impl Line {
    fn new(line: &[usize], input: &[f64], rounding: Rounding) -> Self {
        let largest = line.iter().map(|&at| input[at]).fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut errors) = (0.0, 0.0);
        for &at in line {
            let term = (input[at] - largest).exp();
            sum += term;
            errors += term * of_term(input[at] - largest, rounding);
        }
        let terms = line.iter().map(|&at| (input[at] - largest).exp());
        Self { largest, sum, error: (errors + rounding.summed(line.len(), sum, terms)) / sum }
    }
}

/// The relative error of e^(x − max): the difference is rounded, absolutely by u of its size, which e passes on. A term
/// that vanishes has none.
fn of_term(difference: f64, rounding: Rounding) -> f64 {
    if difference.exp() == 0.0 { 0.0 } else { rounding.unit * (difference.abs() + EXPONENTIAL) }
}

impl Replay {
    /// eˣ/Σeˣ: its term, the sum, and the quotient, or a product with the sum's reciprocal. Results below the least
    /// normal number may be flushed to 0.
    pub(super) fn softmax(&mut self, axis: Axis, rows: usize, input: &[f64]) {
        let rounding = self.rounding;
        self.result = Exact::zeros(input.len());
        let Exact { value, bound } = &mut self.result;
        for line in lines(axis, rows, input.len()) {
            let Line { largest, sum, error } = Line::new(&line, input, rounding);
            for at in line {
                let difference = input[at] - largest;
                let y = difference.exp() / sum;
                value[at] = y;
                bound[at] = 1.01 * y * (of_term(difference, rounding) + error) + rounding.chain(2.0, y);
                // Exactly 1 of one, exactly 0 of what is infinitely far below.
                bound[at] += if difference == f64::NEG_INFINITY { 0.0 } else { 4.0 * rounding.overflow };
            }
        }
    }

    /// x − max − ln Σe^(x − max): both differences, the logarithm, and what it makes of the sum's error.
    pub(super) fn log_softmax(&mut self, axis: Axis, rows: usize, input: &[f64]) {
        let rounding = self.rounding;
        self.result = Exact::zeros(input.len());
        let Exact { value, bound } = &mut self.result;
        for line in lines(axis, rows, input.len()) {
            let Line { largest, sum, error } = Line::new(&line, input, rounding);
            let logarithm = sum.ln();
            let of_sum = 1.01 * error + rounding.chain(2.0, logarithm.abs());
            for at in line {
                let difference = input[at] - largest;
                value[at] = difference - logarithm;
                bound[at] = of_sum + rounding.chain(1.0, difference.abs() + value[at].abs());
            }
        }
    }

    /// ∂x = y(G − ΣGy), by the side's own y.
    pub(super) fn through_softmax(&mut self, axis: Axis, rows: usize, output: &[f64]) {
        if self.makes(&Fault::SoftmaxDiagonal) {
            return self.through_pointwise(output, |y| (y * (1.0 - y), 2.0 * (y * (1.0 - y)).abs()));
        }
        self.through_lines(axis, rows, output, |passing, line, passed, rounding| {
            let (mut sum, mut given, mut magnitude) = (0.0, 0.0, 0.0);
            for &at in line {
                let y = output[at];
                sum += passing.value[at] * y;
                given += passing.bound[at] * y.abs();
                magnitude += (passing.value[at].abs() + passing.bound[at]) * y.abs();
            }
            // One more rounding for each product.
            let terms = line.iter().map(|&at| passing.value[at] * output[at]);
            let of_sum = given + rounding.summed(line.len(), magnitude, terms) + rounding.unit * magnitude;
            for &at in line {
                let (y, gradient, error) = (output[at], passing.value[at], passing.bound[at]);
                let difference = gradient - sum;
                passed.value[at] = y * difference;
                let off = error + of_sum + rounding.unit * (difference.abs() + error + of_sum);
                passed.bound[at] =
                    if y == 0.0 { 0.0 } else { y.abs() * off + rounding.chain(1.0, passed.value[at].abs()) };
            }
        });
    }

    /// ∂x = G − e^y·ΣG, by the side's own y.
    pub(super) fn through_log_softmax(&mut self, axis: Axis, rows: usize, output: &[f64]) {
        self.through_lines(axis, rows, output, |passing, line, passed, rounding| {
            let (mut sum, mut given, mut magnitude) = (0.0, 0.0, 0.0);
            for &at in line {
                sum += passing.value[at];
                given += passing.bound[at];
                magnitude += passing.value[at].abs() + passing.bound[at];
            }
            let of_sum = given + rounding.summed(line.len(), magnitude, line.iter().map(|&at| passing.value[at]));
            for &at in line {
                let (power, gradient, error) = (output[at].exp(), passing.value[at], passing.bound[at]);
                passed.value[at] = gradient - power * sum;
                let of_product = power * of_sum + rounding.chain(EXPONENTIAL + 1.0, power * (sum.abs() + of_sum));
                let flushed = 4.0 * rounding.overflow * (sum.abs() + of_sum);
                passed.bound[at] = error + of_product + flushed + rounding.chain(1.0, passed.value[at].abs());
            }
        });
    }

    /// Lets the passing gradient through, line by line.
    fn through_lines(
        &mut self,
        axis: Axis,
        rows: usize,
        output: &[f64],
        through: impl Fn(&Exact, &[usize], &mut Exact, Rounding),
    ) {
        self.passed = Exact::zeros(output.len());
        for line in lines(axis, rows, output.len()) {
            through(&self.passing, &line, &mut self.passed, self.rounding);
        }
        std::mem::swap(&mut self.passing, &mut self.passed);
    }
}
