//! The layers: PyTorch's modules as data, with the shapes they make and the tensors that are theirs.

use crate::tensor::Shape;
use std::fmt;

/// One layer of a model, with PyTorch's name, formula and defaults. A row has one dimension, `[columns]`, but for what
/// an [`Embedding`] makes of it, `[words, columns]`, until a [`Flatten`](Self::Flatten).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Layer {
    /// y = x·Wᵀ + b, `nn.Linear`.
    Linear(Linear),
    /// σ(x) = 1 / (1 + e⁻ˣ), `nn.Sigmoid`.
    Sigmoid,
    /// tanh(x), `nn.Tanh`.
    Tanh,
    /// max(0, x), with derivative 0 at 0, `nn.ReLU`.
    Relu,
    /// x where x > 0, else slope·x, with derivative slope at 0, `nn.LeakyReLU`.
    LeakyRelu {
        /// The slope below 0.
        slope: f64,
    },
    /// x·Φ(x) with Φ the normal distribution, or its tanh approximation, `nn.GELU`.
    Gelu(Gelu),
    /// x·σ(x), `nn.SiLU`.
    Silu,
    /// ln(1 + e^(βx))/β, and x itself where βx is above the threshold, `nn.Softplus`.
    Softplus {
        /// β.
        beta: f64,
        /// From which βx on the result is x.
        threshold: f64,
    },
    /// eˣ / Σ eˣ over an axis of `[rows, columns]`, `nn.Softmax`.
    Softmax(Axis),
    /// ln of softmax, `nn.LogSoftmax`.
    LogSoftmax(Axis),
    /// Each element 0 with probability p, else x/(1 − p), in training, `nn.Dropout`.
    Dropout(Dropout),
    /// (x − mean)/√(variance + ε)·w + b over the columns of each row, `nn.LayerNorm`.
    LayerNorm(Norm),
    /// The same over the rows of each column, with running statistics for evaluation, `nn.BatchNorm1d`.
    BatchNorm(BatchNorm),
    /// The rows of a table that the numbers of a row name, `[words]` to `[words, columns]`, `nn.Embedding`.
    Embedding(Embedding),
    /// Their sum or mean, `[words]` to `[columns]`, `nn.EmbeddingBag`.
    EmbeddingBag(Embedding, Bag),
    /// `[words, columns]` to `[words·columns]`, `nn.Flatten`.
    Flatten,
}

/// The sizes of a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// Columns in.
    pub inputs: usize,
    /// Columns out.
    pub outputs: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

/// How GELU is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gelu {
    /// ½x(1 + erf(x/√2)).
    Erf,
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
    Tanh,
}

/// What a softmax sums over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The rows of each column, PyTorch's `dim=0`.
    Rows,
    /// The columns of each row, PyTorch's `dim=1`.
    Columns,
}

/// Inverted dropout. Its masks come with the batch, the same for both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability of 0; below 1.
    pub p: f64,
    /// Whether what is kept is divided by 1 − p.
    pub scaled: bool,
    /// Whether it is off after the first epoch, as in a loop that never goes back from `eval()` to `train()`.
    pub first_epoch_only: bool,
}

/// Normalization over the columns of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// The columns.
    pub columns: usize,
    /// ε.
    pub eps: f64,
    /// Whether there are a weight and a bias, each `[columns]`, from 1 and 0.
    pub affine: bool,
}

/// Normalization over the rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// Columns, ε, and whether there are a weight and a bias.
    pub norm: Norm,
    /// How much of a batch's statistics enters the running ones: (1 − momentum)·old + momentum·new, the variance divided
    /// by n − 1 there and by n in the batch itself.
    pub momentum: f64,
}

/// A table of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embedding {
    /// Rows of the table.
    pub words: usize,
    /// Columns of the table.
    pub columns: usize,
}

/// What an embedding bag makes of the vectors of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bag {
    /// Their mean, PyTorch's default.
    Mean,
    /// Their sum.
    Sum,
}

impl Layer {
    /// `nn.Linear(inputs, outputs)`, with a bias.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        Self::Linear(Linear { inputs, outputs, bias: true })
    }

    /// The shape of a row after this layer, for one of shape `row` before it.
    ///
    /// # Errors
    /// If the layer does not take such a row; says what it takes.
    pub fn output(&self, row: Shape) -> Result<Shape, String> {
        let takes = |columns: usize| match *row {
            [found] if found == columns => Ok(()),
            [found] => Err(format!("takes {columns} columns, but {found} reach it")),
            _ => Err(format!("takes rows of one dimension, but {row} reach it; put \"flatten\" before it")),
        };
        match *self {
            Self::Linear(linear) => takes(linear.inputs).map(|()| Shape::new(&[linear.outputs])),
            Self::Softmax(_) | Self::LogSoftmax(_) => takes(row.elements()).map(|()| row),
            Self::LayerNorm(norm) | Self::BatchNorm(BatchNorm { norm, .. }) => takes(norm.columns).map(|()| row),
            Self::Embedding(table) => takes(row.elements()).map(|()| Shape::new(&[row.elements(), table.columns])),
            Self::EmbeddingBag(table, _) => takes(row.elements()).map(|()| Shape::new(&[table.columns])),
            Self::Flatten => Ok(Shape::new(&[row.elements()])),
            Self::Sigmoid
            | Self::Tanh
            | Self::Relu
            | Self::LeakyRelu { .. }
            | Self::Gelu(_)
            | Self::Silu
            | Self::Softplus { .. }
            | Self::Dropout(_) => Ok(row),
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Linear(Linear { inputs, outputs, bias }) => {
                write!(f, "linear {inputs}→{outputs}{}", if bias { "" } else { " without bias" })
            }
            Self::Sigmoid => f.write_str("sigmoid"),
            Self::Tanh => f.write_str("tanh"),
            Self::Relu => f.write_str("relu"),
            Self::LeakyRelu { slope } => write!(f, "leaky-relu {slope}"),
            Self::Gelu(Gelu::Erf) => f.write_str("gelu"),
            Self::Gelu(Gelu::Tanh) => f.write_str("gelu (tanh)"),
            Self::Silu => f.write_str("silu"),
            Self::Softplus { beta, threshold } => write!(f, "softplus (beta {beta}, threshold {threshold})"),
            Self::Softmax(axis) => write!(f, "softmax{axis}"),
            Self::LogSoftmax(axis) => write!(f, "log-softmax{axis}"),
            Self::Dropout(Dropout { p, scaled, first_epoch_only }) => {
                write!(f, "dropout {p}")?;
                f.write_str(if scaled { "" } else { ", unscaled" })?;
                f.write_str(if first_epoch_only { ", only in the first epoch" } else { "" })
            }
            Self::LayerNorm(norm) => write!(f, "layer-norm {norm}"),
            Self::BatchNorm(BatchNorm { norm, momentum }) => write!(f, "batch-norm {norm}, momentum {momentum}"),
            Self::Embedding(Embedding { words, columns }) => write!(f, "embedding {words}×{columns}"),
            Self::EmbeddingBag(Embedding { words, columns }, bag) => {
                let bag = if bag == Bag::Mean { "mean" } else { "sum" };
                write!(f, "embedding-bag {words}×{columns}, {bag}")
            }
            Self::Flatten => f.write_str("flatten"),
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Rows { " over rows" } else { "" })
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, eps {}{}", self.columns, self.eps, if self.affine { "" } else { ", without weight and bias" })
    }
}
