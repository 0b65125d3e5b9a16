//! `lockstep study`: a published comparison, re-run.

use super::{print, progress::Progress, stop_on_interrupt};
use crate::{
    error::{Error, Result},
    report,
    study::{self, Context, Study},
};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The study's name (`lockstep list` shows the ones there are), or `all`
    name: String,
    /// Where the reports go, one folder per study
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let chosen: Vec<&Study> =
        study::ALL.iter().filter(|study| options.name == "all" || options.name == study.name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = study::ALL.iter().map(|study| study.name).collect();
        let hint = names.iter().find(|name| strsim::damerau_levenshtein(name, &options.name) <= 2);
        let hint = hint.map_or(String::new(), |name| format!("did you mean `{name}`? "));
        return Err(Error::Usage(format!(
            "there is no study `{}`: {hint}(there are: {}, all)",
            options.name,
            names.join(", ")
        )));
    }
    let stop = stop_on_interrupt();
    let mut code = 0;
    for study in chosen {
        let folder = options.out.join(study.name);
        report::prepare(&folder)?;
        let outcome = {
            let progress = Progress::new(study.parts, study.name);
            let tick = |what: &str| progress.advance(what);
            (study.run)(&Context { folder: &folder, stop, tick: &tick })?
        };
        let files = if outcome.exit_code == 130 { "verdict.partial.json" } else { "report.md, verdict.json, plots" };
        print(&format!("{}\nWritten to {}: {files}\n\n", outcome.summary, folder.display()))?;
        code = code.max(outcome.exit_code);
    }
    Ok(code)
}
