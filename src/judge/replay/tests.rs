//! The bounds against f32 arithmetic in random orders: they cover it, and are not much wider.

use super::*;
use crate::{
    data::{BatchSize, set::Encoding},
    experiment::EngineKind,
    model::{Layer, Linear, Model, init::Init},
    run::StepRecord,
    training::{Loss, Optimizer, Sgd},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A replay of an f32 side with these layers.
fn replay(layers: Vec<Layer>, inputs: usize, sgd: Sgd) -> Replay {
    let training = Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(sgd));
    let model = Model::new(layers, inputs).unwrap();
    let (engine, dtype, seed, init, encoding) = (EngineKind::Scratch, DType::F32, 0, Init::Zeros, Encoding::Values);
    let side = Side { engine, dtype, seed, model, init, training, encoding, batch_size: BatchSize::Full };
    Replay::new(&side, dtype, f64::INFINITY)
}

/// A step with these inputs.
fn given(inputs: &[f64]) -> StepRecord {
    StepRecord { inputs: inputs.to_vec(), ..StepRecord::default() }
}

fn linear(inputs: usize, outputs: usize, bias: bool) -> Layer {
    Layer::Linear(Linear { inputs, outputs, bias })
}

/// f32 numbers, widened: mostly near 1, some much smaller or larger, as in real tensors.
fn numbers(random: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    let number = |random: &mut ChaCha8Rng| {
        let scale = if random.random::<f64>() < 0.1 { 2f64.powi(random.random_range(-20..8)) } else { 1.0 };
        f64::from((scale * (2.0 * random.random::<f64>() - 1.0)) as f32)
    };
    (0..count).map(|_| number(random)).collect()
}

/// Σ a·b in f32 as some library might: in any order, one after the other (fused or not) or in pairs.
fn sum(random: &mut ChaCha8Rng, terms: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut terms: Vec<(f32, f32)> = terms.map(|(a, b)| (a as f32, b as f32)).collect();
    for last in (1..terms.len()).rev() {
        terms.swap(last, random.random_range(0..=last));
    }
    fn pairs(terms: &[(f32, f32)]) -> f32 {
        match terms {
            [] => 0.0,
            [(a, b)] => a * b,
            _ => pairs(&terms[..terms.len() / 2]) + pairs(&terms[terms.len() / 2..]),
        }
    }
    f64::from(match random.random_range(0..3) {
        0 => terms.iter().fold(0.0f32, |sum, (a, b)| sum + a * b),
        1 => terms.iter().fold(0.0f32, |sum, (a, b)| a.mul_add(*b, sum)),
        _ => pairs(&terms),
    })
}

/// The largest share of its bound that an element's error uses.
fn used(found: &[f64], exact: &Exact) -> f64 {
    assert_eq!(found.len(), exact.value.len());
    let shares = found
        .iter()
        .zip(&exact.value)
        .zip(&exact.bound)
        .map(|((found, exact), bound)| if found == exact { 0.0 } else { (found - exact).abs() / bound })
        .map(|share| if share.is_nan() { f64::INFINITY } else { share });
    shares.fold(0.0, f64::max)
}

/// All of the bound may be used. Of a sum as short as here roundings rarely all point the same way, but over many draws
/// a fiftieth is: a bound that is wider by far would hide faults.
fn assert_fits(largest: f64, what: &str) {
    assert!((1.0 / 50.0..=1.0).contains(&largest), "{what}: {largest} of the bound is used at most");
}

fn column(matrix: &[f64], width: usize, column: usize) -> impl Iterator<Item = f64> {
    matrix.iter().skip(column).step_by(width).copied()
}

#[test]
fn the_bound_of_a_linear_layer_covers_any_order_of_its_sum_and_is_not_much_wider() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for (inputs, draws) in [(1, 400), (3, 400), (8, 400), (35, 100), (40, 100)] {
        let mut largest = 0.0f64;
        for draw in 0..draws {
            let (rows, outputs, bias) = (2, 3, draw % 2 == 0);
            let mut replay = replay(vec![linear(inputs, outputs, bias)], inputs, Sgd::new(0.1));
            let (x, weight) = (numbers(&mut random, rows * inputs), numbers(&mut random, outputs * inputs));
            let biases = numbers(&mut random, outputs);
            let mut found = Vec::new();
            for row in x.chunks(inputs) {
                for (weight, &b) in weight.chunks(inputs).zip(&biases) {
                    let products = row.iter().copied().zip(weight.iter().copied());
                    found.push(sum(&mut random, products.chain(bias.then_some((1.0, b)))));
                }
            }
            let parameters = [weight.as_slice(), &biases];
            largest = largest.max(used(&found, replay.forward(0, &given(&x), &|index| parameters[index])));
        }
        assert_fits(largest, &format!("{inputs} inputs"));
    }
}

/// Equal terms, as repeated rows and equal weights give: the roundings all go one way, and a long sum uses its bound.
#[test]
fn the_bound_of_a_long_sum_covers_roundings_that_all_go_one_way() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut largest = 0.0f64;
    for _ in 0..100 {
        let inputs = 2000;
        let mut replay = replay(vec![linear(inputs, 1, false)], inputs, Sgd::new(0.1));
        let (x, weight) = (vec![numbers(&mut random, 1)[0]; inputs], vec![numbers(&mut random, 1)[0]; inputs]);
        let found = x.iter().zip(&weight).fold(0.0f32, |sum, (&x, &w)| sum + x as f32 * w as f32);
        largest = largest.max(used(&[f64::from(found)], replay.forward(0, &given(&x), &|_| &weight)));
    }
    assert_fits(largest, "2000 equal terms");
}

/// One of the activations of this file, as a library may write it.
#[allow(clippy::wildcard_enum_match_arm)] // No other one stands in this file.
fn in_f32(activation: Layer, x: f32) -> f32 {
    match activation {
        Layer::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Layer::Tanh => x.tanh(),
        _ => x.max(0.0),
    }
}

#[test]
fn the_bound_of_a_gradient_through_two_layers_covers_any_order_and_is_not_much_wider() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for activation in [Layer::Sigmoid, Layer::Tanh, Layer::Relu] {
        let mut largest = [0.0f64; 4];
        for _ in 0..1000 {
            let [rows, inputs, width, outputs] = [(); 4].map(|()| random.random_range(1..=4));
            let layers = vec![linear(inputs, width, true), activation, linear(width, outputs, true)];
            let mut replay = replay(layers, inputs, Sgd::new(0.1));
            let x = numbers(&mut random, rows * inputs);
            let y: Vec<f64> =
                numbers(&mut random, rows * width).iter().map(|z| f64::from(in_f32(activation, *z as f32))).collect();
            let (weight, gradient) = (numbers(&mut random, outputs * width), numbers(&mut random, rows * outputs));
            // G·W, then times f′(y) as either library writes it.
            let mut passed = Vec::new();
            for (row, y) in y.chunks(width).enumerate() {
                for (unit, &y) in y.iter().enumerate() {
                    let g = gradient[row * outputs..][..outputs].iter().copied();
                    let (g, y) = (sum(&mut random, g.zip(column(&weight, width, unit))) as f32, y as f32);
                    passed.push(f64::from(match (activation, random.random::<bool>()) {
                        (Layer::Sigmoid, true) => g * (1.0 - y) * y,
                        (Layer::Sigmoid, false) => g * (y * (1.0 - y)),
                        (Layer::Tanh, true) => g * (1.0 - y * y),
                        (Layer::Tanh, false) => g * (-y).mul_add(y, 1.0),
                        _ => {
                            if y > 0.0 {
                                g
                            } else {
                                0.0
                            }
                        }
                    }));
                }
            }
            let mut found = [const { Vec::new() }; 4];
            for (layer, (g, g_width, x, x_width)) in
                [(&passed, width, &x, inputs), (&gradient, outputs, &y, width)].into_iter().enumerate()
            {
                for unit in 0..g_width {
                    for input in 0..x_width {
                        let terms = column(g, g_width, unit).zip(column(x, x_width, input));
                        found[2 * layer].push(sum(&mut random, terms));
                    }
                    let terms = column(g, g_width, unit).map(|g| (g, 1.0));
                    found[2 * layer + 1].push(sum(&mut random, terms));
                }
            }
            let record = StepRecord {
                rows,
                inputs: x,
                activations: vec![Vec::new(), y, Vec::new()],
                output_gradient: gradient,
                ..StepRecord::default()
            };
            let exact = replay.backward(&record, &|_| weight.as_slice());
            for ((largest, found), exact) in largest.iter_mut().zip(&found).zip(exact) {
                *largest = largest.max(used(found, exact));
            }
        }
        for (largest, tensor) in largest.into_iter().zip(["0.weight", "0.bias", "2.weight", "2.bias"]) {
            assert_fits(largest, &format!("{tensor} behind {activation}"));
        }
    }
}

#[test]
fn the_bound_of_an_update_covers_fifty_steps_of_momentum_and_is_not_much_wider() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (momentum, dampening, nesterov) in [(0.0, 0.0, false), (0.9, 0.0, false), (0.5, 0.3, false), (0.9, 0.0, true)] {
        let mut largest = 0.0f64;
        for _ in 0..40 {
            let sgd = Sgd { lr: 0.3 * random.random::<f64>(), momentum, dampening, nesterov, weight_decay: 0.0 };
            let (mut replay, count) = (replay(vec![linear(8, 1, false)], 8, sgd), 8);
            let [lr, mu, fresh] = [sgd.lr, momentum, 1.0 - dampening].map(|option| option as f32);
            let mut weight: Vec<f32> = numbers(&mut random, count).iter().map(|&value| value as f32).collect();
            let mut buffer = vec![0.0f32; count];
            for step in 0..50 {
                let (before, gradient) = (weight.clone(), numbers(&mut random, count));
                for ((w, b), g) in weight.iter_mut().zip(&mut buffer).zip(&gradient) {
                    let (g, fused) = (*g as f32, random.random::<bool>());
                    let times = |a: f32, b: f32, c: f32| if fused { a.mul_add(b, c) } else { a * b + c };
                    *b = if step == 0 || momentum == 0.0 { g } else { times(fresh, g, mu * *b) };
                    *w = times(-lr, if nesterov { times(mu, *b, g) } else { *b }, *w);
                }
                let before: Vec<f64> = before.into_iter().map(f64::from).collect();
                let found: Vec<f64> =
                    weight.iter().zip(&before).map(|(&after, before)| f64::from(after) - before).collect();
                largest = largest.max(used(&found, replay.update(0, &before, &gradient)));
            }
        }
        assert_fits(largest, &format!("momentum {momentum}, dampening {dampening}, Nesterov {nesterov}"));
    }
}

/// C = Σ a·b + offset and its bound's relative·Σ e·|b| + offset, one after the other: `terms` are the triples (a, e, b) of
/// an element.
fn plain<T: Iterator<Item = (f64, f64, f64)>>(
    [rows, columns]: [usize; 2],
    relative: f64,
    offset: impl Fn(usize) -> (f64, f64),
    terms: impl Fn(usize, usize) -> T,
) -> Exact {
    let mut exact = Exact::default();
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let (mut value, mut bound) = offset(column);
        for (a, error, b) in terms(row, column) {
            value += a * b;
            bound += relative * error * b.abs();
        }
        exact.value.push(value);
        exact.bound.push(bound);
    }
    exact
}

/// Values within `share` of their bounds, and bounds that are never smaller and at most 1 % wider.
fn assert_as_plain(found: &Exact, plain: &Exact, share: f64, what: &str) {
    let elements = found.value.iter().zip(&found.bound).zip(plain.value.iter().zip(&plain.bound));
    assert_eq!(found.value.len(), plain.value.len(), "{what}");
    for ((value, bound), (plain_value, plain_bound)) in elements {
        assert!((value - plain_value).abs() <= share * plain_bound, "{what}: {value:e}, not {plain_value:e}");
        assert!(
            (plain_bound * (1.0 - 1e-12)..=plain_bound * 1.01).contains(bound),
            "{what}: a bound of {bound:e}, not {plain_bound:e}"
        );
    }
}

#[test]
fn products_of_any_size_and_magnitude_are_those_of_plain_loops_and_bounds_are_hardly_wider() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for draw in 0..300 {
        // A few are larger than the blocks that products are taken in.
        let most = if draw % 75 < 2 { 400 } else { 40 };
        let mut size = || if random.random::<f64>() < 0.2 { 1 } else { random.random_range(1..=most) };
        let [rows, inputs, width, outputs] = [size(), size(), size(), size()];
        // Of every other draw some numbers are out of f32's range, on either side of it, and some rows are 0.
        let mut tensor = |rows: usize, columns: usize| {
            let mut values = numbers(&mut random, rows * columns);
            if draw % 2 == 1 {
                for row in values.chunks_mut(columns) {
                    let scale = [1.0, 1.0, 1.0, 0.0, 2f64.powi(-40), 2f64.powi(-160), 2f64.powi(160)];
                    let scale = scale[random.random_range(0..scale.len())];
                    row.iter_mut().for_each(|value| *value *= scale);
                }
            }
            values
        };
        let layers = vec![linear(inputs, width, true), linear(width, outputs, true)];
        let mut replay = replay(layers, inputs, Sgd::new(0.1));
        let (x, y, gradient) = (tensor(rows, inputs), tensor(rows, width), tensor(rows, outputs));
        let parameters = [tensor(width, inputs), tensor(1, width), tensor(outputs, width), tensor(1, outputs)];
        let parameter = |index: usize| parameters[index].as_slice();
        // Another order of a sum is another f64 rounding: a millionth of the bound of an f32 side, all of an f64 one's.
        let dtype = if draw % 4 == 3 { DType::F64 } else { DType::F32 };
        let share = if dtype == DType::F32 { 1e-6 } else { 1.0 };
        replay.rounding = Rounding::new(dtype, f64::INFINITY);
        let (weight, bias, second_weight) = (&parameters[0], &parameters[1], &parameters[2]);
        let (rounding, case) =
            (replay.rounding, format!("{dtype}, {rows} rows, {inputs}-{width}-{outputs}, draw {draw}"));
        let bounded = |terms: usize| (rounding.sum(terms), terms as f64 * rounding.smallest);

        let (relative, underflow) = (rounding.sum(inputs + 1), inputs as f64 * rounding.smallest);
        let forward = plain(
            [rows, width],
            relative,
            |unit| (bias[unit], relative * bias[unit].abs() + underflow),
            |row, unit| {
                let x = x[row * inputs..][..inputs].iter();
                x.zip(&weight[unit * inputs..]).map(|(&x, &w)| (x, x.abs(), w))
            },
        );
        assert_as_plain(replay.forward(0, &given(&x), &parameter), &forward, share, &format!("forward, {case}"));

        let given = Exact { bound: vec![0.0; gradient.len()], value: gradient.clone() };
        // The passing gradient, with what counts of it in a bound, divided by that bound.
        let passing = |gradient: &Exact, relative: f64, offset: usize| {
            let (value, bound) = (gradient.value[offset], gradient.bound[offset]);
            (value, (bound + relative * (value.abs() + bound)) / relative)
        };
        let (relative, underflow) = bounded(outputs);
        let passed = plain(
            [rows, width],
            relative,
            |_| (0.0, underflow),
            |row, unit| {
                (0..outputs).map(move |output| (row * outputs + output, output * width + unit)).map(|(g, w)| {
                    let (value, error) = passing(&given, relative, g);
                    (value, error, second_weight[w])
                })
            },
        );
        let (relative, underflow) = bounded(rows);
        let expected = [(&passed, width, &x, inputs), (&given, outputs, &y, width)].map(|(g, g_width, x, x_width)| {
            let of_column = |unit, factor: &dyn Fn(usize) -> f64| -> Vec<_> {
                let terms = (0..rows).map(|row| (passing(g, relative, row * g_width + unit), factor(row)));
                terms.map(|((value, error), x)| (value, error, x)).collect()
            };
            let offset = |_| (0.0, underflow);
            let weight = plain([g_width, x_width], relative, offset, |unit, input| {
                of_column(unit, &|row| x[row * x_width + input]).into_iter()
            });
            let bias = plain([1, g_width], relative, offset, |_, unit| of_column(unit, &|_| 1.0).into_iter());
            [weight, bias]
        });
        let record = StepRecord {
            rows,
            inputs: x.clone(),
            activations: vec![y.clone(), Vec::new()],
            output_gradient: gradient,
            ..StepRecord::default()
        };
        let found = replay.backward(&record, &parameter);
        for ((found, expected), tensor) in found.iter().zip(expected.iter().flatten()).zip(0..) {
            assert_as_plain(found, expected, share, &format!("gradient {tensor}, {case}"));
        }
    }
}

/// Libraries overflow e⁻ˣ where the result is far below any normal number: 0 is as good an answer as a subnormal one.
#[test]
fn an_activation_is_within_its_bound_over_the_whole_range_of_its_type() {
    let points: Vec<f64> = (-1200..=1200).map(|tenth| f64::from(tenth as f32 / 10.0)).collect();
    for activation in [Layer::Sigmoid, Layer::Tanh, Layer::Relu] {
        let mut replay = replay(vec![activation], points.len(), Sgd::new(0.1));
        let found: Vec<f64> = points.iter().map(|&x| f64::from(in_f32(activation, x as f32))).collect();
        let share = used(&found, replay.forward(0, &given(&points), &|_| &[]));
        assert!(share <= 1.0, "{activation}: {share}");
    }
}

/// libtorch takes the products from the left: what is lost where G·σ underflows grows by the factor after it.
#[test]
fn a_gradient_that_underflows_within_silu_is_within_its_bound() {
    let gradients = [1, 37, 131, 4001, 1 << 23].map(f32::from_bits);
    let points: Vec<(f32, f32)> =
        (-870..=870).flat_map(|tenth| gradients.map(|gradient| (tenth as f32 / 10.0, gradient))).collect();
    let wide = |pick: fn(&(f32, f32)) -> f32| points.iter().map(|pair| f64::from(pick(pair))).collect::<Vec<_>>();
    let mut replay = replay(vec![Layer::Silu], points.len(), Sgd::new(0.1));
    let record = StepRecord {
        rows: 1,
        inputs: wide(|pair| pair.0),
        activations: vec![Vec::new()],
        output_gradient: wide(|pair| pair.1),
        ..StepRecord::default()
    };
    let found = wide(|&(x, gradient)| {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        gradient * sigmoid * (1.0 + x * (1.0 - sigmoid))
    });
    replay.backward(&record, &|_| &[]);
    assert_fits(used(&found, replay.input_gradient()), "SiLU");
}

#[test]
fn a_relu_at_exactly_0_has_derivative_0_and_passes_what_is_above() {
    let mut replay = replay(vec![linear(1, 3, false), Layer::Relu], 1, Sgd::new(0.1));
    let before = StepRecord { activations: vec![vec![-1.0, 0.0, 2.0]], ..StepRecord::default() };
    let forward = replay.forward(1, &before, &|_| &[]);
    assert_eq!((&forward.value[..], &forward.bound[..]), (&[0.0, 0.0, 2.0][..], &[0.0; 3][..]));
    let record = StepRecord {
        rows: 1,
        inputs: vec![1.0],
        activations: vec![vec![-1.0, 0.0, 2.0], vec![0.0, 0.0, 2.0]],
        output_gradient: vec![3.0; 3],
        ..StepRecord::default()
    };
    assert_eq!(replay.backward(&record, &|_| &[1.0; 3])[0].value, [0.0, 0.0, 3.0]);
}
