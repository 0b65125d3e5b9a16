//! An edit of the reference's definition, in the words of `--set`.

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
        }
    }

    /// As settings of the reference's keys.
    pub fn sets(&self) -> Vec<String> {
        let faults = (!self.faults.is_empty()).then(|| format!("training.faults=[{}]", self.faults.join(", ")));
        self.keys.iter().cloned().chain(faults).collect()
    }
}
