//! Training as data: what is optimized, what is printed, and how a gradient becomes an update.
//!
//! Both engines are built from one [`Training`], so that the sides cannot drift apart by hand.

mod accumulate;
mod course;
mod fault;
mod identity;
mod loss;
mod optimizer;
mod penalty;
mod schedule;

use crate::tensor::Values;
pub use accumulate::Accumulate;
pub use course::{Course, EarlyStopping, Every, Monitor};
pub use fault::{Around, Fault, Maker, OfData};
pub use identity::identity;
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
    /// How many batches' gradients become one update, where it is more than one's.
    pub accumulate: Option<Accumulate>,
    /// What gradients are cut to before the update.
    pub clip: Option<Clip>,
    /// What is wrong with this side, on purpose.
    pub faults: Vec<Fault>,
}

impl Training {
    /// Whether the losses can be taken of outputs of this many columns, and of the same targets.
    ///
    /// # Errors
    /// If not; says what does not fit.
    pub fn suits(&self, outputs: usize) -> Result<(), String> {
        self.losses().try_for_each(|loss| loss.suits(outputs))?;
        let (loss, reported) = (&self.loss, &self.reported_loss.measure);
        if outputs == 1 || loss.of_classes() == reported.of_classes() {
            return Ok(());
        }
        let kind = |of_classes| if of_classes { "class numbers" } else { "values" };
        Err(format!(
            "the targets of {loss} are {}, those of the reported loss ({reported}) are {}; they have to be the same",
            kind(loss.of_classes()),
            kind(reported.of_classes())
        ))
    }

    /// Whether these are targets for `rows` rows of outputs.
    ///
    /// # Errors
    /// If not; names the row at fault.
    pub fn takes(&self, rows: usize, outputs: usize, targets: Values<'_>) -> Result<(), String> {
        self.suits(outputs)?;
        self.losses().try_for_each(|loss| loss.takes(rows, outputs, targets))
    }

    /// What is optimized, and what is printed where that is another loss.
    fn losses(&self) -> impl Iterator<Item = &Loss> {
        let reported = match &self.reported_loss.measure {
            ReportedMeasure::Loss(loss) if *loss != self.loss => Some(loss),
            ReportedMeasure::Loss(_) | ReportedMeasure::DeltaTimesMse => None,
        };
        std::iter::once(&self.loss).chain(reported)
    }

    /// Minimizes and reports a loss, without more.
    pub fn new(loss: Loss, optimizer: Optimizer) -> Self {
        Self {
            reported_loss: loss.clone().into(),
            loss,
            penalties: Vec::new(),
            optimizer,
            schedule: None,
            accumulate: None,
            clip: None,
            faults: Vec::new(),
        }
    }

    /// The learning rate at a step of an epoch, both from 0.
    pub fn lr(&self, step: usize, epoch: usize) -> f64 {
        let lr = self.optimizer.lr();
        let late = self
            .faults
            .iter()
            .find_map(|fault| if let Fault::ScheduleLate(by) = fault { Some(*by as isize) } else { None });
        let [step, epoch] = [step, epoch].map(|moves| moves.saturating_add_signed(-late.unwrap_or(0)));
        let scaled = |fault: &Fault| if let Fault::RateScaled(by) = fault { Some(*by) } else { None };
        let by = self.faults.iter().find_map(scaled).unwrap_or(1.0);
        by * self.schedule.map_or(lr, |schedule| schedule.lr(lr, step, epoch))
    }
}
