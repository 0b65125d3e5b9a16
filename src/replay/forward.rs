//! The output of one layer from the side's own input to it.

use super::{Exact, Parameters, Replay};
use crate::model::{Layer, Linear};

/// Roundings in 1/(1 + e⁻ˣ) and in tanh, as libraries evaluate them: e⁻ˣ and tanh to 1 ulp = 2u (glibc and SLEEF's
/// u10 functions), sum and quotient u each, the rest for libraries that are half as good.
const TRANSCENDENTAL: f64 = 6.0;

impl Replay {
    /// Layer `index` of the definition, from `input`: `[rows, width]` to `[rows, outputs]`.
    pub fn forward(&mut self, index: usize, input: &[f64], parameters: Parameters<'_>) -> &Exact {
        let rounding = self.rounding;
        self.result.clear();
        let mut pointwise = |value: &dyn Fn(f64) -> f64, operations: f64, absolute: f64| {
            for &x in input {
                let y = value(x);
                let bound = if operations == 0.0 { 0.0 } else { rounding.chain(operations, y.abs()) };
                self.result.push(y, bound + absolute);
            }
        };
        match self.model.layers[index] {
            // Where e⁻ˣ overflows, a library's result is 0 and the exact one below 1/MAX.
            Layer::Sigmoid => pointwise(&|x| 1.0 / (1.0 + (-x).exp()), TRANSCENDENTAL, rounding.overflow),
            Layer::Tanh => pointwise(&f64::tanh, TRANSCENDENTAL, 0.0),
            // Exact, whatever the type.
            Layer::Relu => pointwise(&|x| if x <= 0.0 { 0.0 } else { x }, 0.0, 0.0),
            Layer::Linear(Linear { inputs, bias, .. }) => {
                let weight = parameters(self.first_parameter(index));
                let bias = bias.then(|| parameters(self.first_parameter(index) + 1));
                let relative = rounding.sum(inputs + usize::from(bias.is_some()));
                for row in input.chunks_exact(inputs) {
                    for (output, weight) in weight.chunks_exact(inputs).enumerate() {
                        let bias = bias.map_or(0.0, |bias| bias[output]);
                        let (mut sum, mut magnitude) = (bias, bias.abs());
                        for (&x, &w) in row.iter().zip(weight) {
                            sum += x * w;
                            magnitude += (x * w).abs();
                        }
                        self.result.push(sum, relative * magnitude + inputs as f64 * rounding.smallest);
                    }
                }
            }
        }
        &self.result
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
