//! The built binary, run in an empty folder, without the library path that cargo sets. Without libtorch both sides are the
//! engine from scratch.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// An empty folder to run the program in, and what it says.
pub struct Place(TempDir);

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, to be run there.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lockstep"));
        command.args(arguments).current_dir(self.0.path()).env_remove("LD_LIBRARY_PATH");
        command
    }

    /// Runs it.
    pub fn lockstep(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `lockstep run EXPERIMENT --out out ARGUMENTS`; every build can run the reference it is given.
    pub fn run(&self, experiment: &str, arguments: &[&str]) -> Output {
        let mut all = vec!["run", experiment, "--out", "out"];
        if !cfg!(feature = "torch") {
            all.extend(["--set", "reference.engine=scratch"]);
        }
        all.extend(arguments);
        self.lockstep(&all)
    }

    /// The verdict of [`run`](Self::run).
    pub fn verdict(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("out/verdict.json")).unwrap()).unwrap()
    }
}

/// An experiment of the XOR study.
pub fn experiment(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/xor").join(name).display().to_string()
}

/// The exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What is on stderr.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
