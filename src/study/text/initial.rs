//! Table 2: six initializations on the Odia headlines, as they really were, and the second softmax put in and taken out.

use super::{
    super::{Context, Sample, StudyVerdict, page::table},
    sets::{Look, Opened, percent, train},
};
use crate::{
    data::set::{DataSet, Held, Targets},
    error::Result,
    lockstep::RunSide,
};

/// Epochs of Table 2.
pub(super) const EPOCHS: usize = 20;

/// Seeds of each set-up, but for zeros, where only the order of the rows has a seed.
const SEEDS: u64 = 2;

/// Epochs after which libtorch, and the other type, are set beside the rest: both cost more than they tell.
const CHECKED: usize = 4;

/// One row of Table 2, or one with the second softmax put in or taken out.
pub(super) struct Setup {
    pub(super) name: &'static str,
    /// How its weights were drawn.
    drawn: &'static str,
    init: &'static str,
    /// Whether it ends in a softmax before a loss that has one.
    double: bool,
    /// Whether its rows are shuffled every epoch.
    shuffled: bool,
    seeds: u64,
    /// Looks at the rows after every so many epochs.
    every: usize,
    /// Training loss and accuracy, validation loss and accuracy as printed.
    pub(super) printed: Option<[f64; 4]>,
}

const NORMAL: &str = "model.init={ normal = { divided_by = \"inputs\" } }";
const TORCH: &str = "model.init=pytorch";

/// NumPy's set-ups first, as in the table.
pub(super) const SETUPS: [Setup; 8] = [
    Setup { every: CHECKED, printed: Some([0.32, 0.8762, 0.51, 0.8007]), ..numpy("normal", "N(0, 1/k²)", NORMAL) },
    Setup {
        printed: Some([2.24, 0.7855, 3.94, 0.7145]),
        ..numpy("random", "N(0, 1)", "model.init={ normal = { std = 1 } }")
    },
    // Drawn by another seed than normal, or the two rows would be the same numbers.
    Setup { printed: Some([0.32, 0.8738, 0.5, 0.8072]), ..numpy("scaling", "N(0, 1)/k: normal again", NORMAL) },
    Setup {
        printed: Some([0.23, 0.9203, 0.54, 0.8066]),
        // 3b = 3√3/√((k + m)/2), with b = √(6/(k + m)).
        ..numpy(
            "xavier",
            "U(−3b, b), b = √(6/(k + m))",
            "model.init={ uniform = { low = -5.196152422706632, high = 1.7320508075688772, divided_by = \"sqrt-mean\" } }",
        )
    },
    Setup { seeds: 1, printed: Some([1.06, 0.4554, 1.06, 0.4546]), ..numpy("zeros", "0", "model.init=zeros") },
    Setup {
        double: true,
        shuffled: false,
        every: 2,
        printed: Some([0.70, 0.8674, 0.74, 0.8059]),
        ..numpy("torch", "U(±1/√k), two softmaxes", TORCH)
    },
    Setup { shuffled: false, every: 2, ..numpy("torch, one softmax", "U(±1/√k)", TORCH) },
    Setup { double: true, seeds: 1, ..numpy("normal, two softmaxes", "N(0, 1/k²), two softmaxes", NORMAL) },
];

const fn numpy(name: &'static str, drawn: &'static str, init: &'static str) -> Setup {
    Setup { name, drawn, init, double: false, shuffled: true, seeds: SEEDS, every: EPOCHS, printed: None }
}

/// A run of a set-up.
struct Job {
    setup: usize,
    seed: u64,
    engine: &'static str,
    dtype: &'static str,
    epochs: usize,
}

/// What every run of Table 2 came to.
pub(super) struct Runs {
    /// Of each of [`SETUPS`], the looks of each seed.
    by_setup: Vec<Vec<Vec<Look>>>,
    /// After [`CHECKED`] epochs: what was checked, the check and what it checks.
    checks: Vec<(&'static str, Look, Look)>,
}

fn jobs() -> Vec<Job> {
    let of_seeds = |(setup, of): (usize, &Setup)| {
        // 100 apart, so that two set-ups of one distribution are drawn apart.
        (0..of.seeds).map(move |seed| Job {
            setup,
            seed: 100 * setup as u64 + seed,
            engine: "scratch",
            dtype: "f32",
            epochs: EPOCHS,
        })
    };
    let mut jobs: Vec<_> = SETUPS.iter().enumerate().flat_map(of_seeds).collect();
    let (normal, torch) = (place("normal"), place("torch"));
    let check = |setup, engine, dtype| Job { setup, seed: 100 * setup as u64, engine, dtype, epochs: CHECKED };
    jobs.extend([check(torch, "torch", "f32"), check(normal, "scratch", "f64")]);
    jobs
}

fn place(name: &str) -> usize {
    SETUPS.iter().position(|setup| setup.name == name).unwrap_or_default()
}

/// How many parts [`run`] has.
pub(super) const PARTS: usize = {
    let (mut parts, mut setup) = (2, 0);
    while setup < SETUPS.len() {
        parts += SETUPS[setup].seeds as usize;
        setup += 1;
    }
    parts
};

/// Trains every set-up.
pub(super) fn run(context: &Context<'_>, odiya: &Opened) -> Result<Runs> {
    let jobs = jobs();
    let name = |job: &Job| {
        let Job { setup, seed, engine, dtype, epochs } = job;
        format!("Table 2: {}, {engine} {dtype}, seed {seed}, {epochs} epochs", SETUPS[*setup].name)
    };
    let looks = context.each(&jobs, name, |job| {
        let setup = &SETUPS[job.setup];
        let (engine, dtype) = (format!("reference.engine={}", job.engine), format!("dtype={}", job.dtype));
        let (seed, shuffle) = (format!("seed={}", job.seed), format!("training.shuffle={}", setup.shuffled));
        let mut sets = vec![setup.init, &seed, &shuffle, &engine, &dtype];
        sets.extend(setup.double.then_some(DOUBLE));
        train(context, &odiya.experiment("", &sets)?, RunSide::Reference, job.epochs, setup.every)
    })?;
    let mut runs = Runs { by_setup: SETUPS.iter().map(|_| Vec::new()).collect(), checks: Vec::new() };
    for (job, looks) in jobs.iter().zip(looks) {
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

impl Runs {
    /// The looks of each seed of a set-up.
    pub(super) fn of(&self, name: &str) -> &[Vec<Look>] {
        &self.by_setup[place(name)]
    }

    /// The last look of each seed.
    pub(super) fn last(&self, name: &str) -> Vec<Look> {
        self.of(name).iter().filter_map(|looks| looks.last().copied()).collect()
    }

    /// Mean over the seeds of something at the end.
    pub(super) fn mean(&self, name: &str, what: impl Fn(&Look) -> f64) -> f64 {
        Sample::of(&self.last(name).iter().map(what).collect::<Vec<_>>()).mean
    }
}

/// The four columns of Table 2.
const COLUMNS: [(&str, fn(&Look) -> f64); 4] = [
    ("t-loss", |look| look.training.loss),
    ("t-acc", |look| look.training.accuracy),
    ("v-loss", |look| look.validation.loss),
    ("v-acc", |look| look.validation.accuracy),
];

/// Of the six printed rows, how many pairs stand in the printed order in a column, of how many. Normal and scaling are
/// one distribution, and in no order.
fn in_order(runs: &Runs, column: usize) -> (usize, usize) {
    let rows: Vec<(&Setup, f64)> = SETUPS
        .iter()
        .filter_map(|setup| Some((setup, setup.printed?[column])))
        .filter(|(setup, _)| setup.name != "scaling")
        .collect();
    let mut counted = (0, 0);
    for (place, (one, printed)) in rows.iter().enumerate() {
        for (other, printed_other) in &rows[place + 1..] {
            let ours = [one, other].map(|setup| runs.mean(setup.name, COLUMNS[column].1));
            counted.0 += usize::from((printed < printed_other) == (ours[0] < ours[1]));
            counted.1 += 1;
        }
    }
    counted
}

/// The entropy of the classes' shares in rows of a set, in nats, and the largest share.
fn prior(targets: &Targets) -> (f64, f64) {
    let Targets::Classes(classes) = targets else { return (f64::NAN, f64::NAN) };
    let mut counts = std::collections::BTreeMap::new();
    for class in classes {
        *counts.entry(class).or_insert(0.0) += 1.0 / classes.len() as f64;
    }
    let entropy = counts.values().map(|share: &f64| -share * share.ln()).sum();
    (entropy, counts.values().copied().fold(0.0, f64::max))
}

/// The root mean square length of a training row.
fn length(set: &DataSet) -> f64 {
    let Held::Vectors { tokens, table, .. } = &set.training.inputs else { return f64::NAN };
    let squares: Vec<f64> = table.f64().map_or_else(Vec::new, |values| {
        values.chunks(table.width()).map(|vector| vector.iter().map(|value| value * value).sum()).collect()
    });
    let sum: f64 = tokens.iter().filter_map(|&token| squares.get(token as usize)).sum();
    (sum / set.training.rows() as f64).sqrt()
}

/// Answers what the document says of Table 2.
pub(super) fn claims(runs: &Runs, set: &DataSet, study: &mut StudyVerdict) {
    let accuracy = |name: &str| runs.mean(name, |look| look.validation.accuracy);
    let training = |name: &str| runs.mean(name, |look| look.training.accuracy);
    let numpy = ["normal", "random", "scaling", "xavier", "zeros"];
    let best = |of: &dyn Fn(&str) -> f64| {
        numpy.into_iter().max_by(|one, other| of(one).total_cmp(&of(other))).unwrap_or_default()
    };
    let (best_training, best_validation) = (best(&training), best(&accuracy));
    study.claim(
        "xavier is the best in NumPy",
        "\"xavier did the best with my implementation\": training 92.03 %, validation 80.66 % (scaling 80.72 %)",
        format!(
            "on training rows {best_training} ({}), on validation rows {best_validation} ({}) against xavier's {}",
            percent(training(best_training)),
            percent(accuracy(best_validation)),
            percent(accuracy("xavier"))
        ),
        Some(best_training == "xavier" || best_validation == "xavier"),
    );
    let [torch, one, xavier] = ["torch", "torch, one softmax", "xavier"].map(accuracy);
    study.claim(
        "PyTorch's default beats xavier",
        "\"clearly torch's default beat it\"; its own table has 80.59 % against 80.66 %",
        format!(
            "validation {} against {}, with one softmax {}: by the initial weights, not by PyTorch",
            percent(torch),
            percent(xavier),
            percent(one)
        ),
        Some(torch - xavier > 2.0 * error_of_share(torch, rows(set))),
    );
    let gap = |name: &str| runs.mean(name, Look::gap);
    let distance = |name: &str| (gap(name) - gap("torch")).abs();
    let nearest = ["normal", "random", "scaling", "xavier"]
        .into_iter()
        .min_by(|one, other| distance(one).total_cmp(&distance(other)))
        .unwrap_or_default();
    study.claim(
        "normal comes close to torch",
        "normal is \"closer to\" PyTorch's regularization, \"but not exact yet\"; gap 7.55 points against 6.15",
        format!(
            "gap of {nearest} {} points, of normal {}, of torch {}; normal with the second softmax {}, torch without {}",
            points(gap(nearest)),
            points(gap("normal")),
            points(gap("torch")),
            points(gap("normal, two softmaxes")),
            points(gap("torch, one softmax"))
        ),
        Some(matches!(nearest, "normal" | "scaling")),
    );
    let [normal, scaling] = ["normal", "scaling"].map(accuracy);
    let printed = 0.8072 - 0.8007;
    let noise = error_of_share(0.8, rows(set)) * 2f64.sqrt();
    study.claim(
        "scaling differs from normal",
        "validation 80.72 % against 80.07 %",
        format!(
            "both are N(0, 1)/k: the printed {} points are {:.1} standard errors of two runs on {} rows; ours {} points",
            points(printed),
            printed / noise,
            rows(set),
            points(scaling - normal)
        ),
        Some((scaling - normal).abs() > 2.0 * noise),
    );
    zeros(runs, set, study);
}

/// Zeros end at the class prior.
fn zeros(runs: &Runs, set: &DataSet, study: &mut StudyVerdict) {
    let (entropy, share) = prior(&set.training.targets);
    let loss = runs.mean("zeros", |look| look.training.loss);
    let right = runs.mean("zeros", |look| look.training.accuracy);
    study.claim(
        "zeros learn nothing",
        "loss 1.06, accuracy 45.54 % and 45.46 %",
        format!(
            "the class prior: loss {loss:.4} (its entropy {entropy:.4}), accuracy {} (share of the largest class {})",
            percent(right),
            percent(share)
        ),
        Some((loss - 1.06).abs() < 0.005 && (right - 0.4554).abs() < 0.005),
    );
    // Every step moves the output biases by lr times the batch's deviation from the prior, √(p(1−p)/128) < 0.045: they
    // hover within some 0.05·0.045·√20 of it, which costs its square.
    let held = (loss - entropy).abs() < 1e-3 && right == share;
    study.expect("from zeros the training loss is the entropy of the classes' shares", held);
}

fn rows(set: &DataSet) -> usize {
    set.validation.as_ref().map_or(0, crate::data::set::Part::rows)
}

/// The standard error of a share of so many rows.
pub(super) fn error_of_share(share: f64, rows: usize) -> f64 {
    (share * (1.0 - share) / rows as f64).sqrt()
}

/// A difference of shares in points.
pub(super) fn points(difference: f64) -> String {
    format!("{:.1}", 100.0 * difference).replace('-', "−")
}

/// Table 2.
pub(super) fn section(runs: &Runs, set: &DataSet) -> String {
    let cell = |setup: &Setup, column: usize| {
        let (_, of) = COLUMNS[column];
        let values: Vec<f64> = runs.last(setup.name).iter().map(of).collect();
        let (low, high) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
        let shown = |value: f64| {
            let digits = if value < 10.0 { 2 } else { 0 };
            if column % 2 == 0 { format!("{value:.digits$}") } else { format!("{:.2}", 100.0 * value) }
        };
        let ours = if shown(low) == shown(high) { shown(low) } else { format!("{} to {}", shown(low), shown(high)) };
        [setup.printed.map_or("–".to_owned(), |printed| shown(printed[column])), ours]
    };
    let row = |setup: &Setup| {
        let cells = (0..4).flat_map(|column| cell(setup, column));
        [setup.name.to_owned(), setup.drawn.to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let rows_of_table: Vec<_> = SETUPS.iter().map(row).collect();
    let head = ["init", "as drawn", "t-loss", "ours", "t-acc %", "ours", "v-loss", "ours", "v-acc %", "ours"];
    let orders: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .map(|(column, (name, _))| {
            let (same, pairs) = in_order(runs, column);
            format!("{name} {same} of {pairs}")
        })
        .collect();
    let above = ["normal", "scaling", "torch"]
        .iter()
        .filter_map(|name| Some(runs.mean(name, |look| look.validation.accuracy) - SETUPS[place(name)].printed?[3]))
        .sum::<f64>()
        / 3.0;
    let checks: Vec<String> = runs
        .checks
        .iter()
        .zip(["by libtorch", "in f64"])
        .map(|((name, check, checked), how)| {
            format!(
                "{name} {how} has losses {:.4} and {:.4} (here {:.4} and {:.4}) and validation accuracy {} ({})",
                check.training.loss,
                check.validation.loss,
                checked.training.loss,
                checked.validation.loss,
                percent(check.validation.accuracy),
                percent(checked.validation.accuracy)
            )
        })
        .collect();
    format!(
        "\n## Table 2: six initializations as they really were\n\n\
         Odia headlines, 3000-450-3, ReLU, rate .05, batch 128, {EPOCHS} epochs. The document prints one run each; ours are \
         {SEEDS} seeds (the last and zeros one), from least to most. By scratch in f32: after {CHECKED} epochs {}.\n\n{}\n\
         The document's names hide what was drawn. Scaling is normal once more, not a factor of .01. Xavier's interval is \
         not symmetric: its mean is −b, for biases too. Normal has a standard deviation √(k/3) = {:.1} times below PyTorch's \
         U(±1/√k), whose own is 1/√(3k).\n\n\
         What can be compared: the vectors are not fastText's but made from the headlines (PPMI and SVD), a training row has \
         length {:.1}, and a longer row learns as at a higher rate. So validation accuracies lie {} points above the printed \
         ones (mean of normal, scaling and torch), the training losses below, and random's validation loss, which grows with the length of a row, far above: \
         these numbers are not reached. The order of the rows is what can be: of the pairs without scaling, in the printed \
         order stand {}. The losses of torch and zeros have a floor that no vectors move, and come out as predicted.\n",
        checks.join("; "),
        table(&head, 2, &rows_of_table),
        (f64::from(3000) / 3.0).sqrt(),
        length(set),
        points(above),
        orders.join(", ")
    )
}
