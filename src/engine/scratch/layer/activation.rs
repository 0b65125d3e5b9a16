//! Element-wise layers. Each derivative is written in the layer's output y, which is at hand, not in its input.

use super::{Input, Layer, Pass};
use crate::{engine::scratch::Real, error::Result};

/// y = f(x) with f′ as a function of y.
pub(super) trait Elementwise<T>: Send {
    fn value(input: T) -> T;
    /// The gradient in the input for the `gradient` in the output.
    fn backward(output: T, gradient: T) -> T;
}

/// y = 1/(1 + e⁻ˣ), y′ = y(1 − y).
pub(super) struct Sigmoid;

/// y = tanh x, y′ = 1 − y².
pub(super) struct Tanh;

/// y = max(0, x), y′ = 1 where y > 0 and 0 elsewhere, so 0 at 0 as in PyTorch, which selects: an infinite gradient
/// stops at 0, too, and a NaN output lets its gradient pass.
pub(super) struct Relu;

impl<T: Real> Elementwise<T> for Sigmoid {
    fn value(input: T) -> T {
        T::one() / (T::one() + (-input).exp())
    }

    fn backward(output: T, gradient: T) -> T {
        gradient * (output * (T::one() - output))
    }
}

impl<T: Real> Elementwise<T> for Tanh {
    fn value(input: T) -> T {
        input.tanh()
    }

    fn backward(output: T, gradient: T) -> T {
        gradient * (T::one() - output * output)
    }
}

impl<T: Real> Elementwise<T> for Relu {
    fn value(input: T) -> T {
        if input <= T::zero() { T::zero() } else { input }
    }

    fn backward(output: T, gradient: T) -> T {
        if output <= T::zero() { T::zero() } else { gradient }
    }
}

/// The layer that applies one function to every element.
pub(super) struct Each<E>(pub(super) E);

impl<T: Real, E: Elementwise<T>> Layer<T> for Each<E> {
    fn forward(&mut self, _pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        for (output, &input) in output.iter_mut().zip(input.dense()?) {
            *output = E::value(input);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _pass: &mut Pass<'_, T>,
        _input: Input<'_, T>,
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let Some(input_gradient) = input_gradient else { return Ok(()) };
        for ((gradient, &output), &incoming) in input_gradient.iter_mut().zip(output).zip(output_gradient) {
            *gradient = E::backward(output, incoming);
        }
        Ok(())
    }
}
