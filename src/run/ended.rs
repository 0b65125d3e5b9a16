//! How a run ended.

use super::{Evaluated, RunMode};
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ended {
    /// Steps that were run.
    pub steps: usize,
    /// Whether `stop` ended it.
    pub interrupted: bool,
    /// What early stopping decided, where there is any.
    pub stopping: Option<Stopping>,
    /// How the test rows were done in the end.
    pub test: Option<Evaluated>,
}

/// What early stopping decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// After how many steps the reference stopped, and with it the run.
    pub stopped: Option<usize>,
    /// After how many steps the reference was best.
    pub best: Option<usize>,
    /// Whether every side was given back its weights of then.
    pub restored: bool,
    /// What each candidate would have decided by its own scores, as far as the run went.
    pub candidates: Vec<Decision>,
}

/// A candidate's own decision to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The candidate.
    pub mode: RunMode,
    /// After how many steps it would have stopped.
    pub stopped: Option<usize>,
    /// After how many steps it was best.
    pub best: Option<usize>,
    /// Whether that is the reference's decision.
    pub same: bool,
}
