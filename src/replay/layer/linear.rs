//! y = x·Wᵀ + b. With G the gradient in y: ∂W = Gᵀ·x, ∂b = Σ over rows of G, ∂x = G·W.

use super::super::{Exact, Replay, product::Matrix};
use crate::model::Linear;

impl Replay {
    /// y = x·Wᵀ + b.
    pub(super) fn linear(&mut self, linear: Linear, input: &[f64], weight: &[f64], bias: Option<&[f64]>) {
        let Linear { inputs, outputs, .. } = linear;
        let rows = input.len() / inputs;
        let relative = self.rounding.sum(inputs + usize::from(bias.is_some()));
        let underflow = inputs as f64 * self.rounding.smallest;
        let (x, weight) = (Matrix::new(input, inputs), Matrix::new(weight, inputs).transposed());
        self.products.product(x, x, weight, (relative, underflow), &mut self.result, [rows, inputs, outputs]);
        let Some(bias) = bias else { return };
        let Exact { value, bound } = &mut self.result;
        for (value, bound) in value.chunks_exact_mut(outputs).zip(bound.chunks_exact_mut(outputs)) {
            for ((value, bound), &bias) in value.iter_mut().zip(bound).zip(bias) {
                *value += bias;
                *bound += relative * bias.abs();
            }
        }
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

    /// ∂x = G·W.
    pub(super) fn through_linear(&mut self, Linear { inputs, outputs, .. }: Linear, weight: &[f64]) {
        let rows = self.passing.value.len() / outputs;
        let bound = self.errors(outputs);
        let [gradient, errors] = [&self.passing.value, &self.errors].map(|g| Matrix::new(g, outputs));
        let (weight, sizes) = (Matrix::new(weight, inputs), [rows, outputs, inputs]);
        self.products.product(gradient, errors, weight, bound, &mut self.passed, sizes);
        std::mem::swap(&mut self.passing, &mut self.passed);
    }

    /// How far rounding may take a sum of `terms` products with the passing gradient, each a gradient times a factor:
    /// relative to the sum of the magnitudes |error·factor|, and absolutely. A gradient g that is already off by e leaves
    /// e + relative·(|g| + e) in its product; its error is that over `relative`, as this is of the size of g itself and
    /// so in the range of f32.
    pub(in crate::replay) fn errors(&mut self, terms: usize) -> (f64, f64) {
        let relative = self.rounding.sum(terms);
        let inverse = relative.recip();
        let errors = self.passing.value.iter().zip(&self.passing.bound);
        self.errors.clear();
        self.errors.extend(errors.map(|(gradient, given)| gradient.abs() + given + given * inverse));
        (relative, terms as f64 * self.rounding.smallest)
    }
}
