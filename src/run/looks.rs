//! Looks at held-out rows on the way, and what they decide; and looks that a recorded training took.

use super::{Decision, Ended, Evaluated, Lockstep, Observer, Patience, Stopping};
use crate::{
    data::{Batch, columns::DTypes, loader::Loader},
    error::Result,
    experiment::{EngineKind, Experiment},
    tensor::DType,
    trace::Recording,
};
use std::sync::Arc;

/// The looks at the evaluation mode of a candidate that was recorded, beside a reference that is live.
pub(super) struct Recorded {
    recording: Arc<Recording>,
    loader: Loader,
}

impl Recorded {
    /// Of an experiment whose candidate has some.
    pub fn of(experiment: &Experiment) -> Result<Option<Self>> {
        let (reference, candidate) = (&experiment.reference, &experiment.candidate);
        let (EngineKind::Recorded(recording), Some(looked)) = (&candidate.engine, &experiment.looked) else {
            return Ok(None);
        };
        if recording.looks().is_none() || reference.recording().is_some() {
            return Ok(None);
        }
        let wanted: DTypes = [reference.dtype, candidate.dtype].into_iter().collect();
        let loader = Loader::listed(Arc::clone(&looked.set), Arc::clone(&looked.listed), reference.encoding, wanted)?;
        Ok(Some(Self { recording: Arc::clone(recording), loader }))
    }
}

impl Lockstep {
    pub(super) fn show_looks(&self, step: usize, observers: &mut [&mut dyn Observer]) {
        if !self.reference.looked.is_empty() {
            observers.iter_mut().for_each(|observer| observer.looked(step, &self.reference, &self.candidates));
        }
    }

    /// Lets the reference look at the rows that the recorded candidate was looked at with after this step, and leaves what both
    /// made of them with the runners.
    pub(super) fn look_again(&mut self, step: usize) -> Result<()> {
        let Self { recorded, reference, candidates, .. } = self;
        let Some(Recorded { recording, loader }) = recorded else { return Ok(()) };
        for look in recording.looks_after(step + 1) {
            loader.prepare(look);
            let batch = |dtype: DType| Batch { step, training: false, ..loader.batch(dtype) };
            let own = batch(reference.dtype);
            reference.look(&own, own.targets)?;
            let looked = recording.looked(look)?;
            candidates.iter_mut().try_for_each(|(_, side)| side.was_looked_at(&batch(side.dtype), &looked))?;
        }
        Ok(())
    }

    pub(super) fn forget_looks(&mut self) {
        let candidates = self.candidates.iter_mut().map(|(_, side)| side);
        candidates.chain([&mut self.reference]).for_each(|side| side.looked.clear());
    }

    /// Looks at the validation rows where it is their turn, and lets every side decide whether to go on.
    pub(super) fn look(&mut self, step: usize, last: bool, patience: &mut [Patience]) -> Result<Vec<Evaluated>> {
        let Some(validation) = &mut self.validation else { return Ok(Vec::new()) };
        let due = self.course.validation.is_due(step, self.steps_per_epoch);
        if !due && !last {
            return Ok(Vec::new());
        }
        let found = validation.look(step + 1, &mut self.reference, &mut self.candidates)?;
        let scores = std::iter::once(&found.reference).chain(found.candidates.iter().map(|(_, scores)| scores));
        let mut best = false;
        for (number, (patience, scores)) in patience.iter_mut().zip(scores).enumerate() {
            let better = patience.see(step + 1, scores);
            best |= better && number == 0;
        }
        if best && self.course.early_stopping.is_some_and(|rule| rule.restore) {
            self.reference.keep();
            self.candidates.iter_mut().for_each(|(_, candidate)| candidate.keep());
        }
        Ok(vec![found])
    }

    /// Gives back the best weights and looks at the test rows.
    pub(super) fn finish(&mut self, ended: &mut Ended, patience: &[Patience]) -> Result<()> {
        if let [reference, candidates @ ..] = patience {
            let same = self.candidates.iter().zip(candidates);
            let restored = self.course.early_stopping.is_some_and(|rule| rule.restore) && reference.best_at.is_some();
            ended.stopping = Some(Stopping {
                stopped: reference.stopped,
                best: reference.best_at,
                restored,
                candidates: same
                    .map(|((mode, _), own)| Decision {
                        mode: *mode,
                        stopped: own.stopped,
                        best: own.best_at,
                        same: own.stopped == reference.stopped && own.best_at == reference.best_at,
                    })
                    .collect(),
            });
            if restored {
                self.reference.restore()?;
                self.candidates.iter_mut().try_for_each(|(_, candidate)| candidate.restore())?;
            }
        }
        if let Some(test) = self.test.as_mut().filter(|_| !ended.interrupted) {
            ended.test = Some(test.look(ended.steps, &mut self.reference, &mut self.candidates)?);
        }
        Ok(())
    }
}
