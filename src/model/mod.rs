//! Architecture as data: layers, and the names and shapes of what they train. Shared by both engines.

mod align;
mod facts;
pub mod init;
mod layer;

use crate::{
    error::{Error, Result},
    tensor::Shape,
};
pub use align::{Alignment, Stretch};
pub use facts::{Drawing, Facts, Identity, Terms};
pub use layer::{Axis, Bag, BatchNorm, Dropout, Embedding, Gelu, Layer, Linear, Norm};
use std::{fmt, ops::Range};

/// A stack of layers, PyTorch's `nn.Sequential`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The number of columns of a batch.
    pub inputs: usize,
    /// The layers, in the order they are applied; a layer's place is its `state_dict` index.
    pub layers: Vec<Layer>,
}

/// A tensor that is trained, or a buffer: PyTorch's `state_dict` name and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `0.weight`, `0.bias`, `2.weight`…
    pub name: String,
    /// `[out, in]` for weights, `[out]` for biases.
    pub shape: Shape,
    /// Whether it is trained; a buffer, as a running mean, is kept beside.
    pub trained: bool,
}

/// Where a layer stands in its model: what reaches it, and the numbers of what is its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The layer.
    pub layer: Layer,
    /// What is known of it.
    pub facts: Facts,
    /// A row of its input.
    pub input: Shape,
    /// A row of its output.
    pub output: Shape,
    /// The numbers of its parameters among the model's.
    pub parameters: Range<usize>,
    /// The numbers of its buffers among the model's.
    pub buffers: Range<usize>,
    /// Of a dropout layer, its number among the model's.
    pub mask: Option<usize>,
}

impl Model {
    /// A model whose layers fit together.
    ///
    /// # Errors
    /// If there is no layer, a size is 0, a layer does not take what the one before it puts out, or the outputs are not
    /// rows of one dimension.
    pub fn new(layers: Vec<Layer>, inputs: usize) -> Result<Self> {
        if layers.is_empty() {
            return Err(Error::Usage("a model needs at least one layer".to_owned()));
        }
        let mut row = Shape::new(&[inputs]);
        for (index, layer) in layers.iter().enumerate() {
            if index > 0 && layer.facts().words.is_some() {
                let why = "takes the numbers of words, so it has to be the first layer";
                return Err(Error::Usage(format!("layer {index} ({layer}) {why}")));
            }
            row = layer.output(row).map_err(|why| Error::Usage(format!("layer {index} ({layer}) {why}")))?;
            if row.elements() == 0 {
                return Err(Error::Usage(format!("layer {index} has no outputs")));
            }
        }
        if row.len() != 1 {
            return Err(Error::Usage(format!("the model's outputs are rows of {row}; put \"flatten\" at its end")));
        }
        Ok(Self { inputs, layers })
    }

    /// Every layer in its place.
    pub fn places(&self) -> Vec<Place> {
        let (mut row, mut parameters, mut buffers, mut masks) = (Shape::new(&[self.inputs]), 0, 0, 0);
        let place = |layer: &Layer| {
            let input = row;
            // Layers of a model fit together.
            row = layer.output(row).unwrap_or(row);
            let next = |from: &mut usize, count| {
                *from += count;
                *from - count..*from
            };
            let facts = layer.facts();
            Place {
                layer: *layer,
                input,
                output: row,
                parameters: next(&mut parameters, facts.parameters.len()),
                buffers: next(&mut buffers, facts.buffers.len()),
                mask: facts.mask.map(|_| next(&mut masks, 1).start),
                facts,
            }
        };
        self.layers.iter().map(place).collect()
    }

    /// The width of every layer's output, in layer order: the elements of a row.
    pub fn widths(&self) -> Vec<usize> {
        self.places().iter().map(|place| place.output.elements()).collect()
    }

    /// The number of columns of the output.
    pub fn outputs(&self) -> usize {
        self.widths().last().copied().unwrap_or(self.inputs)
    }

    /// The multiply-adds of a forward pass of one row.
    pub fn multiply_adds(&self) -> usize {
        self.layers.iter().map(|layer| layer.facts().multiply_adds).sum()
    }

    /// What is trained, in `state_dict` order: a layer's weight, then its bias.
    pub fn parameters(&self) -> Vec<Parameter> {
        let named = |(index, layer): (usize, &Layer)| {
            let named = move |(name, shape)| Parameter { name: format!("{index}.{name}"), shape, trained: true };
            layer.facts().parameters.into_iter().map(named)
        };
        self.layers.iter().enumerate().flat_map(named).collect()
    }

    /// What is kept beside, in `state_dict` order, each with the value that it starts from.
    pub fn buffers(&self) -> Vec<(Parameter, f64)> {
        let named = |(index, layer): (usize, &Layer)| {
            let named = move |(name, shape, start)| {
                (Parameter { name: format!("{index}.{name}"), shape, trained: false }, start)
            };
            layer.facts().buffers.into_iter().map(named)
        };
        self.layers.iter().enumerate().flat_map(named).collect()
    }

    /// What an engine holds: what is trained, then what is kept beside.
    pub fn tensors(&self) -> Vec<Parameter> {
        let kept = self.buffers().into_iter().map(|(buffer, _)| buffer);
        self.parameters().into_iter().chain(kept).collect()
    }

    /// How many words the first layer knows by number, where the inputs are numbers of words.
    pub fn words(&self) -> Option<usize> {
        self.layers.first().and_then(|layer| layer.facts().words)
    }

    /// Whether the inputs are numbers of words, not quantities.
    pub fn takes_words(&self) -> bool {
        self.words().is_some()
    }
}

impl Place {
    /// Whether the layer passes on what reaches it, in training and in evaluation.
    pub fn is_identity(&self) -> bool {
        match self.facts.identity {
            Identity::Never => false,
            Identity::Always => true,
            Identity::OfFlatRows => self.input.len() == 1,
        }
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
