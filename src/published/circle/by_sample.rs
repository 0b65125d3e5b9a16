//! The document's own procedure: each sample passes through the network by itself, gradients are added up, and the
//! weights take one step for each mini-batch.

use crate::{
    data::{Batch, OwnedBatch},
    engine::{Description, Engine},
    error::Result,
    experiment::Side,
    model::Parameter,
    tensor::{DType, Owned, Values, View},
};

/// An engine that is given one row at a time. As in the document, a row's forward pass is made twice: once for the
/// loss, and again before its backward pass (section II-C).
pub(super) struct BySample {
    /// What computes a row.
    inner: Box<dyn Engine>,
    dtype: DType,
    rate: f64,
    batch: OwnedBatch,
    loss: f64,
    /// Every layer's output for every row. `[rows, width]` each
    activations: Vec<(usize, Owned)>,
    /// The gradient in the outputs. `[rows, outputs]`
    output_gradient: (usize, Owned),
    /// What the rows' gradients add up to, and their mean, in each parameter.
    sums: Vec<Owned>,
    means: Vec<Owned>,
}

impl BySample {
    /// Around an engine of a side, which trains by plain descent.
    pub(super) fn new(inner: Box<dyn Engine>, side: &Side) -> Self {
        let each = |count: usize| (0..count).map(|_| Owned::new(side.dtype)).collect::<Vec<_>>();
        let parameters = inner.parameters().len();
        Self {
            inner,
            dtype: side.dtype,
            rate: side.training.optimizer.lr(),
            batch: OwnedBatch::new(side.dtype),
            loss: f64::NAN,
            activations: each(side.model.layers.len()).into_iter().map(|own| (0, own)).collect(),
            output_gradient: (0, Owned::new(side.dtype)),
            sums: each(parameters),
            means: each(parameters),
        }
    }

    /// Passes a row forward; returns its loss.
    fn pass(&mut self, row: usize) -> Result<f64> {
        let Self { inner, batch, .. } = self;
        batch.lend_row(row, |row| {
            inner.forward(row)?;
            inner.loss(row)
        })
    }
}

/// Appends values; how many there are.
fn append(all: &mut Owned, values: Values<'_>) -> usize {
    match (all, values) {
        (Owned::F32(all), Values::F32(values)) => all.extend_from_slice(values),
        (Owned::F64(all), Values::F64(values)) => all.extend_from_slice(values),
        // An engine lends what it computes in.
        (Owned::F32(all), values) => all.extend(values.iter().map(|value| value as f32)),
        (Owned::F64(all), values) => all.extend(values.iter()),
    }
    values.len()
}

/// Adds values to a sum of as many, or begins it with them.
fn add(sum: &mut Owned, values: Values<'_>) {
    match (&mut *sum, values) {
        (Owned::F32(sum), Values::F32(values)) if sum.len() == values.len() => {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        (Owned::F64(sum), Values::F64(values)) if sum.len() == values.len() => {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        _ => sum.assign(values),
    }
}

impl Engine for BySample {
    fn describe(&self) -> Description {
        let inner = self.inner.describe();
        Description { name: format!("{}, sample by sample", inner.name), ..inner }
    }

    fn supports(&self, side: &Side) -> Result<()> {
        self.inner.supports(side)
    }

    fn tensors(&self) -> &[Parameter] {
        self.inner.tensors()
    }

    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        self.inner.load(tensor, values)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.batch.take(batch);
        self.activations.iter_mut().for_each(|(_, all)| *all = Owned::new(self.dtype));
        let mut losses = 0.0;
        for row in 0..self.batch.rows() {
            losses += self.pass(row)?;
            for (layer, (width, all)) in self.activations.iter_mut().enumerate() {
                *width = append(all, self.inner.activation(layer).values);
            }
        }
        self.loss = losses / self.batch.rows() as f64;
        Ok(())
    }

    fn loss(&mut self, _batch: &Batch<'_>) -> Result<f64> {
        Ok(self.loss)
    }

    fn backward(&mut self) -> Result<()> {
        let rows = self.batch.rows() as f64;
        self.sums.iter_mut().for_each(|sum| *sum = Owned::new(self.dtype));
        self.output_gradient.1 = Owned::new(self.dtype);
        for row in 0..self.batch.rows() {
            self.pass(row)?;
            self.inner.backward()?;
            self.output_gradient.0 = append(&mut self.output_gradient.1, self.inner.output_gradient().values);
            for (parameter, sum) in self.sums.iter_mut().enumerate() {
                add(sum, self.inner.gradient(parameter).values);
            }
        }
        // Of the batch's mean loss, as PyTorch has it.
        self.output_gradient.1.change(|_, gradient| gradient / rows);
        for (mean, sum) in self.means.iter_mut().zip(&self.sums) {
            mean.assign(sum.values());
            mean.change(|_, sum| sum / rows);
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        // The document's step: the rate over the batch's samples, times the accumulated gradient.
        let rate = self.rate / self.batch.rows() as f64;
        for (parameter, sum) in self.sums.iter().enumerate() {
            let before = self.inner.tensor(parameter);
            let (shape, mut after) = (before.shape, before.values.to_owned());
            let sum = sum.values();
            after.change(|place, weight| weight - rate * sum.at(place));
            self.inner.load(parameter, after.view(shape))?;
        }
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        self.inner.tensor(tensor)
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.means[parameter].view(self.inner.parameters()[parameter].shape)
    }

    fn activation(&self, layer: usize) -> View<'_> {
        let (width, all) = &self.activations[layer];
        View::new(&[self.batch.rows(), *width], all.values())
    }

    fn output_gradient(&self) -> View<'_> {
        let (width, all) = &self.output_gradient;
        View::new(&[self.batch.rows(), *width], all.values())
    }
}
