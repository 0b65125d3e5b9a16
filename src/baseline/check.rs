//! All cases of one command, and the exit code that they mean.

use super::{
    compare::{Change, Kind, against, alone},
    file::Baseline,
    found::Found,
    speed::Speeds,
};
use crate::{
    error::Error,
    judge::verdict::{Outcome, Verdict},
};
use serde::Serialize;

/// The version of the layout of what `check --json` prints.
const SCHEMA: u32 = 1;

/// What stands for a trace that says itself what it was meant to be.
pub const MANIFEST: &str = "manifest.json";

/// What `check` lets pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leniency {
    /// Entries that are missing or stale.
    pub entries: bool,
    /// What was inconclusive when it was accepted, and is still.
    pub inconclusive: bool,
}

/// What experiments are held against.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Verdicts that were accepted.
    pub baseline: &'a Baseline,
    /// Times that were accepted.
    pub speeds: &'a Speeds,
    /// How many times as long a step may take, where that is gated.
    pub gate: Option<f64>,
}

/// One experiment beside its entry.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Its key in the baseline: its path from there.
    pub name: String,
    /// Its path, as it was found.
    pub file: String,
    /// The line to look at.
    pub line: usize,
    /// How it stands.
    pub status: Status,
    /// Whether that fails the check.
    pub fails: bool,
    /// What is not as it was accepted.
    pub changes: Vec<Change>,
    /// Why it could not be run.
    pub error: Option<String>,
    /// What it took, in seconds.
    pub seconds: f64,
    /// Of the phase in which it first goes wrong, how many times its limit it is at some steps from the first to the last.
    pub budgets: Vec<(usize, f32)>,
    /// The verdict, as in verdict.json.
    pub verdict: Option<Verdict>,
}

/// How a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is worse than what was accepted.
    Regression,
    /// It could not be run.
    Failed,
    /// The baseline has nothing of it.
    Missing,
    /// The baseline has what is not there.
    Gone,
    /// The experiment is not the one that was accepted.
    Changed,
    /// Nothing could be said, as when it was accepted.
    Inconclusive,
    /// Something is better.
    Better,
    /// Nothing changed.
    AsAccepted,
}

/// All cases of one command.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The version of this layout.
    pub schema: u32,
    /// What the cases mean together.
    pub exit_code: u8,
    /// The file they were held against.
    pub baseline: String,
    /// Whether Ctrl-C ended it early.
    pub interrupted: bool,
    /// The cases, those that fail first.
    pub cases: Vec<Case>,
}

impl Case {
    /// An experiment beside its entry.
    pub fn new((name, file): (String, String), found: Found, beside: Beside<'_>, seconds: f64) -> Self {
        let Beside { baseline, speeds, gate } = beside;
        let was = baseline.experiments.get(&name);
        let mut changes = was.map_or_else(|| alone(&found), |was| against(was, &found));
        changes.extend(speeds.against(&name, &found, gate));
        let worse = changes.iter().any(|change| change.kind == Kind::Regression);
        let status = match was {
            _ if worse => Status::Regression,
            None => Status::Missing,
            Some(was) if was.definition != found.entry.definition => Status::Changed,
            Some(_) if found.entry.outcome == Outcome::Inconclusive => Status::Inconclusive,
            Some(_) if changes.iter().any(|change| change.kind == Kind::Improvement) => Status::Better,
            Some(_) => Status::AsAccepted,
        };
        let told = match was {
            None => Some(missing(&found, baseline)),
            Some(was) if was.definition != found.entry.definition => {
                Some("the experiment is not the one that was accepted; if that was meant, accept it anew".to_owned())
            }
            Some(_) => None,
        };
        let origin = found.origin.clone();
        changes.extend(told.map(|words| Change { kind: Kind::Note, words, origin: origin.clone() }));
        // What a trace says of itself has no lines that anybody typed.
        let typed = changes.first().map_or(&origin, |change| &change.origin);
        let line = if file.ends_with(MANIFEST) { 1 } else { line_of(typed) };
        let Found { verdict, budgets, .. } = found;
        Self { status, changes, seconds, budgets, verdict: Some(verdict), ..Self::plain(name, file, line) }
    }

    /// An experiment that could not be run.
    pub fn failed((name, file): (String, String), error: &Error) -> Self {
        let error = error.to_string();
        // Errors begin with the place that they are about.
        let line = error.split(": ").next().filter(|origin| origin.starts_with(&file)).map_or(1, line_of);
        Self { status: Status::Failed, error: Some(error), ..Self::plain(name, file, line) }
    }

    /// An entry whose experiment is not there.
    pub fn gone(name: String, baseline: &Baseline) -> Self {
        let file = baseline.path.display().to_string();
        let words =
            "it is not there, and the baseline has a verdict on it; if it was taken away, accept that".to_owned();
        let line = baseline.line_of(&name);
        let changes = vec![Change { kind: Kind::Note, words, origin: format!("{file}:{line}") }];
        Self { status: Status::Gone, changes, ..Self::plain(name, file, line) }
    }

    fn plain(name: String, file: String, line: usize) -> Self {
        Self {
            name,
            file,
            line,
            status: Status::AsAccepted,
            fails: false,
            changes: Vec::new(),
            error: None,
            seconds: 0.0,
            budgets: Vec::new(),
            verdict: None,
        }
    }

    /// The exit code that it means by itself, where so much is let pass.
    fn exit_code(&self, leniency: Leniency) -> u8 {
        let inconclusive = self.verdict.as_ref().is_some_and(|verdict| verdict.verdict == Outcome::Inconclusive);
        let outcome = match self.status {
            // These are the baseline's, not the engine's.
            Status::Missing | Status::Gone | Status::Changed if !leniency.entries => return 2,
            Status::Failed => return 2,
            Status::Regression => Outcome::Mismatch,
            Status::Missing | Status::Gone | Status::Changed | Status::Inconclusive
                if inconclusive && !leniency.inconclusive =>
            {
                Outcome::Inconclusive
            }
            Status::Missing
            | Status::Gone
            | Status::Changed
            | Status::Inconclusive
            | Status::Better
            | Status::AsAccepted => Outcome::Parity,
        };
        outcome.exit_code()
    }
}

impl Check {
    /// All cases, where so much is let pass.
    pub fn new(baseline: &Baseline, mut cases: Vec<Case>, interrupted: bool, leniency: Leniency) -> Self {
        let codes: Vec<u8> = cases.iter().map(|case| case.exit_code(leniency)).collect();
        cases.iter_mut().zip(&codes).for_each(|(case, code)| case.fails = *code != 0);
        cases.sort_by(|one, other| (!one.fails, one.status, &one.name).cmp(&(!other.fails, other.status, &other.name)));
        // A regression is one whatever else could not be run.
        let worst = [1, 2, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0);
        let exit_code = if interrupted { 130 } else { worst };
        Self { schema: SCHEMA, exit_code, baseline: baseline.path.display().to_string(), interrupted, cases }
    }

    /// The cases of a status.
    pub fn of(&self, status: Status) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.status == status)
    }
}

/// Why there is no entry: an experiment that was given another name has one under its old one.
fn missing(found: &Found, baseline: &Baseline) -> String {
    let same = baseline
        .experiments
        .iter()
        .find(|(name, entry)| entry.definition == found.entry.definition && !baseline.folder().join(name).exists());
    match same {
        Some((name, _)) => format!(
            "the baseline has no verdict on it, and has one on {name}, which is not there any more and was the same: if it was \
             renamed, accept both"
        ),
        None => "the baseline has no verdict on it yet; accept it".to_owned(),
    }
}

/// The line of `file:line`; 1 where there is none.
fn line_of(origin: impl AsRef<str>) -> usize {
    origin.as_ref().rsplit_once(':').and_then(|(_, line)| line.parse().ok()).unwrap_or(1)
}
