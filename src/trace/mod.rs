//! Traces: what one engine computed in a run, recorded on disk, whatever it was written in.
//!
//! A folder with one `.npy` per tensor whose first axis is the step, or one `.npz` of weights (docs/trace.md). Nothing is
//! loaded: a step is read when it is asked for.

mod array;
mod batches;
mod buffers;
mod computed;
mod evaluations;
mod gaps;
mod kept;
mod matching;
mod recording;
mod write;

pub(crate) use batches::Given;
pub use evaluations::Looked;
pub use kept::Kept;
pub use matching::Mapped;
pub use recording::{Beginning, Recording};
pub use write::Writer;

use crate::{
    error::{Error, Result},
    file,
    tensor::DType,
};
use array::Array;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::{self, DirEntry},
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use zip::{CompressionMethod, ZipArchive};

const ACTION: &str = "cannot read the trace";

/// The version of the layout that is read.
const SCHEMA: u32 = 1;

/// The folders of a trace, each with one array per tensor of its kind.
const FOLDERS: [&str; 11] = [
    "parameter",
    "before",
    "after",
    STATE,
    "gradient",
    "activation",
    "activation_gradient",
    "buffer",
    "mask",
    "batch",
    "evaluation",
];

/// The folder that has one folder for each parameter, with the moments that an optimizer keeps of it.
const STATE: &str = "state";

/// The arrays beside them.
const SINGLES: [&str; 5] = ["step", "loss", "output", "output_gradient", "time_us"];

/// A recorded run.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    manifest: Manifest,
    /// In the order in which they were given, or else in that in which people count.
    arrays: Vec<(String, Array)>,
    /// Whether somebody gave them in an order.
    ordered: bool,
    /// The type that it was computed in.
    pub dtype: DType,
    /// Whether its recorder came to its end.
    whole: bool,
}

/// What the shapes of a trace tell of its network.
pub struct Sketch {
    /// The outputs of every linear layer.
    pub outputs: Vec<usize>,
    /// The columns of a row's targets, where its batches are there.
    pub targets: Option<usize>,
    /// Whether they are.
    pub batches: bool,
}

/// What the recorder says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    schema: u32,
    engine: Option<String>,
    layout: BTreeMap<String, String>,
    /// The parameters' names in the order in which they were given.
    order: Vec<String>,
    gradient_of: Option<String>,
    definition: Option<serde_json::Value>,
    partial: Option<Partial>,
}

/// What a recorder saw of a training that it cannot tell in whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Partial {
    /// `f32` or `f64`.
    pub dtype: Option<String>,
    /// What it saw of the network.
    pub model: PartialModel,
    /// What it saw of loss and optimizer, and of what comes with them.
    pub training: BTreeMap<String, serde_json::Value>,
    /// What it did not see, in sentences.
    pub missing: Vec<String>,
}

/// What a recorder saw of a network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PartialModel {
    /// Layers as in an experiment, and `{ missing = WHY }` where one is not known.
    pub layers: Vec<serde_json::Value>,
}

impl Trace {
    /// Opens the folder or the `.npz` at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is no trace.
    pub fn open(path: &Path) -> Result<Self> {
        let about = fs::metadata(path).map_err(|error| Error::io(path, ACTION, error))?;
        let trace = if about.is_dir() { Self::folder(path) } else { Self::archive(path) }?;
        Ok(Self { dtype: trace.computed_in()?, ..trace })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it was meant to be, as an experiment without data, if it says so.
    pub fn definition(&self) -> Option<String> {
        let serde_json::Value::Object(mut definition) = self.manifest.definition.clone()? else { return None };
        // The data of its batches are in it; an engine it has been.
        ["data", "engine", "threads", "candidate", "reference"].iter().for_each(|key| drop(definition.remove(*key)));
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        definition.entry("title").or_insert_with(|| name.unwrap_or_default().into());
        toml::to_string(&definition).ok()
    }

    /// What its recorder saw of what it was meant to be, where that is not all.
    pub fn partial(&self) -> Option<&Partial> {
        self.manifest.partial.as_ref()
    }

    /// What its shapes tell of the network, for somebody who writes its definition.
    ///
    /// # Errors
    /// If it has no weights that are linear layers one behind the other.
    pub fn sketch(&self) -> Result<Sketch> {
        let shapes: Vec<&[usize]> = self.of(self.weights()).map(|(_, array)| array.shape()).collect();
        let matrices: Vec<[usize; 2]> = shapes
            .iter()
            .filter_map(|shape| <[usize; 2]>::try_from(*shape).ok())
            .filter(|shape| shape[0] > 1 || shape[1] > 1)
            .collect();
        let chains = |outputs: usize| matrices.windows(2).all(|pair| pair[0][outputs] == pair[1][1 - outputs]);
        // `x @ W` has [in, out], PyTorch [out, in]; where both are chains, as of one layer, a bias tells.
        let vectors: Vec<usize> = shapes.iter().filter(|shape| shape.len() == 1).map(|shape| shape[0]).collect();
        let biased = |outputs: usize| matrices.iter().all(|matrix| vectors.contains(&matrix[outputs]));
        // What the recorder says, first.
        let said: Vec<&str> = self.manifest.layout.values().map(String::as_str).collect();
        let order = if said.contains(&"out,in") { [0, 1] } else { [1, 0] };
        let outputs = order.into_iter().find(|&outputs| chains(outputs) && (vectors.is_empty() || biased(outputs)));
        let outputs = outputs.filter(|_| !matrices.is_empty()).ok_or_else(|| {
            self.fault("has no matrices that are linear layers one behind the other; write its definition by hand (experiments/README.md)")
        })?;
        let target = self.array("batch/target");
        let columns = |array: &Array| array.shape().get(1..).map_or(1, |sizes| sizes.iter().product());
        Ok(Sketch {
            outputs: matrices.iter().map(|matrix| matrix[outputs]).collect(),
            targets: target.map(columns),
            batches: target.is_some(),
        })
    }

    /// What recorded it.
    pub fn engine(&self) -> &str {
        let named = || self.path.file_name().and_then(|name| name.to_str());
        self.manifest.engine.as_deref().or_else(named).unwrap_or("recorded")
    }

    /// The type that it was computed in: f32 where every number of the first and the last weights is one, as arrays are widened
    /// on their way into files.
    fn computed_in(&self) -> Result<DType> {
        let parameters = || self.of(self.weights()).map(|(_, array)| array).filter(|array| array.steps() > 0);
        if parameters().any(|array| !array.is_wide()) {
            return Ok(DType::F32);
        }
        let mut values = Vec::new();
        for array in parameters() {
            for row in [0, array.steps() / 2, array.steps() - 1] {
                array.read(row, &mut values)?;
                if values.iter().any(|&value| value.is_finite() && f64::from(value as f32) != value) {
                    return Ok(DType::F64);
                }
            }
        }
        Ok(DType::F32)
    }

    fn folder(path: &Path) -> Result<Self> {
        let manifest = manifest(path)?;
        let complete = path.join("complete").exists();
        let mut arrays = Vec::new();
        for folder in FOLDERS.map(|folder| path.join(folder)) {
            if folder.is_symlink() {
                return Err(Error::data(folder.display().to_string(), LINK));
            }
        }
        let nested = folders_in(&path.join(STATE))?.into_iter().map(|name| format!("{STATE}/{name}"));
        let nested: Vec<String> = nested.collect();
        let mut add = |folder: &str| -> Result<()> {
            for (name, file) in arrays_in(&path.join(folder))? {
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if !folder.is_empty() || SINGLES.contains(&name.as_str()) {
                    arrays.push((name, Array::open(&file, complete)?));
                }
            }
            Ok(())
        };
        [""].into_iter().chain(FOLDERS).chain(nested.iter().map(String::as_str)).try_for_each(&mut add)?;
        let place = |name: &str| {
            let own = name.split_once('/').map_or(name, |(_, own)| own);
            manifest.order.iter().position(|given| given == own)
        };
        arrays.sort_by_cached_key(|(name, _)| (place(name), file::natural(name)));
        let ordered = !manifest.order.is_empty();
        Ok(Self { path: path.to_owned(), manifest, arrays, ordered, dtype: DType::F64, whole: complete })
    }

    fn archive(path: &Path) -> Result<Self> {
        let origin = path.display().to_string();
        let fault = |message: String| Error::data(&origin, message);
        if let Some(what) = file::Foreign::named(path).filter(|what| *what != file::Foreign::Arrays) {
            return Err(fault(format!(
                "is {}; a trace is an .npz with the weights after every step, or a folder that the recorder wrote \
                 (docs/your-code.md)",
                what.words()
            )));
        }
        let opened = file::open(path, ACTION)?;
        let none = |error| fault(format!("is not an .npz ({error}); write it with numpy.savez"));
        let mut zip =
            ZipArchive::new(opened.try_clone().map_err(|error| Error::io(path, ACTION, error))?).map_err(none)?;
        let shared = Arc::new(opened);
        let (mut arrays, mut unpacked) = (Vec::new(), 0);
        for index in 0..zip.len() {
            let damaged = |error: &dyn std::fmt::Display| fault(format!("is damaged ({error}); write it again"));
            let mut member = zip.by_index(index).map_err(|error| damaged(&error))?;
            let Some(name) = member.name().strip_suffix(".npy").map(str::to_owned) else { continue };
            let named = |why: String| fault(format!("array {} {why}", file::shown(&name)));
            let of = format!("{origin}: array {name}");
            let array = if member.compression() == CompressionMethod::Stored && !member.encrypted() {
                Array::within(of, &shared, (member.data_start(), member.size()), true)
            } else {
                let most = file::most_bytes();
                let mut bytes = Vec::new();
                unpacked +=
                    member.by_ref().take(most + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))? as u64;
                if unpacked > most {
                    let why = "is compressed, and does not fit the memory unpacked; write it with numpy.savez";
                    return Err(named(why.to_owned()));
                }
                Array::unpacked(of, &bytes)
            };
            let plain = !name.contains('/') && !SINGLES.contains(&name.as_str());
            let key = if plain { format!("parameter/{name}") } else { name.clone() };
            let array = array.map_err(named)?;
            if array.cut {
                return Err(named("ends before its header says; write the file again".to_owned()));
            }
            arrays.push((key, array));
        }
        Ok(Self {
            path: path.to_owned(),
            manifest: Manifest::default(),
            arrays,
            ordered: true,
            dtype: DType::F64,
            whole: true,
        })
    }

    /// How many of its steps are among the first `steps` of the training, where there are gaps between them.
    ///
    /// # Errors
    /// If their numbers cannot be read.
    pub(crate) fn steps_before(&self, steps: usize) -> Result<Option<usize>> {
        Ok(self.step_numbers()?.map(|numbers| numbers.partition_point(|number| *number < steps)))
    }

    /// The numbers of its steps, where there are gaps between them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn step_numbers(&self) -> Result<Option<Vec<usize>>> {
        self.has_gaps().then(|| gaps::numbers(self)).transpose()
    }

    /// The folder of the weights before each step: of a recording with gaps between its steps another one.
    fn weights(&self) -> &'static str {
        if self.has_gaps() { "before" } else { "parameter" }
    }

    /// Whether steps between the recorded ones are missing.
    fn has_gaps(&self) -> bool {
        self.of("before").next().is_some()
    }

    /// An array by its name in the layout.
    fn array(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(own, _)| own == name).map(|(_, array)| array)
    }

    /// The arrays of a folder, by their names in it.
    fn of(&self, folder: &str) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().filter_map(move |(name, array)| Some((name.strip_prefix(folder)?.strip_prefix('/')?, array)))
    }

    fn fault(&self, message: impl Into<String>) -> Error {
        Error::data(self.path.display().to_string(), message)
    }
}

fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join("manifest.json");
    let fault = |message: String| Error::data(path.display().to_string(), message);
    let bytes = match file::typed(&path, ACTION) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Err(Error::data(
                folder.display().to_string(),
                "has no manifest.json, so that it is no trace; record one with python/lockstep_parity.py \
                 (docs/your-code.md), or give an .npz with the weights after every step",
            ));
        }
        read => read?,
    };
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| fault(format!("is not what a recorder writes: {error}")))?;
    if manifest.schema != SCHEMA {
        let found = manifest.schema;
        return Err(fault(format!(
            "says schema {found}, of which only {SCHEMA} is read; record it again with this version's recorder"
        )));
    }
    Ok(manifest)
}

/// What lies in a folder; nothing where there is no such folder.
fn entries_of(folder: &Path) -> Result<Vec<DirEntry>> {
    let unreadable = |error| Error::io(folder, ACTION, error);
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect).map_err(unreadable),
    }
}

const LINK: &str = "is a link; a trace holds its own files alone: put the array there itself";

/// Refuses a link.
fn no_link(entry: &DirEntry) -> Result<()> {
    let path = entry.path();
    let kind = entry.file_type().map_err(|error| Error::io(&path, ACTION, error))?;
    if kind.is_symlink() {
        return Err(Error::data(path.display().to_string(), LINK));
    }
    Ok(())
}

/// The names of the folders in a folder; none where there is no such folder.
fn folders_in(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in entries_of(folder)? {
        no_link(&entry)?;
        found.extend(entry.file_name().to_str().filter(|_| entry.path().is_dir()).map(str::to_owned));
    }
    Ok(found)
}

/// The `.npy` files of a folder with the names of their arrays; none where there is no such folder.
fn arrays_in(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in entries_of(folder)? {
        if let Some(name) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".npy")) {
            no_link(&entry)?;
            found.push((name.to_owned(), entry.path()));
        }
    }
    Ok(found)
}
