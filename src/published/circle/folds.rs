//! Folds: the document's network trained once each on data and from weights of its own, under every set-up of the
//! study.
//!
//! A fold's number is its seed, for data and weights alike, so that set-ups are compared fold by fold on the same
//! points. Ten folds in a row are one table as the document prints it.

use super::among::Placed;
use crate::{
    data::set::{DataSet, Held, Part, Which},
    error::{Error, Result},
    experiment::Experiment,
    run::{Alone, RunSide, Scores},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Folds of a printed table.
pub(super) const TEN: usize = 10;
/// Epochs of the document.
pub(super) const EPOCHS: usize = 20;
/// Rows of each part.
pub(super) const ROWS: usize = 1000;
/// Folds of each initialization with the engine from scratch.
pub(super) const MANY: u64 = 1000;
/// Folds of each initialization with libtorch, some ten times slower on a network this small.
pub(super) const OF_TORCH: u64 = 200;
/// Folds of each variation.
pub(super) const FEW: u64 = 50;
/// Folds of those that make an update for every row.
const SLOW: u64 = 30;
/// Epochs of the longer runs.
pub(super) const LONG: usize = 60;
/// Learning rates beside the document's 0.1.
pub(super) const RATES: [f64; 5] = [0.05, 0.2, 0.3, 0.5, 1.0];

/// Where the initial weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Init {
    /// The document's framework's: N(0, 2/(in + out)) for weights and biases.
    Custom,
    /// PyTorch's default: U(±1/√in) for both.
    Pytorch,
    /// The framework's for weights, with biases 0.
    WithoutBiases,
    /// He et al.'s for ReLU: N(0, 2/in) for weights, biases 0.
    Kaiming,
}

impl Init {
    /// As a set of an experiment.
    pub(super) fn set(self) -> &'static str {
        match self {
            Self::Custom => "model.init={ normal = { std = 1, divided_by = \"sqrt-mean\" } }",
            Self::Pytorch => "model.init=pytorch",
            Self::WithoutBiases => "model.init=xavier-normal",
            Self::Kaiming => "model.init=kaiming",
        }
    }

    /// In words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Pytorch => "PyTorch's",
            Self::WithoutBiases => "custom, biases 0",
            Self::Kaiming => "Kaiming, biases 0",
        }
    }
}

/// When the weights are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Updates {
    /// Once for each mini-batch.
    Batch,
    /// Once for each row, by the batch's whole rate: what the document suspects of its own framework.
    Sample,
    /// Once for each row, by the rate over the batch's rows.
    SampleShared,
}

/// One way to train the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setup {
    pub(super) init: Init,
    pub(super) torch: bool,
    pub(super) rate: f64,
    pub(super) updates: Updates,
    pub(super) epochs: usize,
    pub(super) folds: u64,
}

/// The document's, trained by the engine from scratch.
pub(super) const fn scratch(init: Init) -> Setup {
    Setup { init, torch: false, rate: 0.1, updates: Updates::Batch, epochs: EPOCHS, folds: MANY }
}

/// The document's, trained by libtorch.
pub(super) const fn torch(init: Init) -> Setup {
    Setup { torch: true, folds: OF_TORCH, ..scratch(init) }
}

/// At another rate.
pub(super) fn at_rate(init: Init, rate: f64) -> Setup {
    Setup { rate, folds: FEW, ..scratch(init) }
}

/// Longer.
pub(super) fn long(init: Init) -> Setup {
    Setup { epochs: LONG, folds: FEW, ..scratch(init) }
}

/// With other updates.
pub(super) fn updated(init: Init, updates: Updates) -> Setup {
    Setup { updates, folds: SLOW, ..scratch(init) }
}

/// From other initial weights.
pub(super) fn others() -> [Setup; 2] {
    [Init::WithoutBiases, Init::Kaiming].map(|init| Setup { folds: 2 * FEW, ..scratch(init) })
}

/// Both initializations that the document compares.
pub(super) const BOTH: [Init; 2] = [Init::Custom, Init::Pytorch];

/// Every set-up, the slowest first so that cores end together.
fn setups() -> Vec<Setup> {
    let mut all: Vec<Setup> = BOTH.map(torch).into();
    for init in BOTH {
        all.extend([Updates::Sample, Updates::SampleShared].map(|updates| updated(init, updates)));
        all.push(long(init));
        all.extend(RATES.map(|rate| at_rate(init, rate)));
    }
    all.extend(others());
    all.extend(BOTH.map(scratch));
    all
}

impl Setup {
    /// Folds that are trained in one go.
    fn block(&self) -> u64 {
        if self.torch || self.updates != Updates::Batch { TEN as u64 } else { FEW }
    }

    fn name(&self) -> String {
        let Self { init, torch, rate, updates, epochs, .. } = self;
        let engine = if *torch { "libtorch" } else { "scratch" };
        let updates = match updates {
            Updates::Batch => "",
            Updates::Sample => ", an update for each sample",
            Updates::SampleShared => ", a hundredth of an update for each sample",
        };
        format!("{engine}, {} initialization, rate {rate}{updates}, {epochs} epochs", init.name())
    }

    /// The experiment of a fold. What is trained is its candidate.
    pub(super) fn experiment(&self, fold: u64) -> Result<Experiment> {
        let mut sets = vec![
            format!("seed={fold}"),
            self.init.set().to_owned(),
            format!("candidate.engine={}", if self.torch { "torch" } else { "scratch" }),
        ];
        let mut rate = self.rate;
        match self.updates {
            Updates::Batch => {}
            Updates::Sample => sets.push("candidate.training.faults=[\"update-per-sample\"]".to_owned()),
            Updates::SampleShared => {
                rate /= 100.0;
                sets.push("training.batch_size=1".to_owned());
            }
        }
        sets.push(format!("training.optimizer.sgd.lr={rate:?}"));
        super::parity(&sets)
    }
}

/// One fold, read before the first epoch and after each one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fold {
    /// The mean reported loss of each epoch. `[epochs]`
    pub(super) loss: Vec<f64>,
    /// Training points that are misclassified. `[epochs + 1]`
    pub(super) train: Vec<usize>,
    /// Test points that are misclassified. `[epochs + 1]`
    pub(super) test: Vec<usize>,
    /// The same of the test points as the document's plot leaves them, each column rescaled to [0, 1]; of every tenth
    /// fold.
    pub(super) rescaled: Vec<usize>,
}

/// What a fold's errors are counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// Training points.
    Train,
    /// Test points.
    Test,
    /// Test points, those of every tenth fold rescaled, as in the document's first fold.
    TestRescaledOnce,
}

impl Fold {
    fn train(setup: &Setup, number: u64) -> Result<Self> {
        let experiment = setup.experiment(number)?;
        let set = &experiment.set;
        let rescaled = number.is_multiple_of(TEN as u64).then(|| rescaled(set)).transpose()?;
        let mut alone = Alone::new(&experiment, RunSide::Candidate)?;
        let mut fold = Self { loss: Vec::new(), train: Vec::new(), test: Vec::new(), rescaled: Vec::new() };
        for epoch in 0..=setup.epochs {
            if epoch > 0 {
                let losses = alone.epoch()?;
                fold.loss.push(losses.iter().sum::<f64>() / losses.len() as f64);
            }
            fold.train.push(wrong(&alone.scores(set, Which::Training)?));
            fold.test.push(wrong(&alone.scores(set, Which::Test)?));
            if let Some(rescaled) = &rescaled {
                fold.rescaled.push(wrong(&alone.scores(rescaled, Which::Test)?));
            }
        }
        Ok(fold)
    }

    /// Its error after so many epochs, in per cent.
    fn error(&self, on: On, epochs: usize) -> f64 {
        let counts = match on {
            On::Train => &self.train,
            On::TestRescaledOnce if !self.rescaled.is_empty() => &self.rescaled,
            On::Test | On::TestRescaledOnce => &self.test,
        };
        percent(counts[epochs])
    }
}

/// Rows as per cent of all.
fn percent(rows: usize) -> f64 {
    100.0 * rows as f64 / ROWS as f64
}

/// Rows that are not taken for their class; one whose output is NaN is among them.
fn wrong(scores: &Scores) -> usize {
    let confusion = scores.confusion.iter().flatten().enumerate();
    scores.rows - confusion.filter_map(|(class, taken)| taken.get(class)).sum::<usize>()
}

/// The set as the document's plot leaves it: each column of the test inputs rescaled to [0, 1] by its own least and
/// largest value.
pub(super) fn rescaled(set: &Arc<DataSet>) -> Result<Arc<DataSet>> {
    let mut set = DataSet::clone(set);
    if let Some(Part { inputs: Held::Dense(columns), .. }) = &mut set.test {
        let (width, values) = (columns.width(), columns.f32().unwrap_or_default());
        let of_column = |column: usize| values.iter().skip(column).step_by(width).map(|&value| f64::from(value));
        let low: Vec<f64> = (0..width).map(|column| of_column(column).fold(f64::INFINITY, f64::min)).collect();
        let high: Vec<f64> = (0..width).map(|column| of_column(column).fold(f64::NEG_INFINITY, f64::max)).collect();
        columns.change(|place, x| (x - low[place % width]) / (high[place % width] - low[place % width]));
        return Ok(Arc::new(set));
    }
    Err(Error::Usage("the circle study needs dense test inputs".to_owned()))
}

/// Every fold of every set-up.
pub(super) struct Folds(Vec<(Setup, Vec<Fold>)>);

/// The folds of one set-up.
#[derive(Clone, Copy)]
pub(super) struct Of<'a>(pub(super) &'a [Fold]);

impl Folds {
    /// Of a set-up; empty where it is not one of the study's.
    pub(super) fn of(&self, setup: Setup) -> Of<'_> {
        Of(self.0.iter().find(|(found, _)| *found == setup).map_or(&[], |(_, folds)| folds))
    }
}

impl<'a> Of<'a> {
    /// The first so many.
    pub(super) fn first(self, count: u64) -> Self {
        Of(&self.0[..self.0.len().min(count as usize)])
    }

    /// The errors after so many epochs, in per cent.
    pub(super) fn errors(self, on: On, epochs: usize) -> Vec<f64> {
        self.0.iter().map(|fold| fold.error(on, epochs)).collect()
    }

    /// The errors on rescaled test points, of the folds that have them.
    pub(super) fn rescaled(self, epochs: usize) -> Sample {
        Sample::of(
            &self.0.iter().filter_map(|fold| fold.rescaled.get(epochs).map(|&rows| percent(rows))).collect::<Vec<_>>(),
        )
    }

    /// By how much the test error of each table of ten lies above its training error, each after its own number of
    /// epochs, in points.
    pub(super) fn gaps(self, (on, after): (On, usize), train_after: usize) -> Vec<f64> {
        let tables = self.tables(on, after).into_iter().zip(self.tables(On::Train, train_after));
        tables.map(|(test, train)| test.mean - train.mean).collect()
    }

    /// Their mean and deviation over the folds.
    pub(super) fn error(self, on: On, epochs: usize) -> Sample {
        Sample::of(&self.errors(on, epochs))
    }

    /// The mean loss of an epoch, from 1.
    pub(super) fn loss(self, epoch: usize) -> Sample {
        Sample::of(&self.0.iter().map(|fold| fold.loss[epoch - 1]).collect::<Vec<_>>())
    }

    /// The first epoch in which the loss is below a value, by fold; infinite where there is none.
    pub(super) fn epochs_to(self, loss: f64) -> Vec<f64> {
        let first = |fold: &Fold| fold.loss.iter().position(|found| *found < loss);
        self.0.iter().map(|fold| first(fold).map_or(f64::INFINITY, |epoch| epoch as f64 + 1.0)).collect()
    }

    /// The tables of ten folds each, as the document prints one.
    pub(super) fn tables(self, on: On, epochs: usize) -> Vec<Sample> {
        self.errors(on, epochs).chunks_exact(TEN).map(Sample::of).collect()
    }

    /// Where a printed table falls among ours.
    pub(super) fn place(self, printed: Sample, on: On, epochs: usize) -> Placed {
        Placed::new(printed, self.error(on, epochs), &self.tables(on, epochs))
    }
}

/// Parts that [`train`] has, for the progress bar.
pub(super) const PARTS: usize = 2 * (OF_TORCH as usize / TEN)
    + 2 * (MANY / FEW) as usize
    + 2 * 2 * (SLOW as usize / TEN) // two other ways to update
    + 2 // longer
    + 2 * RATES.len()
    + 2 * 2; // two other initializations, in two blocks each

/// Blocks of folds of every set-up.
fn jobs() -> Vec<(Setup, u64)> {
    let blocks = |setup: Setup| (0..setup.folds).step_by(setup.block() as usize).map(move |first| (setup, first));
    setups().into_iter().flat_map(blocks).collect()
}

/// Trains every fold of every set-up.
pub(super) fn train(context: &Context<'_>) -> Result<Folds> {
    let jobs = jobs();
    let last = |(setup, first): &(Setup, u64)| (first + setup.block()).min(setup.folds);
    let blocks: Vec<Vec<Fold>> = context.each(
        &jobs,
        |job| format!("{}, folds {} to {}", job.0.name(), job.1, last(job) - 1),
        |job| {
            let fold = |number| {
                context.go_on()?;
                Fold::train(&job.0, number)
            };
            (job.1..last(job)).map(fold).collect()
        },
    )?;
    let mut folds: Vec<(Setup, Vec<Fold>)> = Vec::new();
    for ((setup, _), block) in jobs.into_iter().zip(blocks) {
        match folds.iter_mut().find(|(found, _)| *found == setup) {
            Some((_, all)) => all.extend(block),
            None => folds.push((setup, block)),
        }
    }
    Ok(Folds(folds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_counted_and_every_set_up_is_there_once() {
        assert_eq!(jobs().len(), PARTS);
        let setups = setups();
        assert!(setups.iter().enumerate().all(|(place, setup)| !setups[..place].contains(setup)));
        assert_eq!(
            super::super::PARITY.matches("pytorch").count(),
            1,
            "the file's initialization is the one that sets replace"
        );
    }

    #[test]
    fn a_rescaled_fold_has_test_inputs_from_0_to_1_in_each_column_and_all_else_as_it_was() {
        let set = scratch(Init::Pytorch).experiment(0).unwrap().set;
        let changed = rescaled(&set).unwrap();
        assert_eq!(changed.training, set.training);
        let (Some(test), Some(before)) = (&changed.test, &set.test) else { panic!("test rows") };
        assert_eq!(test.targets, before.targets);
        let Held::Dense(columns) = &test.inputs else { panic!("dense") };
        for column in 0..2 {
            let values = columns.f32().unwrap().iter().skip(column).step_by(2).copied();
            assert_eq!(values.clone().fold(f32::MAX, f32::min), 0.0);
            assert_eq!(values.fold(f32::MIN, f32::max), 1.0);
        }
    }

    #[test]
    fn a_printed_table_is_placed_by_its_mean_and_by_its_deviation() {
        let table = |mean: u32, deviation: u32| Sample::printed(f64::from(mean), f64::from(deviation), TEN);
        let tables: Vec<Sample> = (0..100).map(|number| table(number, 100 - number)).collect();
        let placed = |mean, deviation| Placed::new(table(mean, deviation), table(0, 0), &tables);
        assert!(placed(50, 50).agrees());
        assert!(!placed(99, 50).agrees() && !placed(50, 1).agrees());
        assert_eq!(placed(50, 50).mean.below, 51.0);
    }

    #[test]
    fn the_custom_initialization_learns_the_circle_where_pytorchs_still_guesses() {
        let after_ten = |init| {
            let fold = Fold::train(&Setup { epochs: 10, ..scratch(init) }, 0).unwrap();
            (fold.loss[9], fold.test[10])
        };
        let (custom, pytorch) = (after_ten(Init::Custom), after_ten(Init::Pytorch));
        // Between the two loss curves' bands: a constant answer's loss is 0.25.
        assert!(custom.0 < 0.16 && pytorch.0 > 0.18, "{custom:?} {pytorch:?}");
        assert_eq!(custom, after_ten(Init::Custom));
    }
}
