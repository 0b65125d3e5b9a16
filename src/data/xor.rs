//! Exclusive or: (0,0)→0, (0,1)→1, (1,0)→1, (1,1)→0.

use super::table::{Goals, Raw, Table, Tables};

/// The four rows, `repeat` times.
pub(super) fn tables(repeat: usize) -> Tables {
    let inputs = Raw::F64([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0].repeat(repeat));
    let goals = Goals::Classes([0, 1, 1, 0].repeat(repeat));
    let classes = Some(["0", "1"].map(str::to_owned).to_vec());
    let training = Table { width: 2, inputs, goals };
    Tables { training, validation: None, test: None, classes, notes: Vec::new() }
}
