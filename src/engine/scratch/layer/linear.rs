//! y = x·Wᵀ + b. With G the gradient in y: ∂W = Gᵀ·x, ∂b = Σ over rows of G, ∂x = G·W.

use super::super::{Real, Trained, flat, flat_mut, kernels};
use super::Layer;
use crate::model;

/// A linear layer; its parameters are the engine's number `weight` and, with a bias, the one after it.
pub(super) struct Linear {
    pub(super) sizes: model::Linear,
    pub(super) weight: usize,
}

impl<T: Real> Layer<T> for Linear {
    fn forward(&self, trained: &[Trained<T>], input: &[T], output: &mut [T], rows: usize) {
        let weight = flat(&trained[self.weight].value); // [out, in]
        let bias = self.sizes.bias.then(|| flat(&trained[self.weight + 1].value));
        kernels::affine(input, weight, bias, output, rows, self.sizes.inputs, self.sizes.outputs);
    }

    fn backward(
        &self,
        trained: &mut [Trained<T>],
        input: &[T],
        _output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
        rows: usize,
    ) {
        let (inputs, outputs) = (self.sizes.inputs, self.sizes.outputs);
        kernels::weight_gradient(
            output_gradient,
            input,
            flat_mut(&mut trained[self.weight].gradient),
            rows,
            inputs,
            outputs,
        );
        if self.sizes.bias {
            kernels::column_sums(output_gradient, flat_mut(&mut trained[self.weight + 1].gradient));
        }
        if let Some(input_gradient) = input_gradient {
            let weight = flat(&trained[self.weight].value);
            kernels::input_gradient(output_gradient, weight, input_gradient, rows, inputs, outputs);
        }
    }
}
