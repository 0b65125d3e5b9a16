//! What happens to the learning rate on the way, and to gradients before they become updates.

/// A learning-rate schedule: PyTorch's, in closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// What becomes of the learning rate.
    pub curve: Curve,
    /// Whether it moves with every step, or with every epoch.
    pub every_step: bool,
}

/// The learning rate after n moves, over its first value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// γ^⌊n/size⌋, `StepLR`.
    Step {
        /// Moves between two drops.
        size: usize,
        /// γ.
        gamma: f64,
    },
    /// γⁿ, `ExponentialLR`.
    Exponential {
        /// γ.
        gamma: f64,
    },
    /// From lr to `minimum` along half a cosine, `CosineAnnealingLR`: minimum + (lr − minimum)(1 + cos(πn/length))/2.
    Cosine {
        /// Moves to the minimum.
        length: usize,
        /// The least learning rate.
        minimum: f64,
    },
    /// From `start` to `end` times lr in `length` moves, then `end`, `LinearLR`: a warm-up.
    Linear {
        /// The first factor.
        start: f64,
        /// The last factor.
        end: f64,
        /// Moves from the one to the other.
        length: usize,
    },
}

/// What gradients are cut to, all parameters' together, before the update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clip {
    /// Their common norm: all are multiplied by min(1, most/(norm + 10⁻⁶)), `clip_grad_norm_`.
    Norm(f64),
    /// Each element, to ±most, `clip_grad_value_`.
    Value(f64),
}

impl Schedule {
    /// The learning rate at a step of an epoch, both from 0, for one of `lr` at first.
    pub fn lr(&self, lr: f64, step: usize, epoch: usize) -> f64 {
        let moves = if self.every_step { step } else { epoch };
        match self.curve {
            Curve::Step { size, gamma } => lr * gamma.powf((moves / size) as f64),
            Curve::Exponential { gamma } => lr * gamma.powf(moves as f64),
            Curve::Cosine { length, minimum } => {
                let angle = std::f64::consts::PI * moves as f64 / length as f64;
                minimum + (lr - minimum) * (1.0 + angle.cos()) / 2.0
            }
            Curve::Linear { start, end, length } => {
                lr * (start + (end - start) * moves.min(length) as f64 / length as f64)
            }
        }
    }
}
