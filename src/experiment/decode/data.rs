//! `[data]`: what both sides train on. Each kind has its own keys.
//!
//! The bounds keep what is drawn within memory, and within what f32 can hold.

use super::model::MOST_COLUMNS;
use crate::{
    data::{DataKind, Regression},
    error::Result,
    experiment::{
        reader::{Reader, finite},
        tree::{Node, Value},
    },
};

/// 4,000,000 rows of xor, which take 140 MB.
const MOST_REPEATS: usize = 1_000_000;
/// 600 MB, as every number is held in f64 and in f32.
const MOST_NUMBERS: usize = 50_000_000;
/// The largest scale and noise: f32 ends at 3e38, and no normal deviate is 1e8.
const LARGEST: f64 = 1e30;

/// A kind of data as it is written.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What it takes beside `kind`.
    keys: &'static [&'static str],
    /// Reads them; the number is the seed.
    decode: fn(&Reader, u64) -> Result<DataKind>,
}

const KINDS: [Kind; 2] = [
    Kind { name: "xor", keys: &["repeat"], decode: xor },
    Kind { name: "regression", keys: &["rows", "inputs", "outputs", "noise", "scale"], decode: regression },
];

/// The data, drawn from `seed` where they are drawn.
pub(super) fn decode(top: &Reader, seed: u64) -> Result<DataKind> {
    let data = top.require("data", "[data] with kind = \"xor\"")?;
    let keys: Vec<&str> = KINDS.iter().flat_map(|kind| kind.keys).copied().chain(["kind"]).collect();
    let table = Reader::open(data, "[data]", &keys)?;
    let kind = table.named("kind", "kind of data", &KINDS.map(|kind| (kind.name, kind)))?;
    let kind = kind.ok_or_else(|| table.missing("kind", "kind = \"xor\" or kind = \"regression\""))?;
    for other in KINDS.iter().filter(|other| other.name != kind.name) {
        if let Some(key) = other.keys.iter().find(|key| table.get(key).is_some()) {
            let (owner, name, valid) = (other.name, kind.name, kind.keys.join(", "));
            return Err(table.fault(
                key,
                format!("`{key}` in [data] belongs to kind = \"{owner}\"; kind = \"{name}\" takes {valid}"),
            ));
        }
    }
    (kind.decode)(&table, seed)
}

fn xor(table: &Reader, _seed: u64) -> Result<DataKind> {
    Ok(DataKind::Xor { repeat: table.whole("repeat", 1..=MOST_REPEATS)?.unwrap_or(1) })
}

fn regression(table: &Reader, seed: u64) -> Result<DataKind> {
    let size = |key: &str, most, example: &str| table.whole(key, 1..=most)?.ok_or_else(|| table.missing(key, example));
    let rows = size("rows", MOST_NUMBERS, "rows = 64")?;
    let inputs = size("inputs", MOST_COLUMNS, "inputs = 16, the number of input columns")?;
    let outputs = size("outputs", MOST_COLUMNS, "outputs = 4, the number of target columns")?;
    let numbers = rows.saturating_mul(inputs + outputs).saturating_add(inputs.saturating_mul(outputs));
    if numbers > MOST_NUMBERS {
        return Err(table.fault(
            "rows",
            format!(
                "{rows} rows of {inputs} inputs and {outputs} outputs, with a map from these to those, are {numbers} \
                 numbers; at most {MOST_NUMBERS} fit"
            ),
        ));
    }
    let noise = table.number_in("noise", 0.0..=LARGEST)?.unwrap_or(0.1);
    let scale = table.get("scale").map_or_else(|| Ok(vec![1.0; inputs]), |node| scale(node, inputs))?;
    Ok(DataKind::Regression(Regression { rows, inputs, outputs, noise, scale, seed }))
}

/// One number for each of the `inputs` columns.
fn scale(node: &Node, inputs: usize) -> Result<Vec<f64>> {
    let factor = |node: &Node| {
        finite(&node.value).filter(|factor| factor.abs() <= LARGEST).ok_or_else(|| {
            let found = node.found();
            node.fault(format!(
                "`scale` in [data] must be a number from {:?} to {LARGEST:?}, or an array of {inputs} of them, one for \
                 each input column; found {found}",
                -LARGEST
            ))
        })
    };
    match &node.value {
        Value::Array(factors) if factors.len() == inputs => factors.iter().map(factor).collect(),
        Value::Array(factors) => {
            let count = factors.len();
            Err(node.fault(format!(
                "`scale` in [data] must be one number for all of the {inputs} input columns, or an array with one for \
                 each; found an array of {count}"
            )))
        }
        _ => Ok(vec![factor(node)?; inputs]),
    }
}
