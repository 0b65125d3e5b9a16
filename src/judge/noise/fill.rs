//! The record of a side that does not have all of a step, in whole: what it does not have is worked out in f64, from what it
//! has, with how far rounding in the side may be off that, carried through the whole chain.
//!
//! With the weights of every step alone, a step is one composite: from a side's own weights to its own weights.

use super::Slack;
use crate::{
    engine::Lends,
    judge::replay::{Exact, Parameters, Replay},
    run::StepRecord,
};

/// Fills the records of one side.
pub struct Filling {
    lends: Lends,
    record: StepRecord,
    slack: Slack,
}

impl Filling {
    /// For a side that has so much of a step; nothing where that is all.
    pub fn new(lends: Lends) -> Option<Self> {
        (!lends.is_whole()).then(|| Self { lends, record: StepRecord::default(), slack: Slack::default() })
    }

    /// For looks at the evaluation mode that were recorded.
    pub fn of_looks() -> Self {
        let lends = Lends { activations: false, ..Lends::ALL };
        Self { lends, record: StepRecord::default(), slack: Slack::default() }
    }

    /// A look of which the last layer's output is known at most: what the layers before it put out is worked out.
    pub fn look(&mut self, replay: &mut Replay, record: &StepRecord) -> (&StepRecord, &Slack) {
        self.record.clone_from(record);
        let off = self.outputs(replay);
        self.slack.loss = replay.loss_spread(&self.record, &off);
        (&self.record, &self.slack)
    }

    /// What was filled last.
    pub fn latest(&self) -> &StepRecord {
        &self.record
    }

    /// By how much more than a phase's own rounding what it has may be off, as what reached the phase was worked out.
    pub fn slack(&self) -> &Slack {
        &self.slack
    }

    /// A record in whole, under the definition of `replay`.
    pub fn fill(&mut self, replay: &mut Replay, record: &StepRecord) -> (&StepRecord, &Slack) {
        self.record.clone_from(record);
        let off = self.outputs(replay);
        self.losses(replay, &off);
        self.gradients(replay);
        (&self.record, &self.slack)
    }

    /// What layers put out; returns how far the last one's may be off.
    fn outputs(&mut self, replay: &mut Replay) -> Vec<f64> {
        let Self { lends, record, slack } = self;
        let layers = replay.layers();
        record.activations.resize(layers, Vec::new());
        slack.activations = vec![Vec::new(); layers];
        record.activations_off = vec![Vec::new(); layers];
        for layer in 0..layers {
            let before: Parameters<'_> = &|index| &record.before[index];
            let spread = replay.spread(layer, record, before, record.input_off(layer));
            if lends.activations || (record.evaluation && !record.activations[layer].is_empty()) {
                slack.activations[layer] = spread;
                continue;
            }
            let Exact { value, mut bound } = replay.forward(layer, record, before).clone();
            bound.iter_mut().zip(spread).for_each(|(bound, spread)| *bound += spread);
            record.activations[layer] = value;
            record.activations_off[layer] = bound;
        }
        record.activations_off.last().cloned().unwrap_or_default()
    }

    /// The reported loss, and the gradient in the outputs.
    fn losses(&mut self, replay: &mut Replay, off: &[f64]) {
        let Self { lends, record, slack } = self;
        let before: Parameters<'_> = &|index| &record.before[index];
        slack.loss = replay.loss_spread(record, off);
        if !lends.loss {
            (record.loss, _) = replay.loss(record, before);
        }
        let spread = replay.output_gradient_spread(record, off);
        let Exact { value, mut bound } = replay.loss_gradient(record, before).clone();
        slack.output_gradient.clear();
        record.output_gradient_off.clear();
        if lends.output_gradient {
            slack.output_gradient = spread;
        } else {
            bound.iter_mut().zip(spread).for_each(|(bound, spread)| *bound += spread);
            (record.output_gradient, record.output_gradient_off) = (value, bound);
        }
    }

    /// The gradients in the parameters, which updates are made of.
    fn gradients(&mut self, replay: &mut Replay) {
        let Self { lends, record, .. } = self;
        record.gradients_off.clear();
        if !lends.gradients {
            let before: Parameters<'_> = &|index| &record.before[index];
            let exact = replay.backward(record, before).to_vec();
            (record.gradients, record.gradients_off) =
                exact.into_iter().map(|exact| (exact.value, exact.bound)).unzip();
        }
    }
}
