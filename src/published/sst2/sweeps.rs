//! Sweeps: batch sizes at several learning rates, penalties from the lecture's to ten thousand times more.

use super::{printed::EPOCHS, runs::look};
use crate::{
    error::Result,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};

/// Batch sizes; 16 is the lecture's.
pub(super) const SIZES: [usize; 8] = [1, 4, 16, 64, 256, 1024, 4096, 16_384];
/// Learning rates; the middle one is the lecture's.
pub(super) const RATES: [f64; 3] = [0.001, 0.01, 0.1];
/// The lecture's.
pub(super) const RATE: f64 = 0.01;
/// Factors of Σw². The lecture's .001·mean(w²) is [`LECTURE`] of it.
pub(super) const FACTORS: [f64; 7] = [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
/// .001 / 10,106.
pub(super) const LECTURE: f64 = 0.001 / 10_106.0;
/// Seeds of each setting; small batches have up to sixteen times the steps of the lecture's, so fewer.
const SEEDS: u64 = 10;
const SEEDS_OF_SMALL: [(usize, u64); 2] = [(1, 3), (4, 5)];

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) size: usize,
    pub(super) rate: f64,
    /// Of Σw², biases left out.
    pub(super) factor: f64,
}

/// The runs of a setting, a seed each.
pub(super) struct Swept {
    pub(super) setting: Setting,
    /// Dev accuracy in the end.
    pub(super) accuracy: Sample,
    /// Dev loss in the end.
    pub(super) loss: Sample,
}

/// One run: dev accuracy, dev loss.
#[derive(Serialize, Deserialize)]
struct Ended([f64; 2]);

impl Setting {
    const LECTURES: Self = Self { size: 16, rate: RATE, factor: 0.0 };

    /// All of both sweeps; the slowest first.
    pub(super) fn all() -> Vec<Self> {
        let sizes = SIZES.into_iter().flat_map(|size| RATES.map(|rate| Self { size, rate, ..Self::LECTURES }));
        let factors = FACTORS.into_iter().filter(|factor| *factor > 0.0);
        sizes.chain(factors.map(|factor| Self { factor, ..Self::LECTURES })).collect()
    }

    pub(super) fn seeds(self) -> u64 {
        SEEDS_OF_SMALL.iter().find(|(size, _)| *size == self.size).map_or(SEEDS, |(_, seeds)| *seeds)
    }

    pub(super) fn sets(self, seed: u64) -> Vec<String> {
        let Self { size, rate, factor } = self;
        let mut sets = vec![
            format!("seed={seed}"),
            format!("training.batch_size={size}"),
            format!("training.optimizer.adam.lr={rate:?}"),
        ];
        if factor > 0.0 {
            sets.push(format!("training.penalty={{ l2 = {{ factor = {factor:?}, biases = false }} }}"));
        }
        sets
    }
}

/// Runs of every setting, over seeds, in the engine from scratch.
pub(super) fn sweep(
    context: &Context<'_>,
    on: &(dyn Fn(&[String]) -> Result<Experiment> + Sync),
) -> Result<Vec<Swept>> {
    let settings = Setting::all();
    let jobs: Vec<(Setting, u64)> =
        settings.iter().flat_map(|setting| (0..setting.seeds()).map(|seed| (*setting, seed))).collect();
    let name = |(Setting { size, rate, factor }, seed): &(Setting, u64)| {
        format!("batches of {size}, rate {rate}, penalty {factor:e}, seed {seed}")
    };
    let ended = context.each(&jobs, name, |(setting, seed)| end(context, &on(&setting.sets(*seed))?))?;
    let swept = settings.into_iter().map(|setting| {
        let runs = jobs.iter().zip(&ended).filter(|((of, _), _)| *of == setting);
        let runs: Vec<[f64; 2]> = runs.map(|(_, Ended(run))| *run).collect();
        let of = |place: usize| Sample::of(&runs.iter().map(|run| run[place]).collect::<Vec<_>>());
        Swept { setting, accuracy: of(0), loss: of(1) }
    });
    Ok(swept.collect())
}

/// How many runs a sweep has.
pub(super) const fn runs() -> usize {
    let settings = SIZES.len() * RATES.len() + FACTORS.len() - 1;
    let [(_, one), (_, four)] = SEEDS_OF_SMALL;
    settings * SEEDS as usize - RATES.len() * (2 * SEEDS - one - four) as usize
}

fn end(context: &Context<'_>, experiment: &Experiment) -> Result<Ended> {
    let mut alone = Alone::new(experiment, RunSide::Candidate)?;
    for _ in 0..EPOCHS {
        context.go_on()?;
        alone.epoch()?;
    }
    let steps = alone.steps_per_epoch();
    let dev = look(experiment, &mut alone, [EPOCHS - 1, steps])?.0;
    Ok(Ended([dev.accuracy(), dev.loss]))
}

/// The runs of batch sizes at a rate, smallest first.
pub(super) fn at_rate(swept: &[Swept], rate: f64) -> Vec<&Swept> {
    swept.iter().filter(|swept| swept.setting.rate == rate && swept.setting.factor == 0.0).collect()
}

/// The runs of penalties at the lecture's batches and rate, weakest first; that without one among them.
pub(super) fn penalties(swept: &[Swept]) -> Vec<&Swept> {
    let lectures = |setting: Setting| Setting { factor: 0.0, ..setting } == Setting::LECTURES;
    swept.iter().filter(|swept| lectures(swept.setting)).collect()
}

/// The runs of each batch size at the rate that has the best mean dev accuracy there, smallest size first.
pub(super) fn at_best_rate(swept: &[Swept]) -> Vec<&Swept> {
    let best = |size: usize| {
        let of_size = swept.iter().filter(|swept| swept.setting.size == size && swept.setting.factor == 0.0);
        of_size.max_by(|one, other| one.accuracy.mean.total_cmp(&other.accuracy.mean))
    };
    SIZES.into_iter().filter_map(best).collect()
}
