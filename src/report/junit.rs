//! A check as a JUnit report, which CI servers read: a case for each experiment, with the file and the line to look at.

use super::check::{self, sentence, status, told};
use crate::{
    baseline::{Case, Check, Kind, Status},
    error::{Error, Result},
};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The report; `shown` makes of a path that was typed what the server knows it by.
///
/// # Errors
/// If it cannot be expressed as XML.
pub fn render(check: &Check, shown: &dyn Fn(&str) -> String) -> Result<String> {
    let mut suite = TestSuite::new("lockstep check");
    suite.set_time(Duration::from_secs_f64(check.cases.iter().map(|case| case.seconds).sum()));
    suite.add_test_cases(check.cases.iter().map(|case| test_case(case, shown)));
    let mut report = Report::new("lockstep");
    report.add_test_suite(suite);
    report.to_string().map_err(|error| Error::Usage(format!("cannot write the JUnit report: {error}")))
}

fn test_case(case: &Case, shown: &dyn Fn(&str) -> String) -> TestCase {
    let mut test = TestCase::new(case.name.as_str(), result(case));
    test.set_classname("lockstep").set_time(Duration::from_secs_f64(case.seconds));
    test.extra.insert("file".into(), shown(&case.file).into());
    test.extra.insert("line".into(), case.line.to_string().into());
    // A failure has all of it in its text.
    if !case.fails && case.status != Status::Inconclusive {
        let words: Vec<String> = told(case).map(sentence).collect();
        if !words.is_empty() {
            test.set_system_out(words.join("\n"));
        }
    }
    test
}

fn result(case: &Case) -> TestCaseStatus {
    let mut result = match case.status {
        Status::Failed => TestCaseStatus::non_success(NonSuccessKind::Error),
        // What proves nothing is neither.
        Status::Inconclusive if !case.fails => TestCaseStatus::skipped(),
        Status::Regression
        | Status::Missing
        | Status::Gone
        | Status::Changed
        | Status::Inconclusive
        | Status::Better
        | Status::AsAccepted => match case.fails {
            true => TestCaseStatus::non_success(NonSuccessKind::Failure),
            false => TestCaseStatus::success(),
        },
    };
    result.set_type(status(case)).set_message(message(case));
    if case.fails {
        result.set_description(check::case(case));
    }
    result
}

/// What matters most of a case, on one line.
pub(super) fn message(case: &Case) -> String {
    let worst = told(case).find(|change| change.kind == Kind::Regression).or_else(|| told(case).next());
    let words = worst.map(|change| change.words.clone()).or_else(|| case.error.clone());
    words.unwrap_or_else(|| status(case).to_lowercase())
}
