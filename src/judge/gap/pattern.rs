//! What a tensor that is wrong looks like beside what it should be: the first evidence of why.

use crate::tensor::Shape;
use crate::tensor::norm;
use serde::{Deserialize, Serialize};

/// How a tensor compares with what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// Within its limit.
    Same,
    /// One factor times what it should be, within rounding.
    #[serde(rename = "× c throughout")]
    Times,
    /// The same matrix, rows and columns exchanged.
    Transposed,
    /// The same elements in other places.
    Permuted,
    /// 0 throughout.
    Zero,
    /// None of these.
    Uneven,
}

impl Pattern {
    /// The pattern of `found` beside `exact`, each of whose elements rounding can move by `bound`; with the factor, where it is
    /// that. The tensor has the shape `shape`.
    ///
    /// ```
    /// # use lockstep::{judge::gap::Pattern, tensor::Shape};
    /// let (exact, bound) = ([1.0, -2.0, 3.0, 4.0], [1e-9; 4]);
    /// let of = |found: [f64; 4]| Pattern::of(&found, &exact, &bound, Shape::new(&[2, 2]));
    /// assert_eq!(of([2.0, -4.0, 6.0, 8.0]), (Pattern::Times, Some(2.0)));
    /// assert_eq!(of([1.0, 3.0, -2.0, 4.0]).0, Pattern::Transposed);
    /// assert_eq!(of([4.0, 1.0, -2.0, 3.0]).0, Pattern::Permuted);
    /// assert_eq!(of([1.0, -2.0, 3.0, 5.0]).0, Pattern::Uneven);
    /// ```
    pub fn of(found: &[f64], exact: &[f64], bound: &[f64], shape: Shape) -> (Self, Option<f64>) {
        let each = || found.iter().zip(exact).zip(bound).map(|((&found, &exact), &bound)| (found, exact, bound));
        if found.len() != exact.len() || !found.iter().chain(exact).all(|value| value.is_finite()) {
            return (Self::Uneven, None);
        }
        if each().all(|(found, exact, bound)| (found - exact).abs() <= bound) {
            return (Self::Same, None);
        }
        if found.iter().all(|&found| found == 0.0) {
            return (Self::Zero, None);
        }
        if let Some(factor) = factor(found, exact, bound) {
            return (Self::Times, Some(factor));
        }
        if is_transposed(found, exact, bound, shape) {
            return (Self::Transposed, None);
        }
        if is_permuted(found, exact, bound) {
            return (Self::Permuted, None);
        }
        (Self::Uneven, None)
    }

    /// As in verdict.json.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Times => "× c throughout",
            Self::Transposed => "transposed",
            Self::Permuted => "permuted",
            Self::Zero => "zero",
            Self::Uneven => "uneven",
        }
    }
}

/// The factor that all elements share. It is known as well as the bounds, taken together, are small beside the values.
fn factor(found: &[f64], exact: &[f64], bound: &[f64]) -> Option<f64> {
    let squares = norm(exact).powi(2);
    let factor = found.iter().zip(exact).map(|(found, exact)| found * exact).sum::<f64>() / squares;
    let unsure = norm(bound) / norm(exact) * factor.abs().max(1.0);
    let shares = |((found, exact), bound): ((&f64, &f64), &f64)| {
        (found - factor * exact).abs() <= bound * factor.abs().max(1.0) + unsure * exact.abs()
    };
    let all = factor.is_finite() && factor != 0.0 && found.iter().zip(exact).zip(bound).all(shares);
    // Of bounds as large as the values nothing is known; and it has to explain what is off.
    let off = |factor: f64| found.iter().zip(exact).map(|(found, exact)| (found - factor * exact).powi(2)).sum::<f64>();
    (all && unsure < 0.1 * factor.abs() && off(factor) <= off(1.0) / 4.0).then_some(factor)
}

/// Whether the elements are those of the transposed matrix, in whatever shape it was written.
fn is_transposed(found: &[f64], exact: &[f64], bound: &[f64], shape: Shape) -> bool {
    let &[rows, columns] = &*shape else { return false };
    rows > 1
        && columns > 1
        && found.iter().enumerate().all(|(place, found)| {
            let from = (place % rows) * columns + place / rows;
            (found - exact[from]).abs() <= bound[from]
        })
}

/// How many times as far as its bound an element has to be off before others are looked for in its place.
const FAR: f64 = 16.0;

/// Whether sorted elements are the same: of values within their bounds of each other, those in order are so, too.
fn is_permuted(found: &[f64], exact: &[f64], bound: &[f64]) -> bool {
    if !found.iter().zip(exact).zip(bound).any(|((found, exact), bound)| (found - exact).abs() > FAR * bound) {
        return false;
    }
    let mut found = found.to_vec();
    let mut exact: Vec<_> = exact.iter().copied().zip(bound.iter().copied()).collect();
    found.sort_by(f64::total_cmp);
    exact.sort_by(|one, other| one.0.total_cmp(&other.0));
    found.iter().zip(exact).all(|(found, (exact, bound))| (found - exact).abs() <= 2.0 * bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pattern_is_seen_through_rounding(
            values in prop::collection::vec(prop_oneof![-2.0..-0.1f64, 0.1..2.0f64], 12),
            errors in prop::collection::vec(-1.0..1.0f64, 12),
            factor in prop_oneof![-20.0..-1.01f64, 1.01..20.0f64, 0.01..0.99f64],
        ) {
            let bound: Vec<f64> = values.iter().map(|value| 1e-7 * value.abs()).collect();
            let shape = Shape::new(&[3, 4]);
            let rounded = |values: &[f64]| -> Vec<f64> {
                values.iter().zip(&errors).map(|(value, error)| value + 0.5e-7 * error * value.abs()).collect()
            };
            let of = |found: &[f64]| Pattern::of(&rounded(found), &values, &bound, shape);
            let scaled: Vec<f64> = values.iter().map(|value| factor * value).collect();
            let transposed: Vec<f64> = (0..12).map(|place| values[(place % 3) * 4 + place / 3]).collect();
            let mut permuted = values.clone();
            permuted.rotate_left(4);
            prop_assert_eq!(of(&values).0, Pattern::Same);
            let (pattern, found) = of(&scaled);
            prop_assert_eq!(pattern, Pattern::Times);
            prop_assert!((found.unwrap() / factor - 1.0).abs() < 1e-6);
            prop_assert_eq!(of(&transposed).0, Pattern::Transposed);
            prop_assert_eq!(of(&permuted).0, Pattern::Permuted);
            prop_assert_eq!(of(&[0.0; 12]).0, Pattern::Zero);
            let mut uneven = values.clone();
            uneven[5] *= 1.5;
            prop_assert_eq!(of(&uneven).0, Pattern::Uneven);
        }
    }
}
