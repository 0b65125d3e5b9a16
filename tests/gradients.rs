//! The gradients of the scratch engine against the definition of a gradient: along random directions, in the outputs
//! and in all parameters at once, the loss changes as fast as the inner product with the gradient says. In f64, for
//! random models, data and losses.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::Batch,
    engine::{Engine, scratch::Scratch},
    model::{
        Layer, Linear, Model,
        init::{Init, draw},
    },
    tensor::{DType, Values, View},
    training::{Loss, Optimizer, Sgd, Training},
};
use proptest::{collection::vec, prelude::*, sample::select};

/// A model with its data; weights follow from `seed`.
#[derive(Debug, Clone)]
struct Case {
    model: Model,
    loss: Loss,
    rows: usize,
    seed: u64,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    /// A direction, as long as any parameter list here.
    direction: Vec<f64>,
}

fn cases() -> impl Strategy<Value = Case> {
    let activation = select(vec![None, Some(Layer::Sigmoid), Some(Layer::Tanh), Some(Layer::Relu)]);
    let layer = (1..=6usize, any::<bool>(), activation);
    let losses = select(vec![Loss::MEAN_SQUARED_ERROR, Loss::SUM_SQUARES, Loss::HALF_SUM_SQUARES]);
    let unit = -1.0..1.0f64;
    let numbers = (vec(unit.clone(), 30), vec(unit.clone(), 30), vec(unit, 3 * 7 * 6));
    (1..=6usize, vec(layer, 1..=3), losses, 1..=5usize, any::<u64>(), numbers).prop_map(
        |(inputs, stack, loss, rows, seed, (mut x, mut t, direction))| {
            let (mut layers, mut width) = (Vec::new(), inputs);
            for (outputs, bias, activation) in stack {
                layers.push(Layer::Linear(Linear { inputs: width, outputs, bias }));
                layers.extend(activation);
                width = outputs;
            }
            x.truncate(rows * inputs);
            t.truncate(rows * width);
            Case { model: Model::new(layers, inputs).unwrap(), loss, rows, seed, inputs: x, targets: t, direction }
        },
    )
}

/// An engine for `model`, whose reported loss is the one that it optimizes.
fn engine(model: &Model, case: &Case) -> Scratch<f64> {
    let (loss, optimizer) = (case.loss.clone(), Optimizer::Sgd(Sgd::new(0.1)));
    let training = Training::new(loss, optimizer);
    Scratch::new(model, &training, case.rows)
}

fn f64s<'a>(view: View<'a>) -> &'a [f64] {
    let Values::F64(values) = view.values else { panic!("an f64 engine lends {}", view.dtype()) };
    values
}

/// The loss for `parameters` moved by `step` along the case's direction.
fn loss_at(engine: &mut Scratch<f64>, parameters: &[Vec<f64>], case: &Case, step: f64) -> f64 {
    let mut direction = case.direction.iter();
    for (index, values) in parameters.iter().enumerate() {
        let moved: Vec<f64> = values.iter().zip(&mut direction).map(|(value, along)| value + step * along).collect();
        let shape = engine.parameters()[index].shape;
        engine.load(index, View::new(&shape, &moved[..])).unwrap();
    }
    let batch = batch(case);
    engine.forward(&batch).unwrap();
    engine.loss(&batch).unwrap()
}

fn batch(case: &Case) -> Batch<'_> {
    Batch::dense(
        View::new(&[case.rows, case.model.inputs], &case.inputs[..]),
        View::new(&[case.rows, case.model.outputs()], &case.targets[..]),
    )
}

/// What reaches the ReLUs.
fn before_relu(engine: &Scratch<f64>, case: &Case) -> Vec<f64> {
    let relus = (0..case.model.layers.len()).filter(|&layer| case.model.layers[layer] == Layer::Relu);
    relus.flat_map(|layer| f64s(engine.activation(layer - 1)).to_vec()).collect()
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How far rounding takes the loss at most. Weights are at most 1/√k for k ≤ 6 inputs and |x| ≤ 1, so three layers
/// reach |p| ≤ √6·(√6·(√6 + 0.41) + 0.41) + 0.41 < 20 even with every term positive; |t| ≤ 1 makes (p − t)² ≤ 441. Of
/// at most 60 roundings on the way (three layers of 7 terms and an activation, up to 30 squares) each costs u of that.
fn rounding(case: &Case) -> f64 {
    let elements = case.targets.len();
    60.0 * DType::F64.unit_roundoff() * 441.0 * elements as f64 * case.loss.reduction.factor(elements as f64, case.rows)
}

proptest! {
    #![proptest_config(common::cases(400, "tests/regressions/gradients.txt"))]

    /// With D(h) = (L(h) − L(−h))/2h, (4D(h) − D(2h))/3 errs by h⁴/30·|L⁽⁵⁾|: at h = 2⁻¹², 1.2e-16·|L⁽⁵⁾|, which stays
    /// below the rounding as long as |L⁽⁵⁾| < 3e5 times the largest loss. A loss that errs by e puts
    /// (4e/h + e/2h)/3 = 1.5·e/h into it.
    #[test]
    fn along_a_random_direction_the_loss_changes_as_the_parameter_gradients_say(case in cases()) {
        const H: f64 = 1.0 / 4096.0;
        let mut engine = engine(&case.model, &case);
        let drawn = draw(&case.model, &Init::Pytorch, case.seed, DType::F64).unwrap();
        let parameters: Vec<Vec<f64>> = drawn.into_iter().map(|initial| initial.values).collect();
        loss_at(&mut engine, &parameters, &case, 0.0);
        engine.backward().unwrap();
        let gradient: Vec<f64> =
            (0..parameters.len()).flat_map(|index| f64s(engine.gradient(index)).to_vec()).collect();
        let kinks = before_relu(&engine, &case);
        let losses = [H, -H, 2.0 * H, -2.0 * H].map(|step| {
            let loss = loss_at(&mut engine, &parameters, &case, step);
            (loss, before_relu(&engine, &case))
        });
        // Away from the kink: no pre-activation moves by more than half its distance from it (one that is 0 for all
        // weights stays there, where the derivative is 0).
        prop_assume!(losses.iter().all(|(_, moved)| {
            kinks.iter().zip(moved).all(|(kink, moved)| 2.0 * (moved - kink).abs() <= kink.abs())
        }));
        let [plus, minus, plus_two, minus_two] = losses.map(|(loss, _)| loss);
        let difference = (4.0 * (plus - minus) / (2.0 * H) - (plus_two - minus_two) / (4.0 * H)) / 3.0;
        let tolerance = 1.5 * rounding(&case) / H;
        let expected = inner(&gradient, &case.direction);
        prop_assert!((difference - expected).abs() <= tolerance, "{difference} for {expected} ± {tolerance:.1e}");
    }

    /// The loss is a square in the outputs, so the central difference is exact with any step, here 1; two losses of at
    /// most four times [`rounding`]'s are rounded. An identity layer gives an engine the outputs that one likes.
    #[test]
    fn along_a_random_direction_the_loss_changes_as_the_output_gradient_says(case in cases()) {
        let mut whole = engine(&case.model, &case);
        let drawn = draw(&case.model, &Init::Pytorch, case.seed, DType::F64).unwrap();
        let parameters: Vec<Vec<f64>> = drawn.into_iter().map(|initial| initial.values).collect();
        loss_at(&mut whole, &parameters, &case, 0.0);
        whole.backward().unwrap();
        let width = case.model.outputs();
        let outputs = f64s(whole.activation(case.model.layers.len() - 1));
        let identity = Linear { inputs: width, outputs: width, bias: false };
        let identity = Model::new(vec![Layer::Linear(identity)], width).unwrap();
        let weight: Vec<f64> = (0..width * width).map(|i| f64::from(u8::from(i % (width + 1) == 0))).collect();
        let loss_of = |step: f64| {
            let moved: Vec<f64> = outputs.iter().zip(&case.direction).map(|(p, along)| p + step * along).collect();
            let shifted = Case { model: identity.clone(), inputs: moved, direction: vec![0.0; width * width], ..case.clone() };
            loss_at(&mut engine(&identity, &case), std::slice::from_ref(&weight), &shifted, 0.0)
        };
        let difference = (loss_of(1.0) - loss_of(-1.0)) / 2.0;
        let expected = inner(f64s(whole.output_gradient()), &case.direction[..outputs.len()]);
        let tolerance = 4.0 * rounding(&case);
        prop_assert!((difference - expected).abs() <= tolerance, "{difference} for {expected} ± {tolerance:.1e}");
    }
}
