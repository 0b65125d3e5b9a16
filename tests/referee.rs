//! The referee: where the reference's own library in f64 does not follow the replay's formulas, it is a difference of
//! definition. What the sides agree on is then no mismatch, and where they differ no side is called off.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::judged;
use lockstep::{
    engine::{
        Engine,
        faulty::{Fault, Faulty},
    },
    error::Result,
    experiment::{EngineKind, Side},
    judge::{
        Comparison,
        verdict::{Farther, Outcome, Verdict},
    },
    run::{Phase, Role, RunMode, build},
};
use std::path::Path;

const BASE: &str = r#"
    data = { kind = "regression", rows = 12, inputs = 3, outputs = 2 }
    model.layers = [{ linear = { outputs = 4 } }, "tanh", { linear = { outputs = 2 } }]
    training = { loss = "mse", optimizer = { sgd = { lr = 0.05 } }, steps = 12 }
"#;

/// The roles in `others` have gradients twice as large as the replay's formulas say.
fn run(others: &'static [Role]) -> Verdict {
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let engine = build(&Side { engine: EngineKind::Scratch, ..side.clone() }, rows)?;
        Ok(match others.contains(&role) {
            true => Box::new(Faulty::new(engine, &side.training, Fault::GradientTimes(2.0))),
            false => engine,
        })
    };
    judged(BASE, Path::new(""), &[], Comparison { engines: &engines, ..Comparison::default() }).0
}

#[test]
fn a_definition_that_both_sides_and_the_referee_share_is_no_mismatch() {
    let verdict = run(&[Role::Reference, Role::Candidate, Role::Referee]);
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
    let differs = verdict.noise.referee.unwrap().differs;
    assert_eq!(differs, ["grad/0.weight", "grad/0.bias", "grad/2.weight", "grad/2.bias"]);
}

#[test]
fn where_definitions_differ_no_side_is_called_off() {
    let first = run(&[Role::Reference, Role::Referee]).first_divergence.unwrap();
    assert_eq!(
        (first.mode, first.phase, first.step, first.tensor.as_str(), first.farther),
        (RunMode::Sync, Phase::Backward, 0, "2.bias", None)
    );
}

#[test]
fn a_side_that_the_referee_does_not_follow_is_called_off() {
    for (faulty, farther) in [(Role::Reference, Farther::Reference), (Role::Candidate, Farther::Candidate)] {
        let others: &'static [Role] = if faulty == Role::Reference { &[Role::Reference] } else { &[Role::Candidate] };
        let verdict = run(others);
        let first = verdict.first_divergence.unwrap();
        assert_eq!((first.phase, first.step, first.farther), (Phase::Backward, 0, Some(farther)));
        assert!(verdict.noise.referee.unwrap().differs.is_empty());
    }
}
