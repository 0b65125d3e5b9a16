//! Stochastic gradient descent; the formula stands at [`training::Sgd`].

use super::{Formula, Near, Rounding, Rule};
use crate::training::{Fault, Sgd};

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
    /// Whether what is gathered are steps, lr·g.
    of_steps: bool,
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
    pub(super) fn new(rounding: Rounding, options: Sgd, rule: &Rule<'_>, step: u32) -> Self {
        let average = rule.has(&Fault::MomentumAverage);
        let fresh = 1.0 - if average { options.momentum } else { options.dampening };
        Self {
            rounding,
            lr: rounding.setting(rule.lr),
            momentum: rounding.setting(options.momentum),
            // 1 is a number of every type.
            fresh: if fresh == 1.0 { Near::exact(fresh) } else { rounding.setting(fresh) },
            nesterov: options.nesterov,
            first: step == 1 && !average && !rule.has(&Fault::DampeningAtFirst),
            of_steps: rule.has(&Fault::VelocityOfSteps),
        }
    }
}

impl Formula<1> for Momentum {
    #[inline(always)]
    fn state(&self, [buffer]: [Near; 1], gradient: Near) -> [Near; 1] {
        let Self { rounding, lr, momentum, fresh, first, of_steps, .. } = *self;
        let gradient = if of_steps { rounding.times(lr, gradient) } else { gradient };
        let gathered = rounding.plus(rounding.times(momentum, buffer), rounding.times(fresh, gradient));
        [if first { gradient } else { gathered }]
    }

    #[inline(always)]
    fn change(&self, [buffer]: [Near; 1], gradient: Near, _weight: f64) -> Near {
        let Self { rounding, lr, momentum, nesterov, of_steps, .. } = *self;
        let gradient = if of_steps { rounding.times(lr, gradient) } else { gradient };
        let ahead = rounding.plus(gradient, rounding.times(momentum, buffer));
        let step = if nesterov { ahead } else { buffer };
        if of_steps { step.negative() } else { rounding.times(lr, step).negative() }
    }
}
