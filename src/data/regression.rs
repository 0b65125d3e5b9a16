//! Linear regression of any width: targets = inputs·A + noise, and only then are the inputs scaled.
//!
//! Inputs are N(0, 1), A is N(0, 1/inputs), so that targets have a variance of about 1 + noise². They do not depend
//! on the scale, which is there for inputs as raw as users have them.

use super::DataSet;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The data's own stream of a seed, so that no other use of the seed draws the same numbers.
const STREAM: u64 = 1;

/// What is drawn. Sizes are 1 or more.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// The number of rows.
    pub rows: usize,
    /// The number of input columns.
    pub inputs: usize,
    /// The number of target columns.
    pub outputs: usize,
    /// The standard deviation of what the targets have beside inputs·A.
    pub noise: f64,
    /// What each input column is multiplied by.
    pub scale: Vec<f64>, // [inputs]
    /// The seed of the stream.
    pub seed: u64,
}

/// The rows: inputs, A and noise, drawn in this order.
pub(super) fn load(regression: &Regression) -> DataSet {
    let &Regression { rows, inputs: columns, outputs, noise, ref scale, seed } = regression;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(STREAM);
    let mut normal = |count: usize, deviation: f64| -> Vec<f64> {
        (0..count).map(|_| deviation * random.sample::<f64, _>(StandardNormal)).collect()
    };
    let mut inputs = normal(rows * columns, 1.0); // [rows, inputs]
    let map = normal(columns * outputs, (columns as f64).sqrt().recip()); // [inputs, outputs]
    let mut targets = normal(rows * outputs, noise); // [rows, outputs]
    for (row, target) in inputs.chunks_exact_mut(columns).zip(targets.chunks_exact_mut(outputs)) {
        for ((input, weights), scale) in row.iter_mut().zip(map.chunks_exact(outputs)).zip(scale) {
            target.iter_mut().zip(weights).for_each(|(target, weight)| *target += *input * weight);
            *input *= scale;
        }
    }
    DataSet::new(rows, inputs, targets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{BatchSize, DataKind},
        model::{
            Layer, Linear, Model,
            init::{self, Init},
        },
        tensor::DType,
    };

    fn plain(rows: usize, inputs: usize, outputs: usize) -> Regression {
        Regression { rows, inputs, outputs, noise: 0.5, scale: vec![1.0; inputs], seed: 0 }
    }

    /// Inputs and targets.
    fn draw(regression: Regression) -> [Vec<f64>; 2] {
        let data = DataSet::load(&DataKind::Regression(regression));
        let batch = data.batch(0, BatchSize::Full, DType::F64);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        batch.inputs.widen_into(&mut inputs);
        batch.targets.widen_into(&mut targets);
        [inputs, targets]
    }

    /// The root of the mean square of 10,000 draws of mean 0 errs by 1/141; five of these are allowed.
    fn has_deviation(values: &[f64], expected: f64) -> bool {
        assert_eq!(values.len(), 10_000);
        let found = (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
        (found / expected - 1.0).abs() < 0.035
    }

    #[test]
    fn the_same_seed_draws_the_same_rows_and_another_seed_others() {
        let [inputs, targets] = draw(plain(8, 3, 2));
        assert_eq!([inputs.clone(), targets.clone()], draw(plain(8, 3, 2)));
        let [other_inputs, other_targets] = draw(Regression { seed: 1, ..plain(8, 3, 2) });
        assert!(inputs != other_inputs && targets != other_targets);
    }

    #[test]
    fn the_inputs_are_not_the_initial_weights_of_the_same_seed() {
        let layer = Layer::Linear(Linear { inputs: 3, outputs: 2, bias: false });
        let model = Model::new(vec![layer], 3).unwrap();
        let weight = &init::draw(&model, &Init::Normal { std: 1.0 }, 0, DType::F64).unwrap()[0].values;
        let [inputs, _] = draw(plain(2, 3, 2));
        assert!(weight.iter().all(|weight| !inputs.contains(weight)));
    }

    #[test]
    fn each_column_has_its_scale_and_the_targets_do_not_depend_on_it() {
        let [inputs, targets] = draw(plain(10_000, 3, 2));
        let scale = [1.0, 1e4, 0.0];
        let [scaled, same] = draw(Regression { scale: scale.to_vec(), ..plain(10_000, 3, 2) });
        assert_eq!(targets, same);
        for (column, scale) in scale.into_iter().enumerate() {
            let [inputs, scaled] =
                [&inputs, &scaled].map(|rows| rows.iter().skip(column).step_by(3).copied().collect::<Vec<_>>());
            assert!(has_deviation(&inputs, 1.0));
            assert!(scaled.into_iter().eq(inputs.into_iter().map(|input| input * scale)));
        }
    }

    #[test]
    fn without_noise_every_row_goes_through_the_same_map() {
        let [inputs, targets] = draw(Regression { noise: 0.0, ..plain(2, 1, 10_000) });
        let [first, second] =
            [0, 1].map(|row| targets[row * 10_000..][..10_000].iter().map(|t| t / inputs[row]).collect::<Vec<_>>());
        assert!(has_deviation(&first, 1.0));
        // A product and a quotient each: four roundings of half an epsilon.
        assert!(first.iter().zip(&second).all(|(a, b)| (a - b).abs() <= 2.0 * f64::EPSILON * a.abs()));
    }

    #[test]
    fn the_noise_is_added_and_what_it_is_added_to_has_the_spread_of_an_input() {
        let ([_, targets], [_, noisy]) =
            (draw(Regression { noise: 0.0, ..plain(100, 400, 100) }), draw(plain(100, 400, 100)));
        assert!(has_deviation(&targets, 1.0));
        let noise: Vec<f64> = targets.iter().zip(&noisy).map(|(target, noisy)| noisy - target).collect();
        assert!(has_deviation(&noise, 0.5));
    }
}
