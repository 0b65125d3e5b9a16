//! Multinomial naive Bayes on counted words: ln P(class) + Σ count · ln P(word | class), each word counted once more
//! than it was seen (Laplace).
//!
//! Rows stay sparse. `linfa-bayes` takes dense arrays only: 13,680 headlines by 9,000 words and more would be 1 GB.

use crate::data::columns::Csr;

/// A trained classifier.
pub(super) struct NaiveBayes {
    priors: Vec<f64>, // [classes] ln P(class)
    words: Vec<f64>,  // [classes, words] ln P(word | class)
    width: usize,
}

impl NaiveBayes {
    /// Trained on rows of counts and their classes, each of which has a row.
    pub(super) fn train(rows: &Csr, labels: &[u32], classes: usize) -> Self {
        let (mut priors, mut words) = (vec![0.0; classes], vec![1.0; classes * rows.width]);
        for (row, &label) in labels.iter().enumerate() {
            priors[label as usize] += 1.0;
            for (column, count) in entries(rows, row) {
                words[label as usize * rows.width + column] += count;
            }
        }
        priors.iter_mut().for_each(|prior| *prior = (*prior / labels.len() as f64).ln());
        for words in words.chunks_mut(rows.width.max(1)) {
            let all: f64 = words.iter().sum();
            words.iter_mut().for_each(|count| *count = (*count / all).ln());
        }
        Self { priors, words, width: rows.width }
    }

    /// The most likely class of each row, the first of equal ones.
    pub(super) fn classify(&self, rows: &Csr) -> Vec<u32> {
        let score = |row: usize, class: usize| {
            let words = &self.words[class * self.width..][..self.width];
            self.priors[class] + entries(rows, row).map(|(column, count)| count * words[column]).sum::<f64>()
        };
        (0..rows.rows()).map(|row| largest((0..self.priors.len()).map(|class| score(row, class)))).collect()
    }
}

/// The columns of a row that are not 0, with their values.
pub(super) fn entries(rows: &Csr, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
    let places = rows.starts[row]..rows.starts[row + 1];
    let value = |place: usize| rows.values.f32().map_or(f64::NAN, |values| f64::from(values[place]));
    places.map(move |place| (rows.columns[place] as usize, value(place)))
}

/// The place of the first of the largest scores.
pub(super) fn largest(scores: impl Iterator<Item = f64>) -> u32 {
    let best = scores.enumerate().fold((0, f64::NEG_INFINITY), |best, one| if one.1 > best.1 { one } else { best });
    best.0 as u32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::columns::{Columns, DTypes};

    /// The worked example of Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, example 13.1:
    /// three documents of class China, one of class Japan; "Chinese Chinese Chinese Tokyo Japan" is China by .0003 to
    /// .0001, unnormalized.
    #[test]
    fn the_textbooks_document_is_of_the_textbooks_class() {
        // chinese, beijing, shanghai, macao, tokyo, japan
        let rows = csr(6, &[&[(0, 2), (1, 1)], &[(0, 2), (2, 1)], &[(0, 1), (3, 1)], &[(0, 1), (4, 1), (5, 1)]]);
        let trained = NaiveBayes::train(&rows, &[0, 0, 0, 1], 2);
        let document = csr(6, &[&[(0, 3), (4, 1), (5, 1)]]);
        assert_eq!(trained.classify(&document), [0]);
        let score = |class: usize| {
            let words = &trained.words[class * 6..][..6];
            (trained.priors[class] + 3.0 * words[0] + words[4] + words[5]).exp()
        };
        let exact = [0.75 * (3.0f64 / 7.0).powi(3) / 196.0, 0.25 * (2.0f64 / 9.0).powi(5)];
        // Logarithms and back: some roundings of numbers near 10.
        assert!([0, 1].iter().all(|&class| (score(class) / exact[class] - 1.0).abs() < 1e-13));
    }

    /// Rows of (column, count).
    pub(crate) fn csr(width: usize, rows: &[&[(u32, u32)]]) -> Csr {
        let mut starts = vec![0];
        starts.extend(rows.iter().scan(0, |end, row| {
            *end += row.len();
            Some(*end)
        }));
        let entries = || rows.iter().flat_map(|row| row.iter());
        let values = entries().map(|entry| entry.1 as f32).collect();
        let columns = entries().map(|entry| entry.0).collect();
        Csr { width, starts, columns, values: Columns::from_f32(1, values, DTypes::F32) }
    }
}
