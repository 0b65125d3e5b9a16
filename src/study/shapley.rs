//! Each factor's share of an effect that several factors make together.

/// The Shapley value of each of `factors` factors: its mean contribution over all orders in which the factors can be
/// put in. `effect` gives the effect of a set of factors, a bit each; the shares add up to effect(all) − effect(none).
///
/// φᵢ = Σ over S without i of |S|!·(n−|S|−1)!/n! · (v(S ∪ i) − v(S)), Shapley 1953.
pub fn shapley(factors: usize, effect: impl Fn(usize) -> f64) -> Vec<f64> {
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    (0..factors)
        .map(|factor| {
            (0..1usize << factors)
                .filter(|set| set & (1 << factor) == 0)
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(factors - size - 1) / factorial(factors);
                    weight * (effect(set | 1 << factor) - effect(set))
                })
                .sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_add_up_and_a_factor_without_effect_has_none(effects in prop::collection::vec(-1e3..1e3f64, 8)) {
            // The third of four factors changes nothing.
            let effect = |set: usize| effects[(set & 0b11) | (set >> 1 & 0b100)];
            let shares = shapley(4, effect);
            // Some 8 terms of at most 2e3 each, each weighted: 1e-9 is thousands of roundings.
            prop_assert!((shares.iter().sum::<f64>() - (effect(15) - effect(0))).abs() < 1e-9);
            prop_assert!(shares[2].abs() < 1e-9);
        }
    }

    #[test]
    fn factors_that_only_work_together_share_alike() {
        assert_eq!(shapley(2, |set| f64::from(u8::from(set == 3))), [0.5, 0.5]);
    }
}
