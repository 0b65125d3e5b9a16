//! The cipher of the `questions` data set: every run of a–z is reversed and its letters rotated by 13 (ROT13).
//!
//! Whoever publishes vectors for real words (GloVe) can be looked up only after it is undone.

/// The text without the cipher. The cipher is its own inverse, so that this enciphers as well.
///
/// ```
/// # use lockstep::data::text::cipher::decipher;
/// assert_eq!(decipher("gnuj fv rug yyhs zebs sb .zbp ?"), "what is the full form of .com ?");
/// ```
pub fn decipher(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_lowercase()) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(run.len());
        plain.push_str(before);
        plain.extend(run[..end].bytes().rev().map(|letter| char::from((letter - b'a' + 13) % 26 + b'a')));
        rest = &run[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_runs_of_lower_case_letters_are_turned_and_rotated() {
        assert_eq!(decipher("lyab h.f. Éuj NOuj 42"), "only u.s. Éwh NOwh 42");
    }

    proptest! {
        #[test]
        fn deciphering_twice_gives_the_text_back(text in ".*") {
            prop_assert_eq!(decipher(&decipher(&text)), text);
        }
    }
}
