//! Every optimizer, with decay, schedules and clipping: both engines against exact arithmetic, whose bounds cover them,
//! are not much wider, and are passed by every other optimizer and by every mistake; a thousand steps stay at parity.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use lockstep::{
    data::{Batch, BatchSize, Inputs, Sparse, set::Encoding},
    engine::{Engine, faulty, scratch},
    experiment::{EngineKind, Experiment, Side},
    judge::{
        Comparison,
        gap::Deviation,
        noise::Limits,
        replay::Replay,
        verdict::{Farther, Outcome},
    },
    model::{Dropout, Layer, Linear, Model, init::Init},
    run::{Alone, Mode, Phase, RunSide, StepRecord, prepared},
    tensor::{DType, Owned, Values, View, gap},
    training::{
        Accumulate, Adam, Clip, Curve, Fault, Loss, Measure, Optimizer, Reduction, RmsProp, Schedule, Sgd, Training,
    },
};
use proptest::{collection::vec, prelude::*, sample::select};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{ops::Range, path::Path};

/// Steps of an epoch.
const EPOCH: usize = 3;

/// Parameters, and the gradients that they are given, step by step: `0.weight` `[1, n]` and `0.bias` `[1]`.
#[derive(Debug, Clone)]
struct Course {
    training: Training,
    weights: Vec<f64>,        // [n]
    gradients: Vec<Vec<f64>>, // [steps][n]
}

impl Course {
    fn new(optimizer: Optimizer, weights: Vec<f64>, gradients: Vec<Vec<f64>>) -> Self {
        // Of |p − t| with t far below p the gradient in the output is 1, and in each weight its input, exactly.
        let loss = Loss { measure: Measure::AbsoluteError, reduction: Reduction::Sum };
        Self { training: Training::new(loss, optimizer), weights, gradients }
    }

    /// Normal numbers: eight weights, six steps.
    fn ordinary(optimizer: Optimizer, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = || (0..8).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
        Self::new(optimizer, numbers(), (0..6).map(|_| numbers()).collect())
    }

    fn side(&self, dtype: DType) -> Side {
        let inputs = self.weights.len();
        let model = Model::new(vec![Layer::Linear(Linear { inputs, outputs: 1, bias: true })], inputs).unwrap();
        let (engine, init, encoding, training) =
            (EngineKind::Scratch, Init::Zeros, Encoding::Values, self.training.clone());
        Side { engine, dtype, seed: 0, model, init, training, encoding, batch_size: BatchSize::Full }
    }

    /// Scratch, with the faults that it has, and libtorch where there is one.
    fn engines(&self, dtype: DType) -> Vec<Box<dyn Engine>> {
        let side = self.side(dtype);
        let scratch: Box<dyn Engine> = scratch::build(&side.model, &side.training, dtype, 1);
        #[cfg(feature = "torch")]
        {
            let torch = lockstep::engine::torch::Torch::new(&side.model, &side.training, dtype).unwrap();
            vec![scratch, Box::new(torch)]
        }
        #[cfg(not(feature = "torch"))]
        vec![scratch]
    }

    /// Every step of an engine.
    fn run(&self, engine: &mut dyn Engine) -> Vec<StepRecord> {
        let dtype = engine.describe().dtype;
        let count = self.weights.len();
        with_view(&[1, count], &self.weights, dtype, |view| engine.load(0, view)).unwrap();
        let step = |(step, gradient): (usize, &Vec<f64>)| {
            let mut record = StepRecord { step, epoch: step / EPOCH, ..StepRecord::default() };
            with_view(&[1, count], gradient, dtype, |inputs| {
                with_view(&[1, 1], &[-1e38], dtype, |targets| {
                    let batch = Batch { step, epoch: step / EPOCH, ..Batch::dense(inputs, targets) };
                    record_step(engine, &batch, &mut record, &[1]);
                });
            });
            assert_eq!(record.gradients, [record.inputs.clone(), vec![1.0]], "the gradients that were given");
            record
        };
        self.gradients.iter().enumerate().map(step).collect()
    }

    /// The largest share of a bound that an engine's updates use, judged by the rules of `definition`.
    fn share(&self, engine: &mut dyn Engine, definition: &Self) -> f64 {
        let dtype = engine.describe().dtype;
        let mut replay = Replay::new(&definition.side(dtype), dtype, Limits::default().k);
        let steps = self.run(engine);
        let budgets = steps.iter().flat_map(|record| judge(&mut replay, record)).map(|deviation| deviation.budget);
        budgets.fold(0.0, f64::max)
    }
}

/// Every update of a step against exact arithmetic.
fn judge(replay: &mut Replay, record: &StepRecord) -> Vec<Deviation> {
    replay.begin(record.step, record.epoch, record.gradients.iter().map(Vec::as_slice));
    let update = |index: usize| {
        let exact = replay.update(index, &record.before[index], &record.gradients[index]);
        Deviation::new(&record.updates[index], &exact.value, &exact.bound)
    };
    (0..record.updates.len()).map(update).collect()
}

fn record_step(engine: &mut dyn Engine, batch: &Batch<'_>, record: &mut StepRecord, widths: &[usize]) {
    record.begin(engine, batch).unwrap();
    engine.forward(batch).unwrap();
    let loss = engine.loss(batch).unwrap();
    engine.backward().unwrap();
    record.computed(engine, widths, loss).unwrap();
    engine.update().unwrap();
    record.updated(engine).unwrap();
}

/// Lends f64 values in `dtype`.
fn with_view<R>(sizes: &[usize], values: &[f64], dtype: DType, then: impl FnOnce(View<'_>) -> R) -> R {
    let narrow: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    then(match dtype {
        DType::F32 => View::new(sizes, &narrow[..]),
        DType::F64 => View::new(sizes, values),
    })
}

/// One of every kind, each another formula.
fn optimizers() -> Vec<Optimizer> {
    let sgd = Sgd::new(0.1);
    let momentum = Sgd { momentum: 0.9, ..sgd };
    let (adam, rms) = (Adam::default(), RmsProp::default());
    vec![
        Optimizer::Sgd(sgd),
        Optimizer::Sgd(Sgd { weight_decay: 0.1, ..sgd }),
        Optimizer::Sgd(momentum),
        Optimizer::Sgd(Sgd { dampening: 0.5, ..momentum }),
        Optimizer::Sgd(Sgd { nesterov: true, weight_decay: 0.01, ..momentum }),
        Optimizer::Adam(adam),
        Optimizer::Adam(Adam { betas: [0.8, 0.95], eps: 1e-3, ..adam }),
        Optimizer::Adam(Adam { weight_decay: 0.1, ..adam }),
        Optimizer::Adam(Adam::adamw()),
        Optimizer::RmsProp(rms),
        Optimizer::RmsProp(RmsProp { momentum: 0.9, ..rms }),
        Optimizer::RmsProp(RmsProp { centered: true, ..rms }),
        Optimizer::RmsProp(RmsProp { centered: true, momentum: 0.5, weight_decay: 0.1, alpha: 0.9, eps: 1e-3, ..rms }),
    ]
}

fn schedules() -> Vec<Option<Schedule>> {
    let curves = [
        Curve::Step { size: 2, gamma: 0.5 },
        Curve::Exponential { gamma: 0.9 },
        Curve::Cosine { length: 4, minimum: 0.0 },
        Curve::Linear { start: 1.0 / 3.0, end: 1.0, length: 5 },
    ];
    let both = |curve| [true, false].map(|every_step| Some(Schedule { curve, every_step }));
    [None].into_iter().chain(curves.into_iter().flat_map(both)).collect()
}

/// Numbers of either sign, from what vanishes when it is squared to what overflows then, and 0.
fn numbers(count: usize) -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        6 => -2.0..2.0f64,
        2 => (-32.0..24.0f64, any::<bool>()).prop_map(|(power, minus)| 10f64.powf(power) * if minus { -1.0 } else { 1.0 }),
        2 => Just(0.0),
    ];
    vec(number, count)
}

fn courses() -> impl Strategy<Value = Course> {
    let clips = select(vec![None, None, Some(Clip::Norm(1.0)), Some(Clip::Value(0.3)), Some(Clip::Norm(1e-3))]);
    let gathering = |batches, mean| Some(Accumulate { batches, mean });
    let gathered = select(vec![None, None, gathering(2, true), gathering(3, true), gathering(3, false)]);
    (1..40usize, 1..12usize).prop_flat_map(move |(count, steps)| {
        let what = (select(optimizers()), select(schedules()), clips.clone(), gathered.clone());
        (what, vec(-2.0..2.0f64, count), vec(numbers(count), steps)).prop_map(
            |((optimizer, schedule, clip, accumulate), weights, mut gradients)| {
                // Descent goes where the gradient takes it, and w·x must not overflow here. Centered, squares that
                // overflow are ∞ − ∞: NaN in every engine, and nothing to judge.
                let centered = matches!(optimizer, Optimizer::RmsProp(RmsProp { centered: true, .. }));
                if centered || matches!(optimizer, Optimizer::Sgd(_)) {
                    gradients.iter_mut().flatten().filter(|x| x.abs() > 1e14).for_each(|x| *x *= 1e-10);
                }
                let mut course = Course::new(optimizer, weights, gradients);
                (course.training.schedule, course.training.clip) = (schedule, clip);
                course.training.accumulate = accumulate;
                course
            },
        )
    })
}

proptest! {
    #![proptest_config(common::cases(1500, "tests/regressions/optimizers.txt"))]

    #[test]
    fn both_engines_are_within_the_bound_whatever_the_gradients(course in courses()) {
        for dtype in [DType::F32, DType::F64] {
            for engine in &mut course.engines(dtype) {
                let share = course.share(engine.as_mut(), &course);
                prop_assert!(share <= 1.0, "{} uses {share}", engine.describe());
            }
        }
    }
}

/// The floor of a stored weight uses up to all of its half a unit; in f64 the replay's own rounding takes the other half.
#[test]
fn ordinary_steps_use_a_good_part_of_their_bounds() {
    for optimizer in optimizers() {
        for dtype in [DType::F32, DType::F64] {
            let mut largest = [0.0f64; 2];
            for seed in 0..200 {
                let course = Course::ordinary(optimizer, seed);
                for (engine, largest) in course.engines(dtype).iter_mut().zip(&mut largest) {
                    *largest = largest.max(course.share(engine.as_mut(), &course));
                }
            }
            println!("{dtype}, scratch and libtorch: {largest:.2?} of {optimizer:?}");
            assert!(
                largest[0] > 0.25 && largest.iter().all(|share| *share <= 1.0),
                "{dtype} {optimizer:?}: {largest:?}"
            );
        }
    }
}

#[test]
fn every_optimizer_passes_the_bounds_of_every_other() {
    let all = optimizers();
    let mut least = f64::INFINITY;
    for (index, optimizer) in all.iter().enumerate() {
        for other in all.iter().skip(index + 1) {
            let (course, definition) = (Course::ordinary(*optimizer, 1), Course::ordinary(*other, 1));
            let share = course.share(course.engines(DType::F32)[0].as_mut(), &definition);
            assert!(share > 10.0, "{optimizer:?} uses {share} of the bound of {other:?}");
            least = least.min(share);
        }
    }
    println!("at least {least:.0} times the bound");
}

/// The mistakes in a formula, where each shows.
fn mistakes() -> Vec<(Fault, Course)> {
    let [adam, adamw] = [Adam::default(), Adam::adamw()].map(Optimizer::Adam);
    let rms = RmsProp::default();
    let sgd = Sgd { momentum: 0.9, ..Sgd::new(0.1) };
    let falling = Some(Schedule { curve: Curve::Exponential { gamma: 0.5 }, every_step: true });
    // An ε that counts beside gradients of about 1: with 10⁻⁸ it is within the rounding of √v.
    let coarse = |optimizer| match optimizer {
        Optimizer::Adam(adam) => Optimizer::Adam(Adam { eps: 1e-3, ..adam }),
        other @ (Optimizer::Sgd(_) | Optimizer::RmsProp(_)) => other,
    };
    let scheduled = |optimizer| {
        let mut course = Course::ordinary(optimizer, 2);
        course.training.schedule = falling;
        course
    };
    vec![
        (Fault::NoBiasCorrection, Course::ordinary(adam, 2)),
        (Fault::StepCounter(1), Course::ordinary(adam, 2)),
        (Fault::EpsInsideRoot, Course::ordinary(coarse(adam), 2)),
        (Fault::EpsInsideRoot, Course::ordinary(Optimizer::RmsProp(RmsProp { eps: 1e-3, ..rms }), 2)),
        (Fault::EpsHat, Course::ordinary(coarse(adam), 2)),
        (Fault::VelocityOfSteps, scheduled(Optimizer::Sgd(sgd))),
        (Fault::VelocityOfSteps, scheduled(Optimizer::Sgd(Sgd { nesterov: true, ..sgd }))),
        (Fault::VelocityOfSteps, scheduled(Optimizer::RmsProp(RmsProp { momentum: 0.9, ..rms }))),
        // In the bias, once it is not 0 any more.
        (Fault::NoDecayOnBiases, Course::ordinary(adamw, 2)),
        (Fault::NoDecayOnBiases, Course::ordinary(Optimizer::Sgd(Sgd { weight_decay: 0.1, ..sgd }), 2)),
    ]
}

#[test]
fn every_mistake_in_a_formula_passes_the_bound() {
    for (fault, course) in mistakes() {
        let mut wrong = course.clone();
        wrong.training.faults = vec![fault.clone()];
        for dtype in [DType::F32, DType::F64] {
            let [right, wrong] = [&course, &wrong].map(|side| side.share(side.engines(dtype)[0].as_mut(), &course));
            println!("{fault:?}: {wrong:.1e} of the bound in {dtype}");
            assert!(right <= 1.0 && wrong > 1.0, "{fault:?} in {dtype}: {wrong}, without it {right}");
        }
    }
}

/// A rate below 0 climbs in every engine as its definition says, and is far off what the same rate above 0 does.
#[test]
fn a_rate_below_0_climbs_in_every_engine() {
    for optimizer in optimizers() {
        let mut climbing = optimizer;
        match &mut climbing {
            Optimizer::Sgd(Sgd { lr, .. })
            | Optimizer::Adam(Adam { lr, .. })
            | Optimizer::RmsProp(RmsProp { lr, .. }) => *lr = -*lr,
        }
        for dtype in [DType::F32, DType::F64] {
            let [right, climbing] = [optimizer, climbing].map(|optimizer| Course::ordinary(optimizer, 3));
            for engine in 0..climbing.engines(dtype).len() {
                let share = |definition| climbing.share(climbing.engines(dtype)[engine].as_mut(), definition);
                let (own, of_right) = (share(&climbing), share(&right));
                assert!(own <= 1.0 && of_right > 1e3, "{dtype} {optimizer:?}: {own}, {of_right}");
            }
        }
    }
}

#[test]
fn what_is_exactly_0_stays_exactly_0() {
    for optimizer in optimizers().into_iter().filter(|optimizer| optimizer.weight_decay() == 0.0) {
        let course = Course::new(optimizer, vec![0.5, -2.0, 1e-3], vec![vec![0.0; 3]; 4]);
        for engine in &mut course.engines(DType::F32) {
            let mut replay = Replay::new(&course.side(DType::F32), DType::F32, Limits::default().k);
            for record in course.run(engine.as_mut()) {
                replay.begin(record.step, record.epoch, record.gradients.iter().map(Vec::as_slice));
                let exact = replay.update(0, &record.before[0], &record.gradients[0]);
                let all = [&record.updates[0], &exact.value, &exact.bound];
                assert!(all.iter().all(|values| values.iter().all(|x| *x == 0.0)), "{optimizer:?}: {all:?}");
            }
        }
    }
}

/// 6-10-10-3 with ReLU on 16 rows of regression, in two batches.
const NET: &str = "
    data = { kind = 'regression', rows = 16, inputs = 6, outputs = 3 }
    model.layers = [{ linear = { outputs = 10 } }, 'relu', { linear = { outputs = 10 } }, 'relu',
        { linear = { outputs = 3 } }]
    training = { loss = 'mse', batch_size = 8, steps = 6, optimizer = { sgd = { lr = 0.05 } } }
";

fn set(text: &str, sets: &[&str]) -> Experiment {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    Experiment::parse(text, "net.toml", Path::new(""), &sets).unwrap()
}

#[test]
fn gradients_are_lent_whole_and_clipped_on_their_way_into_the_update() {
    let engines: &[&str] = if cfg!(feature = "torch") { &["scratch", "torch"] } else { &["scratch"] };
    for engine in engines {
        let trained = |clip: &str| {
            let reference = format!("reference.engine={engine}");
            let mut experiment = set(NET, &[&reference]);
            experiment.reference.training.clip = match clip {
                "norm" => Some(Clip::Norm(0.01)),
                "value" => Some(Clip::Value(0.001)),
                _ => None,
            };
            let mut engine = prepared(&experiment, RunSide::Reference, 8).unwrap();
            let (inputs, targets) = (vec![0.5f32; 48], vec![2.0f32; 24]);
            let batch = Batch::dense(View::new(&[8, 6], &inputs[..]), View::new(&[8, 3], &targets[..]));
            let mut record = StepRecord::default();
            record_step(engine.as_mut(), &batch, &mut record, &experiment.reference.model.widths());
            record
        };
        let [whole, norm, value] = ["", "norm", "value"].map(trained);
        assert_eq!(whole.gradients, norm.gradients, "{engine}");
        assert_eq!(whole.gradients, value.gradients, "{engine}");
        let length = |tensors: &[Vec<f64>]| tensors.iter().flatten().map(|x| x * x).sum::<f64>().sqrt();
        // lr times the norm; each stored weight is off by up to 2⁻²⁵ of what is below 1.
        assert!((length(&norm.updates) - 0.05 * 0.01).abs() < 1e-6, "{engine}: {}", length(&norm.updates));
        assert!(length(&whole.updates) > 10.0 * length(&norm.updates), "{engine}");
        let largest = value.updates.iter().flatten().fold(0.0f64, |largest, x| largest.max(x.abs()));
        assert!((largest - 0.05 * 0.001).abs() < 1e-7, "{engine}: {largest}");
    }
}

/// 120,301 weights: most of 36 steps are watched, not replayed, and a probe compares one. The state has seen the others, and
/// where decay enters it their weights, too.
#[test]
fn what_is_not_replayed_is_seen_by_the_state_all_the_same() {
    let text = "
        data = { kind = 'regression', rows = 40, inputs = 400, outputs = 1 }
        model.layers = [{ linear = { outputs = 300, bias = false } }, 'tanh', { linear = { outputs = 1 } }]
        training = { loss = 'mse', batch_size = 8, steps = 36, optimizer = { sgd = { lr = 0.05 } } }
    ";
    for (optimizer, accumulate) in [
        ("{ adam = { weight_decay = 0.1 } }", 1),
        ("{ sgd = { lr = 0.01, momentum = 0.9, weight_decay = 0.1 } }", 1),
        ("{ sgd = { lr = 0.05 } }", 3),
    ] {
        for (mode, at, watched) in [(Mode::Both, 0, 36), (Mode::Sync, 0, 36), (Mode::Probe, 5, 1)] {
            let [optimizer, accumulate] =
                [format!("training.optimizer={optimizer}"), format!("training.accumulate={accumulate}")];
            let experiment = set(text, &["reference.engine=scratch", &optimizer, &accumulate]);
            let (verdict, _) = common::compared(&experiment, Comparison { mode, at, ..Comparison::default() });
            assert_eq!((verdict.verdict, verdict.watched), (Outcome::Parity, watched), "{optimizer}");
            let compared = verdict.phases[&Phase::Update].compared;
            let expected = if mode == Mode::Probe { 1..=1 } else { 9..=20 };
            assert!(compared == verdict.replayed && expected.contains(&compared), "{optimizer}, {mode}: {compared}");
        }
    }
}

/// The gradient's sign is right, the weights go the other way: × −1 in the update of the first step, on any engine.
#[test]
fn gradient_ascent_is_found_in_the_first_update() {
    let engines: &[&str] = if cfg!(feature = "torch") { &["scratch", "torch"] } else { &["scratch"] };
    for engine in engines {
        for (optimizer, lr) in [("sgd", "0.05"), ("adam", "0.001")] {
            let base = format!("training.optimizer={{ {optimizer} = {{ lr = {lr} }} }}");
            let climbing = format!("candidate.training.optimizer.{optimizer}.lr=-{lr}");
            let sets = ["reference.engine=scratch", &format!("candidate.engine={engine}"), &base, &climbing];
            let (verdict, _) = common::compared(&set(NET, &sets), Comparison::default());
            let first = verdict.first_divergence.unwrap();
            assert_eq!((first.step, first.phase, first.farther), (0, Phase::Update, Some(Farther::Candidate)));
            assert!((first.ratio.unwrap() + 1.0).abs() < 1e-4, "{engine}, {optimizer}: {:?}", first.ratio);
        }
    }
}

/// n equal batches, averaged, train as one does; of two the sum is exact, and so is everything. Until the n-th nothing moves.
#[test]
fn equal_batches_averaged_are_one_batch() {
    let engines: &[&str] = if cfg!(feature = "torch") { &["scratch", "torch"] } else { &["scratch"] };
    for engine in engines {
        for optimizer in ["{ sgd = { lr = 0.05, momentum = 0.9, weight_decay = 0.1 } }", "adam"] {
            for dtype in [DType::F32, DType::F64] {
                let trained = |batches: usize| {
                    let sets = [
                        "reference.engine=scratch".to_owned(),
                        format!("candidate.engine={engine}"),
                        format!("training.optimizer={optimizer}"),
                        format!("dtype={dtype}"),
                        "training.batch_size=full".to_owned(),
                        "training.clip={ norm = 0.5 }".to_owned(),
                        format!("training.accumulate={batches}"),
                    ];
                    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
                    let mut alone = Alone::new(&set(NET, &sets), RunSide::Candidate).unwrap();
                    for step in 1..=4 * batches {
                        let before = alone.weights();
                        alone.step().unwrap();
                        assert_eq!(
                            before == alone.weights(),
                            step % batches != 0,
                            "{engine}, step {step} of {batches}"
                        );
                    }
                    let wide = |own: &Owned| own.values().iter().collect::<Vec<f64>>();
                    alone.weights().0.iter().flat_map(wide).collect::<Vec<f64>>()
                };
                let one = trained(1);
                assert_eq!(trained(2), one, "{engine}, {optimizer}, {dtype}");
                for batches in [3, 5] {
                    // Each sum is off by n roundings or fewer, which Adam's root of v does not enlarge.
                    let (apart, unit) = (gap(&trained(batches), &one), dtype.unit_roundoff());
                    assert!(apart <= 10.0 * batches as f64 * unit, "{engine}, {optimizer}, {dtype}: {apart:.1e}");
                }
            }
        }
    }
}

/// Of two counts the smaller one's first update comes first; a sum parts from a mean at the first update of both.
#[test]
fn another_accumulation_is_found_in_the_first_update_that_differs() {
    let sum = "{ batches = 3, mean = false }";
    for (reference, candidate, step) in
        [("1", "2", 0), ("2", "1", 0), ("4", "2", 1), ("2", "4", 1), ("3", sum, 2), (sum, "3", 2), ("3", "3", 6)]
    {
        let sets = ["reference", "candidate"]
            .iter()
            .zip([reference, candidate])
            .map(|(side, accumulate)| format!("{side}.training.accumulate={accumulate}"));
        let sets: Vec<String> = sets.chain(["reference.engine=scratch".to_owned()]).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let (verdict, _) = common::compared(&set(NET, &sets), Comparison::default());
        let first = verdict.first_divergence.map(|first| (first.step, first.phase, first.farther));
        let expected = (step < 6).then_some((step, Phase::Update, Some(Farther::Candidate)));
        assert_eq!(first, expected, "{reference} / {candidate}");
        let backward = verdict.phases[&Phase::Backward].budget;
        assert!(backward.is_some_and(|share| share <= 1.0), "{reference} / {candidate}: {backward:?}");
    }
}

/// The end of the training comes in the middle of a window, and of every epoch, of five or six batches, too.
#[test]
#[cfg(feature = "torch")]
fn accumulated_gradients_stay_at_parity() {
    let text = NET.replace("steps = 6", "steps = 500").replace("rows = 16", "rows = 44");
    for dtype in ["f32", "f64"] {
        for (optimizer, accumulate, more) in [
            ("{ sgd = { lr = 0.02, momentum = 0.9 } }", "3", "training.clip=none"),
            (
                "{ sgd = { lr = 0.02, momentum = 0.9 } }",
                "{ batches = 3, mean = false }",
                "training.clip={ norm = 0.1 }",
            ),
            ("adam", "3", "training.schedule={ step = { size = 200, gamma = 0.5, every = 'step' } }"),
            ("{ adam = { weight_decay = 0.01 } }", "{ batches = 3, mean = false }", "training.clip={ value = 0.01 }"),
            // All batches alike: their roundings go one way.
            ("{ sgd = { lr = 0.05 } }", "100", "training.batch_size=full"),
        ] {
            let sets = [
                format!("dtype={dtype}"),
                format!("training.optimizer={optimizer}"),
                format!("training.accumulate={accumulate}"),
                more.to_owned(),
            ];
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let (verdict, _) = common::compared(&set(&text, &sets), Comparison::default());
            let update = &verdict.phases[&Phase::Update];
            println!("{sets:?}: {:?}, detectable {:?}", update.budget, update.detectable);
            assert_eq!(verdict.verdict, Outcome::Parity, "{sets:?}: {:?}", verdict.first_divergence);
            assert_eq!(update.compared, 500, "{sets:?}");
            assert!(update.detectable.is_some_and(|least| least > 1e-17), "{sets:?}: {:?}", update.detectable);
        }
    }
}

/// Each where it has to be found: the phase, and the first step that can show it.
#[test]
fn every_fault_of_an_experiment_is_found_where_it_is_made() {
    let cases = [
        ("{ transposed = '2.weight' }", "adam", Phase::Forward, 0),
        ("{ frozen = '2.weight' }", "adamw", Phase::Update, 0),
        ("gradients-not-zeroed", "rmsprop", Phase::Backward, 1),
        ("gradients-not-zeroed", "adam", Phase::Backward, 1),
        ("update-per-sample", "adam", Phase::Update, 0),
        ("no-bias-correction", "adam", Phase::Update, 0),
        ("{ step-counter = 1 }", "adam", Phase::Update, 0),
        ("eps-inside-root", "{ adam = { eps = 1e-4 } }", Phase::Update, 0),
        ("eps-hat", "{ adam = { eps = 1e-4 } }", Phase::Update, 0),
        // PyTorch draws biases that are not 0.
        ("no-decay-on-biases", "{ adamw = { weight_decay = 0.1 } }", Phase::Update, 0),
    ];
    for (fault, optimizer, phase, step) in cases {
        let fault = if fault.starts_with('{') { fault.to_owned() } else { format!("'{fault}'") };
        let faults = format!("candidate.training.faults=[{fault}]");
        let optimizer = format!("training.optimizer={optimizer}");
        let everywhere = ["transposed", "frozen", "zeroed", "sample"].iter().any(|name| fault.contains(name));
        let torch = cfg!(feature = "torch") && everywhere;
        for engine in ["candidate.engine=scratch", "candidate.engine=torch"].iter().take(1 + usize::from(torch)) {
            let sets = ["reference.engine=scratch", &optimizer, &faults, engine];
            let (verdict, _) = common::compared(&set(NET, &sets), Comparison::default());
            let first = verdict.first_divergence.as_ref().map(|first| (first.phase, first.step, first.farther));
            assert_eq!(first, Some((phase, step, Some(Farther::Candidate))), "{fault} with {optimizer}, {engine}");
            // What comes after goes by what the fault made, and is right.
            if phase == Phase::Backward {
                let update = verdict.phases[&Phase::Update].budget;
                assert!(update.is_some_and(|share| share <= 1.0), "{fault} with {optimizer}: {update:?}");
            }
        }
    }
}

/// The same weights as from batches of one row: dense, sparse, and with dropout.
#[test]
fn an_update_per_sample_trains_on_each_row_alone() {
    let layers = vec![
        Layer::Linear(Linear { inputs: 4, outputs: 5, bias: true }),
        Layer::Dropout(Dropout { p: 0.5, scaled: true, first_epoch_only: false }),
        Layer::Linear(Linear { inputs: 5, outputs: 2, bias: true }),
    ];
    let model = Model::new(layers, 4).unwrap();
    let mut training = Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Adam(Adam::default()));
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut numbers = |count| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
    let (weights, x, t) = ([20, 5, 10, 2].map(&mut numbers), numbers(12), numbers(6));
    let mask: Vec<f64> = numbers(15).iter().map(|x| if *x > 0.0 { 2.0 } else { 0.0 }).collect();
    let (starts, columns) = ([0, 2, 2, 5], [0u32, 3, 1, 2, 3]);
    let start = |training: &Training| {
        let engine: Box<dyn Engine> = scratch::build(&model, training, DType::F64, 3);
        let mut engine = faulty::with_faults(engine, training).unwrap();
        for (index, values) in weights.iter().enumerate() {
            let shape = engine.parameters()[index].shape;
            engine.load(index, View::new(&shape, &values[..])).unwrap();
        }
        engine
    };
    for sparse in [false, true] {
        let batch = |rows: Range<usize>, starts: &[usize], engine: &mut dyn Engine| {
            let masks = [View::new(&[rows.len(), 5], &mask[rows.start * 5..rows.end * 5])];
            let held = starts[0]..starts[rows.len()];
            let ends: Vec<usize> = starts[..=rows.len()].iter().map(|end| end - starts[0]).collect();
            let inputs = match sparse {
                true => Inputs::Sparse(Sparse {
                    width: 4,
                    starts: &ends,
                    columns: &columns[held.clone()],
                    values: Values::F64(&x[held]),
                }),
                false => Inputs::Dense(View::new(&[rows.len(), 4], &x[rows.start * 4..rows.end * 4])),
            };
            let targets = View::new(&[rows.len(), 2], &t[rows.start * 2..rows.end * 2]);
            engine.step(&Batch { inputs, targets, masks: &masks, training: true, step: 3, epoch: 1 }).unwrap();
        };
        let mut alone = start(&training);
        (0..3).for_each(|row| batch(row..row + 1, &starts[row..], alone.as_mut()));
        training.faults = vec![Fault::UpdatePerSample];
        let mut per_sample = start(&training);
        training.faults.clear();
        batch(0..3, &starts, per_sample.as_mut());
        let mut whole = start(&training);
        batch(0..3, &starts, whole.as_mut());
        for index in 0..weights.len() {
            assert_eq!(per_sample.tensor(index), alone.tensor(index), "parameter {index}, sparse {sparse}");
            assert_ne!(per_sample.tensor(index), whole.tensor(index), "parameter {index}, sparse {sparse}");
        }
    }
}

/// Every optimizer, some with a schedule or clipping, in f32 against libtorch.
#[test]
#[cfg(feature = "torch")]
fn a_thousand_steps_in_sync_stay_at_parity() {
    let optimizers = [
        ("{ sgd = { lr = 0.05 } }", ""),
        ("{ sgd = { lr = 0.02, momentum = 0.9 } }", "{ norm = 0.1 }"),
        ("{ sgd = { lr = 0.02, momentum = 0.9, nesterov = true, weight_decay = 0.01 } }", ""),
        ("{ sgd = { lr = 0.05, momentum = 0.9, dampening = 0.5 } }", "{ value = 0.01 }"),
        ("adam", ""),
        ("{ adam = { lr = 0.01, weight_decay = 0.01 } }", "{ norm = 0.1 }"),
        ("{ adam = { lr = 0.01, betas = [0.5, 0.9] } }", "{ value = 0.01 }"),
        ("{ adamw = { lr = 0.01 } }", ""),
        ("rmsprop", ""),
        ("{ rmsprop = { lr = 1e-3, momentum = 0.9 } }", ""),
        ("{ rmsprop = { lr = 1e-3, centered = true } }", ""),
        ("{ rmsprop = { lr = 1e-3, centered = true, momentum = 0.9, weight_decay = 0.01 } }", ""),
    ];
    let schedules =
        ["", "{ cosine = { length = 150 } }", "{ step = { size = 200, gamma = 0.5, every = 'step' } }", "warm-up"];
    let text = NET.replace("steps = 6", "steps = 1000").replace("rows = 16", "rows = 44");
    for (index, (optimizer, clip)) in optimizers.into_iter().enumerate() {
        for activation in ["relu", "tanh"] {
            let text = text.replace("relu", activation);
            let optimizer = format!("training.optimizer={optimizer}");
            let schedule = schedules[index % schedules.len()];
            let mut sets = vec![optimizer.clone()];
            sets.extend((!clip.is_empty()).then(|| format!("training.clip={clip}")));
            sets.extend((!schedule.is_empty()).then(|| format!("training.schedule={schedule}")));
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            let comparison = Comparison { mode: Mode::Sync, ..Comparison::default() };
            let (verdict, _) = common::compared(&set(&text, &sets), comparison);
            let shares: Vec<_> = verdict.phases.iter().map(|(phase, summary)| (phase.name(), summary.budget)).collect();
            println!(
                "{activation} {sets:?}: {shares:.2?}, update judged {}, unjudged {}",
                verdict.phases[&Phase::Update].compared,
                verdict.phases[&Phase::Update].unjudged
            );
            assert_eq!(verdict.verdict, Outcome::Parity, "{activation} {sets:?}: {:?}", verdict.first_divergence);
        }
    }
}
