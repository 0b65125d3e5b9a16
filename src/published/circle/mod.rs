//! "Mini deep-learning framework" (EPFL): a hand-written framework learns a circle sooner and more surely than PyTorch.
//! What is due to the engine, what to the initial weights, and what to a plot that moves the test points.

mod among;
mod by_sample;
mod claims;
mod decisions;
mod folds;
mod initialization;
mod lockstep;
mod plateau;
mod plots;
mod report;
mod signal;
mod speed;
mod test_gap;
mod words;

use crate::{
    data::set::{Part, Targets},
    error::Result,
    experiment::Experiment,
    judge::verdict::{Outcome, Phase},
    study::{Context, Page, Sample, Study, StudyVerdict, largest},
};
use folds::{Folds, Init, On, scratch, torch};

/// The study.
pub const STUDY: Study = Study {
    name: "circle",
    title: "EPFL: a mini deep-learning framework and PyTorch on the circle",
    data: &[],
    parts: 1 + signal::PARTS + lockstep::PARTS + 1 + folds::PARTS,
    run,
};

/// The parity experiment.
pub(crate) const PARITY: &str = include_str!("../../../experiments/circle/parity.toml");
const AS_PUBLISHED: &str = include_str!("../../../experiments/circle/as-published.toml");

/// A row of the document's Table III.
struct Printed {
    init: Init,
    on: On,
    table: Sample,
    /// Epochs of training before the last reading in the authors' public code: the custom framework's loop counts both
    /// errors before each epoch, PyTorch's counts training errors after it and test errors before it.
    read_after: usize,
}

/// Table III: error rates in per cent, mean and deviation of ten folds.
const PRINTED: [Printed; 4] = [
    Printed { init: Init::Custom, on: On::Train, table: Sample::printed(4.33, 1.83, folds::TEN), read_after: 19 },
    Printed { init: Init::Custom, on: On::Test, table: Sample::printed(4.88, 2.23, folds::TEN), read_after: 19 },
    Printed { init: Init::Pytorch, on: On::Train, table: Sample::printed(10.17, 8.88, folds::TEN), read_after: 20 },
    Printed { init: Init::Pytorch, on: On::Test, table: Sample::printed(16.59, 14.13, folds::TEN), read_after: 19 },
];

/// Everything the study found.
struct Findings {
    folds: Folds,
    decisions: decisions::Decisions,
    signal: Vec<signal::Signal>,
    runs: lockstep::Runs,
    speed: speed::Speed,
    /// The share of points outside the circle, in per cent, of radius √(2/π) and of the printed 2/√π.
    outside: [f64; 2],
}

/// The parity experiment, with `sets` as if they stood in its file.
///
/// # Errors
/// If a set cannot be accepted.
fn parity(sets: &[String]) -> Result<Experiment> {
    crate::study::experiment(PARITY, "circle/parity", sets)
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    // Times first, while nothing else runs.
    let found = Findings {
        speed: speed::measure(context)?,
        signal: signal::measure(context)?,
        runs: lockstep::run(context, verdict)?,
        decisions: decisions::find(context)?,
        folds: folds::train(context)?,
        outside: outside()?,
    };
    expect(&found, verdict);
    claims::claims(&found, verdict);
    plots::draw(context.folder, &found)?;
    Ok(Page { report: report::render(&found, verdict), summary: report::summary(verdict) })
}

/// Over the first ten folds' points, training and test.
fn outside() -> Result<[f64; 2]> {
    let share = |radius: f64| -> Result<f64> {
        let (mut outside, mut all) = (0, 0);
        for seed in 0..folds::TEN {
            let set = parity(&[format!("seed={seed}"), format!("data.radius={radius:?}")])?.set;
            for Part { targets, .. } in [Some(&set.training), set.test.as_ref()].into_iter().flatten() {
                let Targets::Classes(classes) = targets else { continue };
                outside += classes.iter().filter(|class| **class == 1).count();
                all += classes.len();
            }
        }
        Ok(100.0 * outside as f64 / f64::from(all as u32))
    };
    let pi = std::f64::consts::PI;
    Ok([share((2.0 / pi).sqrt())?, share(2.0 / pi.sqrt())?])
}

/// States what must hold for the study to have worked.
fn expect(found: &Findings, study: &mut StudyVerdict) {
    let runs = &found.runs;
    study.expect(
        "with equal initial weights the two are at parity: both initializations, f32 and f64, 200 and 1000 steps",
        runs.parity.iter().all(lockstep::Run::is_parity),
    );
    study.expect(
        "the document's procedure, sample by sample with one step for each mini-batch, is at parity with PyTorch's \
         batches",
        runs.by_sample.iter().all(lockstep::Run::is_parity),
    );
    let published = &runs.as_published;
    study.expect(
        "as published the verdict is a mismatch, in the initial weights and in nothing else",
        published.verdict.verdict == Outcome::Mismatch && published.differs_at_the_start_alone(),
    );
    // Fits of f32 tensors, each right to some 1e-7; the update is a difference of weights, right to 1e-4 of it.
    let near = |ratio: f64, expected: f64| (ratio / expected - 1.0).abs() < 1e-3;
    study.expect(
        "the sum's gradient at a hundredth of the rate is seen as two differences that cancel",
        near(runs.sum.ratio(Phase::Backward), 100.0) && near(runs.sum.ratio(Phase::Update), 0.01),
    );
    let first = runs.per_sample.verdict.first_divergence.as_ref();
    study.expect(
        "an update for each sample is a mismatch, in the update of the first step",
        first.is_some_and(|first| (first.step, first.phase) == (0, Phase::Update)),
    );
    let same_engine = folds::BOTH.iter().all(|init| engines_apart(found, *init).mean_apart() < 0.2);
    study.expect("with equal initial weights the engines' mean test errors are within 0.2 points", same_engine);
    let test = |setup| found.folds.of(setup).error(On::Test, folds::EPOCHS);
    let by_init =
        [scratch, torch].iter().all(|engine| test(engine(Init::Pytorch)).above(&test(engine(Init::Custom))) > 4.0);
    study.expect("with either engine PyTorch's initialization errs more, by over four standard errors", by_init);
    let rescaled = found.folds.of(scratch(Init::Pytorch)).rescaled(folds::EPOCHS);
    study.expect("on rescaled test points about half the answers are wrong", (40.0..55.0).contains(&rescaled.mean));
}

/// The same folds trained by both engines.
struct Engines {
    /// Mean test errors: from scratch, libtorch.
    means: [f64; 2],
    /// Folds whose test errors are equal to the row.
    equal: usize,
    /// The largest difference of a fold's test error, in points.
    largest: f64,
    count: usize,
}

impl Engines {
    fn mean_apart(&self) -> f64 {
        (self.means[0] - self.means[1]).abs()
    }
}

fn engines_apart(found: &Findings, init: Init) -> Engines {
    let torch = found.folds.of(torch(init)).errors(On::Test, folds::EPOCHS);
    let scratch = found.folds.of(scratch(init)).first(torch.len() as u64).errors(On::Test, folds::EPOCHS);
    let apart: Vec<f64> = scratch.iter().zip(&torch).map(|(one, other)| (one - other).abs()).collect();
    Engines {
        means: [&scratch, &torch].map(|errors| Sample::of(errors).mean),
        equal: apart.iter().filter(|apart| **apart == 0.0).count(),
        largest: largest(apart.iter().copied()),
        count: torch.len(),
    }
}
