//! The experiments that `check` and `accept` are asked for, run on all cores.

use super::{compare::played, progress::Progress, run::defined_by, say};
use crate::{
    baseline::{Baseline, FILE, Found, MANIFEST, SPEED_FILE, today},
    cause,
    error::{Error, Result},
    experiment::Experiment,
    judge::Comparison,
    run::Silent,
    study::on_all_cores,
    trace::Trace,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// Deeper than anybody sorts experiments; links may run in circles.
const DEEPEST: usize = 8;

/// The keys of which an experiment has one at least.
const OF_EXPERIMENTS: [&str; 5] = ["data", "model", "training", "reference", "candidate"];

/// One experiment that is asked for.
pub(super) struct Job {
    /// Its path from the baseline, with `/`: its key there.
    pub name: String,
    /// Its path, as it was typed or found.
    pub path: PathBuf,
}

impl Job {
    /// Its key, and the file that says what it is.
    pub fn names(&self) -> (String, String) {
        let file = if self.path.is_dir() { self.path.join(MANIFEST) } else { self.path.clone() };
        (self.name.clone(), file.display().to_string())
    }
}

/// What became of a job.
pub(super) struct Done {
    pub job: Job,
    pub found: Result<Found>,
    pub seconds: f64,
}

/// The experiments and traces of all paths, each once, in the order of their names.
///
/// # Errors
/// If a path cannot be read, or there is nothing to run in any of them.
pub(super) fn jobs(paths: &[PathBuf], baseline: &Baseline) -> Result<Vec<Job>> {
    let folder = absolute(baseline.folder())?;
    let mut jobs = BTreeMap::new();
    for path in paths {
        let mut files = Vec::new();
        if path.is_dir() && !is_trace(path) {
            collect(path, 0, &mut files)?;
        } else {
            files.push(path.clone());
        }
        for path in files {
            let name = below(&folder, &absolute(&path)?);
            jobs.entry(name.clone()).or_insert(Job { name, path });
        }
    }
    if jobs.is_empty() {
        let all: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::Usage(format!(
            "{}: no experiment is there, neither a TOML file with `data`, `model` or `training` nor a trace that says what it was \
             meant to be",
            all.join(", ")
        )));
    }
    Ok(jobs.into_values().collect())
}

/// The entries of a baseline that lie below the paths and belong to none of the jobs.
///
/// # Errors
/// If a path cannot be read.
pub(super) fn gone(paths: &[PathBuf], jobs: &[Job], baseline: &Baseline) -> Result<Vec<String>> {
    let folder = absolute(baseline.folder())?;
    let asked = paths.iter().map(|path| absolute(path)).collect::<Result<Vec<_>>>()?;
    let of = |name: &&String| {
        let there = folder.join(name);
        asked.iter().any(|asked| flat(&there).starts_with(asked)) && !jobs.iter().any(|job| job.name == **name)
    };
    Ok(baseline.experiments.keys().filter(of).cloned().collect())
}

/// Runs `work` on every job, on as many threads as there are cores; what was not begun when `stop` was set is left out.
pub(super) fn run(
    jobs: Vec<Job>,
    stop: &AtomicBool,
    work: impl Fn(&Job, &AtomicBool) -> Result<Found> + Sync,
) -> Vec<Done> {
    let progress = Progress::new(jobs.len(), "checking");
    let work = |job: &Job| {
        let began = Instant::now();
        let found = work(job, stop);
        progress.advance(&job.name);
        (found, began.elapsed().as_secs_f64())
    };
    let done = on_all_cores(&jobs, || !stop.load(Ordering::Relaxed), work);
    jobs.into_iter().zip(done).map(|(job, (found, seconds))| Done { job, found, seconds }).collect()
}

/// Compares one experiment, and seeks the causes of a mismatch.
///
/// # Errors
/// If it cannot be used, an engine fails, or the run was interrupted.
pub(super) fn compared(job: &Job, stop: &AtomicBool) -> Result<Found> {
    let experiment = opened(&job.path)?;
    Found::may(&experiment)?;
    let comparison = Comparison::default();
    let (mut verdict, curves) = comparison.watched(&experiment, &mut Silent, stop)?;
    cause::explain(&experiment, comparison, &mut verdict, stop)?;
    if verdict.interrupted || stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let folder = job.path.parent().unwrap_or(Path::new(""));
    Ok(Found::new(&experiment, folder, (verdict, &curves), &today()))
}

fn opened(path: &Path) -> Result<Experiment> {
    if !path.is_dir() {
        return Experiment::load(path, &[]);
    }
    let text = defined_by(path)?;
    let name = path.join(MANIFEST).display().to_string();
    Experiment::parse(&text, &name, path, &[played("candidate", path)?])
}

/// The experiments below a folder, and the traces that say what they were meant to be.
fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Error::io(folder, "cannot list the folder", error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || depth > DEEPEST {
            continue;
        }
        if path.is_dir() && is_trace(&path) {
            // One that says nothing of itself is another experiment's candidate.
            if Trace::open(&path).map_or(true, |trace| trace.definition().is_some()) {
                found.push(path);
            }
        } else if path.is_dir() {
            collect(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") && is_experiment(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_trace(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// Whether a TOML file is an experiment; what cannot be read is taken for one, so that it is told.
fn is_experiment(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == FILE || name == SPEED_FILE) {
        return false;
    }
    let table = fs::read_to_string(path).ok().and_then(|text| toml::from_str::<toml::Table>(&text).ok());
    table.is_none_or(|table| OF_EXPERIMENTS.iter().any(|key| table.contains_key(*key)))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let action = "cannot be read (`lockstep list` shows the experiments there are); what was taken away stays in the baseline until \
                  `lockstep accept` of its folder";
    fs::canonicalize(path).map_err(|error| Error::io(path, action, error))
}

/// A path from a folder, with `/`; both are absolute.
fn below(folder: &Path, path: &Path) -> String {
    let (folder, path): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (folder.components().collect(), path.components().collect());
    let shared = folder.iter().zip(&path).take_while(|(one, other)| one == other).count();
    let up = folder[shared..].iter().map(|_| "..".into());
    let down = path[shared..].iter().map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// A path without `..`.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            flat.pop();
        } else {
            flat.push(part);
        }
    }
    flat
}

/// Says which jobs could not be done; returns how many.
pub(super) fn complaints(done: &[Done]) -> usize {
    let failed = done.iter().filter_map(|done| done.found.as_ref().err());
    failed.inspect(|error| say(&error.to_string())).count()
}
