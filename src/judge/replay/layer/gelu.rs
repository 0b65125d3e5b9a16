//! GELU, y = x·Φ(x), and its tanh approximation. Each is ½x(1 + s) with s = erf(x/√2) or a tanh: for negative x most of
//! 1 + s cancels, so that errors are relative to 1, not to the result; and where 1 − |s| is below half a unit in the last
//! place of 1, a library's s is ±1 itself, and nothing of it is left, or one of the two numbers next to that, as one that is
//! to 1 ulp may have it (NumPy's tanh in f32 does).

use super::super::{Exact, Replay, Rounding};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// Roundings, each u, that libraries' erf and tanh are off. In f32 libtorch's GELU is oneDNN's, whose erf is Abramowitz
/// and Stegun's 7.1.26, off by 1.5e-7 = 2.5u besides the roundings of its polynomial: ½(1 + s) measures 5.6u over
/// [−12, 12], so s 11u. Elsewhere both are to 1 ulp = 2u.
const SQUASHED: f64 = 14.0;

/// Units u that s may be off where it should be ±1: 1 ulp, as its neighbours below 1 are u apart, and one more for libraries that
/// are half as good.
const SATURATED: f64 = 2.0;

/// Roundings in e^(−x²/2)/√2π besides those of its exponent: e to 1 ulp (oneDNN's, too), the factor and its product.
const DENSITY: f64 = 5.0;

/// 0.044715, the factor of x³ in the tanh approximation.
const CUBE: f64 = 0.044_715;

/// √(2/π).
const ROOT: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// 1 + s, accurate also where s is near −1, and in units of u how far a side's may be off.
struct Squashed {
    one_plus: f64,
    error: f64,
}

impl Squashed {
    /// From 1 + s and 1 − |s|.
    fn new(one_plus: f64, left: f64, rounding: Rounding) -> Self {
        let error = if left < rounding.unit / 2.0 { left / rounding.unit + SATURATED } else { SQUASHED };
        Self { one_plus, error }
    }

    fn erf(x: f64, rounding: Rounding) -> Self {
        Self::new(libm::erfc(-x / SQRT_2), libm::erfc(x.abs() / SQRT_2), rounding)
    }

    /// 1 + tanh u = 2/(1 + e^(−2u)).
    fn tanh(x: f64, rounding: Rounding) -> Self {
        let u = ROOT * (x + CUBE * x * x * x);
        Self::new(2.0 / (1.0 + (-2.0 * u).exp()), 2.0 / (1.0 + (2.0 * u.abs()).exp()), rounding)
    }
}

impl Replay {
    /// ½x(1 + erf(x/√2)).
    pub(super) fn gelu(&mut self, input: &[f64]) {
        self.gated(input, Squashed::erf);
    }

    /// ½x(1 + tanh u), u = √(2/π)(x + 0.044715x³). u is off by 6 roundings of its size, which tanh passes on times
    /// (1 − t²)|u| < ½: 3 of the [`SQUASHED`], like erf's argument, two roundings of z that erf′(z)·z < ½ passes on.
    pub(super) fn gelu_tanh(&mut self, input: &[f64]) {
        self.gated(input, Squashed::tanh);
    }

    /// ½x(1 + s): the error of s, the sum, and two products.
    fn gated(&mut self, input: &[f64], squashed: impl Fn(f64, Rounding) -> Squashed) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.result;
        value.clear();
        bound.clear();
        for &x in input {
            let Squashed { one_plus, error } = squashed(x, rounding);
            // e^∞ and its like have no place here: −∞ times 0 is what libraries make of it, NaN.
            let y = 0.5 * x * one_plus;
            value.push(y);
            bound.push(rounding.chain(3.0, y.abs()) + 0.5 * x.abs() * error * rounding.unit);
        }
    }

    /// ∂x = G·(Φ(x) + x·φ(x)). The exponent −x²/2 is off by 2 roundings, which e passes on times x²/2. Where erf is ±1,
    /// oneDNN takes the slope to be 0 or 1 without x·φ(x), 8 units by then in f32.
    pub(super) fn through_gelu(&mut self, input: &[f64]) {
        let rounding = self.rounding;
        self.through_pointwise(input, |x| {
            let Squashed { one_plus, error } = Squashed::erf(x, rounding);
            let (cumulative, along) = (0.5 * one_plus, x * (-0.5 * x * x).exp() * 0.5 * ROOT);
            let left_out = if error < SQUASHED { along.abs() / rounding.unit } else { 0.0 };
            let of_density = along.abs() * (DENSITY + 1.0 + x * x) + left_out;
            let slope = cumulative + along;
            (slope, 0.5 * error + 2.0 * cumulative + of_density + slope.abs())
        });
    }

    /// ∂x = G·(½(1 + t) + ½x(1 − t²)u′), u′ = √(2/π)(1 + 3·0.044715x²). 1 − t² is off by twice what t is, and t² by a
    /// rounding; nothing of either is left where t is ±1.
    pub(super) fn through_gelu_tanh(&mut self, input: &[f64]) {
        let rounding = self.rounding;
        self.through_pointwise(input, |x| {
            let Squashed { one_plus, error } = Squashed::tanh(x, rounding);
            // 1 − t² = (1 + t)(1 − t).
            let other = Squashed::tanh(-x, rounding).one_plus;
            let (steepness, inner) = (one_plus * other, ROOT * (1.0 + 3.0 * CUBE * x * x));
            let along = 0.5 * x * steepness * inner;
            let of_square = if error < SQUASHED { error } else { 1.0 };
            let of_along = 0.5 * (x * inner).abs() * (2.0 * error + of_square) + 7.0 * along.abs();
            let slope = 0.5 * one_plus + along;
            (slope, 0.5 * error + one_plus + of_along + slope.abs())
        });
    }
}
