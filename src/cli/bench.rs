//! `lockstep bench`: how long a training step takes in each engine alone.

use super::{print, progress::Progress};
use crate::{
    bench::{BLOCKS, Bench, bench},
    error::Result,
    experiment::Experiment,
    report,
};
use clap::Args;
use std::{fmt::Write, path::PathBuf};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The experiment whose first batch is repeated [default: the XOR network at parity]
    experiment: Option<PathBuf>,
    /// Change a key of the experiment; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print JSON and nothing else
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let experiment = match &options.experiment {
        Some(path) => Experiment::load(path, &options.set)?,
        None => crate::study::xor::parity(&options.set)?,
    };
    let found = {
        let progress = Progress::new(BLOCKS, "timing");
        bench(&experiment, || progress.advance("timing"))?
    };
    print(&if options.json { report::json(&found)? } else { text(&found) })?;
    Ok(0)
}

fn text(bench: &Bench) -> String {
    let mut text = format!(
        "{}, batch {}\n  reference  {}\n  candidate  {}\n\n\
         µs, medians of alternating blocks, one engine at a time, one thread each\n\
         {:<28}{:>11}{:>11}{:>9}   middle half\n",
        bench.experiment, bench.batch, bench.reference, bench.candidate, "  work", "reference", "candidate", "ratio"
    );
    for row in &bench.rows {
        let [low, median, high] = row.ratio;
        let _ = writeln!(
            text,
            "  {:<26}{:>11.3}{:>11.3}{median:>9.1}   {low:.1}–{high:.1}",
            row.work, row.reference_us, row.candidate_us
        );
    }
    text
}
