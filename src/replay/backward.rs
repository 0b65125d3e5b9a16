//! The gradients in all parameters, from the side's own weights, activations and output gradient.
//!
//! The gradient passes through several layers, so its bound grows on the way: each layer adds its own rounding to what
//! it was given.

use super::{Exact, Parameters, Replay, product::Matrix};
use crate::{
    lockstep::StepRecord,
    model::{Layer, Linear},
};

impl Replay {
    /// The gradient in every parameter of the definition, from what `record` holds.
    pub fn backward(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &[Exact] {
        self.passing.fill(record.output_gradient.iter().copied(), |_| 0.0);
        for index in (0..self.model.layers.len()).rev() {
            let output = &record.activations[index];
            match self.model.layers[index] {
                Layer::Linear(linear) => {
                    let first = self.first_parameter(index);
                    self.parameter_gradients(linear, first, record.input(index));
                    if index > 0 {
                        self.through_linear(linear, parameters(first));
                    }
                }
                // f′ in the side's own output y, which both engines use; |f′| and its own error. Of y(1 − y): two
                // roundings; of 1 − y²: one of y² and one of the difference. Then one product.
                Layer::Sigmoid => self.through_pointwise(output, |y| (y * (1.0 - y), 2.0 * (y * (1.0 - y)).abs())),
                Layer::Tanh => self.through_pointwise(output, |y| (1.0 - y * y, y * y + (1.0 - y * y).abs())),
                Layer::Relu => self.through_relu(output),
            }
        }
        &self.gradients
    }

    /// ∂W = Gᵀ·x and ∂b = Σ over rows of G, for the gradient G that is passing.
    fn parameter_gradients(&mut self, Linear { inputs, outputs, bias }: Linear, first: usize, input: &[f64]) {
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
    fn through_linear(&mut self, Linear { inputs, outputs, .. }: Linear, weight: &[f64]) {
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
    fn errors(&mut self, terms: usize) -> (f64, f64) {
        let relative = self.rounding.sum(terms);
        let inverse = relative.recip();
        let errors = self.passing.value.iter().zip(&self.passing.bound);
        self.errors.clear();
        self.errors.extend(errors.map(|(gradient, given)| gradient.abs() + given + given * inverse));
        (relative, terms as f64 * self.rounding.smallest)
    }

    /// ∂x = G where y > 0, else 0: also of an infinite gradient, as libraries select, they do not multiply.
    fn through_relu(&mut self, output: &[f64]) {
        let select = |passing: &[f64], passed: &mut Vec<f64>| {
            passed.clear();
            passed.extend(passing.iter().zip(output).map(|(&passing, &y)| if y > 0.0 { passing } else { 0.0 }));
        };
        select(&self.passing.value, &mut self.passed.value);
        select(&self.passing.bound, &mut self.passed.bound);
        std::mem::swap(&mut self.passing, &mut self.passed);
    }

    /// ∂x = G·f′, where `derivative` gives f′ and, in units of one rounding, its error.
    fn through_pointwise(&mut self, output: &[f64], derivative: impl Fn(f64) -> (f64, f64)) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), &y) in value.iter_mut().zip(bound).zip(output) {
            let (slope, error) = derivative(y);
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
