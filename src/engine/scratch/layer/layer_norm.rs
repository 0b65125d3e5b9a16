//! y = (x − mean)/√(variance + ε)·w + b over the columns of each row (Ba, Kiros and Hinton, *Layer Normalization*,
//! 2016). With x̂ the normalized row, G the gradient in y and h = G·w: ∂w = Σ over rows of G·x̂, ∂b = Σ over rows of G,
//! ∂x = (h − mean of h − x̂·mean of h·x̂)/√(variance + ε).

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{Real, flat, flat_mut, kernels},
    error::Result,
    model::{Norm, Place},
};

/// A layer norm, which keeps each row's statistics for the way back.
pub(super) struct LayerNorm<T> {
    norm: Norm,
    /// The number of its weight; its bias is the one after it.
    weight: usize,
    mean: Vec<T>,    // [capacity]
    inverse: Vec<T>, // 1/√(variance + ε), [capacity]
}

impl<T: Real> LayerNorm<T> {
    pub(super) fn new(norm: Norm, place: &Place, capacity: usize) -> Self {
        let room = || vec![T::zero(); capacity];
        Self { norm, weight: place.parameters.start, mean: room(), inverse: room() }
    }
}

impl<T: Real> Layer<T> for LayerNorm<T> {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let columns = self.norm.columns;
        let count = T::of(columns as f64);
        let rows = input.dense()?.chunks_exact(columns).zip(output.chunks_exact_mut(columns));
        for ((x, y), (mean, inverse)) in rows.zip(self.mean.iter_mut().zip(&mut self.inverse)) {
            *mean = kernels::total(columns, |at| x[at]) / count;
            let squares = kernels::total(columns, |at| (x[at] - *mean) * (x[at] - *mean));
            *inverse = (squares / count + T::of(self.norm.eps)).sqrt().recip();
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - *mean) * *inverse);
        }
        if self.norm.affine {
            let [weight, bias] = [0, 1].map(|number| flat(&pass.trained[self.weight + number].value));
            for y in output.chunks_exact_mut(columns) {
                y.iter_mut().zip(weight).zip(bias).for_each(|((y, &weight), &bias)| *y = *y * weight + bias);
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
        let columns = self.norm.columns;
        let (x, statistics) = (input.dense()?, || self.mean.iter().zip(&self.inverse));
        if self.norm.affine {
            kernels::column_sums(output_gradient, flat_mut(&mut pass.trained[self.weight + 1].gradient));
            let target = flat_mut(&mut pass.trained[self.weight].gradient);
            target.fill(T::zero());
            let rows = x.chunks_exact(columns).zip(output_gradient.chunks_exact(columns));
            for ((x, gradient), (&mean, &inverse)) in rows.zip(statistics()) {
                for ((target, &x), &gradient) in target.iter_mut().zip(x).zip(gradient) {
                    *target += gradient * ((x - mean) * inverse);
                }
            }
        }
        let Some(target) = input_gradient else { return Ok(()) };
        let count = T::of(columns as f64);
        let weight = self.norm.affine.then(|| flat(&pass.trained[self.weight].value));
        let weighted = |gradient: T, at: usize| weight.map_or(gradient, |weight| gradient * weight[at]);
        let rows = x.chunks_exact(columns).zip(output_gradient.chunks_exact(columns));
        for ((target, (x, gradient)), (&mean, &inverse)) in target.chunks_exact_mut(columns).zip(rows).zip(statistics())
        {
            let normalized = |at: usize| (x[at] - mean) * inverse;
            let level = kernels::total(columns, |at| weighted(gradient[at], at)) / count;
            let along = kernels::total(columns, |at| weighted(gradient[at], at) * normalized(at)) / count;
            for (at, target) in target.iter_mut().enumerate() {
                *target = (weighted(gradient[at], at) - level - normalized(at) * along) * inverse;
            }
        }
        Ok(())
    }
}
