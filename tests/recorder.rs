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

/// The blocks of docs/your-code.md between fences of this language.
#[cfg(feature = "torch")]
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Applies the hunks of a diff that has no line numbers: each hunk's lines, without those that are added, stand in the file.
#[cfg(feature = "torch")]
fn patched(file: &str, diff: &str) -> String {
    let mut patched = file.to_owned();
    for hunk in diff.split("@@\n") {
        let old: String =
            hunk.lines().filter(|line| !line.starts_with('+')).map(|line| format!("{}\n", &line[1..])).collect();
        let new: String =
            hunk.lines().filter(|line| !line.starts_with('-')).map(|line| format!("{}\n", &line[1..])).collect();
        assert_eq!(patched.matches(&old).count(), 1, "the page's script does not have\n{old}");
        patched = patched.replacen(&old, &new, 1);
    }
    patched
}

#[test]
#[cfg(feature = "torch")]
fn trainings_in_pytorch_are_recorded_and_judged_rightly() {
    run("torch_programs.py", &[]);
}

/// Every line of the ten minutes: both scripts, the definition, what is added, and what is printed, wrong and right.
#[test]
#[cfg(feature = "torch")]
fn the_ten_minutes_are_as_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join(".python/bin/python");
    if !python.exists() {
        println!("skipped: no Python with NumPy; scripts/python sets one up");
        return;
    }
    let page = std::fs::read_to_string(root.join("docs/your-code.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root.join("python/lockstep_parity.py"), folder.path().join("lockstep_parity.py")).unwrap();
    std::fs::write(folder.path().join("net.toml"), &blocks(&page, "toml")[0]).unwrap();
    let [mine, theirs]: [String; 2] = blocks(&page, "python")[..2].to_vec().try_into().unwrap();
    let [of_theirs, of_mine]: [String; 2] = blocks(&page, "diff").try_into().unwrap();
    let ran = |script: &str| -> String {
        std::fs::write(folder.path().join("script.py"), script).unwrap();
        let mut command = Command::new(&python);
        command.arg("script.py").current_dir(folder.path()).env("LOCKSTEP", env!("CARGO_BIN_EXE_lockstep"));
        let done = command.output().unwrap();
        let (out, error) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        assert!(done.status.success(), "{out}{error}");
        out
    };
    ran(&patched(&theirs, &of_theirs));
    let wrong = patched(&mine, &of_mine);
    let right = wrong.replace("d2.mean(axis=0)", "d2.sum(axis=0)").replace("d1.mean(axis=0)", "d1.sum(axis=0)");
    assert_ne!(wrong, right);
    let by_file = |script: &str| script.replace("definition=\"theirs\"", "definition=\"net.toml\"");
    let scripts = [(&wrong, 0), (&right, 1), (&by_file(&wrong), 0), (&by_file(&right), 1)];
    for (script, shown) in scripts {
        let shown = &blocks(&page, "text")[shown];
        let out = ran(script);
        // The last digits of gaps are a processor's; the sentences and the table of patterns are everyone's.
        let said = |text: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
            lines.map(|line| line.get(..58).unwrap_or(line).trim_end().to_owned()).collect()
        };
        let out = said(&out);
        for line in said(shown) {
            assert!(out.contains(&line), "the page shows\n{line}\nand lockstep printed\n{}", out.join("\n"));
        }
    }
}

/// The cases of `cases/`, right and wrong: in f64 with everything recorded, in f32 with the weights alone.
#[test]
#[cfg(feature = "torch")]
fn every_case_is_found_and_none_has_a_wrong_name() {
    run("../../cases/check.py", &["--short"]);
}

/// All that is recorded of them, in both types.
#[test]
#[cfg(feature = "torch")]
#[ignore = "some minutes; scripts/test --all runs it"]
fn every_case_is_found_however_little_is_recorded() {
    run("../../cases/check.py", &["--seeds", "2"]);
}
