//! y = x·Φ(x), with Φ the normal distribution, or its tanh approximation (Hendrycks and Gimpel, *Gaussian Error Linear
//! Units*, 2016). The derivatives are functions of the input, which the output does not determine.

use super::activation::Elementwise;
use crate::engine::scratch::Real;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The factor of x³ in the tanh approximation.
const CUBE: f64 = 0.044_715;

/// y = ½x(1 + erf(x/√2)), y′ = Φ(x) + x·φ(x) with φ(x) = e^(−x²/2)/√2π.
pub(super) struct Erf;

/// y = ½x(1 + t), t = tanh u, u = √(2/π)(x + 0.044715x³); y′ = ½(1 + t) + ½x(1 − t²)u′.
pub(super) struct Tanh;

impl<T: Real> Elementwise<T> for Erf {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        input * distribution(input)
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        // 1/√2π = (2/√π)·(1/√2)/2.
        let density = (input * input * T::of(-0.5)).exponential() * T::of(FRAC_2_SQRT_PI * FRAC_1_SQRT_2 / 2.0);
        gradient * (distribution(input) + input * density)
    }
}

/// Φ(x).
#[inline(always)]
fn distribution<T: Real>(x: T) -> T {
    T::of(0.5) * (T::one() + (x * T::of(FRAC_1_SQRT_2)).erf())
}

impl<T: Real> Elementwise<T> for Tanh {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        T::of(0.5) * input * (T::one() + inner(input).hyperbolic_tangent())
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        let (half, t) = (T::of(0.5), inner(input).hyperbolic_tangent());
        let slope = root::<T>() * (T::one() + T::of(3.0 * CUBE) * input * input);
        gradient * (half * (T::one() + t) + half * input * (T::one() - t * t) * slope)
    }
}

/// u.
#[inline(always)]
fn inner<T: Real>(x: T) -> T {
    root::<T>() * (x + T::of(CUBE) * x * x * x)
}

/// √(2/π) = (2/√π)·(1/√2).
#[inline(always)]
fn root<T: Real>() -> T {
    T::of(FRAC_2_SQRT_PI * FRAC_1_SQRT_2)
}
