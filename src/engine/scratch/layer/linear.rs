//! y = x·Wᵀ + b. With G the gradient in y: ∂W = Gᵀ·x, ∂b = Σ over rows of G, ∂x = G·W.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{Real, flat, flat_mut, kernels},
    error::Result,
    model,
};

/// A linear layer; its parameters are the engine's number `weight` and, with a bias, the one after it.
pub(super) struct Linear {
    pub(super) sizes: model::Linear,
    pub(super) weight: usize,
}

impl<T: Real> Layer<T> for Linear {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let weight = flat(&pass.trained[self.weight].value); // [out, in]
        let bias = self.sizes.bias.then(|| flat(&pass.trained[self.weight + 1].value));
        let (inputs, outputs) = (self.sizes.inputs, self.sizes.outputs);
        match input {
            Input::Dense(input) => kernels::affine(input, weight, bias, output, pass.rows, inputs, outputs),
            Input::Sparse { rows, values } => kernels::sparse::affine(rows, values, weight, bias, output, outputs),
        }
        Ok(())
    }

    fn backward(
        &mut self,
        pass: &mut Pass<'_, T>,
        input: Input<'_, T>,
        _output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let (inputs, outputs, rows) = (self.sizes.inputs, self.sizes.outputs, pass.rows);
        let target = flat_mut(&mut pass.trained[self.weight].gradient);
        match input {
            Input::Dense(input) => {
                kernels::weight_gradient(output_gradient, input, target, rows, inputs, outputs);
            }
            Input::Sparse { rows, values } => {
                kernels::sparse::weight_gradient(output_gradient, rows, values, target, outputs);
            }
        }
        if self.sizes.bias {
            kernels::column_sums(output_gradient, flat_mut(&mut pass.trained[self.weight + 1].gradient));
        }
        if let Some(input_gradient) = input_gradient {
            let weight = flat(&pass.trained[self.weight].value);
            kernels::input_gradient(output_gradient, weight, input_gradient, rows, inputs, outputs);
        }
        Ok(())
    }
}
