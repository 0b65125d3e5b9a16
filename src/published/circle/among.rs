//! Where a printed table falls among ours.

use crate::study::Sample;

/// A printed mean ± deviation among tables of as many folds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Over all folds.
    pub(super) ours: Sample,
    /// How many tables there are.
    pub(super) tables: usize,
    /// Of the tables' means, and of their deviations.
    pub(super) mean: Among,
    pub(super) deviation: Among,
}

/// A value among others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Among {
    /// From the 2.5 % quantile to that of 97.5 %.
    pub(super) range: [f64; 2],
    /// The share of the others that are not above it, in per cent.
    pub(super) below: f64,
    /// Whether it lies in the range.
    pub(super) inside: bool,
}

impl Among {
    pub(super) fn new(value: f64, others: Vec<f64>) -> Self {
        let others = crate::study::sorted(others);
        let range = [0.025, 0.975].map(|share| crate::study::quantile(&others, share));
        let below = others.iter().filter(|other| **other <= value).count() as f64 / others.len() as f64;
        Self { range, below: 100.0 * below, inside: range[0] <= value && value <= range[1] }
    }
}

impl Placed {
    pub(super) fn new(printed: Sample, ours: Sample, tables: &[Sample]) -> Self {
        let mean = Among::new(printed.mean, tables.iter().map(|table| table.mean).collect());
        let deviation = Among::new(printed.deviation, tables.iter().map(|table| table.deviation).collect());
        Self { ours, tables: tables.len(), mean, deviation }
    }

    /// Whether both the mean and the deviation are as those of 95 in 100 tables.
    pub(super) fn agrees(&self) -> bool {
        self.mean.inside && self.deviation.inside
    }
}
