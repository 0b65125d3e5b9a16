//! The phase `start`: initial weights, drawn once and copied, and what differs before the first step.
//!
//! Weights are drawn for the reference's parameter list and copied to the candidate by name, so that switching a bias
//! off changes no other tensor. Where the experiment gives the sides other layers or another scheme, the difference is
//! listed. A difference that it does not ask for is an error.

use super::load as load_values;
use crate::{
    data::Batch,
    engine::Engine,
    error::{Error, Result},
    experiment::{Experiment, Side},
    gap::gap,
    model::{
        Layer, Linear, Parameter,
        init::{InitialValues, draw},
    },
    tensor::DType,
};
use serde::{Deserialize, Serialize};

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

/// The initial weights of both sides.
pub struct Start {
    /// The reference's, in its `state_dict` order.
    pub reference: Vec<InitialValues>,
    /// The candidate's, in its own.
    pub candidate: Vec<InitialValues>,
    /// What differs, each difference asked for.
    pub differences: Vec<StartDifference>,
}

impl Start {
    /// Draws the initial weights of an experiment.
    ///
    /// # Errors
    /// If a weight file does not fit.
    pub fn draw(experiment: &Experiment) -> Result<Self> {
        let own = |side: &Side| draw(&side.model, &side.init, side.seed, side.dtype);
        let (reference_side, candidate_side) = (&experiment.reference, &experiment.candidate);
        let reference = own(reference_side)?;
        let same_scheme = reference_side.init == candidate_side.init && reference_side.seed == candidate_side.seed;
        let wanted = candidate_side.model.parameters();
        let shared = |parameter: &Parameter| reference.iter().find(|values| &values.parameter == parameter).cloned();
        let candidate = match wanted.iter().map(shared).collect::<Option<Vec<_>>>() {
            Some(all) if same_scheme => all,
            _ => {
                let mut drawn = own(candidate_side)?;
                for values in drawn.iter_mut().filter(|_| same_scheme) {
                    if let Some(shared) = shared(&values.parameter) {
                        *values = shared;
                    }
                }
                drawn
            }
        };
        let differences = differences(experiment, &reference, &candidate);
        Ok(Self { reference, candidate, differences })
    }
}

fn differences(
    experiment: &Experiment,
    reference: &[InitialValues],
    candidate: &[InitialValues],
) -> Vec<StartDifference> {
    let mut found = Vec::new();
    let (reference_layers, candidate_layers) = (&experiment.reference.model.layers, &experiment.candidate.model.layers);
    for index in 0..reference_layers.len().max(candidate_layers.len()) {
        let (one, other) = (reference_layers.get(index), candidate_layers.get(index));
        let name = |layer: Option<&Layer>| layer.map_or("none".to_owned(), ToString::to_string);
        // Another bias shows as a missing or an extra tensor.
        if one.map(without_bias) != other.map(without_bias) {
            found.push(StartDifference {
                kind: StartKind::Layer,
                tensor: format!("layer {index}"),
                reference: name(one),
                candidate: name(other),
                gap: None,
            });
        }
    }
    for values in reference {
        let name = &values.parameter.name;
        let shape = values.parameter.shape.to_string();
        let difference =
            |kind, reference, candidate, gap| StartDifference { kind, tensor: name.clone(), reference, candidate, gap };
        match candidate.iter().find(|other| &other.parameter.name == name) {
            None => found.push(difference(StartKind::Missing, shape, "none".to_owned(), None)),
            Some(other) if other.parameter.shape != values.parameter.shape => {
                found.push(difference(StartKind::Shape, shape, other.parameter.shape.to_string(), None));
            }
            Some(other) if other.values != values.values => {
                let scheme = |side: &Side| format!("{}, seed {}", side.init, side.seed);
                found.push(difference(
                    StartKind::InitialValues,
                    scheme(&experiment.reference),
                    scheme(&experiment.candidate),
                    Some(gap(&values.values, &other.values)),
                ));
            }
            Some(_) => {}
        }
    }
    if experiment.reference.dtype != experiment.candidate.dtype {
        found.push(StartDifference {
            kind: StartKind::Dtype,
            tensor: "all".to_owned(),
            reference: experiment.reference.dtype.to_string(),
            candidate: experiment.candidate.dtype.to_string(),
            gap: None,
        });
    }
    for values in candidate {
        let name = &values.parameter.name;
        if !reference.iter().any(|other| &other.parameter.name == name) {
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

fn without_bias(layer: &Layer) -> Layer {
    match *layer {
        Layer::Linear(linear) => Layer::Linear(Linear { bias: false, ..linear }),
        other => other,
    }
}

/// Gives an engine its initial weights.
///
/// # Errors
/// If the engine trains other tensors than its side's model says.
pub(super) fn load(engine: &mut dyn Engine, side: &Side, values: &[InitialValues]) -> Result<()> {
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
    for (index, values) in values.iter().enumerate() {
        load_values(engine, index, values.parameter.shape, &values.values, side.dtype)?;
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
        for (index, values) in drawn.iter().enumerate() {
            let view = engine.parameter(index);
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
