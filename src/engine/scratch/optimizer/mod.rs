//! Optimizers, each in one pass over parameter, gradient and state, in libtorch's order of operations.
//!
//! Learning rates, bias corrections and what is left of 1 are worked out in f64 and rounded to the engine's type once,
//! as PyTorch does with Python's floats. Gradients are clipped on their way in; what the engine lends stays whole.

mod accumulate;
mod adam;
mod rmsprop;
mod sgd;

use super::{
    Real,
    kernels::{Kernels, Linear, vectorized},
};
use crate::{
    model::Parameter,
    training::{Clip, Fault, Optimizer, Training},
};
use accumulate::Gathered;

/// An optimizer with its state, for all parameters of a model.
pub(crate) struct Rule<T> {
    training: Training,
    /// For each parameter, whether weight decay is for it, too.
    decays: Vec<bool>,
    cut: Cut<T>,
    /// What becomes the update, where that is not one batch's gradient.
    gathered: Option<Gathered<T>>,
    formula: Box<dyn Formula<T>>,
    states: Vec<[Vec<T>; 3]>, // per parameter, each as many as it has elements, or none
}

/// How one optimizer changes parameters.
trait Formula<T>: Send + Sync {
    /// Which states it keeps of every element.
    fn keeps(&self) -> [bool; 3];

    /// Takes in the learning rate of a step, before its updates.
    fn begin(&mut self, lr: f64);

    /// Changes values, and as many of each state, by their gradients on their way in through `entry`.
    fn update(&self, value: &mut [T], gradient: &[T], states: [&mut [T]; 3], entry: Entry<T>);
}

/// What gradients are cut by: all are multiplied by the factor, then none is larger than the most.
#[derive(Clone, Copy)]
struct Cut<T> {
    factor: T,
    most: T,
}

/// What a gradient becomes before the formula sees it.
#[derive(Clone, Copy)]
struct Entry<T> {
    cut: Cut<T>,
    /// The share of the weight that is added to it, or taken off the weight where decay is decoupled.
    decay: f64,
}

type Parts<'a, T> = (&'a dyn Formula<T>, Entry<T>, [&'a mut [T]; 3], Option<&'a [T]>);

impl<T: Real> Rule<T> {
    pub(crate) fn new(training: &Training, parameters: &[Parameter]) -> Self {
        let all = !training.faults.contains(&Fault::NoDecayOnBiases);
        let formula: Box<dyn Formula<T>> = match training.optimizer {
            Optimizer::Sgd(options) => Box::new(sgd::Sgd::new(options, &training.faults)),
            Optimizer::Adam(options) => Box::new(adam::Adam::new(options, &training.faults)),
            Optimizer::RmsProp(options) => Box::new(rmsprop::RmsProp::new(options, &training.faults)),
        };
        let zeros = |parameter: &Parameter| {
            formula.keeps().map(|kept| vec![T::zero(); if kept { parameter.shape.elements() } else { 0 }])
        };
        Self {
            training: training.clone(),
            decays: parameters.iter().map(|parameter| all || parameter.shape.len() > 1).collect(),
            cut: Cut { factor: T::one(), most: T::infinity() },
            gathered: training.accumulate.map(|accumulate| Gathered::new(accumulate, parameters)),
            states: parameters.iter().map(zeros).collect(),
            formula,
        }
    }

    /// Before the updates of a step of an epoch: its learning rate, and what its gradients, all parameters', are cut by.
    /// Returns whether there are updates: not where the gradients are gathered for those of a later step.
    pub(crate) fn begin<'a>(&mut self, [step, epoch]: [usize; 2], gradients: impl Iterator<Item = &'a [T]>) -> bool {
        let Self { training, cut, gathered, formula, .. } = self;
        let most = match training.clip {
            Some(Clip::Norm(most)) => Some(T::of(most)),
            Some(Clip::Value(most)) => {
                cut.most = T::of(most);
                None
            }
            None => None,
        };
        if let Some(gathered) = gathered {
            if !gathered.take_in(gradients) {
                return false;
            }
            cut.factor = most.map_or(T::one(), |most| factor(most, gathered.all()));
        } else if let Some(most) = most {
            cut.factor = factor(most, gradients);
        }
        formula.begin(training.lr(step, epoch));
        true
    }

    /// Whether updates need no gradient but their own, so that each can be made as its gradient comes.
    pub(super) fn is_local(&self) -> bool {
        self.gathered.is_none() && !matches!(self.training.clip, Some(Clip::Norm(_)))
    }

    /// Changes the parameter with this number.
    pub(crate) fn update(&mut self, index: usize, value: &mut [T], gradient: &[T]) {
        let (formula, entry, states, gathered) = self.parts(index);
        let gradient = gathered.unwrap_or(gradient);
        formula.update(value, gradient, states, entry);
    }

    /// As [`update`](Self::update), on all threads.
    pub(super) fn update_shared(&mut self, kernels: &mut Kernels<T>, index: usize, value: &mut [T], gradient: &[T]) {
        let (formula, entry, states, gathered) = self.parts(index);
        let gradient = gathered.unwrap_or(gradient);
        kernels.update(value, gradient, states, &|value, gradient, states| {
            formula.update(value, gradient, states, entry);
        });
    }

    /// Changes the weight with this number by its gradient Gᵀ·x, which is not written down.
    pub(super) fn update_by_product(
        &mut self,
        kernels: &mut Kernels<T>,
        index: usize,
        value: &mut [T],
        factors: (&[T], &[T]),
        sizes: Linear,
    ) {
        let (formula, entry, states, _) = self.parts(index);
        kernels.weight_update(factors, value, states, sizes, &|value, gradient, states| {
            formula.update(value, gradient, states, entry);
        });
    }

    /// What the update of a parameter takes, and the gradient that was gathered for it.
    fn parts(&mut self, index: usize) -> Parts<'_, T> {
        let decay = if self.decays[index] { self.training.optimizer.weight_decay() } else { 0.0 };
        let states = self.states[index].each_mut().map(Vec::as_mut_slice);
        let gathered = self.gathered.as_ref().map(|gathered| gathered.of(index));
        (self.formula.as_ref(), Entry { cut: self.cut, decay }, states, gathered)
    }
}

/// min(1, most/(norm + 10⁻⁶)), as `clip_grad_norm_` computes it: a norm of norms, a reciprocal, a product. NaN stays.
fn factor<'a, T: Real>(most: T, gradients: impl Iterator<Item = &'a [T]>) -> T {
    let squares = gradients.map(|gradient| squares(gradient).sqrt()).fold(T::zero(), |sum, norm| sum + norm * norm);
    let factor = (squares.sqrt() + T::of(1e-6)).recip() * most;
    if factor > T::one() { T::one() } else { factor }
}

/// Σx², in as many sums as a vector register has lanes.
fn squares<T: Real>(values: &[T]) -> T {
    const LANES: usize = 16;
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder().iter().fold(T::zero(), |sum, &x| sum + x * x);
    let mut lanes = [T::zero(); LANES];
    vectorized(
        #[inline(always)]
        || {
            for block in blocks {
                for (lane, &x) in lanes.iter_mut().zip(block) {
                    *lane += x * x;
                }
            }
        },
    );
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

impl<T: Real> Entry<T> {
    /// The gradient as the formula takes it: cut, and with the decay of weight w that is not decoupled.
    #[inline(always)]
    fn gradient(self, gradient: T, weight: T) -> T {
        let Cut { factor, most } = self.cut;
        let cut = gradient * factor;
        // Selected, so that NaN stays.
        let cut = if cut > most { most } else { cut };
        let cut = if cut < -most { -most } else { cut };
        // Selected, too, so that loops of it vectorize.
        let decayed = cut + T::of(self.decay) * weight;
        if self.decay == 0.0 { cut } else { decayed }
    }
}
