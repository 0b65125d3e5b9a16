//! An engine of your own, beside PyTorch: linear regression in plain loops.
//!
//!     cargo run --example own_engine
//!
//! The first comparison is at parity. Then the engine forgets to divide the gradient by the number of elements, and the
//! verdict says where that shows first, and by which factor.

use lockstep::{
    Comparison, Engine, Error, Experiment, Result,
    data::Batch,
    engine::{self, Description},
    experiment::Side,
    judge::verdict::Outcome,
    model::{Layer, Parameter},
    report::text,
    tensor::{DType, Values, View},
    training::{Loss, Measure, Optimizer, Reduction, Sgd, Training},
};

/// y = x·Wᵀ + b, mean squared error, plain gradient descent, in f32.
struct Own {
    tensors: Vec<Parameter>, // 0.weight [outputs, inputs], 0.bias [outputs]
    weight: Vec<f32>,
    bias: Vec<f32>,
    gradients: [Vec<f32>; 2],  // of the weight, of the bias
    inputs: Vec<f32>,          // [rows, inputs]
    outputs: Vec<f32>,         // [rows, outputs]
    errors: Vec<f32>,          // outputs − targets
    output_gradient: Vec<f32>, // [rows, outputs]
    rows: usize,
    lr: f32,
    forgets_the_mean: bool,
}

impl Own {
    fn new(side: &Side, forgets_the_mean: bool) -> Self {
        let (inputs, outputs) = (side.model.inputs, side.model.outputs());
        Self {
            tensors: side.model.tensors(),
            weight: vec![0.0; outputs * inputs],
            bias: vec![0.0; outputs],
            gradients: [vec![0.0; outputs * inputs], vec![0.0; outputs]],
            inputs: Vec::new(),
            outputs: Vec::new(),
            errors: Vec::new(),
            output_gradient: Vec::new(),
            rows: 0,
            lr: side.training.optimizer.lr() as f32,
            forgets_the_mean,
        }
    }
}

/// Why this engine does not do what it is asked to.
fn refused(message: &str) -> Error {
    Error::Engine { engine: "own".to_owned(), operation: "setup".to_owned(), message: message.to_owned() }
}

/// This engine computes in f32, and says so; what it is lent is in its own type.
fn floats<'a>(view: View<'a>) -> Result<&'a [f32]> {
    match view.values {
        Values::F32(values) => Ok(values),
        Values::F64(_) => Err(refused("computes in f32; write dtype = \"f32\"")),
    }
}

impl Engine for Own {
    fn describe(&self) -> Description {
        let [name, version, device] = ["own", "1", "cpu"].map(str::to_owned);
        Description { name, version, dtype: DType::F32, device, threads: 1 }
    }

    /// Better refused than silently something else.
    fn supports(&self, side: &Side) -> Result<()> {
        if !matches!(side.model.layers[..], [Layer::Linear(linear)] if linear.bias) {
            return Err(refused("has one linear layer with a bias"));
        }
        // Whatever else a training can have, schedules and clipping and penalties too, has to be absent.
        let loss = Loss { measure: Measure::SquaredError, reduction: Reduction::Mean };
        let plain = Training::new(loss, Optimizer::Sgd(Sgd::new(side.training.optimizer.lr())));
        if side.training != plain {
            return Err(refused(
                "knows loss = \"mse\" and optimizer = { sgd = { lr = 0.1 } }, and nothing beside them",
            ));
        }
        Ok(())
    }

    fn tensors(&self) -> &[Parameter] {
        &self.tensors
    }

    fn load(&mut self, tensor: usize, values: View<'_>) -> Result<()> {
        let own = if tensor == 0 { &mut self.weight } else { &mut self.bias };
        if values.shape != self.tensors[tensor].shape {
            return Err(refused("was given a tensor of another shape"));
        }
        own.copy_from_slice(floats(values)?);
        Ok(())
    }

    fn tensor(&self, tensor: usize) -> View<'_> {
        let own = if tensor == 0 { &self.weight } else { &self.bias };
        View::new(&self.tensors[tensor].shape, own.as_slice())
    }

    fn forward(&mut self, batch: &Batch<'_>) -> Result<()> {
        let inputs = batch.inputs.dense().ok_or_else(|| refused("takes dense rows"))?;
        self.rows = batch.rows();
        self.inputs = floats(inputs)?.to_vec();
        self.outputs.clear();
        let columns = self.inputs.len() / self.rows;
        for x in self.inputs.chunks(columns) {
            for (w, b) in self.weight.chunks(columns).zip(&self.bias) {
                self.outputs.push(x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>() + b);
            }
        }
        Ok(())
    }

    fn loss(&mut self, batch: &Batch<'_>) -> Result<f64> {
        self.errors = self.outputs.iter().zip(floats(batch.targets)?).map(|(y, t)| y - t).collect();
        let squares: f32 = self.errors.iter().map(|error| error * error).sum();
        Ok(f64::from(squares / self.errors.len() as f32))
    }

    fn backward(&mut self) -> Result<()> {
        let elements = if self.forgets_the_mean { 1.0 } else { self.errors.len() as f32 };
        self.output_gradient = self.errors.iter().map(|error| 2.0 * error / elements).collect();
        let (columns, outputs) = (self.inputs.len() / self.rows, self.bias.len());
        let [of_weight, of_bias] = &mut self.gradients;
        of_weight.fill(0.0);
        of_bias.fill(0.0);
        for (x, gradient) in self.inputs.chunks(columns).zip(self.output_gradient.chunks(outputs)) {
            for (output, gradient) in gradient.iter().enumerate() {
                of_bias[output] += gradient;
                for (sum, x) in of_weight[output * columns..][..columns].iter_mut().zip(x) {
                    *sum += gradient * x;
                }
            }
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        for (values, gradients) in [&mut self.weight, &mut self.bias].into_iter().zip(&self.gradients) {
            values.iter_mut().zip(gradients).for_each(|(value, gradient)| *value -= self.lr * gradient);
        }
        Ok(())
    }

    fn gradient(&self, parameter: usize) -> View<'_> {
        View::new(&self.tensors[parameter].shape, self.gradients[parameter].as_slice())
    }

    fn activation(&self, _layer: usize) -> View<'_> {
        View::new(&[self.rows, self.bias.len()], self.outputs.as_slice())
    }

    fn output_gradient(&self) -> View<'_> {
        View::new(&[self.rows, self.bias.len()], self.output_gradient.as_slice())
    }
}

const EXPERIMENT: &str = "
    title = 'Linear regression, by hand and in PyTorch'
    data = { kind = 'regression', rows = 64, inputs = 4, outputs = 2 }
    model.layers = [{ linear = { outputs = 2 } }]
    training = { loss = 'mse', optimizer = { sgd = { lr = 0.1 } }, batch_size = 16, epochs = 10 }
";

/// The example.
pub fn main() -> Result<()> {
    // Built without libtorch, the reference is the engine from scratch.
    let sets = if cfg!(feature = "torch") { "reference.engine=torch" } else { "reference.engine=scratch" };
    let experiment = Experiment::parse(EXPERIMENT, "own_engine.rs", "".as_ref(), &[sets.to_owned()])?;
    // First whether it keeps the contract of an engine, on any batch.
    let inputs = [0.5, -1.0, 2.0, 0.25, 1.0, 0.0, -0.5, 3.0f32];
    let targets = [1.0, -1.0, 0.5, 2.0f32];
    let batch = Batch::dense(View::new(&[2, 4], &inputs[..]), View::new(&[2, 2], &targets[..]));
    let side = &experiment.candidate;
    engine::check(&mut Own::new(side, false), &side.model, &batch)?;
    // Then whether it computes what PyTorch does.
    for (forgets_the_mean, expected) in [(false, Outcome::Parity), (true, Outcome::Mismatch)] {
        let candidate = move |side: &Side, _rows| Ok(Box::new(Own::new(side, forgets_the_mean)) as Box<dyn Engine>);
        let comparison = Comparison { candidate: Some(&candidate), ..Comparison::default() };
        let (verdict, _) = comparison.run(&experiment)?;
        println!("{}\n", text::render(&verdict));
        assert_eq!(verdict.verdict, expected);
    }
    Ok(())
}
