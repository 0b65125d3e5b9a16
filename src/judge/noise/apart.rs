//! How far the sides of a step are apart at every place, read where the engines hold it: nothing is copied or widened.
//!
//! A step is looked at twice: between backward and update, when all that it computed is there, and after the updates,
//! whose changes are weighed in the same pass as the weights.

use super::{Place, Places};
use crate::{
    engine::Engine,
    run::Runner,
    tensor::{Squares, Values, View, squares, squares_beside, squares_of_changes},
};

/// The gaps of one step between a reference and a candidate.
#[derive(Debug, Clone, Default)]
pub struct Apart {
    /// For each of [`Places::all`], the gap, where it was looked at.
    pub gaps: Vec<Option<f64>>,
    /// The first place that holds something that is not finite.
    pub broken: Option<Broken>,
}

/// A candidate whose step is watched.
pub struct Watched<'a> {
    /// The candidate.
    pub side: &'a Runner,
    /// The loss that is judged.
    pub loss: f64,
    /// Where its gaps go.
    pub apart: &'a mut Apart,
}

impl<'a> Watched<'a> {
    fn lent(&self, parameter: usize) -> Values<'a> {
        self.side.engine().tensor(parameter).values
    }
}

/// Where a tensor is not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Broken {
    /// The place's number.
    pub place: usize,
    /// The offset of the element in the tensor: the first at which one side alone is not finite, where there is one.
    pub offset: usize,
    /// Whether it is finite in the reference, and in the candidate.
    pub finite: [bool; 2],
    /// Where one side is finite, its value.
    pub value: Option<f64>,
    /// The value that is not finite: the candidate's, where both are.
    pub bad: f64,
    /// The largest finite number among the outputs of layers and the weights that it came from, of either side; 0 where it
    /// came of an update.
    pub largest: f64,
}

impl Places {
    /// Looks at what both sides computed, between backward and update. `inputs` are the rows and their targets, of the
    /// reference and of the candidate, where these can differ.
    pub fn computed(&self, sides: [&Runner; 2], inputs: Option<&[[Vec<f64>; 2]; 2]>, apart: &mut Apart) {
        apart.clear(self.all.len());
        let mut gradients = Squares::default();
        let engines = sides.map(Runner::engine);
        for (number, &place) in self.all.iter().enumerate() {
            let [reference, candidate] = match (place, inputs) {
                (Place::Inputs, Some(inputs)) => [0, 1].map(|side| Values::F64(&inputs[side][0])),
                (Place::Targets, Some(inputs)) => [0, 1].map(|side| Values::F64(&inputs[side][1])),
                _ => match self.lent(place, engines) {
                    Some(lent) => lent,
                    None => continue,
                },
            };
            let sums = squares(reference, candidate);
            if matches!(place, Place::Gradient(_)) {
                gradients = gradients.plus(sums);
            }
            apart.take_in(number, sums, || Pairs::new(reference, candidate));
        }
        if !self.lends.gradients {
            return self.note_largest(engines, apart);
        }
        // Where layers do not correspond, gradients are compared all together alone.
        let shared = || self.pairs().map(|(one, other)| [engines[0].gradient(one), engines[1].gradient(other)]);
        if !self.aligned {
            gradients = shared().map(|[one, other]| squares(one.values, other.values)).fold(gradients, Squares::plus);
        }
        let all = || shared().flat_map(|[one, other]| Pairs::new(one.values, other.values));
        self.together(Place::Gradients, gradients, all, apart);
        self.note_largest(engines, apart);
    }

    /// Looks at the losses and at what the updates left. `losses` are those that are judged.
    pub fn updated(&self, sides: [&Runner; 2], losses: [f64; 2], apart: &mut Apart) {
        let mut weights = Squares::default();
        let engines = sides.map(Runner::engine);
        let first = |wanted: Place| self.all.iter().position(|&place| place == wanted);
        if let Some(number) = first(Place::Loss) {
            let [one, other] = losses;
            let pair = || std::iter::once((one, other));
            apart.take_in(number, squares(Values::F64(&[one]), Values::F64(&[other])), pair);
        }
        if self.elsewhere {
            return;
        }
        let (updates, parameters) = (first(Place::Update(0)), first(Place::Parameter(0)));
        let (Some(updates), Some(parameters)) = (updates, parameters) else {
            return self.together(Place::Weights, weights, std::iter::empty, apart);
        };
        for (number, (one, other)) in self.pairs().enumerate() {
            let before = [sides[0].before(one), sides[1].before(other)];
            let after = [engines[0].tensor(one).values, engines[1].tensor(other).values];
            let [of_values, of_changes] = squares_of_changes(before, after);
            weights = weights.plus(of_values);
            apart.take_in(parameters + number, of_values, || Pairs::new(after[0], after[1]));
            let changes = || Pairs::new(after[0], after[1]).zip(Pairs::new(before[0], before[1]));
            let changes = || changes().map(|((a, b), (c, d))| (a - c, b - d));
            apart.take_in(updates + number, of_changes, changes);
        }
        let shared = || self.pairs().map(|(one, other)| [engines[0].tensor(one), engines[1].tensor(other)]);
        let all = || shared().flat_map(|[one, other]| Pairs::new(one.values, other.values));
        self.together(Place::Weights, weights, all, apart);
    }

    /// Of a step that broke in what was computed: how large the numbers are that it came from.
    fn note_largest(&self, engines: [&dyn Engine; 2], apart: &mut Apart) {
        let Some(broken) = &mut apart.broken else { return };
        let before = match self.all[broken.place] {
            Place::Activation(layer) => layer,
            Place::Inputs
            | Place::Targets
            | Place::Buffer(_)
            | Place::Evaluated(_)
            | Place::EvaluatedLoss
            | Place::Kept(_)
            | Place::ActivationGradient(_)
            | Place::Loss
            | Place::OutputGradient
            | Place::Gradient(_)
            | Place::Update(_)
            | Place::Parameter(_)
            | Place::Gradients
            | Place::Weights => self.layers(),
        };
        let of = |(side, engine): (usize, &dyn Engine)| {
            let own = |layer: usize| Some(self.numbers(Place::Activation(layer))[side]).filter(|_| self.has(layer));
            let parameters = (0..engine.parameters().len()).map(|index| engine.tensor(index));
            let finite = |view: View<'_>| {
                view.values.iter().filter(|x| x.is_finite()).fold(0.0, |most, x| f64::max(most, x.abs()))
            };
            let lent = if self.lends.activations { before } else { 0 };
            let activations = (0..lent).filter_map(own).map(|layer| engine.activation(layer));
            activations.chain(parameters).map(finite).fold(0.0, f64::max)
        };
        broken.largest = engines.into_iter().enumerate().map(of).fold(0.0, f64::max);
    }

    /// As [`updated`](Self::updated), of a step of which nothing was copied: the losses and the weights, not the updates.
    /// Weights of a reference and of two candidates are read once. `losses` are those that are judged.
    pub fn watched(&self, reference: (&Runner, f64), candidates: &mut [Watched<'_>]) {
        let first = |wanted: Place| self.all.iter().position(|&place| place == wanted);
        if let Some(number) = first(Place::Loss) {
            for Watched { loss, apart, .. } in &mut *candidates {
                let pair = (reference.1, *loss);
                apart.take_in(number, Squares::default().with(pair.0, pair.1), || std::iter::once(pair));
            }
        }
        let engine = reference.0.engine();
        let mut weights = [Squares::default(); 2];
        let parameters = first(Place::Parameter(0)).unwrap_or_default();
        for (number, (of_reference, parameter)) in self.pairs().enumerate() {
            let values = engine.tensor(of_reference).values;
            let sums = match &*candidates {
                [one, other] => squares_beside(values, [one.lent(parameter), other.lent(parameter)]),
                all => [all.first().map_or(Squares::default(), |one| squares(values, one.lent(parameter))); 2],
            };
            for ((Watched { side, apart, .. }, sums), weights) in candidates.iter_mut().zip(sums).zip(&mut weights) {
                *weights = weights.plus(sums);
                apart.take_in(parameters + number, sums, || Pairs::new(values, side.engine().tensor(parameter).values));
            }
        }
        for (Watched { side, apart, .. }, weights) in candidates.iter_mut().zip(weights) {
            let pair = |(one, other)| [engine.tensor(one), side.engine().tensor(other)];
            let all = || self.pairs().map(pair).flat_map(|[one, other]| Pairs::new(one.values, other.values));
            self.together(Place::Weights, weights, all, apart);
        }
    }

    /// The gap of all weights as one vector, of those that were looked at last.
    pub fn of_weights(&self, apart: &Apart) -> f64 {
        let number = self.all.iter().rposition(|&place| place == Place::Weights);
        number.and_then(|number| apart.gaps.get(number).copied().flatten()).unwrap_or(f64::NAN)
    }

    /// What the engines lend at a place before the update, the reference's first.
    fn lent<'a>(&self, place: Place, engines: [&'a dyn Engine; 2]) -> Option<[Values<'a>; 2]> {
        let numbers = self.numbers(place);
        let both = |lent: fn(&'a dyn Engine, usize) -> Values<'a>| {
            Some([lent(engines[0], numbers[0]), lent(engines[1], numbers[1])])
        };
        match place {
            Place::Activation(_) => both(|engine, layer| engine.activation(layer).values),
            Place::Buffer(_) => both(|engine, buffer| engine.buffer(buffer).values),
            // Of layers that are taken together with the loss no gradient is lent where they begin.
            Place::OutputGradient if self.has_tail() => None,
            Place::OutputGradient => both(|engine, _| engine.output_gradient().values),
            Place::Gradient(_) => both(|engine, parameter| engine.gradient(parameter).values),
            Place::Inputs
            | Place::Targets
            | Place::Loss
            | Place::Evaluated(_)
            | Place::EvaluatedLoss
            | Place::Kept(_)
            | Place::ActivationGradient(_)
            | Place::Update(_)
            | Place::Parameter(_)
            | Place::Gradients
            | Place::Weights => None,
        }
    }

    /// Takes in a place that is many tensors.
    fn together<I: Iterator<Item = (f64, f64)>>(
        &self,
        wanted: Place,
        sums: Squares,
        elements: impl Fn() -> I,
        apart: &mut Apart,
    ) {
        // Last but one and last: what is not finite in them is so in one of their parts, too, or is nowhere.
        if let Some(number) = self.all.iter().rposition(|&place| place == wanted) {
            apart.gaps[number] = Some(sums.gap_of(&elements));
        }
    }
}

impl Apart {
    /// Forgets the gaps of the step before.
    pub fn clear(&mut self, places: usize) {
        self.gaps.clear();
        self.gaps.resize(places, None);
        self.broken = None;
    }

    /// Takes in the gap at a place; where it is none, looks for what is not finite.
    fn take_in<I: Iterator<Item = (f64, f64)>>(&mut self, place: usize, sums: Squares, elements: impl Fn() -> I) {
        let gap = sums.gap_of(&elements);
        self.gaps[place] = Some(gap);
        if gap.is_finite() || self.broken.is_some_and(|broken| broken.place < place) {
            return;
        }
        if let Some((offset, finite)) = non_finite(&elements) {
            let pair = elements().nth(offset);
            let value = pair.and_then(|(one, other)| [one, other].into_iter().find(|value| value.is_finite()));
            let bad = pair.and_then(|(one, other)| [other, one].into_iter().find(|value| !value.is_finite()));
            let bad = bad.unwrap_or(f64::NAN);
            self.broken = Some(Broken { place, offset, finite, value, bad, largest: 0.0 });
        }
    }
}

/// The elements of two tensors; where one has ended there are zeros.
struct Pairs<'a> {
    tensors: [Values<'a>; 2],
    next: usize,
}

impl<'a> Pairs<'a> {
    fn new(one: Values<'a>, other: Values<'a>) -> Self {
        Self { tensors: [one, other], next: 0 }
    }
}

impl Iterator for Pairs<'_> {
    type Item = (f64, f64);

    fn next(&mut self) -> Option<(f64, f64)> {
        let [one, other] = self.tensors;
        let place = self.next;
        self.next += 1;
        let at = |values: Values<'_>| if place < values.len() { values.at(place) } else { 0.0 };
        (place < one.len().max(other.len())).then(|| (at(one), at(other)))
    }
}

/// The first element that is not finite, and on which side it is. Both sides at the same place prove nothing; one side at
/// some place is a fault, whatever the other does elsewhere.
pub fn non_finite<I: Iterator<Item = (f64, f64)>>(elements: impl Fn() -> I) -> Option<(usize, [bool; 2])> {
    let finite = || elements().map(|(one, other)| [one.is_finite(), other.is_finite()]).enumerate();
    let (mut seen, mut first) = ([true; 2], None);
    for (offset, finite @ [one, other]) in finite() {
        if one != other {
            return Some((offset, finite));
        }
        if !one && first.is_none() {
            (seen, first) = (finite, Some(offset));
        }
    }
    first.map(|offset| (offset, seen))
}
