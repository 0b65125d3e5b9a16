//! The tensors that are compared, as places in the records of a step, and what each should be.

use crate::{
    engine::Lends,
    experiment::{Experiment, Side},
    model::{self, Parameter, Terms},
    run::{Phase, StepRecord},
    tensor::{DType, Shape},
    training::Fault,
};
use std::slice;

/// One tensor of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The rows that a side is given, where the candidate's are others on purpose.
    Inputs,
    /// Their targets.
    Targets,
    /// The output of a layer.
    Activation(usize),
    /// A shared buffer after the forward phase, by its number in [`Places`]: what evaluation will use.
    Buffer(usize),
    /// The output of a layer in evaluation.
    Evaluated(usize),
    /// The loss in evaluation.
    EvaluatedLoss,
    /// A shared buffer after evaluation, which leaves it as it is.
    Kept(usize),
    /// The gradient in the output of a layer, where engines lend it; looked at where the backward phase is apart.
    ActivationGradient(usize),
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

/// A parameter or a buffer that both sides have, in the same shape.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) reference: usize,
    pub(super) candidate: usize,
    pub(super) shape: Shape,
}

/// What two models have in common, in the order in which a difference can first show.
pub struct Places {
    /// The places of a step; those that are judged come first.
    pub all: Vec<Place>,
    /// The places of a look at the evaluation mode, all judged.
    pub looked: Vec<Place>,
    /// Whether the sides' layers correspond, so that forward and backward can be judged.
    pub aligned: bool,
    /// For each layer of the definition, the candidate's whose output is the same tensor.
    pub(super) layers: Vec<Option<usize>>,
    /// The layers of the definition that are not taken together with the loss.
    pub(super) before_tail: usize,
    /// Whether some of the candidate's are.
    pub(super) tail: bool,
    /// What both engines have of a step: nothing else is judged.
    pub lends: Lends,
    /// Whether what a step goes on from is known, so that updates can be judged.
    pub updates: bool,
    /// Whether the reference's optimizer goes on from elsewhere than the candidate's, so that their updates are not set beside
    /// each other.
    pub elsewhere: bool,
    /// Whether the sides are given batches of their own, so that these can differ.
    pub watch_batches: bool,
    /// Relative to the values, what a side's type makes of the same inputs.
    pub(super) batch_unit: f64,
    pub(super) inputs: usize,
    pub(super) widths: Vec<usize>,
    /// The layers of the definition.
    definition: Vec<model::Place>,
    /// Whether the loss divides by a sum of the rows' weights.
    pub(super) weighed: bool,
    /// Whether the reported loss is that after the update.
    pub(super) after: bool,
    pub(super) shared: Vec<Shared>,
    /// The buffers that both sides have, if the layers correspond.
    pub(super) buffers: Vec<Shared>,
    pub(super) k: f64,
}

/// The tensors that both sides have, of the reference's and, for each, the candidate's.
fn common(ours: Vec<Parameter>, own: &[Option<usize>]) -> Vec<Shared> {
    let both = ours.into_iter().zip(own).enumerate().filter_map(|(reference, (parameter, candidate))| {
        candidate.map(|candidate| Shared { name: parameter.name, reference, candidate, shape: parameter.shape })
    });
    both.collect()
}

impl Place {
    /// Whether it has a row for each of the batch's.
    pub fn has_rows(self) -> bool {
        match self {
            Self::Inputs
            | Self::Activation(_)
            | Self::Evaluated(_)
            | Self::ActivationGradient(_)
            | Self::OutputGradient => true,
            Self::Targets
            | Self::Buffer(_)
            | Self::EvaluatedLoss
            | Self::Kept(_)
            | Self::Loss
            | Self::Gradient(_)
            | Self::Gradients
            | Self::Update(_)
            | Self::Parameter(_)
            | Self::Weights => false,
        }
    }

    /// The phase that produces the tensor.
    pub fn phase(self) -> Phase {
        match self {
            Self::Inputs | Self::Targets => Phase::Batch,
            Self::Activation(_) => Phase::Forward,
            Self::Buffer(_) | Self::Evaluated(_) | Self::EvaluatedLoss | Self::Kept(_) => Phase::Evaluation,
            Self::Loss => Phase::Loss,
            Self::OutputGradient | Self::ActivationGradient(_) | Self::Gradient(_) | Self::Gradients => Phase::Backward,
            Self::Update(_) | Self::Parameter(_) | Self::Weights => Phase::Update,
        }
    }
}

impl Places {
    /// What the sides of an experiment have in common, where their engines have so much of a step, with limits of `k` times the
    /// noise.
    pub fn new(experiment: &Experiment, lends: Lends, k: f64) -> Self {
        // The loss of the new weights is judged where a side looks at their outputs.
        let after = experiment.reference.training.reported_loss.after_update;
        let lends = Lends { loss: lends.loss && (lends.evaluation || !after), ..lends };
        let reference = &experiment.reference.model;
        let widths = reference.widths();
        let alignment = experiment.alignment();
        let aligned = alignment.stretches.is_some();
        let shared = common(reference.parameters(), &alignment.parameters);
        let kept = reference.buffers().into_iter().map(|(buffer, _)| buffer).collect();
        let buffers = common(kept, &alignment.buffers);
        let layers = alignment.layers;
        let each = |place: fn(usize) -> Place| (0..shared.len()).map(place);
        let optimizer = &experiment.reference.training.optimizer;
        let recordings = [&experiment.reference, &experiment.candidate].map(|side| side.recording());
        let gaps = recordings.iter().flatten().any(|recording| recording.numbers().is_some());
        let goes_on = recordings.iter().flatten().all(|recording| recording.goes_on(optimizer));
        let updates = !gaps || (goes_on && experiment.reference.training.accumulate.is_none());
        let elsewhere = gaps && optimizer.has_state() && recordings.iter().any(Option::is_none);
        let watch_batches = experiment.candidate.training.faults.iter().any(Fault::is_of_data);
        let same_type = experiment.reference.dtype == experiment.candidate.dtype;
        let batch_unit = if same_type { 0.0 } else { DType::F32.unit_roundoff() };
        let mut all = Vec::new();
        if watch_batches {
            all.extend([Place::Inputs, Place::Targets]);
        }
        if aligned && lends.activations {
            all.extend((0..widths.len()).filter(|&layer| layers[layer].is_some()).map(Place::Activation));
        }
        if aligned && lends.buffers {
            all.extend((0..buffers.len()).map(Place::Buffer));
        }
        let mut looked: Vec<Place> = Vec::new();
        if let Some(recording) = experiment.candidate.recording() {
            let [output, loss] = recording.looks().filter(|_| recordings[0].is_none()).unwrap_or([false; 2]);
            looked.extend(output.then_some(Place::Evaluated(widths.len() - 1)));
            looked.extend(loss.then_some(Place::EvaluatedLoss));
        } else {
            if aligned {
                let of_layer = (0..widths.len()).filter(|&layer| layers[layer].is_some()).map(Place::Evaluated);
                looked.extend(of_layer.filter(|_| lends.activations).chain((0..buffers.len()).map(Place::Kept)));
            }
            looked.push(Place::EvaluatedLoss);
        }
        all.extend(lends.loss.then_some(Place::Loss));
        all.extend(lends.output_gradient.then_some(Place::OutputGradient));
        if aligned && lends.gradients {
            all.extend(each(Place::Gradient));
        }
        all.extend(each(Place::Update).chain(each(Place::Parameter)).filter(|_| updates));
        all.extend(lends.gradients.then_some(Place::Gradients));
        all.extend(updates.then_some(Place::Weights));
        let inputs = reference.inputs;
        let weighed = experiment.reference.training.loss.weights().is_some();
        Self {
            all,
            looked,
            aligned,
            layers,
            lends,
            updates,
            elsewhere,
            before_tail: alignment.tail.reference.start,
            tail: !alignment.tail.is_empty(),
            watch_batches,
            batch_unit,
            inputs,
            definition: reference.places(),
            weighed,
            after,
            widths,
            shared,
            buffers,
            k,
        }
    }

    /// The name of a place within its phase.
    pub fn tensor(&self, place: Place) -> String {
        match place {
            Place::Activation(layer) | Place::Evaluated(layer) if layer + 1 == self.widths.len() => "output".to_owned(),
            Place::Activation(layer) | Place::Evaluated(layer) => format!("activation/{layer}"),
            Place::ActivationGradient(layer) => format!("activation_gradient/{layer}"),
            Place::Inputs => "inputs".to_owned(),
            Place::Targets => "targets".to_owned(),
            Place::Buffer(buffer) | Place::Kept(buffer) => format!("buffer/{}", self.buffers[buffer].name),
            Place::Loss | Place::EvaluatedLoss => "loss".to_owned(),
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
            Place::Evaluated(_) | Place::EvaluatedLoss | Place::Kept(_) => {
                format!("evaluation/{}", self.tensor(place))
            }
            Place::Inputs
            | Place::Targets
            | Place::Activation(_)
            | Place::Buffer(_)
            | Place::Loss
            | Place::OutputGradient
            | Place::ActivationGradient(_)
            | Place::Parameter(_)
            | Place::Gradients
            | Place::Weights => self.tensor(place),
        }
    }

    /// The shape of a place, for a batch of `rows` with so many targets.
    pub fn shape(&self, place: Place, rows: usize, targets: usize) -> Shape {
        match place {
            Place::Activation(layer) | Place::Evaluated(layer) | Place::ActivationGradient(layer) => {
                Shape::new(&[rows, self.widths[layer]])
            }
            Place::Buffer(buffer) | Place::Kept(buffer) => self.buffers[buffer].shape,
            Place::OutputGradient => {
                let last = if self.aligned { self.before_tail } else { self.widths.len() };
                Shape::new(&[rows, self.widths[last - 1]])
            }
            Place::Gradient(shared) | Place::Update(shared) | Place::Parameter(shared) => self.shared[shared].shape,
            Place::Inputs => Shape::new(&[rows, self.inputs]),
            Place::Targets => Shape::new(&[targets]),
            Place::Loss | Place::EvaluatedLoss | Place::Gradients | Place::Weights => Shape::new(&[]),
        }
    }

    /// The index of the element at `offset` of a place, for a batch of `rows`.
    pub fn index(&self, place: Place, offset: usize, rows: usize) -> Vec<usize> {
        match place {
            Place::Targets => vec![offset],
            Place::Inputs
            | Place::Activation(_)
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
            | Place::Weights => self.shape(place, rows, 0).index(offset),
        }
    }

    /// Whether layers are taken together with the loss, on either side.
    pub(super) fn has_tail(&self) -> bool {
        self.tail
    }

    /// Whether the candidate has the output of a layer, too.
    pub(super) fn has(&self, layer: usize) -> bool {
        self.layers[layer].is_some()
    }

    /// The number of layers, where those of the sides correspond.
    pub(super) fn layers(&self) -> usize {
        if self.aligned { self.widths.len() } else { 0 }
    }

    /// Which tensors of the two sides stand at a place that both have: their numbers, the reference's first.
    pub(super) fn numbers(&self, place: Place) -> [usize; 2] {
        let of = |shared: &Shared| [shared.reference, shared.candidate];
        match place {
            Place::Activation(layer) | Place::Evaluated(layer) | Place::ActivationGradient(layer) => {
                [layer, self.layers[layer].unwrap_or(layer)]
            }
            Place::Buffer(buffer) | Place::Kept(buffer) => of(&self.buffers[buffer]),
            Place::Gradient(shared) | Place::Update(shared) | Place::Parameter(shared) => of(&self.shared[shared]),
            Place::Inputs
            | Place::Targets
            | Place::Loss
            | Place::EvaluatedLoss
            | Place::OutputGradient
            | Place::Gradients
            | Place::Weights => [0; 2],
        }
    }

    /// The reference's parameter that a gradient or an update is of.
    pub fn parameter(&self, place: Place) -> Option<usize> {
        matches!(place, Place::Gradient(_) | Place::Update(_)).then(|| self.numbers(place)[0])
    }

    /// By how much the bound of a place may grow before no rounding can explain what fills it: to n·u, from K·√n·u, for
    /// the longest sum that it comes from, in a batch of `rows`.
    pub fn headroom(&self, place: Place, rows: usize) -> f64 {
        ((self.terms(place, rows) as f64).sqrt() / self.k).max(1.0)
    }

    /// The number from which on what fills a place may overflow on its way in `dtype`: as a sum before it becomes a mean,
    /// with a factor of 2 or so that a side may take in first.
    pub fn overflows_from(&self, place: Place, rows: usize, dtype: DType) -> f64 {
        dtype.largest() / (4.0 * self.terms(place, rows) as f64)
    }

    /// The terms of the longest sum that a place comes from, in a batch of `rows`.
    fn terms(&self, place: Place, rows: usize) -> usize {
        match place {
            Place::Activation(layer) | Place::Evaluated(layer) => match self.definition[layer].facts.longest_sum {
                Terms::Fixed(terms) => terms,
                Terms::Columns => self.definition[layer].input.elements(),
                Terms::Rows => rows,
            },
            Place::Buffer(_) => rows,
            Place::OutputGradient if self.weighed => rows,
            Place::Loss | Place::EvaluatedLoss => rows * self.widths.last().copied().unwrap_or_default(),
            Place::Gradient(_) | Place::ActivationGradient(_) => self.widths.iter().copied().fold(rows, usize::max),
            Place::Inputs
            | Place::Targets
            | Place::Kept(_)
            | Place::OutputGradient
            | Place::Update(_)
            | Place::Parameter(_)
            | Place::Gradients
            | Place::Weights => 1,
        }
    }

    /// The parameters that both sides have, by their numbers in the reference and in the candidate.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        self.shared.iter().map(|shared| (shared.reference, shared.candidate))
    }

    /// The elements of a place in a record of the definition's layout; none for those that are many tensors.
    pub fn values<'a>(&self, place: Place, record: &'a StepRecord) -> &'a [f64] {
        let of = |shared: usize| self.shared[shared].reference;
        match place {
            Place::Activation(layer) | Place::Evaluated(layer) => &record.activations[layer],
            Place::ActivationGradient(layer) => record.activation_gradients.get(layer).map_or(&[], Vec::as_slice),
            Place::Inputs => &record.inputs,
            Place::Targets => &record.targets,
            Place::Buffer(buffer) | Place::Kept(buffer) => &record.buffers[self.buffers[buffer].reference],
            Place::Loss | Place::EvaluatedLoss => slice::from_ref(&record.loss),
            Place::OutputGradient => &record.output_gradient,
            Place::Gradient(shared) => &record.gradients[of(shared)],
            Place::Update(shared) => &record.updates[of(shared)],
            Place::Parameter(shared) => &record.after[of(shared)],
            Place::Gradients | Place::Weights => &[],
        }
    }

    /// The first parameter of a layer of the definition, or of those behind it.
    pub(super) fn first_parameter(&self, layer: usize) -> usize {
        self.definition.get(layer).map_or(usize::MAX, |place| place.parameters.start)
    }

    /// The parameters that only one side has, or in another shape, cannot be compared.
    pub fn uncompared(&self, experiment: &Experiment) -> Vec<String> {
        let kept: fn(&Shared) -> [usize; 2] = |shared| [shared.reference, shared.candidate];
        let sides = [&experiment.reference, &experiment.candidate];
        let of = |(which, side): (usize, &&Side)| -> Vec<String> {
            let alone = |number: &usize| !self.shared.iter().any(|shared| kept(shared)[which] == *number);
            let parameters = side.model.parameters().into_iter().enumerate();
            parameters.filter(|(number, _)| alone(number)).map(|(_, parameter)| parameter.name).collect()
        };
        let mut names: Vec<String> = sides.iter().enumerate().flat_map(of).collect();
        names.sort();
        names.dedup();
        names
    }
}
