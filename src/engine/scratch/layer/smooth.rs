//! SiLU and softplus, smooth relatives of ReLU. Their derivatives are functions of the input.

use super::activation::Elementwise;
use crate::engine::scratch::{Real, kernels::sigmoid};

/// y = x·σ(x) = x/(1 + e⁻ˣ), y′ = σ(x)(1 + x(1 − σ(x))).
pub(super) struct Silu;

/// y = ln(1 + e^(βx))/β, y′ = z/(z + 1) with z = e^(βx); x and 1 where βx is above the threshold.
pub(super) struct Softplus<T> {
    pub(super) beta: T,
    pub(super) threshold: T,
}

impl<T: Real> Elementwise<T> for Silu {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        input / (T::one() + (-input).exponential())
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        let sigmoid = sigmoid(input);
        gradient * (sigmoid * (T::one() + input * (T::one() - sigmoid)))
    }
}

impl<T: Real> Elementwise<T> for Softplus<T> {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        let scaled = input * self.beta;
        if scaled > self.threshold { input } else { scaled.exponential().ln_1p() / self.beta }
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        let scaled = input * self.beta;
        let power = scaled.exponential();
        if scaled > self.threshold { gradient } else { gradient * (power / (power + T::one())) }
    }
}
