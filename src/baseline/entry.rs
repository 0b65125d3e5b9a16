//! What a baseline keeps of one experiment.

use super::deviation::{Deviation, What};
use crate::{
    experiment::Experiment,
    judge::verdict::{Divergence, Outcome, Pattern, Phase, Verdict},
    model::Parameter,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, path::Path};

/// What a baseline keeps of one experiment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A digest of the experiment, by which a changed experiment is told from a changed engine.
    pub definition: String,
    /// The answer.
    pub outcome: Outcome,
    /// Where the sides first part.
    pub first: Option<First>,
    /// The causes of a mismatch, by id.
    #[serde(default)]
    pub causes: Vec<NamedCause>,
    /// Phase and tensor of what no cause explains, sorted.
    #[serde(default)]
    pub places: Vec<String>,
    /// The reference's parameters with their shapes: `0.weight 5×2`.
    pub parameters: Vec<String>,
    /// The phases in which something was judged.
    pub judged: Vec<Phase>,
    /// By phase, the class of the smallest fault that would have shown: 1, 2 or 5 times a power of ten.
    #[serde(default)]
    pub power: BTreeMap<Phase, f64>,
    /// By environment and phase, how far the candidate was off, and what rounding explains.
    #[serde(default)]
    pub gaps: BTreeMap<String, BTreeMap<Phase, Figure>>,
}

/// Where the sides first part.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// The phase.
    pub phase: Phase,
    /// The step, from 0.
    pub step: usize,
    /// The tensor.
    pub tensor: String,
    /// What it looks like beside what it should be.
    pub pattern: Option<Pattern>,
}

/// A cause with its edits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCause {
    /// The catalogue's id.
    pub cause: String,
    /// The `--set`s under which the reference does the same.
    #[serde(default)]
    pub edits: Vec<String>,
    /// Whether a run proves it.
    #[serde(default)]
    pub proved: bool,
}

/// How far a phase was off at the place that used most of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The gap.
    pub gap: f64,
    /// The gap that rounding explains there.
    pub noise: f64,
}

impl Figure {
    /// How many times its noise the gap is.
    pub fn times_its_noise(self) -> f64 {
        if self.gap == 0.0 { 0.0 } else { self.gap / self.noise }
    }
}

impl Entry {
    /// Of an experiment in a folder, with its verdict.
    pub fn new(experiment: &Experiment, folder: &Path, verdict: &Verdict, deviations: &[Deviation]) -> Self {
        let judged = verdict.phases.iter().filter(|(_, summary)| summary.compared > 0);
        let power = verdict.phases.iter().filter_map(|(phase, summary)| Some((*phase, class(summary.detectable?)?)));
        let mut causes: Vec<NamedCause> = deviations.iter().filter_map(named).collect();
        causes.sort();
        let mut places: Vec<String> = deviations.iter().filter_map(place).collect();
        places.sort();
        places.dedup();
        Self {
            definition: definition(experiment, folder),
            outcome: verdict.verdict,
            first: verdict.first_divergence.as_ref().map(first),
            causes,
            places,
            parameters: experiment.reference.model.parameters().iter().map(parameter).collect(),
            judged: judged.map(|(phase, _)| *phase).collect(),
            power: power.collect(),
            gaps: [(environment(experiment, verdict), figures(verdict))].into(),
        }
    }
}

fn named(deviation: &Deviation) -> Option<NamedCause> {
    match &deviation.what {
        What::Cause { id, edits, proved, .. } => {
            Some(NamedCause { cause: id.clone(), edits: edits.clone(), proved: *proved })
        }
        What::Place(_) => None,
    }
}

fn place(deviation: &Deviation) -> Option<String> {
    match &deviation.what {
        What::Place(place) => Some(place.clone()),
        What::Cause { .. } => None,
    }
}

fn first(first: &Divergence) -> First {
    let found = first.tensors.iter().find(|found| found.name == first.tensor);
    First {
        phase: first.phase,
        step: first.step,
        tensor: first.tensor.clone(),
        pattern: found.map(|found| found.pattern),
    }
}

fn parameter(parameter: &Parameter) -> String {
    let sizes: Vec<String> = parameter.shape.iter().map(|size| size.to_string()).collect();
    format!("{} {}", parameter.name, sizes.join("×"))
}

/// The next number not below it that is 1, 2 or 5 times a power of ten; none of what is no positive number.
fn class(detectable: f64) -> Option<f64> {
    if !(detectable > 0.0 && detectable.is_finite()) {
        return None;
    }
    let tens = detectable.log10().floor() as i32;
    // Read as it would be typed, so that it is the nearest number to that.
    let edges = [(1, tens), (2, tens), (5, tens), (1, tens + 1)];
    let mut edges = edges.into_iter().filter_map(|(digit, tens)| format!("{digit}e{tens}").parse::<f64>().ok());
    edges.find(|edge| *edge >= detectable)
}

/// Two significant digits: more of a figure that rounding makes are noise.
pub(super) fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

fn figures(verdict: &Verdict) -> BTreeMap<Phase, Figure> {
    let figure = |gap: f64, limit: f64| Figure { gap: two_digits(gap), noise: two_digits(limit / verdict.noise.k) };
    let of = verdict.phases.iter().filter_map(|(phase, summary)| {
        let limit = summary.limit.filter(|limit| *limit > 0.0)?;
        Some((*phase, figure(summary.max_gap?, limit)))
    });
    of.collect()
}

/// What the figures of a run depend on, beside the experiment: `AMD AVX512, libtorch 2.13.0, f32, 1 thread`.
fn environment(experiment: &Experiment, verdict: &Verdict) -> String {
    let of = &verdict.measured.environment;
    let said = |key: &str| of.get(key).cloned();
    let features = || said("processor_features").unwrap_or_default().to_uppercase();
    let path = said("libtorch_code_path").unwrap_or_else(features);
    let libtorch = said("libtorch").filter(|version| version.starts_with(|digit: char| digit.is_ascii_digit()));
    let libtorch = libtorch.map_or("no libtorch".to_owned(), |version| format!("libtorch {version}"));
    let [one, other] = [&experiment.reference, &experiment.candidate].map(|side| side.dtype);
    let types = if one == other { one.to_string() } else { format!("{one} beside {other}") };
    // `run` gives each side one.
    format!("{path}, {libtorch}, {types}, 1 thread")
}

/// A digest of what both sides are said to do, and of the files that the data are read from. What a side is played from is not
/// in it, as another recording is another engine; nor are titles and decisions.
fn definition(experiment: &Experiment, folder: &Path) -> String {
    let mut sum = Sha256::new();
    for side in ["reference", "candidate"] {
        let mut said = experiment.resolved[side].clone();
        if let Some(said) = said.as_object_mut() {
            ["title", "accepted", "map"].iter().for_each(|key| drop(said.remove(*key)));
            if said.get("engine").is_some_and(|engine| engine.get("trace").is_some()) {
                said.insert("engine".to_owned(), "trace".into());
            }
        }
        sum.update(said.to_string());
    }
    for written in experiment.data.files() {
        // What the program's own store has is pinned there by its checksum.
        if let Ok(bytes) = fs::read(folder.join(written)) {
            sum.update(Sha256::digest(&bytes));
        }
    }
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_next_of_1_2_and_5() {
        let found = [3.6e-7, 5e-7, 5.1e-7, 1e-6, 1.01e-6, 2.0, 1.0, 9.99e-4].map(|value| class(value).unwrap());
        assert_eq!(found, [5e-7, 5e-7, 1e-6, 1e-6, 2e-6, 2.0, 1.0, 1e-3]);
        assert_eq!([0.0, -1.0, f64::NAN, f64::INFINITY].map(class), [None; 4]);
    }

    #[test]
    fn figures_have_two_digits() {
        assert_eq!([0.7718, 1.8001e-7, 0.0, 9.96e-8].map(two_digits), [0.77, 1.8e-7, 0.0, 1e-7]);
    }
}
