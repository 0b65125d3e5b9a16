//! The formulas of the layers, forward and backward, with what rounding does to them: one file for each kind, as in
//! `engine/scratch/layer`.

mod activation;
mod embedding;
mod gelu;
mod linear;
mod norm;
mod owed;
mod smooth;
mod softmax;
mod spread;

use super::{Exact, Found, Parameters, Replay};
use crate::{
    model::{Bag, Gelu, Layer, Linear},
    run::StepRecord,
    training::Fault,
};

impl Replay {
    /// The output of layer `index` of the definition, `[rows, outputs]`, from what reached it in `record`.
    pub fn forward(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) -> &Exact {
        let input = record.input(index);
        let first = self.places[index].parameters.start;
        let rows = record.rows;
        match self.places[index].layer {
            Layer::Linear(linear) => {
                let found = record.activations.get(index).map_or(&[][..], Vec::as_slice);
                self.linear(linear, input, parameters(first), linear.bias.then(|| parameters(first + 1)), found);
            }
            Layer::Sigmoid => self.sigmoid(input),
            Layer::Tanh => self.tanh(input),
            Layer::Relu => self.relu(input),
            Layer::LeakyRelu { slope } => self.leaky_relu(input, slope),
            Layer::Gelu(Gelu::Erf) => self.gelu(input),
            Layer::Gelu(Gelu::Tanh) => self.gelu_tanh(input),
            Layer::Silu => self.silu(input),
            Layer::Softplus { beta, threshold } => self.softplus(input, beta, threshold),
            Layer::Softmax(axis) => self.softmax(axis, rows, input),
            Layer::LogSoftmax(axis) => self.log_softmax(axis, rows, input),
            Layer::Dropout(_) => {
                let mask = self.mask(index, record);
                self.dropout(input, mask);
            }
            Layer::LayerNorm(norm) => self.layer_norm(norm, input, &|number| parameters(first + number)),
            Layer::BatchNorm(options) => {
                let running = self.running(index, record);
                self.batch_norm(options, input, running, &|number| parameters(first + number));
            }
            Layer::Embedding(table) => self.embedding(table, input, parameters(first)),
            Layer::EmbeddingBag(table, bag) => {
                self.embedding_bag(
                    table,
                    self.places[index].input.elements(),
                    bag == Bag::Mean,
                    input,
                    parameters(first),
                );
            }
            Layer::Flatten => self.result.fill(input.iter().copied(), |_| 0.0),
        }
        &self.result
    }

    /// Every buffer of the definition after the forward phase, from what it was `before` and what reached its layer.
    pub fn buffers(&mut self, record: &StepRecord, before: Parameters<'_>) -> &[Exact] {
        for index in 0..self.places.len() {
            if let Layer::BatchNorm(options) = self.places[index].layer {
                let first = self.places[index].buffers.start;
                let before = [before(first), before(first + 1)];
                self.running_statistics(options, first, record.input(index), before, record.evaluation);
            }
        }
        &self.buffers
    }

    /// The gradient in every parameter of the definition, from what `record` holds.
    pub fn backward(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &[Exact] {
        self.backward_beside(record, parameters, &|_| None, &mut |_| ())
    }

    /// The same, where it is looked at closely beside what the side found. `seen` is told of the gradients before penalties
    /// are added to them.
    pub fn backward_beside(
        &mut self,
        record: &StepRecord,
        parameters: Parameters<'_>,
        found: Found<'_>,
        seen: &mut dyn FnMut(&[Exact]),
    ) -> &[Exact] {
        self.start_back(record);
        // What reaches each layer, where sums are looked at closely in the end.
        let mut reached = Vec::new();
        for index in (0..self.tail).rev() {
            if self.rounding.close {
                reached.push((index, self.passing.value.clone()));
            }
            self.through(index, record, parameters);
        }
        seen(&self.gradients);
        self.penalize(parameters);
        self.mistake(record.step);
        for (index, passing) in reached {
            let (input, first) = (record.input(index), self.places[index].parameters.start);
            let of = (input, passing.as_slice());
            let words = self.places[index].input.elements();
            if let Layer::Linear(linear) = self.places[index].layer {
                self.linear_closely(linear, first, of, found);
            } else if let Layer::Embedding(table) = self.places[index].layer {
                self.embedding_closely(table, first, (1, 1.0), of, found);
            } else if let Layer::EmbeddingBag(table, bag) = self.places[index].layer {
                let divisor = if bag == Bag::Mean { words as f64 } else { 1.0 };
                self.embedding_closely(table, first, (words, divisor), of, found);
            }
        }
        &self.gradients
    }

    /// The same layer by layer: each from the side's own gradient in its output, where the side lends that. `each` is told
    /// of those gradients, as they come from the layer behind.
    pub fn backward_in_pieces(
        &mut self,
        record: &StepRecord,
        parameters: Parameters<'_>,
        each: &mut dyn FnMut(usize, &Exact),
    ) -> &[Exact] {
        self.start_back(record);
        for index in (0..self.tail).rev() {
            let lent = record.activation_gradients.get(index).filter(|lent| !lent.is_empty() && index + 1 < self.tail);
            if let Some(lent) = lent {
                each(index, &self.passing);
                self.passing.fill(lent.iter().copied(), |_| 0.0);
            }
            self.through(index, record, parameters);
        }
        self.penalize(parameters);
        self.mistake(record.step);
        &self.gradients
    }

    /// What is done to the gradients of a step by mistake.
    fn mistake(&mut self, step: usize) {
        if self.training.faults.is_empty() {
            return;
        }
        let scale = self
            .training
            .faults
            .iter()
            .find_map(|fault| if let Fault::GradientsScaled(by) = fault { Some(*by) } else { None });
        for parameter in 0..self.gradients.len() {
            let left = if self.makes(&Fault::GradientsNotZeroed) {
                self.left_over(step, parameter).to_vec()
            } else {
                Vec::new()
            };
            let rounding = self.rounding;
            let Exact { value, bound } = &mut self.gradients[parameter];
            for (at, (value, bound)) in value.iter_mut().zip(bound).enumerate() {
                if let Some(scale) = scale {
                    (*value, *bound) =
                        (*value * scale, *bound * scale.abs() + rounding.chain(2.0, (*value * scale).abs()));
                }
                if let Some(left) = left.get(at) {
                    *value += left;
                    *bound += rounding.chain(1.0, value.abs() + left.abs());
                }
            }
        }
    }

    /// The gradient of the optimized loss in what reaches the tail: the output's, where no layers belong to that.
    pub fn loss_gradient(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &Exact {
        self.output_gradient(record.output(), &record.targets);
        std::mem::swap(&mut self.passing, &mut self.result);
        self.back(record, parameters)
    }

    /// The same, from the side's own gradient in the outputs.
    pub fn through_tail(&mut self, record: &StepRecord, gradient: &[f64], parameters: Parameters<'_>) -> &Exact {
        self.passing.fill(gradient.iter().copied(), |_| 0.0);
        self.back(record, parameters)
    }

    fn back(&mut self, record: &StepRecord, parameters: Parameters<'_>) -> &Exact {
        for index in (self.tail..self.places.len()).rev() {
            self.through(index, record, parameters);
        }
        &self.passing
    }

    /// The side's own gradient in the outputs, or in what reaches the tail, is what passes first.
    fn start_back(&mut self, record: &StepRecord) {
        self.passing.fill(record.output_gradient.iter().copied(), |_| 0.0);
        if !record.output_gradient_off.is_empty() {
            self.passing.bound.copy_from_slice(&record.output_gradient_off);
        }
    }

    /// Takes the gradient that is passing, that in the output of layer `index`, to the layer's input, and leaves those in its
    /// parameters.
    fn through(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) {
        let forgotten = self.makes(&Fault::DerivativeForgotten(index)).then(|| self.passing.clone());
        if self.makes(&Fault::EarlyUpdate) && !record.after.is_empty() {
            self.through_and_owe(index, record, &|index| &record.after[index]);
        } else {
            self.through_and_owe(index, record, parameters);
        }
        if let Some(forgotten) = forgotten {
            self.passing = forgotten;
        } else if self.makes(&Fault::NoGradient(index)) {
            let passed = record.input(index).len();
            self.passing.fill((0..passed).map(|_| 0.0), |_| 0.0);
        }
    }

    fn through_and_owe(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) {
        let owed = self.owed(index, record, parameters);
        self.through_exactly(index, record, parameters);
        self.owe(owed);
    }

    /// The gradient in a linear layer's bias, as a mistake makes it of the right one.
    fn bias_gradient(&mut self, linear: Linear, first: usize, rows: usize) {
        if !linear.bias {
            return;
        }
        let (rounding, averaged, summed) =
            (self.rounding, self.makes(&Fault::BiasGradientAveraged), self.makes(&Fault::BiasGradientSummed));
        let gradient = &mut self.gradients[first + 1];
        if averaged {
            for (value, bound) in gradient.value.iter_mut().zip(&mut gradient.bound) {
                (*value, *bound) = (*value / rows as f64, *bound / rows as f64);
                *bound += rounding.chain(2.0, value.abs());
            }
        } else if summed {
            let magnitude: f64 = self.passing.value.iter().map(|gradient| gradient.abs()).sum();
            let off: f64 = self.passing.bound.iter().sum();
            let (value, count) = (gradient.value.iter().sum::<f64>(), self.passing.value.len());
            let bound = off + rounding.sum(count) * (magnitude + off);
            gradient.value.fill(value);
            gradient.bound.fill(bound);
        }
    }

    /// The same, where input and output are the side's own.
    fn through_exactly(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) {
        let (input, output, rows) = (record.input(index), &record.activations[index], record.rows);
        let first = self.places[index].parameters.start;
        match self.places[index].layer {
            Layer::Linear(linear) => {
                self.linear_gradients(linear, first, input);
                self.bias_gradient(linear, first, rows);
                if index > 0 {
                    self.through_linear(linear, parameters(first));
                }
            }
            Layer::Sigmoid => self.through_sigmoid(input, output),
            Layer::Tanh => self.through_tanh(output),
            Layer::Relu => self.through_relu(input, output),
            Layer::LeakyRelu { slope } => self.through_leaky_relu(input, slope),
            Layer::Gelu(Gelu::Erf) => self.through_gelu(input),
            Layer::Gelu(Gelu::Tanh) => self.through_gelu_tanh(input),
            Layer::Silu => self.through_silu(input),
            Layer::Softplus { beta, threshold } => self.through_softplus(input, beta, threshold),
            Layer::Softmax(axis) => self.through_softmax(axis, rows, output),
            Layer::LogSoftmax(axis) => self.through_log_softmax(axis, rows, output),
            Layer::Dropout(_) => {
                let mask = self.mask(index, record);
                self.through_dropout(mask);
            }
            Layer::LayerNorm(norm) => {
                self.through_layer_norm(norm, first, input, &|number| parameters(first + number));
            }
            Layer::BatchNorm(options) => {
                let running = self.running(index, record);
                self.through_batch_norm(options, first, input, running, &|number| parameters(first + number));
            }
            Layer::Embedding(table) => self.embedding_gradients(table, first, 1, false, input),
            Layer::EmbeddingBag(table, bag) => {
                let words = self.places[index].input.elements();
                self.embedding_gradients(table, first, words, bag == Bag::Mean, input);
            }
            Layer::Flatten => {}
        }
    }

    /// What dropout layer `index` multiplies its input by; nothing where it is off.
    fn mask<'a>(&self, index: usize, record: &'a StepRecord) -> &'a [f64] {
        self.places[index].mask.and_then(|mask| record.masks.get(mask)).map_or(&[], Vec::as_slice)
    }

    /// In evaluation, the running mean and variance that batch norm `index` uses.
    fn running<'a>(&self, index: usize, record: &'a StepRecord) -> Option<[&'a [f64]; 2]> {
        let kept = record.buffers_before.get(self.places[index].buffers.clone()).filter(|_| record.evaluation)?;
        Some([&kept[0], &kept[1]])
    }
}
