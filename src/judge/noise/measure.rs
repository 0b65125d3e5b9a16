//! Every tensor of a step beside its replay.

use super::{By, Effects, Place, Places, Slack, place::Shared};
use crate::{
    data::Batch,
    judge::{
        gap::Deviation,
        replay::{Exact, Given, Parameters, Replay},
    },
    run::{RunSide, StepRecord},
    tensor::{Values, norm},
};
use std::borrow::Cow;

impl Places {
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
        let (lends, before): (_, Parameters<'_>) = (self.lends, &|index| &record.before[index]);
        let own;
        let record = match slack {
            Some(_) => record,
            None => {
                own = self.at_tail(replay, record);
                &own
            }
        };
        self.outputs(replay, (record, slack), (Place::Activation, &self.all), each);
        if self.aligned && lends.buffers {
            let exact = replay.buffers(record, &|index| &record.buffers_before[index]);
            for (number, shared) in self.buffers.iter().enumerate() {
                let (found, exact) = (&record.buffers[shared.reference], &exact[shared.reference]);
                each(Place::Buffer(number), Judged::new(found, exact));
            }
        }
        let after: Parameters<'_> = &|index| &record.after[index];
        if lends.loss {
            let (exact, bound) = replay.loss(record, if self.after { after } else { before });
            let bound = bound + slack.map_or(0.0, |slack| slack.loss);
            each(Place::Loss, Judged { found: &[record.loss], exact: &[exact], bound: &[bound] });
        }
        if lends.output_gradient {
            let exact = replay.loss_gradient(record, before);
            let widened = slack.and_then(|slack| wider(&exact.bound, &slack.output_gradient));
            let bound = widened.as_deref().unwrap_or(&exact.bound);
            each(Place::OutputGradient, Judged { found: &record.output_gradient, exact: &exact.value, bound });
        }
        if self.aligned && (lends.gradients || effects.is_some()) {
            let found = |index: usize| record.gradients.get(index).map(Vec::as_slice).filter(|found| !found.is_empty());
            let mut seen = |gradients: &[Exact]| {
                if let Some((effects, by)) = &mut effects {
                    gradients.iter().enumerate().for_each(|(index, exact)| effects.take_in(index, exact, *by));
                }
            };
            let exact = replay.backward_beside(record, before, &found, &mut seen);
            for (number, shared) in self.shared.iter().enumerate().filter(|_| lends.gradients) {
                let (found, exact) = (&record.gradients[shared.reference], &exact[shared.reference]);
                each(Place::Gradient(number), Judged::new(found, exact));
            }
        }
        if let Some(resumed) = record.resumed.as_ref().filter(|_| !advanced) {
            replay.resume(resumed);
        }
        begin_updates(replay, record);
        for (number, shared) in self.shared.iter().enumerate().filter(|_| self.updates) {
            let (before, gradient) = (&record.before[shared.reference], given(record, shared.reference));
            if !advanced {
                replay.advance(shared.reference, before.as_slice().into(), gradient);
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
        self.outputs(replay, (record, slack), (Place::Evaluated, &self.looked), each);
        let looked = |place: Place| self.looked.contains(&place);
        for (number, shared) in self.buffers.iter().enumerate().filter(|(number, _)| looked(Place::Kept(*number))) {
            let (found, exact) = (&record.buffers[shared.reference], &record.buffers_before[shared.reference]);
            each(Place::Kept(number), Judged { found, exact, bound: &vec![0.0; exact.len()] });
        }
        if !looked(Place::EvaluatedLoss) {
            return;
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
        (place, judged): (fn(usize) -> Place, &[Place]),
        each: Each<'_>,
    ) {
        for layer in (0..self.layers.len()).filter(|&layer| judged.contains(&place(layer))) {
            let exact = replay.forward(layer, record, &|index| &record.before[index]);
            let widened = slack.and_then(|slack| wider(&exact.bound, &slack.activations[layer]));
            let bound = widened.as_deref().unwrap_or(&exact.bound);
            each(place(layer), Judged { found: &record.activations[layer], exact: &exact.value, bound });
        }
    }

    /// What comes back through the layers, each on its own: of every layer whose gradient the side lends, from the one that it
    /// lends next to the loss. Tells `each` in the order in which gradients come; nothing where the side lends none.
    pub fn measure_pieces(&self, replay: &mut Replay, record: &StepRecord, each: Each<'_>) {
        if !self.aligned || !self.lends.gradients || record.activation_gradients.iter().all(Vec::is_empty) {
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
    replay.begin(record.step, record.epoch, (0..record.gradients.len()).map(|index| given(record, index)));
}

/// A gradient of a record, with how far the side's may be off it.
fn given(record: &StepRecord, parameter: usize) -> Given<'_> {
    let off = record.gradients_off.get(parameter).map_or(&[][..], Vec::as_slice);
    Given { values: record.gradients[parameter].as_slice().into(), off }
}
