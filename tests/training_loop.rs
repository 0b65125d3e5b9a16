//! The training loop as PyTorch users know it: batches in order and shuffled, looks at held-out rows, early stopping, and
//! what is wrong with the rows of one side. Both sides are the engine from scratch.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::judged;
use lockstep::{
    experiment::Experiment,
    judge::{
        Comparison,
        verdict::{Outcome, Phase, Verdict},
    },
    run::{Checkpoints, Lockstep, Mode, Observer, StepEvent},
    training::Every,
};
use std::{ops::ControlFlow, path::Path, sync::atomic::AtomicBool};

const BASE: &str = r#"
    data = { kind = "blobs", rows = 50, centers = 3, columns = 4, validation_rows = 20, test_rows = 30 }
    model.layers = [{ linear = { outputs = 8 } }, "tanh", { linear = { outputs = 3 } }]
    training = { loss = "cross-entropy", optimizer = { sgd = { lr = 0.2 } }, batch_size = 16, epochs = 4 }
"#;

fn verdict(sets: &[&str]) -> Verdict {
    judged(BASE, Path::new(""), sets, Comparison::default()).0
}

/// Rows of the batches of a run, and the first input of each.
fn batches(sets: &[&str]) -> Vec<(usize, Vec<f64>)> {
    struct Seen(Vec<(usize, Vec<f64>)>);
    impl Observer for Seen {
        fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
            let mut inputs = Vec::new();
            event.batch.inputs.widen_into(&mut inputs);
            self.0.push((event.batch.rows(), inputs.into_iter().step_by(4).collect()));
            ControlFlow::Continue(())
        }
    }
    let mut seen = Seen(Vec::new());
    run(sets, &mut seen);
    seen.0
}

fn run(sets: &[&str], observer: &mut dyn Observer) -> lockstep::run::Ended {
    let sets: Vec<String> = ["reference.engine=scratch"].iter().chain(sets).map(|&set| set.to_owned()).collect();
    let experiment = Experiment::parse(BASE, "loop.toml", Path::new(""), &sets).unwrap();
    let mut lockstep = Lockstep::new(&experiment, Mode::Both).unwrap();
    lockstep.run(lockstep.steps, None, &AtomicBool::new(false), &mut [observer]).unwrap()
}

#[test]
fn the_last_batch_is_kept_dropped_or_spread_over_the_others_as_asked() {
    let rows = |last: &str| batches(&[last]).iter().map(|(rows, _)| *rows).collect::<Vec<_>>();
    assert_eq!(rows("training.last_batch=keep"), [16, 16, 16, 2].repeat(4));
    assert_eq!(rows("training.last_batch=drop"), [16, 16, 16].repeat(4));
    assert_eq!(rows("training.last_batch=split"), [17, 17, 16].repeat(4));
}

#[test]
fn every_epoch_is_shuffled_anew_or_all_alike_and_has_every_row_once() {
    let epochs = |shuffle: &str| -> Vec<Vec<f64>> {
        let batches = batches(&[shuffle]);
        batches.chunks(4).map(|epoch| epoch.iter().flat_map(|(_, first)| first.clone()).collect()).collect()
    };
    let sorted = |mut epoch: Vec<f64>| {
        epoch.sort_by(f64::total_cmp);
        epoch
    };
    let plain = epochs("training.shuffle=false");
    let (anew, once) = (epochs("training.shuffle=true"), epochs("training.shuffle=once"));
    assert!(anew[0] != anew[1] && once[0] == once[1] && once[0] != plain[0]);
    for epoch in anew.into_iter().chain(once) {
        assert_eq!(sorted(epoch), sorted(plain[0].clone()));
    }
}

#[test]
fn shuffled_training_with_looks_at_held_out_rows_is_parity_and_both_sides_score_alike() {
    let verdict = verdict(&["training.shuffle=true", "training.validation=3"]);
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
    let steps: Vec<usize> = verdict.evaluations.iter().map(|evaluated| evaluated.steps).collect();
    assert_eq!(steps, [3, 6, 9, 12, 15, 16, 16]);
    let test = verdict.evaluations.last().unwrap();
    assert_eq!((test.part.as_str(), test.reference.rows), ("test", 30));
    for evaluated in &verdict.evaluations {
        for (mode, scores) in &evaluated.candidates {
            assert_eq!(scores.confusion, evaluated.reference.confusion, "{mode}");
            // The free run is some roundings away after 16 steps; a loss is of order 1.
            assert!((scores.loss.unwrap() - evaluated.reference.loss.unwrap()).abs() < 1e-4, "{mode}");
        }
    }
    let confusion = test.reference.confusion.as_ref().unwrap();
    let right: usize = (0..3).map(|class| confusion[class][class]).sum();
    assert_eq!(confusion.iter().flatten().sum::<usize>(), 30);
    assert_eq!(test.reference.accuracy, Some(right as f64 / 30.0));
}

#[test]
fn early_stopping_ends_both_sides_with_the_reference_and_gives_back_its_best_weights() {
    // So large a rate that the loss soon rises and falls.
    let sets = ["training.optimizer.sgd.lr=6", "training.epochs=100", "training.validation=1"];
    let rule = "training.early_stopping={ patience = 3 }";
    let found = verdict(&[&sets[..], &[rule]].concat());
    let stopping = found.stopping.clone().unwrap();
    let (stopped, best) = (stopping.stopped.unwrap(), stopping.best.unwrap());
    assert_eq!((found.steps, stopped - best), (stopped, 3));
    let looked = |steps| found.evaluations.iter().find(|e| e.part == "validation" && e.steps == steps).unwrap();
    let losses = |from, to| (from..=to).map(|steps| looked(steps).reference.loss.unwrap());
    assert!(losses(best + 1, stopped).all(|loss| loss >= looked(best).reference.loss.unwrap()));
    // What the test rows are looked at with in the end is the best look's weights: a run of that length ends there.
    let steps = format!("training.steps={best}");
    let short = verdict(&[&sets[..1], &[&steps]].concat());
    let test = |verdict: &Verdict| verdict.evaluations.last().unwrap().reference.clone();
    assert_eq!(test(&found), test(&short));
    // More than two without a best is three.
    let exceeded = verdict(&[&sets[..], &["training.early_stopping={ patience = 2, rule = '>' }"]].concat());
    assert_eq!(exceeded.stopping.unwrap(), stopping);
}

#[test]
fn a_checkpoint_is_what_a_run_goes_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = Checkpoints::new(folder.path().to_owned(), Every::Epoch, 4);
    run(&[], &mut checkpoints);
    assert!(checkpoints.failed.is_none());
    let file = folder.path().join("step-4/reference.npz");
    let init = format!("model.init={{ file = '{}' }}", file.display());
    let losses = |sets: &[&str]| judged(BASE, Path::new(""), sets, Comparison::default()).1.reference_loss;
    let (whole, rest) = (losses(&["training.epochs=2"]), losses(&[&init, "training.epochs=1"]));
    assert_eq!(whole[4..], rest);
}

#[test]
fn what_is_wrong_with_the_rows_of_one_side_is_found_in_the_batch_at_the_first_step_that_shows_it() {
    let first = |fault: &str| {
        let set = format!("candidate.training.faults=[{fault}]");
        let verdict = verdict(&["training.shuffle=true", &set]);
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{fault}");
        let first = verdict.first_divergence.unwrap();
        assert!(verdict.phases.iter().all(|(phase, found)| *phase == Phase::Batch || found.first_divergence.is_none()));
        (first.phase, first.step, first.tensor)
    };
    let batch = |step, tensor: &str| (Phase::Batch, step, tensor.to_owned());
    assert_eq!(first("'labels-permuted'"), batch(0, "targets"));
    assert_eq!(first("{ inputs-scaled = 2 }"), batch(0, "inputs"));
    assert_eq!(first("{ order = 9 }"), batch(0, "inputs"));
    assert_eq!(first("'last-batch-dropped'"), batch(3, "inputs"));
}

#[test]
fn a_running_mean_or_a_loss_after_the_update_on_one_side_alone_is_a_mismatch_of_the_loss_and_on_both_none() {
    for option in ["running_mean = true", "after_update = true"] {
        let reported = format!("training.reported_loss={{ loss = 'cross-entropy', {option} }}");
        let alone = verdict(&[&format!("candidate.{reported}")]);
        let first = alone.first_divergence.unwrap();
        assert_eq!((alone.verdict, first.phase), (Outcome::Mismatch, Phase::Loss), "{option}");
        assert_eq!(first.step, usize::from(option.starts_with("running")), "{option}");
        let both = verdict(&[&reported]);
        assert_eq!(both.verdict, Outcome::Parity, "{option}: {:?}", both.first_divergence);
    }
}
