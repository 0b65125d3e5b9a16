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

/// Where every fault shows, beside one of [`BESIDE`]: rows of the first center are zeros to a ReLU behind biases of 0;
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

const BESIDE: [&[&str]; 6] = [
    &["training.optimizer={ adamw = { lr = 0.01, weight_decay = 0.1 } }"],
    &["training.optimizer={ rmsprop = { lr = 0.01, momentum = 0.9 } }"],
    &["training.optimizer={ sgd = { lr = 0.1, momentum = 0.9 } }"],
    &["training.optimizer={ sgd = { lr = 0.1, momentum = 0.9, dampening = 0.5 } }", "training.clip={ norm = 0.01 }"],
    &[
        "data.centers=[[-1, 0, 1, 2], [2, 1, 0, 0], [1, 0, 2, 1]]",
        "model.layers=[{ linear = { outputs = 4 } }, 'tanh', 'layer-norm', { linear = { outputs = 3 } }]",
        "training.optimizer='adam'",
    ],
    &[
        "data={ kind = 'line', rows = 30, slope = 2, intercept = 1, noise = 0.1 }",
        "model.layers=[{ linear = { outputs = 1 } }]",
        "training.loss='mse'",
        "training.optimizer='adam'",
    ],
];

/// [`EVERYTHING`] with faults of the candidate.
fn with_faults(faults: &str, beside: &[&str]) -> Result<Experiment, lockstep::Error> {
    let sets = beside.iter().map(|set| (*set).to_owned()).chain([format!("candidate.training.faults=[{faults}]")]);
    Experiment::parse(EVERYTHING, "everything.toml", Path::new(""), &sets.collect::<Vec<_>>())
}

/// A word twice in a batch, for what an embedding does with it.
fn of_words(fault: &str) -> Result<Experiment, lockstep::Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words.tsv"), "one one two\ta\ntwo one one\tb\nthree two one\ta\n").unwrap();
    let sets = [
        "data={ kind = 'text', path = 'words.tsv', rows = { words = { first = 3 } } }".to_owned(),
        "model.layers=[{ embedding = { words = 5, columns = 2 } }, 'flatten', { linear = { outputs = 2 } }]".to_owned(),
        "training.optimizer='adam'".to_owned(),
        "training.batch_size='full'".to_owned(),
        format!("candidate.training.faults=[{fault}]"),
    ];
    Experiment::parse(EVERYTHING, "everything.toml", folder.path(), &sets)
}

/// The first experiment that takes a fault has to show it; the errors of those that do not.
fn shown(fault: &str) -> Result<Outcome, Vec<String>> {
    let mut errors = Vec::new();
    for experiment in BESIDE.iter().map(|beside| with_faults(fault, beside)).chain([of_words(fault)]) {
        match experiment {
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
        // Layer 5 of these is a sigmoid behind a linear layer.
        let typed = typed.replace("2.weight", "1.weight").replace("SEED", "7");
        let found =
            shown(&typed.replace("no-gradient = 1", "no-gradient = 4").replace("forgotten = 1", "forgotten = 5"));
        if found != Ok(Outcome::Mismatch) {
            missed.push(format!("{name}: {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn where_every_fault_shows_none_is_parity() {
    for beside in BESIDE {
        let experiment = with_faults("", beside).unwrap();
        assert_eq!(common::compared(&experiment, Comparison::default()).0.verdict, Outcome::Parity, "{beside:?}");
    }
    assert_eq!(common::compared(&of_words("").unwrap(), Comparison::default()).0.verdict, Outcome::Parity);
}

/// The engine of the judge's formulas is at parity with the others, whose formulas are written apart from them.
#[test]
fn the_exact_engine_trains_as_the_others_do() {
    for beside in BESIDE {
        for dtype in ["f64", "f32"] {
            let sets: Vec<String> = beside.iter().map(|set| (*set).to_owned()).collect();
            let more = ["candidate.engine=exact".to_owned(), format!("dtype={dtype}")];
            let experiment =
                Experiment::parse(EVERYTHING, "x.toml", Path::new(""), &[sets, more.to_vec()].concat()).unwrap();
            let verdict = common::compared(&experiment, Comparison::default()).0;
            assert_eq!(verdict.verdict, Outcome::Parity, "{beside:?}, {dtype}: {:?}", verdict.first_divergence);
        }
    }
}
