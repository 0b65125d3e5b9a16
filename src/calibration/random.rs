//! Experiments that a seed draws: networks, data, losses and trainings at random, where false alarms are counted that no
//! list of settings would have. Nothing differs between the sides but the engines, and at times their types.

use super::rewritten::{in_halves, rewritten};
use crate::study::Context;
use crate::{
    data::{
        columns::{Columns, Csr, DTypes},
        set::{DataSet, Held, Part, Targets},
    },
    error::Result,
    experiment::Experiment,
    judge::{
        noise::Limits,
        verdict::{Outcome, Verdict},
    },
    run::Mode,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};

/// Multiply-adds of a forward pass that a draw has at most.
const LARGEST: f64 = 2.5e7;

/// The multiply-adds that the forward passes of a run have at most.
const LONGEST: f64 = 3e8;

/// Draws numbers.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..=high)
    }

    /// 10 to a power between these.
    fn power(&mut self, low: f64, high: f64) -> f64 {
        10f64.powf(self.uniform(low, high))
    }

    /// A whole number between these, small ones as often as large ones.
    fn size(&mut self, least: usize, most: usize) -> usize {
        let [low, high] = [least, most.max(least)].map(|size| (size as f64).log10());
        (self.power(low, high).round() as usize).clamp(least, most.max(least))
    }

    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }
}

/// What the rows are like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rows {
    Normal,
    /// A few, repeated.
    Repeated(usize),
    OneHot,
    Binary,
    /// Nearly all numbers are 0, and held as such.
    Sparse,
    /// One column is the same number in every row.
    Constant,
    /// All are nearly the same.
    Close,
    /// Numbers of words, so many of them.
    Words(usize),
}

/// What is to be learned: numbers, or so many classes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Goal {
    Values(usize),
    Classes(usize),
}

/// The experiment of a seed, with the candidate written otherwise where that is asked for.
///
/// # Errors
/// If it cannot be run: a fault of this generator.
pub(super) fn experiment(seed: u64, otherwise: bool) -> Result<Experiment> {
    let (set, text) = drawn(seed, otherwise)?;
    Experiment::parse_on(&set, &text, &format!("random-{seed}.toml"), Path::new(""), &[])
}

/// The rows and the text of the experiment of a seed.
fn drawn(seed: u64, otherwise: bool) -> Result<(Arc<DataSet>, String)> {
    let mut draws = Draws(ChaCha8Rng::seed_from_u64(seed));
    let rows = draws.size(1, 16_000);
    let batch = if draws.chance(0.5) { rows } else { draws.size(1, rows) };
    let columns = draws.size(1, 60);
    let kind = match draws.below(12) {
        0..=3 => Rows::Normal,
        4 | 5 => Rows::Repeated(draws.size(1, 12)),
        6 => Rows::OneHot,
        7 => Rows::Binary,
        8 => Rows::Sparse,
        9 => Rows::Constant,
        10 => Rows::Close,
        _ => Rows::Words(draws.size(2, 40)),
    };
    let goal =
        if draws.chance(0.5) { Goal::Values(draws.size(1, 12)) } else { Goal::Classes(draws.one(&[2, 2, 3, 5, 10])) };
    let scaled = matches!(kind, Rows::Normal | Rows::Constant | Rows::Close) && draws.chance(0.5);
    let scale = if scaled { draws.power(-6.0, 6.0) } else { 1.0 };
    let set = Arc::new(set(&mut draws, kind, (rows, columns, scale), goal)?);
    let (loss, last) = loss(&mut draws, goal);
    let outputs = match goal {
        Goal::Values(outputs) => outputs,
        Goal::Classes(_) if loss.contains("bce") => 1,
        Goal::Classes(classes) => classes,
    };
    let (layers, multiply_adds) = layers(&mut draws, kind, (batch, rows), outputs, last);
    let most = (LONGEST / (multiply_adds * batch as f64)).clamp(4.0, 40.0) as usize;
    let steps = 3 + draws.below(most - 2);
    let dtype = match draws.below(20) {
        0..=11 => "dtype = 'f32'",
        12..=16 => "dtype = 'f64'",
        17 | 18 => "reference.dtype = 'f64'",
        _ => "candidate.dtype = 'f64'",
    };
    let training = training(&mut draws, (loss.clone(), batch, rows), scale);
    let init = draws.one(&["pytorch", "pytorch", "pytorch", "truncated-normal", "xavier-uniform", "kaiming", "zeros"]);
    let other = if otherwise {
        let (layers, loss) = rewritten(&mut draws, &layers, &loss);
        let halves = in_halves(&mut draws, (batch, rows), &layers, &training);
        format!("candidate.model.layers = [{}]\ncandidate.training.loss = {loss}\n{halves}", layers.join(", "))
    } else {
        String::new()
    };
    // Every key of the data is checked and none read: the rows are those drawn above.
    let text = format!(
        "title = 'random {seed}'\nseed = {seed}\n{dtype}\n{other}data = {{ kind = 'xor' }}\nmodel.init = '{init}'\n\
         model.layers = [{}]\n[training]\nsteps = {steps}\n{training}",
        layers.join(", ")
    );
    Ok((set, text))
}

/// Rows of five words out of twelve, of three classes.
///
/// # Errors
/// Never, but for a fault of this generator.
pub(super) fn rows_of_words() -> Result<Arc<DataSet>> {
    let mut draws = Draws(ChaCha8Rng::seed_from_u64(0));
    Ok(Arc::new(set(&mut draws, Rows::Words(12), (48, 5, 1.0), Goal::Classes(3))?))
}

fn set(draws: &mut Draws, kind: Rows, (rows, columns, scale): (usize, usize, f64), goal: Goal) -> Result<DataSet> {
    let distinct = if let Rows::Repeated(distinct) = kind { distinct.min(rows) } else { rows };
    let center: Vec<f64> = (0..columns).map(|_| draws.normal()).collect();
    let row = |draws: &mut Draws| -> Vec<f64> {
        let hot = draws.below(columns);
        let value = |draws: &mut Draws, column: usize| match kind {
            Rows::OneHot => f64::from(u8::from(column == hot)),
            Rows::Binary => f64::from(u8::from(draws.chance(0.5))),
            Rows::Sparse if draws.chance(0.9) => 0.0,
            Rows::Constant if column == 0 => scale,
            Rows::Close => scale * (center[column] + 1e-4 * draws.normal()),
            Rows::Words(words) => draws.below(words) as f64,
            Rows::Normal | Rows::Repeated(_) | Rows::Sparse | Rows::Constant => scale * draws.normal(),
        };
        (0..columns).map(|column| value(draws, column)).collect()
    };
    let few: Vec<Vec<f64>> = (0..distinct).map(|_| row(draws)).collect();
    // In turn, or as they come.
    let in_turn = draws.chance(0.5);
    let order: Vec<usize> = (0..rows)
        .map(|place| if in_turn || distinct == rows { place % distinct } else { draws.below(distinct) })
        .collect();
    let values: Vec<f64> = order.iter().flat_map(|&place| few[place].iter().copied()).collect();
    let inputs = match kind {
        Rows::Words(words) => {
            let tokens = values.iter().map(|&word| word as u32).collect();
            Held::Words { tokens, first: columns, vocabulary: words }
        }
        Rows::Sparse => {
            let (mut starts, mut at, mut held) = (vec![0], Vec::new(), Vec::new());
            for row in values.chunks(columns) {
                for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    at.push(column as u32);
                    held.push(value);
                }
                starts.push(at.len());
            }
            Held::Sparse(Csr { width: columns, starts, columns: at, values: Columns::new(1, held, DTypes::BOTH) })
        }
        Rows::Normal | Rows::Repeated(_) | Rows::OneHot | Rows::Binary | Rows::Constant | Rows::Close => {
            Held::Dense(Columns::new(columns, values, DTypes::BOTH))
        }
    };
    // Rows that are the same have the same targets, mostly.
    let follow = draws.chance(0.7);
    let (targets, classes) = match goal {
        Goal::Values(width) => {
            let constant = draws.chance(0.1);
            let few: Vec<f64> = (0..distinct * width).map(|_| draws.normal()).collect();
            let of = |draws: &mut Draws, place: usize, column: usize| match (constant, follow) {
                (true, _) => 0.5,
                (_, true) => few[order[place] * width + column],
                _ => draws.normal(),
            };
            let values =
                (0..rows).flat_map(|place| (0..width).map(|column| of(draws, place, column)).collect::<Vec<_>>());
            (Targets::Values(Columns::new(width, values.collect(), DTypes::BOTH)), None)
        }
        Goal::Classes(count) => {
            let few: Vec<u32> = (0..distinct).map(|_| draws.below(count) as u32).collect();
            let of =
                |draws: &mut Draws, place: usize| if follow { few[order[place]] } else { draws.below(count) as u32 };
            let classes = (0..rows).map(|place| of(draws, place)).collect();
            (Targets::Classes(classes), Some((0..count).map(|class| class.to_string()).collect()))
        }
    };
    DataSet::new(Part { inputs, targets }, None, None, classes, Vec::new())
}

/// A loss for a goal, and the layer that it needs after the outputs.
fn loss(draws: &mut Draws, goal: Goal) -> (String, Option<&'static str>) {
    let reduction = draws.one(&["mean", "mean", "mean", "sum", "half-mean", "half-sum", "per-sample"]);
    let with = |name: &str, more: &str| format!("{{ {name} = {{ reduction = '{reduction}'{more} }} }}");
    if let Goal::Values(_) = goal {
        let loss = match draws.below(7) {
            0 => "'sum-squares'".to_owned(),
            1 => "'half-sum-squares'".to_owned(),
            2 => with("l1", ""),
            3 => with("huber", &format!(", delta = {}", draws.power(-1.0, 1.0))),
            4 => with("smooth-l1", &format!(", beta = {}", draws.power(-1.0, 1.0))),
            _ => with("mse", ""),
        };
        return (loss, draws.one(&[None, None, None, Some("'tanh'"), Some("'sigmoid'")]));
    }
    let Goal::Classes(classes) = goal else { return (with("mse", ""), None) };
    let weights: Vec<String> = (0..classes).map(|_| format!("{:.3}", draws.uniform(0.2, 2.0))).collect();
    let weights = if draws.chance(0.3) { format!(", weights = [{}]", weights.join(", ")) } else { String::new() };
    let smoothing = if draws.chance(0.3) { ", label_smoothing = 0.1" } else { "" };
    match draws.below(if classes == 2 { 9 } else { 6 }) {
        0..=2 => (with("cross-entropy", &format!("{weights}{smoothing}")), None),
        3 => (with("nll", &weights), Some("'log-softmax'")),
        4 => (with("log-loss", ""), Some("'softmax'")),
        5 => (with("mse", ""), draws.one(&[None, Some("'softmax'"), Some("'sigmoid'")])),
        6 => (with("bce", ""), Some("'sigmoid'")),
        7 => (with("bce-with-logits", &format!(", positive_weight = {:.2}", draws.uniform(0.5, 3.0))), None),
        _ => (with("bce-with-logits", ""), None),
    }
}

/// The layers, and the multiply-adds of a row.
fn layers(
    draws: &mut Draws,
    kind: Rows,
    (batch, rows): (usize, usize),
    outputs: usize,
    last: Option<&str>,
) -> (Vec<String>, f64) {
    let depth = 1 + draws.below(8);
    let widest = ((LARGEST / (batch * depth) as f64).sqrt() as usize).clamp(1, 700);
    // No batch of one row, a last one that is left over neither.
    let batches = batch > 1 && rows % batch != 1;
    let mut layers = Vec::new();
    let mut width = 60;
    if let Rows::Words(words) = kind {
        let columns = draws.size(1, 16);
        if draws.chance(0.5) {
            layers.push(format!("{{ embedding = {{ words = {words}, columns = {columns} }} }}"));
            layers.push("'flatten'".to_owned());
            width = 60 * columns;
        } else {
            let mode = draws.one(&["mean", "sum"]);
            let table = format!("words = {words}, columns = {columns}, mode = '{mode}'");
            layers.push(format!("{{ embedding-bag = {{ {table} }} }}"));
            width = columns;
        }
    }
    let mut multiply_adds = 0.0;
    for _ in 1..depth {
        let units = draws.size(1, widest);
        multiply_adds += (width * units) as f64;
        width = units;
        layers.push(format!("{{ linear = {{ outputs = {units}, bias = {} }} }}", draws.chance(0.8)));
        match draws.below(6) {
            // Of one or two numbers little is left.
            0 if batches && batch > 2 => {
                let (affine, momentum) = (draws.chance(0.8), draws.one(&[0.1, 0.01, 0.5]));
                layers.push(format!("{{ batch-norm = {{ affine = {affine}, momentum = {momentum} }} }}"));
            }
            1 if units > 2 => layers.push(format!("{{ layer-norm = {{ affine = {} }} }}", draws.chance(0.8))),
            _ => {}
        }
        let slope = draws.one(&["0.01", "0.2", "0.0", "1.0"]);
        let leaky = format!("{{ leaky-relu = {{ slope = {slope} }} }}");
        let softplus = format!("{{ softplus = {{ beta = {:.2}, threshold = 5 }} }}", draws.uniform(0.5, 3.0));
        let plain = ["'relu'", "'relu'", "'tanh'", "'sigmoid'", "'gelu'", "'silu'", "'softplus'"];
        let rare = ["{ gelu = { approximate = 'tanh' } }", "'softmax'", "{ softmax = { axis = 0 } }", "'log-softmax'"];
        match draws.below(12) {
            0 => {}
            1 => layers.push(leaky),
            2 => layers.push(softplus),
            3 if units > 2 && batch > 2 => layers.push(draws.one(&rare).to_owned()),
            _ => layers.push(draws.one(&plain).to_owned()),
        }
        if draws.chance(0.15) {
            layers.push(format!("{{ dropout = {{ p = {} }} }}", draws.one(&["0.0", "0.2", "0.5"])));
        }
    }
    multiply_adds += (width * outputs) as f64;
    layers.push(format!("{{ linear = {{ outputs = {outputs}, bias = {} }} }}", draws.chance(0.85)));
    layers.extend(last.map(str::to_owned));
    (layers, multiply_adds)
}

/// What stands under `[training]`, for a loss, batches of so many of the rows, and inputs of a scale.
fn training(draws: &mut Draws, (loss, batch, rows): (String, usize, usize), scale: f64) -> String {
    let mut lines = vec![format!("loss = {loss}"), format!("batch_size = {batch}")];
    if rows % batch > 1 {
        lines.push(format!("last_batch = '{}'", draws.one(&["keep", "keep", "drop", "split"])));
    }
    lines.push(format!("shuffle = {}", draws.chance(0.5)));
    // A sum's gradient grows with the rows, and all gradients with the inputs.
    let summed = loss.contains("sum") || loss.contains("per-sample");
    let steep = scale.max(1.0).powi(2) * if summed { batch as f64 } else { 1.0 };
    let bold = if draws.chance(0.1) { 30.0 } else { 1.0 };
    let (sgd, adam) = (bold * draws.power(-3.0, -0.5) / steep, bold * draws.power(-4.0, -1.5));
    let decay = if draws.chance(0.3) { draws.power(-5.0, -2.0) } else { 0.0 };
    let momentum = draws.one(&[0.0, 0.0, 0.5, 0.9, 0.99]);
    let optimizer = match draws.below(8) {
        0..=3 => {
            let nesterov = momentum > 0.0 && draws.chance(0.3);
            let dampening = if momentum > 0.0 && !nesterov && draws.chance(0.3) { 0.3 } else { 0.0 };
            format!(
                "{{ sgd = {{ lr = {sgd:e}, momentum = {momentum}, dampening = {dampening}, nesterov = {nesterov}, \
                 weight_decay = {decay:e} }} }}"
            )
        }
        4 | 5 => {
            let betas = draws.one(&["[0.9, 0.999]", "[0.9, 0.999]", "[0.8, 0.9]", "[0.0, 0.99]"]);
            let eps = draws.one(&["1e-8", "1e-8", "1e-4", "1e-12"]);
            format!("{{ adam = {{ lr = {adam:e}, betas = {betas}, eps = {eps}, weight_decay = {decay:e} }} }}")
        }
        6 => format!("{{ adamw = {{ lr = {adam:e}, weight_decay = {:e} }} }}", 10.0 * decay),
        _ => {
            let momentum = draws.one(&[0.0, 0.0, 0.9]);
            let centered = draws.chance(0.3);
            format!(
                "{{ rmsprop = {{ lr = {adam:e}, momentum = {momentum}, centered = {centered}, weight_decay = {decay:e} }} }}"
            )
        }
    };
    lines.push(format!("optimizer = {optimizer}"));
    let every = draws.one(&["epoch", "step"]);
    match draws.below(10) {
        0 => lines.push(format!("schedule = {{ step = {{ size = 3, gamma = 0.3, every = '{every}' }} }}")),
        1 => lines.push(format!("schedule = {{ exponential = {{ gamma = 0.9, every = '{every}' }} }}")),
        2 => lines.push(format!("schedule = {{ cosine = {{ length = 20, every = '{every}' }} }}")),
        3 => lines.push(format!("schedule = {{ warm-up = {{ start = 0.1, length = 9, every = '{every}' }} }}")),
        _ => {}
    }
    match draws.below(10) {
        0 => lines.push(format!("clip = {{ norm = {:e} }}", draws.power(-3.0, 2.0))),
        1 => lines.push(format!("clip = {{ value = {:e} }}", draws.power(-4.0, 0.0))),
        2 => lines.push("clip = { norm = 1e300 }".to_owned()),
        _ => {}
    }
    if draws.chance(0.2) {
        let (norm, reduction) = (draws.one(&["l1", "l2"]), draws.one(&["sum", "mean"]));
        let factor = draws.power(-6.0, -2.0);
        lines.push(format!("penalty = {{ {norm} = {{ factor = {factor:e}, reduction = '{reduction}' }} }}"));
    }
    if draws.chance(0.1) {
        lines.push("reported_loss = { after_update = true }".to_owned());
    }
    lines.join("\n") + "\n"
}

/// What came of one of them.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Drawn {
    pub seed: u64,
    /// Whether the candidate is written otherwise.
    pub otherwise: bool,
    pub outcome: Outcome,
    /// In a line: where the sides first part, or why nothing can be said.
    pub headline: String,
    /// Why it is inconclusive.
    pub why: Option<Why>,
}

/// Why a run without a difference is no parity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    /// A tensor was beyond judging at every step.
    NeverJudged,
    /// Training diverged until numbers were not finite.
    Diverged,
    /// No weight moved.
    Still,
    /// None of these.
    Other,
}

impl Why {
    pub(super) const ALL: [Self; 4] = [Self::NeverJudged, Self::Diverged, Self::Still, Self::Other];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NeverJudged => "a tensor's own noise passes 1 % of it at every step",
            Self::Diverged => "training diverges until numbers are not finite",
            Self::Still => "no weight moves",
            Self::Other => "other",
        }
    }

    fn of(verdict: &Verdict) -> Option<Self> {
        let still = verdict.not_checked.iter().any(|item| item.starts_with("anything: no weight moved"));
        (verdict.verdict == Outcome::Inconclusive).then_some(match verdict.never_judged.as_slice() {
            _ if !verdict.non_finite.is_empty() => Self::Diverged,
            _ if still => Self::Still,
            [] => Self::Other,
            _ => Self::NeverJudged,
        })
    }
}

/// Compares the experiment of every seed, with the candidate written otherwise where that is asked for.
pub(super) fn run(context: &Context<'_>, seeds: std::ops::Range<u64>, otherwise: bool) -> Result<Vec<Drawn>> {
    let jobs: Vec<u64> = seeds.collect();
    context.each(
        &jobs,
        |seed| format!("random {seed}{}", if otherwise { ", otherwise" } else { "" }),
        |&seed| {
            let verdict = context.silent(&experiment(seed, otherwise)?, Mode::Both, Limits::default())?;
            let headline = crate::report::words::headline(&verdict);
            Ok(Drawn { seed, otherwise, outcome: verdict.verdict, headline, why: Why::of(&verdict) })
        },
    )
}
