//! y = eˣ/Σeˣ, or its logarithm, along lines of `[rows, columns]`: the columns of each row, or the rows of each column.
//! The largest x of a line is taken off first, so that no eˣ overflows.

use super::{Input, Layer, Pass};
use crate::{engine::scratch::Real, error::Result, model::Axis};

/// A softmax, or a log-softmax.
pub(super) struct Softmax {
    pub(super) axis: Axis,
    pub(super) columns: usize,
    /// Whether the result is the logarithm.
    pub(super) log: bool,
    /// Whether the largest x is taken off; without, a known mistake.
    pub(super) stable: bool,
}

/// The elements of a line: from `start` on, every `step`-th, `length` of them.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    step: usize,
    length: usize,
}

impl Line {
    fn offsets(self) -> impl Iterator<Item = usize> {
        (0..self.length).map(move |place| self.start + place * self.step)
    }

    fn sum<T: Real>(self, term: impl Fn(usize) -> T) -> T {
        self.offsets().fold(T::zero(), |sum, at| sum + term(at))
    }
}

impl Softmax {
    fn lines(&self, rows: usize) -> impl Iterator<Item = Line> + use<> {
        let (axis, columns) = (self.axis, self.columns);
        let line = move |number| match axis {
            Axis::Columns => Line { start: number * columns, step: 1, length: columns },
            Axis::Rows => Line { start: number, step: columns, length: rows },
        };
        (0..if axis == Axis::Columns { rows } else { columns }).map(line)
    }

    fn apply<T: Real>(&self, line: Line, x: &[T], y: &mut [T]) {
        // A NaN stays the largest.
        let larger = |largest: T, at: usize| if x[at] > largest || x[at].is_nan() { x[at] } else { largest };
        let largest = if self.stable { line.offsets().fold(T::neg_infinity(), larger) } else { T::zero() };
        line.offsets().for_each(|at| y[at] = (x[at] - largest).exponential());
        let sum = line.sum(|at| y[at]);
        match (self.log, self.stable) {
            (false, _) => line.offsets().for_each(|at| y[at] /= sum),
            // In this order: the largest and ln Σ added up would lose ln Σ where the largest is large.
            (true, true) => line.offsets().for_each(|at| y[at] = x[at] - largest - sum.logarithm()),
            (true, false) => line.offsets().for_each(|at| y[at] = (y[at] / sum).logarithm()),
        }
    }
}

impl<T: Real> Layer<T> for Softmax {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let input = input.dense()?;
        self.lines(pass.rows).for_each(|line| self.apply(line, input, output));
        Ok(())
    }

    /// ∂x = y(G − ΣGy); of the logarithm, ∂x = G − e^y·ΣG.
    fn backward(
        &mut self,
        pass: &mut Pass<'_, T>,
        _input: Input<'_, T>,
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let Some(target) = input_gradient else { return Ok(()) };
        let (y, gradient) = (output, output_gradient);
        for line in self.lines(pass.rows) {
            if self.log {
                let sum = line.sum(|at| gradient[at]);
                line.offsets().for_each(|at| target[at] = gradient[at] - y[at].exponential() * sum);
            } else {
                let sum = line.sum(|at| gradient[at] * y[at]);
                line.offsets().for_each(|at| target[at] = y[at] * (gradient[at] - sum));
            }
        }
        Ok(())
    }
}
