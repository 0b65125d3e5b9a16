//! How far a layer's output may be off where its input is: what a composite's bound is carried on by.
//!
//! To first order, as bounds are small beside what they bound where agreement proves anything: of the derivative's
//! magnitudes, and of a function of one number by the ends of where that may be.

use super::super::{Parameters, Replay};
use crate::{
    model::{Axis, Bag, BatchNorm, Gelu, Layer},
    run::StepRecord,
};

impl Replay {
    /// For each element of layer `index`'s output, how far it may be off where each of its input's is off by so much.
    pub fn spread(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>, off: &[f64]) -> Vec<f64> {
        let (rows, outputs) = (record.rows, self.places[index].output.elements());
        if off.iter().all(|&off| off == 0.0) {
            return vec![0.0; rows * outputs];
        }
        let (input, first) = (record.input(index), self.places[index].parameters.start);
        let scaled = |affine: bool, spread: Vec<f64>| -> Vec<f64> {
            let weight = if affine { parameters(first) } else { &[1.0] };
            spread.iter().zip(weight.iter().cycle()).map(|(spread, weight)| spread * weight.abs()).collect()
        };
        let spread = match self.places[index].layer {
            Layer::Linear(linear) => {
                let weight = parameters(first);
                let row = |off: &[f64]| -> Vec<f64> {
                    let of = |weights: &[f64]| weights.iter().zip(off).map(|(weight, off)| weight.abs() * off).sum();
                    weight.chunks_exact(linear.inputs).map(of).collect()
                };
                off.chunks_exact(linear.inputs).flat_map(row).collect()
            }
            // Numbers of words are given, not computed.
            Layer::Embedding(_) | Layer::EmbeddingBag(_, Bag::Mean | Bag::Sum) => vec![0.0; rows * outputs],
            Layer::Flatten => off.to_vec(),
            Layer::Dropout(_) => match self.mask(index, record) {
                [] => off.to_vec(),
                mask => off.iter().zip(mask).map(|(off, mask)| off * mask.abs()).collect(),
            },
            Layer::Softmax(axis) => {
                let value = self.forward(index, record, parameters).value.clone();
                along(axis, rows, off, &|line| {
                    let mean: f64 = line.iter().map(|&at| value[at] * off[at]).sum();
                    line.iter().map(|&at| value[at] * (off[at] + mean)).collect()
                })
            }
            Layer::LogSoftmax(axis) => {
                let value = self.forward(index, record, parameters).value.clone();
                along(axis, rows, off, &|line| {
                    let mean: f64 = line.iter().map(|&at| value[at].exp() * off[at]).sum();
                    line.iter().map(|&at| off[at] + mean).collect()
                })
            }
            Layer::LayerNorm(norm) => scaled(norm.affine, normalized(Axis::Columns, rows, input, off, norm.eps)),
            Layer::BatchNorm(BatchNorm { norm, .. }) => match self.running(index, record) {
                None => scaled(norm.affine, normalized(Axis::Rows, rows, input, off, norm.eps)),
                Some([_, variance]) => {
                    let of = |(off, variance): (&f64, &f64)| off / (variance + norm.eps).sqrt();
                    scaled(norm.affine, off.iter().zip(variance.iter().cycle()).map(of).collect())
                }
            },
            Layer::Sigmoid
            | Layer::Tanh
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Gelu(Gelu::Erf | Gelu::Tanh)
            | Layer::Silu
            | Layer::Softplus { .. } => self.ends(index, record, parameters, off),
        };
        // What is of second order is below a hundredth of it.
        spread.into_iter().map(|off| 1.01 * off).collect()
    }

    /// Of a function of one number: at either end of where that may be.
    fn ends(&mut self, index: usize, record: &StepRecord, parameters: Parameters<'_>, off: &[f64]) -> Vec<f64> {
        let input = record.input(index).to_vec();
        let value = self.forward(index, record, parameters).value.clone();
        let mut farthest = vec![0.0; off.len()];
        for sign in [1.0, -1.0] {
            let moved = input.iter().zip(off).map(|(x, off)| x + sign * off).collect();
            let at_end = self.forward_of(index, moved);
            for ((farthest, end), value) in farthest.iter_mut().zip(at_end).zip(&value) {
                *farthest = f64::max(*farthest, (end - value).abs());
            }
        }
        farthest
    }

    /// A layer that works element by element, of any input.
    fn forward_of(&mut self, index: usize, input: Vec<f64>) -> &[f64] {
        let mut record = StepRecord { activations: vec![Vec::new(); index], ..StepRecord::default() };
        *record.activations.last_mut().unwrap_or(&mut record.inputs) = input;
        &self.forward(index, &record, &|_| &[]).value
    }
}

/// Along every line of `[rows, columns]`.
pub(super) fn along(axis: Axis, rows: usize, off: &[f64], of_line: &dyn Fn(&[usize]) -> Vec<f64>) -> Vec<f64> {
    let mut spread = vec![0.0; off.len()];
    for line in super::softmax::lines(axis, rows, off.len()) {
        for (&at, value) in line.iter().zip(of_line(&line)) {
            spread[at] = value;
        }
    }
    spread
}

/// Of (x − mean)·s: by |s|·(e + Σe/n + |x̂|·Σ|x̂|e/n).
pub(super) fn normalized(axis: Axis, rows: usize, input: &[f64], off: &[f64], eps: f64) -> Vec<f64> {
    along(axis, rows, off, &|line| {
        let n = line.len() as f64;
        let mean = line.iter().map(|&at| input[at]).sum::<f64>() / n;
        let variance = line.iter().map(|&at| (input[at] - mean).powi(2)).sum::<f64>() / n;
        let inverse = (variance + eps).sqrt().recip();
        let unit = |at: usize| ((input[at] - mean) * inverse).abs();
        let level = line.iter().map(|&at| off[at]).sum::<f64>() / n;
        let slope = line.iter().map(|&at| unit(at) * off[at]).sum::<f64>() / n;
        line.iter().map(|&at| inverse * (off[at] + level + unit(at) * slope)).collect()
    })
}
