//! What the rest of the program has to know of a layer, each fact in one place.

use super::layer::{Axis, BatchNorm, Dropout, Embedding, Layer, Linear, Norm};
use crate::tensor::Shape;

/// What a layer is to everything but the engines and the replay, which compute it. There are no defaults: a layer that is
/// added answers every question here.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What it trains, by PyTorch's names within a layer, in `state_dict` order.
    pub parameters: Vec<(&'static str, Shape)>,
    /// How these start.
    pub drawing: Drawing,
    /// What it keeps beside, by PyTorch's names; each starts from this value. Batch norm's `num_batches_tracked` is a
    /// counter that nothing here depends on.
    pub buffers: Vec<(&'static str, Shape, f64)>,
    /// Multiply-adds for a row.
    pub multiply_adds: usize,
    /// What the longest sum behind an output runs over.
    pub longest_sum: Terms,
    /// Whether its derivative jumps where an input is 0, so that rounding can push it to the other side.
    pub kink: bool,
    /// How many words it knows by number, where its inputs are numbers of words.
    pub words: Option<usize>,
    /// Whether a training batch of one row has no answer.
    pub needs_rows: bool,
    /// The dropout whose mask comes with each batch.
    pub mask: Option<Dropout>,
    /// When it passes on what reaches it, in training and in evaluation.
    pub identity: Identity,
    /// The same layer without what a bias adds to it, or a norm's weight and bias.
    pub plain: Layer,
}

/// What of a layer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// A weight and a bias.
    Linear(Linear),
    /// The table of an embedding.
    Table(Embedding),
    /// Nothing: a weight starts from 1, a bias from 0.
    Nothing,
}

/// How many terms a sum has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// So many.
    Fixed(usize),
    /// As many as a row of the inputs has elements.
    Columns,
    /// As many as the batch has rows.
    Rows,
}

/// When a layer passes on what reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Never.
    Never,
    /// Always.
    Always,
    /// Where a row has one dimension.
    OfFlatRows,
}

impl Facts {
    /// The values of parameters that nobody draws: a norm's weight of 1 and bias of 0.
    pub fn undrawn(&self) -> Vec<Vec<f64>> {
        let value = |name| if name == "weight" { 1.0 } else { 0.0 };
        self.parameters.iter().map(|&(name, shape)| vec![value(name); shape.elements()]).collect()
    }
}

impl Identity {
    fn when(always: bool) -> Self {
        if always { Self::Always } else { Self::Never }
    }
}

impl Layer {
    /// What the rest of the program has to know of it.
    pub fn facts(&self) -> Facts {
        match *self {
            Self::Linear(linear) => {
                let Linear { inputs, outputs, bias } = linear;
                let mut parameters = vec![("weight", Shape::new(&[outputs, inputs]))];
                parameters.extend(bias.then(|| ("bias", Shape::new(&[outputs]))));
                Facts {
                    parameters,
                    drawing: Drawing::Linear(linear),
                    buffers: Vec::new(),
                    multiply_adds: inputs * outputs,
                    longest_sum: Terms::Fixed(inputs + usize::from(bias)),
                    kink: false,
                    words: None,
                    needs_rows: false,
                    mask: None,
                    identity: Identity::Never,
                    plain: Self::Linear(Linear { bias: false, ..linear }),
                }
            }
            Self::Sigmoid | Self::Tanh | Self::Gelu(_) | Self::Silu | Self::Softplus { .. } => {
                self.without_parameters(Terms::Fixed(1), false, None, Identity::Never)
            }
            Self::Relu => self.without_parameters(Terms::Fixed(1), true, None, Identity::Never),
            Self::LeakyRelu { slope } => {
                self.without_parameters(Terms::Fixed(1), true, None, Identity::when(slope == 1.0))
            }
            Self::Softmax(axis) | Self::LogSoftmax(axis) => {
                let longest_sum = match axis {
                    Axis::Rows => Terms::Rows,
                    Axis::Columns => Terms::Columns,
                };
                self.without_parameters(longest_sum, false, None, Identity::Never)
            }
            Self::Dropout(dropout) => {
                self.without_parameters(Terms::Fixed(1), false, Some(dropout), Identity::when(dropout.p == 0.0))
            }
            Self::Flatten => self.without_parameters(Terms::Fixed(1), false, None, Identity::OfFlatRows),
            Self::LayerNorm(norm) => {
                let plain = Self::LayerNorm(Norm { affine: false, ..norm });
                Self::norm(norm, Vec::new(), Terms::Fixed(norm.columns), false, plain)
            }
            Self::BatchNorm(batch) => {
                let shape = Shape::new(&[batch.norm.columns]);
                let buffers = vec![("running_mean", shape, 0.0), ("running_var", shape, 1.0)];
                let plain = Self::BatchNorm(BatchNorm { norm: Norm { affine: false, ..batch.norm }, ..batch });
                Self::norm(batch.norm, buffers, Terms::Rows, true, plain)
            }
            Self::Embedding(table) => self.table(table, Terms::Fixed(1)),
            Self::EmbeddingBag(table, _) => self.table(table, Terms::Columns),
        }
    }

    fn without_parameters(&self, longest_sum: Terms, kink: bool, mask: Option<Dropout>, identity: Identity) -> Facts {
        Facts {
            parameters: Vec::new(),
            drawing: Drawing::Nothing,
            buffers: Vec::new(),
            multiply_adds: 0,
            longest_sum,
            kink,
            words: None,
            needs_rows: false,
            mask,
            identity,
            plain: *self,
        }
    }

    fn norm(
        norm: Norm,
        buffers: Vec<(&'static str, Shape, f64)>,
        longest_sum: Terms,
        needs_rows: bool,
        plain: Self,
    ) -> Facts {
        let both = ["weight", "bias"].map(|name| (name, Shape::new(&[norm.columns])));
        Facts {
            parameters: if norm.affine { both.to_vec() } else { Vec::new() },
            drawing: Drawing::Nothing,
            buffers,
            multiply_adds: 0,
            longest_sum,
            kink: false,
            words: None,
            needs_rows,
            mask: None,
            identity: Identity::Never,
            plain,
        }
    }

    fn table(&self, table: Embedding, longest_sum: Terms) -> Facts {
        Facts {
            parameters: vec![("weight", Shape::new(&[table.words, table.columns]))],
            drawing: Drawing::Table(table),
            buffers: Vec::new(),
            multiply_adds: 0,
            longest_sum,
            kink: false,
            words: Some(table.words),
            needs_rows: false,
            mask: None,
            identity: Identity::Never,
            plain: *self,
        }
    }
}
