//! y = x·Wᵀ + b. With G the gradient in y: ∂W = Gᵀ·x, ∂b = Σ over rows of G, ∂x = G·W. Where nobody is to look at the
//! gradients, both parameters are updated here, the weight by gradients that are never written down.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{
        Real, Trained, flat, flat_mut,
        kernels::{self, Kernels},
    },
    error::Result,
    model,
};

/// A linear layer; its parameters are the engine's number `weight` and, with a bias, the one after it.
pub(super) struct Linear {
    pub(super) sizes: model::Linear,
    pub(super) weight: usize,
}

impl Linear {
    fn sizes(&self, rows: usize) -> kernels::Linear {
        kernels::Linear { rows, inputs: self.sizes.inputs, outputs: self.sizes.outputs }
    }
}

impl<T: Real> Layer<T> for Linear {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let weight = flat(&pass.trained[self.weight].value); // [out, in]
        let bias = self.sizes.bias.then(|| flat(&pass.trained[self.weight + 1].value));
        match input {
            Input::Dense(input) => pass.kernels.affine(input, weight, bias, output, self.sizes(pass.rows)),
            Input::Sparse { rows, values } => {
                kernels::sparse::affine(rows, values, weight, bias, output, self.sizes.outputs);
            }
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
        let sizes = self.sizes(pass.rows);
        // First, as the weight may change below.
        if let Some(input_gradient) = input_gradient {
            let weight = flat(&pass.trained[self.weight].value);
            pass.kernels.input_gradient(output_gradient, weight, input_gradient, sizes);
        }
        if self.sizes.bias {
            let Trained { value, gradient } = &mut pass.trained[self.weight + 1];
            kernels::column_sums(output_gradient, flat_mut(gradient));
            if let Some(rule) = &mut pass.rule {
                rule.update(self.weight + 1, flat_mut(value), flat(gradient));
            }
        }
        let Trained { value, gradient } = &mut pass.trained[self.weight];
        match (input, &mut pass.rule) {
            (Input::Dense(input), Some(rule)) if Kernels::<T>::fuses(sizes) => {
                let factors = (output_gradient, input);
                rule.update_by_product(pass.kernels, self.weight, flat_mut(value), factors, sizes);
                return Ok(());
            }
            (Input::Dense(input), _) => {
                pass.kernels.weight_gradient(output_gradient, input, flat_mut(gradient), sizes);
            }
            (Input::Sparse { rows, values }, _) => {
                kernels::sparse::weight_gradient(output_gradient, rows, values, flat_mut(gradient), sizes.outputs);
            }
        }
        if let Some(rule) = &mut pass.rule {
            rule.update_shared(pass.kernels, self.weight, flat_mut(value), flat(gradient));
        }
        Ok(())
    }
}
