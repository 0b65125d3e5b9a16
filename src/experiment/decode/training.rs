//! `[training]`: what is optimized and printed, how gradients become updates, on which batches and for how long.
//!
//! Loss and optimizer may differ between the sides; batch size and length are read once for both. The bounds keep
//! counts of steps from overflowing.

use super::optimizer;
use crate::{
    data::{BatchSize, Length},
    error::Result,
    experiment::{reader::Reader, tree::Value},
    training::{Loss, ReportedLoss, ReportedMeasure, Training},
};

/// The longest training and the largest batch, so that no product of counts overflows.
const MOST: usize = 1_000_000_000;

const LOSSES: [(&str, Loss); 3] = [
    ("mse", Loss::MEAN_SQUARED_ERROR),
    ("sum-squares", Loss::SUM_SQUARES),
    ("half-sum-squares", Loss::HALF_SUM_SQUARES),
];

/// The table, once its keys are known to be valid.
pub(super) fn open<'a>(top: &Reader<'a>) -> Result<Reader<'a>> {
    let training = top.require("training", "[training] with loss, optimizer and steps")?;
    let valid = ["loss", "reported_loss", "optimizer", "schedule", "clip", "faults", "batch_size", "steps", "epochs"];
    Reader::open(training, "[training]", &valid)
}

/// What one side does with a batch.
pub(super) fn decode(table: &Reader) -> Result<Training> {
    let loss = table.named("loss", "loss", &LOSSES)?;
    let loss = loss.ok_or_else(|| table.missing("loss", "loss = \"mse\""))?;
    let mut names: Vec<(&str, ReportedMeasure)> =
        LOSSES.into_iter().map(|(name, loss)| (name, ReportedMeasure::Loss(loss))).collect();
    names.push(("delta-times-mse", ReportedMeasure::DeltaTimesMse));
    let reported = table.named("reported_loss", "reported loss", &names)?;
    let optimizer = optimizer::optimizer(table.require("optimizer", "optimizer = { sgd = { lr = 0.3 } }")?)?;
    let training = Training::new(loss, optimizer);
    Ok(Training {
        reported_loss: reported.map_or(training.reported_loss, ReportedLoss::from),
        schedule: table.get("schedule").map(optimizer::schedule).transpose()?,
        clip: table.get("clip").map(optimizer::clip).transpose()?,
        ..training
    })
}

/// How many rows a step sees.
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
pub(super) fn length(table: &Reader) -> Result<Length> {
    match (table.whole("steps", 1..=MOST)?, table.whole("epochs", 1..=MOST)?) {
        (Some(steps), None) => Ok(Length::Steps(steps)),
        (None, Some(epochs)) => Ok(Length::Epochs(epochs)),
        (None, None) => Err(table.fault("steps", "[training] has no length; write steps = 5000 or epochs = 100")),
        (Some(_), Some(_)) => Err(table.fault("epochs", "`epochs` and `steps` both set the length; keep one of them")),
    }
}
