//! From texts to tokens, as Python's `str.split`, `str.lower` and `re` cut them.
//!
//! Every recipe works on one stretch between white space at a time, whatever stands beside it, so each distinct
//! stretch is taken apart once: SST-2 has 633,000 of them, of which 14,800 differ.
//!
//! Python's `\w` is not Rust's `char::is_alphanumeric`: combining marks are no word characters, so that
//! scikit-learn's pattern cuts Odia words at every vowel sign. These tables are Unicode's, newer than the ones in
//! Python 3.11 (Unicode 14): only characters assigned since then can differ.

use super::porter;
use std::collections::HashMap;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// ASCII punctuation (Python's `string.punctuation`) is spaced out, the text is split at white space, and tokens
    /// are lower-cased: `It's` is `it`, `'`, `s`.
    Punctuation,
    /// Runs of two or more word characters of the lower-cased text: scikit-learn's default,
    /// `(?u)\b\w\w+\b` (<https://scikit-learn.org/stable/modules/generated/sklearn.feature_extraction.text.CountVectorizer.html>).
    Words,
    /// The text is split at white space, and that is all.
    WhiteSpace,
}

/// How texts become tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Whether each stretch between white space is replaced by its Porter stem before it is taken apart.
    pub stem: bool,
    /// How it is taken apart.
    pub tokenizer: Tokenizer,
}

/// Texts as tokens: each a number in the list of distinct words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokenized {
    /// Where each text starts, and where the last one ends: `[texts + 1]`, from 0.
    pub starts: Vec<usize>,
    /// The tokens of all texts, in order, as places in `words`.
    pub tokens: Vec<u32>,
    /// The distinct words, in the order they appear in.
    pub words: Vec<String>,
}

impl Tokenized {
    /// The tokens of each text, in order.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.tokens[ends[0]..ends[1]])
    }
}

impl Recipe {
    /// The tokens of texts.
    pub fn tokenize<'t>(self, texts: impl IntoIterator<Item = &'t str>) -> Tokenized {
        let mut words = Words::default();
        let mut parts: HashMap<&str, Vec<u32>> = HashMap::new(); // of each stretch the tokens
        let mut starts = vec![0];
        let mut tokens = Vec::new();
        for text in texts {
            for stretch in text.split(is_space).filter(|stretch| !stretch.is_empty()) {
                let known = parts.entry(stretch).or_insert_with(|| self.take_apart(stretch, &mut words));
                tokens.extend_from_slice(known);
            }
            starts.push(tokens.len());
        }
        Tokenized { starts, tokens, words: words.list }
    }

    fn take_apart(self, stretch: &str, words: &mut Words) -> Vec<u32> {
        if self.stem {
            return Self { stem: false, ..self }.take_apart(&porter::stem(stretch), words);
        }
        match self.tokenizer {
            Tokenizer::Punctuation => spaced_out(stretch).map(|token| words.number(&token.to_lowercase())).collect(),
            Tokenizer::Words => stretch
                .to_lowercase()
                .split(|letter| !is_word(letter))
                .filter(|run| run.chars().nth(1).is_some())
                .map(|run| words.number(run))
                .collect(),
            Tokenizer::WhiteSpace => vec![words.number(stretch)],
        }
    }
}

/// Distinct words, numbered as they appear.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        let number = self.list.len() as u32; // no memory holds 2³² words
        self.list.push(word.to_owned());
        self.numbers.insert(word.to_owned(), number);
        number
    }
}

/// A stretch cut before and after each character of ASCII punctuation.
fn spaced_out(stretch: &str) -> impl Iterator<Item = &str> {
    let punctuation = |letter: char| letter.is_ascii_punctuation();
    let parts = stretch.split_inclusive(punctuation).flat_map(move |part| {
        let word = part.trim_end_matches(punctuation);
        [word, &part[word.len()..]]
    });
    parts.filter(|token| !token.is_empty())
}

/// Python's `str.isspace`: Unicode's white space and the four separators U+001C to U+001F.
pub(super) fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1C}'..='\u{1F}')
}

/// Python's `\w`: letters, numbers and `_`.
fn is_word(letter: char) -> bool {
    if letter.is_ascii() {
        return letter.is_ascii_alphanumeric() || letter == '_';
    }
    matches!(letter.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(tokenizer: Tokenizer, text: &str) -> Vec<String> {
        let tokenized = Recipe { stem: false, tokenizer }.tokenize([text]);
        tokenized.tokens.iter().map(|&token| tokenized.words[token as usize].clone()).collect()
    }

    // The expected tokens of this and the next test are Python 3.11's.
    #[test]
    fn punctuation_is_spaced_out_and_tokens_are_lower_cased() {
        assert_eq!(
            tokens(Tokenizer::Punctuation, " It's U.S.\u{A0}``ÉTÉ''\t¿qué? "),
            ["it", "'", "s", "u", ".", "s", ".", "`", "`", "été", "'", "'", "¿qué", "?"]
        );
        assert_eq!(tokens(Tokenizer::Punctuation, "ପଦ୍ମାବତ୍\u{200C}’ ।"), ["ପଦ୍ମାବତ୍\u{200C}’", "।"]);
    }

    #[test]
    fn words_are_runs_of_two_or_more_characters_and_combining_marks_end_them() {
        let text = "It's a 9_to_5 ΟΔΟΣ, ½x ²³ Ⓐb e\u{301}té İX";
        assert_eq!(tokens(Tokenizer::Words, text), ["it", "9_to_5", "οδος", "½x", "²³", "té"]);
        assert_eq!(tokens(Tokenizer::Words, "ପାଇଁ ଅବସର"), ["ଅବସର"]);
    }

    #[test]
    fn white_space_is_pythons() {
        assert_eq!(
            tokens(Tokenizer::WhiteSpace, "A\u{1C}b,\u{85}c\u{200B}\u{3000}d\u{FEFF}"),
            ["A", "b,", "c\u{200B}", "d\u{FEFF}"]
        );
    }

    #[test]
    fn stretches_are_stemmed_before_they_are_taken_apart() {
        let recipe = Recipe { stem: true, tokenizer: Tokenizer::Words };
        // `movies.` is no word to the stemmer, as it ends in a full stop.
        let tokenized = recipe.tokenize(["movies movies. Skies", "", "s skies"]);
        assert_eq!(tokenized.words, ["movi", "movies", "sky"]);
        assert_eq!((tokenized.tokens, tokenized.starts), (vec![0, 1, 2, 2], vec![0, 3, 3, 4]));
    }

    proptest! {
        #[test]
        fn no_letter_is_lost_where_punctuation_is_spaced_out(text in "[a-z.,!' ]*") {
            prop_assert_eq!(tokens(Tokenizer::Punctuation, &text).concat(), text.replace(' ', ""));
        }

        #[test]
        fn texts_do_not_depend_on_each_other(texts in prop::collection::vec("[a-c' ]*", 0..5)) {
            let recipe = Recipe { stem: true, tokenizer: Tokenizer::Punctuation };
            let together = recipe.tokenize(texts.iter().map(String::as_str));
            prop_assert_eq!(together.texts().len(), texts.len());
            for (text, together_tokens) in texts.iter().zip(together.texts()) {
                let alone = recipe.tokenize([text.as_str()]);
                let own = alone.tokens.iter().map(|&token| &alone.words[token as usize]);
                prop_assert!(own.eq(together_tokens.iter().map(|&token| &together.words[token as usize])));
            }
        }
    }
}
