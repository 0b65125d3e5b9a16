//! `lockstep run`: one experiment, compared.

use super::{compare::played, print, progress::Progress, say, stop_on_interrupt};
use crate::{
    cause,
    error::{Error, Result},
    experiment::Experiment,
    file,
    judge::Comparison,
    report::{self, CHECKPOINTS, Folder},
    run::{Checkpoints, Mode, Observer, StepEvent},
    trace::Trace,
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
    /// The experiment file (`lockstep list` shows the ones there are); or a trace that says what it was meant to be, as those
    /// of PyTorch do, which is then the candidate
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
    #[command(flatten)]
    changes: Changes,
    /// Which recorded array is which parameter: a TOML file of lines W1 = { to = "0.weight", transpose = true }
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Do not seek the causes of a mismatch
    #[arg(long)]
    no_causes: bool,
    /// Print verdict.json alone
    #[arg(long)]
    json: bool,
}

/// What the command line changes of an experiment.
#[derive(Debug, Args)]
pub(super) struct Changes {
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
}

impl Changes {
    /// As settings of keys, `more` between what `--set` says and the options of their own.
    pub fn sets(&self, more: impl IntoIterator<Item = String>) -> Vec<String> {
        let steps = self.steps.map(|steps| format!("training.steps={steps}"));
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        self.set.iter().cloned().chain(more).chain(steps).chain(seed).collect()
    }
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
    let Options { experiment, out, at, json, .. } = options;
    let text = experiment.is_dir().then(|| defined_by(experiment)).transpose()?;
    let candidate = options.candidate.as_ref().or_else(|| text.as_ref().map(|_| experiment));
    let candidate = candidate.map(|trace| played("candidate", trace)).transpose()?;
    let map = options.map.as_deref().map(mapped).transpose()?;
    let sets = options.changes.sets(candidate.into_iter().chain(map));
    Run { experiment, text, out: out.as_deref(), sets, mode, at: *at, json: *json, causes: !options.no_causes }.go()
}

/// What a trace says that it was meant to be.
pub(super) fn defined_by(trace: &Path) -> Result<String> {
    Trace::open(trace)?.definition().ok_or_else(|| {
        Error::Usage(format!(
            "{}: does not say what it was meant to be; `lockstep new NAME --from {}` begins an experiment that does, which it is \
             judged by: lockstep run NAME.toml --candidate {}",
            trace.display(),
            trace.display(),
            trace.display()
        ))
    })
}

/// The `--set` that a file of `map` stands for.
pub(super) fn mapped(path: &Path) -> Result<String> {
    let bytes = file::typed(path, "cannot read the map")?;
    let text = String::from_utf8_lossy(&bytes);
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| Error::data(path.display().to_string(), error.to_string()))?;
    Ok(format!("candidate.map={}", toml::Value::Table(table)))
}

/// One comparison that was asked for.
pub(super) struct Run<'a> {
    pub experiment: &'a Path,
    /// What stands in it, where it is no file of its own.
    pub text: Option<String>,
    /// Where results go, if that was said.
    pub out: Option<&'a Path>,
    pub sets: Vec<String>,
    pub mode: Mode,
    pub at: Option<usize>,
    /// Whether verdict.json alone is printed.
    pub json: bool,
    /// Whether the causes of a mismatch are sought.
    pub causes: bool,
}

impl Run<'_> {
    /// Runs it; returns the exit code.
    pub fn go(&self) -> Result<u8> {
        say_what_is_given_twice(&self.sets);
        let experiment = match &self.text {
            None => Experiment::load(self.experiment, &self.sets)?,
            Some(text) => {
                let name = self.experiment.join("manifest.json").display().to_string();
                Experiment::parse(text, &name, self.experiment, &self.sets)?
            }
        };
        let folder = self.out.map_or_else(|| self.default_folder(), Path::to_owned);
        let folder = Folder::open(&folder)?;
        let unfinished = folder.begin()?;
        let stop = stop_on_interrupt();
        let comparison = Comparison { mode: self.mode, at: self.at.unwrap_or(0), ..Comparison::default() };
        let steps_per_epoch = experiment.course.order.steps_per_epoch(experiment.set.training.rows());
        let checkpoint = |every| Checkpoints::new(unfinished.join(CHECKPOINTS), every, steps_per_epoch);
        let mut checkpoints = experiment.course.checkpoint.map(checkpoint);
        let compared = {
            let mut watching = Watching { progress: Progress::new(0, "step"), checkpoints: checkpoints.as_mut() };
            comparison.watched(&experiment, &mut watching, stop)
        };
        let (mut verdict, curves) = compared.inspect_err(|_| folder.abandon())?;
        if self.causes {
            let searched = cause::explain(&experiment, comparison, &mut verdict, stop);
            searched.inspect_err(|_| folder.abandon())?;
        }
        report::write(&folder, &mut verdict, &curves)?;
        // What was gained is written; that the weights on the way are not all there is an error all the same.
        if let Some(error) = checkpoints.and_then(|checkpoints| checkpoints.failed) {
            return Err(error);
        }
        if self.json {
            print(&report::json(&verdict)?)?;
        } else {
            let written = format!("Written to {}: report.md, verdict.json, plots\n", folder.path().display());
            print(&(report::text::render(&verdict) + &written))?;
        }
        Ok(verdict.exit_code())
    }

    /// `lockstep-out/experiments/xor/parity` for `experiments/xor/parity.toml`, and another one with every other `--set` and
    /// mode: runs that differ do not share a folder. What lies elsewhere stands below `@`.
    fn default_folder(&self) -> PathBuf {
        let experiment = fs::canonicalize(self.experiment).unwrap_or_else(|_| self.experiment.to_owned());
        let here = env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
        let below = match experiment.strip_prefix(&here) {
            Ok(below) => below.to_owned(),
            Err(_) => Path::new("@").join(experiment.strip_prefix("/").unwrap_or(&experiment)),
        };
        let mut name = below.file_stem().unwrap_or_default().to_owned();
        // A trace stands there by its own name; another one of that name is another request, by the sum behind it.
        let mut asked: Vec<String> =
            self.sets.iter().map(|set| played_name(set).unwrap_or_else(|| set.clone())).collect();
        if self.mode != Mode::Both {
            asked.push(format!("mode={:?}", self.mode).to_lowercase());
        }
        asked.extend(self.at.map(|at| format!("at={at}")));
        if !asked.is_empty() {
            name.push("+");
            name.push(named(&asked.join("+")));
        }
        Path::new("lockstep-out").join(below.parent().unwrap_or(Path::new(""))).join(name)
    }
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

/// What a folder is called after a trace: `candidate=mine-1f3a`, with a sum of where it lies.
fn played_name(set: &str) -> Option<String> {
    let (side, path) = set.split_once(".engine={ trace = \"")?;
    let name = Path::new(path.strip_suffix("\" }")?).file_name()?.to_str()?;
    Some(format!("{side}={name}-{}", summed(path, 2)))
}

/// The first bytes of a text's SHA-256.
fn summed(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// What was asked for, as a name of a folder that no other request has.
fn named(asked: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._=,+-".contains(letter);
    if asked.len() <= LONGEST && asked.chars().all(plain) {
        return asked.to_owned();
    }
    let start: String = asked.chars().filter(|letter| plain(*letter)).take(LONGEST / 2).collect();
    format!("{start}-{}", summed(asked, 4))
}
