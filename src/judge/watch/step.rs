//! One step, taken in.

use super::{Judge, Replayed, Run, Track, candidate::Compared, track};
use crate::{
    judge::noise::{By, Computed, Each, Twins},
    run::{Phase, RunMode, Runner, SideStep, StepEvent},
};

/// How many times as large as at a replayed step, which was within its limits and met no tie, a gap between the synced
/// sides may be before it is replayed, too.
const EXPLAINED: f64 = 4.0;

/// What the candidates of a step have in common.
#[derive(Clone, Copy)]
struct At {
    /// Whether it is the first part of the step.
    first: bool,
    /// Whether columns are thinned for it.
    full: bool,
    /// The first step since the last replay, where the gaps of those between were small.
    since: Option<usize>,
    horizon: Option<usize>,
}

impl Judge {
    /// Takes in a part of a step: measures what is replayed, and holds every candidate to its limits.
    pub(super) fn compare(&mut self, event: &StepEvent<'_>) {
        let before = self.judged_by_phase();
        let first = event.part.number == 0;
        if first {
            self.bucket = self.buckets.next(event.step);
        }
        let full = self.bucket.1 && first;
        self.measure(event);
        self.ask_referee(event);
        let drift = self.follow_drift(event, self.bucket.0, full);
        let since = self.latest_replay.map_or(event.step, |latest| latest + 1);
        let since = (since < event.step && self.quiet()).then_some(since);
        let horizon = self.twins.as_ref().and_then(Twins::horizon);
        let at = At { first, full, since, horizon };
        for number in 0..self.runs.len() {
            self.take_in(number, event, at);
        }
        if self.replayed != Replayed::Nobody {
            self.latest_replay = Some(event.step);
        }
        let off = |run: &Run| run.mode == RunMode::Sync && !run.firsts.is_empty();
        if self.twins.is_none() && self.drifting.unjudged.is_none() && self.runs.iter().any(off) {
            self.drifting.unjudged =
                Some(format!("from step {} on: the synced steps differ by more than rounding", event.step));
        }
        self.note_budgets(full);
        // Once it is known whether a tie of this step sent the free run elsewhere.
        if let Some(drift) = drift {
            self.drifting.take_in(event.step, drift, horizon);
        }
        let seen = phases().zip(before).zip(self.judged_by_phase()).filter(|((_, before), now)| now > before);
        self.judged.extend(seen.map(|((phase, _), _)| phase));
        if event.part.last {
            for phase in std::mem::take(&mut self.judged) {
                *self.compared.entry(phase).or_default() += 1;
            }
        }
    }

    /// How many tensors of each phase have been judged so far, counted at every step.
    fn judged_by_phase(&self) -> Vec<usize> {
        let judged = |phase| {
            let tracks = self.runs.iter().flat_map(|run| &run.tracks).filter(|track| track.phase == phase);
            tracks.map(|track| track.judged).sum()
        };
        phases().map(judged).collect()
    }

    fn ask_referee(&mut self, event: &StepEvent<'_>) {
        let record = &event.reference.record;
        let referee = self.referee.as_mut().filter(|_| self.replayed != Replayed::Nobody && event.part.acted[0]);
        if let Some(Err(error)) = referee.map(|referee| referee.step(&self.places, record, &mut self.effects)) {
            self.not_checked.push(format!("whether the replay's formulas are libtorch's: {error}"));
            self.referee = None;
        }
    }

    /// Takes in one candidate's part of the step.
    fn take_in(&mut self, number: usize, event: &StepEvent<'_>, at: At) {
        let (mode, candidate) = &event.candidates[number];
        let (run, bucket) = (&mut self.runs[number], self.bucket.0);
        if at.full {
            run.tracks.iter_mut().for_each(Track::thin);
        }
        if run.ended {
            run.tracks.iter_mut().for_each(|track| track.hold(bucket));
            return;
        }
        // Rows that a side takes after an update of its own in this step met other weights than the other side's.
        let earlier = if at.first { [false; 2] } else { run.moved };
        let met = event.part.acted.iter().zip(earlier).all(|(acted, moved)| !*acted || !moved);
        if self.batches_differ {
            let [one, other] = [event.reference_runner, candidate].map(moves);
            run.moved = [earlier[0] || one, earlier[1] || other];
        }
        self.moved = self.moved || moves(event.reference_runner) || moves(candidate);
        // What is not finite is found at the end of the step.
        let whole = event.part.last || (is_finite(event.reference) && is_finite(&candidate.latest));
        if !whole {
            return;
        }
        let step = Compared {
            step: event.step,
            first: at.first,
            since: at.since,
            bucket,
            counts: *mode == RunMode::Sync || at.horizon.is_none_or(|horizon| event.step < horizon),
            replayed: self.replayed.covers(*mode),
            k: self.limits.k,
            reference: event.reference,
            record: self.layout.latest(&event.reference.record).0,
            candidate: &candidate.latest,
            alike: !self.batches_differ,
        };
        let definition = (&mut self.replay, &self.deviations[..]);
        if let Some(found) = run.take_in(&self.places, definition, self.referee.as_ref(), &step) {
            run.ended = !found.counts;
            self.non_finite.push(found);
            return;
        }
        let (replayed, counts, passed) = (step.replayed, step.counts, run.passed);
        let tied = counts && self.take_in_ties(number, event, replayed, met);
        if *mode == RunMode::Sync && replayed && passed && !tied {
            let gaps = &self.runs[number].apart.gaps;
            self.explained.resize(gaps.len(), 0.0);
            for (explained, apart) in self.explained.iter_mut().zip(gaps) {
                *explained = f64::max(*explained / 2.0, EXPLAINED * apart.unwrap_or_default());
            }
        }
    }

    /// Looks for kinks on whose sides rounding has put the two sides; `met` says whether the rows of both met the same weights.
    /// Returns whether there are any.
    fn take_in_ties(&mut self, number: usize, event: &StepEvent<'_>, replayed: bool, met: bool) -> bool {
        let (mode, candidate) = &event.candidates[number];
        // Weights that are apart by more than rounding put a free run's kinks anywhere; without twins nobody knows.
        let together = *mode == RunMode::Sync || ((self.twins.is_some() || self.synced) && self.drifting.together());
        if !together {
            return false;
        }
        // What engines still lend after a look at other rows is of those.
        let lent = replayed || (event.evaluated.is_empty() && candidate.looked().is_empty());
        let same_rows = event.reference.rows == candidate.latest.rows;
        let alike = self.places.aligned && self.runs[number].forward && (self.batches_differ || same_rows);
        let sides = [
            &Computed::new(event.reference_runner, self.layout.worked_out()),
            &Computed::new(candidate, self.runs[number].layout.worked_out()),
        ];
        let tied = alike && lent && met && self.ties.take_in(*mode, event.step, sides);
        if *mode == RunMode::Sync {
            return tied;
        }
        let elsewhere = if tied {
            Some("it meets a tie there, and may be elsewhere".to_owned())
        } else if event.part.last {
            let targets = (!self.batches_differ && same_rows && lent).then_some(event.batch.targets);
            let bent = self.ties.bent(sides, targets);
            bent.map(|what| format!("rounding decides there which way {what} goes"))
        } else {
            None
        };
        if let Some(why) = elsewhere {
            self.drifting.unjudged = Some(format!("from step {} on: {why}", event.step));
        }
        tied
    }

    /// Takes the largest budget of every phase into its column.
    fn note_budgets(&mut self, full: bool) {
        for phase in phases() {
            let budgets = self.runs.iter().filter_map(|run| run.budgets.get(&phase).copied());
            let worst = budgets.reduce(|one, other| if one >= other { one } else { other });
            // Where nothing was replayed there is none.
            let column = self.budgets.entry(phase).or_default();
            if full {
                track::thin(column);
            }
            track::push(column, self.bucket.0, worst.unwrap_or(-1.0));
        }
    }

    /// Measures, where it is its turn or a gap stands out, each side against its replay.
    fn measure(&mut self, event: &StepEvent<'_>) {
        if self.replayed == Replayed::Nobody {
            return;
        }
        let [of_reference, of_candidates] = event.part.acted;
        self.replays += usize::from(event.part.last);
        let advanced = self.replayed == Replayed::Synced;
        let Self { places, replay, layout, deviations, effects, .. } = self;
        // The referee's tensors are f64 throughout; where there is none, the reference's have to do.
        let by = match &self.referee {
            Some(_) => By::Tensors,
            None => By::Weights { rounded: replay.rounded_in_f64(), silent: replay.silence() },
        };
        let own = &event.reference.record;
        let (reference, slack) = if of_reference { layout.of(replay, own, own) } else { layout.latest(own) };
        if of_reference {
            self.unreached.take_in(reference);
            let seen = (advanced, Some((effects, by)));
            deviations.clear();
            let each: Each<'_> = &mut |_, judged| deviations.push(judged.deviation());
            places.measure(replay, seen, (reference, slack), reference, each);
            if self.limits.closely {
                places.measure_closely(replay, &places.all, reference.rows, deviations, &mut |replay, each| {
                    places.measure(replay, (true, None), (reference, slack), reference, each);
                });
            }
        }
        let runs = self.runs.iter_mut().zip(event.candidates).filter(|(run, _)| !run.ended && of_candidates);
        for (run, (_, candidate)) in runs.filter(|(_, (mode, _))| self.replayed.covers(*mode)) {
            run.measure(places, (&candidate.latest.record, reference), advanced, self.limits.closely);
        }
    }
}

/// Whether a step moved any weight of a side.
fn moves(side: &Runner) -> bool {
    let engine = side.engine();
    (0..engine.parameters().len()).any(|index| {
        let (before, after) = (side.before(index).iter(), engine.tensor(index).values.iter());
        before.zip(after).any(|(before, after)| after - before != 0.0)
    })
}

/// The phases that steps are judged by.
fn phases() -> impl Iterator<Item = Phase> {
    std::iter::once(Phase::Batch).chain(Phase::COMPUTED)
}

/// Whether a side's loss and new weights are numbers.
fn is_finite(side: &SideStep) -> bool {
    side.judged.is_finite() && side.record.after.iter().flatten().all(|weight| weight.is_finite())
}
