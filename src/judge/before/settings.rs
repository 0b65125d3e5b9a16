//! What differs between the sides, setting by setting: as decoded, so that a default that was typed out is no difference.

use crate::{
    experiment::{Experiment, Side},
    run::{StartDifference, StartKind},
    training::{Accumulate, Adam, Clip, Curve, Norm, Optimizer, Penalty, ReportedLoss, ReportedMeasure, RmsProp, Sgd},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One setting: what is chosen, and with what.
struct Choice {
    name: String,
    /// Each with its value, and that which it has where it is not written.
    fields: Vec<(&'static str, String, Option<String>)>,
}

/// The keys that are told from what they mean, not from how they were typed.
const DECODED: [&str; 9] = [
    "model.layers",
    "training.loss",
    "training.penalty",
    "training.reported_loss",
    "training.optimizer",
    "training.schedule",
    "training.clip",
    "training.accumulate",
    // What each side is stands above.
    "engine",
];

/// The keys in which the sides differ, each as `KEY: reference / candidate`; `layers` are the differences of layers, which
/// the start knows.
pub(in crate::judge) fn differences(experiment: &Experiment, start: &[StartDifference]) -> Vec<String> {
    let layers = start.iter().filter(|difference| difference.kind == StartKind::Layer);
    let mut found: Vec<String> = layers
        .map(|difference| format!("{}: {} / {}", difference.tensor, difference.reference, difference.candidate))
        .collect();
    found.extend(biases(experiment));
    let [reference, candidate] = [&experiment.reference, &experiment.candidate].map(settings);
    for (key, one) in &reference {
        if let Some(other) = candidate.get(key) {
            found.extend(one.beside(other, key));
        }
    }
    let resolved = &experiment.resolved;
    found.extend(typed(&resolved["reference"], &resolved["candidate"], ""));
    found
}

/// The layers that differ in a bias alone, or in a norm's weight and bias, which the start tells as tensors that one side
/// has.
fn biases(experiment: &Experiment) -> Vec<String> {
    let (reference, candidate) = (&experiment.reference.model.layers, &experiment.candidate.model.layers);
    let alignment = experiment.alignment();
    let pairs = reference.iter().enumerate().filter_map(|(index, one)| {
        let other = candidate.get((*alignment.layers.get(index)?)?)?;
        (one != other && one.facts().plain == other.facts().plain).then_some((index, one, other))
    });
    pairs.map(|(index, one, other)| format!("layer {index}: {one} / {other}")).collect()
}

impl Choice {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fields: Vec::new() }
    }

    fn with(mut self, field: &'static str, value: impl ToString, default: Option<String>) -> Self {
        self.fields.push((field, value.to_string(), default));
        self
    }

    /// A number.
    fn number(self, field: &'static str, value: f64, default: Option<f64>) -> Self {
        self.with(field, short(value), default.map(short))
    }

    /// What differs from another one of the same key.
    fn beside(&self, other: &Self, key: &str) -> Vec<String> {
        if self.name != other.name {
            return vec![format!("{key}: {} / {}", self.words(), other.words())];
        }
        let pairs = self.fields.iter().zip(&other.fields).filter(|(one, other)| one.1 != other.1);
        let words = |(_, value, default): &(_, String, Option<String>)| {
            if default.as_ref() == Some(value) { format!("{value} (default)") } else { value.clone() }
        };
        // A choice that is no key has settings beside it.
        let key = if self.name.contains(' ') { key.to_owned() } else { format!("{key}.{}", self.name) };
        pairs.map(|(one, other)| format!("{key}.{}: {} / {}", one.0, words(one), words(other))).collect()
    }

    /// The choice with all that is not as it is by default.
    fn words(&self) -> String {
        let fields = self.fields.iter().filter(|(_, value, default)| default.as_ref() != Some(value));
        let fields: Vec<String> = fields.map(|(field, value, _)| format!("{field} {value}")).collect();
        if fields.is_empty() { self.name.clone() } else { format!("{} {{{}}}", self.name, fields.join(", ")) }
    }
}

/// A number as people type it.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

/// The settings of a side that are told by what they mean.
fn settings(side: &Side) -> BTreeMap<&'static str, Choice> {
    let training = &side.training;
    let penalty = |norm: Norm| {
        let own = training.penalties.iter().find(|penalty| penalty.norm == norm);
        own.map_or_else(
            || Choice::new("none"),
            |&Penalty { factor, mean, biases, .. }| {
                let name = if norm == Norm::L1 { "l1" } else { "l2" };
                let reduction = if mean { "mean" } else { "sum" };
                Choice::new(name)
                    .number("factor", factor, None)
                    .with("reduction", reduction, Some("sum".to_owned()))
                    .with("biases", biases, Some("true".to_owned()))
            },
        )
    };
    BTreeMap::from([
        ("training.loss", Choice::new(training.loss.to_string())),
        ("training.penalty.l1", penalty(Norm::L1)),
        ("training.penalty.l2", penalty(Norm::L2)),
        ("training.reported_loss", reported(&training.reported_loss, side)),
        ("training.optimizer", optimizer(training.optimizer)),
        ("training.schedule", schedule(side)),
        (
            "training.accumulate",
            match training.accumulate {
                None => Choice::new("1"),
                Some(Accumulate { batches, mean }) => {
                    Choice::new(batches.to_string()).with("mean", mean, Some("true".to_owned()))
                }
            },
        ),
        (
            "training.clip",
            match training.clip {
                None => Choice::new("none"),
                Some(Clip::Norm(most)) => Choice::new(format!("norm {}", short(most))),
                Some(Clip::Value(most)) => Choice::new(format!("value {}", short(most))),
            },
        ),
    ])
}

fn reported(reported: &ReportedLoss, side: &Side) -> Choice {
    let ReportedLoss { measure, penalty, after_update, running_mean } = reported;
    let own = matches!(measure, ReportedMeasure::Loss(loss) if *loss == side.training.loss);
    let name = if own { "what is optimized".to_owned() } else { measure.to_string() };
    // Without one it makes no difference.
    let penalty = *penalty || side.training.penalties.is_empty();
    Choice::new(name)
        .with("penalty", penalty, Some("true".to_owned()))
        .with("after_update", after_update, Some("false".to_owned()))
        .with("running_mean", running_mean, Some("false".to_owned()))
}

fn optimizer(optimizer: Optimizer) -> Choice {
    match optimizer {
        Optimizer::Sgd(Sgd { lr, momentum, dampening, nesterov, weight_decay }) => Choice::new("sgd")
            .number("lr", lr, None)
            .number("momentum", momentum, Some(0.0))
            .number("dampening", dampening, Some(0.0))
            .with("nesterov", nesterov, Some("false".to_owned()))
            .number("weight_decay", weight_decay, Some(0.0)),
        Optimizer::Adam(Adam { lr, betas, eps, weight_decay, decoupled }) => {
            let (name, usual) = if decoupled { ("adamw", Adam::adamw()) } else { ("adam", Adam::default()) };
            let both = |betas: [f64; 2]| format!("[{}, {}]", short(betas[0]), short(betas[1]));
            Choice::new(name)
                .number("lr", lr, Some(usual.lr))
                .with("betas", both(betas), Some(both(usual.betas)))
                .number("eps", eps, Some(usual.eps))
                .number("weight_decay", weight_decay, Some(usual.weight_decay))
        }
        Optimizer::RmsProp(RmsProp { lr, alpha, eps, weight_decay, momentum, centered }) => {
            let usual = RmsProp::default();
            Choice::new("rmsprop")
                .number("lr", lr, Some(usual.lr))
                .number("alpha", alpha, Some(usual.alpha))
                .number("eps", eps, Some(usual.eps))
                .number("weight_decay", weight_decay, Some(usual.weight_decay))
                .number("momentum", momentum, Some(usual.momentum))
                .with("centered", centered, Some("false".to_owned()))
        }
    }
}

fn schedule(side: &Side) -> Choice {
    let Some(schedule) = side.training.schedule else { return Choice::new("none") };
    let choice = match schedule.curve {
        Curve::Step { size, gamma } => Choice::new("step").with("size", size, None).number("gamma", gamma, None),
        Curve::Exponential { gamma } => Choice::new("exponential").number("gamma", gamma, None),
        Curve::Cosine { length, minimum } => {
            Choice::new("cosine").with("length", length, None).number("minimum", minimum, None)
        }
        Curve::Linear { start, end, length } => {
            Choice::new("warm-up").number("start", start, None).number("end", end, None).with("length", length, None)
        }
    };
    choice.with("every", if schedule.every_step { "step" } else { "epoch" }, None)
}

/// The other keys in which two trees differ, as they were typed.
fn typed(reference: &Value, candidate: &Value, path: &str) -> Vec<String> {
    use Value::{Null, Object};
    if DECODED.contains(&path) {
        return Vec::new();
    }
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (reference, candidate) {
        (Object(one), Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let value = |tree: &serde_json::Map<_, _>, key: &str| tree.get(key).cloned().unwrap_or(Null);
            keys.into_iter().flat_map(|key| typed(&value(one, key), &value(other, key), &below(key))).collect()
        }
        _ if reference == candidate => Vec::new(),
        _ => {
            let none = if path == "training.faults" { "none" } else { "default" };
            let shown = |value: &Value| if value.is_null() { none.to_owned() } else { value.to_string() };
            vec![format!("{path}: {} / {}", shown(reference), shown(candidate))]
        }
    }
}
