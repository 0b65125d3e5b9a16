//! Two half circles that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), t from U(0, π), each
//! coordinate with N(0, noise²) added.
//!
//! The curves are those of scikit-learn's `make_moons`, which takes t at equal distances:
//! <https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html>

use super::{Table, normal, points, uniform};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moons {
    /// The standard deviation of what is added to each coordinate.
    pub noise: f64,
}

impl Moons {
    pub(super) fn draw(&self, rows: usize, random: &mut ChaCha8Rng) -> Table {
        points(rows, 2, |class| {
            let (sine, cosine) = uniform(random, 0.0, PI).sin_cos();
            let point = if class == 0 { [cosine, sine] } else { [1.0 - cosine, 0.5 - sine] };
            point.map(|coordinate| coordinate + self.noise * normal(random))
        })
    }
}
