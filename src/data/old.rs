//! Rows in order, dense, with values for targets.

use super::{Batch, BatchSize, DataKind, Length, regression, xor};
use crate::tensor::{DType, View};

/// Rows of inputs with their targets, in f64 and, rounded once, in f32.
#[derive(Debug, Clone)]
pub struct DataSet {
    rows: usize,
    inputs: Columns,
    targets: Columns,
}

#[derive(Debug, Clone)]
struct Columns {
    width: usize,
    f64: Vec<f64>, // [rows, width]
    f32: Vec<f32>, // [rows, width]
}

impl Columns {
    fn new(width: usize, values: Vec<f64>) -> Self {
        let f32 = values.iter().map(|&value| value as f32).collect();
        Self { width, f64: values, f32 }
    }

    fn rows(&self, start: usize, end: usize, dtype: DType) -> View<'_> {
        let (sizes, range) = ([end - start, self.width], start * self.width..end * self.width);
        match dtype {
            DType::F32 => View::new(&sizes, &self.f32[range]),
            DType::F64 => View::new(&sizes, &self.f64[range]),
        }
    }
}

impl DataSet {
    /// Rows of `inputs` columns and `targets` columns, row-major.
    pub(super) fn new(rows: usize, inputs: Vec<f64>, targets: Vec<f64>) -> Self {
        let inputs = Columns::new(inputs.len() / rows, inputs);
        let targets = Columns::new(targets.len() / rows, targets);
        Self { rows, inputs, targets }
    }

    /// The data set an experiment names.
    pub fn load(kind: &DataKind) -> Self {
        match kind {
            DataKind::Xor { repeat } => xor::load(*repeat),
            DataKind::Regression(regression) => regression::load(regression),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of input columns.
    pub fn inputs(&self) -> usize {
        self.inputs.width
    }

    /// The number of target columns.
    pub fn outputs(&self) -> usize {
        self.targets.width
    }

    /// The largest batch that `size` gives.
    pub fn batch_rows(&self, size: BatchSize) -> usize {
        match size {
            BatchSize::Full => self.rows,
            BatchSize::Rows(rows) => rows.min(self.rows),
        }
    }

    /// The number of steps in `length`.
    pub fn steps(&self, length: Length, size: BatchSize) -> usize {
        match length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => epochs.saturating_mul(self.rows.div_ceil(self.batch_rows(size))),
        }
    }

    /// The batch of `step`: rows in order, the last batch of an epoch with what is left.
    pub fn batch(&self, step: usize, size: BatchSize, dtype: DType) -> Batch<'_> {
        let rows = self.batch_rows(size);
        let start = step % self.rows.div_ceil(rows) * rows;
        let end = (start + rows).min(self.rows);
        let (inputs, targets) = (self.inputs.rows(start, end, dtype), self.targets.rows(start, end, dtype));
        Batch { step, epoch: step / self.rows.div_ceil(rows), ..Batch::dense(inputs, targets) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Inputs;
    use super::*;
    use crate::tensor::Values;

    #[test]
    fn the_last_batch_of_an_epoch_has_what_is_left_and_the_next_epoch_starts_over() {
        let data = DataSet::load(&DataKind::Xor { repeat: 1 });
        let size = BatchSize::Rows(3);
        assert_eq!(data.steps(Length::Epochs(2), size), 4);
        let last = data.batch(1, size, DType::F64);
        assert_eq!(last.inputs, Inputs::Dense(View::new(&[1, 2], &[1.0, 1.0][..])));
        assert_eq!(last.targets.values, Values::F64(&[0.0]));
        assert_eq!(data.batch(2, size, DType::F32).rows(), 3);
    }
}
