//! What the initializations do before the first step: how much of the input reaches each layer, and of the error each
//! weight.

use super::folds::{BOTH, FEW, Init};
use crate::{
    engine::Engine,
    error::Result,
    run::{Batches, RunSide, prepared},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};

/// Linear layers of the network, by their place in it.
pub(super) const LINEAR: [usize; 5] = [0, 2, 4, 6, 8];

/// What one initialization does, mean and deviation over folds.
#[derive(Serialize, Deserialize)]
pub(super) struct Signal {
    /// How much a unit of each linear layer varies from point to point: the root of its variance over the training
    /// points, averaged over the layer's units.
    pub(super) varies: Vec<Sample>,
    /// The norm of the gradient in each linear layer's weights.
    pub(super) gradient: Vec<Sample>,
}

/// Parts of [`measure`], for the progress bar.
pub(super) const PARTS: usize = BOTH.len();

/// Of both initializations, the custom one first.
pub(super) fn measure(context: &Context<'_>) -> Result<Vec<Signal>> {
    let of = |init: &Init| {
        let folds = (0..FEW).map(|fold| one(*init, fold)).collect::<Result<Vec<_>>>()?;
        let layer = |pick: &dyn Fn(&[Vec<f64>; 2]) -> f64| Sample::of(&folds.iter().map(pick).collect::<Vec<_>>());
        let layers = |which: usize| (0..LINEAR.len()).map(|place| layer(&|fold| fold[which][place])).collect();
        Ok(Signal { varies: layers(0), gradient: layers(1) })
    };
    context.each(&BOTH, |init| format!("{} initialization before the first step", init.name()), of)
}

/// Of one fold: variation and gradient by linear layer.
fn one(init: Init, fold: u64) -> Result<[Vec<f64>; 2]> {
    let full = [init.set().to_owned(), format!("seed={fold}"), "training.batch_size=full".to_owned()];
    let experiment = super::parity(&full)?;
    let which = RunSide::Candidate;
    let mut engine = prepared(&experiment, which, super::folds::ROWS)?;
    let batches = Batches::new(&experiment, which)?;
    batches.lend(experiment.candidate.dtype, |batch, _| -> Result<()> {
        engine.forward(batch)?;
        engine.loss(batch)?;
        engine.backward()
    })?;
    let (mut varies, mut gradient) = (Vec::new(), Vec::new());
    for (place, layer) in LINEAR.into_iter().enumerate() {
        varies.push(variation(engine.as_ref(), layer));
        let weight = engine.gradient(2 * place).values;
        gradient.push(weight.iter().map(|g| g * g).sum::<f64>().sqrt());
    }
    Ok([varies, gradient])
}

/// The root of the variance over the rows, averaged over the units.
fn variation(engine: &dyn Engine, layer: usize) -> f64 {
    let view = engine.activation(layer);
    let (rows, width) = (view.shape[0], view.shape[1]);
    let of_unit = |unit: usize| {
        let values: Vec<f64> = (0..rows).map(|row| view.values.at(row * width + unit)).collect();
        Sample::of(&values).deviation.powi(2)
    };
    ((0..width).map(of_unit).sum::<f64>() / width as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytorchs_initialization_lets_less_of_the_input_through_to_the_output() {
        let through = |init| one(init, 0).unwrap()[0].clone();
        let (custom, pytorch) = (through(Init::Custom), through(Init::Pytorch));
        assert!(custom[4] / custom[0] > 2.0 * pytorch[4] / pytorch[0], "{custom:?} {pytorch:?}");
    }
}
