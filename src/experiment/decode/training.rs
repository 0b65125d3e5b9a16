//! `[training]`: what is optimized and printed, and how gradients become updates.

use super::optimizer;
use crate::{
    error::Result,
    experiment::reader::Reader,
    training::{Loss, ReportedLoss, ReportedMeasure, Training},
};

const LOSSES: [(&str, Loss); 3] = [
    ("mse", Loss::MEAN_SQUARED_ERROR),
    ("sum-squares", Loss::SUM_SQUARES),
    ("half-sum-squares", Loss::HALF_SUM_SQUARES),
];

/// The table, once its keys are known to be valid.
pub(super) fn open<'a>(top: &Reader<'a>) -> Result<Reader<'a>> {
    let training = top.require("training", "[training] with loss, optimizer and steps")?;
    let own = ["loss", "reported_loss", "optimizer", "schedule", "clip", "faults"];
    let valid = [&own[..], &super::course::KEYS].concat();
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
