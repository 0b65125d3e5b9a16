//! The output of one layer from the side's own input to it.

use super::{Exact, Parameters, Replay, product::Matrix};
use crate::model::{Layer, Linear};

/// Roundings in 1/(1 + e⁻ˣ) and in tanh, as libraries evaluate them: e⁻ˣ and tanh to 1 ulp = 2u (glibc and SLEEF's
/// u10 functions), sum and quotient u each, the rest for libraries that are half as good.
const TRANSCENDENTAL: f64 = 6.0;

impl Replay {
    /// Layer `index` of the definition, from `input`: `[rows, width]` to `[rows, outputs]`.
    pub fn forward(&mut self, index: usize, input: &[f64], parameters: Parameters<'_>) -> &Exact {
        let (rounding, result) = (self.rounding, &mut self.result);
        let transcendental = |y: f64| rounding.chain(TRANSCENDENTAL, y.abs());
        let x = input.iter();
        match self.model.layers[index] {
            // Where e⁻ˣ overflows, a library's result is 0 and the exact one below 1/MAX.
            Layer::Sigmoid => {
                result.fill(x.map(|x| 1.0 / (1.0 + (-x).exp())), |y| transcendental(y) + rounding.overflow);
            }
            Layer::Tanh => result.fill(x.map(|x| x.tanh()), transcendental),
            // Exact, whatever the type.
            Layer::Relu => result.fill(x.map(|&x| if x <= 0.0 { 0.0 } else { x }), |_| 0.0),
            Layer::Linear(linear) => {
                let first = self.first_parameter(index);
                self.through(linear, input, parameters(first), linear.bias.then(|| parameters(first + 1)));
            }
        }
        &self.result
    }

    /// y = x·Wᵀ + b.
    fn through(&mut self, linear: Linear, input: &[f64], weight: &[f64], bias: Option<&[f64]>) {
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

    /// The number of the first parameter of layer `index`.
    pub(super) fn first_parameter(&self, index: usize) -> usize {
        let trained = |layer: &Layer| match layer {
            Layer::Linear(linear) => 1 + usize::from(linear.bias),
            Layer::Sigmoid | Layer::Tanh | Layer::Relu => 0,
        };
        self.model.layers[..index].iter().map(trained).sum()
    }
}
