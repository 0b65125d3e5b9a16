//! The numbers behind the plots: one value per compared step, kept in f32 to stay small.

use super::{Evaluated, Phase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run, step by step. Empty columns mean that the mode was not run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Curves {
    /// What the reference is, for legends: `libtorch 2.13.0 f32`.
    pub reference: String,
    /// What the candidate is, for legends: `scratch f32`.
    pub candidate: String,
    /// The numbers of the steps, where they do not count from 0.
    #[serde(default)]
    pub numbers: Vec<usize>,
    /// The reported loss of every step, from step 0.
    pub reference_loss: Vec<f64>,
    /// The free candidate's reported loss of every step.
    pub free_loss: Vec<f64>,
    /// The synced candidate's reported loss of every step.
    pub synced_loss: Vec<f64>,
    /// The steps at which tensors were compared; what the columns of the tensor curves belong to.
    pub steps: Vec<usize>,
    /// The synced candidate, tensor by tensor, in phase order.
    pub sync: Vec<TensorCurve>,
    /// The free candidate, tensor by tensor, in phase order.
    pub free: Vec<TensorCurve>,
    /// The largest budget of every phase at every compared step, over the candidates; below 0 where it was not replayed.
    pub budgets: BTreeMap<Phase, Vec<f32>>,
    /// How far the median twin is from the reference: the gap of the weights at every compared step.
    pub twins: Vec<f32>,
    /// From which step on the free run proves nothing.
    pub horizon: Option<usize>,
    /// Wall time by phase.
    pub times: Vec<PhaseTimes>,
    /// How the sides did on held-out rows.
    pub evaluations: Vec<Evaluated>,
}

/// One tensor of one phase, over the compared steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TensorCurve {
    /// The phase that produces the tensor.
    pub phase: Phase,
    /// `output`, `loss`, `output_gradient`, a parameter's name, `gradients` (all as one vector) or `weights` (likewise).
    pub tensor: String,
    /// The candidate's gap from what the phase gives in exact arithmetic on the candidate's own inputs.
    pub judged: Vec<f32>,
    /// The gap that rounding allows there.
    pub limit: Vec<f32>,
    /// The gap between the two sides.
    pub between: Vec<f32>,
}

/// Wall time of one phase, in microseconds: first quartile, median, third quartile over the run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PhaseTimes {
    /// The phase.
    pub phase: Phase,
    /// The reference's.
    pub reference_us: [f64; 3],
    /// The candidate's.
    pub candidate_us: [f64; 3],
}
