//! What Python's PyTorch computed of losses (`scripts/fixtures`): the libtorch engine gives the same bits, and the scratch
//! engine and PyTorch itself are what the formulas allow.
#![cfg(feature = "torch")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, set::Encoding},
    engine::{Engine, scratch, torch::Torch},
    experiment::{EngineKind, Side},
    judge::{noise::Limits, replay::Replay},
    model::{Layer, Linear, Model, init::Init},
    run::StepRecord,
    tensor::{DType, View},
    training::{Classes, Loss, Measure, Optimizer, Reduction, Sgd, Training},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Fixtures {
    torch: String,
    code_path: String,
    cases: Vec<Fixture>,
}

#[derive(Deserialize)]
struct Fixture {
    name: String,
    case: String,
    dtype: DType,
    options: BTreeMap<String, Value>,
    outputs: Tensor,
    targets: Tensor,
    loss: BTreeMap<String, f64>,
    output_gradient: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Fixture {
    fn measure(&self) -> Measure {
        let number = |key: &str| self.options.get(key).and_then(Value::as_f64);
        let numbers = |key: &str| {
            let array = self.options.get(key)?.as_array()?;
            Some(array.iter().map(|number| number.as_f64().unwrap()).collect::<Vec<_>>())
        };
        match self.name.as_str() {
            "MSELoss" => Measure::SquaredError,
            "L1Loss" => Measure::AbsoluteError,
            "HuberLoss" => Measure::Huber { delta: number("delta").unwrap() },
            "SmoothL1Loss" => Measure::SmoothL1 { beta: number("beta").unwrap() },
            "CrossEntropyLoss" => Measure::CrossEntropy(Classes {
                weights: numbers("weight"),
                label_smoothing: number("label_smoothing").unwrap_or(0.0),
                probabilities: self.targets.shape.len() == 2,
            }),
            "NLLLoss" => Measure::NegativeLogLikelihood { weights: numbers("weight") },
            "BCELoss" => Measure::BinaryCrossEntropy,
            "BCEWithLogitsLoss" => Measure::BinaryCrossEntropyWithLogits { positive_weight: 1.0 },
            other => panic!("a loss that is not in the vocabulary: {other}"),
        }
    }

    /// A weight for each column, which a loss here has not: each column is a case of its own.
    fn positive_weights(&self) -> Option<Vec<f64>> {
        let weights = self.options.get("pos_weight")?.as_array()?;
        Some(weights.iter().map(|weight| weight.as_f64().unwrap()).collect())
    }
}

/// What an engine, and exact arithmetic with its bounds, make of outputs and targets of so many columns.
struct Computed {
    record: StepRecord,
    loss: (f64, f64),
    gradient: (Vec<f64>, Vec<f64>),
}

fn computed(loss: &Loss, dtype: DType, columns: usize, given: [&[f64]; 2], torch: bool) -> Computed {
    let [outputs, targets] = given;
    let rows = outputs.len() / columns;
    let identity = Linear { inputs: columns, outputs: columns, bias: false };
    let model = Model::new(vec![Layer::Linear(identity)], columns).unwrap();
    let training = Training::new(loss.clone(), Optimizer::Sgd(Sgd::new(0.1)));
    let mut engine: Box<dyn Engine> = match torch {
        true => Box::new(Torch::new(&model, &training, dtype).unwrap()),
        false => scratch::build(&model, &training, dtype, rows),
    };
    let weight: Vec<f64> = (0..columns * columns).map(|at| f64::from(u8::from(at % (columns + 1) == 0))).collect();
    with_view(&[columns, columns], &weight, dtype, |view| engine.load(0, view)).unwrap();
    let mut record = StepRecord::default();
    with_view(&[rows, columns], outputs, dtype, |outputs| {
        with_view(&[rows, targets.len() / rows], targets, dtype, |targets| {
            let batch = Batch::dense(outputs, targets);
            record.begin(engine.as_ref(), &batch).unwrap();
            engine.forward(&batch).unwrap();
            let loss = engine.loss(&batch).unwrap();
            engine.backward().unwrap();
            record.computed(engine.as_ref(), &[columns], loss).unwrap();
        });
    });
    let (engine, init, encoding) = (EngineKind::Torch, Init::Zeros, Encoding::Values);
    let side = Side { engine, dtype, seed: 0, model, init, training, encoding, batch_size: BatchSize::Full };
    let mut replay = Replay::new(&side, dtype, Limits::default().k);
    let loss = replay.loss(&record, &|index| record.before[index].as_slice());
    let exact = replay.output_gradient(record.output(), &record.targets);
    let gradient = (exact.value.clone(), exact.bound.clone());
    Computed { record, loss, gradient }
}

/// Lends f64 values in `dtype`.
fn with_view<R>(sizes: &[usize], values: &[f64], dtype: DType, then: impl FnOnce(View<'_>) -> R) -> R {
    let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    then(match dtype {
        DType::F32 => View::new(sizes, &narrow[..]),
        DType::F64 => View::new(sizes, values),
    })
}

/// The element of the type that a number in the file stands for.
fn element(value: f64, dtype: DType) -> f64 {
    if dtype == DType::F32 { f64::from(value as f32) } else { value }
}

fn read() -> Fixtures {
    let fixtures: Fixtures = serde_json::from_str(include_str!("fixtures/pytorch/losses.json")).unwrap();
    assert!(fixtures.torch == lockstep::engine::torch::VERSION && !fixtures.cases.is_empty(), "{}", fixtures.torch);
    fixtures
}

#[test]
fn losses_are_pythons_bit_for_bit_in_libtorch_and_within_the_bounds_from_scratch() {
    let fixtures = read();
    let same_bits = common::has_code_path_of(&fixtures.code_path, "losses.json");
    let mut compared = 0;
    for fixture in fixtures.cases.iter().filter(|fixture| fixture.positive_weights().is_none()) {
        let (dtype, columns) = (fixture.dtype, fixture.outputs.shape[1]);
        for (name, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("rows", Reduction::PerSample)] {
            let loss = Loss { measure: fixture.measure(), reduction };
            let place = format!("{} of {loss}, {dtype}", fixture.case);
            let python_loss = element(fixture.loss[name], dtype);
            let python: Vec<f64> =
                fixture.output_gradient[name].values.iter().map(|value| element(*value, dtype)).collect();
            for torch in [true, false] {
                let given = [&fixture.outputs.values[..], &fixture.targets.values];
                let Computed { record, loss: (exact, bound), gradient } = computed(&loss, dtype, columns, given, torch);
                for found in [record.loss, python_loss] {
                    assert!((found - exact).abs() <= bound, "{place}: loss {found} for {exact} ± {bound:e}");
                }
                for (index, (found, python)) in record.output_gradient.iter().zip(&python).enumerate() {
                    let (exact, bound) = (gradient.0[index], gradient.1[index]);
                    for found in [found, python] {
                        assert!((found - exact).abs() <= bound, "{place}: {found} for {exact} ± {bound:e} at {index}");
                    }
                }
                if torch && same_bits {
                    assert_eq!(record.loss, python_loss, "{place}");
                    assert_eq!(record.output_gradient, python, "{place}");
                }
                compared += 1;
            }
        }
    }
    assert!(compared >= 600, "{compared} compared");
}

#[test]
fn a_positive_weight_is_pythons_column_by_column() {
    let fixtures = read();
    let mut compared = 0;
    for fixture in &fixtures.cases {
        let Some(weights) = fixture.positive_weights() else { continue };
        let (dtype, columns) = (fixture.dtype, weights.len());
        for torch in [true, false] {
            let (mut sum, mut limit) = (0.0, 0.0);
            for (column, positive_weight) in weights.iter().copied().enumerate() {
                let of = |values: &[f64]| values.iter().skip(column).step_by(columns).copied().collect::<Vec<_>>();
                let measure = Measure::BinaryCrossEntropyWithLogits { positive_weight };
                let loss = Loss { measure, reduction: Reduction::Sum };
                let given = [of(&fixture.outputs.values), of(&fixture.targets.values)];
                let found = computed(&loss, dtype, 1, [&given[0], &given[1]], torch);
                let python = of(&fixture.output_gradient["sum"].values);
                for (index, found_here) in found.record.output_gradient.iter().enumerate() {
                    let (exact, bound) = (found.gradient.0[index], found.gradient.1[index]);
                    for value in [*found_here, element(python[index], dtype)] {
                        assert!((value - exact).abs() <= bound, "{}: {value} for {exact} ± {bound:e}", fixture.case);
                        compared += 1;
                    }
                }
                sum += found.loss.0;
                // Columns are summed together there: three roundings more.
                limit += found.loss.1 + 3.0 * dtype.unit_roundoff() * found.loss.0.abs();
            }
            let python = element(fixture.loss["sum"], dtype);
            assert!((python - sum).abs() <= limit, "{}: loss {python} for {sum} ± {limit:e}", fixture.case);
        }
    }
    assert!(compared >= 200, "{compared} compared");
}
