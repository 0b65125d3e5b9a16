//! Exclusive or: (0,0)→0, (0,1)→1, (1,0)→1, (1,1)→0.

use super::DataSet;

/// The four rows, `repeat` times.
pub(super) fn load(repeat: usize) -> DataSet {
    let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0].repeat(repeat);
    let targets = [0.0, 1.0, 1.0, 0.0].repeat(repeat);
    DataSet::new(4 * repeat, inputs, targets)
}
