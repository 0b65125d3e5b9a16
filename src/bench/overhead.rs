//! What a lockstep run costs beside its two engines, and what the program takes from start to end.

use super::{interval::Interval, workload};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    judge::Judge,
    report::write_whole,
    run::{Batches, Lockstep, Mode, Observer, RunSide, prepared},
};
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// A lockstep run beside its engines: microseconds of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overhead {
    /// The network.
    pub name: String,
    /// Numbers that are trained.
    pub parameters: usize,
    /// Steps of a run.
    pub steps: usize,
    /// Both engines, each alone over the same steps, phase by phase.
    pub engines_us: Interval,
    /// Both in lockstep, every step recorded and none looked at, over what the engines take alone.
    pub driven: Interval,
    /// With `noise = "off"`: the gaps between the sides, and no judgement, over what the engines take alone.
    pub compared: Interval,
}

/// A whole process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// What was run.
    pub command: String,
    /// Seconds from start to end.
    pub seconds: Interval,
    /// What it is to stay below.
    pub at_most: Option<f64>,
}

/// What [`Overhead::compared`] is to stay below.
pub(super) const AT_MOST: f64 = 1.15;

/// What makes a comparison one of gaps alone.
const UNJUDGED: &str = "noise=off";

/// Networks up to 10⁵ parameters, of which every step is compared; rows and steps of a run.
const NETWORKS: [(&str, usize); 3] = [("xor", 3000), ("circle", 1000), (WIDE, 300)];
const WIDE: &str = "784-100-10";
const WIDE_TEXT: &str = "
    data = { kind = 'blobs', rows = 64, columns = 784, centers = 10, standardize = 'scalar' }
    model.layers = [{ linear = { outputs = 100 } }, 'relu', { linear = { outputs = 10 } }]
    training = { loss = 'cross-entropy', optimizer = { sgd = { lr = 1e-6 } }, steps = 1 }";

/// Runs of each kind, in turn.
const RUNS: usize = 9;

/// Those of a bench that only shows that it works.
const QUICK_RUNS: usize = 2;

/// Measures every network on one thread; `None` when `stop` ends it.
///
/// # Errors
/// If an engine fails.
pub(super) fn measure(sets: &[String], quick: bool, stop: &AtomicBool) -> Result<Option<Vec<Overhead>>> {
    let mut found = Vec::new();
    for (name, steps) in NETWORKS {
        let steps = if quick { 5 } else { steps };
        let mut sets = sets.to_vec();
        sets.push(UNJUDGED.to_owned());
        sets.push(format!("training.steps={steps}"));
        let of_bench = workload::ALL.iter().find(|workload| workload.name == name);
        let experiment = match of_bench {
            Some(workload) => workload.source(&sets).open()?,
            None => Experiment::parse(WIDE_TEXT, name, Path::new(""), &sets)?,
        };
        let [mut alone, mut driven, mut compared] = [const { Vec::new() }; 3];
        for _ in 0..if quick { QUICK_RUNS } else { RUNS } {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let engines =
                engine(&experiment, RunSide::Reference, steps)? + engine(&experiment, RunSide::Candidate, steps)?;
            alone.push(engines);
            driven.push(in_lockstep(&experiment, steps, false, stop)? / engines);
            compared.push(in_lockstep(&experiment, steps, true, stop)? / engines);
        }
        found.push(Overhead {
            name: name.to_owned(),
            parameters: super::counted::parameters(&experiment.candidate.model) as usize,
            steps,
            engines_us: Interval::of(alone),
            driven: Interval::of(driven),
            compared: Interval::of(compared),
        });
    }
    Ok(Some(found))
}

/// Microseconds of a step of one engine alone.
fn engine(experiment: &Experiment, which: RunSide, steps: usize) -> Result<f64> {
    let mut batches = Batches::new(experiment, which)?;
    let mut engine = prepared(experiment, which, batches.largest())?;
    let dtype = engine.describe().dtype;
    let start = Instant::now();
    for step in 0..steps {
        batches.prepare(step);
        batches.lend(dtype, |batch, _| {
            engine.forward(batch)?;
            engine.loss(batch)?;
            engine.backward()?;
            engine.update()
        })?;
    }
    Ok(per_step(start, steps))
}

/// Microseconds of a step of both.
fn in_lockstep(experiment: &Experiment, steps: usize, compared: bool, stop: &AtomicBool) -> Result<f64> {
    let mut lockstep = Lockstep::new(experiment, Mode::Free)?;
    let mut judge = compared.then(|| Judge::new(experiment, Mode::Free, &lockstep));
    let mut observers: Vec<&mut dyn Observer> = Vec::new();
    observers.extend(judge.as_mut().map(|judge| judge as &mut dyn Observer));
    let start = Instant::now();
    lockstep.run(steps, None, stop, &mut observers)?;
    Ok(per_step(start, steps))
}

fn per_step(start: Instant, steps: usize) -> f64 {
    start.elapsed().as_secs_f64() * 1e6 / steps.max(1) as f64
}

/// Times whole processes: a run of 5000 steps with its report and plots, and the start alone.
///
/// # Errors
/// If one cannot be started, or does not end with 0.
pub(super) fn processes(sets: &[String], quick: bool, stop: &AtomicBool) -> Result<Option<Vec<Process>>> {
    let folder = env::temp_dir().join(format!("lockstep-bench-{}", std::process::id()));
    let failed = |error| Error::io(&folder, "cannot be made", error);
    fs::create_dir_all(&folder).map_err(failed)?;
    let found = processes_in(&folder, sets, quick, stop);
    let _ = fs::remove_dir_all(&folder);
    found
}

fn processes_in(folder: &Path, sets: &[String], quick: bool, stop: &AtomicBool) -> Result<Option<Vec<Process>>> {
    let file = folder.join("parity.toml");
    write_whole(&file, include_bytes!("../../experiments/xor/parity.toml"))?;
    let [file, out] = [file, folder.join("out")].map(|path| path.display().to_string());
    let mut run = vec!["run", &file, "--out", &out];
    run.extend(sets.iter().flat_map(|set| ["--set", set]));
    run.extend(quick.then_some(["--steps", "50"]).into_iter().flatten());
    let named = [
        (
            "lockstep run experiments/xor/parity.toml: 5000 steps, report, plots",
            &run[..],
            Some(0.55).filter(|_| !quick && sets.is_empty()),
        ),
        ("lockstep env: the start alone, libtorch loaded", &["env"], None),
    ];
    let mut found = Vec::new();
    for (command, arguments, at_most) in named {
        let mut seconds = Vec::new();
        for _ in 0..if quick { QUICK_RUNS } else { RUNS } {
            match process(arguments) {
                // It was meant for this child, too.
                _ if stop.load(Ordering::Relaxed) => return Ok(None),
                taken => seconds.push(taken?),
            }
        }
        found.push(Process { command: command.to_owned(), seconds: Interval::of(seconds), at_most });
    }
    Ok(Some(found))
}

fn process(arguments: &[&str]) -> Result<f64> {
    let named = || Path::new("lockstep").join(arguments.first().unwrap_or(&""));
    let failed = |error| Error::io(&named(), "cannot be started", error);
    let program = env::current_exe().map_err(failed)?;
    let start = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().map_err(failed)?;
    let seconds = start.elapsed().as_secs_f64();
    match status.code() {
        Some(0) => Ok(seconds),
        code => Err(Error::Usage(format!("`lockstep {}` ended with {code:?}", arguments.join(" ")))),
    }
}
