//! What the studies' reports have in common: tables, claims, what had to hold.

use super::StudyVerdict;
use std::fmt::Write;

/// A table in Markdown. Columns from `right` on stand at the right.
///
/// ```
/// # use lockstep::study::page::table;
/// let rows = [vec!["a".to_owned(), "1".to_owned()]];
/// assert_eq!(table(&["what", "n"], 1, &rows), "| what | n |\n|---|--:|\n| a | 1 |\n");
/// ```
pub fn table(head: &[&str], right: usize, rows: &[Vec<String>]) -> String {
    let marks: String = (0..head.len()).map(|column| if column < right { "---|" } else { "--:|" }).collect();
    let mut text = format!("| {} |\n|{marks}\n", head.join(" | "));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Whether what we found agrees with what is printed, in words.
pub fn agrees(agrees: Option<bool>) -> &'static str {
    match agrees {
        Some(true) => "agrees",
        Some(false) => "does not agree",
        None => "cannot be told",
    }
}

/// The claims with their answers.
pub fn claims(study: &StudyVerdict) -> String {
    let rows: Vec<_> = study
        .claims
        .iter()
        .map(|claim| vec![claim.id.clone(), claim.printed.clone(), claim.ours.clone(), agrees(claim.agrees).to_owned()])
        .collect();
    table(&["claim", "printed", "ours", ""], 4, &rows)
}

/// What had to hold, what is missing, and where the rest is: the end of every report.
pub fn end(study: &StudyVerdict) -> String {
    let mut text = "\n## What had to hold\n\n".to_owned();
    for expectation in &study.expectations {
        let held = if expectation.held { "held" } else { "**failed**" };
        let _ = writeln!(text, "- {held}: {}", expectation.what);
    }
    text += &missing(study);
    let _ = writeln!(
        text,
        "\nEverything in numbers: [verdict.json](verdict.json). Made by `lockstep study {}`.",
        study.study
    );
    text
}

/// What could not be run, and how to get what it wants.
pub fn missing(study: &StudyVerdict) -> String {
    let mut text = String::new();
    if !study.missing.is_empty() {
        text += "\n## Not run\n\n";
        for what in &study.missing {
            let _ = writeln!(text, "- {what}");
        }
    }
    text
}

/// The claims for a terminal: one line each, and what did not hold.
pub fn summary(study: &StudyVerdict, title: &str) -> String {
    let mut text = format!("{title}\n\n");
    for claim in &study.claims {
        let _ = writeln!(text, "  {}: {}\n    {}", claim.id, agrees(claim.agrees), claim.ours);
    }
    for expectation in study.expectations.iter().filter(|expectation| !expectation.held) {
        let _ = writeln!(text, "  FAILED: {}", expectation.what);
    }
    for what in &study.missing {
        let _ = writeln!(text, "  Not run: {what}");
    }
    text
}
