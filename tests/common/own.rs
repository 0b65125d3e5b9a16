//! An engine as a user would write it, in plain loops.

use lockstep::{
    data::Batch,
    engine::{Description, Engine},
    error::Result,
    experiment::Side,
    model::Parameter,
    tensor::{DType, Values, View},
};

/// What the engine does at its kink.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Kink {
    /// ReLU′(0) = 0, as PyTorch has it.
    #[default]
    Off,
    /// ReLU′(0) = 1.
    On,
    /// Pre-activations within 10⁻³ of 0 are 10⁻³ larger.
    Moved,
}

/// Linear, ReLU, linear; mean squared error and plain descent, in f32. Every sum runs from its last term to its first,
/// biases first: the opposite of the order in the engine from scratch.
#[derive(Default)]
pub struct Own {
    parameters: Vec<Parameter>, // 0.weight, 0.bias, 2.weight, 2.bias
    values: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    lr: f32,
    kink: Kink,
    rows: usize,
    inputs: Vec<f32>,          // [rows, inputs]
    layers: [Vec<f32>; 3],     // [rows, hidden], [rows, hidden], [rows, outputs]
    errors: Vec<f32>,          // p − t, [rows, outputs]
    output_gradient: Vec<f32>, // [rows, outputs]
}

fn sum(terms: impl DoubleEndedIterator<Item = f32>) -> f32 {
    terms.rev().fold(0.0, |sum, term| sum + term)
}

fn elements<'a>(view: &View<'a>) -> &'a [f32] {
    match view.values {
        Values::F32(values) => values,
        Values::F64(_) => panic!("this engine computes in f32"),
    }
}

impl Own {
    pub fn new(side: &Side, kink: Kink) -> Self {
        let parameters = side.model.parameters();
        let values = parameters.iter().map(|parameter| vec![0.0; parameter.shape.elements()]).collect();
        Self { lr: side.training.optimizer.lr() as f32, parameters, values, kink, ..Self::default() }
    }

    /// x·Wᵀ + b.
    fn linear(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let inputs = weight.len() / bias.len();
        let unit = |x: &[f32], w: &[f32], b: f32| sum((0..inputs).map(|input| x[input] * w[input]).chain([b]));
        let row = |x| weight.chunks(inputs).zip(bias).map(move |(w, &b)| unit(x, w, b));
        x.chunks(inputs).flat_map(row).collect()
    }

    /// ∂W = Gᵀ·x and ∂b = Σ over rows of G.
    fn gradients_of(&self, x: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
        let (inputs, outputs) = (x.len() / self.rows, gradient.len() / self.rows);
        let element = |output: usize, input: usize| {
            sum((0..self.rows).map(|row| gradient[row * outputs + output] * x[row * inputs + input]))
        };
        let row = |output| (0..inputs).map(move |input| element(output, input));
        let bias = (0..outputs).map(|output| sum((0..self.rows).map(|row| gradient[row * outputs + output])));
        [(0..outputs).flat_map(row).collect(), bias.collect()]
    }

    fn view<'a>(&self, values: &'a [f32]) -> View<'a> {
        View::new(&[self.rows, values.len() / self.rows], values)
    }
}

impl Engine for Own {
    fn describe(&self) -> Description {
        let [name, version, device] = ["own", "1", "cpu"].map(str::to_owned);
        Description { name, version, dtype: DType::F32, device, threads: 1 }
    }

    fn supports(&self, _side: &Side) -> Result<()> {
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        &self.parameters
    }

    fn load(&mut self, parameter: usize, values: View<'_>) -> Result<()> {
        self.values[parameter] = elements(&values).to_vec();
        Ok(())
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        self.rows = batch.rows();
        self.inputs = elements(&batch.inputs.dense().unwrap()).to_vec();
        let mut before = Self::linear(&self.inputs, &self.values[0], &self.values[1]);
        if self.kink == Kink::Moved {
            before.iter_mut().filter(|z| z.abs() < 1e-3).for_each(|z| *z += 1e-3);
        }
        let after: Vec<f32> = before.iter().map(|z| z.max(0.0)).collect();
        let output = Self::linear(&after, &self.values[2], &self.values[3]);
        self.layers = [before, after, output];
        Ok(())
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.errors = self.layers[2].iter().zip(elements(&batch.targets)).map(|(p, t)| p - t).collect();
        Ok(f64::from(sum(self.errors.iter().map(|error| error * error)) / self.errors.len() as f32))
    }

    fn backward(&mut self) -> Result<()> {
        let [before, after, output] = &self.layers;
        let (hidden, outputs) = (before.len() / self.rows, output.len() / self.rows);
        let factor = 2.0 / self.errors.len() as f32;
        self.output_gradient = self.errors.iter().map(|error| factor * error).collect();
        let passes = |z: f32| z > 0.0 || (z == 0.0 && self.kink == Kink::On);
        let incoming = |row: usize, unit: usize| {
            sum((0..outputs).map(|o| self.output_gradient[row * outputs + o] * self.values[2][o * hidden + unit]))
        };
        let through = |(place, &z)| if passes(z) { incoming(place / hidden, place % hidden) } else { 0.0 };
        let gradient: Vec<f32> = before.iter().enumerate().map(through).collect();
        let [first, last] =
            [self.gradients_of(&self.inputs, &gradient), self.gradients_of(after, &self.output_gradient)];
        self.gradients = first.into_iter().chain(last).collect();
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        for (value, gradient) in self.values.iter_mut().flatten().zip(self.gradients.iter().flatten()) {
            *value -= self.lr * gradient;
        }
        Ok(())
    }

    fn tensor(&self, parameter: usize) -> View<'_> {
        View::new(&self.parameters[parameter].shape, self.values[parameter].as_slice())
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        View::new(&self.parameters[parameter].shape, self.gradients[parameter].as_slice())
    }

    fn activation(&self, layer: usize) -> View<'_> {
        self.view(&self.layers[layer])
    }

    fn output_gradient(&self) -> View<'_> {
        self.view(&self.output_gradient)
    }
}
