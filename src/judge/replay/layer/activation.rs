//! Layers that work element by element, and dropout.

use super::super::{Exact, Replay};
use crate::training::Fault;

/// Roundings in 1/(1 + e⁻ˣ) and in tanh, as libraries evaluate them: e⁻ˣ and tanh to 1 ulp = 2u (glibc and SLEEF's
/// u10 functions), sum and quotient u each, the rest for libraries that are half as good.
pub(super) const TRANSCENDENTAL: f64 = 6.0;

impl Replay {
    /// σ(x) = 1/(1 + e⁻ˣ).
    pub(super) fn sigmoid(&mut self, input: &[f64]) {
        let rounding = self.rounding;
        // Where e⁻ˣ overflows, a library's result is 0 and the exact one below 1/MAX.
        let bound = |y: f64| rounding.chain(TRANSCENDENTAL, y.abs()) + rounding.overflow;
        self.result.fill(input.iter().map(|x| 1.0 / (1.0 + (-x).exp())), bound);
    }

    /// tanh(x).
    pub(super) fn tanh(&mut self, input: &[f64]) {
        let rounding = self.rounding;
        self.result.fill(input.iter().map(|x| x.tanh()), |y| rounding.chain(TRANSCENDENTAL, y.abs()));
    }

    /// max(0, x), exact in any type.
    pub(super) fn relu(&mut self, input: &[f64]) {
        self.result.fill(input.iter().map(|&x| if x <= 0.0 { 0.0 } else { x }), |_| 0.0);
    }

    /// x where x > 0, else slope·x: the slope's own rounding and the product.
    pub(super) fn leaky_relu(&mut self, input: &[f64], slope: f64) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.result;
        value.clear();
        value.extend(input.iter().map(|&x| if x > 0.0 { x } else { slope * x }));
        bound.clear();
        bound.extend(
            input.iter().zip(&*value).map(
                |(&x, y)| {
                    if x > 0.0 || y == &0.0 { 0.0 } else { rounding.chain(2.0, y.abs()) }
                },
            ),
        );
    }

    /// x·mask; x itself where dropout is off.
    pub(super) fn dropout(&mut self, input: &[f64], mask: &[f64]) {
        let rounding = self.rounding;
        if mask.is_empty() {
            self.result.fill(input.iter().copied(), |_| 0.0);
        } else {
            let roundings = mask.iter().copied().fold(1.0, |most, mask| masked(mask).max(most));
            self.result.fill(input.iter().zip(mask).map(|(x, mask)| x * mask), |y| rounding.chain(roundings, y.abs()));
        }
    }

    /// ∂x = G·mask.
    pub(super) fn through_dropout(&mut self, mask: &[f64]) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), mask) in value.iter_mut().zip(bound).zip(mask) {
            *value *= mask;
            *bound = *bound * mask.abs() + rounding.chain(masked(*mask), value.abs());
        }
    }

    // f′ in the side's own output y, which both engines use; |f′| and its own error. Of y(1 − y): two roundings; of
    // 1 − y²: one of y² and one of the difference. Then one product.

    /// ∂x = G·y(1 − y).
    pub(super) fn through_sigmoid(&mut self, input: &[f64], output: &[f64]) {
        if self.makes(&Fault::SigmoidDerivativeOfOutput) {
            // σ(y) has four roundings, or six; what it makes of y(1 − y)'s slope is below 1.
            let again = |y: f64| (1.0 + (-y).exp()).recip();
            return self
                .through_pointwise(output, |y| (again(y) * (1.0 - again(y)), 8.0 * again(y) * (1.0 - again(y))));
        }
        let of = if self.makes(&Fault::SigmoidDerivativeOfInput) { input } else { output };
        self.through_pointwise(of, |y| (y * (1.0 - y), 2.0 * (y * (1.0 - y)).abs()));
    }

    /// ∂x = G·(1 − y²).
    pub(super) fn through_tanh(&mut self, output: &[f64]) {
        if self.makes(&Fault::TanhDerivativeUnsquared) {
            return self.through_pointwise(output, |y| (1.0 - y, (1.0 - y).abs()));
        }
        self.through_pointwise(output, |y| (1.0 - y * y, y * y + (1.0 - y * y).abs()));
    }

    /// ∂x = G where y > 0, else 0: also of an infinite gradient, as libraries select, they do not multiply.
    pub(super) fn through_relu(&mut self, input: &[f64], output: &[f64]) {
        let at_zero = self.makes(&Fault::ReluDerivativeOneAtZero);
        let select = |passing: &[f64], passed: &mut Vec<f64>| {
            passed.clear();
            let passes = |(at, y): (usize, &f64)| *y > 0.0 || at_zero && input[at] == 0.0;
            let pairs = passing.iter().zip(output.iter().enumerate());
            passed.extend(pairs.map(|(&passing, pair)| if passes(pair) { passing } else { 0.0 }));
        };
        select(&self.passing.value, &mut self.passed.value);
        select(&self.passing.bound, &mut self.passed.bound);
        std::mem::swap(&mut self.passing, &mut self.passed);
    }

    /// ∂x = G where x > 0, else slope·G, by the side's own x.
    pub(super) fn through_leaky_relu(&mut self, input: &[f64], slope: f64) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), _) in value.iter_mut().zip(bound).zip(input).filter(|(_, x)| !(**x > 0.0)) {
            *value *= slope;
            *bound = *bound * slope.abs() + rounding.chain(2.0, value.abs() + *bound * slope.abs());
        }
    }

    /// ∂x = G·f′, where `derivative` gives f′ and, in units of one rounding, its error.
    pub(super) fn through_pointwise(&mut self, at: &[f64], derivative: impl Fn(f64) -> (f64, f64)) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), &at) in value.iter_mut().zip(bound).zip(at) {
            let (slope, error) = derivative(at);
            let product = *value * slope;
            // Twice the counted error: libraries differ in the order of these products.
            let own = 2.0 * rounding.unit * error * (value.abs() + *bound) + rounding.chain(2.0, product.abs());
            // Exactly 0 where f′ is, at either end of a sigmoid.
            let flat = error == 0.0;
            *bound = if flat { 0.0 } else { *bound * slope.abs() + own };
            *value = if flat { 0.0 } else { product };
        }
    }
}

/// The roundings of a product with dropout's 1/(1 − p): the product's own, and where that is no power of two those of 1 − p and
/// of its reciprocal, which a program may round in another order, or divide by.
fn masked(mask: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    if mask.to_bits() & FRACTION == 0 { 1.0 } else { 3.0 }
}
