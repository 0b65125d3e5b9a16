//! Adam and AdamW; the formulas stand at [`training::Adam`].

use super::{Entry, Formula, vectorized};
use crate::{
    engine::scratch::Real,
    training::{self, Fault},
};

/// Adam; its states are the moving averages m of gradients and v of their squares.
pub(super) struct Adam {
    options: training::Adam,
    faults: Vec<Fault>,
    lr: f64,
    steps: i32,
}

/// A step's w ← w·kept − step·m/d, with d = √v/root + ε, or by [`Fault::EpsInsideRoot`] √(v/root² + ε).
struct Terms {
    kept: f64,
    step: f64,
    root: f64,
}

impl Adam {
    pub(super) fn new(options: training::Adam, faults: &[Fault]) -> Self {
        Self { options, faults: faults.to_vec(), lr: 0.0, steps: 0 }
    }

    fn terms(&self, decay: f64) -> Terms {
        // t, and by a fault a few more.
        let ahead =
            self.faults.iter().find_map(|fault| if let Fault::StepCounter(by) = fault { Some(*by) } else { None });
        let t = f64::from(self.steps) + f64::from(ahead.unwrap_or(0));
        let mut corrections = self.options.betas.map(|beta| 1.0 - beta.powf(t));
        if self.faults.contains(&Fault::NoBiasCorrection) {
            corrections = [1.0; 2];
        }
        let (mut step, mut root) = (self.lr / corrections[0], corrections[1].sqrt());
        if self.faults.contains(&Fault::EpsHat) {
            (step, root) = (step * root, 1.0);
        }
        let kept = if self.options.decoupled { 1.0 - self.lr * decay } else { 1.0 };
        Terms { kept, step, root }
    }
}

impl<T: Real> Formula<T> for Adam {
    fn keeps(&self) -> [bool; 3] {
        [true, true, false]
    }

    fn begin(&mut self, lr: f64) {
        self.lr = lr;
        self.steps = self.steps.saturating_add(1);
    }

    fn update(&self, value: &mut [T], gradient: &[T], [m, v, _]: [&mut [T]; 3], entry: Entry<T>) {
        let inside = self.faults.contains(&Fault::EpsInsideRoot);
        let pass = if inside { Self::pass::<T, true> } else { Self::pass::<T, false> };
        pass(self, value, gradient, [m, v], entry);
    }
}

impl Adam {
    /// One pass; `INSIDE` is the fault of an ε inside the root.
    fn pass<T: Real, const INSIDE: bool>(
        &self,
        value: &mut [T],
        gradient: &[T],
        [m, v]: [&mut [T]; 2],
        entry: Entry<T>,
    ) {
        let Terms { kept, step, root } = self.terms(entry.decay);
        let (kept, step, correction, root) = (T::of(kept), T::of(step), T::of(root * root), T::of(root));
        let entry = Entry { decay: if self.options.decoupled { 0.0 } else { entry.decay }, ..entry };
        let [one, two] = self.options.betas;
        let [(one, fresh_one), (two, fresh_two)] = [one, two].map(|beta| (T::of(beta), T::of(1.0 - beta)));
        let eps = T::of(self.options.eps);
        vectorized(
            #[inline(always)]
            || {
                for (((value, &gradient), m), v) in value.iter_mut().zip(gradient).zip(m).zip(v) {
                    let gradient = entry.gradient(gradient, *value);
                    *m = one * *m + fresh_one * gradient;
                    *v = two * *v + fresh_two * gradient * gradient;
                    let divisor = if INSIDE { (*v / correction + eps).sqrt() } else { v.sqrt() / root + eps };
                    *value = *value * kept - step * *m / divisor;
                }
            },
        );
    }
}
