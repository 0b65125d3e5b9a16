//! Everything that `lockstep bench all` measures, part by part. What is gained is written as it is gained; a run that
//! was interrupted goes on where it was, if neither the program nor what it was asked for has changed.

use super::{
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
    environment::{environment, program},
    error::{Error, Result},
    report::{write_json, write_whole},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
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

/// How often a workload is measured at most, for one that is quiet.
const TRIES: usize = 3;

/// The file of a run that is not finished.
const PARTIAL: &str = "bench.partial.json";

/// Measures everything, and calls `tick` before each part with its name; `None` when interrupted, with what was
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
            let measure = || measured::bench(&source, threads, pace, peak, at_least, asked.stop);
            let Some(found) = quietest(measure, if asked.quick { 1 } else { TRIES })? else { return Ok(None) };
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
    report.python = python.measure(&threads, asked.sets, asked.quick, asked.stop)?;
    if report.python.is_none() {
        return Ok(None);
    }
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
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// Measures, and again where other programs disturbed, so often at most; the quietest counts.
fn quietest(mut measure: impl FnMut() -> Result<Option<Measured>>, tries: usize) -> Result<Option<Measured>> {
    let others = |found: &Measured| found.others.unwrap_or_default();
    let mut best: Option<Measured> = None;
    for _ in 0..tries {
        let Some(found) = measure()? else { return Ok(None) };
        best = Some(match best.take() {
            Some(best) if others(&best) <= others(&found) => best,
            _ => found,
        });
        if !best.as_ref().is_some_and(Measured::disturbed) {
            break;
        }
    }
    Ok(best)
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

/// Reads a bench.json, or what an interrupted run left.
///
/// # Errors
/// If it is not one.
pub fn read(path: &Path) -> Result<Report> {
    let bytes = fs::read(path).map_err(|error| Error::io(path, "cannot read the report of a bench", error))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(others: f64) -> Measured {
        let (name, rows) = (String::new(), Vec::new());
        let [title, reference, candidate, model] = [const { String::new() }; 4];
        let (threads, parameters, memory, idle, others) = (usize::MAX, 1, [None; 2], None, Some(others));
        Measured { name, title, threads, reference, candidate, model, parameters, memory, idle, others, rows }
    }

    #[test]
    fn what_others_disturbed_is_measured_again_and_the_quietest_counts() {
        for (shares, asked, kept) in [(&[0.01][..], 1, 0.01), (&[0.5, 0.04], 2, 0.04), (&[0.5, 0.2, 0.3], 3, 0.2)] {
            let mut next = shares.iter().copied();
            let found = quietest(|| Ok(next.next().map(with)), TRIES).unwrap().unwrap();
            assert_eq!((found.others, shares.len() - next.len()), (Some(kept), asked));
        }
        assert_eq!(quietest(|| Ok(None), TRIES).unwrap(), None, "interrupted");
    }

    #[test]
    fn five_digits_are_kept_of_times_and_all_of_counts() {
        let exact = serde_json::json!({ "us": [1.234567e-7, 98765.4321], "parameters": 4375752, "note": "x" });
        let expected = serde_json::json!({ "us": [1.2346e-7, 98765.0], "parameters": 4375752, "note": "x" });
        assert_eq!(rounded(exact), expected);
    }
}
