//! Where batches come from: rows of inputs and targets, and which of them a step sees.
//!
//! Rows are held in every floating-point type that a side computes in, so that a batch is lent, never converted.

mod batch;
pub mod columns;
pub mod loader;
mod old;
pub mod order;
mod regression;
pub mod set;
mod spoil;
pub mod text;
mod xor;

pub use batch::{Batch, Inputs, Sparse};
pub use old::DataSet;
pub use regression::Regression;

/// A data set an experiment can name.
#[derive(Debug, Clone, PartialEq)]
pub enum DataKind {
    /// `xor`: the four rows of exclusive or, repeated.
    Xor {
        /// How many times the four rows stand one after the other; 1 is plain xor.
        repeat: usize,
    },
    /// `regression`: normal inputs and a linear map of them with noise, of any width.
    Regression(Regression),
}

impl DataKind {
    /// The number of input columns and of target columns.
    pub fn columns(&self) -> (usize, usize) {
        match self {
            Self::Xor { .. } => (2, 1),
            Self::Regression(regression) => (regression.inputs, regression.outputs),
        }
    }
}

/// How many rows a step sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// All of them.
    Full,
    /// This many, in order; the last batch of an epoch has what is left.
    Rows(usize),
}

/// How long to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// This many batches.
    Steps(usize),
    /// This many passes over the data.
    Epochs(usize),
}

impl DataKind {
    /// Reads or draws the rows, in the types that are wanted. Files are sought in `folder`.
    ///
    /// # Errors
    /// If a file cannot be read or does not hold what it should.
    pub fn open(&self, folder: &std::path::Path, wanted: columns::DTypes) -> crate::error::Result<set::DataSet> {
        let _ = folder;
        let old = DataSet::load(self);
        let batch = old.batch(0, BatchSize::Full, crate::tensor::DType::F64);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        batch.inputs.widen_into(&mut inputs);
        batch.targets.widen_into(&mut targets);
        let part = set::Part {
            inputs: set::Held::Dense(columns::Columns::new(old.inputs(), inputs, wanted)),
            targets: set::Targets::Values(columns::Columns::new(old.outputs(), targets, wanted)),
        };
        set::DataSet::new(part, None, None, None, Vec::new())
    }
}
