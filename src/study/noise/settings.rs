//! What the limits are measured on, and the other settings on which false alarms are counted.

use crate::{error::Result, experiment::Experiment};
use std::path::Path;

/// A network, its data and its training, at parity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// For tables.
    pub name: &'static str,
    /// What stands under `data`.
    pub data: &'static str,
    /// The hidden layers' widths, and what follows each.
    pub hidden: (&'static [usize], &'static str),
    /// The number of outputs, and what follows them.
    pub outputs: (usize, Option<&'static str>),
    /// Whether linear layers have a bias.
    pub bias: bool,
    /// The scheme of the initial weights.
    pub init: &'static str,
    /// The loss.
    pub loss: &'static str,
    /// What stands under `sgd`.
    pub sgd: &'static str,
    /// Rows of a batch, or all of them.
    pub batch: Option<usize>,
}

impl Setting {
    /// The experiment, with `sets` as if they stood in its file.
    ///
    /// # Errors
    /// If a set cannot be accepted.
    pub(super) fn experiment(&self, steps: usize, sets: &[String]) -> Result<Experiment> {
        let batch = self.batch.map_or("'full'".to_owned(), |rows| rows.to_string());
        let text = format!(
            "title = '{}'\ndata = {{ {} }}\nmodel.bias = {}\nmodel.init = '{}'\n\
             model.layers = {}\n\
             training = {{ loss = '{}', batch_size = {batch}, steps = {steps}, optimizer = {{ sgd = {{ {} }} }} }}\n",
            self.name,
            self.data,
            self.bias,
            self.init,
            self.layers(self.hidden.1),
            self.loss,
            self.sgd
        );
        Experiment::parse(&text, self.name, Path::new(""), sets)
    }

    /// The layers, with this after each hidden one.
    fn layers(&self, activation: &str) -> String {
        let hidden =
            self.hidden.0.iter().map(|width| format!("{{ linear = {{ outputs = {width} }} }}, '{activation}', "));
        let (outputs, last) = self.outputs;
        let last = last.map_or(String::new(), |layer| format!(", '{layer}'"));
        format!("[{}{{ linear = {{ outputs = {outputs} }} }}{last}]", hidden.collect::<String>())
    }
}

/// What faults are put into: two hidden layers, so that one weight is square.
pub(super) struct Faulted {
    pub setting: Setting,
    pub dtype: &'static str,
}

impl Faulted {
    /// The layers with another activation.
    pub(super) fn with_other_activation(&self) -> String {
        self.setting.layers(if self.setting.hidden.1 == "tanh" { "relu" } else { "tanh" })
    }
}

pub(super) const FAULTED: [Faulted; 3] = [
    Faulted { setting: Setting { name: "16-24-24-4, relu, f32", hidden: (&[24, 24], "relu"), ..BASE }, dtype: "f32" },
    Faulted { setting: Setting { name: "16-24-24-4, tanh, f64", hidden: (&[24, 24], "tanh"), ..BASE }, dtype: "f64" },
    Faulted {
        setting: Setting { name: "16-256-256-4, relu, f32", hidden: (&[256, 256], "relu"), ..BASE },
        dtype: "f32",
    },
];

const SMALL: &str = "kind = 'regression', rows = 96, inputs = 16, outputs = 4";

const BASE: Setting = Setting {
    name: "",
    data: SMALL,
    hidden: (&[32], "tanh"),
    outputs: (4, None),
    bias: true,
    init: "pytorch",
    loss: "mse",
    sgd: "lr = 0.05",
    batch: Some(32),
};

/// What the constants are measured on.
pub(super) const CALIBRATION: [Setting; 10] = [
    Setting {
        name: "xor 2-5-1, sigmoid, SGD 0.3",
        data: "kind = 'xor'",
        hidden: (&[5], "sigmoid"),
        outputs: (1, Some("sigmoid")),
        sgd: "lr = 0.3",
        batch: None,
        ..BASE
    },
    Setting { name: "16-32-4, tanh, SGD 0.05", ..BASE },
    Setting { name: "16-32-4, relu, SGD 0.05", hidden: (&[32], "relu"), ..BASE },
    Setting { name: "16-64-4, relu, SGD 0.5", hidden: (&[64], "relu"), sgd: "lr = 0.5", ..BASE },
    Setting { name: "16-32-4, tanh, momentum 0.9", sgd: "lr = 0.1, momentum = 0.9", ..BASE },
    Setting { name: "16-32-4, relu, momentum 0.9", hidden: (&[32], "relu"), sgd: "lr = 0.05, momentum = 0.9", ..BASE },
    Setting { name: "16-5-4, tanh, weights of 0", hidden: (&[5], "tanh"), init: "zeros", ..BASE },
    Setting { name: "16-512-4, relu, SGD 0.05", hidden: (&[512], "relu"), ..BASE },
    Setting {
        name: "16-32-4, relu, raw inputs of 1e4",
        data: "kind = 'regression', rows = 96, inputs = 16, outputs = 4, scale = 1e4",
        hidden: (&[32], "relu"),
        sgd: "lr = 1e-10",
        ..BASE
    },
    Setting { name: "16-16-16-16-16-4, relu, SGD 0.1", hidden: (&[16; 4], "relu"), sgd: "lr = 0.1", ..BASE },
];

/// What false alarms are counted on: other data, widths, rates and rules.
pub(super) const CONTROL: [Setting; 10] = [
    Setting {
        name: "xor 2-8-1, tanh, SGD 0.2",
        data: "kind = 'xor', repeat = 3",
        hidden: (&[8], "tanh"),
        outputs: (1, None),
        sgd: "lr = 0.2",
        batch: None,
        ..BASE
    },
    Setting {
        name: "9-24-2, sigmoid, sum of squares, SGD 0.01",
        data: "kind = 'regression', rows = 50, inputs = 9, outputs = 2",
        hidden: (&[24], "sigmoid"),
        outputs: (2, None),
        loss: "sum-squares",
        sgd: "lr = 0.01",
        batch: Some(8),
        ..BASE
    },
    Setting {
        name: "40-100-10, relu, SGD 0.2",
        data: "kind = 'regression', rows = 200, inputs = 40, outputs = 10",
        hidden: (&[100], "relu"),
        outputs: (10, None),
        sgd: "lr = 0.2",
        batch: Some(64),
        ..BASE
    },
    Setting {
        name: "12-48-48-3, tanh, Nesterov 0.95",
        data: "kind = 'regression', rows = 64, inputs = 12, outputs = 3",
        hidden: (&[48, 48], "tanh"),
        outputs: (3, None),
        sgd: "lr = 0.05, momentum = 0.95, nesterov = true",
        batch: Some(20),
        ..BASE
    },
    Setting {
        name: "12-48-48-3, relu, momentum 0.8, dampening 0.2",
        data: "kind = 'regression', rows = 64, inputs = 12, outputs = 3",
        hidden: (&[48, 48], "relu"),
        outputs: (3, None),
        sgd: "lr = 0.1, momentum = 0.8, dampening = 0.2",
        batch: Some(20),
        ..BASE
    },
    Setting {
        name: "7-300-1, relu, without bias, SGD 0.01",
        data: "kind = 'regression', rows = 30, inputs = 7, outputs = 1",
        hidden: (&[300], "relu"),
        outputs: (1, None),
        bias: false,
        sgd: "lr = 0.01",
        batch: Some(1),
        ..BASE
    },
    Setting {
        name: "20-10-10-10-2, sigmoid, weights of 0",
        data: "kind = 'regression', rows = 128, inputs = 20, outputs = 2",
        hidden: (&[10, 10, 10], "sigmoid"),
        outputs: (2, None),
        init: "zeros",
        sgd: "lr = 0.3",
        batch: None,
        ..BASE
    },
    Setting {
        name: "4-20-2, relu, one column of 30",
        data: "kind = 'regression', rows = 64, inputs = 4, outputs = 2, scale = [1, 30, 1, 1]",
        hidden: (&[20], "relu"),
        outputs: (2, None),
        sgd: "lr = 3e-4",
        batch: Some(16),
        ..BASE
    },
    Setting {
        name: "1000-8-2, relu, batch of 256",
        data: "kind = 'regression', rows = 512, inputs = 1000, outputs = 2",
        hidden: (&[8], "relu"),
        outputs: (2, None),
        sgd: "lr = 0.02",
        batch: Some(256),
        ..BASE
    },
    Setting {
        name: "6-13-13-13-13-13-1, tanh, Kaiming, SGD 0.05",
        data: "kind = 'regression', rows = 40, inputs = 6, outputs = 1",
        hidden: (&[13; 5], "tanh"),
        outputs: (1, None),
        init: "kaiming",
        sgd: "lr = 0.05",
        batch: Some(13),
        ..BASE
    },
];

/// What costs are measured on, with the steps of a run: up to 10⁵ parameters, and beyond.
pub(super) const COSTED: [(Setting, usize); 8] = [
    (Setting { name: "2-5-1, sigmoid, 4 rows", ..CALIBRATION[0] }, 2000),
    (
        Setting {
            name: "16-64-64-4, relu, 32 rows",
            data: "kind = 'regression', rows = 256, inputs = 16, outputs = 4",
            hidden: (&[64, 64], "relu"),
            ..BASE
        },
        1000,
    ),
    (
        Setting {
            name: "64-128-64-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[128, 64], "relu"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "64-256-256-10, relu, 4 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[256, 256], "relu"),
            outputs: (10, None),
            batch: Some(4),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "64-256-256-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[256, 256], "relu"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "784-100-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[100], "relu"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "784-512-256-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[512, 256], "relu"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        700,
    ),
    (
        Setting {
            name: "3000-450-3, relu, 8 rows",
            data: "kind = 'regression', rows = 64, inputs = 3000, outputs = 3",
            hidden: (&[450], "relu"),
            outputs: (3, None),
            batch: Some(8),
            ..BASE
        },
        700,
    ),
];
