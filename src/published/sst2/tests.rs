//! The logic of the study on small data, without libtorch.

use super::{counts, printed, runs, stopping, sweeps};
use crate::{
    data::set::Which,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, Journal, Sample},
};
use std::{path::Path, sync::atomic::AtomicBool};

/// Two blobs, one output, as the lecture's network but small; 1200 steps an epoch have two whole windows.
fn small(sets: &[&str]) -> Experiment {
    let text = r#"
        data = { kind = "blobs", rows = 1200, validation_rows = 41, centers = [[-1, 0], [1, 0]] }
        model.layers = [{ linear = { outputs = 1 } }, "sigmoid"]
        training = { loss = "bce", optimizer = { adam = { lr = 0.01 } }, batch_size = 1, shuffle = true, epochs = 2 }
    "#;
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Experiment::parse(text, "small", Path::new(""), &sets).unwrap()
}

fn train(experiment: &Experiment) -> runs::Run {
    let context =
        Context { folder: Path::new(""), stop: &AtomicBool::new(false), tick: &|_| {}, journal: &Journal::nowhere() };
    runs::train(&context, experiment, RunSide::Candidate).unwrap()
}

#[test]
fn a_run_prints_what_the_engine_does_step_by_step() {
    let experiment = small(&[]);
    let run = train(&experiment);
    assert_eq!((run.windows.len(), run.looks.len(), run.epochs.len()), (4, 4, 2));
    let mut alone = Alone::new(&experiment, RunSide::Candidate).unwrap();
    let losses = alone.epoch().unwrap();
    assert_eq!(run.first_loss, losses[0]);
    assert_eq!(run.windows[1], runs::mean(&losses[500..1000]));
    assert_eq!(run.epochs[0].loss, runs::mean(&losses));
    // The study's own look is the program's.
    let scores = alone.scores(&experiment.set, Which::Validation).unwrap();
    let dev = &run.epochs[0].dev;
    assert_eq!(Some(dev.accuracy()), scores.accuracy);
    assert!((dev.loss - scores.loss.unwrap()).abs() < 1e-6, "{} {scores:?}", dev.loss);
    assert_eq!((dev.rows, run.epochs[0].wrong.len()), ([21, 20], 41 - dev.right[0] - dev.right[1]));
}

#[test]
fn predictions_are_counted_before_the_update() {
    // With all rows in a batch, the first epoch's predictions are those of the initial weights.
    let experiment = small(&["training.batch_size=full"]);
    let mut alone = Alone::new(&experiment, RunSide::Candidate).unwrap();
    let [before, after] = [0, 1].map(|steps| {
        (0..steps).for_each(|_| assert!(alone.step().unwrap() > 0.0));
        alone.scores(&experiment.set, Which::Training).unwrap().accuracy.unwrap()
    });
    let run = train(&experiment);
    assert_eq!((run.epochs[0].running, run.epochs[0].at_end, run.epochs[1].running), (before, after, after));
}

#[test]
fn the_printed_looks_stop_where_they_are_printed_to() {
    let looks = printed::STOPPED.looks;
    let stop = stopping::stop(looks.iter().copied(), true);
    assert_eq!((stop.stopped, looks[stop.best]), (Some(looks.len() - 1), 0.827));
    assert_eq!(stopping::stop(looks.iter().copied(), false).stopped, Some(looks.len() - 2));
    assert_eq!(stopping::stop(printed::L2.looks.iter().copied(), true).stopped, None);
}

#[test]
fn the_printed_logits_and_labels_give_the_printed_loss() {
    assert!((counts::printed_loss() - printed::FIRST_LOSS).abs() < 5e-5, "{}", counts::printed_loss());
}

#[test]
fn chance_leaves_the_binomials_95_percent_point_outside() {
    // By hand: of one value at most one is outside; .95⁵ = .774 and P(≤ 1 of 5) = .977; P(≤ 2 of 16) = .957.
    assert_eq!([1, 5, 16].map(runs::most_outside), [0, 1, 2]);
    let ours = Sample::printed(0.8, 0.01, 100);
    let one_of = |printed| runs::one_of(printed, &ours, printed::HALF_DIGIT);
    assert!(one_of(0.82) && !one_of(0.821) && !one_of(f64::NAN));
}

#[test]
fn an_output_that_is_no_number_is_right_for_no_class() {
    assert!(runs::is_right(0.5, false) && runs::is_right(0.51, true) && !runs::is_right(0.51, false));
    assert!(!runs::is_right(f64::NAN, false) && !runs::is_right(f64::NAN, true));
    assert!(runs::larger(f64::NAN, 1.0).is_nan() && runs::larger(1.0, f64::NAN).is_nan());
    assert_eq!(runs::larger(1.0, 2.0), 2.0);
}

#[test]
fn every_setting_of_the_sweeps_is_accepted_and_the_lectures_is_among_them() {
    let settings = sweeps::Setting::all();
    assert!(
        settings
            .iter()
            .all(|setting| small(&setting.sets(3).iter().map(String::as_str).collect::<Vec<_>>()).reference.seed == 3)
    );
    assert_eq!(settings.iter().map(|setting| setting.seeds() as usize).sum::<usize>(), sweeps::runs());
}
