//! What is asked of a worker and what it answers: one line of JSON each.

use super::super::{counted::Counted, workload};
use crate::{error::Result, experiment::Experiment};
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// One kind of work that a block repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The first phase of an observed step: every layer's output for a training batch.
    Forward,
    /// The second: the loss.
    Loss,
    /// The third: the gradients.
    Backward,
    /// The last: the parameters change.
    Update,
    /// All four, one by one: the observed step, gradients written down, as lockstep needs them.
    Step,
    /// A whole step that nobody looks into.
    Fused,
    /// Outputs of the whole test set in one batch.
    Whole,
    /// Outputs of the test set's batches of 64, one batch.
    Batches,
    /// Outputs of the test set's rows one by one, one row.
    Rows,
}

impl Work {
    /// The phases of an observed step.
    pub const PHASES: [Self; 4] = [Self::Forward, Self::Loss, Self::Backward, Self::Update];

    /// What an engine does in training.
    pub const TRAINING: [Self; 6] = [Self::Step, Self::Fused, Self::Forward, Self::Loss, Self::Backward, Self::Update];

    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::Backward => "backward",
            Self::Update => "update",
            Self::Step => "observed step",
            Self::Fused => "fused step",
            Self::Whole => "inference, all rows",
            Self::Batches => "inference, 64 rows",
            Self::Rows => "inference, 1 row",
        }
    }
}

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// An experiment file.
    File {
        /// Its path.
        path: PathBuf,
        /// What is changed in it.
        sets: Vec<String>,
    },
    /// An experiment of ours.
    Text {
        /// What errors call it.
        name: String,
        /// As in a file.
        text: String,
        /// What is changed in it.
        sets: Vec<String>,
        /// Words of a row, where rows count words: they are held sparse, and libtorch is given them dense.
        words: Option<usize>,
    },
}

impl Source {
    /// The experiment.
    ///
    /// # Errors
    /// If it cannot be read or accepted.
    pub fn open(&self) -> Result<Experiment> {
        match self {
            Self::File { path, sets } => Experiment::load(path, sets),
            Self::Text { name, text, sets, words } => {
                let mut experiment = Experiment::parse(text, name, Path::new(""), sets)?;
                if let Some(words) = words {
                    experiment.set = Arc::new(workload::counted_words(&experiment.set, *words)?);
                }
                Ok(experiment)
            }
        }
    }
}

/// What an engine is made ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::bench) enum Purpose {
    Training,
    Inference,
}

/// What is asked of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    /// Make an engine ready.
    Load { source: Source, reference: bool, threads: usize, purpose: Purpose },
    /// Repeat a kind of work until it is warm; how often does a block of so many microseconds repeat it?
    Warm { work: Work, block_us: f64 },
    /// How long does it take, repeated so often?
    Block { work: Work, repeats: u32 },
    /// How long does each phase of an observed step take, of so many steps?
    Phases { repeats: u32 },
    /// How much memory did it take?
    Memory,
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Loaded(Loaded),
    Repeats(u32),
    /// Microseconds of one repetition.
    Took(f64),
    /// Microseconds of each phase.
    Phases([f64; 4]),
    Memory(Option<Memory>),
    Failed(String),
}

/// What a worker has made ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::bench) struct Loaded {
    /// The experiment's title.
    pub(in crate::bench) title: String,
    /// The engine, in words.
    pub(in crate::bench) engine: String,
    /// The layers, in words.
    pub(in crate::bench) model: String,
    /// Numbers that are trained.
    pub(in crate::bench) parameters: usize,
    /// Each kind of work: its rows, and what it takes.
    pub(in crate::bench) works: Vec<(Work, usize, Counted)>,
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the process held before it had data or an engine: the program and its libraries.
    pub program: u64,
    /// The most that it held while it trained: program, data, engine.
    pub peak: u64,
}
