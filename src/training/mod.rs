//! Training as data: what is optimized, what is printed, and how a gradient becomes an update.
//!
//! Both engines are built from one [`Training`], so that the sides cannot drift apart by hand.

mod course;
mod fault;
mod loss;
mod optimizer;
mod penalty;
mod schedule;

pub use course::{Course, EarlyStopping, Every, Monitor};
pub use fault::Fault;
pub use loss::{Classes, Loss, Measure, Reduction, ReportedLoss, ReportedMeasure};
pub use optimizer::{Adam, Optimizer, RmsProp, Sgd};
pub use penalty::{Norm, Penalty};
pub use schedule::{Clip, Curve, Schedule};

/// What one side does with a batch once its network has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The loss whose gradient is taken.
    pub loss: Loss,
    /// What is added to it for large weights.
    pub penalties: Vec<Penalty>,
    /// The number printed for a step; the optimized loss unless the experiment says otherwise.
    pub reported_loss: ReportedLoss,
    /// How gradients become updates.
    pub optimizer: Optimizer,
    /// What becomes of the learning rate on the way.
    pub schedule: Option<Schedule>,
    /// What gradients are cut to before the update.
    pub clip: Option<Clip>,
    /// What is wrong with this side, on purpose.
    pub faults: Vec<Fault>,
}

impl Training {
    /// Minimizes and reports a loss, without more.
    pub fn new(loss: Loss, optimizer: Optimizer) -> Self {
        Self {
            reported_loss: loss.clone().into(),
            loss,
            penalties: Vec::new(),
            optimizer,
            schedule: None,
            clip: None,
            faults: Vec::new(),
        }
    }

    /// The learning rate at a step of an epoch, both from 0.
    pub fn lr(&self, step: usize, epoch: usize) -> f64 {
        let lr = self.optimizer.lr();
        self.schedule.map_or(lr, |schedule| schedule.lr(lr, step, epoch))
    }
}
