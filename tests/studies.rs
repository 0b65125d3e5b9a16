//! What a user sees of a study: its report, and what becomes of it when it is interrupted or has no data.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn lockstep(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("lockstep"));
    command.args(arguments).current_dir(folder).env_remove("LD_LIBRARY_PATH").env("LOCKSTEP_DATA", folder.join("data"));
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn verdict(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("verdict.json")).unwrap()).unwrap()
}

/// Every file that a report links to is there.
fn links(folder: &Path) {
    let report = fs::read_to_string(folder.join("report.md")).unwrap();
    for link in report.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(link.contains("://") || folder.join(link).exists(), "{link} is not there");
    }
}

/// The whole study: the posted pair, all combinations, the N/2 law, and parity at ten seeds in both types; interrupted on
/// the way.
#[cfg(feature = "torch")]
#[test]
fn the_xor_study_goes_on_where_it_was_interrupted_and_holds_what_it_expects() {
    use std::{
        process::Stdio,
        thread,
        time::{Duration, Instant},
    };
    let place = tempfile::tempdir().unwrap();
    let study = ["study", "xor", "--out", "out"];
    let folder = place.path().join("out/xor");
    let child = lockstep(place.path(), &study).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let parts = || fs::read_to_string(folder.join("unfinished.jsonl")).map_or(0, |journal| journal.lines().count());
    let start = Instant::now();
    while parts() < 5 {
        assert!(start.elapsed() < Duration::from_secs(300), "nothing was done");
        thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("`lockstep study xor --out out` resumes it"), "{}", said(&output));
    assert!(parts() >= 5 && !folder.join("report.md").exists());

    let output = lockstep(place.path(), &study).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).starts_with("xor: resuming where it was interrupted"), "{}", said(&output));
    assert!(!folder.join("unfinished.jsonl").exists());
    let verdict = verdict(&folder);
    let expectations = verdict["expectations"].as_array().unwrap();
    assert!(expectations.len() >= 7 && expectations.iter().all(|expectation| expectation["held"] == true));
    assert!(verdict["claims"].as_array().unwrap().len() >= 6);
    links(&folder);
}

#[test]
fn a_study_without_its_data_says_what_is_missing_and_how_to_get_it() {
    let place = tempfile::tempdir().unwrap();
    let output = lockstep(place.path(), &["study", "sst2", "--out", "out"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let folder = place.path().join("out/sst2");
    let missing = verdict(&folder)["missing"].to_string();
    for text in [&said(&output), &missing, &fs::read_to_string(folder.join("report.md")).unwrap()] {
        assert!(text.contains("sst2/train.tsv is not there") && text.contains("`lockstep data fetch sst2`"), "{text}");
    }
    links(&folder);
}
