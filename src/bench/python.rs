//! The same workloads in Python: plain NumPy as a good student writes it, and PyTorch where it is installed.
//!
//! `scripts/bench.py` does the work; it is inside the program, and is given the workloads as JSON. One library in a
//! process, as with our own engines, but one after the other: their figures do not alternate with the rest.

use super::{interval::Interval, workload};
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    model::Layer,
    training::Optimizer,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

const SCRIPT: &str = include_str!("../../scripts/bench.py");

/// Python's rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Python {
    /// What was found, or what to install for more.
    pub note: String,
    /// What was measured.
    pub rows: Vec<PythonRow>,
}

/// A training step in Python.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PythonRow {
    /// The library and its version.
    pub library: String,
    /// The workload's name.
    pub workload: String,
    /// Threads that it may use.
    pub threads: usize,
    /// Microseconds of a step.
    pub us: Interval,
}

/// A line that the script prints: microseconds of a step, of every block.
#[derive(Deserialize)]
struct Line {
    library: String,
    workload: String,
    us: Vec<f64>,
}

/// What to install for rows that are missing.
const INSTALL: &str = "`pip install numpy torch==2.13.0`, and name that Python with `--python`";

/// A Python, and which of the libraries it has.
pub(super) struct Found {
    program: PathBuf,
    libraries: Vec<&'static str>,
}

impl Found {
    /// The Python that is asked for, or else `python3`.
    ///
    /// # Errors
    /// If one is asked for that has neither library.
    pub(super) fn new(asked: Option<&Path>) -> Result<Self> {
        let program = asked.map_or_else(|| PathBuf::from("python3"), Path::to_owned);
        let has = |library: &&str| {
            let mut import = Command::new(&program);
            import.args(["-c", &format!("import {library}")]).stdout(Stdio::null()).stderr(Stdio::null());
            import.status().is_ok_and(|status| status.success())
        };
        let libraries: Vec<&str> = ["numpy", "torch"].into_iter().filter(has).collect();
        if asked.is_some() && libraries.is_empty() {
            let named = program.display();
            return Err(Error::Usage(format!("--python: {named} does not run, or has neither library: {INSTALL}")));
        }
        Ok(Self { program, libraries })
    }

    /// Times the workloads in each library with so many threads.
    ///
    /// # Errors
    /// If the script fails.
    pub(super) fn measure(
        &self,
        threads: &[usize],
        sets: &[String],
        quick: bool,
        stop: &AtomicBool,
    ) -> Result<Option<Python>> {
        let mut rows = Vec::new();
        for library in &self.libraries {
            for &threads in threads {
                match run(&self.program, library, threads, sets, quick) {
                    // It was meant for this child, too.
                    _ if stop.load(Ordering::Relaxed) => return Ok(None),
                    found => rows.extend(found?),
                }
            }
        }
        let note = match self.libraries[..] {
            [] => format!("`python3` has neither library: {INSTALL}."),
            [one] => format!("This Python has {one} alone. For the other one: {INSTALL}."),
            _ => "NumPy and PyTorch in the same Python.".to_owned(),
        };
        Ok(Some(Python { note, rows }))
    }
}

fn run(program: &Path, library: &str, threads: usize, sets: &[String], quick: bool) -> Result<Vec<PythonRow>> {
    let failed = |error| Error::io(program, "cannot run scripts/bench.py", error);
    let count = threads.to_string();
    let mut command = Command::new(program);
    command.args(["-c", SCRIPT, library, if quick { "quick" } else { "full" }]);
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env(variable, &count);
    }
    let described = workload::ALL.iter().map(|workload| {
        let mut sets = sets.to_vec();
        // Only the number of columns is looked at.
        sets.extend(workload.without_test_rows().map(str::to_owned));
        sets.extend(workload.small().filter(|_| quick).map(str::to_owned));
        describe(workload.name, &workload.source(&sets).open()?)
    });
    let described = serde_json::Value::Array(described.collect::<Result<_>>()?).to_string();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut to) = child.stdin.take() {
        // A script that ended says below how.
        let _ = to.write_all(described.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(failed(std::io::Error::other(format!("with {library} it ended with {}", output.status))));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| {
        let Line { library, workload, us } = serde_json::from_str(line)
            .map_err(|error| failed(std::io::Error::other(format!("{error} in `{line}`"))))?;
        Ok(PythonRow { library, workload, threads, us: Interval::of(us) })
    };
    text.lines().map(line).collect()
}

/// What the script has to know of a workload.
fn describe(name: &str, experiment: &Experiment) -> Result<serde_json::Value> {
    let side = &experiment.reference;
    let (mut sizes, mut after) = (vec![side.model.inputs], Vec::<String>::new());
    for layer in &side.model.layers {
        match layer {
            Layer::Linear(linear) => {
                sizes.push(linear.outputs);
                after.push("none".to_owned());
            }
            activation @ (Layer::Sigmoid
            | Layer::Tanh
            | Layer::Relu
            | Layer::LeakyRelu { .. }
            | Layer::Gelu(_)
            | Layer::Silu
            | Layer::Softplus { .. }
            | Layer::Softmax(_)
            | Layer::LogSoftmax(_)
            | Layer::Dropout(_)
            | Layer::LayerNorm(_)
            | Layer::BatchNorm(_)
            | Layer::Embedding(_)
            | Layer::EmbeddingBag(..)
            | Layer::Flatten) => {
                if let Some(last) = after.last_mut() {
                    *last = activation.to_string();
                }
            }
        }
    }
    let optimizer = match side.training.optimizer {
        Optimizer::Sgd(_) => "sgd",
        Optimizer::Adam(_) => "adam",
        Optimizer::RmsProp(_) => return Err(Error::Usage("scripts/bench.py knows sgd and adam alone".to_owned())),
    };
    let loss = side.training.loss.to_string();
    let (rows, lr) = (experiment.set.training.rows(), side.training.optimizer.lr());
    Ok(json!({
        "name": name,
        "rows": rows,
        "sizes": sizes,
        "after": after,
        "loss": loss,
        "optimizer": optimizer,
        "lr": lr,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_told_every_workload_in_words_that_it_knows() {
        let sets = ["reference.engine=scratch".to_owned()];
        for workload in
            workload::ALL.iter().filter(|workload| ["xor", "circle", "disc", "sst2"].contains(&workload.name))
        {
            let told = describe(workload.name, &workload.source(&sets).open().unwrap()).unwrap();
            let strings = |key: &str| told[key].as_array().unwrap().clone();
            assert_eq!(strings("sizes").len(), strings("after").len() + 1, "{told}");
            let mut words = strings("after");
            words.extend([told["loss"].clone(), told["optimizer"].clone()]);
            for word in words {
                assert!(SCRIPT.contains(&format!("\"{}\"", word.as_str().unwrap())), "{word}");
            }
        }
    }
}
