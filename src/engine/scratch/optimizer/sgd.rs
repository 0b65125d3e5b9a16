//! Stochastic gradient descent; the formula stands at [`training::Sgd`].

use super::{Entry, Formula, vectorized, zeros};
use crate::{
    engine::scratch::Real,
    model::Parameter,
    training::{self, Fault},
};

/// SGD, with one buffer per parameter where momentum asks for it.
pub(super) struct Sgd<T> {
    options: training::Sgd,
    /// The fault that the buffers gather steps, lr·g, not gradients.
    of_steps: bool,
    lr: f64,
    buffers: Vec<Vec<T>>, // per parameter, as many as it has elements
    steps: usize,
}

impl<T: Real> Sgd<T> {
    pub(super) fn new(options: training::Sgd, faults: &[Fault], parameters: &[Parameter]) -> Self {
        let buffers = zeros(parameters, options.momentum != 0.0);
        Self { options, of_steps: faults.contains(&Fault::VelocityOfSteps), lr: 0.0, buffers, steps: 0 }
    }
}

impl<T: Real> Formula<T> for Sgd<T> {
    fn begin(&mut self, lr: f64) {
        self.lr = lr;
        self.steps += 1;
    }

    fn update(&mut self, index: usize, value: &mut [T], gradient: &[T], entry: Entry<T>) {
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
        let buffer = &mut self.buffers[index];
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
