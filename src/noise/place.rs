//! The tensors that are compared, as places in the records of a step, and what each should be.

use super::{By, Effects};
use crate::{
    data::Batch,
    experiment::Experiment,
    gap::{Deviation, norm},
    lockstep::{Phase, RunSide, StepRecord},
    model::{Axis, Layer, Model, Parameter},
    replay::{Exact, Replay},
    tensor::{DType, Shape, Values},
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
    /// A shared buffer after the forward phase, by its number in the order of the reference's.
    Buffer(usize),
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
    /// Whether the sides are given batches of their own, so that these can differ.
    pub watch_batches: bool,
    /// Relative to the values, what a side's type makes of the same inputs.
    batch_unit: f64,
    inputs: usize,
    widths: Vec<usize>,
    /// What each layer's sums run over.
    sums: Vec<Terms>,
    /// Whether the loss divides by a sum of the rows' weights.
    weighed: bool,
    /// Whether the reported loss is that after the update.
    after: bool,
    shared: Vec<Shared>,
    /// The buffers that both sides have, if the layers correspond.
    buffers: Vec<Shared>,
    /// For each parameter of the definition, the candidate's of the same name and shape.
    owned: Vec<Option<usize>>,
    /// The same for each buffer of the definition.
    owned_buffers: Vec<Option<usize>>,
    k: f64,
}

/// How many terms a sum has.
#[derive(Debug, Clone, Copy)]
enum Terms {
    Fixed(usize),
    /// As many as the batch has rows.
    Rows,
}

/// What the longest sum of a layer runs over.
fn terms(place: &crate::model::Place) -> Terms {
    match place.layer {
        Layer::Linear(linear) => Terms::Fixed(linear.inputs + usize::from(linear.bias)),
        Layer::BatchNorm(_) | Layer::Softmax(Axis::Rows) | Layer::LogSoftmax(Axis::Rows) => Terms::Rows,
        Layer::LayerNorm(norm) => Terms::Fixed(norm.columns),
        Layer::Softmax(Axis::Columns) | Layer::LogSoftmax(Axis::Columns) | Layer::EmbeddingBag(..) => {
            Terms::Fixed(place.input.elements())
        }
        _ => Terms::Fixed(1),
    }
}

/// What two lists of parameters, or of buffers, have in common; and for each of the first, its number in the second.
fn common(ours: Vec<Parameter>, theirs: &[Parameter]) -> (Vec<Shared>, Vec<Option<usize>>) {
    let owned: Vec<_> = ours.iter().map(|parameter| theirs.iter().position(|other| other == parameter)).collect();
    let both = ours.into_iter().zip(&owned).enumerate().filter_map(|(reference, (parameter, candidate))| {
        candidate.map(|candidate| Shared { name: parameter.name, reference, candidate, shape: parameter.shape })
    });
    (both.collect(), owned)
}

impl Shared {
    fn number(&self, side: RunSide) -> usize {
        match side {
            RunSide::Reference => self.reference,
            RunSide::Candidate => self.candidate,
        }
    }
}

impl Place {
    /// The phase that produces the tensor.
    pub fn phase(self) -> Phase {
        match self {
            Self::Inputs | Self::Targets => Phase::Batch,
            Self::Activation(_) | Self::Buffer(_) => Phase::Forward,
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
        let (shared, owned) = common(reference.parameters(), &candidate.parameters());
        let buffers = |model: &Model| model.buffers().into_iter().map(|(buffer, _)| buffer).collect::<Vec<_>>();
        let (buffers, owned_buffers) = common(buffers(reference), &buffers(candidate));
        let each = |place: fn(usize) -> Place| (0..shared.len()).map(place);
        let watch_batches = experiment.candidate.training.faults.iter().any(Fault::is_of_data);
        let same_type = experiment.reference.dtype == experiment.candidate.dtype;
        let batch_unit = if same_type { 0.0 } else { DType::F32.unit_roundoff() };
        let mut all = Vec::new();
        if watch_batches {
            all.extend([Place::Inputs, Place::Targets]);
        }
        if aligned {
            all.extend((0..widths.len()).map(Place::Activation));
            all.extend((0..buffers.len()).map(Place::Buffer));
        }
        all.extend([Place::Loss, Place::OutputGradient]);
        if aligned {
            all.extend(each(Place::Gradient));
        }
        all.extend(each(Place::Update).chain(each(Place::Parameter)).chain([Place::Gradients, Place::Weights]));
        let sums = reference.places().iter().map(terms).collect();
        let inputs = reference.inputs;
        let weighed = experiment.reference.training.loss.weights().is_some();
        Self {
            all,
            aligned,
            watch_batches,
            batch_unit,
            inputs,
            sums,
            weighed,
            after: experiment.reference.training.reported_loss.after_update,
            widths,
            shared,
            buffers,
            owned,
            owned_buffers,
            k,
        }
    }

    /// The name of a place within its phase.
    pub fn tensor(&self, place: Place) -> String {
        match place {
            Place::Activation(layer) if layer + 1 == self.widths.len() => "output".to_owned(),
            Place::Activation(layer) => format!("activation/{layer}"),
            Place::Inputs => "inputs".to_owned(),
            Place::Targets => "targets".to_owned(),
            Place::Buffer(buffer) => format!("buffer/{}", self.buffers[buffer].name),
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
            Place::Buffer(buffer) => self.buffers[buffer].shape.index(offset),
            Place::OutputGradient => Shape::new(&[rows, self.widths[self.widths.len() - 1]]).index(offset),
            Place::Gradient(shared) | Place::Update(shared) | Place::Parameter(shared) => {
                self.shared[shared].shape.index(offset)
            }
            Place::Inputs => Shape::new(&[rows, self.inputs]).index(offset),
            Place::Targets => vec![offset],
            Place::Loss | Place::Gradients | Place::Weights => Vec::new(),
        }
    }

    /// The number of layers, where those of the sides correspond.
    pub(super) fn layers(&self) -> usize {
        if self.aligned { self.widths.len() } else { 0 }
    }

    fn number(&self, shared: usize, side: RunSide) -> usize {
        self.shared[shared].number(side)
    }

    /// Which tensors of the two sides stand at a place that both have: their numbers, the reference's first.
    pub(super) fn numbers(&self, place: Place) -> [usize; 2] {
        let of = |shared: &Shared| [shared.reference, shared.candidate];
        match place {
            Place::Activation(layer) => [layer; 2],
            Place::Buffer(buffer) => of(&self.buffers[buffer]),
            Place::Gradient(shared) | Place::Update(shared) | Place::Parameter(shared) => of(&self.shared[shared]),
            _ => [0; 2],
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
            Place::Activation(layer) => match self.sums[layer] {
                Terms::Fixed(terms) => terms,
                Terms::Rows => rows,
            },
            Place::Buffer(_) => rows,
            Place::OutputGradient if self.weighed => rows,
            Place::Loss => rows * self.widths.last().copied().unwrap_or_default(),
            Place::Gradient(_) => self.widths.iter().copied().fold(rows, usize::max),
            _ => 1,
        }
    }

    /// The parameters that both sides have, by their numbers in the reference and in the candidate.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        self.shared.iter().map(|shared| (shared.reference, shared.candidate))
    }

    /// The elements of a place in a side's record; none for those that are many tensors.
    pub fn values<'a>(&self, place: Place, record: &'a StepRecord, side: RunSide) -> &'a [f64] {
        match place {
            Place::Activation(layer) => &record.activations[layer],
            Place::Inputs => &record.inputs,
            Place::Targets => &record.targets,
            Place::Buffer(buffer) => &record.buffers[self.buffers[buffer].number(side)],
            Place::Loss => slice::from_ref(&record.loss),
            Place::OutputGradient => &record.output_gradient,
            Place::Gradient(shared) => &record.gradients[self.number(shared, side)],
            Place::Update(shared) => &record.updates[self.number(shared, side)],
            Place::Parameter(shared) => &record.after[self.number(shared, side)],
            Place::Gradients | Place::Weights => &[],
        }
    }

    /// Measures how far a side's record is from what the definition makes of the side's own inputs, for every place
    /// that is judged, in order. A parameter that only the definition has is the reference's. The shadow of the
    /// optimizer's state sees the step's gradients, unless it has (`advanced`). The effects of parameters are taken in.
    pub fn measure(
        &self,
        replay: &mut Replay,
        (advanced, mut effects): (bool, Option<(&mut Effects, By)>),
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
        if self.watch_batches {
            for (found, given) in [(&record.inputs, &reference.inputs), (&record.targets, &reference.targets)] {
                let bounds: Vec<f64> = given.iter().map(|value| self.batch_unit * value.abs()).collect();
                deviations.push(Deviation::new(found, given, &bounds));
            }
        }
        if self.aligned {
            for (layer, found) in record.activations.iter().enumerate() {
                let exact = replay.forward(layer, record, &parameters);
                deviations.push(Deviation::new(found, &exact.value, &exact.bound));
            }
            let before = |index: usize| match (side, self.owned_buffers[index]) {
                (RunSide::Candidate, Some(own)) => record.buffers_before[own].as_slice(),
                _ => reference.buffers_before[index].as_slice(),
            };
            let exact = replay.buffers(record, &before);
            for shared in &self.buffers {
                let (found, exact) = (&record.buffers[shared.number(side)], &exact[shared.reference]);
                deviations.push(Deviation::new(found, &exact.value, &exact.bound));
            }
        }
        let after = |index: usize| match (side, self.owned[index]) {
            (RunSide::Candidate, Some(own)) => record.after[own].as_slice(),
            _ => reference.after[index].as_slice(),
        };
        let (exact, bound) = if self.after { replay.loss(record, &after) } else { replay.loss(record, &parameters) };
        deviations.push(Deviation::new(&[record.loss], &[exact], &[bound]));
        let exact = replay.output_gradient(record.output(), &record.targets);
        deviations.push(Deviation::new(&record.output_gradient, &exact.value, &exact.bound));
        if self.aligned {
            let found = |index: usize| match side {
                RunSide::Candidate => self.owned[index].map(|own| record.gradients[own].as_slice()),
                RunSide::Reference => record.gradients.get(index).map(Vec::as_slice),
            };
            let mut seen = |gradients: &[Exact]| {
                if let Some((effects, by)) = &mut effects {
                    gradients.iter().enumerate().for_each(|(index, exact)| effects.take_in(index, exact, *by));
                }
            };
            let exact = replay.backward_beside(record, &parameters, &found, &mut seen);
            for (number, shared) in self.shared.iter().enumerate() {
                let (found, exact) = (&record.gradients[self.number(number, side)], &exact[shared.reference]);
                deviations.push(Deviation::new(found, &exact.value, &exact.bound));
            }
        }
        begin_updates(replay, record);
        for (number, shared) in self.shared.iter().enumerate() {
            let own = self.number(number, side);
            let (before, gradient) = (&record.before[own], &record.gradients[own]);
            if !advanced {
                replay.advance(shared.reference, before.as_slice().into(), gradient.as_slice().into());
            }
            let exact = replay.change(shared.reference, before, gradient);
            deviations.push(Deviation::new(&record.updates[own], &exact.value, &exact.bound));
        }
    }

    /// Measures again, closely, what is beyond its limit by no more than rounding that is not independent could explain: of
    /// the sums in question the terms are added up in the side's type.
    pub fn measure_closely(
        &self,
        replay: &mut Replay,
        side: RunSide,
        record: &StepRecord,
        reference: &StepRecord,
        deviations: &mut [Deviation],
    ) {
        // A few sums in a row may each have their part in it.
        let explains = |place: Place| 4.0 * self.headroom(place, record.rows);
        let in_question = |place: Place, found: &Deviation| !found.passes() && found.budget <= explains(place);
        if !self.all.iter().zip(&*deviations).any(|(&place, found)| in_question(place, found)) {
            return;
        }
        let mut close = Vec::new();
        replay.closely(true);
        self.measure(replay, (true, None), side, record, reference, &mut close);
        replay.closely(false);
        for ((&place, found), close) in self.all.iter().zip(deviations).zip(close) {
            if in_question(place, found) {
                *found = close;
            }
        }
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

    /// Lets the shadow of the optimizer's state see the gradients of a step that is not replayed, of which `before` are
    /// the weights that it starts from and `gradients` what it computed, parameter by parameter of the side.
    pub fn advance<'a>(
        &self,
        replay: &mut Replay,
        side: RunSide,
        batch: &Batch<'_>,
        [before, gradients]: [&dyn Fn(usize) -> Values<'a>; 2],
        parameters: usize,
    ) {
        if !replay.remembers() {
            return;
        }
        replay.begin(batch.step, batch.epoch, (0..parameters).map(gradients));
        for (number, shared) in self.shared.iter().enumerate() {
            let own = self.number(number, side);
            replay.advance(shared.reference, before(own), gradients(own));
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

/// A side's gradients in all its parameters, shared or not, are what it clips by.
fn begin_updates(replay: &mut Replay, record: &StepRecord) {
    replay.begin(record.step, record.epoch, record.gradients.iter().map(|gradient| gradient.as_slice().into()));
}
