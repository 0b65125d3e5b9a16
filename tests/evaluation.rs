//! Engines that are right in training and wrong in evaluation alone: found there, at the first look, in the tensor that is
//! wrong. Equal formulations are parity, what they differ in is told, and what the steps make of it.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::judged;
use lockstep::{
    data::Batch,
    engine::{Description, Engine},
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Farther, Outcome, Pattern, Verdict},
    },
    model::Parameter,
    run::{Phase, Role, build},
    tensor::{Shape, Values, View},
};
use std::path::Path;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// The batch's variance enters the running one divided by n, not by n − 1.
    BiasedVariance,
    /// The running statistics keep what they should take, and take what they should keep.
    MomentumReversed,
    /// Batch norm uses the batch's statistics.
    BatchStatistics,
    /// Dropout still drops.
    DropoutLeftOn,
    /// √v + ε for √(v + ε).
    EpsOutsideRoot,
    /// The look changes the running statistics.
    Trains,
}

/// The engine from scratch, wrong in evaluation.
struct InEvaluation {
    inner: Box<dyn Engine>,
    wrong: Wrong,
    layers: usize,
    masked: Option<usize>, // the width of the layer before dropout
    /// What is shown in place of the engine's outputs.
    shown: Vec<(Shape, Vec<f32>)>,
}

const MOMENTUM: f64 = 0.1;
const EPS: f64 = 1e-3;

fn wide(view: View<'_>) -> Vec<f64> {
    let mut values = Vec::new();
    view.widen_into(&mut values);
    values
}

impl InEvaluation {
    /// What the buffers have become becomes what `with` makes of what they were, what they should take in, and the rows.
    fn rewrite(&mut self, before: &[Vec<f64>], with: impl Fn(usize, f64, f64) -> f64) -> Result<()> {
        for (number, before) in before.iter().enumerate() {
            let now = wide(self.inner.buffer(number));
            let taken = |now: f64, before: f64| (now - (1.0 - MOMENTUM) * before) / MOMENTUM;
            let values: Vec<f32> =
                now.iter().zip(before).map(|(&now, &before)| with(number, before, taken(now, before)) as f32).collect();
            let shape = self.inner.buffers()[number].shape;
            self.inner.load(self.inner.parameters().len() + number, View { shape, values: Values::F32(&values) })?;
        }
        Ok(())
    }

    fn restore(&mut self, before: &[Vec<f64>]) -> Result<()> {
        self.rewrite(before, |_, before, _| before)
    }

    fn show(&mut self) {
        let narrow = |view: View<'_>| (view.shape, wide(view).iter().map(|&value| value as f32).collect());
        self.shown = (0..self.layers).map(|layer| narrow(self.inner.activation(layer))).collect();
    }
}

impl Engine for InEvaluation {
    fn describe(&self) -> Description {
        self.inner.describe()
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        self.inner.tensors()
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        self.inner.load(parameter, values)
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.shown.clear();
        let before: Vec<_> = (0..self.inner.buffers().len()).map(|number| wide(self.inner.buffer(number))).collect();
        let n = batch.rows() as f64;
        match (self.wrong, batch.training) {
            (Wrong::BiasedVariance, true) => {
                self.inner.forward(batch)?;
                self.rewrite(&before, |number, before, taken| {
                    let taken = if number == 1 { taken * (n - 1.0) / n } else { taken };
                    (1.0 - MOMENTUM) * before + MOMENTUM * taken
                })
            }
            (Wrong::MomentumReversed, true) => {
                self.inner.forward(batch)?;
                self.rewrite(&before, |_, before, taken| MOMENTUM * before + (1.0 - MOMENTUM) * taken)
            }
            (Wrong::BatchStatistics, false) => {
                self.inner.forward(&Batch { training: true, ..*batch })?;
                self.restore(&before)
            }
            (Wrong::Trains, false) => {
                // The outputs are right.
                self.inner.forward(&Batch { training: true, ..*batch })?;
                let after: Vec<_> = (0..before.len()).map(|number| wide(self.inner.buffer(number))).collect();
                self.restore(&before)?;
                self.inner.forward(batch)?;
                self.restore(&after)
            }
            (Wrong::DropoutLeftOn, false) => {
                let width = self.masked.unwrap();
                let mask: Vec<f32> = (0..batch.rows() * width).map(|at| if at % 2 == 0 { 2.0 } else { 0.0 }).collect();
                let shape = Shape::new(&[batch.rows(), width]);
                let masks = [View { shape, values: Values::F32(&mask) }];
                self.inner.forward(&Batch { training: true, masks: &masks, ..*batch })
            }
            (Wrong::EpsOutsideRoot, false) => {
                self.inner.forward(batch)?;
                self.show();
                let [mean, variance] = [0, 1].map(|number| wide(self.inner.buffer(number)));
                let [weight, bias] = [2, 3].map(|number| wide(self.inner.tensor(number)));
                let x = wide(self.inner.activation(0));
                let columns = mean.len();
                let of = |(at, x): (usize, &f64)| {
                    let column = at % columns;
                    let normalized = (x - mean[column]) / (variance[column].sqrt() + EPS);
                    (normalized * weight[column] + bias[column]) as f32
                };
                self.shown[1].1 = x.iter().enumerate().map(of).collect();
                Ok(())
            }
            _ => self.inner.forward(batch),
        }
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.inner.loss(batch)
    }

    fn backward(&mut self) -> Result<()> {
        self.inner.backward()
    }

    fn update(&mut self) -> Result<()> {
        self.inner.update()
    }

    fn tensor(&self, parameter: usize) -> View<'_> {
        self.inner.tensor(parameter)
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        self.inner.gradient(parameter)
    }

    fn activation(&self, layer: usize) -> View<'_> {
        match self.shown.get(layer) {
            Some((shape, values)) => View { shape: *shape, values: Values::F32(values) },
            None => self.inner.activation(layer),
        }
    }

    fn output_gradient(&self) -> View<'_> {
        self.inner.output_gradient()
    }
}

const BASE: &str = r#"
    data = { kind = "regression", rows = 48, inputs = 3, outputs = 4 }
    model.layers = [{ linear = { outputs = 4 } }, { batch-norm = { eps = 1e-3 } }, "tanh", { linear = { outputs = 4 } }]
    training = { loss = "mse", optimizer = { sgd = { lr = 0.05 } }, batch_size = 16, epochs = 4 }
"#;

/// What is looked at: the batch that was trained on, where there are no validation rows.
const ROWS: [&str; 2] = ["data.rows=48", "data.validation_rows=20"];

fn run(wrong: Wrong, sets: &[&str]) -> Verdict {
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let inner = build(side, rows)?;
        let masked = side.model.places().iter().find_map(|place| place.mask.map(|_| place.output.elements()));
        let layers = side.model.layers.len();
        let wrong = if role == Role::Candidate { wrong } else { Wrong::Nothing };
        Ok(Box::new(InEvaluation { inner, wrong, layers, masked, shown: Vec::new() }))
    };
    judged(BASE, Path::new(""), sets, Comparison { engines: &engines, ..Comparison::default() }).0
}

const DROPOUT: &str =
    "model.layers=[{ linear = { outputs = 4 } }, 'relu', { dropout = { p = 0.5 } }, { linear = { outputs = 4 } }]";
const NORM_LAST: &str = "model.layers=[{ linear = { outputs = 4 } }, { batch-norm = { eps = 1e-3 } }]";

#[test]
fn what_is_wrong_in_evaluation_alone_is_found_there_in_the_tensor_that_is_wrong() {
    for rows in ROWS {
        for (wrong, sets, tensor) in [
            (Wrong::BiasedVariance, &[][..], "buffer/1.running_var"),
            (Wrong::MomentumReversed, &[], "buffer/1.running_mean"),
            (Wrong::BatchStatistics, &[], "activation/1"),
            (Wrong::Trains, &[], "buffer/1.running_mean"),
            (Wrong::DropoutLeftOn, &[DROPOUT], "activation/2"),
            (Wrong::EpsOutsideRoot, &[NORM_LAST], "output"),
        ] {
            let verdict = run(wrong, &[&[rows], sets].concat());
            assert_eq!(verdict.verdict, Outcome::Mismatch, "{wrong:?}, {rows}");
            let first = verdict.first_divergence.unwrap();
            assert_eq!((first.phase, first.tensor.as_str()), (Phase::Evaluation, tensor), "{wrong:?}, {rows}");
            assert_eq!(first.farther, Some(Farther::Candidate), "{wrong:?}, {rows}");
            // The first look is after the first step, or after the first epoch of three steps.
            assert!(first.step == 0 || (first.step == 2 && rows == ROWS[1]), "{wrong:?}, {rows}: {}", first.step);
            for (phase, summary) in verdict.phases.iter().filter(|(phase, _)| **phase != Phase::Evaluation) {
                assert_eq!(summary.first_divergence, None, "{wrong:?}, {rows}, {phase:?}");
            }
        }
    }
}

#[test]
fn right_engines_are_parity_in_evaluation_too() {
    for rows in ROWS {
        for layers in ["seed=0", DROPOUT, NORM_LAST] {
            for seed in ["seed=1", "seed=2"] {
                let verdict = run(Wrong::Nothing, &[rows, layers, seed]);
                assert_eq!(verdict.verdict, Outcome::Parity, "{layers}, {rows}: {:?}", verdict.first_divergence);
                assert!(verdict.phases[&Phase::Evaluation].compared > 0, "{layers}, {rows}");
            }
        }
    }
}

/// The loss of all rows is the same in whatever batches they come.
#[test]
fn a_validation_loss_does_not_depend_on_how_rows_are_batched() {
    let classes = r#"
        data = { kind = "blobs", rows = 30, centers = 3, columns = 4, validation_rows = 23 }
        model.layers = [{ linear = { outputs = 8 } }, "tanh", { linear = { outputs = 3 } }]
        training = { loss = "cross-entropy", optimizer = { sgd = { lr = 0 } }, steps = 1 }
        dtype = "f64"
    "#;
    let loss = |sets: &[&str], size: &str| {
        let sets = [sets, &[size, "noise='off'"]].concat();
        let verdict = judged(classes, Path::new(""), &sets, Comparison::default()).0;
        verdict.evaluations[0].reference.loss.unwrap()
    };
    for sets in [
        &[][..],
        &["training.loss={ cross-entropy = { weights = [0.1, 1, 5] } }"],
        &["training.loss={ cross-entropy = { reduction = 'sum' } }"],
        &["training.penalty={ l2 = { factor = 0.1 } }"],
        &["training.loss={ cross-entropy = { reduction = 'sum' } }", "training.penalty={ l2 = { factor = 0.1 } }"],
        &["training.loss={ cross-entropy = { weights = [0.1, 1, 5], reduction = 'per-sample' } }"],
    ] {
        let [whole, parts] = ["training.batch_size=30", "training.batch_size=7"].map(|size| loss(sets, size));
        // Sums of 23 terms, and a quotient.
        assert!((whole - parts).abs() <= 1e-14 * whole.abs(), "{sets:?}: {whole} {parts}");
    }
}

/// Both sides the engine from scratch.
fn compared(text: &str, sets: &[&str]) -> Verdict {
    judged(text, Path::new(""), sets, Comparison::default()).0
}

const CLASSIFIER: &str = r#"
    data = { kind = "moons", rows = 96 }
    model.layers = [{ linear = { outputs = 8 } }, "relu", { dropout = { p = 0.25 } }, { linear = { outputs = 2 } }]
    training = { loss = "cross-entropy", optimizer = { adam = { lr = 0.01 } }, batch_size = 32, steps = 24 }
"#;

#[test]
fn equal_formulations_are_parity_and_what_they_differ_in_is_told() {
    let linear = "{ linear = { outputs = 8 } }";
    let hidden = format!("{linear}, 'relu', {{ dropout = {{ p = 0.25 }} }}");
    let sets = |layers: &str| format!("candidate.model.layers=[{layers}]");
    let last = "{ linear = { outputs = 2 } }";
    for (layers, others, told) in [
        (format!("{hidden}, {last}, 'log-softmax'"), &["candidate.training.loss=nll"][..], "behind layer 3"),
        (format!("{hidden}, {last}, 'softmax'"), &["candidate.training.loss=log-loss"], "behind layer 3"),
        (format!("{hidden}, {last}, 'log-softmax'"), &[], "behind layer 3"),
        (format!("{linear}, {{ dropout = {{ p = 0.25 }} }}, 'relu', {last}"), &[], "layers 1 to 2"),
        (
            format!("{linear}, {{ dropout = {{ p = 0 }} }}, 'relu', {{ dropout = {{ p = 0.25 }} }}, {last}"),
            &[],
            "layer 1",
        ),
        (
            format!("{linear}, {{ leaky-relu = {{ slope = 0 }} }}, {{ dropout = {{ p = 0.25 }} }}, {last}"),
            &[],
            "layer 1",
        ),
    ] {
        for dtype in ["dtype=f32", "dtype=f64"] {
            let layers = sets(&layers);
            let sets = [&[layers.as_str(), dtype], others].concat();
            let verdict = compared(CLASSIFIER, &sets);
            assert_eq!(verdict.verdict, Outcome::Parity, "{sets:?}: {:?}", verdict.first_divergence);
            assert!(verdict.differences.iter().any(|line| line.starts_with(told)), "{:?}", verdict.differences);
            assert!(verdict.noise.drift.is_some_and(|drift| drift.compared > 0), "{sets:?}");
        }
    }
}

/// The same layers with a fault behind what corresponds: a softmax before cross-entropy, another p.
#[test]
fn formulations_that_are_not_equal_are_found_where_they_differ() {
    let layers = |layers: &str| format!("candidate.model.layers=[{layers}]");
    let hidden = "{ linear = { outputs = 8 } }, 'relu', { dropout = { p = 0.25 } }, { linear = { outputs = 2 } }";
    for (set, phase, tensor) in [
        (layers(&format!("{hidden}, 'softmax'")), Phase::Forward, "output"),
        (
            layers(&hidden.replace("'relu', { dropout = { p = 0.25 } }", "{ dropout = { p = 0.5 } }, 'relu'")),
            Phase::Forward,
            "activation/2",
        ),
        (layers(&hidden.replace("'relu'", "'relu', 'tanh'")), Phase::Forward, "activation/2"),
    ] {
        let first = compared(CLASSIFIER, &[&set]).first_divergence.unwrap();
        assert_eq!((first.phase, first.step, first.tensor.as_str()), (phase, 0, tensor), "{set}");
    }
    // Of probabilities, where the definition takes logits.
    let first = compared(CLASSIFIER, &[&layers(&format!("{hidden}, 'softmax'")), "candidate.training.loss=nll"]);
    let first = first.first_divergence.unwrap();
    assert_eq!((first.phase, first.step), (Phase::Loss, 0));
}

#[test]
fn a_mismatch_says_whether_the_whole_steps_agree_and_an_identity_why_they_must() {
    let sgd = "training.optimizer={ sgd = { lr = 0.05, momentum = 0.9 } }";
    let steps = |sets: &[&str]| {
        let verdict = compared(CLASSIFIER, &[&[sgd], sets].concat());
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{sets:?}");
        (verdict.steps_agree, verdict.identity.is_some())
    };
    let penalty = "candidate.training.penalty={ l2 = { factor = 0.005 } }";
    let decay = "reference.training.optimizer.sgd.weight_decay=0.01";
    let plain = "candidate.training.reported_loss={ penalty = false }";
    assert_eq!(steps(&[penalty, decay, plain]), (Some(true), true));
    assert_eq!(steps(&[penalty, "reference.training.optimizer.sgd.weight_decay=0.02", plain]), (Some(false), false));
    // Under a limit on gradients the two are not the same.
    assert!(!steps(&[penalty, decay, plain, "training.clip={ norm = 0.1 }"]).1);
    let half = "candidate.training.loss={ cross-entropy = { reduction = 'half-mean' } }";
    assert_eq!(steps(&[half, "candidate.training.optimizer.sgd.lr=0.1"]), (Some(true), true));
    assert_eq!(steps(&[half]), (Some(false), false));
    // A difference of the update alone is one of the step, as small as it may be.
    assert_eq!(steps(&["candidate.training.optimizer.sgd.lr=0.05005"]), (Some(false), false));
    // A batch of 32 rows: the sum at 1/32 of the rate, on this run.
    let sum = "candidate.training.loss={ cross-entropy = { reduction = 'sum' } }";
    assert_eq!(steps(&[sum, "candidate.training.optimizer.sgd.lr=0.0015625"]), (Some(true), false));
}

#[test]
fn the_first_step_apart_is_told_tensor_by_tensor_nearest_the_loss_first() {
    let first = |sets: &[&str]| compared(CLASSIFIER, sets).first_divergence.unwrap();
    let sum = first(&[
        "candidate.training.loss={ cross-entropy = { reduction = 'sum' } }",
        "reference.training.reported_loss=cross-entropy",
    ]);
    assert_eq!(sum.phase, Phase::Loss);
    let behind = [
        "candidate.training.loss={ cross-entropy = { reduction = 'sum' } }",
        "candidate.training.reported_loss=cross-entropy",
    ];
    let backward = first(&behind);
    assert_eq!((backward.phase, backward.tensor.as_str()), (Phase::Backward, "output_gradient"));
    let names: Vec<&str> = backward.tensors.iter().map(|found| found.name.as_str()).collect();
    let expected = [
        "output_gradient",
        "3.bias",
        "3.weight",
        "activation_gradient/2",
        "activation_gradient/1",
        "activation_gradient/0",
        "0.bias",
        "0.weight",
    ];
    assert_eq!(names, expected);
    let patterns: Vec<Pattern> = backward.tensors.iter().map(|found| found.pattern).collect();
    assert_eq!(patterns, [[Pattern::Times].as_slice(), &[Pattern::Same; 7]].concat());
    assert!((backward.tensors[0].constant.unwrap() - 32.0).abs() < 1e-4);
    let update = first(&["candidate.training.optimizer.adam.lr=0.02"]);
    assert!(
        update
            .tensors
            .iter()
            .all(|found| found.pattern == Pattern::Times && (found.constant.unwrap() - 2.0).abs() < 1e-4)
    );
    let [own, expected] = [update.candidate, update.expected].map(Option::unwrap);
    assert!((own / expected - 2.0).abs() < 1e-4);
    let frozen = first(&["candidate.training.faults=[{ frozen = '3.weight' }]"]);
    let found = frozen.tensors.iter().find(|found| found.name == "3.weight").unwrap();
    assert_eq!((frozen.phase, found.pattern), (Phase::Update, Pattern::Zero));
}
