//! Stochastic gradient descent; the formula stands at [`training::Sgd`].

use super::{Formula, Near, Rounding};
use crate::training::Sgd;

/// Without momentum: −lr·g.
pub(super) struct Descent {
    rounding: Rounding,
    lr: Near,
}

/// With it; the state is b.
pub(super) struct Momentum {
    rounding: Rounding,
    lr: Near,
    momentum: Near,
    fresh: Near,
    nesterov: bool,
    first: bool,
}

impl Descent {
    pub(super) fn new(rounding: Rounding, lr: f64) -> Self {
        Self { rounding, lr: rounding.setting(lr) }
    }
}

impl Formula<0> for Descent {
    #[inline(always)]
    fn state(&self, state: [Near; 0], _gradient: Near) -> [Near; 0] {
        state
    }

    #[inline(always)]
    fn change(&self, _state: [Near; 0], gradient: Near, _weight: f64) -> Near {
        self.rounding.times(self.lr, gradient).negative()
    }
}

impl Momentum {
    /// At step `step`, from 1.
    pub(super) fn new(rounding: Rounding, options: Sgd, lr: f64, step: u32) -> Self {
        let fresh = 1.0 - options.dampening;
        Self {
            rounding,
            lr: rounding.setting(lr),
            momentum: rounding.setting(options.momentum),
            // 1 is a number of every type.
            fresh: if fresh == 1.0 { Near::exact(fresh) } else { rounding.setting(fresh) },
            nesterov: options.nesterov,
            first: step == 1,
        }
    }
}

impl Formula<1> for Momentum {
    #[inline(always)]
    fn state(&self, [buffer]: [Near; 1], gradient: Near) -> [Near; 1] {
        let Self { rounding, momentum, fresh, first, .. } = *self;
        let gathered = rounding.plus(rounding.times(momentum, buffer), rounding.times(fresh, gradient));
        [if first { gradient } else { gathered }]
    }

    #[inline(always)]
    fn change(&self, [buffer]: [Near; 1], gradient: Near, _weight: f64) -> Near {
        let Self { rounding, lr, momentum, nesterov, .. } = *self;
        let ahead = rounding.plus(gradient, rounding.times(momentum, buffer));
        rounding.times(lr, if nesterov { ahead } else { buffer }).negative()
    }
}
