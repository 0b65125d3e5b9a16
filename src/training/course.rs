//! The course of a training: how long, in which order, and what is looked at on the way. Both sides share it.

use crate::data::{Length, order::Order};

/// The course of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Which rows a step sees: a batch of the side with the larger ones.
    pub order: Order,
    /// How long to train.
    pub length: Length,
    /// How often the validation rows are looked at, if there are any.
    pub validation: Every,
    /// When to stop before the end.
    pub early_stopping: Option<EarlyStopping>,
    /// How often the weights are written.
    pub checkpoint: Option<Every>,
}

/// How often something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// After every epoch.
    Epoch,
    /// After every so many steps.
    Steps(usize),
}

/// Stops once looking at the validation rows shows no improvement any more. The decision is the reference's, for both
/// sides; what the candidate would have decided is compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyStopping {
    /// How many looks without a new best there may be.
    pub patience: usize,
    /// Whether the look that makes it `patience` stops the run, or the one after it (`> patience`).
    pub exceeded: bool,
    /// What is to improve.
    pub monitor: Monitor,
    /// Whether the weights of the best look are given back at the end.
    pub restore: bool,
}

/// What early stopping watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    /// The loss of the validation rows; less is better.
    Loss,
    /// The share of them that is classified rightly; more is better.
    Accuracy,
}

impl Every {
    /// Whether it is done after `step`, from 0, of epochs of so many steps.
    pub fn is_due(self, step: usize, steps_per_epoch: usize) -> bool {
        let every = match self {
            Self::Epoch => steps_per_epoch,
            Self::Steps(steps) => steps,
        };
        (step + 1).is_multiple_of(every.max(1))
    }
}
