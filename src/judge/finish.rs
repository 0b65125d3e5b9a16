//! From what was watched to the verdict.

use super::{
    Judge,
    verdict::{
        Curves, Divergence, DriftSummary, Farther, Losses, Measured, Noise, NonFinite, Outcome, PhaseSummary,
        PhaseTimes, SCHEMA, Unjudged, Verdict, WEIGHTS, WorkedOut, budget_of, finite, limit_of,
    },
    watch::{Run, Track, quartiles, speed_of},
};
use crate::{
    judge::noise::{Drift, Place, Twins},
    run::{Ended, Phase, RunMode},
};
use std::collections::BTreeMap;

impl Judge {
    /// The verdict on the run, and the numbers behind its plots.
    pub fn finish(mut self, ended: Ended, mut measured: Measured) -> (Verdict, Curves) {
        let times = self.times.each_mut().map(|side| side.each_mut().map(|column| quartiles(column)));
        // Of a side that was not timed there is no speed.
        measured.speed = measured.speed.filter(|_| self.places.lends.times).map(|speed| speed_of(&times, speed));
        let batch = self.places.watch_batches.then_some(Phase::Batch);
        let evaluation = self.looks_at_evaluation().then_some(Phase::Evaluation);
        // A phase of which nothing is there is judged with what follows from it.
        let there = |phase: &Phase| self.places.all.iter().any(|place| place.phase() == *phase);
        let computed = Phase::COMPUTED.into_iter().filter(|phase| there(phase) || !self.places.aligned);
        let phases = batch.into_iter().chain(computed).chain(evaluation);
        let phases: BTreeMap<Phase, PhaseSummary> = phases.map(|phase| (phase, self.summary(phase))).collect();
        let start = self.start_divergence().filter(|_| self.judging);
        let first_divergence = start.or_else(|| {
            let firsts = phases.values().filter_map(|summary| summary.first_divergence.clone());
            let one_sided = self.non_finite.iter().filter(|found| found.is_fault()).map(not_finite);
            let drifted = self.drifting.first.filter(|_| self.twins.is_some()).map(drifted);
            firsts
                .chain(one_sided)
                .chain(drifted)
                .min_by_key(|divergence| (divergence.step, divergence.phase, divergence.mode))
        });
        let horizon = self.twins.as_ref().and_then(Twins::horizon);
        let (noise, unjudged) = (self.noise(), self.unjudged());
        if let Some(first) = self.lost.first() {
            self.not_checked.push(format!(
                "the phases of {} steps, first step {first}, at which the synced sides were farther apart than replays have \
                 explained: an engine's update changes its gradients in place, so that they were gone",
                self.lost.len()
            ));
        }
        let free = self.judging && self.runs.iter().any(|run| run.mode == RunMode::Free);
        if let Some(why) = self.drifting.unjudged.as_ref().filter(|_| free) {
            self.not_checked.push(format!("how far the free run drifts, {why}"));
        } else if self.is_in_doubt() {
            self.not_checked.push(
                "how far the free run may drift: its synced steps do not explain where it goes, and with noise.twins = 0 \
                 nothing else can"
                    .to_owned(),
            );
        }
        let (without_effect, never_judged) = (self.without_effect(), self.never_judged());
        for tensor in &never_judged {
            self.not_checked.push(format!("{tensor}: its own noise passes 1 % of it at every step"));
        }
        if self.batches_differ && !self.whole_steps_were_judged() {
            self.not_checked.push(
                "whether the sides make the same steps: their batches have different sizes, so that the free run alone shows \
                 it, and how far rounding takes that was never known"
                    .to_owned(),
            );
        }
        if !self.moved && self.non_finite.is_empty() {
            self.not_checked.push("anything: no weight moved in any step".to_owned());
        }
        let verdict = self.outcome(&ended, first_divergence.as_ref(), &phases, never_judged.is_empty());
        let full_names = |run: &Run| {
            let named = self.places.all.iter().chain(&self.places.looked).zip(run.all_tracks());
            named.map(|(&place, track)| (self.places.full_name(place), track.between.clone())).collect()
        };
        let only_in = self.runs.iter().find_map(|run| run.sizes.only_in());
        let gaps = self.runs.iter().map(|run| (run.mode, full_names(run))).collect();
        let watched = self.buckets.seen();
        let candidate = self.runs.last().map_or(&[][..], |run| &run.losses);
        let mut losses = Losses::of(&self.losses, candidate);
        let counted = self.numbers.iter().enumerate().all(|(number, step)| number == *step);
        let numbers = if counted { Vec::new() } else { self.numbers };
        losses.steps.iter_mut().for_each(|step| *step = numbers.get(*step).copied().unwrap_or(*step));
        let mut curves = Curves {
            reference: self.names[0].clone(),
            candidate: self.names[1].clone(),
            reference_loss: self.losses,
            numbers,
            steps: self.buckets.steps,
            times: (0..if self.places.lends.times { 4 } else { 0 })
                .map(|phase| PhaseTimes {
                    phase: Phase::COMPUTED[phase],
                    reference_us: times[0][phase],
                    candidate_us: times[1][phase],
                })
                .collect(),
            budgets: self.budgets,
            twins: std::mem::take(&mut self.drifting.twins),
            horizon,
            evaluations: self.evaluations.clone(),
            ..Curves::default()
        };
        for run in self.runs {
            let tensors = run.tracks.into_iter().map(Track::curve).collect();
            match run.mode {
                RunMode::Sync => (curves.sync, curves.synced_loss) = (tensors, run.losses),
                RunMode::Free => (curves.free, curves.free_loss) = (tensors, run.losses),
            }
        }
        let verdict = Verdict {
            schema: SCHEMA,
            experiment: self.title,
            differences: self.settings,
            unreached: if verdict == Outcome::Parity { self.unreached.words() } else { Vec::new() },
            resolved: self.resolved,
            mode: self.mode,
            verdict,
            judged: self.judging,
            interrupted: ended.interrupted,
            steps: ended.steps,
            compared_every: 1,
            watched,
            replayed: self.replays,
            horizon,
            first_divergence,
            worked_out: WorkedOut::of(self.places.lends),
            only_in,
            steps_agree: None,
            identity: None,
            losses,
            start: self.differences,
            phases,
            gaps,
            causes: Vec::new(),
            noise,
            data: self.data,
            evaluations: self.evaluations.into_iter().chain(ended.test).collect(),
            stopping: ended.stopping,
            unjudged,
            never_judged,
            without_effect,
            ties: self.ties.listed,
            tied: self.ties.count,
            non_finite: self.non_finite,
            not_checked: self.not_checked,
            measured,
        };
        (verdict, curves)
    }

    /// Whether anything of the evaluation mode was looked at.
    fn looks_at_evaluation(&self) -> bool {
        let mut tracks = self.runs.iter().flat_map(Run::all_tracks);
        tracks.any(|track| track.phase == Phase::Evaluation && track.judged + track.unjudged > 0)
    }

    /// What the limits were derived from.
    fn noise(&self) -> Noise {
        let drift = self.drifting.worst.map(|(step, drift)| DriftSummary {
            compared: self.drifting.judged,
            step,
            twins: self.twins.as_ref().and_then(|_| finite(drift.twins)),
            apart: finite(drift.apart),
            reference: finite(drift.reference),
            candidate: drift.candidate.and_then(finite),
            limit: finite(drift.limit),
            budget: finite(drift.budget()),
        });
        Noise {
            k: self.limits.k,
            twins: self.twins.as_ref().map_or(0, Twins::count),
            horizon_at: self.horizon_at,
            drift,
            referee: self.referee.as_ref().map(|referee| referee.said(&self.places)),
        }
    }

    fn unjudged(&self) -> Vec<Unjudged> {
        let of = |run: &Run| {
            let mode = run.mode;
            let hidden = run.all_tracks().filter(|track| track.unjudged > 0);
            let unjudged = |track: &Track| Unjudged {
                mode,
                phase: track.phase,
                tensor: track.curve.tensor.clone(),
                steps: track.unjudged,
                judged: track.judged,
            };
            hidden.map(unjudged).collect::<Vec<_>>()
        };
        self.runs.iter().flat_map(of).collect()
    }

    /// Whether the free run goes where nobody can say whether rounding took it: more twins would tell.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.judging && self.twins.is_none() && self.drifting.doubtful(self.horizon_at)
    }

    /// Whether twins said, at any step, how far the free run may go.
    fn whole_steps_were_judged(&self) -> bool {
        self.twins.is_some() && self.drifting.judged > 0
    }

    /// The parameters whose true gradient is 0.
    fn without_effect(&self) -> Vec<String> {
        let gradients = self.places.all.iter().filter(|place| matches!(place, Place::Gradient(_)));
        let without = |place: &&Place| self.is_without_effect(**place);
        gradients.filter(without).map(|&place| self.places.tensor(place)).collect()
    }

    fn is_without_effect(&self, place: Place) -> bool {
        self.places.parameter(place).is_some_and(|parameter| self.effects.is_without(parameter))
    }

    /// The tensors that rounding hid at every step of every candidate, though they have an effect: that nothing was found
    /// there proves nothing.
    fn never_judged(&self) -> Vec<String> {
        let hidden = |(number, place): (usize, &Place)| {
            let tracks = || self.runs.iter().filter_map(move |run| run.track(number));
            let never = tracks().all(|track| track.judged == 0) && tracks().any(|track| track.unjudged > 0);
            let named = || format!("{} of {}", place.phase().name(), self.places.tensor(*place));
            (never && !self.is_without_effect(*place)).then(named)
        };
        self.places.all.iter().chain(&self.places.looked).enumerate().filter_map(hidden).collect()
    }

    fn outcome(
        &self,
        ended: &Ended,
        first: Option<&Divergence>,
        phases: &BTreeMap<Phase, PhaseSummary>,
        all_judged: bool,
    ) -> Outcome {
        if self.non_finite.iter().any(NonFinite::is_fault) || first.is_some() {
            return if ended.interrupted { Outcome::Inconclusive } else { Outcome::Mismatch };
        }
        // Nothing compared is not a pass: a phase without a judged tensor, a tensor that rounding hid at every step, weights
        // that never moved, NaN on both sides, a gap that no replay has explained.
        let nothing = phases.values().any(|summary| summary.budget.is_none()) || !all_judged || !self.moved;
        let broken = self.non_finite.iter().any(|found| found.counts) || self.runs.iter().all(|run| run.ended);
        let unexplained = !self.places.updates
            || !self.lost.is_empty()
            || self.is_in_doubt()
            || (self.batches_differ && !self.whole_steps_were_judged());
        if !self.judging || ended.interrupted || nothing || broken || unexplained || !self.places.aligned {
            return Outcome::Inconclusive;
        }
        Outcome::Parity
    }

    /// The first difference of the start, as a divergence.
    fn start_divergence(&self) -> Option<Divergence> {
        let mut differences = self.differences.iter().filter(|difference| difference.kind.is_of_numbers());
        let (difference, run) = (differences.next()?, self.runs.first()?);
        Some(Divergence {
            mode: run.mode,
            step: 0,
            since: None,
            phase: Phase::Start,
            tensor: difference.tensor.clone(),
            index: Vec::new(),
            gap: difference.gap,
            limit: Some(0.0),
            budget: None,
            ratio: None,
            reference: None,
            candidate: None,
            expected: None,
            farther: None,
            tensors: Vec::new(),
        })
    }

    /// One phase over all candidates.
    fn summary(&self, phase: Phase) -> PhaseSummary {
        let tracks = || self.runs.iter().flat_map(Run::all_tracks).filter(|track| track.phase == phase);
        let worst = tracks().filter_map(|track| track.worst).reduce(|a, b| if a.budget >= b.budget { a } else { b });
        let judged = || tracks().filter(|track| track.judged > 0);
        let firsts = self.runs.iter().filter_map(|run| run.firsts.get(&phase));
        let largest =
            |values: &mut dyn Iterator<Item = f64>| values.reduce(|a, b| if a >= b { a } else { b }).and_then(finite);
        PhaseSummary {
            max_gap: worst.and_then(|worst| finite(worst.gap)),
            limit: worst.and_then(limit_of),
            budget: worst.and_then(|worst| budget_of(worst.budget)),
            compared: self.compared.get(&phase).copied().unwrap_or_default(),
            unjudged: tracks().map(|track| track.unjudged).sum(),
            minimum_limit: largest(&mut judged().map(|track| track.largest_gap)),
            // A tensor that was never judged would have hidden any fault, and so would weights that never moved; of what has no
            // effect there is none.
            detectable: if self.never_judged().iter().any(|tensor| tensor.starts_with(phase.name()))
                || (phase == Phase::Update && !self.moved)
            {
                None
            } else {
                // Of what was exactly 0 throughout any fault would have shown; of what was always off nobody can say.
                let least = |track: &Track| match track.smallest_limit {
                    limit if !limit.is_nan() => Some(limit),
                    _ => (!track.failed).then_some(0.0),
                };
                largest(&mut judged().filter_map(least))
            },
            first_divergence: firsts.min_by_key(|divergence| (divergence.step, divergence.mode)).cloned(),
        }
    }
}

/// A side that drifts farther than rounding takes it though no phase shows why, as a divergence.
fn drifted((step, drift): (usize, Drift)) -> Divergence {
    let candidate_from_exact = drift.candidate.unwrap_or(f64::NAN);
    let farther = match [drift.reference, candidate_from_exact].map(|distance| !(distance <= drift.limit)) {
        [true, true] => Farther::Both,
        [reference, candidate] if reference || (!candidate && drift.reference > candidate_from_exact) => {
            Farther::Reference
        }
        _ => Farther::Candidate,
    };
    Divergence {
        mode: RunMode::Free,
        step,
        since: None,
        phase: Phase::Update,
        tensor: WEIGHTS.to_owned(),
        index: Vec::new(),
        gap: finite(drift.apart),
        limit: finite(drift.limit),
        budget: finite(drift.budget()),
        ratio: None,
        reference: None,
        candidate: None,
        expected: None,
        farther: Some(farther),
        tensors: Vec::new(),
    }
}

/// A value that is finite on one side only, as a divergence.
fn not_finite(found: &NonFinite) -> Divergence {
    Divergence {
        mode: found.mode,
        step: found.step,
        since: None,
        phase: found.phase,
        tensor: found.tensor.clone(),
        index: found.index.clone(),
        gap: None,
        limit: None,
        budget: None,
        ratio: None,
        reference: None,
        candidate: None,
        expected: None,
        farther: Some(found.side),
        tensors: Vec::new(),
    }
}
