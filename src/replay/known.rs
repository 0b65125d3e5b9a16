//! Running error analysis (Higham 2002, section 3.3): numbers that know how far rounding may have taken a side from them.
//! Each operation passes on the errors of what it is given, and adds its own rounding.

use super::Rounding;

/// A number of a formula, and how far a side may be from it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) value: f64,
    pub(super) error: f64,
}

impl Known {
    /// A number that a side holds itself.
    pub(super) fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// The largest magnitude that a side may have for it.
    pub(super) fn magnitude(self) -> f64 {
        self.value.abs() + self.error
    }

    pub(super) fn negative(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Rounding {
    /// a + b.
    pub(super) fn plus(&self, a: Known, b: Known) -> Known {
        let value = a.value + b.value;
        let error = a.error + b.error;
        Known { value, error: error + self.unit * (value.abs() + error) }
    }

    /// a − b.
    pub(super) fn minus(&self, a: Known, b: Known) -> Known {
        self.plus(a, b.negative())
    }

    /// a·b, exactly 0 where a factor is.
    pub(super) fn times(&self, a: Known, b: Known) -> Known {
        if a.magnitude() == 0.0 || b.magnitude() == 0.0 {
            return Known::default();
        }
        // 0·∞ is what no side has: one factor is 0 but for rounding, of the other nothing is known.
        let part = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
        let value = a.value * b.value;
        let error = part(a.value.abs(), b.error) + part(a.error, b.magnitude());
        Known { value, error: error + self.unit * (value.abs() + error) + self.smallest }
    }

    /// A sum of numbers, in any order: `terms` of them, at most.
    pub(super) fn total(&self, numbers: impl Iterator<Item = Known>, terms: usize) -> Known {
        let (mut value, mut error, mut magnitude) = (0.0, 0.0, 0.0);
        for number in numbers {
            value += number.value;
            error += number.error;
            magnitude += number.magnitude();
        }
        Known { value, error: error + self.sum(terms) * magnitude }
    }
}
