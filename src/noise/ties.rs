//! Kinks that rounding pushed to different sides: one side's pre-activation above 0, the other's not.

use crate::{
    experiment::Experiment,
    lockstep::{RunMode, Runner},
    model::Layer,
    tensor::Values,
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

/// The ties of a run.
#[derive(Debug, Clone, Default)]
pub struct Ties {
    /// What reaches the layers with a kink at 0 that both sides have: the reference's layer, and the outputs before it, the
    /// reference's first.
    layers: Vec<(usize, [usize; 2])>,
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
        let kink = |layer: &Layer| matches!(layer, Layer::Relu | Layer::LeakyRelu { .. });
        // What reaches the first layer is given, not computed.
        let before = |layer: usize| Some((layer.checked_sub(1)?, alignment.layers[layer.checked_sub(1)?]?));
        let both = |layer: &usize| {
            alignment.layers[*layer].is_some_and(|own| kink(&reference[*layer]) && kink(&candidate[own]))
        };
        let layers = (0..reference.len())
            .filter(both)
            .filter_map(|layer| before(layer).map(|(reference, candidate)| (layer, [reference, candidate])));
        Self { layers: layers.collect(), ..Self::default() }
    }

    /// Takes in a step at which the forward phases of both sides are within their limits, so that two pre-activations on
    /// opposite sides of 0 are there by rounding alone. Each side's gradient is replayed with the choices that side
    /// made, which its own activations show, so that a tie moves no phase beyond its limit. Exactly 0 on both sides is
    /// no tie: both are on the same side, and what a side makes of it is its definition of ReLU′(0).
    ///
    /// Returns whether there were any.
    pub fn take_in(&mut self, mode: RunMode, step: usize, reference: &Runner, candidate: &Runner) -> bool {
        let before = self.count;
        // Of a step in several batches, those rows that both have.
        let rows = [reference, candidate].map(|side| (side.latest.first_row, side.latest.first_row + side.latest.rows));
        let (first, end) = (rows[0].0.max(rows[1].0), rows[0].1.min(rows[1].1));
        for &(layer, [of_reference, of_candidate]) in &self.layers {
            let [one, other] = [reference.activation(of_reference), candidate.activation(of_candidate)];
            let width = one.len() / reference.latest.rows.max(1);
            let [one, other] = [(one, reference), (other, candidate)].map(|(values, side)| {
                let of_side = |row| width * (row - side.latest.first_row);
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
