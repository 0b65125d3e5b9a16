//! A run of a recording with gaps: before every recorded step all sides take the weights that it started from.

use super::{Lockstep, Runner};
use crate::{
    error::Result,
    experiment::{EngineKind, Experiment},
    tensor::{Values, View},
    trace::Recording,
};
use std::sync::Arc;

/// The recordings of a run whose steps do not follow each other.
pub(super) struct Gaps {
    /// The numbers of the steps, as many as are run at most.
    numbers: Arc<[usize]>,
    recordings: [Option<Arc<Recording>>; 2], // reference, candidate
    /// Whether the batches are the recording's, one for each of its steps.
    listed: bool,
}

impl Gaps {
    /// Of an experiment, if it has such a recording.
    pub fn of(experiment: &Experiment) -> Option<Self> {
        let recordings = [&experiment.reference, &experiment.candidate].map(|side| match &side.engine {
            EngineKind::Recorded(recording) => Some(Arc::clone(recording)),
            EngineKind::Torch | EngineKind::Scratch | EngineKind::Exact => None,
        });
        Some(Self { numbers: experiment.numbers()?, recordings, listed: experiment.listed.is_some() })
    }

    /// How many steps are run of an experiment that has so many.
    pub fn steps(&self, all: usize) -> usize {
        if self.listed { all } else { self.numbers.partition_point(|number| *number < all) }
    }
}

impl Lockstep {
    /// Whether steps between those that are run are not known.
    pub fn has_gaps(&self) -> bool {
        self.gaps.is_some()
    }

    /// The number of a step in the training.
    pub(super) fn number(&self, step: usize) -> usize {
        self.gaps.as_ref().and_then(|gaps| gaps.numbers.get(step).copied()).unwrap_or(step)
    }

    /// Gives the sides the weights that a step was recorded to start from: each its own, one that runs live the other's.
    pub(super) fn resume(&mut self, step: usize) -> Result<()> {
        let Self { gaps, reference, candidates, shared: [shared, _], .. } = self;
        let Some(Gaps { recordings, .. }) = gaps else { return Ok(()) };
        let [of_reference, of_candidate] = recordings.each_ref().map(Option::as_ref);
        let mut read = Vec::new();
        for (own, theirs) in shared.iter().enumerate() {
            if let Some((recording, number)) = of_reference.zip(*theirs).or(of_candidate.map(|given| (given, own))) {
                recording.before(number, step, &mut read)?;
                if let Some(theirs) = theirs {
                    give(reference, *theirs, &read)?;
                }
            }
            if let Some((recording, number)) = of_candidate.map(|given| (given, own)).or(of_reference.zip(*theirs)) {
                recording.before(number, step, &mut read)?;
                candidates.iter_mut().try_for_each(|(_, candidate)| give(candidate, own, &read))?;
            }
        }
        Ok(())
    }

    /// Notes in the records of a step what the optimizers of recorded sides go on from.
    pub(super) fn note_resumed(&mut self) -> Result<()> {
        let Self { gaps, reference, candidates, .. } = self;
        let Some(Gaps { recordings, .. }) = gaps else { return Ok(()) };
        let sides = candidates.iter_mut().map(|(_, side)| (side, &recordings[1]));
        for (side, recording) in sides.chain([(reference, &recordings[0])]) {
            let record = &mut side.latest.record;
            record.resumed = recording.as_ref().map(|recording| recording.resumed(record.step)).transpose()?.flatten();
        }
        Ok(())
    }
}

/// Gives an engine the values of one of its tensors.
fn give(side: &mut Runner, tensor: usize, values: &[f64]) -> Result<()> {
    let shape = side.engine.tensors()[tensor].shape;
    side.take(tensor, View { shape, values: Values::F64(values) })
}
