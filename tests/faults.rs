//! Faults that people really make, each put into the candidate: found in the phase that is to blame and in no other, at
//! the first step at which it can show, with the ratio that its formula predicts. The same values on both sides are
//! parity. Numbers that are not finite never pass.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    experiment::Experiment,
    judge::{
        Comparison,
        verdict::{Farther, Outcome, Verdict},
    },
    run::{Phase, RunMode, StartKind},
    tensor::gap,
};
use std::path::Path;

const BASE: &str = r#"
    data = { kind = "xor", repeat = 2 }
    model.layers = [{ linear = { outputs = 8 } }, "relu", { linear = { outputs = 1 } }]
    training = { loss = "mse", optimizer = { sgd = { lr = 0.1 } }, steps = 4 }
"#;

/// [`BASE`] with these lines of `--set`, run and judged.
fn judged<'a>(sets: impl IntoIterator<Item = &'a str>) -> Verdict {
    let sets: Vec<String> = sets.into_iter().map(str::to_owned).collect();
    let experiment = Experiment::parse(BASE, "base.toml", Path::new(""), &sets).unwrap();
    common::compared(&experiment, Comparison::default()).0
}

/// What a fault multiplies a tensor by.
#[derive(Clone, Copy)]
enum Ratio {
    /// A function of the number N of elements in the batch's outputs.
    Of(fn(f64) -> f64),
    /// This, where the gradients of steps 0 and 1 are equal: the full batch, with steps so small (see [`SLOW`]) that
    /// the gradient does not change.
    OfEqualGradients(f64),
    /// It is no multiple.
    None,
}

/// A fault of the candidate.
struct Fault {
    name: &'static str,
    /// What both sides have instead of the base's.
    both: &'static [&'static str],
    /// What only the candidate has.
    candidate: &'static [&'static str],
    /// What the start has to show.
    start: Option<(StartKind, &'static str)>,
    /// Every phase that is to blame: step, tensor and ratio.
    blamed: &'static [(Phase, usize, &'static str, Ratio)],
}

/// Gradients change by lr·‖H‖·‖g‖ from step to step, where the Hessian's norm is below 10 and one tensor's gradient not
/// below a third of ‖g‖: by 3e-4.
const SLOW: &str = "training.optimizer.sgd.lr=1e-5";
const EQUAL_GRADIENTS: f64 = 1e-3;

const N: Ratio = Ratio::Of(|elements| elements);
const HALF_N: Ratio = Ratio::Of(|elements| elements / 2.0);

const fn fault(
    name: &'static str,
    both: &'static [&'static str],
    candidate: &'static [&'static str],
    blamed: &'static [(Phase, usize, &'static str, Ratio)],
) -> Fault {
    Fault { name, both, candidate, start: None, blamed }
}

const fn at_start(mut fault: Fault, kind: StartKind, tensor: &'static str) -> Fault {
    fault.start = Some((kind, tensor));
    fault
}

const FAULTS: &[Fault] = &[
    fault(
        "learning rate × 2",
        &[],
        &["training.optimizer.sgd.lr=0.2"],
        &[(Phase::Update, 0, "2.bias", Ratio::Of(|_| 2.0))],
    ),
    fault(
        "learning rate × (1 + 1e-4)",
        &[],
        &["training.optimizer.sgd.lr=0.10001"],
        &[(Phase::Update, 0, "2.bias", Ratio::Of(|_| 1.0001))],
    ),
    fault(
        "sum for mean",
        &[],
        &["training.loss=sum-squares"],
        &[(Phase::Loss, 0, "loss", N), (Phase::Backward, 0, "output_gradient", N), (Phase::Evaluation, 0, "loss", N)],
    ),
    fault(
        "half sum for mean",
        &[],
        &["training.loss=half-sum-squares"],
        &[
            (Phase::Loss, 0, "loss", HALF_N),
            (Phase::Backward, 0, "output_gradient", HALF_N),
            (Phase::Evaluation, 0, "loss", HALF_N),
        ],
    ),
    fault(
        "half sum for mean behind an equal loss",
        &["training.reported_loss=mse"],
        &["training.loss=half-sum-squares"],
        &[(Phase::Backward, 0, "output_gradient", HALF_N)],
    ),
    fault(
        "another reported loss, a multiple",
        &[],
        &["training.reported_loss=half-sum-squares"],
        &[(Phase::Loss, 0, "loss", HALF_N), (Phase::Evaluation, 0, "loss", HALF_N)],
    ),
    fault(
        "another reported loss",
        &[],
        &["training.reported_loss=delta-times-mse"],
        &[(Phase::Loss, 0, "loss", Ratio::None), (Phase::Evaluation, 0, "loss", Ratio::None)],
    ),
    at_start(
        fault(
            "last bias missing",
            &[],
            &["model.layer.2.linear.bias=false"],
            &[(Phase::Forward, 0, "output", Ratio::None), (Phase::Evaluation, 0, "output", Ratio::None)],
        ),
        StartKind::Missing,
        "2.bias",
    ),
    at_start(
        fault(
            "tanh for ReLU",
            &[],
            &["model.layers=[{ linear = { outputs = 8 } }, 'tanh', { linear = { outputs = 1 } }]"],
            &[
                (Phase::Forward, 0, "activation/1", Ratio::None),
                (Phase::Backward, 0, "activation_gradient/0", Ratio::None),
                (Phase::Evaluation, 0, "activation/1", Ratio::None),
            ],
        ),
        StartKind::Layer,
        "layer 1",
    ),
    at_start(fault("another seed of the weights", &[], &["seed=1"], &[]), StartKind::InitialValues, "0.weight"),
    at_start(fault("another init", &[], &["model.init=kaiming"], &[]), StartKind::InitialValues, "0.weight"),
    // At step 0 the buffer is the gradient with any momentum and dampening. With equal gradients it is 1.9·g at step 1.
    fault(
        "momentum 0.9 for 0",
        &["dtype=f64", SLOW],
        &["training.optimizer.sgd.momentum=0.9"],
        &[(Phase::Update, 1, "2.bias", Ratio::OfEqualGradients(1.9))],
    ),
    fault(
        "momentum 0 for 0.9",
        &["dtype=f64", SLOW, "training.optimizer.sgd.momentum=0.9"],
        &["training.optimizer.sgd.momentum=0"],
        &[(Phase::Update, 1, "2.bias", Ratio::OfEqualGradients(1.0 / 1.9))],
    ),
    fault(
        "dampening 0.5 for 0",
        &["dtype=f64", SLOW, "training.optimizer.sgd.momentum=0.9"],
        &["training.optimizer.sgd.dampening=0.5"],
        &[(Phase::Update, 1, "2.bias", Ratio::OfEqualGradients(1.4 / 1.9))],
    ),
    fault(
        "Nesterov's momentum for plain",
        &["training.optimizer.sgd.momentum=0.9"],
        &["training.optimizer.sgd.nesterov=true"],
        &[(Phase::Update, 0, "2.bias", Ratio::Of(|_| 1.9))],
    ),
];

#[test]
fn every_fault_is_found_where_it_can_first_show_with_the_ratio_of_its_formula() {
    // The full batch of 8 rows, and batches of 5 and 3.
    for (batch, elements) in [("training.batch_size=full", 8.0), ("training.batch_size=5", 5.0)] {
        for Fault { name, both, candidate, start, blamed } in FAULTS {
            let sets: Vec<String> = candidate.iter().map(|set| format!("candidate.{set}")).collect();
            let verdict = judged(both.iter().copied().chain([batch]).chain(sets.iter().map(String::as_str)));
            assert_eq!(verdict.verdict, Outcome::Mismatch, "{name}, {batch}");
            let found = verdict.start.first().map(|difference| (difference.kind, difference.tensor.as_str()));
            assert_eq!(found, *start, "{name}, {batch}");
            let first = verdict.first_divergence.unwrap();
            // Another layer is a difference of description: it is found where it shows in numbers.
            let at_start = start.filter(|(kind, _)| kind.is_of_numbers());
            let expected = at_start.map(|(_, tensor)| (Phase::Start, 0, tensor));
            let expected = expected.or(blamed.first().map(|&(phase, step, tensor, _)| (phase, step, tensor)));
            assert_eq!(Some((first.phase, first.step, first.tensor.as_str())), expected, "{name}, {batch}");

            let found: Vec<_> =
                verdict.phases.values().filter_map(|summary| summary.first_divergence.as_ref()).collect();
            let places: Vec<_> = found.iter().map(|at| (at.phase, at.step, at.tensor.as_str())).collect();
            let expected: Vec<_> = blamed.iter().map(|&(phase, step, tensor, _)| (phase, step, tensor)).collect();
            assert_eq!(places, expected, "{name}, {batch}");
            for (divergence, (.., ratio)) in found.iter().zip(*blamed) {
                assert_eq!(divergence.farther, Some(Farther::Candidate), "{name}, {batch}");
                let (expected, allowed) = match *ratio {
                    // Where found = r·exact + e, |⟨e, exact⟩|/‖exact‖² ≤ ‖e‖/‖exact‖. Rounding gives ‖e‖ at most
                    // r (or 1) times the bound, whose norm is the limit times the larger of ‖found‖ and ‖exact‖.
                    Ratio::Of(ratio) => (ratio(elements), ratio(elements).max(1.0).powi(2) * divergence.limit.unwrap()),
                    Ratio::OfEqualGradients(ratio) if elements == 8.0 => (ratio, EQUAL_GRADIENTS),
                    Ratio::OfEqualGradients(_) | Ratio::None => continue,
                };
                let found = divergence.ratio.unwrap();
                assert!((found - expected).abs() <= allowed, "{name}, {batch}: {found} for {expected} ± {allowed:.1e}");
            }
        }
    }
}

#[test]
fn what_both_sides_do_is_no_fault() {
    for batch in ["training.batch_size=full", "training.batch_size=5"] {
        for Fault { name, both, candidate, .. } in FAULTS {
            let verdict = judged(both.iter().chain(*candidate).copied().chain([batch]));
            assert_eq!(verdict.verdict, Outcome::Parity, "{name}, {batch}");
        }
    }
}

/// For N = 4 the half sum's gradient is twice the mean's, so half the learning rate makes the same updates: the free
/// run's weights stay together, and each of the faults is found all the same.
#[test]
fn two_faults_that_cancel_are_both_found() {
    let half_sum = ["candidate.training.loss=half-sum-squares", "candidate.training.optimizer.sgd.lr=0.3"];
    let base = ["data.repeat=1", "training.optimizer.sgd.lr=0.6", "training.reported_loss=mse"];
    let verdict = judged(base.into_iter().chain(half_sum));
    assert_eq!(verdict.verdict, Outcome::Mismatch);
    let ratios = verdict.phases.iter().filter_map(|(phase, summary)| {
        let divergence = summary.first_divergence.as_ref()?;
        Some((*phase, divergence.step, (1e4 * divergence.ratio?).round() / 1e4))
    });
    assert_eq!(ratios.collect::<Vec<_>>(), [(Phase::Backward, 0, 2.0), (Phase::Update, 0, 0.5)]);
    // Four steps of some 30 roundings each: 120·2⁻²⁴ = 7e-6.
    let apart = verdict.gaps[&RunMode::Free]["weights"].max.unwrap();
    assert!(apart <= 1e-5, "{apart}");
}

#[test]
fn numbers_that_are_not_finite_never_pass() {
    // The first update throws the weights out to 1e29; their product in the second layer leaves f32 at step 1.
    let verdict = judged(["candidate.training.optimizer.sgd.lr=1e30"]);
    assert_eq!(verdict.verdict, Outcome::Mismatch);
    let [found] = &verdict.non_finite[..] else { panic!("{:?}", verdict.non_finite) };
    assert_eq!(
        (found.mode, found.step, found.phase, found.tensor.as_str()),
        (RunMode::Free, 1, Phase::Forward, "output")
    );
    assert_eq!(found.side, Farther::Candidate);

    let verdict = judged(["training.optimizer.sgd.lr=1e30"]);
    assert_eq!(verdict.verdict, Outcome::Inconclusive);
    assert_eq!(verdict.first_divergence, None);
    let found = verdict.non_finite.first().unwrap();
    assert_eq!(
        (found.step, found.phase, found.tensor.as_str(), found.side),
        (1, Phase::Forward, "output", Farther::Both)
    );
}

#[test]
fn a_run_in_which_nothing_moves_proves_nothing() {
    for init in ["model.init=zeros", "model.init=pytorch"] {
        assert_eq!(judged([init, "training.optimizer.sgd.lr=0"]).verdict, Outcome::Inconclusive, "{init}");
    }
}

#[test]
fn a_gap_with_a_nan_is_nan_whatever_it_is_beside() {
    for other in [0.0, 1e-200, 1.0, f64::INFINITY, f64::NAN] {
        for found in [f64::NAN, f64::INFINITY] {
            assert!(gap(&[found], &[other]).is_nan() && gap(&[other, 1.0], &[found, 1.0]).is_nan(), "{found}, {other}");
        }
    }
}
