//! Two networks that the initial weights decide about: sigmoid (uniform), stuck at the class prior, and relu (normal),
//! which the published recipe does not reproduce.

use super::{
    networks::{
        EPOCHS, FIXED, NETWORKS, RELU_NORMAL, SIGMOID_NORMAL, SIGMOID_UNIFORM, TANH_UNIFORM, layers, normal, rate,
        uniform,
    },
    runs::{self, Plan, Runs, error, with},
};
use crate::{
    data::set::Which,
    error::Result,
    run::{Alone, RunSide},
    study::Context,
};

/// The bound of a uniform distribution with standard deviation 1, and its inverse the deviation of U(±1).
const ROOT_3: f64 = 1.732_050_807_568_877_2;

/// Runs of relu (normal) as published.
pub(super) const MANY: u64 = 100;

/// Runs of a variant.
const SOME: u64 = 15;

/// Epochs of the long runs of sigmoid (uniform), and every how many it is looked at.
pub(super) const LONG: usize = 3000;
pub(super) const LOOK: usize = 20;

/// Their rates, and how many runs each.
pub(super) const LONG_RATES: [f64; 2] = [0.01, 0.1];
pub(super) const LONG_RUNS: u64 = 4;

/// Networks whose first gradients are looked at.
pub(super) const LOOKED_AT: [usize; 3] = [SIGMOID_UNIFORM, SIGMOID_NORMAL, TANH_UNIFORM];

/// The variants of the initial weights: which network is changed, what they are, in words and as a key.
fn variants() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("sigmoid", "U(±√3), as wide as N(0, 1)", uniform(ROOT_3, "1")),
        ("sigmoid", "N(0, 1/(3m)), as narrow as U(±1/√m)", normal(1.0 / ROOT_3, "sqrt-outputs")),
        ("relu", "U(±√3), as wide as N(0, 1)", uniform(ROOT_3, "1")),
        ("relu", "N(0, 1/(3m)), as narrow as U(±1/√m)", normal(1.0 / ROOT_3, "sqrt-outputs")),
        ("relu", "N(0, 1/k)", normal(1.0, "sqrt-inputs")),
    ]
}

/// How many parts it has.
pub(super) const PARTS: usize = 5 + 2 + LONG_RATES.len() * LONG_RUNS as usize + LOOKED_AT.len();

/// Another distribution of the initial weights.
pub(super) struct Variant {
    pub activation: &'static str,
    pub weights: &'static str,
    pub runs: Runs,
}

/// A long run of sigmoid (uniform).
pub(super) struct Long {
    pub lr: f64,
    /// Training error, %, every [`LOOK`] epochs.
    pub errors: Vec<f64>,
}

impl Long {
    /// The epoch from which it was below 40 %, if there was one.
    pub(super) fn left(&self) -> Option<usize> {
        self.errors.iter().position(|error| *error < 40.0).map(|look| (look + 1) * LOOK)
    }
}

/// Everything found.
pub(super) struct Inits {
    pub variants: Vec<Variant>,
    /// relu (normal) as published, many times, and at a tenth of the rate.
    pub relu_normal: [Runs; 2],
    pub long: Vec<Long>,
    /// The norm of the first batch's gradient in each weight, from the first layer to the last, of [`LOOKED_AT`].
    pub gradients: Vec<Vec<f64>>,
}

/// Runs everything.
pub(super) fn find(context: &Context<'_>) -> Result<Inits> {
    let plan = |name: String, own: Vec<String>, seeds: u64| Plan {
        name,
        sets: [own, vec![FIXED.to_owned()]].concat(),
        side: RunSide::Candidate,
        seeds: 0..seeds,
        epochs: EPOCHS,
    };
    let as_published = NETWORKS[RELU_NORMAL].sets();
    let slower = [as_published.clone(), vec![rate(0.001)]].concat();
    let mut plans = vec![
        plan("relu (normal), many runs".to_owned(), as_published, MANY),
        plan("relu (normal), many runs, a tenth of the rate".to_owned(), slower, MANY),
    ];
    for (activation, weights, init) in variants() {
        plans.push(plan(format!("{activation}: {weights}"), vec![layers(activation), init], SOME));
    }
    let mut found = runs::all(context, &plans)?.into_iter();
    let relu_normal = [(); 2].map(|()| found.next().unwrap_or_default());
    let variant = |((activation, weights, _), runs)| Variant { activation, weights, runs };
    let variants = variants().into_iter().zip(found).map(variant).collect();
    let jobs: Vec<(f64, u64)> =
        LONG_RATES.into_iter().flat_map(|lr| (0..LONG_RUNS).map(move |seed| (lr, seed))).collect();
    let name = |(lr, seed): &(f64, u64)| format!("sigmoid (uniform), {LONG} epochs, rate {lr}, seed {seed}");
    let errors = context.each(&jobs, name, |&(lr, seed)| long(context, lr, seed))?;
    let long = jobs.iter().zip(errors).map(|((lr, _), errors)| Long { lr: *lr, errors }).collect();
    let named = |network: &usize| format!("first gradients: {}", NETWORKS[*network].name());
    let gradients = context.each(&LOOKED_AT, named, |&network| first_gradients(network))?;
    Ok(Inits { variants, relu_normal, long, gradients })
}

/// A long run's training error.
fn long(context: &Context<'_>, lr: f64, seed: u64) -> Result<Vec<f64>> {
    let own = vec![FIXED.to_owned(), rate(lr), format!("seed={seed}"), format!("training.epochs={LONG}")];
    let experiment = with(&[NETWORKS[SIGMOID_UNIFORM].sets(), own].concat())?;
    let mut alone = Alone::new(&experiment, RunSide::Candidate)?;
    let look = |_| {
        context.go_on()?;
        for _ in 0..LOOK {
            alone.epoch()?;
        }
        Ok(error(&mut alone, &experiment.set, Which::Training)?.0)
    };
    (0..LONG / LOOK).map(look).collect()
}

/// The norm of each weight's gradient at the first step: what SGD took off it, over the rate. In f64, where a weight's
/// rounding is far below its update.
fn first_gradients(network: usize) -> Result<Vec<f64>> {
    const LR: f64 = 0.01;
    let own = vec![FIXED.to_owned(), "dtype=f64".to_owned(), rate(LR)];
    let experiment = with(&[NETWORKS[network].sets(), own].concat())?;
    let mut alone = Alone::new(&experiment, RunSide::Candidate)?;
    let before = alone.weights().0;
    alone.step()?;
    let parameters = experiment.candidate.model.parameters();
    let changed = parameters.iter().zip(before.iter().zip(alone.weights().0));
    let norm = |(before, after): (&crate::tensor::Owned, crate::tensor::Owned)| {
        let squares = before.values().iter().zip(after.values().iter()).map(|(before, after)| (before - after).powi(2));
        squares.sum::<f64>().sqrt() / LR
    };
    Ok(changed.filter(|(parameter, _)| parameter.name.ends_with(".weight")).map(|(_, pair)| norm(pair)).collect())
}
