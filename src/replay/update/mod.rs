//! The change of one parameter from the side's own gradient, with an f64 shadow of the optimizer's state.
//!
//! Formulas are written in [`Near`]s, which carry the bound along. A moving average x ← βx + (1 − β)y is off by what it
//! was, times β, and three roundings, so in the long run by up to 3/(1 − β): that much is not out of reach, as roundings
//! of a slowly changing sum go one way (it stops short of y by up to half a rounding over 1 − β), and β's own always does.

mod adam;
mod rmsprop;
mod sgd;

use super::near::Near;
use super::{Exact, Replay, Rounding};
use crate::{
    model::Parameter,
    tensor::DType,
    training::{Adam, Clip, Optimizer, Training},
};
use std::array;

/// What the replay knows of an optimizer beyond its definition.
pub(super) struct Shadow {
    /// The learning rate of the step at hand.
    lr: f64,
    cut: Cut,
    states: Vec<State>, // per parameter
}

/// The state of one parameter.
#[derive(Default)]
struct State {
    /// Gradients that it has seen.
    steps: u32,
    slots: Vec<Exact>, // each with as many values as the parameter has elements
}

/// What the gradients of a step are cut by.
#[derive(Clone, Copy)]
enum Cut {
    Nothing,
    /// All are multiplied by this.
    Factor(Near),
    /// None is larger than this.
    Most(f64),
}

/// One optimizer, with `N` numbers of state for each element.
trait Formula<const N: usize> {
    /// The state after `gradient`.
    fn state(&self, state: [Near; N], gradient: Near) -> [Near; N];

    /// The change of an element of this `weight`, once the state has seen `gradient`.
    fn change(&self, state: [Near; N], gradient: Near, weight: f64) -> Near;
}

/// What a gradient becomes before a formula sees it.
#[derive(Clone, Copy)]
struct Entry {
    rounding: Rounding,
    cut: Cut,
    decay: f64,
}

impl Shadow {
    pub(super) fn new(training: &Training, parameters: &[Parameter]) -> Self {
        let slots = match training.optimizer {
            Optimizer::Sgd(_) => usize::from(training.optimizer.has_state()),
            Optimizer::Adam(_) => adam::SLOTS,
            Optimizer::RmsProp(_) => rmsprop::SLOTS,
        };
        let state = |parameter: &Parameter| State {
            steps: 0,
            slots: (0..slots).map(|_| Exact::zeros(parameter.shape.elements())).collect(),
        };
        let states = parameters.iter().map(state).collect();
        Self { lr: training.optimizer.lr(), cut: Cut::Nothing, states }
    }
}

impl Replay {
    /// Before the updates of a step, or their [`advance`](Self::advance): the learning rate of the step and, where
    /// gradients are clipped, what they are cut by, from the side's gradients in all its parameters.
    pub fn begin<'a>(&mut self, step: usize, epoch: usize, gradients: impl Iterator<Item = &'a [f64]>) {
        self.shadow.lr = self.training.lr(step, epoch);
        self.shadow.cut = match self.training.clip {
            None => Cut::Nothing,
            Some(Clip::Value(most)) => Cut::Most(most),
            Some(Clip::Norm(most)) => Cut::Factor(factor(self.rounding, most, gradients)),
        };
    }

    /// The change of parameter `index` of the definition, from its values `before` and its gradient.
    ///
    /// The bound contains the floor that a stored weight sets: w + Δw is rounded to the side's type, so a change far
    /// below the weight is known only to u·|w|.
    pub fn update(&mut self, index: usize, before: &[f64], gradient: &[f64]) -> &Exact {
        self.advance(index, before, gradient);
        let (rounding, lr, entry) = (self.rounding, self.shadow.lr, self.entry());
        let (state, result) = (&self.shadow.states[index], &mut self.result);
        match self.training.optimizer {
            Optimizer::Sgd(options) if options.momentum == 0.0 => {
                changes(&sgd::Descent::new(rounding, lr), entry, state, before, gradient, result);
            }
            Optimizer::Sgd(options) => {
                changes(
                    &sgd::Momentum::new(rounding, options, lr, state.steps),
                    entry,
                    state,
                    before,
                    gradient,
                    result,
                );
            }
            Optimizer::Adam(options) => {
                changes(
                    &adam::Moments::new(rounding, options, lr, state.steps),
                    entry,
                    state,
                    before,
                    gradient,
                    result,
                );
            }
            Optimizer::RmsProp(options) => {
                changes(&rmsprop::Scaled::new(rounding, options, lr), entry, state, before, gradient, result);
            }
        }
        &self.result
    }

    /// Lets the shadow of the optimizer's state see a gradient, on a step whose update is not compared. `before` counts
    /// where weight decay enters the state ([`Optimizer::remembers_weights`]).
    pub fn advance(&mut self, index: usize, before: &[f64], gradient: &[f64]) {
        let (rounding, lr, entry) = (self.rounding, self.shadow.lr, self.entry());
        let state = &mut self.shadow.states[index];
        state.steps = state.steps.saturating_add(1);
        match self.training.optimizer {
            Optimizer::Sgd(options) if options.momentum == 0.0 => {}
            Optimizer::Sgd(options) => {
                let formula = sgd::Momentum::new(rounding, options, lr, state.steps);
                advance(&formula, entry, state, before, gradient);
            }
            Optimizer::Adam(options) => {
                let formula = adam::Moments::new(rounding, options, lr, state.steps);
                advance(&formula, entry, state, before, gradient);
            }
            Optimizer::RmsProp(options) => {
                advance(&rmsprop::Scaled::new(rounding, options, lr), entry, state, before, gradient);
            }
        }
    }

    /// What gradients become; decoupled decay is the formula's own.
    fn entry(&self) -> Entry {
        let optimizer = &self.training.optimizer;
        let decoupled = matches!(optimizer, Optimizer::Adam(Adam { decoupled: true, .. }));
        let decay = if decoupled { 0.0 } else { optimizer.weight_decay() };
        Entry { rounding: self.rounding, cut: self.shadow.cut, decay }
    }
}

impl Entry {
    /// The gradient as a formula takes it.
    #[inline(always)]
    fn gradient(self, gradient: f64, weight: f64) -> Near {
        let Self { rounding, cut, decay } = self;
        let cut = match cut {
            Cut::Nothing => Near::exact(gradient),
            Cut::Factor(factor) => rounding.times(factor, Near::exact(gradient)),
            // The limit is rounded to the side's type; what is below it in any rounding stays as it is.
            Cut::Most(most) if gradient.abs() >= most * (1.0 - rounding.unit) => {
                Near { value: gradient.clamp(-most, most), ..rounding.setting(most) }
            }
            Cut::Most(_) => Near::exact(gradient),
        };
        if decay == 0.0 {
            return cut;
        }
        rounding.plus(cut, rounding.times(rounding.setting(decay), Near::exact(weight)))
    }
}

/// min(1, most/(norm + 10⁻⁶)).
fn factor<'a>(rounding: Rounding, most: f64, gradients: impl Iterator<Item = &'a [f64]>) -> Near {
    let (mut squares, mut elements, mut tensors) = (0.0, 0, 0);
    for gradient in gradients {
        squares += gradient.iter().map(|x| x * x).sum::<f64>();
        elements += gradient.len();
        tensors += 1;
    }
    // A norm of norms: a square before each of two sums, whose errors the roots halve, and two roots. The sums' terms
    // are all positive, so that errors are relative; what underflows is below the smallest number's root.
    let relative = (rounding.sum(elements) + rounding.sum(tensors)) / 2.0 + 3.0 * rounding.unit;
    let underflow = (elements as f64 * rounding.smallest).sqrt();
    let overflows = squares * rounding.overflow >= 1.0;
    let norm = squares.sqrt();
    let error = if overflows { f64::INFINITY } else { relative * norm + underflow };
    let divisor = rounding.plus(Near { value: norm, error }, rounding.setting(1e-6));
    // Written as a reciprocal and a product by PyTorch, as a quotient by others.
    let factor = rounding.times(rounding.setting(most), rounding.over(Near::exact(1.0), divisor));
    if factor.value - factor.error >= 1.0 {
        return Near::exact(1.0);
    }
    // A norm that overflows makes the factor 0.
    Near { value: factor.value.min(1.0), error: if overflows { factor.value.min(1.0) } else { factor.error } }
}

/// Lets a state see a gradient.
fn advance<const N: usize>(
    formula: &impl Formula<N>,
    entry: Entry,
    state: &mut State,
    before: &[f64],
    gradient: &[f64],
) {
    let count = gradient.len();
    // Where there is no decay the weights are not looked at, and may be missing.
    let weights = if entry.decay == 0.0 { gradient } else { &before[..count] };
    let Some(slots) = state.slots.first_chunk_mut::<N>() else { return };
    let mut slots = slots.each_mut().map(|slot| (&mut slot.value[..count], &mut slot.bound[..count]));
    for place in 0..count {
        let old = array::from_fn(|slot| Near { value: slots[slot].0[place], error: slots[slot].1[place] });
        let new = formula.state(old, entry.gradient(gradient[place], weights[place]));
        for ((value, error), new) in slots.iter_mut().zip(new) {
            (value[place], error[place]) = (new.value, new.error);
        }
    }
}

/// Every element's change, once its state has seen the gradient.
fn changes<const N: usize>(
    formula: &impl Formula<N>,
    entry: Entry,
    state: &State,
    before: &[f64],
    gradient: &[f64],
    result: &mut Exact,
) {
    let count = gradient.len();
    let before = &before[..count];
    result.value.resize(count, 0.0);
    result.bound.resize(count, 0.0);
    let (values, bounds) = (&mut result.value[..count], &mut result.bound[..count]);
    let Some(slots) = state.slots.first_chunk::<N>() else { return };
    let slots = slots.each_ref().map(|slot| (&slot.value[..count], &slot.bound[..count]));
    let unit = entry.rounding.unit;
    for place in 0..count {
        let state = array::from_fn(|slot| Near { value: slots[slot].0[place], error: slots[slot].1[place] });
        let weight = before[place];
        let Near { value, error } = formula.change(state, entry.gradient(gradient[place], weight), weight);
        // The stored sum is rounded to the side's type; the change, as the difference of two weights, in f64.
        let stored = unit * ((weight + value).abs() + error) + DType::F64.unit_roundoff() * value.abs();
        values[place] = value;
        bounds[place] = if value == 0.0 && error == 0.0 { 0.0 } else { error + stored };
    }
}
