//! `[training]`: what is optimized and printed, and how gradients become updates.

use super::{loss, optimizer};
use crate::{error::Result, experiment::reader::Reader, training::Training};

/// The table, once its keys are known to be valid.
pub(super) fn open<'a>(top: &Reader<'a>) -> Result<Reader<'a>> {
    let training = top.require("training", "[training] with loss, optimizer and steps")?;
    let own = ["loss", "reported_loss", "penalty", "optimizer", "schedule", "accumulate", "clip", "faults"];
    let valid = [&own[..], &super::course::KEYS].concat();
    Reader::open(training, "[training]", &valid)
}

/// What one side does with a batch.
pub(super) fn decode(table: &Reader) -> Result<Training> {
    let loss = loss::loss(table.require("loss", "loss = \"mse\"")?)?;
    let reported = table.get("reported_loss").map(|node| loss::reported(node, &loss)).transpose()?;
    let optimizer = optimizer::optimizer(table.require("optimizer", "optimizer = { sgd = { lr = 0.3 } }")?)?;
    let training = Training::new(loss, optimizer);
    Ok(Training {
        reported_loss: reported.unwrap_or(training.reported_loss),
        penalties: table.get("penalty").map_or(Ok(Vec::new()), loss::penalties)?,
        schedule: table.get("schedule").map_or(Ok(None), optimizer::schedule)?,
        accumulate: optimizer::accumulate(table)?,
        clip: table.get("clip").map_or(Ok(None), optimizer::clip)?,
        ..training
    })
}
