//! The averaged perceptron of several classes on counted words: at every row that it takes for a wrong class, the row
//! is added to the right class's weights and taken off the wrong one's; what classifies is the mean of the weights over
//! all rows seen (Freund and Schapire 1999, Collins 2002).

use super::{
    chance::shuffle,
    naive_bayes::{entries, largest},
};
use crate::data::columns::Csr;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A trained classifier.
pub(super) struct Perceptron {
    weights: Vec<f64>, // [classes, words + 1], the last column that of a bias
    width: usize,
}

impl Perceptron {
    /// Trained for so many passes over rows of counts and their classes, shuffled anew for each by a seed.
    pub(super) fn train(rows: &Csr, labels: &[u32], classes: usize, epochs: usize, seed: u64) -> Self {
        let width = rows.width + 1;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut now = Self { weights: vec![0.0; classes * width], width };
        // Σ t·change of step t: the mean of the weights over T steps is w − that/T.
        let mut late = now.weights.clone();
        let mut order: Vec<usize> = (0..labels.len()).collect();
        let mut step = 0.0;
        for _ in 0..epochs {
            shuffle(&mut order, &mut random);
            for &row in &order {
                let (right, taken) = (labels[row], now.class(rows, row));
                if right != taken {
                    for (class, sign) in [(right, 1.0), (taken, -1.0)] {
                        for (column, count) in with_bias(rows, row) {
                            now.weights[class as usize * width + column] += sign * count;
                            late[class as usize * width + column] += step * sign * count;
                        }
                    }
                }
                step += 1.0;
            }
        }
        now.weights.iter_mut().zip(&late).for_each(|(weight, late)| *weight -= late / step);
        now
    }

    /// The class of each row, the first of equal ones.
    pub(super) fn classify(&self, rows: &Csr) -> Vec<u32> {
        (0..rows.rows()).map(|row| self.class(rows, row)).collect()
    }

    fn class(&self, rows: &Csr, row: usize) -> u32 {
        let score = |weights: &[f64]| with_bias(rows, row).map(|(column, count)| count * weights[column]).sum::<f64>();
        largest(self.weights.chunks(self.width).map(score))
    }
}

/// A row's entries, and 1 in the column after the last.
fn with_bias(rows: &Csr, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
    entries(rows, row).chain([(rows.width, 1.0)])
}

#[cfg(test)]
mod tests {
    use super::{super::naive_bayes::tests::csr, *};

    #[test]
    fn classes_that_lines_part_are_learned_and_the_weights_are_the_mean_over_all_steps() {
        let rows = csr(3, &[&[(0, 1)], &[(1, 2)], &[(2, 1)], &[(0, 2), (1, 1)]]);
        let labels = [0, 1, 2, 0];
        let trained = Perceptron::train(&rows, &labels, 3, 20, 7);
        assert_eq!(trained.classify(&rows), labels);
        // One pass over one row that is taken for class 0 at first: two steps, the weights changed after the first.
        let one = csr(1, &[&[(0, 4)]]);
        let trained = Perceptron::train(&one, &[1], 2, 2, 0);
        assert_eq!(trained.weights, [-4.0, -1.0, 4.0, 1.0]);
    }
}
