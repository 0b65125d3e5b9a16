//! What a user sees of `lockstep bench`. Times are not judged: what is tested is that they are of what they say, that
//! nothing gained is lost, and that mistakes are answered. Without libtorch both sides are the engine from scratch.

#![allow(clippy::unwrap_used)]

use lockstep::bench::{Report, Work, read};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

fn lockstep(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lockstep"));
    command.args(arguments).current_dir(folder.path()).env_remove("LD_LIBRARY_PATH");
    if arguments[0] == "bench" && !cfg!(feature = "torch") {
        command.args(["--set", "reference.engine=scratch"]);
    }
    command
}

fn code_and_words(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_experiment_of_ones_own_is_timed_in_training_and_inference() {
    let folder = tempfile::tempdir().unwrap();
    let text = "data = { kind = 'moons', rows = 30, test_rows = 200 }\n\
                model.layers = [{ linear = { outputs = 7 } }, 'tanh', { linear = { outputs = 2 } }]\n\
                training = { loss = 'cross-entropy', optimizer = 'adam', batch_size = 10, steps = 5 }\n";
    fs::write(folder.path().join("my.toml"), text).unwrap();
    let output = lockstep(&folder, &["bench", "my.toml", "--quick", "--json"]).output().unwrap();
    assert_eq!(code_and_words(&output), (0, String::new()));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["parameters"], &found["threads"]), (&37.into(), &1.into()));
    let rows = found["rows"].as_array().unwrap();
    let works: Vec<_> =
        rows.iter().map(|row| (row["work"].as_str().unwrap(), row["batch"].as_u64().unwrap())).collect();
    let training = ["step", "fused", "forward", "loss", "backward", "update"].map(|work| (work, 10));
    assert_eq!(works[..6], training);
    assert_eq!(works[6..], [("whole", 200), ("batches", 64), ("rows", 1)]);
    for row in rows {
        let of = |side: &str, key: &str| row[side]["us"][key].as_f64().unwrap();
        for side in ["reference", "candidate"] {
            let [low, median, high] = ["low", "median", "high"].map(|key| of(side, key));
            assert!(0.0 <= low && low <= median && median <= high && high < 1e6, "{row}");
        }
        assert_eq!(row["blocks"], 6);
    }
    let output = lockstep(&folder, &["bench", "my.toml", "--quick", "--set", "model.layers=['tan']"]).output().unwrap();
    let (code, words) = code_and_words(&output);
    assert!(code == 2 && words.lines().count() == 1, "a mistake is said once, before anything starts: {words}");
}

#[test]
fn mistakes_are_answered_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["bench", "nowhere.toml"][..], &["nowhere.toml", "lockstep list"][..]),
        (&["bench", "--threads", "0"], &["--threads", "1 to"]),
        (&["bench", "--threads", "1000000"], &["--threads", "1 to"]),
        (&["bench", "--set", "training.los=1"], &["training", "los"]),
        (&["bench", "all", "--quick", "--python", "/nowhere/python"], &["/nowhere/python", "pip install"]),
    ] {
        let (code, said) = code_and_words(&lockstep(&folder, arguments).output().unwrap());
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)) && said.lines().count() == 1, "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("lockstep-out/bench/bench.partial.json").exists());
}

#[test]
fn a_worker_answers_every_line_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut worker = lockstep(&folder, &["bench-worker"]);
    let mut worker = worker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let source = r#"{"file":{"path":"nowhere.toml","sets":[]}}"#;
    let load = format!(r#"{{"load":{{"source":{source},"reference":false,"threads":1,"purpose":"training"}}}}"#);
    let asked = format!("nonsense\n{{\"block\":{{\"work\":\"step\",\"repeats\":1}}}}\n{load}\n\"memory\"\n");
    worker.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = worker.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(0), 4), "{text}");
    for (line, words) in lines.iter().zip(["nonsense", "before it was given anything", "nowhere.toml", "memory"]) {
        assert!(line.contains(words), "{line}");
        assert_eq!(line.contains("failed"), words != "memory", "{line}");
    }
}

fn partial(folder: &TempDir) -> PathBuf {
    folder.path().join("out/bench/bench.partial.json")
}

/// Interrupted once it has something, then let to its end: what was measured stays, and the report is whole.
#[test]
fn everything_is_measured_and_an_interrupted_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["bench", "all", "--quick", "--out", "out"];
    let child = lockstep(&folder, &arguments).stdout(Stdio::piped()).spawn().unwrap();
    while !partial(&folder).exists() {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    let gained: Report = read(&partial(&folder)).unwrap();
    assert!(!gained.measured.is_empty());

    let output = lockstep(&folder, &arguments).output().unwrap();
    assert_eq!(code_and_words(&output), (0, String::new()));
    assert!(!partial(&folder).exists());
    let out = folder.path().join("out/bench");
    let whole: Report = read(&out.join("bench.json")).unwrap();
    let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-4;
    for (gained, kept) in gained.measured.iter().zip(&whole.measured) {
        assert_eq!((&gained.name, gained.threads), (&kept.name, kept.threads));
        let us = |rows: &[lockstep::bench::Row]| rows[0].reference.us.median;
        assert!(near(us(&gained.rows), us(&kept.rows)), "{} was measured again", kept.name);
    }
    assert_eq!(whole.peaks.iter().map(|peak| peak.threads).collect::<Vec<_>>(), [1]);
    assert_eq!(whole.measured.len(), 9);
    for one in &whole.measured {
        let step = one.rows.iter().find(|row| row.work == Work::Step).unwrap();
        assert!(step.at_least.unwrap() > 1.0 && step.met().is_some() && step.candidate.roofline.unwrap() > 0.0);
    }
    let sweeps: Vec<_> = whole.sweeps.iter().map(|sweep| (sweep.name.as_str(), sweep.points.len())).collect();
    assert_eq!(sweeps.len(), 4, "{sweeps:?}");
    assert!(sweeps.iter().all(|(_, points)| *points >= 1));
    assert_eq!((whole.overhead.unwrap().len(), whole.processes.unwrap().len()), (3, 2));
    assert!(whole.python.is_some());
    let report = fs::read_to_string(out.join("report.md")).unwrap();
    for link in report.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(Path::new(&out).join(link).exists(), "{link} is not there");
    }
}
