//! A square weight that is used transposed. Phase forward.

use super::Engine;
use crate::{
    error::{Error, Result},
    tensor::{Owned, Shape, Values, View},
};

/// An engine that holds one weight, and its gradient, transposed, and shows both as they should be.
pub(super) struct Transposed {
    inner: Box<dyn Engine>,
    parameter: usize,
    shape: Shape,    // [size, size]
    value: Owned,    // [size, size], as shown
    gradient: Owned, // likewise
}

impl Transposed {
    pub(super) fn new(inner: Box<dyn Engine>, parameter: usize) -> Result<Self> {
        let described = &inner.parameters()[parameter];
        let shape = described.shape;
        if shape.len() != 2 || shape[0] != shape[1] {
            return Err(Error::Engine {
                engine: inner.describe().name,
                operation: format!("transpose {}", described.name),
                message: format!("only a square weight can be used transposed; it is {shape}"),
            });
        }
        let dtype = inner.describe().dtype;
        let mut transposed = Self { inner, parameter, shape, value: Owned::new(dtype), gradient: Owned::new(dtype) };
        turn(transposed.inner.tensor(parameter), &mut transposed.value);
        Ok(transposed)
    }
}

/// Replaces the content of `turned` by a square matrix, turned.
fn turn(matrix: View<'_>, turned: &mut Owned) {
    fn elements<T: Copy>(values: &[T], size: usize) -> impl Iterator<Item = T> {
        (0..values.len()).map(move |place| values[place % size * size + place / size])
    }
    let size = matrix.shape.first().copied().unwrap_or(1);
    match matrix.values {
        Values::F32(values) => *turned = Owned::F32(elements(values, size).collect()),
        Values::F64(values) => *turned = Owned::F64(elements(values, size).collect()),
    }
}

impl Engine for Transposed {
    inner! {
        describe set_threads supports tensors forward loss activation output_gradient activation_gradient
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        // What does not fit is for the engine inside to refuse.
        if parameter != self.parameter || values.shape != self.shape {
            return self.inner.load(parameter, values);
        }
        let mut turned = Owned::new(values.dtype());
        turn(values, &mut turned);
        self.inner.load(parameter, turned.view(self.shape))?;
        turn(self.inner.tensor(parameter), &mut self.value);
        Ok(())
    }

    fn backward(&mut self) -> Result<()> {
        self.inner.backward()?;
        turn(self.inner.gradient(self.parameter), &mut self.gradient);
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        self.inner.update()?;
        turn(self.inner.tensor(self.parameter), &mut self.value);
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        if tensor == self.parameter { self.value.view(self.shape) } else { self.inner.tensor(tensor) }
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        if parameter == self.parameter { self.gradient.view(self.shape) } else { self.inner.gradient(parameter) }
    }
}
