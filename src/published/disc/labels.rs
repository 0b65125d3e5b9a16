//! Does it matter which class is 1? The text has the disc inside as 1, the code the outside. With a squared error on a
//! sigmoid it does not: σ(−z) = 1 − σ(z), so that a network with its last layer's signs turned, trained on turned
//! targets, takes the mirrored step every time.

use super::{
    networks::{FIXED, NETWORKS},
    runs::with,
};
use crate::{
    engine::Saved,
    error::Result,
    run::{Alone, RunSide},
    study::{Context, largest},
    tensor::Owned,
};

/// Steps that both are trained for.
pub(super) const STEPS: usize = 20;

/// A mirrored network's largest difference: an epoch of f64 roundings, of weights of order 1.
pub(super) const LIMIT: f64 = 1e-9;

/// Parameters of the last layer.
const LAST: usize = 2;

/// How far the mirrored network is from the other one in the end, by network: the largest difference of two parameters.
pub(super) fn find(context: &Context<'_>) -> Result<Vec<f64>> {
    let networks: Vec<usize> = (0..NETWORKS.len()).collect();
    context.each(
        &networks,
        |network| format!("labels turned: {}", NETWORKS[*network].name()),
        |&network| mirrored(network),
    )
}

fn mirrored(network: usize) -> Result<f64> {
    let alone = |class_1: &str| {
        // A tenth of the rate, at which relu (normal) does not multiply roundings by thousands.
        let own = [FIXED, "dtype=f64", "training.optimizer.sgd.lr=0.001"].map(str::to_owned).to_vec();
        let own = [own, vec![format!("data.class_1={class_1}")]].concat();
        Alone::new(&with(&[NETWORKS[network].sets(), own].concat())?, RunSide::Candidate)
    };
    let (mut outside, mut inside) = (alone("outside")?, alone("inside")?);
    inside.restore(&Saved(turned(inside.weights().0)))?;
    for _ in 0..STEPS {
        outside.step()?;
        inside.step()?;
    }
    let (one, other) = (outside.weights().0, turned(inside.weights().0));
    let pairs = one.iter().zip(&other).flat_map(|(one, other)| one.values().iter().zip(other.values().iter()));
    Ok(largest(pairs.map(|(one, other)| (one - other).abs())))
}

/// The same with the last layer's signs turned.
fn turned(mut weights: Vec<Owned>) -> Vec<Owned> {
    let first = weights.len().saturating_sub(LAST);
    weights[first..].iter_mut().for_each(|weight| weight.change(|_, value| -value));
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_the_targets_and_the_last_layer_mirrors_the_training() {
        // tanh (uniform); an epoch of f64 on weights of order 1.
        let gap = mirrored(3).unwrap();
        assert!(gap <= 1e-10, "{gap:e}");
    }
}
