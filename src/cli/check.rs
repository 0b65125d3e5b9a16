//! `lockstep check`: experiments held against what was accepted of them.

use super::{
    cases::{Done, compared, gone, jobs, run as run_all},
    complain, print, say, stop_on_interrupt,
};
use crate::{
    baseline::{Baseline, Beside, Case, Check, FILE, Leniency, Speeds},
    error::{Error, Result},
    report,
};
use clap::{Args, ValueEnum};
use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    path::PathBuf,
    sync::atomic::Ordering,
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Experiments, traces that say what they were meant to be, and folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The verdicts that were accepted
    #[arg(long, value_name = "FILE", default_value = FILE)]
    baseline: PathBuf,
    /// Let pass what has no verdict in the baseline, and what is there no more or is another experiment now; without a baseline,
    /// parity passes
    #[arg(long)]
    lenient: bool,
    /// Let pass what is inconclusive, and was when it was accepted
    #[arg(long, value_name = "WHAT")]
    allow: Vec<Allowed>,
    /// Print the result as JSON (docs/ci.md)
    #[arg(long)]
    json: bool,
    /// Fail where a step takes more than so many times as long as was accepted on this processor (`lockstep accept --speed`),
    /// measured in steps of the reference
    #[arg(long, value_name = "RATIO", value_parser = ratio)]
    gate_speed: Option<f64>,
    /// Write a JUnit report, too, with the file and the line to look at
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Say it as GitHub shows it, too: annotations on stderr, and a summary where $GITHUB_STEP_SUMMARY says
    #[arg(long)]
    github: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allowed {
    Inconclusive,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let baseline = opened(options)?;
    options.junit.as_deref().map_or(Ok(()), report::can_be_written)?;
    let jobs = jobs(&options.paths, &baseline)?;
    let gone = gone(&options.paths, &jobs, &baseline)?;
    let speeds = Speeds::beside(&baseline.path)?;
    let stop = stop_on_interrupt();
    let done = run_all(jobs, stop, compared);
    if options.gate_speed.is_some() {
        done.iter().filter_map(|done| done.found.as_ref().ok()).try_for_each(|found| speeds.may_gate(found))?;
    }
    let beside = Beside { baseline: &baseline, speeds: &speeds, gate: options.gate_speed };
    let gone = gone.into_iter().map(|name| Case::gone(name, &baseline));
    let cases = done.into_iter().filter_map(|done| case(done, beside)).chain(gone).collect();
    let leniency = Leniency { entries: options.lenient, inconclusive: options.allow.contains(&Allowed::Inconclusive) };
    let check = Check::new(&baseline, cases, stop.load(Ordering::Relaxed), leniency);
    // What was cut short is no report.
    if let Some(path) = options.junit.as_ref().filter(|_| !check.interrupted) {
        report::write_whole(path, report::junit::render(&check, &from_root)?.as_bytes())?;
    }
    if options.github {
        tell_github(&check)?;
    }
    print(&if options.json { report::json(&check)? } else { report::check::render(&check) })?;
    Ok(check.exit_code)
}

/// How many times as long.
fn ratio(text: &str) -> std::result::Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio: &f64| ratio.is_finite() && *ratio >= 1.0);
    ratio.ok_or_else(|| "a number that is 1 or more, as 1.5".to_owned())
}

/// The baseline; where a lenient check has none, an empty one.
fn opened(options: &Options) -> Result<Baseline> {
    let path = &options.baseline;
    if options.lenient && !Baseline::exists(path)? {
        say(&format!("{}: there is no baseline; the verdicts alone decide", path.display()));
        return Ok(Baseline::empty(path));
    }
    Baseline::read(path)
}

/// A job that was done, beside its entry; nothing of one that was interrupted.
fn case(done: Done, beside: Beside<'_>) -> Option<Case> {
    let names = done.job.names();
    match done.found {
        Ok(found) => Some(Case::new(names, found, beside, done.seconds)),
        Err(Error::Interrupted) => None,
        Err(error) => Some(Case::failed(names, &error)),
    }
}

/// Annotations on stderr, and the summary of the step behind those of others.
fn tell_github(check: &Check) -> Result<()> {
    complain(&report::github::annotations(check, &from_root));
    let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
    let append = || {
        OpenOptions::new().append(true).create(true).open(&path)?.write_all(report::github::summary(check).as_bytes())
    };
    append().map_err(|error| Error::io(&path, "cannot write the summary of the step ($GITHUB_STEP_SUMMARY)", error))
}

/// A path as the server knows it: from the repository's root, which GitHub and GitLab say, else from here.
fn from_root(path: &str) -> String {
    let said = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().find_map(env::var_os).map(PathBuf::from);
    let root = said.or_else(|| env::current_dir().ok()).and_then(|root| fs::canonicalize(root).ok());
    let whole = fs::canonicalize(path).ok();
    let below = root.zip(whole).and_then(|(root, whole)| Some(whole.strip_prefix(root).ok()?.display().to_string()));
    below.unwrap_or_else(|| path.to_owned())
}
