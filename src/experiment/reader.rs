//! Typed access to a table, and choices by name.
//!
//! A table is opened with the keys it may have, so that a mistyped key is found before the key it was meant to be is
//! missed. Every error says where, what was expected, what was found, and which valid name is near.

use super::tree::{Node, Table, Value, shown};
use crate::error::{Error, Result, did_you_mean};
use std::{fmt::Display, ops::RangeInclusive};

/// A table whose keys are known to be valid ones.
pub(super) struct Reader<'a> {
    node: &'a Node,
    table: &'a Table,
    place: &'a str,
}

impl<'a> Reader<'a> {
    /// Opens the table that errors call `place`; a key that is not among `valid` is an error.
    pub fn open(node: &'a Node, place: &'a str, valid: &[&str]) -> Result<Self> {
        #[cfg(test)]
        asked::keys(place, valid);
        let table = node.table(place)?;
        let Some((key, value)) = table.iter().find(|(key, _)| !valid.contains(&key.as_str())) else {
            return Ok(Self { node, table, place });
        };
        let mut valid = valid.to_vec();
        valid.sort_unstable();
        let hint = did_you_mean(key, valid.iter().copied());
        let (key, valid) = (shown(key), valid.join(", "));
        Err(value.fault(format!("unknown key `{key}` in {place}{hint} (valid: {valid})")))
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.table.get(key)
    }

    /// The value of `key`; `example` is what the error tells the user to write.
    pub fn require(&self, key: &str, example: &str) -> Result<&'a Node> {
        self.get(key).ok_or_else(|| self.missing(key, example))
    }

    /// The error for a key that has to be there.
    pub fn missing(&self, key: &str, example: &str) -> Error {
        self.fault(key, format!("`{key}` is missing in {}; write {example}", self.place))
    }

    /// An error about the value of `key`, or about the table if it is not there.
    pub fn fault(&self, key: &str, message: impl Into<String>) -> Error {
        self.get(key).unwrap_or(self.node).fault(message)
    }

    /// A string.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        self.typed(key, "a string", |value| if let Value::Text(text) = value { Some(text.as_str()) } else { None })
    }

    /// `true` or `false`.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", |value| if let Value::Boolean(value) = value { Some(*value) } else { None })
    }

    /// A whole number in `range`.
    pub fn whole<T: TryFrom<i64> + PartialOrd + Display>(
        &self,
        key: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.typed(key, &expected, |value| {
            let Value::Integer(value) = value else { return None };
            T::try_from(*value).ok().filter(|value| range.contains(value))
        })
    }

    /// A finite number, whole or not.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a finite number", finite)
    }

    /// A finite number, whole or not, that is 0 or more.
    pub fn not_negative(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a finite number, 0 or more", |value| finite(value).filter(|value| *value >= 0.0))
    }

    /// A number in `range`, whole or not.
    pub fn number_in(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let expected = format!("a number from {:?} to {:?}", range.start(), range.end());
        self.typed(key, &expected, |value| finite(value).filter(|value| range.contains(value)))
    }

    /// The value that a name stands for; `what` is what an error calls it.
    pub fn named<T: Clone>(&self, key: &str, what: &str, names: &[(&str, T)]) -> Result<Option<T>> {
        #[cfg(test)]
        asked::names(self.place, key, names.iter().map(|(name, _)| *name));
        self.get(key).map(|node| named(node, what, names)).transpose()
    }

    /// What `accept` makes of the value; `expected` is what the error says when it makes nothing of it.
    pub fn typed<T>(&self, key: &str, expected: &str, accept: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(node) = self.get(key) else { return Ok(None) };
        accept(&node.value).map(Some).ok_or_else(|| {
            let (place, found) = (self.place, node.found());
            node.fault(format!("`{key}` in {place} must be {expected}; found {found}"))
        })
    }
}

/// A finite number; a whole one stands for the nearest, as 0.1 does.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is no number.
pub(super) fn finite(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Number(value) => Some(*value).filter(|value| value.is_finite()),
        _ => None,
    }
}

/// What is written where something optional is to be absent though it was set before.
pub(super) const NONE: (&str, &str) = ("none", "\"none\"");

/// Whether what is otherwise a table, as in `example`, says that there is to be none of it.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
pub(super) fn is_off(node: &Node, what: &str, example: &str) -> Result<bool> {
    let (word, form) = NONE;
    match &node.value {
        Value::Table(_) => Ok(false),
        Value::Text(text) if text == word => Ok(true),
        Value::Text(text) => {
            let (hint, text) = (did_you_mean(text, [word].into_iter()), shown(text));
            Err(node.fault(format!("unknown {what} `{text}`{hint} (valid: {form}, {example})")))
        }
        _ => Err(node.fault(format!("{what} must be {form} or {example}; found {}", node.found()))),
    }
}

/// A choice as typed: a name alone, or a name with settings (`{ name = settings }`).
pub(super) struct Choice<'a> {
    node: &'a Node,
    what: &'a str,
    forms: &'a [(&'a str, &'a str)],
    /// The name, and its settings where there are some.
    pub typed: (&'a str, Option<&'a Node>),
}

impl<'a> Choice<'a> {
    /// Reads what errors call `what`; `forms` has every name with how it is written.
    #[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
    pub fn read(node: &'a Node, what: &'a str, forms: &'a [(&'a str, &'a str)]) -> Result<Self> {
        #[cfg(test)]
        asked::choice(what, forms);
        let typed = match &node.value {
            Value::Text(name) => Some((name.as_str(), None)),
            Value::Table(table) if table.len() == 1 => {
                table.iter().next().map(|(name, settings)| (name.as_str(), Some(settings)))
            }
            _ => None,
        };
        typed.map(|typed| Self { node, what, forms, typed }).ok_or_else(|| {
            let (valid, found) = (listed(forms), node.found());
            node.fault(format!("{what} must be one of {valid}; found {found}"))
        })
    }

    /// Whether it says that there is to be none of it.
    pub fn is_none(&self) -> bool {
        self.typed == (NONE.0, None)
    }

    /// The error for a choice that is not one of the forms.
    pub fn unknown(&self) -> Error {
        let name = self.typed.0;
        if let Some((_, form)) = self.forms.iter().find(|(known, _)| *known == name) {
            return self.node.fault(format!("{} `{name}` is written {form}", self.what));
        }
        let hint = did_you_mean(name, self.forms.iter().map(|(known, _)| *known));
        let (what, name, valid) = (self.what, shown(name), listed(self.forms));
        self.node.fault(format!("unknown {what} `{name}`{hint} (valid: {valid})"))
    }
}

fn named<T: Clone>(node: &Node, what: &str, names: &[(&str, T)]) -> Result<T> {
    let quoted: Vec<String> = names.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let forms: Vec<(&str, &str)> = names.iter().zip(&quoted).map(|((name, _), form)| (*name, form.as_str())).collect();
    let choice = Choice::read(node, what, &forms)?;
    let named = names.iter().find(|(name, _)| choice.typed == (*name, None));
    named.map(|(_, value)| value.clone()).ok_or_else(|| choice.unknown())
}

fn listed(forms: &[(&str, &str)]) -> String {
    forms.iter().map(|(_, form)| *form).collect::<Vec<_>>().join(", ")
}

/// What readers were asked for on this thread, so that a test can hold the documentation against it.
#[cfg(test)]
pub(super) mod asked {
    use std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet},
    };

    /// Choices that have settings have to be among those that are merged as choices, whatever test reads them.
    pub(super) fn choice(what: &str, forms: &[(&str, &str)]) {
        let has_settings = forms.iter().any(|(_, form)| form.contains('{'));
        // Faults stand in an array, which is replaced whole.
        let known = what == "fault" || crate::experiment::merge::CHOICES.iter().any(|(known, _)| *known == what);
        assert!(known || !has_settings, "merge::CHOICES does not have where {what} stands");
    }

    /// Keys by place, and the names that a value may have by place and key.
    #[derive(Debug, Default)]
    pub struct Asked {
        pub keys: BTreeMap<String, BTreeSet<String>>,
        pub names: BTreeMap<(String, String), BTreeSet<String>>,
    }

    thread_local!(static ASKED: RefCell<Asked> = RefCell::default());

    pub(super) fn keys(place: &str, valid: &[&str]) {
        let valid = valid.iter().map(|key| (*key).to_owned());
        ASKED.with_borrow_mut(|asked| asked.keys.entry(place.to_owned()).or_default().extend(valid));
    }

    pub(super) fn names<'a>(place: &str, key: &str, names: impl Iterator<Item = &'a str>) {
        let place = (place.to_owned(), key.to_owned());
        ASKED.with_borrow_mut(|asked| asked.names.entry(place).or_default().extend(names.map(str::to_owned)));
    }

    /// All that was asked for while this ran.
    pub fn during<T>(run: impl FnOnce() -> T) -> (T, Asked) {
        ASKED.take();
        let result = run();
        (result, ASKED.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        for (typed, expected) in [
            ("optimiser", "; did you mean `optimizer`?"),
            ("Optimizer", "; did you mean `optimizer`?"),
            ("los", "; did you mean `loss`?"),
            ("learning_rate", ""),
        ] {
            assert_eq!(did_you_mean(typed, ["loss", "optimizer", "steps"].into_iter()), expected);
        }
    }
}
