//! Mistakes in what layers compute.

use super::{super::edit::HOLE, ANY_SHARE, ANY_SIZE, Cause, Edit, Evidence, fault, values};
use crate::{
    model::{Axis, Gelu, Layer},
    run::Phase,
};

/// The layers of a kind as other ones: all of them alike, as people write the same thing everywhere, and each alone. The keys of
/// `other` are those of the layer.
fn each(evidence: &Evidence<'_>, other: impl Fn(&Layer) -> Vec<Edit>) -> Vec<Edit> {
    let layers = evidence.reference().model.layers.iter().enumerate();
    let all: Vec<(usize, Edit)> =
        layers.flat_map(|(number, layer)| other(layer).into_iter().map(move |edit| (number, edit))).collect();
    let place = |(number, edit): &(usize, Edit)| -> Vec<String> {
        edit.keys.iter().map(|key| format!("model.layer.{number}{key}")).collect()
    };
    let mut edits: Vec<Edit> = Vec::new();
    for (_, edit) in &all {
        let alike = all.iter().filter(|(_, other)| other == edit).flat_map(place).collect();
        let together = Edit { keys: alike, ..edit.clone() };
        if !edits.contains(&together) {
            edits.push(together);
        }
    }
    let alone = all.iter().map(|one| Edit { keys: place(one), ..one.1.clone() });
    edits.extend(alone.filter(|_| all.len() > 1));
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
fn activations(layer: &Layer) -> Vec<Edit> {
    if !is_activation(layer) {
        return Vec::new();
    }
    ["relu", "tanh", "sigmoid", "leaky-relu", "silu", "gelu", "softplus"]
        .iter()
        .map(|name| Edit::key(format!("=\"{name}\"")))
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
                    Gelu::Erf => vec![Edit::key(".gelu.approximate=\"tanh\"")],
                    Gelu::Tanh => vec![Edit::key(".gelu.approximate=\"none\"")],
                }
            })
        },
    },
    Cause {
        id: "slope-other",
        does: "has another slope in its leaky ReLU, or a leaky one for ReLU",
        formula: "slope·x below 0; 0.01 is PyTorch's default, 0.3 Keras' (3's negative_slope), 0.2 TensorFlow's (tf.nn)",
        by_hand: "use the slope that was meant",
        in_pytorch: "nn.LeakyReLU(negative_slope=…)",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            each(evidence, |layer| {
                if *layer == Layer::Relu {
                    return vec![Edit::key(format!("={{ leaky-relu = {{ slope = {HOLE} }} }}")).open(ANY_SIZE)];
                }
                let Layer::LeakyRelu { slope } = layer else { return Vec::new() };
                let known = [
                    (0.01, "PyTorch's default, and Flax'"),
                    (0.2, "the default of tf.nn.leaky_relu"),
                    (0.3, "Keras' default"),
                    (0.0, "ReLU"),
                ];
                values(|value| format!(".leaky-relu.slope={value}"), *slope, &known, ANY_SIZE)
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
            let known = [
                (1e-5, "PyTorch's default"),
                (1e-3, "Keras' default"),
                (1e-6, "Flax' default"),
                (1e-12, "as in BERT"),
                (1e-8, ""),
                (0.0, ""),
            ];
            each(evidence, |layer| {
                if let Layer::LayerNorm(norm) = layer {
                    values(|value| format!(".layer-norm.eps={value}"), norm.eps, &known, ANY_SIZE)
                } else if let Layer::BatchNorm(batch_norm) = layer {
                    values(|value| format!(".batch-norm.eps={value}"), batch_norm.norm.eps, &known, ANY_SIZE)
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
                    vec![Edit::key(format!(".softmax.axis={}", other(axis)))]
                } else if let Layer::LogSoftmax(axis) = layer {
                    vec![Edit::key(format!(".log-softmax.axis={}", other(axis)))]
                } else {
                    Vec::new()
                }
            })
        },
    },
    Cause {
        id: "dropout-unscaled",
        does: "does not divide by 1 − p what dropout keeps, or by another one",
        formula: "x in place of x/(1 − p), or x/(1 − q)",
        by_hand: "divide by 1 - p in training, and do nothing in evaluation",
        in_pytorch: "nn.Dropout divides",
        phase: Phase::Forward,
        told_by: "",
        edits: |evidence| {
            each(evidence, |layer| {
                let Layer::Dropout(dropout) = layer else { return Vec::new() };
                let other = Edit::key(format!(".dropout.p={HOLE}")).open(ANY_SHARE);
                vec![Edit::key(format!(".dropout.scaled={}", !dropout.scaled)), other]
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
