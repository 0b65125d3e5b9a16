//! Adam and AdamW; the formulas stand at [`training::Adam`].

use super::{Entry, Formula, vectorized, zeros};
use crate::{
    engine::scratch::Real,
    model::Parameter,
    training::{self, Fault},
};

/// Adam, with the moving averages m of gradients and v of their squares.
pub(super) struct Adam<T> {
    options: training::Adam,
    faults: Vec<Fault>,
    lr: f64,
    m: Vec<Vec<T>>, // per parameter, as many as it has elements
    v: Vec<Vec<T>>, // likewise
    steps: i32,
}

/// A step's w ← w·kept − step·m/d, with d = √v/root + ε, or by [`Fault::EpsInsideRoot`] √(v/root² + ε).
struct Terms {
    kept: f64,
    step: f64,
    root: f64,
}

impl<T: Real> Adam<T> {
    pub(super) fn new(options: training::Adam, faults: &[Fault], parameters: &[Parameter]) -> Self {
        let (m, v) = (zeros(parameters, true), zeros(parameters, true));
        Self { options, faults: faults.to_vec(), lr: 0.0, m, v, steps: 0 }
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

impl<T: Real> Formula<T> for Adam<T> {
    fn begin(&mut self, lr: f64) {
        self.lr = lr;
        self.steps = self.steps.saturating_add(1);
    }

    fn update(&mut self, index: usize, value: &mut [T], gradient: &[T], entry: Entry<T>) {
        let Terms { kept, step, root } = self.terms(entry.decay);
        let (kept, step, correction, root) = (T::of(kept), T::of(step), T::of(root * root), T::of(root));
        let entry = Entry { decay: if self.options.decoupled { 0.0 } else { entry.decay }, ..entry };
        let [one, two] = self.options.betas;
        let [(one, fresh_one), (two, fresh_two)] = [one, two].map(|beta| (T::of(beta), T::of(1.0 - beta)));
        let (eps, inside) = (T::of(self.options.eps), self.faults.contains(&Fault::EpsInsideRoot));
        let (m, v) = (&mut self.m[index], &mut self.v[index]);
        vectorized(
            #[inline(always)]
            || {
                for (((value, &gradient), m), v) in value.iter_mut().zip(gradient).zip(m).zip(v) {
                    let gradient = entry.gradient(gradient, *value);
                    *m = one * *m + fresh_one * gradient;
                    *v = two * *v + fresh_two * gradient * gradient;
                    let divisor = if inside { (*v / correction + eps).sqrt() } else { v.sqrt() / root + eps };
                    *value = *value * kept - step * *m / divisor;
                }
            },
        );
    }
}
