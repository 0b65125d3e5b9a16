//! An experiment, run in both engines and judged: what commands and studies call.

use super::{
    Judge, agree,
    verdict::{Curves, Divergence, Measured, Mode, NonFinite, Outcome, Phase, RunMode, Speed, Verdict},
};
use crate::{
    engine::{Engine, faulty::with_faults},
    environment::{environment, timer_us},
    error::{Error, Result},
    experiment::{EngineKind, Experiment, Side},
    judge::{noise::Limits, replay::ExactEngine},
    run::{Engines, Lockstep, Observer, Role, STOCK, Silent},
    training::{Fault, Training, identity},
};
use std::{sync::atomic::AtomicBool, time::Instant};

/// Makes the candidate of a comparison: an engine for this side and batches of at most so many rows.
pub type Candidate<'a> = &'a dyn Fn(&Side, usize) -> Result<Box<dyn Engine>>;

/// How an experiment is compared: what [`compare`] leaves as it is.
#[derive(Clone, Copy)]
pub struct Comparison<'a> {
    /// How the candidate is run.
    pub mode: Mode,
    /// The step that a probe compares.
    pub at: usize,
    /// An engine of your own in the candidate's place.
    pub candidate: Option<Candidate<'a>>,
    /// What makes the other engines.
    pub engines: Engines<'a>,
    /// What its limits are derived with.
    pub limits: Limits,
}

impl Default for Comparison<'_> {
    fn default() -> Self {
        Self { mode: Mode::Both, at: 0, candidate: None, engines: STOCK, limits: Limits::default() }
    }
}

/// Trains both sides of an experiment, step by step, and judges the candidate.
///
/// ```
/// use lockstep::{Experiment, compare, judge::verdict::Outcome};
/// # fn main() -> lockstep::Result<()> {
/// let text = "
///     data.kind = 'xor'
///     model.layers = [{ linear = { outputs = 5 } }, 'sigmoid', { linear = { outputs = 1 } }]
///     training = { loss = 'mse', optimizer = { sgd = { lr = 0.3 } }, steps = 20 }
///     reference.engine = 'scratch' # so that it runs without libtorch, too
///     candidate.training.optimizer.sgd.lr = 0.6
/// ";
/// let experiment = Experiment::parse(text, "xor.toml", "".as_ref(), &[])?;
/// let verdict = compare(&experiment)?;
/// assert_eq!(verdict.verdict, Outcome::Mismatch);
/// assert_eq!(verdict.first_divergence.map(|first| first.step), Some(0));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If an engine cannot be built or fails.
pub fn compare(experiment: &Experiment) -> Result<Verdict> {
    Ok(Comparison::default().run(experiment)?.0)
}

impl Comparison<'_> {
    /// Trains both sides of an experiment and judges the candidate: the verdict, and the numbers behind its plots.
    ///
    /// # Errors
    /// If an engine cannot be built or fails, or a probe's step lies past the end.
    pub fn run(self, experiment: &Experiment) -> Result<(Verdict, Curves)> {
        self.watched(experiment, &mut Silent, &AtomicBool::new(false))
    }

    /// As [`run`](Self::run); `watching` is told of every step, and `stop` ends the run. A free run that goes farther than
    /// rounding is known to take it, though no phase shows why, is run again beside more twins: beside some where none ran,
    /// then beside many.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn watched(
        self,
        experiment: &Experiment,
        watching: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Verdict, Curves)> {
        let comparison = self.of(experiment)?;
        let (mut found, mut more) = once(experiment, comparison, watching, stop)?;
        let Limits { twins, again, .. } = self.limits;
        for twins in [twins, again] {
            let asked = experiment.noise.twins.is_some_and(|asked| asked == 0)
                || experiment.reference.engine == EngineKind::Exact;
            if !more || found.0.noise.twins >= twins || found.0.interrupted || asked {
                continue;
            }
            let mut experiment = experiment.clone();
            experiment.noise.twins = Some(twins);
            let (second, still) = once(&experiment, comparison, watching, stop)?;
            // An interrupted second look leaves a drift as it was found, and a doubt unanswered.
            if second.0.interrupted {
                return Ok(if found.0.verdict == Outcome::Inconclusive { second } else { found });
            }
            (found, more) = (second, still);
        }
        say_whether_steps_agree(experiment, comparison, stop, &mut found.0)?;
        Ok(found)
    }

    /// The same, as an experiment can be compared: what was recorded trains by itself.
    fn of(self, experiment: &Experiment) -> Result<Self> {
        if [&experiment.reference, &experiment.candidate].iter().all(|side| side.recording().is_none()) {
            return Ok(self);
        }
        match self.mode {
            Mode::Both | Mode::Free => Ok(Self { mode: Mode::Free, ..self }),
            Mode::Sync | Mode::Probe => Err(Error::Usage(
                "a trace has trained by itself, so that it cannot start a step from the reference's weights; leave --mode out, or \
                 write --mode free"
                    .to_owned(),
            )),
        }
    }

    /// The engine of a role.
    pub(crate) fn build(&self, role: Role, side: &Side, rows: usize) -> Result<Box<dyn Engine>> {
        match (role, self.candidate) {
            (Role::Candidate, Some(own)) => own(side, rows),
            _ if side.engine == EngineKind::Exact => {
                // Those of one parameter, or of one row, are made around it; all others are the replay's.
                let around = |fault: &&Fault| matches!(fault, Fault::Transposed(_) | Fault::UpdatePerSample);
                let faults = side.training.faults.iter().filter(around).cloned().collect();
                with_faults(Box::new(ExactEngine::new(side)), &Training { faults, ..side.training.clone() })
            }
            _ => (self.engines)(role, side, rows),
        }
    }
}

/// Of a mismatch that some phase shows: whether the whole steps agree all the same, and whether they must.
fn say_whether_steps_agree(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    stop: &AtomicBool,
    verdict: &mut Verdict,
) -> Result<()> {
    let Some(first) = verdict.first_divergence.as_ref().filter(|_| verdict.verdict == Outcome::Mismatch) else {
        return Ok(());
    };
    let found = |found: &NonFinite| (found.step, found.phase) == (first.step, first.phase);
    if first.is_drift() || verdict.non_finite.iter().any(found) {
        return Ok(());
    }
    // An update that differs where gradients do not is the step that differs.
    let recorded = experiment.candidate.recording().is_some();
    let alone = first.phase == Phase::Update
        && (recorded || first.mode == RunMode::Sync)
        && verdict.first_of(Phase::Backward).is_none();
    if recorded && !alone {
        return Ok(());
    }
    verdict.steps_agree = if alone { Some(false) } else { agree::steps_agree(experiment, comparison, first, stop)? };
    if verdict.steps_agree == Some(true) {
        let [reference, candidate] = [&experiment.reference, &experiment.candidate].map(|side| &side.training);
        verdict.identity = identity(reference, candidate, &experiment.reference.model.parameters());
    }
    Ok(())
}

/// A run, and whether more twins would say more of it.
fn once(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    watching: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<((Verdict, Curves), bool)> {
    let start = Instant::now();
    let Comparison { mode, at, limits, .. } = comparison;
    let engines: Engines<'_> = &|role, side, rows| comparison.build(role, side, rows);
    let explained = |error| experiment.explain(error);
    let mut lockstep = Lockstep::with(experiment, mode, engines).map_err(explained)?;
    let all = lockstep.steps;
    let (steps, only) = if mode == Mode::Probe { (at.saturating_add(1), Some(at)) } else { (all, None) };
    if steps > all {
        return Err(Error::Usage(format!(
            "--at {at} lies past the end: the experiment has {all} steps, numbered from 0"
        )));
    }
    let mut judge = Judge::with(experiment, mode, &lockstep, engines, limits);
    let mut measured = Measured { environment: environment(), ..Measured::default() };
    let (reference, candidate) = lockstep.describe();
    let sides = [("reference", &experiment.reference, reference), ("candidate", &experiment.candidate, candidate)];
    for (side, described, name) in sides {
        measured.environment.insert(side.to_owned(), format!("{name}: {}", described.model));
    }
    let ended = lockstep.run(steps, only, stop, &mut [&mut judge, watching]).map_err(explained)?;
    if ended.steps > 0 {
        measured.speed = Some(Speed { timer_us: timer_us(), run_s: start.elapsed().as_secs_f64(), ..Speed::default() });
    }
    let in_doubt = judge.is_in_doubt();
    let found = judge.finish(ended, measured);
    let first = found.0.first_divergence.as_ref();
    let more = first.map_or(in_doubt, |first| Divergence::is_drift(first) || (in_doubt && first.mode == RunMode::Free));
    Ok((found, more))
}
