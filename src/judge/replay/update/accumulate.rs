//! Gradients of several batches that become one update; the formula stands at [`training::Accumulate`](Accumulate).
//!
//! A side adds gradients as they come, and each addition rounds the sum so far: the running bound of [`Near`]s. It is never
//! more than n roundings of Σ|g|, and grants nothing on independence, as equal batches round alike. For a mean a side may
//! take each g/n or the whole sum's, by a quotient or by 1/n: two roundings, granted of every term, where they are largest.

use super::{Exact, Given, Near, Rounding};
use crate::training::Accumulate;

/// What has been gathered for one parameter.
#[derive(Clone, Default)]
pub(super) struct Gathered {
    /// Gradients since the latest update, and that one's own until the next comes.
    seen: usize,
    sum: Exact,
}

impl Gathered {
    /// Takes in a gradient.
    pub(super) fn take_in(
        &mut self,
        rounding: Rounding,
        Accumulate { batches, mean }: Accumulate,
        gradient: Given<'_>,
    ) {
        if self.seen == batches {
            self.seen = 0;
        }
        let (first, count) = (self.seen == 0, batches as f64);
        let Given { values: gradient, off: gradients_off } = gradient;
        self.seen += 1;
        let share = rounding.setting(count.recip());
        let term = |at: usize, gradient: f64| {
            let scaled = rounding.times(share, Near::exact(gradient));
            let off = gradients_off.get(at).copied().unwrap_or_default();
            Near { value: gradient, error: if mean { count * scaled.error } else { 0.0 } + off }
        };
        let Exact { value: values, bound: bounds } = &mut self.sum;
        values.resize(gradient.len(), 0.0);
        bounds.resize(gradient.len(), 0.0);
        let divisor = if mean && self.seen == batches { count } else { 1.0 };
        for (at, ((value, bound), gradient)) in values.iter_mut().zip(bounds).zip(gradient.iter()).enumerate() {
            let (before, term) = (Near { value: *value, error: *bound }, term(at, gradient));
            let Near { value: sum, error } = if first { term } else { rounding.plus(before, term) };
            (*value, *bound) = (sum / divisor, error / divisor);
        }
    }

    /// What becomes the update, if that has its turn.
    pub(super) fn due(&self, Accumulate { batches, .. }: Accumulate) -> Option<&Exact> {
        (self.seen == batches).then_some(&self.sum)
    }
}
