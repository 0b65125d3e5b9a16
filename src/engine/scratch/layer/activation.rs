//! Element-wise layers. Each derivative is written in the layer's output y, which is at hand, not in its input.

use super::super::{Real, Trained};
use super::Layer;

/// y = f(x) with f′ as a function of y.
pub(super) trait Elementwise<T> {
    fn value(input: T) -> T;
    fn derivative(output: T) -> T;
}

/// y = 1/(1 + e⁻ˣ), y′ = y(1 − y).
pub(super) struct Sigmoid;

/// y = tanh x, y′ = 1 − y².
pub(super) struct Tanh;

/// y = max(0, x), y′ = 1 where y > 0 and 0 elsewhere, so 0 at 0 as in PyTorch. NaN stays NaN.
pub(super) struct Relu;

impl<T: Real> Elementwise<T> for Sigmoid {
    fn value(input: T) -> T {
        T::one() / (T::one() + (-input).exp())
    }

    fn derivative(output: T) -> T {
        output * (T::one() - output)
    }
}

impl<T: Real> Elementwise<T> for Tanh {
    fn value(input: T) -> T {
        input.tanh()
    }

    fn derivative(output: T) -> T {
        T::one() - output * output
    }
}

impl<T: Real> Elementwise<T> for Relu {
    fn value(input: T) -> T {
        if input <= T::zero() { T::zero() } else { input }
    }

    fn derivative(output: T) -> T {
        if output > T::zero() { T::one() } else { T::zero() }
    }
}

/// The layer that applies one function to every element.
pub(super) struct Each<E>(pub(super) E);

impl<T: Real, E: Elementwise<T>> Layer<T> for Each<E> {
    fn forward(&self, _trained: &[Trained<T>], input: &[T], output: &mut [T], _rows: usize) {
        for (output, &input) in output.iter_mut().zip(input) {
            *output = E::value(input);
        }
    }

    fn backward(
        &self,
        _trained: &mut [Trained<T>],
        _input: &[T],
        output: &[T],
        output_gradient: &[T],
        input_gradient: Option<&mut [T]>,
        _rows: usize,
    ) {
        let Some(input_gradient) = input_gradient else { return };
        for ((gradient, &output), &incoming) in input_gradient.iter_mut().zip(output).zip(output_gradient) {
            *gradient = incoming * E::derivative(output);
        }
    }
}
