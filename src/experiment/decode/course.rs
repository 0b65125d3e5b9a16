//! The course of a training, which both sides share: the order of the rows, length, and what is looked at on the way.
//!
//! The bounds keep counts of steps from overflowing.

use crate::{
    data::{
        BatchSize, Length,
        order::{Last, Order, Shuffle},
    },
    error::Result,
    experiment::{
        reader::{NONE, Reader, is_off},
        tree::{Node, Value},
    },
    training::{Course, EarlyStopping, Every, Monitor},
};

/// The longest training and the largest batch, so that no product of counts overflows.
const MOST: usize = 1_000_000_000;

/// The keys that are read here.
pub(super) const KEYS: [&str; 8] =
    ["batch_size", "last_batch", "shuffle", "steps", "epochs", "validation", "early_stopping", "checkpoint"];

const LAST: [(&str, Last); 3] = [("keep", Last::Keep), ("drop", Last::Drop), ("split", Last::Split)];
const EVERY: &str = "\"epoch\", or a whole number of steps";
const EVERY_OR_NONE: &str = "\"none\", \"epoch\", or a whole number of steps";

/// The course, shuffled by `seed` where it is.
pub(super) fn decode(table: &Reader, seed: u64, recorded: bool) -> Result<Course> {
    let order = Order {
        size: batch_size(table)?,
        last: table.named("last_batch", "last batch", &LAST)?.unwrap_or(Last::Keep),
        shuffle: shuffle(table)?,
        seed,
    };
    Ok(Course {
        order,
        length: length(table, recorded)?,
        validation: every(table, "validation", EVERY)?.unwrap_or(Every::Epoch),
        early_stopping: table.get("early_stopping").map_or(Ok(None), early_stopping)?,
        checkpoint: checkpoint(table)?,
    })
}

/// How many rows a step sees.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
pub(super) fn batch_size(table: &Reader) -> Result<BatchSize> {
    let expected = format!("\"full\" or a whole number from 1 to {MOST}");
    let size = table.typed("batch_size", &expected, |value| match value {
        Value::Text(text) if text == "full" => Some(BatchSize::Full),
        Value::Integer(rows) => {
            usize::try_from(*rows).ok().filter(|rows| (1..=MOST).contains(rows)).map(BatchSize::Rows)
        }
        _ => None,
    })?;
    Ok(size.unwrap_or(BatchSize::Full))
}

/// How long to train.
fn length(table: &Reader, recorded: bool) -> Result<Length> {
    match (table.whole("steps", 1..=MOST)?, table.whole("epochs", 1..=MOST)?) {
        (Some(steps), None) => Ok(Length::Steps(steps)),
        (None, Some(epochs)) => Ok(Length::Epochs(epochs)),
        // As long as what was recorded.
        (None, None) if recorded => Ok(Length::Steps(MOST)),
        (None, None) => Err(table.fault("steps", "[training] has no length; write steps = 5000 or epochs = 100")),
        (Some(_), Some(_)) => Err(table.fault("epochs", "`epochs` and `steps` both set the length; keep one of them")),
    }
}

/// `true` is every epoch anew, as PyTorch's `DataLoader` shuffles.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn shuffle(table: &Reader) -> Result<Shuffle> {
    let shuffle = table.typed("shuffle", "true, false or \"once\"", |value| match value {
        Value::Boolean(true) => Some(Shuffle::EveryEpoch),
        Value::Boolean(false) => Some(Shuffle::No),
        Value::Text(text) if text == "once" => Some(Shuffle::Once),
        _ => None,
    })?;
    Ok(shuffle.unwrap_or(Shuffle::No))
}

fn checkpoint(table: &Reader) -> Result<Option<Every>> {
    let off = Value::Text(NONE.0.to_owned());
    if table.get("checkpoint").is_some_and(|node| node.value == off) {
        return Ok(None);
    }
    every(table, "checkpoint", EVERY_OR_NONE)
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn every(table: &Reader, key: &str, expected: &str) -> Result<Option<Every>> {
    table.typed(key, expected, |value| match value {
        Value::Text(text) if text == "epoch" => Some(Every::Epoch),
        Value::Integer(steps) => {
            usize::try_from(*steps).ok().filter(|steps| (1..=MOST).contains(steps)).map(Every::Steps)
        }
        _ => None,
    })
}

fn early_stopping(node: &Node) -> Result<Option<EarlyStopping>> {
    if is_off(node, "early stopping", "{ patience = 3 }")? {
        return Ok(None);
    }
    let place = "[training.early_stopping]";
    let table = Reader::open(node, place, &["patience", "rule", "monitor", "restore"])?;
    let patience = table.whole("patience", 1..=MOST)?;
    let exceeded = table.named("rule", "rule", &[(">=", false), (">", true)])?.unwrap_or(false);
    let monitors = [("loss", Monitor::Loss), ("accuracy", Monitor::Accuracy)];
    Ok(Some(EarlyStopping {
        patience: patience.ok_or_else(|| table.missing("patience", "patience = 3, looks without a new best"))?,
        exceeded,
        monitor: table.named("monitor", "monitor", &monitors)?.unwrap_or(Monitor::Loss),
        restore: table.boolean("restore")?.unwrap_or(true),
    }))
}
