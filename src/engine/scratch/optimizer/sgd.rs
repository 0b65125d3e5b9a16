//! Stochastic gradient descent; the formula stands at [`training::Sgd`].

use super::{Entry, Formula, vectorized};
use crate::{
    engine::scratch::Real,
    training::{self, Fault},
};

/// SGD; its state, where momentum asks for it, is a buffer of what gradients have gathered.
pub(super) struct Sgd {
    options: training::Sgd,
    /// The fault that the buffer gathers steps, lr·g, not gradients.
    of_steps: bool,
    lr: f64,
    steps: usize,
}

impl Sgd {
    pub(super) fn new(options: training::Sgd, faults: &[Fault]) -> Self {
        Self { options, of_steps: faults.contains(&Fault::VelocityOfSteps), lr: 0.0, steps: 0 }
    }
}

impl<T: Real> Formula<T> for Sgd {
    fn keeps(&self) -> [bool; 3] {
        [self.options.momentum != 0.0, false, false]
    }

    fn begin(&mut self, lr: f64) {
        self.lr = lr;
        self.steps += 1;
    }

    fn update(&self, value: &mut [T], gradient: &[T], [buffer, _, _]: [&mut [T]; 3], entry: Entry<T>) {
        let lr = T::of(self.lr);
        if self.options.momentum == 0.0 {
            return vectorized(
                #[inline(always)]
                || {
                    for (value, &gradient) in value.iter_mut().zip(gradient) {
                        *value -= lr * entry.gradient(gradient, *value);
                    }
                },
            );
        }
        let (momentum, fresh) = (T::of(self.options.momentum), T::of(1.0 - self.options.dampening));
        let (nesterov, first) = (self.options.nesterov, self.steps == 1);
        let (inside, outside) = if self.of_steps { (lr, T::one()) } else { (T::one(), lr) };
        vectorized(
            #[inline(always)]
            || {
                for ((value, &gradient), buffer) in value.iter_mut().zip(gradient).zip(buffer) {
                    let gradient = inside * entry.gradient(gradient, *value);
                    *buffer = if first { gradient } else { momentum * *buffer + fresh * gradient };
                    let step = if nesterov { gradient + momentum * *buffer } else { *buffer };
                    *value -= outside * step;
                }
            },
        );
    }
}
