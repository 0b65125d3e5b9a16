//! Numbers as people read them, and foreign words as they can do no harm, the same in every renderer.

use std::borrow::Cow;

/// Whether a character changes how a terminal or a page shows others: control characters, and marks that turn the direction
/// of text (Unicode Standard Annex #9).
fn turns(letter: char) -> bool {
    let controls = letter.is_control() && letter != '\n';
    controls
        || matches!(letter, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text in which such characters are visible, as `\u{1b}`.
///
/// ```
/// # use lockstep::report::visible;
/// assert_eq!(visible("a\u{1b}[31mb\u{202e}c\n"), "a\\u{1b}[31mb\\u{202e}c\n");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    match text.contains(turns) {
        false => Cow::Borrowed(text),
        true => {
            let shown =
                |letter: char| if turns(letter) { letter.escape_unicode().to_string() } else { letter.to_string() };
            Cow::Owned(text.chars().map(shown).collect())
        }
    }
}

/// JSON in which such characters are escaped: they stand in strings alone.
pub(super) fn plain_json(text: String) -> String {
    match text.contains(turns) {
        false => text,
        true => {
            let escaped = |letter: char| match turns(letter) {
                true => format!("\\u{:04x}", u32::from(letter)),
                false => letter.to_string(),
            };
            text.chars().map(escaped).collect()
        }
    }
}

/// Somebody's words in Markdown: what would be markup there is not.
///
/// ```
/// # use lockstep::report::escaped;
/// assert_eq!(escaped("<b> a|b [x](y)"), r"\<b\> a\|b \[x\](y)");
/// ```
pub fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*[]<>|".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

/// Four significant digits: `0.2508`, `12.34`, `1.031e-7`; `–` for what is not there or not finite.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if !value.is_finite() => "–".to_owned(),
        Some(value) if (1e-3..1e5).contains(&value.abs()) => {
            let before = value.abs().log10().floor().max(0.0) as usize;
            let digits = format!("{value:.*}", 4usize.saturating_sub(1 + before) + usize::from(value.abs() < 1.0));
            let trimmed =
                if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
            trimmed.to_owned()
        }
        Some(value) => format!("{value:.3e}"),
    }
}

/// Two significant digits of a small or large number: `8.3e-8`, `0.62`.
pub fn power(value: Option<f64>) -> String {
    match value {
        Some(value) if value != 0.0 && value.is_finite() && !(0.01..1000.0).contains(&value.abs()) => {
            format!("{value:.1e}")
        }
        Some(value) if value != 0.0 && value.is_finite() => {
            if value.abs() < 10.0 {
                format!("{value:.2}")
            } else {
                format!("{value:.0}")
            }
        }
        other => number(other),
    }
}

/// Two numbers with as many digits as tell them apart, and at least four; equal ones with six.
pub fn pair(one: Option<f64>, other: Option<f64>) -> [String; 2] {
    let (Some(a), Some(b)) = (one, other) else { return [one, other].map(number) };
    if !a.is_finite() || !b.is_finite() {
        return [one, other].map(number);
    }
    if a == b {
        return [a, b].map(|value| trimmed(shown(value, 6)));
    }
    // Seventeen digits tell any two numbers of f64 apart.
    let apart = |digits: &usize| shown(a, *digits) != shown(b, *digits);
    let digits = (4..17).find(apart).unwrap_or(17);
    [shown(a, digits), shown(b, digits)]
}

/// A number with so many significant digits.
fn shown(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits - 1);
    let exponent: i32 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or_default();
    match exponent {
        _ if value == 0.0 => "0".to_owned(),
        -3..=5 => format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize),
        _ => text,
    }
}

/// Without zeros that say nothing.
fn trimmed(text: String) -> String {
    let whole = !text.contains('.') || text.contains('e');
    if whole { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// A factor: `2`, `0.1`, and of one near 1 how far from it that is, `1 − 2.2e-5`.
pub fn factor(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() && value != 1.0 && (value - 1.0).abs() < 0.01 => {
            let sign = if value < 1.0 { '−' } else { '+' };
            format!("1 {sign} {}", power(Some((value - 1.0).abs())))
        }
        Some(value) if value.is_finite() && (1e-3..1e5).contains(&value.abs()) => trimmed(shown(value, 4)),
        other => number(other),
    }
}

/// A share of a limit: `0.62`, `117`, and no more digits than anybody needs of a large one.
pub fn budget(value: Option<f64>) -> String {
    match value {
        Some(value) if value >= 1e9 => "> 1e9".to_owned(),
        other => power(other),
    }
}

/// `1 step`, `20 steps`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_say_what_is_missing() {
        let shown =
            [Some(0.25081297), Some(12.345), Some(5000.0), Some(-0.0033), Some(1.2345e-7), Some(0.0), None].map(number);
        assert_eq!(shown, ["0.2508", "12.35", "5000", "-0.0033", "1.235e-7", "0", "–"]);
        assert_eq!(
            [Some(8.264e-8), Some(0.6156), Some(55370.0), Some(f64::NAN)].map(power),
            ["8.3e-8", "0.62", "5.5e4", "–"]
        );
    }

    #[test]
    fn two_values_have_the_digits_that_tell_them_apart_and_a_factor_near_1_its_distance() {
        assert_eq!(pair(Some(-0.009_999_9), Some(-0.009_999_92)), ["-0.00999990", "-0.00999992"]);
        assert_eq!(pair(Some(0.25), Some(0.25)), ["0.25", "0.25"]);
        assert_eq!(pair(Some(1.234e-9), Some(2.0)), ["1.234e-9", "2.000"]);
        assert_eq!(pair(Some(0.0), Some(0.1)), ["0", "0.1000"]);
        assert_eq!(pair(None, Some(0.5)), ["–", "0.5"]);
        let near = f64::from_bits(0.7f64.to_bits() + 1);
        let [one, other] = pair(Some(0.7), Some(near));
        assert_ne!(one, other);
        let shown = [0.999_978, 1.0003, 1.0, 2.0, 3.162_277_66, 0.00781, 0.0].map(|value| factor(Some(value)));
        assert_eq!(shown, ["1 − 2.2e-5", "1 + 3.0e-4", "1", "2", "3.162", "0.00781", "0"]);
        assert_eq!([Some(f64::MAX), Some(117.0), None].map(budget), ["> 1e9", "117", "–"]);
    }
}
