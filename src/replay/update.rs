//! The change of one parameter from the side's own gradient, with an f64 shadow of the optimizer's state.

use super::{Exact, Replay, sgd};

impl Replay {
    /// Before the updates of a step, or their [`advance`](Self::advance): the learning rate of the step and, where
    /// gradients are clipped, what they are cut by, from the side's gradients in all parameters.
    pub fn begin<'a>(&mut self, step: usize, epoch: usize, gradients: impl Iterator<Item = &'a [f64]>) {
        let _ = gradients;
        self.lr = self.training.lr(step, epoch);
    }

    /// The change of parameter `index` of the definition, from its values `before` and its gradient.
    ///
    /// The bound contains the floor that a stored weight sets: w + Δw is rounded to the side's type, so a change far
    /// below the weight is known only to u·|w|.
    pub fn update(&mut self, index: usize, before: &[f64], gradient: &[f64]) -> &Exact {
        self.advance(index, gradient);
        let options = sgd(&self.training);
        let (rounding, lr) = (self.rounding, self.lr);
        // lr rounded to the type, its product, and the stored sum; the replayed weight itself is off in f64 only.
        let bound = |before: f64, change: f64, error: f64| {
            let stored = rounding.unit * (before + change).abs();
            1.01 * (lr * error + rounding.chain(3.0, change.abs()) + stored)
        };
        let Exact { value, bound: bounds } = &mut self.result;
        value.clear();
        bounds.clear();
        let (buffer, error) = (&self.shadow[index].value, &self.shadow[index].bound);
        if options.momentum == 0.0 {
            value.extend(gradient.iter().map(|gradient| -lr * gradient));
            bounds.extend(before.iter().zip(&*value).map(|(&before, &change)| bound(before, change, 0.0)));
        } else if options.nesterov {
            let steps = gradient.iter().zip(buffer).map(|(gradient, buffer)| gradient + options.momentum * buffer);
            value.extend(steps.map(|step| -lr * step));
            let given = before.iter().zip(&*value).zip(gradient).zip(buffer).zip(error);
            bounds.extend(given.map(|((((&before, &change), gradient), buffer), error)| {
                let ahead = rounding.chain(3.0, (options.momentum * buffer).abs());
                bound(before, change, options.momentum * error + ahead + rounding.chain(1.0, gradient.abs()))
            }));
        } else {
            value.extend(buffer.iter().map(|buffer| -lr * buffer));
            let given = before.iter().zip(&*value).zip(error);
            bounds.extend(given.map(|((&before, &change), &error)| bound(before, change, error)));
        }
        &self.result
    }

    /// Lets the shadow of the optimizer's state see a gradient, on a step whose update is not compared.
    pub fn advance(&mut self, index: usize, gradient: &[f64]) {
        let options = sgd(&self.training);
        if options.momentum == 0.0 {
            return;
        }
        let rounding = self.rounding;
        let fresh = 1.0 - options.dampening;
        let Exact { value, bound } = &mut self.shadow[index];
        if !self.started[index] {
            value.copy_from_slice(gradient);
        } else {
            for ((buffer, bound), &gradient) in value.iter_mut().zip(bound).zip(gradient) {
                let (kept, new) = (options.momentum * *buffer, fresh * gradient);
                *buffer = kept + new;
                // Both factors rounded to the type, both products, the sum.
                *bound = options.momentum * *bound + rounding.chain(3.0, kept.abs() + new.abs());
            }
        }
        self.started[index] = true;
    }
}
