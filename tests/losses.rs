//! Every loss, in every reduction, and the penalties: the gradients of the scratch engine against the definition of a
//! gradient; both engines against exact arithmetic, whose bounds cover them, are not much wider, and are passed by every
//! other loss; what is no target is refused.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, set::Encoding},
    engine::{Engine, scratch},
    experiment::{EngineKind, Side},
    judge::{gap::Deviation, noise::Limits, replay::Replay},
    model::{Layer, Linear, Model, init::Init},
    run::StepRecord,
    tensor::{DType, View},
    training::{
        Fault, Loss, Measure, Norm, Optimizer, Penalty, Reduction, ReportedLoss, ReportedMeasure, Sgd, Training,
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// A model, what it is trained on, and its weights.
#[derive(Debug, Clone)]
struct Case {
    model: Model,
    training: Training,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    weights: Vec<Vec<f64>>, // per parameter
}

impl Case {
    /// A network whose outputs are what it is given, `[rows, columns]`: it multiplies by 1 and adds zeros, exactly.
    fn given(loss: &Loss, columns: usize, outputs: Vec<f64>, targets: Vec<f64>) -> Self {
        let identity = Linear { inputs: columns, outputs: columns, bias: false };
        let weight = (0..columns * columns).map(|place| f64::from(u8::from(place % (columns + 1) == 0)));
        Self {
            model: Model::new(vec![Layer::Linear(identity)], columns).unwrap(),
            training: Training::new(loss.clone(), Optimizer::Sgd(Sgd::new(0.1))),
            inputs: outputs,
            targets,
            weights: vec![weight.collect()],
        }
    }

    fn rows(&self) -> usize {
        self.inputs.len() / self.model.inputs
    }

    fn engines(&self, dtype: DType) -> Vec<Box<dyn Engine>> {
        let scratch: Box<dyn Engine> = scratch::build(&self.model, &self.training, dtype, self.rows());
        #[cfg(feature = "torch")]
        {
            let torch = lockstep::engine::torch::Torch::new(&self.model, &self.training, dtype).unwrap();
            vec![scratch, Box::new(torch)]
        }
        #[cfg(not(feature = "torch"))]
        vec![scratch]
    }

    /// Forward, loss and backward of an engine: the step, or why there is none.
    fn run(&self, engine: &mut dyn Engine) -> lockstep::error::Result<StepRecord> {
        let (dtype, rows) = (engine.describe().dtype, self.rows());
        for (index, weights) in self.weights.iter().enumerate() {
            let shape = engine.parameters()[index].shape;
            with_view(&shape, weights, dtype, |view| engine.load(index, view))?;
        }
        let mut record = StepRecord::default();
        with_view(&[rows, self.model.inputs], &self.inputs, dtype, |inputs| {
            with_view(&[rows, self.targets.len() / rows], &self.targets, dtype, |targets| {
                let batch = Batch::dense(inputs, targets);
                record.begin(engine, &batch)?;
                engine.forward(&batch)?;
                let loss = engine.loss(&batch)?;
                engine.backward()?;
                record.computed(engine, &self.model.widths(), loss)
            })
        })?;
        Ok(record)
    }

    fn replay(&self, dtype: DType) -> Replay {
        let (engine, seed, init) = (EngineKind::Scratch, 0, Init::Zeros);
        let (model, training, encoding) = (self.model.clone(), self.training.clone(), Encoding::Values);
        let side = Side { engine, dtype, seed, model, init, training, encoding, batch_size: BatchSize::Full };
        Replay::new(&side, dtype, Limits::default().k)
    }

    /// The loss, the gradient in the outputs and those in the parameters against exact arithmetic.
    fn deviations(&self, dtype: DType, record: &StepRecord) -> Vec<Deviation> {
        let (mut replay, parameters) = (self.replay(dtype), |index: usize| record.before[index].as_slice());
        let (loss, bound) = replay.loss(record, &parameters);
        let mut all = vec![Deviation::new(&[record.loss], &[loss], &[bound])];
        let exact = replay.output_gradient(record.output(), &record.targets);
        all.push(Deviation::new(&record.output_gradient, &exact.value, &exact.bound));
        let exact = replay.backward(record, &parameters).iter().zip(&record.gradients);
        all.extend(exact.map(|(exact, found)| Deviation::new(found, &exact.value, &exact.bound)));
        all
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

/// Whether a loss takes probabilities alone as outputs.
fn takes_probabilities(loss: &Loss) -> bool {
    matches!(loss.measure, Measure::BinaryCrossEntropy | Measure::LogLoss { .. })
}

/// Outputs and targets that suit a loss, from numbers in [−1, 1].
fn suited(loss: &Loss, rows: usize, columns: usize, scale: f64, numbers: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut numbers = numbers.iter().copied().cycle();
    let mut draw = |count: usize| numbers.by_ref().take(count).collect::<Vec<_>>();
    let outputs = draw(rows * columns).into_iter().map(|number| match takes_probabilities(loss) {
        // A few are 0 or 1.
        true => ((number * 1.05 + 1.0) / 2.0).clamp(0.0, 1.0),
        false => scale * number,
    });
    let outputs = outputs.collect();
    let targets = draw(rows * loss.target_columns(columns)).into_iter();
    let is_binary = matches!(loss.measure, Measure::BinaryCrossEntropy | Measure::BinaryCrossEntropyWithLogits { .. });
    let targets = targets.map(|number| match () {
        _ if loss.of_classes() => ((number.abs() * columns as f64) as usize).min(columns - 1) as f64,
        _ if is_binary => ((number + 1.0) * 0.75 - 0.25).clamp(0.0, 1.0),
        _ if loss.per_row() => number.abs(),
        _ => scale * number,
    });
    (outputs, targets.collect())
}

fn numbers(random: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| 2.0 * random.random::<f64>() - 1.0).collect()
}

/// A loss with outputs of so many columns, and numbers to make them of.
fn cases() -> impl Strategy<Value = Case> {
    let scale = prop_oneof![4 => Just(1.0), 2 => Just(10.0), 1 => Just(1e4), 1 => Just(1e-3), 1 => Just(0.0)];
    // Past 128 terms sums are taken in blocks.
    let rows = prop_oneof![3 => 1..=6usize, 1 => 100..=300usize];
    (any::<Index>(), 1..=6usize, rows, scale, vec(-1.0..1.0f64, 40)).prop_map(
        |(loss, columns, rows, scale, numbers)| {
            let examples = Loss::examples(columns);
            let loss = loss.get(&examples);
            let (outputs, targets) = suited(loss, rows, columns, scale, &numbers);
            Case::given(loss, columns, outputs, targets)
        },
    )
}

/// A finite number within its bound; where exact arithmetic has none, the same infinity, or NaN for NaN.
fn agrees(found: f64, exact: f64, bound: f64) -> bool {
    found == exact || (found.is_nan() && exact.is_nan()) || (found - exact).abs() <= bound
}

proptest! {
    #![proptest_config(common::cases(600, "tests/regressions/losses.txt"))]

    #[test]
    fn every_loss_and_its_gradient_are_what_exact_arithmetic_allows(case in cases()) {
        for dtype in [DType::F32, DType::F64] {
            for mut engine in case.engines(dtype) {
                let record = case.run(engine.as_mut()).unwrap();
                let mut replay = case.replay(dtype);
                let (loss, bound) = replay.loss(&record, &|index| record.before[index].as_slice());
                let name = engine.describe();
                prop_assert!(agrees(record.loss, loss, bound), "{name}: loss {} for {loss} ± {bound:e}", record.loss);
                let exact = replay.output_gradient(record.output(), &record.targets);
                let gradient = record.output_gradient.iter().zip(&exact.value).zip(&exact.bound);
                for (place, ((&found, &exact), &bound)) in gradient.enumerate() {
                    prop_assert!(agrees(found, exact, bound), "{name}: {found} for {exact} ± {bound:e} at {place}");
                }
            }
        }
    }

    /// With D(h) = (L(h) − L(−h))/2h, (4D(h) − D(2h))/3 errs by h⁴/30·|L⁽⁵⁾|. Outputs are 0.2 to 0.8 and |t| ≤ 1, so that no
    /// term has a larger fifth derivative along |direction| ≤ 1 than 4!/0.2⁵ = 7.5e4 (of ln p), times a weight of 2.5 at
    /// most: 2.3e-11 at h = 2⁻¹². A loss that errs by e puts (4e/h + e/2h)/3 = 1.5·e/h into it, with e the replay's bound.
    #[test]
    fn along_a_random_direction_a_loss_changes_as_its_gradient_says(
        loss in any::<Index>(), columns in 1..=5usize, rows in 1..=6usize, numbers in vec(-1.0..1.0f64, 90),
    ) {
        const H: f64 = 1.0 / 4096.0;
        let examples = Loss::examples(columns);
        let loss = loss.get(&examples);
        let (_, targets) = suited(loss, rows, columns, 1.0, &numbers[30..]);
        let outputs: Vec<f64> = numbers[..rows * columns].iter().map(|number| 0.5 + 0.3 * number).collect();
        let direction = &numbers[60..];
        // Away from the kinks of |p − t|, and of the derivatives of Huber and smooth L1.
        let kinks: &[f64] = match loss.measure {
            Measure::AbsoluteError => &[0.0],
            Measure::Huber { delta: at } | Measure::SmoothL1 { beta: at } => if at == 1.0 { &[1.0] } else { &[0.3] },
            Measure::SquaredError | Measure::CrossEntropy(_) | Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } | Measure::BinaryCrossEntropy | Measure::BinaryCrossEntropyWithLogits { .. } => &[],
        };
        let distances = || outputs.iter().zip(&targets).map(|(p, t)| (p - t).abs());
        prop_assume!(kinks.iter().all(|kink| distances().all(|distance| (distance - kink).abs() > 3.0 * H)));
        let at = |step: f64| {
            let moved = outputs.iter().zip(direction).map(|(p, along)| p + step * along).collect();
            let case = Case::given(loss, columns, moved, targets.clone());
            let record = case.run(case.engines(DType::F64)[0].as_mut()).unwrap();
            let (_, bound) = case.replay(DType::F64).loss(&record, &|index| record.before[index].as_slice());
            (record, bound)
        };
        let [plus, minus, plus_two, minus_two] = [H, -H, 2.0 * H, -2.0 * H].map(|step| at(step).0.loss);
        let (record, bound) = at(0.0);
        let difference = (4.0 * (plus - minus) / (2.0 * H) - (plus_two - minus_two) / (4.0 * H)) / 3.0;
        let expected: f64 = record.output_gradient.iter().zip(direction).map(|(slope, along)| slope * along).sum();
        // Twice the bound, as it is that of the loss in the middle. Weights of 0.25 make a mean four times a term.
        let tolerance = 1.5 * 2.0 * bound / H + 4.0 * 2.3e-11 * (rows * columns) as f64;
        prop_assert!((difference - expected).abs() <= tolerance, "{loss}: {difference} for {expected} ± {tolerance:.1e}");
    }
}

/// All of a bound may be used. Roundings rarely all point the same way, but over many draws a fiftieth is: a bound that
/// is wider by far would hide faults. Gradients of some losses are exact, or rounded once.
#[test]
fn the_bounds_of_losses_cover_both_engines_and_are_not_much_wider() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut largest: BTreeMap<(String, String), [f64; 2]> = BTreeMap::new();
    for draw in 0..40 {
        let (rows, columns) = (random.random_range(1..=8), random.random_range(2..=5));
        for loss in Loss::examples(columns) {
            let drawn = numbers(&mut random, 3 * rows * columns);
            let (outputs, targets) = suited(&loss, rows, columns, if draw % 4 == 0 { 8.0 } else { 1.0 }, &drawn);
            // Where p is 0 log-loss and its gradient are infinite.
            if takes_probabilities(&loss) && outputs.contains(&0.0) {
                continue;
            }
            let case = Case::given(&loss, columns, outputs, targets);
            for mut engine in case.engines(DType::F32) {
                let record = case.run(engine.as_mut()).unwrap();
                let deviations = case.deviations(DType::F32, &record);
                let key = (loss.measure.name().to_owned(), engine.describe().name);
                let used = largest.entry(key).or_default();
                for (used, deviation) in used.iter_mut().zip(&deviations) {
                    assert!(deviation.passes(), "{loss}, {}: {deviation:?}", engine.describe());
                    *used = used.max(deviation.budget);
                }
            }
        }
    }
    for ((measure, engine), [loss, gradient]) in &largest {
        println!("{measure:16} {engine:8} loss {loss:.3} gradient {gradient:.3}");
        assert!(*loss >= 0.02 && *gradient >= 0.02, "{measure}, {engine}: {loss} of loss, {gradient} of gradient");
    }
}

/// Every loss is judged by the definition of every other that takes its outputs and targets, but for those that are the
/// same there: reductions, kinks, options and measures that are mixed up are off by more than rounding.
#[test]
fn a_loss_that_is_taken_for_another_is_off_by_more_than_rounding() {
    let (rows, columns, mut random) = (7, 3, ChaCha8Rng::seed_from_u64(12));
    let (mut judged, mut same) = (0, 0);
    for of_classes in [false, true] {
        // Probabilities, not near enough to their targets that Huber's kinks do not show.
        let outputs: Vec<f64> = numbers(&mut random, rows * columns).iter().map(|x| 0.5 + 0.45 * x).collect();
        let targets: Vec<f64> = match of_classes {
            true => (0..rows).map(|row| (row % columns) as f64).collect(),
            false => numbers(&mut random, rows * columns).iter().map(|x| 0.5 + 0.5 * x).collect(),
        };
        let examples = Loss::examples(columns);
        let examples: Vec<&Loss> = examples.iter().filter(|loss| loss.of_classes() == of_classes).collect();
        for loss in &examples {
            let case = Case::given(loss, columns, outputs.clone(), targets.clone());
            let record = case.run(case.engines(DType::F32)[0].as_mut()).unwrap();
            let exact = |loss: &Loss| {
                let case = Case::given(loss, columns, outputs.clone(), targets.clone());
                case.run(case.engines(DType::F64)[0].as_mut()).unwrap()
            };
            let own = exact(loss);
            for other in examples.iter().filter(|other| **other != *loss) {
                let theirs = exact(other);
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
                let gradients = own.output_gradient.iter().zip(&theirs.output_gradient);
                let equal = [close(own.loss, theirs.loss), gradients.clone().all(|(&a, &b)| close(a, b))];
                let taken = Case::given(other, columns, outputs.clone(), targets.clone());
                let deviations = taken.deviations(DType::F32, &record);
                for (equal, deviation) in equal.into_iter().zip(&deviations) {
                    if equal {
                        same += 1;
                    } else {
                        judged += 1;
                        assert!(!deviation.passes(), "{loss} taken for {other}: {deviation:?}");
                    }
                }
            }
        }
    }
    println!("{judged} judged, {same} the same");
    assert!(judged > 10_000 && same < judged / 20, "{judged} judged, {same} the same");
}

/// One row of any outputs, infinite ones too: they are the biases, and the weights and inputs are 0.
fn row(loss: &Loss, outputs: &[f64], targets: &[f64]) -> Case {
    let linear = Linear { inputs: 1, outputs: outputs.len(), bias: true };
    Case {
        model: Model::new(vec![Layer::Linear(linear)], 1).unwrap(),
        inputs: vec![0.0],
        weights: vec![vec![0.0; outputs.len()], outputs.to_vec()],
        ..Case::given(loss, outputs.len(), outputs.to_vec(), targets.to_vec())
    }
}

#[test]
fn both_engines_and_the_formulas_agree_on_infinite_huge_and_vanishing_outputs() {
    let (infinity, nan) = (f64::INFINITY, f64::NAN);
    let logits: [&[f64]; 10] = [
        &[0.0, -infinity, 1.0],
        &[-infinity, 0.0, 1.0],
        &[-infinity; 3],
        &[infinity, 0.0, 1.0],
        &[nan, 0.0, 1.0],
        &[1e4, -1e4, 0.0],
        &[-1e30, 1e30, 1e30],
        &[-104.0, 0.0, 88.0],
        &[0.0; 3],
        &[1e-40, 0.0, -1e-40],
    ];
    let chances: [&[f64]; 4] = [&[0.0, 1.0, 0.5], &[1.0, 0.0, 0.5], &[1e-20, 0.25, 1.0], &[0.0; 3]];
    for loss in Loss::examples(3) {
        let rows = if takes_probabilities(&loss) { &chances[..] } else { &logits[..] };
        let targets: &[&[f64]] =
            if loss.of_classes() { &[&[0.0], &[2.0]] } else { &[&[0.0, 1.0, 0.25], &[1.0, 0.0, 0.0]] };
        for (outputs, target) in rows.iter().flat_map(|row| targets.iter().map(move |target| (row, target))) {
            let case = row(&loss, outputs, target);
            for dtype in [DType::F32, DType::F64] {
                for mut engine in case.engines(dtype) {
                    let place = format!("{loss}, {}, outputs {outputs:?}, targets {target:?}", engine.describe());
                    let record = case.run(engine.as_mut()).unwrap();
                    let mut replay = case.replay(dtype);
                    let (exact, bound) = replay.loss(&record, &|index| record.before[index].as_slice());
                    // A square that overflows f32 does not in f64.
                    let fits = |exact: f64| !(exact.is_finite() && exact.abs() > dtype.largest());
                    if fits(exact) {
                        assert!(agrees(record.loss, exact, bound), "{place}: loss {} for {exact}", record.loss);
                    }
                    let exact = replay.output_gradient(record.output(), &record.targets);
                    for ((&found, &exact), &bound) in record.output_gradient.iter().zip(&exact.value).zip(&exact.bound)
                    {
                        assert!(
                            !fits(exact) || agrees(found, exact, bound),
                            "{place}: {found} for {exact} ± {bound:e}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_target_that_is_no_class_and_an_output_that_is_no_probability_are_refused_by_row() {
    let classes = Loss::examples(3).into_iter().filter(Loss::of_classes);
    for loss in classes {
        for wrong in [-1.0, 0.5, 3.0, f64::NAN, f64::INFINITY, 1e30] {
            let case = Case::given(&loss, 3, vec![0.5; 12], vec![0.0, 2.0, wrong, 1.0]);
            for mut engine in case.engines(DType::F32) {
                let error = case.run(engine.as_mut()).unwrap_err().to_string();
                assert!(error.contains("row 2") && error.contains("0 to 2"), "{loss}: {error}");
            }
        }
        // Too many of them, which libtorch would take for probabilities, or broadcast.
        let case = Case::given(&loss, 3, vec![0.5; 12], vec![0.0; 12]);
        for mut engine in case.engines(DType::F32) {
            assert!(case.run(engine.as_mut()).is_err(), "{loss}");
        }
    }
    let loss = Loss { measure: Measure::BinaryCrossEntropy, reduction: Reduction::Mean };
    for wrong in [-1e-6, 1.001, f64::INFINITY] {
        let case = row(&loss, &[0.5, wrong], &[0.0, 1.0]);
        for mut engine in case.engines(DType::F32) {
            let error = case.run(engine.as_mut()).unwrap_err().to_string();
            assert!(error.contains("row 0") || error.contains("between 0 and 1"), "{error}");
        }
    }
    let measure = Measure::NegativeLogLikelihood { weights: Some(vec![1.0; 2]) };
    let case = Case::given(&Loss { measure, reduction: Reduction::Mean }, 3, vec![0.5; 3], vec![0.0]);
    for mut engine in case.engines(DType::F32) {
        let error = case.run(engine.as_mut()).unwrap_err().to_string();
        assert!(error.contains("2 class weights") && error.contains("3 columns"), "{error}");
    }
}

#[test]
fn an_unstable_softmax_shows_only_where_a_power_overflows() {
    let examples = Loss::examples(3);
    for loss in examples.iter().filter(|loss| matches!(loss.measure, Measure::CrossEntropy(_))) {
        let target = if loss.of_classes() { vec![1.0] } else { vec![0.25, 0.5, 0.25] };
        for (outputs, passes) in [([0.5, -1.0, 2.0], true), ([100.0, 99.0, 98.0], false)] {
            let mut case = Case::given(loss, 3, outputs.to_vec(), target.clone());
            case.training.faults.push(Fault::UnstableSoftmax);
            let record = case.run(case.engines(DType::F32)[0].as_mut()).unwrap();
            let deviations = case.deviations(DType::F32, &record);
            // Its own formula takes the logarithm of a rounded quotient.
            assert_eq!(deviations[1].passes(), passes, "{loss}: {deviations:?}");
        }
    }
}

/// A network with a hidden layer, penalties, and a reported loss that is optimized, or is not.
fn penalized() -> impl Strategy<Value = Case> {
    let penalty = |norm| {
        (0.01..1.0f64, any::<[bool; 2]>()).prop_map(move |(factor, [mean, biases])| Penalty {
            norm,
            factor,
            mean,
            biases,
        })
    };
    let penalties = prop_oneof![
        penalty(Norm::L1).prop_map(|one| vec![one]),
        penalty(Norm::L2).prop_map(|one| vec![one]),
        (penalty(Norm::L1), penalty(Norm::L2)).prop_map(|(one, other)| vec![one, other]),
    ];
    let numbers = vec(-1.0..1.0f64, 60);
    (penalties, numbers, 1..=5usize, 1..=4usize, any::<[bool; 3]>()).prop_map(
        |(penalties, numbers, rows, columns, [in_report, other, zeros])| {
            let linear = |inputs, outputs| Layer::Linear(Linear { inputs, outputs, bias: true });
            let layers = vec![linear(3, 5), Layer::Tanh, linear(5, columns)];
            let model = Model::new(layers, 3).unwrap();
            let mut numbers = numbers.into_iter().cycle();
            let mut draw = |count: usize| numbers.by_ref().take(count).collect::<Vec<_>>();
            let weights = model.parameters().into_iter().map(|parameter| draw(parameter.shape.elements()));
            let mut weights: Vec<_> = weights.collect();
            if zeros {
                weights[0][1] = 0.0;
                weights[1].fill(0.0);
            }
            let mut training = Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(Sgd::new(0.1)));
            let measure = if other { ReportedMeasure::DeltaTimesMse } else { training.reported_loss.measure.clone() };
            training.reported_loss = ReportedLoss { penalty: in_report, ..measure.into() };
            training.penalties = penalties;
            Case { model, training, inputs: draw(3 * rows), targets: draw(columns * rows), weights }
        },
    )
}

proptest! {
    #![proptest_config(common::cases(200, "tests/regressions/losses.txt"))]

    #[test]
    fn penalties_and_their_gradients_are_what_exact_arithmetic_allows(case in penalized()) {
        for dtype in [DType::F32, DType::F64] {
            for mut engine in case.engines(dtype) {
                let record = case.run(engine.as_mut()).unwrap();
                for (place, deviation) in case.deviations(dtype, &record).into_iter().enumerate() {
                    prop_assert!(deviation.passes(), "{} at {place}: {deviation:?}", engine.describe());
                }
                // A penalty that is left out, half as large again, or a mean for a sum is off by more.
                let mut wrong = vec![case.clone(), case.clone(), case.clone()];
                wrong[0].training.penalties.pop();
                wrong[1].training.penalties[0].factor *= 1.5;
                wrong[2].training.penalties[0].mean ^= true;
                for wrong in wrong {
                    let deviations = wrong.deviations(dtype, &record);
                    prop_assert!(deviations[2..].iter().any(|deviation| !deviation.passes()), "{:?}", wrong.training);
                    let passes = deviations[0].passes();
                    prop_assert_eq!(passes, !case.training.reported_loss.penalty, "{:?}", deviations[0]);
                }
            }
        }
    }

    /// As above, in the weights: the penalties are a square or, away from 0, straight; those of tanh, whose derivatives are
    /// below 16, of sums of 5 terms, squared: below 1e6, which is 1.2e-10 of h⁴/30.
    #[test]
    fn along_a_random_direction_a_penalized_loss_changes_as_the_gradients_say(
        mut case in penalized(), direction in vec(-1.0..1.0f64, 60),
    ) {
        const H: f64 = 1.0 / 4096.0;
        case.training.reported_loss = case.training.loss.clone().into();
        prop_assume!(case.weights.iter().flatten().all(|weight| *weight == 0.0 || weight.abs() > 2.0 * H));
        let run = |step: f64| {
            let mut case = case.clone();
            let along = direction.iter().cycle();
            // What is exactly 0 stays there, where the derivative of |w| is 0.
            let weights = case.weights.iter_mut().flatten().zip(along).filter(|(weight, _)| **weight != 0.0);
            weights.for_each(|(weight, along)| *weight += step * along);
            case.run(case.engines(DType::F64)[0].as_mut()).unwrap()
        };
        let [plus, minus, plus_two, minus_two] = [H, -H, 2.0 * H, -2.0 * H].map(|step| run(step).loss);
        let difference = (4.0 * (plus - minus) / (2.0 * H) - (plus_two - minus_two) / (4.0 * H)) / 3.0;
        let record = run(0.0);
        let moved = record.gradients.iter().flatten().zip(case.weights.iter().flatten()).zip(direction.iter().cycle());
        let expected: f64 = moved.filter(|((_, weight), _)| **weight != 0.0).map(|((slope, _), along)| slope * along).sum();
        // A loss below 100 of 100 roundings.
        let tolerance = 1.5 * 100.0 * 100.0 * DType::F64.unit_roundoff() / H + 1.2e-10;
        prop_assert!((difference - expected).abs() <= tolerance, "{difference} for {expected} ± {tolerance:.1e}");
    }
}
