//! What Python's PyTorch computed of optimizers, schedules and clipping (`scripts/fixtures`): the libtorch engine gives
//! the same bits, but for averages that Python writes another way; the scratch engine and PyTorch itself are what the
//! formulas allow.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, set::Encoding},
    engine::{Engine, scratch, torch::Torch},
    experiment::{EngineKind, Side},
    judge::{gap::Deviation, noise::Limits, replay::Replay},
    model::{Layer, Linear, Model, init::Init},
    tensor::{DType, Values, View},
    training::{Adam, Clip, Curve, Loss, Measure, Optimizer, Reduction, RmsProp, Schedule, Sgd, Training},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Optimizers {
    torch: String,
    code_path: String,
    gradients: BTreeMap<String, Tensor>, // [steps, …]
    cases: Vec<OptimizerCase>,
}

#[derive(Deserialize)]
struct OptimizerCase {
    name: String,
    dtype: DType,
    options: Options,
    parameters: BTreeMap<String, Tensor>, // [steps + 1, …]
}

#[derive(Deserialize)]
struct Schedules {
    cases: Vec<ScheduleCase>,
}

#[derive(Deserialize)]
struct ScheduleCase {
    name: String,
    options: Options,
    base_lr: f64,
    lr: Vec<f64>,
}

#[derive(Deserialize)]
struct Clipping {
    cases: Vec<ClippingCase>,
}

#[derive(Deserialize)]
struct ClippingCase {
    name: String,
    case: String,
    dtype: DType,
    options: Options,
    gradients: BTreeMap<String, Tensor>,
    clipped: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Options(BTreeMap<String, Value>);

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Options {
    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap()
    }

    fn whole(&self, key: &str) -> usize {
        self.0[key].as_u64().unwrap().try_into().unwrap()
    }

    fn is(&self, key: &str) -> bool {
        self.0[key].as_bool().unwrap()
    }
}

impl Tensor {
    /// The elements of each step, as the type holds them.
    fn steps(&self, dtype: DType) -> Vec<Vec<f64>> {
        self.values.chunks(self.values.len() / self.shape[0]).map(|step| elements(step, dtype)).collect()
    }
}

/// The elements of a type that numbers in a file stand for.
fn elements(values: &[f64], dtype: DType) -> Vec<f64> {
    values.iter().map(|&value| if dtype == DType::F32 { f64::from(value as f32) } else { value }).collect()
}

impl OptimizerCase {
    fn optimizer(&self) -> Optimizer {
        let Self { name, options, .. } = self;
        let (lr, weight_decay) = (options.number("lr"), options.number("weight_decay"));
        match name.as_str() {
            "SGD" => Optimizer::Sgd(Sgd {
                lr,
                momentum: options.number("momentum"),
                dampening: options.number("dampening"),
                nesterov: options.is("nesterov"),
                weight_decay,
            }),
            "Adam" | "AdamW" => {
                let betas = [0, 1].map(|index| options.0["betas"][index].as_f64().unwrap());
                Optimizer::Adam(Adam {
                    lr,
                    betas,
                    eps: options.number("eps"),
                    weight_decay,
                    decoupled: name == "AdamW",
                })
            }
            "RMSprop" => Optimizer::RmsProp(RmsProp {
                lr,
                alpha: options.number("alpha"),
                eps: options.number("eps"),
                weight_decay,
                momentum: options.number("momentum"),
                centered: options.is("centered"),
            }),
            other => panic!("an optimizer that is not in the vocabulary: {other}"),
        }
    }

    /// Whether libtorch in C++ writes every line as Python does: its averages of gradients are βx + (1 − β)y, Python's
    /// x + (1 − β)(y − x).
    fn is_the_same_in_libtorch(&self) -> bool {
        match self.optimizer() {
            Optimizer::Sgd(_) => true,
            Optimizer::Adam(_) => false,
            Optimizer::RmsProp(rms) => !rms.centered,
        }
    }
}

/// A linear layer of one output: of |p − t| with t far below p, each weight's gradient is its input, exactly.
fn side(optimizer: Optimizer, clip: Option<Clip>, inputs: usize, dtype: DType) -> Side {
    let model = Model::new(vec![Layer::Linear(Linear { inputs, outputs: 1, bias: false })], inputs).unwrap();
    let loss = Loss { measure: Measure::AbsoluteError, reduction: Reduction::Sum };
    let training = Training { clip, ..Training::new(loss, optimizer) };
    let (engine, init, encoding) = (EngineKind::Torch, Init::Zeros, Encoding::Values);
    Side { engine, dtype, seed: 0, model, init, training, encoding, batch_size: BatchSize::Full }
}

fn engines(side: &Side) -> [Box<dyn Engine>; 2] {
    let scratch: Box<dyn Engine> = scratch::build(&side.model, &side.training, side.dtype, 1);
    [scratch, Box::new(Torch::new(&side.model, &side.training, side.dtype).unwrap())]
}

/// One step of an engine with this gradient; its weights after it.
fn step(engine: &mut dyn Engine, step: usize, gradient: &[f64], dtype: DType) -> Vec<f64> {
    with_view(&[1, gradient.len()], gradient, dtype, |inputs| {
        with_view(&[1, 1], &[-1e38], dtype, |targets| {
            engine.step(&Batch { step, ..Batch::dense(inputs, targets) }).unwrap();
        });
    });
    let mut values = Vec::new();
    engine.gradient(0).widen_into(&mut values);
    assert_eq!(values, gradient, "the gradient that was given");
    engine.tensor(0).widen_into(&mut values);
    values
}

/// What an update from `before` to `after` uses of its bound.
fn share(replay: &mut Replay, step: usize, before: &[f64], after: &[f64], gradients: &[&[f64]]) -> f64 {
    replay.begin(step, 0, gradients.iter().map(|gradient| Values::F64(gradient)));
    let exact = replay.update(0, before, gradients[0]);
    let update: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    Deviation::new(&update, &exact.value, &exact.bound).budget
}

/// Lends f64 values in `dtype`.
fn with_view<R>(sizes: &[usize], values: &[f64], dtype: DType, then: impl FnOnce(View<'_>) -> R) -> R {
    let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    then(match dtype {
        DType::F32 => View::new(sizes, &narrow[..]),
        DType::F64 => View::new(sizes, values),
    })
}

#[test]
fn optimizers_are_pythons_bit_for_bit_in_libtorch_and_within_the_bounds_everywhere() {
    let fixtures: Optimizers = serde_json::from_str(include_str!("fixtures/pytorch/optimizers.json")).unwrap();
    assert_eq!(fixtures.torch, lockstep::engine::torch::VERSION);
    let same_bits = common::has_code_path_of(&fixtures.code_path, "optimizers.json");
    let mut compared = 0;
    for case in &fixtures.cases {
        let (dtype, optimizer) = (case.dtype, case.optimizer());
        let mut largest = [0.0f64; 3];
        for (name, course) in &case.parameters {
            let (course, gradients) = (course.steps(dtype), fixtures.gradients[name].steps(dtype));
            let side = side(optimizer, None, course[0].len(), dtype);
            let mut engines = engines(&side);
            for engine in &mut engines {
                with_view(&[1, course[0].len()], &course[0], dtype, |view| engine.load(0, view)).unwrap();
            }
            let mut replays = [(); 3].map(|()| Replay::new(&side, dtype, Limits::default().k));
            let mut before = [(); 3].map(|()| course[0].clone());
            for (number, gradient) in gradients.iter().enumerate() {
                let python = course[number + 1].clone();
                let [scratch, torch] = engines.each_mut().map(|engine| step(engine.as_mut(), number, gradient, dtype));
                let place = format!("{name} at step {number} of {optimizer:?} in {dtype}");
                if same_bits && case.is_the_same_in_libtorch() {
                    assert_eq!(torch, python, "{place}");
                }
                let after = [scratch, torch, python];
                for (whose, after) in after.iter().enumerate() {
                    let share = share(&mut replays[whose], number, &before[whose], after, &[gradient]);
                    assert!(share <= 1.0, "{place}: {} uses {share}", ["scratch", "libtorch", "Python"][whose]);
                    largest[whose] = largest[whose].max(share);
                    compared += 1;
                }
                before = after;
            }
        }
        println!("{dtype}, scratch, libtorch and Python: {largest:.2?} of {optimizer:?}");
    }
    assert!(compared >= 30 * 2 * 20 * 3, "{compared} compared");
}

/// PyTorch computes most rates from the one before: 30 steps of at most four roundings each of what is below lr.
#[test]
fn schedules_are_pythons_but_for_roundings() {
    let fixtures: Schedules = serde_json::from_str(include_str!("fixtures/pytorch/schedules.json")).unwrap();
    assert!(fixtures.cases.len() >= 7);
    for ScheduleCase { name, options, base_lr, lr } in &fixtures.cases {
        let curve = match name.as_str() {
            "StepLR" => Curve::Step { size: options.whole("step_size"), gamma: options.number("gamma") },
            "ExponentialLR" => Curve::Exponential { gamma: options.number("gamma") },
            "CosineAnnealingLR" => Curve::Cosine { length: options.whole("T_max"), minimum: options.number("eta_min") },
            "LinearLR" => Curve::Linear {
                start: options.number("start_factor"),
                end: options.number("end_factor"),
                length: options.whole("total_iters"),
            },
            other => panic!("a schedule that is not in the vocabulary: {other}"),
        };
        assert_eq!(lr.len(), 30);
        let limit = 30.0 * 4.0 * DType::F64.unit_roundoff() * base_lr;
        for (step, expected) in lr.iter().enumerate() {
            for (schedule, at) in
                [(true, [step, 0]), (false, [1000, step])].map(|(every_step, at)| (Schedule { curve, every_step }, at))
            {
                let found = schedule.lr(*base_lr, at[0], at[1]);
                assert!((found - expected).abs() <= limit, "{schedule:?} at {step}: {found} for {expected}");
            }
        }
    }
}

/// By plain descent from 0 at rate 1 the weights become the clipped gradient with the other sign, unrounded.
#[test]
fn clipped_gradients_are_pythons() {
    let fixtures: Clipping = serde_json::from_str(include_str!("fixtures/pytorch/clipping.json")).unwrap();
    assert!(fixtures.cases.len() >= 20);
    for ClippingCase { name, case, dtype, options, gradients, clipped } in &fixtures.cases {
        let clip = match name.as_str() {
            "clip_grad_norm_" => Clip::Norm(options.number("max_norm")),
            "clip_grad_value_" => Clip::Value(options.number("clip_value")),
            other => panic!("a clipping that is not in the vocabulary: {other}"),
        };
        let of = |tensors: &BTreeMap<String, Tensor>, name: &str| elements(&tensors[name].values, *dtype);
        let place = format!("{name} of {case} in {dtype}");
        // As PyTorch has it, two tensors under one norm.
        let names = [["weight", "bias"], ["bias", "weight"]];
        for [one, other] in names {
            let (one_gradient, other_gradient) = (of(gradients, one), of(gradients, other));
            let side = side(Optimizer::Sgd(Sgd::new(1.0)), Some(clip), one_gradient.len(), *dtype);
            let mut replay = Replay::new(&side, *dtype, Limits::default().k);
            let after: Vec<f64> = of(clipped, one).iter().map(|x| -x).collect();
            let before = vec![0.0; after.len()];
            let share = share(&mut replay, 0, &before, &after, &[&one_gradient, &other_gradient]);
            assert!(share <= 1.0, "{place}: Python uses {share} of {one}'s bound");
        }
        // As one tensor, in both engines: by value to the bit.
        let [together, expected] =
            [gradients, clipped].map(|tensors| [of(tensors, "weight"), of(tensors, "bias")].concat());
        let side = side(Optimizer::Sgd(Sgd::new(1.0)), Some(clip), together.len(), *dtype);
        for mut engine in engines(&side) {
            let found: Vec<f64> = step(engine.as_mut(), 0, &together, *dtype).iter().map(|x| 0.0 - x).collect();
            let mut replay = Replay::new(&side, *dtype, Limits::default().k);
            let after: Vec<f64> = found.iter().map(|x| -x).collect();
            let share = share(&mut replay, 0, &vec![0.0; after.len()], &after, &[&together]);
            assert!(share <= 1.0, "{place}: {} uses {share}", engine.describe());
            if matches!(clip, Clip::Value(_)) {
                assert_eq!(found, expected, "{place}, {}", engine.describe());
            }
        }
    }
}
