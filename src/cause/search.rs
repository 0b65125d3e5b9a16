//! The search: every edit that a mismatch suggests is replayed on the candidate's own records; what fits is run, which proves
//! it.

use super::{
    ALL, Cause, Edit, Evidence,
    trial::{Replayed, Trial, Trying},
};
use crate::{
    data::Length,
    engine::Lends,
    error::Result,
    experiment::{EngineKind, Experiment},
    judge::{
        Comparison,
        verdict::{self, Divergence, Farther, Mode, Outcome, Proof, Status, Verdict},
    },
    run::{Lockstep, Phase, RunMode},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

/// Steps behind the first one apart that an edit has to fit.
const BEHIND: usize = 8;

/// Steps behind it that a proof runs.
const PROVED: usize = 200;

/// Multiply-adds that all replays together may take: some seconds.
const MOST_WORK: f64 = 2e10;

/// Combinations of what explains several phases that are tried.
const MOST_TOGETHER: usize = 64;

/// Edits of a phase of which pairs are tried, where none fits alone.
const MOST_PAIRED: usize = 40;

/// Phases, and the trials that explain them.
type Class<'t> = (BTreeSet<Phase>, Vec<&'t Trial>);

/// How far trials are run.
#[derive(Clone, Copy)]
pub(super) enum Window {
    /// Some steps behind the last phase's first one apart; a trial ends where it explains none of them.
    Whole,
    /// To the first step at which this phase is apart; none ends.
    First(Phase),
}

/// What a mismatch is about.
pub(super) struct Question<'a> {
    experiment: &'a Experiment,
    comparison: Comparison<'a>,
    stop: &'a AtomicBool,
    pub(super) firsts: BTreeMap<Phase, Divergence>,
    wanted: BTreeSet<Phase>,
    /// The phases that were judged.
    judged: BTreeSet<Phase>,
    lends: Lends,
    mode: Mode,
}

/// Names the causes of a mismatch in its verdict, as far as they can be told.
///
/// # Errors
/// If an engine fails that did not before.
pub fn explain(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    verdict: &mut Verdict,
    stop: &AtomicBool,
) -> Result<()> {
    let asked = verdict.verdict == Outcome::Mismatch && verdict.judged && !verdict.interrupted;
    if !asked || experiment.batches_differ() || comparison.mode == Mode::Probe {
        return Ok(());
    }
    let computed = Phase::COMPUTED.into_iter();
    let of_candidate = |first: &&Divergence| first.farther == Some(Farther::Candidate) && !first.is_drift();
    let firsts: BTreeMap<Phase, Divergence> =
        computed.filter_map(|phase| Some((phase, verdict.first_of(phase).filter(of_candidate)?.clone()))).collect();
    if firsts.is_empty() {
        return Ok(());
    }
    let recorded = experiment.candidate.recording().is_some();
    let mode = if recorded { Mode::Free } else { Mode::Sync };
    let lockstep = Lockstep::with(experiment, mode, &|role, side, rows| comparison.build(role, side, rows))?;
    let [_, lends] = lockstep.lends();
    let judged = verdict.phases.iter().filter(|(_, summary)| summary.compared > 0).map(|(phase, _)| *phase).collect();
    let question = Question {
        experiment,
        comparison,
        stop,
        wanted: firsts.keys().copied().collect(),
        firsts,
        judged,
        lends: Lends { buffers: false, evaluation: false, ..lends },
        mode,
    };
    verdict.causes = question.answer()?;
    Ok(())
}

impl Question<'_> {
    fn answer(&self) -> Result<Vec<verdict::Cause>> {
        let mut trials = self.trials();
        let apart = self.run(&mut trials, Window::Whole)?;
        let (_, left) = self.choose(&trials);
        // Where gradients were not recorded a constant may do what a mistake of another kind does.
        let rivals = if self.judged.contains(&Phase::Backward) { left } else { self.wanted.clone() };
        if !rivals.is_empty() {
            trials.extend(self.fitted(&rivals)?);
        }
        let (chosen, left) = self.choose(&trials);
        let chosen = self.compatible(chosen)?;
        let pairs = if left.is_empty() { Vec::new() } else { self.pairs(&trials, &left)? };
        // Pairs are many: one is named only where a run proves it.
        let pair = pairs.iter().find(|pair| left.iter().all(|phase| pair.fits(*phase)));
        let union = chosen.iter().fold(Edit::default(), |all, (_, class)| all.and(&class[0].edit));
        let joined = pair.map_or(union.clone(), |pair| union.and(&pair.edit));
        let asked = (left.is_empty() && !chosen.is_empty()) || pair.is_some();
        let proved = if asked { self.prove(&joined)? } else { None };
        let steps = |phase: &Phase| apart.get(phase).copied().unwrap_or(0);
        let mut causes = Vec::new();
        for (phases, class) in &chosen {
            causes.push(told(phases, class, phases.iter().map(steps).max().unwrap_or(0), proved.as_ref()));
        }
        causes.extend(left.iter().map(|phase| match pair.filter(|_| proved.is_some()) {
            Some(pair) => told(&BTreeSet::from([*phase]), &[pair], steps(phase), proved.as_ref()),
            None => self.unexplained(*phase),
        }));
        Ok(causes)
    }

    /// What explains most phases at once, then what explains most of the others, each with all that do the same; and the phases
    /// that nothing explains.
    fn choose<'t>(&self, trials: &'t [Trial]) -> (Vec<Class<'t>>, BTreeSet<Phase>) {
        let mut left = self.wanted.clone();
        let mut chosen = Vec::new();
        // Nothing that was right may become wrong.
        let harmless = |trial: &&Trial| self.judged.difference(&self.wanted).all(|phase| harmless(trial, *phase));
        let trials: Vec<&Trial> = trials.iter().filter(harmless).collect();
        loop {
            let fixed = |trial: &Trial| -> BTreeSet<Phase> {
                left.iter().copied().filter(|phase| trial.fits(*phase)).collect()
            };
            let most = trials.iter().map(|trial| fixed(trial).len()).max().unwrap_or(0);
            let first = trials.iter().find(|trial| most > 0 && fixed(trial).len() == most);
            let Some(phases) = first.map(|trial| fixed(trial)) else { return (chosen, left) };
            let mut class: Vec<&Trial> = trials.iter().copied().filter(|trial| fixed(trial) == phases).collect();
            // A mistake that fits as it stands says more than a constant that was measured.
            class.sort_by_key(|trial| (trial.edit.constant.is_some(), !trial.edit.is_recognized()));
            let known = class.iter().filter(|trial| trial.edit.is_recognized()).count();
            class.truncate(known.max(1));
            // What most tensors allow, and the others cannot tell, is a rival all the same.
            let beside =
                |trial: &&Trial| phases.iter().all(|phase| trial.may_fit(*phase)) && trial.edit.is_recognized();
            class.extend(trials.iter().copied().filter(|trial| fixed(trial) != phases).filter(beside));
            left = left.difference(&phases).copied().collect();
            chosen.push((phases, class));
        }
    }

    /// Of several classes, what fits together: what explains one phase may be wrong in another that is explained by another.
    fn compatible<'t>(&self, mut chosen: Vec<Class<'t>>) -> Result<Vec<Class<'t>>> {
        if chosen.len() < 2 {
            return Ok(chosen);
        }
        let mut together: Vec<Vec<&Trial>> = vec![Vec::new()];
        for (_, class) in &chosen {
            let with = |before: &Vec<&'t Trial>, one: &'t Trial| [before.as_slice(), &[one]].concat();
            together = together.iter().flat_map(|before| class.iter().map(move |one| with(before, one))).collect();
            together.truncate(MOST_TOGETHER);
        }
        let mut trials = Vec::new();
        together.retain(|members| {
            let edit = members.iter().fold(Edit::default(), |all, one| all.and(&one.edit));
            let trial = self.trial((members[0].cause, None), edit);
            let built = trial.is_some();
            trials.extend(trial);
            built
        });
        self.run(&mut trials, Window::Whole)?;
        let explained = |trial: &Trial| chosen.iter().all(|(phases, _)| phases.iter().all(|phase| trial.fits(*phase)));
        let fit: Vec<&Vec<&Trial>> =
            together.iter().zip(&trials).filter(|(_, trial)| explained(trial)).map(|(members, _)| members).collect();
        let Some(first) = fit.first() else { return Ok(chosen) };
        for (number, (_, class)) in chosen.iter_mut().enumerate() {
            class.retain(|one| fit.iter().any(|members| std::ptr::eq(members[number], *one)));
            class.sort_by_key(|one| !std::ptr::eq(first[number], *one));
        }
        Ok(chosen)
    }

    /// The edits that the evidence suggests, each once.
    fn trials(&self) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        for phase in self.firsts.keys() {
            for (cause, edit) in self.suggested(*phase).into_iter().filter(|(_, edit)| edit.open.is_none()) {
                if !trials.iter().any(|known| known.edit.sets() == edit.sets()) {
                    trials.extend(self.trial((cause, None), edit));
                }
            }
        }
        trials
    }

    /// What may show in a phase, constants that are yet to be found among them.
    pub(super) fn suggested(&self, phase: Phase) -> Vec<(&'static Cause, Edit)> {
        let Some(first) = self.firsts.get(&phase) else { return Vec::new() };
        let evidence = Evidence { experiment: self.experiment, first };
        let causes = ALL.iter().copied().flatten().filter(|cause| self.may_show(cause, phase));
        causes.flat_map(|cause| (cause.edits)(&evidence).into_iter().map(move |edit| (cause, edit))).collect()
    }

    pub(super) fn trial(&self, of: (&'static Cause, Option<&'static Cause>), edit: Edit) -> Option<Trial> {
        Trial::new(self.experiment, of, edit, (self.lends, self.comparison.limits.k))
    }

    /// Whether a cause may show in a phase: in its own, or where what lies between was not recorded. What a loss is shows in the
    /// gradients, too.
    fn may_show(&self, cause: &Cause, phase: Phase) -> bool {
        let order = |phase: Phase| Phase::COMPUTED.iter().position(|known| *known == phase);
        cause.phase == phase
            || (cause.phase == Phase::Loss && phase == Phase::Backward)
            || (order(cause.phase) < order(phase) && !self.judged.contains(&cause.phase))
            || (order(cause.phase) < order(phase) && !self.judged.contains(&Phase::Backward))
    }

    /// Runs trials; returns at how many steps each phase is apart.
    pub(super) fn run(&self, trials: &mut [Trial], window: Window) -> Result<BTreeMap<Phase, usize>> {
        let build: crate::run::Engines<'_> = &|role, side, rows| self.comparison.build(role, side, rows);
        let mut lockstep = Lockstep::with(self.experiment, self.mode, build)?;
        let steps = match window {
            Window::Whole => self.firsts.values().map(|first| first.step).max().unwrap_or(0) + 1,
            Window::First(phase) => self.firsts.get(&phase).map_or(0, |first| first.step) + 1,
        };
        let model = &self.experiment.reference.model;
        let terms: usize = model.parameters().iter().map(|parameter| parameter.shape.elements()).sum();
        let each = 6.0 * terms as f64 * lockstep.rows as f64 + 40.0 * terms as f64;
        // Most trials end at the first step apart.
        let affordable = MOST_WORK / (each * steps as f64 * (trials.len() + 1) as f64);
        let kept = if affordable < 1.0 { ((trials.len() as f64 * affordable) as usize).max(1) } else { trials.len() };
        for trial in trials.iter_mut().skip(kept) {
            trial.dead = true;
        }
        let behind = match window {
            Window::First(_) => 0,
            Window::Whole if affordable < 1.0 => 1,
            Window::Whole => BEHIND,
        };
        let mut trying = Trying {
            trials,
            plain: Replayed::new(self.experiment, self.lends, self.comparison.limits.k),
            mode: if self.mode == Mode::Free { RunMode::Free } else { RunMode::Sync },
            wanted: &self.wanted,
            all: matches!(window, Window::First(_)),
            apart: BTreeMap::new(),
        };
        let steps = lockstep.steps.min(steps + behind);
        lockstep.run(steps, None, self.stop, &mut [&mut trying])?;
        Ok(trying.apart)
    }

    /// Pairs of edits of the phases that nothing explains alone.
    fn pairs(&self, singles: &[Trial], left: &BTreeSet<Phase>) -> Result<Vec<Trial>> {
        let mut pairs = Vec::new();
        for phase in left {
            let own: Vec<&Trial> =
                singles.iter().filter(|trial| self.may_show(trial.cause, *phase)).take(MOST_PAIRED).collect();
            for (number, one) in own.iter().enumerate() {
                for other in own[number + 1..].iter().filter(|other| other.cause.id != one.cause.id) {
                    pairs.extend(self.trial((one.cause, Some(other.cause)), one.edit.and(&other.edit)));
                }
            }
        }
        self.run(&mut pairs, Window::Whole)?;
        pairs.retain(|pair| left.iter().any(|phase| pair.fits(*phase)));
        Ok(pairs)
    }

    /// Runs the definition with all edits as the reference; what proves them, if every phase is right then.
    fn prove(&self, edit: &Edit) -> Result<Option<Proof>> {
        let Ok(mut edited) = self.experiment.edited(&edit.sets()) else { return Ok(None) };
        let last = self.firsts.values().map(|first| first.step).max().unwrap_or(0);
        let exact = edited.reference.engine == EngineKind::Exact;
        let rows = edited.set.training.rows();
        let all = edited.course.length.steps(edited.course.order.steps_per_epoch(rows));
        let steps = all.min(last + 1 + PROVED);
        edited.course.length = Length::Steps(steps);
        edited.course.early_stopping = None;
        let Ok((verdict, _)) = self.comparison.run(&edited) else { return Ok(None) };
        let right = |phase: Phase| verdict.first_of(phase).is_none_or(Divergence::is_drift);
        let phases = Phase::COMPUTED.into_iter().all(right);
        let agrees =
            verdict.verdict == Outcome::Parity || (phases && verdict.verdict == Outcome::Inconclusive && exact);
        let by = match edited.reference.engine {
            EngineKind::Exact => "the judge's formulas".to_owned(),
            EngineKind::Torch => "PyTorch".to_owned(),
            EngineKind::Scratch | EngineKind::Recorded(_) => edited.reference.engine.to_string(),
        };
        Ok(agrees.then_some(Proof { by, steps }))
    }

    /// A phase of which no edit was found.
    fn unexplained(&self, phase: Phase) -> verdict::Cause {
        verdict::Cause {
            id: "unexplained".to_owned(),
            status: Status::Unexplained,
            phases: vec![phase],
            edits: Vec::new(),
            constant: None,
            recognized: None,
            summary: "no mistake of the catalogue (`lockstep causes`) explains it".to_owned(),
            formula: String::new(),
            remedy: Vec::new(),
            residual_budget: None,
            steps: 0,
            alternatives: Vec::new(),
            would_tell: None,
            proof: None,
        }
    }
}

/// Whether a phase that was right stays so; one that the trial does not have was not judged by it.
fn harmless(trial: &Trial, phase: Phase) -> bool {
    !Phase::COMPUTED.contains(&phase) || trial.replayed.worst.get(&phase).is_none_or(|budget| *budget <= 1.0)
}

/// An answer: the first of the edits that fit, which is proved, and the others.
fn told(phases: &BTreeSet<Phase>, class: &[&Trial], apart: usize, proof: Option<&Proof>) -> verdict::Cause {
    let best = class[0];
    let edits = |trial: &Trial| -> Vec<String> {
        let engine = trial.engine.map(str::to_owned);
        trial.edit.sets().into_iter().chain(engine).map(|set| format!("reference.{set}")).collect()
    };
    let others: Vec<&&Trial> = class.iter().filter(|trial| trial.edit != best.edit).collect();
    let confirmed = proof.is_some() && best.edit.is_recognized() && apart >= 2;
    let does = match best.other {
        None => best.cause.does.to_owned(),
        Some(other) => format!("{}, and {}", best.cause.does, other.does),
    };
    let residual = phases.iter().filter_map(|phase| best.replayed.worst.get(phase)).copied().fold(0.0, f64::max);
    verdict::Cause {
        id: best.cause.id.to_owned(),
        status: if confirmed { Status::Confirmed } else { Status::Consistent },
        phases: phases.iter().copied().collect(),
        edits: edits(best),
        constant: best.edit.constant,
        recognized: best.edit.recognized.clone(),
        summary: format!("the candidate {does}"),
        formula: best.cause.formula.to_owned(),
        remedy: vec![format!("by hand: {}", best.cause.by_hand), format!("in PyTorch: {}", best.cause.in_pytorch)],
        residual_budget: verdict::finite(residual),
        steps: apart,
        alternatives: others
            .iter()
            .map(|trial| verdict::Alternative {
                id: trial.cause.id.to_owned(),
                edits: edits(trial),
                summary: format!("the candidate {}", trial.cause.does),
            })
            .collect(),
        would_tell: (!others.is_empty() || !confirmed)
            .then(|| best.cause.told_by.to_owned())
            .filter(|told| !told.is_empty()),
        proof: proof.cloned(),
    }
}
