//! All cases of a check in words, for a terminal of 80 columns: what fails first, the summary last.

use super::{
    text::wrap,
    words::{causes, headline},
};
use crate::{
    baseline::{Case, Change, Check, Kind, MANIFEST, Status},
    judge::verdict::Outcome,
};
use std::fmt::Write;

/// The cases, ending with the summary and a newline.
pub fn render(check: &Check) -> String {
    let mut text = String::new();
    for shown in check.cases.iter().filter(|case| is_told(case)) {
        text.push_str(&case(shown));
        text.push('\n');
    }
    for (head, cases) in folded(check) {
        put(&mut text, &format!("{head}: {}", cases.join(", ")), "", "  ");
    }
    for words in unmeasured(check) {
        put(&mut text, &words, "", "  ");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    put(&mut text, &summary(check), "", "");
    text
}

/// What a case is, in a word or two.
pub fn status(case: &Case) -> &'static str {
    match case.status {
        Status::Regression => "REGRESSION",
        Status::Failed => "NOT RUN",
        Status::Missing => "NOT IN THE BASELINE",
        Status::Gone => "NOT THERE",
        Status::Changed => "ANOTHER EXPERIMENT",
        Status::Inconclusive => "INCONCLUSIVE",
        Status::Better => "better",
        Status::AsAccepted => "as accepted",
    }
}

/// The changes of a case that are told of it: figures that cannot be held against any are told of all cases together.
pub fn told(case: &Case) -> impl Iterator<Item = &Change> {
    case.changes.iter().filter(|change| change.kind != Kind::Unmeasured)
}

/// Whether a case has more to tell than that it is as accepted.
fn is_told(case: &Case) -> bool {
    case.fails || told(case).next().is_some()
}

/// All that is told of a case.
pub fn case(case: &Case) -> String {
    let mut text = String::new();
    put(&mut text, &format!("{}  {}:{}", status(case), case.file, case.line), "", "  ");
    case.error.iter().for_each(|error| put(&mut text, error, "  ", "  "));
    let verdict = case.verdict.as_ref().filter(|_| case.fails);
    verdict.iter().for_each(|verdict| put(&mut text, &headline(verdict), "  ", "  "));
    told(case).for_each(|change| put(&mut text, &sentence(change), "  - ", "    "));
    if let Some(verdict) = verdict.filter(|verdict| verdict.verdict == Outcome::Mismatch) {
        for (head, lines) in causes(verdict) {
            put(&mut text, &head, "  ", "  ");
            lines.iter().for_each(|words| put(&mut text, words, "  - ", "    "));
        }
        put(&mut text, &format!("All of it: lockstep run {}", case.file.trim_end_matches(MANIFEST)), "  ", "  ");
    }
    text
}

/// A change with what it means before it.
pub fn sentence(change: &Change) -> String {
    let what = match change.kind {
        Kind::Regression => "worse",
        Kind::Improvement => "better",
        Kind::Decided => "decided",
        Kind::Note | Kind::Unmeasured => "note",
    };
    format!("{what}: {}", change.words)
}

/// The cases of which there is nothing to tell, each by what it is.
fn folded(check: &Check) -> Vec<(String, Vec<String>)> {
    let quiet = |outcome: Outcome| -> Vec<String> {
        let of = |case: &&Case| case.verdict.as_ref().is_some_and(|verdict| verdict.verdict == outcome);
        check.cases.iter().filter(|case| !is_told(case)).filter(of).map(|case| case.name.clone()).collect()
    };
    let all = [Outcome::Parity, Outcome::Mismatch, Outcome::Inconclusive];
    let all = all.into_iter().map(|outcome| (format!("As accepted, {outcome}"), quiet(outcome)));
    all.filter(|(_, cases)| !cases.is_empty()).collect()
}

/// What could not be held against anything for want of figures, once for all cases of an environment.
pub(super) fn unmeasured(check: &Check) -> Vec<String> {
    let changes = check.cases.iter().flat_map(|case| &case.changes);
    let mut words: Vec<&str> =
        changes.filter(|change| change.kind == Kind::Unmeasured).map(|change| change.words.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words.iter().map(|words| format!("Note: {words}: gaps are held against nothing here; all else is")).collect()
}

/// How many of what there are, and what to do.
pub fn summary(check: &Check) -> String {
    let kinds = [
        (Status::Regression, "worse than accepted"),
        (Status::Failed, "not run"),
        (Status::Missing, "without a verdict in the baseline"),
        (Status::Gone, "in the baseline and not there"),
        (Status::Changed, "not the experiment that was accepted"),
        (Status::Inconclusive, "inconclusive"),
    ];
    let counted = |fails: bool| -> Vec<String> {
        let count = |status| check.of(status).filter(|case| case.fails == fails).count();
        let all = kinds.iter().map(|(status, what)| (count(*status), what));
        all.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    };
    let (failing, passed) = (counted(true), counted(false));
    let better = check.of(Status::Better).count();
    let better = (better > 0).then(|| format!("; {better} better: `lockstep accept` keeps that"));
    let passed = if passed.is_empty() { String::new() } else { format!("; let pass: {}", passed.join(", ")) };
    let stopped = if check.interrupted { "interrupted; " } else { "" };
    let count = check.cases.iter().filter(|case| !case.fails).count();
    let (all, baseline) = (check.cases.len(), &check.baseline);
    let answer = match failing.as_slice() {
        [] => format!("PASS: {count} of {all}, against {baseline}"),
        failing => format!("FAIL: {}; {count} of {all} pass, against {baseline}", failing.join(", ")),
    };
    format!("{stopped}{answer}{passed}{}", better.unwrap_or_default())
}

fn put(text: &mut String, words: &str, first: &str, then: &str) {
    for (number, line) in wrap(words, 80 - then.len().max(first.len())).iter().enumerate() {
        let _ = writeln!(text, "{}{line}", if number == 0 { first } else { then });
    }
}
