//! `[training]`: what is optimized and printed, how gradients become updates, on which batches and for how long.
//!
//! Loss and optimizer may differ between the sides; batch size and length are read once for both. The bounds keep
//! counts of steps from overflowing, and the rules of SGD are PyTorch's.

use super::loss;
use crate::{
    data::{BatchSize, Length},
    error::Result,
    experiment::{
        reader::{Choice, Reader},
        tree::{Node, Value},
    },
    training::{Optimizer, Sgd, Training},
};

/// The longest training and the largest batch, so that no product of counts overflows.
const MOST: usize = 1_000_000_000;

/// The table, once its keys are known to be valid.
pub(super) fn open<'a>(top: &Reader<'a>) -> Result<Reader<'a>> {
    let training = top.require("training", "[training] with loss, optimizer and steps")?;
    let valid = ["loss", "reported_loss", "penalty", "optimizer", "batch_size", "steps", "epochs"];
    Reader::open(training, "[training]", &valid)
}

/// What one side does with a batch.
pub(super) fn decode(table: &Reader) -> Result<Training> {
    let loss = loss::loss(table.require("loss", "loss = \"mse\"")?)?;
    let reported = table.get("reported_loss").map(|node| loss::reported(node, &loss)).transpose()?;
    let penalties = table.get("penalty").map_or(Ok(Vec::new()), loss::penalties)?;
    let optimizer = optimizer(table.require("optimizer", "optimizer = { sgd = { lr = 0.3 } }")?)?;
    let training = Training::new(loss, optimizer);
    Ok(Training { reported_loss: reported.unwrap_or(training.reported_loss), penalties, ..training })
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

fn optimizer(node: &Node) -> Result<Optimizer> {
    let choice = Choice::read(node, "optimizer", &[("sgd", "{ sgd = { lr = 0.3 } }")])?;
    match choice.typed {
        ("sgd", Some(settings)) => sgd(settings).map(Optimizer::Sgd),
        _ => Err(choice.unknown()),
    }
}

fn sgd(settings: &Node) -> Result<Sgd> {
    let table = Reader::open(settings, "sgd", &["lr", "momentum", "dampening", "nesterov"])?;
    let lr = table.not_negative("lr")?;
    let sgd = Sgd {
        lr: lr.ok_or_else(|| table.missing("lr", "lr = 0.3, the learning rate"))?,
        momentum: table.not_negative("momentum")?.unwrap_or(0.0),
        dampening: table.number("dampening")?.unwrap_or(0.0),
        nesterov: table.boolean("nesterov")?.unwrap_or(false),
        weight_decay: 0.0,
    };
    if sgd.nesterov && !(sgd.momentum > 0.0 && sgd.dampening == 0.0) {
        let Sgd { momentum, dampening, .. } = sgd;
        let rule = "nesterov needs momentum above 0 and dampening 0, as in PyTorch";
        let here = format!("{rule}; here momentum = {momentum} and dampening = {dampening}");
        return Err(table.fault("nesterov", here));
    }
    Ok(sgd)
}
