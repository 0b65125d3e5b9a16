//! The data sets of the document, opened once for many runs, and one engine in training on them.

use super::super::{Context, experiment, experiment_on};
use crate::{
    data::set::{DataSet, Which},
    error::Result,
    experiment::Experiment,
    lockstep::{Alone, RunSide, Scores},
    verdict::{Phase, Verdict},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An experiment file of the study.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    /// The data it wants.
    pub(super) data: &'static [&'static str],
}

pub(super) const ODIYA: File = File {
    name: "text/odiya",
    text: include_str!("../../../experiments/text/odiya.toml"),
    data: &["odiya/odiya.train.txt", "odiya/odiya.ppmi-svd.300d.vec.gz"],
};
pub(super) const QUESTIONS: File = File {
    name: "text/questions",
    text: include_str!("../../../experiments/text/questions.toml"),
    data: &["questions/questions.train.txt", "questions/questions.test.txt", "glove/glove.6B.50d.subset.txt"],
};

/// A file whose data are open, in both types.
pub(super) struct Opened {
    file: &'static File,
    sets: Vec<String>,
    pub(super) set: Arc<DataSet>,
}

impl Opened {
    /// Opens the data of a file, changed by `sets`.
    pub(super) fn new(file: &'static File, sets: &[&str]) -> Result<Self> {
        let sets = owned(sets);
        // One side in each type, so that the rows are held in both.
        let both = [&sets[..], &owned(&["reference.dtype=f64", "candidate.dtype=f32"])].concat();
        let set = experiment(file.text, file.name, &both)?.set;
        Ok(Self { file, sets, set })
    }

    /// An experiment on them.
    pub(super) fn experiment(&self, title: &str, sets: &[&str]) -> Result<Experiment> {
        let sets = [&self.sets[..], &owned(sets)].concat();
        let mut experiment = experiment_on(&self.set, self.file.text, self.file.name, &sets)?;
        experiment.title = title.to_owned();
        Ok(experiment)
    }
}

pub(super) fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// How well a network does on some rows, dropout off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The loss it is trained with, mean over the rows.
    pub(super) loss: f64,
    /// The share of right rows.
    pub(super) accuracy: f64,
}

/// How well it does after so many epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) epoch: usize,
    pub(super) training: Seen,
    pub(super) validation: Seen,
}

impl Look {
    /// The generalization gap: training accuracy less that on validation rows.
    pub(super) fn gap(&self) -> f64 {
        self.training.accuracy - self.validation.accuracy
    }
}

impl From<Scores> for Seen {
    fn from(scores: Scores) -> Self {
        Self { loss: scores.loss.unwrap_or(f64::NAN), accuracy: scores.accuracy.unwrap_or(f64::NAN) }
    }
}

/// Trains the reference of an experiment alone for all its epochs and looks after every so many.
pub(super) fn train(context: &Context<'_>, experiment: &Experiment, epochs: usize, every: usize) -> Result<Vec<Look>> {
    let mut alone = Alone::new(experiment, RunSide::Reference)?;
    let mut looks = Vec::new();
    for epoch in 1..=epochs {
        context.go_on()?;
        alone.epoch()?;
        if epoch % every == 0 || epoch == epochs {
            let training = alone.scores(&experiment.set, Which::Training)?.into();
            let validation = alone.scores(&experiment.set, Which::Validation)?.into();
            looks.push(Look { epoch, training, validation });
        }
    }
    Ok(looks)
}

/// What a verdict says, in a few words: `parity`, or where the sides first part.
pub(super) fn told(verdict: &Verdict) -> String {
    match &verdict.first_divergence {
        None => verdict.verdict.to_string(),
        Some(first) if first.phase == Phase::Start || first.phase == Phase::Batch => {
            format!("{} in the {}", verdict.verdict, first.phase.name())
        }
        Some(first) => {
            format!("{} at step {}, {}, `{}`", verdict.verdict, first.step, first.phase.name(), first.tensor)
        }
    }
}
