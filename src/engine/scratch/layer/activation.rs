//! Layers that apply one function to every element: what they share, and those that a comparison decides or whose
//! derivative follows from the output.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{
        Real,
        kernels::{sigmoid, vectorized},
    },
    error::Result,
};

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

impl<T: Real> Elementwise<T> for Sigmoid {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        sigmoid(input)
    }

    #[inline(always)]
    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        gradient * (output * (T::one() - output))
    }
}

impl<T: Real> Elementwise<T> for SigmoidOfOutput {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        sigmoid(input)
    }

    #[inline(always)]
    fn backward(&self, input: T, output: T, gradient: T) -> T {
        Sigmoid.backward(input, sigmoid(output), gradient)
    }
}

impl<T: Real> Elementwise<T> for Tanh {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        input.hyperbolic_tangent()
    }

    #[inline(always)]
    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        gradient * (T::one() - output * output)
    }
}

impl<T: Real> Elementwise<T> for Relu {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        if input <= T::zero() { T::zero() } else { input }
    }

    #[inline(always)]
    fn backward(&self, _input: T, output: T, gradient: T) -> T {
        if output <= T::zero() { T::zero() } else { gradient }
    }
}

impl<T: Real> Elementwise<T> for ReluOneAtZero {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        Relu.value(input)
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        if input < T::zero() { T::zero() } else { gradient }
    }
}

impl<T: Real> Elementwise<T> for LeakyRelu<T> {
    #[inline(always)]
    fn value(&self, input: T) -> T {
        if input > T::zero() { input } else { input * self.slope }
    }

    #[inline(always)]
    fn backward(&self, input: T, _output: T, gradient: T) -> T {
        if input > T::zero() { gradient } else { gradient * self.slope }
    }
}

/// The layer that applies one function to every element.
pub(super) struct Each<E>(pub(super) E);

impl<T: Real, E: Elementwise<T>> Layer<T> for Each<E> {
    fn forward(&mut self, _pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let input = input.dense()?;
        vectorized(
            #[inline(always)]
            || output.iter_mut().zip(input).for_each(|(output, &input)| *output = self.0.value(input)),
        );
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
        vectorized(
            #[inline(always)]
            || {
                for (gradient, ((&input, &output), &incoming)) in input_gradient.iter_mut().zip(given) {
                    *gradient = self.0.backward(input, output, incoming);
                }
            },
        );
        Ok(())
    }
}
