//! Layers that apply one function to every element: what they share, and those that a comparison decides or whose
//! derivative follows from the output.

use super::{Input, Layer, Pass};
use crate::{engine::scratch::Real, error::Result};

/// y = f(x), and f′ as a function of x and y.
pub(super) trait Elementwise<T>: Send {
    /// f(x).
    fn value(&self, input: T) -> T;
    /// The gradient in the input for the `gradient` in the output.
    fn backward(&self, input: T, output: T, gradient: T) -> T;
}

/// y = 1/(1 + e⁻ˣ), y′ = y(1 − y).
pub(super) struct Sigmoid;

/// As [`Sigmoid`], with the derivative taken at y instead of at x, a known mistake: y′ = σ(y)(1 − σ(y)).
pub(super) struct SigmoidOfOutput;

/// y = tanh x, y′ = 1 − y².
pub(super) struct Tanh;

/// y = max(0, x), y′ = 1 where y > 0 and 0 elsewhere, so 0 at 0 as in PyTorch, which selects: an infinite gradient
/// stops at 0, too, and a NaN output lets its gradient pass.
pub(super) struct Relu;

/// As [`Relu`], with y′ = 1 at 0, a known mistake.
pub(super) struct ReluOneAtZero;

/// y = x where x > 0, else slope·x; y′ = 1 where x > 0, else slope, at 0 too, as in PyTorch.
pub(super) struct LeakyRelu<T> {
    pub(super) slope: T,
}

/// 1/(1 + e⁻ˣ).
pub(super) fn sigmoid<T: Real>(input: T) -> T {
    T::one() / (T::one() + (-input).exp())
}

impl<T: Real> Elementwise<T> for Sigmoid {
    fn value(&self, input: T) -> T {
        sigmoid(input)
    }

    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        gradient * (output * (T::one() - output))
    }
}

impl<T: Real> Elementwise<T> for SigmoidOfOutput {
    fn value(&self, input: T) -> T {
        sigmoid(input)
    }

    fn backward(&self, input: T, output: T, gradient: T) -> T {
        Sigmoid.backward(input, sigmoid(output), gradient)
    }
}

impl<T: Real> Elementwise<T> for Tanh {
    fn value(&self, input: T) -> T {
        input.tanh()
    }

    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        gradient * (T::one() - output * output)
    }
}

impl<T: Real> Elementwise<T> for Relu {
    fn value(&self, input: T) -> T {
        if input <= T::zero() { T::zero() } else { input }
    }

    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        if output <= T::zero() { T::zero() } else { gradient }
    }
}

impl<T: Real> Elementwise<T> for ReluOneAtZero {
    fn value(&self, input: T) -> T {
        Relu.value(input)
    }

    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        if input < T::zero() { T::zero() } else { gradient }
    }
}

impl<T: Real> Elementwise<T> for LeakyRelu<T> {
    fn value(&self, input: T) -> T {
        if input > T::zero() { input } else { input * self.slope }
    }

    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        if input > T::zero() { gradient } else { gradient * self.slope }
    }
}

/// The layer that applies one function to every element.
pub(super) struct Each<E>(pub(super) E);

impl<T: Real, E: Elementwise<T>> Layer<T> for Each<E> {
    fn forward(&mut self, _pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        for (output, &input) in output.iter_mut().zip(input.dense()?) {
            *output = self.0.value(input);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        _pass: &mut Pass<'_, T>,
        input: Input<'_, T>,
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let Some(input_gradient) = input_gradient else { return Ok(()) };
        let given = input.dense()?.iter().zip(output).zip(output_gradient);
        for (gradient, ((&input, &output), &incoming)) in input_gradient.iter_mut().zip(given) {
            *gradient = self.0.backward(input, output, incoming);
        }
        Ok(())
    }
}
