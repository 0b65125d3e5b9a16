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
