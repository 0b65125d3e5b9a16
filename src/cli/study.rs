//! `lockstep study`: a published comparison, re-run.

use super::{print, progress::Progress, stop_on_interrupt};
use crate::{
    calibration,
    error::{Error, Result, did_you_mean},
    published,
    report::Folder,
    study::{Context, Journal, Study},
};
use clap::Args;
use std::{path::PathBuf, sync::atomic::AtomicBool, time::Instant};

/// Where reports go unless told.
const OUT: &str = "lockstep-out/study";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The study's name (`lockstep list` shows the ones there are), or `all`
    name: String,
    /// The folder for the reports, one folder per study in it; an interrupted study resumes there
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
}

/// What can be run: the published comparisons, then the judge's calibration, and that of the names it gives.
pub(super) fn studies() -> impl Iterator<Item = &'static Study> {
    published::ALL.iter().chain([&calibration::STUDY, &calibration::causes::STUDY])
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let stop = stop_on_interrupt();
    if options.name == "all" {
        return all(options, stop);
    }
    let Some(study) = studies().find(|study| study.name == options.name) else {
        let names: Vec<&str> = studies().map(|study| study.name).collect();
        return Err(Error::Usage(format!(
            "there is no study `{}`{} (there are: {}, all)",
            options.name,
            did_you_mean(&options.name, names.iter().copied()),
            names.join(", ")
        )));
    };
    match one(study, options, stop) {
        Err(Error::Interrupted) => interrupted(options),
        code => code,
    }
}

/// Every study; those that an interrupted run has finished are not run again.
fn all(options: &Options, stop: &AtomicBool) -> Result<u8> {
    let _own = Folder::open(&options.out)?;
    let journal = Journal::open(&options.out)?;
    let mut codes = Vec::new();
    for study in studies() {
        let code = match journal.recall::<u8>(study.name) {
            Some(code) => {
                print(&format!("{}: done before the interruption\n\n", study.name))?;
                code
            }
            None => match one(study, options, stop) {
                Err(Error::Interrupted) => return interrupted(options),
                code => code?,
            },
        };
        // What lacks data may have them when it is run again.
        if code != 3 {
            journal.keep(study.name, &code)?;
        }
        codes.push(code);
    }
    journal.close()?;
    // What failed is worse than what could not be run.
    Ok([1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0))
}

/// One study, into its folder; returns its exit code.
fn one(study: &Study, options: &Options, stop: &AtomicBool) -> Result<u8> {
    let folder = options.out.join(study.name);
    let _own = Folder::open(&folder)?;
    let journal = Journal::open(&folder)?;
    if journal.is_begun() {
        print(&format!("{}: resuming where it was interrupted\n", study.name))?;
    }
    let start = Instant::now();
    let (summary, code) = {
        let progress = Progress::new(study.parts, study.name);
        let tick = |what: &str| progress.advance(what);
        study.finish(&Context { folder: &folder, stop, tick: &tick, journal: &journal })?
    };
    journal.close()?;
    print(&format!(
        "{summary}\nWritten to {} after {:.0} s: report.md, verdict.json, plots\n\n",
        folder.display(),
        start.elapsed().as_secs_f64()
    ))?;
    Ok(code)
}

fn interrupted(options: &Options) -> Result<u8> {
    let again = match options.out.to_str() {
        Some(OUT) => String::new(),
        _ => format!(" --out {}", options.out.display()),
    };
    print(&format!("interrupted; what is done is kept: `lockstep study {}{again}` resumes it\n", options.name))?;
    Ok(130)
}
