//! What a handful of runs says: means with their spread, whether two of them agree, and how sure a share is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Mean and standard deviation of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The mean.
    pub mean: f64,
    /// The standard deviation with count − 1, as `torch.std`; 0 of one value.
    pub deviation: f64,
    /// How many values.
    pub count: usize,
}

impl Sample {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len();
        // The sum of equal values is rounded, and would make them differ from their own mean.
        if let Some(&first) = values.first().filter(|first| values.iter().all(|value| value == *first)) {
            return Self { mean: first, deviation: 0.0, count };
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self { mean, deviation: if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 }, count }
    }

    /// As it is printed somewhere.
    pub const fn printed(mean: f64, deviation: f64, count: usize) -> Self {
        Self { mean, deviation, count }
    }

    /// The standard error of the mean.
    pub fn error(&self) -> f64 {
        self.deviation / (self.count as f64).sqrt()
    }

    /// How many standard errors of their difference this mean lies above another (Welch's t).
    ///
    /// ```
    /// # use lockstep::study::Sample;
    /// let (one, other) = (Sample::printed(3.0, 3.0, 9), Sample::printed(2.0, 0.0, 9));
    /// assert_eq!(one.above(&other), 1.0);
    /// assert_eq!(other.above(&other), 0.0);
    /// ```
    pub fn above(&self, other: &Self) -> f64 {
        let difference = self.mean - other.mean;
        if difference == 0.0 { 0.0 } else { difference / self.error().hypot(other.error()) }
    }

    /// Whether it lies within two standard errors of their difference from another. NaN does not.
    pub fn agrees(&self, other: &Self) -> bool {
        self.above(other).abs() <= 2.0
    }
}

/// `4.33 ± 1.83`; another precision with `{:.1}`.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ± {:.digits$}", self.mean, self.deviation)
    }
}

/// The standard error of a share of `count` rows (binomial).
pub fn share_error(share: f64, count: usize) -> f64 {
    (share * (1.0 - share) / count as f64).sqrt()
}

/// The 95 % interval of a share of `count` rows of which `right` are right (Wilson 1927).
///
/// ```
/// # use lockstep::study::share_interval;
/// // The SST-2 lecture's dev accuracy: .812 of 872 rows.
/// let [low, high] = share_interval(708, 872);
/// assert!((low - 0.785).abs() < 1e-3 && (high - 0.836).abs() < 1e-3);
/// ```
pub fn share_interval(right: usize, count: usize) -> [f64; 2] {
    const Z: f64 = 1.959_963_984_540_054; // the normal distribution's 97.5 % point
    let (share, count) = (right as f64 / count as f64, count as f64);
    let middle = share + Z * Z / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    [-1.0, 1.0].map(|side| (middle + side * half) / (1.0 + Z * Z / count))
}

/// In ascending order.
pub fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// First quartile, median and third quartile; NaN where there is nothing.
pub fn quartiles(values: &[f64]) -> [f64; 3] {
    let sorted = sorted(values.to_vec());
    [1, 2, 3].map(|quarter| quantile(&sorted, f64::from(quarter) / 4.0))
}

/// The value below which a share of the ascending values lies, interpolated; NaN where there is none.
pub fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * share;
    let [low, high] = [place.floor(), place.ceil()].map(|end| ascending[end as usize]);
    // Between two infinities there is nothing to interpolate.
    if low == high { low } else { low + (place - place.floor()) * (high - low) }
}

/// The largest of the values, or NaN where one is NaN; of none, 0.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |largest, value| if value > largest || value.is_nan() { value } else { largest })
}

/// One answer to several: all must agree, and one that does not is enough.
pub fn together(answers: impl Iterator<Item = Option<bool>> + Clone) -> Option<bool> {
    if answers.clone().any(|answer| answer == Some(false)) {
        Some(false)
    } else if answers.clone().all(|answer| answer == Some(true)) {
        Some(true)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_has_no_deviation_and_what_is_not_finite_stays_so() {
        for value in [49.9, 44.1, 1.0 / 3.0] {
            assert_eq!(Sample::of(&[value; 15]), Sample { mean: value, deviation: 0.0, count: 15 });
        }
        assert!(Sample::of(&[]).mean.is_nan() && Sample::of(&[1.0, f64::NAN]).mean.is_nan());
        let infinite = f64::INFINITY;
        assert_eq!(quartiles(&[1.0, infinite, infinite, infinite]), [infinite; 3]);
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0]), [1.75, 2.5, 3.25]);
        assert!(largest([1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(largest([1.0, 3.0, 2.0]), 3.0);
    }
}
