//! Which rows a step sees.
//!
//! Given the number of rows, an order says for every step, whatever steps were asked before, which epoch and batch it
//! is; a shuffle is drawn anew from its own block of the stream for every epoch.

use super::BatchSize;
use crate::error::{Error, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// Shuffling's own stream of a seed, so that no other use of the seed draws the same numbers.
const STREAM: u64 = 2;
/// The 32-bit words of the stream that an epoch has to itself, as a power of two. 2³² rows take 2³² words and, where
/// numbers are drawn again, less than as many more; 2³² epochs fit into the 2⁶⁸ words of a stream.
const WORDS_OF_EPOCH: u32 = 36;

/// The batches of an epoch and the order of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Rows of a batch; where there are fewer rows, all of them.
    pub size: BatchSize,
    /// What becomes of the rows that do not fill a batch.
    pub last: Last,
    /// Whether rows are taken as they stand.
    pub shuffle: Shuffle,
    /// The seed of the shuffle's stream.
    pub seed: u64,
}

/// What becomes of the rows that do not fill a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// They are a smaller batch, the last of the epoch (PyTorch's `DataLoader`).
    Keep,
    /// They are left out of this epoch (PyTorch's `drop_last`).
    Drop,
    /// There are ⌊rows / size⌋ batches, and the first ones have a row more than the others: NumPy's
    /// `array_split(rows, rows // size)`, which gives rows mod n batches of ⌊rows / n⌋ + 1 rows, then ⌊rows / n⌋.
    /// <https://numpy.org/doc/stable/reference/generated/numpy.array_split.html>
    Split,
}

/// In which order an epoch takes the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shuffle {
    /// As they stand.
    No,
    /// Shuffled once; every epoch takes them in the same order.
    Once,
    /// Shuffled anew for every epoch.
    EveryEpoch,
}

/// Which rows every step sees, where somebody has listed them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    rows: Vec<u32>,
    /// Where each step's end.
    ends: Vec<usize>,
}

impl Listed {
    /// Adds the rows of a step.
    pub fn push(&mut self, rows: &[u32]) {
        self.rows.extend_from_slice(rows);
        self.ends.push(self.rows.len());
    }

    /// All rows, step after step.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.ends.len()
    }

    /// Rows of the largest batch.
    pub fn largest_batch(&self) -> usize {
        (0..self.steps()).map(|step| self.range(step).len()).max().unwrap_or_default()
    }

    /// The largest number of a row.
    pub fn largest(&self) -> Option<usize> {
        self.rows.iter().max().map(|row| *row as usize)
    }

    /// The places of a step's rows; past the end there are none.
    pub(super) fn range(&self, step: usize) -> Range<usize> {
        let end = |step: Option<usize>| step.map_or(0, |step| self.ends.get(step).copied().unwrap_or(self.rows.len()));
        end(step.checked_sub(1))..end(Some(step))
    }
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The pass over the data, from 0.
    pub epoch: usize,
    /// The batch within it, from 0.
    pub batch: usize,
    /// The batch's places in the epoch's order of the rows.
    pub range: Range<usize>,
}

impl Order {
    /// Rows as they stand, in batches of `size`, the last one with what is left.
    pub fn sequential(size: BatchSize) -> Self {
        Self { size, last: Last::Keep, shuffle: Shuffle::No, seed: 0 }
    }

    /// Refuses an order that leaves no batch of `rows` rows.
    ///
    /// # Errors
    /// If the rows that do not fill a batch are left out, and all do not fill one.
    pub fn check(&self, rows: usize) -> Result<()> {
        match (self.last, self.size) {
            (Last::Drop, BatchSize::Rows(size)) if size > rows => Err(Error::Usage(format!(
                "the {rows} rows of data do not fill one batch of {size}, and what does not fill a batch is dropped; \
                 use a smaller batch, or keep the last one"
            ))),
            _ => Ok(()),
        }
    }

    /// The rows of a batch that is full.
    fn size(&self, rows: usize) -> usize {
        match self.size {
            BatchSize::Full => rows,
            BatchSize::Rows(size) => size.min(rows),
        }
        .max(1)
    }

    /// The number of batches of an epoch over `rows` rows.
    pub fn steps_per_epoch(&self, rows: usize) -> usize {
        match self.last {
            Last::Keep => rows.div_ceil(self.size(rows)),
            Last::Drop | Last::Split => rows / self.size(rows),
        }
        .max(1)
    }

    /// The rows of the largest batch.
    pub fn largest_batch(&self, rows: usize) -> usize {
        match self.last {
            Last::Keep | Last::Drop => self.size(rows),
            Last::Split => rows.div_ceil(self.steps_per_epoch(rows)),
        }
    }

    /// Where `step` stands.
    ///
    /// ```
    /// # use lockstep::data::{BatchSize, order::{Last, Order, Shuffle}};
    /// let order = Order { size: BatchSize::Rows(3), last: Last::Split, shuffle: Shuffle::No, seed: 0 };
    /// let ranges: Vec<_> = (0..3).map(|step| order.place(step, 11).range).collect();
    /// assert_eq!(ranges, [0..4, 4..8, 8..11]); // numpy.array_split(range(11), 11 // 3)
    /// ```
    pub fn place(&self, step: usize, rows: usize) -> Place {
        let batches = self.steps_per_epoch(rows);
        let (epoch, batch) = (step / batches, step % batches);
        let range = match self.last {
            Last::Keep | Last::Drop => {
                let size = self.size(rows);
                batch * size..((batch + 1) * size).min(rows)
            }
            Last::Split => {
                let (size, longer) = (rows / batches, rows % batches);
                let start = |batch: usize| batch * size + batch.min(longer);
                start(batch)..start(batch + 1)
            }
        };
        Place { epoch, batch, range }
    }

    /// Which shuffle an epoch has; none where rows are taken as they stand.
    pub(super) fn shuffle_of(&self, epoch: usize) -> Option<usize> {
        match self.shuffle {
            Shuffle::No => None,
            Shuffle::Once => Some(0),
            Shuffle::EveryEpoch => Some(epoch),
        }
    }

    /// Replaces the content of `rows` by a shuffle of its places, all orders alike (Fisher and Yates; Durstenfeld,
    /// "Algorithm 235", 1964).
    pub(super) fn shuffle(&self, shuffle: usize, rows: &mut [u32]) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(STREAM);
        random.set_word_pos((shuffle as u128) << WORDS_OF_EPOCH);
        rows.iter_mut().zip(0..).for_each(|(row, place)| *row = place);
        for last in (1..rows.len()).rev() {
            rows.swap(last, below(&mut random, last as u32 + 1) as usize);
        }
    }
}

/// A number from 0 to `bound` − 1, all alike (Lemire, "Fast Random Integer Generation in an Interval", 2019). Written
/// here, so that an update of a crate does not change the order of anybody's rows.
fn below(random: &mut impl Rng, bound: u32) -> u32 {
    let mut draw = || u64::from(random.next_u32()) * u64::from(bound);
    let mut product = draw();
    if (product as u32) < bound {
        let threshold = bound.wrapping_neg() % bound;
        while (product as u32) < threshold {
            product = draw();
        }
    }
    (product >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY_LAST: [Last; 3] = [Last::Keep, Last::Drop, Last::Split];

    fn order(size: usize, last: Last, seed: u64) -> Order {
        Order { size: BatchSize::Rows(size), last, shuffle: Shuffle::EveryEpoch, seed }
    }

    /// The rows of one shuffle.
    fn shuffled(seed: u64, shuffle: usize, rows: usize) -> Vec<u32> {
        let mut order_of_rows = vec![u32::MAX; rows];
        order(1, Last::Keep, seed).shuffle(shuffle, &mut order_of_rows);
        order_of_rows
    }

    proptest! {
        #[test]
        fn batches_follow_each_other_and_make_up_an_epoch(
            rows in 1..200_usize,
            size in 1..200_usize,
            epoch in 0..3_usize,
        ) {
            for last in EVERY_LAST {
                let order = order(size, last, 0);
                prop_assert_eq!(order.check(rows).is_err(), last == Last::Drop && size > rows);
                let batches = order.steps_per_epoch(rows);
                let places: Vec<_> = (0..batches).map(|batch| order.place(epoch * batches + batch, rows)).collect();
                let mut end = 0;
                for (batch, place) in places.iter().enumerate() {
                    prop_assert_eq!((place.epoch, place.batch, place.range.start), (epoch, batch, end));
                    prop_assert!(!place.range.is_empty() && place.range.len() <= order.largest_batch(rows));
                    end = place.range.end;
                }
                let left_out = if last == Last::Drop { rows % size.min(rows) } else { 0 };
                prop_assert_eq!(end, rows - left_out);
                prop_assert!(places.iter().any(|place| place.range.len() == order.largest_batch(rows)));
            }
        }

        #[test]
        fn a_shuffle_has_each_row_exactly_once(rows in 0..300_usize, seed: u64, epoch in 0..1_usize << 32) {
            let mut found = shuffled(seed, epoch, rows);
            prop_assert_eq!(&found, &shuffled(seed, epoch, rows));
            found.sort_unstable();
            prop_assert!(found.into_iter().eq(0..rows as u32));
        }
    }

    #[test]
    fn epochs_and_seeds_have_orders_of_their_own() {
        let orders = [(0, 0), (0, 1), (0, 1 << 31), (1, 0), (1, 1)].map(|(seed, epoch)| shuffled(seed, epoch, 100));
        for (index, order) in orders.iter().enumerate() {
            assert!(orders[..index].iter().all(|earlier| earlier != order));
        }
    }

    #[test]
    fn every_row_comes_to_every_place_equally_often() {
        const SHUFFLES: usize = 6000;
        let mut counts = [[0_usize; 6]; 6];
        for shuffle in 0..SHUFFLES {
            for (place, row) in shuffled(5, shuffle, 6).into_iter().enumerate() {
                counts[place][row as usize] += 1;
            }
        }
        // Binomial, 6000 × 1/6: 1000 ± 29; five deviations are allowed.
        assert!(counts.iter().flatten().all(|count| count.abs_diff(1000) < 145), "{counts:?}");
    }

    #[test]
    fn a_shuffle_is_the_same_on_every_machine_and_in_every_version() {
        // Worked out apart from this code, from the definitions of ChaCha8, of `seed_from_u64` and of the shuffle.
        assert_eq!(shuffled(0, 0, 8), [5, 6, 1, 3, 4, 7, 2, 0]);
        assert_eq!(shuffled(7, 3, 8), [0, 1, 3, 7, 4, 2, 6, 5]);
    }
}
