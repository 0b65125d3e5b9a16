//! What the lecture's penalty does to words that no batch has shown yet: their only gradient is the penalty's.

use super::runs::mean;
use crate::{
    data::Inputs,
    error::Result,
    experiment::Experiment,
    run::{Alone, Batches, RunSide},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};

/// Steps after which the weights are looked at.
pub(super) const STEPS: usize = 100;
/// Seeds.
const SEEDS: u64 = 10;

/// Mean |w| of the words in none of the first batches.
#[derive(Serialize, Deserialize)]
pub(super) struct Unseen {
    /// How many words.
    pub(super) words: Sample,
    /// Before training.
    pub(super) start: Sample,
    /// After it, without a penalty and with the lecture's, in the engine from scratch.
    pub(super) plain: Sample,
    pub(super) l2: Sample,
    /// With the lecture's, in libtorch, at seed 0.
    pub(super) torch: f64,
}

/// Looks at the weights of unseen words with and without the penalty.
pub(super) fn unseen(
    context: &Context<'_>,
    plain: &dyn Fn(u64) -> Result<Experiment>,
    l2: &dyn Fn(u64) -> Result<Experiment>,
) -> Result<Unseen> {
    context.once("weights of words that were not seen yet", || {
        let mut found = [const { Vec::new() }; 4];
        for seed in 0..SEEDS {
            let plain = plain(seed)?;
            let unseen = not_in(&plain, STEPS)?;
            found[0].push(unseen.len() as f64);
            found[1].push(size(&plain, RunSide::Candidate, 0, &unseen)?);
            found[2].push(size(&plain, RunSide::Candidate, STEPS, &unseen)?);
            found[3].push(size(&l2(seed)?, RunSide::Candidate, STEPS, &unseen)?);
        }
        let torch = l2(0)?;
        let torch = size(&torch, RunSide::Reference, STEPS, &not_in(&torch, STEPS)?)?;
        let [words, start, plain, l2] = found.map(|values| Sample::of(&values));
        Ok(Unseen { words, start, plain, l2, torch })
    })
}

/// The columns that are 0 in every row of the first batches: words that training has not seen.
fn not_in(experiment: &Experiment, steps: usize) -> Result<Vec<usize>> {
    let mut batches = Batches::new(experiment, RunSide::Candidate)?;
    let mut seen = vec![false; experiment.set.columns];
    for step in 0..steps {
        batches.prepare(step);
        batches.lend(experiment.candidate.dtype, |batch, _| {
            if let Inputs::Sparse(rows) = batch.inputs {
                rows.columns.iter().for_each(|&column| seen[column as usize] = true);
            }
        });
    }
    Ok((0..seen.len()).filter(|&column| !seen[column]).collect())
}

/// Mean |w| of some words after so many steps.
fn size(experiment: &Experiment, side: RunSide, steps: usize, words: &[usize]) -> Result<f64> {
    let mut alone = Alone::new(experiment, side)?;
    for _ in 0..steps {
        alone.step()?;
    }
    let mut weights = Vec::new(); // [1, words]
    alone.engine().tensor(0).widen_into(&mut weights);
    Ok(mean(&words.iter().map(|&word| weights[word].abs()).collect::<Vec<_>>()))
}
