//! What a verdict may not leave out: tensors that rounding hides, weights without an effect, rows that round alike,
//! training that leaves one type's range first.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    altered::{Altered, Change, Passing},
    judged,
};
use lockstep::{
    engine::Engine,
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Farther, Outcome, Phase, Verdict},
    },
    run::{Role, build},
    tensor::DType,
};
use std::{fs, path::Path, rc::Rc};

fn run(text: &str, sets: &[&str]) -> Verdict {
    judged(text, Path::new(""), sets, Comparison::default()).0
}

/// Everybody's first network with a batch norm. Adam makes full steps of the rounding of a gradient that is 0.
const BEFORE_BATCH_NORM: &str = "
    data = { kind = 'moons', rows = 200 }
    model.layers = [{ linear = { outputs = 16 } }, 'batch-norm', 'relu', { linear = { outputs = 2 } }]
    training = { loss = 'cross-entropy', optimizer = { adam = { lr = 0.01 } }, batch_size = 50, shuffle = true, steps = 150 }
";

#[test]
fn a_bias_before_a_batch_norm_is_without_effect_makes_no_horizon_and_hides_no_power() {
    // A penalty moves the bias, and it still has no effect.
    for set in ["seed=0", "training.penalty={ l2 = { factor = 1e-4 } }"] {
        let verdict = run(BEFORE_BATCH_NORM, &[set]);
        assert_eq!(verdict.verdict, Outcome::Parity, "{set}: {:?}", verdict.first_divergence);
        assert_eq!((verdict.without_effect.as_slice(), verdict.horizon), (&["0.bias".to_owned()][..], None), "{set}");
        assert!(verdict.never_judged.is_empty(), "{:?}", verdict.never_judged);
        for phase in [Phase::Backward, Phase::Update] {
            let least = verdict.phases[&phase].detectable.unwrap();
            assert!(least < 1e-3, "{set}, {}: {least}", phase.name());
        }
    }
}

#[test]
fn a_tensor_that_rounding_hides_at_every_step_is_no_parity_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    // Deviations of 1 on top of 10⁶: a row's variance is lost in f32, and so is what a layer norm makes of it.
    let row = |row: usize| {
        let column = |column: usize| format!("{}", 1e6 + ((row * 7 + column * 3) % 5) as f64 / 16.0);
        format!("{},{}", (0..4).map(column).collect::<Vec<_>>().join(","), row % 3)
    };
    let rows: Vec<String> = (0..32).map(row).collect();
    fs::write(folder.path().join("far.csv"), format!("a,b,c,d,y\n{}\n", rows.join("\n"))).unwrap();
    let text = "
        data = { kind = 'csv', path = 'far.csv', targets = ['y'] }
        model.layers = ['layer-norm', { linear = { outputs = 1 } }]
        training = { loss = 'mse', optimizer = { sgd = { lr = 0.01 } }, batch_size = 16, steps = 20 }
    ";
    let verdict = judged(text, folder.path(), &[], Comparison::default()).0;
    assert_eq!(verdict.verdict, Outcome::Inconclusive, "{:?}", verdict.first_divergence);
    assert!(verdict.never_judged.contains(&"forward of activation/0".to_owned()), "{:?}", verdict.never_judged);
    let said = lockstep::report::words::headline(&verdict);
    assert!(said.contains("forward of activation/0") && said.contains("could be judged at no step"), "{said}");
    // f64 has digits enough.
    let verdict = judged(text, folder.path(), &["dtype=f64"], Comparison::default()).0;
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.never_judged);
}

/// Five rows, repeated: equal terms round alike, and errors add up like n.
const REPEATED: &str = "
    data = { kind = 'blobs', rows = 2000, centers = 5, spread = 0, seed = 1 }
    model.layers = [{ linear = { outputs = 8 } }, 'tanh', { linear = { outputs = 5 } }]
    training = { loss = 'cross-entropy', optimizer = { sgd = { lr = 0.05 } }, steps = 20 }
";

#[test]
fn rows_that_round_alike_are_no_mismatch_and_a_small_fault_in_them_is() {
    for seed in 0..4 {
        let verdict = run(REPEATED, &[&format!("seed={seed}")]);
        assert_eq!(verdict.verdict, Outcome::Parity, "seed {seed}: {:?}", verdict.first_divergence);
    }
    // 2000 roundings of f32, all in one direction, are 1.2e-4 of a sum.
    let change: Change = Rc::new(|_, passing, _, values: &mut [f64]| {
        if passing == Passing::Gradient(1) {
            values.iter_mut().for_each(|value| *value *= 1.0 + 3e-4);
        }
    });
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let engine = build(side, rows)?;
        Ok(match role {
            Role::Candidate => Box::new(Altered::new(engine, side.model.layers.len(), change.clone())),
            Role::Reference | Role::Referee => engine,
        })
    };
    let verdict = judged(REPEATED, Path::new(""), &[], Comparison { engines: &engines, ..Comparison::default() }).0;
    let first = verdict.first_divergence.unwrap();
    assert_eq!((first.phase, first.step, first.tensor.as_str()), (Phase::Backward, 0, "0.bias"));
}

#[test]
fn training_that_leaves_one_types_range_first_is_inconclusive() {
    let text = "
        data = { kind = 'regression', rows = 32, inputs = 4, outputs = 2 }
        model.layers = [{ linear = { outputs = 2 } }]
        training = { loss = 'mse', optimizer = { sgd = { lr = 50 } }, steps = 40 }
    ";
    for (set, side) in [("reference.dtype=f64", Farther::Candidate), ("candidate.dtype=f64", Farther::Reference)] {
        let verdict = run(text, &[set]);
        assert_eq!(verdict.verdict, Outcome::Inconclusive, "{set}: {:?}", verdict.first_divergence);
        let found = &verdict.non_finite[0];
        assert_eq!((found.side, found.overflow), (side, Some(DType::F32)), "{set}");
    }
    // What does not diverge has no such excuse.
    let change: Change = Rc::new(|step, passing, _, values: &mut [f64]| {
        if step == 3 && passing == Passing::Loss {
            values[0] = f64::INFINITY;
        }
    });
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let engine = build(side, rows)?;
        Ok(match role {
            Role::Candidate => Box::new(Altered::new(engine, side.model.layers.len(), change.clone())),
            Role::Reference | Role::Referee => engine,
        })
    };
    let comparison = Comparison { engines: &engines, ..Comparison::default() };
    let verdict = judged(text, Path::new(""), &["training.optimizer.sgd.lr=0.01"], comparison).0;
    assert_eq!((verdict.verdict, verdict.non_finite[0].overflow), (Outcome::Mismatch, None));
}

#[test]
fn a_clip_that_no_norm_reaches_changes_nothing_in_either_type() {
    for dtype in ["f32", "f64"] {
        for clip in ["{ norm = 1e300 }", "{ value = 1e300 }"] {
            let sets = [&*format!("dtype={dtype}"), &*format!("training.clip={clip}")];
            let verdict = run(BEFORE_BATCH_NORM, &sets);
            assert_eq!(verdict.verdict, Outcome::Parity, "{dtype} {clip}: {:?}", verdict.not_checked);
        }
    }
}

/// 108,042 weights, of which no twin trains beside: the candidate's warm-up is twice as long.
#[test]
fn a_warm_up_twice_as_long_is_found_at_the_step_that_has_it_at_any_size() {
    for units in [20, 512] {
        let text = format!(
            "data = {{ kind = 'regression', rows = 256, inputs = 200, outputs = 10 }}
             model.layers = [{{ linear = {{ outputs = {units} }} }}, 'relu', {{ linear = {{ outputs = 10 }} }}]
             [training]
             loss = 'mse'
             optimizer = {{ adam = {{ lr = 1e-3 }} }}
             schedule = {{ warm-up = {{ start = 0.1, length = 30, every = 'step' }} }}
             batch_size = 64
             steps = 40"
        );
        let verdict = run(&text, &["candidate.training.schedule.warm-up.length=60"]);
        let first = verdict.first_divergence.unwrap();
        assert_eq!((verdict.verdict, first.phase, first.step), (Outcome::Mismatch, Phase::Update, 1), "{units}");
        assert_eq!(run(&text, &[]).verdict, Outcome::Parity, "{units}");
    }
}
