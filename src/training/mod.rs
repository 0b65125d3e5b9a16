//! Training as data: what is optimized, what is printed, and how a gradient becomes an update.
//!
//! Both engines are built from one [`Training`], so that the sides cannot drift apart by hand.

mod loss;
mod optimizer;

pub use loss::{Loss, ReportedLoss};
pub use optimizer::{Optimizer, Sgd};

/// What one side does with a batch once its network has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The loss whose gradient is taken.
    pub loss: Loss,
    /// The number printed for a step; the optimized loss unless the experiment says otherwise.
    pub reported_loss: ReportedLoss,
    /// How gradients become updates.
    pub optimizer: Optimizer,
}
