//! Kinks that rounding pushed to different sides: one side's pre-activation above 0, the other's not; an absolute value, of a
//! penalty or of a loss, whose number is on different sides of 0.

use crate::{
    experiment::Experiment,
    model::{Layer, Parameter},
    run::{RunMode, Runner, StepRecord},
    tensor::{Values, View},
    training::{Measure, Norm},
};
use serde::{Deserialize, Serialize};

/// Ties that are kept with their place; the others are counted.
const KEPT: usize = 1000;

/// A kink that rounding pushed to different sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tie {
    /// The candidate in which it was seen.
    pub mode: RunMode,
    /// The step.
    pub step: usize,
    /// The layer's `state_dict` index.
    pub layer: usize,
    /// The row of the step's batch.
    pub sample: usize,
    /// The column.
    pub unit: usize,
    /// The reference's pre-activation.
    pub reference: f64,
    /// The candidate's pre-activation.
    pub candidate: f64,
}

/// What layers of a side put out at the latest step.
pub struct Computed<'a> {
    side: &'a Runner,
    /// Worked out, where the side does not have it.
    worked_out: Option<&'a StepRecord>,
}

impl<'a> Computed<'a> {
    /// Of a side, or of its record in whole where that was worked out.
    pub fn new(side: &'a Runner, worked_out: Option<&'a StepRecord>) -> Self {
        Self { side, worked_out }
    }

    fn activation(&self, layer: usize) -> Values<'a> {
        match self.worked_out {
            Some(record) => Values::F64(&record.activations[layer]),
            None => self.side.activation(layer),
        }
    }
}

/// The ties of a run.
#[derive(Debug, Clone, Default)]
pub struct Ties {
    /// What reaches the layers with a kink at 0 that both sides have: the reference's layer, and the outputs before it, the
    /// reference's first.
    layers: Vec<(usize, [usize; 2])>,
    /// The parameters that an L1 penalty takes, each with its name: the reference's number, and the candidate's.
    penalized: Vec<(String, [usize; 2])>,
    /// The last layers, where an L1 loss follows.
    outputs: Option<[usize; 2]>,
    /// The first of them, with their places.
    pub listed: Vec<Tie>,
    /// How many there are.
    pub count: usize,
}

impl Ties {
    /// No ties yet.
    pub fn new(experiment: &Experiment) -> Self {
        let (reference, candidate) = (&experiment.reference.model.layers, &experiment.candidate.model.layers);
        let alignment = experiment.alignment();
        let kink = |layer: &Layer| layer.facts().kink;
        // What reaches the first layer is given, not computed.
        let before = |layer: usize| Some((layer.checked_sub(1)?, alignment.layers[layer.checked_sub(1)?]?));
        let both = |layer: &usize| {
            alignment.layers[*layer].is_some_and(|own| kink(&reference[*layer]) && kink(&candidate[own]))
        };
        let layers = (0..reference.len())
            .filter(both)
            .filter_map(|layer| before(layer).map(|(reference, candidate)| (layer, [reference, candidate])));
        let [one, other] = [&experiment.reference, &experiment.candidate].map(|side| &side.training);
        let taken = |parameter: &Parameter| {
            one.penalties.iter().any(|penalty| penalty.norm == Norm::L1 && penalty.takes(parameter))
        };
        let parameters = experiment.reference.model.parameters();
        let numbered = parameters.into_iter().enumerate().zip(&alignment.parameters);
        let penalized = numbered
            .filter(|((_, parameter), _)| taken(parameter))
            .filter_map(|((number, parameter), own)| Some((parameter.name, [number, (*own)?])));
        let absolute = [one, other].iter().all(|training| training.loss.measure == Measure::AbsoluteError);
        let outputs =
            (absolute && alignment.tail.is_empty()).then(|| [reference, candidate].map(|layers| layers.len() - 1));
        Self { layers: layers.collect(), penalized: penalized.collect(), outputs, ..Self::default() }
    }

    /// After a step in which the weights of both sides were together: whose absolute value rounding bends the other way on
    /// one of them, a weight's that an L1 penalty takes, or an error's of an L1 loss for these targets.
    pub fn bent(&self, sides: [&Computed<'_>; 2], targets: Option<View<'_>>) -> Option<String> {
        let [reference, candidate] = sides;
        let engines = sides.map(|side| side.side.engine());
        let weight = self.penalized.iter().find(|(_, numbers)| {
            let [one, other] = [0, 1].map(|side| engines[side].tensor(numbers[side]).values.iter());
            one.zip(other).any(|(one, other)| sign(one) != sign(other))
        });
        if let Some((name, _)) = weight {
            return Some(format!("the L1 penalty of {name}"));
        }
        let ([one, other], targets) = (self.outputs?, targets?);
        let outputs = reference.activation(one).iter().zip(candidate.activation(other).iter());
        let mut errors =
            outputs.zip(targets.values.iter()).map(|((one, other), target)| [one - target, other - target]);
        errors.any(|[one, other]| sign(one) != sign(other)).then(|| "the L1 loss of an output".to_owned())
    }

    /// Takes in a step at which the forward phases of both sides are within their limits, so that two pre-activations on
    /// opposite sides of 0 are there by rounding alone. Each side's gradient is replayed with the choices that side
    /// made, which its own activations show, so that a tie moves no phase beyond its limit. Exactly 0 on both sides is
    /// no tie: both are on the same side, and what a side makes of it is its definition of ReLU′(0).
    ///
    /// Returns whether there were any.
    pub fn take_in(&mut self, mode: RunMode, step: usize, [reference, candidate]: [&Computed<'_>; 2]) -> bool {
        let before = self.count;
        // Of a step in several batches, those rows that both have.
        let rows = [reference, candidate]
            .map(|Computed { side, .. }| (side.latest.first_row, side.latest.first_row + side.latest.rows));
        let (first, end) = (rows[0].0.max(rows[1].0), rows[0].1.min(rows[1].1));
        for &(layer, [of_reference, of_candidate]) in &self.layers {
            let [one, other] = [reference.activation(of_reference), candidate.activation(of_candidate)];
            let width = one.len() / reference.side.latest.rows.max(1);
            let [one, other] = [(one, reference), (other, candidate)].map(|(values, computed)| {
                let of_side = |row| width * (row - computed.side.latest.first_row);
                values.part(of_side(first)..of_side(end))
            });
            if !differ(one, other) {
                continue;
            }
            for (offset, (reference, candidate)) in one.iter().zip(other.iter()).enumerate() {
                if (reference > 0.0) != (candidate > 0.0) {
                    self.count += 1;
                    if self.listed.len() < KEPT {
                        let (sample, unit) = (first + offset / width, offset % width);
                        self.listed.push(Tie { mode, step, layer, sample, unit, reference, candidate });
                    }
                }
            }
        }
        self.count > before
    }
}

/// Which side of 0 a number is on, if on either.
fn sign(value: f64) -> [bool; 2] {
    [value > 0.0, value < 0.0]
}

/// Whether two tensors have an element on different sides of 0.
fn differ(one: Values<'_>, other: Values<'_>) -> bool {
    // Without a way out in between, so that it is vectorized.
    fn each<A: Copy + Into<f64>, B: Copy + Into<f64>>(one: &[A], other: &[B]) -> bool {
        one.iter()
            .zip(other)
            .fold(false, |differ, (&one, &other)| differ | ((one.into() > 0.0) != (other.into() > 0.0)))
    }
    match (one, other) {
        (Values::F32(one), Values::F32(other)) => each(one, other),
        (Values::F32(one), Values::F64(other)) => each(one, other),
        (Values::F64(one), Values::F32(other)) => each(one, other),
        (Values::F64(one), Values::F64(other)) => each(one, other),
    }
}
