//! Where batches come from: rows of inputs and targets, and which of them a step sees.
//!
//! Rows are held in every floating-point type that a side computes in, so that a batch is lent, never converted.

mod batch;
pub mod columns;
mod drawn;
mod file;
pub mod loader;
pub mod order;
mod owned;
pub mod set;
mod spoil;
mod table;
pub mod text;
mod xor;

pub use batch::{Batch, Inputs, Sparse};
pub use drawn::{Blobs, Centers, Circle, Drawn, Figure, Line, Moons, Regression, Spirals};
pub(crate) use file::names_file;
pub use file::{Arrays, ClassOrder, Column, Csv, Format, Goal, IN_DATA, Pair, TargetsAs};
pub use owned::OwnedBatch;
pub use table::{Edge, HoldOut, Share, Standardize};

use crate::error::{Error, Result};
use columns::DTypes;
use std::{io::ErrorKind, path::Path};

/// A data set an experiment can name.
#[derive(Debug, Clone, PartialEq)]
pub enum DataKind {
    /// `xor`: the four rows of exclusive or, repeated.
    Xor {
        /// How many times the four rows stand one after the other; 1 is plain xor.
        repeat: usize,
    },
    /// What is drawn from a formula and a seed.
    Drawn(Drawn),
    /// `csv`, `tsv`: a table of text.
    Csv(Csv),
    /// `npy`, `npz`, `idx`: arrays.
    Arrays(Arrays),
    /// `text`: labelled text.
    Text(text::set::Text),
    /// Nothing is said of them: the trace has its own batches.
    Recorded,
}

impl DataKind {
    /// Draws or reads the set, held in the types of `wanted`; paths are relative to `folder`, the experiment's.
    ///
    /// # Errors
    /// If a file cannot be read, or something in it is not as it must be: file, line and column are named.
    ///
    /// ```
    /// # use lockstep::data::{DataKind, columns::DTypes};
    /// let xor = DataKind::Xor { repeat: 1 }.open("".as_ref(), DTypes::F32)?;
    /// assert_eq!((xor.columns, xor.training.rows()), (2, 4));
    /// # Ok::<(), lockstep::error::Error>(())
    /// ```
    pub fn open(&self, folder: &Path, wanted: DTypes) -> Result<set::DataSet> {
        match self {
            Self::Xor { repeat } => xor::tables(*repeat).into_set(Standardize::No, wanted, "xor"),
            Self::Drawn(drawn) => drawn.draw().into_set(drawn.standardize, wanted, "[data]"),
            Self::Csv(csv) => csv.open(folder, wanted),
            Self::Arrays(arrays) => arrays.open(folder, wanted),
            Self::Text(text) => text.open(|written| file::located(written, folder), wanted),
            Self::Recorded => Err(Error::Usage(
                "there are no data: the trace has no batches of its own, so that the experiment needs [data]; or record them: \
                 record.step(…, batch=(inputs, targets))"
                    .to_owned(),
            )),
        }
    }

    /// The files it is read from, as they are written; none where it is drawn.
    pub fn files(&self) -> Vec<&str> {
        let files = match self {
            Self::Xor { .. } | Self::Drawn(_) | Self::Recorded => Vec::new(),
            Self::Csv(csv) => vec![Some(&csv.path), csv.test.as_ref()],
            Self::Arrays(arrays) => [Some(&arrays.training), arrays.test.as_ref()]
                .into_iter()
                .flatten()
                .flat_map(|pair| match &pair.archive {
                    Some(archive) => vec![Some(archive)],
                    None => vec![Some(&pair.inputs), Some(&pair.targets)],
                })
                .collect(),
            Self::Text(text) => text.files(),
        };
        files.into_iter().flatten().map(String::as_str).collect()
    }

    /// Those of its files that are not there; paths are relative to `folder`, the experiment's.
    ///
    /// # Errors
    /// If a file cannot be looked at, or no data set has it.
    pub fn absent(&self, folder: &Path) -> Result<Vec<&str>> {
        let mut absent = Vec::new();
        for written in self.files() {
            match file::located(written, folder) {
                Ok(path) if path.exists() => {}
                Ok(_) => absent.push(written),
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => absent.push(written),
                Err(error) => return Err(error),
            }
        }
        Ok(absent)
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

impl Length {
    /// The same in steps, of which an epoch has so many.
    pub fn steps(self, of_epoch: usize) -> usize {
        match self {
            Self::Steps(steps) => steps,
            Self::Epochs(epochs) => epochs.saturating_mul(of_epoch),
        }
    }
}
