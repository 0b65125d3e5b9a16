//! What a user types and what comes of it.

mod readme;

use super::*;
use crate::{
    data::{BatchSize, Drawn, Figure, Length, Regression, Standardize},
    model::{Layer, Linear},
    training::{Accumulate, Clip, Loss, Optimizer, ReportedMeasure, Sgd},
};
use proptest::prelude::*;
use std::path::PathBuf;

/// Every key once, one to a line, so that a test can replace one and expect its line.
const VALID: &str = r#"title = "test"
seed = 3
dtype = "f32"
[data]
kind = "xor"
repeat = 2
[model]
bias = true
init = "pytorch"
layers = [
  { linear = { inputs = 2, outputs = 5 } },
  "sigmoid",
  { linear = { outputs = 1, bias = true } },
  "relu",
]
[training]
loss = "mse"
reported_loss = "mse"
optimizer.sgd.lr = 0.3
optimizer.sgd.momentum = 0.5
optimizer.sgd.dampening = 0
optimizer.sgd.nesterov = true
batch_size = "full"
steps = 10
[reference]
engine = "torch"
threads = 1
[candidate]
seed = 4
model.layer.2.linear.bias = false
[noise]
twins = 2
horizon = 1
"#;

/// The same for the keys of the other kind of data.
const REGRESSION: &str = r#"model.layers = [{ linear = { outputs = 4 } }]
training = { loss = "mse", optimizer.sgd.lr = 0.1, steps = 1 }
[data]
kind = "regression"
rows = 64
inputs = 2
outputs = 4
noise = 0.5
scale = [1e4, 1]
"#;

fn parse(text: &str, sets: &[&str]) -> Result<Experiment> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Experiment::parse(text, "x.toml", Path::new("folder"), &sets)
}

fn linear(inputs: usize, outputs: usize, bias: bool) -> Layer {
    Layer::Linear(Linear { inputs, outputs, bias })
}

#[test]
fn every_key_is_decoded() {
    let experiment = parse(VALID, &[]).unwrap();
    assert_eq!(experiment.title, "test");
    assert_eq!(experiment.data, DataKind::Xor { repeat: 2 });
    assert_eq!((experiment.course.order.size, experiment.course.length), (BatchSize::Full, Length::Steps(10)));
    assert_eq!(experiment.noise, Noise { judged: true, twins: Some(2), horizon: 1.0 });
    let Side { engine, dtype, seed, model, init, training, encoding, batch_size } = experiment.reference;
    assert_eq!(batch_size, BatchSize::Full);
    assert_eq!(encoding, Encoding::Binary);
    assert_eq!((engine, dtype, seed, init), (EngineKind::Torch, DType::F32, 3, Init::Pytorch));
    assert_eq!(model.layers, [linear(2, 5, true), Layer::Sigmoid, linear(5, 1, true), Layer::Relu]);
    assert_eq!(
        (training.loss.clone(), training.reported_loss.clone()),
        (Loss::MEAN_SQUARED_ERROR, training.loss.clone().into())
    );
    assert_eq!(
        training.optimizer,
        Optimizer::Sgd(Sgd { lr: 0.3, momentum: 0.5, dampening: 0.0, nesterov: true, weight_decay: 0.0 })
    );
    assert_eq!((experiment.candidate.engine, experiment.candidate.seed), (EngineKind::Scratch, 4));
    assert_eq!(experiment.candidate.model.layers[2], linear(5, 1, false));
    assert_eq!(experiment.resolved["candidate"]["model"]["layers"][2]["linear"]["bias"], false);
}

#[test]
fn what_is_left_out_has_a_default() {
    let text = r#"
        data.kind = "xor"
        model.layers = [{ linear = { outputs = 1 } }, "tanh"]
        training = { loss = "sum-squares", optimizer = { sgd = { lr = 1 } }, epochs = 3 }
    "#;
    let experiment = parse(text, &[]).unwrap();
    assert_eq!((experiment.title.as_str(), experiment.course.length), ("x", Length::Epochs(3)));
    assert_eq!(experiment.data, DataKind::Xor { repeat: 1 });
    assert_eq!(experiment.noise, Noise { judged: true, twins: None, horizon: 0.01 });
    let Side { engine, dtype, seed, model, init, training, .. } = experiment.candidate;
    assert_eq!((engine, dtype, seed, init), (EngineKind::Scratch, DType::F32, 0, Init::Pytorch));
    assert_eq!(model.layers, [linear(2, 1, true), Layer::Tanh]);
    assert_eq!(training.reported_loss, Loss::SUM_SQUARES.into());
    assert_eq!(training.optimizer, Optimizer::Sgd(Sgd::new(1.0)));
}

#[test]
fn regression_is_drawn_from_the_references_seed() {
    let figure = |inputs: usize, scale: &[f64]| {
        Figure::Regression(Regression { inputs, outputs: 4, noise: 0.5, scale: scale.to_vec() })
    };
    let (rows, validation_rows, test_rows, standardize, seed) = (64, 0, 0, Standardize::No, 0);
    let written = Drawn { figure: figure(2, &[1e4, 1.0]), rows, validation_rows, test_rows, standardize, seed };
    for (sets, expected) in [
        (&[][..], written.clone()),
        (&["seed=9", "candidate.seed=1"], Drawn { seed: 9, ..written.clone() }),
        (&["seed=9", "reference.seed=5"], Drawn { seed: 5, ..written.clone() }),
        (&["seed=9", "data.seed=7"], Drawn { seed: 7, ..written.clone() }),
        (&["data.scale=-3"], Drawn { figure: figure(2, &[-3.0; 2]), ..written.clone() }),
        (&["data.inputs=1", "data.scale=[0]"], Drawn { figure: figure(1, &[0.0]), ..written }),
    ] {
        assert_eq!(parse(REGRESSION, sets).unwrap().data, DataKind::Drawn(expected), "{sets:?}");
    }
    let short = REGRESSION.replace("noise = 0.5", "").replace("scale = [1e4, 1]", "");
    let DataKind::Drawn(data) = parse(&short, &[]).unwrap().data else { panic!("regression") };
    let Figure::Regression(regression) = data.figure else { panic!("regression") };
    assert_eq!((regression.noise, regression.scale), (0.1, vec![1.0, 1.0]));
}

#[test]
fn every_initial_scheme_has_its_name() {
    for (value, expected) in [
        ("pytorch", Init::Pytorch),
        ("uniform01", Init::Uniform01),
        ("normal", Init::normal(1.0)),
        ("{ normal = { std = 0.1 } }", Init::normal(0.1)),
        ("truncated-normal", Init::TruncatedNormal),
        ("xavier-normal", Init::XavierNormal),
        ("xavier-uniform", Init::XavierUniform),
        ("kaiming", Init::Kaiming),
        ("zeros", Init::Zeros),
        ("{ file = 'w.npz' }", Init::File(PathBuf::from("folder/w.npz"))),
    ] {
        assert_eq!(parse(VALID, &[&format!("model.init={value}")]).unwrap().reference.init, expected);
    }
}

/// Each line of [`VALID`] replaced by something bad: line, replacement, and what the error has to say.
const BAD_LINES: &[(usize, &str, &[&str])] = &[
    (1, "title = 1", &["`title`", "a string", "the integer 1"]),
    (1, "titel = 'x'", &["unknown key `titel` in the experiment", "did you mean `title`?"]),
    (1, "engine = 'torch'", &["`engine` belongs to one side"]),
    (1, "= 1", &["not TOML"]),
    (1, "title = 'x", &["not TOML"]),
    (1, "\"\\u0000\\u001b\" = 1", &["unknown key `\\0\\u{1b}`"]),
    (2, "seed = -1", &["`seed`", "a whole number from 0", "the integer -1"]),
    (2, "seed = 1.5", &["`seed`", "the number 1.5"]),
    (2, "seed = 99999999999999999999", &["99999999999999999999 is too large"]),
    (2, "seed = 2024-01-01", &["`seed`", "the date 2024-01-01"]),
    (2, "title = 'again'", &["not TOML: duplicate key"]),
    (3, "dtype = 'f16'", &["unknown dtype `f16`", "(valid: \"f32\", \"f64\")"]),
    (3, "dtype = 32", &["dtype must be one of", "the integer 32"]),
    (5, "kind = 'xnor'", &["unknown kind of data `xnor`", "did you mean `xor`?"]),
    (6, "repeat = 0", &["`repeat`", "from 1 to 1000000", "the integer 0"]),
    (6, "repeat = 9999999", &["`repeat`", "from 1 to 1000000"]),
    (6, "rows = 64", &["`rows` in [data] belongs to kind = \"regression\", \"circle\"", "\"xor\" takes repeat"]),
    (8, "bias = 'no'", &["`bias`", "true or false", "the string \"no\""]),
    (8, "layer.9 = 'relu'", &["no layer 9", "4 layers, 0 to 3"]),
    (8, "layer.x = 'relu'", &["no layer x"]),
    (8, "layer = 'relu'", &["`model.layer`", "must be a table"]),
    (9, "init = 'xavier'", &["unknown init `xavier`", "\"xavier-normal\"", "{ file = \"weights.npz\" }"]),
    (9, "init = 'file'", &["init `file` is written { file = \"weights.npz\" }"]),
    (9, "init = { kaiming = {} }", &["init `kaiming` is written \"kaiming\""]),
    (9, "init = { normal = { std = -1 } }", &["`std` in init normal", "0 or more"]),
    (9, "init = { normal = { sdt = 1 } }", &["unknown key `sdt` in init normal", "did you mean `std`?"]),
    (9, "init = { file = '' }", &["the path of a file"]),
    (9, "init = { normal = {}, file = 'x' }", &["init must be one of", "a table of 2 keys"]),
    (11, "{ linear = { inputs = 3, outputs = 5 } },", &["layer 0 (linear) takes 3 inputs, but 2 columns reach it"]),
    (11, "{ linear = { outputs = 0 } },", &["`outputs` in layer 0 (linear)", "the integer 0"]),
    (11, "{ linear = { outputs = -5 } },", &["`outputs`", "the integer -5"]),
    (11, "{ linear = { outputs = 5.0 } },", &["`outputs`", "a whole number", "the number 5.0"]),
    (11, "{ linear = { inputs = 0, outputs = 5 } },", &["`inputs`", "the integer 0"]),
    (11, "{ linear = { output = 5 } },", &["unknown key `output` in layer 0 (linear)", "did you mean `outputs`?"]),
    (11, "{ linear = {} },", &["`outputs` is missing in layer 0 (linear)"]),
    (11, "{ linear = 5 },", &["layer 0 (linear) must be a table", "the integer 5"]),
    (11, "'linear',", &["layer `linear` is written { linear = { outputs = N } }"]),
    (12, "'sigmod',", &["unknown layer `sigmod`", "did you mean `sigmoid`?"]),
    (12, "{ sigmoid = {} },", &["layer `sigmoid` is written \"sigmoid\""]),
    (12, "[],", &["layer must be one of", "an array"]),
    (12, "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]],", &["nested too deeply"]),
    (13, "{ linear = { inputs = 4, outputs = 1 } },", &["layer 2 (linear) takes 4 inputs, but 5", "write inputs = 5"]),
    (13, "{ linear = { outputs = 3 } },", &["outputs have 3 columns", "2 classes (0, 1)", "outputs = 2"]),
    (
        17,
        "loss = 'mae'",
        &["unknown loss `mae`", "(valid: \"mse\", \"sum-squares\", \"half-sum-squares\", \"l1\", \"huber\" or {"],
    ),
    (17, "loss = 'MSE'", &["unknown loss `MSE`; did you mean `mse`?"]),
    (18, "reported_loss = 'delta'", &["unknown reported loss `delta`", "\"delta-times-mse\""]),
    (
        18,
        "optimiser = 'sgd'",
        &["unknown key `optimiser` in [training]; did you mean `optimizer`?", "(valid: accumulate, batch_size,"],
    ),
    (19, "optimizer.sgd.lr = nan", &["`lr` in sgd must be a finite number", "NaN"]),
    (19, "optimizer.sgd.lr = -inf", &["`lr`", "-inf"]),
    (19, "optimizer.sgd.lr = 1e999", &["`lr`", "inf"]),
    (19, "optimizer.sgd.lr = -0.1", &["`lr`", "0 or more, as the reference defines what is right", "number -0.1"]),
    (19, "optimizer.sgd.lr = 'fast'", &["`lr`", "the string \"fast\""]),
    (20, "optimizer.sgd.momentum = -1", &["`momentum`", "the integer -1"]),
    (21, "optimizer.sgd.dampening = nan", &["`dampening`", "NaN"]),
    (21, "optimizer.sgd.rate = 1", &["unknown key `rate` in sgd"]),
    (22, "optimizer.sgd.nesterov = 1", &["`nesterov`", "true or false"]),
    (23, "batch_size = 0", &["`batch_size`", "\"full\" or a whole number from 1", "the integer 0"]),
    (23, "batch_size = 'half'", &["`batch_size`", "the string \"half\""]),
    (24, "steps = 0", &["`steps`", "the integer 0"]),
    (24, "steps = '10'", &["`steps`", "the string \"10\""]),
    (24, "epochs = 2000000000", &["`epochs`", "from 1 to 1000000000"]),
    (24, "epochs = 1\nsteps = 1", &["`epochs` and `steps` both"]),
    (
        26,
        "engine = 'torhc'",
        &[
            "unknown engine `torhc`; did you mean `torch`? (valid: \"torch\", \"scratch\", \"exact\", { trace = \"run.npz\" })",
        ],
    ),
    (26, "engine = { trace = 'run' }", &["run: cannot read the trace"]),
    (27, "threads = 2", &["run gives each side one thread", "the integer 2"]),
    (29, "training.steps = 5", &["`training.steps` cannot differ between the sides"]),
    (29, "training.epochs = 5", &["`training.epochs` cannot differ"]),
    (29, "data.repeat = 5", &["`data` cannot differ"]),
    (29, "title = 'x'", &["`title` cannot differ"]),
    (29, "sed = 1", &["unknown key `sed` in [candidate]", "did you mean `seed`?"]),
    (29, "candidate.seed = 1", &["unknown key `candidate` in [candidate]"]),
    (29, "model.bais = true", &["unknown key `bais` in [model]", "did you mean `bias`?"]),
    (29, "training.optimizer.sgd.nesterov = 'no'", &["`nesterov`", "the string \"no\""]),
    (29, "training = 7", &["[training] must be a table", "the integer 7"]),
    (29, "noise.twins = 1", &["`noise` cannot differ"]),
    (30, "model.layer.4.linear.bias = false", &["no layer 4", "4 layers"]),
    (30, "model.layers = []", &["`layers` is empty"]),
    (30, "model.layers = 'sigmoid'", &["`layers` in [model] must be an array"]),
    (30, "model.layers = [{ linear = { outputs = 3 } }]", &["outputs have 3 columns"]),
    (
        30,
        "model.layers = [{linear={outputs=1000000}}, {linear={outputs=1000}}, {linear={outputs=1}}]",
        &["at most 1000"],
    ),
    (31, "[nois]", &["unknown key `nois` in the experiment", "did you mean `noise`?"]),
    (32, "twins = 17", &["`twins` in [noise]", "a whole number from 0 to 16", "the integer 17"]),
    (32, "twins = -1", &["`twins` in [noise]", "the integer -1"]),
    (32, "twin = 1", &["unknown key `twin` in [noise]", "did you mean `twins`?"]),
    (33, "horizon = 0", &["`horizon` in [noise]", "a number above 0, at most 1", "the integer 0"]),
    (33, "horizon = 1.1", &["`horizon` in [noise]", "the number 1.1"]),
    (33, "horizon = nan", &["`horizon` in [noise]", "NaN"]),
];

/// The same for [`REGRESSION`].
const BAD_REGRESSION_LINES: &[(usize, &str, &[&str])] = &[
    (1, "model.layers = ['sigmoid']", &["outputs have 2 columns", "targets have 4"]),
    (1, "model.layers = [{ linear = { inputs = 3, outputs = 4 } }]", &["takes 3 inputs, but 2 columns reach it"]),
    (4, "kind = 'regresion'", &["unknown kind of data `regresion`", "did you mean `regression`?", "\"xor\""]),
    (5, "rows = 0", &["`rows` in [data]", "a whole number from 1 to 50000000", "the integer 0"]),
    (5, "rows = 9000000", &["9000000 rows of 2 inputs and 4 outputs", "54000008 numbers; at most 50000000 fit"]),
    (5, "row = 64", &["unknown key `row` in [data]", "did you mean `rows`?"]),
    (6, "inputs = -1", &["`inputs` in [data]", "from 1 to 1000000", "the integer -1"]),
    (6, "inputs = 2.0", &["`inputs` in [data]", "the number 2.0"]),
    (7, "outputs = 1000001", &["`outputs` in [data]", "from 1 to 1000000"]),
    (8, "noise = -0.1", &["`noise` in [data]", "a number from 0.0 to 1e30", "the number -0.1"]),
    (8, "noise = nan", &["`noise` in [data]", "NaN"]),
    (8, "noise = 'some'", &["`noise` in [data]", "the string \"some\""]),
    (8, "repeat = 2", &["`repeat` in [data] belongs to kind = \"xor\"", "\"regression\" takes rows, inputs"]),
    (9, "scale = []", &["`scale` in [data]", "the 2 input columns", "an array of 0"]),
    (9, "scale = [1, 2, 3]", &["`scale` in [data]", "the 2 input columns", "an array of 3"]),
    (9, "scale = 1e31", &["`scale` in [data]", "a number from -1e30 to 1e30", "the number 1e31"]),
    (9, "scale = inf", &["`scale` in [data]", "the number inf"]),
    (9, "scale = [1, nan]", &["`scale` in [data]", "an array of 2", "the number NaN"]),
    (9, "scale = [1, [1]]", &["`scale` in [data]", "an array of 2", "found an array"]),
    (9, "scale = { x = 1 }", &["`scale` in [data]", "a table of 1 key"]),
];

#[test]
fn each_bad_line_is_named_with_what_was_expected() {
    let bad = BAD_LINES.iter().map(|bad| (VALID, bad));
    let bad = bad.chain(BAD_REGRESSION_LINES.iter().map(|bad| (REGRESSION, bad)));
    for (valid, &(line, replacement, words)) in bad {
        let lines = valid.lines().enumerate().map(|(index, old)| if index + 1 == line { replacement } else { old });
        let text = lines.collect::<Vec<_>>().join("\n");
        let error = parse(&text, &[]).expect_err(replacement).to_string();
        assert!(error.starts_with(&format!("x.toml:{line}: ")), "{replacement}: {error}");
        for word in words {
            assert!(error.contains(word), "{replacement}: {error:?} does not say {word:?}");
        }
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_bad_set_is_quoted_as_typed() {
    for (set, words) in [
        ("training.steps", &["write KEY=VALUE"][..]),
        ("=1", &["empty part"]),
        ("training..steps=1", &["empty part"]),
        ("training.step=1", &["unknown key `step`", "did you mean `steps`?"]),
        ("candidate.training.steps=1", &["cannot differ"]),
        ("candidate=1", &["[candidate] must be a table"]),
        ("engine=scratch", &["belongs to one side"]),
        ("training.optimizer.sgd.lr=NaN", &["`lr`", "the string \"NaN\""]),
        ("training.optimizer.sgd.lr=nan", &["`lr`", "NaN"]),
        ("candidate.model.layer.7=relu", &["no layer 7"]),
        ("seed=99999999999999999999", &["too large"]),
        ("training.steps=0", &["`steps`"]),
        ("training.optimizer=sgd", &["optimizer `sgd` is written { sgd = { lr = 0.3 } }"]),
    ] {
        let error = parse(VALID, &[set]).expect_err(set).to_string();
        assert!(error.starts_with(&format!("--set {set}: ")), "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn what_is_missing_is_asked_for_where_it_belongs() {
    let without = |line: &str| VALID.replace(line, "");
    for (text, expected) in [
        (String::new(), "x.toml:1: `data` is missing in the experiment; write [data] with kind"),
        ("data.kind = 'xor'".to_owned(), "x.toml:1: `training` is missing"),
        (without("kind = \"xor\""), "x.toml:4: `kind` is missing in [data]; write kind = \"xor\""),
        (without("\nloss = \"mse\""), "x.toml:16: `loss` is missing in [training]; write loss = \"mse\""),
        (without("optimizer.sgd.lr = 0.3"), "x.toml:20: `lr` is missing in sgd; write lr = 0.3, the learning rate"),
        (without("steps = 10"), "x.toml:16: [training] has no length; write steps = 5000 or epochs = 100"),
        (REGRESSION.replace("rows = 64", ""), "x.toml:3: `rows` is missing in [data]; write rows = 64"),
        (REGRESSION.replace("inputs = 2", ""), "x.toml:3: `inputs` is missing in [data]; write inputs = 16"),
        (REGRESSION.replace("outputs = 4\n", ""), "x.toml:3: `outputs` is missing in [data]; write outputs = 4"),
        (VALID.replace("sgd.lr", "adam.lr"), "x.toml:19: optimizer must be one of { sgd = { lr = 0.3 } }, \"adam\""),
    ] {
        let error = parse(&text, &[]).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_missing_or_not_text_is_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    let error = Experiment::load(&path, &[]).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("lockstep list"), "{error}");
    assert!(matches!(Experiment::load(folder.path(), &[]), Err(Error::Io { .. })));
    std::fs::write(&path, b"title = 'x'\nseed = \xff").unwrap();
    let error = Experiment::load(&path, &[]).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2: not TOML", path.display())), "{error}");
}

#[test]
fn a_side_keeps_its_own_override_whatever_is_set_for_both() {
    let experiment = parse(VALID, &["seed=9", "candidate.model.bias=false", "training.epochs=2"]).unwrap();
    assert_eq!((experiment.reference.seed, experiment.candidate.seed), (9, 4));
    assert_eq!(experiment.course.length, Length::Epochs(2));
    assert_eq!(experiment.candidate.model.layers[0], linear(2, 5, false));
    let experiment = parse(VALID, &["candidate.seed=1", "candidate.seed=2"]).unwrap();
    assert_eq!((experiment.reference.seed, experiment.candidate.seed), (3, 2));
}

#[test]
fn an_override_of_one_setting_keeps_the_others() {
    let experiment = parse(VALID, &["candidate.training.optimizer.sgd.lr=1"]).unwrap();
    let sgd = Sgd { lr: 1.0, momentum: 0.5, dampening: 0.0, nesterov: true, weight_decay: 0.0 };
    assert_eq!(experiment.candidate.training.optimizer, Optimizer::Sgd(sgd));
    assert_eq!(experiment.reference.training.optimizer, Optimizer::Sgd(Sgd { lr: 0.3, ..sgd }));
}

#[test]
fn gradients_are_accumulated_over_a_number_of_batches_or_as_a_table_says() {
    let accumulate = |batches, mean| Some(Accumulate { batches, mean });
    for (sets, expected) in [
        (&["training.accumulate=1"][..], None),
        (&["training.accumulate=4"], accumulate(4, true)),
        (&["training.accumulate={ batches = 3, mean = false }"], accumulate(3, false)),
        (&["training.accumulate=4", "candidate.training.accumulate.mean=false"], accumulate(4, false)),
        (&["training.accumulate=4", "candidate.training.accumulate=1"], None),
    ] {
        assert_eq!(parse(VALID, sets).unwrap().candidate.training.accumulate, expected, "{sets:?}");
    }
    for (set, words) in [
        (
            "training.accumulate=0",
            "`accumulate` in [training] must be a whole number from 1 to 1000000, or a table with",
        ),
        ("training.accumulate={ mean = true }", "`batches` is missing in accumulate; write batches = 4"),
        ("training.accumulate={ batch = 2 }", "unknown key `batch` in accumulate; did you mean `batches`?"),
    ] {
        let error = parse(VALID, &[set]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--set {set}: ")) && error.contains(words), "{error}");
    }
}

#[test]
fn a_rate_below_0_is_for_the_candidate_alone() {
    for (optimizer, expected) in [("sgd", -0.1), ("adam", -0.001), ("adamw", -1e-4), ("rmsprop", -0.5)] {
        let set = format!("training.optimizer={{ {optimizer} = {{ lr = {expected} }} }}");
        let candidate = parse(VALID, &[&format!("candidate.{set}")]).unwrap().candidate;
        assert_eq!(candidate.training.optimizer.lr(), expected);
        for set in [set.clone(), format!("reference.{set}")] {
            let error = parse(VALID, &[&set]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--set {set}: ")) && error.contains("under [candidate]"), "{error}");
        }
    }
}

#[test]
fn what_is_optional_is_switched_off_on_one_side() {
    let text = VALID
        .replace("[training]", "[training]\nclip = { norm = 1 }\npenalty.l2.factor = 0.1\nschedule = 'warm-up'")
        .replace("[candidate]", "[candidate]\ntraining.clip = 'none'\ntraining.penalty = 'none'");
    let Experiment { reference, candidate, .. } = parse(&text, &["candidate.training.schedule=none"]).unwrap();
    let switched =
        |training: &Training| (training.clip.is_some(), training.penalties.len(), training.schedule.is_some());
    assert_eq!((switched(&reference.training), switched(&candidate.training)), ((true, 1, true), (false, 0, false)));
    let experiment = parse(&text, &["candidate.training.clip.value=2", "reference.training.penalty=none"]).unwrap();
    assert_eq!(experiment.candidate.training.clip, Some(Clip::Value(2.0)));
    assert_eq!(experiment.reference.training.penalties, []);
    for (set, words) in [
        ("candidate.training.clip=non", "unknown clip `non`; did you mean `none`? (valid: \"none\", { norm = 1.0 },"),
        ("candidate.training.schedule=off", "unknown schedule `off` (valid: \"none\", { step ="),
        ("training.early_stopping=non", "unknown early stopping `non`; did you mean `none`? (valid: \"none\", { pat"),
        ("training.early_stopping=3", "early stopping must be \"none\" or { patience = 3 }; found the integer 3"),
        ("training.checkpoint=nine", "`checkpoint` in [training] must be \"none\", \"epoch\", or a whole number"),
    ] {
        let error = parse(&text, &[set]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--set {set}: ")) && error.contains(words), "{error}");
    }
    let misspelled = text.replace("training.penalty = 'none'", "training.penalty = 'nne'");
    let error = parse(&misspelled, &[]).unwrap_err().to_string();
    assert!(error.starts_with("x.toml:33: unknown penalty `nne`; did you mean `none`?"), "{error}");
}

#[test]
fn switching_biases_off_spares_the_layers_that_say_otherwise() {
    let layers = parse(VALID, &["reference.model.bias=false"]).unwrap().reference.model.layers;
    assert_eq!((layers[0], layers[2]), (linear(2, 5, false), linear(5, 1, true)));
}

#[test]
fn nesterov_asks_for_what_pytorch_asks_for() {
    for set in ["training.optimizer.sgd.momentum=0", "training.optimizer.sgd.dampening=0.1"] {
        let error = parse(VALID, &[set]).unwrap_err().to_string();
        assert!(error.starts_with("x.toml:22: nesterov needs momentum above 0 and dampening 0"), "{error}");
    }
}

#[test]
fn the_experiments_of_the_xor_study_load() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/xor");
    let parity = Experiment::load(&folder.join("parity.toml"), &[]).unwrap();
    assert_eq!(parity.resolved["reference"], parity.resolved["candidate"]);
    let posted = Experiment::load(&folder.join("as-posted.toml"), &[]).unwrap();
    assert_eq!(posted.reference, parity.reference);
    assert_eq!(posted.candidate.init, Init::Uniform01);
    assert_eq!(posted.candidate.model.layers[2], linear(5, 1, false));
    assert_eq!(posted.candidate.training.loss, Loss::HALF_SUM_SQUARES);
    assert_eq!(posted.candidate.training.reported_loss, ReportedMeasure::DeltaTimesMse.into());
}

/// What a slip of the hand, or malice, puts into a file.
fn fragment() -> impl Strategy<Value = String> {
    const TYPED: &[&str] = &[
        "",
        "-",
        "0",
        "99999999999999999999",
        "1e999",
        "nan",
        "[",
        "]",
        "{",
        "}",
        "[[",
        "{}",
        "\"",
        "'''",
        "\\u0000",
        "=",
        ".",
        ",",
        "\n",
        "#",
        "é",
        "🦀",
        "\u{feff}",
        "\0",
        "layer.9.x = 1\n",
        "[candidate]\n",
        "model.",
        "candidate.",
        "a.a.a",
        "2024-01-01",
        "true",
        "linear",
        "0x_",
    ];
    prop_oneof![prop::sample::select(TYPED).prop_map(str::to_owned), any::<String>()]
}

const SET_KEYS: &[&str] = &["", "=", "candidate", "candidate.model.layer.0", "model.layers", "training.steps"];

proptest! {
    #[test]
    fn no_text_panics(
        valid in prop::sample::select(vec![VALID, REGRESSION]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..20_usize, fragment()), 1..4),
        sets in prop::collection::vec((prop::sample::select(SET_KEYS), fragment()), 0..3),
    ) {
        let mut text: Vec<char> = valid.chars().collect();
        for (at, removed, inserted) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + removed).min(text.len());
            text.splice(start..end, inserted.chars());
        }
        let text: String = text.into_iter().collect();
        let sets: Vec<String> = sets.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        if let Err(error) = Experiment::parse(&text, "x.toml", Path::new(""), &sets) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn noise_is_a_table_or_off() {
    let with = |set: &str| Experiment::parse(REGRESSION, "x.toml", Path::new(""), &[set.to_owned()]);
    assert!(with("noise.twins=1").unwrap().noise.judged);
    assert!(!with("noise=off").unwrap().noise.judged);
    for (set, found) in [("noise=of", "the string \"of\""), ("noise=0", "the integer 0")] {
        let error = with(set).unwrap_err().to_string();
        assert!(error.contains("noise") && error.contains(found), "{error}");
    }
}
