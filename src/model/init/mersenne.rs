//! Other people's streams, bit for bit: MT19937 as PyTorch and NumPy use it.
//!
//! PyTorch: `uniform_` takes the low 24 bits of one word (f32) or the low 53 of two (f64, high word first), scales
//! by 2⁻²⁴ or 2⁻⁵³ and maps to [lo, hi) with one fused multiply-add; the fusion is what its AVX2 and AVX-512 code
//! does, on a CPU without FMA Python itself prints other last digits. Source: ATen/core/TransformationHelper.h and
//! torch/nn/modules/linear.py, sparse.py (an embedding's `normal_`, see [`normal`](super::normal)). NumPy: `random_sample` takes 27 and 26 high bits of two words.

use super::{
    super::{Drawing, Model},
    normal,
};
use crate::{
    error::{Error, Result},
    tensor::DType,
};
use rand_mt::Mt;

/// torch's generator: its words, and the second of a pair of normal deviates that waits for its turn.
pub(super) struct Torch {
    words: Mt,
    pub(super) waiting: Option<f64>,
}

impl Torch {
    /// After `torch.manual_seed(seed)`.
    pub(super) fn new(seed: u64) -> Self {
        // torch's engine keeps the low 32 bits of a seed, too.
        Self { words: Mt::new(seed as u32), waiting: None }
    }

    /// A multiple of 2⁻²⁴ in [0, 1).
    pub(super) fn single(&mut self) -> f32 {
        (self.words.next_u32() & 0x00ff_ffff) as f32 * 2f32.powi(-24)
    }

    /// A multiple of 2⁻⁵³ in [0, 1).
    pub(super) fn double(&mut self) -> f64 {
        let word = u64::from(self.words.next_u32()) << 32 | u64::from(self.words.next_u32());
        (word & ((1 << 53) - 1)) as f64 * 2f64.powi(-53)
    }

    /// One draw from [−bound, bound) as PyTorch's `uniform_` makes it.
    fn uniform(&mut self, bound: f64, dtype: DType) -> f64 {
        match dtype {
            DType::F32 => {
                let (low, high) = (-bound as f32, bound as f32);
                f64::from(self.single().mul_add(high - low, low))
            }
            DType::F64 => self.double().mul_add(bound + bound, -bound),
        }
    }
}

/// What PyTorch's modules draw, layer by layer, after `torch.manual_seed(seed)`: `nn.Linear`
/// `kaiming_uniform_(weight, a=√5)`, then U(±1/√fan_in) for the bias, `nn.Embedding` and `nn.EmbeddingBag` `normal_`. In
/// f64 it is what modules made with `dtype=torch.float64` draw.
pub(super) fn pytorch(model: &Model, seed: u64, dtype: DType) -> Vec<Vec<f64>> {
    let mut stream = Torch::new(seed);
    let mut all = Vec::new();
    for layer in &model.layers {
        let facts = layer.facts();
        match facts.drawing {
            Drawing::Linear(linear) => {
                let mut fill =
                    |count: usize, bound: f64| (0..count).map(|_| stream.uniform(bound, dtype)).collect::<Vec<_>>();
                let root = (linear.inputs as f64).sqrt();
                // In this order, as PyTorch computes it in f64; 1/√fan_in differs in the last bit.
                let gain = (2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt();
                all.push(fill(linear.inputs * linear.outputs, 3f64.sqrt() * (gain / root)));
                if linear.bias {
                    all.push(fill(linear.outputs, 1.0 / root));
                }
            }
            Drawing::Table(table) => {
                all.push(normal::fill(&mut stream, table.words * table.columns, dtype));
            }
            Drawing::Nothing => all.extend(facts.undrawn()),
        }
    }
    all
}

/// What `numpy.random.rand` draws after `numpy.random.seed(seed)`. A hand-rolled layer keeps its weight as
/// `[in, out]`, so that is the order of the draws; ours is `[out, in]`. A table of an embedding is drawn row by row.
pub(super) fn uniform01(model: &Model, seed: u64) -> Result<Vec<Vec<f64>>> {
    let seed = u32::try_from(seed).map_err(|_| {
        Error::Usage(format!("init = \"uniform01\" is NumPy's stream, which takes seeds below 2³²; the seed is {seed}"))
    })?;
    let mut stream = Mt::new(seed);
    let mut draws = |[outputs, inputs]: [usize; 2]| {
        let mut values = vec![0.0; outputs * inputs];
        for input in 0..inputs {
            for output in 0..outputs {
                let (high, low) = (stream.next_u32() >> 5, stream.next_u32() >> 6);
                values[output * inputs + input] =
                    (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0;
            }
        }
        values
    };
    let mut all = Vec::new();
    for layer in &model.layers {
        let facts = layer.facts();
        match facts.drawing {
            Drawing::Linear(linear) => {
                all.push(draws([linear.outputs, linear.inputs]));
                all.extend(linear.bias.then(|| draws([linear.outputs, 1])));
            }
            Drawing::Table(table) => {
                all.push(draws([table.words * table.columns, 1]));
            }
            Drawing::Nothing => all.extend(facts.undrawn()),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::{Init, draw};
    use super::*;
    use crate::model::{Layer, Linear};

    fn perceptron(bias: bool) -> Model {
        let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias });
        Model::new(vec![linear(2, 5), Layer::Sigmoid, linear(5, 1)], 2).unwrap()
    }

    /// Printed by Python's torch 2.13.0 (AVX-512): `nn.Linear(2, 5)` after `torch.manual_seed(0)`.
    #[test]
    fn the_first_pytorch_weights_are_pythons() {
        for bias in [false, true] {
            let weight = &draw(&perceptron(bias), &Init::Pytorch, 0, DType::F32).unwrap()[0].values;
            assert_eq!(weight[..2], [-0.005293981172144413, 0.37932288646698]);
        }
    }

    /// Printed by NumPy: `numpy.random.seed(0); numpy.random.rand(2, 5)` begins .5488135, .71518937, .60276338.
    #[test]
    fn uniform01_is_numpys_stream_drawn_input_by_input() {
        let weight = &draw(&perceptron(false), &Init::Uniform01, 0, DType::F64).unwrap()[0].values;
        assert_eq!(weight[0], 0.548_813_503_927_324_8); // rand(2, 5)[0, 0]
        assert_eq!(weight[2], 0.715_189_366_372_419_5); // [0, 1]
        assert_eq!(weight[1], 0.645_894_113_066_656_1); // [1, 0]
    }
}
