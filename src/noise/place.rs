//! The tensors that are compared, as places in the records of a step, and what each should be.

use crate::{
    experiment::Experiment,
    gap::{Deviation, gap, gap_of_parts, norm},
    lockstep::{Phase, RunSide, StepRecord},
    model::Layer,
    replay::Replay,
    tensor::Shape,
};
use std::slice;

/// One tensor of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The output of a layer.
    Activation(usize),
    /// The reported loss.
    Loss,
    /// The gradient in the outputs.
    OutputGradient,
    /// The gradient in a shared parameter, by its number in [`Places::shared`].
    Gradient(usize),
    /// The change of a shared parameter.
    Update(usize),
    /// The values of a shared parameter; compared between the sides only.
    Parameter(usize),
    /// The gradients in all shared parameters as one vector; compared between the sides only.
    Gradients,
    /// All shared parameters as one vector; compared between the sides only.
    Weights,
}

/// A parameter that both sides have, in the same shape.
struct Shared {
    name: String,
    reference: usize,
    candidate: usize,
    shape: Shape,
}

/// What two models have in common, in the order in which a difference can first show.
pub struct Places {
    /// The places that are judged come first.
    pub all: Vec<Place>,
    /// Whether the sides' layers correspond one to one, so that forward and backward can be judged.
    pub aligned: bool,
    widths: Vec<usize>,
    /// The number of terms in each layer's sums.
    terms: Vec<usize>,
    /// Whether the loss divides by a sum of the rows' weights.
    weighed: bool,
    shared: Vec<Shared>,
    /// For each parameter of the definition, the candidate's of the same name and shape.
    owned: Vec<Option<usize>>,
    k: f64,
}

impl Place {
    /// The phase that produces the tensor.
    pub fn phase(self) -> Phase {
        match self {
            Self::Activation(_) => Phase::Forward,
            Self::Loss => Phase::Loss,
            Self::OutputGradient | Self::Gradient(_) | Self::Gradients => Phase::Backward,
            Self::Update(_) | Self::Parameter(_) | Self::Weights => Phase::Update,
        }
    }
}

impl Places {
    /// What the sides of an experiment have in common, with limits of `k` times the noise.
    pub fn new(experiment: &Experiment, k: f64) -> Self {
        let (reference, candidate) = (&experiment.reference.model, &experiment.candidate.model);
        let widths = reference.widths();
        let aligned = widths == candidate.widths();
        let theirs = candidate.parameters();
        let ours = reference.parameters();
        let owned: Vec<_> = ours.iter().map(|parameter| theirs.iter().position(|other| other == parameter)).collect();
        let shared: Vec<_> = ours
            .into_iter()
            .zip(&owned)
            .enumerate()
            .filter_map(|(reference, (parameter, candidate))| {
                candidate.map(|candidate| Shared { name: parameter.name, reference, candidate, shape: parameter.shape })
            })
            .collect();
        let each = |place: fn(usize) -> Place| (0..shared.len()).map(place);
        let mut all = Vec::new();
        if aligned {
            all.extend((0..widths.len()).map(Place::Activation));
        }
        all.extend([Place::Loss, Place::OutputGradient]);
        if aligned {
            all.extend(each(Place::Gradient));
        }
        all.extend(each(Place::Update).chain(each(Place::Parameter)).chain([Place::Gradients, Place::Weights]));
        let terms = reference.layers.iter().map(|layer| match layer {
            Layer::Linear(linear) => linear.inputs + usize::from(linear.bias),
            _ => 1,
        });
        let weighed = experiment.reference.training.loss.weights().is_some();
        Self { all, aligned, terms: terms.collect(), weighed, widths, shared, owned, k }
    }

    /// The name of a place within its phase.
    pub fn tensor(&self, place: Place) -> String {
        match place {
            Place::Activation(layer) if layer + 1 == self.widths.len() => "output".to_owned(),
            Place::Activation(layer) => format!("activation/{layer}"),
            Place::Loss => "loss".to_owned(),
            Place::OutputGradient => "output_gradient".to_owned(),
            Place::Gradient(shared) | Place::Update(shared) => self.shared[shared].name.clone(),
            Place::Parameter(shared) => format!("param/{}", self.shared[shared].name),
            Place::Gradients => "gradients".to_owned(),
            Place::Weights => "weights".to_owned(),
        }
    }

    /// The name of a place among those of all phases, as a trace names its files.
    pub fn full_name(&self, place: Place) -> String {
        match place {
            Place::Gradient(_) => format!("grad/{}", self.tensor(place)),
            Place::Update(_) => format!("update/{}", self.tensor(place)),
            _ => self.tensor(place),
        }
    }

    /// The index of the element at `offset` of a place, for a batch of `rows`.
    pub fn index(&self, place: Place, offset: usize, rows: usize) -> Vec<usize> {
        match place {
            Place::Activation(layer) => Shape::new(&[rows, self.widths[layer]]).index(offset),
            Place::OutputGradient => Shape::new(&[rows, self.widths[self.widths.len() - 1]]).index(offset),
            Place::Gradient(shared) | Place::Update(shared) | Place::Parameter(shared) => {
                self.shared[shared].shape.index(offset)
            }
            Place::Loss | Place::Gradients | Place::Weights => Vec::new(),
        }
    }

    fn number(&self, shared: usize, side: RunSide) -> usize {
        match side {
            RunSide::Reference => self.shared[shared].reference,
            RunSide::Candidate => self.shared[shared].candidate,
        }
    }

    /// By how much the bound of a place may grow before no rounding can explain what fills it: to n·u, from K·√n·u, for
    /// the longest sum that it comes from, in a batch of `rows`.
    pub fn headroom(&self, place: Place, rows: usize) -> f64 {
        let terms = match place {
            Place::Activation(layer) => self.terms[layer],
            Place::OutputGradient if self.weighed => rows,
            Place::Loss => rows * self.widths.last().copied().unwrap_or_default(),
            Place::Gradient(_) => self.widths.iter().copied().fold(rows, usize::max),
            _ => 1,
        };
        ((terms as f64).sqrt() / self.k).max(1.0)
    }

    /// The parameters that both sides have, by their numbers in the reference and in the candidate.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        self.shared.iter().map(|shared| (shared.reference, shared.candidate))
    }

    /// The elements of a place in a side's record; none for those that are many tensors.
    pub fn values<'a>(&self, place: Place, record: &'a StepRecord, side: RunSide) -> &'a [f64] {
        match place {
            Place::Activation(layer) => &record.activations[layer],
            Place::Loss => slice::from_ref(&record.loss),
            Place::OutputGradient => &record.output_gradient,
            Place::Gradient(shared) => &record.gradients[self.number(shared, side)],
            Place::Update(shared) => &record.updates[self.number(shared, side)],
            Place::Parameter(shared) => &record.after[self.number(shared, side)],
            Place::Gradients | Place::Weights => &[],
        }
    }

    /// How far the sides are apart at a place.
    pub fn apart(&self, place: Place, reference: &StepRecord, candidate: &StepRecord) -> f64 {
        let pair = |place| {
            (self.values(place, reference, RunSide::Reference), self.values(place, candidate, RunSide::Candidate))
        };
        let together =
            |place: fn(usize) -> Place| gap_of_parts((0..self.shared.len()).map(|shared| pair(place(shared))));
        match place {
            Place::Gradients => together(Place::Gradient),
            Place::Weights => together(Place::Parameter),
            _ => {
                let (reference, candidate) = pair(place);
                gap(reference, candidate)
            }
        }
    }

    /// Measures how far a side's record is from what the definition makes of the side's own inputs, for every place
    /// that is judged, in order. A parameter that only the definition has is the reference's.
    pub fn measure(
        &self,
        replay: &mut Replay,
        side: RunSide,
        record: &StepRecord,
        reference: &StepRecord,
        deviations: &mut Vec<Deviation>,
    ) {
        let parameters = |index: usize| match (side, self.owned[index]) {
            (RunSide::Candidate, Some(own)) => record.before[own].as_slice(),
            _ => reference.before[index].as_slice(),
        };
        deviations.clear();
        if self.aligned {
            for (layer, found) in record.activations.iter().enumerate() {
                let exact = replay.forward(layer, record, &parameters);
                deviations.push(Deviation::new(found, &exact.value, &exact.bound));
            }
        }
        let (exact, bound) = replay.loss(record, &parameters);
        deviations.push(Deviation::new(&[record.loss], &[exact], &[bound]));
        let exact = replay.output_gradient(record.output(), &record.targets);
        deviations.push(Deviation::new(&record.output_gradient, &exact.value, &exact.bound));
        if self.aligned {
            let exact = replay.backward(record, &parameters);
            for (number, shared) in self.shared.iter().enumerate() {
                let (found, exact) = (&record.gradients[self.number(number, side)], &exact[shared.reference]);
                deviations.push(Deviation::new(found, &exact.value, &exact.bound));
            }
        }
        self.begin_updates(replay, side, record);
        for (number, shared) in self.shared.iter().enumerate() {
            let own = self.number(number, side);
            let exact = replay.update(shared.reference, &record.before[own], &record.gradients[own]);
            deviations.push(Deviation::new(&record.updates[own], &exact.value, &exact.bound));
        }
    }

    fn begin_updates(&self, replay: &mut Replay, side: RunSide, record: &StepRecord) {
        let gradients = (0..self.shared.len()).map(|number| record.gradients[self.number(number, side)].as_slice());
        replay.begin(record.step, record.epoch, gradients);
    }

    /// By how much of each of the reference's parameters rounding may have moved it in a step: by the errors that were
    /// measured of its gradient and of its update.
    pub fn moved(&self, record: &StepRecord, deviations: &[Deviation]) -> Vec<f64> {
        let mut moved = vec![0.0; record.after.len()];
        for (&place, deviation) in self.all.iter().zip(deviations) {
            if let Place::Gradient(shared) | Place::Update(shared) = place {
                let moved = &mut moved[self.shared[shared].reference];
                *moved = f64::hypot(*moved, deviation.gap.min(1.0));
            }
        }
        for (moved, (update, after)) in moved.iter_mut().zip(record.updates.iter().zip(&record.after)) {
            *moved *= norm(update) / norm(after);
            if !moved.is_finite() {
                *moved = 0.0;
            }
        }
        moved
    }

    /// Lets the shadow of the optimizer's state see the gradients of a step that is not compared.
    pub fn advance(&self, replay: &mut Replay, side: RunSide, record: &StepRecord) {
        self.begin_updates(replay, side, record);
        for (number, shared) in self.shared.iter().enumerate() {
            replay.advance(shared.reference, &record.gradients[self.number(number, side)]);
        }
    }

    /// The parameters that only one side has, or in another shape, cannot be compared.
    pub fn uncompared(&self, experiment: &Experiment) -> Vec<String> {
        let kept = |name: &str| self.shared.iter().any(|shared| shared.name == name);
        let mut names: Vec<String> = [&experiment.reference, &experiment.candidate]
            .iter()
            .flat_map(|side| side.model.parameters())
            .map(|parameter| parameter.name)
            .filter(|name| !kept(name))
            .collect();
        names.sort();
        names.dedup();
        names
    }
}
