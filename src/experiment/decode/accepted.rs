//! `accepted`: deviations that were decided on.

use super::super::{
    Accepted, Waiver,
    reader::Reader,
    tree::{Node, Value},
};
use crate::error::Result;

const EXAMPLE: &str = "accepted = [{ cause = \"gelu-by-tanh\", why = \"as in GPT-2\", until = \"2027-06-01\" }]";

/// Every decision, with the place where it was typed.
pub(super) fn decode(node: &Node) -> Result<Vec<Waiver>> {
    let Value::Array(waivers) = &node.value else {
        return Err(node.fault(format!("`accepted` must be a list, as {EXAMPLE}; found {}", node.found())));
    };
    waivers.iter().map(waiver).collect()
}

fn waiver(node: &Node) -> Result<Waiver> {
    let table = Reader::open(node, "accepted", &["cause", "place", "why", "until"])?;
    let of = match (table.text("cause")?, table.text("place")?) {
        (Some(cause), None) => Accepted::Cause(cause.to_owned()),
        (None, Some(place)) => Accepted::Place(place.to_owned()),
        (Some(_), Some(_)) => {
            return Err(
                table.fault("place", "`cause` and `place` are two decisions in accepted; write one table for each")
            );
        }
        (None, None) => return Err(table.missing("cause", "cause = \"gelu-by-tanh\", or place = \"update/2.bias\"")),
    };
    let why = table.text("why")?.map(str::trim).filter(|why| !why.is_empty());
    let why = why.ok_or_else(|| table.missing("why", "why = \"…\": who reads it in a year has nothing else"))?;
    let until = table.typed("until", "a day, as \"2027-06-01\"", day)?;
    Ok(Waiver { of, why: why.to_owned(), until, origin: node.origin.to_string() })
}

/// A day of the calendar, as a string or as TOML's own.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is no day.
fn day(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) | Value::Date(text) => text,
        _ => return None,
    };
    let parsed: toml::value::Datetime = text.parse().ok()?;
    (parsed.time.is_none() && parsed.date.is_some()).then(|| text.clone())
}
