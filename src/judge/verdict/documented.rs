//! docs/verdict.md has every field of verdict.json, and no other.

use super::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// A verdict with something in every field; who adds one has to add it here.
fn full() -> Verdict {
    let (mode, step, some) = (RunMode::Free, 1, Some(0.5));
    let divergence = Divergence {
        mode,
        step,
        since: None,
        phase: Phase::Forward,
        tensor: "output".to_owned(),
        index: vec![0, 1],
        gap: some,
        limit: some,
        budget: some,
        ratio: some,
        reference: some,
        candidate: some,
        expected: some,
        farther: Some(Farther::Candidate),
        tensors: vec![TensorFound {
            name: "output".to_owned(),
            pattern: Pattern::Times,
            rows: vec![1],
            constant: some,
            gap: some,
            limit: some,
        }],
    };
    let summary = PhaseSummary {
        max_gap: some,
        limit: some,
        budget: some,
        compared: 1,
        unjudged: 0,
        minimum_limit: some,
        detectable: some,
        first_divergence: None,
    };
    let text = || "text".to_owned();
    let scores = Scores { loss: some, accuracy: some, confusion: Some(vec![vec![1]]), rows: 1 };
    let phase_speed = PhaseSpeed { reference_us: 1.0, candidate_us: 1.0 };
    Verdict {
        schema: SCHEMA,
        experiment: text(),
        resolved: Value::Null,
        differences: vec![text()],
        unreached: vec![text()],
        mode: Mode::Both,
        verdict: Outcome::Mismatch,
        judged: true,
        interrupted: false,
        steps: 1,
        compared_every: 1,
        watched: 1,
        replayed: 1,
        horizon: None,
        first_divergence: Some(divergence),
        worked_out: vec![WorkedOut::Outputs],
        only_in: Some("only the step with a batch of 2 rows differs: 9".to_owned()),
        steps_agree: Some(true),
        identity: None,
        losses: Losses { steps: vec![0], reference: vec![some], candidate: vec![some] },
        start: vec![StartDifference {
            kind: StartKind::Layer,
            tensor: text(),
            reference: text(),
            candidate: text(),
            gap: some,
        }],
        phases: [(Phase::Forward, summary)].into(),
        gaps: [(mode, [(text(), GapSummary { max: some, at: 1, last: some })].into())].into(),
        causes: vec![Cause {
            id: text(),
            status: Status::Confirmed,
            phases: vec![Phase::Forward],
            edits: vec![text()],
            constant: some,
            recognized: Some(text()),
            summary: text(),
            formula: text(),
            remedy: vec![text()],
            residual_budget: some,
            steps: 1,
            alternatives: vec![Alternative { id: text(), edits: vec![text()], summary: text() }],
            would_tell: Some(text()),
            proof: Some(Proof { by: text(), steps: 1 }),
        }],
        noise: Noise {
            k: 3.0,
            twins: 2,
            horizon_at: 0.01,
            drift: Some(DriftSummary {
                compared: 1,
                step,
                twins: some,
                apart: some,
                limit: some,
                budget: some,
                reference: some,
                candidate: some,
            }),
            referee: Some(Refereed { engine: text(), steps: 1, differs: vec![text()] }),
        },
        data: vec![text()],
        evaluations: vec![Evaluated {
            part: text(),
            steps: 1,
            reference: scores.clone(),
            candidates: vec![(mode, scores)],
        }],
        stopping: Some(Stopping {
            stopped: Some(1),
            best: Some(1),
            restored: true,
            candidates: vec![Decision { mode, stopped: None, best: None, same: true }],
        }),
        unjudged: vec![Unjudged { mode, phase: Phase::Loss, tensor: text(), steps: 1, judged: 0 }],
        never_judged: vec![text()],
        without_effect: vec![text()],
        ties: vec![Tie { mode, step, layer: 1, sample: 0, unit: 0, reference: 1e-9, candidate: 0.0 }],
        tied: 1,
        non_finite: vec![NonFinite {
            mode,
            step,
            phase: Phase::Loss,
            tensor: text(),
            index: vec![0],
            side: Farther::Candidate,
            value: some,
            what: text(),
            counts: true,
            overflow: None,
        }],
        not_checked: vec![text()],
        measured: Measured {
            speed: Some(Speed { per_phase: [(Phase::Forward, phase_speed)].into(), ..Speed::default() }),
            environment: [(text(), text())].into(),
            files: [(text(), text())].into(),
        },
    }
}

/// The paths of a value's fields: `[]` for each of a list, and the page's words for keys that are no fields.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let keys = match path {
        "phases" | "measured.speed.per_phase" => Some("<phase>"),
        "gaps" => Some("<run>"),
        "gaps.<run>" => Some("<tensor>"),
        "measured.environment" | "measured.files" => Some("<name>"),
        _ => None,
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = keys.unwrap_or(key);
                paths(value, &if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, found);
            }
        }
        // A pair, or a row of counts, is told in words.
        Value::Array(values) if values.first().is_some_and(|first| !first.is_array()) => {
            paths(&values[0], &format!("{path}[]"), found);
        }
        Value::Array(_) => drop(found.insert(format!("{path}[]"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn the_page_has_every_field_of_a_verdict_and_no_other() {
    let mut fields = BTreeSet::new();
    paths(&serde_json::to_value(full()).unwrap(), "", &mut fields);
    let page = include_str!("../../../docs/verdict.md");
    let named = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).map(|(path, _)| path);
    let documented: BTreeSet<String> = named.map(str::to_owned).collect();
    let missing: Vec<_> = fields.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/verdict.md lacks {missing:?}");
    // An object is named, too, where it may be missing.
    let object = |path: &str| fields.iter().any(|field| field.starts_with(&format!("{path}.")));
    let list = |path: &str| fields.iter().any(|field| field.starts_with(&format!("{path}.")) && path.ends_with("[]"));
    let more: Vec<_> =
        documented.iter().filter(|path| !fields.contains(*path) && !object(path) && !list(path)).collect();
    assert!(more.is_empty(), "docs/verdict.md has what there is not: {more:?}");
}
