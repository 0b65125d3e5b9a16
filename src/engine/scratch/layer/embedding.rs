//! The rows of a table that the numbers of a row name; or their sum, or mean. The gradient in a row of the table is the
//! sum of those of all places that it was used in, in their order.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{Real, flat, flat_mut},
    error::{Error, Result},
    model,
};

/// An embedding. It is a model's first layer, and has no gradient in its input.
pub(super) struct Embedding {
    pub(super) table: model::Embedding,
    pub(super) weight: usize,
}

/// An embedding bag, of so many `words` in a row.
pub(super) struct EmbeddingBag {
    pub(super) table: model::Embedding,
    pub(super) bag: model::Bag,
    pub(super) words: usize,
    pub(super) weight: usize,
}

/// The row of a table of this width that a number names.
fn place<T: Real>(word: T, columns: usize, elements: usize) -> Result<std::ops::Range<usize>> {
    let start = (word.widen() as usize).saturating_mul(columns);
    let row = start..start.saturating_add(columns);
    if row.end <= elements {
        return Ok(row);
    }
    Err(Error::Engine {
        engine: "scratch".to_owned(),
        operation: "forward".to_owned(),
        message: format!("there is no word {word} in a table of {}", elements / columns),
    })
}

impl<T: Real> Layer<T> for Embedding {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let (weight, columns) = (flat(&pass.trained[self.weight].value), self.table.columns);
        for (&word, output) in input.dense()?.iter().zip(output.chunks_exact_mut(columns)) {
            output.copy_from_slice(&weight[place(word, columns, weight.len())?]);
        }
        Ok(())
    }

    fn backward(
        &mut self,
        pass: &mut Pass<'_, T>,
        input: Input<'_, T>,
        _output: &[T],
        output_gradient: &[T],
        _input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let (target, columns) = (flat_mut(&mut pass.trained[self.weight].gradient), self.table.columns);
        target.fill(T::zero());
        for (&word, gradient) in input.dense()?.iter().zip(output_gradient.chunks_exact(columns)) {
            let row = place(word, columns, target.len())?;
            target[row].iter_mut().zip(gradient).for_each(|(sum, &gradient)| *sum += gradient);
        }
        Ok(())
    }
}

impl EmbeddingBag {
    /// What a sum is divided by.
    fn divisor<T: Real>(&self) -> T {
        T::of(if self.bag == model::Bag::Mean { self.words as f64 } else { 1.0 })
    }
}

impl<T: Real> Layer<T> for EmbeddingBag {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let (weight, columns) = (flat(&pass.trained[self.weight].value), self.table.columns);
        output.fill(T::zero());
        for (words, output) in input.dense()?.chunks_exact(self.words).zip(output.chunks_exact_mut(columns)) {
            for &word in words {
                let row = &weight[place(word, columns, weight.len())?];
                output.iter_mut().zip(row).for_each(|(sum, &weight)| *sum += weight);
            }
            output.iter_mut().for_each(|sum| *sum /= self.divisor());
        }
        Ok(())
    }

    fn backward(
        &mut self,
        pass: &mut Pass<'_, T>,
        input: Input<'_, T>,
        _output: &[T],
        output_gradient: &[T],
        _input_gradient: Option<&mut [T]>,
    ) -> Result<()> {
        let (target, columns) = (flat_mut(&mut pass.trained[self.weight].gradient), self.table.columns);
        target.fill(T::zero());
        for (words, gradient) in input.dense()?.chunks_exact(self.words).zip(output_gradient.chunks_exact(columns)) {
            for &word in words {
                let row = place(word, columns, target.len())?;
                target[row].iter_mut().zip(gradient).for_each(|(sum, &gradient)| *sum += gradient / self.divisor());
            }
        }
        Ok(())
    }
}
