//! y = x·mask, with the mask that comes with the batch: 0, or 1/(1 − p). Without one, in evaluation, y = x.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{Real, kernels::vectorized, refused},
    error::Result,
    model::Place,
};

/// A dropout layer, which keeps the mask for the way back.
pub(super) struct Dropout<T> {
    /// Its number among the batch's masks.
    number: usize,
    mask: Vec<T>, // [rows, width]; empty in evaluation
}

impl<T: Real> Dropout<T> {
    pub(super) fn new(place: &Place, capacity: usize) -> Self {
        let mask = Vec::with_capacity(capacity * place.output.elements());
        Self { number: place.mask.unwrap_or_default(), mask }
    }
}

impl<T: Real> Layer<T> for Dropout<T> {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let input = input.dense()?;
        self.mask.clear();
        match pass.masks.get(self.number) {
            Some(mask) => {
                let typed = || refused("forward", format!("masks in {}", T::DTYPE), mask.shape, mask.dtype());
                self.mask.extend_from_slice(T::slice(mask.values).ok_or_else(typed)?);
                multiply(input, &self.mask, output);
            }
            None => output.copy_from_slice(input),
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _pass: &mut Pass<'_, T>,
        _input: Input<'_, T>,
        _output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let Some(input_gradient) = input_gradient else { return Ok(()) };
        if self.mask.is_empty() {
            input_gradient.copy_from_slice(output_gradient);
        } else {
            multiply(output_gradient, &self.mask, input_gradient);
        }
        Ok(())
    }
}

fn multiply<T: Real>(values: &[T], mask: &[T], products: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            for ((product, &value), &mask) in products.iter_mut().zip(values).zip(mask) {
                *product = value * mask;
            }
        },
    );
}
