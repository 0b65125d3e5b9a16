//! What is read where the engines hold it is what copies of it say; and with `noise = "off"` that is all there is.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::judged;
use lockstep::{
    experiment::Experiment,
    judge::{
        Comparison,
        verdict::{GapSummary, Mode, Outcome, Verdict},
    },
    run::{Observer, RunMode, Runner, StepEvent},
    tensor::View,
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path, sync::atomic::AtomicBool};

/// Tensors of many sizes, a state in the optimizer, rows that are left over, and sides of two types.
const NET: &str = "
    data = { kind = 'regression', rows = 50, inputs = 7, outputs = 3 }
    model.layers = [{ linear = { outputs = 33 } }, 'batch-norm', 'relu', { linear = { outputs = 3 } }]
    training = { loss = 'mse', optimizer = { adam = { lr = 0.01 } }, batch_size = 16, steps = 30 }
    candidate.dtype = 'f64'
";

/// Copies every tensor of both sides at every step, widens it, and keeps the largest and the latest gap.
#[derive(Default)]
struct Copying {
    before: Vec<Vec<Vec<f64>>>,
    gaps: BTreeMap<(RunMode, String), (f64, f64)>,
}

fn wide(view: View<'_>) -> Vec<f64> {
    let mut wide = Vec::new();
    view.widen_into(&mut wide);
    wide
}

fn parameters(side: &Runner) -> Vec<Vec<f64>> {
    (0..side.engine().parameters().len()).map(|index| wide(side.engine().tensor(index))).collect()
}

impl Copying {
    fn note(&mut self, mode: RunMode, name: String, one: &[f64], other: &[f64]) {
        assert_eq!(one.len(), other.len(), "{name}");
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let difference = norm(&mut one.iter().zip(other).map(|(a, b)| a - b));
        let largest = norm(&mut one.iter().copied()).max(norm(&mut other.iter().copied()));
        let gap = if largest == 0.0 { 0.0 } else { difference / largest };
        let (max, last) = self.gaps.entry((mode, name)).or_default();
        (*max, *last) = (max.max(gap), gap);
    }

    fn note_each(&mut self, mode: RunMode, [what, all]: [&str; 2], side: &Runner, tensors: [&[Vec<f64>]; 2]) {
        let names: Vec<String> = side.engine().parameters().iter().map(|parameter| parameter.name.clone()).collect();
        for (index, name) in names.iter().enumerate() {
            self.note(mode, format!("{what}/{name}"), &tensors[0][index], &tensors[1][index]);
        }
        if !all.is_empty() {
            self.note(mode, all.to_owned(), &tensors[0].concat(), &tensors[1].concat());
        }
    }
}

impl Observer for Copying {
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        let reference = event.reference_runner;
        self.before = vec![parameters(reference)];
        for (mode, candidate) in event.candidates {
            self.before.push(parameters(candidate));
            let engines = [reference.engine(), candidate.engine()];
            for (layer, name) in ["activation/0", "activation/1", "activation/2", "output"].into_iter().enumerate() {
                let [one, other] = engines.map(|engine| wide(engine.activation(layer)));
                self.note(*mode, name.to_owned(), &one, &other);
            }
            for (index, buffer) in engines[0].buffers().iter().enumerate() {
                let [one, other] = engines.map(|engine| wide(engine.buffer(index)));
                self.note(*mode, format!("buffer/{}", buffer.name), &one, &other);
            }
            let [one, other] = engines.map(|engine| wide(engine.output_gradient()));
            self.note(*mode, "output_gradient".to_owned(), &one, &other);
            let [one, other] = engines
                .map(|engine| (0..engine.parameters().len()).map(|i| wide(engine.gradient(i))).collect::<Vec<_>>());
            self.note_each(*mode, ["grad", "gradients"], reference, [&one, &other]);
        }
        false
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        let after: Vec<_> = std::iter::once(event.reference_runner)
            .chain(event.candidates.iter().map(|(_, candidate)| candidate))
            .map(parameters)
            .collect();
        let change = |side: usize| -> Vec<Vec<f64>> {
            let tensors = after[side].iter().zip(&self.before[side]);
            tensors.map(|(after, before)| after.iter().zip(before).map(|(a, b)| a - b).collect()).collect()
        };
        let changes: Vec<_> = (0..after.len()).map(change).collect();
        for (number, (mode, candidate)) in event.candidates.iter().enumerate() {
            let side = number + 1;
            self.note(*mode, "loss".to_owned(), &[event.reference.loss], &[candidate.latest.loss]);
            self.note_each(*mode, ["update", ""], event.reference_runner, [&changes[0], &changes[side]]);
            self.note_each(*mode, ["param", "weights"], event.reference_runner, [&after[0], &after[side]]);
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn watching_finds_what_copying_finds_whether_anything_is_judged_or_not() {
    for noise in ["noise = {}", "noise = 'off'"] {
        let sets = ["reference.engine=scratch".to_owned(), noise.to_owned()];
        let experiment = Experiment::parse(NET, "net.toml", Path::new(""), &sets).unwrap();
        let mut copying = Copying::default();
        let (comparison, stop) = (Comparison::default(), AtomicBool::new(false));
        let (verdict, _) = comparison.watched(&experiment, &mut copying, &stop).unwrap();
        let exact = verdict.noise.drift.as_ref().is_some_and(|drift| drift.reference.is_some());
        assert_eq!(exact, noise != "noise = 'off'", "the exact twin");
        // The looks at the evaluation mode are no steps.
        let of_steps =
            |gaps: &BTreeMap<String, GapSummary>| gaps.keys().filter(|name| !name.starts_with("evaluation/")).count();
        let watched: usize = verdict.gaps.values().map(of_steps).sum();
        assert_eq!(watched, copying.gaps.len(), "{noise}");
        for ((mode, name), (max, last)) in &copying.gaps {
            let found = &verdict.gaps[mode][name];
            // Sums of up to 528 positive terms in another order: 10⁻¹² of them is far more than 528 · 2⁻⁵³.
            for (found, copied) in [(found.max, max), (found.last, last)] {
                let found = found.unwrap();
                assert!((found - copied).abs() <= 1e-12 * copied, "{noise}: {mode} {name}: {found} and {copied}");
            }
        }
    }
}

fn off(mode: Mode, sets: &[&str]) -> Verdict {
    let sets: Vec<&str> = ["noise=off"].iter().chain(sets).copied().collect();
    judged(NET, Path::new(""), &sets, Comparison { mode, ..Comparison::default() }).0
}

#[test]
fn without_noise_nothing_is_parity_and_nothing_but_what_is_not_finite_a_mismatch() {
    for mode in [Mode::Both, Mode::Free, Mode::Sync, Mode::Probe] {
        for set in ["seed=1", "candidate.training.loss=sum-squares", "candidate.model.layer.3.linear.bias=false"] {
            let verdict = off(mode, &[set]);
            assert_eq!(verdict.verdict, Outcome::Inconclusive, "{mode} {set}");
            assert_eq!(verdict.first_divergence, None, "{mode} {set}");
            assert!(verdict.not_checked[0].contains("take noise = \"off\" out"), "{:?}", verdict.not_checked);
            assert!(verdict.phases.values().all(|phase| phase.compared == 0 && phase.budget.is_none()));
            assert!(verdict.gaps.values().all(|gaps| gaps["weights"].last.is_some()), "{mode} {set}");
            assert_eq!((verdict.noise.twins, verdict.noise.referee.is_none(), verdict.tied), (0, true, 0));
        }
        // A rate at which f64's weights become infinite in a step, as those of the reference do not.
        let verdict =
            off(mode, &["candidate.training.optimizer={sgd={lr=1e308}}", "candidate.training.loss=sum-squares"]);
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{mode}: {:?}", verdict.non_finite);
        assert!(verdict.non_finite[0].is_fault());
    }
}
