//! `lockstep run`: one experiment, compared.

use super::{print, progress::Progress, stop_on_interrupt};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    lockstep::{Checkpoints, Mode, Observer, StepEvent},
    report,
    verdict::{Comparison, compare, environment},
};
use clap::{Args, ValueEnum};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The experiment file (`lockstep list` shows the ones there are)
    experiment: PathBuf,
    /// Where verdict.json, report.md, plots and checkpoints go [default: lockstep-out/FOLDER/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the candidate runs: on its own weights (free), on the reference's at every step (sync), both, or one
    /// isolated step (probe)
    #[arg(long, value_enum, default_value = "both")]
    mode: ModeName,
    /// The step that a probe compares, from 0
    #[arg(long, value_name = "STEP")]
    at: Option<usize>,
    /// Train for so many steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The seed of every random stream
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Change a key of the experiment: [reference.|candidate.]KEY=VALUE; may be repeated. experiments/README.md has
    /// every key
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print verdict.json and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Both,
    Free,
    Sync,
    Probe,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Both => Self::Both,
            ModeName::Free => Self::Free,
            ModeName::Sync => Self::Sync,
            ModeName::Probe => Self::Probe,
        }
    }
}

pub(super) fn run(options: &Options) -> Result<u8> {
    let mode = Mode::from(options.mode);
    if options.at.is_some() && mode != Mode::Probe {
        return Err(Error::Usage("--at names the step of a probe; add --mode probe".to_owned()));
    }
    let mut sets = options.set.clone();
    sets.extend(options.steps.map(|steps| format!("training.steps={steps}")));
    sets.extend(options.seed.map(|seed| format!("seed={seed}")));
    let experiment = Experiment::load(&options.experiment, &sets)?;
    let folder = options.out.clone().unwrap_or_else(|| default_folder(&options.experiment));
    report::prepare(&folder)?;
    let stop = stop_on_interrupt();
    let comparison = Comparison { mode, at: options.at.unwrap_or(0), ..Comparison::default() };
    let steps_per_epoch = experiment.course.order.steps_per_epoch(experiment.set.training.rows());
    let checkpoint = |every| Checkpoints::new(folder.join("checkpoints"), every, steps_per_epoch);
    let mut checkpoints = experiment.course.checkpoint.map(checkpoint);
    let (mut verdict, curves) = {
        let mut watching = Watching { progress: Progress::new(0, "step"), checkpoints: checkpoints.as_mut() };
        compare(&experiment, comparison, environment(), &mut watching, stop)?
    };
    report::write(&folder, &mut verdict, &curves)?;
    // What was gained is written; that the weights on the way are not all there is an error all the same.
    if let Some(error) = checkpoints.and_then(|checkpoints| checkpoints.failed) {
        return Err(error);
    }
    if options.json {
        print(&report::json(&verdict)?)?;
    } else {
        let written = format!("Written to {}: report.md, verdict.json, plots\n", folder.display());
        print(&(report::text::render(&verdict) + &written))?;
    }
    Ok(verdict.exit_code())
}

/// The progress bar, and the weights on the way where they are asked for.
struct Watching<'a> {
    progress: Progress,
    checkpoints: Option<&'a mut Checkpoints>,
}

impl Observer for Watching<'_> {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        if let Some(checkpoints) = &mut self.checkpoints {
            let _ = checkpoints.step(event);
        }
        self.progress.step(event)
    }
}

/// `lockstep-out/xor/parity` for `experiments/xor/parity.toml`: two experiments of one name do not collide.
fn default_folder(experiment: &Path) -> PathBuf {
    let parent = experiment.parent().and_then(Path::file_name).unwrap_or_default();
    Path::new("lockstep-out").join(parent).join(experiment.file_stem().unwrap_or_default())
}
