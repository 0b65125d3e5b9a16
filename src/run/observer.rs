//! Who is told of every step, and what.

use super::{Evaluated, RunMode, Runner, SideStep};
use crate::{
    data::{Batch, Inputs},
    tensor::View,
};
use std::ops::ControlFlow;

/// One step of all sides.
pub struct StepEvent<'a> {
    /// From 0.
    pub step: usize,
    /// What of the step it is about.
    pub part: Part,
    /// How many steps the run is to have.
    pub steps: usize,
    /// What the reference was given.
    pub batch: Batch<'a>,
    /// What each side was given, its targets in the form of the definition's loss, where these can differ.
    pub given: Option<[(Inputs<'a>, View<'a>); 2]>,
    /// Whether its tensors are compared.
    pub compared: bool,
    /// The reference's step.
    pub reference: &'a SideStep,
    /// The reference.
    pub reference_runner: &'a Runner,
    /// The candidates that run, synced before free.
    pub candidates: &'a [(RunMode, Runner)],
    /// What was looked at after this step.
    pub evaluated: &'a [Evaluated],
}

/// A part of a step: all of it, or a batch of the side with the smaller ones. The other side makes its own in the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub number: usize,
    /// Whether it is the last.
    pub last: bool,
    /// Whether the reference has made a batch in it, and whether the candidates have.
    pub acted: [bool; 2],
}

/// Someone who is told of every step, and may end the run.
pub trait Observer {
    /// Called at every step when all sides have computed their gradients and none has made its update: what engines lend
    /// is there to be read. Returns whether [`step`](Self::step) is to find records of all sides.
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        let _ = event;
        false
    }

    /// Called after the updates of a step that is compared. Returns whether, if no records were asked for, those of the
    /// reference and of the synced candidate are to be made now, from what their engines still lend.
    fn updated(&mut self, event: &StepEvent<'_>) -> bool {
        let _ = event;
        false
    }

    /// Called after a look at the evaluation mode after `step`, whose records the sides hold; also after that at the test
    /// rows, when the run is over.
    fn looked(&mut self, step: usize, reference: &Runner, candidates: &[(RunMode, Runner)]) {
        let _ = (step, reference, candidates);
    }

    /// Called after every part of a step but the last. Those before it, of which records were asked for, have been told
    /// by [`computed`](Self::computed) and [`updated`](Self::updated) as well.
    fn part(&mut self, event: &StepEvent<'_>) {
        let _ = event;
    }

    /// Called after every step; `Break` ends the run with this step.
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()>;
}

/// An observer that only wants the run to go on.
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _event: &StepEvent<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
