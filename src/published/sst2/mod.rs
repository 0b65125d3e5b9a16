//! "Neural Net Training with PyTorch", a university lecture: logistic regression on SST-2's word counts, its printed
//! losses and accuracies, and whether L2, early stopping and larger batches help.

mod claims;
mod costs;
mod counts;
mod curves;
mod penalty;
mod plots;
mod printed;
mod report;
mod runs;
mod stopping;
mod sweeps;
#[cfg(test)]
mod tests;
mod times;
mod unseen;

use crate::{
    data::set::DataSet,
    error::Result,
    experiment::Experiment,
    judge::{
        noise::Limits,
        verdict::{Curves, Outcome as Answer, Verdict},
    },
    run::{Mode, Phase, RunSide},
    study::{Context, Page, Sample, Study, StudyVerdict, experiment, experiment_on, owned, page},
};
use printed::HALF_DIGIT;
use runs::Run;
use std::sync::Arc;

/// The study.
pub const STUDY: Study = Study {
    name: "sst2",
    title: "Neural Net Training with PyTorch: logistic regression on SST-2",
    data: &FILES,
    parts: 5 + WATCHED.len() + 2 * (SEEDS + TORCH_SEEDS) as usize + sweeps::runs(),
    run,
};

const FILES: [&str; 2] = ["sst2/train.tsv", "sst2/dev.tsv"];

const PLAIN: &str = include_str!("../../../experiments/sst2/plain.toml");
const L2: &str = include_str!("../../../experiments/sst2/l2.toml");
const AS_DECAY: &str = include_str!("../../../experiments/sst2/l2-as-decay.toml");
const EARLY_STOPPING: &str = include_str!("../../../experiments/sst2/early-stopping.toml");

/// Seeds of each network in the engine from scratch, and in libtorch, which takes some fifteen times as long.
const SEEDS: u64 = 40;
const TORCH_SEEDS: u64 = 5;

/// The lockstep runs beside the plain one.
const WATCHED: [Watched; 4] = [
    Watched { name: "l2", text: L2, sets: &[] },
    Watched { name: "early-stopping", text: EARLY_STOPPING, sets: &[] },
    Watched { name: "l2-as-decay, f64", text: AS_DECAY, sets: &[F64, ONE_EPOCH] },
    Watched {
        name: "l2-on-one-side, f64",
        text: L2,
        sets: &[F64, ONE_EPOCH, "candidate.training.penalty.l2.factor=0"],
    },
];
const F64: &str = "dtype=f64";
const ONE_EPOCH: &str = "training.epochs=1";

/// What the free weights of two differences that cancel stay within in f64: rounding moves a step by some 1e-16, and
/// 4210 steps of Adam amplify it as they do f32's, from 1e-7 to 4e-5; this is a hundred thousand times as much as that.
const CANCELLED: f64 = 1e-9;

/// An experiment that is run in lockstep.
struct Watched {
    name: &'static str,
    text: &'static str,
    sets: &'static [&'static str],
}

/// Everything the study found, beside the verdicts.
struct Findings {
    counts: counts::Counts,
    unstemmed: [usize; 2],
    first: counts::First,
    times: Vec<times::Time>,
    /// The plain lockstep run.
    curves: Curves,
    plain: Runs,
    l2: Runs,
    unseen: unseen::Unseen,
    swept: Vec<sweeps::Swept>,
}

/// Runs of one network, by seed from 0.
struct Runs {
    scratch: Vec<Run>,
    torch: Vec<Run>,
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    const TITLE: &str = "sst2: logistic regression on SST-2's word counts";
    if !verdict.has("the whole study", &FILES)? {
        let text = format!("# SST-2: logistic regression, as in the lecture\n{}", page::end(verdict));
        return Ok(Page { report: text, summary: page::summary(verdict, TITLE) });
    }
    let found = investigate(context, verdict)?;
    expect(&found, verdict);
    claims::answer(&found, verdict);
    plots::draw(context.folder, &found)?;
    Ok(Page { report: report::render(&found, verdict), summary: page::summary(verdict, TITLE) })
}

/// Runs everything; what is timed first, while nothing runs beside it.
fn investigate(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Findings> {
    let opened = experiment(PLAIN, "sst2/plain", &[])?;
    let set = Arc::clone(&opened.set);
    let on = |text: &str, sets: &[String]| experiment_on(&set, text, "sst2", sets);
    let seeded = |text: &'static str| {
        let set = &set;
        move |seed: u64| experiment_on(set, text, "sst2", &[format!("seed={seed}")])
    };
    let times = times::measure(context, &|sets| on(PLAIN, sets))?;
    let (plain, curves) = context.report("plain", &opened)?;
    study.experiments.insert("plain".to_owned(), plain);
    watch(context, study, &set)?;
    let unstemmed = counts::unstemmed(context)?;
    let first = counts::first(context, &seeded(PLAIN))?;
    let unseen = unseen::unseen(context, &seeded(PLAIN), &seeded(L2))?;
    let (plain, l2) = train(context, &|text, seed| on(text, &[format!("seed={seed}")]))?;
    let swept = sweeps::sweep(context, &|sets| on(PLAIN, sets))?;
    Ok(Findings { counts: counts::count(&set), unstemmed, first, times, curves, plain, l2, unseen, swept })
}

/// Runs the other experiments in lockstep.
fn watch(context: &Context<'_>, study: &mut StudyVerdict, set: &Arc<DataSet>) -> Result<()> {
    let name = |watched: &Watched| format!("lockstep: {}", watched.name);
    let wide = Arc::clone(&experiment(PLAIN, "sst2/plain", &[F64.to_owned()])?.set);
    let verdicts = context.each(&WATCHED, name, |Watched { text, sets, name }| {
        let sets = owned(sets);
        let set = if sets.iter().any(|set| set == F64) { &wide } else { set };
        let mut experiment = experiment_on(set, text, &format!("sst2/{name}"), &sets)?;
        if !sets.is_empty() {
            experiment.title = format!("{}; {}", experiment.title, sets.join(", "));
        }
        context.silent(&experiment, Mode::Both, Limits::default())
    })?;
    study.experiments.extend(WATCHED.iter().map(|watched| watched.name.to_owned()).zip(verdicts));
    Ok(())
}

/// Trains the plain network and the one with L2 over seeds, in both engines.
fn train(context: &Context<'_>, seeded: &(dyn Fn(&str, u64) -> Result<Experiment> + Sync)) -> Result<(Runs, Runs)> {
    let variants = [("plain", PLAIN), ("L2", L2)];
    let sides = [(RunSide::Reference, TORCH_SEEDS, "libtorch"), (RunSide::Candidate, SEEDS, "scratch")];
    let mut jobs = Vec::new();
    for (side, seeds, engine) in sides {
        jobs.extend(variants.iter().flat_map(|variant| (0..seeds).map(move |seed| (*variant, side, engine, seed))));
    }
    let name = |((name, _), _, engine, seed): &_| format!("{name} in {engine}, seed {seed}");
    let runs =
        context.each(&jobs, name, |((_, text), side, _, seed)| runs::train(context, &seeded(text, *seed)?, *side))?;
    let of = |wanted: &str, on: RunSide| {
        let jobs = jobs.iter().zip(&runs).filter(|(((name, _), side, ..), _)| *name == wanted && *side == on);
        jobs.map(|(_, run)| run.clone()).collect::<Vec<_>>()
    };
    let both = |name| Runs { scratch: of(name, RunSide::Candidate), torch: of(name, RunSide::Reference) };
    Ok((both("plain"), both("L2")))
}

impl Findings {
    /// [`Runs::apart`] of both networks.
    fn apart(&self) -> f64 {
        runs::larger(self.plain.apart(), self.l2.apart())
    }
}

impl Runs {
    /// The largest difference between the engines' means of 500 losses, over the seeds that both trained.
    fn apart(&self) -> f64 {
        let pairs = self.scratch.iter().zip(&self.torch);
        let windows = pairs.flat_map(|(one, other)| one.windows.iter().zip(&other.windows));
        windows.map(|(one, other)| (one - other).abs()).fold(0.0, runs::larger)
    }
}

/// The largest gap of the weights between the two sides of a free run.
fn free_weights(verdict: &Verdict) -> f64 {
    let gap = verdict.free_gap("weights");
    gap.unwrap_or(f64::NAN)
}

/// States what must hold for the study to have worked.
fn expect(found: &Findings, study: &mut StudyVerdict) {
    let counts = &found.counts;
    study.expect(
        "the matrices are held sparse and have the printed counts",
        counts.training == Some(printed::TRAINING) && counts.dev == Some(printed::DEV),
    );
    study.expect("12 training rows have no token", counts.empty == 12);
    let held = |name: &str, holds: &dyn Fn(&Verdict) -> bool| study.experiments.get(name).is_some_and(holds);
    let whole = |verdict: &Verdict| verdict.verdict == Answer::Parity && verdict.horizon.is_none();
    let both = |verdict: &Verdict| whole(verdict) && verdict.steps == found.curves.reference_loss.len();
    let [plain, l2] = ["plain", "l2"].map(|name| held(name, &both));
    let stopping = held("early-stopping", &|verdict| {
        let same = verdict
            .stopping
            .as_ref()
            .is_some_and(|ended| ended.restored && ended.best.is_some() && ended.candidates.iter().all(|own| own.same));
        whole(verdict) && same
    });
    let first = |verdict: &Verdict, phase| verdict.first_of(phase).map(|first| first.step);
    let apart = held("l2-on-one-side, f64", &|verdict| {
        first(verdict, Phase::Backward) == Some(0) && first(verdict, Phase::Update).is_none()
    });
    let decay = held("l2-as-decay, f64", &|verdict| {
        first(verdict, Phase::Backward) == Some(0) && first(verdict, Phase::Update) == Some(0)
    });
    let cancel = held("l2-as-decay, f64", &|verdict| free_weights(verdict) < CANCELLED);
    study.expect("plain, f32: parity over both epochs, synced and free, with no horizon in sight", plain);
    study.expect(
        "L2, f32: the same, though it makes weights of words not seen yet so small that their updates underflow",
        l2,
    );
    study.expect("early stopping: parity, both engines decide the same, the best weights are given back", stopping);
    study.expect("L2 on one side alone is seen at the first step, in backward and nowhere in update", apart);
    study.expect("a penalty against a decay of the same size is seen as two differences, at the first step", decay);
    study.expect("these two differences cancel: the free weights stay within 1e-9", cancel);
    study.expect(
        "at the same seeds both engines' means of 500 losses differ by less than half a printed digit",
        found.apart() < HALF_DIGIT,
    );
    // Of a loss near ln 2, sums of some hundred numbers of size 0.01 are off by far less than ten roundings.
    study.expect("both engines' first losses agree to f32's rounding", found.first.apart < 1e-6);
    // The standard deviation of a sample's standard deviation is 1/√(2(n − 1)) of it.
    let scaled = Sample::of(&found.first.scaled);
    let spread = 3.0 / (2.0 * (scaled.count as f64 - 1.0)).sqrt();
    study.expect(
        "the first loss varies over seeds as nn.Linear's initial weights have it vary, within three standard errors",
        (scaled.deviation - 1.0).abs() <= spread,
    );
}
