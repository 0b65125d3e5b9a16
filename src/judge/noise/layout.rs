//! A side's records as the definition has them: in its layout, and in whole.

use super::{Filling, Slack, Translation};
use crate::{engine::Lends, experiment::Experiment, judge::replay::Replay, run::StepRecord};

/// What makes a candidate's records ones of the definition.
pub enum Layout {
    /// They are.
    Own,
    /// Its layers are others.
    Translated(Box<Translation>),
    /// It does not have all of a step.
    Filled(Box<Filling>),
}

impl Layout {
    /// Of the candidate of an experiment that has so much of a step. `k` as in [`Replay::new`].
    pub fn new(experiment: &Experiment, lends: Lends, k: f64) -> Self {
        let translated = Translation::new(experiment, k).map(Box::new).map(Self::Translated);
        let filled = || Filling::new(lends).map(Box::new).map(Self::Filled);
        translated.or_else(filled).unwrap_or(Self::Own)
    }

    /// Of the reference, which has the definition's layers.
    pub fn of_reference(lends: Lends) -> Self {
        Filling::new(lends).map_or(Self::Own, |filling| Self::Filled(Box::new(filling)))
    }

    /// A record as the definition has it, with its slack.
    pub fn of<'a>(
        &'a mut self,
        definition: &mut Replay,
        record: &'a StepRecord,
        reference: &StepRecord,
    ) -> (&'a StepRecord, Option<&'a Slack>) {
        match self {
            Self::Own => (record, None),
            Self::Translated(translation) => {
                let (record, slack) = translation.translate(definition, record, reference);
                (record, Some(slack))
            }
            Self::Filled(filling) => {
                let (record, slack) = filling.fill(definition, record);
                (record, Some(slack))
            }
        }
    }

    /// What was worked out last, where the side does not have all of a step.
    pub fn worked_out(&self) -> Option<&StepRecord> {
        match self {
            Self::Own | Self::Translated(_) => None,
            Self::Filled(filling) => Some(filling.latest()),
        }
    }

    /// What it made last; of `own`, where that is the definition's already.
    pub fn latest<'a>(&'a self, own: &'a StepRecord) -> (&'a StepRecord, Option<&'a Slack>) {
        match self {
            Self::Own => (own, None),
            Self::Translated(translation) => (translation.latest(), Some(translation.slack())),
            Self::Filled(filling) => (filling.latest(), Some(filling.slack())),
        }
    }
}
