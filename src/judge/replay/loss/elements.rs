//! Terms of losses of elements, their derivatives in the output p, and how far rounding may take a side from each.
//!
//! Outputs and targets are exact: they are the side's own. u is the rounding of one operation.

use super::{Rounding, TRANSCENDENTAL};
use crate::training::Measure;

/// Roundings in σ(x), as in its layer: e⁻ˣ, sum and quotient, for libraries that are half as good.
const SIGMOID: f64 = 6.0;

/// What p(1 − p) is raised to in the derivative of bce, by definition of PyTorch: 10⁻¹² as an f32, in every type.
const LEAST_VARIANCE: f64 = 1e-12_f32 as f64;

/// The term of an element, with its error.
pub(super) fn term(measure: &Measure, p: f64, t: f64, rounding: Rounding) -> (f64, f64) {
    let (difference, u) = (p - t, rounding.unit);
    let distance = difference.abs();
    // A subtraction, squared two roundings; the products by ½ and 1/β.
    let squared = |factor: f64| (factor * difference * difference, 3.0);
    // |p − t| and ½δ round by u each; of what remains, at least half of |p − t|, that is three roundings at most; the
    // subtraction is one, a product another. On the other side of the kink the two pieces differ in second order alone.
    let linear = |slope: f64, knee: f64| (slope * (distance - 0.5 * knee), 5.0);
    let (value, roundings) = match *measure {
        Measure::SquaredError => squared(1.0),
        Measure::AbsoluteError => (distance, 1.0),
        Measure::Huber { delta } if distance >= delta => linear(delta, delta),
        Measure::Huber { .. } => squared(0.5),
        Measure::SmoothL1 { beta } if distance >= beta => linear(1.0, beta),
        Measure::SmoothL1 { beta } => {
            let value = squared(0.5 / beta).0;
            // A square that underflows is divided by β.
            return (value, rounding.chain(6.0, value) + rounding.smallest / beta);
        }
        Measure::BinaryCrossEntropy => {
            // 1 − p rounds by u, which moves its logarithm by u; then the logarithms, 1 − t, products and difference.
            let [yes, no] = [p.ln(), (-p).ln_1p()].map(|log| log.max(-100.0));
            let magnitude = (t * yes).abs() + ((1.0 - t) * no).abs();
            let error = (TRANSCENDENTAL + 3.0) * u * magnitude + u * (1.0 - t).abs() + 2.0 * rounding.smallest;
            return (-(t * yes) - (1.0 - t) * no, error);
        }
        Measure::BinaryCrossEntropyWithLogits { positive_weight } => {
            // ln σ is a sum of terms of one sign: e^−|x|, ln(1 + x) and the sum. Its factor is a product and a sum, whose
            // own factor is rounded; both parts may cancel, so the error is relative to their magnitudes.
            let log_sigmoid = p.min(0.0) - (-p.abs()).exp().ln_1p();
            let factor = 1.0 + (positive_weight - 1.0) * t;
            let spread = if positive_weight == 1.0 { 1.0 } else { 1.0 + ((positive_weight - 1.0) * t).abs() };
            let linear = (1.0 - t) * p;
            let off = (2.0 * TRANSCENDENTAL + 5.0) * spread * log_sigmoid.abs() + 3.0 * linear.abs();
            return (linear - factor * log_sigmoid, 1.01 * u * off + 3.0 * rounding.smallest);
        }
        Measure::CrossEntropy(_) | Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } => {
            (f64::NAN, f64::NAN)
        }
    };
    (value, rounding.chain(roundings, value.abs()))
}

/// What a product of a derivative may be multiplied by after it has underflowed.
pub(super) fn steepness(measure: &Measure) -> f64 {
    match *measure {
        Measure::SmoothL1 { beta } => beta.recip().max(1.0),
        Measure::Huber { delta } => delta.max(1.0),
        Measure::BinaryCrossEntropy => LEAST_VARIANCE.recip(),
        Measure::SquaredError
        | Measure::AbsoluteError
        | Measure::CrossEntropy(_)
        | Measure::NegativeLogLikelihood { .. }
        | Measure::LogLoss { .. }
        | Measure::BinaryCrossEntropyWithLogits { .. } => 1.0,
    }
}

/// The derivative of the term of an element, with its error.
pub(super) fn slope(measure: &Measure, p: f64, t: f64, rounding: Rounding) -> (f64, f64) {
    let difference = p - t;
    let sign = f64::from(i8::from(difference > 0.0) - i8::from(difference < 0.0));
    let (value, roundings) = match *measure {
        Measure::SquaredError => (2.0 * difference, 1.0),
        Measure::AbsoluteError => return (sign, 0.0),
        Measure::Huber { delta } if difference.abs() >= delta => (delta * sign, 1.0),
        Measure::Huber { .. } => (difference, 1.0),
        Measure::SmoothL1 { beta } if difference.abs() >= beta => return (sign, 0.0),
        Measure::SmoothL1 { beta } => (difference / beta, 3.0),
        // p − t, 1 − p, its product by p (or what that is raised to), the quotient.
        Measure::BinaryCrossEntropy => (difference / (p * (1.0 - p)).max(LEAST_VARIANCE), 4.0),
        Measure::BinaryCrossEntropyWithLogits { positive_weight } => {
            let sigmoid = 1.0 / (1.0 + (-p).exp());
            let (yes, more) = (positive_weight * t, (positive_weight - 1.0) * t);
            // Libraries differ in how they write 1 + (w − 1)t; all that they may add is in `spread`, with three roundings
            // of each. Where e⁻ˣ overflows, a library's result is 0 and the exact one below 1/MAX.
            let plain = positive_weight == 1.0;
            let spread = if plain { 1.0 } else { 1.0 + t.abs() + yes.abs() };
            let off = (SIGMOID + if plain { 0.0 } else { 4.0 }) * spread * sigmoid
                + if plain { 0.0 } else { 2.0 * yes.abs() };
            let value = (1.0 + more) * sigmoid - yes;
            return (value, rounding.chain(1.0, value.abs()) + 1.01 * rounding.unit * off + spread * rounding.overflow);
        }
        Measure::CrossEntropy(_) | Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } => {
            (f64::NAN, f64::NAN)
        }
    };
    (value, rounding.chain(roundings, value.abs()))
}
