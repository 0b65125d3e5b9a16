//! What is held: the counts of the document-term matrices, and what they say of the first batch's loss.

use super::{PLAIN, printed, runs::larger};
use crate::{
    data::{
        Inputs,
        columns::Csr,
        set::{DataSet, Held, Part, Which},
    },
    error::Result,
    experiment::Experiment,
    run::{Alone, Batches, RunSide},
    study::{Context, experiment, quantile, sorted},
};
use serde::{Deserialize, Serialize};

/// Seeds of the first batch's loss.
const FIRST_SEEDS: u64 = 1000;
/// Of them, by the reference too.
const FIRST_TORCH: u64 = 20;

/// The matrices.
pub(super) struct Counts {
    /// Rows, columns, stored elements; nothing where inputs are not sparse.
    pub(super) training: Option<[usize; 3]>,
    pub(super) dev: Option<[usize; 3]>,
    /// Training rows without a token.
    pub(super) empty: usize,
    /// Bytes of the training inputs as held, and of all their numbers in f32.
    pub(super) bytes: [usize; 2],
    /// The mean over the training rows of Σx².
    pub(super) squares: f64,
}

/// Counts an open set.
pub(super) fn count(set: &DataSet) -> Counts {
    let training = sparse(Some(&set.training));
    let of = |csr: &Csr| [csr.rows(), csr.width, csr.columns.len()];
    let rows = training.map_or(0, Csr::rows);
    let empty = training.map_or(0, |csr| csr.starts.windows(2).filter(|ends| ends[0] == ends[1]).count());
    let squares: f64 = training
        .and_then(|csr| csr.values.f32())
        .map_or(f64::NAN, |values| values.iter().map(|&value| f64::from(value).powi(2)).sum());
    // A value of four bytes and a column of four; the start of a row in eight.
    let held = training.map_or(0, |csr| 8 * csr.columns.len() + size_of_val(csr.starts.as_slice()));
    Counts {
        training: training.map(of),
        dev: sparse(set.part(Which::Validation)).map(of),
        empty,
        bytes: [held, 4 * rows * set.columns],
        squares: squares / rows as f64,
    }
}

fn sparse(part: Option<&Part>) -> Option<&Csr> {
    match part.map(|part| &part.inputs) {
        Some(Held::Sparse(csr)) => Some(csr),
        _ => None,
    }
}

/// Columns and stored elements of the training rows when words are not stemmed.
pub(super) fn unstemmed(context: &Context<'_>) -> Result<[usize; 2]> {
    context.once("the counts without stemming", || {
        let experiment = experiment(PLAIN, "sst2/plain", &["data.stem=false".to_owned()])?;
        Ok(count(&experiment.set).training.map_or([0; 2], |[_, columns, stored]| [columns, stored]))
    })
}

/// The first batch's loss before training, over seeds.
#[derive(Serialize, Deserialize)]
pub(super) struct First {
    /// By seed, in the engine from scratch.
    pub(super) losses: Vec<f64>,
    /// The largest difference to the reference's, over the seeds that it did.
    pub(super) apart: f64,
    /// The standard deviation that the initial weights give it, derived from these batches.
    pub(super) derived: f64,
    /// By seed, its distance from ln 2 in the standard deviations that its own batch gives it.
    pub(super) scaled: Vec<f64>,
}

impl First {
    /// The middle 95 of a hundred.
    pub(super) fn range(&self) -> [f64; 2] {
        let sorted = sorted(self.losses.clone());
        [quantile(&sorted, 0.025), quantile(&sorted, 0.975)]
    }
}

/// The first batch's loss at every seed.
pub(super) fn first(context: &Context<'_>, seeded: &(dyn Fn(u64) -> Result<Experiment> + Sync)) -> Result<First> {
    context.once("the first batch's loss over seeds", || {
        let (mut losses, mut apart, mut squares) = (Vec::new(), 0.0_f64, 0.0);
        let mut scaled = Vec::new();
        for seed in 0..FIRST_SEEDS {
            context.go_on()?;
            let experiment = seeded(seed)?;
            let loss = Alone::new(&experiment, RunSide::Candidate)?.step()?;
            if seed < FIRST_TORCH {
                apart = larger(apart, (Alone::new(&experiment, RunSide::Reference)?.step()? - loss).abs());
            }
            losses.push(loss);
            let square = square(&experiment)?;
            squares += square / FIRST_SEEDS as f64;
            scaled.push((loss - std::f64::consts::LN_2) / square.sqrt());
        }
        Ok(First { losses, apart, derived: squares.sqrt(), scaled })
    })
}

/// E (loss − ln 2)² of the first batch, over the initial weights w, b ~ U(±1/√k) that `nn.Linear` draws, whose variance
/// is 1/(3k). With s = ±1 for the labels, −ln σ(sz) = ln 2 − sz/2 to first order in the logit z = Σwx + b, and a batch
/// of n rows has ‖Σ s(x, 1)‖²/(3k · 4n²).
fn square(experiment: &Experiment) -> Result<f64> {
    let mut batches = Batches::new(experiment, RunSide::Candidate)?;
    batches.prepare(0);
    let columns = experiment.set.columns;
    Ok(batches.lend(experiment.candidate.dtype, |batch, _| {
        let (Inputs::Sparse(rows), mut sums) = (batch.inputs, vec![0.0; columns + 1]) else { return f64::NAN };
        for row in 0..batch.rows() {
            let sign = if batch.targets.values.at(row) > 0.5 { 1.0 } else { -1.0 };
            sums[columns] += sign;
            for place in rows.starts[row]..rows.starts[row + 1] {
                sums[rows.columns[place] as usize] += sign * rows.values.at(place);
            }
        }
        let length: f64 = sums.iter().map(|sum| sum * sum).sum();
        length / (3.0 * columns as f64 * 4.0 * (batch.rows() as f64).powi(2))
    }))
}

/// Root mean square of the logits before training.
pub(super) fn logit_deviation(counts: &Counts, columns: usize) -> f64 {
    ((counts.squares + 1.0) / (3.0 * columns as f64)).sqrt()
}

/// The mean binary cross-entropy of the printed logits under the printed labels.
pub(super) fn printed_loss() -> f64 {
    let terms = printed::FIRST_LOGITS.iter().zip(printed::FIRST_LABELS).map(|(logit, label)| {
        let towards = if label == 1 { *logit } else { -*logit };
        (-towards).exp().ln_1p()
    });
    terms.sum::<f64>() / printed::FIRST_LOGITS.len() as f64
}
