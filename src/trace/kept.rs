//! What dropout kept of every step: a bit for each element, in memory.

use super::Array;
use crate::error::Result;

/// The elements that one dropout layer kept, step by step.
#[derive(Debug, Default, Clone)]
pub struct Kept {
    /// `[steps, rows, width]`, 64 to a word.
    words: Vec<u64>,
    /// Elements of a step.
    elements: usize,
    steps: usize,
}

impl Kept {
    /// Of a recorded mask: what is not 0 was kept, whatever it was multiplied by.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of(mask: &Array) -> Result<Self> {
        let elements = mask.elements();
        let mut words = vec![0; (mask.steps() * elements).div_ceil(64)];
        let mut values = Vec::new();
        for step in 0..mask.steps() {
            mask.read(step, &mut values)?;
            for at in values.iter().enumerate().filter(|(_, value)| **value != 0.0).map(|(at, _)| step * elements + at)
            {
                words[at / 64] |= 1 << (at % 64);
            }
        }
        Ok(Self { words, elements, steps: mask.steps() })
    }

    /// Whether two kept the same at all steps that both have.
    pub fn agrees(&self, other: &Self) -> bool {
        let common = self.steps.min(other.steps);
        self.elements == other.elements && (0..common * self.elements).all(|at| self.at(0, at) == other.at(0, at))
    }

    /// Whether an element of a step's batch was kept; all are of a step that was not recorded.
    pub fn at(&self, step: usize, element: usize) -> bool {
        let at = step * self.elements + element;
        self.words.get(at / 64).is_none_or(|word| word >> (at % 64) & 1 == 1)
    }
}
