//! A tensor beside exact values, with a rounding bound for every element, so that a wrong element cannot hide in a large
//! neighbour. NaN never passes.
//!
//! Sums are taken by whatever SIMD the processor has, in an order that depends on nothing else.

mod pattern;

use crate::tensor::{SquareLanes, Squares, gap, pass};
pub use pattern::Pattern;
use pulp::{Simd, WithSimd};

/// A tensor against what it should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// The gap of the whole tensor.
    pub gap: f64,
    /// The gap that rounding allows: ‖bound‖ over the same norm as the gap's; 0 for what is 0 throughout and should be.
    pub limit: f64,
    /// The largest share of its own bound that an element uses; the whole tensor's share is never larger.
    pub budget: f64,
    /// The offset of that element.
    pub worst: usize,
    /// The best scalar fit: ⟨found, exact⟩ / ⟨exact, exact⟩.
    pub ratio: f64,
    /// The norm that gap and limit are shares of: the larger of the two.
    pub norm: f64,
}

impl Deviation {
    /// How far `found` is from `exact`, whose element i rounding can move by `bound[i]` at most.
    pub fn new(found: &[f64], exact: &[f64], bound: &[f64]) -> Self {
        let lengths_agree = found.len() == exact.len() && found.len() == bound.len();
        let mut sums = Squares { lengths_agree, ..Squares::default() };
        let (mut bounds, mut product, mut budget, mut start) = (0.0, 0.0, 0.0, 0);
        let blocks = found.chunks(BLOCK).zip(exact.chunks(BLOCK)).zip(bound.chunks(BLOCK));
        for (block, ((found, exact), bound)) in blocks.enumerate() {
            let of = pass(Judged { found, exact, bound }, found.len());
            sums.a += of.found;
            sums.b += of.exact;
            sums.difference += of.difference;
            bounds += of.bound;
            product += of.product;
            if of.largest > budget {
                (budget, start) = (of.largest, block * BLOCK);
            }
        }
        let shares = || found.iter().zip(exact).zip(bound).map(|((&found, &exact), &bound)| share(found, exact, bound));
        // The largest share of a block passes over those that are NaN. That is right where 0 is off by 0; all others,
        // which come of a difference or of a bound that is not finite, show in the squares.
        if !(sums.difference.is_finite() && bounds.is_finite()) {
            (budget, start) = (shares().fold(0.0, f64::max), 0);
        }
        let worst = shares().skip(start).position(|share| share >= budget).map_or(0, |offset| start + offset);
        let norm = sums.a.max(sums.b).sqrt();
        Self {
            gap: sums.gap().unwrap_or_else(|| gap(found, exact)),
            // Of what is 0 throughout and should be, every share is 0 of 0.
            limit: if bounds == 0.0 || norm == 0.0 { 0.0 } else { bounds.sqrt() / norm },
            budget: if lengths_agree { budget } else { f64::INFINITY },
            worst,
            ratio: product / sums.b,
            norm,
        }
    }

    /// The gap at which this deviation, scaled up, would stop passing: gap / budget, as the worst element decides.
    pub fn decisive_limit(&self) -> f64 {
        if self.budget == 0.0 { self.limit } else { self.gap / self.budget }
    }

    /// A gap that was measured as a whole, between tensors that have the same limits.
    pub fn between(gap: f64, limit: f64) -> Self {
        let budget = if gap == 0.0 { 0.0 } else { gap / limit };
        let budget = if budget.is_nan() { f64::INFINITY } else { budget };
        Self { gap, limit, budget, worst: 0, ratio: f64::NAN, norm: f64::NAN }
    }

    /// The same deviation where `factor` times as much is allowed.
    pub fn allowing(self, factor: f64) -> Self {
        Self { limit: self.limit * factor, budget: self.budget / factor, ..self }
    }

    /// Whether rounding explains the deviation. NaN does not pass.
    pub fn passes(&self) -> bool {
        self.budget <= 1.0
    }
}

/// The share of its bound that an element uses; NaN counts as the worst there is.
fn share(found: f64, exact: f64, bound: f64) -> f64 {
    let difference = (found - exact).abs();
    let share = if difference == 0.0 { 0.0 } else { difference / bound };
    if share.is_nan() { f64::INFINITY } else { share }
}

/// Elements among which the worst one is looked for again.
const BLOCK: usize = 1024;

/// A block of a tensor, with what it should be.
struct Judged<'a> {
    found: &'a [f64],
    exact: &'a [f64],
    bound: &'a [f64],
}

/// The sums of squares, those of the differences too, the sum of the products of found and exact, and the largest share
/// of its bound that is a number.
struct Shares {
    found: f64,
    exact: f64,
    difference: f64,
    bound: f64,
    product: f64,
    largest: f64,
}

/// As many sums and shares, in lanes.
struct Lanes<S: Simd> {
    simd: S,
    squares: SquareLanes<S>,
    bound: S::f64s,
    product: S::f64s,
    largest: S::f64s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    fn add(&mut self, found: S::f64s, exact: S::f64s, bound: S::f64s) {
        let simd = self.simd;
        let difference = self.squares.add(found, exact);
        // Not `abs_f64s`, which is compiled without the processor's SIMD.
        let magnitude = simd.max_f64s(difference, simd.sub_f64s(simd.splat_f64s(0.0), difference));
        let share = simd.div_f64s(magnitude, bound);
        self.largest = simd.select_f64s(simd.greater_than_f64s(share, self.largest), share, self.largest);
        self.bound = simd.mul_add_e_f64s(bound, bound, self.bound);
        self.product = simd.mul_add_e_f64s(found, exact, self.product);
    }
}

impl WithSimd for Judged<'_> {
    type Output = Shares;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Shares {
        let (found, found_rest) = S::as_simd_f64s(self.found);
        let (exact, exact_rest) = S::as_simd_f64s(self.exact);
        let (bound, bound_rest) = S::as_simd_f64s(self.bound);
        let zero = simd.splat_f64s(0.0);
        let mut lanes = Lanes { simd, squares: SquareLanes::new(simd), bound: zero, product: zero, largest: zero };
        for ((&found, &exact), &bound) in found.iter().zip(exact).zip(bound) {
            lanes.add(found, exact, bound);
        }
        // Of the zeros behind the last elements the share is NaN, which is passed over.
        let (found, exact) = (simd.partial_load_f64s(found_rest), simd.partial_load_f64s(exact_rest));
        lanes.add(found, exact, simd.partial_load_f64s(bound_rest));
        let Squares { a: found, b: exact, difference, .. } = lanes.squares.totals();
        let [bound, product] = [simd.reduce_sum_f64s(lanes.bound), simd.reduce_sum_f64s(lanes.product)];
        Shares { found, exact, difference, bound, product, largest: simd.reduce_max_f64s(lanes.largest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Lengths that SIMD, its last elements and blocks all see, and values that are not finite at any place.
        #[test]
        fn a_deviation_is_what_its_definition_says_at_any_length(
            length in prop_oneof![0usize..40, 1000usize..3000],
            errors in prop::collection::vec(-1.0..1.0f64, 1..50),
            odd in prop::collection::vec((0usize..3000, 0usize..6), 0..4),
        ) {
            let exact: Vec<f64> = (0..length).map(|i| f64::from((i * 7919 % 1009) as u16) - 500.0).collect();
            let mut bound: Vec<f64> = exact.iter().map(|x| 0.5 + x.abs()).collect();
            let mut found: Vec<f64> =
                exact.iter().zip(errors.iter().cycle()).zip(&bound).map(|((x, error), bound)| x + error * bound).collect();
            for (place, kind) in odd.into_iter().filter(|&(place, _)| place < length) {
                match kind {
                    0 => found[place] = f64::NAN,
                    1 => found[place] = f64::INFINITY,
                    2 => bound[place] = f64::NAN,
                    3 => bound[place] = f64::INFINITY,
                    4 => bound[place] = 0.0,
                    _ => (found[place], bound[place]) = (exact[place], 0.0),
                }
            }
            let (mut budget, mut worst, mut bounds, mut product, mut norms) = (0.0, 0, 0.0, 0.0, [0.0f64; 2]);
            for (offset, ((found, exact), bound)) in found.iter().zip(&exact).zip(&bound).enumerate() {
                let share = if found == exact { 0.0 } else { (found - exact).abs() / bound };
                let share = if share.is_nan() { f64::INFINITY } else { share };
                if share > budget {
                    (budget, worst) = (share, offset);
                }
                bounds += bound * bound;
                product += found * exact;
                norms = [norms[0] + found * found, norms[1] + exact * exact];
            }
            let deviation = Deviation::new(&found, &exact, &bound);
            prop_assert_eq!((deviation.budget, deviation.worst), (budget, worst));
            // Sums of up to 3000 terms in another order: 3000 · 2⁻⁵³ of their magnitudes.
            let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * b.abs();
            let norm = norms[0].max(norms[1]).sqrt();
            let limit = if bounds == 0.0 || norm == 0.0 { 0.0 } else { bounds.sqrt() / norm };
            prop_assert!(close(deviation.limit, limit), "{} and {limit}", deviation.limit);
            let ratio = product / norms[1];
            prop_assert!(close(deviation.ratio, ratio), "{} and {ratio}", deviation.ratio);
            prop_assert!(close(deviation.gap, gap(&found, &exact)));
        }

        #[test]
        fn one_wrong_element_beside_a_large_one_is_found(large in 1e3..1e8f64, wrong in 0usize..8) {
            let mut exact = vec![1e-6; 9];
            exact[8] = large;
            let bound: Vec<f64> = exact.iter().map(|x| x * 1e-6).collect();
            let mut found = exact.clone();
            found[wrong] = -found[wrong];
            let deviation = Deviation::new(&found, &exact, &bound);
            prop_assert!(deviation.gap < deviation.limit, "the whole tensor's norm hides it");
            prop_assert!(!deviation.passes());
            prop_assert_eq!(deviation.worst, wrong);
        }
    }

    /// The six corruptions that published pass rules let through (a real gradient has rms 3e-3).
    #[test]
    fn none_of_the_corruptions_that_published_rules_pass_is_passed() {
        let exact: Vec<f64> = (0..200).map(|i| 3e-3 * f64::from(i % 17 - 8) / 5.0).collect();
        let bound: Vec<f64> = exact.iter().map(|x| 1e-6 * x.abs() + 1e-12).collect();
        let tiny: Vec<f64> = exact.iter().map(|x| x * 1e-6).collect();
        let map = |f: &dyn Fn(f64) -> f64, values: &[f64]| values.iter().map(|&x| f(x)).collect::<Vec<_>>();
        let mut one_nan = exact.clone();
        one_nan[7] = f64::NAN;
        let permuted: Vec<f64> = exact.iter().rev().copied().collect();
        let tiny_bound = map(&|x| x * 1e-6, &bound);
        for (name, found, exact, bound) in [
            ("doubled", map(&|x| 2.0 * x, &exact), &exact, &bound),
            ("times 1.05", map(&|x| 1.05 * x, &exact), &exact, &bound),
            ("permuted", permuted, &exact, &bound),
            ("NaN in the candidate", one_nan.clone(), &exact, &bound),
            ("NaN in both", one_nan.clone(), &one_nan, &bound),
            ("small, sign flipped", map(&|x| -x, &tiny), &tiny, &tiny_bound),
        ] {
            assert!(!Deviation::new(&found, exact, bound).passes(), "{name}");
        }
        assert!(Deviation::new(&exact, &exact, &bound).passes());
    }
}
