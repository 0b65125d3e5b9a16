//! How far two tensors are apart: the normalized L2 distance, in f64, in one pass.

use super::{Squares, Values, squares};
use pulp::{Arch, Scalar, WithSimd};

/// ‖a − b‖ / max(‖a‖, ‖b‖): 0 for equal tensors (0 against 0 too), at most 2, NaN where a value is not finite or
/// the lengths differ.
///
/// ```
/// # use lockstep::tensor::gap;
/// assert_eq!(gap(&[3.0, 4.0], &[6.0, 8.0]), 0.5);
/// assert_eq!(gap(&[0.0], &[0.0]), 0.0);
/// assert!(gap(&[f64::NAN], &[f64::NAN]).is_nan());
/// ```
pub fn gap(a: &[f64], b: &[f64]) -> f64 {
    gap_of_parts(std::iter::once((a.into(), b.into())))
}

/// The gap of two lists of tensors, each list taken as one vector, in whatever types they are held.
pub fn gap_of_parts<'a>(parts: impl Iterator<Item = (Values<'a>, Values<'a>)> + Clone) -> f64 {
    let sums = parts.clone().map(|(a, b)| squares(a, b)).fold(Squares::default(), Squares::plus);
    sums.gap_of(|| parts.clone().flat_map(|(a, b)| a.iter().zip(b.iter())))
}

/// ‖a‖, for values whose squares are numbers of the type.
pub fn norm(a: &[f64]) -> f64 {
    squares(a.into(), a.into()).a.sqrt()
}

/// Elements below which a plain loop is faster.
pub(super) const FEW: usize = 24;

/// Makes a pass over `elements` elements.
pub(crate) fn pass<P: WithSimd>(pass: P, elements: usize) -> P::Output {
    if elements < FEW { pass.with_simd(Scalar) } else { Arch::new().dispatch(pass) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 1..20).prop_map(|pairs| pairs.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn a_gap_is_symmetric_and_free_of_scale((a, b) in pairs(), exponent in -900i32..900) {
            let scaled = |values: &[f64]| values.iter().map(|x| x * 2f64.powi(exponent)).collect::<Vec<_>>();
            let plain = gap(&a, &b);
            prop_assert_eq!(plain, gap(&b, &a));
            prop_assert!((0.0..=2.0).contains(&plain));
            // Powers of two scale exactly, but subnormal results of the scaling itself lose digits.
            prop_assert!((gap(&scaled(&a), &scaled(&b)) - plain).abs() <= 1e-12);
        }

        #[test]
        fn opposite_vectors_are_2_apart_at_any_scale(values in prop::collection::vec(1.0..2.0f64, 1..40), exponent in -900i32..1020) {
            let scaled: Vec<f64> = values.iter().map(|x| x * 2f64.powi(exponent)).collect();
            let opposite: Vec<f64> = scaled.iter().map(|x| -x).collect();
            prop_assert!((gap(&scaled, &opposite) - 2.0).abs() <= 1e-12);
        }
    }
}
