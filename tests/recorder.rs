//! The recorder in a real Python with NumPy, and networks written in NumPy judged as candidates. `scripts/python` sets it up.

#![cfg(feature = "program")]
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{path::Path, process::Command};

fn run(script: &str, arguments: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".python/bin/python");
    if !python.exists() {
        println!("skipped: no Python with NumPy; scripts/python sets one up");
        return;
    }
    let mut command = Command::new(python);
    command.arg(root.join("tests/python").join(script)).args(arguments);
    let done = command.env("LOCKSTEP", env!("CARGO_BIN_EXE_lockstep")).output().unwrap();
    let [out, error] = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(done.status.success(), "{script}: {out}\n{error}");
    print!("{out}");
}

#[test]
fn the_recorder_records_and_refuses_and_leaves_what_it_has() {
    run("recorder.py", &[]);
}

/// Seven right programs and twenty wrong ones, in f64 and in f32, with everything recorded, without activations, and with weights
/// alone.
#[test]
#[cfg(feature = "torch")]
fn networks_written_in_numpy_are_judged_rightly() {
    run("programs.py", &["1"]);
}

/// As many seeds as the front door promises.
#[test]
#[cfg(feature = "torch")]
#[ignore = "some minutes; scripts/test --all runs it"]
fn networks_written_in_numpy_are_judged_rightly_at_20_seeds() {
    run("programs.py", &["20"]);
}
