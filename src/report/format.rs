//! Numbers as people read them, the same in every renderer.

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
}
