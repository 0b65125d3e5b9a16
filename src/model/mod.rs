//! Architecture as data: layers, and the names and shapes of what they train. Shared by both engines.

pub mod init;

use crate::{
    error::{Error, Result},
    tensor::Shape,
};
use std::fmt;

/// A stack of layers, PyTorch's `nn.Sequential`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The number of columns of a batch.
    pub inputs: usize,
    /// The layers, in the order they are applied; a layer's place is its `state_dict` index.
    pub layers: Vec<Layer>,
}

/// One layer of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// y = x·Wᵀ + b, PyTorch's `nn.Linear`.
    Linear(Linear),
    /// σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// tanh(x).
    Tanh,
    /// max(0, x), with derivative 0 at 0.
    Relu,
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

/// A trained tensor: PyTorch's `state_dict` name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `0.weight`, `0.bias`, `2.weight`…
    pub name: String,
    /// `[out, in]` for weights, `[out]` for biases.
    pub shape: Shape,
}

impl Layer {
    /// The width of this layer's output for an input of `inputs` columns.
    pub fn outputs(&self, inputs: usize) -> usize {
        match self {
            Self::Linear(linear) => linear.outputs,
            Self::Sigmoid | Self::Tanh | Self::Relu => inputs,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear(Linear { inputs, outputs, bias }) => {
                write!(f, "linear {inputs}→{outputs}{}", if *bias { "" } else { " without bias" })
            }
            Self::Sigmoid => f.write_str("sigmoid"),
            Self::Tanh => f.write_str("tanh"),
            Self::Relu => f.write_str("relu"),
        }
    }
}

impl Model {
    /// A model whose layers fit together.
    ///
    /// # Errors
    /// If there is no layer, a size is 0, or a linear layer's inputs are not what the layer before it puts out.
    pub fn new(layers: Vec<Layer>, inputs: usize) -> Result<Self> {
        if layers.is_empty() {
            return Err(Error::Usage("a model needs at least one layer".to_owned()));
        }
        let mut width = inputs;
        for (index, layer) in layers.iter().enumerate() {
            if let Layer::Linear(linear) = layer
                && linear.inputs != width
            {
                return Err(Error::Usage(format!(
                    "layer {index} (linear) takes {} inputs, but {width} columns reach it",
                    linear.inputs
                )));
            }
            width = layer.outputs(width);
            if width == 0 {
                return Err(Error::Usage(format!("layer {index} has no outputs")));
            }
        }
        Ok(Self { inputs, layers })
    }

    /// The width of every layer's output, in layer order.
    pub fn widths(&self) -> Vec<usize> {
        let mut width = self.inputs;
        self.layers
            .iter()
            .map(|layer| {
                width = layer.outputs(width);
                width
            })
            .collect()
    }

    /// The number of columns of the output.
    pub fn outputs(&self) -> usize {
        self.widths().last().copied().unwrap_or(self.inputs)
    }

    /// The multiply-adds of a forward pass of one row.
    pub fn multiply_adds(&self) -> usize {
        let of = |layer: &Layer| match layer {
            Layer::Linear(linear) => linear.inputs * linear.outputs,
            Layer::Sigmoid | Layer::Tanh | Layer::Relu => 0,
        };
        self.layers.iter().map(of).sum()
    }

    /// What is trained, in `state_dict` order: a layer's weight, then its bias.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            if let Layer::Linear(Linear { inputs, outputs, bias }) = *layer {
                parameters.push(Parameter { name: format!("{index}.weight"), shape: Shape::new(&[outputs, inputs]) });
                if bias {
                    parameters.push(Parameter { name: format!("{index}.bias"), shape: Shape::new(&[outputs]) });
                }
            }
        }
        parameters
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, layer) in self.layers.iter().enumerate() {
            write!(f, "{}{layer}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
