//! Linear regression of any width: targets = inputs·A + noise, and only then are the inputs scaled.
//!
//! Inputs are N(0, 1), A is N(0, 1/inputs), so that targets have a variance of about 1 + noise². They do not depend
//! on the scale, which is there for inputs as raw as users have them.

use super::{Goals, Raw, Table, normal};
use rand_chacha::ChaCha8Rng;

/// What is drawn. Sizes are 1 or more.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// The number of input columns.
    pub inputs: usize,
    /// The number of target columns.
    pub outputs: usize,
    /// The standard deviation of what the targets have beside inputs·A.
    pub noise: f64,
    /// What each input column is multiplied by.
    pub scale: Vec<f64>, // [inputs]
}

impl Regression {
    /// The rows, and the map A: inputs, A unless it is given, and noise, drawn in this order.
    pub(super) fn draw(&self, rows: usize, map: Option<&[f64]>, random: &mut ChaCha8Rng) -> (Table, Vec<f64>) {
        let &Self { inputs: columns, outputs, noise, ref scale } = self;
        let mut draw =
            |count: usize, deviation: f64| -> Vec<f64> { (0..count).map(|_| deviation * normal(random)).collect() };
        let mut inputs = draw(rows * columns, 1.0); // [rows, inputs]
        let drawn = || draw(columns * outputs, (columns as f64).sqrt().recip());
        let map = map.map_or_else(drawn, <[f64]>::to_vec); // [inputs, outputs]
        let mut values = draw(rows * outputs, noise); // [rows, outputs]
        for (row, target) in inputs.chunks_exact_mut(columns).zip(values.chunks_exact_mut(outputs)) {
            for ((input, weights), scale) in row.iter_mut().zip(map.chunks_exact(outputs)).zip(scale) {
                target.iter_mut().zip(weights).for_each(|(target, weight)| *target += *input * weight);
                *input *= scale;
            }
        }
        let goals = Goals::Values { width: outputs, values };
        (Table { width: columns, inputs: Raw::F64(inputs), goals }, map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Drawn, Figure, Standardize},
        model::{
            Layer, Linear, Model,
            init::{self, Init},
        },
        tensor::DType,
    };

    fn plain(rows: usize, inputs: usize, outputs: usize) -> Drawn {
        let figure = Figure::Regression(Regression { inputs, outputs, noise: 0.5, scale: vec![1.0; inputs] });
        Drawn { figure, rows, validation_rows: 0, test_rows: 0, standardize: Standardize::No, seed: 0 }
    }

    fn with(mut drawn: Drawn, change: impl Fn(&mut Regression)) -> Drawn {
        if let Figure::Regression(regression) = &mut drawn.figure {
            change(regression);
        }
        drawn
    }

    /// Inputs and targets.
    fn draw(drawn: Drawn) -> [Vec<f64>; 2] {
        numbers(drawn.draw().training)
    }

    fn numbers(table: Table) -> [Vec<f64>; 2] {
        match (table.inputs, table.goals) {
            (Raw::F64(inputs), Goals::Values { values, .. }) => [inputs, values],
            _ => panic!("values"),
        }
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
        let [other_inputs, other_targets] = draw(Drawn { seed: 1, ..plain(8, 3, 2) });
        assert!(inputs != other_inputs && targets != other_targets);
    }

    #[test]
    fn the_inputs_are_not_the_initial_weights_of_the_same_seed() {
        let layer = Layer::Linear(Linear { inputs: 3, outputs: 2, bias: false });
        let model = Model::new(vec![layer], 3).unwrap();
        let weight = &init::draw(&model, &Init::normal(1.0), 0, DType::F64).unwrap()[0].values;
        let [inputs, _] = draw(plain(2, 3, 2));
        assert!(weight.iter().all(|weight| !inputs.contains(weight)));
    }

    #[test]
    fn each_column_has_its_scale_and_the_targets_do_not_depend_on_it() {
        let [inputs, targets] = draw(plain(10_000, 3, 2));
        let scale = [1.0, 1e4, 0.0];
        let [scaled, same] = draw(with(plain(10_000, 3, 2), |regression| regression.scale = scale.to_vec()));
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
        let [inputs, targets] = draw(with(plain(2, 1, 10_000), |regression| regression.noise = 0.0));
        let [first, second] =
            [0, 1].map(|row| targets[row * 10_000..][..10_000].iter().map(|t| t / inputs[row]).collect::<Vec<_>>());
        assert!(has_deviation(&first, 1.0));
        // A product and a quotient each: four roundings of half an epsilon.
        assert!(first.iter().zip(&second).all(|(a, b)| (a - b).abs() <= 2.0 * f64::EPSILON * a.abs()));
    }

    #[test]
    fn the_noise_is_added_and_what_it_is_added_to_has_the_spread_of_an_input() {
        let ([_, targets], [_, noisy]) =
            (draw(with(plain(100, 400, 100), |regression| regression.noise = 0.0)), draw(plain(100, 400, 100)));
        assert!(has_deviation(&targets, 1.0));
        let noise: Vec<f64> = targets.iter().zip(&noisy).map(|(target, noisy)| noisy - target).collect();
        assert!(has_deviation(&noise, 0.5));
    }

    #[test]
    fn test_rows_go_through_the_map_of_the_training_rows() {
        let [inputs, targets] = draw(with(plain(1, 1, 100), |regression| regression.noise = 0.0));
        let tables = with(Drawn { test_rows: 3, ..plain(1, 1, 100) }, |regression| regression.noise = 0.0).draw();
        let [test_inputs, test_targets] = numbers(tables.test.unwrap());
        for (place, target) in test_targets.into_iter().enumerate() {
            let expected = targets[place % 100] / inputs[0] * test_inputs[place / 100];
            // Two products and a quotient: three roundings of half an epsilon.
            assert!((target - expected).abs() <= 1.5 * f64::EPSILON * target.abs());
        }
    }
}
