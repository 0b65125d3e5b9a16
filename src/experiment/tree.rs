//! Values as they were typed, each with its origin: the line of a file, or a `--set`.
//!
//! An origin stays with its value through every merge, so that an error can name the place to mend. A key and its
//! value stand on one line in TOML, so that one origin serves both.

use crate::error::{Error, Result};
use std::{collections::BTreeMap, rc::Rc};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Deeper than any key of the schema (`candidate.model.layer.2.linear.bias` is 6); keeps recursion shallow.
const DEEPEST: usize = 16;

/// Values by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    /// `file:line`, or the `--set` as typed.
    pub origin: Rc<str>,
}

/// What TOML can say. Dates are kept only to be named in an error: no key takes one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Date(String),
    Array(Vec<Node>),
    Table(Table),
}

impl Node {
    /// The content of a file; `name` stands before the line in errors.
    pub fn parse_file(text: &[u8], name: &str) -> Result<Self> {
        let breaks: Vec<usize> =
            text.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at).collect();
        let locate =
            |offset: usize| -> Rc<str> { format!("{name}:{}", 1 + breaks.partition_point(|&at| at < offset)).into() };
        let text = std::str::from_utf8(text)
            .map_err(|error| fault(&locate(error.valid_up_to()), "not TOML: the bytes here are not UTF-8 text"))?;
        let table = DeTable::parse(text).map_err(|error| {
            let origin = error.span().map_or_else(|| name.into(), |span| locate(span.start));
            fault(&origin, format!("not TOML: {}", error.message().replace('\n', " ")))
        })?;
        convert(&DeValue::Table(table.into_inner()), locate(0), &locate, DEEPEST)
    }

    /// `[reference.|candidate.]KEY=VALUE` as the tables that its dotted key stands for. VALUE is TOML, else a string.
    pub fn parse_set(set: &str) -> Result<Self> {
        let origin: Rc<str> = format!("--set {set}").into();
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| fault(&origin, "write KEY=VALUE, for example --set training.steps=100"))?;
        let parts: Vec<&str> = key.split('.').map(str::trim).collect();
        if parts.contains(&"") {
            return Err(fault(&origin, "the key has an empty part; write it like training.optimizer.sgd.lr"));
        }
        if parts.len() > DEEPEST {
            return Err(fault(&origin, "the key has too many parts"));
        }
        let value = value.trim();
        let innermost = match DeValue::parse(value) {
            Ok(value) => convert(value.get_ref(), origin.clone(), &|_| origin.clone(), DEEPEST)?,
            Err(_) => Self { value: Value::Text(value.to_owned()), origin: origin.clone() },
        };
        Ok(parts.iter().rev().fold(innermost, |node, part| Self {
            value: Value::Table(Table::from([((*part).to_owned(), node)])),
            origin: origin.clone(),
        }))
    }

    /// An error about this value.
    pub fn fault(&self, message: impl Into<String>) -> Error {
        fault(&self.origin, message)
    }

    /// The table this is, or an error that calls it `place`.
    pub fn table(&self, place: &str) -> Result<&Table> {
        let Value::Table(table) = &self.value else {
            return Err(self.fault(format!("{place} must be a table; found {}", self.found())));
        };
        Ok(table)
    }

    /// The value at the end of a path of keys, if there is one.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| {
            let Value::Table(table) = &node.value else { return None };
            table.get(*key)
        })
    }

    /// Takes a key and its value out of the table this is.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Table(table) = &mut self.value else { return None };
        table.remove(key)
    }

    /// A table of this key alone, if it is there.
    pub fn only(&self, key: &str) -> Option<Self> {
        let found = self.find(&[key])?.clone();
        Some(Self { value: Value::Table([(key.to_owned(), found)].into_iter().collect()), ..self.clone() })
    }

    /// Where every value was typed, by its dotted key; `place` is this one's. The layers of `model.layers` are `model.layer.0`…
    pub fn origins(&self, place: &str, found: &mut BTreeMap<String, String>) {
        found.insert(place.to_owned(), self.origin.to_string());
        let inner = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        match &self.value {
            Value::Table(table) => table.iter().for_each(|(key, node)| node.origins(&inner(key), found)),
            Value::Array(nodes) => {
                let place = place.strip_suffix("layers").map_or(place.to_owned(), |model| format!("{model}layer"));
                nodes.iter().enumerate().for_each(|(at, node)| node.origins(&format!("{place}.{at}"), found));
            }
            Value::Text(_) | Value::Integer(_) | Value::Number(_) | Value::Boolean(_) | Value::Date(_) => {}
        }
    }

    /// The value in words, for "found …".
    pub fn found(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("the string \"{}\"", shown(text)),
            Value::Integer(value) => format!("the integer {value}"),
            Value::Number(value) => format!("the number {value:?}"),
            Value::Boolean(value) => value.to_string(),
            Value::Date(date) => format!("the date {date}"),
            Value::Array(_) => "an array".to_owned(),
            Value::Table(table) => format!("a table of {} keys", table.len()).replace(" 1 keys", " 1 key"),
        }
    }

    /// The values without their origins.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::Integer(value) => (*value).into(),
            Value::Number(value) => (*value).into(),
            Value::Boolean(value) => (*value).into(),
            Value::Array(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Table(table) => table.iter().map(|(key, node)| (key.clone(), node.to_json())).collect(),
        }
    }
}

/// An error about what was typed at `origin`.
pub(super) fn fault(origin: &str, message: impl Into<String>) -> Error {
    Error::Experiment { origin: origin.to_owned(), message: message.into() }
}

/// A user's text as an error shows it: on one line, without control characters, and not too long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let start: String = text.chars().take(LONGEST).collect();
    format!("{}{}", start.escape_debug(), if start.len() < text.len() { "…" } else { "" })
}

/// The parser's value as a node; `locate` turns an offset into an origin.
fn convert(value: &DeValue, origin: Rc<str>, locate: &dyn Fn(usize) -> Rc<str>, depth: usize) -> Result<Node> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(fault(&origin, "tables and arrays are nested too deeply"));
    };
    let inner = |value: &Spanned<DeValue>, offset| convert(value.get_ref(), locate(offset), locate, depth);
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => Value::Integer(
            i64::from_str_radix(integer.as_str(), integer.radix())
                .map_err(|_| fault(&origin, format!("the integer {} is too large", shown(integer.as_str()))))?,
        ),
        DeValue::Float(number) => Value::Number(
            number.as_str().parse().map_err(|_| fault(&origin, format!("{} is not a number", number.as_str())))?,
        ),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(values) => {
            Value::Array(values.iter().map(|value| inner(value, value.span().start)).collect::<Result<_>>()?)
        }
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), inner(value, key.span().start)?)))
                .collect::<Result<_>>()?,
        ),
    };
    Ok(Node { value, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let text = "a = 1\n[b]\nc.d = [\n  2,\n  3]\r\n[[e]]\nf = 4\n";
        let tree = Node::parse_file(text.as_bytes(), "x.toml").unwrap();
        for (path, line) in [(&["a"][..], 1), (&["b"], 2), (&["b", "c"], 3), (&["b", "c", "d"], 3), (&["e"], 6)] {
            assert_eq!(&*tree.find(path).unwrap().origin, format!("x.toml:{line}"), "{path:?}");
        }
        let Value::Array(elements) = &tree.find(&["b", "c", "d"]).unwrap().value else { panic!("an array") };
        assert_eq!((&*elements[0].origin, &*elements[1].origin), ("x.toml:4", "x.toml:5"));
    }

    #[test]
    fn the_value_of_a_set_is_toml_or_else_a_string() {
        for (set, expected) in [
            ("a.b=1", Value::Integer(1)),
            ("a.b = 0.5", Value::Number(0.5)),
            ("a.b=true", Value::Boolean(true)),
            ("a.b='x'", Value::Text("x".to_owned())),
            ("a.b=sum-squares", Value::Text("sum-squares".to_owned())),
            ("a.b=x=y", Value::Text("x=y".to_owned())),
            ("a.b=", Value::Text(String::new())),
        ] {
            let tree = Node::parse_set(set).unwrap();
            let node = tree.find(&["a", "b"]).unwrap();
            assert_eq!((&node.value, &*node.origin), (&expected, &*format!("--set {set}")));
        }
    }

    #[test]
    fn nesting_too_deep_for_the_schema_is_an_error() {
        // The parser stops at 80 parts of a key and 80 open brackets; the worst is one within the other.
        let dotted = vec!["a"; 79].join(".");
        let nested = (0..79).fold("1".to_owned(), |value, _| format!("{{{dotted} = {value}}}"));
        let worst = move || {
            for text in [
                format!("a = {}", "[".repeat(100_000)),
                format!("{}a = 1", "a.".repeat(100_000)),
                format!("[{dotted}]\n{dotted} = {nested}"),
            ] {
                assert!(Node::parse_file(text.as_bytes(), "x.toml").is_err());
            }
            assert!(Node::parse_set(&format!("{}a=1", "a.".repeat(100_000))).is_err());
            assert!(Node::parse_set(&format!("a={nested}")).is_err());
        };
        // The stack of a program's first thread; a test's own is smaller.
        std::thread::Builder::new().stack_size(8 << 20).spawn(worst).unwrap().join().unwrap();
    }
}
