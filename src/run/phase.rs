//! The words of a run: phases, and the ways to run a candidate.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of a run that is judged alone, in the order in which a difference can first show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Parameters, shapes and initial weights.
    Start,
    /// The rows that both sides are given.
    Batch,
    /// From weights and inputs to outputs.
    Forward,
    /// From outputs and targets to the reported loss.
    Loss,
    /// From the loss to the gradients.
    Backward,
    /// From gradients to new weights.
    Update,
    /// The evaluation mode: running statistics, and outputs and losses of held-out rows.
    Evaluation,
}

/// How a command was asked to run the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One reference pass feeds a free and a synced candidate.
    Both,
    /// The candidate keeps its own weights.
    Free,
    /// The candidate takes the reference's weights before every step.
    Sync,
    /// One isolated step is compared.
    Probe,
}

/// Which of the candidates of a run something was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunMode {
    /// The candidate that takes the reference's weights before every step.
    Sync,
    /// The candidate that keeps its own weights.
    Free,
}

impl Phase {
    /// The phases of a step that an engine computes, in order.
    pub const COMPUTED: [Self; 4] = [Self::Forward, Self::Loss, Self::Backward, Self::Update];

    /// The phase's name, as in verdict.json.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Batch => "batch",
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::Backward => "backward",
            Self::Update => "update",
            Self::Evaluation => "evaluation",
        }
    }
}

impl Mode {
    /// The candidates that run in this mode.
    pub fn runs(self) -> &'static [RunMode] {
        match self {
            Self::Both => &[RunMode::Sync, RunMode::Free],
            Self::Sync | Self::Probe => &[RunMode::Sync],
            Self::Free => &[RunMode::Free],
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "both",
            Self::Free => "free",
            Self::Sync => "sync",
            Self::Probe => "probe",
        })
    }
}

impl fmt::Display for RunMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync => "sync",
            Self::Free => "free",
        })
    }
}
