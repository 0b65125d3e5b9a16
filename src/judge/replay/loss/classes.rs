//! Terms of losses of rows, their derivatives in the row's outputs, and how far rounding may take a side from each.
//!
//! Cross-entropy is −Σ aₖ·ln softmax(x)ₖ with aₖ = wₖ·((1 − ε)·tₖ + ε/K), and its derivative softmax(x)ₖ·Σa − aₖ.

use super::{Rounding, Sum, TRANSCENDENTAL};
use crate::training::{Classes, Loss, Measure};

/// ln softmax of a row of logits x, as every stable form computes it: (x − max x) − ln Σ e^(x − max x).
struct LogSoftmax {
    largest: f64,
    log_sum: f64,
    /// The error of `log_sum`.
    error: f64,
    rounding: Rounding,
}

impl LogSoftmax {
    fn of(row: &[f64], rounding: Rounding) -> Self {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut off) = (0.0, 0.0);
        for x in row {
            let below = x - largest;
            let power = below.exp();
            sum += power;
            // The difference is off by u of itself, by which the power is off relatively.
            if power > 0.0 {
                off += power * (below.abs() + TRANSCENDENTAL);
            }
        }
        let log_sum = sum.ln();
        // An error e of the sum, which is at least 1, is one of e over the sum in its logarithm.
        let of_sum = rounding.summed(row.len(), sum, row.iter().map(|x| (x - largest).exp()));
        let relative = (rounding.unit * off + of_sum) / sum + row.len() as f64 * rounding.smallest;
        Self { largest, log_sum, error: relative + TRANSCENDENTAL * rounding.unit * log_sum.abs(), rounding }
    }

    /// ln softmax of one of the logits, with its error: both differences round.
    fn log(&self, x: f64) -> (f64, f64) {
        let below = x - self.largest;
        let log = below - self.log_sum;
        (log, self.error + 1.01 * self.rounding.unit * (below.abs() + log.abs()))
    }
}

/// Adds the term of a row.
pub(super) fn term(loss: &Loss, row: &[f64], target: &[f64], rounding: Rounding, sum: &mut Sum) {
    let u = rounding.unit;
    match &loss.measure {
        Measure::CrossEntropy(classes) => {
            let softmax = LogSoftmax::of(row, rounding);
            let used = |class: usize| is_dense(classes) || number(target, row.len()) == Some(class);
            for (class, &x) in row.iter().enumerate().filter(|(class, _)| used(*class)) {
                let (share, magnitude) = share(loss, classes, class, target, row.len());
                let (log, error) = softmax.log(x);
                // 1 − ε, ε/K, their sum and products, and the product with the logarithm.
                sum.add((-share * log, magnitude * error + rounding.chain(6.0, magnitude * log.abs())));
            }
        }
        Measure::LogLoss { .. } => {
            let output = number(target, row.len()).map_or(f64::NAN, |class| row[class]);
            if counted(loss, row, target).is_some() {
                sum.add((-output.ln(), rounding.chain(TRANSCENDENTAL, output.ln().abs())));
            }
        }
        // Losses of elements have no rows.
        Measure::NegativeLogLikelihood { .. }
        | Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::Huber { .. }
        | Measure::SmoothL1 { .. }
        | Measure::BinaryCrossEntropy
        | Measure::BinaryCrossEntropyWithLogits { .. } => {
            let class = number(target, row.len());
            let value = class.map_or(f64::NAN, |class| -weight(loss, class) * row[class]);
            sum.add((value, 2.0 * u * value.abs() + rounding.smallest));
        }
    }
}

/// Hands out the derivative of a row's term in each of its outputs, with its error; nothing where there is none.
pub(super) fn slopes(
    loss: &Loss,
    row: &[f64],
    target: &[f64],
    rounding: Rounding,
    push: impl FnMut(Option<(f64, f64)>),
) {
    let class = number(target, row.len());
    let only = |slope: Option<f64>| {
        let slope = slope.map(|slope| (slope, rounding.chain(1.0, slope.abs())));
        (0..row.len()).map(move |place| slope.filter(|_| class.is_none_or(|class| class == place)))
    };
    match &loss.measure {
        Measure::CrossEntropy(classes) => cross_entropy(loss, classes, row, target, rounding).map(Some).for_each(push),
        Measure::LogLoss { .. } => {
            let slope = || class.map_or(f64::NAN, |class| -1.0 / row[class]);
            only(counted(loss, row, target).map(|_| slope())).for_each(push);
        }
        Measure::NegativeLogLikelihood { .. }
        | Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::Huber { .. }
        | Measure::SmoothL1 { .. }
        | Measure::BinaryCrossEntropy
        | Measure::BinaryCrossEntropyWithLogits { .. } => {
            only(Some(class.map_or(f64::NAN, |class| -weight(loss, class)))).for_each(push)
        }
    }
}

fn cross_entropy<'a>(
    loss: &'a Loss,
    classes: &'a Classes,
    row: &'a [f64],
    target: &'a [f64],
    rounding: Rounding,
) -> impl Iterator<Item = (f64, f64)> + 'a {
    let softmax = LogSoftmax::of(row, rounding);
    let share = move |class| share(loss, classes, class, target, row.len());
    let (shares, magnitudes) = (0..row.len()).map(share).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    // Of Σa each term has 6 roundings, as above.
    // Relative to their magnitudes, which may be 0.
    let of_shares = rounding.summed(row.len(), magnitudes, (0..row.len()).map(move |class| share(class).0));
    let of_shares = 6.0 * rounding.unit + if magnitudes > 0.0 { of_shares / magnitudes } else { 0.0 };
    row.iter().enumerate().map(move |(class, &x)| {
        let ((share, magnitude), (log, error)) = (share(class), softmax.log(x));
        let probability = log.exp();
        let value = probability * shares - share;
        // The power of a logarithm that is off by e is off by e of itself; 0 stays 0 whatever e is.
        let relative = error + (TRANSCENDENTAL + 1.0) * rounding.unit + of_shares;
        let product = if probability == 0.0 { 0.0 } else { probability * magnitudes * relative };
        let own = rounding.chain(6.0, magnitude) + rounding.chain(1.0, value.abs());
        // A power that underflows, times Σa.
        (value, 1.01 * product + if magnitudes == 0.0 { 0.0 } else { own + magnitudes * rounding.smallest })
    })
}

/// What a row counts for where a mean is taken: its weight; nothing where it is left out.
pub(super) fn counted(loss: &Loss, row: &[f64], target: &[f64]) -> Option<f64> {
    match &loss.measure {
        Measure::CrossEntropy(Classes { probabilities: true, .. }) => Some(1.0),
        Measure::LogLoss { zeros_dropped } => {
            let zero = number(target, row.len()).is_some_and(|class| row[class] == 0.0);
            (!(*zeros_dropped && zero)).then_some(1.0)
        }
        Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::Huber { .. }
        | Measure::SmoothL1 { .. }
        | Measure::BinaryCrossEntropy
        | Measure::BinaryCrossEntropyWithLogits { .. } => {
            Some(number(target, row.len()).map_or(f64::NAN, |class| weight(loss, class)))
        }
    }
}

/// Whether every class has its share of a row's term.
fn is_dense(classes: &Classes) -> bool {
    classes.probabilities || classes.label_smoothing != 0.0
}

/// aₖ, and the sum of the magnitudes that it is made of.
fn share(loss: &Loss, classes: &Classes, class: usize, target: &[f64], count: usize) -> (f64, f64) {
    let given = match number(target, count) {
        _ if classes.probabilities => target[class],
        own => f64::from(u8::from(own == Some(class))),
    };
    let (weight, smoothing) = (weight(loss, class), classes.label_smoothing);
    let (kept, spread) = ((1.0 - smoothing) * given, smoothing / count as f64);
    (weight * (kept + spread), weight.abs() * (kept.abs() + spread))
}

fn number(target: &[f64], classes: usize) -> Option<usize> {
    target.first().and_then(|&target| Loss::class(target, classes))
}

fn weight(loss: &Loss, class: usize) -> f64 {
    loss.weights().and_then(|weights| weights.get(class)).copied().unwrap_or(1.0)
}
