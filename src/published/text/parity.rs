//! The document's networks in lockstep: at parity where nothing differs, and seen where something does.

use super::{
    Section,
    draws::DOUBLE,
    sets::{File, ODIYA, Opened, QUESTIONS},
};
use crate::{
    error::Result,
    judge::{
        noise::Limits,
        verdict::{Divergence, Outcome, Verdict},
    },
    report::power,
    run::{Mode, Phase},
    study::{Context, StudyVerdict, page::table},
};
use std::collections::BTreeSet;

pub(super) const SECTION: Section = Section { parts: REPORTED.len() + RUNS.len(), run };

/// A run of both engines.
struct Run {
    name: &'static str,
    network: Network,
    sets: &'static [&'static str],
    /// The phase whose numbers are to part first, and at which step; or parity.
    parts: Option<(Phase, usize)>,
}

/// Whose data and layers a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// Table 2's: odia, 3000-450-3, batch 128.
    Table2,
    /// Table 1's on questions: 1000-100-6, batch 8.
    Table1,
    /// Figure 2's on questions: 500-18-6, batch 8.
    Figure2,
    /// Figure 2's on odia as PyTorch has it: 3000-18-3, batch 8, two softmaxes; in f32, as the curves are.
    Figure2Odia,
}

/// Steps of an epoch of questions: 3,681 rows, 8 a step.
const EPOCH: usize = 461;

const PLAIN: &str = "model.layers=[{ linear = { outputs = 18 } }, \"relu\", { linear = { outputs = 6 } }]";
const SIGMOID: &str = "model.layers=[{ linear = { outputs = 18 } }, \"sigmoid\", { linear = { outputs = 6 } }]";
const DROPOUT: &str =
    "model.layers=[{ dropout = { p = 0.5 } }, { linear = { outputs = 18 } }, \"relu\", { linear = { outputs = 6 } }]";
const ODIA: &str = "model.layers=[{ linear = { outputs = 18 } }, \"relu\", { linear = { outputs = 3 } }, \"softmax\"]";
const NORMAL: &str = "model.init={ normal = { divided_by = \"inputs\" } }";
const ONE_AT_ZERO: &str = "candidate.training.faults=[\"relu-derivative-one-at-zero\"]";
const REFERENCE_DOUBLE: &str = "reference.model.layers=[{ linear = { outputs = 450 } }, \"relu\", \
                                { linear = { outputs = 3 } }, \"softmax\"]";

/// Runs that have their own reports.
const REPORTED: [Run; 2] = [
    same("odia-parity", Network::Table2, &[NORMAL, "training.shuffle=true", "training.steps=143", "noise.twins=2"]),
    same("questions-parity", Network::Table1, &["training.shuffle=true", "noise.twins=2"]),
];

const RUNS: [Run; 12] = [
    same("odia, Figure 2's network in f32", Network::Figure2Odia, &["training.steps=1000"]),
    same("odia, two softmaxes on both sides", Network::Table2, &["training.steps=72", DOUBLE]),
    other(
        "odia, two softmaxes on the reference alone",
        Network::Table2,
        &["training.steps=72", REFERENCE_DOUBLE],
        (Phase::Start, 0),
    ),
    other(
        "questions, PyTorch's weights on the reference alone",
        Network::Figure2,
        &[PLAIN, "candidate.model.init={ normal = { divided_by = \"inputs\" } }"],
        (Phase::Start, 0),
    ),
    same("questions, dropout live on both sides", Network::Figure2, &[DROPOUT, "training.epochs=2"]),
    same(
        "questions, dropout in the first epoch on both sides",
        Network::Figure2,
        &[DROPOUT, "training.epochs=2", "model.layer.0.dropout.first_epoch_only=true"],
    ),
    other(
        "questions, dropout in the first epoch on the reference alone",
        Network::Figure2,
        &[DROPOUT, "training.epochs=2", "reference.model.layer.0.dropout.first_epoch_only=true"],
        (Phase::Forward, EPOCH),
    ),
    same("questions, sigmoid on both sides", Network::Figure2, &[SIGMOID]),
    other(
        "questions, σ′ of the output on the candidate",
        Network::Figure2,
        &[SIGMOID, "candidate.training.faults=[\"sigmoid-derivative-of-output\"]"],
        (Phase::Backward, 0),
    ),
    same("questions, ReLU′(0) = 1 on the candidate, normal", Network::Figure2, &[PLAIN, NORMAL, ONE_AT_ZERO]),
    same(
        "questions, ReLU′(0) = 1 on the candidate, zeros",
        Network::Figure2,
        &[PLAIN, "model.init=zeros", ONE_AT_ZERO],
    ),
    other(
        "questions, rows shuffled on the candidate alone",
        Network::Figure2,
        &[PLAIN, "candidate.training.faults=[{ order = 7 }]"],
        (Phase::Batch, 0),
    ),
];

const fn same(name: &'static str, network: Network, sets: &'static [&'static str]) -> Run {
    Run { name, network, sets, parts: None }
}

const fn other(name: &'static str, network: Network, sets: &'static [&'static str], parts: (Phase, usize)) -> Run {
    Run { name, network, sets, parts: Some(parts) }
}

impl Network {
    fn file(self) -> &'static File {
        if matches!(self, Self::Table2 | Self::Figure2Odia) { &ODIYA } else { &QUESTIONS }
    }

    fn open(self) -> Result<Opened> {
        let sets: &[&str] = match self {
            Self::Table2 | Self::Table1 => &[],
            Self::Figure2 => &["data.rows.vectors.first=10", "training.epochs=1"],
            Self::Figure2Odia => &["training.batch_size=8", "dtype=f32", ODIA],
        };
        Opened::new(self.file(), sets)
    }
}

impl Network {
    fn title(self) -> &'static str {
        match self {
            Self::Table2 => "Table 2's network on the Odia headlines, nothing different",
            Self::Table1 => "Table 1's network on questions, nothing different",
            Self::Figure2 => "Figure 2's network on questions",
            Self::Figure2Odia => "Figure 2's network on the Odia headlines",
        }
    }
}

impl Run {
    /// Whether a verdict is what it is to be.
    fn holds(&self, verdict: &Verdict) -> bool {
        match self.parts {
            None => verdict.verdict == Outcome::Parity && (verdict.horizon.is_none() || self.is_f32()),
            Some((Phase::Start, _)) => verdict.verdict == Outcome::Mismatch && !verdict.start.is_empty(),
            expected => {
                let first = numbers(verdict).map(|first| (first.phase, first.step));
                verdict.verdict == Outcome::Mismatch && first == expected
            }
        }
    }

    /// Whether rounding may carry the free run past its horizon.
    fn is_f32(&self) -> bool {
        self.network == Network::Figure2Odia
    }

    /// Whether the candidate alone has another derivative at 0, which nothing is to come of.
    fn is_one_at_zero(&self) -> bool {
        self.sets.contains(&ONE_AT_ZERO)
    }

    fn expected(&self) -> String {
        match self.parts {
            None if self.is_f32() => format!("{}: parity", self.name),
            None => format!("{}: parity, and no horizon met", self.name),
            Some((Phase::Start, _)) => format!("{}: a mismatch at the start", self.name),
            Some((phase, step)) => format!("{}: a mismatch, first in step {step}, {}", self.name, phase.name()),
        }
    }
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    let mut rows = Vec::new();
    for network in [Network::Table2, Network::Table1, Network::Figure2, Network::Figure2Odia] {
        if !study.has("lockstep", network.file().data)? {
            continue;
        }
        let opened = network.open()?;
        for run in REPORTED.iter().filter(|run| run.network == network) {
            let (found, _) = context.report(run.name, &opened.experiment(network.title(), run.sets)?)?;
            rows.push(take(run, found, study));
        }
        let of_network: Vec<&Run> = RUNS.iter().filter(|run| run.network == network).collect();
        let found = context.each(
            &of_network,
            |run| format!("lockstep: {}", run.name),
            |run| context.silent(&opened.experiment(run.name, run.sets)?, Mode::Both, Limits::default()),
        )?;
        rows.extend(of_network.into_iter().zip(found).map(|(run, found)| take(run, found, study)));
    }
    if rows.is_empty() {
        return Ok(String::new());
    }
    identical(study);
    Ok(section(&rows, study))
}

/// Answers whether the networks are identical, as the document has it.
fn identical(study: &mut StudyVerdict) {
    let is = |run: &&Run, outcome| study.experiments.get(run.name).is_some_and(|found| found.verdict == outcome);
    let all: Vec<&Run> = REPORTED.iter().chain(&RUNS).filter(|run| study.experiments.contains_key(run.name)).collect();
    let seen: Vec<&str> = all.iter().filter(|run| is(run, Outcome::Mismatch)).map(|run| run.name).collect();
    let [equal, of] = at_parity(study);
    let at_zero: Vec<_> = all.iter().filter(|run| run.is_one_at_zero()).collect();
    let seen_as =
        if seen.is_empty() { "no mismatch".to_owned() } else { format!("a mismatch each: {}", seen.join("; ")) };
    let ours = format!(
        "in lockstep {seen_as}. Without a difference, or with it on both sides, parity in {equal} of {of} runs; with \
         ReLU′(0) = 1 on the candidate alone in {} of {}",
        at_zero.iter().filter(|run| is(run, Outcome::Parity)).count(),
        at_zero.len()
    );
    study.claim(
        "identical networks",
        "\"compares an implementation … using Numpy package only with a high level identical network implementation \
         using PyTorch\"",
        ours,
        (!all.is_empty()).then_some(seen.is_empty()),
    );
}

/// How many of the runs with nothing different, or the same on both sides, are at parity, of how many.
pub(super) fn at_parity(study: &StudyVerdict) -> [usize; 2] {
    let equal = REPORTED.iter().chain(&RUNS).filter(|run| run.parts.is_none() && !run.is_one_at_zero());
    let found: Vec<_> = equal.filter_map(|run| study.experiments.get(run.name)).collect();
    [found.iter().filter(|found| found.verdict == Outcome::Parity).count(), found.len()]
}

/// A verdict's row in the report; it goes into the study's.
fn take(run: &Run, found: Verdict, study: &mut StudyVerdict) -> Vec<String> {
    study.expect(run.expected(), run.holds(&found));
    let weights = found.free_gap("weights");
    let every = if found.replayed == found.watched { "every".to_owned() } else { found.replayed.to_string() };
    let [starts, numbers] = parted(&found);
    let row = vec![
        run.name.to_owned(),
        found.verdict.to_string(),
        starts,
        numbers,
        found.steps.to_string(),
        every,
        horizon(&found),
        power(weights),
    ];
    study.experiments.insert(run.name.to_owned(), found);
    row
}

/// Where numbers first part that the sides make of the same.
fn numbers(verdict: &Verdict) -> Option<&Divergence> {
    let phases = verdict.phases.values().filter_map(|phase| phase.first_divergence.as_ref());
    phases.chain(&verdict.first_divergence).filter(|first| first.phase != Phase::Start).min_by_key(|first| first.step)
}

/// From where on the free run proves nothing.
fn horizon(verdict: &Verdict) -> String {
    match verdict.horizon {
        Some(step) => format!("step {step}"),
        None if verdict.noise.twins == 0 => "not measured".to_owned(),
        None => "none".to_owned(),
    }
}

/// Where the sides first part: what they start with, and in numbers.
fn parted(verdict: &Verdict) -> [String; 2] {
    let starts: BTreeSet<_> = verdict.start.iter().map(|start| format!("`{}`", start.tensor)).collect();
    let starts = if starts.is_empty() { "–".to_owned() } else { starts.into_iter().collect::<Vec<_>>().join(", ") };
    let numbers = numbers(verdict);
    let numbers = numbers.map(|first| format!("step {}, {}, `{}`", first.step, first.phase.name(), first.tensor));
    [starts, numbers.unwrap_or_else(|| "–".to_owned())]
}

fn section(rows: &[Vec<String>], study: &StudyVerdict) -> String {
    let links: Vec<String> = REPORTED
        .iter()
        .filter(|run| study.experiments.contains_key(run.name))
        .map(|run| format!("[{}]({}/report.md)", run.network.title(), run.name))
        .collect();
    let head = [
        "networks",
        "verdict",
        "differ at the start",
        "numbers first part",
        "steps",
        "replayed",
        "horizon",
        "weights, free run",
    ];
    format!(
        "\n## In lockstep\n\n\
         libtorch is the reference, scratch the candidate, both in f64 as the document's but for the last, on the same \
         batches and masks; the candidate runs freely and once more from the reference's weights at every step. The \
         last column is the largest gap between the two free runs' weights; past a horizon even two copies of the \
         reference, a rounding apart, are 1 % apart. Where layers do not correspond one to one, that is the \
         finding, and forward and backward are not judged. Step by step: \
         {}.\n\n{}",
        links.join("; "),
        table(&head, 7, rows)
    )
}
