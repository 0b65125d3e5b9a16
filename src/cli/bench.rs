//! `lockstep bench`: how long a step takes in each engine, alone in its process.

use super::{print, progress::Progress, stop_on_interrupt};
use crate::{
    bench::{self, All, Pace, Source},
    error::{Error, Result},
    report::{self, Folder},
};
use clap::Args;
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The experiment whose first batch is timed again and again [default: the XOR network]; or `all`: nine networks, with one
    /// thread and with all cores, in about five minutes
    experiment: Option<String>,
    /// Change a key of the experiment, or of all of them; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Threads of each engine [default: 1; `all` takes one and all cores in turn]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The folder in which `all` writes bench/report.md, bench/bench.json and plots; an interrupted run resumes there
    #[arg(long, value_name = "DIR", default_value = "lockstep-out")]
    out: PathBuf,
    /// Measure little: to see that it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// A Python for `all` to time NumPy and PyTorch in, too [default: python3, if it has them]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Print JSON alone
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    if options.experiment.as_deref() == Some("all") { everything(options) } else { one(options) }
}

/// One experiment.
fn one(options: &Options) -> Result<u8> {
    // More would only wait for each other.
    let most = thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or(1);
    if threads == 0 || threads > most {
        return Err(Error::Usage(format!("--threads takes a number from 1 to {most}, the cores of this machine")));
    }
    let sets = options.set.clone();
    let source = match &options.experiment {
        Some(path) => Source::File { path: absolute(Path::new(path))?, sets },
        None => Source::Text {
            name: "experiments/xor/parity.toml".to_owned(),
            text: crate::published::xor::PARITY.to_owned(),
            sets,
            words: None,
        },
    };
    // What is wrong with it is said once, and before anything is started.
    source.open()?;
    let pace = if options.quick { Pace::QUICK } else { Pace::FULL };
    let stop = stop_on_interrupt();
    let found = bench::bench(&source, threads, pace, None, None, stop);
    let Some(found) = unless_interrupted(found, stop)? else { return Ok(130) };
    print(&if options.json { report::json(&found)? } else { bench::text(&found, pace) })?;
    Ok(0)
}

/// Ctrl-C reaches the processes that time the engines, too: that one of them ended is then no error.
fn unless_interrupted<T>(found: Result<Option<T>>, stop: &AtomicBool) -> Result<Option<T>> {
    found.or_else(|error| {
        // Their end may be seen before the signal is.
        thread::sleep(Duration::from_millis(50));
        if stop.load(Ordering::Relaxed) { Ok(None) } else { Err(error) }
    })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io(path, "has no folder", error))
}

/// Every workload.
fn everything(options: &Options) -> Result<u8> {
    if options.threads.is_some() {
        let why = "`bench all` takes one thread and all cores in turn; leave --threads out";
        return Err(Error::Usage(why.to_owned()));
    }
    let folder = options.out.join("bench");
    let _own = Folder::open(&folder)?;
    let (sets, quick, python) = (&options.set, options.quick, options.python.as_deref());
    let stop = stop_on_interrupt();
    let asked = All { folder: &folder, sets, quick, python, stop };
    let found = {
        let progress = Progress::new(bench::parts(quick), "bench");
        bench::all(&asked, &mut |part| progress.advance(part))
    };
    let Some(found) = unless_interrupted(found, stop)? else {
        print(&format!("Interrupted; the same command resumes from {}/bench.partial.json\n", folder.display()))?;
        return Ok(130);
    };
    if options.json {
        print(&report::json(&found)?)?;
    } else {
        let written = format!("Written to {}: report.md, bench.json, plots\n", folder.display());
        print(&(bench::summary(&found) + &written))?;
    }
    Ok(0)
}
