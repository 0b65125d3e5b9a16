//! The same elements in rows of one dimension: they lie in that order already.

use super::{Input, Layer, Pass};
use crate::{engine::scratch::Real, error::Result};

/// A flatten.
pub(super) struct Flatten;

impl<T: Real> Layer<T> for Flatten {
    fn forward(&mut self, _pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        output.copy_from_slice(input.dense()?);
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
        if let Some(input_gradient) = input_gradient {
            input_gradient.copy_from_slice(output_gradient);
        }
        Ok(())
    }
}
