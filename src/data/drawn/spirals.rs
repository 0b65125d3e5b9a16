//! Arms that turn around a point: r·(cos a, sin a) with r from U(0, 1) and a = 2π·(turns·r + arm/arms) + N(0, noise²).
//!
//! Two arms are the problem of Lang and Witbrock, "Learning to Tell Two Spirals Apart" (1988); noise on the angle is
//! that of Stanford's CS231n: <https://cs231n.github.io/neural-networks-case-study/>

use super::{Table, normal, points, uniform};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spirals {
    /// The number of arms, each a class; 1 or more.
    pub arms: usize,
    /// How often an arm turns around the point.
    pub turns: f64,
    /// The standard deviation of what is added to the angle, in radians.
    pub noise: f64,
}

impl Spirals {
    pub(super) fn draw(&self, rows: usize, random: &mut ChaCha8Rng) -> Table {
        points(rows, self.arms, |arm| {
            let radius = uniform(random, 0.0, 1.0);
            let angle = TAU * (self.turns * radius + arm as f64 / self.arms as f64) + self.noise * normal(random);
            [radius * angle.cos(), radius * angle.sin()]
        })
    }
}
