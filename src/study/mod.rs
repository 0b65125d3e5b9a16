//! What every study runs in: the published comparisons, and the calibration of the judge.
//!
//! A study runs its experiments in both engines, answers each claim of its document, and says whether what it expects
//! of the runs held. Its experiment files are inside the program, so that it runs in any folder. What is done is kept as
//! it is done: an interrupted study goes on where it was.

mod context;
mod journal;
pub mod page;
pub mod shapley;
mod statistics;
mod verdict;

pub use context::{Context, on_all_cores};
pub use journal::Journal;
pub use statistics::{Sample, largest, quantile, quartiles, share_error, share_interval, sorted, together};
pub use verdict::StudyVerdict;

use crate::{
    data::set::DataSet,
    error::Result,
    experiment::Experiment,
    judge::verdict::{Phase, Verdict},
    report::{visible, write_json, write_whole},
};
use std::{path::Path, sync::Arc};

/// A comparison that is re-run as a whole.
pub struct Study {
    /// What `lockstep study` calls it.
    pub name: &'static str,
    /// Its document, in a line.
    pub title: &'static str,
    /// The files of data that all of it needs, named as in `sst2/train.tsv`.
    pub data: &'static [&'static str],
    /// How many parts it runs, for the progress bar.
    pub parts: usize,
    /// Runs it, draws its figures into the folder, and fills its verdict.
    pub run: fn(&Context<'_>, &mut StudyVerdict) -> Result<Page>,
}

/// What a study says of its runs.
pub struct Page {
    /// report.md.
    pub report: String,
    /// For the terminal.
    pub summary: String,
}

impl Study {
    /// Runs the study and writes report.md and verdict.json beside its figures; returns what the terminal is told, and
    /// the exit code.
    ///
    /// # Errors
    /// If a run fails, a file cannot be written, or it is [interrupted](crate::error::Error::Interrupted); what an
    /// earlier run finished is not replaced then.
    pub fn finish(&self, context: &Context<'_>) -> Result<(String, u8)> {
        let mut verdict = StudyVerdict::new(self.name);
        let page = (self.run)(context, &mut verdict)?;
        write_whole(&context.folder.join("report.md"), visible(&page.report).as_bytes())?;
        write_json(&context.folder.join("verdict.json"), &verdict)?;
        Ok((page.summary, verdict.exit_code()))
    }
}

/// Texts of their own, as sets are given.
pub fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// An experiment file of the program, `text`, with `sets` as if they stood in it.
///
/// # Errors
/// If a set cannot be accepted, or its data cannot be opened.
pub fn experiment(text: &str, name: &str, sets: &[String]) -> Result<Experiment> {
    Experiment::parse(text, &format!("experiments/{name}.toml"), Path::new(""), sets)
}

/// The same on data that are open already, so that they are read once for many runs.
///
/// # Errors
/// If a set cannot be accepted.
pub fn experiment_on(set: &Arc<DataSet>, text: &str, name: &str, sets: &[String]) -> Result<Experiment> {
    Experiment::parse_on(set, text, &format!("experiments/{name}.toml"), Path::new(""), sets)
}

/// The candidate's tensor over what the reference's definition gives, where a phase first goes wrong; NaN where there is
/// none.
pub fn ratio(verdict: &Verdict, phase: Phase) -> f64 {
    verdict.ratio_of(phase).unwrap_or(f64::NAN)
}
