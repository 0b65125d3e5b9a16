//! What a recorded network made, in evaluation mode, of rows that it was only looked at with.

use super::{Array, Given, Trace};
use crate::{data::order::Listed, error::Result, file, model::Model};

/// The looks of a recording, in order.
#[derive(Debug)]
pub(super) struct Evaluations {
    /// After how many steps each comes.
    pub steps: Vec<usize>,
    output: Option<Array>,
    loss: Option<Array>,
}

/// What one look has.
#[derive(Debug, Default)]
pub struct Looked {
    /// What the last layer put out, `[rows, outputs]`; none where it was not recorded.
    pub output: Vec<f64>,
    /// The loss; NaN where it was not recorded.
    pub loss: f64,
}

impl Evaluations {
    /// Those of a trace of this model, if it has some.
    pub fn of(trace: &Trace, model: &Model) -> Result<Option<Self>> {
        if trace.of("evaluation").next().is_none() {
            return Ok(None);
        }
        let needed = |name: &str| {
            trace.array(&format!("evaluation/{name}")).ok_or_else(|| {
                trace.fault(format!(
                    "has evaluation/ and no evaluation/{name}.npy; it needs step, input and target, and output or loss"
                ))
            })
        };
        let [step, input, target] = [needed("step")?, needed("input")?, needed("target")?];
        let [output, loss] = ["output", "loss"].map(|name| trace.array(&format!("evaluation/{name}")).cloned());
        if output.is_none() && loss.is_none() {
            needed("output")?;
        }
        let rows = input.shape().first().copied().unwrap_or(1).max(1);
        if input.elements() != rows * model.inputs {
            return Err(trace.fault(format!(
                "evaluation/input has shape {:?} at every look, where the model takes rows of {}",
                input.shape(),
                model.inputs
            )));
        }
        if let Some(output) = output.as_ref().filter(|output| output.elements() != rows * model.outputs()) {
            return Err(trace.fault(format!(
                "evaluation/output has shape {:?} at every look, where the model puts out {} for each of {rows} rows",
                output.shape(),
                model.outputs()
            )));
        }
        if loss.as_ref().is_some_and(|loss| loss.elements() != 1) {
            return Err(trace.fault("evaluation/loss is one number for each look"));
        }
        let (mut steps, mut value) = (Vec::new(), Vec::new());
        let whole = [Some(input), Some(target), output.as_ref(), loss.as_ref()].into_iter().flatten().map(Array::steps);
        for look in 0..whole.fold(step.steps(), usize::min) {
            step.read(look, &mut value)?;
            match value.as_slice() {
                &[number]
                    if number >= steps.last().map_or(0.0, |last: &usize| *last as f64) && number.fract() == 0.0 =>
                {
                    steps.push(number as usize);
                }
                found => {
                    return Err(trace.fault(format!(
                        "says in evaluation/step.npy that a look came after {found:?} steps; they are whole numbers that do not go down"
                    )));
                }
            }
        }
        Ok(Some(Self { steps, output, loss }))
    }

    /// What is there of every look.
    pub fn has(&self) -> [bool; 2] {
        [self.output.is_some(), self.loss.is_some()]
    }

    /// One of them.
    pub fn read(&self, look: usize) -> Result<Looked> {
        let mut looked = Looked { loss: f64::NAN, ..Looked::default() };
        if let Some(output) = &self.output {
            output.read(look, &mut looked.output)?;
        }
        if let Some(loss) = &self.loss {
            let mut value = Vec::new();
            loss.read(look, &mut value)?;
            looked.loss = value.first().copied().unwrap_or(f64::NAN);
        }
        Ok(looked)
    }
}

impl Trace {
    /// The rows of its looks: each once, and which of them every look has.
    ///
    /// # Errors
    /// If they cannot be read, or do not fit the memory.
    pub(crate) fn looked(&self) -> Result<Option<([file::Array; 2], Listed)>> {
        let (Some(input), Some(target)) = (self.array("evaluation/input"), self.array("evaluation/target")) else {
            return Ok(None);
        };
        match self.rows([input, target], None)? {
            Given::Rows { set, listed } => Ok(Some((set, listed))),
            Given::Numbers(_) => Ok(None),
        }
    }
}
