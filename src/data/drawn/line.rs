//! A straight line with noise: y = slope·x + intercept + N(0, noise²), x from U(−1, 1).

use super::{Goals, Raw, Table, normal, uniform};
use rand_chacha::ChaCha8Rng;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// What x is multiplied by.
    pub slope: f64,
    /// The value at x = 0.
    pub intercept: f64,
    /// The standard deviation of what is added to y.
    pub noise: f64,
}

impl Line {
    pub(super) fn draw(&self, rows: usize, random: &mut ChaCha8Rng) -> Table {
        let (inputs, values) = (0..rows)
            .map(|_| {
                let x = uniform(random, -1.0, 1.0);
                (x, self.slope * x + self.intercept + self.noise * normal(random))
            })
            .unzip();
        Table { width: 1, inputs: Raw::F64(inputs), goals: Goals::Values { width: 1, values } }
    }
}
