//! What gradients owe to inputs that were worked out: how much farther off they may be where a layer's input, or its output, is
//! not the side's own but what the definition gives, so that the side's may be off that.
//!
//! To first order, as in `spread`: of the magnitudes of derivatives, and of a function of one number by the ends of where that
//! may be.

use super::{
    super::{Exact, Parameters, Replay, product::Matrix},
    spread::{along, normalized},
};
use crate::{
    model::{Axis, Bag, BatchNorm, Gelu, Layer, Linear, Norm},
    run::StepRecord,
};

/// By how much more gradients may be off.
#[derive(Default)]
pub(super) struct Owed {
    /// What passes on; empty where nothing is added.
    passed: Vec<f64>,
    /// That in a parameter, by its number.
    parameters: Vec<(usize, Vec<f64>)>,
}

/// What is of second order is below a hundredth of it.
const SECOND_ORDER: f64 = 1.01;

impl Replay {
    /// What the gradients of layer `index` owe, for the gradient that is passing: that in its output.
    pub(super) fn owed(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) -> Owed {
        let (of_input, of_output) = (record.input_off(index), record.output_off(index));
        let exact = |off: &[f64]| off.iter().all(|&off| off == 0.0);
        if exact(of_input) && exact(of_output) {
            return Owed::default();
        }
        let (input, output, rows) = (record.input(index), &record.activations[index], record.rows);
        let first = self.places[index].parameters.start;
        match self.places[index].layer {
            Layer::Linear(linear) => self.owed_by_weight(linear, first, of_input),
            Layer::Sigmoid
            | Layer::Tanh
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Gelu(Gelu::Erf | Gelu::Tanh)
            | Layer::Silu
            | Layer::Softplus { .. } => self.owed_at_ends(index, record, parameters),
            Layer::Softmax(axis) => {
                let gradient = &self.passing.value;
                // y(G − ΣGy), y moved.
                self.passes(along(axis, rows, of_output, &|line| {
                    let sum: f64 = line.iter().map(|&at| gradient[at] * output[at]).sum();
                    let moved: f64 = line.iter().map(|&at| gradient[at].abs() * off_at(of_output, at)).sum();
                    line.iter()
                        .map(|&at| off_at(of_output, at) * (gradient[at] - sum).abs() + output[at].abs() * moved)
                        .collect()
                }))
            }
            Layer::LogSoftmax(axis) => {
                let gradient = &self.passing.value;
                // G − e^y·ΣG, y moved.
                self.passes(along(axis, rows, of_output, &|line| {
                    let sum: f64 = line.iter().map(|&at| gradient[at]).sum();
                    line.iter().map(|&at| output[at].exp() * off_at(of_output, at) * sum.abs()).collect()
                }))
            }
            Layer::LayerNorm(norm) => {
                self.owed_by_norm(norm, Axis::Columns, first, (rows, input), of_input, parameters)
            }
            Layer::BatchNorm(BatchNorm { norm, .. }) => {
                self.owed_by_norm(norm, Axis::Rows, first, (rows, input), of_input, parameters)
            }
            // By masks and numbers of words, which are given.
            Layer::Dropout(_) | Layer::Embedding(_) | Layer::EmbeddingBag(_, Bag::Mean | Bag::Sum) | Layer::Flatten => {
                Owed::default()
            }
        }
    }

    /// Adds what gradients owe to their bounds.
    pub(super) fn owe(&mut self, Owed { passed, parameters }: Owed) {
        add(&mut self.passing.bound, &passed);
        for (parameter, owed) in parameters {
            add(&mut self.gradients[parameter].bound, &owed);
        }
    }

    fn passes(&self, passed: Vec<f64>) -> Owed {
        Owed { passed, parameters: Vec::new() }
    }

    /// ∂W = Gᵀ·x, x moved.
    fn owed_by_weight(&mut self, Linear { inputs, outputs, .. }: Linear, first: usize, off: &[f64]) -> Owed {
        if off.is_empty() {
            return Owed::default();
        }
        let magnitudes: Vec<f64> = self.passing.value.iter().map(|gradient| gradient.abs()).collect();
        let gradient = Matrix::new(&magnitudes, outputs).transposed();
        let (mut moved, sizes) = (Exact::default(), [outputs, off.len() / inputs, inputs]);
        self.products.product(gradient, gradient, Matrix::new(off, inputs), (0.0, 0.0), &mut moved, sizes);
        Owed { passed: Vec::new(), parameters: vec![(first, moved.value)] }
    }

    /// Of a function of one number: what passes at either end of where input and output may be.
    fn owed_at_ends(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>) -> Owed {
        let given = self.passing.clone();
        let mut pass = |sign: f64| {
            let moved = |values: &[f64], off: &[f64]| -> Vec<f64> {
                values.iter().enumerate().map(|(at, value)| value + sign * off_at(off, at)).collect()
            };
            let mut ends = StepRecord { activations: vec![Vec::new(); index + 1], ..StepRecord::default() };
            ends.rows = record.rows;
            ends.activations[index] = moved(&record.activations[index], record.output_off(index));
            let input = moved(record.input(index), record.input_off(index));
            *index.checked_sub(1).map_or(&mut ends.inputs, |before| &mut ends.activations[before]) = input;
            self.passing.value.clone_from(&given.value);
            self.passing.bound.iter_mut().for_each(|bound| *bound = 0.0);
            self.through_exactly(index, &ends, parameters);
            self.passing.value.clone()
        };
        let (exact, ends) = (pass(0.0), [pass(1.0), pass(-1.0)]);
        self.passing = given;
        let farthest = |at: usize| f64::max((ends[0][at] - exact[at]).abs(), (ends[1][at] - exact[at]).abs());
        self.passes((0..exact.len()).map(farthest).collect())
    }

    /// ∂x = s·(h − Σh/n − x̂·Σhx̂/n) and ∂w = Σ G·x̂, with x̂ moved as [`normalized`] says and s by Σ|x̂|e·s²/n of itself.
    fn owed_by_norm(
        &mut self,
        norm: Norm,
        axis: Axis,
        first: usize,
        (rows, input): (usize, &[f64]),
        off: &[f64],
        parameters: Parameters<'_>,
    ) -> Owed {
        if off.is_empty() {
            return Owed::default();
        }
        let (columns, gradient) = (norm.columns, &self.passing.value);
        let weight = if norm.affine { parameters(first) } else { &[1.0] };
        let moved = normalized(axis, rows, input, off, norm.eps);
        let h = |at: usize| gradient[at] * weight[at % columns % weight.len()];
        let mut unit = vec![0.0; input.len()];
        let mut passed = vec![0.0; input.len()];
        for line in super::softmax::lines(axis, rows, input.len()) {
            let n = line.len() as f64;
            let mean = line.iter().map(|&at| input[at]).sum::<f64>() / n;
            let variance = line.iter().map(|&at| (input[at] - mean).powi(2)).sum::<f64>() / n;
            let inverse = (variance + norm.eps).sqrt().recip();
            line.iter().for_each(|&at| unit[at] = (input[at] - mean) * inverse);
            let stretched = inverse * line.iter().map(|&at| unit[at].abs() * off[at]).sum::<f64>() / n;
            let level = line.iter().map(|&at| h(at)).sum::<f64>() / n;
            let slope = line.iter().map(|&at| h(at) * unit[at]).sum::<f64>() / n;
            let of_slope = line.iter().map(|&at| h(at).abs() * moved[at]).sum::<f64>() / n;
            for &at in &line {
                let inner = (h(at) - level - unit[at] * slope).abs();
                passed[at] = inverse * (stretched * inner + moved[at] * slope.abs() + unit[at].abs() * of_slope);
            }
        }
        let mut owed = vec![0.0; columns];
        (0..input.len()).for_each(|at| owed[at % columns] += gradient[at].abs() * moved[at]);
        Owed { passed, parameters: if norm.affine { vec![(first, owed)] } else { Vec::new() } }
    }
}

/// How far an element is off; where nothing is said it is exact.
fn off_at(off: &[f64], at: usize) -> f64 {
    off.get(at).copied().unwrap_or_default()
}

fn add(bounds: &mut [f64], owed: &[f64]) {
    bounds.iter_mut().zip(owed).for_each(|(bound, owed)| *bound += SECOND_ORDER * owed);
}
