//! A free run's drift, step by step: how far rounding explains it, and where it does not.

use crate::{judge::noise::Drift, run::Lockstep};

/// What is remembered of a free run's drift.
#[derive(Default)]
pub(in crate::judge) struct Drifting {
    /// Why it is not judged, or not any more.
    pub(in crate::judge) unjudged: Option<String>,
    /// Compared steps at which it was judged.
    pub(in crate::judge) judged: usize,
    /// Where it used most of its limit, and the step.
    pub(in crate::judge) worst: Option<(usize, Drift)>,
    /// The first step at which a side went too far.
    pub(in crate::judge) first: Option<(usize, Drift)>,
    /// How far it might go at the latest step at which it was judged.
    limit: f64,
    /// Without twins, the gaps that the synced sides' steps have left so far, added up.
    pub(in crate::judge) summed: f64,
    /// The median twin at every compared step.
    pub(in crate::judge) twins: Vec<f32>,
}

impl Drifting {
    /// Nothing yet, of the run that `lockstep` is about to make.
    pub(in crate::judge) fn new(lockstep: &Lockstep) -> Self {
        let differs = lockstep.differences.iter().any(|difference| difference.kind.is_of_numbers());
        let unjudged = differs.then(|| "as the sides do not start alike".to_owned());
        Self { unjudged, ..Self::default() }
    }

    /// Whether, up to the latest step that was taken in, rounding explains how far the free run is from the reference.
    pub(in crate::judge) fn together(&self) -> bool {
        self.unjudged.is_none() && self.first.is_none()
    }

    /// Whether the free run goes farther than rounding explains, or may go so far that agreement proves nothing: without
    /// twins beside it nobody can say more.
    pub(in crate::judge) fn doubtful(&self, horizon_at: f64) -> bool {
        let too_wide = self.unjudged.is_none() && !(self.limit <= horizon_at);
        self.first.is_some() || too_wide
    }

    /// Takes in a compared step of the free run.
    pub(in crate::judge) fn take_in(&mut self, step: usize, drift: Drift, horizon: Option<usize>) {
        // Past the horizon rounding explains anything; what started elsewhere, or met a tie, is elsewhere for a reason;
        // what is not finite is found as such.
        if horizon.is_some() || self.unjudged.is_some() || !drift.apart.is_finite() {
            return;
        }
        self.judged += 1;
        self.limit = drift.limit;
        if self.worst.is_none_or(|(_, worst)| !(drift.budget() <= worst.budget())) {
            self.worst = Some((step, drift));
        }
        if self.first.is_none() && !drift.passes() {
            self.first = Some((step, drift));
        }
    }
}
