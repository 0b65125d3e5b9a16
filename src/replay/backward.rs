//! The gradients in all parameters, from the side's own weights, activations and output gradient.
//!
//! The gradient passes through several layers, so its bound grows on the way: each layer adds its own rounding to what
//! it was given.

use super::{Exact, Parameters, Replay};
use crate::{
    lockstep::StepRecord,
    model::{Layer, Linear},
};

impl Replay {
    /// The gradient in every parameter of the definition, from what `record` holds.
    pub fn backward(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &[Exact] {
        self.passing.clear();
        for &gradient in &record.output_gradient {
            self.passing.push(gradient, 0.0);
        }
        for index in (0..self.model.layers.len()).rev() {
            let output = &record.activations[index];
            let input = if index == 0 { &record.inputs } else { &record.activations[index - 1] };
            match self.model.layers[index] {
                Layer::Linear(linear) => {
                    let first = self.first_parameter(index);
                    self.parameter_gradients(linear, first, input);
                    if index > 0 {
                        self.through_linear(linear, parameters(first));
                    }
                }
                // f′ in the side's own output y, which both engines use; |f′| and its own error. Of y(1 − y): two
                // roundings; of 1 − y²: one of y² and one of the difference; ReLU's is exact. Then one product.
                Layer::Sigmoid => self.through_pointwise(output, |y| (y * (1.0 - y), 2.0 * (y * (1.0 - y)).abs())),
                Layer::Tanh => self.through_pointwise(output, |y| (1.0 - y * y, y * y + (1.0 - y * y).abs())),
                Layer::Relu => self.through_pointwise(output, |y| (if y > 0.0 { 1.0 } else { 0.0 }, 0.0)),
            }
        }
        &self.gradients
    }

    /// ∂W = Gᵀ·x and ∂b = Σ over rows of G, for the gradient G that is passing.
    fn parameter_gradients(&mut self, Linear { inputs, outputs, bias }: Linear, first: usize, input: &[f64]) {
        let rows = input.len() / inputs;
        let (relative, underflow) = (self.rounding.sum(rows), rows as f64 * self.rounding.smallest);
        let weight = &mut self.gradients[first];
        weight.reset(outputs * inputs);
        for (row, x) in input.chunks_exact(inputs).enumerate() {
            for output in 0..outputs {
                let gradient = self.passing.value[row * outputs + output];
                let given = self.passing.bound[row * outputs + output];
                let error = given + relative * (gradient.abs() + given);
                let target = output * inputs..(output + 1) * inputs;
                let (value, bound) = (&mut weight.value[target.clone()], &mut weight.bound[target]);
                for ((value, bound), &x) in value.iter_mut().zip(bound).zip(x) {
                    *value += gradient * x;
                    *bound += error * x.abs();
                }
            }
        }
        weight.bound.iter_mut().for_each(|bound| *bound += underflow);
        if bias {
            let target = &mut self.gradients[first + 1];
            target.reset(outputs);
            for (offset, (&gradient, &error)) in self.passing.value.iter().zip(&self.passing.bound).enumerate() {
                target.value[offset % outputs] += gradient;
                target.bound[offset % outputs] += error + relative * (gradient.abs() + error);
            }
            target.bound.iter_mut().for_each(|bound| *bound += underflow);
        }
    }

    /// ∂x = G·W.
    fn through_linear(&mut self, Linear { inputs, outputs, .. }: Linear, weight: &[f64]) {
        let rows = self.passing.value.len() / outputs;
        let (relative, underflow) = (self.rounding.sum(outputs), outputs as f64 * self.rounding.smallest);
        self.passed.reset(rows * inputs);
        for row in 0..rows {
            let target = row * inputs..(row + 1) * inputs;
            for (output, weight) in weight.chunks_exact(inputs).enumerate() {
                let gradient = self.passing.value[row * outputs + output];
                let given = self.passing.bound[row * outputs + output];
                let error = given + relative * (gradient.abs() + given);
                let value = &mut self.passed.value[target.clone()];
                let bound = &mut self.passed.bound[target.clone()];
                for ((value, bound), &w) in value.iter_mut().zip(bound).zip(weight) {
                    *value += gradient * w;
                    *bound += error * w.abs();
                }
            }
            self.passed.bound[target].iter_mut().for_each(|bound| *bound += underflow);
        }
        std::mem::swap(&mut self.passing, &mut self.passed);
    }

    /// ∂x = G·f′, where `derivative` gives f′ and, in units of one rounding, its error.
    fn through_pointwise(&mut self, output: &[f64], derivative: impl Fn(f64) -> (f64, f64)) {
        let rounding = self.rounding;
        let Exact { value, bound } = &mut self.passing;
        for ((value, bound), &y) in value.iter_mut().zip(bound).zip(output) {
            let (slope, error) = derivative(y);
            if slope == 0.0 && error == 0.0 {
                // A ReLU that is off stops an infinite gradient, too: libraries select, they do not multiply.
                (*value, *bound) = (0.0, 0.0);
                continue;
            }
            let product = *value * slope;
            // Twice the counted error: libraries differ in the order of these products.
            let own = 2.0 * rounding.unit * error * (value.abs() + *bound)
                + rounding.chain(if error == 0.0 { 0.0 } else { 2.0 }, product.abs());
            *bound = *bound * slope.abs() + own;
            *value = product;
        }
    }
}
