//! Models whose phases are not replayed at every compared step: a fault that begins between two replays is found at its
//! own step all the same, and the verdict says what was not replayed.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    altered::{Altered, Passing},
    judged,
    own::{Kink, Own},
};
use lockstep::{
    engine::Engine,
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Outcome, Verdict},
    },
    report::words::noise_words,
    run::{Phase, Role, RunMode, build},
};
use std::{path::Path, rc::Rc};

/// 64·256 + 256·10 multiply-adds a row, of which 8 rows make more than 2¹⁷; five batches an epoch, the last of 6 rows.
const LARGE: &str = r#"
    data = { kind = "regression", rows = 38, inputs = 64, outputs = 10 }
    model.layers = [{ linear = { outputs = 256 } }, "relu", { linear = { outputs = 10 } }]
    training = { loss = "mse", optimizer = { sgd = { lr = 0.05 } }, batch_size = 8, steps = 60 }
"#;

/// An engine of its own against the scratch engine; `factor` is what its gradient of 0.weight is multiplied by at a
/// step, and by what its weight's update is.
fn run(factor: impl Fn(usize) -> f64 + 'static) -> Verdict {
    let factor = Rc::new(factor);
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        if role != Role::Candidate {
            return build(side, rows);
        }
        let factor = factor.clone();
        let change = move |step, passing, _, values: &mut [f64]| {
            if passing == Passing::Gradient(0) {
                values.iter_mut().for_each(|value| *value *= factor(step));
            }
        };
        let inner = Box::new(Own::new(side, Kink::Off));
        Ok(Box::new(Altered::new(inner, side.model.layers.len(), Rc::new(change))))
    };
    judged(LARGE, Path::new(""), &[], Comparison { engines: &engines, ..Comparison::default() }).0
}

#[test]
fn what_is_not_replayed_is_said_and_no_mismatch() {
    let verdict = run(|_| 1.0);
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
    assert_eq!((verdict.watched, verdict.replayed), (60, verdict.phases[&Phase::Backward].compared));
    assert!((8..60).contains(&verdict.replayed), "{}", verdict.replayed);
    let said = format!("steps: replayed at {}, watched at all 60", verdict.replayed);
    assert!(noise_words(&verdict).iter().any(|words| words.starts_with(&said)), "{:?}", noise_words(&verdict));
}

#[test]
fn a_fault_that_begins_between_two_replays_is_found_where_it_begins() {
    // Steps 8, 17, 26… have their turn: step 21 has not.
    let verdict = run(|step| if step >= 21 { 1.01 } else { 1.0 });
    let first = verdict.first_divergence.unwrap();
    assert_eq!(
        (verdict.verdict, first.mode, first.phase, first.step, first.tensor.as_str()),
        (Outcome::Mismatch, RunMode::Sync, Phase::Backward, 21, "0.weight")
    );
}

#[test]
fn a_fault_of_one_batch_of_an_epoch_has_its_turn() {
    // Too small to stand out, and only on the fourth of five batches. Every batch comes to its turn within 5·9 steps.
    let verdict = run(|step| if step % 5 == 3 && step > 8 { 1.0 + 3e-5 } else { 1.0 });
    let first = verdict.first_divergence.unwrap();
    assert_eq!((verdict.verdict, first.phase, first.tensor.as_str()), (Outcome::Mismatch, Phase::Backward, "0.weight"));
    assert!(first.step < 8 + 5 * 9, "{}", first.step);
}
