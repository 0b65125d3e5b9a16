//! Causes, counted: what a mismatch is called beside the mistake that was made.
//!
//! Every mistake of the catalogue that our vocabulary holds is made in every network under every optimizer that can show it, in
//! f32 and in f64, by an engine that runs beside the reference and by recordings of it that keep all, no activations, or the
//! weights alone; then two at once, mistakes that stand in no list, and none.

mod mistakes;
mod report;

use super::random;
use crate::{
    cause,
    error::{Error, Result},
    experiment::{Experiment, RunSide, Side},
    judge::{
        Comparison,
        noise::Limits,
        verdict::{self, Outcome, Status, Verdict},
    },
    run::{Mode, Role, recorded_into},
    study::{Context, Page, Study, StudyVerdict},
};
use mistakes::{MISTAKES, Mistake, PAIRS, UNKNOWN};
use serde::{Deserialize, Serialize};
use std::{fs, ops::Range, path::Path};

/// The study.
pub const STUDY: Study = Study {
    name: "causes",
    title: "Is a cause called by its right name? Mistakes made on purpose, and what they are called",
    data: &[],
    parts: NETWORKS.len() * OPTIMIZERS.len() * DTYPES.len() + (CONTROLS.end - CONTROLS.start) as usize,
    run,
};

/// Seeds of random experiments without a mistake.
const CONTROLS: Range<u64> = 20_000..21_000;

/// Steps of a run.
const STEPS: usize = 14;

/// A network with its data and its loss.
struct Network {
    name: &'static str,
    /// What stands under `data`; rows of words where there is nothing.
    data: &'static str,
    layers: &'static str,
    loss: &'static str,
}

const NETWORKS: [Network; 6] = [
    Network {
        name: "ReLU",
        data: "kind = 'regression', rows = 48, inputs = 5, outputs = 2, noise = 0.1",
        layers: "{ linear = { outputs = 8 } }, 'relu', { linear = { outputs = 8 } }, 'relu', { linear = { outputs = 2 } }",
        loss: "mse",
    },
    Network {
        name: "tanh",
        data: "kind = 'blobs', rows = 48, columns = 5, centers = 3",
        layers: "{ linear = { outputs = 6 } }, 'tanh', { linear = { outputs = 3 } }",
        loss: "cross-entropy",
    },
    Network {
        name: "layer norm",
        data: "kind = 'regression', rows = 48, inputs = 5, outputs = 1, noise = 0.1",
        layers: "{ linear = { outputs = 6 } }, 'layer-norm', 'gelu', { leaky-relu = { slope = 0.1 } }, \
                 { linear = { outputs = 1 } }",
        loss: "huber",
    },
    Network {
        name: "batch norm",
        data: "kind = 'blobs', rows = 48, columns = 5, centers = 3",
        layers: "{ linear = { outputs = 6 } }, 'batch-norm', 'sigmoid', { linear = { outputs = 3 } }, 'log-softmax'",
        loss: "nll",
    },
    Network {
        name: "dropout",
        data: "kind = 'regression', rows = 48, inputs = 5, outputs = 1, noise = 0.1",
        layers: "{ linear = { outputs = 8 } }, 'tanh', { dropout = { p = 0.3 } }, { linear = { outputs = 1 } }",
        loss: "mse",
    },
    Network {
        name: "embedding",
        data: "",
        layers: "{ embedding = { words = 12, columns = 3 } }, 'flatten', { linear = { outputs = 5 } }, 'relu', \
                 { linear = { outputs = 3 } }",
        loss: "cross-entropy",
    },
];

/// Optimizers by name, with what else stands under `training`.
const OPTIMIZERS: [(&str, &str); 5] = [
    ("sgd", "optimizer = { sgd = { lr = 0.05 } }"),
    (
        "sgd",
        "optimizer = { sgd = { lr = 0.05, momentum = 0.9, weight_decay = 0.1 } }, clip = { norm = 0.2 }, \
         schedule = { step = { size = 3, gamma = 0.5, every = 'step' } }",
    ),
    ("adam", "optimizer = { adam = { lr = 0.01, eps = 1e-8 } }"),
    ("adamw", "optimizer = { adamw = { lr = 0.01, eps = 1e-8, weight_decay = 0.1 } }"),
    (
        "rmsprop",
        "optimizer = { rmsprop = { lr = 0.01, eps = 1e-8, momentum = 0.9 } }, penalty = { l2 = { factor = 0.002 } }",
    ),
];

/// As tables name them.
const OPTIMIZER_NAMES: [&str; 5] = ["SGD", "SGD with all", "Adam", "AdamW", "RMSprop"];

const DTYPES: [&str; 2] = ["f64", "f32"];

/// What of a run is there to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Kept {
    /// An engine that runs.
    Live,
    /// A recording of all that it computes.
    Full,
    /// One without activations and what comes back through them.
    Gradients,
    /// One of weights and batches.
    Weights,
}

impl Kept {
    const ALL: [Self; 4] = [Self::Live, Self::Full, Self::Gradients, Self::Weights];

    fn words(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Full => "trace, all",
            Self::Gradients => "trace, no activations",
            Self::Weights => "trace, weights alone",
        }
    }

    /// What is left out of a trace.
    fn without(self) -> &'static [&'static str] {
        match self {
            Self::Live | Self::Full => &[],
            Self::Gradients => &["activation", "activation_gradient"],
            Self::Weights => &["activation", "activation_gradient", "gradient", "output_gradient.npy", "loss.npy"],
        }
    }
}

/// What mistakes are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Answer {
    /// Each by its name, or the name of one that nothing recorded tells from it, and proved.
    Right,
    /// By the right name, not proved.
    Consistent,
    /// By no name.
    Unexplained,
    /// By another's.
    Wrong,
    /// The sides do not differ by more than rounding explains.
    Unseen,
}

impl Answer {
    const ALL: [Self; 5] = [Self::Right, Self::Consistent, Self::Unexplained, Self::Wrong, Self::Unseen];

    fn words(self) -> &'static str {
        match self {
            Self::Right => "named and proved",
            Self::Consistent => "named, not proved",
            Self::Unexplained => "not named",
            Self::Wrong => "wrongly named",
            Self::Unseen => "within rounding",
        }
    }

    /// Of a verdict on these mistakes: a wrong name is worse than none.
    fn of(mistakes: &[Mistake], verdict: &Verdict) -> Self {
        if verdict.verdict != Outcome::Mismatch {
            return Self::Unseen;
        }
        let named = verdict.causes.iter().filter(|cause| cause.status != Status::Unexplained);
        let classes: Vec<Vec<&str>> = named.clone().map(|cause| class(cause).collect()).collect();
        let right = |class: &Vec<&str>| mistakes.iter().any(|mistake| class.contains(&mistake.cause));
        let found = |mistake: &Mistake| classes.iter().any(|class| class.contains(&mistake.cause));
        match () {
            () if !classes.iter().all(right) => Self::Wrong,
            () if !mistakes.iter().all(found) => Self::Unexplained,
            () if named.clone().all(|cause| cause.status == Status::Confirmed) => Self::Right,
            () => Self::Consistent,
        }
    }
}

/// The names of an answer, the one that leads first.
fn class(cause: &verdict::Cause) -> impl Iterator<Item = &str> {
    [cause.id.as_str()].into_iter().chain(cause.alternatives.iter().map(|other| other.id.as_str()))
}

/// The verdict on an experiment, with its causes.
fn explained(context: &Context<'_>, experiment: &Experiment) -> Result<Verdict> {
    let mut verdict = context.silent(experiment, Mode::Both, Limits::default())?;
    cause::explain(experiment, Comparison::default(), &mut verdict, context.stop)?;
    Ok(verdict)
}

/// What was made, and what it was called.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    network: usize,
    optimizer: usize,
    dtype: usize,
    kept: Kept,
    /// The list it is from, and its place there.
    made: (List, usize),
    answer: Answer,
    /// Whether its own name comes first, and whether among the first three.
    places: [bool; 2],
    /// All names that were given.
    names: Vec<String>,
}

/// The lists of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum List {
    Single,
    Pair,
    Unknown,
}

impl List {
    fn mistakes(self) -> Vec<Vec<Mistake>> {
        match self {
            Self::Single => MISTAKES.iter().map(|mistake| vec![*mistake]).collect(),
            Self::Pair => PAIRS.iter().map(|pair| pair.to_vec()).collect(),
            Self::Unknown => UNKNOWN.iter().map(|mistake| vec![*mistake]).collect(),
        }
    }
}

/// Everything the study found.
struct Findings {
    found: Vec<Found>,
    /// Random experiments without a mistake, and how many had a cause named.
    controls: (usize, usize),
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Page> {
    let jobs: Vec<[usize; 3]> = (0..NETWORKS.len())
        .flat_map(|network| {
            (0..OPTIMIZERS.len()).flat_map(move |optimizer| [0, 1].map(|dtype| [network, optimizer, dtype]))
        })
        .collect();
    let found = named(context, &jobs, &Kept::ALL)?.concat();
    let seeds: Vec<u64> = CONTROLS.collect();
    let controls = context.each(
        &seeds,
        |seed| format!("control {seed}"),
        |&seed| {
            let experiment = random::experiment(seed, false)?;
            let verdict = explained(context, &experiment)?;
            Ok(verdict.causes.iter().any(|cause| cause.status != Status::Unexplained))
        },
    )?;
    let findings = Findings { found, controls: (controls.len(), controls.iter().filter(|named| **named).count()) };
    report::judge(&findings, study);
    Ok(Page { report: report::render(&findings, study), summary: report::summary(study) })
}

/// What the mistakes of all lists are called in these networks.
fn named(context: &Context<'_>, jobs: &[[usize; 3]], kept: &[Kept]) -> Result<Vec<Vec<Found>>> {
    let part = |[network, optimizer, dtype]: &[usize; 3]| {
        format!("{}, {}, {}", NETWORKS[*network].name, OPTIMIZER_NAMES[*optimizer], DTYPES[*dtype])
    };
    context.each(jobs, part, |job| {
        let mut found = Vec::new();
        for list in [List::Single, List::Pair, List::Unknown] {
            for (number, mistakes) in list.mistakes().iter().enumerate() {
                context.go_on()?;
                let kept = kept.iter().filter(|kept| list == List::Single || matches!(kept, Kept::Live | Kept::Full));
                found.extend(of_one(context, *job, (list, number), mistakes, kept.copied())?);
            }
        }
        Ok(found)
    })
}

/// What these mistakes are called in one network; nothing where they cannot be made there.
fn of_one(
    context: &Context<'_>,
    job: [usize; 3],
    made: (List, usize),
    mistakes: &[Mistake],
    kept: impl Iterator<Item = Kept>,
) -> Result<Vec<Found>> {
    let [network, optimizer, dtype] = job;
    let Some(experiment) = wrong(job, mistakes)? else { return Ok(Vec::new()) };
    let trace = context.folder.join(format!(".trace-{}", job.map(|number| number.to_string()).join("-")));
    let mut found = Vec::new();
    for kept in kept {
        let judged = match kept {
            Kept::Live => experiment.clone(),
            Kept::Full | Kept::Gradients | Kept::Weights => {
                record(&experiment, &trace, context)?;
                for path in kept.without().iter().map(|left_out| trace.join(left_out)).filter(|path| path.exists()) {
                    let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                    gone.map_err(|error| Error::io(&path, "cannot be removed", error))?;
                }
                let of = format!("candidate.engine={{ trace = '{}' }}", trace.display());
                right(job, &[of])?
            }
        };
        let verdict = explained(context, &judged)?;
        let names: Vec<String> = verdict.causes.iter().map(|cause| cause.id.clone()).collect();
        let own = mistakes.iter().filter(|mistake| names.iter().any(|name| name == mistake.cause)).count();
        let among = verdict
            .causes
            .iter()
            .filter(|cause| class(cause).take(3).any(|name| mistakes.iter().any(|mistake| mistake.cause == name)));
        let places = [own, among.count()].map(|count| count == mistakes.len());
        let answer = Answer::of(mistakes, &verdict);
        found.push(Found { network, optimizer, dtype, kept, made, answer, places, names });
    }
    if trace.exists() {
        fs::remove_dir_all(&trace).map_err(|error| Error::io(&trace, "cannot be removed", error))?;
    }
    Ok(found)
}

/// The experiment of a network, right.
fn right([network, optimizer, dtype]: [usize; 3], sets: &[String]) -> Result<Experiment> {
    let Network { name, data, .. } = NETWORKS[network];
    let text = text([network, optimizer, dtype]);
    match data {
        "" => Experiment::parse_on(&random::rows_of_words()?, &text, name, Path::new(""), sets),
        _ => Experiment::parse(&text, name, Path::new(""), sets),
    }
}

/// As a file has it.
fn text([network, optimizer, dtype]: [usize; 3]) -> String {
    let Network { name, data, layers, loss } = NETWORKS[network];
    let data = if data.is_empty() { "kind = 'xor'" } else { data };
    format!(
        "title = '{name}'\ndtype = '{}'\ndata = {{ {data} }}\nmodel.layers = [{layers}]\ntraining = {{ loss = '{loss}', \
         batch_size = 8, steps = {STEPS}, {} }}\n",
        DTYPES[dtype], OPTIMIZERS[optimizer].1
    )
}

/// The experiment with these mistakes of the candidate, where they can be made in it.
fn wrong(job: [usize; 3], mistakes: &[Mistake]) -> Result<Option<Experiment>> {
    let text = text(job);
    if !mistakes.iter().all(|mistake| text.contains(mistake.needs)) {
        return Ok(None);
    }
    let sets = Mistake::sets(mistakes, OPTIMIZERS[job[1]].0, NETWORKS[job[0]].loss);
    match right(job, &sets) {
        Ok(experiment) => Ok(Some(experiment)),
        // Nothing there could show it.
        Err(Error::Experiment { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Records the candidate.
fn record(experiment: &Experiment, folder: &Path, context: &Context<'_>) -> Result<()> {
    let build = |side: &Side, rows: usize| Comparison::default().build(Role::Candidate, side, rows);
    recorded_into(folder, experiment, (RunSide::Candidate, &build), context.stop, &mut |_, _| {}).map(drop)
}

#[cfg(all(test, feature = "torch"))]
mod tests {
    use super::*;
    use crate::study::Journal;
    use std::{collections::BTreeSet, sync::atomic::AtomicBool};

    /// A smaller version of reports/causes: two networks, live and by their weights alone.
    #[test]
    fn no_mistake_is_called_by_the_name_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let (stop, journal) = (AtomicBool::new(false), Journal::nowhere());
        let context = Context { folder: folder.path(), stop: &stop, tick: &|_| {}, journal: &journal };
        let jobs = [[0, 1, 0], [1, 3, 0], [2, 2, 0]];
        let found = named(&context, &jobs, &[Kept::Live, Kept::Weights]).unwrap().concat();
        let wrong: Vec<Found> = found.iter().filter(|found| found.answer == Answer::Wrong).cloned().collect();
        assert!(wrong.is_empty(), "{}", report::answers(&wrong));
        // By weights alone, what is within rounding may be so on one processor and not on another.
        let live: Vec<Found> = found.into_iter().filter(|found| found.kept == Kept::Live).collect();
        let table = report::answers(&live);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/calibration/causes/answers.txt");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &table).unwrap();
        }
        let same = fs::read_to_string(path).unwrap() == table;
        assert!(same, "the answers are others; look at them with UPDATE_DOCS=1:\n{table}");
    }

    /// A mistake that nobody makes anywhere would be counted nowhere.
    #[test]
    fn every_mistake_can_be_made_in_a_network() {
        let jobs =
            (0..NETWORKS.len()).flat_map(|network| (0..OPTIMIZERS.len()).map(move |optimizer| [network, optimizer, 0]));
        let jobs: Vec<_> = jobs.collect();
        for list in [List::Single, List::Pair, List::Unknown] {
            for mistakes in list.mistakes() {
                let made = jobs.iter().any(|job| wrong(*job, &mistakes).unwrap().is_some());
                let words: Vec<_> = mistakes.iter().map(Mistake::words).collect();
                assert!(made, "{words:?} cannot be made");
            }
        }
        let known: BTreeSet<&str> = cause::ALL.iter().copied().flatten().map(|cause| cause.id).collect();
        assert!(MISTAKES.iter().all(|mistake| known.contains(mistake.cause)));
    }
}
