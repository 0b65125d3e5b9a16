//! The scratch engine beside libtorch over random models, batches and trainings: every run is parity, every tensor of
//! every step is what exact arithmetic allows, and in f64 the two agree directly. Initial weights are PyTorch's bit for
//! bit, and what libtorch refuses becomes an error.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, set::Encoding},
    engine::{Engine, scratch, torch::Torch},
    error::Error,
    experiment::{EngineKind, Experiment, Side},
    judge::{
        Comparison,
        gap::Deviation,
        noise::Limits,
        replay::Replay,
        verdict::{Outcome, Verdict},
    },
    model::{
        Layer, Linear, Model,
        init::{Init, draw},
    },
    run::StepRecord,
    tensor::{DType, Values, View},
    training::{Loss, Optimizer, ReportedLoss, ReportedMeasure, Sgd, Training},
};
use proptest::{collection::vec, prelude::*, sample::select};
use std::path::Path;

fn judged(text: &str) -> Verdict {
    let experiment = Experiment::parse(text, "random.toml", Path::new(""), &[]).unwrap();
    common::compared(&experiment, Comparison::default()).0
}

/// Widths up to 70, where a batch of 24 rows is well past the size from which products are tiled.
fn hidden() -> impl Strategy<Value = String> {
    let width = prop_oneof![Just(1), 2..=8usize, 9..=70usize];
    let activation = select(vec!["", "'sigmoid',", "'tanh',", "'relu',"]);
    (width, any::<bool>(), activation).prop_map(|(outputs, bias, activation)| {
        format!("{{ linear = {{ outputs = {outputs}, bias = {bias} }} }}, {activation}")
    })
}

/// Losses of differences by the names of experiment files.
fn losses() -> Vec<(&'static str, Loss)> {
    vec![
        ("mse", Loss::MEAN_SQUARED_ERROR),
        ("sum-squares", Loss::SUM_SQUARES),
        ("half-sum-squares", Loss::HALF_SUM_SQUARES),
    ]
}

/// What may be printed, likewise.
fn reported_losses() -> Vec<(&'static str, ReportedLoss)> {
    let mut reported: Vec<_> = losses().into_iter().map(|(name, loss)| (name, loss.into())).collect();
    reported.push(("delta-times-mse", ReportedMeasure::DeltaTimesMse.into()));
    reported
}

fn optimizers() -> impl Strategy<Value = Sgd> {
    // Steps so small that no random model runs away: its loss stays finite and its ReLUs alive.
    let rate = 0.001..0.02f64;
    (rate, select(vec![(0.0, 0.0, false), (0.9, 0.0, false), (0.5, 0.3, false), (0.9, 0.0, true)]))
        .prop_map(|(lr, (momentum, dampening, nesterov))| Sgd { momentum, dampening, nesterov, ..Sgd::new(lr) })
}

fn experiments() -> impl Strategy<Value = String> {
    let last = select(vec!["", "'sigmoid'", "'tanh'"]);
    let scheme = select(vec!["pytorch", "truncated-normal", "xavier-normal", "xavier-uniform", "kaiming"]);
    let reported = select(reported_losses()).prop_map(|(name, _)| name);
    // From two steps on: a batch of one row may be (0, 0), whose target a network without biases meets exactly.
    let training = (select(losses()), reported, optimizers(), 2..=8usize);
    let data = (1..=6usize, 1..=24usize, select(vec!["f32", "f64"]), any::<u32>());
    (vec(hidden(), 0..=2), last, scheme, training, data).prop_map(
        |(hidden, last, scheme, ((loss, kind), reported, sgd, steps), (repeat, rows, dtype, seed))| {
            // A sum's gradient is that of the mean times the elements, so its steps are that much shorter.
            let per_element =
                kind.reduction.factor(rows.min(4 * repeat) as f64, rows.min(4 * repeat)) * rows.min(4 * repeat) as f64;
            let Sgd { lr, momentum, dampening, nesterov, .. } = sgd;
            format!(
                "seed = {seed}\ndtype = '{dtype}'\ndata = {{ kind = 'xor', repeat = {repeat} }}\n\
                 model.init = '{scheme}'\n\
                 model.layers = [{} {{ linear = {{ outputs = 1 }} }}, {last}]\n\
                 [training]\nloss = '{loss}'\nreported_loss = '{reported}'\nbatch_size = {rows}\nsteps = {steps}\n\
                 [training.optimizer.sgd]\n\
                 lr = {}\nmomentum = {momentum}\ndampening = {dampening}\nnesterov = {nesterov}\n",
                hidden.concat(),
                lr / per_element,
            )
        },
    )
}

proptest! {
    #![proptest_config(common::cases(200, "tests/regressions/engines.txt"))]

    #[test]
    fn a_random_experiment_is_parity(text in experiments()) {
        let verdict = judged(&text);
        prop_assert_ne!(verdict.verdict, Outcome::Mismatch, "{:?}\n{:?}", verdict.first_divergence, verdict.phases);
        // What proves nothing says why: no weight moved, as behind dead ReLUs, or a tensor was beyond judging at every step.
        if verdict.verdict == Outcome::Inconclusive {
            let still = verdict.not_checked.iter().any(|item| item.starts_with("anything: no weight moved"));
            prop_assert!(verdict.non_finite.is_empty(), "{:?}", verdict.non_finite);
            prop_assert!(still || !verdict.never_judged.is_empty(), "{still}, {:?}", verdict.never_judged);
            for tensor in &verdict.never_judged {
                let (phase, name) = tensor.split_once(" of ").unwrap();
                let listed = |one: &&lockstep::judge::verdict::Unjudged| one.phase.name() == phase && one.tensor == name;
                let hidden: Vec<_> = verdict.unjudged.iter().filter(listed).collect();
                prop_assert!(!hidden.is_empty() && hidden.iter().all(|one| one.judged == 0), "{tensor}: {hidden:?}");
            }
        }
    }

    /// Several outputs and any numbers as data, which no data set has yet.
    #[test]
    fn every_tensor_of_both_engines_is_what_exact_arithmetic_allows(case in cases()) {
        for dtype in [DType::F32, DType::F64] {
            let side = Side {
                engine: EngineKind::Torch,
                dtype,
                seed: case.seed,
                model: case.model.clone(),
                init: Init::Pytorch,
                training: case.training.clone(),
                encoding: Encoding::Values,
                batch_size: BatchSize::Full,
            };
            let rows = case.rows;
            let scratch: Box<dyn Engine> = scratch::build(&side.model, &side.training, dtype, rows);
            let torch: Box<dyn Engine> = Box::new(Torch::new(&side.model, &side.training, dtype).unwrap());
            let replay = || Replay::new(&side, dtype, Limits::default().k);
            let mut engines = [scratch, torch].map(|engine| (engine, replay(), StepRecord::default()));
            for (engine, ..) in &mut engines {
                for (index, initial) in draw(&side.model, &side.init, side.seed, dtype).unwrap().iter().enumerate() {
                    let shape = initial.parameter.shape;
                    with_view(&shape, &initial.values, dtype, |view| engine.load(index, view)).unwrap();
                }
            }
            for step in 0..4 {
                for (engine, replay, record) in &mut engines {
                    with_batch(&case, dtype, |batch| run(engine.as_mut(), record, &side.model.widths(), batch));
                    for (tensor, deviation) in deviations(replay, &side.model, record) {
                        prop_assert!(
                            deviation.passes(),
                            "{} {tensor} at step {step}: {deviation:?}", engine.describe()
                        );
                    }
                }
                let [(_, _, scratch), (_, _, torch)] = &engines;
                if dtype == DType::F64 {
                    prop_assert!(farthest(scratch, torch) <= FARTHEST, "{} at step {step}", farthest(scratch, torch));
                }
            }
        }
    }
}

/// How far two f64 engines may be apart in an element. Weights start below 1/√k for k ≤ 6 inputs and |x| ≤ 1, so that, as
/// derived in tests/gradients.rs, |p − t| < 21: losses stay below 21·½·20·21² = 9e4, gradients (of a sum, over 5 rows and
/// back through 4 and 6 units) below 5·4·6·2·21 = 5e3, even with every term positive. At most 60 roundings on the way to
/// each, in 4 steps: 240 · 2⁻⁵³ · 1e5 = 3e-9.
const FARTHEST: f64 = 3e-9;

/// A model with several outputs, and numbers to train it on.
#[derive(Debug, Clone)]
struct Case {
    model: Model,
    training: Training,
    rows: usize,
    seed: u64,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

fn cases() -> impl Strategy<Value = Case> {
    let activation = select(vec![None, Some(Layer::Sigmoid), Some(Layer::Tanh), Some(Layer::Relu)]);
    let stack = vec((1..=6usize, any::<bool>(), activation), 0..=2);
    let last = (1..=4usize, any::<bool>());
    let training = (select(losses()), select(reported_losses()), optimizers());
    let numbers = (vec(-1.0..1.0f64, 30), vec(-1.0..1.0f64, 20));
    (1..=6usize, stack, last, training, 1..=5usize, any::<u64>(), numbers).prop_map(
        |(inputs, stack, last, ((_, loss), (_, reported_loss), sgd), rows, seed, (mut x, mut t))| {
            let (mut layers, mut width) = (Vec::new(), inputs);
            for (outputs, bias, activation) in stack.into_iter().chain([(last.0, last.1, None)]) {
                layers.push(Layer::Linear(Linear { inputs: width, outputs, bias }));
                layers.extend(activation);
                width = outputs;
            }
            x.truncate(rows * inputs);
            t.truncate(rows * width);
            let lr = sgd.lr / (loss.reduction.factor(t.len() as f64, rows) * t.len() as f64);
            let training = Training::new(loss, Optimizer::Sgd(Sgd { lr, ..sgd }));
            let training = Training { reported_loss, ..training };
            Case { model: Model::new(layers, inputs).unwrap(), training, rows, seed, inputs: x, targets: t }
        },
    )
}

/// Lends f64 values in `dtype`.
fn with_view<R>(sizes: &[usize], values: &[f64], dtype: DType, then: impl FnOnce(View<'_>) -> R) -> R {
    let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    then(match dtype {
        DType::F32 => View::new(sizes, &narrow[..]),
        DType::F64 => View::new(sizes, values),
    })
}

fn with_batch<R>(case: &Case, dtype: DType, then: impl FnOnce(&Batch<'_>) -> R) -> R {
    with_view(&[case.rows, case.model.inputs], &case.inputs, dtype, |inputs| {
        with_view(&[case.rows, case.model.outputs()], &case.targets, dtype, |targets| {
            then(&Batch::dense(inputs, targets))
        })
    })
}

fn run(engine: &mut dyn Engine, record: &mut StepRecord, widths: &[usize], batch: &Batch<'_>) {
    record.begin(engine, batch).unwrap();
    engine.forward(batch).unwrap();
    let loss = engine.loss(batch).unwrap();
    engine.backward().unwrap();
    record.computed(engine, widths, loss).unwrap();
    engine.update().unwrap();
    record.updated(engine).unwrap();
}

/// Every tensor of a step against exact arithmetic on the engine's own inputs to it.
fn deviations(replay: &mut Replay, model: &Model, record: &StepRecord) -> Vec<(String, Deviation)> {
    let mut all = Vec::new();
    let parameters = |index: usize| record.before[index].as_slice();
    for (layer, found) in record.activations.iter().enumerate() {
        let exact = replay.forward(layer, record, &parameters);
        all.push((format!("activation/{layer}"), Deviation::new(found, &exact.value, &exact.bound)));
    }
    let (exact, bound) = replay.loss(record, &parameters);
    all.push(("loss".to_owned(), Deviation::new(&[record.loss], &[exact], &[bound])));
    let exact = replay.output_gradient(record.output(), &record.targets);
    all.push(("output_gradient".to_owned(), Deviation::new(&record.output_gradient, &exact.value, &exact.bound)));
    let names: Vec<String> = model.parameters().into_iter().map(|parameter| parameter.name).collect();
    for (index, exact) in replay.backward(record, &parameters).iter().enumerate() {
        let deviation = Deviation::new(&record.gradients[index], &exact.value, &exact.bound);
        all.push((format!("grad/{}", names[index]), deviation));
    }
    for (index, name) in names.iter().enumerate() {
        let exact = replay.update(index, &record.before[index], &record.gradients[index]);
        let deviation = Deviation::new(&record.updates[index], &exact.value, &exact.bound);
        all.push((format!("update/{name}"), deviation));
    }
    all
}

/// The largest difference of two steps in an element of any tensor.
fn farthest(one: &StepRecord, other: &StepRecord) -> f64 {
    let tensors = |record: &StepRecord| -> Vec<f64> {
        let lists = [&record.activations, &record.gradients, &record.after];
        let listed = lists.into_iter().flatten().flatten().copied();
        listed.chain(record.output_gradient.iter().copied()).chain([record.loss]).collect()
    };
    let (one, other) = (tensors(one), tensors(other));
    assert_eq!(one.len(), other.len());
    one.iter().zip(&other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

/// One test, because libtorch's generator is one for the whole process.
#[test]
fn pytorch_weights_are_libtorchs_bit_for_bit() {
    let linear = |inputs, outputs, bias| Layer::Linear(Linear { inputs, outputs, bias });
    let models = [
        Model::new(vec![linear(2, 5, true), Layer::Sigmoid, linear(5, 1, true)], 2).unwrap(),
        Model::new(vec![linear(1, 1, false), linear(1, 3, true), Layer::Relu, linear(3, 1, false)], 1).unwrap(),
        Model::new(vec![linear(300, 70, true), Layer::Tanh, linear(70, 33, true), linear(33, 10, true)], 300).unwrap(),
    ];
    for model in &models {
        // Seeds above 2³² wrap in both.
        for seed in [0, 1, 42, 2_147_483_648, (1 << 32) + 5, i64::MAX] {
            for (dtype, kind) in [(DType::F32, tch::Kind::Float), (DType::F64, tch::Kind::Double)] {
                tch::manual_seed(seed);
                for initial in draw(model, &Init::Pytorch, seed.unsigned_abs(), dtype).unwrap() {
                    let sizes: Vec<i64> = initial.parameter.shape.iter().map(|&size| size as i64).collect();
                    // torch/nn/modules/linear.py and init.py: kaiming_uniform_(weight, a=√5), then U(±1/√fan_in).
                    let fan_in = fan_in(model, &initial.parameter.name) as f64;
                    let bound = match sizes.len() {
                        2 => 3f64.sqrt() * ((2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt() / fan_in.sqrt()),
                        _ => 1.0 / fan_in.sqrt(),
                    };
                    let mut theirs = tch::Tensor::empty(&sizes[..], (kind, tch::Device::Cpu));
                    let _ = theirs.f_uniform_(-bound, bound).unwrap();
                    let theirs = Vec::<f64>::try_from(theirs.flatten(0, -1).to_kind(tch::Kind::Double)).unwrap();
                    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    let name = &initial.parameter.name;
                    assert_eq!(bits(&initial.values), bits(&theirs), "{name} of {model}, seed {seed}, {dtype}");
                }
            }
        }
    }
}

/// The inputs of the linear layer that a parameter belongs to.
fn fan_in(model: &Model, name: &str) -> usize {
    let layer = name.split('.').next().unwrap().parse::<usize>().unwrap();
    let Layer::Linear(linear) = model.layers[layer] else { panic!("{name} is no linear layer's") };
    linear.inputs
}

#[test]
fn what_an_engine_cannot_take_is_an_error_with_the_shapes() {
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
    let model = Model::new(vec![linear(2, 3), Layer::Relu, linear(3, 1)], 2).unwrap();
    let loss = Loss::MEAN_SQUARED_ERROR;
    let optimizer = Optimizer::Sgd(Sgd::new(0.1));
    let training = Training::new(loss, optimizer);
    let (narrow, wide) = ([0.5f32; 12], [0.5f64; 12]);
    let f32s = |rows, width| View::new(&[rows, width], &narrow[..rows * width]);
    let f64s = |rows, width| View::new(&[rows, width], &wide[..rows * width]);
    let torch = || -> Box<dyn Engine> { Box::new(Torch::new(&model, &training, DType::F32).unwrap()) };
    for make in [&torch as &dyn Fn() -> Box<dyn Engine>, &|| scratch::build(&model, &training, DType::F32, 4)] {
        let mut engine = make();
        let refused = |result: Result<(), Error>, words: &str| match result {
            Err(error @ Error::Engine { .. }) => assert!(error.to_string().contains(words), "{error}"),
            other => panic!("{words}: {other:?}"),
        };
        let good = Batch::dense(f32s(4, 2), f32s(4, 1));
        let flat = View::new(&[2], &narrow[..2]);
        for (inputs, shape) in [(f32s(4, 3), "[4, 3]"), (f32s(4, 1), "[4, 1]"), (f64s(4, 2), "[4, 2]"), (flat, "[2]")] {
            refused(engine.forward(&Batch { inputs: inputs.into(), ..good }), shape);
        }
        // Broadcasting would take these.
        for (targets, shape) in [(f32s(1, 1), "[1, 1]"), (f32s(4, 3), "[4, 3]"), (f32s(3, 1), "[3, 1]")] {
            engine.forward(&good).unwrap();
            refused(engine.loss(&Batch { targets, ..good }).map(drop), shape);
        }
        refused(engine.load(0, f32s(2, 3)), "0.weight");
        refused(engine.load(0, f64s(3, 2)), "0.weight");
        // After all of that the engine still trains.
        engine.forward(&good).unwrap();
        engine.loss(&good).unwrap();
        engine.backward().unwrap();
        engine.update().unwrap();
        let Values::F32(output) = engine.activation(2).values else { panic!("an f32 engine lends f32") };
        assert!(output.iter().all(|value| value.is_finite()));
    }
}

/// A view is a slice of libtorch's memory, so it must never say more rows than its tensor has: before a step there are
/// none, and after `forward` of another batch the output gradient is still that of the last one.
#[test]
fn a_view_of_libtorchs_memory_ends_where_the_tensor_does_whenever_it_is_taken() {
    let model = Model::new(vec![Layer::Linear(Linear { inputs: 2, outputs: 1, bias: true })], 2).unwrap();
    let loss = Loss::MEAN_SQUARED_ERROR;
    let optimizer = Optimizer::Sgd(Sgd::new(0.1));
    let training = Training::new(loss, optimizer);
    let numbers = [0.5f64; 8];
    let batch =
        |rows| Batch::dense(View::new(&[rows, 2], &numbers[..2 * rows]), View::new(&[rows, 1], &numbers[..rows]));
    let mut engine = Torch::new(&model, &training, DType::F64).unwrap();
    let rows = |engine: &Torch| (engine.activation(0).shape[0], engine.output_gradient().shape[0]);
    assert_eq!(rows(&engine), (0, 0));
    let mut last = 0;
    for next in [1, 4, 2] {
        engine.forward(&batch(next)).unwrap();
        assert_eq!(rows(&engine), (next, last));
        engine.loss(&batch(next)).unwrap();
        engine.backward().unwrap();
        assert_eq!(rows(&engine), (next, next));
        engine.update().unwrap();
        last = next;
    }
}

/// 2·(1 + 1e38)·3e38 overflows on its way to the unit that is off; libtorch stops it there.
#[test]
fn a_relu_that_is_off_stops_an_infinite_gradient_as_in_libtorch() {
    let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: false });
    let model = Model::new(vec![linear(1, 2), Layer::Relu, linear(2, 1)], 1).unwrap();
    let loss = Loss::SUM_SQUARES;
    let optimizer = Optimizer::Sgd(Sgd::new(0.1));
    let training = Training::new(loss, optimizer);
    let batch = Batch::dense(View::new(&[1, 1], &[1f32][..]), View::new(&[1, 1], &[-1e38f32][..]));
    let torch: Box<dyn Engine> = Box::new(Torch::new(&model, &training, DType::F32).unwrap());
    for mut engine in [torch, scratch::build(&model, &training, DType::F32, 1)] {
        engine.load(0, View::new(&[2, 1], &[-1f32, 1.0][..])).unwrap();
        engine.load(1, View::new(&[1, 2], &[3e38f32, 1.0][..])).unwrap();
        engine.forward(&batch).unwrap();
        engine.loss(&batch).unwrap();
        engine.backward().unwrap();
        assert_eq!(engine.gradient(0).values, Values::F32(&[0.0, 2e38]), "{}", engine.describe());
    }
}
