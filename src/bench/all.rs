//! Everything that `lockstep bench all` measures, part by part. What is gained is written as it is gained; a run that was
//! interrupted goes on where it was, if neither the program nor what it was asked for has changed.

use super::{
    environment,
    measured::{self, Measured},
    overhead::{self, Overhead, Process},
    peak::Peak,
    plots,
    python::{Found, Python},
    report,
    rounds::Pace,
    sweep::{self, Sweep},
    worker, workload,
};
use crate::{
    error::{Error, Result},
    report::{write_json, write_whole},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::UNIX_EPOCH,
};

/// The version of bench.json's layout.
pub const SCHEMA: u32 = 1;

/// What is asked of [`all`].
#[derive(Debug, Clone)]
pub struct All<'a> {
    /// Where report.md, bench.json and the plots go; exists and can be written.
    pub folder: &'a Path,
    /// Changes to every experiment.
    pub sets: &'a [String],
    /// The least that has every part, in seconds: to see that it works, not how fast.
    pub quick: bool,
    /// The Python to time NumPy and PyTorch in.
    pub python: Option<&'a Path>,
    /// Set to end it between two rounds.
    pub stop: &'a AtomicBool,
}

/// bench.json.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the layout.
    pub schema: u32,
    /// What must be the same for a run to go on.
    pub asked: Asked,
    /// The machine and the libraries.
    pub environment: BTreeMap<String, String>,
    /// What libgomp's threads do while they wait.
    pub wait_policy: String,
    /// What the machine has, by the number of threads.
    pub peaks: Vec<Peak>,
    /// Every workload with every number of threads.
    pub measured: Vec<Measured>,
    /// How cost grows.
    pub sweeps: Vec<Sweep>,
    /// What lockstep costs beside its engines.
    pub overhead: Option<Vec<Overhead>>,
    /// Whole processes.
    pub processes: Option<Vec<Process>>,
    /// The same in Python.
    pub python: Option<Python>,
}

/// What a report was asked for, and the program that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Changes to every experiment.
    pub sets: Vec<String>,
    /// Whether it is the least that has every part.
    pub quick: bool,
    /// The program's size and the time it was built: a program that was built anew starts anew.
    pub program: String,
}

/// The file of a run that is not finished.
const PARTIAL: &str = "bench.partial.json";

/// Measures everything, and calls `tick` after each part with what comes next; `None` when interrupted, with what was
/// gained in bench.partial.json.
///
/// # Errors
/// If an engine fails, or a file cannot be written.
pub fn all(asked: &All<'_>, tick: &mut dyn FnMut(&str)) -> Result<Option<Report>> {
    let (cores, threads) = (cores(), counts(asked.quick));
    // What is wrong with it is said before minutes are spent.
    let python = Found::new(asked.python)?;
    let mut report = begin(asked);
    let partial = asked.folder.join(PARTIAL);
    let pace = if asked.quick { Pace::QUICK } else { Pace::FULL };
    for &threads in &threads {
        tick(&format!("peaks, {threads} threads"));
        if !report.peaks.iter().any(|peak| peak.threads == threads) {
            report.peaks.push(Peak::measure(threads));
        }
        for workload in workload::ALL {
            tick(&format!("{}, {threads} threads", workload.name));
            if report.measured.iter().any(|one| (one.name.as_str(), one.threads) == (workload.name, threads)) {
                continue;
            }
            let mut sets = asked.sets.to_vec();
            if asked.quick {
                sets.extend(workload.small().map(str::to_owned));
            }
            let peak = report.peaks.iter().find(|peak| peak.threads == threads);
            let (source, at_least) = (workload.source(&sets), Some(workload.at_least));
            let Some(found) = measured::bench(&source, threads, pace, peak, at_least, asked.stop)? else {
                return Ok(None);
            };
            report.measured.push(Measured { name: workload.name.to_owned(), ..found });
            write_json(&partial, &report)?;
        }
    }
    for plan in sweep::PLANS {
        tick(&format!("sweep of {}", plan.name));
        if report.sweeps.iter().any(|sweep| sweep.name == plan.name) {
            continue;
        }
        let Some(found) = plan.measure(cores, asked.sets, pace, asked.quick, asked.stop)? else { return Ok(None) };
        report.sweeps.push(found);
        write_json(&partial, &report)?;
    }
    tick("overhead");
    if report.overhead.is_none() {
        report.overhead = overhead::measure(asked.sets, asked.quick, asked.stop)?;
    }
    if report.processes.is_none() && report.overhead.is_some() {
        report.processes = overhead::processes(asked.sets, asked.quick, asked.stop)?;
    }
    write_json(&partial, &report)?;
    if asked.stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    tick("Python");
    report.python = Some(python.measure(&threads, asked.sets, asked.quick)?);
    plots::draw(asked.folder, &report)?;
    write_whole(&asked.folder.join("report.md"), report::render(&report).as_bytes())?;
    write_json(&asked.folder.join("bench.json"), &rounded(serde_json::json!(report)))?;
    let _ = fs::remove_file(partial);
    Ok(Some(report))
}

/// The same with five significant digits: no time is known better.
fn rounded(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(values) => values.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .and_then(|exact| format!("{exact:.4e}").parse::<f64>().ok())
            .map_or(Value::Null, Value::from),
        other => other,
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The numbers of threads: one, and all cores.
fn counts(quick: bool) -> Vec<usize> {
    if quick || cores() == 1 { vec![1] } else { vec![1, cores()] }
}

/// How many parts [`all`] has.
pub(crate) fn parts(quick: bool) -> usize {
    counts(quick).len() * (1 + workload::ALL.len()) + sweep::PLANS.len() + 2
}

/// A report with nothing in it, or what an interrupted run of the same left.
fn begin(asked: &All<'_>) -> Report {
    let fresh = Report {
        schema: SCHEMA,
        asked: Asked { sets: asked.sets.to_vec(), quick: asked.quick, program: program() },
        environment: environment(),
        wait_policy: worker::WAIT_POLICY.to_owned(),
        ..Report::default()
    };
    let kept =
        fs::read(asked.folder.join(PARTIAL)).ok().and_then(|bytes| serde_json::from_slice::<Report>(&bytes).ok());
    let same = |kept: &Report| {
        (kept.schema, &kept.asked, &kept.environment) == (fresh.schema, &fresh.asked, &fresh.environment)
    };
    kept.filter(same).unwrap_or(fresh)
}

/// What tells one build of this program from another.
fn program() -> String {
    let of = |path: PathBuf| {
        let file = fs::metadata(path).ok()?;
        let built = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{} bytes, {} s", file.len(), built.as_secs()))
    };
    env::current_exe().ok().and_then(of).unwrap_or_default()
}

/// Reads a bench.json, or what an interrupted run left.
///
/// # Errors
/// If it is not one.
pub fn read(path: &Path) -> Result<Report> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, "cannot read the report of a bench", error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}
