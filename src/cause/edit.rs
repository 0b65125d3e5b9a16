//! An edit of the reference's definition, in the words of `--set`.

use super::evidence::{number, plain};

/// What of the reference's definition is changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    /// Keys with their values: `training.optimizer.adam.eps=1e-7`.
    pub keys: Vec<String>,
    /// Mistakes that no key says: `"early-update"`.
    pub faults: Vec<String>,
    /// The constant that it has, where that was measured.
    pub constant: Option<f64>,
    /// What the constant is known as: `1/N, N rows of a batch`. A measured one that is known as nothing proves less.
    pub recognized: Option<String>,
    /// Where the constant lies that [`HOLE`] stands for, of an edit that is still to be [closed](Self::at).
    pub open: Option<Range>,
}

/// What stands for a constant that is not known yet.
pub const HOLE: &str = "{constant}";

/// Where a constant may lie that is not known beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Above 0: searched evenly in its logarithm.
    Size {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
    },
    /// Between 0 and 1, as close to either as this: searched evenly in ln(x/(1 − x)).
    Share {
        /// From 0, and from 1.
        least: f64,
    },
    /// Whole numbers, each of which is tried.
    Count {
        /// The smallest.
        from: usize,
        /// The largest.
        to: usize,
    },
}

impl Edit {
    /// One key.
    pub fn key(key: impl Into<String>) -> Self {
        Self { keys: vec![key.into()], ..Self::default() }
    }

    /// One mistake that no key says.
    pub fn fault(fault: impl Into<String>) -> Self {
        Self { faults: vec![fault.into()], ..Self::default() }
    }

    /// With a constant that was measured.
    #[must_use]
    pub fn with(self, constant: f64, recognized: Option<String>) -> Self {
        Self { constant: Some(constant), recognized, ..self }
    }

    /// With what its value is known as.
    #[must_use]
    pub fn known_as(self, words: &str) -> Self {
        Self { recognized: (!words.is_empty()).then(|| words.to_owned()), ..self }
    }

    /// With a constant in its [`HOLE`] that is yet to be found.
    #[must_use]
    pub fn open(self, range: Range) -> Self {
        Self { open: Some(range), ..self }
    }

    /// With this constant in its hole, near the one that was measured.
    #[must_use]
    pub fn at(&self, constant: f64, measured: f64) -> Self {
        let closed = |texts: &[String]| texts.iter().map(|text| text.replace(HOLE, &number(constant))).collect();
        let typed = digits(constant).min(digits(plain(1.0 - constant))) <= TYPED;
        Self { keys: closed(&self.keys), faults: closed(&self.faults), open: None, ..Self::default() }
            .with(measured, typed.then(|| format!("{}, a number as people type it", number(constant))))
    }

    /// Whether its constant, if it was measured, is known.
    pub fn is_recognized(&self) -> bool {
        self.constant.is_none() || self.recognized.is_some()
    }

    /// Both.
    pub fn and(&self, other: &Self) -> Self {
        let joined = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().chain(other.iter().filter(|text| !one.contains(text))).cloned().collect()
        };
        Self {
            keys: joined(&self.keys, &other.keys),
            faults: joined(&self.faults, &other.faults),
            constant: self.constant.or(other.constant),
            recognized: None,
            open: self.open.or(other.open),
        }
    }

    /// As settings of the reference's keys.
    pub fn sets(&self) -> Vec<String> {
        let faults = (!self.faults.is_empty()).then(|| format!("training.faults=[{}]", self.faults.join(", ")));
        self.keys.iter().cloned().chain(faults).collect()
    }
}

/// A number that somebody typed has so many digits at most.
pub(super) const TYPED: usize = 3;

/// How many digits a number has.
pub(super) fn digits(value: f64) -> usize {
    let text = format!("{:e}", value.abs());
    text.split('e').next().map_or(0, |digits| digits.chars().filter(char::is_ascii_digit).count())
}

impl Range {
    /// Its ends on the scale on which it is searched.
    pub fn ends(self) -> [f64; 2] {
        match self {
            Self::Size { from, to } => [from.ln(), to.ln()],
            Self::Share { least } => [-(1.0 / least - 1.0).ln(), (1.0 / least - 1.0).ln()],
            Self::Count { from, to } => [from as f64, to as f64],
        }
    }

    /// The constant at a point of that scale.
    pub fn constant(self, point: f64) -> f64 {
        match self {
            Self::Size { .. } => point.exp(),
            Self::Share { .. } => 1.0 / (1.0 + (-point).exp()),
            Self::Count { .. } => point.round(),
        }
    }
}
