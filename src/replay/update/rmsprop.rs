//! RMSprop; the formula stands at [`training::RmsProp`].

use super::{Formula, Near, Rounding};
use crate::training::RmsProp;

/// v, a and b; what the options leave out stays 0.
pub(super) const SLOTS: usize = 3;

/// RMSprop at one step. An element's state is v and a, the moving averages of its gradient squared and of itself, and
/// the momentum b.
pub(super) struct Scaled {
    rounding: Rounding,
    lr: Near,
    eps: Near,
    alpha: Near,
    fresh: Near,
    momentum: Option<Near>,
    centered: bool,
}

impl Scaled {
    pub(super) fn new(rounding: Rounding, options: RmsProp, lr: f64) -> Self {
        Self {
            rounding,
            lr: rounding.setting(lr),
            eps: rounding.setting(options.eps),
            alpha: rounding.setting(options.alpha),
            fresh: rounding.setting(1.0 - options.alpha),
            momentum: (options.momentum != 0.0).then(|| rounding.setting(options.momentum)),
            centered: options.centered,
        }
    }

    /// g/(√ṽ + ε), with ṽ = v − a², which no side has exactly, but which is nowhere below 0.
    #[inline(always)]
    fn scaled(&self, v: Near, a: Near, gradient: Near) -> Near {
        let Self { rounding, eps, centered, .. } = *self;
        let spread = if centered { rounding.plus(v, rounding.times(a, a).negative()).at_least_0() } else { v };
        rounding.over(gradient, rounding.plus(rounding.root(spread), eps))
    }
}

impl Formula<SLOTS> for Scaled {
    #[inline(always)]
    fn state(&self, [v, a, b]: [Near; SLOTS], gradient: Near) -> [Near; SLOTS] {
        let Self { rounding, alpha, fresh, momentum, centered, .. } = *self;
        let square = rounding.times(gradient, rounding.times(fresh, gradient));
        let v = rounding.plus(rounding.times(alpha, v), square);
        let a = if centered { rounding.plus(rounding.times(alpha, a), rounding.times(fresh, gradient)) } else { a };
        let b = match momentum {
            Some(momentum) => rounding.plus(rounding.times(momentum, b), self.scaled(v, a, gradient)),
            None => b,
        };
        [v, a, b]
    }

    #[inline(always)]
    fn change(&self, [v, a, b]: [Near; SLOTS], gradient: Near, _weight: f64) -> Near {
        let step = if self.momentum.is_some() { b } else { self.scaled(v, a, gradient) };
        self.rounding.times(self.lr, step).negative()
    }
}
