//! Medians with intervals that assume nothing of how times are distributed.
//!
//! Of n independent values the number that lie below the true median is Binomial(n, ½), whatever their distribution, so
//! that the d-th smallest and the d-th largest enclose it with probability 1 − 2·P(Binomial(n, ½) < d). (Order
//! statistics: David and Nagaraja, Order Statistics, 3rd edition, 7.1.)

use serde::{Deserialize, Serialize};

/// A median and the two of the values that enclose the true one with a confidence of at least 95 %; with fewer than six
/// values the least and the largest, which enclose it less surely.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The median of the values.
    pub median: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The median of some values, and its interval; 0 where there are none.
    ///
    /// ```
    /// # use lockstep::bench::Interval;
    /// let of_eleven = Interval::of((1..=11).map(f64::from).collect());
    /// assert_eq!(of_eleven, Interval { low: 2.0, median: 6.0, high: 10.0 });
    /// ```
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let Some(last) = count.checked_sub(1) else { return Self { low: 0.0, median: 0.0, high: 0.0 } };
        let from_end = below(count).saturating_sub(1);
        let median = (values[last / 2] + values[count / 2]) / 2.0;
        Self { low: values[from_end], median, high: values[last - from_end] }
    }
}

/// The largest d with 2·P(Binomial(n, ½) < d) ≤ 5 %.
fn below(count: usize) -> usize {
    let (mut term, mut sum, mut d) = (0.5f64.powi(i32::try_from(count).unwrap_or(i32::MAX)), 0.0, 0);
    loop {
        sum += term; // P(Binomial < d + 1)
        if !(2.0 * sum <= 0.05) || d >= count {
            return d;
        }
        term *= (count - d) as f64 / (d + 1) as f64;
        d += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_interval_covers_the_true_median_as_often_as_it_says() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        // Skewed, as times are; its median is ln 2.
        let mut draw = || -(f64::from(random.next_u32()) + 0.5).mul_add(-(0.5f64.powi(32)), 1.0).ln();
        const DRAWS: u32 = 4000;
        for count in [6usize, 7, 11, 30, 101] {
            let covers = |interval: Interval| interval.low <= 2f64.ln() && 2f64.ln() <= interval.high;
            let hits = (0..DRAWS).filter(|_| covers(Interval::of((0..count).map(|_| draw()).collect()))).count();
            let share = hits as f64 / f64::from(DRAWS);
            // Four standard errors of a share of 0.95 in 4000; and no interval is wider than the next d would allow:
            // the coverage is below 1 − 2·P(Binomial(n, ½) < d), at most 0.984 for the counts above.
            assert!((0.95 - 0.014..0.984 + 0.008).contains(&share), "{count}: {share}");
        }
    }

    #[test]
    fn the_ranks_are_those_of_the_published_table() {
        // Sign-test critical values at 5 %, two-sided: d − 1 for n = 5, 6, 8, 9, 11, 12, 15, 20, 25, 50.
        let ranks = [5, 6, 8, 9, 11, 12, 15, 20, 25, 50].map(below);
        assert_eq!(ranks, [0, 1, 1, 2, 2, 3, 4, 6, 8, 18]);
        assert_eq!(Interval::of(vec![3.0, 1.0]), Interval { low: 1.0, median: 2.0, high: 3.0 });
        assert_eq!(Interval::of(Vec::new()).median, 0.0);
    }
}
