//! Lockstep runs: parity without the causes, and what the verdict says with one of them in.

use super::{
    AS_PUBLISHED, PARITY,
    by_sample::BySample,
    folds::{BOTH, EPOCHS, Init},
};
use crate::{
    error::Result,
    judge::{
        Comparison,
        verdict::{Outcome, StartKind, Verdict},
    },
    run::{self, Engines, Phase, Role, build},
    study::{Context, StudyVerdict, ratio},
};

/// Seeds at which parity is shown, in f32 and in f64.
const SEEDS: u64 = 3;

/// Epochs of the long run at parity: a thousand steps.
const LONG: usize = 100;

/// One run, and what the report says of it.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) verdict: Verdict,
}

/// Every run.
pub(super) struct Runs {
    /// The document's network with equal weights; both initializations, seeds, types, lengths.
    pub(super) parity: Vec<Run>,
    /// Sample by sample, gradients added up, against libtorch's batches.
    pub(super) by_sample: Vec<Run>,
    /// The same arithmetic written as a sum: the sum's gradient at a hundredth of the rate.
    pub(super) sum: Run,
    /// An update for each sample.
    pub(super) per_sample: Run,
    /// Each side with its own initialization.
    pub(super) as_published: Run,
}

/// Parts of [`run`], for the progress bar.
pub(super) const PARTS: usize = 2 + 2 * (2 * SEEDS as usize + 2) - 1 + 2 + 2;

impl Run {
    /// The largest gap of a tensor in the free run.
    pub(super) fn free_gap(&self, tensor: &str) -> f64 {
        self.verdict.free_gap(tensor).unwrap_or(f64::NAN)
    }

    /// As [`ratio`] of its verdict.
    pub(super) fn ratio(&self, phase: Phase) -> f64 {
        ratio(&self.verdict, phase)
    }

    pub(super) fn is_parity(&self) -> bool {
        self.verdict.verdict == Outcome::Parity
    }

    /// Whether the initial weights are all that differs: every phase, given equal weights, is within its limits.
    pub(super) fn differs_at_the_start_alone(&self) -> bool {
        self.verdict.start.iter().any(|difference| difference.kind == StartKind::InitialValues)
            && self.verdict.phases.iter().all(|(phase, summary)| {
                *phase == Phase::Start
                    || (summary.first_divergence.is_none() && summary.budget.is_none_or(|budget| budget <= 1.0))
            })
    }
}

/// Runs them all.
pub(super) fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Runs> {
    let reported = |name: &str, text: &str| -> Result<Run> {
        let experiment = crate::study::experiment(text, &format!("circle/{name}"), &[])?;
        Ok(Run { name: name.to_owned(), verdict: context.report(name, &experiment)?.0 })
    };
    let first = reported("parity", PARITY)?;
    let as_published = reported("as-published", AS_PUBLISHED)?;
    let mut parity = vec![Run { name: format!("parity: {}", plain().0), ..first }];
    parity.extend(compared(context, &at_parity(), crate::run::STOCK)?);
    let by_sample = compared(context, &of_samples(), &|role, side, rows| {
        let engine = build(side, rows)?;
        Ok(if role == Role::Candidate { Box::new(BySample::new(engine, side)) } else { engine })
    })?;
    let sets = |sets: &[&str]| sets.iter().map(|set| (*set).to_owned()).collect::<Vec<_>>();
    let others = [
        (
            "the sum's gradient at a hundredth of the rate".to_owned(),
            sets(&[
                "candidate.training.loss={ mse = { reduction = \"half-sum\" } }",
                "candidate.training.reported_loss=mse",
                "candidate.training.optimizer.sgd.lr=0.001",
            ]),
        ),
        ("an update for each sample".to_owned(), sets(&["candidate.training.faults=[\"update-per-sample\"]"])),
    ];
    let mut others = compared(context, &others, crate::run::STOCK)?;
    let (per_sample, sum) = (others.remove(1), others.remove(0));
    for run in parity.iter().chain(&by_sample).chain([&sum, &per_sample, &as_published]) {
        study.experiments.insert(run.name.clone(), run.verdict.clone());
    }
    Ok(Runs { parity, by_sample, sum, per_sample, as_published })
}

type Job = (String, Vec<String>);

fn job(init: Init, dtype: &str, seed: u64, epochs: usize) -> Job {
    let sets =
        [init.set().to_owned(), format!("dtype={dtype}"), format!("seed={seed}"), format!("training.epochs={epochs}")];
    (format!("{} initialization, {dtype}, seed {seed}, {} steps", init.name(), 10 * epochs), sets.into())
}

/// The run that has a report of its own is not made again.
fn at_parity() -> Vec<Job> {
    let of = |init: Init, dtype: &'static str| {
        let short = (0..SEEDS).map(move |seed| job(init, dtype, seed, EPOCHS));
        short.chain([job(init, dtype, 0, LONG)])
    };
    let all = BOTH.into_iter().flat_map(|init| ["f32", "f64"].into_iter().flat_map(move |dtype| of(init, dtype)));
    all.filter(|job| *job != plain()).collect()
}

/// What the parity experiment is without sets.
fn plain() -> Job {
    job(Init::Pytorch, "f32", 0, EPOCHS)
}

fn of_samples() -> Vec<Job> {
    let jobs = ["f32", "f64"].map(|dtype| job(Init::Custom, dtype, 0, EPOCHS));
    jobs.map(|(name, sets)| (format!("sample by sample: {name}"), sets)).into()
}

fn compared(context: &Context<'_>, jobs: &[Job], engines: Engines<'_>) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (name, sets) in jobs {
        let verdict = context.once(name, || {
            let mut experiment = super::parity(sets)?;
            experiment.title = format!("EPFL mini framework, {name}");
            let comparison = Comparison { engines, ..Comparison::default() };
            Ok(comparison.watched(&experiment, &mut run::Silent, context.stop)?.0)
        })?;
        runs.push(Run { name: name.clone(), verdict });
    }
    Ok(runs)
}
