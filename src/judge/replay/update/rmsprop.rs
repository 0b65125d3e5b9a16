//! RMSprop; the formula stands at [`training::RmsProp`].

use super::{Formula, Near, Rounding, Rule};
use crate::training::{Fault, RmsProp};

/// v, a, and what lr is multiplied by: the momentum b, or without it g/(√ṽ + ε).
pub(super) const SLOTS: usize = 3;

/// RMSprop at one step. An element's state is v and a, the moving averages of its gradient squared and of itself, and
/// its step over lr.
pub(super) struct Scaled {
    rounding: Rounding,
    lr: Near,
    eps: Near,
    alpha: Near,
    fresh: Near,
    momentum: Near,
    centered: bool,
    /// Whether ε is inside the root.
    inside: bool,
    /// Whether what is gathered are steps with the rate in them.
    of_steps: bool,
}

impl Scaled {
    pub(super) fn new(rounding: Rounding, options: RmsProp, rule: &Rule<'_>) -> Self {
        Self {
            rounding,
            lr: rounding.setting(rule.lr),
            inside: rule.has(&Fault::EpsInsideRoot),
            of_steps: rule.has(&Fault::VelocityOfSteps),
            eps: rounding.setting(options.eps),
            alpha: rounding.setting(options.alpha),
            fresh: rounding.setting(1.0 - options.alpha),
            momentum: rounding.setting(options.momentum),
            centered: options.centered,
        }
    }
}

impl Formula<SLOTS> for Scaled {
    #[inline(always)]
    fn state(&self, [v, a, b]: [Near; SLOTS], gradient: Near) -> [Near; SLOTS] {
        let Self { rounding, lr, eps, alpha, fresh, momentum, centered, inside, of_steps } = *self;
        let square = rounding.times(gradient, rounding.times(fresh, gradient));
        let v = rounding.plus(rounding.times(alpha, v), square);
        let a = rounding.plus(rounding.times(alpha, a), rounding.times(fresh, gradient));
        // ṽ = v − a², which no side has exactly, but which is nowhere below 0.
        let spread = rounding.minus(v, rounding.times(a, a)).at_least_0();
        let spread = if centered { spread } else { v };
        let divisor = match inside {
            false => rounding.plus(rounding.root(spread), eps),
            true => rounding.root(rounding.plus(spread, eps)),
        };
        let step = rounding.over(gradient, divisor);
        let step = if of_steps { rounding.times(lr, step) } else { step };
        let gathered = rounding.plus(rounding.times(momentum, b), step);
        [v, a, if momentum.value == 0.0 { step } else { gathered }]
    }

    #[inline(always)]
    fn change(&self, [_, _, step]: [Near; SLOTS], gradient: Near, _weight: f64) -> Near {
        if self.of_steps {
            return step.negative();
        }
        let change = self.rounding.times(self.lr, step).negative();
        // Without momentum a side may take lr·g first: what that underflows by is divided by what makes g the step.
        let first = (self.momentum.value == 0.0) & (gradient.magnitude() > 0.0);
        let underflow = 2.0 * self.rounding.smallest * (step.magnitude() / gradient.magnitude());
        Near { error: if first { change.error + underflow } else { change.error }, ..change }
    }
}
