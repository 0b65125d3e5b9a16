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
    /// What stands before the hidden layers, with a comma after it.
    pub first: &'static str,
    /// The hidden layers' widths, and the layers that follow each, as they are written.
    pub hidden: (&'static [usize], &'static str),
    /// The number of outputs, and what follows them.
    pub outputs: (usize, Option<&'static str>),
    /// Whether linear layers have a bias.
    pub bias: bool,
    /// The scheme of the initial weights.
    pub init: &'static str,
    /// The loss, as it is written.
    pub loss: &'static str,
    /// What stands under `optimizer`.
    pub optimizer: &'static str,
    /// Rows of a batch, or all of them.
    pub batch: Option<usize>,
    /// What else stands under `training`, with a comma before it.
    pub more: &'static str,
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
             training = {{ loss = {}, batch_size = {batch}, steps = {steps}, optimizer = {{ {} }}{} }}\n",
            self.name,
            self.data,
            self.bias,
            self.init,
            self.layers(self.hidden.1, self.outputs.1),
            self.loss,
            self.optimizer,
            self.more
        );
        Experiment::parse(&text, self.name, Path::new(""), sets)
    }

    /// The layers, with these after each hidden one, and this one after the outputs.
    pub(super) fn layers(&self, after: &str, last: Option<&str>) -> String {
        let hidden = self.hidden.0.iter().map(|width| format!("{{ linear = {{ outputs = {width} }} }}, {after}, "));
        let last = last.map_or(String::new(), |layer| format!(", '{layer}'"));
        format!("[{}{}{{ linear = {{ outputs = {} }} }}{last}]", self.first, hidden.collect::<String>(), self.outputs.0)
    }
}

/// What faults are put into: two hidden layers, so that one weight is square.
pub(super) struct Faulted {
    pub setting: Setting,
    pub dtype: &'static str,
}

impl Faulted {
    /// Another activation than the setting's.
    pub(super) fn other_activation(&self) -> &'static str {
        if self.setting.hidden.1 == "'tanh'" { "'relu'" } else { "'tanh'" }
    }
}

pub(super) const FAULTED: [Faulted; 3] = [
    Faulted { setting: Setting { name: "16-24-24-4, relu, f32", hidden: (&[24, 24], "'relu'"), ..BASE }, dtype: "f32" },
    Faulted { setting: Setting { name: "16-24-24-4, tanh, f64", hidden: (&[24, 24], "'tanh'"), ..BASE }, dtype: "f64" },
    Faulted {
        setting: Setting { name: "16-256-256-4, relu, f32", hidden: (&[256, 256], "'relu'"), ..BASE },
        dtype: "f32",
    },
];

const SMALL: &str = "kind = 'regression', rows = 96, inputs = 16, outputs = 4";

const FOUR_CLASSES: &str = "kind = 'blobs', rows = 96, columns = 16, centers = 4";
const CROSS_ENTROPY: &str = "'cross-entropy'";

pub(super) const BASE: Setting = Setting {
    name: "",
    data: SMALL,
    first: "",
    hidden: (&[32], "'tanh'"),
    outputs: (4, None),
    bias: true,
    init: "pytorch",
    loss: "'mse'",
    optimizer: "sgd = { lr = 0.05 }",
    batch: Some(32),
    more: "",
};

/// What the constants are measured on.
pub(super) const CALIBRATION: [Setting; 18] = [
    Setting {
        name: "xor 2-5-1, sigmoid, SGD 0.3",
        data: "kind = 'xor'",
        hidden: (&[5], "'sigmoid'"),
        outputs: (1, Some("sigmoid")),
        optimizer: "sgd = { lr = 0.3 }",
        batch: None,
        ..BASE
    },
    Setting { name: "16-32-4, tanh, SGD 0.05", ..BASE },
    Setting { name: "16-32-4, relu, SGD 0.05", hidden: (&[32], "'relu'"), ..BASE },
    Setting { name: "16-64-4, relu, SGD 0.5", hidden: (&[64], "'relu'"), optimizer: "sgd = { lr = 0.5 }", ..BASE },
    Setting { name: "16-32-4, tanh, momentum 0.9", optimizer: "sgd = { lr = 0.1, momentum = 0.9 }", ..BASE },
    Setting {
        name: "16-32-4, relu, momentum 0.9",
        hidden: (&[32], "'relu'"),
        optimizer: "sgd = { lr = 0.05, momentum = 0.9 }",
        ..BASE
    },
    Setting { name: "16-5-4, tanh, weights of 0", hidden: (&[5], "'tanh'"), init: "zeros", ..BASE },
    Setting { name: "16-512-4, relu, SGD 0.05", hidden: (&[512], "'relu'"), ..BASE },
    Setting {
        name: "16-32-4, relu, raw inputs of 1e4",
        data: "kind = 'regression', rows = 96, inputs = 16, outputs = 4, scale = 1e4",
        hidden: (&[32], "'relu'"),
        optimizer: "sgd = { lr = 1e-10 }",
        ..BASE
    },
    Setting {
        name: "16-16-16-16-16-4, relu, SGD 0.1",
        hidden: (&[16; 4], "'relu'"),
        optimizer: "sgd = { lr = 0.1 }",
        ..BASE
    },
    Setting { name: "16-32-4, tanh, Adam 1e-3", optimizer: "adam = { lr = 0.001 }", ..BASE },
    Setting {
        name: "16-32-4, relu, cross-entropy, Adam 1e-2",
        data: FOUR_CLASSES,
        hidden: (&[32], "'relu'"),
        loss: CROSS_ENTROPY,
        optimizer: "adam = { lr = 0.01 }",
        ..BASE
    },
    Setting {
        name: "16-32-4, layer norm, GELU, cross-entropy, AdamW 3e-3",
        data: FOUR_CLASSES,
        hidden: (&[32], "'layer-norm', 'gelu'"),
        loss: CROSS_ENTROPY,
        optimizer: "adamw = { lr = 0.003 }",
        ..BASE
    },
    Setting {
        name: "16-24-4, batch norm, relu, cross-entropy, RMSprop 1e-3",
        data: FOUR_CLASSES,
        hidden: (&[24], "'batch-norm', 'relu'"),
        bias: false,
        loss: CROSS_ENTROPY,
        optimizer: "rmsprop = { lr = 0.001 }",
        ..BASE
    },
    Setting {
        name: "16-32-4, SiLU, dropout 0.2, Nesterov 0.9, decay 0.01",
        hidden: (&[32], "'silu', { dropout = { p = 0.2 } }"),
        optimizer: "sgd = { lr = 0.02, momentum = 0.9, nesterov = true, weight_decay = 0.01 }",
        ..BASE
    },
    Setting {
        name: "embedding bag of 2 words, tanh, binary cross-entropy, Adam 1e-2",
        data: "kind = 'xor', repeat = 8",
        first: "{ embedding-bag = { words = 2, columns = 8 } }, 'tanh', ",
        hidden: (&[], ""),
        outputs: (1, None),
        loss: "'bce-with-logits'",
        optimizer: "adam = { lr = 0.01 }",
        batch: Some(8),
        ..BASE
    },
    Setting {
        name: "2-24-2, tanh, cross-entropy, momentum 0.9, clipped by norm, exponential schedule",
        data: "kind = 'spirals', rows = 96",
        hidden: (&[24], "'tanh'"),
        outputs: (2, None),
        loss: CROSS_ENTROPY,
        optimizer: "sgd = { lr = 0.3, momentum = 0.9 }",
        more: ", clip = { norm = 0.5 }, schedule = { exponential = { gamma = 0.99, every = 'step' } }",
        ..BASE
    },
    Setting {
        name: "16-32-4, softplus, Huber, L2 penalty, SGD 0.05",
        hidden: (&[32], "'softplus'"),
        loss: "'huber'",
        more: ", penalty = { l2 = { factor = 0.001 } }",
        ..BASE
    },
];

/// What false alarms are counted on: other data, widths, rates and rules.
pub(super) const CONTROL: [Setting; 21] = [
    Setting {
        name: "xor 2-8-1, tanh, SGD 0.2",
        data: "kind = 'xor', repeat = 3",
        hidden: (&[8], "'tanh'"),
        outputs: (1, None),
        optimizer: "sgd = { lr = 0.2 }",
        batch: None,
        ..BASE
    },
    Setting {
        name: "9-24-2, sigmoid, sum of squares, SGD 0.01",
        data: "kind = 'regression', rows = 50, inputs = 9, outputs = 2",
        hidden: (&[24], "'sigmoid'"),
        outputs: (2, None),
        loss: "'sum-squares'",
        optimizer: "sgd = { lr = 0.01 }",
        batch: Some(8),
        ..BASE
    },
    Setting {
        name: "40-100-10, relu, SGD 0.2",
        data: "kind = 'regression', rows = 200, inputs = 40, outputs = 10",
        hidden: (&[100], "'relu'"),
        outputs: (10, None),
        optimizer: "sgd = { lr = 0.2 }",
        batch: Some(64),
        ..BASE
    },
    Setting {
        name: "12-48-48-3, tanh, Nesterov 0.95",
        data: "kind = 'regression', rows = 64, inputs = 12, outputs = 3",
        hidden: (&[48, 48], "'tanh'"),
        outputs: (3, None),
        optimizer: "sgd = { lr = 0.05, momentum = 0.95, nesterov = true }",
        batch: Some(20),
        ..BASE
    },
    Setting {
        name: "12-48-48-3, relu, momentum 0.8, dampening 0.2",
        data: "kind = 'regression', rows = 64, inputs = 12, outputs = 3",
        hidden: (&[48, 48], "'relu'"),
        outputs: (3, None),
        optimizer: "sgd = { lr = 0.1, momentum = 0.8, dampening = 0.2 }",
        batch: Some(20),
        ..BASE
    },
    Setting {
        name: "7-300-1, relu, without bias, SGD 0.01",
        data: "kind = 'regression', rows = 30, inputs = 7, outputs = 1",
        hidden: (&[300], "'relu'"),
        outputs: (1, None),
        bias: false,
        optimizer: "sgd = { lr = 0.01 }",
        batch: Some(1),
        ..BASE
    },
    Setting {
        name: "20-10-10-10-2, sigmoid, weights of 0",
        data: "kind = 'regression', rows = 128, inputs = 20, outputs = 2",
        hidden: (&[10, 10, 10], "'sigmoid'"),
        outputs: (2, None),
        init: "zeros",
        optimizer: "sgd = { lr = 0.3 }",
        batch: None,
        ..BASE
    },
    Setting {
        name: "4-20-2, relu, one column of 30",
        data: "kind = 'regression', rows = 64, inputs = 4, outputs = 2, scale = [1, 30, 1, 1]",
        hidden: (&[20], "'relu'"),
        outputs: (2, None),
        optimizer: "sgd = { lr = 3e-4 }",
        batch: Some(16),
        ..BASE
    },
    Setting {
        name: "1000-8-2, relu, batch of 256",
        data: "kind = 'regression', rows = 512, inputs = 1000, outputs = 2",
        hidden: (&[8], "'relu'"),
        outputs: (2, None),
        optimizer: "sgd = { lr = 0.02 }",
        batch: Some(256),
        ..BASE
    },
    Setting {
        name: "6-13-13-13-13-13-1, tanh, Kaiming, SGD 0.05",
        data: "kind = 'regression', rows = 40, inputs = 6, outputs = 1",
        hidden: (&[13; 5], "'tanh'"),
        outputs: (1, None),
        init: "kaiming",
        optimizer: "sgd = { lr = 0.05 }",
        batch: Some(13),
        ..BASE
    },
    Setting {
        name: "11-40-20-3, relu, Adam 1e-3",
        data: "kind = 'regression', rows = 60, inputs = 11, outputs = 3",
        hidden: (&[40, 20], "'relu'"),
        outputs: (3, None),
        optimizer: "adam = { lr = 0.001 }",
        batch: Some(20),
        ..BASE
    },
    Setting {
        name: "2-20-20-2, tanh, cross-entropy, Adam 1e-2",
        data: "kind = 'moons', rows = 80",
        hidden: (&[20, 20], "'tanh'"),
        outputs: (2, None),
        loss: CROSS_ENTROPY,
        optimizer: "adam = { lr = 0.01 }",
        batch: Some(16),
        more: ", shuffle = true",
        ..BASE
    },
    Setting {
        name: "6-24-16-3, SiLU, dropout 0.3, cross-entropy, AdamW 3e-3, cosine schedule",
        data: "kind = 'blobs', rows = 120, columns = 6, centers = 3",
        hidden: (&[24, 16], "'silu', { dropout = { p = 0.3 } }"),
        outputs: (3, None),
        loss: CROSS_ENTROPY,
        optimizer: "adamw = { lr = 0.003 }",
        batch: Some(24),
        more: ", shuffle = true, schedule = { cosine = { length = 40 } }",
        ..BASE
    },
    Setting {
        name: "5-20-12-3, layer norm, GELU, smoothed cross-entropy, RMSprop 2e-3",
        data: "kind = 'blobs', rows = 100, columns = 5, centers = 3, spread = 2",
        hidden: (&[20, 12], "'layer-norm', 'gelu'"),
        outputs: (3, None),
        loss: "{ cross-entropy = { label_smoothing = 0.1 } }",
        optimizer: "rmsprop = { lr = 0.002 }",
        batch: Some(25),
        ..BASE
    },
    Setting {
        name: "6-24-16-3, SiLU, dropout 0.3, cross-entropy, RMSprop centered with momentum and decay",
        data: "kind = 'blobs', rows = 200, columns = 6, centers = 3",
        hidden: (&[24, 16], "'silu', { dropout = { p = 0.3 } }"),
        outputs: (3, None),
        loss: CROSS_ENTROPY,
        optimizer: "rmsprop = { lr = 0.001, momentum = 0.9, centered = true, weight_decay = 0.001 }",
        more: ", shuffle = true",
        ..BASE
    },
    Setting {
        name: "2-16-16-3, batch norm, relu, cross-entropy, SGD 0.05, decay 0.001",
        data: "kind = 'spirals', rows = 90, arms = 3",
        hidden: (&[16, 16], "'batch-norm', 'relu'"),
        outputs: (3, None),
        loss: CROSS_ENTROPY,
        optimizer: "sgd = { lr = 0.05, weight_decay = 0.001 }",
        batch: Some(30),
        ..BASE
    },
    Setting {
        name: "7-18-2, batch norm, tanh, smooth L1, Adam 3e-3",
        data: "kind = 'regression', rows = 64, inputs = 7, outputs = 2",
        hidden: (&[18], "'batch-norm', 'tanh'"),
        outputs: (2, None),
        loss: "'smooth-l1'",
        optimizer: "adam = { lr = 0.003 }",
        batch: Some(16),
        more: ", shuffle = true",
        ..BASE
    },
    Setting {
        name: "10-30-3, leaky relu, L1, Nesterov 0.9, decay 0.001, clipped by norm, warm-up",
        data: "kind = 'regression', rows = 72, inputs = 10, outputs = 3",
        hidden: (&[30], "{ leaky-relu = { slope = 0.1 } }"),
        outputs: (3, None),
        loss: "'l1'",
        optimizer: "sgd = { lr = 0.02, momentum = 0.9, nesterov = true, weight_decay = 0.001 }",
        batch: Some(24),
        more: ", clip = { norm = 0.3 }, schedule = { warm-up = { length = 20, every = 'step' } }",
        ..BASE
    },
    Setting {
        name: "embedding of 2 words, 12-10-1, GELU, sigmoid, binary cross-entropy, AdamW 5e-3",
        data: "kind = 'xor', repeat = 6",
        first: "{ embedding = { words = 2, columns = 6 } }, 'flatten', ",
        hidden: (&[10], "'gelu'"),
        outputs: (1, Some("sigmoid")),
        loss: "'bce'",
        optimizer: "adamw = { lr = 0.005 }",
        batch: Some(8),
        more: ", shuffle = true",
        ..BASE
    },
    Setting {
        name: "9-22-2, softplus, sum of squares, L1 and L2 penalties, clipped by value, Adam 2e-3",
        data: "kind = 'regression', rows = 50, inputs = 9, outputs = 2",
        hidden: (&[22], "'softplus'"),
        outputs: (2, None),
        loss: "'sum-squares'",
        optimizer: "adam = { lr = 0.002 }",
        batch: Some(10),
        more: ", penalty = { l1 = { factor = 0.001 }, l2 = { factor = 0.0001 } }, clip = { value = 0.5 }",
        ..BASE
    },
    Setting {
        name: "4-15-5, sigmoid, log-softmax, negative log-likelihood, momentum 0.5, step schedule",
        data: "kind = 'blobs', rows = 60, columns = 4, centers = 5",
        hidden: (&[15], "'sigmoid'"),
        outputs: (5, Some("log-softmax")),
        loss: "'nll'",
        optimizer: "sgd = { lr = 0.3, momentum = 0.5 }",
        batch: Some(15),
        more: ", schedule = { step = { size = 20, gamma = 0.5 } }",
        ..BASE
    },
];
