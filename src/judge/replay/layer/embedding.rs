//! Embeddings: rows of a table, copied, or added up and divided by their number.

use super::{
    super::{Exact, Found, Replay},
    linear::beyond,
};
use crate::{model::Embedding, training::Fault};

/// The row of the table that a number names.
fn row(table: Embedding, word: f64) -> std::ops::Range<usize> {
    // Engines refuse a word that is none, so that no record has one.
    let word = (word as usize).min(table.words.saturating_sub(1));
    word * table.columns..(word + 1) * table.columns
}

impl Replay {
    /// Copies, exact in any type.
    pub(super) fn embedding(&mut self, table: Embedding, input: &[f64], weight: &[f64]) {
        let rows = input.iter().flat_map(|&word| &weight[row(table, word)]);
        self.result.fill(rows.copied(), |_| 0.0);
    }

    /// The sum of the rows of every `words` numbers, or their mean: one more rounding, or two where a library multiplies
    /// by 1/n.
    pub(super) fn embedding_bag(&mut self, table: Embedding, words: usize, mean: bool, input: &[f64], weight: &[f64]) {
        let rounding = self.rounding;
        let divisor = if mean { words as f64 } else { 1.0 };
        self.result = Exact::zeros(input.len() / words * table.columns);
        let Exact { value, bound } = &mut self.result;
        let bags = value.chunks_exact_mut(table.columns).zip(bound.chunks_exact_mut(table.columns));
        for (bag, (value, bound)) in input.chunks_exact(words).zip(bags) {
            for &word in bag {
                for ((value, bound), weight) in value.iter_mut().zip(&mut *bound).zip(&weight[row(table, word)]) {
                    *value += weight / divisor;
                    *bound += weight.abs() / divisor;
                }
            }
            let relative = rounding.sum(words - 1) + if mean { 2.0 * rounding.unit } else { 0.0 };
            bound.iter_mut().for_each(|bound| *bound = relative * *bound + if mean { rounding.smallest } else { 0.0 });
        }
    }

    /// ∂W: for each row of the table the sum of the gradients of the places that it was used in, of a mean of `words`
    /// each divided by their number. One gradient alone is a copy.
    pub(super) fn embedding_gradients(
        &mut self,
        table: Embedding,
        parameter: usize,
        words: usize,
        mean: bool,
        input: &[f64],
    ) {
        let (rounding, last) = (self.rounding, self.makes(&Fault::LastIndexWins));
        let divisor = if mean { words as f64 } else { 1.0 };
        // Each term's division, or the product with a rounded 1/n.
        let of_term = if mean { 2.0 * rounding.unit } else { 0.0 };
        self.gradients[parameter] = Exact::zeros(table.words * table.columns);
        let Exact { value, bound } = &mut self.gradients[parameter];
        let (mut magnitude, mut uses) = (vec![0.0; value.len()], vec![0; table.words]);
        for (bag, at) in input.chunks_exact(words).zip((0..).step_by(table.columns)) {
            for &word in bag {
                let target = row(table, word);
                uses[target.start / table.columns] += 1;
                for (target, at) in target.zip(at..) {
                    let (gradient, error) = (self.passing.value[at] / divisor, self.passing.bound[at] / divisor);
                    if last {
                        (value[target], bound[target], magnitude[target]) = (0.0, 0.0, 0.0);
                    }
                    value[target] += gradient;
                    bound[target] += error;
                    magnitude[target] += gradient.abs() + error;
                }
            }
        }
        for (target, (bound, magnitude)) in bound.iter_mut().zip(magnitude).enumerate() {
            let relative = rounding.sum(uses[target / table.columns].max(1) - 1) + of_term;
            *bound += relative * magnitude + if mean && magnitude > 0.0 { rounding.smallest } else { 0.0 };
        }
    }

    /// Looks closely at the gradient of a table that `passing` has reached, beside the one that a side found.
    pub(super) fn embedding_closely(
        &mut self,
        table: Embedding,
        parameter: usize,
        (words, divisor): (usize, f64),
        (input, passing): (&[f64], &[f64]),
        found: Found<'_>,
    ) {
        let found = found(parameter).unwrap_or_default();
        beyond(self.rounding, &mut self.gradients[parameter], found, |at| {
            let (word, column) = (at / table.columns, at % table.columns);
            let used =
                input.iter().enumerate().filter(move |(_, other)| row(table, **other).start / table.columns == word);
            used.map(move |(place, _)| passing[place / words * table.columns + column] / divisor)
        });
    }
}
