//! Which networks differ: Welch's t between all pairs, and the largest group none of which do.

use crate::study::Sample;

/// Where 95 % of t lie with 14 degrees of freedom once all 15 pairs are asked (Bonferroni: 1 − .05/30). Welch's test of
/// two samples of 15 has 14 degrees of freedom at least.
pub(super) const BONFERRONI: f64 = 3.530;

/// What comparing all pairs of networks says.
pub(super) struct Differences {
    /// Pairs more than two standard errors apart.
    pub two_errors: usize,
    /// Pairs that differ once it is reckoned with that all were asked.
    pub significant: usize,
    /// All pairs.
    pub pairs: usize,
    /// The largest group of networks no two of which differ significantly.
    pub group: Vec<usize>,
}

impl Differences {
    /// Between samples, one for each network.
    pub(super) fn of(samples: &[Sample]) -> Self {
        let apart = |one: usize, other: usize| samples[one].above(&samples[other]).abs();
        let count = samples.len();
        let pairs: Vec<f64> =
            (0..count).flat_map(|one| (0..one).map(move |other| (one, other))).map(|(a, b)| apart(a, b)).collect();
        let alike = |group: &[usize]| group.iter().all(|a| group.iter().all(|b| apart(*a, *b) <= BONFERRONI));
        let groups = (0..1usize << count).map(|set| (0..count).filter(|member| set >> member & 1 == 1).collect());
        let group = groups.filter(|group: &Vec<usize>| alike(group)).max_by_key(Vec::len).unwrap_or_default();
        let over = |limit: f64| pairs.iter().filter(|t| **t > limit).count();
        Self { two_errors: over(2.0), significant: over(BONFERRONI), pairs: pairs.len(), group }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::networks::NETWORKS, *};

    #[test]
    fn by_the_printed_numbers_four_of_the_six_networks_cannot_be_told_apart() {
        let printed = Differences::of(&NETWORKS.map(|network| network.test));
        assert_eq!((printed.pairs, printed.significant, printed.group), (15, 9, vec![0, 1, 2, 3]));
    }
}
