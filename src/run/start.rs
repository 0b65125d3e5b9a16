//! The phase `start`: initial weights, drawn once and copied, and what differs before the first step.
//!
//! Weights are drawn for the reference's parameter list and copied to the candidate by name, so that switching a bias
//! off changes no other tensor. Where the experiment gives the sides other layers or another scheme, the difference is
//! listed. A difference that it does not ask for is an error.

use super::{Runner, load as load_values};
use crate::{
    data::Batch,
    engine::Engine,
    error::{Error, Result},
    experiment::{Experiment, Side},
    model::{
        Alignment, Layer, Parameter, Stretch,
        init::{Drawn, InitialValues, drawn},
    },
    tensor::{DType, gap},
};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Something that differs before the first step, as the experiment asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartDifference {
    /// What kind of difference.
    pub kind: StartKind,
    /// The parameter, or `layer 2`.
    pub tensor: String,
    /// The reference's, in words.
    pub reference: String,
    /// The candidate's, in words.
    pub candidate: String,
    /// The gap of the initial values, where both have the tensor in the same shape.
    pub gap: Option<f64>,
}

/// What kind of difference the start shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartKind {
    /// A layer is another.
    Layer,
    /// Only the reference has the tensor.
    Missing,
    /// Only the candidate has the tensor.
    Extra,
    /// The tensor has another shape.
    Shape,
    /// The tensor starts from other values.
    InitialValues,
    /// The sides compute in different types: each is judged by its own rounding, so that this alone is no mismatch.
    Dtype,
}

impl StartKind {
    /// Whether what is trained starts otherwise. Another layer is a difference of description: what it does in numbers shows
    /// where it does.
    pub fn is_of_numbers(self) -> bool {
        match self {
            Self::Missing | Self::Extra | Self::Shape | Self::InitialValues => true,
            Self::Layer | Self::Dtype => false,
        }
    }
}

/// The initial weights of both sides.
pub struct Start {
    /// The reference's, in its `state_dict` order.
    pub reference: Drawn,
    /// The candidate's, in its own.
    pub candidate: Drawn,
    /// What differs, each difference asked for.
    pub differences: Vec<StartDifference>,
}

impl Start {
    /// Draws the initial weights of an experiment.
    ///
    /// # Errors
    /// If a weight file does not fit.
    pub fn draw(experiment: &Experiment) -> Result<Self> {
        let own = |side: &Side| drawn(&side.model, &side.init, side.seed, side.dtype);
        let (reference_side, candidate_side) = (&experiment.reference, &experiment.candidate);
        let reference = own(reference_side)?;
        // What was recorded started from its own weights, to the bit.
        let same_scheme = candidate_side.recording().is_none()
            && reference_side.init == candidate_side.init
            && reference_side.seed == candidate_side.seed;
        let alignment = experiment.alignment();
        let wanted = candidate_side.model.parameters();
        let of_file = !reference.buffers.is_empty();
        let buffers = candidate_side.model.buffers().into_iter().map(|(buffer, _)| buffer).filter(|_| of_file);
        let buffers: Vec<Parameter> = buffers.collect();
        let parameters = shared(&reference.parameters, &alignment.parameters, &wanted);
        let buffers = shared(&reference.buffers, &alignment.buffers, &buffers);
        let every = |values: &[Option<InitialValues>]| values.iter().cloned().collect::<Option<Vec<_>>>();
        let candidate = match (every(&parameters), every(&buffers)) {
            (Some(parameters), Some(buffers)) if same_scheme => Drawn { parameters, buffers, said: None },
            _ => {
                let mut drawn = own(candidate_side)?;
                let both = drawn.parameters.iter_mut().zip(parameters).chain(drawn.buffers.iter_mut().zip(buffers));
                for (values, shared) in both.filter(|_| same_scheme) {
                    if let Some(shared) = shared {
                        *values = shared;
                    }
                }
                drawn
            }
        };
        let differences = differences(experiment, &alignment, [&reference.parameters, &candidate.parameters]);
        Ok(Self { reference, candidate, differences })
    }

    /// How the names of files of weights were matched, where they are not the model's.
    pub fn said(&self) -> Vec<String> {
        let mut said: Vec<String> =
            [&self.reference, &self.candidate].into_iter().filter_map(|side| side.said.clone()).collect();
        said.dedup();
        said
    }
}

/// The reference's values of every tensor of the candidate that has a counterpart of its shape, under the candidate's name:
/// an identity more shifts those. `counterparts` are the candidate's numbers by the reference's.
fn shared(
    reference: &[InitialValues],
    counterparts: &[Option<usize>],
    wanted: &[Parameter],
) -> Vec<Option<InitialValues>> {
    let of_reference = Alignment::of_candidate(counterparts, wanted.len());
    let each = wanted.iter().zip(of_reference).map(|(parameter, number)| {
        let values = reference.get(number?)?;
        let same = values.parameter.shape == parameter.shape;
        same.then(|| InitialValues { parameter: parameter.clone(), values: values.values.clone() })
    });
    each.collect()
}

fn differences(
    experiment: &Experiment,
    alignment: &Alignment,
    [reference, candidate]: [&[InitialValues]; 2],
) -> Vec<StartDifference> {
    let mut found = layers(experiment, alignment);
    // Of sides of different types the same number is rounded to either.
    let mixed = experiment.reference.dtype != experiment.candidate.dtype;
    let differs = |one: &[f64], other: &[f64]| match mixed {
        true => one.iter().zip(other).any(|(one, other)| *one as f32 != *other as f32),
        false => one != other,
    };
    for (values, own) in reference.iter().zip(&alignment.parameters) {
        let name = &values.parameter.name;
        let shape = values.parameter.shape.to_string();
        let difference =
            |kind, reference, candidate, gap| StartDifference { kind, tensor: name.clone(), reference, candidate, gap };
        let named = || candidate.iter().find(|other| &other.parameter.name == name);
        match own.and_then(|own| candidate.get(own)).or_else(named) {
            None => found.push(difference(StartKind::Missing, shape, "none".to_owned(), None)),
            Some(other) if other.parameter.shape != values.parameter.shape => {
                found.push(difference(StartKind::Shape, shape, other.parameter.shape.to_string(), None));
            }
            Some(_) if own.is_none() => found.push(difference(StartKind::Missing, shape, "none".to_owned(), None)),
            Some(other) if differs(&other.values, &values.values) => {
                let scheme = |side: &Side| format!("{}, seed {}", side.init, side.seed);
                let turned = !differs(&transposed(&values.parameter, &other.values), &values.values);
                let candidate = match turned {
                    true => "the same, transposed".to_owned(),
                    false => scheme(&experiment.candidate),
                };
                found.push(difference(
                    StartKind::InitialValues,
                    scheme(&experiment.reference),
                    candidate,
                    Some(gap(&values.values, &other.values)),
                ));
            }
            Some(_) => {}
        }
    }
    if mixed {
        found.push(StartDifference {
            kind: StartKind::Dtype,
            tensor: "all".to_owned(),
            reference: experiment.reference.dtype.to_string(),
            candidate: experiment.candidate.dtype.to_string(),
            gap: None,
        });
    }
    for (number, values) in candidate.iter().enumerate() {
        let name = &values.parameter.name;
        let shaped = found.iter().any(|found| found.kind == StartKind::Shape && &found.tensor == name);
        if !alignment.parameters.contains(&Some(number)) && !shaped {
            found.push(StartDifference {
                kind: StartKind::Extra,
                tensor: name.clone(),
                reference: "none".to_owned(),
                candidate: values.parameter.shape.to_string(),
                gap: None,
            });
        }
    }
    found
}

/// A square weight the other way round; anything else as it is.
fn transposed(parameter: &Parameter, values: &[f64]) -> Vec<f64> {
    match parameter.shape[..] {
        [rows, columns] if rows == columns => {
            (0..values.len()).map(|at| values[at % rows * rows + at / rows]).collect()
        }
        _ => values.to_vec(),
    }
}

/// The layers in which the sides differ, in words: what that does in numbers shows where it does.
fn layers(experiment: &Experiment, alignment: &Alignment) -> Vec<StartDifference> {
    let (reference, candidate) = (&experiment.reference.model.layers, &experiment.candidate.model.layers);
    let words = |layers: &[Layer]| match layers {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut found = Vec::new();
    let mut difference = |layers: Range<usize>, of_candidate: Range<usize>| {
        let (one, other) = (&reference[layers.clone()], &candidate[of_candidate]);
        // Another bias shows as a missing or an extra tensor.
        let plain = |layer: &Layer| layer.facts().plain;
        if one.iter().map(plain).eq(other.iter().map(plain)) {
            return;
        }
        let tensor = match (layers.len(), layers.start) {
            (0, start) => format!("behind layer {}", start.saturating_sub(1)),
            (1, start) => format!("layer {start}"),
            (_, start) => format!("layers {start} to {}", layers.end - 1),
        };
        let [reference, candidate] = [one, other].map(words);
        found.push(StartDifference { kind: StartKind::Layer, tensor, reference, candidate, gap: None });
    };
    match &alignment.stretches {
        Some(stretches) => {
            for Stretch { reference, candidate } in stretches {
                difference(reference.clone(), candidate.clone());
            }
            if !alignment.tail.is_empty() {
                difference(alignment.tail.reference.clone(), alignment.tail.candidate.clone());
            }
        }
        None => {
            for index in 0..reference.len().max(candidate.len()) {
                let one = |layers: &[Layer]| index.min(layers.len())..(index + 1).min(layers.len());
                difference(one(reference), one(candidate));
            }
        }
    }
    found
}

/// Gives an engine its initial weights.
///
/// # Errors
/// If the engine does not do what its side asks, or holds other tensors than the side's model says.
pub(super) fn load(engine: &mut dyn Engine, side: &Side, drawn: &Drawn) -> Result<()> {
    engine.supports(side)?;
    let kept: Vec<Parameter> = side.model.buffers().into_iter().map(|(buffer, _)| buffer).collect();
    let lists = [("trains", engine.parameters(), side.model.parameters()), ("keeps", engine.buffers(), kept)];
    for (does, described, expected) in lists {
        if described != expected {
            let names = |parameters: &[Parameter]| match parameters {
                [] => "nothing".to_owned(),
                some => some.iter().map(|p| format!("{} {}", p.name, p.shape)).collect::<Vec<_>>().join(", "),
            };
            return Err(Error::Start(format!(
                "the {} engine {does} {}, its model says {}",
                engine.describe().name,
                names(described),
                names(&expected)
            )));
        }
    }
    for (index, values) in drawn.parameters.iter().chain(&drawn.buffers).enumerate() {
        load_values(engine, index, values.parameter.shape, &values.values, side.dtype)?;
    }
    Ok(())
}

/// Gives a reference that is live the running statistics that a recorded candidate began with, where no file has them.
///
/// # Errors
/// If they are not the engine's.
pub(super) fn take_buffers(reference: &mut Runner, experiment: &Experiment, start: &Start) -> Result<()> {
    let live = start.reference.buffers.is_empty() && experiment.reference.recording().is_none();
    let Some(recording) = experiment.candidate.recording().filter(|_| live) else { return Ok(()) };
    let trained = reference.engine.parameters().len();
    for (number, values) in recording.first_buffers.iter().enumerate() {
        let shape = reference.engine.buffers()[number].shape;
        load_values(reference.engine.as_mut(), trained + number, shape, values, reference.dtype)?;
    }
    Ok(())
}

/// Checks that the sides are given the same batch, so that nothing but what is listed differs.
///
/// # Errors
/// If they are not.
pub(super) fn same(one: &Batch<'_>, other: &Batch<'_>) -> Result<()> {
    let (mut held, mut given) = (Vec::new(), Vec::new());
    // The same numbers, each rounded once to its side's type.
    let limit = if one.inputs.dtype() == other.inputs.dtype() { 0.0 } else { DType::F32.unit_roundoff() };
    one.inputs.widen_into(&mut held);
    other.inputs.widen_into(&mut given);
    let inputs = ("inputs", gap(&held, &given), one.inputs.shape() == other.inputs.shape());
    one.targets.widen_into(&mut held);
    other.targets.widen_into(&mut given);
    let targets = ("targets", gap(&held, &given), one.targets.shape == other.targets.shape);
    for (what, distance, same_shape) in [inputs, targets] {
        if !same_shape || !(distance <= limit) {
            return Err(Error::Start(format!("the {what} of the first batch are {distance:.1e} apart")));
        }
    }
    Ok(())
}

/// Checks that the engines hold what was drawn for them.
///
/// # Errors
/// If they do not.
pub(super) fn check(sides: [&dyn Engine; 2], start: &Start) -> Result<()> {
    let [reference, candidate] = sides;
    let mut held = Vec::new();
    for (engine, drawn) in [(reference, &start.reference), (candidate, &start.candidate)] {
        for (index, values) in drawn.parameters.iter().enumerate() {
            let view = engine.tensor(index);
            view.widen_into(&mut held);
            // What the engine holds is what was drawn, rounded once to its type, to the bit.
            let rounded = |value: f64| if view.dtype() == DType::F32 { f64::from(value as f32) } else { value };
            let same = held.len() == values.values.len()
                && held.iter().zip(&values.values).all(|(held, drawn)| *held == rounded(*drawn));
            if !same {
                let distance = gap(&held, &values.values);
                return Err(Error::Start(format!(
                    "the {} engine was given {} and holds values {distance:.1e} away",
                    engine.describe().name,
                    values.parameter.name
                )));
            }
        }
    }
    Ok(())
}
