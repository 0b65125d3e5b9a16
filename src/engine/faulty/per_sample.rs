//! One update for each row of a batch, one after the other. Phase update.

use super::Engine;
use crate::{
    data::{Batch, Inputs, Sparse},
    error::Result,
    tensor::{Owned, Shape, View},
};

/// An engine whose activations, loss and gradients are those of the whole batch, until the update trains on each row by
/// itself: forward, loss, backward, update. What it lends after that is the last row's.
pub(super) struct PerSample {
    inner: Box<dyn Engine>,
    batch: Option<Kept>,
}

/// A batch, kept.
struct Kept {
    inputs: KeptInputs,
    targets: KeptTensor,
    masks: Vec<KeptTensor>,
    rows: usize,
    training: bool,
    step: usize,
    epoch: usize,
}

enum KeptInputs {
    Dense(KeptTensor),
    Sparse { width: usize, starts: Vec<usize>, columns: Vec<u32>, values: Owned },
}

/// A tensor whose first dimension is the rows.
struct KeptTensor {
    shape: Shape,
    values: Owned,
}

impl PerSample {
    pub(super) fn new(inner: Box<dyn Engine>) -> Self {
        Self { inner, batch: None }
    }
}

impl Kept {
    fn of(batch: &Batch<'_>) -> Self {
        let inputs = match batch.inputs {
            Inputs::Dense(view) => KeptInputs::Dense(KeptTensor::of(&view)),
            Inputs::Sparse(Sparse { width, starts, columns, values }) => KeptInputs::Sparse {
                width,
                starts: starts.to_vec(),
                columns: columns.to_vec(),
                values: values.to_owned(),
            },
        };
        Self {
            inputs,
            targets: KeptTensor::of(&batch.targets),
            masks: batch.masks.iter().map(KeptTensor::of).collect(),
            rows: batch.rows(),
            training: batch.training,
            step: batch.step,
            epoch: batch.epoch,
        }
    }

    /// One step of an engine on a row alone.
    fn train(&self, engine: &mut dyn Engine, row: usize) -> Result<()> {
        let masks: Vec<View<'_>> = self.masks.iter().map(|mask| mask.row(row)).collect();
        let ends;
        let inputs = match &self.inputs {
            KeptInputs::Dense(tensor) => Inputs::Dense(tensor.row(row)),
            KeptInputs::Sparse { width, starts, columns, values } => {
                let range = starts[row]..starts[row + 1];
                ends = [0, range.len()];
                let values = values.values().part(range.clone());
                Inputs::Sparse(Sparse { width: *width, starts: &ends, columns: &columns[range], values })
            }
        };
        let Self { targets, training, step, epoch, .. } = self;
        let (training, step, epoch) = (*training, *step, *epoch);
        engine.step(&Batch { inputs, targets: targets.row(row), masks: &masks, training, step, epoch }).map(drop)
    }
}

impl KeptTensor {
    fn of(view: &View<'_>) -> Self {
        Self { shape: view.shape, values: view.values.to_owned() }
    }

    /// `[1, …]`
    fn row(&self, row: usize) -> View<'_> {
        let mut sizes = self.shape.to_vec();
        sizes[0] = 1;
        let shape = Shape::new(&sizes);
        let elements = shape.elements();
        View { shape, values: self.values.values().part(row * elements..(row + 1) * elements) }
    }
}

impl Engine for PerSample {
    inner! {
        describe set_threads supports tensors load loss backward tensor gradient activation output_gradient
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.batch = Some(Kept::of(batch));
        self.inner.forward(batch)
    }

    fn update(&mut self) -> Result<()> {
        match self.batch.take() {
            Some(batch) => (0..batch.rows).try_for_each(|row| batch.train(self.inner.as_mut(), row)),
            None => self.inner.update(),
        }
    }
}
