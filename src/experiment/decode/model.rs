//! `[model]`: layers, and where their initial weights come from.
//!
//! A layer's inputs follow from the layer before and the first one's from the data; where they are written they have
//! to fit. The last width has to be that of the data's targets. `[model] bias` holds for every linear layer that
//! does not say otherwise itself.

use super::{fit, layer};
use crate::{
    data::set::{DataSet, Encoding},
    error::Result,
    experiment::{
        reader::{Choice, Reader},
        tree::{Node, Value},
    },
    model::{
        Model,
        init::{Init, Size},
    },
    tensor::Shape,
    training::Training,
};
use std::path::Path;

/// A wider layer is a slip of the finger: the widest of the published comparisons has 17,500 inputs.
pub(super) const MOST_COLUMNS: usize = 1_000_000;
/// 0.8 GB in f64, of which a run holds several copies.
const MOST_TRAINED: usize = 100_000_000;

pub(super) const INITS: [(&str, &str); 10] = [
    ("pytorch", "\"pytorch\""),
    ("uniform01", "\"uniform01\""),
    ("normal", "\"normal\" or { normal = { std = 0.1 } }"),
    ("uniform", "{ uniform = { low = -1, high = 1, divided_by = \"sqrt-inputs\" } }"),
    ("truncated-normal", "\"truncated-normal\""),
    ("xavier-normal", "\"xavier-normal\""),
    ("xavier-uniform", "\"xavier-uniform\""),
    ("kaiming", "\"kaiming\""),
    ("zeros", "\"zeros\""),
    ("file", "{ file = \"weights.npz\" }"),
];

/// Layers that are run: some of what is made of them takes time that grows with their square.
const MOST_LAYERS: usize = 2000;

/// The model of a side, where its weights come from, and how targets reach its loss.
pub(super) fn decode(
    top: &Reader,
    data: &DataSet,
    training: &Training,
    folder: &Path,
) -> Result<(Model, Init, Encoding)> {
    let model = top.require("model", "[model] with layers = [...]")?;
    let table = Reader::open(model, "[model]", &["bias", "init", "layers"])?;
    let bias = table.boolean("bias")?.unwrap_or(true);
    let init = table.get("init").map_or(Ok(Init::Pytorch), |node| init(node, folder))?;
    let layers = table.require("layers", "layers = [{ linear = { outputs = 1 } }, \"sigmoid\"]")?;
    let (model, encoding) = stack(layers, bias, top.get("data").unwrap_or(model), data, training)?;
    Ok((model, init, encoding))
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn stack(layers: &Node, bias: bool, of_data: &Node, data: &DataSet, training: &Training) -> Result<(Model, Encoding)> {
    let nodes = match &layers.value {
        Value::Array(nodes) if nodes.len() > MOST_LAYERS => {
            let count = nodes.len();
            return Err(layers.fault(format!("there are {count} layers; at most {MOST_LAYERS} are run")));
        }
        Value::Array(nodes) if !nodes.is_empty() => nodes,
        Value::Array(_) => return Err(layers.fault("`layers` is empty; a model needs at least one layer")),
        _ => return Err(layers.fault(format!("`layers` in [model] must be an array; found {}", layers.found()))),
    };
    let inputs = data.columns;
    let mut row = Shape::new(&[inputs]);
    let mut stack = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let layer = layer::decode(node, index, row.elements(), bias)?;
        row = layer.output(row).map_err(|why| node.fault(format!("layer {index} ({layer}) {why}")))?;
        stack.push(layer);
    }
    fit::targets(of_data, data, training.loss.of_classes(), row.elements())?;
    let encoding = data.encoding(row.elements(), training.loss.of_classes()).map_err(|error| {
        nodes.iter().rev().find_map(|node| node.find(&["linear", "outputs"])).unwrap_or(layers).fault(error.to_string())
    })?;
    let model = Model::new(stack, inputs).map_err(|error| layers.fault(error.to_string()))?;
    let sizes = model.parameters().into_iter().map(|parameter| parameter.shape.elements());
    match sizes.fold(0, usize::saturating_add) {
        0 => Err(layers.fault("no layer has weights to train; add one that has: { linear = { outputs = 1 } }")),
        1..=MOST_TRAINED => Ok((model, encoding)),
        trained => Err(layers.fault(format!("the model has {trained} weights and biases; at most {MOST_TRAINED} fit"))),
    }
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
fn init(node: &Node, folder: &Path) -> Result<Init> {
    let choice = Choice::read(node, "init", &INITS)?;
    Ok(match choice.typed {
        ("pytorch", None) => Init::Pytorch,
        ("uniform01", None) => Init::Uniform01,
        ("normal", None) => Init::normal(1.0),
        ("normal", Some(settings)) => {
            let table = Reader::open(settings, "init normal", &["std", "divided_by", "biases"])?;
            let std = table.not_negative("std")?.unwrap_or(1.0);
            Init::Normal { std, divided_by: divided_by(&table)?, biases: table.boolean("biases")?.unwrap_or(true) }
        }
        ("uniform", Some(settings)) => {
            let table = Reader::open(settings, "init uniform", &["low", "high", "divided_by", "biases"])?;
            let (low, high) = (table.number("low")?.unwrap_or(-1.0), table.number("high")?.unwrap_or(1.0));
            if high < low {
                return Err(table.fault("high", format!("`high` must not be below `low`; here {low} and {high}")));
            }
            let biases = table.boolean("biases")?.unwrap_or(true);
            Init::Uniform { low, high, divided_by: divided_by(&table)?, biases }
        }
        ("truncated-normal", None) => Init::TruncatedNormal,
        ("xavier-normal", None) => Init::XavierNormal,
        ("xavier-uniform", None) => Init::XavierUniform,
        ("kaiming", None) => Init::Kaiming,
        ("zeros", None) => Init::Zeros,
        ("file", Some(path)) => match &path.value {
            Value::Text(text) if !text.is_empty() => Init::File(folder.join(text)),
            _ => return Err(path.fault(format!("init file must be the path of a file; found {}", path.found()))),
        },
        _ => return Err(choice.unknown()),
    })
}

/// What draws are divided by.
fn divided_by(table: &Reader) -> Result<Size> {
    Ok(table.named("divided_by", "divisor", &Size::NAMES)?.unwrap_or(Size::One))
}
