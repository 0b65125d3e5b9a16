//! The search: every edit that a mismatch suggests is replayed on the candidate's own records; what fits is run, which proves
//! it.

use super::{ALL, Cause, Edit, Evidence};
use crate::{
    data::Length,
    engine::Lends,
    error::Result,
    experiment::{EngineKind, Experiment},
    judge::{
        Comparison,
        gap::Deviation,
        noise::{Each, Layout, Places, UNJUDGED},
        replay::Replay,
        verdict::{self, Divergence, Farther, Mode, Outcome, Proof, Status, Verdict},
    },
    run::{Lockstep, Observer, Phase, RunMode, StepEvent, StepRecord},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::atomic::AtomicBool,
};

/// Steps behind the first one apart that an edit has to fit.
const BEHIND: usize = 8;

/// Steps behind it that a proof runs.
const PROVED: usize = 200;

/// Multiply-adds that all replays together may take: some seconds.
const MOST_WORK: f64 = 2e10;

/// Edits of a phase of which pairs are tried, where none fits alone.
const MOST_PAIRED: usize = 40;

/// One edit that is tried.
struct Trial {
    cause: &'static Cause,
    /// The other one's, of a pair.
    other: Option<&'static Cause>,
    edit: Edit,
    /// The engine that the edit needs, where the experiment says another one.
    engine: Option<&'static str>,
    places: Places,
    layout: Layout,
    replay: Replay,
    /// The largest budget of each phase so far.
    worst: BTreeMap<Phase, f64>,
    /// How many tensors of each phase have been out of judgement: agreement with these proves nothing.
    unjudged: BTreeMap<Phase, usize>,
    /// Whether it fits no phase that it is to explain.
    dead: bool,
}

impl Trial {
    fn new(
        experiment: &Experiment,
        (cause, other): (&'static Cause, Option<&'static Cause>),
        edit: Edit,
        (lends, k): (Lends, f64),
    ) -> Option<Self> {
        let edited = experiment.edited(&edit.sets()).ok()?;
        // What a recording has of layers is that of as many as it was made of.
        let layers = |experiment: &Experiment| experiment.reference.model.layers.len();
        let recorded = experiment.candidate.recording().is_some();
        if recorded && lends.activations && layers(experiment) != layers(&edited) {
            return None;
        }
        let exact = edited.reference.engine != experiment.reference.engine;
        let said = !experiment.resolved["reference"]["engine"].is_null();
        let tail = edited.alignment().tail.reference.start;
        Some(Self {
            cause,
            other,
            edit,
            engine: (said && exact).then_some("engine=exact"),
            places: Places::new(&edited, lends, k),
            layout: Layout::new(&edited, lends, k),
            replay: Replay::new(&edited.reference, edited.candidate.dtype, k).with_tail(tail),
            worst: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            dead: false,
        })
    }

    /// Takes in a step.
    fn measure(&mut self, record: &StepRecord, reference: &StepRecord) {
        let Self { places, layout, replay, worst, unjudged, .. } = self;
        let given = layout.of(replay, record, reference);
        let mut deviations: Vec<Deviation> = Vec::new();
        let each: Each<'_> = &mut |_, judged| deviations.push(judged.deviation());
        places.measure(replay, (false, None), given, reference, each);
        places.measure_closely(replay, &places.all, record.rows, &mut deviations, &mut |replay, each| {
            places.measure(replay, (true, None), given, reference, each);
        });
        for (place, deviation) in places.all.iter().zip(&deviations) {
            let budget = worst.entry(place.phase()).or_default();
            *unjudged.entry(place.phase()).or_default() += usize::from(!(deviation.limit <= UNJUDGED));
            // What is no number is worse than any.
            if !(deviation.budget <= *budget) {
                *budget = deviation.budget;
            }
        }
    }

    fn fits(&self, phase: Phase) -> bool {
        self.worst.get(&phase).is_some_and(|budget| *budget <= 1.0)
    }
}

/// Runs the trials beside an experiment.
struct Trying<'a> {
    trials: &'a mut [Trial],
    /// The definition as it is.
    plain: Trial,
    mode: RunMode,
    /// The phases that are to be explained.
    wanted: &'a BTreeSet<Phase>,
    /// Of each of these, the steps at which the plain definition does not fit.
    apart: BTreeMap<Phase, usize>,
}

impl Observer for Trying<'_> {
    fn computed(&mut self, _event: &StepEvent<'_>) -> bool {
        true
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        let Some((_, candidate)) = event.candidates.iter().find(|(mode, _)| *mode == self.mode) else {
            return ControlFlow::Break(());
        };
        let (record, reference) = (&candidate.latest.record, &event.reference.record);
        self.plain.worst.clear();
        self.plain.measure(record, reference);
        for phase in self.wanted.iter().filter(|phase| !self.plain.fits(**phase)) {
            *self.apart.entry(*phase).or_default() += 1;
        }
        for trial in self.trials.iter_mut().filter(|trial| !trial.dead) {
            trial.measure(record, reference);
            let hides = |phase: &Phase| trial.unjudged.get(phase) > self.plain.unjudged.get(phase);
            trial.dead = !self.wanted.iter().any(|phase| trial.fits(*phase) && !hides(phase));
            for phase in self.wanted.iter().filter(|phase| hides(phase)) {
                trial.worst.insert(*phase, f64::INFINITY);
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a mismatch is about.
struct Question<'a> {
    experiment: &'a Experiment,
    comparison: Comparison<'a>,
    stop: &'a AtomicBool,
    firsts: BTreeMap<Phase, Divergence>,
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
        let apart = self.run(&mut trials)?;
        let mut left = self.wanted.clone();
        let mut chosen: Vec<(BTreeSet<Phase>, Vec<&Trial>)> = Vec::new();
        while !left.is_empty() {
            let fixed = |trial: &Trial| -> BTreeSet<Phase> {
                left.iter().copied().filter(|phase| trial.fits(*phase)).collect()
            };
            // What explains most at once; nothing that was right may become wrong.
            let harmless =
                |trial: &&Trial| self.judged.difference(&self.wanted).all(|phase| self.harmless(trial, *phase));
            let most = trials.iter().filter(harmless).map(|trial| fixed(trial).len()).max().unwrap_or(0);
            if most == 0 {
                break;
            }
            let first = trials.iter().filter(harmless).find(|trial| fixed(trial).len() == most);
            let Some(phases) = first.map(fixed) else { break };
            let class: Vec<&Trial> = trials.iter().filter(harmless).filter(|trial| fixed(trial) == phases).collect();
            left = left.difference(&phases).copied().collect();
            chosen.push((phases, class));
        }
        let pairs = if left.is_empty() { Vec::new() } else { self.pairs(&trials, &left)? };
        let mut causes = Vec::new();
        let union = chosen.iter().map(|(_, class)| best(class)).fold(Edit::default(), |all, one| all.and(&one.edit));
        let whole = left.is_empty();
        // Pairs are many: one is named only where a run proves it.
        let pair = pairs.iter().find(|pair| left.iter().all(|phase| pair.fits(*phase)));
        let joined = pair.map_or(union.clone(), |pair| union.and(&pair.edit));
        let asked = (whole && !chosen.is_empty()) || pair.is_some();
        let proved = if asked { self.prove(&joined)? } else { None };
        for (phases, class) in &chosen {
            let apart = phases.iter().filter_map(|phase| apart.get(phase)).max().copied().unwrap_or(0);
            causes.push(told(phases, class, apart, proved.as_ref()));
        }
        for phase in left {
            causes.push(match pair.filter(|_| proved.is_some()) {
                Some(pair) => {
                    told(&BTreeSet::from([phase]), &[pair], apart.get(&phase).copied().unwrap_or(0), proved.as_ref())
                }
                None => self.unexplained(phase),
            });
        }
        Ok(causes)
    }

    /// Whether a phase that was right stays so; one that the trial does not have was not judged by it.
    fn harmless(&self, trial: &Trial, phase: Phase) -> bool {
        !Phase::COMPUTED.contains(&phase) || trial.worst.get(&phase).is_none_or(|budget| *budget <= 1.0)
    }

    /// The edits that the evidence suggests, each once.
    fn trials(&self) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        for (phase, first) in &self.firsts {
            let evidence = Evidence { experiment: self.experiment, first };
            for cause in ALL.iter().copied().flatten().filter(|cause| self.may_show(cause, *phase)) {
                for edit in (cause.edits)(&evidence) {
                    if !trials.iter().any(|known| known.edit.sets() == edit.sets()) {
                        let of = (cause, None);
                        trials.extend(Trial::new(self.experiment, of, edit, (self.lends, self.comparison.limits.k)));
                    }
                }
            }
        }
        trials
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

    /// Runs trials up to some steps behind the last phase's first; returns at how many steps each phase is apart.
    fn run(&self, trials: &mut [Trial]) -> Result<BTreeMap<Phase, usize>> {
        let build: crate::run::Engines<'_> = &|role, side, rows| self.comparison.build(role, side, rows);
        let mut lockstep = Lockstep::with(self.experiment, self.mode, build)?;
        let last = self.firsts.values().map(|first| first.step).max().unwrap_or(0);
        let model = &self.experiment.reference.model;
        let terms: usize = model.parameters().iter().map(|parameter| parameter.shape.elements()).sum();
        let each = 6.0 * terms as f64 * lockstep.rows as f64 + 40.0 * terms as f64;
        // Most trials end at the first step apart.
        let affordable = MOST_WORK / (each * (last + 1) as f64 * (trials.len() + 1) as f64);
        let behind = if affordable < 1.0 { 1 } else { BEHIND };
        let kept = if affordable < 1.0 { ((trials.len() as f64 * affordable) as usize).max(1) } else { trials.len() };
        let count = kept.min(trials.len());
        for trial in &mut trials[count..] {
            trial.dead = true;
        }
        let plain = match Trial::new(
            self.experiment,
            (&ALL[0][0], None),
            Edit::default(),
            (self.lends, self.comparison.limits.k),
        ) {
            Some(plain) => plain,
            None => return Ok(BTreeMap::new()),
        };
        let mode = if self.mode == Mode::Free { RunMode::Free } else { RunMode::Sync };
        let mut trying = Trying { trials, plain, mode, wanted: &self.wanted, apart: BTreeMap::new() };
        let steps = lockstep.steps.min(last + 1 + behind);
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
                    let of = (one.cause, Some(other.cause));
                    let edit = one.edit.and(&other.edit);
                    pairs.extend(Trial::new(self.experiment, of, edit, (self.lends, self.comparison.limits.k)));
                }
            }
        }
        self.run(&mut pairs)?;
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

/// The edit of a class that is shown, and proved: a mistake that fits as it stands says more than a factor that was measured.
fn best<'a>(class: &[&'a Trial]) -> &'a Trial {
    let stands = class.iter().find(|trial| trial.edit.constant.is_none());
    stands.or(class.iter().find(|trial| trial.edit.is_recognized())).unwrap_or(&class[0])
}

/// An answer: the first of the edits that fit, and the others.
fn told(phases: &BTreeSet<Phase>, class: &[&Trial], apart: usize, proof: Option<&Proof>) -> verdict::Cause {
    let best = best(class);
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
    let residual = phases.iter().filter_map(|phase| best.worst.get(phase)).copied().fold(0.0, f64::max);
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
