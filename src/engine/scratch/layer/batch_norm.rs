//! y = (x − mean)/√(variance + ε)·w + b over the rows of each column (Ioffe and Szegedy, *Batch Normalization*, 2015): in
//! training with the batch's own statistics, which enter the running ones; in evaluation with those. With G the gradient
//! in y and s = 1/√(variance + ε): ∂w = Σ G·(x − mean)·s, ∂b = ΣG, and in training
//! ∂x = (G − ∂b/n − (x − mean)·s·∂w/n)·s·w; in evaluation ∂x = G·s·w.

use super::{Input, Layer, Pass};
use crate::{
    engine::scratch::{Real, flat, flat_mut, kernels},
    error::Result,
    model::{BatchNorm as Options, Place},
};

/// A batch norm, which keeps the statistics that it used for the way back.
pub(super) struct BatchNorm<T> {
    options: Options,
    /// The number of its weight; its bias is the one after it.
    weight: usize,
    /// The number of its running mean; its running variance is the one after it.
    running: usize,
    /// Whether the latest batch was one of training.
    training: bool,
    mean: Vec<T>,    // [columns]
    inverse: Vec<T>, // 1/√(variance + ε), [columns]
    sums: Vec<T>,    // [columns]
    along: Vec<T>,   // [columns]
}

impl<T: Real> BatchNorm<T> {
    pub(super) fn new(options: Options, place: &Place) -> Self {
        let room = || vec![T::zero(); options.norm.columns];
        let (weight, running) = (place.parameters.start, place.buffers.start);
        Self { options, weight, running, training: true, mean: room(), inverse: room(), sums: room(), along: room() }
    }

    /// The mean of each column, and in `sums` the sum of its squared deviations.
    fn statistics(&mut self, x: &[T], rows: T) {
        let Self { mean, sums, .. } = self;
        kernels::column_sums(x, mean);
        mean.iter_mut().for_each(|mean| *mean /= rows);
        sums.fill(T::zero());
        for x in x.chunks_exact(mean.len()) {
            for ((sum, &x), &mean) in sums.iter_mut().zip(x).zip(&*mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
    }

    /// Lets the running statistics see those of the batch: the variance divided by n − 1.
    fn remember(&self, buffers: &mut [Vec<T>], rows: T) {
        let new = T::of(self.options.momentum);
        let kept = T::of(1.0 - self.options.momentum);
        let [means, variances] = &mut buffers[self.running..self.running + 2] else { return };
        for (running, &mean) in means.iter_mut().zip(&self.mean) {
            *running = kept * *running + new * mean;
        }
        for (running, &sum) in variances.iter_mut().zip(&self.sums) {
            *running = kept * *running + new * (sum / (rows - T::one()));
        }
    }
}

/// 1/√(variance + ε); 0 where both are 0, as in PyTorch.
fn inverse<T: Real>(variance: T, eps: f64) -> T {
    if variance == T::zero() && eps == 0.0 { T::zero() } else { (variance + T::of(eps)).sqrt().recip() }
}

impl<T: Real> Layer<T> for BatchNorm<T> {
    fn forward(&mut self, pass: &mut Pass<'_, T>, input: Input<'_, T>, output: &mut [T]) -> Result<()> {
        let (x, rows, eps) = (input.dense()?, T::of(pass.rows as f64), self.options.norm.eps);
        self.training = pass.training;
        if self.training {
            self.statistics(x, rows);
            self.inverse.iter_mut().zip(&self.sums).for_each(|(s, &sum)| *s = inverse(sum / rows, eps));
            self.remember(pass.buffers, rows);
        } else {
            self.mean.copy_from_slice(&pass.buffers[self.running]);
            let variances = &pass.buffers[self.running + 1];
            self.inverse.iter_mut().zip(variances).for_each(|(s, &variance)| *s = inverse(variance, eps));
        }
        let columns = self.mean.len();
        for (x, y) in x.chunks_exact(columns).zip(output.chunks_exact_mut(columns)) {
            for ((y, &x), (&mean, &inverse)) in y.iter_mut().zip(x).zip(self.mean.iter().zip(&self.inverse)) {
                *y = (x - mean) * inverse;
            }
        }
        if self.options.norm.affine {
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
        let (x, rows) = (input.dense()?, T::of(pass.rows as f64));
        let Self { mean, inverse, sums, along, .. } = self;
        let columns = mean.len();
        kernels::column_sums(output_gradient, sums);
        along.fill(T::zero());
        for (x, gradient) in x.chunks_exact(columns).zip(output_gradient.chunks_exact(columns)) {
            for ((along, &gradient), (&x, &mean)) in along.iter_mut().zip(gradient).zip(x.iter().zip(&*mean)) {
                *along += gradient * (x - mean);
            }
        }
        along.iter_mut().zip(&*inverse).for_each(|(along, &inverse)| *along *= inverse);
        if self.options.norm.affine {
            flat_mut(&mut pass.trained[self.weight].gradient).copy_from_slice(along);
            flat_mut(&mut pass.trained[self.weight + 1].gradient).copy_from_slice(sums);
        }
        let Some(target) = input_gradient else { return Ok(()) };
        if self.training {
            for ((sum, along), &inverse) in sums.iter_mut().zip(&mut *along).zip(&*inverse) {
                *sum /= rows;
                *along = *along * inverse / rows;
            }
        } else {
            sums.fill(T::zero());
            along.fill(T::zero());
        }
        let lines = x.chunks_exact(columns).zip(output_gradient.chunks_exact(columns));
        for (target, (x, gradient)) in target.chunks_exact_mut(columns).zip(lines) {
            let statistics = mean.iter().zip(&*inverse).zip(sums.iter().zip(&*along));
            let given = target.iter_mut().zip(x.iter().zip(gradient)).zip(statistics);
            for ((target, (&x, &gradient)), ((&mean, &inverse), (&level, &along))) in given {
                *target = (gradient - level - (x - mean) * along) * inverse;
            }
        }
        if self.options.norm.affine {
            let weight = flat(&pass.trained[self.weight].value);
            for target in target.chunks_exact_mut(columns) {
                target.iter_mut().zip(weight).for_each(|(target, &weight)| *target *= weight);
            }
        }
        Ok(())
    }
}
