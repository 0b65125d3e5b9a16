//! y = x·Wᵀ + b. With G the gradient in y: ∂W = Gᵀ·x, ∂b = Σ over rows of G, ∂x = G·W.

use super::super::{Exact, Found, Replay, Rounding, product::Matrix};
use crate::model::Linear;

/// Rows of which a close look takes the sums of what passes on.
const ROWS: usize = 8;

/// Grants the elements of a tensor that a side `found` beyond their bounds what their terms lose.
pub(in crate::judge::replay) fn beyond<T: Iterator<Item = f64> + Clone>(
    rounding: Rounding,
    Exact { value, bound }: &mut Exact,
    found: &[f64],
    terms: impl Fn(usize) -> T,
) {
    if !rounding.close {
        return;
    }
    for (at, ((value, bound), found)) in value.iter().zip(bound).zip(found).enumerate() {
        if (found - value).abs() > *bound {
            let (count, magnitude) = terms(at).fold((0, 0.0), |(count, sum), term| (count + 1, sum + term.abs()));
            *bound = bound.max(rounding.lost(count, magnitude, terms(at)));
        }
    }
}

impl Replay {
    /// y = x·Wᵀ + b. Where it is looked at closely, `found` is the side's y.
    pub(super) fn linear(
        &mut self,
        linear: Linear,
        input: &[f64],
        weight: &[f64],
        bias: Option<&[f64]>,
        found: &[f64],
    ) {
        let Linear { inputs, outputs, .. } = linear;
        let rows = input.len() / inputs;
        let relative = self.rounding.sum(inputs + usize::from(bias.is_some()));
        let underflow = inputs as f64 * self.rounding.smallest;
        let (x, w) = (Matrix::new(input, inputs), Matrix::new(weight, inputs).transposed());
        self.products.product(x, x, w, (relative, underflow), &mut self.result, [rows, inputs, outputs]);
        let Exact { value, bound } = &mut self.result;
        if let Some(bias) = bias {
            for (value, bound) in value.chunks_exact_mut(outputs).zip(bound.chunks_exact_mut(outputs)) {
                for ((value, bound), &bias) in value.iter_mut().zip(bound).zip(bias) {
                    *value += bias;
                    *bound += relative * bias.abs();
                }
            }
        }
        beyond(self.rounding, &mut self.result, found, |at| {
            let (x, w) = (&input[at / outputs * inputs..][..inputs], &weight[at % outputs * inputs..][..inputs]);
            // A bias that comes first makes all that is added to it round as coarsely.
            bias.map(|bias| bias[at % outputs]).into_iter().chain(x.iter().zip(w).map(|(x, w)| x * w))
        });
    }

    /// ∂W = Gᵀ·x and ∂b = Σ over rows of G, for the gradient G that is passing.
    pub(super) fn linear_gradients(&mut self, Linear { inputs, outputs, bias }: Linear, first: usize, input: &[f64]) {
        let rows = input.len() / inputs;
        let (relative, underflow) = self.errors(rows);
        let [gradient, errors] = [&self.passing.value, &self.errors].map(|g| Matrix::new(g, outputs).transposed());
        let (x, sizes) = (Matrix::new(input, inputs), [outputs, rows, inputs]);
        self.products.product(gradient, errors, x, (relative, underflow), &mut self.gradients[first], sizes);
        if bias {
            let Exact { value, bound } = &mut self.gradients[first + 1];
            value.clear();
            value.resize(outputs, 0.0);
            bound.clear();
            bound.resize(outputs, underflow);
            for (gradient, errors) in self.passing.value.chunks_exact(outputs).zip(self.errors.chunks_exact(outputs)) {
                value.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
                bound.iter_mut().zip(errors).for_each(|(sum, error)| *sum += relative * error);
            }
        }
    }

    /// Looks closely at the gradients of a layer that `passing` has reached, beside those that a side found.
    pub(super) fn linear_closely(
        &mut self,
        Linear { inputs, outputs, bias }: Linear,
        first: usize,
        (input, passing): (&[f64], &[f64]),
        found: Found<'_>,
    ) {
        let of_unit = |unit: usize| passing.iter().skip(unit).step_by(outputs);
        beyond(self.rounding, &mut self.gradients[first], found(first).unwrap_or_default(), |at| {
            of_unit(at / inputs).zip(input.iter().skip(at % inputs).step_by(inputs)).map(|(gradient, x)| gradient * x)
        });
        if bias {
            let found = found(first + 1).unwrap_or_default();
            beyond(self.rounding, &mut self.gradients[first + 1], found, |unit| of_unit(unit).copied());
        }
    }

    /// ∂x = G·W.
    pub(super) fn through_linear(&mut self, Linear { inputs, outputs, .. }: Linear, weight: &[f64]) {
        let rows = self.passing.value.len() / outputs;
        let bound = self.errors(outputs);
        let [gradient, errors] = [&self.passing.value, &self.errors].map(|g| Matrix::new(g, outputs));
        let (w, sizes) = (Matrix::new(weight, inputs), [rows, outputs, inputs]);
        self.products.product(gradient, errors, w, bound, &mut self.passed, sizes);
        if self.rounding.close {
            self.alike(outputs, inputs, weight);
        }
        std::mem::swap(&mut self.passing, &mut self.passed);
    }

    /// What passes on is nowhere recorded, so that no element is known to be beyond its bound. Units that are alike round
    /// alike in every row: what a few rows lose, over their bounds, all are granted.
    fn alike(&mut self, outputs: usize, inputs: usize, weight: &[f64]) {
        let (rounding, rows) = (self.rounding, self.passing.value.len() / outputs);
        let Exact { bound, .. } = &mut self.passed;
        for input in 0..inputs {
            let share = |row: usize| {
                let gradients = &self.passing.value[row * outputs..][..outputs];
                let terms = || gradients.iter().zip(weight.iter().skip(input).step_by(inputs)).map(|(g, w)| g * w);
                let lost = rounding.lost(outputs, terms().map(f64::abs).sum(), terms());
                if lost > 0.0 { lost / bound[row * inputs + input] } else { 0.0 }
            };
            let largest = (0..rows).step_by(rows.div_ceil(ROWS)).map(share).fold(1.0, f64::max);
            bound.iter_mut().skip(input).step_by(inputs).filter(|_| largest > 1.0).for_each(|bound| *bound *= largest);
        }
    }

    /// How far rounding may take a sum of `terms` products with the passing gradient, each a gradient times a factor:
    /// relative to the sum of the magnitudes |error·factor|, and absolutely. A gradient g that is already off by e leaves
    /// e + relative·(|g| + e) in its product; its error is that over `relative`, as this is of the size of g itself and
    /// so in the range of f32.
    pub(in crate::judge::replay) fn errors(&mut self, terms: usize) -> (f64, f64) {
        let relative = self.rounding.sum(terms);
        let inverse = relative.recip();
        let errors = self.passing.value.iter().zip(&self.passing.bound);
        self.errors.clear();
        self.errors.extend(errors.map(|(gradient, given)| gradient.abs() + given + given * inverse));
        (relative, terms as f64 * self.rounding.smallest)
    }
}
