//! Rows in order, dense, with values for targets.

use super::{
    Batch, BatchSize, DataKind, Length,
    columns::DTypes,
    set::{Held, Targets},
};
use crate::tensor::{DType, View};
use std::path::Path;

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
    fn new(rows: usize, inputs: Vec<f64>, targets: Vec<f64>) -> Self {
        let inputs = Columns::new(inputs.len() / rows, inputs);
        let targets = Columns::new(targets.len() / rows, targets);
        Self { rows, inputs, targets }
    }

    /// The data set an experiment names: its training rows, two classes as 0 and 1, more with a column for each.
    ///
    /// # Panics
    /// If it has to be read, which no experiment can ask for yet.
    #[expect(clippy::expect_used, clippy::panic)]
    pub fn load(kind: &DataKind) -> Self {
        let set = kind.open(Path::new(""), DTypes::F64).expect("what is drawn is valid");
        let values = |columns: super::columns::Columns| columns.f64().unwrap_or_default().to_vec();
        let classes = set.classes.as_ref().map_or(0, Vec::len);
        let Held::Dense(inputs) = set.training.inputs else { panic!("what is drawn is dense") };
        let targets = match set.training.targets {
            Targets::Values(columns) => values(columns),
            Targets::Classes(numbers) if classes == 2 => numbers.into_iter().map(f64::from).collect(),
            Targets::Classes(numbers) => {
                let row = |number| (0..classes as u32).map(move |class| f64::from(u8::from(class == number)));
                numbers.into_iter().flat_map(row).collect()
            }
        };
        Self::new(inputs.rows(), values(inputs), targets)
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
