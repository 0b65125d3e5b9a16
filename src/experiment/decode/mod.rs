//! The schema: what each key of a merged tree means, its default, and what is refused.
//!
//! Every default stands here and nowhere else. Errors name the place of the value that has to change.

mod data;
mod model;
mod training;

use super::{
    EngineKind, Side,
    reader::{Choice, Reader},
    tree::{Node, Value},
};
use crate::{
    data::{BatchSize, DataKind, Length},
    error::Result,
    tensor::DType,
};
use std::path::Path;

/// What stands at the top of every file.
const TOP: [&str; 8] = ["title", "seed", "dtype", "data", "model", "training", "reference", "candidate"];
/// What stands under `[reference]` and `[candidate]`.
const ON_A_SIDE: [&str; 6] = ["seed", "dtype", "model", "training", "engine", "threads"];
/// What does not: the sides train on the same batches.
const SHARED: [&[&str]; 5] =
    [&["title"], &["data"], &["training", "batch_size"], &["training", "steps"], &["training", "epochs"]];

/// What both sides share.
pub(super) struct Shared {
    pub title: Option<String>,
    pub data: DataKind,
    pub batch_size: BatchSize,
    pub length: Length,
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
            return Err(node.fault(format!(
                "`{key}` cannot differ between the sides, which train on the same batches; move it out of [{name}]"
            )));
        }
        Reader::open(side, &format!("[{name}]"), &ON_A_SIDE)?;
    }
    Ok(())
}

/// What both sides share, from the merged tree of the reference, whose seed is that of the data.
pub(super) fn shared(root: &Node) -> Result<Shared> {
    let top = open(root)?;
    let data = data::decode(&top, seed(&top)?)?;
    let training = training::open(&top)?;
    Ok(Shared {
        title: top.text("title")?.map(str::to_owned),
        data,
        batch_size: training::batch_size(&training)?,
        length: training::length(&training)?,
    })
}

/// What one side says; `engine` is its default.
pub(super) fn side(root: &Node, engine: EngineKind, data: &DataKind, folder: &Path) -> Result<Side> {
    let top = open(root)?;
    if let Some(threads) = top.get("threads").filter(|threads| threads.value != Value::Integer(1)) {
        let found = threads.found();
        return Err(threads.fault(format!("run gives each side one thread: write threads = 1; found {found}")));
    }
    let (model, init) = model::decode(&top, data, folder)?;
    Ok(Side {
        engine: top.get("engine").map_or(Ok(engine), engine_kind)?,
        dtype: top.named("dtype", "dtype", &[("f32", DType::F32), ("f64", DType::F64)])?.unwrap_or(DType::F32),
        seed: seed(&top)?,
        model,
        init,
        training: training::decode(&training::open(&top)?)?,
    })
}

fn open(root: &Node) -> Result<Reader<'_>> {
    Reader::open(root, "the experiment", &[&TOP[..], &ON_A_SIDE].concat())
}

fn seed(top: &Reader) -> Result<u64> {
    Ok(top.whole("seed", 0..=i64::MAX)?.map_or(0, i64::unsigned_abs))
}

fn engine_kind(node: &Node) -> Result<EngineKind> {
    let forms = [("torch", "\"torch\""), ("scratch", "\"scratch\"")];
    let choice = Choice::read(node, "engine", &forms)?;
    match choice.typed {
        ("torch", None) => Ok(EngineKind::Torch),
        ("scratch", None) => Ok(EngineKind::Scratch),
        ("trace", _) => {
            Err(node.fault("a trace cannot be an engine yet; write engine = \"torch\" or engine = \"scratch\""))
        }
        _ => Err(choice.unknown()),
    }
}
