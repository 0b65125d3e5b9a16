//! One engine of an experiment in training, all that it computes handed out step by step.

use super::{
    Batches, RunSide,
    alone::{Building, prepared_by},
};
use crate::{
    engine::Engine,
    error::Result,
    experiment::Experiment,
    model::Drawing,
    tensor::{Shape, Values, View},
    trace::Writer,
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// What is handed out: before the first step its weights, then of every step all that it computed.
struct Recorded<'a> {
    /// Steps that are done, with this one.
    pub number: usize,
    /// Steps of the run.
    pub of: usize,
    /// Tensors by their names in a trace.
    pub tensors: Vec<(String, View<'a>)>,
}

/// Someone who takes what is handed out; the other argument says what a trace says of itself.
type Taking<'a> = &'a mut dyn FnMut(&dyn Fn() -> Value, Recorded<'_>) -> Result<()>;

/// Every parameter, and every buffer.
fn weights(engine: &dyn Engine) -> Vec<(String, View<'_>)> {
    let named = engine.tensors().iter().enumerate();
    let folder = |trained: bool| if trained { "parameter" } else { "buffer" };
    named.map(|(number, own)| (format!("{}/{}", folder(own.trained), own.name), engine.tensor(number))).collect()
}

/// A number.
fn one(value: &[f64; 1]) -> View<'_> {
    View { shape: Shape::new(&[]), values: Values::F64(value) }
}

/// Trains a side of an experiment, in the engine that `build` makes, and hands out what it computes; returns how many steps
/// it made.
///
/// # Errors
/// If the engine fails, or who takes it.
fn recorded(
    experiment: &Experiment,
    (which, build): (RunSide, Building<'_>),
    stop: &AtomicBool,
    take: Taking<'_>,
) -> Result<usize> {
    let side = experiment.side(which);
    let mut batches = Batches::new(experiment, which)?;
    let mut engine = prepared_by(experiment, which, batches.largest(), build)?;
    let places = side.model.places();
    let dropout: Vec<usize> = (0..places.len()).filter(|&layer| places[layer].mask.is_some()).collect();
    let (layers, names) = (side.model.layers.len(), engine.parameters().to_vec());
    let steps = experiment.course.length.steps(batches.steps_per_epoch());
    let kinds: Vec<&str> = side
        .model
        .layers
        .iter()
        .flat_map(|layer| {
            let facts = layer.facts();
            let kind = match facts.drawing {
                Drawing::Linear(_) => "linear",
                Drawing::Table(_) => "embedding",
                Drawing::Nothing => "norm",
            };
            vec![kind; facts.parameters.len()]
        })
        .collect();
    let described = engine.describe();
    let definition = match which {
        RunSide::Reference => &experiment.resolved["reference"],
        RunSide::Candidate => &experiment.resolved["candidate"],
    };
    let parameters: serde_json::Map<String, Value> =
        names.iter().zip(&kinds).map(|(parameter, kind)| (parameter.name.clone(), json!(kind))).collect();
    let manifest = || {
        json!({
            "engine": format!("{} {}", described.name, described.version),
            "dtype": described.dtype.to_string(),
            "parameters": parameters,
            "definition": definition,
        })
    };
    let (number, tensors) = (0, weights(engine.as_ref()));
    take(&manifest, Recorded { number, of: steps, tensors })?;
    for step in 0..steps {
        if stop.load(Ordering::Relaxed) {
            return Ok(step);
        }
        batches.prepare(step);
        let took = batches.lend(side.dtype, |batch, _| -> Result<[f64; 4]> {
            let start = Instant::now();
            engine.forward(batch)?;
            let forward = Instant::now();
            let loss = [engine.loss(batch)?];
            let reported = Instant::now();
            engine.backward()?;
            let backward = Instant::now();
            let mut wide = Vec::new();
            batch.inputs.widen_into(&mut wide);
            let (number, rows) = ([step as f64], [batch.rows() as f64]);
            let mut tensors = vec![
                ("step".to_owned(), one(&number)),
                ("loss".to_owned(), one(&loss)),
                ("batch/size".to_owned(), one(&rows)),
                ("output_gradient".to_owned(), engine.output_gradient()),
                ("batch/target".to_owned(), batch.targets),
            ];
            tensors.push(("batch/input".to_owned(), View { shape: batch.inputs.shape(), values: Values::F64(&wide) }));
            tensors.extend((0..layers).map(|layer| (format!("activation/{layer}"), engine.activation(layer))));
            let between = (0..layers).filter_map(|layer| Some((layer, engine.activation_gradient(layer)?)));
            tensors.extend(between.map(|(layer, gradient)| (format!("activation_gradient/{layer}"), gradient)));
            tensors.extend(dropout.iter().zip(batch.masks).map(|(layer, mask)| (format!("mask/{layer}"), *mask)));
            tensors.extend(
                names
                    .iter()
                    .enumerate()
                    .map(|(number, own)| (format!("gradient/{}", own.name), engine.gradient(number))),
            );
            take(&manifest, Recorded { number: step, of: steps, tensors })?;
            let gathered = Instant::now();
            engine.update()?;
            let times = [(start, forward), (forward, reported), (reported, backward), (gathered, Instant::now())];
            Ok(times.map(|(from, to)| 1e6 * (to - from).as_secs_f64()))
        })?;
        let mut tensors = weights(engine.as_ref());
        tensors.push(("time_us".to_owned(), View { shape: Shape::new(&[4]), values: Values::F64(&took) }));
        take(&manifest, Recorded { number: step + 1, of: steps, tensors })?;
    }
    Ok(steps)
}

/// The same, into a trace; `step` is told of each step that is done, and of how many there are.
///
/// # Errors
/// If the engine fails; if the trace cannot be written.
pub fn recorded_into(
    folder: &Path,
    experiment: &Experiment,
    of: (RunSide, Building<'_>),
    stop: &AtomicBool,
    step: &mut dyn FnMut(usize, usize),
) -> Result<usize> {
    let mut writer = None;
    let steps = recorded(experiment, of, stop, &mut |manifest, recorded| {
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(Writer::create(folder, manifest())?),
        };
        step(recorded.number, recorded.of);
        recorded.tensors.iter().try_for_each(|(name, tensor)| writer.append(name, *tensor))
    })?;
    writer.map_or(Ok(()), Writer::finish)?;
    Ok(steps)
}
