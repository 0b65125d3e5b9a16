//! The change of one parameter from the side's own gradient, with an f64 shadow of the optimizer's state.

use super::{Exact, Replay, sgd};

impl Replay {
    /// The change of parameter `index` of the definition, from its values `before` and its gradient.
    ///
    /// The bound contains the floor that a stored weight sets: w + Δw is rounded to the side's type, so a change far
    /// below the weight is known only to u·|w|.
    pub fn update(&mut self, index: usize, before: &[f64], gradient: &[f64]) -> &Exact {
        self.advance(index, gradient);
        let options = sgd(&self.training);
        let rounding = self.rounding;
        self.result.clear();
        for (offset, (&before, &gradient)) in before.iter().zip(gradient).enumerate() {
            let (step, error) = if options.momentum == 0.0 {
                (gradient, 0.0)
            } else {
                let (buffer, error) = (self.shadow[index].value[offset], self.shadow[index].bound[offset]);
                if options.nesterov {
                    let ahead = options.momentum * buffer;
                    let rounded = rounding.chain(3.0, ahead.abs()) + rounding.chain(1.0, gradient.abs());
                    (gradient + ahead, options.momentum * error + rounded)
                } else {
                    (buffer, error)
                }
            };
            let change = -options.lr * step;
            // lr rounded to the type, its product, and the stored sum; the replayed weight itself is off in f64 only.
            let bound =
                options.lr * error + rounding.chain(3.0, change.abs()) + rounding.unit * (before + change).abs();
            self.result.push(change, 1.01 * bound);
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
        for ((buffer, bound), &gradient) in value.iter_mut().zip(bound).zip(gradient) {
            if !self.started[index] {
                *buffer = gradient;
                continue;
            }
            let (kept, new) = (options.momentum * *buffer, fresh * gradient);
            *buffer = kept + new;
            // Both factors rounded to the type, both products, the sum.
            *bound = options.momentum * *bound + rounding.chain(3.0, kept.abs() + new.abs());
        }
        self.started[index] = true;
    }
}
