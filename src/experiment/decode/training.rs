//! `[training]`: what is optimized and printed, and how gradients become updates. The rules of SGD are PyTorch's.

use crate::{
    error::Result,
    experiment::{
        reader::{Choice, Reader},
        tree::Node,
    },
    training::{Loss, Optimizer, ReportedLoss, ReportedMeasure, Sgd, Training},
};

const LOSSES: [(&str, Loss); 3] = [
    ("mse", Loss::MEAN_SQUARED_ERROR),
    ("sum-squares", Loss::SUM_SQUARES),
    ("half-sum-squares", Loss::HALF_SUM_SQUARES),
];

/// The table, once its keys are known to be valid.
pub(super) fn open<'a>(top: &Reader<'a>) -> Result<Reader<'a>> {
    let training = top.require("training", "[training] with loss, optimizer and steps")?;
    let valid = [&["loss", "reported_loss", "optimizer"][..], &super::course::KEYS].concat();
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
    let optimizer = optimizer(table.require("optimizer", "optimizer = { sgd = { lr = 0.3 } }")?)?;
    let training = Training::new(loss, optimizer);
    Ok(Training { reported_loss: reported.map_or(training.reported_loss, ReportedLoss::from), ..training })
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
