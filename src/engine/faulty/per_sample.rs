//! One update for each row of a batch, one after the other. Phase update.

use super::Engine;
use crate::{
    data::{Batch, OwnedBatch},
    error::Result,
};

/// An engine whose activations, loss and gradients are those of the whole batch, until the update trains on each row by
/// itself: forward, loss, backward, update. What it lends after that is the last row's.
pub(super) struct PerSample {
    inner: Box<dyn Engine>,
    batch: OwnedBatch,
    /// Whether an update of this batch is due.
    due: bool,
}

impl PerSample {
    pub(super) fn new(inner: Box<dyn Engine>) -> Self {
        let batch = OwnedBatch::new(inner.describe().dtype);
        Self { inner, batch, due: false }
    }
}

impl Engine for PerSample {
    inner! {
        describe set_threads supports tensors load loss backward tensor gradient activation output_gradient
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.batch.take(batch);
        self.due = true;
        self.inner.forward(batch)
    }

    fn update(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.due) {
            return self.inner.update();
        }
        let Self { inner, batch, .. } = self;
        (0..batch.rows()).try_for_each(|row| batch.lend_row(row, |row| inner.step(row).map(drop)))
    }
}
