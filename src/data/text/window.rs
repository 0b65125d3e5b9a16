//! The first tokens of each text, as numbers: rows of one length, as an embedding or a table of vectors takes them.

use super::{Numbering, tokens::Tokenized};

/// The first tokens of each text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The numbers of the tokens; what is too short is filled up.
    pub tokens: Vec<u32>, // [texts, first]
    /// How many tokens a row has.
    pub first: usize,
    /// How many tokens of the rows have no number of their own, or were left out for it.
    pub unknown: usize,
    /// How many texts have more tokens than `first`: what follows is cut.
    pub cut: usize,
    /// How many texts have no token: their rows are all padding.
    pub empty: usize,
}

/// The first `first` tokens of each text, numbered. Where unknown words are left out, the next token takes their place.
pub fn first_tokens(texts: &Tokenized, first: usize, numbering: &impl Numbering) -> Window {
    let numbers: Vec<Option<u32>> = texts.words.iter().map(|word| numbering.known(word)).collect(); // [distinct words]
    let rows = texts.texts();
    let mut window = Window { tokens: Vec::with_capacity(rows.len() * first), first, unknown: 0, cut: 0, empty: 0 };
    for text in rows {
        let end = window.tokens.len() + first;
        let mut left = text.iter();
        while window.tokens.len() < end {
            let Some(&token) = left.next() else { break };
            let known = numbers[token as usize];
            window.unknown += usize::from(known.is_none());
            window.tokens.extend(known.or(numbering.unknown()));
        }
        window.cut += usize::from(left.next().is_some());
        window.empty += usize::from(window.tokens.len() == end - first && first > 0);
        window.tokens.resize(end, numbering.padding());
    }
    window
}

#[cfg(test)]
mod tests {
    use super::{
        super::tokens::{Recipe, Tokenizer},
        *,
    };

    /// Numbers `a` and `b` 0 and 1; the padding is 9.
    struct Letters {
        unknown: Option<u32>,
    }

    impl Numbering for Letters {
        fn known(&self, word: &str) -> Option<u32> {
            ["a", "b"].iter().position(|known| *known == word).map(|place| place as u32)
        }

        fn unknown(&self) -> Option<u32> {
            self.unknown
        }

        fn padding(&self) -> u32 {
            9
        }
    }

    fn window(unknown: Option<u32>) -> Window {
        let recipe = Recipe { stem: false, tokenizer: Tokenizer::Punctuation };
        first_tokens(&recipe.tokenize(["b c A b c", "", "c", "a b a"]), 3, &Letters { unknown })
    }

    #[test]
    fn short_texts_are_filled_up_and_long_ones_cut() {
        let tokens = vec![1, 8, 0, 9, 9, 9, 8, 9, 9, 0, 1, 0];
        assert_eq!(window(Some(8)), Window { tokens, first: 3, unknown: 2, cut: 1, empty: 1 });
    }

    #[test]
    fn where_unknown_words_are_left_out_the_next_one_takes_their_place() {
        let tokens = vec![1, 0, 1, 9, 9, 9, 9, 9, 9, 0, 1, 0];
        assert_eq!(window(None), Window { tokens, first: 3, unknown: 2, cut: 1, empty: 2 });
    }
}
