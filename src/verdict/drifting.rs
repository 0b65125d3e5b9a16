//! A free run's drift, step by step: how far rounding explains it, and where it does not.

use crate::{
    lockstep::{Lockstep, StartKind},
    noise::Drift,
};

/// What is remembered of a free run's drift.
#[derive(Default)]
pub(super) struct Drifting {
    /// Why it is not judged, or not any more.
    pub(super) unjudged: Option<String>,
    /// Compared steps at which it was judged.
    pub(super) judged: usize,
    /// Where it used most of its limit, and the step.
    pub(super) worst: Option<(usize, Drift)>,
    /// The first step at which a side went too far.
    pub(super) first: Option<(usize, Drift)>,
    /// The median twin at every compared step.
    pub(super) twins: Vec<f32>,
}

impl Drifting {
    /// Nothing yet, of the run that `lockstep` is about to make.
    pub(super) fn new(lockstep: &Lockstep) -> Self {
        let differs = lockstep.differences.iter().any(|difference| difference.kind != StartKind::Dtype);
        let unjudged = match lockstep.compared_every {
            _ if differs => Some("the sides do not start alike".to_owned()),
            1 => None,
            _ => Some("a tie between the compared steps would not be seen".to_owned()),
        };
        Self { unjudged, ..Self::default() }
    }

    /// Whether, up to the latest step that was taken in, rounding explains how far the free run is from the reference.
    pub(super) fn together(&self) -> bool {
        self.unjudged.is_none() && self.first.is_none()
    }

    /// Takes in a compared step of the free run.
    pub(super) fn take_in(&mut self, step: usize, drift: Drift, horizon: Option<usize>) {
        // Past the horizon rounding explains anything; what started elsewhere, or met a tie, is elsewhere for a reason;
        // what is not finite is found as such.
        if horizon.is_some() || self.unjudged.is_some() || !drift.apart.is_finite() {
            return;
        }
        self.judged += 1;
        if self.worst.is_none_or(|(_, worst)| !(drift.budget() <= worst.budget())) {
            self.worst = Some((step, drift));
        }
        if self.first.is_none() && !drift.passes() {
            self.first = Some((step, drift));
        }
    }
}
