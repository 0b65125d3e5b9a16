//! The four differences between the posted networks, in every combination, and each one's share.

use super::parity;
use crate::{
    error::Result,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, Sample, shapley::shapley},
};

/// The factors, in the order of most to least impact that the published answer claims.
pub(super) const FACTORS: [Factor; 4] = [
    Factor { name: "reported loss", set: "candidate.training.reported_loss=delta-times-mse" },
    Factor { name: "initial weights", set: "candidate.model.init=uniform01" },
    Factor { name: "bias", set: "candidate.model.bias=false" },
    Factor { name: "gradient scale", set: "candidate.training.loss=half-sum-squares" },
];

/// Seeds over which the shares are averaged; 0 is the posted one.
pub(super) const SEEDS: u64 = 10;

/// One way in which the posted candidate differs.
pub(super) struct Factor {
    pub(super) name: &'static str,
    set: &'static str,
}

/// How far two printed curves are apart, in one number. The printed loss may be negative, so none takes its logarithm
/// or a ratio of losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// The mean of |candidate − reference| over the steps: the area between the curves.
    Area,
    /// The root of the mean square.
    Square,
    /// The largest distance.
    Largest,
}

impl Measure {
    pub(super) const ALL: [Self; 3] = [Self::Area, Self::Square, Self::Largest];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Area => "area between the curves",
            Self::Square => "root mean square",
            Self::Largest => "largest distance",
        }
    }

    pub(super) fn of(self, reference: &[f64], candidate: &[f64]) -> f64 {
        let distances = || reference.iter().zip(candidate).map(|(reference, candidate)| (reference - candidate).abs());
        let count = reference.len().min(candidate.len()) as f64;
        match self {
            Self::Area => distances().sum::<f64>() / count,
            Self::Square => (distances().map(|distance| distance * distance).sum::<f64>() / count).sqrt(),
            Self::Largest => distances().fold(0.0, f64::max),
        }
    }
}

/// Each factor's share of the discrepancy, as posted (seed 0) and over seeds.
pub(super) struct Shares {
    pub(super) measure: Measure,
    /// The discrepancy with all factors in, at seed 0.
    pub(super) posted: f64,
    /// Shares of it, in the order of [`FACTORS`]; they add up to 1.
    pub(super) of_posted: Vec<f64>,
    /// Mean and standard deviation of the shares over seeds.
    pub(super) over_seeds: Vec<Sample>,
    /// Seeds in which the claimed order holds.
    pub(super) claimed_order: usize,
}

/// The parity experiment with a set of factors put in, a bit each. The reported loss stays mse unless it is one of them.
pub(super) fn experiment(factors: usize, seed: u64) -> Result<Experiment> {
    let mut sets = vec![format!("seed={seed}"), "candidate.training.reported_loss=mse".to_owned()];
    let chosen = FACTORS.iter().enumerate().filter(|(index, _)| factors & 1 << index != 0);
    sets.extend(chosen.map(|(_, factor)| factor.set.to_owned()));
    let mut experiment = parity(&sets)?;
    experiment.title = format!("XOR with {}", name(factors));
    Ok(experiment)
}

/// A set of factors in words.
pub(super) fn name(factors: usize) -> String {
    let names: Vec<&str> = FACTORS
        .iter()
        .enumerate()
        .filter_map(|(index, factor)| (factors & 1 << index != 0).then_some(factor.name))
        .collect();
    if names.is_empty() { "no difference".to_owned() } else { names.join(" + ") }
}

/// The printed curves of a seed: the reference's, and the candidate's for every set of factors.
pub(super) struct Curves {
    reference: Vec<f64>,
    candidates: Vec<Vec<f64>>,
}

impl Curves {
    /// Trains each engine alone: the reference's curve does not depend on the factors.
    pub(super) fn train(seed: u64, steps: usize) -> Result<Self> {
        let losses = |factors: usize, which: RunSide| -> Result<Vec<f64>> {
            let mut alone = Alone::new(&experiment(factors, seed)?, which)?;
            (0..steps).map(|_| alone.step()).collect()
        };
        let candidates =
            (0..1 << FACTORS.len()).map(|factors| losses(factors, RunSide::Candidate)).collect::<Result<_>>()?;
        Ok(Self { reference: losses(0, RunSide::Reference)?, candidates })
    }

    fn effect(&self, measure: Measure, factors: usize) -> f64 {
        measure.of(&self.reference, &self.candidates[factors])
    }

    /// Shares of the whole discrepancy.
    fn shares(&self, measure: Measure) -> Vec<f64> {
        let whole = self.effect(measure, (1 << FACTORS.len()) - 1) - self.effect(measure, 0);
        shapley(FACTORS.len(), |factors| self.effect(measure, factors)).iter().map(|share| share / whole).collect()
    }
}

/// What a seed has of each [`Measure`]: the whole discrepancy and each factor's share of it.
type OfSeed = Vec<(f64, Vec<f64>)>;

/// The shares by every measure.
pub(super) fn shares(context: &Context<'_>, steps: usize) -> Result<Vec<Shares>> {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let of_seeds: Vec<OfSeed> = context.each(
        &seeds,
        |seed| format!("shares, seed {seed}"),
        |&seed| {
            let curves = Curves::train(seed, steps)?;
            let all = (1 << FACTORS.len()) - 1;
            Ok(Measure::ALL.map(|measure| (curves.effect(measure, all), curves.shares(measure))).into())
        },
    )?;
    let by_measure = |(place, measure): (usize, Measure)| {
        let shares: Vec<&Vec<f64>> = of_seeds.iter().map(|seed| &seed[place].1).collect();
        let of_factor = |factor: usize| shares.iter().map(|shares| shares[factor]).collect::<Vec<_>>();
        Shares {
            measure,
            posted: of_seeds[0][place].0,
            of_posted: shares[0].clone(),
            over_seeds: (0..FACTORS.len()).map(|factor| Sample::of(&of_factor(factor))).collect(),
            claimed_order: shares.iter().filter(|shares| shares.is_sorted_by(|more, less| more >= less)).count(),
        }
    };
    Ok(Measure::ALL.into_iter().enumerate().map(by_measure).collect())
}
