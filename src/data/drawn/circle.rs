//! Points U(−1, 1)², and whether they lie within a circle around 0.
//!
//! A radius of √(2/π) gives each class half of the square's area of 4. This is the data of the two EPFL studies, whose
//! code has class 1 outside.

use super::{Goals, Raw, Table, uniform};
use rand_chacha::ChaCha8Rng;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// The radius.
    pub radius: f64,
    /// Whether class 1 is within the circle, and not outside of it.
    pub inside: bool,
}

impl Default for Circle {
    fn default() -> Self {
        Self { radius: (2.0 / std::f64::consts::PI).sqrt(), inside: false }
    }
}

impl Circle {
    pub(super) fn draw(&self, rows: usize, random: &mut ChaCha8Rng) -> Table {
        let inputs: Vec<f64> = (0..2 * rows).map(|_| uniform(random, -1.0, 1.0)).collect(); // [rows, 2]
        let outside = |point: &[f64]| point[0] * point[0] + point[1] * point[1] > self.radius * self.radius;
        let classes = inputs.chunks_exact(2).map(|point| u32::from(outside(point) != self.inside)).collect();
        Table { width: 2, inputs: Raw::F64(inputs), goals: Goals::Classes(classes) }
    }
}
