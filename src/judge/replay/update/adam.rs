//! Adam and AdamW; the formulas stand at [`training::Adam`].

use super::{Formula, Near, Rounding, Rule};
use crate::{
    tensor::DType,
    training::{Adam, Fault},
};

/// m and v.
pub(super) const SLOTS: usize = 2;

/// Adam at one step. An element's state is m and v, the moving averages of its gradient and of that squared.
pub(super) struct Moments {
    rounding: Rounding,
    lr: Near,
    eps: Near,
    /// β and 1 − β, for m and for v.
    betas: [[Near; 2]; 2],
    /// 1/(1 − β₁ᵗ)
    first: Near,
    /// 1/√(1 − β₂ᵗ)
    second: Near,
    /// lr·λ where decay is decoupled.
    decay: f64,
    /// Whether that is taken of the weight after the step.
    after: bool,
    /// Where ε is inside the root: 1/(1 − β₂ᵗ).
    inside: Option<Near>,
}

impl Moments {
    /// At step t = `step`, from 1.
    pub(super) fn new(rounding: Rounding, options: Adam, rule: &Rule<'_>, step: u32) -> Self {
        let (lr, time, hat) = (rule.lr, rule.time(step), rule.has(&Fault::EpsHat));
        let uncorrected = rule.has(&Fault::NoBiasCorrection);
        let correction = |beta: f64| {
            let power = if uncorrected { 0.0 } else { beta.powf(time) };
            // What f64 makes of it, whatever the side's type: βᵗ by a library's function, or by t products, is off by
            // t + 2 roundings or less, and 1 − βᵗ by as much of βᵗ, and one of its own.
            let relative = (time.abs() + 2.0) * power / (1.0 - power) + 1.0;
            (1.0 - power, relative * DType::F64.unit_roundoff())
        };
        let [(one, error_of_one), (two, error_of_two)] = options.betas.map(correction);
        // As settings of the side's type, with what they are off in f64.
        let inverse = |value: f64, relative: f64| {
            let setting = rounding.setting(value);
            Near { error: setting.error + relative * value, ..setting }
        };
        let root = inverse(two.sqrt().recip(), error_of_two);
        let decay = if rule.has(&Fault::DecayWithoutRate) { options.weight_decay } else { lr * options.weight_decay };
        Self {
            rounding,
            lr: rounding.setting(lr),
            // ε beside √v, before that is corrected, is one of ε/√(1 − β₂ᵗ) beside the corrected root.
            eps: if hat { rounding.times(root, rounding.setting(options.eps)) } else { rounding.setting(options.eps) },
            betas: options.betas.map(|beta| [beta, 1.0 - beta].map(|share| rounding.setting(share))),
            first: inverse(one.recip(), error_of_one),
            second: root,
            decay: if options.decoupled && rule.decays { decay } else { 0.0 },
            after: rule.has(&Fault::DecayAfterStep),
            inside: rule.has(&Fault::EpsInsideRoot).then(|| inverse(two.recip(), error_of_two)),
        }
    }
}

impl Formula<SLOTS> for Moments {
    #[inline(always)]
    fn state(&self, [m, v]: [Near; SLOTS], gradient: Near) -> [Near; SLOTS] {
        let Self { rounding, betas: [[one, fresh_one], [two, fresh_two]], .. } = *self;
        let square = rounding.times(gradient, rounding.times(fresh_two, gradient));
        [
            rounding.plus(rounding.times(one, m), rounding.times(fresh_one, gradient)),
            rounding.plus(rounding.times(two, v), square),
        ]
    }

    /// PyTorch works lr/(1 − β₁ᵗ) out in f64; the formula as it is printed rounds both, and the quotient.
    #[inline(always)]
    fn change(&self, [m, v]: [Near; SLOTS], _gradient: Near, weight: f64) -> Near {
        let Self { rounding, lr, eps, first, second, decay, .. } = *self;
        let divisor = match self.inside {
            None => rounding.plus(rounding.times(second, rounding.root(v)), eps),
            Some(second) => rounding.root(rounding.plus(rounding.times(second, v), eps)),
        };
        let step = rounding.times_over(lr, rounding.times(first, m), divisor).negative();
        // w·(1 − lr·λ) before the step: the factor is rounded to the type, and the product.
        let kept = rounding.times(rounding.setting(1.0 - decay), Near::exact(weight));
        let error = if decay == 0.0 { 0.0 } else { kept.error };
        let decayed = if self.after { weight + step.value } else { weight };
        Near { value: step.value - decay * decayed, error: step.error + error }
    }
}
