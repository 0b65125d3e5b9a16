//! What an engine sees at one step.

use crate::tensor::{DType, Shape, Values, View};

/// The rows of one step, with all that has to be the same on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `[rows, inputs]`
    pub inputs: Inputs<'a>,
    /// `[rows, columns]`: values, or for losses of classes the number of each row's class, `[rows, 1]`.
    pub targets: View<'a>,
    /// For each dropout layer of the model, in order, what its input is multiplied by: 0, or 1/(1 − p);
    /// `[rows, width]`. None where dropout is off.
    pub masks: &'a [View<'a>],
    /// Whether this is a step of training: batch norm uses the statistics of the batch, and updates its own.
    pub training: bool,
    /// The step, from 0.
    pub step: usize,
    /// The pass over the data, from 0.
    pub epoch: usize,
}

/// Inputs as they are held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Inputs<'a> {
    /// `[rows, columns]`; for an embedding the numbers of the words, `[rows, words]`.
    Dense(View<'a>),
    /// Mostly zeros.
    Sparse(Sparse<'a>),
}

/// Rows of which only what is not 0 is held (compressed sparse rows).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sparse<'a> {
    /// The number of columns.
    pub width: usize,
    /// Where each row starts, and where the last one ends: `[rows + 1]`, from 0.
    pub starts: &'a [usize],
    /// The column of each value, ascending within a row.
    pub columns: &'a [u32],
    /// The values, as many.
    pub values: Values<'a>,
}

impl<'a> Batch<'a> {
    /// A step of training on dense rows, without dropout: the first one.
    pub fn dense(inputs: View<'a>, targets: View<'a>) -> Self {
        Self { inputs: Inputs::Dense(inputs), targets, masks: &[], training: true, step: 0, epoch: 0 }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.inputs.shape().first().copied().unwrap_or_default()
    }
}

impl<'a> Inputs<'a> {
    /// The dense rows; nothing where they are sparse.
    pub fn dense(&self) -> Option<View<'a>> {
        match self {
            Self::Dense(view) => Some(*view),
            Self::Sparse(_) => None,
        }
    }

    /// `[rows, columns]`
    pub fn shape(&self) -> Shape {
        match self {
            Self::Dense(view) => view.shape,
            Self::Sparse(sparse) => Shape::new(&[sparse.starts.len().saturating_sub(1), sparse.width]),
        }
    }

    /// The type of the values.
    pub fn dtype(&self) -> DType {
        match self {
            Self::Dense(view) => view.dtype(),
            Self::Sparse(sparse) => sparse.values.dtype(),
        }
    }

    /// Replaces the content of `target` by all elements, zeros too, widened to f64 (exactly).
    pub fn widen_into(&self, target: &mut Vec<f64>) {
        match self {
            Self::Dense(view) => view.widen_into(target),
            Self::Sparse(sparse) => sparse.widen_into(target),
        }
    }
}

impl Sparse<'_> {
    /// Every element, zeros too, for `values` as many as there are columns.
    pub fn spread<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let mut dense = Vec::new();
        self.spread_into(&mut dense, |place| values[place]);
        dense
    }

    fn widen_into(&self, target: &mut Vec<f64>) {
        self.spread_into(target, |place| self.values.at(place));
    }

    fn spread_into<T: Copy + Default>(&self, target: &mut Vec<T>, value: impl Fn(usize) -> T) {
        target.clear();
        target.resize(self.starts.len().saturating_sub(1) * self.width, T::default());
        for (row, ends) in target.chunks_exact_mut(self.width.max(1)).zip(self.starts.windows(2)) {
            for place in ends[0]..ends[1] {
                row[self.columns[place] as usize] = value(place);
            }
        }
    }
}

impl<'a> From<View<'a>> for Inputs<'a> {
    fn from(view: View<'a>) -> Self {
        Self::Dense(view)
    }
}
