//! Mistakes in what layers compute.

use super::{Cause, Edit, Evidence, fault};
use crate::{
    model::{Axis, Gelu, Layer},
    run::Phase,
};

/// The layers of a kind as other ones: all of them alike, as people write the same thing everywhere, and each alone.
fn each(evidence: &Evidence<'_>, other: impl Fn(&Layer) -> Vec<String>) -> Vec<Edit> {
    let layers = evidence.reference().model.layers.iter().enumerate();
    let keys: Vec<(usize, String)> =
        layers.flat_map(|(number, layer)| other(layer).into_iter().map(move |key| (number, key))).collect();
    let place = |(number, key): &(usize, String)| format!("model.layer.{number}{key}");
    let mut edits = Vec::new();
    for (_, key) in &keys {
        let alike: Vec<String> = keys.iter().filter(|(_, other)| other == key).map(place).collect();
        let all = Edit { keys: alike, ..Edit::default() };
        if !edits.contains(&all) {
            edits.push(all);
        }
    }
    let single = keys.iter().map(|key| Edit::key(place(key)));
    edits.extend(single.filter(|_| keys.len() > 1));
    edits
}

/// Whether a layer works element by element, without parameters.
fn is_activation(layer: &Layer) -> bool {
    match layer {
        Layer::Sigmoid
        | Layer::Tanh
        | Layer::Relu
        | Layer::LeakyRelu { .. }
        | Layer::Gelu(_)
        | Layer::Silu
        | Layer::Softplus { .. } => true,
        Layer::Linear(_)
        | Layer::Softmax(_)
        | Layer::LogSoftmax(_)
        | Layer::Dropout(_)
        | Layer::LayerNorm(_)
        | Layer::BatchNorm(_)
        | Layer::Embedding(_)
        | Layer::EmbeddingBag(..)
        | Layer::Flatten => false,
    }
}

/// Another activation in the place of one.
fn activations(layer: &Layer) -> Vec<String> {
    if !is_activation(layer) {
        return Vec::new();
    }
    ["relu", "tanh", "sigmoid", "leaky-relu", "silu", "gelu", "softplus"]
        .iter()
        .map(|name| format!("=\"{name}\""))
        .collect()
}

pub(super) const CAUSES: &[Cause] = &[
    Cause {
        id: "gelu-by-tanh",
        does: "computes GELU by the other formula: by tanh where erf is meant, or by erf where tanh is",
        formula: "½x(1 + tanh(√(2/π)(x + 0.044715x³))) in place of ½x(1 + erf(x/√2))",
        by_hand: "use the formula that was meant",
        in_pytorch: "nn.GELU() is erf's; nn.GELU(approximate=\"tanh\") the other",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            each(evidence, |layer| {
                let Layer::Gelu(gelu) = layer else { return Vec::new() };
                match gelu {
                    Gelu::Erf => vec![".gelu.approximate=\"tanh\"".to_owned()],
                    Gelu::Tanh => vec![".gelu.approximate=\"none\"".to_owned()],
                }
            })
        },
    },
    Cause {
        id: "slope-other",
        does: "has another slope in its leaky ReLU",
        formula: "slope·x below 0; 0.01 is PyTorch's default, 0.3 Keras' (3's negative_slope), 0.2 TensorFlow's (tf.nn)",
        by_hand: "use the slope that was meant",
        in_pytorch: "nn.LeakyReLU(negative_slope=…)",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            each(evidence, |layer| {
                let Layer::LeakyRelu { slope } = layer else { return Vec::new() };
                let others = [0.01, 0.2, 0.3, 0.1, 0.0, 0.02, 0.05].iter().filter(|other| **other != *slope);
                others.map(|slope| format!(".leaky-relu.slope={slope}")).collect()
            })
        },
    },
    Cause {
        id: "eps-of-norm",
        does: "has another ε in a norm",
        formula: "√(variance + ε) with another ε; 1e-5 is PyTorch's, 1e-3 Keras', 1e-6 that of Flax and of many transformers, 1e-12 BERT's",
        by_hand: "use PyTorch's eps, 1e-5, or write yours into the definition",
        in_pytorch: "nn.LayerNorm(…, eps=…), nn.BatchNorm1d(…, eps=…)",
        phase: Phase::Forward,
        told_by: "columns of small variance",
        edits: |evidence| {
            let others = |name: &str, own: f64| -> Vec<String> {
                let others = [1e-5, 1e-3, 1e-6, 1e-8, 1e-12, 0.0].iter().filter(|eps| **eps != own);
                others.map(|eps| format!(".{name}.eps={eps:e}")).collect()
            };
            each(evidence, |layer| {
                if let Layer::LayerNorm(norm) = layer {
                    others("layer-norm", norm.eps)
                } else if let Layer::BatchNorm(batch_norm) = layer {
                    others("batch-norm", batch_norm.norm.eps)
                } else {
                    Vec::new()
                }
            })
        },
    },
    Cause {
        id: "norm-unbiased",
        does: "divides the variance in a norm by n − 1",
        formula: "Σ(x − mean)²/(n − 1) in place of Σ(x − mean)²/n: √((n − 1)/n) of the size",
        by_hand: "write x.var(axis), without ddof=1",
        in_pytorch: "torch.var divides by n − 1; nn.LayerNorm and nn.BatchNorm1d by n: unbiased=False",
        phase: Phase::Forward,
        told_by: "",
        edits: |_| fault("norm-unbiased"),
    },
    Cause {
        id: "norm-eps-outside",
        does: "adds ε outside the root in a norm",
        formula: "√variance + ε in place of √(variance + ε)",
        by_hand: "write np.sqrt(var + eps)",
        in_pytorch: "nn.LayerNorm and nn.BatchNorm1d add it inside",
        phase: Phase::Forward,
        told_by: "columns of small variance",
        edits: |_| fault("norm-eps-outside"),
    },
    Cause {
        id: "softmax-axis",
        does: "takes softmax over the rows of a batch, or over columns where rows are meant",
        formula: "Σ over rows in place of Σ over columns",
        by_hand: "sum over axis 1, with keepdims=True",
        in_pytorch: "nn.Softmax(dim=1)",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            let other = |axis: &Axis| usize::from(*axis == Axis::Rows);
            each(evidence, |layer| {
                if let Layer::Softmax(axis) = layer {
                    vec![format!(".softmax.axis={}", other(axis))]
                } else if let Layer::LogSoftmax(axis) = layer {
                    vec![format!(".log-softmax.axis={}", other(axis))]
                } else {
                    Vec::new()
                }
            })
        },
    },
    Cause {
        id: "dropout-unscaled",
        does: "does not divide by 1 − p what dropout keeps",
        formula: "x in place of x/(1 − p)",
        by_hand: "divide by 1 - p in training, and do nothing in evaluation",
        in_pytorch: "nn.Dropout divides",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            each(evidence, |layer| {
                let Layer::Dropout(dropout) = layer else { return Vec::new() };
                vec![format!(".dropout.scaled={}", !dropout.scaled)]
            })
        },
    },
    Cause {
        id: "other-activation",
        does: "has another activation",
        formula: "another f in f(x)",
        by_hand: "use the activation that was meant",
        in_pytorch: "look at the layers of the model",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| each(evidence, activations),
    },
];
