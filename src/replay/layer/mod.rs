//! The formulas of the layers, forward and backward, with what rounding does to them: one file for each kind, as in
//! `engine/scratch/layer`.

mod activation;
mod linear;

use super::{Exact, Parameters, Replay};
use crate::{lockstep::StepRecord, model::Layer};

impl Replay {
    /// The output of layer `index` of the definition, `[rows, outputs]`, from what reached it in `record`.
    pub fn forward(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) -> &Exact {
        let input = record.input(index);
        let first = self.places[index].parameters.start;
        match self.places[index].layer {
            Layer::Linear(linear) => {
                self.linear(linear, input, parameters(first), linear.bias.then(|| parameters(first + 1)));
            }
            Layer::Sigmoid => self.sigmoid(input),
            Layer::Tanh => self.tanh(input),
            Layer::Relu => self.relu(input),
            Layer::Dropout(_) => {
                let mask = self.mask(index, record);
                self.dropout(input, mask);
            }
            _ => todo!("replay of {}", self.places[index].layer),
        }
        &self.result
    }

    /// The gradient in every parameter of the definition, from what `record` holds.
    pub fn backward(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &[Exact] {
        self.passing.fill(record.output_gradient.iter().copied(), |_| 0.0);
        for index in (0..self.places.len()).rev() {
            let (input, output) = (record.input(index), &record.activations[index]);
            let first = self.places[index].parameters.start;
            match self.places[index].layer {
                Layer::Linear(linear) => {
                    self.linear_gradients(linear, first, input);
                    if index > 0 {
                        self.through_linear(linear, parameters(first));
                    }
                }
                Layer::Sigmoid => self.through_sigmoid(output),
                Layer::Tanh => self.through_tanh(output),
                Layer::Relu => self.through_relu(output),
                Layer::Dropout(_) => {
                    let mask = self.mask(index, record);
                    self.through_dropout(mask);
                }
                _ => todo!("replay of {}", self.places[index].layer),
            }
        }
        self.penalize(parameters);
        &self.gradients
    }

    /// What dropout layer `index` multiplies its input by; nothing where it is off.
    fn mask<'a>(&self, index: usize, record: &'a StepRecord) -> &'a [f64] {
        self.places[index].mask.and_then(|mask| record.masks.get(mask)).map_or(&[], Vec::as_slice)
    }
}
