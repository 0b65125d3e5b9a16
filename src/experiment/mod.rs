//! Experiments as TOML: one base, and what differs on a side.
//!
//! A file and the `--set`s of a command line become trees whose values know where they were typed (`tree`); the
//! trees are laid on each other (`merge`) and what comes out for each side is decoded (`decode`). All of it
//! happens before anything runs, and whatever a user can type gives an [`Experiment`] or an error with its place.

mod decode;
mod merge;
mod reader;
#[cfg(test)]
mod tests;
mod tree;

use crate::{
    data::{
        BatchSize, DataKind, Length,
        columns::DTypes,
        order::{Last, Listed, Order},
        set::{DataSet, Encoding},
    },
    error::{Error, Result},
    file::{self, Foreign},
    model::{Alignment, Model, init::Init},
    tensor::DType,
    trace::{Given, Kept, Recording},
    training::{Course, Measure, Training},
};
pub use decode::recorded::LookedAt;
use decode::{Shared, recorded::Played};
use merge::merge_all;
use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};
use tree::Node;

/// A validated experiment: shapes fit, sizes and rates make sense, names are known.
///
/// ```
/// use lockstep::{experiment::Experiment, training::Loss};
/// use std::path::Path;
///
/// let text = r#"
///     data.kind = "xor"
///     model.layers = [{ linear = { outputs = 5 } }, "sigmoid", { linear = { outputs = 1 } }, "sigmoid"]
///     training = { loss = "mse", optimizer = { sgd = { lr = 0.3 } }, steps = 5000 }
///     [candidate]
///     training.loss = "sum-squares"
/// "#;
/// let experiment = Experiment::parse(text, "xor.toml", Path::new(""), &["seed=7".to_owned()])?;
/// assert_eq!(experiment.reference.training.loss, Loss::MEAN_SQUARED_ERROR);
/// assert_eq!(experiment.candidate.training.loss, Loss::SUM_SQUARES);
/// assert_eq!(experiment.candidate.seed, 7);
///
/// let mistyped = text.replace("loss", "los");
/// let error = Experiment::parse(&mistyped, "xor.toml", Path::new(""), &[]).unwrap_err();
/// assert!(error.to_string().starts_with("xor.toml:4: unknown key `los` in [training]; did you mean `loss`?"));
/// # Ok::<(), lockstep::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// What reports call it; the file's name without its ending where the file gives none.
    pub title: String,
    /// The data both sides train on.
    pub data: DataKind,
    /// Their rows.
    pub set: Arc<DataSet>,
    /// The rows of every step, where a trace brings them.
    pub listed: Option<Arc<Listed>>,
    /// The rows that the candidate was looked at with in evaluation mode, where a trace brings them.
    pub looked: Option<LookedAt>,
    /// The batches both sides see, for how long, and what is looked at on the way.
    pub course: Course,
    /// How the noise of rounding is measured.
    pub noise: Noise,
    /// The side that defines what is right.
    pub reference: Side,
    /// The side that is judged.
    pub candidate: Side,
    /// Deviations that were decided on.
    pub accepted: Vec<Waiver>,
    /// What was typed, merged: `{"reference": …, "candidate": …}`, each a whole experiment without overrides.
    pub resolved: serde_json::Value,
    origins: Origins,
}

/// A deviation of the candidate that was decided on: `check` raises no alarm for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiver {
    /// What is accepted.
    pub of: Accepted,
    /// Why: for those who come after.
    pub why: String,
    /// The last day on which it holds, as `2027-06-01`.
    pub until: Option<String>,
    /// Where it was typed: `file:line`, or the `--set`.
    pub origin: String,
}

/// What a [`Waiver`] accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The id of a cause.
    Cause(String),
    /// Phase and tensor of a mismatch that no cause explains: `update/2.bias`.
    Place(String),
}

/// Where an experiment says what an engine may refuse only when it runs: file and line, or the `--set`.
#[derive(Debug, Clone, PartialEq)]
struct Origins {
    layers: String,
    loss: String,
    optimizer: String,
    /// Where everything that holds for the candidate was typed, by dotted key.
    candidate: BTreeMap<String, String>,
}

impl Origins {
    fn of(root: &Node, candidate: &Node) -> Self {
        let mut typed = BTreeMap::new();
        candidate.origins("", &mut typed);
        let origin = |path: &[&str]| root.find(path).unwrap_or(root).origin.to_string();
        Self {
            layers: origin(&["model", "layers"]),
            loss: origin(&["training", "loss"]),
            optimizer: origin(&["training", "optimizer"]),
            candidate: typed,
        }
    }
}

/// How the noise of rounding is measured, in a run of both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Whether it is measured at all. Where it is not, nothing is judged: the sides are only set beside each other.
    pub judged: bool,
    /// How many twins run beside the reference; where absent the size of the model decides.
    pub twins: Option<usize>,
    /// The gap of the weights past which a free run proves nothing.
    pub horizon: f64,
}

/// What one side trains, and with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What trains it.
    pub engine: EngineKind,
    /// The type it computes in.
    pub dtype: DType,
    /// The seed of its random streams; the data's is the reference's.
    pub seed: u64,
    /// The layers.
    pub model: Model,
    /// Where the initial weights come from.
    pub init: Init,
    /// Loss and optimizer.
    pub training: Training,
    /// How targets are given to the loss.
    pub encoding: Encoding,
    /// Rows of its batches.
    pub batch_size: BatchSize,
}

impl Side {
    /// The training that was recorded, where it is one.
    pub fn recording(&self) -> Option<&Recording> {
        match &self.engine {
            EngineKind::Recorded(recording) => Some(recording),
            EngineKind::Torch | EngineKind::Scratch | EngineKind::Exact => None,
        }
    }

    /// Which rows its batches have: those of the course, in batches of its own.
    pub fn order(&self, course: &Course) -> Order {
        Order { size: self.batch_size, ..course.order }
    }
}

/// A side of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunSide {
    /// The reference.
    Reference,
    /// The candidate.
    Candidate,
}

/// An engine by its name in experiment files.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineKind {
    /// `torch`: libtorch, the default of the reference.
    Torch,
    /// `scratch`: our own, the default of the candidate.
    Scratch,
    /// `exact`: the judge's own formulas in f64, what is kept rounded to the side's type; what makes the mistakes that belong to
    /// no key.
    Exact,
    /// `{ trace = "run.npz" }`: one that trained elsewhere.
    Recorded(Arc<Recording>),
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torch => f.write_str("torch"),
            Self::Scratch => f.write_str("scratch"),
            Self::Exact => f.write_str("exact"),
            Self::Recorded(recording) => write!(f, "trace {recording}"),
        }
    }
}

impl Experiment {
    /// Reads the file at `path`, with `sets` (`[reference.|candidate.]KEY=VALUE`) as if they stood in it.
    ///
    /// # Errors
    /// If the file cannot be read, or something in it or in a set cannot be accepted.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self> {
        Self::from_bytes(&bytes_of(path)?, &path.display().to_string(), path.parent().unwrap_or(Path::new("")), sets)
    }

    /// An experiment from text. Errors print `name` before the line; files of weights are sought in `folder`.
    ///
    /// # Errors
    /// If something in the text or in a set cannot be accepted.
    pub fn parse(text: &str, name: &str, folder: &Path, sets: &[String]) -> Result<Self> {
        Self::from_bytes(text.as_bytes(), name, folder, sets)
    }

    /// The same on data that are open already: `[data]` is checked and not read. Its types and parts are the caller's
    /// concern.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_on(set: &Arc<DataSet>, text: &str, name: &str, folder: &Path, sets: &[String]) -> Result<Self> {
        draft(text.as_bytes(), name, sets)?.on(Arc::clone(set), folder)
    }

    /// One of the sides.
    pub fn side(&self, which: RunSide) -> &Side {
        match which {
            RunSide::Reference => &self.reference,
            RunSide::Candidate => &self.candidate,
        }
    }

    /// What dropout kept in a training that was recorded, where one was: both sides have its masks.
    pub fn kept(&self) -> Option<Arc<[Kept]>> {
        [&self.candidate, &self.reference].into_iter().find_map(|side| side.recording()?.kept.clone())
    }

    /// The numbers of the steps that a recording has, where there are gaps between them.
    pub fn numbers(&self) -> Option<Arc<[usize]>> {
        [&self.candidate, &self.reference].into_iter().find_map(|side| side.recording()?.numbers().cloned())
    }

    /// Whether the sides take the rows in batches of different sizes: a step is then a batch of the larger ones, and several
    /// of the others.
    pub fn batches_differ(&self) -> bool {
        let rows = self.set.training.rows();
        let [one, other] = [&self.reference, &self.candidate].map(|side| side.order(&self.course).largest_batch(rows));
        one != other
    }

    /// An engine's error with the place in the experiment that it comes from; every other error as it is.
    pub fn explain(&self, error: Error) -> Error {
        let Error::Engine { engine, operation, message } = error else { return error };
        let (origin, advice) = match operation.as_str() {
            loss if loss.starts_with("loss") && self.reference.training.loss.measure == Measure::BinaryCrossEntropy => {
                (
                    &self.origins.loss,
                    "; bce takes probabilities: end model.layers with \"sigmoid\", or write loss = \"bce-with-logits\"",
                )
            }
            loss if loss.starts_with("loss") => (&self.origins.loss, ""),
            "optimizer step" | "update" => (&self.origins.optimizer, ""),
            _ => (&self.origins.layers, ""),
        };
        Error::Experiment {
            origin: origin.clone(),
            message: format!("{engine} engine, {operation}: {message}{advice}"),
        }
    }

    /// Where it says what holds for the candidate under a dotted key, as `training.optimizer.adam.eps`: `file:line`, or the
    /// `--set`; where nothing is said, the place of the table around it.
    pub fn origin(&self, key: &str) -> &str {
        let typed = &self.origins.candidate;
        let around = |key: &str| key.rsplit_once('.').map_or(String::new(), |(around, _)| around.to_owned());
        let mut key = key.to_owned();
        while !key.is_empty() && !typed.contains_key(&key) {
            key = around(&key);
        }
        typed.get(&key).map_or("", String::as_str)
    }

    /// How the layers of the sides correspond.
    pub fn alignment(&self) -> Alignment {
        let (reference, candidate) = (&self.reference, &self.candidate);
        let [one, other] = [reference, candidate].map(|side| &side.training.loss);
        let logits = [one, other].iter().all(|loss| matches!(loss.measure, Measure::CrossEntropy(_)));
        Alignment::new(&reference.model, &candidate.model, one == other, logits)
    }

    /// The same on the same data, with settings of the reference changed: `sets` are those of `--set`, without `reference.`.
    /// Where the candidate was recorded, its network is the reference's.
    ///
    /// # Errors
    /// If something in a set cannot be accepted, or does not fit the data.
    pub fn edited(&self, sets: &[String]) -> Result<Self> {
        let mut typed = self.resolved["reference"].clone();
        if let Some(typed) = typed.as_object_mut() {
            // What is open already.
            ["data", "engine", "map", "title", "accepted"].iter().for_each(|key| drop(typed.remove(*key)));
        }
        if let Some(model) = typed.get_mut("model").and_then(serde_json::Value::as_object_mut) {
            model.remove("init");
        }
        let name = "the reference";
        let text = toml::to_string(&typed).map_err(|error| Error::Usage(error.to_string()))?;
        let mut sources = vec![Node::parse_file(text.as_bytes(), name)?];
        sources.extend(sets.iter().map(|set| Node::parse_set(set)).collect::<Result<Vec<_>>>()?);
        let root = merge_all(name, sources)?;
        let Side { engine, dtype, seed, init, batch_size, .. } = self.reference.clone();
        let side = decode::side(&root, engine, &self.set, Path::new(""))?;
        decode::fit::side(&root, &side, &self.set, &self.course)?;
        decode::faults::refuse(&root, &side)?;
        let reference = Side { dtype, seed, init, batch_size, ..side };
        let candidate = match &self.candidate.engine {
            EngineKind::Recorded(_) => {
                let Side { model, encoding, training, .. } = reference.clone();
                // It has trained already: no mistake is to be put into it.
                let training = Training { faults: Vec::new(), ..training };
                Side { model, encoding, training, ..self.candidate.clone() }
            }
            EngineKind::Torch | EngineKind::Scratch | EngineKind::Exact => self.candidate.clone(),
        };
        Ok(Self { reference, candidate, ..self.clone() })
    }

    fn from_bytes(bytes: &[u8], name: &str, folder: &Path, sets: &[String]) -> Result<Self> {
        draft(bytes, name, sets)?.open(folder)
    }
}

/// What can be known of an experiment while its data are not there: enough to list it.
///
/// ```
/// use lockstep::experiment::Outline;
/// use std::path::Path;
///
/// let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/sst2");
/// let outline = Outline::load(&folder.join("plain.toml"))?;
/// assert!(outline.title.starts_with("SST-2"));
/// assert_eq!(outline.data.files(), ["data:sst2/train.tsv", "data:sst2/dev.tsv"]);
/// # Ok::<(), lockstep::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// What reports call it.
    pub title: String,
    /// The data both sides train on.
    pub data: DataKind,
}

impl Outline {
    /// Reads the file at `path`, and checks all of it that does not depend on what the data are.
    ///
    /// # Errors
    /// If the file cannot be read, or something in it cannot be accepted.
    pub fn load(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let draft = Draft::new(vec![Node::parse_file(&bytes_of(path)?, &name)?], &name)?;
        decode::training(&draft.reference)?;
        decode::training(&draft.candidate)?;
        Ok(Self { title: draft.title, data: draft.shared.data })
    }
}

fn draft(bytes: &[u8], name: &str, sets: &[String]) -> Result<Draft> {
    let mut sources = vec![Node::parse_file(bytes, name)?];
    for set in sets {
        sources.push(Node::parse_set(set)?);
    }
    Draft::new(sources, name)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    if let Some(what) = Foreign::named(path).map(Foreign::words) {
        return Err(Error::Usage(format!(
            "{}: is {what}; lockstep runs experiments, TOML files that describe a network and its training \
             (experiments/README.md)",
            path.display()
        )));
    }
    file::typed(path, "cannot read the experiment (`lockstep list` shows the ones there are)")
}

/// An experiment whose data are not open yet: what both sides share is decoded, what depends on the data is not.
struct Draft {
    title: String,
    shared: Shared,
    reference: Node,
    candidate: Node,
}

impl Draft {
    /// What `sources` say, the last on top; `name` is the file's.
    fn new(mut sources: Vec<Node>, name: &str) -> Result<Self> {
        for source in &sources {
            decode::check_levels(source)?;
        }
        // A side's overrides go over all of the base, in whatever order they were typed.
        let mut taken = |side| -> Vec<Node> { sources.iter_mut().filter_map(|source| source.take(side)).collect() };
        let (on_reference, on_candidate) = (taken("reference"), taken("candidate"));
        let reference = merge_all(name, sources.iter().cloned().chain(on_reference.iter().cloned()))?;
        // What trained elsewhere has the reference's network, whatever that is said to be.
        let played = on_candidate.iter().any(|node| node.find(&["engine", "trace"]).is_some());
        let models = on_reference.iter().filter(|_| played).filter_map(|node| node.only("model"));
        let models: Vec<Node> = models.collect();
        let candidate = merge_all(name, sources.into_iter().chain(models).chain(on_candidate))?;
        let recorded = [&reference, &candidate].into_iter().any(|root| root.find(&["engine", "trace"]).is_some());
        let mut shared = decode::shared(&reference, recorded)?;
        let stem = || Path::new(name).file_stem().map_or_else(|| name.to_owned(), |stem| stem.display().to_string());
        // One line, as it stands in headings and on terminals.
        let title = shared.title.take().unwrap_or_else(stem).replace(char::is_control, " ");
        Ok(Self { title, shared, reference, candidate })
    }

    /// The experiment, with its data.
    fn open(self, folder: &Path) -> Result<Experiment> {
        let played = self.played(folder)?;
        let wanted: DTypes = self.dtypes(&played)?.into_iter().collect();
        // Those of f64 last: they are what either side was given, the other's are rounded.
        let mut traces: Vec<&Played> = played.iter().flatten().collect();
        traces.sort_by_key(|played| played.dtype() == DType::F64);
        let given = traces.iter().filter_map(|played| played.batches().transpose());
        let mut given = given.collect::<Result<Vec<_>>>()?;
        if let [one, other] = given.as_slice()
            && !one.is_same(other)
        {
            return Err(Error::Usage(
                "the two traces were trained on different batches, so that they cannot be compared step by step; train both on the same \
                 rows in the same order"
                    .to_owned(),
            ));
        }
        let given = given.pop();
        let open = || {
            let set = self.shared.data.open(folder, wanted);
            set.map(Arc::new).map_err(|error| decode::fit::opened(&self.reference, folder, error))
        };
        let (set, listed) = match (given, traces.last()) {
            (Some(Given::Rows { set, listed }), Some(of)) => {
                let of_classes = decode::training(&self.reference)?.loss.of_classes();
                (Arc::new(of.set(set, of_classes, wanted)?), Some(listed))
            }
            (Some(Given::Numbers(listed)), Some(of)) => {
                let set = open()?;
                of.within(&listed, set.training.rows())?;
                (set, Some(listed))
            }
            (None, _) | (_, None) => (open()?, None),
        };
        self.beside(&played, (set, listed.map(Arc::new)), folder)
    }

    /// The traces of the reference and of the candidate.
    fn played(&self, folder: &Path) -> Result<[Option<Played>; 2]> {
        let [one, other] = [&self.reference, &self.candidate].map(|root| decode::recorded::open(root, folder));
        let played = [one?, other?];
        decode::recorded::one_pace(&played)?;
        Ok(played)
    }

    /// The types that the sides compute in: a trace in its own, and beside one the other side in that, too, unless it says
    /// otherwise.
    fn dtypes(&self, played: &[Option<Played>; 2]) -> Result<[DType; 2]> {
        let usual = played.iter().flatten().map(Played::dtype).next_back().unwrap_or(DType::F32);
        let said = [decode::dtype(&self.reference)?, decode::dtype(&self.candidate)?];
        let own = |side: usize| played[side].as_ref().map(Played::dtype);
        Ok([0, 1].map(|side| own(side).or(said[side]).unwrap_or(usual)))
    }

    /// The experiment on data that are open.
    fn on(self, set: Arc<DataSet>, folder: &Path) -> Result<Experiment> {
        let played = self.played(folder)?;
        self.beside(&played, (set, None), folder)
    }

    /// The experiment on data that are open, beside these traces.
    fn beside(
        self,
        played: &[Option<Played>; 2],
        (set, listed): (Arc<DataSet>, Option<Arc<Listed>>),
        folder: &Path,
    ) -> Result<Experiment> {
        let dtypes = self.dtypes(played)?;
        let Self { title, mut shared, reference, candidate } = self;
        if let Some(listed) = &listed {
            // For what goes by an order: nothing is left over, and an epoch is the whole of it.
            let rows = listed.largest_batch().min(set.training.rows());
            shared.course.order = Order { last: Last::Drop, ..Order::sequential(BatchSize::Rows(rows)) };
            shared.course.length = Length::Steps(match shared.course.length {
                Length::Steps(steps) => {
                    let gaps = played.iter().flatten().find_map(|played| played.steps_before(steps).transpose());
                    gaps.transpose()?.unwrap_or(steps).min(listed.steps())
                }
                Length::Epochs(_) => listed.steps(),
            });
        }
        decode::fit::course(&reference, &set, &shared.course)?;
        let side = |root: &Node, engine| -> Result<Side> {
            let side = decode::side(root, engine, &set, folder)?;
            decode::fit::side(root, &side, &set, &shared.course)?;
            Ok(side)
        };
        let mut sides = [side(&reference, EngineKind::Torch)?, side(&candidate, EngineKind::Scratch)?];
        decode::faults::refuse(&reference, &sides[0])?;
        if played[1].is_some() {
            decode::recorded::fits(&candidate, &sides[0], &sides[1], listed.is_some())?;
        }
        let (wanted, of_classes) = (dtypes.into_iter().collect(), sides[0].training.loss.of_classes());
        let looked = played[1].as_ref().map(|played| played.looked(of_classes, wanted)).transpose()?.flatten();
        let steps = shared.course.length.steps(shared.course.order.steps_per_epoch(set.training.rows()));
        let mut other: Option<Side> = None;
        for (number, (own, root)) in sides.iter_mut().zip([&reference, &candidate]).enumerate() {
            own.dtype = dtypes[number];
            if listed.is_some() {
                own.batch_size = shared.course.order.size;
            }
            if let Some(played) = &played[number] {
                *own = played.engine(own.clone(), other.as_ref(), root.find(&["model", "init"]).is_some(), steps)?;
                other = Some(own.clone());
            }
        }
        // What a trace starts from is what the experiment starts from, where that does not say otherwise.
        let begins_late = sides[1]
            .recording()
            .and_then(|recording| recording.numbers()?.first().copied())
            .is_some_and(|first| first > 0);
        let unsaid = reference.find(&["model", "init"]).is_none() || begins_late;
        if unsaid && played[1].is_some() && played[0].is_none() {
            sides[0].init = sides[1].init.clone();
        }
        decode::recorded::one_mask(&sides)?;
        decode::fit::running_mean(&reference, &sides)?;
        if listed.is_none() {
            shared.course.order.size = decode::fit::batches([&reference, &candidate], &sides, &set, &shared.course)?;
        }
        let [of_reference, of_candidate] = sides;
        Ok(Experiment {
            title,
            reference: of_reference,
            candidate: of_candidate,
            data: shared.data,
            set,
            listed,
            looked,
            course: shared.course,
            noise: shared.noise,
            accepted: shared.accepted,
            origins: Origins::of(&reference, &candidate),
            resolved: serde_json::json!({ "reference": reference.to_json(), "candidate": candidate.to_json() }),
        })
    }
}
