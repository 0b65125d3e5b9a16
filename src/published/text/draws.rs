//! Table 2's initializations as they were drawn, and every run with them.

use super::sets::{Look, Opened, train};
use crate::{
    data::set::{DataSet, Held},
    error::Result,
    run::RunSide,
    study::Context,
};

/// Epochs of Table 2.
pub(super) const EPOCHS: usize = 20;

/// Runs of a row.
pub(super) const SEEDS: u64 = 2;

/// Epochs after which libtorch, and the other type, are set beside the rest: both cost more than they tell.
pub(super) const CHECKED: usize = 4;

/// One row of Table 2, or one with the second softmax put in or taken out.
pub(super) struct Setup {
    pub(super) name: &'static str,
    /// How its weights were drawn.
    pub(super) drawn: &'static str,
    init: &'static str,
    /// Whether it ends in a softmax before a loss that has one.
    double: bool,
    /// Whether its rows are shuffled every epoch.
    shuffled: bool,
    /// Whether it is run on vectors of length 1, too.
    pub(super) unit: bool,
    /// Looks at the rows after every so many epochs.
    every: usize,
    /// Training loss and accuracy, validation loss and accuracy as printed.
    pub(super) printed: Option<[f64; 4]>,
}

const NORMAL: &str = "model.init={ normal = { divided_by = \"inputs\" } }";
const XAVIER: &str = "model.init={ uniform = { low = -5.196152422706632, high = 1.7320508075688772, \
                      divided_by = \"sqrt-mean\" } }";
const TORCH: &str = "model.init=pytorch";

/// NumPy's set-ups first, as in the table.
pub(super) const SETUPS: [Setup; 8] = [
    Setup { every: CHECKED, printed: Some([0.32, 0.8762, 0.51, 0.8007]), ..numpy("normal", "N(0, 1/k²)", NORMAL) },
    Setup {
        printed: Some([2.24, 0.7855, 3.94, 0.7145]),
        ..numpy("random", "N(0, 1)", "model.init={ normal = { std = 1 } }")
    },
    // Drawn by another seed than normal, or the two rows would be the same numbers.
    Setup {
        unit: false,
        printed: Some([0.32, 0.8738, 0.5, 0.8072]),
        ..numpy("scaling", "N(0, 1)/k: normal again", NORMAL)
    },
    Setup {
        printed: Some([0.23, 0.9203, 0.54, 0.8066]),
        // 3b = 3√3/√((k + m)/2), with b = √(6/(k + m)).
        ..numpy("xavier", "U(−3b, b), b = √(6/(k + m))", XAVIER)
    },
    Setup { unit: false, printed: Some([1.06, 0.4554, 1.06, 0.4546]), ..numpy("zeros", "0", "model.init=zeros") },
    Setup {
        double: true,
        shuffled: false,
        every: 2,
        printed: Some([0.70, 0.8674, 0.74, 0.8059]),
        ..numpy("torch", "U(±1/√k), two softmaxes", TORCH)
    },
    Setup { shuffled: false, every: 2, ..numpy("torch, one softmax", "U(±1/√k)", TORCH) },
    Setup { double: true, ..numpy("normal, two softmaxes", "N(0, 1/k²), two softmaxes", NORMAL) },
];

const fn numpy(name: &'static str, drawn: &'static str, init: &'static str) -> Setup {
    Setup { name, drawn, init, double: false, shuffled: true, unit: true, every: EPOCHS, printed: None }
}

/// A run of a set-up.
struct Job {
    setup: usize,
    seed: u64,
    engine: &'static str,
    dtype: &'static str,
    epochs: usize,
    /// Whether the vectors have length 1.
    pub(super) unit: bool,
}

/// What every run of Table 2 came to.
pub(super) struct Runs {
    /// Of each of [`SETUPS`], the looks of each seed.
    pub(super) by_setup: Vec<Vec<Vec<Look>>>,
    /// Their ends on vectors of length 1.
    pub(super) unit: Vec<Option<Look>>,
    /// After [`CHECKED`] epochs: what was checked, the check and what it checks.
    pub(super) checks: Vec<(&'static str, Look, Look)>,
}

fn jobs() -> Vec<Job> {
    let of_seeds = |setup: usize| {
        // 100 apart, so that two set-ups of one distribution are drawn apart.
        (0..SEEDS).map(move |seed| Job {
            setup,
            seed: 100 * setup as u64 + seed,
            engine: "scratch",
            dtype: "f32",
            epochs: EPOCHS,
            unit: false,
        })
    };
    let mut jobs: Vec<_> = (0..SETUPS.len()).flat_map(of_seeds).collect();
    let of_unit = (0..SETUPS.len()).filter(|&setup| SETUPS[setup].unit).map(|setup| Job {
        setup,
        seed: 100 * setup as u64,
        engine: "scratch",
        dtype: "f32",
        epochs: EPOCHS,
        unit: true,
    });
    jobs.extend(of_unit);
    let (normal, torch) = (place("normal"), place("torch"));
    let check =
        |setup, engine, dtype| Job { setup, seed: 100 * setup as u64, engine, dtype, epochs: CHECKED, unit: false };
    jobs.extend([check(torch, "torch", "f32"), check(normal, "scratch", "f64")]);
    jobs
}

pub(super) fn place(name: &str) -> usize {
    SETUPS.iter().position(|setup| setup.name == name).unwrap_or_default()
}

/// How many parts [`run`] has.
pub(super) const PARTS: usize = {
    let (mut parts, mut setup) = (2, 0);
    while setup < SETUPS.len() {
        parts += SEEDS as usize + SETUPS[setup].unit as usize;
        setup += 1;
    }
    parts
};

/// Trains every set-up.
pub(super) fn run(context: &Context<'_>, odiya: &Opened) -> Result<Runs> {
    let jobs = jobs();
    let name = |job: &Job| {
        let Job { setup, seed, engine, dtype, epochs, unit } = job;
        let of = if *unit { " of length 1" } else { "" };
        format!("Table 2: {}, vectors{of}, {engine} {dtype}, seed {seed}, {epochs} epochs", SETUPS[*setup].name)
    };
    let unit = odiya.scaled(1.0 / length(&odiya.set));
    let looks = context.each(&jobs, name, |job| {
        let setup = &SETUPS[job.setup];
        let (engine, dtype) = (format!("reference.engine={}", job.engine), format!("dtype={}", job.dtype));
        let (seed, shuffle) = (format!("seed={}", job.seed), format!("training.shuffle={}", setup.shuffled));
        let mut sets = vec![setup.init, &seed, &shuffle, &engine, &dtype];
        sets.extend(setup.double.then_some(DOUBLE));
        let of = if job.unit { &unit } else { odiya };
        train(context, &of.experiment("", &sets)?, RunSide::Reference, job.epochs, setup.every)
    })?;
    let mut runs = Runs {
        by_setup: SETUPS.iter().map(|_| Vec::new()).collect(),
        unit: vec![None; SETUPS.len()],
        checks: Vec::new(),
    };
    for (job, looks) in jobs.iter().zip(looks) {
        if job.unit {
            runs.unit[job.setup] = looks.last().copied();
            continue;
        }
        if job.epochs == EPOCHS {
            runs.by_setup[job.setup].push(looks);
            continue;
        }
        let at = |looks: &[Look]| looks.iter().find(|look| look.epoch == CHECKED).copied();
        let checked = runs.by_setup[job.setup].first().and_then(|looks| at(looks));
        if let Some((check, checked)) = at(&looks).zip(checked) {
            runs.checks.push((SETUPS[job.setup].name, check, checked));
        }
    }
    Ok(runs)
}

/// Both sides' layers, or one's, with the second softmax.
pub(super) const DOUBLE: &str =
    "model.layers=[{ linear = { outputs = 450 } }, \"relu\", { linear = { outputs = 3 } }, \"softmax\"]";

/// The root mean square length of the vectors of a training row's tokens, padding too.
pub(super) fn length(set: &DataSet) -> f64 {
    let Held::Vectors { tokens, first, table } = &set.training.inputs else { return f64::NAN };
    let squares: Vec<f64> = table.f64().map_or_else(Vec::new, |values| {
        values.chunks(table.width()).map(|vector| vector.iter().map(|value| value * value).sum()).collect()
    });
    let sum: f64 = tokens.iter().filter_map(|&token| squares.get(token as usize)).sum();
    (sum / (first * set.training.rows()) as f64).sqrt()
}
