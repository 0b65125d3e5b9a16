//! A network trained by the engine from scratch, from Rust alone: XOR, two inputs, five hidden units, one output.
//!
//!     cargo run --example from_scratch

use lockstep::{
    Engine, Result,
    data::Batch,
    engine::scratch::Scratch,
    model::{
        Layer, Model,
        init::{Init, draw},
    },
    tensor::{DType, Owned, Values, View},
    training::{Loss, Measure, Optimizer, Reduction, Sgd, Training},
};

/// A network of these layers, its weights drawn as PyTorch draws them after `torch.manual_seed(seed)`.
fn sequential(inputs: usize, layers: Vec<Layer>, training: &Training, seed: u64) -> Result<Scratch<f32>> {
    const LARGEST_BATCH: usize = 4;
    let model = Model::new(layers, inputs)?;
    let mut net = Scratch::new(&model, training, LARGEST_BATCH);
    for (index, drawn) in draw(&model, &Init::Pytorch, seed, DType::F32)?.iter().enumerate() {
        let mut values = Owned::new(DType::F32);
        values.assign(Values::F64(&drawn.values));
        net.load(index, values.view(drawn.parameter.shape))?;
    }
    Ok(net)
}

/// The example.
pub fn main() -> Result<()> {
    let loss = Loss { measure: Measure::SquaredError, reduction: Reduction::Mean };
    let training = Training::new(loss, Optimizer::Sgd(Sgd { momentum: 0.9, ..Sgd::new(0.5) }));
    let layers = vec![Layer::linear(2, 5), Layer::Tanh, Layer::linear(5, 1), Layer::Sigmoid];
    let mut net = sequential(2, layers, &training, 0)?;

    let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0f32];
    let targets = [0.0, 1.0, 1.0, 0.0f32];
    let batch = Batch::dense(View::new(&[4, 2], &inputs[..]), View::new(&[4, 1], &targets[..]));
    for step in 0..1000 {
        net.forward(&batch)?;
        let loss = net.loss(&batch)?;
        net.backward()?;
        net.update()?;
        if step % 100 == 0 {
            println!("step {step:4}: loss {loss:.6}");
        }
    }

    net.forward(&Batch { training: false, ..batch })?;
    let outputs: Vec<f64> = net.activation(3).values.iter().collect();
    for ((inputs, output), target) in inputs.chunks(2).zip(&outputs).zip(targets) {
        println!("{inputs:?} → {output:.4} (wanted {target})");
    }
    assert!(outputs.iter().zip(targets).all(|(output, target)| (output - f64::from(target)).abs() < 0.1));
    Ok(())
}
