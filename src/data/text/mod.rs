//! From text to numbers: labelled lines, tokens, stems, word counts, word vectors.
//!
//! A file of labelled lines ([`lines`]) is cut into tokens once ([`tokens`], with [`porter`] stems where a recipe asks
//! for them). The tokens become rows of word counts ([`counts`]), or the first tokens of each text as numbers
//! ([`window`]) of rows in a table of word vectors ([`vectors`]); [`set`] makes a data set of them. Nothing is left out
//! in silence: what is skipped or unknown is counted, and each result says how much of it there was.
//!
//! The published comparisons prepare their text in Python, so Python is what these modules equal: its `str.lower`,
//! `str.split` and `\w`, scikit-learn's `CountVectorizer`, NLTK's `PorterStemmer`.

pub mod cipher;
pub mod counts;
pub mod lines;
pub mod porter;
pub mod set;
pub mod tokens;
pub mod vectors;
pub mod window;

use crate::error::Error;
use std::path::Path;

/// What gives words their numbers: a vocabulary, or a table of word vectors.
pub trait Numbering {
    /// The number of a word that it has.
    fn known(&self, word: &str) -> Option<u32>;

    /// The number of every other word; None if other words are left out.
    fn unknown(&self) -> Option<u32>;

    /// The number that fills up texts that are too short.
    fn padding(&self) -> u32;
}

/// An error at a line, counted from 1.
fn fault(path: &Path, line: usize, message: impl Into<String>) -> Error {
    Error::data(format!("{}:{line}", path.display()), message)
}

/// An error of a file as a whole.
fn file_fault(path: &Path, message: impl Into<String>) -> Error {
    Error::data(path.display().to_string(), message)
}

/// A text of a file as an error quotes it: its beginning, with what cannot be seen escaped.
fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    let beginning: String = text.chars().take(MOST).collect();
    let dots = if beginning.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", beginning.escape_debug())
}
