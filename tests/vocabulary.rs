//! Every optimizer on every kind of network: a thousand synced steps at parity, in f32 and in f64. Weights, inputs and
//! learning rates are as people choose them, and many runs end where losses and gradients nearly vanish.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    experiment::Experiment,
    judge::{Comparison, verdict::Outcome},
    run::Mode,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{fmt::Write, fs, path::Path};

const OPTIMIZERS: [&str; 7] = [
    "{ sgd = { lr = 0.05 } }",
    "{ sgd = { lr = 0.02, momentum = 0.9, dampening = 0.1 } }",
    "{ sgd = { lr = 0.02, momentum = 0.9, nesterov = true, weight_decay = 0.01 } }",
    "'adam'",
    "{ adamw = { lr = 0.003 } }",
    "{ rmsprop = { lr = 0.001 } }",
    "{ rmsprop = { lr = 0.001, momentum = 0.9, centered = true, weight_decay = 0.001 } }",
];

const BLOBS: &str = "{ kind = 'blobs', rows = 96, centers = 3, columns = 6, spread = 1.0 }";

/// Trains these layers by every optimizer, in both types.
fn assert_parity(data: &str, layers: &str, folder: &Path) {
    for optimizer in OPTIMIZERS {
        for dtype in ["f32", "f64"] {
            let text = format!(
                "dtype = '{dtype}'\ndata = {data}\nmodel.layers = [{layers}]\n[training]\nloss = 'cross-entropy'\n\
                 optimizer = {optimizer}\nbatch_size = 20\nshuffle = true\nsteps = 1000\n"
            );
            let experiment = Experiment::parse(&text, "vocabulary.toml", folder, &[]).unwrap();
            let verdict = common::compared(&experiment, Comparison { mode: Mode::Sync, ..Comparison::default() }).0;
            let (outcome, first) = (verdict.verdict, verdict.first_divergence);
            assert_eq!(
                outcome,
                Outcome::Parity,
                "{layers}, {optimizer}, {dtype}: {first:?}, {:?}",
                verdict.not_checked
            );
        }
    }
}

/// Two hidden layers, each with these after it.
fn assert_parity_of_hidden(after: &str) {
    let hidden = [16, 10].map(|width| format!("{{ linear = {{ outputs = {width} }} }}, {after}, ")).concat();
    assert_parity(BLOBS, &format!("{hidden}{{ linear = {{ outputs = 3 }} }}"), Path::new(""));
}

#[test]
fn relu_is_at_parity_under_every_optimizer() {
    assert_parity_of_hidden("'relu'");
}

#[test]
fn tanh_is_at_parity_under_every_optimizer() {
    assert_parity_of_hidden("'tanh'");
}

#[test]
fn layer_norm_and_gelu_are_at_parity_under_every_optimizer() {
    assert_parity_of_hidden("'layer-norm', 'gelu'");
}

/// The biases before a batch norm have a gradient of 0 in exact arithmetic, and are not judged.
#[test]
fn batch_norm_is_at_parity_under_every_optimizer() {
    assert_parity_of_hidden("'batch-norm', 'relu'");
}

#[test]
fn silu_and_dropout_are_at_parity_under_every_optimizer() {
    assert_parity_of_hidden("'silu', { dropout = { p = 0.3 } }");
}

#[test]
fn an_embedding_bag_is_at_parity_under_every_optimizer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.tsv");
    fs::write(&path, texts()).unwrap();
    let data = format!(
        "{{ kind = 'text', path = '{}', tokens = 'words', rows = {{ words = {{ first = 6 }} }} }}",
        path.display()
    );
    let layers = "{ embedding-bag = { words = 60, columns = 8 } }, { linear = { outputs = 3 } }";
    assert_parity(&data, layers, folder.path());
}

/// 96 lines of 3 to 8 words of 48, with three labels; seven words of ten are of the label's own third.
fn texts() -> String {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut lines = String::new();
    for line in 0..96 {
        let label = line % 3;
        let word = |random: &mut ChaCha8Rng| {
            let own = random.random::<f64>() < 0.7;
            let number = if own { 16 * label + random.random_range(0..16) } else { random.random_range(0..48) };
            format!("word{number}")
        };
        let words: Vec<String> = (0..random.random_range(3..=8)).map(|_| word(&mut random)).collect();
        writeln!(lines, "{}\tlabel{label}", words.join(" ")).unwrap();
    }
    lines
}
