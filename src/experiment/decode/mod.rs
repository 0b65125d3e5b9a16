//! The schema: what each key of a merged tree means, its default, and what is refused.
//!
//! Every default stands here and nowhere else. Errors name the place of the value that has to change.

mod accepted;
mod course;
mod data;
pub(super) mod faults;
pub(super) mod fit;
mod layer;
mod loss;
mod model;
mod optimizer;
pub(super) mod recorded;
mod text;
mod training;

use super::{
    EngineKind, Noise, Side, Waiver,
    reader::{Reader, finite},
    tree::{Node, Value},
};
use crate::{
    data::{DataKind, set::DataSet},
    error::Result,
    tensor::DType,
    training::{Course, Training},
};
use recorded::Named;
use std::path::Path;

pub(super) use loss::REPORTED_LOSS;
#[cfg(test)]
pub(super) use schema::{CHOICES, data_kind, kinds};

/// What stands at the top of every file.
const TOP: [&str; 11] =
    ["title", "seed", "dtype", "data", "model", "training", "noise", "map", "accepted", "reference", "candidate"];
/// What stands under `[reference]` and `[candidate]`.
const ON_A_SIDE: [&str; 7] = ["seed", "dtype", "model", "training", "engine", "threads", "map"];
/// What does not: the sides train on the same rows in the same order, and one run judges both.
const SHARED: [&[&str]; 11] = [
    &["title"],
    &["accepted"],
    &["data"],
    &["noise"],
    &["training", "last_batch"],
    &["training", "shuffle"],
    &["training", "steps"],
    &["training", "epochs"],
    &["training", "validation"],
    &["training", "early_stopping"],
    &["training", "checkpoint"],
];

/// Each takes as long, and as much memory, as the reference.
const MOST_TWINS: usize = 16;

/// What `noise` says where nothing is to be judged.
const NOISE_OFF: &str = "off";

/// What both sides share.
pub(super) struct Shared {
    pub title: Option<String>,
    pub data: DataKind,
    pub course: Course,
    pub noise: Noise,
    pub accepted: Vec<Waiver>,
}

/// Refuses keys on the wrong level of one file or one `--set`; after merging it no longer shows where a key was.
pub(super) fn check_levels(root: &Node) -> Result<()> {
    for key in ["engine", "threads"] {
        if let Some(node) = root.find(&[key]) {
            return Err(node.fault(format!("`{key}` belongs to one side: write it under [reference] or [candidate]")));
        }
    }
    let top = Reader::open(root, "the experiment", &TOP)?;
    for name in ["reference", "candidate"] {
        let Some(side) = top.get(name) else { continue };
        if let Some((path, node)) = SHARED.iter().find_map(|path| Some((path, side.find(path)?))) {
            let key = path.join(".");
            return Err(
                node.fault(format!("`{key}` cannot differ between the sides of one run; move it out of [{name}]"))
            );
        }
        Reader::open(side, &format!("[{name}]"), &ON_A_SIDE)?;
    }
    Ok(())
}

/// What both sides share, from the merged tree of the reference, whose seed is that of the data. Beside a trace that was
/// `recorded`, data and length may be left out.
pub(super) fn shared(root: &Node, recorded: bool) -> Result<Shared> {
    let top = open(root)?;
    optimizer::refuse_ascent(root)?;
    let seed = seed(&top)?;
    let data = data::decode(&top, seed, recorded)?;
    let training = training::open(&top)?;
    Ok(Shared {
        title: top.text("title")?.map(str::to_owned),
        data,
        course: course::decode(&training, seed, recorded)?,
        noise: noise(&top)?,
        accepted: top.get("accepted").map_or(Ok(Vec::new()), accepted::decode)?,
    })
}

/// What one side says; `engine` is its default.
pub(super) fn side(root: &Node, engine: EngineKind, data: &DataSet, folder: &Path) -> Result<Side> {
    let top = open(root)?;
    if let Some(threads) = top.get("threads").filter(|threads| threads.value != Value::Integer(1)) {
        let found = threads.found();
        return Err(threads.fault(format!("run gives each side one thread: write threads = 1; found {found}")));
    }
    let engine = match top.get("engine").map(Named::read).transpose()? {
        Some(Named::Torch) => EngineKind::Torch,
        Some(Named::Scratch) => EngineKind::Scratch,
        Some(Named::Exact) => EngineKind::Exact,
        // It becomes that when the model is known.
        Some(Named::Trace(_)) | None => engine,
    };
    let asked = top.get("engine").is_some();
    let table = training::open(&top)?;
    let training = training::decode(&table)?;
    let (model, init, encoding) = model::decode(&top, data, &training, folder)?;
    if let Err(why) = training.suits(model.outputs()) {
        // The loss is at fault unless it fits alone.
        let key = if training.loss.suits(model.outputs()).is_err() { "loss" } else { "reported_loss" };
        return Err(table.fault(key, why));
    }
    let faults = faults::decode(&table, (&engine, asked), &model, &training)?;
    let engine = if asked { engine } else { faults::engine(engine, &faults) };
    Ok(Side {
        engine,
        dtype: dtype(root)?.unwrap_or(DType::F32),
        seed: seed(&top)?,
        model,
        init,
        training: Training { faults, ..training },
        encoding,
        batch_size: course::batch_size(&table)?,
    })
}

/// What one side trains with, checked without its model and its data.
pub(super) fn training(root: &Node) -> Result<Training> {
    training::decode(&training::open(&open(root)?)?)
}

/// The type that a side computes in, where it says so.
pub(super) fn dtype(root: &Node) -> Result<Option<DType>> {
    open(root)?.named("dtype", "dtype", &[("f32", DType::F32), ("f64", DType::F64)])
}

fn open(root: &Node) -> Result<Reader<'_>> {
    Reader::open(root, "the experiment", &[&TOP[..], &ON_A_SIDE].concat())
}

#[allow(clippy::wildcard_enum_match_arm)] // Any other value is to be a table.
fn noise(top: &Reader) -> Result<Noise> {
    let mut noise = Noise { judged: true, twins: None, horizon: 0.01 };
    if let Some(node) = top.get("noise") {
        match &node.value {
            Value::Text(word) if word == NOISE_OFF => return Ok(Noise { judged: false, ..noise }),
            Value::Text(_) => {
                let found = node.found();
                return Err(node.fault(format!(
                    "`noise` must be \"{NOISE_OFF}\", so that nothing is judged, or a table with `twins` and `horizon`; \
                     found {found}"
                )));
            }
            _ => {}
        }
        let table = Reader::open(node, "[noise]", &["twins", "horizon"])?;
        noise.twins = table.whole("twins", 0..=MOST_TWINS)?;
        let horizon = table.typed("horizon", "a number above 0, at most 1", |value| {
            finite(value).filter(|horizon| *horizon > 0.0 && *horizon <= 1.0)
        })?;
        noise.horizon = horizon.unwrap_or(noise.horizon);
    }
    Ok(noise)
}

fn seed(top: &Reader) -> Result<u64> {
    Ok(top.whole("seed", 0..=i64::MAX)?.map_or(0, i64::unsigned_abs))
}

/// The names that choices have, for the test of the documentation.
#[cfg(test)]
mod schema {
    use super::*;
    use crate::training::Fault;

    /// Names, and how each is written.
    pub type Forms = &'static [(&'static str, &'static str)];

    /// What a choice is called, and its names.
    pub const CHOICES: [(&str, Forms); 10] = [
        ("engine", &recorded::ENGINES),
        ("layer", &layer::LAYERS),
        ("init", &model::INITS),
        ("loss", &loss::LOSSES),
        ("optimizer", &optimizer::OPTIMIZERS),
        ("schedule", &optimizer::SCHEDULES),
        ("clip", &optimizer::CLIPS),
        ("fault", &Fault::ALL),
        ("rows", &text::ROWS),
        ("standardize", &data::STANDARDIZE),
    ];

    /// Every kind of data with its keys.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        data::KINDS.iter().map(|kind| (kind.name, kind.keys))
    }

    /// What `[data]` says.
    pub fn data_kind(data: &Node) -> Result<DataKind> {
        data::decode_kind(data, 0)
    }
}
