//! `lockstep run`: one experiment, compared.

use super::{print, progress::Progress, say, stop_on_interrupt};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    judge::Comparison,
    report::{self, CHECKPOINTS, Folder},
    run::{Checkpoints, Mode, Observer, StepEvent},
};
use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The experiment file (`lockstep list` shows the ones there are)
    experiment: PathBuf,
    /// The folder for verdict.json, report.md, plots and checkpoints [default: below lockstep-out, named after the experiment
    /// and what is set on the command line]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A trace in the candidate's place: an .npz with the weights after every step, or a folder that the recorder wrote
    /// (docs/your-code.md)
    #[arg(long, value_name = "TRACE")]
    candidate: Option<PathBuf>,
    /// Whose weights the candidate starts each step from: its own (free), the reference's (sync), or two candidates, one of
    /// each (both); probe compares one step alone
    #[arg(long, value_enum, default_value = "both")]
    mode: ModeName,
    /// The step that --mode probe compares; the first one is 0
    #[arg(long, value_name = "STEP")]
    at: Option<usize>,
    /// How many steps to train
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The seed of initial weights, shuffling and dropout
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Change a key of the experiment, on both sides or on one: [reference.|candidate.]KEY=VALUE; may be repeated. All keys
    /// are in experiments/README.md
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print verdict.json alone
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
    if let Some(trace) = &options.candidate {
        // Relative to where it is typed, not to the experiment.
        let path = fs::canonicalize(trace).map_err(|error| Error::io(trace, "cannot read the trace", error))?;
        sets.push(format!("candidate.engine={{ trace = {} }}", toml::Value::String(path.display().to_string())));
    }
    sets.extend(options.steps.map(|steps| format!("training.steps={steps}")));
    sets.extend(options.seed.map(|seed| format!("seed={seed}")));
    say_what_is_given_twice(&sets);
    let experiment = Experiment::load(&options.experiment, &sets)?;
    let folder = options.out.clone().unwrap_or_else(|| default_folder(options, &sets));
    let folder = Folder::open(&folder)?;
    let unfinished = folder.begin()?;
    let stop = stop_on_interrupt();
    let comparison = Comparison { mode, at: options.at.unwrap_or(0), ..Comparison::default() };
    let steps_per_epoch = experiment.course.order.steps_per_epoch(experiment.set.training.rows());
    let checkpoint = |every| Checkpoints::new(unfinished.join(CHECKPOINTS), every, steps_per_epoch);
    let mut checkpoints = experiment.course.checkpoint.map(checkpoint);
    let compared = {
        let mut watching = Watching { progress: Progress::new(0, "step"), checkpoints: checkpoints.as_mut() };
        comparison.watched(&experiment, &mut watching, stop)
    };
    let (mut verdict, curves) = compared.inspect_err(|_| folder.abandon())?;
    report::write(&folder, &mut verdict, &curves)?;
    // What was gained is written; that the weights on the way are not all there is an error all the same.
    if let Some(error) = checkpoints.and_then(|checkpoints| checkpoints.failed) {
        return Err(error);
    }
    if options.json {
        print(&report::json(&verdict)?)?;
    } else {
        let written = format!("Written to {}: report.md, verdict.json, plots\n", folder.path().display());
        print(&(report::text::render(&verdict) + &written))?;
    }
    Ok(verdict.exit_code())
}

/// Says which keys the command line gives more than once: the last one holds.
fn say_what_is_given_twice(sets: &[String]) {
    let key = |set: &String| set.split_once('=').map(|(key, _)| key.trim().to_owned());
    for (place, set) in sets.iter().enumerate() {
        let later = sets[place + 1..].iter().rfind(|later| key(later) == key(set));
        if let (Some(key), Some(later)) = (key(set), later) {
            say(&format!("`{key}` is given twice; {later} holds, {set} does not"));
        }
    }
}

/// The progress bar, and the weights on the way where they are asked for.
struct Watching<'a> {
    progress: Progress,
    checkpoints: Option<&'a mut Checkpoints>,
}

impl Observer for Watching<'_> {
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        self.checkpoints.as_mut().is_some_and(|checkpoints| checkpoints.computed(event))
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        if let Some(checkpoints) = &mut self.checkpoints {
            let _ = checkpoints.step(event);
        }
        self.progress.step(event)
    }
}

/// `lockstep-out/experiments/xor/parity` for `experiments/xor/parity.toml`, and another one with every other `--set` and
/// mode: runs that differ do not share a folder. What lies elsewhere stands below `@`.
fn default_folder(options: &Options, sets: &[String]) -> PathBuf {
    let experiment = fs::canonicalize(&options.experiment).unwrap_or_else(|_| options.experiment.clone());
    let here = env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    let below = match experiment.strip_prefix(&here) {
        Ok(below) => below.to_owned(),
        Err(_) => Path::new("@").join(experiment.strip_prefix("/").unwrap_or(&experiment)),
    };
    let mut name = below.file_stem().unwrap_or_default().to_owned();
    let mut asked = sets.to_vec();
    if Mode::from(options.mode) != Mode::Both {
        asked.push(format!("mode={:?}", options.mode).to_lowercase());
    }
    asked.extend(options.at.map(|at| format!("at={at}")));
    if !asked.is_empty() {
        name.push("+");
        name.push(named(&asked.join("+")));
    }
    Path::new("lockstep-out").join(below.parent().unwrap_or(Path::new(""))).join(name)
}

/// What was asked for, as a name of a folder that no other request has.
fn named(asked: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._=,+-".contains(letter);
    if asked.len() <= LONGEST && asked.chars().all(plain) {
        return asked.to_owned();
    }
    let start: String = asked.chars().filter(|letter| plain(*letter)).take(LONGEST / 2).collect();
    let sum = Sha256::digest(asked.as_bytes());
    let number: String = sum.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{start}-{number}")
}
