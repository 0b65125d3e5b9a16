//! A side that trained elsewhere: `engine = { trace = "run.npz" }`, and which of its arrays is which parameter.

use crate::{
    data::{Arrays, columns::DTypes, order::Listed, set::DataSet},
    error::{Error, Result},
    experiment::{
        EngineKind, Side,
        reader::{Choice, Reader},
        tree::{Node, Value},
    },
    file::Array,
    model::init::{Init, drawn},
    tensor::DType,
    trace::{Beginning, Given, Mapped, Recording, Trace},
};
use std::{path::Path, sync::Arc};

/// What `engine` says.
pub(super) const ENGINES: [(&str, &str); 4] =
    [("torch", "\"torch\""), ("scratch", "\"scratch\""), ("exact", "\"exact\""), ("trace", "{ trace = \"run.npz\" }")];

/// An engine by its name.
pub(super) enum Named<'a> {
    Torch,
    Scratch,
    Exact,
    /// The path of a trace.
    Trace(&'a Node),
}

impl<'a> Named<'a> {
    pub(super) fn read(node: &'a Node) -> Result<Self> {
        let choice = Choice::read(node, "engine", &ENGINES)?;
        match choice.typed {
            ("torch", None) => Ok(Self::Torch),
            ("scratch", None) => Ok(Self::Scratch),
            ("exact", None) => Ok(Self::Exact),
            ("trace", Some(path)) => Ok(Self::Trace(path)),
            _ => Err(choice.unknown()),
        }
    }
}

/// The rows that a recorded network was looked at with.
#[derive(Debug, Clone, PartialEq)]
pub struct LookedAt {
    /// Each once.
    pub set: Arc<DataSet>,
    /// Which of them each look has.
    pub listed: Arc<Listed>,
}

/// The trace of a side, before its model is known.
pub(in crate::experiment) struct Played {
    trace: Trace,
    map: Vec<Mapped>,
}

/// The trace that a side names, if it does.
#[allow(clippy::wildcard_enum_match_arm)] // Any other value is refused.
pub(in crate::experiment) fn open(root: &Node, folder: &Path) -> Result<Option<Played>> {
    let top = super::open(root)?;
    let Some(Named::Trace(path)) = top.get("engine").map(Named::read).transpose()? else { return Ok(None) };
    let trace = match &path.value {
        Value::Text(text) if !text.is_empty() => {
            Trace::open(&folder.join(text)).map_err(|error| path.fault(error.to_string()))?
        }
        _ => {
            let found = path.found();
            return Err(
                path.fault(format!("`trace` in engine must be the path of an .npz or of a folder; found {found}"))
            );
        }
    };
    let map = top.get("map").map_or(Ok(Vec::new()), map)?;
    Ok(Some(Played { trace, map }))
}

/// `map = { "W1" = { to = "0.weight", transpose = true } }`.
fn map(node: &Node) -> Result<Vec<Mapped>> {
    let one = |(from, node): (&String, &Node)| {
        let place = format!("map.{from}");
        let table = Reader::open(node, &place, &["to", "transpose"])?;
        let to = table.text("to")?.ok_or_else(|| table.missing("to", "to = \"0.weight\""))?.to_owned();
        Ok(Mapped { from: from.clone(), to, transposed: table.boolean("transpose")? })
    };
    node.table("map")?.iter().map(one).collect()
}

impl Played {
    /// The type that it was computed in.
    pub(in crate::experiment) fn dtype(&self) -> DType {
        self.trace.dtype
    }

    /// Its batches, if it has some.
    pub(in crate::experiment) fn batches(&self) -> Result<Option<Given>> {
        self.trace.batches()
    }

    /// How many of its steps are among the first ones of the training, where there are gaps between them.
    pub(in crate::experiment) fn steps_before(&self, steps: usize) -> Result<Option<usize>> {
        self.trace.steps_before(steps)
    }

    /// The set that its batches are made of.
    pub(in crate::experiment) fn set(&self, arrays: [Array; 2], of_classes: bool, wanted: DTypes) -> Result<DataSet> {
        Arrays::recorded(arrays, of_classes, &self.trace.path().display().to_string(), wanted)
    }

    /// The rows of its looks at the evaluation mode, and which of them each has.
    pub(in crate::experiment) fn looked(&self, of_classes: bool, wanted: DTypes) -> Result<Option<LookedAt>> {
        let Some((arrays, listed)) = self.trace.looked()? else { return Ok(None) };
        Ok(Some(LookedAt { set: Arc::new(self.set(arrays, of_classes, wanted)?), listed: Arc::new(listed) }))
    }

    /// Refuses rows that the data do not have.
    pub(in crate::experiment) fn within(&self, listed: &Listed, rows: usize) -> Result<()> {
        self.trace.within(listed, rows)
    }

    /// Makes it the engine of a side, whose init is its own where the experiment does not say another one. `steps` are the
    /// experiment's.
    pub(in crate::experiment) fn engine(
        &self,
        side: Side,
        other: Option<&Side>,
        explicit_init: bool,
        steps: usize,
    ) -> Result<Side> {
        let side = Side { dtype: self.dtype(), ..side };
        let given = explicit_init.then(|| drawn(&side.model, &side.init, side.seed, side.dtype)).transpose()?;
        let given = given.map(|given| given.parameters);
        let like = other.and_then(Side::recording).map(|recording| recording.starts(&side.model));
        let beginning = Beginning { given: given.as_deref(), like: like.as_deref(), steps };
        let recording = Recording::new(&self.trace, &side.model, &self.map, &beginning)?;
        let dropout = side.model.places().iter().position(|place| place.mask.is_some() && !place.is_identity());
        if let (Some(layer), None) = (dropout, &recording.kept) {
            return Err(Error::data(
                recording.to_string(),
                format!(
                    "does not have the masks of its dropout, without which no step can be judged; record them (mask/{layer}.npy: \
                     masks={{{layer}: …}} of the recorder), or a training without dropout, and write p = 0"
                ),
            ));
        }
        let own = given
            .as_ref()
            .is_none_or(|given| given.iter().zip(&recording.first).any(|(given, first)| given.values != *first));
        let init = if own { Init::Given(Arc::new(recording.first.clone())) } else { side.init };
        Ok(Side { init, engine: EngineKind::Recorded(Arc::new(recording)), ..side })
    }
}

/// Refuses two traces that do not have the same steps, as far as both go.
pub(in crate::experiment) fn one_pace(played: &[Option<Played>; 2]) -> Result<()> {
    let [Some(one), Some(other)] = played else { return Ok(()) };
    let [one, other] = [one.trace.step_numbers()?, other.trace.step_numbers()?];
    let apart = |(one, other): (&Vec<usize>, &Vec<usize>)| one.iter().zip(other).any(|(one, other)| one != other);
    if one.is_some() != other.is_some() || one.as_ref().zip(other.as_ref()).is_some_and(apart) {
        return Err(Error::Usage(
            "the two traces have recorded different steps, so that they cannot be compared step by step; record both with the \
             same every="
                .to_owned(),
        ));
    }
    Ok(())
}

/// Refuses two traces whose dropout kept different elements.
pub(in crate::experiment) fn one_mask([one, other]: &[Side; 2]) -> Result<()> {
    match [one, other].map(|side| side.recording().and_then(|recording| recording.kept.as_ref())) {
        [Some(one), Some(other)] if !one.iter().zip(other.iter()).all(|(one, other)| one.agrees(other)) => Err(Error::Usage(
            "the two traces were trained with different masks of dropout, so that they cannot be compared step by step; train \
             both with the same masks, or without dropout"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Refuses what a run of a trace cannot be asked for; `listed` says whether it brings its own batches.
pub(in crate::experiment) fn fits(root: &Node, reference: &Side, candidate: &Side, listed: bool) -> Result<()> {
    let at = |path: &[&str], why: &str| Err(root.find(path).unwrap_or(root).fault(why));
    if reference.model != candidate.model {
        return at(
            &["model"],
            "the network of a trace is the reference's; take [candidate.model] out, and describe it in [model]",
        );
    }
    if reference.batch_size != candidate.batch_size {
        return at(
            &["training", "batch_size"],
            "the batches of a trace are the reference's; write training.batch_size for both sides",
        );
    }
    if listed && reference.training.schedule.is_some_and(|schedule| !schedule.every_step) {
        return at(
            &["training", "schedule"],
            "a trace that brings its own batches does not say where an epoch ends; write every = \"step\", counted in steps",
        );
    }
    if !candidate.training.faults.is_empty() {
        return at(&["training", "faults"], "a trace has trained already, so that no fault can be put into it");
    }
    Ok(())
}
