//! The tensors that are compared, as places in the records of a step, and what each should be.

use super::{By, Effects, Slack};
use crate::{
    data::Batch,
    experiment::{Experiment, Side},
    judge::{
        gap::Deviation,
        replay::{Exact, Parameters, Replay},
    },
    model::{Axis, Layer, Parameter},
    run::{Phase, RunSide, StepRecord},
    tensor::{DType, Shape, Values, norm},
    training::Maker,
};
use std::{borrow::Cow, slice};

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
struct Shared {
    name: String,
    reference: usize,
    candidate: usize,
    shape: Shape,
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
    layers: Vec<Option<usize>>,
    /// The layers of the definition that are not taken together with the loss.
    before_tail: usize,
    /// Whether some of the candidate's are.
    tail: bool,
    /// Whether the sides are given batches of their own, so that these can differ.
    pub watch_batches: bool,
    /// Relative to the values, what a side's type makes of the same inputs.
    batch_unit: f64,
    inputs: usize,
    widths: Vec<usize>,
    /// The number of the first parameter of each layer, or behind it.
    parameters_from: Vec<usize>,
    /// What each layer's sums run over.
    sums: Vec<Terms>,
    /// Whether the loss divides by a sum of the rows' weights.
    weighed: bool,
    /// Whether the reported loss is that after the update.
    after: bool,
    shared: Vec<Shared>,
    /// The buffers that both sides have, if the layers correspond.
    buffers: Vec<Shared>,
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
        Layer::Sigmoid
        | Layer::Tanh
        | Layer::Relu
        | Layer::LeakyRelu { .. }
        | Layer::Gelu(_)
        | Layer::Silu
        | Layer::Softplus { .. }
        | Layer::Dropout(_)
        | Layer::Embedding(_)
        | Layer::Flatten => Terms::Fixed(1),
    }
}

/// The tensors that both sides have, of the reference's and, for each, the candidate's.
fn common(ours: Vec<Parameter>, own: &[Option<usize>]) -> Vec<Shared> {
    let both = ours.into_iter().zip(own).enumerate().filter_map(|(reference, (parameter, candidate))| {
        candidate.map(|candidate| Shared { name: parameter.name, reference, candidate, shape: parameter.shape })
    });
    both.collect()
}

impl Place {
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
    /// What the sides of an experiment have in common, with limits of `k` times the noise.
    pub fn new(experiment: &Experiment, k: f64) -> Self {
        let reference = &experiment.reference.model;
        let widths = reference.widths();
        let alignment = experiment.alignment();
        let aligned = alignment.stretches.is_some();
        let shared = common(reference.parameters(), &alignment.parameters);
        let kept = reference.buffers().into_iter().map(|(buffer, _)| buffer).collect();
        let buffers = common(kept, &alignment.buffers);
        let layers = alignment.layers;
        let each = |place: fn(usize) -> Place| (0..shared.len()).map(place);
        let watch_batches = experiment.candidate.training.faults.iter().any(|fault| fault.made_by() == Maker::Data);
        let same_type = experiment.reference.dtype == experiment.candidate.dtype;
        let batch_unit = if same_type { 0.0 } else { DType::F32.unit_roundoff() };
        let mut all = Vec::new();
        if watch_batches {
            all.extend([Place::Inputs, Place::Targets]);
        }
        if aligned {
            all.extend((0..widths.len()).filter(|&layer| layers[layer].is_some()).map(Place::Activation));
            all.extend((0..buffers.len()).map(Place::Buffer));
        }
        let mut looked: Vec<Place> = Vec::new();
        if aligned {
            let of_layer = (0..widths.len()).filter(|&layer| layers[layer].is_some()).map(Place::Evaluated);
            looked.extend(of_layer.chain((0..buffers.len()).map(Place::Kept)));
        }
        looked.push(Place::EvaluatedLoss);
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
            looked,
            aligned,
            layers,
            before_tail: alignment.tail.reference.start,
            tail: !alignment.tail.is_empty(),
            watch_batches,
            batch_unit,
            inputs,
            parameters_from: reference.places().iter().map(|place| place.parameters.start).collect(),
            sums,
            weighed,
            after: experiment.reference.training.reported_loss.after_update,
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
            Place::Activation(layer) | Place::Evaluated(layer) => match self.sums[layer] {
                Terms::Fixed(terms) => terms,
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

    /// A record of the definition's own layout, where layers belong to the tail: with the gradient in what reaches that.
    fn at_tail<'a>(&self, replay: &mut Replay, record: &'a StepRecord) -> Cow<'a, StepRecord> {
        if !replay.has_tail() {
            return Cow::Borrowed(record);
        }
        let before: Parameters<'_> = &|index| &record.before[index];
        let Exact { value, bound } = replay.through_tail(record, &record.output_gradient, before).clone();
        Cow::Owned(StepRecord { output_gradient: value, output_gradient_off: bound, ..record.clone() })
    }

    /// Measures how far a side's record, in the definition's layout, is from what the definition makes of the side's own
    /// inputs, and tells `each` of every place that is judged, in order. A translated record comes with its slack. The
    /// shadow of the optimizer's state sees the step's gradients, unless it has (`advanced`). The effects of parameters are
    /// taken in.
    pub fn measure(
        &self,
        replay: &mut Replay,
        (advanced, mut effects): (bool, Option<(&mut Effects, By)>),
        (record, slack): (&StepRecord, Option<&Slack>),
        reference: &StepRecord,
        each: Each<'_>,
    ) {
        if self.watch_batches {
            let given = [(&record.inputs, &reference.inputs), (&record.targets, &reference.targets)];
            for (place, (found, given)) in [Place::Inputs, Place::Targets].into_iter().zip(given) {
                let bounds: Vec<f64> = given.iter().map(|value| self.batch_unit * value.abs()).collect();
                each(place, Judged { found, exact: given, bound: &bounds });
            }
        }
        let before: Parameters<'_> = &|index| &record.before[index];
        let own;
        let record = match slack {
            Some(_) => record,
            None => {
                own = self.at_tail(replay, record);
                &own
            }
        };
        self.outputs(replay, (record, slack), Place::Activation, each);
        if self.aligned {
            let exact = replay.buffers(record, &|index| &record.buffers_before[index]);
            for (number, shared) in self.buffers.iter().enumerate() {
                let (found, exact) = (&record.buffers[shared.reference], &exact[shared.reference]);
                each(Place::Buffer(number), Judged::new(found, exact));
            }
        }
        let after: Parameters<'_> = &|index| &record.after[index];
        let (exact, bound) = replay.loss(record, if self.after { after } else { before });
        let bound = bound + slack.map_or(0.0, |slack| slack.loss);
        each(Place::Loss, Judged { found: &[record.loss], exact: &[exact], bound: &[bound] });
        let exact = replay.loss_gradient(record, before);
        let widened = slack.and_then(|slack| wider(&exact.bound, &slack.output_gradient));
        let bound = widened.as_deref().unwrap_or(&exact.bound);
        each(Place::OutputGradient, Judged { found: &record.output_gradient, exact: &exact.value, bound });
        if self.aligned {
            let found = |index: usize| record.gradients.get(index).map(Vec::as_slice).filter(|found| !found.is_empty());
            let mut seen = |gradients: &[Exact]| {
                if let Some((effects, by)) = &mut effects {
                    gradients.iter().enumerate().for_each(|(index, exact)| effects.take_in(index, exact, *by));
                }
            };
            let exact = replay.backward_beside(record, before, &found, &mut seen);
            for (number, shared) in self.shared.iter().enumerate() {
                let (found, exact) = (&record.gradients[shared.reference], &exact[shared.reference]);
                each(Place::Gradient(number), Judged::new(found, exact));
            }
        }
        begin_updates(replay, record);
        for (number, shared) in self.shared.iter().enumerate() {
            let (before, gradient) = (&record.before[shared.reference], &record.gradients[shared.reference]);
            if !advanced {
                replay.advance(shared.reference, before.as_slice().into(), gradient.as_slice().into());
            }
            let exact = replay.change(shared.reference, before, gradient);
            each(Place::Update(number), Judged::new(&record.updates[shared.reference], exact));
        }
    }

    /// How far a record of a look at the evaluation mode is off, at each of the places that are looked at.
    pub fn look(&self, replay: &mut Replay, given: (&StepRecord, Option<&Slack>), closely: bool) -> Vec<Deviation> {
        let mut found = Vec::new();
        self.measure_look(replay, given, &mut |_, judged| found.push(judged.deviation()));
        if closely {
            self.measure_closely(replay, &self.looked, given.0.rows, &mut found, &mut |replay, each| {
                self.measure_look(replay, given, each);
            });
        }
        found
    }

    /// As [`measure`](Self::measure), of a look at the evaluation mode.
    pub fn measure_look(&self, replay: &mut Replay, (record, slack): (&StepRecord, Option<&Slack>), each: Each<'_>) {
        self.outputs(replay, (record, slack), Place::Evaluated, each);
        if self.aligned {
            for (number, shared) in self.buffers.iter().enumerate() {
                let (found, exact) = (&record.buffers[shared.reference], &record.buffers_before[shared.reference]);
                each(Place::Kept(number), Judged { found, exact, bound: &vec![0.0; exact.len()] });
            }
        }
        let (exact, bound) = replay.loss(record, &|index| &record.before[index]);
        let bound = bound + slack.map_or(0.0, |slack| slack.loss);
        each(Place::EvaluatedLoss, Judged { found: &[record.loss], exact: &[exact], bound: &[bound] });
    }

    /// What layers put out.
    fn outputs(
        &self,
        replay: &mut Replay,
        (record, slack): (&StepRecord, Option<&Slack>),
        place: fn(usize) -> Place,
        each: Each<'_>,
    ) {
        if !self.aligned {
            return;
        }
        for layer in (0..self.layers.len()).filter(|&layer| self.layers[layer].is_some()) {
            let exact = replay.forward(layer, record, &|index| &record.before[index]);
            let widened = slack.and_then(|slack| wider(&exact.bound, &slack.activations[layer]));
            let bound = widened.as_deref().unwrap_or(&exact.bound);
            each(place(layer), Judged { found: &record.activations[layer], exact: &exact.value, bound });
        }
    }

    /// What comes back through the layers, each on its own: of every layer whose gradient the side lends, from the one that it
    /// lends next to the loss. Tells `each` in the order in which gradients come; nothing where the side lends none.
    pub fn measure_pieces(&self, replay: &mut Replay, record: &StepRecord, each: Each<'_>) {
        if !self.aligned || record.activation_gradients.iter().all(Vec::is_empty) {
            return;
        }
        let before: Parameters<'_> = &|index| &record.before[index];
        let mut pieces = Vec::new();
        let exact = replay.backward_in_pieces(record, before, &mut |layer, exact| pieces.push((layer, exact.clone())));
        let gradient = |(number, shared): (usize, &Shared), each: Each<'_>| {
            let (found, exact) = (&record.gradients[shared.reference], &exact[shared.reference]);
            each(Place::Gradient(number), Judged::new(found, exact));
        };
        let mut gradients = self.shared.iter().enumerate().rev().peekable();
        for (layer, exact) in &pieces {
            // Those of the layers behind this one have come.
            let first = self.first_parameter(layer + 1);
            while let Some(come) = gradients.next_if(|(_, shared)| shared.reference >= first) {
                gradient(come, each);
            }
            each(Place::ActivationGradient(*layer), Judged::new(&record.activation_gradients[*layer], exact));
        }
        gradients.for_each(|left| gradient(left, each));
    }

    /// Measures again, closely, what is beyond its limit by no more than rounding that is not independent could explain: of
    /// the sums in question the terms are added up in the side's type. `measure` measures the places `all`.
    pub fn measure_closely(
        &self,
        replay: &mut Replay,
        all: &[Place],
        rows: usize,
        deviations: &mut [Deviation],
        measure: &mut dyn FnMut(&mut Replay, Each<'_>),
    ) {
        // A few sums in a row may each have their part in it.
        let explains = |place: Place| 4.0 * self.headroom(place, rows);
        let in_question = |place: Place, found: &Deviation| !found.passes() && found.budget <= explains(place);
        if !all.iter().zip(&*deviations).any(|(&place, found)| in_question(place, found)) {
            return;
        }
        let mut close = Vec::new();
        replay.closely(true);
        measure(replay, &mut |_, judged| close.push(judged.deviation()));
        replay.closely(false);
        for ((&place, found), close) in all.iter().zip(deviations).zip(close) {
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
        for shared in &self.shared {
            let own = match side {
                RunSide::Reference => shared.reference,
                RunSide::Candidate => shared.candidate,
            };
            replay.advance(shared.reference, before(own), gradients(own));
        }
    }

    /// The first parameter of a layer of the definition, or of those behind it.
    fn first_parameter(&self, layer: usize) -> usize {
        self.parameters_from.get(layer).copied().unwrap_or(usize::MAX)
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

/// A tensor of a side, what it should be, and how far rounding may take each element from that.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The side's.
    pub found: &'a [f64],
    /// The definition's.
    pub exact: &'a [f64],
    /// As many.
    pub bound: &'a [f64],
}

/// Someone who is told of every place that is judged.
pub type Each<'a> = &'a mut dyn FnMut(Place, Judged<'_>);

impl<'a> Judged<'a> {
    fn new(found: &'a [f64], exact: &'a Exact) -> Self {
        Self { found, exact: &exact.value, bound: &exact.bound }
    }

    /// How far it is off.
    pub fn deviation(self) -> Deviation {
        Deviation::new(self.found, self.exact, self.bound)
    }
}

/// Bounds that are wider by what a side's own formulas add, where they add something.
fn wider(bound: &[f64], slack: &[f64]) -> Option<Vec<f64>> {
    (!slack.is_empty()).then(|| bound.iter().zip(slack).map(|(bound, slack)| bound + slack).collect())
}

/// A side's gradients in all its parameters, shared or not, are what it clips by.
fn begin_updates(replay: &mut Replay, record: &StepRecord) {
    replay.begin(record.step, record.epoch, record.gradients.iter().map(|gradient| gradient.as_slice().into()));
}
