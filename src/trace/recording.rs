//! A trace beside a model: which of its arrays is what, where its steps begin, and what they are worth.

use super::{
    Array, Kept, Looked, Mapped, Trace,
    buffers::Buffers,
    computed::{Computed, kept, padded},
    evaluations::Evaluations,
    gaps::Gaps,
    matching::matched,
};
use crate::{
    engine::Lends,
    error::Result,
    model::{Model, Parameter, init::InitialValues},
    run::Resumed,
    tensor::{DType, Shape},
    training::Optimizer,
};
use std::{fmt, ops::Range, sync::Arc};

/// One recorded tensor of every step, in the model's layout.
#[derive(Debug)]
pub(super) struct Tensor {
    array: Array,
    shape: Shape,
    transposed: bool,
}

/// A trace of a model in training.
#[derive(Debug)]
pub struct Recording {
    /// What recorded it.
    pub engine: String,
    /// The type it computed in.
    pub dtype: DType,
    /// Steps that are there in whole.
    pub steps: usize,
    /// The weights before the first of them, in the model's order, and in its own type.
    pub first: Vec<Vec<f64>>,
    /// The running statistics before the first step, in the model's order; none where it does not have them.
    pub first_buffers: Vec<Vec<f64>>,
    /// What of a step it has.
    pub lends: Lends,
    /// How it was read, in sentences.
    pub said: Vec<String>,
    /// What each of its dropout layers kept, if it has that of all that drop something.
    pub kept: Option<Arc<[Kept]>>,
    path: String,
    /// Before each step, and after the last; of a recording with gaps before each alone.
    parameters: Vec<Tensor>,
    gaps: Option<Gaps>,
    /// The running statistics before each step, and after the last.
    buffers: Vec<Array>,
    evaluations: Option<Evaluations>,
    /// The row of the weights that step 0 ends with.
    after_first: usize,
    computed: Computed,
}

/// Two are the same if they were read from the same place.
impl PartialEq for Recording {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// What an experiment says of the weights that training starts from.
pub struct Beginning<'a> {
    /// The experiment's own, where it says which.
    pub given: Option<&'a [InitialValues]>,
    /// What the other side starts from, where that was recorded.
    pub like: Option<&'a [InitialValues]>,
    /// How many steps it has.
    pub steps: usize,
}

/// Whether a square weight is recorded transposed, by its first values: those of the weight that it should start from, the one
/// way round or the other.
fn told_by_values(trace: &Trace, like: &InitialValues, name: &str) -> Option<bool> {
    let mut found = Vec::new();
    trace.array(&format!("{}/{name}", trace.weights()))?.read(0, &mut found).ok()?;
    let size = like.parameter.shape[0];
    let round = |value: f64| if trace.dtype == DType::F32 { f64::from(value as f32) } else { value };
    let same = |place: &dyn Fn(usize) -> usize| {
        found.len() == like.values.len()
            && found.iter().enumerate().all(|(at, value)| *value == round(like.values[place(at)]))
    };
    match (same(&|at| at), same(&|at| at % size * size + at / size)) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        (true, true) | (false, false) => None,
    }
}

impl Tensor {
    /// An array of a trace that is said to be a parameter's.
    pub(super) fn of(
        trace: &Trace,
        name: &str,
        array: &Array,
        transposed: bool,
        parameter: &Parameter,
    ) -> Result<Self> {
        let shape = parameter.shape;
        match array.elements() == shape.elements() {
            true => Ok(Self { array: array.clone(), shape, transposed }),
            false => Err(trace.fault(format!(
                "array {name} has shape {:?} at every step, the model's {} has {shape}",
                array.shape(),
                parameter.name
            ))),
        }
    }

    pub(super) fn steps(&self) -> usize {
        self.array.steps()
    }

    pub(super) fn read(&self, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.array.read(step, values)?;
        if self.transposed {
            let (rows, columns) = (self.shape[0], self.shape[1]);
            *values = (0..values.len()).map(|at| values[at % columns * rows + at / columns]).collect();
        }
        Ok(())
    }
}

impl Recording {
    /// A trace of this model.
    ///
    /// # Errors
    /// If its arrays are not the model's, or cannot be read.
    pub fn new(trace: &Trace, model: &Model, map: &[Mapped], beginning: &Beginning<'_>) -> Result<Self> {
        let fault = |message: String| trace.fault(message);
        let recorded: Vec<(&str, &Array)> = trace.of(trace.weights()).collect();
        let shapes: Vec<_> = recorded.iter().map(|(name, array)| (*name, array.shape())).collect();
        let kept_beside = model.buffers();
        let of_buffer = |mapped: &&Mapped| kept_beside.iter().any(|(buffer, _)| buffer.name == mapped.to);
        let of_parameters: Vec<Mapped> = map.iter().filter(|mapped| !of_buffer(mapped)).cloned().collect();
        let layout = &trace.manifest.layout;
        let told =
            |number: usize, name: &str| told_by_values(trace, beginning.like.or(beginning.given)?.get(number)?, name);
        let found = matched((&shapes, trace.ordered), model, layout, (&of_parameters, &told)).map_err(fault)?;
        let mut said: Vec<String> = found.said.into_iter().collect();
        let (buffers, evaluations) = evaluation_mode(trace, model, map, &mut said)?;
        let model_parameters = model.parameters();
        // All of a kind that are there, which each have to fit.
        let tensors = |folder: &str| -> Result<Vec<Tensor>> {
            let of = |(one, parameter): (&super::matching::Match, &Parameter)| {
                let name = format!("{folder}/{}", one.from);
                Some(Tensor::of(trace, &name, trace.array(&name)?, one.transposed, parameter))
            };
            found.each.iter().zip(&model_parameters).filter_map(of).collect()
        };
        let parameters = tensors(trace.weights())?;
        let each: Vec<(&str, bool)> = found.each.iter().map(|one| (one.from.as_str(), one.transposed)).collect();
        let gaps = Gaps::of(trace, &each, &model_parameters)?;
        if let Some(whole) = parameters.iter().find(|tensor| tensor.array.is_whole()) {
            return Err(trace.fault(format!(
                "holds whole numbers for a weight of shape {}; record float32 or float64",
                whole.shape
            )));
        }
        let computed = Computed::of(trace, model, (tensors("gradient")?, parameters.len()), &mut said)?;
        let rows = parameters.iter().map(|tensor| tensor.array.steps()).min().unwrap_or_default();
        if rows == 0 {
            return Err(trace.fault("has no recorded step"));
        }
        let count = computed.steps().into_iter().chain(buffers.steps()).min();
        let dtype = trace.dtype;
        let (first, after_first) = match &gaps {
            None => first_weights(trace, &parameters, (rows, count), beginning)?,
            Some(_) => (first_rows(&parameters)?, 0),
        };
        let count = count.unwrap_or(rows - after_first).min(gaps.as_ref().map_or(usize::MAX, Gaps::rows));
        let steps = (rows - after_first).min(count);
        if steps == 0 {
            return Err(trace.fault("has no whole step"));
        }
        let counts: Vec<usize> = parameters.iter().map(|tensor| tensor.array.steps()).collect();
        let uneven = counts.iter().any(|count| *count != rows) || count + after_first != rows;
        if let Some(Gaps { numbers, .. }) = &gaps {
            said.push(format!(
                "it has {steps} steps with gaps between them, the last step {}; each is judged from the weights that it started from",
                numbers[steps - 1]
            ));
        }
        if uneven || trace.arrays.iter().any(|(_, array)| array.cut) {
            said.push(format!("its recording was cut short; its first {steps} steps are whole"));
        } else if !trace.whole {
            said.push(format!("its program did not come to its end, or goes on; its first {steps} steps are judged"));
        }
        let engine = trace.engine().to_owned();
        let path = trace.path().display().to_string();
        Ok(Self {
            engine,
            dtype,
            steps,
            first,
            lends: computed.lends(!buffers.arrays.is_empty()),
            said: said.into_iter().map(|said| format!("{path}: {said}")).collect(),
            kept: kept(trace, model)?,
            path,
            parameters,
            gaps,
            buffers: buffers.arrays,
            first_buffers: buffers.first,
            evaluations,
            after_first,
            computed,
        })
    }

    /// The weights that a step ends with.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn parameter(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        match &self.gaps {
            Some(gaps) => gaps.ends(number, step, &self.parameters[number], values),
            None => self.parameters[number].read(self.after_first + step, values),
        }
    }

    /// What it starts from, as initial values of a model.
    pub fn starts(&self, model: &Model) -> Vec<InitialValues> {
        let each = model.parameters().into_iter().zip(&self.first);
        each.map(|(parameter, values)| InitialValues { parameter, values: values.clone() }).collect()
    }

    /// The numbers of its steps, where there are gaps between them.
    pub fn numbers(&self) -> Option<&Arc<[usize]>> {
        self.gaps.as_ref().map(|gaps| &gaps.numbers)
    }

    /// The weights that a step starts from, of a recording with gaps.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn before(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.parameters[number].read(self.row(step), values)
    }

    /// The state of the optimizer that a step goes on from, of a recording with gaps.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn resumed(&self, step: usize) -> Result<Option<Resumed>> {
        self.gaps.as_ref().map(|gaps| gaps.state(step)).transpose()
    }

    /// Whether what each step goes on from is known, as this optimizer needs it.
    pub fn goes_on(&self, optimizer: &Optimizer) -> bool {
        self.gaps.as_ref().is_none_or(|gaps| gaps.has_state_of(optimizer))
    }

    /// A buffer after a step.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn buffer(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.buffers[number].read(step + 1, values)
    }

    /// Which of its looks at the evaluation mode came after so many steps.
    pub fn looks_after(&self, steps: usize) -> Range<usize> {
        let all = self.evaluations.as_ref().map_or(&[][..], |evaluations| &evaluations.steps);
        all.partition_point(|after| *after < steps)..all.partition_point(|after| *after <= steps)
    }

    /// Whether its looks have the outputs, and whether the losses; nothing where it has no looks.
    pub fn looks(&self) -> Option<[bool; 2]> {
        self.evaluations.as_ref().map(Evaluations::has)
    }

    /// One of its looks.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn looked(&self, look: usize) -> Result<Looked> {
        self.evaluations.as_ref().map_or_else(|| Ok(Looked::default()), |evaluations| evaluations.read(look))
    }

    /// What a step took: nanoseconds of forward, loss, backward and update.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn nanoseconds(&self, step: usize) -> Result<Option<[u64; 4]>> {
        let Some(times) = &self.computed.times else { return Ok(None) };
        let mut values = Vec::new();
        times.read(self.row(step), &mut values)?;
        let mut took = values.into_iter();
        Ok(Some([(); 4].map(|()| took.next().map_or(0, |time| (1e3 * time) as u64))))
    }

    /// The row of a step in what every step has once.
    fn row(&self, step: usize) -> usize {
        self.gaps.as_ref().map_or(step, |gaps| gaps.row(step))
    }

    /// The gradient in a parameter at a step.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn gradient(&self, number: usize, step: usize, values: &mut Vec<f64>) -> Result<()> {
        self.computed.gradients[number].read(self.row(step), values)
    }

    /// The output of a layer at a step, of a batch of so many rows.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn activation(&self, layer: usize, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
        padded(&self.computed.activations[layer], (self.row(step), rows), values)
    }

    /// Whether it has the gradient in the outputs of a layer.
    pub fn has_activation_gradient(&self, layer: usize) -> bool {
        self.computed.activation_gradients.get(layer).is_some_and(Option::is_some)
    }

    /// The gradient in the outputs of a layer at a step, of a batch of so many rows; nothing where it does not have it.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn activation_gradient(&self, layer: usize, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
        let at = (self.row(step), rows);
        self.computed
            .activation_gradients
            .get(layer)
            .and_then(Option::as_ref)
            .map_or(Ok(()), |array| padded(array, at, values))
    }

    /// The gradient in the outputs at a step, of a batch of so many rows.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn output_gradient(&self, (step, rows): (usize, usize), values: &mut Vec<f64>) -> Result<()> {
        self.computed.output_gradient.as_ref().map_or(Ok(()), |array| padded(array, (self.row(step), rows), values))
    }

    /// The reported loss of a step.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn loss(&self, step: usize) -> Result<f64> {
        let mut value = Vec::new();
        self.computed.loss.as_ref().map_or(Ok(()), |array| array.read(self.row(step), &mut value))?;
        Ok(value.first().copied().unwrap_or(f64::NAN))
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// What a trace has for the evaluation mode: its running statistics, with the first ones of them, and its looks.
fn evaluation_mode(
    trace: &Trace,
    model: &Model,
    map: &[Mapped],
    said: &mut Vec<String>,
) -> Result<(Buffers, Option<Evaluations>)> {
    let kept_beside = model.buffers();
    let mut buffers = Buffers::of(trace, model, map)?;
    said.extend(buffers.said.take());
    let mut starts = kept_beside.iter().zip(&buffers.first);
    if starts.any(|((_, start), first)| first.iter().any(|value| value != start)) {
        said.push(
            "its running statistics begin with other numbers than 0 and 1, and the reference with the same".to_owned(),
        );
    }
    let mut evaluations = Evaluations::of(trace, model)?;
    if evaluations.is_some() && buffers.arrays.len() < kept_beside.len() {
        said.push(
            "its evaluations are not judged without the running statistics: record them (buffers= of the recorder)"
                .to_owned(),
        );
        evaluations = None;
    }
    Ok((buffers, evaluations))
}

/// The first row of every parameter.
fn first_rows(parameters: &[Tensor]) -> Result<Vec<Vec<f64>>> {
    let first = parameters.iter().map(|tensor| {
        let mut values = Vec::new();
        tensor.read(0, &mut values).map(|()| values)
    });
    first.collect()
}

/// The weights before the first step, and the row that the first step ends with: the first recorded row is either.
fn first_weights(
    trace: &Trace,
    parameters: &[Tensor],
    (rows, computed): (usize, Option<usize>),
    beginning: &Beginning<'_>,
) -> Result<(Vec<Vec<f64>>, usize)> {
    let recorded = first_rows(parameters)?;
    let round = |value: f64| if trace.dtype == DType::F32 { f64::from(value as f32) } else { value };
    let given = beginning.given.map(|given| -> Vec<Vec<f64>> {
        given.iter().map(|one| one.values.iter().map(|&value| round(value)).collect()).collect()
    });
    let is_first = match (&given, computed) {
        (Some(given), _) if *given == recorded => true,
        // As many as there are losses or gradients are those after each step.
        (_, Some(computed)) if rows > computed => true,
        (Some(_), Some(computed)) if rows == computed => false,
        (Some(_), _) => rows != beginning.steps,
        (None, Some(computed)) if rows == computed => {
            return Err(trace.fault(format!(
                "has {rows} weights and {computed} losses: the weights after every step, without those that the first one starts \
                 from; record these, too, as the first row, or give them: model.init = {{ file = \"first.npz\" }}"
            )));
        }
        (None, _) => true,
    };
    match given {
        Some(given) if !is_first => Ok((given, 0)),
        _ if rows < 2 => Err(trace.fault("has the weights of one moment alone; a step is from one row to the next")),
        _ => Ok((recorded, 1)),
    }
}
