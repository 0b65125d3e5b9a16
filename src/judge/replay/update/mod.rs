//! The change of one parameter from the side's own gradient, with an f64 shadow of the optimizer's state.
//!
//! Formulas are written in [`Near`]s, which carry the bound along. A moving average x ← βx + (1 − β)y is off by what it
//! was, times β, and three roundings, so in the long run by up to 3/(1 − β): that much is not out of reach, as roundings
//! of a slowly changing sum go one way (it stops short of y by up to half a rounding over 1 − β), and β's own always does.

mod accumulate;
mod adam;
mod rmsprop;
mod sgd;

use super::near::Near;
use super::{Exact, Replay, Rounding};
use crate::{
    model::Parameter,
    run::Resumed,
    tensor::{DType, Values, norm, squares},
    training::{Adam, Clip, Fault, Optimizer, Training},
};
use accumulate::Gathered;
use pulp::Arch;
use std::{array, ops::Range};

/// What the replay knows of an optimizer beyond its definition.
#[derive(Clone)]
pub(super) struct Shadow {
    /// The learning rate of the step at hand.
    lr: f64,
    cut: Cut,
    states: Vec<State>,      // per parameter
    gathered: Vec<Gathered>, // per parameter, where several batches make an update
    whole: Whole,
}

/// What a side has gathered in all its parameters, for a clip by their common norm.
#[derive(Clone, Default)]
struct Whole {
    /// The latest step that it has seen.
    step: Option<usize>,
    all: Vec<Gathered>, // per parameter of the side
}

/// The state of one parameter.
#[derive(Clone, Default)]
struct State {
    /// Gradients that it has seen.
    steps: u32,
    slots: Vec<Exact>, // each with as many values as the parameter has elements
}

/// What the gradients of a step are cut by: all are multiplied by the factor, then none is larger than the most.
#[derive(Clone, Copy)]
struct Cut {
    factor: Near,
    most: f64,
}

impl Cut {
    const NONE: Self = Self { factor: Near { value: 1.0, error: 0.0 }, most: f64::INFINITY };
}

/// One optimizer, with `N` numbers of state for each element.
trait Formula<const N: usize> {
    /// The state after `gradient`.
    fn state(&self, state: [Near; N], gradient: Near) -> [Near; N];

    /// The change of an element of this `weight`, once the state has seen `gradient`.
    fn change(&self, state: [Near; N], gradient: Near, weight: f64) -> Near;
}

/// The gradient of an update: the batch's own, or what several batches have gathered, with its bound.
trait Gradient: Copy {
    fn len(self) -> usize;

    fn block(self, places: Range<usize>) -> Blocks<1>;
}

impl Gradient for &Exact {
    fn len(self) -> usize {
        self.value.len()
    }

    #[inline(always)]
    fn block(self, places: Range<usize>) -> Blocks<1> {
        Blocks { values: [block(&self.value[places.clone()])], errors: [block(&self.bound[places])] }
    }
}

/// A gradient as a record has it: the side's own, or worked out, with how far the side's may be off that.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The values.
    pub values: Values<'a>,
    /// As many; none where the gradient is the side's own.
    pub off: &'a [f64],
}

impl<'a> From<Values<'a>> for Given<'a> {
    fn from(values: Values<'a>) -> Self {
        Self { values, off: &[] }
    }
}

impl<'a> From<&'a [f64]> for Given<'a> {
    fn from(values: &'a [f64]) -> Self {
        Values::from(values).into()
    }
}

impl Gradient for Given<'_> {
    fn len(self) -> usize {
        self.values.len()
    }

    #[inline(always)]
    fn block(self, places: Range<usize>) -> Blocks<1> {
        let errors = if self.off.is_empty() { [0.0; BLOCK] } else { block(&self.off[places.clone()]) };
        Blocks { values: [wide(self.values, places)], errors: [errors] }
    }
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
        Self {
            lr: training.optimizer.lr(),
            cut: Cut::NONE,
            states: parameters.iter().map(state).collect(),
            gathered: parameters.iter().map(|_| Gathered::default()).collect(),
            whole: Whole::default(),
        }
    }
}

impl Replay {
    /// Before the updates of a step, or their [`advance`](Self::advance): the learning rate of the step and, where
    /// gradients are clipped, what they are cut by, from the side's gradients in all its parameters. A step may be begun
    /// again.
    pub fn begin<'a, G: Into<Given<'a>>>(
        &mut self,
        step: usize,
        epoch: usize,
        gradients: impl Iterator<Item = G> + Clone,
    ) {
        self.shadow.lr = self.training.lr(step, epoch);
        self.remember(step, gradients.clone().map(Into::into));
        self.shadow.cut = match self.training.clip {
            None => Cut::NONE,
            Some(Clip::Value(most)) => Cut { most, ..Cut::NONE },
            Some(Clip::Norm(most)) => {
                Cut { factor: self.cut_by_norm(step, most, gradients.map(Into::into)), ..Cut::NONE }
            }
        };
    }

    /// What gradients are multiplied by, so that their common norm is `most` or less; 1 where no update has its turn.
    fn cut_by_norm<'a>(&mut self, step: usize, most: f64, own: impl Iterator<Item = Given<'a>> + Clone) -> Near {
        let rounding = self.rounding;
        let Some(accumulate) = self.training.accumulate else {
            let off = own.clone().map(|given| norm(given.off)).fold(0.0, f64::hypot);
            return factor(rounding, (most, &self.training.faults), own.map(|given| given.values), off);
        };
        let Whole { step: latest, all } = &mut self.shadow.whole;
        if *latest != Some(step) {
            *latest = Some(step);
            all.resize_with(own.clone().count(), Gathered::default);
            all.iter_mut().zip(own).for_each(|(gathered, gradient)| gathered.take_in(rounding, accumulate, gradient));
        }
        let due = all.iter().filter_map(|gathered| gathered.due(accumulate));
        let off = due.clone().map(|exact| norm(&exact.bound)).fold(0.0, f64::hypot);
        factor(rounding, (most, &self.training.faults), due.map(|exact| exact.value.as_slice().into()), off)
    }

    /// The change of parameter `index` of the definition, from its values `before` and its gradient.
    ///
    /// The bound contains the floor that a stored weight sets: w + Δw is rounded to the side's type, so a change far
    /// below the weight is known only to u·|w|.
    pub fn update(&mut self, index: usize, before: &[f64], gradient: &[f64]) -> &Exact {
        self.advance(index, before.into(), gradient);
        self.change(index, before, gradient)
    }

    /// As [`update`](Self::update), where the state has seen the gradient already. Exactly 0 where gradients are gathered for
    /// a later update.
    pub fn change<'a>(&mut self, index: usize, before: &[f64], gradient: impl Into<Given<'a>>) -> &Exact {
        let gradient = gradient.into();
        let entry = self.entry(index, gradient);
        let rule = Rule::new(&self.training, &self.parameters, index, self.shadow.lr);
        let (state, result) = (&self.shadow.states[index], &mut self.result);
        let name = &self.parameters[index].name;
        if self.training.faults.iter().any(|fault| matches!(fault, Fault::Frozen(frozen) if frozen == name)) {
            self.result.fill((0..gradient.len()).map(|_| 0.0), |_| 0.0);
            return &self.result;
        }
        match self.training.accumulate.map(|accumulate| self.shadow.gathered[index].due(accumulate)) {
            None => change(&rule, entry, state, before, gradient, result),
            Some(Some(gathered)) => change(&rule, entry, state, before, gathered, result),
            Some(None) => result.fill((0..gradient.len()).map(|_| 0.0), |_| 0.0),
        }
        &self.result
    }

    /// Lets the optimizer go on from a state that was recorded, which is the side's own to the bit.
    pub fn resume(&mut self, resumed: &Resumed) {
        let moments = self.training.optimizer.moments();
        for (index, state) in self.shadow.states.iter_mut().enumerate() {
            state.steps = u32::try_from(resumed.updates).unwrap_or(u32::MAX);
            for (slot, moment) in state.slots.iter_mut().zip(moments) {
                let recorded = moment.and_then(|moment| resumed.moments.get(index)?.get(moment));
                *slot = Exact::zeros(slot.value.len());
                if let Some(values) = recorded {
                    slot.value.clone_from(values);
                }
            }
        }
    }

    /// Whether what is replayed of a step depends on the gradients of those before it.
    pub fn remembers(&self) -> bool {
        self.training.optimizer.has_state() || self.training.accumulate.is_some()
    }

    /// Lets the shadow of the optimizer's state see a gradient. `before` counts
    /// where weight decay enters the state ([`Optimizer::remembers_weights`]).
    pub fn advance<'a>(&mut self, index: usize, before: Values<'_>, gradient: impl Into<Given<'a>>) {
        let gradient = gradient.into();
        let entry = self.entry(index, gradient);
        let rule = Rule::new(&self.training, &self.parameters, index, self.shadow.lr);
        let Shadow { states, gathered, .. } = &mut self.shadow;
        let (state, gathered) = (&mut states[index], &mut gathered[index]);
        let Some(accumulate) = self.training.accumulate else {
            return see(&rule, entry, state, before, gradient);
        };
        gathered.take_in(entry.rounding, accumulate, gradient);
        if let Some(sum) = gathered.due(accumulate) {
            see(&rule, entry, state, before, sum);
        }
    }

    /// What gradients become; decoupled decay is the formula's own.
    fn entry(&self, index: usize, own: Given<'_>) -> Entry {
        let optimizer = &self.training.optimizer;
        let decoupled = matches!(optimizer, Optimizer::Adam(Adam { decoupled: true, .. }));
        let decay = if decoupled || is_undecayed(&self.training, &self.parameters[index]) {
            0.0
        } else {
            optimizer.weight_decay()
        };
        let mut cut = self.shadow.cut;
        if let (Some(Clip::Norm(most)), true) =
            (self.training.clip, self.training.faults.contains(&Fault::ClipPerTensor))
        {
            cut.factor =
                factor(self.rounding, (most, &self.training.faults), std::iter::once(own.values), norm(own.off));
        }
        Entry { rounding: self.rounding, cut, decay }
    }
}

/// Whether decay leaves a parameter alone, by mistake.
fn is_undecayed(training: &Training, parameter: &Parameter) -> bool {
    parameter.shape.len() < 2 && training.faults.contains(&Fault::NoDecayOnBiases)
}

/// An optimizer at a step, with the mistakes that are made in it.
struct Rule<'a> {
    optimizer: &'a Optimizer,
    lr: f64,
    faults: &'a [Fault],
    /// Whether decoupled decay is for this parameter.
    decays: bool,
    /// Whether the state is that of the first step at every step.
    forgets: bool,
    /// How many parameters there are, and which one this is, where t counts them.
    counts: Option<(u32, u32)>,
}

impl<'a> Rule<'a> {
    fn new(training: &'a Training, parameters: &[Parameter], index: usize, lr: f64) -> Self {
        let faults = &training.faults;
        let counts = faults.contains(&Fault::StepPerParameter);
        Self {
            optimizer: &training.optimizer,
            lr,
            faults,
            decays: !is_undecayed(training, &parameters[index]),
            forgets: faults.contains(&Fault::MomentsReset),
            counts: counts.then_some((parameters.len() as u32, index as u32)),
        }
    }

    fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }

    /// What Adam takes for t at a step, from 1.
    fn time(&self, step: u32) -> f64 {
        let ahead =
            self.faults.iter().find_map(|fault| if let Fault::StepCounter(by) = fault { Some(*by) } else { None });
        let step = match self.counts {
            _ if self.has(&Fault::ConstantCorrection) => 1.0,
            Some((of, number)) => f64::from(step - 1) * f64::from(of) + f64::from(number + 1),
            None => f64::from(step),
        };
        step + f64::from(ahead.unwrap_or(0))
    }
}

impl Entry {
    /// A block of gradients as a formula takes them. Most are taken as they are.
    #[inline(always)]
    fn gradients(self, mut entering: Blocks<1>, weights: &Block) -> Blocks<1> {
        if self.cut.most < f64::INFINITY || self.cut.factor != Cut::NONE.factor || self.decay != 0.0 {
            for (place, &weight) in weights.iter().enumerate() {
                let [gradient] = entering.at(place);
                let Near { value, error } = self.gradient(gradient, weight);
                (entering.values[0][place], entering.errors[0][place]) = (value, error);
            }
        }
        entering
    }

    /// The gradient as a formula takes it. What does not apply is not selected.
    #[inline(always)]
    fn gradient(self, gradient: Near, weight: f64) -> Near {
        let Self { rounding, cut: Cut { factor, most }, decay } = self;
        let cut = rounding.times(factor, gradient);
        // The limit is rounded to the side's type; what is below it in any rounding stays as it is, and a gradient that may
        // be below it is off by no more than it was.
        let limit = rounding.setting(most);
        let over = gradient.magnitude() >= most * (1.0 - rounding.unit);
        let surely = gradient.value.abs() - gradient.error >= most;
        let cut = Near {
            value: if over { gradient.value.abs().min(most).copysign(gradient.value) } else { cut.value },
            error: match (over, surely) {
                (false, _) => cut.error,
                (true, true) => limit.error,
                (true, false) => limit.error + gradient.error,
            },
        };
        let decayed = rounding.plus(cut, rounding.times(rounding.setting(decay), Near::exact(weight)));
        if decay == 0.0 { cut } else { decayed }
    }
}

/// min(1, most/(norm + 10⁻⁶)), of gradients that are `off` by that norm at most.
fn factor<'a>(
    rounding: Rounding,
    (most, faults): (f64, &[Fault]),
    gradients: impl Iterator<Item = Values<'a>> + Clone,
    off: f64,
) -> Near {
    let (mut sum, mut elements, mut tensors) = (0.0, 0, 0);
    for gradient in gradients.clone() {
        sum += squares(gradient, gradient).a;
        elements += gradient.len();
        tensors += 1;
    }
    // A norm of norms: a square before each of two sums, whose errors the roots halve, and two roots. The sums' terms
    // are all positive, so that errors are relative; what underflows is below the smallest number's root.
    let in_all = match sum > 0.0 && rounding.close {
        true => rounding.summed(elements, sum, gradients.flat_map(Values::iter).map(|x| x * x)) / sum,
        false => rounding.sum(elements),
    };
    let relative = (in_all + rounding.sum(tensors)) / 2.0 + 3.0 * rounding.unit;
    let underflow = (elements as f64 * rounding.smallest).sqrt();
    let overflows = sum * rounding.overflow >= 1.0;
    let norm = sum.sqrt();
    // Far above the norm nothing is cut, whatever the type makes of the setting.
    let plain = faults.is_empty();
    if plain && !overflows && most >= 2.0 * ((1.0 + relative) * norm + underflow + off + 1e-6) {
        return Near::exact(1.0);
    }
    let error = if overflows { f64::INFINITY } else { relative * norm + underflow + off };
    let norm = Near { value: norm, error };
    let norm = if faults.contains(&Fault::ClipBySquare) { rounding.times(norm, norm) } else { norm };
    let apart = if faults.contains(&Fault::ClipWithoutEps) { 0.0 } else { 1e-6 };
    let divisor = rounding.plus(norm, rounding.setting(apart));
    // Written as a reciprocal and a product by PyTorch, as a quotient by others.
    let factor = rounding.times(rounding.setting(most), rounding.over(Near::exact(1.0), divisor));
    if factor.value - factor.error >= 1.0 {
        return Near::exact(1.0);
    }
    // A norm that overflows makes the factor 0.
    Near { value: factor.value.min(1.0), error: if overflows { factor.value.min(1.0) } else { factor.error } }
}

/// Elements that are worked on at a time: copied out of tensors, which might be the same for all that a compiler knows,
/// so that it can vectorize what is done with them.
const BLOCK: usize = 64;

/// A block of one tensor; of a smaller one, zeros behind it.
type Block = [f64; BLOCK];

fn block(values: &[f64]) -> Block {
    let mut block = [0.0; BLOCK];
    block[..values.len()].copy_from_slice(values);
    block
}

/// A block of a tensor in any type, widened.
#[inline(always)]
fn wide(values: Values<'_>, places: Range<usize>) -> Block {
    match values.part(places) {
        Values::F32(values) => {
            let mut narrow = [0.0f32; BLOCK];
            narrow[..values.len()].copy_from_slice(values);
            narrow.map(f64::from)
        }
        Values::F64(values) => block(values),
    }
}

/// A block of a state: values and errors, slot by slot.
struct Blocks<const N: usize> {
    values: [Block; N],
    errors: [Block; N],
}

impl<const N: usize> Blocks<N> {
    fn of(slots: &[Exact; N], places: Range<usize>) -> Self {
        Self {
            values: array::from_fn(|slot| block(&slots[slot].value[places.clone()])),
            errors: array::from_fn(|slot| block(&slots[slot].bound[places.clone()])),
        }
    }

    #[inline(always)]
    fn at(&self, place: usize) -> [Near; N] {
        array::from_fn(|slot| Near { value: self.values[slot][place], error: self.errors[slot][place] })
    }
}

/// Every block of so many elements.
fn blocks(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(BLOCK).map(move |start| start..count.min(start + BLOCK))
}

/// Lets the state of one parameter see a gradient.
fn see(rule: &Rule<'_>, entry: Entry, state: &mut State, before: Values<'_>, gradient: impl Gradient) {
    let rounding = entry.rounding;
    state.steps = state.steps.saturating_add(1);
    if rule.forgets {
        state.steps = 1;
        state.slots.iter_mut().for_each(|slot| *slot = Exact::zeros(slot.value.len()));
    }
    match *rule.optimizer {
        Optimizer::Sgd(options) if options.momentum == 0.0 => {}
        Optimizer::Sgd(options) => {
            let formula = sgd::Momentum::new(rounding, options, rule, state.steps);
            advance(&formula, entry, state, before, gradient);
        }
        Optimizer::Adam(options) => {
            let formula = adam::Moments::new(rounding, options, rule, state.steps);
            advance(&formula, entry, state, before, gradient);
        }
        Optimizer::RmsProp(options) => {
            advance(&rmsprop::Scaled::new(rounding, options, rule), entry, state, before, gradient);
        }
    }
}

/// The change of one parameter, once its state has seen the gradient.
fn change(rule: &Rule<'_>, entry: Entry, state: &State, before: &[f64], gradient: impl Gradient, result: &mut Exact) {
    let rounding = entry.rounding;
    match *rule.optimizer {
        Optimizer::Sgd(options) if options.momentum == 0.0 => {
            changes(&sgd::Descent::new(rounding, rule.lr), entry, state, before, gradient, result);
        }
        Optimizer::Sgd(options) => {
            let formula = sgd::Momentum::new(rounding, options, rule, state.steps);
            changes(&formula, entry, state, before, gradient, result);
        }
        Optimizer::Adam(options) => {
            let formula = adam::Moments::new(rounding, options, rule, state.steps);
            changes(&formula, entry, state, before, gradient, result);
        }
        Optimizer::RmsProp(options) => {
            changes(&rmsprop::Scaled::new(rounding, options, rule), entry, state, before, gradient, result);
        }
    }
}

/// Lets a state see a gradient by one formula.
fn advance<const N: usize>(
    formula: &impl Formula<N>,
    entry: Entry,
    state: &mut State,
    before: Values<'_>,
    gradient: impl Gradient,
) {
    // Where there is no decay the weights are not looked at, and may be missing.
    let looked_at = entry.decay != 0.0;
    let Some(slots) = state.slots.first_chunk_mut::<N>() else { return };
    vectorized(
        #[inline(always)]
        || {
            for places in blocks(gradient.len()) {
                let mut state = Blocks::of(slots, places.clone());
                let weights = if looked_at { wide(before, places.clone()) } else { [0.0; BLOCK] };
                let entering = entry.gradients(gradient.block(places.clone()), &weights);
                for place in 0..BLOCK {
                    let new = formula.state(state.at(place), entering.at(place)[0]);
                    for (slot, new) in new.into_iter().enumerate() {
                        (state.values[slot][place], state.errors[slot][place]) = (new.value, new.error);
                    }
                }
                for (slot, (values, errors)) in slots.iter_mut().zip(state.values.iter().zip(&state.errors)) {
                    slot.value[places.clone()].copy_from_slice(&values[..places.len()]);
                    slot.bound[places.clone()].copy_from_slice(&errors[..places.len()]);
                }
            }
        },
    );
}

/// Every element's change, once its state has seen the gradient.
fn changes<const N: usize>(
    formula: &impl Formula<N>,
    entry: Entry,
    state: &State,
    before: &[f64],
    gradient: impl Gradient,
    result: &mut Exact,
) {
    let Exact { value: values, bound: bounds } = result;
    values.resize(gradient.len(), 0.0);
    bounds.resize(gradient.len(), 0.0);
    let Some(slots) = state.slots.first_chunk::<N>() else { return };
    let unit = entry.rounding.unit;
    vectorized(
        #[inline(always)]
        || {
            for places in blocks(gradient.len()) {
                let state = Blocks::of(slots, places.clone());
                let weights = block(&before[places.clone()]);
                let entering = entry.gradients(gradient.block(places.clone()), &weights);
                let (mut changes, mut errors) = ([0.0; BLOCK], [0.0; BLOCK]);
                for place in 0..BLOCK {
                    let ([gradient], weight) = (entering.at(place), weights[place]);
                    let Near { value, error } = formula.change(state.at(place), gradient, weight);
                    // The stored sum is rounded to the side's type; the change, as the difference of two weights, in f64.
                    let stored = unit * ((weight + value).abs() + error) + DType::F64.unit_roundoff() * value.abs();
                    changes[place] = value;
                    errors[place] = if (value == 0.0) & (error == 0.0) { 0.0 } else { error + stored };
                }
                values[places.clone()].copy_from_slice(&changes[..places.len()]);
                bounds[places.clone()].copy_from_slice(&errors[..places.len()]);
            }
        },
    );
}

/// Runs loops with the widest vectors that the processor has. Operations stay what they are, to the bit.
#[inline(always)]
fn vectorized(pass: impl FnOnce()) {
    Arch::new().dispatch(pass);
}
