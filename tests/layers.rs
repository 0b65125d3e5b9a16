//! The layers of both engines over random sizes and values: the scratch engine's gradients against the definition of a
//! gradient, every tensor of both engines against exact arithmetic, and the mistakes that this has to see.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, set::Encoding},
    engine::{Engine, scratch, torch::Torch},
    experiment::{EngineKind, Experiment, Side},
    judge::{
        Comparison,
        gap::Deviation,
        noise::{Limits, UNJUDGED},
        replay::Replay,
        verdict::{Farther, Outcome},
    },
    model::{
        Axis, Bag, BatchNorm, Embedding, Gelu, Layer, Linear, Model, Norm,
        init::{Init, draw},
    },
    run::{Phase, StepRecord},
    tensor::{DType, Values, View},
    training::{Fault, Loss, Optimizer, Sgd, Training},
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{cell::RefCell, collections::BTreeMap, path::Path};

/// One layer of a kind, for `columns` columns.
fn layer(kind: usize, columns: usize) -> Layer {
    let norm = |affine| Norm { columns, eps: 1e-5, affine };
    match kind {
        0 => Layer::LeakyRelu { slope: 0.01 },
        1 => Layer::Gelu(Gelu::Erf),
        2 => Layer::Gelu(Gelu::Tanh),
        3 => Layer::Silu,
        4 => Layer::Softplus { beta: 1.0, threshold: 20.0 },
        5 => Layer::Softplus { beta: 0.7, threshold: 5.0 },
        6 => Layer::Softmax(Axis::Columns),
        7 => Layer::Softmax(Axis::Rows),
        8 => Layer::LogSoftmax(Axis::Columns),
        9 => Layer::LogSoftmax(Axis::Rows),
        10 => Layer::LayerNorm(norm(true)),
        11 => Layer::LayerNorm(norm(false)),
        12 => Layer::BatchNorm(BatchNorm { norm: norm(true), momentum: 0.1 }),
        13 => Layer::BatchNorm(BatchNorm { norm: norm(false), momentum: 0.3 }),
        14 => Layer::Sigmoid,
        15 => Layer::Tanh,
        _ => Layer::Relu,
    }
}

/// How many kinds there are, and those of embeddings.
const KINDS: usize = 17;
const TABLES: usize = 3;

/// A model around one layer, and numbers to run it on.
#[derive(Debug, Clone)]
struct Case {
    name: String,
    model: Model,
    rows: usize,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    parameters: Vec<Vec<f64>>,
}

/// Linear, the layer, linear; or an embedding, what flattens it, linear. What reaches the layer is about `scale` wide,
/// around `offset`.
fn case(kind: usize, [rows, inputs, columns]: [usize; 3], [scale, offset]: [f64; 2], seed: u64) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
    let table = Embedding { words: columns + 1, columns: 3 };
    let layers = match kind.checked_sub(KINDS) {
        None => vec![linear(inputs, columns), layer(kind, columns), linear(columns, 2)],
        Some(0) => vec![Layer::Embedding(table), Layer::Flatten, linear(3 * inputs, 2)],
        Some(1) => vec![Layer::EmbeddingBag(table, Bag::Mean), linear(3, 2)],
        Some(_) => vec![Layer::EmbeddingBag(table, Bag::Sum), linear(3, 2)],
    };
    let name = if kind < KINDS { layers[1].to_string() } else { layers[0].to_string() };
    let model = Model::new(layers, inputs).unwrap();
    let mut number = || random.random::<f64>() * 2.0 - 1.0;
    let mut fill =
        |count: usize, size: f64, middle: f64| (0..count).map(|_| middle + size * number()).collect::<Vec<_>>();
    let parameters = model.parameters().into_iter().enumerate();
    let parameters = parameters
        .map(|(index, parameter)| match (kind < KINDS, index) {
            (true, 0) => fill(parameter.shape.elements(), scale * (3.0 / inputs as f64).sqrt(), 0.0),
            (true, 1) => fill(parameter.shape.elements(), 0.1 * scale, offset),
            _ => fill(parameter.shape.elements(), 1.0, 0.0),
        })
        .collect();
    let words = table.words as f64;
    let inputs = if kind < KINDS {
        fill(rows * inputs, 1.0, 0.0)
    } else {
        fill(rows * inputs, 0.5, 0.5).into_iter().map(|part| (part * words).floor()).collect()
    };
    Case { name, targets: fill(rows * 2, 1.0, 0.0), model, rows, inputs, parameters }
}

fn training() -> Training {
    Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(Sgd::new(0.01)))
}

fn side(model: &Model, dtype: DType) -> Side {
    Side {
        engine: EngineKind::Scratch,
        dtype,
        seed: 0,
        model: model.clone(),
        encoding: Encoding::Values,
        batch_size: BatchSize::Full,
        init: Init::Zeros,
        training: training(),
    }
}

/// Lends f64 values in `dtype`.
fn with_view<R>(sizes: &[usize], values: &[f64], dtype: DType, then: impl FnOnce(View<'_>) -> R) -> R {
    let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    then(match dtype {
        DType::F32 => View::new(sizes, &narrow[..]),
        DType::F64 => View::new(sizes, values),
    })
}

fn with_batch<R>(case: &Case, dtype: DType, training: bool, then: impl FnOnce(&Batch<'_>) -> R) -> R {
    with_view(&[case.rows, case.model.inputs], &case.inputs, dtype, |inputs| {
        with_view(&[case.rows, 2], &case.targets, dtype, |targets| {
            then(&Batch { training, ..Batch::dense(inputs, targets) })
        })
    })
}

fn load(engine: &mut dyn Engine, parameters: &[Vec<f64>], dtype: DType) {
    for (index, values) in parameters.iter().enumerate() {
        let shape = engine.parameters()[index].shape;
        with_view(&shape, values, dtype, |view| engine.load(index, view)).unwrap();
    }
}

/// One step of an engine.
fn run(engine: &mut dyn Engine, case: &Case, dtype: DType, training: bool) -> StepRecord {
    let mut record = StepRecord::default();
    with_batch(case, dtype, training, |batch| {
        record.begin(engine, batch).unwrap();
        engine.forward(batch).unwrap();
        let loss = engine.loss(batch).unwrap();
        engine.backward().unwrap();
        record.computed(engine, &case.model.widths(), loss).unwrap();
        engine.update().unwrap();
        record.updated(engine).unwrap();
    });
    record
}

/// Every tensor of a step that a layer makes, against exact arithmetic under a definition.
fn deviations(definition: &Model, dtype: DType, record: &StepRecord) -> Vec<(String, Deviation)> {
    let mut replay = Replay::new(&side(definition, dtype), dtype, Limits::default().k);
    let parameters = |index: usize| record.before[index].as_slice();
    let before = |index: usize| record.buffers_before[index].as_slice();
    let mut all = Vec::new();
    for (layer, found) in record.activations.iter().enumerate() {
        let exact = replay.forward(layer, record, &parameters);
        all.push((format!("activation/{layer}"), Deviation::new(found, &exact.value, &exact.bound)));
    }
    for (index, exact) in replay.buffers(record, &before).iter().enumerate() {
        all.push((format!("buffer/{index}"), Deviation::new(&record.buffers[index], &exact.value, &exact.bound)));
    }
    for (index, exact) in replay.backward(record, &parameters).iter().enumerate() {
        all.push((format!("grad/{index}"), Deviation::new(&record.gradients[index], &exact.value, &exact.bound)));
    }
    all
}

fn engines(model: &Model, dtype: DType, rows: usize, faults: &[Fault]) -> [Box<dyn Engine>; 2] {
    let faulty = Training { faults: faults.to_vec(), ..training() };
    [scratch::build(model, &faulty, dtype, rows), Box::new(Torch::new(model, &training(), dtype).unwrap())]
}

fn sizes() -> impl Strategy<Value = [usize; 3]> {
    // A batch norm takes two rows at least; widths on both sides of what one vector instruction takes.
    let width = || prop_oneof![1..=9usize, 10..=40usize];
    (2..=20usize, width(), width()).prop_map(|(rows, inputs, columns)| [rows, inputs, columns])
}

/// Both engines, both types, training and evaluation; values from ordinary ones to logits of thousands and columns whose
/// mean is a thousand times their spread. Prints the largest share of a bound that was used.
#[test]
fn every_tensor_of_both_engines_is_what_exact_arithmetic_allows() {
    let config = common::cases(600, "tests/regressions/layers.txt");
    let spread = select(vec![[1.0, 0.0], [0.01, 0.0], [30.0, 0.0], [3000.0, 0.0], [1.0, 1000.0], [1e-3, -50.0]]);
    let given = (0..KINDS + TABLES, sizes(), spread, any::<u64>(), any::<bool>());
    let largest = RefCell::new(BTreeMap::new());
    let every = |(kind, sizes, spread, seed, training): (usize, _, _, _, bool)| {
        let case = case(kind, sizes, spread, seed);
        for dtype in [DType::F32, DType::F64] {
            for mut engine in engines(&case.model, dtype, case.rows, &[]) {
                load(engine.as_mut(), &case.parameters, dtype);
                for step in 0..2 {
                    let record = run(engine.as_mut(), &case, dtype, training || step == 0);
                    for (tensor, deviation) in deviations(&case.model, dtype, &record) {
                        let name = engine.describe().to_string();
                        prop_assert!(deviation.passes(), "{name}: {} {tensor} {deviation:?}", case.name);
                        let kind = case.name.split([' ', ',']).next().unwrap_or_default().to_owned();
                        let mut largest = largest.borrow_mut();
                        let kept: &mut f64 = largest.entry((kind, tensor, name)).or_default();
                        *kept = kept.max(deviation.budget);
                    }
                }
            }
        }
        Ok(())
    };
    TestRunner::new(config).run(&given, every).unwrap();
    for ((kind, tensor, engine), budget) in largest.into_inner() {
        println!("{kind:14} {tensor:13} {engine:22} {budget:.2}");
    }
}

fn f64s<'a>(view: View<'a>) -> &'a [f64] {
    let Values::F64(values) = view.values else { panic!("an f64 engine lends {}", view.dtype()) };
    values
}

/// On which side of its kink, or threshold, each number is that reaches the layer.
fn kinks(case: &Case, engine: &dyn Engine) -> Vec<bool> {
    let kink = match case.model.layers[1] {
        Layer::Relu | Layer::LeakyRelu { .. } => 0.0,
        Layer::Softplus { beta, threshold } => threshold / beta,
        Layer::Linear(_)
        | Layer::Sigmoid
        | Layer::Tanh
        | Layer::Gelu(_)
        | Layer::Silu
        | Layer::Softmax(_)
        | Layer::LogSoftmax(_)
        | Layer::Dropout(_)
        | Layer::LayerNorm(_)
        | Layer::BatchNorm(_)
        | Layer::Embedding(_)
        | Layer::EmbeddingBag(..)
        | Layer::Flatten => f64::INFINITY,
    };
    f64s(engine.activation(0)).iter().map(|&x| x > kink).collect()
}

/// Along a random direction in all parameters, the loss changes as fast as the inner product with the gradient says:
/// what reaches the layer through the first linear layer, what its own parameters have, and the table of an embedding. The
/// central difference is extrapolated from h and 2h, so that what it errs by is about the 15th of what it and the one from
/// 2h and 4h differ by, and the rounding of six losses, which a thousand units of the loss bound by far, over h.
#[test]
fn along_a_random_direction_the_loss_changes_as_the_gradients_say() {
    const H: f64 = 1.0 / 2048.0;
    let config = common::cases(600, "tests/regressions/layers.txt");
    let given = (0..KINDS + TABLES, sizes(), any::<u64>(), any::<bool>());
    let every = |(kind, sizes, seed, training): (usize, _, u64, _)| {
        let case = case(kind, sizes, [1.0, 0.3], seed);
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(1));
        let direction: Vec<Vec<f64>> = case
            .parameters
            .iter()
            .map(|values| values.iter().map(|_| random.random::<f64>() - 0.5).collect())
            .collect();
        let [mut engine, _] = engines(&case.model, DType::F64, case.rows, &[]);
        let mut loss_at = |step: f64| {
            let moved: Vec<Vec<f64>> = (case.parameters.iter().zip(&direction))
                .map(|(values, along)| values.iter().zip(along).map(|(value, along)| value + step * along).collect())
                .collect();
            load(engine.as_mut(), &moved, DType::F64);
            let loss = with_batch(&case, DType::F64, training, |batch| {
                engine.forward(batch).unwrap();
                engine.loss(batch).unwrap()
            });
            (loss, kinks(&case, engine.as_ref()))
        };
        let steps = [H, 2.0 * H, 4.0 * H].map(|h| (loss_at(h), loss_at(-h), h));
        let (loss, sides) = loss_at(0.0);
        prop_assume!(steps.iter().all(|((_, above), (_, below), _)| *above == sides && *below == sides));
        engine.backward().unwrap();
        let inner = |(index, along): (usize, &Vec<f64>)| {
            f64s(engine.gradient(index)).iter().zip(along).map(|(gradient, along)| gradient * along).sum::<f64>()
        };
        let expected: f64 = direction.iter().enumerate().map(inner).sum();
        let [one, two, four] = steps.map(|((above, _), (below, _), h)| (above - below) / (2.0 * h));
        let [fine, coarse] = [(4.0 * one - two) / 3.0, (4.0 * two - four) / 3.0];
        let tolerance = (fine - coarse).abs() + 1000.0 * f64::EPSILON * (loss + 1.0) / H;
        // Where the loss bends too much for the differences to say anything, another case is drawn.
        prop_assume!(tolerance <= 1e-3 * (expected.abs() + 1.0));
        prop_assert!((fine - expected).abs() <= tolerance, "{}: {fine} for {expected} ± {tolerance:.1e}", case.name);
        Ok(())
    };
    TestRunner::new(config).run(&given, every).unwrap();
}

/// Whether anything of a step of this model, in f32, is off what the definition allows, by more than rounding explains.
fn seen(model: Vec<Layer>, definition: Vec<Layer>, words: bool) -> bool {
    let inputs = if words { 4 } else { 6 };
    let [model, definition] = [model, definition].map(|layers| Model::new(layers, inputs).unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut fill = |count: usize| (0..count).map(|_| 2.0 * random.random::<f64>() - 1.0).collect::<Vec<_>>();
    let parameters = model.parameters().iter().map(|parameter| fill(parameter.shape.elements())).collect();
    let inputs = fill(32 * inputs);
    let inputs = if words { inputs.into_iter().map(|x| ((x + 1.0) * 4.0).floor()).collect() } else { inputs };
    let targets = fill(64);
    let case = Case { name: String::new(), model, rows: 32, inputs, targets, parameters };
    let [mut engine, _] = engines(&case.model, DType::F32, case.rows, &[]);
    load(engine.as_mut(), &case.parameters, DType::F32);
    let record = run(engine.as_mut(), &case, DType::F32, true);
    deviations(&definition, DType::F32, &record).iter().any(|(_, deviation)| !deviation.passes())
}

#[test]
fn a_mistake_in_a_formula_is_more_than_its_bound_allows() {
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
    let around = |layer: Layer| vec![linear(6, 8), layer, linear(8, 2)];
    let norm = |eps| Norm { columns: 8, eps, affine: true };
    let batch_norm = |eps, momentum| Layer::BatchNorm(BatchNorm { norm: norm(eps), momentum });
    let table = Embedding { words: 8, columns: 3 };
    let bag = |bag| vec![Layer::EmbeddingBag(table, bag), linear(3, 2)];
    let mistakes = [
        ("the other axis", Layer::Softmax(Axis::Rows), Layer::Softmax(Axis::Columns)),
        ("the other axis", Layer::LogSoftmax(Axis::Columns), Layer::LogSoftmax(Axis::Rows)),
        ("no logarithm", Layer::Softmax(Axis::Columns), Layer::LogSoftmax(Axis::Columns)),
        ("no ε", Layer::LayerNorm(norm(0.0)), Layer::LayerNorm(norm(1e-5))),
        ("no ε", batch_norm(0.0, 0.1), batch_norm(1e-5, 0.1)),
        ("old and new exchanged", batch_norm(1e-5, 0.9), batch_norm(1e-5, 0.1)),
        ("batch norm for layer norm", batch_norm(1e-5, 0.1), Layer::LayerNorm(norm(1e-5))),
        ("the other GELU", Layer::Gelu(Gelu::Tanh), Layer::Gelu(Gelu::Erf)),
        ("SiLU for GELU", Layer::Silu, Layer::Gelu(Gelu::Erf)),
        ("a slope a ten-thousandth off", Layer::LeakyRelu { slope: 0.010_001 }, Layer::LeakyRelu { slope: 0.01 }),
        ("a β a ten-thousandth off", softplus(1.0001, 20.0), softplus(1.0, 20.0)),
        ("a lower threshold", softplus(1.0, 1.0), softplus(1.0, 20.0)),
    ];
    for (mistake, made, meant) in mistakes {
        assert!(seen(around(made), around(meant), false), "{mistake}: {made} passes for {meant}");
        assert!(!seen(around(meant), around(meant), false), "{meant} does not pass for itself");
    }
    assert!(seen(bag(Bag::Sum), bag(Bag::Mean), true));
    assert!(!seen(bag(Bag::Mean), bag(Bag::Mean), true));
}

fn softplus(beta: f64, threshold: f64) -> Layer {
    Layer::Softplus { beta, threshold }
}

/// The running variance is the one divided by n − 1: with that by n, and with a momentum's parts exchanged, what is kept
/// is off at the first step, and nothing else is.
#[test]
fn a_running_variance_divided_by_n_is_seen_in_its_buffer() {
    let case = case(12, [16, 3, 5], [1.0, 0.0], 1);
    let [mut engine, _] = engines(&case.model, DType::F32, case.rows, &[]);
    load(engine.as_mut(), &case.parameters, DType::F32);
    let mut record = run(engine.as_mut(), &case, DType::F32, true);
    assert!(deviations(&case.model, DType::F32, &record).iter().all(|(_, deviation)| deviation.passes()));
    record.buffers[1].iter_mut().for_each(|variance| *variance = 0.9 + (*variance - 0.9) * 15.0 / 16.0);
    let off = deviations(&case.model, DType::F32, &record).into_iter().filter(|(_, deviation)| !deviation.passes());
    assert_eq!(off.map(|(tensor, _)| tensor).collect::<Vec<_>>(), ["buffer/1"]);
}

/// What the faults of the scratch engine make of a step, as the replay sees it.
#[test]
fn the_faults_of_layers_are_seen_where_they_are_made() {
    let off = |kind, spread, fault: Fault, change: fn(&mut Case)| {
        let mut case = case(kind, [8, 4, 6], spread, 3);
        change(&mut case);
        let [mut engine, _] = engines(&case.model, DType::F32, case.rows, &[fault]);
        load(engine.as_mut(), &case.parameters, DType::F32);
        let record = run(engine.as_mut(), &case, DType::F32, true);
        let off = deviations(&case.model, DType::F32, &record).into_iter().find(|(_, deviation)| !deviation.passes());
        off.map(|(tensor, _)| tensor)
    };
    let unchanged = |_: &mut Case| {};
    assert_eq!(off(14, [1.0, 0.0], Fault::SigmoidDerivativeOfOutput, unchanged).as_deref(), Some("grad/0"));
    // A unit whose weights and bias are 0.
    let dead = |case: &mut Case| {
        case.parameters[0][..4].fill(0.0);
        case.parameters[1][0] = 0.0;
    };
    assert_eq!(off(16, [1.0, 0.0], Fault::ReluDerivativeOneAtZero, dead).as_deref(), Some("grad/0"));
    assert_eq!(off(16, [1.0, 0.0], Fault::ReluDerivativeOneAtZero, unchanged), None);
    for kind in 6..=9 {
        assert_eq!(off(kind, [3000.0, 0.0], Fault::UnstableSoftmax, unchanged).as_deref(), Some("activation/1"));
    }
}

/// Both refuse with the same words.
#[test]
fn what_no_layer_has_an_answer_for_is_the_same_error_on_both_sides() {
    let message = |model: &Model, inputs: &[f64], rows: usize| -> Vec<String> {
        let targets = vec![0.0; 2 * rows];
        let every = engines(model, DType::F64, 4, &[]);
        let refused = every.into_iter().map(|mut engine| {
            let batch = Batch::dense(View::new(&[rows, model.inputs], inputs), View::new(&[rows, 2], &targets[..]));
            let error = engine.forward(&batch).unwrap_err().to_string();
            error.replace(&engine.describe().name, "ENGINE")
        });
        refused.collect()
    };
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
    let norm = Norm { columns: 3, eps: 1e-5, affine: true };
    let layers = vec![linear(2, 3), Layer::BatchNorm(BatchNorm { norm, momentum: 0.1 }), linear(3, 2)];
    let single = message(&Model::new(layers, 2).unwrap(), &[0.5, 1.0], 1);
    assert_eq!(single[0], single[1]);
    assert!(single[0].contains("Expected more than 1 value per channel when training"), "{}", single[0]);
    let table = Embedding { words: 7, columns: 3 };
    for first in [Layer::EmbeddingBag(table, Bag::Mean), Layer::EmbeddingBag(table, Bag::Sum)] {
        let model = Model::new(vec![first, linear(3, 2)], 2).unwrap();
        for wrong in [7.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
            let outside = message(&model, &[0.0, 6.0, 1.0, wrong], 2);
            assert_eq!(outside[0], outside[1]);
            assert!(outside[0].contains("[1, 1]") && outside[0].contains("0 to 6"), "{}", outside[0]);
        }
    }
}

/// Infinite and huge logits: finite on one side is finite on the other, and what is no number is none on both.
#[test]
fn softmaxes_of_infinite_and_huge_logits_are_libtorchs() {
    let infinity = f64::INFINITY;
    let rows = [
        [0.0, 0.0, 0.0],
        [-infinity, 0.0, 1.0],
        [infinity, 0.0, 1.0],
        [-infinity; 3],
        [infinity, infinity, 0.0],
        [3e38, -3e38, 0.0],
        [1e30, 1e30, 1e30],
        [-1e4, 0.0, 1e4],
    ];
    for kind in 6..=9 {
        let model = Model { inputs: 3, layers: vec![layer(kind, 3)] };
        for dtype in [DType::F32, DType::F64] {
            let outputs = engines(&model, dtype, 1, &[]).map(|mut engine| {
                let mut outputs = Vec::new();
                for row in rows {
                    let columns = [0.0; 3];
                    with_view(&[1, 3], &row, dtype, |inputs| {
                        with_view(&[1, 3], &columns, dtype, |targets| engine.forward(&Batch::dense(inputs, targets)))
                    })
                    .unwrap();
                    let mut found = Vec::new();
                    engine.activation(0).widen_into(&mut found);
                    outputs.extend(found);
                }
                outputs
            });
            for (place, (ours, theirs)) in outputs[0].iter().zip(&outputs[1]).enumerate() {
                // Of three terms: the exponentials to 1 ulp, the sum, the logarithm and the quotient: 16 roundings.
                let near = (ours - theirs).abs() <= 16.0 * dtype.unit_roundoff() * theirs.abs();
                let same = ours == theirs || ours.is_nan() && theirs.is_nan() || near;
                assert!(same, "{} of {:?} in {dtype}: {ours} for {theirs}", model.layers[0], rows[place / 3]);
            }
        }
    }
}

/// A column of a mean so large that nothing is left of its deviations: a correct engine is within its limit, and the limit
/// says that this proves nothing.
#[test]
fn what_cancellation_leaves_nothing_of_is_unjudged() {
    let case = case(12, [16, 3, 5], [1e-3, 3e5], 2);
    for mut engine in engines(&case.model, DType::F32, case.rows, &[]) {
        load(engine.as_mut(), &case.parameters, DType::F32);
        let record = run(engine.as_mut(), &case, DType::F32, true);
        let all: BTreeMap<_, _> = deviations(&case.model, DType::F32, &record).into_iter().collect();
        assert!(all.values().all(Deviation::passes), "{all:?}");
        assert!(!(all["activation/1"].limit <= UNJUDGED), "{:?}", all["activation/1"]);
    }
}

/// What a batch norm subtracts again: its gradient is 0 in exact arithmetic, and rounding is all that both sides have.
#[test]
fn the_bias_before_a_batch_norm_is_unjudged_and_the_rest_is_parity() {
    let text = "seed = 4\ndata = { kind = 'regression', rows = 64, inputs = 8, outputs = 2 }\n\
        model.layers = [{ linear = { outputs = 16 } }, 'batch-norm', 'relu', { linear = { outputs = 2 } }]\n\
        training = { loss = 'mse', optimizer.sgd.lr = 0.05, batch_size = 16, steps = 40 }\n";
    let experiment = Experiment::parse(text, "norm.toml", Path::new(""), &[]).unwrap();
    let (verdict, _) = common::compared(&experiment, Comparison::default());
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
    let bias: Vec<_> = verdict.unjudged.iter().filter(|unjudged| unjudged.tensor == "0.bias").collect();
    assert!(!bias.is_empty() && bias.iter().all(|unjudged| unjudged.steps == 40 && unjudged.judged == 0), "{bias:?}");
    // What batch norm keeps is compared, too.
    let kept = verdict.gaps.values().all(|gaps| gaps.contains_key("buffer/1.running_mean"));
    assert!(kept, "{:?}", verdict.gaps.keys());
}

/// Every layer of the vocabulary in one experiment file, on both sides.
#[test]
fn an_experiment_with_every_layer_is_parity() {
    let layers = [
        "{ leaky-relu = { slope = 0.2 } }",
        "'gelu'",
        "{ gelu = { approximate = 'tanh' } }",
        "'silu'",
        "'softplus'",
        "'softmax'",
        "'log-softmax'",
        "'layer-norm'",
        "'batch-norm'",
    ];
    for layer in layers {
        for dtype in ["f32", "f64"] {
            let text = format!(
                "seed = 2\ndtype = '{dtype}'\ndata = {{ kind = 'regression', rows = 64, inputs = 8, outputs = 2 }}\n\
                 model.layers = [{{ linear = {{ outputs = 12 }} }}, {layer}, {{ linear = {{ outputs = 2 }} }}]\n\
                 training = {{ loss = 'mse', optimizer.sgd.lr = 0.005, batch_size = 16, steps = 30 }}\n"
            );
            let experiment = Experiment::parse(&text, "layer.toml", Path::new(""), &[]).unwrap();
            let (verdict, _) = common::compared(&experiment, Comparison::default());
            let (first, said) = (&verdict.first_divergence, &verdict.noise.referee);
            assert_eq!(verdict.verdict, Outcome::Parity, "{layer} {dtype}: {first:?} {:?}", verdict.not_checked);
            assert!(said.as_ref().is_some_and(|referee| referee.differs.is_empty()), "{layer} {dtype}: {said:?}");
        }
    }
}

/// A leaky ReLU's slope, a norm's ε and a softmax's axis that differ on the candidate are mismatches of the forward phase.
#[test]
fn another_setting_of_a_layer_is_a_mismatch_in_its_output() {
    for (layer, set) in [
        ("'leaky-relu'", "candidate.model.layer.1.leaky-relu.slope=0.011"),
        ("'batch-norm'", "candidate.model.layer.1.batch-norm.eps=2e-5"),
        ("'softmax'", "candidate.model.layer.1.softmax.axis=0"),
    ] {
        let text = format!(
            "data = {{ kind = 'regression', rows = 64, inputs = 8, outputs = 2 }}\n\
             model.layers = [{{ linear = {{ outputs = 12 }} }}, {layer}, {{ linear = {{ outputs = 2 }} }}]\n\
             training = {{ loss = 'mse', optimizer.sgd.lr = 0.05, batch_size = 16, steps = 5 }}\n"
        );
        let experiment = Experiment::parse(&text, "layer.toml", Path::new(""), &[set.to_owned()]).unwrap();
        let (verdict, _) = common::compared(&experiment, Comparison::default());
        assert_eq!(verdict.verdict, Outcome::Mismatch, "{layer}");
        let first = verdict.phases[&Phase::Forward].first_divergence.as_ref().unwrap();
        assert_eq!((first.step, first.tensor.as_str(), first.farther), (0, "activation/1", Some(Farther::Candidate)));
    }
}

/// Whatever the scheme, a norm starts as one that does nothing, and an embedding is drawn.
#[test]
fn norms_start_from_one_and_zero_and_embeddings_from_deviates() {
    let norm = Norm { columns: 40, eps: 1e-5, affine: true };
    let layers = vec![
        Layer::EmbeddingBag(Embedding { words: 500, columns: 40 }, Bag::Mean),
        Layer::LayerNorm(norm),
        Layer::BatchNorm(BatchNorm { norm, momentum: 0.1 }),
    ];
    let model = Model::new(layers, 3).unwrap();
    for init in [Init::Pytorch, Init::Kaiming, Init::XavierUniform, Init::normal(1.0)] {
        let drawn = draw(&model, &init, 8, DType::F64).unwrap();
        let table = &drawn[0].values;
        let spread = table.iter().map(|value| value * value).sum::<f64>() / table.len() as f64;
        // 20,000 deviates: the mean square errs by √(2/20,000) = 0.01; five of those.
        assert!((spread - 1.0).abs() < 0.05, "{init}: {spread}");
        for (number, start) in [1.0, 0.0, 1.0, 0.0].into_iter().enumerate() {
            assert!(
                drawn[number + 1].values.iter().all(|&value| value == start),
                "{init}: {}",
                drawn[number + 1].parameter.name
            );
        }
    }
}
