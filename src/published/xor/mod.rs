//! "What is the difference between MLP implementation from scratch and in PyTorch?": a hand-rolled XOR network and
//! PyTorch's, as posted, with the four differences between them measured one by one, and at parity without them.

mod epochs;
mod factors;
mod plots;
mod report;

use crate::{
    error::Result,
    experiment::Experiment,
    judge::{
        Comparison,
        noise::Limits,
        verdict::{Curves, Outcome as Answer, Verdict},
    },
    run::{self, Mode, Phase, StartKind},
    study::{Context, Page, Study, StudyVerdict, owned, ratio},
};
use factors::{FACTORS, Shares};
use serde::{Deserialize, Serialize};

/// The study.
pub const STUDY: Study = Study {
    name: "xor",
    title: "What is the difference between an MLP from scratch and in PyTorch?",
    data: &[],
    parts: 2 + (1 << FACTORS.len()) + factors::SEEDS as usize + 4 + 2 * SCALES.len() + 1 + 2 * PARITY_SEEDS as usize,
    run,
};

const AS_POSTED: &str = include_str!("../../../experiments/xor/as-posted.toml");
/// The parity experiment.
pub(crate) const PARITY: &str = include_str!("../../../experiments/xor/parity.toml");

/// How often the four rows are repeated to show the N/2 law: N = 4, 8, 16.
const SCALES: [usize; 3] = [1, 2, 4];

/// Seeds at which parity is shown, in f32 and in f64.
const PARITY_SEEDS: u64 = 10;

/// What the f64 parity runs must stay below over all steps, in the free run. The issue's own figures; rounding alone
/// moves a step by some 1e-15, and 5000 steps of this contractive training amplify it some hundred times.
const F64_LOSS_AND_WEIGHTS: f64 = 1e-12;
const F64_GRADIENTS: f64 = 1e-11;

/// Everything the study found.
struct Findings {
    posted: Curves,
    /// Every set of factors: its verdict and the area between the printed curves.
    combinations: Vec<(usize, Answer, f64)>,
    /// The reference's curve, and the candidate's as factors are removed in the claimed order.
    peeled: (Vec<f64>, Vec<Vec<f64>>),
    shares: Vec<Shares>,
    epochs: epochs::Found,
    scales: Vec<Scale>,
    remedy: Remedy,
    parity: Vec<ParityRun>,
}

/// The gradient's scale at one number of elements.
struct Scale {
    elements: usize,
    /// Candidate over what the reference's definition gives, in the output gradient.
    ratio: f64,
    /// The free run's largest gap of the weights when the reference's rate is doubled, as the answer does.
    doubled: f64,
    /// The same when it is multiplied by N/2.
    remedied: f64,
}

/// The answer's own remedy: rate 0.6 on one side, the sum's gradient on the other.
struct Remedy {
    gradient_ratio: f64,
    update_ratio: f64,
    weights: f64,
}

/// One parity run; gaps are the free run's largest over all steps.
#[derive(Serialize, Deserialize)]
struct ParityRun {
    dtype: String,
    seed: u64,
    answer: Answer,
    loss: f64,
    weights: f64,
    /// All gradients as one vector.
    gradients: f64,
    /// The gradient of the last bias alone, one number, which passes through 0.
    last_bias: f64,
}

/// The parity experiment, with `sets` as if they stood in its file.
///
/// # Errors
/// If a set cannot be accepted.
pub fn parity(sets: &[String]) -> Result<Experiment> {
    crate::study::experiment(PARITY, "xor/parity", sets)
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    let found = investigate(context, verdict)?;
    expect(&found, verdict);
    report::claims(&found, verdict);
    plots::draw(context.folder, &found)?;
    Ok(Page { report: report::render(&found, verdict), summary: report::summary(&found, verdict) })
}

/// Runs everything.
fn investigate(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Findings> {
    let mut posted = Curves::default();
    for (name, text) in [("parity", PARITY), ("as-posted", AS_POSTED)] {
        let experiment = crate::study::experiment(text, &format!("xor/{name}"), &[])?;
        let (verdict, curves) = context.report(name, &experiment)?;
        study.experiments.insert(name.to_owned(), verdict);
        posted = curves;
    }
    let sets: Vec<usize> = (0..1 << FACTORS.len()).collect();
    let combined = context.each(
        &sets,
        |&set| format!("factors: {}", factors::name(set)),
        |&set| {
            let comparison = Comparison::default();
            let experiment = factors::experiment(set, 0)?;
            let (verdict, curves) = comparison.watched(&experiment, &mut run::Silent, context.stop)?;
            Ok((verdict, curves.reference_loss, curves.free_loss))
        },
    )?;
    let mut combinations = Vec::new();
    let mut peeled = (Vec::new(), Vec::new());
    for (set, (verdict, reference, candidate)) in sets.into_iter().zip(combined) {
        let area = factors::Measure::Area.of(&reference, &candidate);
        combinations.push((set, verdict.verdict, area));
        study.experiments.insert(format!("factors: {}", factors::name(set)), verdict);
        // Factors are removed in the claimed order, which is that of the bits: what is left has its low bits 0.
        peeled.0 = reference;
        if left_when_peeled(set) {
            peeled.1.push(candidate);
        }
    }
    // All factors are the largest set, so the curves came in the order from none to all.
    peeled.1.reverse();
    let shares = factors::shares(context, posted.reference_loss.len())?;
    let epochs = epochs::find(context)?;
    let scales = SCALES.into_iter().map(|repeat| scale(context, study, repeat)).collect::<Result<_>>()?;
    let remedy = remedy(context, study)?;
    let jobs: Vec<(&str, u64)> =
        ["f32", "f64"].into_iter().flat_map(|dtype| (0..PARITY_SEEDS).map(move |seed| (dtype, seed))).collect();
    let parity = context.each(
        &jobs,
        |(dtype, seed)| format!("parity, {dtype}, seed {seed}"),
        |&(dtype, seed)| parity_run(context, dtype, seed),
    )?;
    Ok(Findings { posted, combinations, peeled, shares, epochs, scales, remedy, parity })
}

/// Whether a set of factors is what removing them one by one, the first first, leaves.
fn left_when_peeled(set: usize) -> bool {
    let all = (1 << FACTORS.len()) - 1;
    (0..=FACTORS.len()).any(|removed| set == all >> removed << removed)
}

/// The largest gap of a tensor in the free run; NaN where there is none.
fn free_gap(verdict: &Verdict, tensor: &str) -> f64 {
    verdict.free_gap(tensor).unwrap_or(f64::NAN)
}

/// In f64, so that what the rates do not explain is far below what they do.
const SCALED: [&str; 3] =
    ["dtype=f64", "candidate.training.loss=half-sum-squares", "candidate.training.reported_loss=mse"];

fn scale(context: &Context<'_>, study: &mut StudyVerdict, repeat: usize) -> Result<Scale> {
    let elements = 4 * repeat;
    let run = |lr: f64| {
        let mut sets = owned(&SCALED);
        sets.extend([format!("data.repeat={repeat}"), format!("reference.training.optimizer.sgd.lr={lr:?}")]);
        let mut experiment = parity(&sets)?;
        experiment.title = format!("XOR, N = {elements}, half-sum's gradient against mse's at rate {lr}");
        context.compare(&experiment)
    };
    // At N = 4 doubling is multiplying by N/2, and the second run is the same again.
    let (doubled, remedied) = (run(0.6)?, run(0.3 * elements as f64 / 2.0)?);
    let found = Scale {
        elements,
        ratio: ratio(&doubled, Phase::Backward),
        doubled: free_gap(&doubled, "weights"),
        remedied: free_gap(&remedied, "weights"),
    };
    study.experiments.insert(format!("scale: N = {elements}, rate doubled"), doubled);
    study.experiments.insert(format!("scale: N = {elements}, rate times N/2"), remedied);
    Ok(found)
}

fn remedy(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Remedy> {
    let mut sets = owned(&SCALED[1..]);
    sets.extend(["model.bias=false".to_owned(), "reference.training.optimizer.sgd.lr=0.6".to_owned()]);
    let mut experiment = parity(&sets)?;
    experiment.title = "XOR as the answer makes both agree".to_owned();
    let verdict = context.compare(&experiment)?;
    let found = Remedy {
        gradient_ratio: ratio(&verdict, Phase::Backward),
        update_ratio: ratio(&verdict, Phase::Update),
        weights: free_gap(&verdict, "weights"),
    };
    study.experiments.insert("remedy of the answer".to_owned(), verdict);
    Ok(found)
}

fn parity_run(context: &Context<'_>, dtype: &str, seed: u64) -> Result<ParityRun> {
    let experiment = parity(&[format!("dtype={dtype}"), format!("seed={seed}")])?;
    let verdict = context.silent(&experiment, Mode::Both, Limits::default())?;
    Ok(ParityRun {
        dtype: dtype.to_owned(),
        seed,
        answer: verdict.verdict,
        loss: free_gap(&verdict, "loss"),
        weights: free_gap(&verdict, "weights"),
        gradients: free_gap(&verdict, "gradients"),
        last_bias: free_gap(&verdict, "grad/2.bias"),
    })
}

/// States what must hold for the study to have worked.
fn expect(found: &Findings, study: &mut StudyVerdict) {
    if let Some(posted) = study.experiments.get("as-posted") {
        let starts = |kind| posted.start.iter().any(|difference| difference.kind == kind);
        let at_once = |phase| posted.first_of(phase).is_some_and(|first| first.step == 0);
        let seen = starts(StartKind::InitialValues)
            && starts(StartKind::Missing)
            && at_once(Phase::Loss)
            && at_once(Phase::Backward);
        study.expect("as posted, all four differences are seen by the first step", seen);
    }
    let only_none = found.combinations.iter().all(|(set, answer, _)| (*answer == Answer::Parity) == (*set == 0));
    study.expect("of the 16 combinations only the one without differences is at parity", only_none);
    let all = found.parity.iter().all(|run| run.answer == Answer::Parity);
    study.expect("parity over all steps at seeds 0 to 9, in f32 and f64", all);
    let close = |run: &ParityRun| {
        run.loss < F64_LOSS_AND_WEIGHTS && run.weights < F64_LOSS_AND_WEIGHTS && run.gradients < F64_GRADIENTS
    };
    let all = found.parity.iter().filter(|run| run.dtype == "f64").all(close);
    study.expect("in f64 the free run's loss and weights stay within 1e-12, its gradients within 1e-11", all);
    // A ratio of two f64 gradients, each right to some roundings.
    let law = found.scales.iter().all(|scale| (scale.ratio - scale.elements as f64 / 2.0).abs() < 1e-12);
    study.expect("the gradients' ratio is N/2 at N = 4, 8 and 16", law);
    let remedied = found.scales.iter().all(|scale| scale.remedied < 1e-9);
    study.expect("multiplying the rate by N/2 makes the weights agree at N = 4, 8 and 16", remedied);
    // In f32 the fit of a gradient is right to some 1e-7.
    let two = |ratio: f64, expected: f64| (ratio - expected).abs() < 1e-5;
    let both = two(found.remedy.gradient_ratio, 2.0) && two(found.remedy.update_ratio, 0.5);
    study.expect("the answer's remedy is seen as two differences that cancel", both);
}
