//! The six networks of the document's Table 1: what is printed of them, and how each is written as an experiment.

use crate::study::Sample;

/// Runs behind each printed number.
pub(super) const PRINTED_RUNS: usize = 15;

/// Epochs of a run.
pub(super) const EPOCHS: usize = 250;

/// Training steps of an epoch: 1000 rows in batches of 50.
pub(super) const STEPS_PER_EPOCH: usize = 20;

/// One column of Table 1.
pub(super) struct Network {
    /// Of the three hidden layers.
    pub activation: &'static str,
    /// Where weights and biases come from.
    pub init: &'static str,
    /// Printed seconds of a run.
    pub time: Sample,
    /// Printed error on the training rows, %.
    pub train: Sample,
    /// Printed error on the test rows, %.
    pub test: Sample,
}

const fn printed((mean, deviation): (f64, f64)) -> Sample {
    Sample::printed(mean, deviation, PRINTED_RUNS)
}

const fn column(activation: &'static str, init: &'static str, [time, train, test]: [(f64, f64); 3]) -> Network {
    Network { activation, init, time: printed(time), train: printed(train), test: printed(test) }
}

/// Table 1, in its order.
pub(super) const NETWORKS: [Network; 6] = [
    column("relu", "normal", [(1.82, 0.01), (0.84, 0.41), (1.95, 0.28)]),
    column("relu", "uniform", [(1.87, 0.09), (0.85, 0.22), (1.87, 0.22)]),
    column("tanh", "normal", [(2.50, 0.23), (0.77, 0.17), (1.77, 0.27)]),
    column("tanh", "uniform", [(2.12, 0.19), (1.7, 0.90), (2.07, 0.81)]),
    column("sigmoid", "normal", [(2.07, 0.16), (0.48, 0.21), (1.09, 0.23)]),
    column("sigmoid", "uniform", [(2.13, 0.12), (49.9, 0.00), (50.1, 0.00)]),
];

/// Places in [`NETWORKS`].
pub(super) const RELU_NORMAL: usize = 0;
pub(super) const RELU_UNIFORM: usize = 1;
pub(super) const TANH_UNIFORM: usize = 3;
pub(super) const SIGMOID_NORMAL: usize = 4;
pub(super) const SIGMOID_UNIFORM: usize = 5;

impl Network {
    /// What it is called here.
    pub(super) fn name(&self) -> String {
        format!("{} ({})", self.activation, self.init)
    }

    /// Its keys, as if they stood in the experiment file.
    pub(super) fn sets(&self) -> Vec<String> {
        let init = if self.init == "normal" { normal(1.0, "1") } else { uniform(1.0, "sqrt-outputs") };
        vec![layers(self.activation), init]
    }
}

/// 2-25-25-25-1 with this activation and a sigmoid output.
pub(super) fn layers(activation: &str) -> String {
    let hidden = format!("{{ linear = {{ outputs = 25 }} }}, \"{activation}\", ").repeat(3);
    format!("model.layers=[{hidden}{{ linear = {{ outputs = 1 }} }}, \"sigmoid\"]")
}

/// N(0, std²), divided as the page of keys says; biases too.
pub(super) fn normal(std: f64, divided_by: &str) -> String {
    format!("model.init={{ normal = {{ std = {std:?}, divided_by = \"{divided_by}\", biases = true }} }}")
}

/// U(±bound), likewise. Every key is written, because keys that are not would be the file's.
pub(super) fn uniform(bound: f64, divided_by: &str) -> String {
    format!("model.init={{ uniform = {{ low = {:?}, high = {bound:?}, divided_by = \"{divided_by}\" }} }}", -bound)
}

/// One data set for all runs, as the printed ± 0.00 asks for.
pub(super) const FIXED: &str = "data.seed=0";

/// The key of the learning rate.
pub(super) fn rate(lr: f64) -> String {
    format!("training.optimizer.sgd.lr={lr:?}")
}
