//! Losses whose terms belong to elements: each measure's term, and its derivative in the output p, for the target t.
//!
//! Kinks as in PyTorch: the derivative of |p − t| is 0 at 0, those of Huber and smooth L1 are continuous.

use super::{BLOCK, Real, Sum};
use crate::training::Measure;

/// Logarithms in bce are not below this (`nn.BCELoss`), so that its loss stays finite.
const LEAST_LOG: f64 = -100.0;
/// What p(1 − p) is raised to in the derivative of bce: libtorch's constant is an f32 in every type (ATen's Loss.cpp).
const LEAST_VARIANCE: f64 = 1e-12_f32 as f64;

/// The sum of a measure's terms.
pub(super) fn sum<T: Real>(measure: &Measure, outputs: &[T], targets: &[T]) -> T {
    let half = T::of(0.5);
    match *measure {
        Measure::AbsoluteError => total(outputs, targets, |p, t| (p - t).abs()),
        Measure::Huber { delta } => {
            let delta = T::of(delta);
            let large = |distance: T| delta * (distance - half * delta);
            total(outputs, targets, |p, t| {
                let distance = (p - t).abs();
                if distance >= delta { large(distance) } else { half * distance * distance }
            })
        }
        Measure::SmoothL1 { beta } => {
            let beta = T::of(beta);
            total(outputs, targets, |p, t| {
                let distance = (p - t).abs();
                if distance >= beta { distance - half * beta } else { half * distance * distance / beta }
            })
        }
        Measure::BinaryCrossEntropy => {
            let least = T::of(LEAST_LOG);
            // `max` would make −100 of NaN.
            let log = |log: T| if log < least { least } else { log };
            total(outputs, targets, |p, t| (t - T::one()) * log((-p).ln_1p()) - t * log(p.logarithm()))
        }
        Measure::BinaryCrossEntropyWithLogits { positive_weight } => {
            let more = T::of(positive_weight - 1.0);
            // (1 − t)·x − (1 + (w − 1)t)·ln σ(x), with ln σ(x) = min(0, x) − ln(1 + e^−|x|), which cannot overflow.
            total(outputs, targets, |x, t| {
                let least = if x < T::zero() { x } else { T::zero() };
                let log_sigmoid = least - (-x.abs()).exponential().ln_1p();
                (T::one() - t) * x - (T::one() + more * t) * log_sigmoid
            })
        }
        // Those of rows never get here.
        Measure::SquaredError
        | Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::LogLoss { .. } => total(outputs, targets, |p, t| (p - t) * (p - t)),
    }
}

/// Writes `factor` times each derivative.
pub(super) fn gradient<T: Real>(measure: &Measure, outputs: &[T], targets: &[T], factor: T, gradient: &mut [T]) {
    match *measure {
        Measure::AbsoluteError => each(outputs, targets, gradient, |p, t| factor * sign(p - t)),
        Measure::Huber { delta } => {
            let delta = T::of(delta);
            each(outputs, targets, gradient, |p, t| {
                let difference = p - t;
                factor * if difference.abs() >= delta { delta * sign(difference) } else { difference }
            });
        }
        Measure::SmoothL1 { beta } => {
            let beta = T::of(beta);
            each(outputs, targets, gradient, |p, t| {
                let difference = p - t;
                factor * if difference.abs() >= beta { sign(difference) } else { difference / beta }
            });
        }
        Measure::BinaryCrossEntropy => {
            let least = T::of(LEAST_VARIANCE);
            each(outputs, targets, gradient, |p, t| {
                let variance = (T::one() - p) * p;
                factor * (p - t) / if variance < least { least } else { variance }
            });
        }
        Measure::BinaryCrossEntropyWithLogits { positive_weight } => {
            let (weight, more) = (T::of(positive_weight), T::of(positive_weight - 1.0));
            each(outputs, targets, gradient, |x, t| {
                let sigmoid = T::one() / (T::one() + (-x).exponential());
                factor * ((T::one() + more * t) * sigmoid - weight * t)
            });
        }
        Measure::SquaredError
        | Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::LogLoss { .. } => {
            let twice = factor + factor;
            each(outputs, targets, gradient, |p, t| twice * (p - t));
        }
    }
}

/// mean(p − t) · ½Σ(p − t)².
pub(super) fn delta_times_mse<T: Real>(outputs: &[T], targets: &[T]) -> T {
    let sum = total(outputs, targets, |p, t| p - t);
    let squares = total(outputs, targets, |p, t| (p - t) * (p - t));
    sum / T::of(outputs.len() as f64) * (squares * T::of(0.5))
}

/// 1, −1, or 0 of 0 and, as in PyTorch, of NaN.
pub(super) fn sign<T: Real>(value: T) -> T {
    if value > T::zero() {
        T::one()
    } else if value < T::zero() {
        -T::one()
    } else {
        T::zero()
    }
}

fn total<T: Real>(outputs: &[T], targets: &[T], term: impl Fn(T, T) -> T) -> T {
    let mut sum = Sum::new();
    for (outputs, targets) in outputs.chunks(BLOCK).zip(targets.chunks(BLOCK)) {
        sum.add_block(
            outputs.iter().zip(targets).fold(T::zero(), |sum, (&output, &target)| sum + term(output, target)),
        );
    }
    sum.total()
}

fn each<T: Real>(outputs: &[T], targets: &[T], gradient: &mut [T], derivative: impl Fn(T, T) -> T) {
    for ((gradient, &output), &target) in gradient.iter_mut().zip(outputs).zip(targets) {
        *gradient = derivative(output, target);
    }
}
