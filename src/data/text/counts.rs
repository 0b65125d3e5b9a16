//! Rows of word counts, equal to those of scikit-learn's `CountVectorizer`: the vocabulary is sorted by code point,
//! a row holds how often each of its words occurs, and words outside the vocabulary are left out.
//!
//! A `CountVectorizer` with its default pattern is [`Tokenizer::Words`](super::tokens::Tokenizer::Words) and this.

use super::{Numbering, file_fault, tokens::Tokenized};
use crate::error::Result;
use std::path::Path;

/// Distinct words by code point, the number of each being its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>, // ascending
}

/// Word counts of texts, of which only what is not 0 is held (compressed sparse rows).
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// The number of columns: of words in the vocabulary.
    pub width: usize,
    /// Where each row starts, and where the last one ends: `[rows + 1]`, from 0.
    pub starts: Vec<usize>,
    /// The column of each value, ascending within a row.
    pub columns: Vec<u32>,
    /// How often the word of the column occurs in the row, as many.
    pub values: Vec<f32>,
    /// How many tokens were left out, as the vocabulary does not have them.
    pub unknown: usize,
}

impl Vocabulary {
    /// The words of tokenized texts; `path` is the file they come from.
    ///
    /// # Errors
    /// If there is no word.
    pub fn of(texts: &Tokenized, path: &Path) -> Result<Self> {
        if texts.words.is_empty() {
            return Err(file_fault(path, "no text has a token, so that there are no words to count"));
        }
        // The order of UTF-8's bytes is the order of the code points.
        let mut words = texts.words.clone();
        words.sort_unstable();
        Ok(Self { words })
    }

    /// The words, by code point.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The counts of these texts.
    pub fn count(&self, texts: &Tokenized) -> Counts {
        let columns: Vec<Option<u32>> = texts.words.iter().map(|word| self.known(word)).collect(); // [distinct words]
        let mut counts =
            Counts { width: self.words.len(), starts: vec![0], columns: Vec::new(), values: Vec::new(), unknown: 0 };
        let mut row = Vec::new();
        for text in texts.texts() {
            row.clear();
            row.extend(text.iter().filter_map(|&token| columns[token as usize]));
            row.sort_unstable();
            counts.unknown += text.len() - row.len();
            for same in row.chunk_by(|one, other| one == other) {
                counts.columns.push(same[0]);
                counts.values.push(same.len() as f32);
            }
            counts.starts.push(counts.columns.len());
        }
        counts
    }
}

impl Numbering for Vocabulary {
    fn known(&self, word: &str) -> Option<u32> {
        self.words.binary_search_by(|other| other.as_str().cmp(word)).ok().map(|place| place as u32)
    }

    /// One more than the last word's.
    fn unknown(&self) -> Option<u32> {
        Some(self.words.len() as u32)
    }

    /// Two more than the last word's.
    fn padding(&self) -> u32 {
        self.words.len() as u32 + 1
    }
}

impl Counts {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of rows in which nothing is counted.
    pub fn empty_rows(&self) -> usize {
        self.starts.windows(2).filter(|ends| ends[0] == ends[1]).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tokens::{Recipe, Tokenizer},
        *,
    };
    use proptest::prelude::*;

    const WORDS: Recipe = Recipe { stem: false, tokenizer: Tokenizer::Words };

    // The numbers are those of CountVectorizer, scikit-learn 1.9.1.
    #[test]
    fn counts_are_those_of_scikit_learn() {
        let training = WORDS.tokenize(["to be, or not To Be", "a", "Über ünter zz 9to5"]);
        let vocabulary = Vocabulary::of(&training, Path::new("train.tsv")).unwrap();
        assert_eq!(vocabulary.words(), ["9to5", "be", "not", "or", "to", "zz", "über", "ünter"]);
        let counts = vocabulary.count(&training);
        assert_eq!(counts.starts, [0, 4, 4, 8]);
        assert_eq!(counts.columns, [1, 2, 3, 4, 0, 5, 6, 7]);
        assert_eq!(counts.values, [2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!((counts.rows(), counts.empty_rows(), counts.unknown), (3, 1, 0));
    }

    #[test]
    fn words_outside_the_vocabulary_are_left_out_and_counted() {
        let vocabulary = Vocabulary::of(&WORDS.tokenize(["one two"]), Path::new("train.tsv")).unwrap();
        let counts = vocabulary.count(&WORDS.tokenize(["two three two three", "three"]));
        assert_eq!((counts.columns, counts.values, counts.starts), (vec![1], vec![2.0], vec![0, 1, 1]));
        assert_eq!((counts.unknown, counts.width), (3, 2));
    }

    #[test]
    fn texts_without_words_have_no_vocabulary() {
        let error = Vocabulary::of(&WORDS.tokenize(["a . b", ""]), Path::new("train.tsv")).unwrap_err();
        assert_eq!(error.to_string(), "train.tsv: no text has a token, so that there are no words to count");
    }

    proptest! {
        #[test]
        fn every_token_is_counted_once_and_columns_ascend(texts in prop::collection::vec("[a-c]{2}( [a-c]{2}){0,9}", 1..6)) {
            let tokenized = WORDS.tokenize(texts.iter().map(String::as_str));
            let counts = Vocabulary::of(&tokenized, Path::new("any")).unwrap().count(&tokenized);
            for (ends, text) in counts.starts.windows(2).zip(tokenized.texts()) {
                prop_assert!(counts.columns[ends[0]..ends[1]].is_sorted_by(|one, other| one < other));
                prop_assert_eq!(counts.values[ends[0]..ends[1]].iter().sum::<f32>(), text.len() as f32);
            }
        }
    }
}
