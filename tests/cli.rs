//! What a user sees of the program: exit codes, files, messages. Runs the built binary in an empty folder, without the
//! library path that cargo sets. Without libtorch both sides are the engine from scratch.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::place::{Place, code, experiment, said};
use lockstep::{experiment::Experiment, model::init::draw, tensor::DType};
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use ndarray_npy::NpzWriter;
use serde_json::Value;
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

#[test]
fn parity_exits_with_0_and_leaves_a_verdict_a_report_and_plots() {
    let place = Place::new();
    let output = place.run(&experiment("parity.toml"), &["--steps", "300"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("PARITY"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let verdict = place.verdict();
    assert_eq!(verdict["schema"], 2);
    assert_eq!(verdict["verdict"], "parity");
    assert_eq!(verdict["steps"], 300);
    for phase in ["forward", "loss", "backward", "update"] {
        assert_eq!(verdict["phases"][phase]["compared"], 300, "{phase}");
        assert!(verdict["phases"][phase]["budget"].as_f64().unwrap() <= 1.0, "{phase}");
    }
    let files = verdict["measured"]["files"].as_object().unwrap();
    assert_eq!(files.len(), 11, "{files:?}");
    for file in files.keys() {
        assert!(fs::metadata(place.path("out").join(file)).unwrap().len() > 1000, "{file}");
    }
}

#[test]
fn as_posted_every_difference_is_seen_by_the_first_step() {
    let place = Place::new();
    let output = place.run(&experiment("as-posted.toml"), &["--steps", "20"]);
    assert_eq!(code(&output), 1, "{}", said(&output));
    let verdict = place.verdict();
    assert_eq!(verdict["first_divergence"]["phase"], "start");
    let start = verdict["start"].as_array().unwrap();
    let kinds: Vec<_> =
        start.iter().map(|found| (found["tensor"].as_str().unwrap(), found["kind"].as_str().unwrap())).collect();
    assert_eq!(
        kinds,
        [("0.weight", "initial-values"), ("0.bias", "missing"), ("2.weight", "initial-values"), ("2.bias", "missing")]
    );
    let first = |phase: &str| verdict["phases"][phase]["first_divergence"].clone();
    assert_eq!((&first("loss")["step"], &first("loss")["tensor"]), (&0.into(), &"loss".into()));
    let gradient = first("backward");
    assert_eq!((&gradient["step"], &gradient["tensor"]), (&0.into(), &"output_gradient".into()));
    assert!((gradient["ratio"].as_f64().unwrap() - 2.0).abs() < 1e-6, "N/2 = 2: {gradient}");
    assert_eq!(gradient["farther"], "candidate");
    assert_eq!(first("update"), Value::Null, "the rate is the same, and so is the rule");
}

#[test]
fn the_same_run_gives_the_same_verdict_but_for_what_is_measured() {
    let place = Place::new();
    let verdicts: Vec<String> = (0..2)
        .map(|_| {
            let output = place.run(&experiment("as-posted.toml"), &["--steps", "100", "--json"]);
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(serde_json::from_str::<Value>(&text).is_ok());
            // The last key, so that what stands before it is the same to the byte.
            text.split_once("\n  \"measured\"").unwrap().0.to_owned()
        })
        .collect();
    assert_eq!(verdicts[0], verdicts[1]);
}

#[test]
fn a_probe_compares_one_step_and_a_synced_run_has_no_free_one() {
    let place = Place::new();
    let output = place.run(&experiment("parity.toml"), &["--mode", "probe", "--at", "7"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert_eq!(place.verdict()["phases"]["update"]["compared"], 1);
    let fault = "candidate.training.optimizer.sgd.lr=0.6";
    let output = place.run(&experiment("parity.toml"), &["--mode", "probe", "--at", "7", "--set", fault]);
    assert_eq!(code(&output), 1);
    let first = &place.verdict()["first_divergence"];
    assert_eq!((&first["step"], &first["phase"]), (&7.into(), &"update".into()));
    let output = place.run(&experiment("parity.toml"), &["--mode", "sync", "--steps", "9"]);
    assert_eq!(code(&output), 0);
    assert!(place.verdict()["gaps"]["free"].is_null());
}

#[test]
fn a_weight_that_is_not_finite_ends_the_run_and_is_named() {
    let place = Place::new();
    let output = place.run(&experiment("parity.toml"), &["--set", "candidate.training.optimizer.sgd.lr=1e39"]);
    assert_eq!(code(&output), 1, "{}", said(&output));
    let verdict = place.verdict();
    let found = &verdict["non_finite"][0];
    assert_eq!((&found["step"], &found["phase"], &found["side"]), (&0.into(), &"update".into(), &"candidate".into()));
    assert!(found["tensor"].as_str().unwrap().starts_with("0."), "{found}");
    assert_eq!(verdict["steps"], 1, "nothing after it means anything");
    // Gradients of a sum over 40,000 rows, times a rate near the largest f32.
    let mut both = vec!["--set", "training.loss=sum-squares", "--set", "data.repeat=10000"];
    both.extend(["--set", "training.optimizer.sgd.lr=3e38"]);
    let output = place.run(&experiment("parity.toml"), &both);
    assert_eq!(code(&output), 3, "on both sides it proves nothing: {}", said(&output));
    assert_eq!(place.verdict()["non_finite"][0]["side"], "both");
}

#[test]
fn a_run_in_which_nothing_moves_proves_nothing() {
    let place = Place::new();
    let output = place.run(&experiment("parity.toml"), &["--steps", "5", "--set", "training.optimizer.sgd.lr=0"]);
    assert_eq!(code(&output), 3, "{}", said(&output));
}

#[test]
fn interrupted_a_run_leaves_what_it_had() {
    let place = Place::new();
    let child = place
        .command(&["run", &experiment("parity.toml"), "--out", "out", "--steps", "500000000"])
        .args(["--set", "reference.engine=scratch"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The folder is there before the first step, the handler right after it.
    while !place.path("out").exists() {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(code(&child.wait_with_output().unwrap()), 130);
    let verdict = place.verdict();
    assert_eq!((&verdict["verdict"], &verdict["interrupted"]), (&"inconclusive".into(), &true.into()));
    assert!(verdict["steps"].as_u64().unwrap() > 0);
    assert!(place.path("out/loss.png").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place.command(&["env"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), said(&output)), (0, String::new()));
}

/// Writes an archive whose arrays are named and shaped as asked for, `fill` in every element.
fn archive(path: &Path, arrays: &[(&str, &[usize])], fill: f32) {
    let mut writer = NpzWriter::new(File::create(path).unwrap());
    for (name, shape) in arrays {
        writer.add_array(*name, &ArrayD::from_elem(IxDyn(shape), fill)).unwrap();
    }
    writer.finish().unwrap();
}

const WHOLE: [(&str, &[usize]); 4] = [("0.weight", &[5, 2]), ("0.bias", &[5]), ("2.weight", &[1, 5]), ("2.bias", &[1])];

#[test]
fn initial_weights_come_from_an_npz_in_either_type_and_memory_order() {
    let place = Place::new();
    let weight = Array2::from_shape_fn((2, 5), |(i, j)| 0.1 * (i as f64) - 0.03 * (j as f64)).reversed_axes();
    let mut writer = NpzWriter::new(File::create(place.path("w.npz")).unwrap());
    writer.add_array("0.weight", &weight).unwrap();
    writer.add_array("0.bias", &Array1::from_elem(5, 0.25f32)).unwrap();
    writer.add_array("2.weight", &Array2::from_elem((1, 5), -0.5f32)).unwrap();
    writer.add_array("2.bias", &Array1::from_elem(1, 0.125f64)).unwrap();
    writer.finish().unwrap();
    fs::copy(experiment("parity.toml"), place.path("x.toml")).unwrap();
    let file = "model.init.file=\"w.npz\"";
    let output = place.run("x.toml", &["--steps", "50", "--set", file]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let experiment = Experiment::load(&place.path("x.toml"), &[file.to_owned()]).unwrap();
    let side = &experiment.reference;
    let drawn = draw(&side.model, &side.init, side.seed, DType::F64).unwrap();
    assert_eq!(drawn[0].values, weight.iter().copied().collect::<Vec<_>>(), "row by row, whatever the memory order");
    assert_eq!((drawn[1].values[4], drawn[2].values[4], drawn[3].values[0]), (0.25, -0.5, 0.125));
    // A bias that is switched off on one side is no extra array, and changes no other tensor.
    let off = ["--steps", "5", "--set", file, "--set", "candidate.model.layer.0.linear.bias=false"];
    let output = place.run("x.toml", &off);
    assert_eq!(code(&output), 1, "{}", said(&output));
    let start = place.verdict()["start"].as_array().unwrap().clone();
    assert_eq!(start.len(), 1, "{start:?}");
    assert_eq!((&start[0]["tensor"], &start[0]["kind"]), (&"0.bias".into(), &"missing".into()));
}

/// A folder of data is named, or is found in the cache; either is empty here.
#[test]
fn absent_data_are_named_with_the_command_that_gets_them() {
    let place = Place::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = place.path("data").display().to_string();
    let sst2 = root.join("experiments/sst2/plain.toml").display().to_string();
    let run = ["run", &sst2, "--out", "out"];
    let cache = |command: &mut Command| command.env_remove("LOCKSTEP_DATA").env("XDG_CACHE_HOME", &folder).output();
    for output in [place.command(&run).env("LOCKSTEP_DATA", &folder).output(), cache(&mut place.command(&run))] {
        let output = output.unwrap();
        let said = said(&output);
        assert_eq!(code(&output), 2, "{said}");
        assert!(said.contains(&folder) && said.contains("sst2/train.tsv"), "{said}");
        assert!(said.contains("get it with `lockstep data fetch sst2`"), "{said}");
        assert!(!place.path("out").exists());
    }

    let list = place.command(&["list"]).current_dir(root).env("LOCKSTEP_DATA", &folder).output().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    assert_eq!(list.status.code(), Some(0), "{text}");
    let after = |title: &str| text.lines().skip_while(|line| !line.contains(title)).nth(1).unwrap_or_default().trim();
    assert_eq!(after("SST-2: "), "needs `lockstep data fetch sst2`", "{text}");
    assert!(!after("XOR 2-5-1 at parity").contains("needs") && !text.contains("cannot be used"), "{text}");
}

/// What a user can get wrong: what is changed in the parity experiment, and words the message must have.
#[test]
fn bad_input_is_an_error_that_says_where_and_what_and_writes_nothing() {
    let place = Place::new();
    let text = fs::read_to_string(experiment("parity.toml")).unwrap();
    archive(&place.path("missing.npz"), &WHOLE[..3], 0.5);
    let mut extra = WHOLE.to_vec();
    extra.push(("4.weight", &[1, 1]));
    archive(&place.path("extra.npz"), &extra, 0.5);
    archive(&place.path("transposed.npz"), &[("0.weight", &[2, 5]), WHOLE[1], WHOLE[2], WHOLE[3]], 0.5);
    archive(&place.path("nan.npz"), &WHOLE, f32::NAN);
    fs::write(place.path("broken.npz"), "PK").unwrap();
    fs::write(place.path("taken"), "a file").unwrap();
    for (from, to, words) in [
        ("title", "titel", &["x.toml:", "titel", "title"][..]),
        ("[data]", "[data", &["x.toml:", "not TOML"]),
        ("lr = 0.3", "lr = nan", &["x.toml:", "lr"]),
        ("lr = 0.3", "lr = -0.3", &["x.toml:", "lr"]),
        ("lr = 0.3", "lr = \"fast\"", &["x.toml:", "lr", "fast"]),
        ("\"full\"", "0", &["x.toml:", "batch_size"]),
        ("steps = 5000", "steps = 0", &["x.toml:", "steps"]),
        ("outputs = 5", "outputs = 0", &["x.toml:", "outputs"]),
        ("outputs = 5", "outputs = -5", &["x.toml:", "outputs"]),
        ("outputs = 1", "inputs = 4, outputs = 1", &["x.toml:", "4", "5"]),
        ("init = \"pytorch\"", "init = \"pytorhc\"", &["x.toml:", "pytorch"]),
        ("loss = \"mse\"", "loss = \"mean\"", &["x.toml:", "mean", "mse"]),
        ("dtype = \"f32\"", "dtype = \"f16\"", &["x.toml:", "f16", "f32"]),
        ("init = \"pytorch\"", "init = { file = \"nowhere.npz\" }", &["nowhere.npz"]),
        ("init = \"pytorch\"", "init = { file = \"missing.npz\" }", &["missing.npz", "2.bias"]),
        ("init = \"pytorch\"", "init = { file = \"extra.npz\" }", &["extra.npz", "4.weight"]),
        (
            "init = \"pytorch\"",
            "init = { file = \"transposed.npz\" }",
            &["transposed.npz", "0.weight", "[2, 5]", "[5, 2]"],
        ),
        ("init = \"pytorch\"", "init = { file = \"nan.npz\" }", &["nan.npz", "NaN", "finite"]),
        ("init = \"pytorch\"", "init = { file = \"broken.npz\" }", &["broken.npz"]),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(place.path("x.toml"), text.replace(from, to)).unwrap();
        let output = place.run("x.toml", &[]);
        let said = said(&output);
        assert_eq!(code(&output), 2, "{to}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{to}: {said}");
        assert_eq!(said.lines().count(), 1, "{to}: {said}");
        let left = fs::read_dir(place.path("out")).map_or(0, |folder| folder.count());
        assert_eq!(left, 0, "{to}: something was written");
    }
    fs::write(place.path("x.toml"), text).unwrap();
    for (arguments, words) in [
        (&["run", "nowhere.toml"][..], &["nowhere.toml", "lockstep list"][..]),
        (&["run", "x.toml", "--out", "taken/out"], &["taken", "--out"]),
        (&["run", "x.toml", "--at", "3"], &["--mode probe"]),
        (&["run", "x.toml", "--set", "reference.engine=scratch", "--mode", "probe", "--at", "5000"], &["5000"]),
        (&["run", "x.toml", "--set", "training.lr"], &["training.lr", "="]),
        (&["run", "x.toml", "--set", "model.layer.9.linear.bias=false"], &["model.layer.9", "4"]),
        (&["run", "x.toml", "--steps", "many"], &["many"]),
        (&["study", "xro"], &["xro", "xor"]),
        (&["nonsense"], &["nonsense"]),
    ] {
        let output = place.lockstep(arguments);
        let said = said(&output);
        assert_eq!(code(&output), 2, "{arguments:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?}: {said}");
    }
}
