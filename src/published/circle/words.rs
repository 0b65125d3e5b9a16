//! What claims and sections share: folds by their set-up, and words for numbers.

use super::{
    Findings, Printed,
    among::Placed,
    folds::{FEW, Init, Of, On, Setup, at_rate, scratch},
};

/// A number with a sign that Markdown shows.
fn signed(value: f64) -> String {
    signed_to(2, value)
}

/// The same with so many digits.
pub(super) fn signed_to(digits: usize, value: f64) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

/// `3.53 to 7.00`.
pub(super) fn range([low, high]: [f64; 2]) -> String {
    format!("{} to {}", signed(low), signed(high))
}

impl Findings {
    pub(super) fn of(&self, setup: Setup) -> Of<'_> {
        self.folds.of(setup)
    }

    /// A row of Table III among ours, with the document's protocol.
    pub(super) fn place(&self, printed: &Printed, on: On, epochs: usize) -> Placed {
        self.of(scratch(printed.init)).place(printed.table, on, epochs)
    }

    /// Folds at a rate: the document's own is in the main runs.
    pub(super) fn rate(&self, init: Init, rate: f64) -> Of<'_> {
        if rate == 0.1 { self.of(scratch(init)).first(FEW) } else { self.of(at_rate(init, rate)) }
    }
}
