//! The library's "mean squared error" is a sum: what that does to a learning rate of .01, and what undoes it.

use super::{
    FILE, MEAN_AGAINST_SUM,
    networks::{EPOCHS, FIXED, NETWORKS, PRINTED_RUNS, SIGMOID_NORMAL, TANH_UNIFORM, rate},
    runs::{self, Plan, Runs, error, with},
};
use crate::{
    data::set::Which,
    error::Result,
    judge::verdict::Verdict,
    run::{Alone, Phase, RunSide},
    study::{Context, StudyVerdict, experiment, ratio},
};

/// Batch sizes at which the law is shown.
const BATCHES: [usize; 4] = [10, 50, 100, 500];

/// The mean's rate there: what the sum's .01 is at the published batch of 50.
pub(super) const MEANS_RATE: f64 = 0.5;

/// Steps of each of those lockstep runs.
pub(super) const STEPS: usize = 500;

/// The networks whose curves are drawn.
pub(super) const DRAWN: [usize; 2] = [TANH_UNIFORM, SIGMOID_NORMAL];

/// What is drawn: a name, the loss and the rate.
pub(super) const CURVES: [(&str, &str, f64); 3] =
    [("sum, rate .01", "sum-squares", 0.01), ("mean, rate .01", "mse", 0.01), ("mean, rate .5", "mse", 0.5)];

/// How many parts it has.
pub(super) const PARTS: usize = NETWORKS.len() + DRAWN.len() * CURVES.len() + BATCHES.len() + 1;

/// The mean against the sum, in lockstep, at one batch size.
pub(super) struct Law {
    pub batch: usize,
    /// The candidate's gradient of the sum over that of the mean.
    pub gradient: f64,
    /// Its update over what the reference's rate would make of its gradient.
    pub update: f64,
    /// The free run's largest gap of the weights.
    pub weights: f64,
}

/// Everything found.
pub(super) struct Sums {
    /// The mean at the published rate, by network.
    pub mean: Vec<Runs>,
    /// Training error after each epoch, %, of each of [`DRAWN`], for each of [`CURVES`].
    pub curves: Vec<Vec<Vec<f64>>>,
    /// The mean at [`MEANS_RATE`] against the sum at that over the batch size.
    pub laws: Vec<Law>,
    /// Without: where the two part, in words.
    pub posted: Verdict,
}

/// Runs everything.
pub(super) fn find(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Sums> {
    let plan = |network: &super::networks::Network| Plan {
        name: format!("mean at .01: {}", network.name()),
        sets: [network.sets(), vec![FIXED.to_owned(), "training.loss=mse".to_owned()]].concat(),
        side: RunSide::Candidate,
        seeds: 0..PRINTED_RUNS as u64,
        epochs: EPOCHS,
    };
    let mean = runs::all(context, &NETWORKS.iter().map(plan).collect::<Vec<_>>())?;
    let jobs: Vec<_> = DRAWN.into_iter().flat_map(|network| CURVES.map(|curve| (network, curve))).collect();
    let found = context.each(
        &jobs,
        |(network, (name, ..))| format!("curve: {}, {name}", NETWORKS[*network].name()),
        |&(network, (_, loss, lr))| curve(context, network, loss, lr),
    )?;
    let curves = found.chunks(CURVES.len()).map(<[_]>::to_vec).collect();
    let laws = BATCHES.into_iter().map(|batch| law(context, study, batch)).collect::<Result<_>>()?;
    let posted = experiment(MEAN_AGAINST_SUM, "disc/mean-against-sum", &[])?;
    let (posted, _) = context.report("mean-against-sum", &posted)?;
    study.experiments.insert("mean-against-sum".to_owned(), posted.clone());
    Ok(Sums { mean, curves, laws, posted })
}

/// Training error after each epoch.
fn curve(context: &Context<'_>, network: usize, loss: &str, lr: f64) -> Result<Vec<f64>> {
    let own = vec![FIXED.to_owned(), format!("training.loss={loss}"), rate(lr)];
    let experiment = with(&[NETWORKS[network].sets(), own].concat())?;
    let mut alone = Alone::new(&experiment, RunSide::Candidate)?;
    let epoch = |_| {
        context.go_on()?;
        alone.epoch()?;
        Ok(error(&mut alone, &experiment.set, Which::Training)?.0)
    };
    (0..EPOCHS).map(epoch).collect()
}

/// The mean against the sum at a rate that is less by the batch size, in f64: what the rates do not explain is far
/// below
/// what they do.
fn law(context: &Context<'_>, study: &mut StudyVerdict, batch: usize) -> Result<Law> {
    let mut sets = vec![FIXED.to_owned(), "dtype=f64".to_owned(), format!("training.batch_size={batch}")];
    sets.push(format!("training.epochs={}", STEPS * batch / 1000));
    sets.push("reference.training.loss=mse".to_owned());
    sets.extend([rate(MEANS_RATE / batch as f64), format!("reference.{}", rate(MEANS_RATE))]);
    let mut experiment = experiment(FILE, "disc/parity", &sets)?;
    experiment.title = format!("batch {batch}: mean at {MEANS_RATE}, sum at {}", MEANS_RATE / batch as f64);
    let verdict = context.compare(&experiment)?;
    let gap = verdict.free_gap("weights");
    let found = Law {
        batch,
        gradient: ratio(&verdict, Phase::Backward),
        update: ratio(&verdict, Phase::Update),
        weights: gap.unwrap_or(f64::NAN),
    };
    study.experiments.insert(experiment.title.clone(), verdict);
    Ok(found)
}

/// States what must hold.
pub(super) fn expect(sums: &Sums, study: &mut StudyVerdict) {
    // Ratios of f64 tensors that are right to some hundred roundings; an update is what is left of two weights that are
    // up to a thousand times as large.
    let is = |found: f64, expected: f64, bound: f64| (found / expected - 1.0).abs() <= bound;
    let law = sums.laws.iter().all(|law| is(law.gradient, law.batch as f64, 1e-9));
    study.expect("the sum's gradient is the batch size times the mean's, at every batch size", law);
    let both = sums.laws.iter().all(|law| is(law.update, 1.0 / law.batch as f64, 1e-9));
    study.expect("the rate makes up for it: an update is 1/batch of what the reference's rate would make", both);
    // Two free runs in f64, a few hundred steps before anything is amplified much.
    let same = sums.laws.iter().all(|law| law.weights <= 1e-9);
    study.expect("the mean at .5 and the sum at .5/batch end with equal weights, within 1e-9", same);
    study.expect(
        "the mean against the sum at one rate is a mismatch, in the loss and in the gradient, by the first step",
        [Phase::Loss, Phase::Backward].iter().all(|phase| {
            let first = sums.posted.first_of(*phase);
            first.is_some_and(|first| first.step == 0)
        }),
    );
}
