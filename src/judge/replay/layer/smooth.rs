//! SiLU and softplus.

use super::{
    super::{Exact, Replay, Rounding},
    activation::TRANSCENDENTAL,
};

impl Replay {
    /// x·σ(x): as σ, and one product; where e⁻ˣ overflows a library's result is 0, the exact one below |x|/MAX.
    pub(super) fn silu(&mut self, input: &[f64]) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.result;
        value.clear();
        value.extend(input.iter().map(|x| x / (1.0 + (-x).exp())));
        bound.clear();
        bound.extend(
            value
                .iter()
                .zip(input)
                .map(|(y, x)| rounding.chain(TRANSCENDENTAL + 1.0, y.abs()) + rounding.overflow * x.abs()),
        );
    }

    /// ∂x = G·σ(1 + x(1 − σ)). σ is off by [`TRANSCENDENTAL`] roundings of itself, 1 − σ by as much and a rounding, and by
    /// no more than itself where σ rounds to 1. libtorch multiplies from the left: a G·σ that underflows is off by half of
    /// the smallest number, and that grows by the factor 1 + x(1 − σ), below 1.3 for x > 0 and 1 + |x| elsewhere.
    pub(super) fn through_silu(&mut self, input: &[f64]) {
        let Rounding { unit, overflow, smallest, .. } = self.rounding;
        self.through_pointwise(input, |x| {
            let (sigmoid, rest) = (1.0 / (1.0 + (-x).exp()), 1.0 / (1.0 + x.exp()));
            let of_rest = (TRANSCENDENTAL * sigmoid + rest).min(if rest < unit / 2.0 { rest / unit } else { f64::MAX });
            let factor = 1.0 + x * rest;
            let of_factor = x.abs() * (of_rest + rest) + factor.abs();
            let size = 1.0 + x.abs() * rest;
            (sigmoid * factor, sigmoid * (of_factor + (TRANSCENDENTAL + 2.0) * size) + overflow / unit * size)
        });
        self.passing.bound.iter_mut().zip(input).for_each(|(bound, x)| *bound += smallest * (1.0 + (-x).max(0.0)));
    }

    /// ln(1 + e^(βx))/β, or x where βx is above the threshold. βx is off by two roundings, which move the result by
    /// σ(βx) of it; then e and ln(1 + ·), each to 1 ulp, and the quotient by a rounded β. Where rounding may put βx on the
    /// other side of the threshold, the step there is within the bound.
    pub(super) fn softplus(&mut self, input: &[f64], beta: f64, threshold: f64) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.result;
        value.clear();
        bound.clear();
        for &x in input {
            let scaled = x * beta;
            let smooth = soft(scaled) / beta;
            let y = if scaled > threshold { x } else { smooth };
            let near = (scaled - threshold).abs() <= rounding.chain(3.0, threshold.abs());
            let step = if near { (smooth - x).abs() } else { 0.0 };
            let share = logistic(scaled);
            let own = rounding.chain(share * (2.0 * scaled.abs() + 4.0), 1.0 / beta.abs())
                + rounding.chain(6.0, y.abs())
                + rounding.overflow / beta.abs();
            value.push(y);
            bound.push(if scaled > threshold && !near { 0.0 } else { own + step });
        }
    }

    /// ∂x = G·z/(z + 1), z = e^(βx), or G where βx is above the threshold.
    pub(super) fn through_softplus(&mut self, input: &[f64], beta: f64, threshold: f64) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), &x) in value.iter_mut().zip(bound).zip(input) {
            let scaled = x * beta;
            let near = (scaled - threshold).abs() <= rounding.chain(3.0, threshold.abs());
            if scaled > threshold && !near {
                continue;
            }
            let slope = if scaled > threshold { 1.0 } else { logistic(scaled) };
            // Of z, of z + 1, of the quotient and of the product; a graph's pieces multiply by β, and divide by it.
            let roundings = 2.0 * scaled.abs() * logistic(-scaled) + TRANSCENDENTAL + 6.0;
            let step = if near { logistic(-scaled) } else { 0.0 };
            let size = value.abs() + *bound;
            *value *= slope;
            *bound = *bound * slope + rounding.chain(roundings, slope * size) + (step + rounding.overflow) * size;
        }
    }
}

/// ln(1 + eᵗ), of any t.
fn soft(t: f64) -> f64 {
    t.max(0.0) + (-t.abs()).exp().ln_1p()
}

/// 1/(1 + e⁻ᵗ).
fn logistic(t: f64) -> f64 {
    1.0 / (1.0 + (-t).exp())
}
