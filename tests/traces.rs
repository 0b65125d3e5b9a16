//! Programs of one's own as the candidate: a network in plain loops, written apart from the engines, whose weights are recorded
//! after every step, in whole or alone. Right ones are at parity, wrong ones are found where what was recorded can show them.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use lockstep::{
    Comparison, Error, Experiment, Verdict,
    judge::verdict::{Outcome, Pattern, Phase, WorkedOut},
};
use ndarray::{Array, ArrayD, IxDyn};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

const ROWS: usize = 24;
const BATCH: usize = 8;
const STEPS: usize = 30;
const SIZES: [usize; 3] = [3, 5, 2];

/// Arrays by name: the shape of a step, and the numbers of all.
type Recorded = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// What a program does otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    None,
    /// The output layer's weights are updated before the error is passed back through them.
    EarlyUpdate,
    /// The gradient is a sum over the batch, not a mean.
    SumForMean,
    BiasesNotDivided,
    /// The derivative of tanh is taken of the sum, not of its result.
    DerivativeOfTheSum,
    Ascent,
    /// Plain momentum where the definition has none.
    Momentum,
    /// The first layer is not trained.
    Frozen,
    /// The rate decays from the tenth step on.
    LateDecay,
}

/// A network in plain loops: x @ W1 + b1, tanh, @ W2 + b2, mean squared error.
struct Program {
    mistake: Mistake,
    narrow: bool,
    weights: [Vec<f64>; 4], // W1 [in, hidden], b1, W2 [hidden, out], b2
    velocity: [Vec<f64>; 4],
    recorded: Recorded,
    steps: usize,
}

/// Numbers that look random and are the same everywhere.
fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

const NAMES: [&str; 4] = ["W1", "b1", "W2", "b2"];

fn shapes() -> [Vec<usize>; 4] {
    let [inputs, hidden, outputs] = SIZES;
    [vec![inputs, hidden], vec![hidden], vec![hidden, outputs], vec![outputs]]
}

impl Program {
    fn new(seed: u64, mistake: Mistake, narrow: bool) -> Self {
        let mut drawn = numbers(seed + 1000, 100).into_iter();
        let round = |x: f64| if narrow { f64::from(x as f32) } else { x };
        let weights = shapes().map(|shape| (0..shape.iter().product()).map(|_| round(drawn.next().unwrap())).collect());
        let velocity = shapes().map(|shape| vec![0.0; shape.iter().product()]);
        Self { mistake, narrow, weights, velocity, recorded: BTreeMap::new(), steps: 0 }
    }

    fn round(&self, x: f64) -> f64 {
        if self.narrow { f64::from(x as f32) } else { x }
    }

    fn record(&mut self, name: &str, shape: &[usize], values: &[f64]) {
        let (_, all) = self.recorded.entry(name.to_owned()).or_insert_with(|| (shape.to_vec(), Vec::new()));
        all.extend_from_slice(values);
    }

    fn record_weights(&mut self) {
        for (number, shape) in shapes().iter().enumerate() {
            let values = self.weights[number].clone();
            self.record(&format!("parameter/{}", NAMES[number]), shape, &values);
        }
    }

    /// One step on these rows.
    fn step(&mut self, inputs: &[f64], targets: &[f64]) {
        let [columns, hidden, outputs] = SIZES;
        let rows = inputs.len() / columns;
        let rate = if self.mistake == Mistake::LateDecay && self.steps >= 10 { 0.05 } else { 0.1 };
        self.steps += 1;
        let layer = |this: &Self, x: &[f64], [from, to]: [usize; 2], number: usize| -> Vec<f64> {
            let mut sums = Vec::new();
            for row in 0..rows {
                for unit in 0..to {
                    let mut sum = this.weights[number + 1][unit];
                    for input in 0..from {
                        sum = this
                            .round(sum + this.round(x[row * from + input] * this.weights[number][input * to + unit]));
                    }
                    sums.push(sum);
                }
            }
            sums
        };
        let sums = layer(self, inputs, [columns, hidden], 0);
        let squashed: Vec<f64> = sums.iter().map(|x| self.round(x.tanh())).collect();
        let found = layer(self, &squashed, [hidden, outputs], 2);
        let errors: Vec<f64> = found.iter().zip(targets).map(|(y, t)| self.round(y - t)).collect();
        let count = (rows * outputs) as f64;
        let loss = self.round(errors.iter().map(|e| e * e).sum::<f64>() / count);
        let divisor = if self.mistake == Mistake::SumForMean { outputs as f64 } else { count };
        let delta: Vec<f64> = errors.iter().map(|e| self.round(2.0 * e / divisor)).collect();
        let gradients = |this: &Self, x: &[f64], delta: &[f64], [from, to]: [usize; 2]| -> [Vec<f64>; 2] {
            let mut of = [vec![0.0; from * to], vec![0.0; to]];
            for row in 0..rows {
                for unit in 0..to {
                    let d = delta[row * to + unit];
                    of[1][unit] = this.round(of[1][unit] + d);
                    for input in 0..from {
                        let place = input * to + unit;
                        of[0][place] = this.round(of[0][place] + this.round(x[row * from + input] * d));
                    }
                }
            }
            if this.mistake == Mistake::BiasesNotDivided {
                of[1].iter_mut().for_each(|g| *g *= rows as f64);
            }
            of
        };
        let [w2, b2] = gradients(self, &squashed, &delta, [hidden, outputs]);
        if self.mistake == Mistake::EarlyUpdate {
            self.update(2, &w2, rate);
        }
        let mut back = vec![0.0; rows * hidden];
        for row in 0..rows {
            for unit in 0..hidden {
                let mut sum = 0.0;
                for output in 0..outputs {
                    sum = self.round(
                        sum + self.round(delta[row * outputs + output] * self.weights[2][unit * outputs + output]),
                    );
                }
                let at = row * hidden + unit;
                let y = if self.mistake == Mistake::DerivativeOfTheSum { sums[at] } else { squashed[at] };
                back[at] = self.round(sum * self.round(1.0 - y * y));
            }
        }
        let [w1, b1] = gradients(self, inputs, &back, [columns, hidden]);
        for (name, width, values) in
            [("activation/0", hidden, &sums), ("activation/1", hidden, &squashed), ("activation/2", outputs, &found)]
        {
            self.record(name, &[rows, width], values);
        }
        self.record("output_gradient", &[rows, outputs], &delta);
        self.record("loss", &[], &[loss]);
        for (number, gradient) in [&w1, &b1, &w2, &b2].into_iter().enumerate() {
            self.record(&format!("gradient/{}", NAMES[number]), &shapes()[number].clone(), gradient);
        }
        if self.mistake != Mistake::Frozen {
            self.update(0, &w1, rate);
            self.update(1, &b1, rate);
        }
        if self.mistake != Mistake::EarlyUpdate {
            self.update(2, &w2, rate);
        }
        self.update(3, &b2, rate);
    }

    fn update(&mut self, number: usize, gradient: &[f64], rate: f64) {
        let rate = if self.mistake == Mistake::Ascent { -rate } else { rate };
        let kept = if self.mistake == Mistake::Momentum { 0.9 } else { 0.0 };
        for (place, g) in gradient.iter().enumerate() {
            let velocity = self.round(kept * self.velocity[number][place] + g);
            self.velocity[number][place] = velocity;
            self.weights[number][place] = self.round(self.weights[number][place] - self.round(rate * velocity));
        }
    }

    /// Trains, and records everything.
    fn run(mut self, inputs: &[f64], targets: &[f64]) -> Recorded {
        self.record_weights();
        for step in 0..STEPS {
            let first = step % (ROWS / BATCH) * BATCH;
            let rows = |values: &[f64], width: usize| values[first * width..(first + BATCH) * width].to_vec();
            self.step(&rows(inputs, SIZES[0]), &rows(targets, SIZES[2]));
            self.record_weights();
        }
        self.recorded
    }
}

fn array(shape: &[usize], values: Vec<f64>) -> ArrayD<f64> {
    let row: usize = shape.iter().product::<usize>().max(1);
    let all: Vec<usize> = [values.len() / row].into_iter().chain(shape.iter().copied()).collect();
    Array::from_shape_vec(IxDyn(&all), values).unwrap()
}

/// What of a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kept {
    /// A folder with everything.
    All,
    /// The same without what layers put out.
    WithoutActivations,
    /// An `.npz` with weights alone.
    Weights,
    /// A folder with everything of every fourth step.
    Gaps,
}

/// Of a recording with gaps, every how many steps one is recorded.
const EVERY: usize = 4;

/// What is left of a recording with gaps between its steps, and what it has in the place of the rest.
fn with_gaps(recorded: Recorded) -> Recorded {
    let kept: Vec<usize> = (0..STEPS).step_by(EVERY).collect();
    let mut left = Recorded::new();
    for (name, (shape, values)) in recorded {
        let row: usize = shape.iter().product();
        let rows = |from: usize| kept.iter().flat_map(|step| &values[(step + from) * row..][..row]).copied().collect();
        match name.strip_prefix("parameter/") {
            Some(own) => {
                left.insert(format!("before/{own}"), (shape.clone(), rows(0)));
                left.insert(format!("after/{own}"), (shape, rows(1)));
            }
            None => drop(left.insert(name, (shape, rows(0)))),
        }
    }
    left.insert("step".to_owned(), (Vec::new(), kept.iter().map(|step| *step as f64).collect()));
    left
}

/// Data, definition and recording in a folder.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(seed: u64, mistake: Mistake, narrow: bool, kept: Kept) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let narrowed = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|x| f64::from(x as f32)).collect() };
        let inputs = narrowed(numbers(seed, ROWS * SIZES[0]).iter().map(|x| 4.0 * x).collect());
        let targets = narrowed(numbers(seed + 1, ROWS * SIZES[2]));
        let mut data = NpzWriter::new(File::create(folder.path().join("data.npz")).unwrap());
        data.add_array("inputs", &Array::from_shape_vec((ROWS, SIZES[0]), inputs.clone()).unwrap()).unwrap();
        data.add_array("targets", &Array::from_shape_vec((ROWS, SIZES[2]), targets.clone()).unwrap()).unwrap();
        data.finish().unwrap();
        let recorded = Program::new(seed, mistake, narrow).run(&inputs, &targets);
        let case = Self { folder };
        if kept == Kept::Weights {
            let mut npz = NpzWriter::new(File::create(case.trace(kept)).unwrap());
            for name in NAMES {
                let (shape, values) = &recorded[&format!("parameter/{name}")];
                npz.add_array(name, &array(shape, values.clone())).unwrap();
            }
            npz.finish().unwrap();
        } else {
            let trace = case.trace(kept);
            let recorded = if kept == Kept::Gaps { with_gaps(recorded) } else { recorded };
            for (name, (shape, values)) in recorded {
                if kept == Kept::WithoutActivations && name.starts_with("activation") {
                    continue;
                }
                let path = trace.join(format!("{name}.npy"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let array = array(&shape, values);
                let file = File::create(path).unwrap();
                if narrow { array.mapv(|x| x as f32).write_npy(file).unwrap() } else { array.write_npy(file).unwrap() }
            }
            fs::write(trace.join("manifest.json"), r#"{"schema": 1, "engine": "plain loops"}"#).unwrap();
            fs::write(trace.join("complete"), "").unwrap();
        }
        case
    }

    fn trace(&self, kept: Kept) -> std::path::PathBuf {
        self.folder.path().join(if kept == Kept::Weights { "run.npz" } else { "run" })
    }

    fn text(&self) -> String {
        let trace = if self.folder.path().join("run").exists() { "run" } else { "run.npz" };
        let [_, hidden, outputs] = SIZES;
        format!(
            "data = {{ kind = 'npz', path = 'data.npz' }}\n\
             model.layers = [{{ linear = {{ outputs = {hidden} }} }}, 'tanh', {{ linear = {{ outputs = {outputs} }} }}]\n\
             training = {{ loss = 'mse', optimizer = {{ sgd = {{ lr = 0.1 }} }}, batch_size = {BATCH}, steps = {STEPS} }}\n\
             reference.engine = 'scratch'\n\
             candidate.engine = {{ trace = '{trace}' }}\n"
        )
    }

    fn experiment(&self, sets: &[&str]) -> Result<Experiment, Error> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Experiment::parse(&self.text(), "mine.toml", self.folder.path(), &sets)
    }

    fn verdict(&self) -> Verdict {
        Comparison::default().run(&self.experiment(&[]).unwrap()).unwrap().0
    }
}

const EVERY_KEPT: [Kept; 4] = [Kept::All, Kept::WithoutActivations, Kept::Weights, Kept::Gaps];

#[test]
fn a_right_program_is_at_parity_whatever_of_it_was_recorded() {
    for seed in 0..20 {
        for narrow in [false, true] {
            for kept in EVERY_KEPT {
                let verdict = Case::new(seed, Mistake::None, narrow, kept).verdict();
                assert_eq!(
                    verdict.verdict,
                    Outcome::Parity,
                    "seed {seed}, f32 {narrow}, {kept:?}: {:?}",
                    verdict.first_divergence
                );
                let steps = if kept == Kept::Gaps { STEPS.div_ceil(EVERY) } else { STEPS };
                assert_eq!(verdict.steps, steps);
                let whole = [Kept::All, Kept::Gaps].contains(&kept);
                assert_eq!(verdict.worked_out.is_empty(), whole, "{:?}", verdict.worked_out);
                assert!(verdict.measured.speed.is_none(), "nobody timed it");
                // What it reports is told even where it was not recorded.
                assert!(verdict.losses.candidate.iter().all(Option::is_some));
                let power = verdict.phases[&Phase::Update].detectable.unwrap();
                assert!(power < if narrow { 1e-3 } else { 1e-11 }, "{power}");
            }
        }
    }
}

/// Where each mistake is found: with everything recorded, and with weights alone.
#[test]
fn a_wrong_program_is_found_in_the_phase_that_what_was_recorded_allows() {
    let places = [
        (Mistake::EarlyUpdate, (Phase::Backward, 0), 0),
        (Mistake::SumForMean, (Phase::Backward, 0), 0),
        (Mistake::BiasesNotDivided, (Phase::Backward, 0), 0),
        (Mistake::DerivativeOfTheSum, (Phase::Backward, 0), 0),
        (Mistake::Ascent, (Phase::Update, 0), 0),
        (Mistake::Momentum, (Phase::Update, 1), 1),
        (Mistake::Frozen, (Phase::Update, 0), 0),
        (Mistake::LateDecay, (Phase::Update, 10), 10),
    ];
    for (mistake, in_whole, of_weights) in places {
        for narrow in [false, true] {
            for kept in EVERY_KEPT {
                let verdict = Case::new(7, mistake, narrow, kept).verdict();
                let first = verdict.first_divergence.as_ref();
                let place = first.map(|first| (first.phase, first.step));
                let mut expected = if kept == Kept::Weights { (Phase::Update, of_weights) } else { in_whole };
                if kept == Kept::Gaps {
                    expected.1 = usize::next_multiple_of(expected.1, EVERY);
                }
                assert_eq!(
                    (verdict.verdict, place),
                    (Outcome::Mismatch, Some(expected)),
                    "{mistake:?}, f32 {narrow}, {kept:?}"
                );
            }
        }
    }
}

/// Steps have their numbers of the training, and nothing is said of what lies between them.
#[test]
fn a_recording_with_gaps_says_what_it_cannot_tell() {
    let case = Case::new(7, Mistake::LateDecay, false, Kept::Gaps);
    let verdict = case.verdict();
    assert_eq!(verdict.losses.steps, [0, 16, 28]);
    assert!(verdict.not_checked.iter().any(|said| said.contains("the steps between the recorded ones")));
    assert!(verdict.not_checked.iter().any(|said| said.starts_with("how far the free run drifts")));
    // Momentum goes on from what lies between: without its state no update is judged, and nothing is called right.
    let case = Case::new(7, Mistake::Momentum, false, Kept::Gaps);
    let momentum = "training.optimizer.sgd.momentum=0.9";
    let of = |sets: &[&str]| Comparison::default().run(&case.experiment(sets).unwrap()).unwrap().0;
    let verdict = of(&[momentum]);
    assert_eq!((verdict.verdict, verdict.phases.contains_key(&Phase::Update)), (Outcome::Inconclusive, false));
    assert!(verdict.not_checked.iter().any(|said| said.contains("momentum_buffer.npy")), "{:?}", verdict.not_checked);
    assert_eq!(of(&["training.steps=9"]).steps, 3, "steps 0, 4 and 8");
}

/// What was timed is told as it was measured, and what was not has no time.
#[test]
fn the_time_of_a_recording_is_that_of_its_program() {
    let case = Case::new(1, Mistake::None, false, Kept::All);
    let timed = |columns: usize, values: Vec<f64>| {
        array(&[columns], values).write_npy(File::create(case.trace(Kept::All).join("time_us.npy")).unwrap()).unwrap();
    };
    timed(4, (0..STEPS).flat_map(|_| [1.5, 0.5, 3.0, 2.0]).collect());
    let speed = case.verdict().measured.speed.unwrap();
    assert_eq!((speed.candidate_us, speed.per_phase[&Phase::Backward].candidate_us), (7.0, 3.0));
    timed(1, vec![7.0; STEPS]);
    assert!(error(&case, &[]).contains("µs of forward, loss, backward and update"), "{}", error(&case, &[]));
    timed(4, vec![-1.0; 4 * STEPS]);
    assert!(error(&case, &[]).contains("took -1 µs"), "{}", error(&case, &[]));
}

/// Looks at the evaluation mode have to be whole.
#[test]
fn an_evaluation_that_is_torn_is_an_error() {
    let torn = |left_out: &str, steps: Vec<f64>| {
        let case = Case::new(1, Mistake::None, false, Kept::All);
        let folder = case.trace(Kept::All).join("evaluation");
        fs::create_dir(&folder).unwrap();
        let [columns, _, outputs] = SIZES;
        let looks = steps.len();
        let parts = [("step", vec![], steps), ("input", vec![2, columns], vec![0.5; looks * 2 * columns])];
        let of = |name, width| (name, vec![2, width], vec![0.5; looks * 2 * width]);
        for (name, shape, values) in parts.into_iter().chain([of("target", outputs), of("output", outputs)]) {
            if name != left_out {
                array(&shape, values).write_npy(File::create(folder.join(format!("{name}.npy"))).unwrap()).unwrap();
            }
        }
        case
    };
    for (left_out, said) in [("target", "no evaluation/target.npy"), ("output", "no evaluation/output.npy")] {
        let found = error(&torn(left_out, vec![10.0, 20.0]), &[]);
        assert!(found.contains(said), "{found}");
    }
    assert!(error(&torn("", vec![10.0, 5.0]), &[]).contains("a look came after [5.0] steps"));
    // Whole, it is judged: these are no outputs of the network.
    let first = torn("", vec![10.0, 20.0]).verdict().first_divergence.unwrap();
    assert_eq!((first.phase, first.step, first.tensor.as_str()), (Phase::Evaluation, 9, "output"));
}

#[test]
fn a_recording_with_gaps_that_is_torn_is_an_error() {
    let spoilt = |spoil: &dyn Fn(&Path)| {
        let case = Case::new(1, Mistake::None, false, Kept::Gaps);
        spoil(&case.trace(Kept::Gaps));
        error(&case, &[])
    };
    let steps = |steps: Vec<f64>| {
        move |trace: &Path| array(&[], steps.clone()).write_npy(File::create(trace.join("step.npy")).unwrap()).unwrap()
    };
    type Spoil<'a> = &'a dyn Fn(&Path);
    let cases: [(Spoil<'_>, &str); 7] = [
        (&|trace| fs::remove_file(trace.join("step.npy")).unwrap(), "no step.npy"),
        (&steps(vec![0.0, 4.0, 3.0]), "step 3 comes after step 4"),
        (&steps(vec![0.0, 0.5]), "has the number [0.5]"),
        (&|trace| fs::remove_file(trace.join("after/W2.npy")).unwrap(), "no after/W2.npy"),
        (&|trace| fs::rename(trace.join("gradient"), trace.join("parameter")).unwrap(), "has parameter/ and before/"),
        (&|trace| fs::rename(trace.join("before"), trace.join("parameter")).unwrap(), "its row 1 is step 4"),
        (&|trace| std::os::unix::fs::symlink("after", trace.join("state")).unwrap(), "is a link"),
    ];
    for (spoil, said) in cases {
        let found = spoilt(spoil);
        assert!(found.contains(said), "{said}: {found}");
    }
}

/// What the tensors of the first step apart look like tells the mistake, from weights alone.
#[test]
fn patterns_tell_the_mistake_from_weights_alone() {
    let found = |mistake| {
        let verdict = Case::new(3, mistake, false, Kept::Weights).verdict();
        let tensors = verdict.first_divergence.unwrap().tensors;
        tensors.into_iter().map(|found| (found.name, (found.pattern, found.constant))).collect::<BTreeMap<_, _>>()
    };
    let near = |constant: Option<f64>, wanted: f64| constant.is_some_and(|found| (found / wanted - 1.0).abs() < 1e-9);
    let tensors = found(Mistake::SumForMean);
    assert!(
        tensors.values().all(|(pattern, constant)| *pattern == Pattern::Times && near(*constant, BATCH as f64)),
        "{tensors:?}"
    );
    let tensors = found(Mistake::BiasesNotDivided);
    for (name, (pattern, constant)) in &tensors {
        let bias = name.ends_with("bias");
        assert_eq!(*pattern, if bias { Pattern::Times } else { Pattern::Same }, "{name}");
        assert!(!bias || near(*constant, BATCH as f64), "{name}");
    }
    let tensors = found(Mistake::Ascent);
    assert!(tensors.values().all(|(_, constant)| near(*constant, -1.0)), "{tensors:?}");
    let tensors = found(Mistake::Frozen);
    assert_eq!((tensors["0.weight"].0, tensors["2.weight"].0), (Pattern::Zero, Pattern::Same));
}

#[test]
fn what_was_not_recorded_is_said_and_no_phase_of_it_is_called_right() {
    let verdict = Case::new(3, Mistake::SumForMean, false, Kept::Weights).verdict();
    use WorkedOut::{Gradients, Loss, OutputGradient, Outputs};
    assert_eq!(verdict.worked_out, [Outputs, Loss, OutputGradient, Gradients]);
    assert_eq!(verdict.phases.keys().collect::<Vec<_>>(), [&Phase::Update]);
    let text = lockstep::report::text::render(&verdict).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("Its outputs, loss and gradients were not recorded: what is wrong in them shows here, too"),
        "{text}"
    );
    assert!(!text.contains("Up to there"), "{text}");
    assert!(text.contains("recorded arrays are matched by order and shape: W1 is 0.weight transposed"), "{text}");
}

fn error(case: &Case, sets: &[&str]) -> String {
    case.experiment(sets).err().map(|error| error.to_string()).unwrap_or_default()
}

/// A `.npy` of this header and these bytes.
fn npy(descr: &str, shape: &str, bytes: usize) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(vec![0; bytes]);
    file
}

#[test]
fn a_damaged_trace_is_an_error_with_its_file_or_a_stated_narrowing() {
    let case = || Case::new(1, Mistake::None, false, Kept::All);
    let spoilt = |spoil: &dyn Fn(&Path)| {
        let case = case();
        spoil(&case.trace(Kept::All));
        error(&case, &[])
    };
    let weight = |trace: &Path| trace.join("parameter/W1.npy");
    let manifest = |text: &'static str| move |trace: &Path| fs::write(trace.join("manifest.json"), text).unwrap();
    let replaced = |bytes: Vec<u8>| move |trace: &Path| fs::write(trace.join("parameter/W1.npy"), &bytes).unwrap();
    type Spoil<'a> = &'a dyn Fn(&Path);
    let cases: [(Spoil<'_>, &str); 10] = [
        (&|trace| fs::remove_file(trace.join("manifest.json")).unwrap(), "has no manifest.json"),
        (&manifest(r#"{"schema": 2}"#), "says schema 2"),
        (&manifest("{"), "is not what a recorder writes"),
        (&manifest(r#"{"schema": 1, "layout": {"W1": "out,in"}}"#), "its manifest says that W1 is recorded as out,in"),
        (&|trace| fs::remove_dir_all(trace.join("parameter")).unwrap(), "no arrays of weights"),
        (&|trace| fs::remove_file(weight(trace)).unwrap(), "arrays, where the model has"),
        (&replaced(npy("|O", "(31, 3, 5)", 8)), "elements of type \"|O\""),
        (&replaced(npy("<f8", "(31, 99999999999, 99999999999)", 8)), "which no file holds"),
        (&replaced(npy("<i8", "(31, 3, 5)", 31 * 15 * 8)), "whole numbers"),
        (
            &|trace| {
                fs::rename(weight(trace), trace.join("elsewhere.npy")).unwrap();
                std::os::unix::fs::symlink(trace.join("elsewhere.npy"), weight(trace)).unwrap();
            },
            "is a link",
        ),
    ];
    for (spoil, expected) in cases {
        let found = spoilt(spoil);
        assert!(found.contains(expected) && found.contains("run"), "{expected}: {found}");
    }
    // Killed while it recorded: the last whole step counts.
    let case = case();
    fs::remove_file(case.trace(Kept::All).join("complete")).unwrap();
    let path = case.trace(Kept::All).join("gradient/b2.npy");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 37]).unwrap();
    let verdict = case.verdict();
    assert_eq!((verdict.verdict, verdict.steps), (Outcome::Parity, STEPS - 3));
    assert!(verdict.data.iter().any(|said| said.contains("cut short")), "{:?}", verdict.data);
}

#[test]
fn big_endian_and_fortran_ordered_arrays_are_read_and_nan_is_a_mismatch() {
    let case = Case::new(1, Mistake::None, false, Kept::All);
    let path = case.trace(Kept::All).join("parameter/W1.npy");
    let array: ArrayD<f64> = ndarray_npy::read_npy(&path).unwrap();
    let mut reversed = npy(">f8", "(31, 3, 5)", 0);
    array.iter().for_each(|x| reversed.extend(x.to_be_bytes()));
    fs::write(&path, reversed).unwrap();
    assert_eq!(case.verdict().verdict, Outcome::Parity);
    let fortran = array.t().as_standard_layout().into_owned().reversed_axes();
    ndarray_npy::write_npy(&path, &fortran).unwrap();
    assert_eq!(case.verdict().verdict, Outcome::Parity);
    let mut broken = array;
    broken[[12, 1, 1]] = f64::NAN;
    ndarray_npy::write_npy(&path, &broken).unwrap();
    let verdict = case.verdict();
    assert_eq!((verdict.verdict, verdict.non_finite.len(), verdict.non_finite[0].step), (Outcome::Mismatch, 1, 11));
}

#[test]
fn what_a_run_of_a_trace_cannot_do_is_said() {
    let case = Case::new(1, Mistake::None, false, Kept::Weights);
    for (set, expected) in [
        ("candidate.model.bias=false", "the network of a trace is the reference's"),
        ("candidate.training.batch_size=4", "the batches of a trace are the reference's"),
        ("candidate.training.faults=['gradients-not-zeroed']", "no fault"),
        (
            "model.layers=[{ linear = { outputs = 5 } }, { dropout = { p = 0.5 } }, { linear = { outputs = 2 } }]",
            "masks of its dropout",
        ),
        ("candidate.engine={ trace = 'absent.npz' }", "cannot read the trace"),
        ("candidate.engine={ trace = 3 }", "must be the path"),
        ("candidate.map={ W9 = { to = '0.weight' } }", "has no array W9"),
        ("candidate.map={ W1 = { to = '9.weight' } }", "which the model does not have"),
        ("candidate.map={ W1 = { to = '0.weight' } }", "`map` does not say which array 0.bias is"),
        ("model.layers=[{ linear = { outputs = 2 } }]", "arrays, where the model has"),
    ] {
        let found = error(&case, &[set]);
        assert!(found.contains(expected), "{set}: {found}");
    }
    let all =
        "map={ W1 = { to = '0.weight' }, b1 = { to = '0.bias' }, W2 = { to = '2.weight' }, b2 = { to = '2.bias' } }";
    let verdict = Comparison::default().run(&case.experiment(&[all]).unwrap()).unwrap().0;
    assert_eq!(verdict.verdict, Outcome::Parity);
    let longer = Comparison::default().run(&case.experiment(&["training.steps=50"]).unwrap()).unwrap().0;
    assert_eq!((longer.verdict, longer.steps), (Outcome::Parity, STEPS));
    assert!(longer.data.iter().any(|said| said.contains("30 whole steps of the experiment's 50")), "{:?}", longer.data);
    let probe = Comparison { mode: lockstep::run::Mode::Probe, ..Comparison::default() };
    assert!(probe.run(&case.experiment(&[]).unwrap()).unwrap_err().to_string().contains("trained by itself"));
}

/// What `lockstep record` writes of an engine of ours is at parity with that engine, phase by phase, without data or length in the
/// experiment: the trace has its own.
#[test]
#[cfg(feature = "program")]
fn what_lockstep_records_is_judged_as_the_engine_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = |data: &str, length: &str| {
        format!(
            "{data}\nmodel.layers = [{{ linear = {{ outputs = 6 }} }}, 'relu', {{ dropout = {{ p = 0.3 }} }}, {{ linear = {{ outputs = 3 }} }}]\n\
             model.init = 'xavier-uniform'\ntraining = {{ loss = 'cross-entropy', optimizer = {{ adam = {{ lr = 0.01 }} }}{length} }}\n"
        )
    };
    let data = "data = { kind = 'blobs', rows = 40, columns = 4, centers = 3 }";
    fs::write(folder.path().join("whole.toml"), text(data, ", batch_size = 16, shuffle = true, epochs = 4")).unwrap();
    fs::write(folder.path().join("short.toml"), text("", "")).unwrap();
    let engines: &[&str] = if cfg!(feature = "torch") { &["scratch", "torch"] } else { &["scratch"] };
    for engine in engines {
        let lockstep = |arguments: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
            let done = command.args(arguments).current_dir(folder.path()).output().unwrap();
            (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
        };
        let (code, _, error) = lockstep(&["record", "whole.toml", "--engine", engine, "--out", "run"]);
        assert_eq!(code, Some(0), "{error}");
        let reference = format!("reference.engine={engine}");
        for experiment in ["whole.toml", "short.toml"] {
            let (code, out, error) =
                lockstep(&["run", experiment, "--candidate", "run", "--set", &reference, "--json", "--out", "out"]);
            assert_eq!(code, Some(0), "{engine}, {experiment}: {out}{error}");
            let verdict: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!((&verdict["steps"], &verdict["worked_out"]), (&12.into(), &serde_json::json!([])));
            // The same engine on the same rows: the same numbers.
            assert_eq!(verdict["gaps"]["free"]["weights"]["max"], 0.0, "{engine}, {experiment}");
        }
        // By what it says of itself.
        let (code, out, error) = lockstep(&["run", "run", "--set", &reference, "--out", "out"]);
        assert!(code == Some(0) && out.contains("PARITY"), "{out}{error}");
        let (code, _, error) = lockstep(&["new", "told", "--from", "run"]);
        assert_eq!(code, Some(0), "{error}");
        let (code, out, error) =
            lockstep(&["run", "told.toml", "--candidate", "run", "--set", &reference, "--out", "out"]);
        assert!(code == Some(0) && out.contains("PARITY"), "{out}{error}");
        fs::remove_file(folder.path().join("told.toml")).unwrap();
        let (code, _, error) = lockstep(&["record", "whole.toml", "--engine", engine, "--out", "wider", "--seed", "5"]);
        assert_eq!(code, Some(0), "{error}");
        let (code, _, error) = lockstep(&["compare", "run", "wider", "--set", "training.steps=1", "--out", "out"]);
        assert!(code == Some(2) && error.contains("different"), "{error}");
        // Two traces, one of them in f64, by what they say of themselves.
        let (code, _, error) =
            lockstep(&["record", "whole.toml", "--engine", engine, "--out", "wide", "--set", "dtype=f64"]);
        assert_eq!(code, Some(0), "{error}");
        let (code, _, error) =
            lockstep(&["record", "whole.toml", "--engine", engine, "--out", "other", "--set", "data.seed=9"]);
        assert_eq!(code, Some(0), "{error}");
        let (code, out, error) = lockstep(&["compare", "run", "run", "--out", "out"]);
        assert_eq!(code, Some(0), "{out}{error}");
        assert!(out.starts_with("run") && out.contains("PARITY") && out.contains("Wall time"), "{out}");
        for sides in [["run", "wide"], ["wide", "run"]] {
            let (code, out, error) = lockstep(&["compare", sides[0], sides[1], "--out", "out"]);
            assert_eq!(code, Some(0), "{out}{error}");
        }
        let (code, _, error) = lockstep(&["compare", "run", "other", "--out", "out"]);
        assert!(code == Some(2) && error.contains("different batches"), "{error}");
        let (code, _, error) = lockstep(&["compare", "absent", "run"]);
        assert!(code == Some(2) && error.contains("absent: cannot read the trace"), "{error}");
    }
}

/// `--map FILE` is `map` in a file of its own, and a trace that does not say what it was meant to be is not run alone.
#[test]
#[cfg(feature = "program")]
fn which_array_is_which_is_said_in_a_file() {
    let case = Case::new(1, Mistake::None, false, Kept::Weights);
    let lockstep = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
        let done = command.args(arguments).current_dir(case.folder.path()).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let write = |name: &str, text: &str| fs::write(case.folder.path().join(name), text).unwrap();
    let map = "W1 = { to = '0.weight', transpose = true }\nb1 = { to = '0.bias' }\nW2 = { to = '2.weight', transpose = true }\n";
    write("map.toml", &format!("{map}b2 = {{ to = '2.bias' }}\n"));
    write("short.toml", map);
    write("mine.toml", &case.text());
    write("torn.toml", "W1 = {");
    let run = |file: &str| {
        let engine = "reference.engine=scratch";
        lockstep(&["run", "mine.toml", "--candidate", "run.npz", "--map", file, "--set", engine, "--out", "out"])
    };
    let (code, out, error) = run("map.toml");
    assert!(code == Some(0) && !out.contains("matched by order"), "{out}{error}");
    for (file, said) in [("short.toml", "2.bias"), ("torn.toml", "torn.toml"), ("absent.toml", "absent.toml")] {
        let (code, _, error) = run(file);
        assert!(code == Some(2) && error.contains(said), "{file}: {error}");
    }
    fs::create_dir(case.folder.path().join("untold")).unwrap();
    write("untold/manifest.json", "{\"schema\": 1}");
    let (code, _, error) = lockstep(&["run", "untold"]);
    assert!(code == Some(2) && error.contains("lockstep new NAME --from untold"), "{error}");
    let (code, _, error) = lockstep(&["run", "."]);
    assert!(code == Some(2) && error.contains("manifest.json"), "{error}");
}

/// What `lockstep new` writes runs as it stands, and never over what is there.
#[test]
#[cfg(feature = "program")]
fn a_first_experiment_runs_as_it_is_written() {
    let case = Case::new(1, Mistake::None, false, Kept::Weights);
    let lockstep = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockstep"));
        let done = command.args(arguments).current_dir(case.folder.path()).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    fs::write(case.folder.path().join("kinds.csv"), "x,y,kind\n1,2,a\n2,1,b\n0,1,a\n").unwrap();
    fs::write(case.folder.path().join("sizes.csv"), "x,y,size\n1,2,0.5\n2,1,0.25\n0,1,0.75\n").unwrap();
    for (name, from, said) in [
        ("plain", None, "lockstep run plain.toml"),
        ("kinds", Some("kinds.csv"), "guessed: the column kind has the classes, 2 of them"),
        ("sizes", Some("sizes.csv"), "guessed: the column size has the targets, numbers"),
        ("mine.toml", Some("run.npz"), "lockstep run mine.toml --candidate run.npz"),
    ] {
        let arguments: Vec<&str> =
            ["new", name].into_iter().chain(from.map(|from| ["--from", from]).into_iter().flatten()).collect();
        let (code, out, error) = lockstep(&arguments);
        assert!(code == Some(0) && out.contains(said), "{name}: {out}{error}");
        let file = format!("{}.toml", name.trim_end_matches(".toml"));
        let mut run = vec!["run", file.as_str(), "--set", "reference.engine=scratch", "--out", "out"];
        if from == Some("run.npz") {
            run.extend(["--candidate", "run.npz", "--steps", "30", "--set", "training.batch_size=8"]);
        }
        let (code, out, error) = lockstep(&run);
        assert_eq!(code, Some(0), "{name}: {out}{error}");
        let (code, _, error) = lockstep(&arguments);
        assert!(code == Some(2) && error.contains("is there already"), "{error}");
    }
    let (code, _, error) = lockstep(&["new", "other", "--from", "absent.npz"]);
    assert!(
        code == Some(2) && error.contains("absent.npz") && !case.folder.path().join("other.toml").exists(),
        "{error}"
    );
}
