//! Sides whose batches have different sizes: every batch is judged on its own rows, and the weights where both sides have
//! seen the same ones.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::judged;
use lockstep::{
    error::Error,
    experiment::Experiment,
    judge::{
        Comparison,
        verdict::{Mode, Outcome, Phase, Verdict},
    },
    run::Lockstep,
};
use std::path::Path;

/// 22 rows: batches of 8 leave 6 over, which are batches of 4 and of 2.
const TEXT: &str = r#"
    data = { kind = "blobs", rows = 22, centers = 3, columns = 4 }
    model.layers = [{ linear = { outputs = 6 } }, "relu", { linear = { outputs = 5 } }, "tanh", { linear = { outputs = 3 } }]
    [training]
    loss = "cross-entropy"
    optimizer = { sgd = { lr = 0.1, momentum = 0.9 } }
    batch_size = 8
    shuffle = true
    epochs = 12
"#;

fn found(sets: &[&str]) -> Verdict {
    judged(TEXT, Path::new(""), sets, Comparison::default()).0
}

fn told(verdict: &Verdict) -> String {
    format!("{:?} {:?} {:?}", verdict.verdict, verdict.first_divergence, verdict.not_checked)
}

#[test]
fn gradients_gathered_over_halves_of_a_batch_make_the_step_of_the_whole_batch() {
    // 16 rows, so that every update has as many rows on both sides.
    for (seed, dtype) in [(1, "f32"), (2, "f64"), (3, "f32")] {
        for optimizer in ["sgd={ lr = 0.1, momentum = 0.9 }", "adam={ lr = 0.01 }"] {
            for (whole, halves) in [("reference", "candidate"), ("candidate", "reference")] {
                let sets = [
                    format!("seed={seed}"),
                    format!("dtype={dtype}"),
                    "data.rows=16".to_owned(),
                    format!("training.optimizer.{optimizer}"),
                    format!("{whole}.training.batch_size=8"),
                    format!("{halves}.training.batch_size=4"),
                    format!("{halves}.training.accumulate=2"),
                ];
                let verdict = found(&sets.iter().map(String::as_str).collect::<Vec<_>>());
                assert_eq!(verdict.verdict, Outcome::Parity, "{sets:?} {}", told(&verdict));
                assert_eq!(verdict.steps, 24);
                assert_eq!(verdict.phases[&Phase::Backward].compared, 24);
                assert!(verdict.noise.drift.unwrap().compared > 8);
                let [one, other] = [verdict.losses.reference[0], verdict.losses.candidate[0]].map(Option::unwrap);
                assert!((one - other).abs() < 1e-6 * one, "the mean over rows: {one} {other}");
            }
        }
    }
}

#[test]
fn a_sum_of_gradients_for_their_mean_and_an_update_for_every_part_are_other_steps() {
    for sets in [
        &["candidate.training.batch_size=4", "candidate.training.accumulate={ batches = 2, mean = false }"][..],
        &["candidate.training.batch_size=4"],
        &["candidate.training.batch_size=1"],
        &["training.batch_size=4", "candidate.training.batch_size=\"full\""],
    ] {
        let verdict = found(sets);
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{sets:?} {}", told(&verdict));
        let first = verdict.first_divergence.as_ref().unwrap();
        assert!(first.is_drift() && first.step == 0, "{sets:?} {}", told(&verdict));
        assert!(verdict.phases.values().all(|phase| phase.first_divergence.is_none()), "{sets:?} {}", told(&verdict));
    }
}

#[test]
fn a_mistake_in_a_phase_is_found_in_that_phase_in_any_part() {
    let own = ["candidate.training.batch_size=4", "candidate.training.accumulate=2"];
    for (fault, phase) in [
        ("faults=[\"gradients-not-zeroed\"]", Phase::Backward),
        ("loss.cross-entropy.label_smoothing=0.1", Phase::Loss),
        ("optimizer.sgd.momentum=0.8", Phase::Update),
    ] {
        let verdict = found(&[&own[..], &[&format!("candidate.training.{fault}")]].concat());
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{fault} {}", told(&verdict));
        let first = verdict.first_divergence.as_ref().unwrap();
        assert_eq!((first.phase, first.reference), (phase, None), "{fault} {}", told(&verdict));
        assert!(first.step < 2 && first.candidate.is_some(), "{fault} {}", told(&verdict));
    }
}

#[test]
fn what_rounding_does_to_whole_steps_must_be_known() {
    let halves = ["candidate.training.batch_size=4", "candidate.training.accumulate=2", "data.rows=16"];
    let verdict = found(&[&halves[..], &["noise.twins=0"]].concat());
    assert_eq!(verdict.verdict, Outcome::Inconclusive, "{}", told(&verdict));
    assert!(verdict.not_checked.iter().any(|text| text.contains("different sizes")), "{}", told(&verdict));
    let sets = ["reference.engine=scratch"].iter().chain(&halves).map(|&set| set.to_owned()).collect::<Vec<_>>();
    let experiment = Experiment::parse(TEXT, "test.toml", Path::new(""), &sets).unwrap();
    let refused = Lockstep::new(&experiment, Mode::Sync).err();
    assert!(matches!(refused, Some(Error::Usage(why)) if why.contains("--mode free")));
}

#[test]
fn sizes_with_which_the_sides_never_see_the_same_rows_are_refused() {
    for (sets, expected) in [
        (&["candidate.training.batch_size=3"][..], "batches of 3 rows do not make up one of 8"),
        (&["candidate.training.batch_size=4", "training.last_batch=\"drop\""], "leave other rows of 22 over"),
        (
            &[
                "candidate.training.batch_size=4",
                "model.layers=[{ dropout = { p = 0.5 } }, { linear = { outputs = 3 } }]",
            ],
            "dropout draws anew",
        ),
        (&["candidate.training.batch_size=4", "candidate.training.faults=[\"labels-permuted\"]"], "batch with batch"),
    ] {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let error = Experiment::parse(TEXT, "test.toml", Path::new(""), &sets).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
