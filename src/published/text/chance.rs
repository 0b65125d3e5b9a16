//! What is right by chance: predictions in one order, scored against labels in another.
//!
//! Rows have the classes' shares p, predictions q. In an order drawn at random every prediction meets every label
//! alike, so that Σpq of them are right, whatever the network learned; where it predicts classes as often as they
//! occur, Σp².

use crate::study::Sample;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation of the share that is right after one shuffle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Chance {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Chance {
    /// Of so many rows with these shares of classes, predicted with those.
    ///
    /// The variance of the number of matches of a random permutation (the null model of Cohen's kappa: Fleiss, Cohen
    /// and Everitt 1969), over rows²: ((Σpq)² − Σpq(p + q) + Σpq) / (rows − 1).
    pub(super) fn of(classes: &[f64], taken: &[f64], rows: f64) -> Self {
        let pairs = || classes.iter().zip(taken);
        let mean: f64 = pairs().map(|(p, q)| p * q).sum();
        let skew: f64 = pairs().map(|(p, q)| p * q * (p + q)).sum();
        Self { mean, deviation: ((mean * mean - skew + mean) / (rows - 1.0)).max(0.0).sqrt() }
    }

    /// How many standard deviations of one shuffle a share lies above the mean.
    pub(super) fn above(&self, share: f64) -> f64 {
        (share - self.mean) / self.deviation
    }
}

/// Σp²: what is right by chance where classes are predicted as often as they occur.
pub(super) fn squares(shares: &[f64]) -> f64 {
    shares.iter().map(|share| share * share).sum()
}

/// The share of each class.
pub(super) fn shares(rows: &[u32], classes: usize) -> Vec<f64> {
    let count = |class: usize| rows.iter().filter(|row| **row as usize == class).count();
    (0..classes).map(|class| count(class) as f64 / rows.len() as f64).collect()
}

/// How many predictions are right.
pub(super) fn right(labels: &[u32], taken: &[u32]) -> usize {
    labels.iter().zip(taken).filter(|(label, taken)| label == taken).count()
}

/// Puts rows into an order drawn at random (Fisher and Yates).
pub(super) fn shuffle<T>(rows: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..rows.len()).rev() {
        // The remainder favours low numbers by some 1e-15.
        rows.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
}

/// The share that is right when the predictions stand in an order of their own, over so many orders of a seed.
pub(super) fn shuffled(labels: &[u32], taken: &[u32], seed: u64, orders: usize) -> Sample {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut taken = taken.to_vec();
    let mut share = |_| {
        shuffle(&mut taken, &mut random);
        right(labels, &taken) as f64 / labels.len() as f64
    };
    Sample::of(&(0..orders).map(&mut share).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_predictions_are_right_as_often_as_the_law_says_however_good_they_were() {
        // Six classes of unequal size, as TREC's; predictions that are all right, mostly right, and always one class.
        let labels: Vec<u32> = (0..600).map(|row| [0, 0, 0, 1, 1, 2, 3, 3, 4, 5][row % 10]).collect();
        let mostly = labels.iter().enumerate().map(|(row, label)| if row % 5 == 0 { 1 } else { *label }).collect();
        for taken in [labels.clone(), mostly, vec![3; 600]] {
            let law = Chance::of(&shares(&labels, 6), &shares(&taken, 6), 600.0);
            let found = shuffled(&labels, &taken, 1, 4000);
            // Four standard errors of a mean of 4000, and of their standard deviation, 1/√(2·4000) of it.
            assert!((found.mean - law.mean).abs() <= 4.0 * law.deviation / 4000f64.sqrt() + 1e-12, "{found} {law:?}");
            assert!((found.deviation - law.deviation).abs() <= 4.0 * law.deviation / 8000f64.sqrt() + 1e-7, "{found}");
        }
        assert!((squares(&shares(&labels, 6)) - 0.20).abs() < 1e-12);
    }
}
