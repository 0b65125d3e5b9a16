//! Layer norm and batch norm: y = (x − mean)·s·w + b with s = 1/√(variance + ε), along the columns of each row or the
//! rows of each column.
//!
//! What rounding does depends on the data: a mean that is large beside the deviations from it leaves few digits of them,
//! and a variance that is small beside ε and beside that loss leaves s unknown. So every number carries its error
//! ([`Near`]), and a row or column of which nothing is left comes out with a bound as large as itself.

use super::super::{Exact, Replay, Rounding, near::Near};
use crate::{
    model::{BatchNorm, Norm},
    training::Fault,
};

/// The numbers of a line and how far a side's may be off: what a norm needs of what reaches it.
struct Line {
    mean: Near,
    variance: Near,
    /// 1/√(variance + ε).
    inverse: Near,
    /// What sums of squares are divided by.
    divisor: f64,
}

/// What a variance becomes before its root is taken, and by which mistakes.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    eps: f64,
    /// Whether ε is added outside the root.
    outside: bool,
    /// Whether the variance is divided by n − 1.
    unbiased: bool,
}

impl Line {
    /// Of the values that `x` gives, `count` of them.
    ///
    /// The mean is a sum and a quotient. A variance from deviations is off by its sum, 4 roundings of each term (twice
    /// that of its difference, the square, the quotient) and the square of what the mean is off, as the deviations
    /// from the true mean add up to 0; one that is updated from term to term (Welford's, which libtorch has in layer
    /// norm) by √(1 + mean²/variance) times its sum (Chan, Golub and LeVeque, *Algorithms for Computing the Sample
    /// Variance*, 1983).
    fn new(count: usize, x: impl Fn(usize) -> f64, kept: Kept, rounding: Rounding) -> Self {
        let (n, of_sum, unit) = (count as f64, rounding.sum(count), rounding.unit);
        let (sum, magnitude) =
            (0..count).map(&x).fold((0.0, 0.0), |(sum, magnitude), x| (sum + x, magnitude + f64::abs(x)));
        let error = rounding.summed(count, magnitude, (0..count).map(&x)) + 2.0 * unit * magnitude;
        // A mean that underflows, one that is updated from term to term at each, is off by smallest numbers, which s may
        // multiply.
        let underflow = if magnitude > 0.0 { n * rounding.smallest } else { 0.0 };
        let mean = Near { value: sum / n, error: error / n + underflow };
        let square = |at: usize| (x(at) - mean.value).powi(2);
        let variance = (0..count).map(square).sum::<f64>() / n;
        let conditioned = (variance * (variance + mean.value * mean.value)).sqrt();
        let lost = if rounding.close { rounding.lost(count, variance * n, (0..count).map(square)) / n } else { 0.0 };
        let error = f64::max(of_sum * conditioned, lost) + 4.0 * unit * conditioned + mean.error * mean.error;
        // Squares that overflow on their way to a variance leave it unknown: infinite in the side, and s 0.
        let overflows = variance * n * rounding.overflow >= 1.0 || magnitude * rounding.overflow >= 1.0;
        let scale = if kept.unbiased { n / (n - 1.0) } else { 1.0 };
        let error = if overflows { f64::INFINITY } else { scale * error };
        let variance = Near { value: scale * variance, error };
        Self { mean, variance, inverse: inverse_root(variance, kept, rounding), divisor: n / scale }
    }

    /// From statistics that a side holds.
    fn held(mean: f64, variance: f64, kept: Kept, rounding: Rounding) -> Self {
        let variance = Near::exact(variance);
        Self { mean: Near::exact(mean), variance, inverse: inverse_root(variance, kept, rounding), divisor: 1.0 }
    }

    /// x − mean. A library that takes x·s − mean·s instead rounds both, and the mean's product twice: 3 of |mean| and,
    /// as |x| ≤ |x − mean| + |mean|, 2 of the difference.
    fn centred(&self, x: f64, rounding: Rounding) -> Near {
        let value = x - self.mean.value;
        let own = rounding.unit * (2.0 * value.abs() + 3.0 * self.mean.value.abs());
        // Values that are 0 all have a mean of exactly 0.
        Near { value, error: self.mean.error + own }
    }
}

/// 1/√(v + ε): the ends of where v may be, and ε, the sum, the root and the quotient rounded. 0 where v and ε are, as
/// PyTorch's batch norm has it.
fn inverse_root(v: Near, Kept { eps, outside, .. }: Kept, rounding: Rounding) -> Near {
    let root = |v: f64| if outside { v.sqrt() + eps } else { (v + eps).sqrt() };
    let of = |v: f64| if v + eps == 0.0 { 0.0 } else { root(v).recip() };
    let value = of(v.value);
    let lowest = f64::max(v.value - v.error, 0.0);
    let most = if lowest + eps == 0.0 && v.error > 0.0 { f64::INFINITY } else { of(lowest) };
    let error = (most - value) + rounding.chain(3.0, value);
    Near { value, error }
}

/// What a norm passes back for one line: to the gradient h in its normalized values, from deviations c and s,
/// s·(h − Σh/n − c·s²·Σhc/n).
struct Through {
    level: Near, // Σh/n
    slope: Near, // s²·Σhc/n
}

impl Through {
    /// `products` bounds the size of the terms that a library adds up to Σhc: |h·c|, or those of Σhx − mean·Σh.
    fn new(
        line: &Line,
        count: usize,
        h: impl Fn(usize) -> Near,
        c: impl Fn(usize) -> Near,
        products: impl Fn(usize) -> f64,
        rounding: Rounding,
    ) -> Self {
        let [share, of_squares] =
            [count as f64, line.divisor].map(|n| Near { value: 1.0 / n, error: rounding.unit / n });
        let sum = rounding.total((0..count).map(&h), count);
        let (mut along, mut error, mut magnitude) = (0.0, sum.magnitude() * line.mean.error, 0.0);
        for at in 0..count {
            let (h, c) = (h(at), c(at).value);
            along += h.value * c;
            // What the mean is off moves all c alike, and so the sum by Σh times it, which is counted above.
            error += c.abs() * h.error;
            magnitude += h.magnitude() * products(at);
        }
        let terms = (0..count).map(|at| h(at).value * c(at).value);
        error += rounding.summed(count, magnitude, terms) + 4.0 * rounding.unit * magnitude;
        let along = rounding.times(Near { value: along, error }, of_squares);
        let slope = rounding.times(rounding.times(along, line.inverse), line.inverse);
        Self { level: rounding.times(sum, share), slope }
    }

    fn at(&self, line: &Line, h: Near, c: Near, rounding: Rounding) -> Near {
        let inner = rounding.minus(rounding.minus(h, self.level), rounding.times(c, self.slope));
        // A library that multiplies h by s first rounds what cancels here once more.
        let error = inner.error + rounding.unit * (h.magnitude() + self.level.magnitude());
        rounding.times(Near { error, ..inner }, line.inverse)
    }
}

impl Replay {
    /// What the variances of a norm become.
    pub(super) fn kept_of(&self, norm: Norm) -> Kept {
        let [outside, unbiased] = [Fault::NormEpsOutside, Fault::NormUnbiased].map(|fault| self.makes(&fault));
        Kept { eps: norm.eps, outside, unbiased }
    }

    /// Over the columns of each row.
    pub(super) fn layer_norm<'a>(&mut self, norm: Norm, input: &[f64], affine: &dyn Fn(usize) -> &'a [f64]) {
        let rounding = self.rounding;
        let (affine, kept) = (norm.affine.then(|| [affine(0), affine(1)]), self.kept_of(norm));
        self.result = Exact::zeros(input.len());
        let Exact { value, bound } = &mut self.result;
        for (row, x) in input.chunks_exact(norm.columns).enumerate() {
            let line = Line::new(norm.columns, |at| x[at], kept, rounding);
            for (column, &x) in x.iter().enumerate() {
                let y = transformed(&line, x, column, affine, rounding);
                let at = row * norm.columns + column;
                (value[at], bound[at]) = (y.value, y.error);
            }
        }
    }

    /// Over the rows of each column, or with the `running` statistics.
    pub(super) fn batch_norm<'a>(
        &mut self,
        options: BatchNorm,
        input: &[f64],
        running: Option<[&[f64]; 2]>,
        affine: &dyn Fn(usize) -> &'a [f64],
    ) {
        let (rounding, columns, kept) = (self.rounding, options.norm.columns, self.kept_of(options.norm));
        let affine = options.norm.affine.then(|| [affine(0), affine(1)]);
        self.result = Exact::zeros(input.len());
        let Exact { value, bound } = &mut self.result;
        for column in 0..columns {
            let line = batch_line(options, input, running, column, (kept, rounding));
            for at in (column..input.len()).step_by(columns) {
                let y = transformed(&line, input[at], column, affine, rounding);
                (value[at], bound[at]) = (y.value, y.error);
            }
        }
    }

    /// The running mean and variance, buffers `first` and the one after it, from those `before`: (1 − m)·old + m·new,
    /// the new variance divided by n − 1. Kept as they are in evaluation.
    pub(super) fn running_statistics(
        &mut self,
        BatchNorm { norm, momentum }: BatchNorm,
        first: usize,
        input: &[f64],
        before: [&[f64]; 2],
        evaluation: bool,
    ) {
        let (rounding, kept) = (self.rounding, Kept { unbiased: false, ..self.kept_of(norm) });
        let rows = (input.len() / norm.columns) as f64;
        // Both shares rounded to the type, both products, the sum.
        let entered = |old: f64, new: Near| {
            let (kept, new) =
                ((1.0 - momentum) * old, Near { value: momentum * new.value, error: momentum * new.error });
            (kept + new.value, new.error + rounding.chain(3.0, kept.abs() + new.magnitude()))
        };
        for (number, before) in before.iter().enumerate() {
            self.buffers[first + number].fill(before.iter().copied(), |_| 0.0);
        }
        for column in (0..norm.columns).filter(|_| !evaluation) {
            let line = batch_line(BatchNorm { norm, momentum }, input, None, column, (kept, rounding));
            // One more quotient.
            let unbiased = rows / (rows - 1.0);
            let Near { value, error } = line.variance;
            let variance = Near { value: value * unbiased, error: error * unbiased + rounding.chain(1.0, value) };
            for (number, new) in [line.mean, variance].into_iter().enumerate() {
                let Exact { value, bound } = &mut self.buffers[first + number];
                (value[column], bound[column]) = entered(before[number][column], new);
            }
        }
    }

    /// Back through [`layer_norm`](Self::layer_norm): ∂w = Σ over rows of G·(x − mean)·s, ∂b = Σ over rows of G, and
    /// ∂x as [`Through`] has it for h = G·w.
    pub(super) fn through_layer_norm<'a>(
        &mut self,
        norm: Norm,
        parameter: usize,
        input: &[f64],
        affine: &dyn Fn(usize) -> &'a [f64],
    ) {
        let (rounding, columns, kept) = (self.rounding, norm.columns, self.kept_of(norm));
        let constant = self.makes(&Fault::NormStatisticsConstant);
        let line_of = |x: &[f64]| Line::new(columns, |at| x[at], kept, rounding);
        if norm.affine {
            let lines: Vec<Line> = input.chunks_exact(columns).map(line_of).collect();
            self.affine_gradients(columns, parameter, input, |row, _| &lines[row]);
        }
        let weight = norm.affine.then(|| affine(0));
        let Exact { value, bound } = &mut self.passing;
        let gradients = value.chunks_exact_mut(columns).zip(bound.chunks_exact_mut(columns));
        for (x, (value, bound)) in input.chunks_exact(columns).zip(gradients) {
            let line = line_of(x);
            let h: Vec<Near> = (0..columns)
                .map(|at| {
                    let gradient = Near { value: value[at], error: bound[at] };
                    weight.map_or(gradient, |weight| rounding.times(gradient, Near::exact(weight[at])))
                })
                .collect();
            let centred = |at: usize| line.centred(x[at], rounding);
            // libtorch adds up Σhx, and takes mean·Σh from it.
            let products = |at: usize| x[at].abs() + line.mean.value.abs();
            let through = Through::new(&line, columns, |at| h[at], centred, products, rounding);
            for at in 0..columns {
                let passed = match constant {
                    false => through.at(&line, h[at], centred(at), rounding),
                    true => rounding.times(h[at], line.inverse),
                };
                (value[at], bound[at]) = (passed.value, passed.error);
            }
        }
    }

    /// Back through [`batch_norm`](Self::batch_norm); in evaluation ∂x = G·s·w.
    pub(super) fn through_batch_norm<'a>(
        &mut self,
        options: BatchNorm,
        parameter: usize,
        input: &[f64],
        running: Option<[&[f64]; 2]>,
        affine: &dyn Fn(usize) -> &'a [f64],
    ) {
        let (rounding, columns, kept) = (self.rounding, options.norm.columns, self.kept_of(options.norm));
        let constant = self.makes(&Fault::NormStatisticsConstant);
        let lines: Vec<Line> =
            (0..columns).map(|column| batch_line(options, input, running, column, (kept, rounding))).collect();
        if options.norm.affine {
            self.affine_gradients(columns, parameter, input, |_, column| &lines[column]);
        }
        let weight = options.norm.affine.then(|| affine(0));
        let rows = input.len() / columns;
        let Exact { value, bound } = &mut self.passing;
        for (column, line) in lines.iter().enumerate() {
            let at = |row: usize| row * columns + column;
            let gradients: Vec<Near> =
                (0..rows).map(|row| Near { value: value[at(row)], error: bound[at(row)] }).collect();
            let centred = |row: usize| line.centred(input[at(row)], rounding);
            let products = |row: usize| centred(row).value.abs();
            let through = Through::new(line, rows, |row| gradients[row], centred, products, rounding);
            for row in 0..rows {
                let passed = match running.is_some() || constant {
                    false => through.at(line, gradients[row], centred(row), rounding),
                    true => rounding.times(gradients[row], line.inverse),
                };
                let passed = weight.map_or(passed, |weight| rounding.times(passed, Near::exact(weight[column])));
                (value[at(row)], bound[at(row)]) = (passed.value, passed.error);
            }
        }
    }

    /// ∂w = Σ over rows of G·(x − mean)·s and ∂b = Σ over rows of G, for the line of every row and column.
    fn affine_gradients<'l>(
        &mut self,
        columns: usize,
        parameter: usize,
        input: &[f64],
        line: impl Fn(usize, usize) -> &'l Line,
    ) {
        let rounding = self.rounding;
        let rows = input.len() / columns;
        let (passing, gradients) = (&self.passing, &mut self.gradients);
        let given = |row: usize, column: usize| {
            let at = row * columns + column;
            (Near { value: passing.value[at], error: passing.bound[at] }, input[at])
        };
        for (number, gradient) in gradients[parameter..parameter + 2].iter_mut().enumerate() {
            *gradient = Exact::zeros(columns);
            for column in 0..columns {
                let term = |row: usize| {
                    let ((gradient, x), line) = (given(row, column), line(row, column));
                    let normalized = || rounding.times(line.centred(x, rounding), line.inverse);
                    if number == 0 { rounding.times(gradient, normalized()) } else { gradient }
                };
                let sum = rounding.total((0..rows).map(term), rows);
                (gradient.value[column], gradient.bound[column]) = (sum.value, sum.error);
            }
        }
    }
}

/// The line of a column of a batch.
fn batch_line(
    options: BatchNorm,
    input: &[f64],
    running: Option<[&[f64]; 2]>,
    column: usize,
    (kept, rounding): (Kept, Rounding),
) -> Line {
    let columns = options.norm.columns;
    match running {
        Some([mean, variance]) => Line::held(mean[column], variance[column], kept, rounding),
        None => Line::new(input.len() / columns, |row| input[row * columns + column], kept, rounding),
    }
}

/// (x − mean)·s·w + b.
fn transformed(line: &Line, x: f64, column: usize, affine: Option<[&[f64]; 2]>, rounding: Rounding) -> Near {
    let normalized = rounding.times(line.centred(x, rounding), line.inverse);
    let Some([weight, bias]) = affine else { return normalized };
    let bias = Near::exact(bias[column]);
    let y = rounding.plus(rounding.times(normalized, Near::exact(weight[column])), bias);
    // A library that takes b − mean·s·w first rounds b once more.
    Near { error: y.error + rounding.unit * bias.value.abs(), ..y }
}
