//! A recording with gaps between its steps: of every recorded one its number, the weights on both sides of it, and the
//! optimizer's state before it, where that was recorded.

use super::{Trace, recording::Tensor};
use crate::{error::Result, model::Parameter, run::Resumed, training::Optimizer};
use std::{collections::BTreeMap, sync::Arc};

/// What a recording with gaps has of its steps.
#[derive(Debug)]
pub(super) struct Gaps {
    /// The recorded steps, in order.
    pub numbers: Arc<[usize]>,
    /// The weights that each step ends with.
    after: Vec<Tensor>,
    /// What the optimizer keeps of each parameter, by PyTorch's names.
    moments: Vec<BTreeMap<String, Tensor>>,
}

impl Gaps {
    /// Of a trace that has some, whose arrays belong to these parameters, each with whether it is transposed.
    pub fn of(trace: &Trace, each: &[(&str, bool)], parameters: &[Parameter]) -> Result<Option<Self>> {
        if !trace.has_gaps() {
            return match trace.array("step") {
                Some(_) => every_step(trace).map(|()| None),
                None => Ok(None),
            };
        }
        if trace.of("parameter").next().is_some() {
            return Err(
                trace.fault("has parameter/ and before/; it is the one where every step was recorded, else the other")
            );
        }
        let (mut after, mut moments) = (Vec::new(), Vec::new());
        for ((from, turned), parameter) in each.iter().zip(parameters) {
            let name = format!("after/{from}");
            let array = trace.array(&name).ok_or_else(|| {
                trace.fault(format!("has before/{from}.npy and no {name}.npy; a step is from one to the other"))
            })?;
            after.push(Tensor::of(trace, &name, array, *turned, parameter)?);
            let mut own = BTreeMap::new();
            // Of how many updates there were the steps' numbers tell.
            for (moment, array) in trace.of(&format!("state/{from}")).filter(|(moment, _)| *moment != "step") {
                let name = format!("state/{from}/{moment}");
                own.insert(moment.to_owned(), Tensor::of(trace, &name, array, *turned, parameter)?);
            }
            moments.push(own);
        }
        Ok(Some(Self { numbers: numbers(trace)?.into(), after, moments }))
    }

    /// Rows of the array that has fewest.
    pub fn rows(&self) -> usize {
        let moments = self.moments.iter().flat_map(BTreeMap::values);
        let counts = self.after.iter().chain(moments).map(Tensor::steps);
        counts.fold(self.numbers.len(), usize::min)
    }

    /// The row of a recorded step.
    pub fn row(&self, step: usize) -> usize {
        self.numbers.partition_point(|number| *number < step)
    }

    /// The weights that a step ends with, in a row of `before`, where the next one was recorded, too; else in one of its own.
    pub fn ends(&self, parameter: usize, step: usize, before: &Tensor, values: &mut Vec<f64>) -> Result<()> {
        let row = self.row(step);
        match self.numbers.get(row + 1) {
            Some(next) if *next == step + 1 && row + 1 < self.rows().min(before.steps()) => {
                before.read(row + 1, values)
            }
            Some(_) | None => self.after[parameter].read(row, values),
        }
    }

    /// Whether the state of every parameter is there, as this optimizer keeps it.
    pub fn has_state_of(&self, optimizer: &Optimizer) -> bool {
        let needed = || optimizer.moments().into_iter().flatten();
        self.moments.iter().all(|own| needed().all(|moment| own.contains_key(moment)))
    }

    /// The optimizer's state before a step: none before the first one of all.
    pub fn state(&self, step: usize) -> Result<Resumed> {
        let mut resumed = Resumed { updates: step, moments: Vec::new() };
        for own in self.moments.iter().filter(|_| step > 0) {
            let mut read = BTreeMap::new();
            for (moment, tensor) in own {
                let mut values = Vec::new();
                tensor.read(self.row(step), &mut values)?;
                read.insert(moment.clone(), values);
            }
            resumed.moments.push(read);
        }
        Ok(resumed)
    }
}

/// The numbers of the recorded steps.
pub(super) fn numbers(trace: &Trace) -> Result<Vec<usize>> {
    let Some(array) = trace.array("step") else {
        return Err(trace.fault(
            "has gaps between its steps (before/ and after/), and no step.npy that says which steps they are, from 0",
        ));
    };
    let (mut numbers, mut value) = (Vec::<usize>::new(), Vec::new());
    for row in 0..array.steps() {
        array.read(row, &mut value)?;
        let number = match value.as_slice() {
            &[number] if number >= 0.0 && number.fract() == 0.0 && number < 2f64.powi(53) => number as usize,
            found => {
                return Err(trace
                    .fault(format!("says in step.npy that a step has the number {found:?}; they are whole, from 0")));
            }
        };
        if numbers.last().is_some_and(|last| *last >= number) {
            return Err(trace.fault(format!(
                "says in step.npy that step {number} comes after step {}; they go up",
                numbers[row - 1]
            )));
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// Refuses a trace that has parameter/ and says that steps are missing.
fn every_step(trace: &Trace) -> Result<()> {
    match numbers(trace)?.into_iter().enumerate().find(|(row, number)| row != number) {
        None => Ok(()),
        Some((row, number)) => Err(trace.fault(format!(
            "has parameter/, which holds the weights of every step from 0 on, and says in step.npy that its row {row} is step {number}; \
             with gaps between steps record before/ and after/ (every= of the recorder)"
        ))),
    }
}
