//! Data from files, as a user meets them.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use std::{fs, path::Path};

const EXPERIMENT: &str = r#"
[data]
kind = "csv"
path = "rows.csv"
test = "test.csv"
label = "kind"
standardize = "columns"
[model]
layers = [{ linear = { outputs = 3 } }, "tanh", { linear = { outputs = 2 } }]
[training]
loss = "mse"
optimizer = { sgd = { lr = 0.1 } }
batch_size = 2
shuffle = true
epochs = 2
[reference]
engine = "scratch"
"#;

const ROWS: &str = "length,kind,width\n1,a,2\n3,b,1\n0.5,a,2.5\n2,b,0\n4,b,1\n";

/// What `lockstep run` prints on stdout and stderr, and its exit code, with this text as its training rows.
fn run(folder: &Path, rows: &str) -> (String, String, Option<i32>) {
    fs::write(folder.join("experiment.toml"), EXPERIMENT).unwrap();
    fs::write(folder.join("rows.csv"), rows).unwrap();
    fs::write(folder.join("test.csv"), "length,kind,width\n1,b,2\n").unwrap();
    let mut command = Command::cargo_bin("lockstep").unwrap();
    let output = command.current_dir(folder).args(["run", "experiment.toml", "--out", "out"]).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (stdout, stderr, output.status.code())
}

#[test]
fn both_sides_train_on_the_rows_of_a_file_beside_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr, code) = run(folder.path(), ROWS);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let verdict: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("out/verdict.json")).unwrap()).unwrap();
    // Three batches of at most two rows, twice.
    assert_eq!((&verdict["verdict"], &verdict["steps"]), (&"parity".into(), &6.into()));
}

#[test]
fn a_bad_row_is_named_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    for (rows, expected) in [
        (ROWS.replace("0.5", "half"), "rows.csv:4: column 1 (\"length\") must be a finite number; found \"half\""),
        (ROWS.replace("kind", "kin"), "rows.csv:1: there is no column \"kind\"; did you mean `kin`?"),
        (ROWS.replace(",b,", ",c,"), "test.csv:2: column 2 (\"kind\") has class \"b\""),
    ] {
        let (stdout, stderr, code) = run(folder.path(), &rows);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

/// What `lockstep run` says of a file `x.toml`, and its exit code.
fn say(folder: &Path, text: &str) -> (String, Option<i32>) {
    fs::write(folder.join("x.toml"), text).unwrap();
    let mut command = Command::cargo_bin("lockstep").unwrap();
    let command = command.current_dir(folder).env("LOCKSTEP_DATA", folder.join("data"));
    let output = command.args(["run", "x.toml", "--out", "out"]).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (said, output.status.code())
}

/// An experiment on these data with so many outputs.
fn experiment(data: &str, outputs: usize) -> String {
    format!(
        "[data]\n{data}\n[model]\nlayers = [{{ linear = {{ outputs = {outputs} }} }}]\n[training]\n\
         loss = 'cross-entropy'\noptimizer = {{ sgd = {{ lr = 0.1 }} }}\nsteps = 2\n[reference]\nengine = 'scratch'\n"
    )
}

#[test]
fn classes_that_no_row_is_of_train_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("words.csv"), "x,y,next\n0.1,0.2,a\n0.4,-0.2,b\n-0.3,0.5,c\n").unwrap();
    let inputs = ndarray::array![[0.1_f32, 0.2], [0.4, -0.2]];
    ndarray_npy::write_npy(folder.path().join("x.npy"), &inputs).unwrap();
    ndarray_npy::write_npy(folder.path().join("y.npy"), &ndarray::array![0_i64, 20_000]).unwrap();
    for (data, outputs, told) in [
        (
            "kind = 'csv'\npath = 'words.csv'\nclasses = ['a', 'b', 'c', 'd']",
            4,
            "1 of 4 classes has no training row: d",
        ),
        // A matrix of these classes by these classes would take 3 GB.
        (
            "kind = 'npy'\ninputs = 'x.npy'\ntargets = 'y.npy'\ntest_inputs = 'x.npy'\ntest_targets = 'y.npy'",
            20_001,
            "19999 of 20001 classes have no training row: 1, 2, 3, 4, 5, 6, …",
        ),
    ] {
        let (said, code) = say(folder.path(), &experiment(data, outputs));
        assert_eq!(code, Some(0), "{said}");
        let verdict = fs::read_to_string(folder.path().join("out/verdict.json")).unwrap();
        assert!(verdict.contains(told), "{told}");
    }
}

#[test]
fn targets_are_answered_with_the_key_that_takes_them_at_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    ndarray_npy::write_npy(path("x.npy"), &ndarray::array![[0.1_f32], [0.4], [-0.2], [1.0]]).unwrap();
    ndarray_npy::write_npy(path("from1.npy"), &ndarray::array![1_i64, 2, 3, 1]).unwrap();
    ndarray_npy::write_npy(path("float.npy"), &ndarray::array![0.0_f32, 1.0, 2.0, 1.0]).unwrap();
    ndarray_npy::write_npy(path("float1.npy"), &ndarray::array![1.0_f64, 2.0, 3.0, 1.0]).unwrap();
    let one_hot = ndarray::array![[1.0_f32, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]];
    ndarray_npy::write_npy(path("one-hot.npy"), &one_hot).unwrap();
    fs::write(path("rows.csv"), "x,y\n1,0\n2,1\n3,2\n").unwrap();
    let classes = "targets_as = 'classes'";
    for (targets, told, key) in [
        ("from1.npy", "from1.npy has every number from 1 to 3, and no 0; write first_class = 1", "first_class = 1"),
        ("float.npy", "whole numbers from 0); if these are classes, write targets_as = \"classes\";", classes),
        ("one-hot.npy", "a single 1 among zeros in every row); if these are classes, write targets_as =", classes),
        (
            "float1.npy",
            "write targets_as = \"classes\" and first_class = 1;",
            "targets_as = 'classes'\nfirst_class = 1",
        ),
    ] {
        let data = format!("kind = 'npy'\ninputs = 'x.npy'\ntargets = '{targets}'");
        let (said, code) = say(folder.path(), &experiment(&data, 3));
        assert!(code == Some(2) && said.contains("x.toml:4: ") && said.contains(told), "{said}");
        let (said, code) = say(folder.path(), &experiment(&format!("{data}\n{key}"), 3));
        assert_eq!(code, Some(0), "{said}");
    }
    // The key that is there, and other kinds of files.
    for (data, told) in [
        (
            "kind = 'npy'\ninputs = 'x.npy'\ntargets = 'float1.npy'\nfirst_class = 1\ntest_inputs = 'x.npy'\n\
             test_targets = 'float.npy'",
            "x.toml:7: x.npy: float.npy has 0 in row 0, from 0; the training rows have classes 1 to 3",
        ),
        (
            "kind = 'npy'\ninputs = 'x.npy'\ntargets = 'float.npy'\nfirst_class = 1",
            "x.toml:5: x.npy: float.npy has 0 in row 0, from 0; first_class = 1 says that the first class is 1",
        ),
        ("kind = 'npy'\ninputs = 'x.npy'\ntargets = 'float.npy'\ntargets_as = 'values'", "x.toml:5: the loss takes"),
        ("kind = 'csv'\npath = 'rows.csv'\ntargets = 'y'", "x.toml:4: the loss takes classes, and the data's targets"),
        ("kind = 'csv'\npath = 'rows.csv'\nlabel = 'z'", "x.toml:4: rows.csv:1: there is no column \"z\""),
        ("kind = 'csv'\npath = 'rows.csv'\nvalidation = 3", "x.toml:4: rows.csv: `validation` takes 3 of the 3"),
        ("kind = 'csv'\ntest = 'no.csv'\npath = 'rows.csv'", "x.toml:3: no.csv: cannot open the data"),
        ("kind = 'csv'\npath = 'data:../rows.csv'", "x.toml:3: "),
        ("kind = 'csv'\npath = 'data:../rows.csv'", "`../rows.csv` leads out of the data folder; write SET/FILE"),
        ("kind = 'csv'\npath = 'data:sst2/tran.tsv'", "x.toml:3: no data set has a file `sst2/tran.tsv`; did you mean"),
        (
            "kind = 'text'\npath = 'rows.csv'\nrows = { vectors = { first = 1, path = '/dev/null' } }",
            "x.toml:3: rows.csv:1: expected",
        ),
        ("kind = 'moons'\nrows = 1\nstandardize = 'columns'", "x.toml:4: [data]: to standardize takes at least 2"),
    ] {
        let (said, code) = say(folder.path(), &experiment(data, 3));
        assert!(code == Some(2) && said.contains(told), "{told}: {said}");
    }
}
