//! `lockstep compare`: two traces, judged by a definition.

use super::run::{Run, mapped};
use crate::{
    error::{Error, Result},
    run::Mode,
    trace::Trace,
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The trace of the side that is right
    reference: PathBuf,
    /// The trace that is judged
    candidate: PathBuf,
    /// The experiment file that says what both should be [default: what a trace says of itself, as those of `lockstep record` do]
    #[arg(long, value_name = "EXPERIMENT")]
    definition: Option<PathBuf>,
    /// The folder for verdict.json, report.md and plots [default: below lockstep-out]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Change a key of the experiment: KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Which recorded array of the candidate is which parameter: a TOML file of lines
    /// W1 = { to = "0.weight", transpose = true }
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Do not seek the causes of a mismatch
    #[arg(long)]
    no_causes: bool,
    /// Print verdict.json alone
    #[arg(long)]
    json: bool,
}

/// The `--set` that makes a trace the engine of a side. It is found from where it is typed, not from the experiment's folder.
pub(super) fn played(side: &str, trace: &Path) -> Result<String> {
    let path = fs::canonicalize(trace).map_err(|error| Error::io(trace, "cannot read the trace", error))?;
    Ok(format!("{side}.engine={{ trace = {} }}", toml::Value::String(path.display().to_string())))
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let mut sets = options.set.clone();
    sets.push(played("reference", &options.reference)?);
    sets.push(played("candidate", &options.candidate)?);
    sets.extend(options.map.as_deref().map(mapped).transpose()?);
    let of_trace = || {
        let traces = [&options.reference, &options.candidate];
        let found = traces.into_iter().find_map(|path| Some((path, Trace::open(path).ok()?.definition()?)));
        found.ok_or_else(|| {
            Error::Usage(
                "neither trace says what it was meant to be; add --definition EXPERIMENT, the file that describes network and \
                 training"
                    .to_owned(),
            )
        })
    };
    let Options { definition, out, json, .. } = options;
    let (experiment, text) = match definition {
        Some(definition) => (definition, None),
        None => of_trace().map(|(path, text)| (path, Some(text)))?,
    };
    Run {
        experiment,
        text,
        out: out.as_deref(),
        sets,
        mode: Mode::Free,
        at: None,
        json: *json,
        causes: !options.no_causes,
    }
    .go()
}
