//! Every fault that can be typed is taken, made and found: one that is added half fails here.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use lockstep::{
    experiment::Experiment,
    judge::{Comparison, verdict::Outcome},
    training,
};
use std::path::Path;

/// Where every fault shows, beside one of [`OPTIMIZERS`]: rows of the first center are zeros to a ReLU behind biases of 0;
/// those of the second overflow e^x in the softmax. Batches of 8 leave rows over, and the rate is another at each step.
const EVERYTHING: &str = r#"
    dtype = "f64"
    reference.engine = "scratch"
    data = { kind = "blobs", rows = 30, centers = [[-9, -9, -9, -9], [2e4, 1e4, 1e4, 2e4], [1, 0, 2, 1]] }
    [model]
    init = "xavier-uniform"
    layers = [
        "relu", { linear = { outputs = 4 } }, "relu", "softmax", { linear = { outputs = 4 } }, "sigmoid",
        { linear = { outputs = 3 } },
    ]
    [training]
    loss = "cross-entropy"
    shuffle = true
    batch_size = 8
    steps = 6
    schedule = { exponential = { gamma = 0.9, every = "step" } }
"#;

const OPTIMIZERS: [&str; 3] = [
    "{ adamw = { lr = 0.01, weight_decay = 0.1 } }",
    "{ rmsprop = { lr = 0.01, momentum = 0.9 } }",
    "{ sgd = { lr = 0.1, momentum = 0.9 } }",
];

/// [`EVERYTHING`] with faults of the candidate.
fn with_faults(faults: &str, optimizer: &str) -> Result<Experiment, lockstep::Error> {
    let sets = [format!("training.optimizer={optimizer}"), format!("candidate.training.faults=[{faults}]")];
    Experiment::parse(EVERYTHING, "everything.toml", Path::new(""), &sets)
}

/// The first experiment that takes a fault has to show it; the errors of those that do not.
fn shown(fault: &str) -> Result<Outcome, Vec<String>> {
    let mut errors = Vec::new();
    for optimizer in OPTIMIZERS {
        match with_faults(fault, optimizer) {
            Ok(experiment) => return Ok(common::compared(&experiment, Comparison::default()).0.verdict),
            Err(error) => errors.push(error.to_string()),
        }
    }
    Err(errors)
}

#[test]
fn every_fault_that_can_be_typed_is_taken_and_found() {
    let mut missed = Vec::new();
    for (name, typed) in training::Fault::ALL {
        let found = shown(&typed.replace("2.weight", "1.weight").replace("SEED", "7"));
        if found != Ok(Outcome::Mismatch) {
            missed.push(format!("{name}: {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn where_every_fault_shows_none_is_parity() {
    for optimizer in OPTIMIZERS {
        let experiment = with_faults("", optimizer).unwrap();
        assert_eq!(common::compared(&experiment, Comparison::default()).0.verdict, Outcome::Parity, "{optimizer}");
    }
}
