//! A free run's drift, step by step: how far rounding explains it, and where it does not.

use super::{Judge, Replayed, track};
use crate::{
    judge::noise::Drift,
    run::{Lockstep, RunMode, Runner, StepEvent},
};

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
        let gaps = || "as every step starts from the recorded weights".to_owned();
        let unjudged = differs.then(|| "as the sides do not start alike".to_owned());
        let unjudged = unjudged.or_else(|| lockstep.has_gaps().then(gaps));
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

impl Judge {
    /// Lets the twins make the step, and nudges them where it left them; of a compared one, says where it took everyone.
    pub(super) fn follow_drift(&mut self, event: &StepEvent<'_>, bucket: usize, full: bool) -> Option<Drift> {
        if event.part.acted[0] {
            self.step_twins(event);
        }
        if !event.part.last {
            return None;
        }
        let Some(twins) = self.twins.as_mut() else { return self.sum_gaps(event) };
        // A reference that is not finite ends the run. How far it then is from its twins is no noise, and no horizon.
        if !self.deviations.iter().all(|deviation| deviation.gap.is_finite()) {
            return None;
        }
        let free = event.candidates.iter().find(|(mode, _)| *mode == RunMode::Free);
        let (_, candidate) = free.filter(|_| event.compared)?;
        if full {
            track::thin(&mut self.drifting.twins);
        }
        let engines = [event.reference_runner.engine(), candidate.engine()];
        let drift = twins.compare(event.step, engines, self.places.pairs(), &self.effects);
        track::push(&mut self.drifting.twins, bucket, drift.twins);
        Some(drift)
    }

    /// Lets the twins make the reference's step, and nudges them.
    fn step_twins(&mut self, event: &StepEvent<'_>) {
        let Some(twins) = self.twins.as_mut() else { return };
        let stepped = twins.step(&event.batch, &event.reference_runner.kept().before);
        if event.compared && self.replayed != Replayed::Nobody {
            self.moved_by = self.places.moved(&event.reference.record, &self.deviations);
        }
        if let Err(error) = stepped.and_then(|()| twins.nudge(&self.moved_by)) {
            self.not_checked.push(format!("how far the free run may drift: {error}"));
            self.twins = None;
        }
    }

    /// Without twins a free run is held to the gaps that single steps leave between the synced sides: as long as training
    /// does not amplify what rounding does, their sum is as far as it can go.
    fn sum_gaps(&mut self, event: &StepEvent<'_>) -> Option<Drift> {
        let side = |wanted| event.candidates.iter().find(|(mode, _)| *mode == wanted).map(|(_, side)| side);
        let (synced, free) = (side(RunMode::Sync)?, side(RunMode::Free)?);
        if !self.judging || !event.compared || !self.synced {
            return None;
        }
        let of = |wanted, side: &Runner| {
            let run = self.runs.iter().find(|run| run.mode == wanted).filter(|_| !self.effects.leave_out());
            if let Some(run) = run {
                return self.places.of_weights(&run.apart);
            }
            let [reference, candidate] = [event.reference_runner, side].map(Runner::engine);
            let pair = |(one, other)| (one, [reference.tensor(one).values, candidate.tensor(other).values]);
            self.effects.gap(self.places.pairs().map(pair))
        };
        let (of_synced, apart) = (of(RunMode::Sync, synced), of(RunMode::Free, free));
        self.drifting.summed += of_synced;
        let limit = self.limits.k * self.drifting.summed;
        Some(Drift { twins: 0.0, limit, apart, reference: f64::NAN, candidate: None })
    }
}
