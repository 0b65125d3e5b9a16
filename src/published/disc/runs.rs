//! Training runs of one engine alone, over seeds: errors, and whether the network says the same of every row.

use super::FILE;
use crate::{
    data::set::{DataSet, Targets, Which},
    error::Result,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, Sample, experiment},
};
use serde::{Deserialize, Serialize};
use std::{ops::Range, sync::Arc};

/// Outputs that differ by less over all training rows say the same of every row: no 1000 rows of a disc have it so by
/// themselves.
const CONSTANT: f64 = 0.05;

/// What a run ended with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Final {
    /// Training rows that are on the wrong side of .5, %.
    pub train: f64,
    /// Test rows, %.
    pub test: f64,
    /// The least and the largest output of the training rows; nothing where one is not a number.
    pub outputs: Option<[f64; 2]>,
}

impl Final {
    /// Whether it says the same of every row.
    pub(super) fn is_constant(&self) -> bool {
        self.outputs.is_none_or(|[low, high]| high - low < CONSTANT)
    }
}

/// Runs of one set-up over seeds.
pub(super) type Runs = Vec<Final>;

/// The errors of runs, %.
pub(super) fn tests(runs: &[Final]) -> Sample {
    Sample::of(&runs.iter().map(|run| run.test).collect::<Vec<_>>())
}

/// Likewise on the training rows.
pub(super) fn trains(runs: &[Final]) -> Sample {
    Sample::of(&runs.iter().map(|run| run.train).collect::<Vec<_>>())
}

/// How many say the same of every row.
pub(super) fn constant(runs: &[Final]) -> usize {
    runs.iter().filter(|run| run.is_constant()).count()
}

/// A set-up to train over some seeds.
pub(super) struct Plan {
    /// Its name, which no other has.
    pub name: String,
    /// What is changed in the experiment file.
    pub sets: Vec<String>,
    /// Which engine: the reference's is libtorch, the candidate's scratch.
    pub side: RunSide,
    /// The seeds.
    pub seeds: Range<u64>,
    /// How long.
    pub epochs: usize,
}

/// The study's own experiment, changed.
///
/// # Errors
/// If a set cannot be accepted.
pub(super) fn with(sets: &[String]) -> Result<Experiment> {
    experiment(FILE, "disc/parity", sets)
}

/// Trains every set-up, several at a time.
///
/// # Errors
/// If an engine fails, or the study is to end.
pub(super) fn all(context: &Context<'_>, plans: &[Plan]) -> Result<Vec<Runs>> {
    context.each(
        plans,
        |plan| plan.name.clone(),
        |plan| {
            let run = |seed: u64| {
                context.go_on()?;
                let sets =
                    [plan.sets.as_slice(), &[format!("seed={seed}"), format!("training.epochs={}", plan.epochs)]];
                let experiment = with(&sets.concat())?;
                let mut alone = Alone::new(&experiment, plan.side)?;
                for _ in 0..plan.epochs {
                    alone.epoch()?;
                }
                finish(&mut alone, &experiment.set)
            };
            plan.seeds.clone().map(run).collect()
        },
    )
}

/// What a network is like at the end.
///
/// # Errors
/// If the engine fails.
pub(super) fn finish(alone: &mut Alone, set: &Arc<DataSet>) -> Result<Final> {
    let (train, outputs) = error(alone, set, Which::Training)?;
    let (test, _) = error(alone, set, Which::Test)?;
    let finite = outputs.iter().all(|output| output.is_finite());
    let low = outputs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(Final { train, test, outputs: finite.then_some([low, high]) })
}

/// The rows of a part that are on the wrong side of .5, %, and what the network makes of them.
pub(super) fn error(alone: &mut Alone, set: &Arc<DataSet>, part: Which) -> Result<(f64, Vec<f64>)> {
    let outputs = alone.outputs(set, part)?;
    let classes = classes(set, part);
    let wrong = outputs.iter().zip(classes).filter(|(output, class)| wrong(**output, **class)).count();
    Ok((100.0 * wrong as f64 / outputs.len() as f64, outputs))
}

/// Whether an output takes a row for another class; what is no number takes it for none.
fn wrong(output: f64, class: u32) -> bool {
    !(if class == 1 { output >= 0.5 } else { output < 0.5 })
}

/// The classes of a part's rows; none where there are none.
pub(super) fn classes(set: &DataSet, part: Which) -> &[u32] {
    match set.part(part).map(|part| &part.targets) {
        Some(Targets::Classes(classes)) => classes,
        _ => &[],
    }
}

/// The share of class 1, %.
pub(super) fn prior(set: &DataSet, part: Which) -> f64 {
    let classes = classes(set, part);
    100.0 * classes.iter().sum::<u32>() as f64 / classes.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_wrong_on_the_other_side_of_one_half_and_where_there_is_no_number() {
        assert_eq!([0.5, 0.49, 1.0].map(|output| wrong(output, 1)), [false, true, false]);
        assert_eq!([0.5, 0.49, 0.0].map(|output| wrong(output, 0)), [true, false, false]);
        assert!(wrong(f64::NAN, 0) && wrong(f64::NAN, 1));
    }
}
