//! Losses and penalties: the reported number, the gradient in the outputs, and what penalties add to the gradients in the
//! parameters. Losses of elements and of classes have a file each. Sums run in the engine's own type, in blocks.

mod classes;
mod elements;
mod penalty;

use super::{Real, Trained};
use crate::{
    error::{Error, Result},
    model::Parameter,
    training::{Fault, Loss, Measure, ReportedMeasure, Training},
};
use classes::Rows;
use penalty::Weighed;

/// Terms summed one after the other before their sum joins the others. Equal terms, which a network at its start often has,
/// round the same way each time: the sum of a block is off by 16u of itself at most, within the 3√n·u that a sum of n terms
/// is allowed from n = 32 on.
const BLOCK: usize = 32;

/// What is optimized and what is printed.
pub(super) struct Objective<T> {
    training: Training,
    outputs: usize,
    optimized: Measured<T>,
    /// Nothing where it is no loss of the vocabulary.
    reported: Option<Measured<T>>,
    penalties: Vec<Weighed<T>>,
}

/// A loss in the engine's type.
struct Measured<T> {
    loss: Loss,
    /// Of a loss whose terms belong to rows.
    rows: Option<Rows<T>>,
}

impl<T: Real> Objective<T> {
    /// The objective of a training, for outputs of so many columns and for these parameters.
    pub(super) fn new(training: &Training, outputs: usize, parameters: &[Parameter]) -> Self {
        let unstable = training.faults.contains(&Fault::UnstableSoftmax);
        let measured = |loss: &Loss| Measured { rows: Rows::new(loss, outputs, unstable), loss: loss.clone() };
        Self {
            optimized: measured(&training.loss),
            reported: match &training.reported_loss.measure {
                ReportedMeasure::Loss(loss) => Some(measured(loss)),
                ReportedMeasure::DeltaTimesMse => None,
            },
            penalties: training.penalties.iter().map(|penalty| Weighed::new(*penalty, parameters)).collect(),
            training: training.clone(),
            outputs,
        }
    }

    /// The reported loss of outputs p for targets t.
    ///
    /// # Errors
    /// If a target is no class, or an output no probability where the loss takes nothing else.
    pub(super) fn report(&self, outputs: &[T], targets: &[T], trained: &[Trained<T>]) -> Result<f64> {
        let refuse = |message| refused(message, targets.len());
        self.training.takes(outputs.len() / self.outputs, self.outputs, T::values(targets)).map_err(refuse)?;
        for measured in std::iter::once(&self.optimized).chain(&self.reported) {
            measured.takes(outputs, self.outputs).map_err(refuse)?;
        }
        let mut loss = match &self.reported {
            Some(measured) => measured.value(outputs, targets, self.outputs),
            None => elements::delta_times_mse(outputs, targets),
        };
        if self.training.reported_loss.penalty {
            for penalty in &self.penalties {
                loss += penalty.value(trained);
            }
        }
        Ok(loss.widen())
    }

    /// Whether anything is added to the gradients in the parameters.
    pub(super) fn penalizes(&self) -> bool {
        !self.penalties.is_empty()
    }

    /// Writes the gradient of the optimized loss in the outputs.
    pub(super) fn gradient(&self, outputs: &[T], targets: &[T], gradient: &mut [T]) {
        self.optimized.gradient(outputs, targets, gradient, self.outputs);
    }

    /// Adds the gradient of the penalties to those of the parameters.
    pub(super) fn penalize(&self, trained: &mut [Trained<T>]) {
        self.penalties.iter().for_each(|penalty| penalty.penalize(trained));
    }
}

impl<T: Real> Measured<T> {
    /// Refuses outputs that PyTorch refuses. NaN, which a training that runs away arrives at, is passed on.
    fn takes(&self, outputs: &[T], columns: usize) -> std::result::Result<(), String> {
        let wrong = |output: &T| *output < T::zero() || *output > T::one();
        match outputs.iter().position(wrong) {
            Some(place) if self.loss.measure == Measure::BinaryCrossEntropy => Err(format!(
                "an output of row {} of the batch is {}, but bce takes probabilities, 0 to 1; put \"sigmoid\" last, or \
                 take loss = \"bce-with-logits\"",
                place / columns,
                outputs[place]
            )),
            _ => Ok(()),
        }
    }

    fn value(&self, outputs: &[T], targets: &[T], columns: usize) -> T {
        match &self.rows {
            Some(rows) => rows.sum(outputs, targets) * self.factor(outputs, targets, columns),
            None => elements::sum(&self.loss.measure, outputs, targets) * self.factor(outputs, targets, columns),
        }
    }

    fn gradient(&self, outputs: &[T], targets: &[T], gradient: &mut [T], columns: usize) {
        let factor = self.factor(outputs, targets, columns);
        match &self.rows {
            Some(rows) => rows.gradient(outputs, targets, factor, gradient),
            None => elements::gradient(&self.loss.measure, outputs, targets, factor, gradient),
        }
    }

    /// What the sum of the terms is multiplied by.
    fn factor(&self, outputs: &[T], targets: &[T], columns: usize) -> T {
        let rows = outputs.len() / columns;
        let (count, rows) = match &self.rows {
            Some(counted) => counted.count(outputs, targets),
            None => (outputs.len() as f64, rows),
        };
        T::of(self.loss.reduction.factor(count, rows))
    }
}

fn refused(message: String, targets: usize) -> Error {
    Error::Engine { engine: "scratch".to_owned(), operation: format!("loss of {targets} targets"), message }
}

/// A sum of terms that come one by one: of blocks, in pairs of pairs, so that its error grows with the logarithm of their
/// number.
struct Sum<T> {
    block: T,
    terms: usize,
    blocks: usize,
    /// At place k the sum of 2ᵏ blocks where that bit of `blocks` is set.
    pairs: [T; usize::BITS as usize],
}

impl<T: Real> Sum<T> {
    fn new() -> Self {
        Self { block: T::zero(), terms: 0, blocks: 0, pairs: [T::zero(); usize::BITS as usize] }
    }

    fn add(&mut self, term: T) {
        self.block += term;
        self.terms += 1;
        if self.terms == BLOCK {
            self.add_block(self.block);
            (self.block, self.terms) = (T::zero(), 0);
        }
    }

    fn add_block(&mut self, mut block: T) {
        let carried = self.blocks.trailing_ones() as usize;
        for pair in &self.pairs[..carried] {
            block += *pair;
        }
        self.pairs[carried] = block;
        self.blocks += 1;
    }

    fn total(self) -> T {
        let set = (0..self.pairs.len()).filter(|place| self.blocks >> place & 1 == 1);
        set.fold(self.block, |total, place| total + self.pairs[place])
    }
}
