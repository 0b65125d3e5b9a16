//! `lockstep check` and `lockstep accept`, as a developer and a CI server see them. Runs the built binary in an empty folder;
//! without libtorch both sides are the engine from scratch.

// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::place::{Place, code, said};
use serde_json::Value;
use std::{
    fs::{self, File},
    process::{Command, Output, Stdio},
};

const ADAM: &str = r#"title = "Three blobs with Adam"
[data]
kind = "blobs"
rows = 30
centers = 3
[model]
layers = [{ linear = { outputs = 5 } }, "tanh", { linear = { outputs = 3 } }]
[training]
loss = "cross-entropy"
optimizer = { adam = { lr = 0.01, eps = 1e-8 } }
batch_size = 10
steps = 240
"#;

const BASELINE: &str = "lockstep-baseline.toml";

fn engine() -> &'static str {
    if cfg!(feature = "torch") { "" } else { "[reference]\nengine = \"scratch\"\n" }
}

fn put(place: &Place, name: &str, text: &str) {
    let path = place.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(place: &Place, name: &str) -> String {
    fs::read_to_string(place.path(name)).unwrap()
}

/// The program, as it runs where no server says that it is one.
fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    ["CI", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"].iter().for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::null());
    command
}

fn lockstep(place: &Place, arguments: &[&str]) -> Output {
    command(place, arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// All that a run said, where a test has to see it.
fn all(output: &Output) -> String {
    format!("{}\n{}", out(output), said(output))
}

/// What is on stdout, however it is broken into lines.
fn unbroken(output: &Output) -> String {
    out(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A folder with the experiment, accepted.
fn accepted(text: &str) -> Place {
    let place = Place::new();
    put(&place, "nets/adam.toml", &format!("{text}{}", engine()));
    let output = lockstep(&place, &["accept", "nets", "--yes"]);
    assert_eq!(code(&output), 0, "{}", all(&output));
    place
}

/// The experiment, with something else behind its first line.
fn changed(place: &Place, more: &str) {
    let text = read(place, "nets/adam.toml");
    put(place, "nets/adam.toml", &format!("{text}{more}"));
}

#[test]
fn ten_unchanged_runs_in_a_row_pass_and_accepting_them_changes_no_byte() {
    let place = accepted(ADAM);
    let first = read(&place, BASELINE);
    for _ in 0..10 {
        let output = lockstep(&place, &["check", "nets"]);
        assert_eq!(code(&output), 0, "{}", all(&output));
        assert!(out(&output).trim_end().ends_with("PASS: 1 of 1, against lockstep-baseline.toml"), "{}", out(&output));
    }
    let output = lockstep(&place, &["accept", "nets", "--yes"]);
    assert_eq!((code(&output), out(&output).starts_with("Nothing to accept")), (0, true), "{}", all(&output));
    assert_eq!(read(&place, BASELINE), first);
}

#[test]
fn a_constant_of_the_candidates_adam_fails_is_named_and_its_line_is_shown_everywhere() {
    let place = accepted(ADAM);
    changed(&place, "[candidate]\ntraining.optimizer.adam.eps = 1e-7\n");
    let line = read(&place, "nets/adam.toml").lines().count();
    let at = format!("nets/adam.toml:{line}");
    let mut command = command(&place, &["check", "nets", "--github", "--junit", "junit.xml"]);
    let output = command.env("GITHUB_STEP_SUMMARY", place.path("summary.md")).output().unwrap();
    assert_eq!(code(&output), 1, "{}", all(&output));
    let text = out(&output);
    for words in [
        &at,
        "REGRESSION",
        "other-eps",
        "--set 'reference.training.optimizer.adam.eps=1e-7'",
        "not the one that was accepted",
    ] {
        assert!(unbroken(&output).contains(words), "{words}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.lines().last().unwrap().starts_with("FAIL: 1 worse than accepted; 0 of 1 pass"), "{text}");
    let error = format!(
        "::error file=nets/adam.toml,line={line},title=lockstep%3A nets/adam.toml REGRESSION::a new cause, other-eps"
    );
    assert!(said(&output).contains(&error), "{}", said(&output));
    let junit = read(&place, "junit.xml");
    for words in [
        &format!("file=\"nets/adam.toml\" line=\"{line}\""),
        "failures=\"1\"",
        "<failure message=\"a new cause, other-eps",
    ] {
        assert!(junit.contains(words), "{words}: {junit}");
    }
    let summary = read(&place, "summary.md");
    assert!(summary.contains("other-eps") && summary.contains("```mermaid\nxychart-beta"), "{summary}");
    let json: Value = serde_json::from_slice(&lockstep(&place, &["check", "nets", "--json"]).stdout).unwrap();
    assert_eq!((&json["exit_code"], &json["cases"][0]["line"]), (&1.into(), &line.into()));
    assert_eq!(json["cases"][0]["verdict"]["causes"][0]["id"], "other-eps");
    assert_eq!(read(&place, BASELINE).matches("other-eps").count(), 0, "check writes nothing");
}

/// The same mistake in a training that was recorded: nothing of the experiment changes, and the line is that of its own ε.
#[test]
fn another_recording_is_another_engine_and_the_same_experiment() {
    let place = Place::new();
    put(&place, "adam.toml", &format!("{ADAM}{}", engine()));
    let record = |eps: &str| {
        let set = format!("training.optimizer.adam.eps={eps}");
        let _ = fs::remove_dir_all(place.path("nets/mine"));
        let output =
            lockstep(&place, &["record", "adam.toml", "--engine", "scratch", "--out", "nets/mine", "--set", &set]);
        assert_eq!(code(&output), 0, "{}", all(&output));
    };
    fs::create_dir(place.path("nets")).unwrap();
    record("1e-8");
    put(&place, "nets/mine.toml", &format!("{ADAM}{}[candidate]\nengine = {{ trace = \"mine\" }}\n", engine()));
    let paths = ["nets/mine.toml"];
    assert_eq!(code(&lockstep(&place, &["accept", paths[0], "--yes"])), 0);
    assert_eq!(code(&lockstep(&place, &["check", paths[0]])), 0);
    record("1e-7");
    let output = lockstep(&place, &["check", paths[0]]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    let text = out(&output);
    assert!(text.contains("nets/mine.toml:10") && text.contains("other-eps"), "{text}");
    assert!(!text.contains("not the one that was accepted"), "{text}");
}

/// What another vendor's processor measured gates all that rounding does not change; its own figures are added beside.
#[test]
fn a_baseline_of_another_environment_gates_outcome_and_causes_alone() {
    let place = accepted(ADAM);
    let text = read(&place, BASELINE);
    let own = text.split_once(".gaps.\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let other = "Other AVX9, libtorch 2.13.0, f32, 1 thread";
    // Gaps as small as these would make today's a regression.
    let figures = |line: &str| match line.split_once(" = { gap = ") {
        Some((phase, _)) => format!("{phase} = {{ gap = 1e-30, noise = 1e-30 }}\n"),
        None => format!("{line}\n"),
    };
    let smaller: String = text.lines().map(figures).collect();
    put(&place, BASELINE, &smaller);
    assert_eq!(code(&lockstep(&place, &["check", "nets"])), 1);
    put(&place, BASELINE, &smaller.replace(&own, other));
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 0, "{}", all(&output));
    let words = unbroken(&output);
    assert!(words.contains(&format!("Note: the baseline has no gaps of {own}; it has those of {other}")), "{words}");
    let before = read(&place, "nets/adam.toml");
    changed(&place, "[candidate]\ntraining.optimizer.adam.eps = 1e-7\n");
    assert_eq!(code(&lockstep(&place, &["check", "nets"])), 1);
    put(&place, "nets/adam.toml", &before);
    assert_eq!(code(&lockstep(&place, &["accept", "nets", "--yes"])), 0);
    let both = read(&place, BASELINE);
    assert!(both.contains(&own) && both.contains(other), "{both}");
    assert_eq!(both.matches("outcome").count(), 1, "{both}");
}

#[test]
fn a_gap_beyond_its_noise_and_twice_the_old_one_is_worse_and_the_reverse_is_told() {
    let place = accepted(ADAM);
    let text = read(&place, BASELINE);
    let update = text.lines().find(|line| line.starts_with("update ")).unwrap().to_owned();
    let old = |figures: &str| put(&place, BASELINE, &text.replace(&update, &format!("update = {{ {figures} }}")));
    old("gap = 1e-9, noise = 1e-9");
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    assert!(out(&output).contains("worse: the largest gap in update is"), "{}", out(&output));
    old("gap = 5e-1, noise = 1e-9");
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 0, "{}", all(&output));
    let said = unbroken(&output);
    assert!(
        said.contains("better: the largest gap in update is")
            && said.contains("1 better: `lockstep accept` keeps that"),
        "{said}"
    );
    assert!(read(&place, BASELINE).contains("gap = 5e-1"), "never accepted silently");
}

#[test]
fn less_power_and_a_phase_that_is_not_judged_any_more_are_regressions() {
    let place = accepted(ADAM);
    let text = read(&place, BASELINE);
    let power = text.split_once("update = ").unwrap().1.split_once(',').unwrap().0.to_owned();
    put(&place, BASELINE, &text.replacen(&format!("update = {power}"), "update = 1e-9", 1));
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    assert!(out(&output).contains("worse: less power: a factor of 1 ± 1e-9 on a tensor of update"), "{}", out(&output));
    put(&place, BASELINE, &text.replace("judged     = [", "judged     = [\"batch\", "));
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    assert!(out(&output).contains("worse: batch is not judged any more"), "{}", out(&output));
}

#[test]
fn what_was_decided_is_no_alarm_what_is_new_beside_it_is_and_what_has_expired_says_so() {
    let place = accepted(ADAM);
    let plain = read(&place, "nets/adam.toml");
    let with = |decisions: &str, candidate: &str| {
        put(&place, "nets/adam.toml", &format!("accepted = [{decisions}]\n{plain}[candidate]\n{candidate}\n"));
        lockstep(&place, &["check", "nets", "--lenient"])
    };
    let eps = "training.optimizer.adam.eps = 1e-7";
    let output = with("{ cause = 'other-eps', why = 'as Keras has it', until = 2999-12-31 }", eps);
    assert_eq!(code(&output), 0, "{}", all(&output));
    let said = unbroken(&output);
    assert!(said.contains("decided: other-eps is accepted, until 2999-12-31: as Keras has it"), "{said}");
    let output = with("{ cause = 'other-eps', why = 'for now', until = '2020-02-29' }", eps);
    assert_eq!(code(&output), 1, "{}", all(&output));
    let said = unbroken(&output);
    assert!(said.contains("it was accepted until 2020-02-29, which is past: for now"), "{said}");
    let output = with("{ cause = 'other-eps', why = 'x' }", &format!("{eps}\nmodel.layer.1 = 'sigmoid'"));
    assert_eq!(code(&output), 1, "{}", all(&output));
    let said = out(&output);
    assert!(said.contains("decided: other-eps") && said.contains("worse: a new cause, other-activation"), "{said}");
    // A place stands for what has no cause.
    let strange = "training.optimizer.adam.betas = [0.87, 0.97]";
    let output = with("", strange);
    assert_eq!(code(&output), 1, "{}", all(&output));
    let place_of = out(&output).split_once("a new place, ").unwrap().1.split_once(':').unwrap().0.to_owned();
    let output = with(&format!("{{ place = '{place_of}', why = 'not PyTorch, on purpose' }}"), strange);
    assert_eq!(code(&output), 0, "{}", all(&output));
    let output = with("{ cause = 'other-eps', why = 'x' }", "");
    assert_eq!(code(&output), 0, "{}", all(&output));
    assert!(unbroken(&output).contains("take that out of `accepted`"), "{}", out(&output));
}

#[test]
fn a_decision_that_cannot_be_one_is_refused_with_its_line() {
    let place = accepted(ADAM);
    let plain = read(&place, "nets/adam.toml");
    for (decision, words) in [
        ("{ cause = 'other-epps', why = 'x' }", "unknown cause `other-epps` in accepted; did you mean `other-eps`?"),
        ("{ cause = 'other-eps' }", "`why` is missing in accepted"),
        ("{ cause = 'other-eps', why = ' ' }", "`why` is missing in accepted"),
        ("{ why = 'x' }", "`cause` is missing in accepted"),
        ("{ cause = 'a', place = 'b', why = 'x' }", "two decisions"),
        (
            "{ cause = 'other-eps', why = 'x', untill = 2027-01-01 }",
            "unknown key `untill` in accepted; did you mean `until`?",
        ),
        ("{ cause = 'other-eps', why = 'x', until = '2027-02-30' }", "`until` in accepted must be a day"),
        ("{ place = 'updates/2.bias', why = 'x' }", "unknown phase `updates` in accepted; did you mean `update`?"),
        ("{ place = '2.bias', why = 'x' }", "`2.bias` in accepted is no place"),
        ("'other-eps'", "accepted must be a table"),
    ] {
        put(&place, "nets/adam.toml", &format!("\naccepted = [\n{decision}]\n{plain}"));
        let output = lockstep(&place, &["check", "nets"]);
        assert_eq!(code(&output), 2, "{decision}: {}", all(&output));
        let said = unbroken(&output);
        assert!(said.contains("nets/adam.toml:3") && said.contains(words), "{decision}: {said}");
    }
}

#[test]
fn inconclusive_passes_where_that_is_allowed_and_was_accepted_and_never_where_there_was_a_verdict() {
    let place = accepted(&ADAM.replace("lr = 0.01", "lr = 0"));
    assert_eq!(code(&lockstep(&place, &["check", "nets"])), 3);
    assert_eq!(code(&lockstep(&place, &["check", "nets", "--allow", "inconclusive"])), 0);
    put(&place, BASELINE, &read(&place, BASELINE).replace("\"inconclusive\"", "\"parity\""));
    let output = lockstep(&place, &["check", "nets", "--allow", "inconclusive"]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    assert!(out(&output).contains("nothing can be said any more, where there was parity"), "{}", out(&output));
}

#[test]
fn what_is_not_in_the_baseline_or_there_no_more_fails_and_a_lenient_check_lets_it_pass() {
    let place = accepted(ADAM);
    fs::rename(place.path("nets/adam.toml"), place.path("nets/new.toml")).unwrap();
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
    let said = unbroken(&output);
    for words in ["NOT IN THE BASELINE nets/new.toml:1", "renamed", "NOT THERE lockstep-baseline.toml:4"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let output = lockstep(&place, &["check", "nets", "--lenient"]);
    assert_eq!(code(&output), 0);
    let last = "PASS: 2 of 2, against lockstep-baseline.toml; let pass: 1 without a verdict in the baseline, 1 in the baseline and not there";
    assert!(unbroken(&output).contains(last), "{}", out(&output));
    // A part of what there is does not make the rest stale.
    put(&place, "other/adam.toml", &read(&place, "nets/new.toml"));
    assert_eq!(code(&lockstep(&place, &["accept", "other", "--yes"])), 0);
    assert_eq!(code(&lockstep(&place, &["check", "other"])), 0);
    assert_eq!(code(&lockstep(&place, &["accept", "nets", "--yes"])), 0);
    let names: Vec<String> = read(&place, BASELINE)
        .lines()
        .filter(|line| line.starts_with('[') && !line.contains(".gaps."))
        .map(str::to_owned)
        .collect();
    assert_eq!(names, ["[experiments.\"nets/new.toml\"]", "[experiments.\"other/adam.toml\"]"]);
    // A new experiment that is wrong is wrong, however lenient.
    put(&place, "nets/wrong.toml", &format!("{ADAM}{}[candidate]\ntraining.optimizer.adam.eps = 1e-7\n", engine()));
    assert_eq!(code(&lockstep(&place, &["check", "nets", "--lenient"])), 1);
}

#[test]
fn a_baseline_that_cannot_be_used_is_refused_with_its_line_and_left_alone() {
    let place = accepted(ADAM);
    let good = read(&place, BASELINE);
    let refused = |text: &str, words: &[&str]| {
        put(&place, BASELINE, text);
        for arguments in [&["check", "nets"][..], &["accept", "nets", "--yes"]] {
            let output = lockstep(&place, arguments);
            assert_eq!(code(&output), 2, "{}", all(&output));
            words.iter().for_each(|words| assert!(said(&output).contains(words), "{words}: {}", said(&output)));
        }
        assert_eq!(read(&place, BASELINE), text);
    };
    refused(&good.replace("schema = 1", "schema = 7"), &["schema 7, and this lockstep reads 1"]);
    refused(&good.replace("schema = 1", ""), &["does not say its `schema`"]);
    let lines: Vec<&str> = good.lines().collect();
    let conflict =
        format!("{}\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> theirs\n", lines[..5].join("\n"), lines[5..].join("\n"));
    refused(&conflict, &["lockstep-baseline.toml:6: a conflict of a merge was left here"]);
    refused(
        &good.replace("outcome    = \"parity\"", "outcome    = \"fine\""),
        &["lockstep-baseline.toml:6: ", "unknown variant `fine`"],
    );
    refused(&good.replace("outcome ", "outcomes"), &["unknown field `outcomes`"]);
    refused(&good.replace("noise = ", "noise = -"), &["lockstep-baseline.toml:4: ", "no positive number"]);
    refused("nonsense", &["lockstep-baseline.toml:1: "]);
    fs::remove_file(place.path(BASELINE)).unwrap();
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 2);
    assert!(said(&output).contains("`lockstep accept PATHS` writes a first one"), "{}", said(&output));
    let output = lockstep(&place, &["check", "nets", "--lenient"]);
    assert_eq!(code(&output), 0, "the verdicts alone decide: {}", all(&output));
}

#[test]
fn a_junit_file_without_a_folder_is_refused_before_anything_runs() {
    let place = accepted(ADAM);
    let output = lockstep(&place, &["check", "nets", "--junit", "nowhere/junit.xml"]);
    assert_eq!(code(&output), 2);
    assert!(said(&output).contains("nowhere/junit.xml: cannot write"), "{}", said(&output));
    assert_eq!((out(&output).as_str(), place.path("nowhere").exists()), ("", false));
}

#[test]
fn accept_writes_what_it_shows_where_it_was_told_to_and_nothing_else() {
    let place = accepted(ADAM);
    let before = read(&place, BASELINE);
    changed(&place, "[candidate]\ntraining.optimizer.adam.eps = 1e-7\n");
    let output = lockstep(&place, &["accept", "nets"]);
    assert_eq!((code(&output), read(&place, BASELINE)), (2, before.clone()), "nobody is there: {}", all(&output));
    assert!(
        out(&output).contains("- outcome    = \"parity\"") && out(&output).contains("+ outcome    = \"mismatch\""),
        "{}",
        out(&output)
    );
    let on_server = command(&place, &["accept", "nets"]).env("CI", "true").output().unwrap();
    assert_eq!((code(&on_server), read(&place, BASELINE)), (2, before.clone()));
    assert!(said(&on_server).contains("CI is set"), "{}", said(&on_server));
    put(&place, "nets/broken.toml", "[model]\nlayers = 7\n");
    let output = lockstep(&place, &["accept", "nets", "--yes"]);
    assert_eq!((code(&output), read(&place, BASELINE)), (2, before.clone()), "all or nothing: {}", all(&output));
    fs::remove_file(place.path("nets/broken.toml")).unwrap();
    // Two at once: the later one is told.
    let lock = File::open(place.path("")).unwrap();
    lock.lock().unwrap();
    let output = lockstep(&place, &["accept", "nets", "--yes"]);
    assert_eq!((code(&output), read(&place, BASELINE)), (2, before.clone()));
    assert!(said(&output).contains("another lockstep"), "{}", said(&output));
    // Checks read, and do not care.
    assert_eq!(code(&lockstep(&place, &["check", "nets"])), 1);
    drop(lock);
    let output = command(&place, &["accept", "nets", "--yes"]).env("CI", "true").output().unwrap();
    assert_eq!(code(&output), 0, "{}", all(&output));
    let written = read(&place, BASELINE);
    let shown = out(&output);
    let lines = |text: &str, mark: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(mark).map(str::to_owned)).collect()
    };
    for line in written.lines().filter(|line| !before.contains(line)) {
        assert!(lines(&shown, "  + ").iter().any(|shown| shown == line), "{line} is written and not shown: {shown}");
    }
    assert!(lines(&shown, "  + ").iter().all(|line| written.lines().any(|written| written == line)), "{shown}");
    assert_eq!(code(&lockstep(&place, &["check", "nets"])), 0);
    assert!(
        place.path("").read_dir().unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("part"))
    );
}

#[test]
fn nothing_to_check_is_no_pass_and_what_cannot_be_run_does_not_hide_the_rest() {
    let place = accepted(ADAM);
    put(&place, "empty/Cargo.toml", "[package]\nname = \"x\"\n");
    let output = lockstep(&place, &["check", "empty"]);
    assert_eq!(code(&output), 2);
    assert!(said(&output).contains("empty: no experiment is there"), "{}", said(&output));
    put(&place, "nets/broken.toml", "[model]\nlayers = 7\n");
    let output = lockstep(&place, &["check", "nets", "nets/adam.toml", "--junit", "junit.xml"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
    assert!(out(&output).contains("NOT RUN nets/broken.toml:"), "{}", out(&output));
    assert!(out(&output).contains("As accepted, parity: nets/adam.toml"), "{}", out(&output));
    assert!(read(&place, "junit.xml").contains("<error"), "{}", read(&place, "junit.xml"));
    let output = lockstep(&place, &["check", "nowhere"]);
    assert_eq!(code(&output), 2);
    assert!(said(&output).contains("nowhere: cannot be read"), "{}", said(&output));
}

#[test]
fn speed_is_told_gates_where_that_is_asked_for_and_never_between_processors() {
    let place = accepted(ADAM);
    let output = lockstep(&place, &["check", "nets", "--gate-speed", "1.5"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
    assert!(said(&output).contains("a ratio between different processors says nothing"), "{}", said(&output));
    assert_eq!(code(&lockstep(&place, &["accept", "nets", "--speed", "--yes"])), 0);
    let file = "lockstep-speed.toml";
    let good = read(&place, file);
    let pace = |candidate: &str| {
        let (before, rest) = good.split_once("candidate = ").unwrap();
        put(&place, file, &format!("{before}candidate = {candidate}, {}", rest.split_once(", ").unwrap().1));
    };
    pace("1e9");
    let output = lockstep(&place, &["check", "nets", "--gate-speed", "1000"]);
    assert_eq!(code(&output), 0, "{}", all(&output));
    pace("1e-6");
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 0, "advisory: {}", all(&output));
    assert!(out(&output).contains("note: a step takes"), "{}", out(&output));
    let output = lockstep(&place, &["check", "nets", "--gate-speed", "2"]);
    assert_eq!(code(&output), 1, "{}", all(&output));
    assert!(out(&output).contains("worse: a step takes"), "{}", out(&output));
    put(&place, file, &good.replace("[processors.\"", "[processors.\"Other "));
    let output = lockstep(&place, &["check", "nets", "--gate-speed", "2"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
    assert!(said(&output).contains("has times of Other "), "{}", said(&output));
    pace("-1.0");
    let output = lockstep(&place, &["check", "nets"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
}

/// This project holds itself to what it says of others.
#[test]
#[cfg(feature = "torch")]
fn the_projects_own_experiments_are_as_they_were_accepted_and_as_they_were_reported() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = |name: &str| root.join(name).display().to_string();
    let place = Place::new();
    let paths = [own("experiments/xor"), own("experiments/circle"), own(BASELINE)];
    let output = lockstep(&place, &["check", &paths[0], &paths[1], "--baseline", &paths[2], "--json"]);
    assert_eq!(code(&output), 0, "{}", all(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    // The committed reports are those of this code, as far as no processor changes them.
    for case in cases {
        let name = case["name"].as_str().unwrap().replace("experiments/", "reports/").replace(".toml", "/verdict.json");
        let committed: Value = serde_json::from_str(&fs::read_to_string(root.join(&name)).unwrap()).unwrap();
        for field in [
            "schema",
            "experiment",
            "resolved",
            "differences",
            "mode",
            "verdict",
            "steps",
            "replayed",
            "without_effect",
        ] {
            assert_eq!(committed[field], case["verdict"][field], "{field} of {name}");
        }
        let place =
            |verdict: &Value| ["phase", "step", "tensor"].map(|field| verdict["first_divergence"][field].clone());
        assert_eq!(place(&committed), place(&case["verdict"]), "{name}");
        let compared = |verdict: &Value, phase: &str| verdict["phases"][phase]["compared"].clone();
        for phase in ["forward", "loss", "backward", "update", "evaluation"] {
            assert_eq!(compared(&committed, phase), compared(&case["verdict"], phase), "{phase} of {name}");
        }
    }
}
