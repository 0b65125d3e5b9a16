//! Optimizer rules, each in one pass over parameter, gradient and state.

use super::{Real, Trained, flat, flat_mut};
use crate::{
    model::Parameter,
    training::{Optimizer, Sgd, Training},
};

/// An optimizer with its state.
pub(super) enum Rule<T> {
    /// [`Sgd`], with one buffer per parameter where momentum asks for it.
    Sgd { options: Sgd, buffers: Vec<Vec<T>>, started: bool },
}

impl<T: Real> Rule<T> {
    pub(super) fn new(training: &Training, parameters: &[Parameter]) -> Self {
        match training.optimizer {
            Optimizer::Sgd(options) => {
                let length = |parameter: &Parameter| {
                    if training.optimizer.has_state() { parameter.shape.elements() } else { 0 }
                };
                let buffers = parameters.iter().map(|parameter| vec![T::zero(); length(parameter)]).collect();
                Self::Sgd { options, buffers, started: false }
            }
            _ => todo!("in the engine from scratch"),
        }
    }

    /// Changes every parameter by the rule, at a step of an epoch.
    pub(super) fn update(&mut self, trained: &mut [Trained<T>], step: usize, epoch: usize) {
        let _ = (step, epoch);
        match self {
            Self::Sgd { options, buffers, started } => {
                for (Trained { value, gradient }, buffer) in trained.iter_mut().zip(buffers) {
                    sgd(options, flat_mut(value), flat(gradient), buffer, *started);
                }
                *started = true;
            }
        }
    }
}

/// w ← w − lr·(b, or g + μ·b with Nesterov); see [`Sgd`] for the buffer b.
fn sgd<T: Real>(options: &Sgd, value: &mut [T], gradient: &[T], buffer: &mut [T], started: bool) {
    let lr = T::of(options.lr);
    if buffer.is_empty() {
        for (value, &gradient) in value.iter_mut().zip(gradient) {
            *value -= lr * gradient;
        }
        return;
    }
    let momentum = T::of(options.momentum);
    let fresh = T::of(1.0 - options.dampening);
    for ((value, &gradient), buffer) in value.iter_mut().zip(gradient).zip(buffer) {
        *buffer = if started { momentum * *buffer + fresh * gradient } else { gradient };
        let step = if options.nesterov { gradient + momentum * *buffer } else { *buffer };
        *value -= lr * step;
    }
}
