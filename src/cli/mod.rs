//! The command line: one file per command, no numerics. A command prints its result to stdout, what it is doing to
//! stderr (nothing on a pipe), and returns the exit code.

mod accept;
mod bench;
mod cases;
mod causes;
mod check;
mod compare;
mod data;
mod env;
mod leave;
mod list;
mod new;
mod progress;
mod record;
mod run;
mod study;

use crate::{
    error::{Error, Result},
    report::visible,
};
use clap::{Parser, Subcommand};
pub use leave::leave;
use std::{
    io::{self, ErrorKind, Write},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// Train one network in PyTorch and in another engine, step by step, and see where the two first differ.
#[derive(Debug, Parser)]
#[command(
    name = "lockstep",
    version,
    max_term_width = 80,
    after_help = "\
Exit codes: 0 parity, 1 mismatch or regression, 2 usage, configuration or I/O,
3 inconclusive, 130 interrupted.
A study: 0 when it ran and every stated expectation held, 1 when one failed,
3 when data are missing for a part of it.
Data: 0 when all is well, 1 when verify finds a wrong file."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the two sides of an experiment, step by step
    Run(run::Options),
    /// Write a first experiment, with comments
    New(new::Options),
    /// Judge one recorded training beside another
    Compare(compare::Options),
    /// Train an experiment in one engine, and record all that it computes
    Record(record::Options),
    /// List the mistakes that are recognized
    Causes,
    /// Explain one of them
    Explain(causes::Options),
    /// Hold experiments against the verdicts that were accepted
    Check(check::Options),
    /// Accept the verdicts of experiments: write them into the baseline
    Accept(accept::Options),
    /// Re-run a published comparison and check its printed numbers
    Study(study::Options),
    /// List studies and experiments, and the data they still need
    List,
    /// Time training and inference in both engines
    Bench(bench::Options),
    /// The process that has one engine and is asked for times
    #[command(hide = true)]
    BenchWorker,
    /// List, fetch and check the data sets
    Data(data::Options),
    /// Show the machine and the libraries
    Env,
}

/// Runs the command that was asked for; returns its exit code.
///
/// # Errors
/// Usage, configuration, input and output; all mean exit code 2.
pub fn run(arguments: Arguments) -> Result<u8> {
    match arguments.command {
        Command::Run(options) => run::run(&options),
        Command::New(options) => new::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Record(options) => record::run(&options),
        Command::Causes => causes::list(),
        Command::Explain(options) => causes::explain(&options),
        Command::Check(options) => check::run(&options),
        Command::Accept(options) => accept::run(&options),
        Command::Study(options) => study::run(&options),
        Command::List => list::run(),
        Command::Bench(options) => bench::run(&options),
        Command::BenchWorker => crate::bench::serve().map(|()| 0),
        Command::Data(options) => data::run(&options),
        Command::Env => env::run(),
    }
}

/// Says something beside the result, on stderr. One that cannot be written is no reason to stop.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "lockstep: {}", visible(text));
}

/// Says what is wrong. One that cannot be written leaves the exit code to say it.
pub fn complain(wrong: &str) {
    let _ = write!(io::stderr(), "{}", visible(wrong));
}

/// Prints a result. A reader that went away, as `head` does, is no error.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(visible(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io(Path::new("stdout"), "cannot write", error))
        }
        _ => Ok(()),
    }
}

/// Set by the first Ctrl-C, which ends a run between two steps; a second one ends the program at once.
static STOP: AtomicBool = AtomicBool::new(false);

fn stop_on_interrupt() -> &'static AtomicBool {
    // Without a handler Ctrl-C still ends the program; it then leaves what was already written.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            leave(130);
        }
    });
    &STOP
}
