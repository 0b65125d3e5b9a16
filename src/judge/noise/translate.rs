//! A candidate's record in the layout of the reference's definition, where its layers are others: each tensor where the
//! definition has it, what lies within a composite worked out in f64, and how far the candidate's own formula may be off
//! that by its own rounding.
//!
//! A composite is judged from where the layers last correspond to where they do again. The values are the
//! definition's. What rounding may do is that of the side's own formula, from the same start: what a sigmoid loses beside 1
//! is rounding to a side that takes the logarithm of it.

use crate::{
    experiment::{Experiment, Side},
    judge::replay::{Exact, Parameters, Replay},
    model::{Alignment, Place, Stretch},
    run::StepRecord,
};
use std::ops::Range;

/// Translates the records of one candidate.
pub struct Translation {
    alignment: Alignment,
    /// The layers of the definition, and of the candidate.
    places: [Vec<Place>; 2],
    /// The candidate's own definition.
    own: Replay,
    /// For each of the candidate's masks, the definition's.
    masks: Vec<Option<usize>>,
    /// The candidate's step with what lies within composites as its own definition has it in exact arithmetic.
    mirrored: StepRecord,
    record: StepRecord,
    slack: Slack,
}

/// By how much more than the definition's rounding a translated record may be off: by that of the candidate's formulas.
#[derive(Debug, Clone, Default)]
pub struct Slack {
    /// Per layer of the definition, for each element of its output; empty where nothing is added.
    pub activations: Vec<Vec<f64>>,
    /// Of the reported loss.
    pub loss: f64,
    /// Of the gradient in what reaches the tail; empty where nothing is added.
    pub output_gradient: Vec<f64>,
}

impl Translation {
    /// For the candidate of an experiment, if its layout is another. `k` as in [`Replay::new`].
    pub fn new(experiment: &Experiment, k: f64) -> Option<Self> {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let alignment = experiment.alignment();
        let same = |own: &[Option<usize>]| own.iter().enumerate().all(|(number, own)| *own == Some(number));
        let counts = |side: &Side| [side.model.parameters().len(), side.model.buffers().len()];
        let laid_out_alike = alignment.is_plain() && same(&alignment.parameters) && same(&alignment.buffers);
        if laid_out_alike && counts(reference) == counts(candidate) {
            return None;
        }
        let places = [reference.model.places(), candidate.model.places()];
        let tail = alignment.tail.candidate.start;
        Some(Self {
            masks: masks(&places),
            own: Replay::new(candidate, candidate.dtype, k).with_tail(tail),
            alignment,
            places,
            mirrored: StepRecord::default(),
            record: StepRecord::default(),
            slack: Slack::default(),
        })
    }

    /// What was translated last.
    pub fn latest(&self) -> &StepRecord {
        &self.record
    }

    /// Its slack.
    pub fn slack(&self) -> &Slack {
        &self.slack
    }

    /// The candidate's record in the definition's layout. What only the reference has is the reference's.
    pub fn translate(
        &mut self,
        definition: &mut Replay,
        record: &StepRecord,
        reference: &StepRecord,
    ) -> (&StepRecord, &Slack) {
        self.lay_out(record, reference);
        let layers = self.places[0].len();
        self.slack = Slack { activations: vec![Vec::new(); layers], ..Slack::default() };
        self.record.activations = vec![Vec::new(); layers];
        self.mirrored = StepRecord { masks: self.own_masks(record), ..record.clone() };
        match self.alignment.stretches.clone() {
            Some(stretches) => stretches.iter().for_each(|stretch| self.stretch(definition, stretch, record)),
            None => self.record.activations.clone_from(&record.activations),
        }
        if !self.alignment.tail.is_empty() {
            self.tail(definition, record);
        }
        (&self.record, &self.slack)
    }

    /// Everything but what layers put out.
    fn lay_out(&mut self, record: &StepRecord, reference: &StepRecord) {
        let Alignment { parameters, buffers, .. } = &self.alignment;
        let each = |own: &[Option<usize>], tensors: &[Vec<f64>], others: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let of = |(number, own): (usize, &Option<usize>)| match own {
                // A look at the evaluation mode has no gradients.
                Some(own) => tensors.get(*own).cloned().unwrap_or_default(),
                None => others.get(number).cloned().unwrap_or_default(),
            };
            own.iter().enumerate().map(of).collect()
        };
        let mut gradients = each(parameters, &record.gradients, &[]);
        // All of a side's gradients are what it clips by.
        let extra = (0..record.gradients.len()).filter(|own| !parameters.contains(&Some(*own)));
        gradients.extend(extra.map(|own| record.gradients[own].clone()));
        let lent = |layer: usize| self.alignment.layers[layer].and_then(|own| record.activation_gradients.get(own));
        let lent = (0..self.places[0].len()).map(|layer| lent(layer).cloned().unwrap_or_default()).collect();
        self.record = StepRecord {
            activation_gradients: lent,
            buffers_before: each(buffers, &record.buffers_before, &reference.buffers_before),
            buffers: each(buffers, &record.buffers, &reference.buffers),
            before: each(parameters, &record.before, &reference.before),
            after: each(parameters, &record.after, &reference.after),
            updates: each(parameters, &record.updates, &[]),
            gradients,
            activations: Vec::new(),
            activations_off: Vec::new(),
            gradients_off: Vec::new(),
            output_gradient_off: Vec::new(),
            inputs: record.inputs.clone(),
            targets: record.targets.clone(),
            masks: record.masks.clone(),
            looked: record.looked.clone(),
            output_gradient: record.output_gradient.clone(),
            resumed: record.resumed.clone(),
            ..*record
        };
    }

    /// The definition's masks of a step as the candidate's layers take them.
    fn own_masks(&self, record: &StepRecord) -> Vec<Vec<f64>> {
        let of = |mask: &Option<usize>| mask.and_then(|mask| record.masks.get(mask)).cloned().unwrap_or_default();
        self.masks.iter().map(of).collect()
    }

    /// What comes out of a stretch is the candidate's; what lies within it, the definition's, worked out.
    fn stretch(&mut self, definition: &mut Replay, stretch: &Stretch, record: &StepRecord) {
        let (last, own) = (stretch.reference.end - 1, stretch.candidate.end - 1);
        let mut off = work_out(definition, &mut self.record, stretch.reference.start..last);
        if !off.is_empty() {
            let before: Parameters<'_> = &|index| &self.record.before[index];
            off = definition.spread(last, &self.record, before, &off);
        }
        if stretch.is_composite(&self.places) {
            let of_own = work_out(&mut self.own, &mut self.mirrored, stretch.candidate.clone());
            off.resize(of_own.len(), 0.0);
            off.iter_mut().zip(of_own).for_each(|(off, own)| *off += own);
            self.mirrored.activations[own].clone_from(&record.activations[own]);
        }
        self.slack.activations[last] = off;
        self.record.activations[last].clone_from(&record.activations[own]);
    }

    /// The last layers and the loss: from what reaches them to the reported loss, and back to the gradient in that.
    fn tail(&mut self, definition: &mut Replay, record: &StepRecord) {
        let Stretch { reference: layers, candidate: of_own } = self.alignment.tail.clone();
        let off = work_out(definition, &mut self.record, layers);
        let own_off = work_out(&mut self.own, &mut self.mirrored, of_own.clone());
        self.record.looked.clone_from(&self.record.activations[self.places[0].len() - 1]);
        let Self { own, mirrored, slack, record: translated, .. } = self;
        let before: Parameters<'_> = &|index| &mirrored.before[index];
        slack.loss = definition.loss_spread(translated, &off)
            + own.loss(mirrored, before).1
            + own.loss_spread(mirrored, &own_off);
        if record.evaluation {
            return;
        }
        // What the candidate's own gradient in its outputs means where the sides correspond, by its own layers.
        let Exact { value, bound } = own.through_tail(record, &record.output_gradient, before).clone();
        // What the rounding of its tail's tensors does to that gradient, in this step: no more counts than rounding can do.
        let exact = own.loss_gradient(mirrored, before).value.clone();
        if let Some(last) = of_own.last() {
            let of_last = mirrored.activations[last].iter().zip(&own_off).zip(&record.activations[last]);
            let rounded = of_last.map(|((exact, off), found)| found.max(exact - off).min(exact + off)).collect();
            mirrored.activations[last] = rounded;
        }
        let before: Parameters<'_> = &|index| &mirrored.before[index];
        let Exact { value: rounded, bound: of_rounded } = own.loss_gradient(mirrored, before);
        let each = exact.iter().zip(rounded).zip(of_rounded.iter().zip(&bound));
        slack.output_gradient =
            each.map(|((exact, rounded), (of_rounded, off))| (exact - rounded).abs() + of_rounded + off).collect();
        (translated.output_gradient, translated.output_gradient_off) = (value, bound);
    }
}

/// Works out some layers in a record of their own layout; returns how far the output of the last may be off in a side; empty
/// where there are none.
fn work_out(replay: &mut Replay, record: &mut StepRecord, layers: Range<usize>) -> Vec<f64> {
    let mut off = Vec::new();
    for layer in layers {
        let before: Parameters<'_> = &|index| &record.before[index];
        let spread = if off.is_empty() { None } else { Some(replay.spread(layer, record, before, &off)) };
        let Exact { value, bound } = replay.forward(layer, record, before).clone();
        off = bound;
        off.iter_mut().zip(spread.iter().flatten()).for_each(|(off, spread)| *off += spread);
        record.activations[layer] = value;
    }
    off
}

/// For each of the candidate's masks, the definition's: in order, identities left out.
fn masks([one, other]: &[Vec<Place>; 2]) -> Vec<Option<usize>> {
    let real = |place: &&Place| place.mask.is_some() && !place.is_identity();
    let mut theirs = one.iter().filter(real).map(|place| place.mask);
    let dropouts = other.iter().filter(|place| place.mask.is_some());
    dropouts.map(|place| if place.is_identity() { None } else { theirs.next().flatten() }).collect()
}
