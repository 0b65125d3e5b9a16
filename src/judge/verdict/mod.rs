//! What a comparison found: the types of verdict.json, and the exit code.
//!
//! Everything that varies from run to run sits under [`Measured`]; the rest is byte-identical for the same seed,
//! machine and threads. JSON has no NaN: a non-finite gap is `null` plus an entry in `non_finite`.

mod curves;
#[cfg(test)]
mod documented;

pub use crate::{
    judge::noise::{Refereed, Tie},
    run::{Decision, Evaluated, Mode, Phase, RunMode, Scores, StartDifference, StartKind, Stopping},
};
pub use curves::{Curves, PhaseTimes, TensorCurve};

pub use crate::judge::gap::Pattern;
use crate::{engine::Lends, judge::gap::Deviation, tensor::DType};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The version of verdict.json's layout.
pub const SCHEMA: u32 = 2;

/// verdict.json: one experiment, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The experiment's title.
    pub experiment: String,
    /// What was run: both sides' merged experiment, as typed.
    pub resolved: serde_json::Value,
    /// The keys in which the sides differ, each as `KEY: reference / candidate`.
    pub differences: Vec<String>,
    /// Of a parity, the differences that no number of the replayed steps reached, with what would have shown them; others are
    /// within rounding.
    pub unreached: Vec<String>,
    /// How the candidate was run.
    pub mode: Mode,
    /// The answer.
    pub verdict: Outcome,
    /// Whether anything was judged: not with `noise = "off"`.
    pub judged: bool,
    /// Whether Ctrl-C ended the run early.
    pub interrupted: bool,
    /// Steps that were run.
    pub steps: usize,
    /// Every how many steps the tensors were compared: 1.
    pub compared_every: usize,
    /// Steps at which the gaps between the sides were watched.
    pub watched: usize,
    /// Steps at which phases were replayed: all that are watched, or of a large model the first ones, one in so many, and
    /// those at which the synced sides were farther apart than replays had explained.
    pub replayed: usize,
    /// First step from which agreement of the free run proves nothing any more; `null` where there is none.
    pub horizon: Option<usize>,
    /// Where the sides first part.
    pub first_divergence: Option<Divergence>,
    /// What a side did not have of a step, so that it was worked out from the side's own weights and judged together with what
    /// follows from it; empty where both had everything.
    pub worked_out: Vec<WorkedOut>,
    /// Where all judged steps with batches of one size differ and no others, which these are.
    pub only_in: Option<String>,
    /// Of a mismatch, whether the whole steps agree all the same, from weights to weights, at every step that was looked at;
    /// `null` where that was not looked at, or rounding hides it.
    pub steps_agree: Option<bool>,
    /// Of a mismatch, why the steps must agree, where an identity says so.
    pub identity: Option<String>,
    /// What both sides report at the first, a middle and the last step.
    pub losses: Losses,
    /// What differs before the first step, each asked for by the experiment.
    pub start: Vec<StartDifference>,
    /// What was found phase by phase.
    pub phases: BTreeMap<Phase, PhaseSummary>,
    /// How far the sides are apart, by mode and tensor (`loss`, `grad/0.weight`, `weights`…).
    pub gaps: BTreeMap<RunMode, BTreeMap<String, GapSummary>>,
    /// Named reasons for a mismatch.
    pub causes: Vec<Cause>,
    /// What the limits were derived from.
    pub noise: Noise,
    /// What was done to the data on purpose and cannot be seen in their numbers, counted, and how the names of a file of weights
    /// were matched, in sentences.
    pub data: Vec<String>,
    /// How the sides did on the validation rows on the way and on the test rows in the end.
    pub evaluations: Vec<Evaluated>,
    /// What early stopping decided, where there is any.
    pub stopping: Option<Stopping>,
    /// Tensors whose own noise passed 1 % at some step.
    pub unjudged: Vec<Unjudged>,
    /// The tensors that rounding hid at every step: with one of these nothing is parity.
    pub never_judged: Vec<String>,
    /// The parameters whose gradient is 0 in exact arithmetic, as of a bias before a batch norm: nothing that they do shows.
    pub without_effect: Vec<String>,
    /// Kinks that rounding pushed to different sides: the first thousand.
    pub ties: Vec<Tie>,
    /// How many there are.
    pub tied: usize,
    /// Where a value was not finite.
    pub non_finite: Vec<NonFinite>,
    /// What this run cannot say, and why.
    pub not_checked: Vec<String>,
    /// Everything that varies from run to run.
    pub measured: Measured,
}

/// The answer of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every phase of every compared step stayed within its limit.
    Parity,
    /// Something differs by more than rounding explains.
    Mismatch,
    /// Not enough was compared to say.
    Inconclusive,
}

/// One element at which the sides part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// The candidate in which it was seen.
    pub mode: RunMode,
    /// The step, from 0.
    pub step: usize,
    /// The first step since the last replay before `step`, where there are some between the two: they were watched alone,
    /// and what is as small as this could have begun there.
    pub since: Option<usize>,
    /// The phase to blame: its inputs agree and its result does not.
    pub phase: Phase,
    /// `output`, `loss`, `output_gradient` or a parameter's name.
    pub tensor: String,
    /// The element that is farthest off.
    pub index: Vec<usize>,
    /// The gap of the whole tensor, from what this phase gives in exact arithmetic.
    pub gap: Option<f64>,
    /// The gap at which a deviation of this form would just have passed: its worst element decides.
    pub limit: Option<f64>,
    /// gap / limit: how many times its rounding bound the element is off.
    pub budget: Option<f64>,
    /// The candidate's tensor over what the reference's definition makes of the same inputs: the best scalar fit.
    pub ratio: Option<f64>,
    /// The reference's value at `index`.
    pub reference: Option<f64>,
    /// The candidate's value at `index`.
    pub candidate: Option<f64>,
    /// What it should be: what the reference's definition makes of the inputs of the side that is off.
    pub expected: Option<f64>,
    /// The side that is farther from exact arithmetic.
    pub farther: Option<Farther>,
    /// Every tensor of the phase at this step, nearest the loss first.
    pub tensors: Vec<TensorFound>,
}

/// Reported losses at the first, a middle and the last step; `null` where one is not finite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// The steps.
    pub steps: Vec<usize>,
    /// The reference's.
    pub reference: Vec<Option<f64>>,
    /// The candidate's: the free one's, where there is one.
    pub candidate: Vec<Option<f64>>,
}

impl Losses {
    /// Of columns of every step.
    pub fn of(reference: &[f64], candidate: &[f64]) -> Self {
        let count = reference.len().min(candidate.len());
        let mut steps: Vec<usize> = if count == 0 { Vec::new() } else { vec![0, count / 2, count - 1] };
        steps.dedup();
        let at = |losses: &[f64]| steps.iter().map(|&step| finite(losses[step])).collect();
        Self { reference: at(reference), candidate: at(candidate), steps }
    }
}

/// One tensor at the first step apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorFound {
    /// Its name.
    pub name: String,
    /// What it looks like beside what it should be.
    pub pattern: Pattern,
    /// The factor, where it is one times what it should be.
    pub constant: Option<f64>,
    /// Of what has a row for each of the batch's, the rows that differ, where not all do.
    pub rows: Vec<usize>,
    /// Its gap from what it should be.
    pub gap: Option<f64>,
    /// The gap at which it would fail.
    pub limit: Option<f64>,
}

/// The tensor of a divergence that no phase shows: all trained tensors as one vector.
pub(super) const WEIGHTS: &str = "weights";

impl Divergence {
    /// Whether it is the drift of a free run, which no phase explains.
    pub fn is_drift(&self) -> bool {
        self.phase == Phase::Update && self.tensor == WEIGHTS
    }
}

/// A side, as farther from exact arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Farther {
    /// The reference is farther off.
    Reference,
    /// The candidate is farther off.
    Candidate,
    /// Both are beyond their limits.
    Both,
}

/// One phase over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// The gap at the place that used most of its limit.
    pub max_gap: Option<f64>,
    /// The limit at that place: the gap at which a deviation of this form, whose worst element decides, would fail.
    pub limit: Option<f64>,
    /// gap / limit, the largest share that anything used of its bound, at most 10⁹; above 1 it is a mismatch.
    pub budget: Option<f64>,
    /// Steps at which it was replayed and judged.
    pub compared: usize,
    /// Tensors, counted at every step, whose rounding bound passes 1 %, so that agreement proves nothing.
    pub unjudged: usize,
    /// The smallest uniform limit under which the whole run would have passed.
    pub minimum_limit: Option<f64>,
    /// The smallest relative fault of a whole tensor, present at every step, that this run would have caught.
    pub detectable: Option<f64>,
    /// Where this phase first goes wrong by itself, its inputs being equal.
    pub first_divergence: Option<Divergence>,
}

/// How far the sides are apart in one tensor, over the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapSummary {
    /// The largest gap.
    pub max: Option<f64>,
    /// The step of the largest gap.
    pub at: usize,
    /// The gap of the last compared step.
    pub last: Option<f64>,
}

/// A named reason for a mismatch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The catalogue's id; `unexplained` where none fits.
    pub id: String,
    /// How sure it is.
    pub status: Status,
    /// The phases that it explains.
    pub phases: Vec<Phase>,
    /// The `--set`s under which the reference does the same.
    pub edits: Vec<String>,
    /// The constant it comes with, such as a factor.
    pub constant: Option<f64>,
    /// What the constant is known as.
    pub recognized: Option<String>,
    /// One line: what the candidate does.
    pub summary: String,
    /// Right and wrong, as formulas.
    pub formula: String,
    /// What to change: by hand, and in PyTorch.
    pub remedy: Vec<String>,
    /// Of its limit, what the worst element uses with the edits.
    pub residual_budget: Option<f64>,
    /// Steps that are apart without the edits, and are not with them.
    pub steps: usize,
    /// Other edits that fit as well: what was recorded does not tell them apart.
    pub alternatives: Vec<Alternative>,
    /// What would tell more.
    pub would_tell: Option<String>,
    /// The run that proves it.
    pub proof: Option<Proof>,
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// With its edits, and those of the other causes, the reference was run, and the candidate agrees with it.
    Confirmed,
    /// It fits what was recorded, which is too little to say more.
    Consistent,
    /// Nothing in the catalogue fits.
    Unexplained,
}

/// Another edit that fits as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The catalogue's id.
    pub id: String,
    /// Its `--set`s.
    pub edits: Vec<String>,
    /// One line.
    pub summary: String,
}

/// A run of the reference with the edits of all causes, with which the candidate is at parity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// What trained it: `PyTorch`, or `the judge's formulas` where PyTorch cannot make the mistake.
    pub by: String,
    /// Its steps.
    pub steps: usize,
}

/// A tensor whose own noise passed 1 %, so that agreement proves nothing there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// The candidate.
    pub mode: RunMode,
    /// The phase.
    pub phase: Phase,
    /// The tensor.
    pub tensor: String,
    /// At how many steps.
    pub steps: usize,
    /// At how many steps it was judged all the same.
    pub judged: usize,
}

/// What the limits were derived from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// How many times the noise at a place is its limit.
    pub k: f64,
    /// How many nudged twins ran beside the free run.
    pub twins: usize,
    /// The gap of the weights that makes the horizon.
    pub horizon_at: f64,
    /// How far the free run drifted, where that was judged.
    pub drift: Option<DriftSummary>,
    /// What libtorch in f64 says of the replay's formulas.
    pub referee: Option<Refereed>,
}

/// The drift of a free run: gaps of the weights, all as one vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftSummary {
    /// Compared steps at which it was judged: before the horizon and the first tie of the free run.
    pub compared: usize,
    /// The step at which the sides used most of the limit.
    pub step: usize,
    /// From the reference to the median twin there.
    pub twins: Option<f64>,
    /// From the reference to the candidate.
    pub apart: Option<f64>,
    /// How far that may be.
    pub limit: Option<f64>,
    /// apart / limit.
    pub budget: Option<f64>,
    /// From the same run in f64 to the reference.
    pub reference: Option<f64>,
    /// From the same run in f64 to the candidate; asked for only where the sides are too far apart.
    pub candidate: Option<f64>,
}

/// Where a value stopped being finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NonFinite {
    /// The candidate that was being compared.
    pub mode: RunMode,
    /// The step.
    pub step: usize,
    /// The phase.
    pub phase: Phase,
    /// The tensor.
    pub tensor: String,
    /// The first such element.
    pub index: Vec<usize>,
    /// `reference`, `candidate` or `both`.
    pub side: Farther,
    /// The other side's value there, where one side is finite.
    pub value: Option<f64>,
    /// What it is: `NaN`, `infinite` or `−infinite`.
    pub what: String,
    /// Whether it lies before the horizon, so that it is a fault if it is on one side only.
    pub counts: bool,
    /// The side's type, where the other side's value is beyond the largest number of that: training that diverges
    /// overflows, and that one side does so first is no fault.
    pub overflow: Option<DType>,
}

impl NonFinite {
    /// Whether one side alone is to blame.
    pub fn is_fault(&self) -> bool {
        self.counts && self.side != Farther::Both && self.overflow.is_none()
    }
}

/// Everything that varies from run to run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Wall time.
    pub speed: Option<Speed>,
    /// The machine and the engines.
    pub environment: BTreeMap<String, String>,
    /// Files that were written, by kind.
    pub files: BTreeMap<String, String>,
}

/// Wall time of one step, median over the run, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The reference's step.
    pub reference_us: f64,
    /// The candidate's step.
    pub candidate_us: f64,
    /// reference / candidate.
    pub ratio: f64,
    /// The same by phase.
    pub per_phase: BTreeMap<Phase, PhaseSpeed>,
    /// What one clock read costs; each phase's time includes one.
    pub timer_us: f64,
    /// The whole run: both engines, the comparing and the judging.
    pub run_s: f64,
}

/// Wall time of one phase, median over the run, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseSpeed {
    /// The reference's.
    pub reference_us: f64,
    /// The candidate's.
    pub candidate_us: f64,
}

/// A budget above which only that it is enormous is said.
const MOST: f64 = 1e9;

/// A budget as it is told: by the worst element, at most [`MOST`].
pub(super) fn budget_of(budget: f64) -> Option<f64> {
    (!budget.is_nan()).then(|| budget.min(MOST))
}

/// The limit of a tensor: of one that is off as a whole its own, else the gap at which its worst element would fail.
pub(super) fn limit_of(deviation: Deviation) -> Option<f64> {
    finite(if deviation.gap > deviation.limit { deviation.limit } else { deviation.decisive_limit() })
}

/// A number as JSON can hold it: NaN and infinities have no place there.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A part of a step that a side may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkedOut {
    /// What layers put out.
    Outputs,
    /// The reported loss.
    Loss,
    /// The gradient in the output.
    OutputGradient,
    /// The gradients in the parameters.
    Gradients,
}

impl WorkedOut {
    /// What a side that has so much of a step does not have.
    pub(in crate::judge) fn of(lends: Lends) -> Vec<Self> {
        let parts = [
            (lends.activations, Self::Outputs),
            (lends.loss, Self::Loss),
            (lends.output_gradient, Self::OutputGradient),
            (lends.gradients, Self::Gradients),
        ];
        parts.into_iter().filter(|(has, _)| !has).map(|(_, part)| part).collect()
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outputs => "outputs",
            Self::Loss => "loss",
            Self::OutputGradient => "output gradient",
            Self::Gradients => "gradients",
        }
    }
}

impl Verdict {
    /// The largest gap of a tensor (`loss`, `weights`, `grad/0.weight`…) in the free run.
    pub fn free_gap(&self, tensor: &str) -> Option<f64> {
        self.gaps.get(&RunMode::Free)?.get(tensor)?.max
    }

    /// Where a phase first goes wrong by itself.
    pub fn first_of(&self, phase: Phase) -> Option<&Divergence> {
        self.phases.get(&phase)?.first_divergence.as_ref()
    }

    /// The candidate's tensor over what it should be, where a phase first goes wrong: the best scalar fit.
    pub fn ratio_of(&self, phase: Phase) -> Option<f64> {
        self.first_of(phase)?.ratio
    }

    /// The exit code this verdict means: 0 parity, 1 mismatch, 3 inconclusive, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        if self.interrupted { 130 } else { self.verdict.exit_code() }
    }
}

impl Outcome {
    /// The exit code it means: 0 parity, 1 mismatch, 3 inconclusive.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Parity => 0,
            Self::Mismatch => 1,
            Self::Inconclusive => 3,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parity => "parity",
            Self::Mismatch => "mismatch",
            Self::Inconclusive => "inconclusive",
        })
    }
}

impl fmt::Display for Farther {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "reference",
            Self::Candidate => "candidate",
            Self::Both => "both",
        })
    }
}
