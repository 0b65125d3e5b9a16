//! Initial weights, drawn without libtorch and copied to both engines.
//!
//! `pytorch` and `uniform01` are other people's streams, bit for bit (see [`mersenne`]). The others are our own:
//! one ChaCha8 stream per experiment seed, the same numbers on every platform.

mod file;
mod mersenne;
mod normal;

use super::{Drawing, Model, Parameter};
use crate::{
    error::{Error, Result},
    tensor::DType,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::{fmt, path::PathBuf, sync::Arc};

/// Where initial weights come from. Norms start from weight 1 and bias 0 whatever the scheme, and embeddings, unless it
/// says otherwise, from N(0, 1), as in PyTorch. For a linear layer with k inputs and m outputs:
#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    /// `pytorch`: what `nn.Linear` draws after `torch.manual_seed(seed)`, U(±1/√k) for weights and biases;
    /// and `nn.Embedding`, N(0, 1).
    Pytorch,
    /// `uniform01`: what `numpy.random.rand(k, m)` draws after `numpy.random.seed(seed)`; biases and
    /// embeddings likewise.
    Uniform01,
    /// `normal`: N(0, std²), embeddings too.
    Normal {
        /// The standard deviation.
        std: f64,
        /// What every draw of a linear layer is divided by.
        divided_by: Size,
        /// Whether biases are drawn, too, or 0.
        biases: bool,
    },
    /// `uniform`: U(low, high).
    Uniform {
        /// The least value,
        low: f64,
        /// and the bound above all values.
        high: f64,
        /// As of `normal`.
        divided_by: Size,
        /// As of `normal`.
        biases: bool,
    },
    /// `truncated-normal`: N(0, 1) cut at ±1/√k, biases too (SciPy's `truncnorm(-1/√k, 1/√k)`).
    TruncatedNormal,
    /// `xavier-normal`: N(0, 2/(k+m)), biases 0 (Glorot and Bengio 2010).
    XavierNormal,
    /// `xavier-uniform`: U(±√(6/(k+m))), biases 0 (Glorot and Bengio 2010).
    XavierUniform,
    /// `kaiming`: N(0, 2/k), biases 0 (He et al. 2015).
    Kaiming,
    /// `zeros`: all 0, embeddings too.
    Zeros,
    /// An `.npz`, a `.safetensors`, a `.npy` of the only parameter, or a folder of `<name>.npy`.
    File(PathBuf),
    /// The first weights of a trace: the values of every parameter, in order.
    Given(Arc<Vec<Vec<f64>>>),
}

/// A number that depends on the k inputs and m outputs of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 1.
    One,
    /// k.
    Inputs,
    /// √k.
    RootOfInputs,
    /// √m.
    RootOfOutputs,
    /// √((k + m)/2).
    RootOfMean,
}

impl Size {
    /// Every size with its name in experiment files.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("1", Self::One),
        ("inputs", Self::Inputs),
        ("sqrt-inputs", Self::RootOfInputs),
        ("sqrt-outputs", Self::RootOfOutputs),
        ("sqrt-mean", Self::RootOfMean),
    ];

    fn of(self, inputs: f64, outputs: f64) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Inputs => inputs,
            Self::RootOfInputs => inputs.sqrt(),
            Self::RootOfOutputs => outputs.sqrt(),
            Self::RootOfMean => ((inputs + outputs) / 2.0).sqrt(),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "",
            Self::Inputs => " over inputs",
            Self::RootOfInputs => " over √inputs",
            Self::RootOfOutputs => " over √outputs",
            Self::RootOfMean => " over √((inputs + outputs)/2)",
        })
    }
}

impl Init {
    /// N(0, std²) for weights and biases.
    pub fn normal(std: f64) -> Self {
        Self::Normal { std, divided_by: Size::One, biases: true }
    }
}

/// The initial values of one parameter. Held in f64, which holds every f32 exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialValues {
    /// Name and shape.
    pub parameter: Parameter,
    /// As many as the shape has elements, row-major.
    pub values: Vec<f64>,
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pytorch => f.write_str("pytorch"),
            Self::Uniform01 => f.write_str("uniform01"),
            Self::Normal { std, divided_by, biases } => {
                write!(f, "normal, standard deviation {std}{divided_by}{}", without(*biases))
            }
            Self::Uniform { low, high, divided_by, biases } => {
                write!(f, "uniform from {low} to {high}{divided_by}{}", without(*biases))
            }
            Self::TruncatedNormal => f.write_str("truncated-normal"),
            Self::XavierNormal => f.write_str("xavier-normal"),
            Self::XavierUniform => f.write_str("xavier-uniform"),
            Self::Kaiming => f.write_str("kaiming"),
            Self::Zeros => f.write_str("zeros"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Given(_) => f.write_str("the first weights of the trace"),
        }
    }
}

fn without(biases: bool) -> &'static str {
    if biases { "" } else { ", biases 0" }
}

/// Draws the initial values of every parameter of `model`, in `state_dict` order.
///
/// # Errors
/// If a weight file cannot be read or does not fit, or the stream does not take the seed.
///
/// ```
/// # use lockstep::{model::{Layer, Linear, Model, init::{draw, Init}}, tensor::DType};
/// let model = Model::new(vec![Layer::Linear(Linear { inputs: 2, outputs: 5, bias: false })], 2)?;
/// let weight = &draw(&model, &Init::Pytorch, 0, DType::F32)?[0].values;
/// assert_eq!(weight[..2], [-0.005293981172144413, 0.37932288646698]); // nn.Linear after torch.manual_seed(0)
/// # Ok::<(), lockstep::error::Error>(())
/// ```
pub fn draw(model: &Model, init: &Init, seed: u64, dtype: DType) -> Result<Vec<InitialValues>> {
    Ok(drawn(model, init, seed, dtype)?.parameters)
}

/// What a side starts from.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The values of every parameter, in `state_dict` order.
    pub parameters: Vec<InitialValues>,
    /// Those of every buffer, where a file has them; none else, as engines start them by themselves.
    pub buffers: Vec<InitialValues>,
    /// How the names of a file were matched, where they are not the model's.
    pub said: Option<String>,
}

/// As [`draw`], with the buffers that a file has.
///
/// # Errors
/// As [`draw`].
pub fn drawn(model: &Model, init: &Init, seed: u64, dtype: DType) -> Result<Drawn> {
    let parameters = model.parameters();
    let buffers: Vec<Parameter> = model.buffers().into_iter().map(|(buffer, _)| buffer).collect();
    let (mut of_buffers, mut said) = (Vec::new(), None);
    let values = match init {
        Init::File(path) => {
            let read = file::read(path, &parameters, &buffers)?;
            said = read.said.map(|said| format!("{}: {said}", path.display()));
            of_buffers = read.buffers;
            read.parameters
        }
        Init::Given(values) => values.to_vec(),
        Init::Pytorch => mersenne::pytorch(model, seed, dtype),
        Init::Uniform01 => mersenne::uniform01(model, seed)?,
        Init::Normal { .. }
        | Init::Uniform { .. }
        | Init::TruncatedNormal
        | Init::XavierNormal
        | Init::XavierUniform
        | Init::Kaiming
        | Init::Zeros => own_stream(model, init, seed),
    };
    let round = |values: Vec<f64>| match dtype {
        DType::F32 => values.into_iter().map(|value| f64::from(value as f32)).collect(),
        DType::F64 => values,
    };
    let rounded = |(parameter, values): (Parameter, Vec<f64>)| {
        let values = round(values);
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(InitialValues { parameter, values }),
            Some(offset) => Err(Error::Usage(format!(
                "init \"{init}\" gives {} at {:?} a value that {dtype} cannot hold; use smaller weights, or dtype = \"f64\"",
                parameter.name,
                parameter.shape.index(offset)
            ))),
        }
    };
    Ok(Drawn {
        parameters: parameters.into_iter().zip(values).map(rounded).collect::<Result<_>>()?,
        buffers: buffers.into_iter().zip(of_buffers).map(rounded).collect::<Result<_>>()?,
        said,
    })
}

/// Initial weights' own stream of a seed, so that no other use of the seed draws the same numbers.
const STREAM: u64 = 0;

/// The schemes whose numbers nobody else fixed: each layer's weight, then its bias, from one ChaCha8 stream.
fn own_stream(model: &Model, init: &Init, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM);
    let mut all = Vec::new();
    for layer in &model.layers {
        let mut fill = |count: usize, scheme: Scheme| (0..count).map(|_| scheme.draw(&mut random)).collect();
        let facts = layer.facts();
        let linear = match facts.drawing {
            Drawing::Linear(linear) => linear,
            Drawing::Table(table) => {
                let scheme = match *init {
                    Init::Normal { std, .. } => Scheme::Normal(std),
                    Init::Uniform { low, high, .. } => Scheme::Uniform(low, high),
                    Init::Zeros => Scheme::Zero,
                    Init::Pytorch
                    | Init::Uniform01
                    | Init::TruncatedNormal
                    | Init::XavierNormal
                    | Init::XavierUniform
                    | Init::Kaiming
                    | Init::File(_)
                    | Init::Given(_) => Scheme::Normal(1.0),
                };
                all.push(fill(table.words * table.columns, scheme));
                continue;
            }
            Drawing::Nothing => {
                all.extend(facts.undrawn());
                continue;
            }
        };
        let (fan_in, fan_out) = (linear.inputs as f64, linear.outputs as f64);
        let (weight, bias) = match *init {
            Init::Normal { std, divided_by, biases } => {
                let scheme = Scheme::Normal(std / divided_by.of(fan_in, fan_out));
                (scheme, if biases { scheme } else { Scheme::Zero })
            }
            Init::Uniform { low, high, divided_by, biases } => {
                let size = divided_by.of(fan_in, fan_out);
                let scheme = Scheme::Uniform(low / size, high / size);
                (scheme, if biases { scheme } else { Scheme::Zero })
            }
            Init::TruncatedNormal => {
                (Scheme::Truncated(fan_in.sqrt().recip()), Scheme::Truncated(fan_in.sqrt().recip()))
            }
            Init::XavierNormal => (Scheme::Normal((2.0 / (fan_in + fan_out)).sqrt()), Scheme::Zero),
            Init::XavierUniform => {
                let bound = (6.0 / (fan_in + fan_out)).sqrt();
                (Scheme::Uniform(-bound, bound), Scheme::Zero)
            }
            Init::Kaiming => (Scheme::Normal((2.0 / fan_in).sqrt()), Scheme::Zero),
            Init::Zeros | Init::Pytorch | Init::Uniform01 | Init::File(_) | Init::Given(_) => {
                (Scheme::Zero, Scheme::Zero)
            }
        };
        all.push(fill(linear.inputs * linear.outputs, weight));
        if linear.bias {
            all.push(fill(linear.outputs, bias));
        }
    }
    all
}

/// One element's distribution.
#[derive(Clone, Copy)]
enum Scheme {
    Zero,
    /// N(0, s²).
    Normal(f64),
    /// From the first number to the second.
    Uniform(f64, f64),
    /// N(0, 1) cut at ±b.
    Truncated(f64),
}

impl Scheme {
    fn draw(self, random: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Normal(deviation) => deviation * random.sample::<f64, _>(StandardNormal),
            Self::Uniform(low, high) => low + (high - low) * random.random::<f64>(),
            // Uniform proposals accepted with the density's height: exact, and at least 60 % are kept, as every
            // bound here is at most 1 (cutting normal deviates would keep 0.8 % of them at 10⁴ inputs).
            Self::Truncated(bound) => loop {
                let proposal = bound * (2.0 * random.random::<f64>() - 1.0);
                if random.random::<f64>() < (-0.5 * proposal * proposal).exp() {
                    return proposal;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Layer, Linear};

    fn linear(inputs: usize, outputs: usize) -> Model {
        Model::new(vec![Layer::Linear(Linear { inputs, outputs, bias: true })], inputs).unwrap()
    }

    #[test]
    fn every_scheme_has_the_mean_and_the_spread_that_its_formula_says() {
        let (fan_in, fan_out) = (400.0, 100.0);
        let uniform = |bound: f64| bound / 3f64.sqrt();
        let schemes = [
            (Init::Pytorch, 0.0, uniform(1.0 / 20.0)),
            (Init::Uniform01, 0.5, uniform(0.5)),
            (Init::normal(0.3), 0.0, 0.3),
            (Init::Normal { std: 2.0, divided_by: Size::Inputs, biases: false }, 0.0, 2.0 / fan_in),
            // U(−3b, b) with b = √(6/(k + m)).
            (
                Init::Uniform {
                    low: -3.0 * 3f64.sqrt(),
                    high: 3f64.sqrt(),
                    divided_by: Size::RootOfMean,
                    biases: true,
                },
                -(6.0f64 / (fan_in + fan_out)).sqrt(),
                uniform(2.0 * (6.0f64 / (fan_in + fan_out)).sqrt()),
            ),
            // Cut at ±0.05 standard deviations, where the density is flat to 0.1 %.
            (Init::TruncatedNormal, 0.0, uniform(1.0 / 20.0)),
            (Init::XavierNormal, 0.0, (2.0f64 / (fan_in + fan_out)).sqrt()),
            (Init::XavierUniform, 0.0, uniform((6.0f64 / (fan_in + fan_out)).sqrt())),
            (Init::Kaiming, 0.0, (2.0f64 / fan_in).sqrt()),
            (Init::Zeros, 0.0, 0.0),
        ];
        for (init, mean, deviation) in schemes {
            let weight = &draw(&linear(400, 100), &init, 3, DType::F64).unwrap()[0].values;
            let count = weight.len() as f64;
            let found_mean = weight.iter().sum::<f64>() / count;
            let found = (weight.iter().map(|w| (w - found_mean).powi(2)).sum::<f64>() / count).sqrt();
            // 40,000 draws: the mean errs by σ/200, the deviation by about σ/280; five of each are allowed.
            assert!((found_mean - mean).abs() <= deviation / 40.0, "{init}: mean {found_mean}");
            assert!((found - deviation).abs() <= deviation / 50.0, "{init}: deviation {found}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_weights_and_another_seed_others() {
        let model = linear(2, 5);
        let first = draw(&model, &Init::Kaiming, 0, DType::F32).unwrap();
        assert_eq!(first, draw(&model, &Init::Kaiming, 0, DType::F32).unwrap());
        assert_ne!(first, draw(&model, &Init::Kaiming, 1, DType::F32).unwrap());
    }
}
