//! The Porter stemmer as NLTK's `PorterStemmer()` has it in its default mode, `NLTK_EXTENSIONS`.
//!
//! Sources: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, 130–137; the departures that
//! NLTK documents at <https://www.nltk.org/api/nltk.stem.porter.html>. Where NLTK departs from Porter, a comment
//! says so. Every other stemmer gives SST-2 another vocabulary: Porter's own 10,171 words instead of 10,106.
//!
//! In comments m is Porter's measure: how often a consonant follows a vowel.

/// Words that NLTK does not take apart, with their stems.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("inning", "inning"),
    ("innings", "inning"),
    ("outing", "outing"),
    ("outings", "outing"),
    ("canning", "canning"),
    ("cannings", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// An ending, what takes its place, and what the letters before it must be like.
type Rule = (&'static str, &'static str, fn(&[char]) -> bool);

/// Step 2. `fulli` and the condition of `logi` are NLTK's (Porter's later programs have `logi` with m > 0): the l
/// counts as part of what stays, so that `geologi` has m > 0 as `archaeologi` has, which any vowel before it gives.
const STEP_2: [Rule; 21] = [
    ("ational", "ate", positive),
    ("tional", "tion", positive),
    ("enci", "ence", positive),
    ("anci", "ance", positive),
    ("izer", "ize", positive),
    ("bli", "ble", positive), // Porter's later programs; the paper has abli → able
    ("entli", "ent", positive),
    ("eli", "e", positive),
    ("ousli", "ous", positive),
    ("ization", "ize", positive),
    ("ation", "ate", positive),
    ("ator", "ate", positive),
    ("alism", "al", positive),
    ("iveness", "ive", positive),
    ("fulness", "ful", positive),
    ("ousness", "ous", positive),
    ("aliti", "al", positive),
    ("iviti", "ive", positive),
    ("biliti", "ble", positive),
    ("fulli", "ful", positive),
    ("logi", "log", has_vowel),
];

const STEP_3: [Rule; 7] = [
    ("icate", "ic", positive),
    ("ative", "", positive),
    ("alize", "al", positive),
    ("iciti", "ic", positive),
    ("ical", "ic", positive),
    ("ful", "", positive),
    ("ness", "", positive),
];

const STEP_4: [Rule; 19] = [
    ("al", "", above_1),
    ("ance", "", above_1),
    ("ence", "", above_1),
    ("er", "", above_1),
    ("ic", "", above_1),
    ("able", "", above_1),
    ("ible", "", above_1),
    ("ant", "", above_1),
    ("ement", "", above_1),
    ("ment", "", above_1),
    ("ent", "", above_1),
    ("ion", "", |stem| above_1(stem) && matches!(stem.last(), Some('s' | 't'))),
    ("ou", "", above_1),
    ("ism", "", above_1),
    ("ate", "", above_1),
    ("iti", "", above_1),
    ("ous", "", above_1),
    ("ive", "", above_1),
    ("ize", "", above_1),
];

/// The stem of a word, in lower case. Words of one or two letters stay as they are.
///
/// ```
/// # use lockstep::data::text::porter::stem;
/// assert_eq!(["Relational", "flies", "dying", "enjoy"].map(stem), ["relat", "fli", "die", "enjoy"]);
/// ```
pub fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == lower) {
        return (*stem).to_owned();
    }
    // Counted before lower-casing, as NLTK does: `İ` becomes two.
    if word.chars().nth(2).is_none() {
        return lower;
    }
    let mut letters: Vec<char> = lower.chars().collect();
    plural(&mut letters);
    past(&mut letters);
    final_y(&mut letters);
    double_suffix(&mut letters);
    apply(&mut letters, &STEP_3);
    apply(&mut letters, &STEP_4);
    final_e(&mut letters);
    final_ll(&mut letters);
    letters.into_iter().collect()
}

/// Step 1a. NLTK: a single letter keeps `ie` (`dies` → `die`), where Porter has `di`.
fn plural(word: &mut Vec<char>) {
    let ies = if word.len() == 4 { "ie" } else { "i" };
    apply(word, &[("sses", "ss", always), ("ies", ies, always), ("ss", "ss", always), ("s", "", always)]);
}

/// Step 1b. NLTK: `ied` is treated as `ies` is in step 1a; Porter has no rule for it.
fn past(word: &mut Vec<char>) {
    if ends(word, "ied") {
        word.truncate(word.len() - if word.len() == 4 { 1 } else { 2 });
        return;
    }
    if apply(word, &[("eed", "ee", positive)]) {
        return;
    }
    let Some(stem) = ["ed", "ing"].into_iter().filter_map(|ending| before(word, ending)).find(|stem| has_vowel(stem))
    else {
        return;
    };
    word.truncate(stem.len());
    if apply(word, &[("at", "ate", always), ("bl", "ble", always), ("iz", "ize", always)]) {
        return;
    }
    if ends_in_double_consonant(word) {
        if !matches!(word.last(), Some('l' | 's' | 'z')) {
            word.pop();
        }
    } else if measure(word) == 1 && ends_short(word) {
        word.push('e');
    }
}

/// Step 1c. NLTK: y turns into i after a consonant that is not the first letter (`happy` → `happi`, but `enjoy` and
/// `by` stay); Porter asks for any vowel before it.
fn final_y(word: &mut [char]) {
    let change = before(word, "y").is_some_and(|stem| stem.len() > 1 && vowels(stem).last() == Some(false));
    if let Some(last) = word.last_mut().filter(|_| change) {
        *last = 'i';
    }
}

/// Step 2. NLTK: once `alli` is `al`, the step is taken again (`rationalli` → `rational` → …); Porter takes it once.
fn double_suffix(word: &mut Vec<char>) {
    if before(word, "alli").is_some_and(positive) {
        word.truncate(word.len() - "li".len());
    }
    apply(word, &STEP_2);
}

/// Step 5a.
fn final_e(word: &mut Vec<char>) {
    let drop = |stem: &[char]| above_1(stem) || measure(stem) == 1 && !ends_short(stem);
    if before(word, "e").is_some_and(drop) {
        word.pop();
    }
}

/// Step 5b.
fn final_ll(word: &mut Vec<char>) {
    if ends(word, "ll") && above_1(&word[..word.len() - 1]) {
        word.pop();
    }
}

/// Applies the first rule whose ending the word has, if its condition holds; whether there is such an ending.
fn apply(word: &mut Vec<char>, rules: &[Rule]) -> bool {
    for (ending, replacement, condition) in rules {
        if let Some(stem) = before(word, ending) {
            if condition(stem) {
                word.truncate(stem.len());
                word.extend(replacement.chars());
            }
            return true;
        }
    }
    false
}

/// What stands before an ending, if the word has it.
fn before<'w>(word: &'w [char], ending: &str) -> Option<&'w [char]> {
    let stem = word.len().checked_sub(ending.len())?; // endings are ASCII
    word[stem..].iter().copied().eq(ending.chars()).then_some(&word[..stem])
}

fn ends(word: &[char], ending: &str) -> bool {
    before(word, ending).is_some()
}

/// For each letter whether it is a vowel: a, e, i, o, u, and y after a consonant.
fn vowels(word: &[char]) -> impl Iterator<Item = bool> {
    word.iter().scan(false, |after_consonant, letter| {
        let vowel = matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u') || *letter == 'y' && *after_consonant;
        *after_consonant = !vowel;
        Some(vowel)
    })
}

/// Porter's m of `[C](VC)^m[V]`.
fn measure(stem: &[char]) -> usize {
    let mut after_vowel = false;
    vowels(stem).filter(|&vowel| std::mem::replace(&mut after_vowel, vowel) && !vowel).count()
}

fn always(_: &[char]) -> bool {
    true
}

fn positive(stem: &[char]) -> bool {
    measure(stem) > 0
}

fn above_1(stem: &[char]) -> bool {
    measure(stem) > 1
}

fn has_vowel(stem: &[char]) -> bool {
    vowels(stem).any(|vowel| vowel)
}

fn ends_in_double_consonant(word: &[char]) -> bool {
    matches!(word, [.., one, other] if one == other) && vowels(word).last() == Some(false)
}

/// Porter's `*o`: consonant, vowel, consonant other than w, x and y at the end. NLTK: a word that is only a vowel and
/// a consonant is short, too.
fn ends_short(word: &[char]) -> bool {
    let kinds: Vec<bool> = vowels(word).collect();
    match kinds[..] {
        [true, false] => true,
        [.., false, true, false] => !matches!(word.last(), Some('w' | 'x' | 'y')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stems_are_those_of_nltk() {
        let rows = include_str!("stems.tsv").lines().filter(|row| !row.starts_with('#'));
        let differing: Vec<_> = rows
            .clone()
            .map(|row| row.split_once('\t').unwrap())
            .filter_map(|(word, expected)| Some((word, expected, stem(word))).filter(|(_, _, found)| found != expected))
            .collect();
        assert!(rows.count() > 500);
        assert_eq!(differing, []);
    }

    proptest! {
        #[test]
        fn a_stem_is_lower_case_and_no_longer_than_its_word(word in "[A-Za-zéY']*|.*") {
            let found = stem(&word);
            prop_assert!(found.chars().count() <= word.to_lowercase().chars().count());
            prop_assert_eq!(found.to_lowercase(), found);
        }
    }
}
