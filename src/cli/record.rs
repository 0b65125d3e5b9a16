//! `lockstep record`: one engine in training, all that it computes on disk.

use super::{print, progress::Progress, run::Changes, stop_on_interrupt};
use crate::{
    error::{Error, Result},
    experiment::{EngineKind, Experiment, Side},
    run::{RunSide, build, recorded_into},
};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The experiment file; its reference's definition is what is trained
    experiment: PathBuf,
    /// What trains it: PyTorch (torch), or the engine from scratch of this program
    #[arg(long, value_enum, default_value = "torch")]
    engine: EngineName,
    /// The folder of the trace; an earlier trace there is replaced
    #[arg(long, value_name = "TRACE")]
    out: PathBuf,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EngineName {
    Torch,
    Scratch,
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let mut experiment = Experiment::load(&options.experiment, &options.changes.sets([]))?;
    let engine = match options.engine {
        EngineName::Torch => EngineKind::Torch,
        EngineName::Scratch => EngineKind::Scratch,
    };
    experiment.reference = Side { engine, ..experiment.reference };
    let progress = Progress::new(0, "step");
    let stop = stop_on_interrupt();
    let steps = recorded_into(&options.out, &experiment, (RunSide::Reference, &build), stop, &mut |number, of| {
        progress.at(number, of);
    })?;
    drop(progress);
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    print(&format!("{steps} steps recorded in {}; `numpy.load` reads its arrays\n", options.out.display()))?;
    Ok(0)
}
