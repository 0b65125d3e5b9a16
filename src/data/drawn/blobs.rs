//! Normal clouds around centers, one for each class: center + N(0, spread²) in every column.
//!
//! Centers that are not given are drawn from U(−10, 10), as in scikit-learn's `make_blobs`:
//! <https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_blobs.html>

use super::{Goals, Raw, Table, normal, uniform};
use rand_chacha::ChaCha8Rng;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Blobs {
    /// Where the clouds are.
    pub centers: Centers,
    /// The standard deviation of every column of a cloud.
    pub spread: f64,
}

/// Where clouds are. There are 1 or more centers, of 1 or more columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Centers {
    /// Drawn.
    Drawn {
        /// How many.
        count: usize,
        /// The number of columns.
        columns: usize,
    },
    /// Given: the coordinates of each, as many for all.
    Given(Vec<Vec<f64>>),
}

impl Centers {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Drawn { count, .. } => *count,
            Self::Given(places) => places.len(),
        }
    }
}

impl Blobs {
    /// The number of columns.
    pub fn columns(&self) -> usize {
        match &self.centers {
            Centers::Drawn { columns, .. } => *columns,
            Centers::Given(places) => places.first().map_or(0, Vec::len),
        }
    }

    /// The centers. `[centers][columns]`
    pub(super) fn places(&self, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        match &self.centers {
            Centers::Drawn { count, columns } => {
                (0..*count).map(|_| (0..*columns).map(|_| uniform(random, -10.0, 10.0)).collect()).collect()
            }
            Centers::Given(places) => places.clone(),
        }
    }

    pub(super) fn draw(&self, rows: usize, centers: &[Vec<f64>], random: &mut ChaCha8Rng) -> Table {
        let center = |row: usize| row % centers.len();
        let inputs = (0..rows).flat_map(|row| &centers[center(row)]).map(|place| place + self.spread * normal(random));
        Table {
            width: self.columns(),
            inputs: Raw::F64(inputs.collect()),
            goals: Goals::Classes((0..rows).map(|row| center(row) as u32).collect()),
        }
    }
}
