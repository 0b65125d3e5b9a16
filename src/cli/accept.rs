//! `lockstep accept`: what is found now becomes what is expected.

use super::{
    cases::{Done, Job, compared, complaints, gone, jobs, run as run_all},
    print, stop_on_interrupt,
};
use crate::{
    baseline::{Baseline, FILE, Found, Renewal, Speeds},
    error::{Error, Result},
};
use clap::Args;
use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Experiments, traces that say what they were meant to be, and folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The file that is written
    #[arg(long, value_name = "FILE", default_value = FILE)]
    baseline: PathBuf,
    /// Write how long steps take here, too, into lockstep-speed.toml beside the baseline
    #[arg(long)]
    speed: bool,
    /// Write without asking; on a CI server nothing is written without it
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let on_server = env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    if on_server && !options.yes {
        return Err(Error::Usage(
            "CI is set, and there nothing is accepted unasked: run it where somebody looks at it, and commit the file; or add --yes"
                .to_owned(),
        ));
    }
    let path = &options.baseline;
    let lock = Baseline::empty(path).lock()?;
    let mut baseline = if Baseline::exists(path)? { Baseline::read(path)? } else { Baseline::empty(path) };
    let jobs = jobs(&options.paths, &baseline)?;
    let gone = gone(&options.paths, &jobs, &baseline)?;
    let stop = stop_on_interrupt();
    let done = run_all(jobs, stop, twice);
    if stop.load(Ordering::Relaxed) {
        return Ok(130);
    }
    let failed = complaints(&done);
    if failed > 0 {
        let all = done.len();
        return Err(Error::Usage(format!("{failed} of {all} could not be run, so that nothing was written")));
    }
    let renewals = renewals(&mut baseline, &done, &gone);
    let speeds = if options.speed { Some(timed(&baseline, &done)?) } else { None };
    if renewals.is_empty() && speeds.is_none() {
        print(&format!("Nothing to accept: all {} as in {}\n", done.len(), path.display()))?;
        return Ok(0);
    }
    print(&shown(&renewals, path, speeds.as_ref()))?;
    if !options.yes && !agreed(asks)? {
        print("Nothing was written\n")?;
        return Ok(0);
    }
    if !renewals.is_empty() {
        baseline.write()?;
    }
    speeds.as_ref().map_or(Ok(()), Speeds::write)?;
    drop(lock);
    print("Written\n")?;
    Ok(0)
}

/// How long steps take here.
fn timed(baseline: &Baseline, done: &[Done]) -> Result<Speeds> {
    let mut speeds = Speeds::beside(&baseline.path)?;
    let found = done.iter().filter_map(|done| Some((&done.job.name, done.found.as_ref().ok()?)));
    found.for_each(|(name, found)| speeds.take_in(name, found));
    Ok(speeds)
}

/// Runs a job two times: what is accepted has to be what comes again.
fn twice(job: &Job, stop: &AtomicBool) -> Result<Found> {
    let (found, again) = (compared(job, stop)?, compared(job, stop)?);
    if found.entry == again.entry {
        return Ok(found);
    }
    let mut first = Baseline::empty(Path::new(FILE));
    first.take_in(&job.name, &found);
    let lines = first.differences(&job.name, &again.entry);
    Err(Error::Usage(format!(
        "{}: two runs in a row disagree, so that no later one can be held against them:\n{}",
        job.path.display(),
        lines.join("\n")
    )))
}

fn renewals(baseline: &mut Baseline, done: &[Done], gone: &[String]) -> Vec<Renewal> {
    let out: Vec<Renewal> = gone.iter().filter_map(|name| baseline.take_out(name)).collect();
    let found = done.iter().filter_map(|done| Some((&done.job.name, done.found.as_ref().ok()?)));
    let taken = found.filter_map(|(name, found)| baseline.take_in(name, found));
    taken.chain(out).collect()
}

/// What changes, line by line as it will stand in the files.
fn shown(renewals: &[Renewal], path: &Path, speeds: Option<&Speeds>) -> String {
    let mut text = String::new();
    if !renewals.is_empty() {
        text.push_str(&format!("{}: what changes\n", path.display()));
    }
    for Renewal { name, lines } in renewals {
        text.push_str(&format!("\n{name}\n"));
        text.extend(lines.iter().map(|line| format!("  {line}\n")));
    }
    if let Some(speeds) = speeds {
        text.push_str(&format!("\n{}: all of it\n\n{}", speeds.path().display(), speeds.render()));
    }
    text.push('\n');
    text
}

/// Asks on a terminal.
fn agreed(asks: bool) -> Result<bool> {
    if !asks {
        return Err(Error::Usage(
            "nobody is there to be asked, so that nothing was written; add --yes to accept this".to_owned(),
        ));
    }
    // A question that cannot be written is answered all the same.
    let _ = write!(io::stderr(), "Write that? [y/N] ");
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Error::io(Path::new("stdin"), "cannot read the answer; add --yes", error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
