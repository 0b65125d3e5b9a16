//! A check as GitHub shows it: annotations at the lines to look at, and a summary of the step.

use super::{
    check::{self, sentence, status, told},
    escaped,
    format::{budget, power},
    junit::message,
    words::{causes, headline},
};
use crate::{
    baseline::{Case, Check, Kind},
    judge::verdict::Verdict,
};
use std::fmt::Write;

/// Annotations of a kind that GitHub shows of one step.
const MOST: usize = 10;

/// Bytes that GitHub takes of one step's summary, 1 MiB, less room for what others have written there.
const MOST_BYTES: usize = 900_000;

/// One annotation.
struct Annotation {
    file: String,
    line: usize,
    title: String,
    words: String,
}

/// Workflow commands: an error for each case that fails and a warning for each that has something to tell, as many as GitHub
/// shows, and the rest in the last one. `shown` makes of a path that was typed one from the repository's root.
pub fn annotations(check: &Check, shown: &dyn Fn(&str) -> String) -> String {
    let (failing, others): (Vec<&Case>, Vec<&Case>) = check.cases.iter().partition(|case| case.fails);
    let warned = |case: &&Case| told(case).any(|change| change.kind != Kind::Decided);
    let one = |case: &Case| annotation(case, shown);
    let errors: Vec<Annotation> = failing.into_iter().map(one).collect();
    let warnings: Vec<Annotation> = others.into_iter().filter(warned).map(one).collect();
    let mut text = commands("error", errors) + &commands("warning", warnings);
    for words in check::unmeasured(check) {
        let _ = writeln!(text, "::notice title=lockstep::{}", data(&words));
    }
    text
}

fn annotation(case: &Case, shown: &dyn Fn(&str) -> String) -> Annotation {
    let mut words = vec![message(case)];
    let others = told(case).map(sentence).filter(|sentence| !sentence.ends_with(&words[0]));
    words.extend(others.collect::<Vec<_>>());
    if let Some(verdict) = case.verdict.as_ref().filter(|_| case.fails) {
        words.extend(causes(verdict).into_iter().flat_map(|(head, lines)| [vec![head], lines].concat()));
    }
    Annotation {
        file: shown(&case.file),
        line: case.line,
        title: format!("lockstep: {} {}", case.name, status(case)),
        words: words.join("\n"),
    }
}

fn commands(kind: &str, mut all: Vec<Annotation>) -> String {
    if all.len() > MOST {
        let rest = all.split_off(MOST - 1);
        let names: Vec<String> = rest.iter().map(|more| format!("{}:{}", more.file, more.line)).collect();
        let words = format!("and {} more: {}", rest.len(), names.join(", "));
        let title = format!("lockstep: {} more", rest.len());
        all.extend(rest.into_iter().next().map(|first| Annotation { title, words, ..first }));
    }
    all.iter()
        .map(|Annotation { file, line, title, words }| {
            format!("::{kind} file={},line={line},title={}::{}\n", property(file), property(title), data(words))
        })
        .collect()
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary of the step, as Markdown: what fails, with its cause and a picture, then all cases.
pub fn summary(check: &Check) -> String {
    let mut text = format!("### Lockstep\n\n{}\n\n", escaped(&check::summary(check)));
    for case in check.cases.iter().filter(|case| case.fails) {
        let part = failing(case);
        if text.len() + part.len() > MOST_BYTES {
            text.push_str("What more there is to tell did not fit; it is in the step's log.\n\n");
            break;
        }
        text.push_str(&part);
    }
    text.push_str("| experiment | result | what |\n|---|---|---|\n");
    for case in &check.cases {
        let words: Vec<String> = told(case).map(|change| escaped(&sentence(change))).collect();
        let line = format!("| {} | {} | {} |\n", escaped(&case.name), status(case), words.join("; "));
        if text.len() + line.len() < MOST_BYTES {
            text.push_str(&line);
        }
    }
    text + "\n"
}

fn failing(case: &Case) -> String {
    // Writing to a String cannot fail.
    let mut text = format!("#### {}: {}\n\n", escaped(&case.name), escaped(&message(case)));
    let Some(verdict) = &case.verdict else { return text };
    let _ = writeln!(text, "{}\n", escaped(&headline(verdict)));
    for (head, lines) in causes(verdict) {
        let _ = writeln!(text, "{}\n", escaped(&head));
        lines.iter().for_each(|words| text.push_str(&format!("- {}\n", escaped(words))));
        text.push('\n');
    }
    text + &phases(verdict) + &picture(case, verdict)
}

/// How far off each phase is.
fn phases(verdict: &Verdict) -> String {
    let mut text = "| phase | gap | limit | gap / limit |\n|---|---|---|---|\n".to_owned();
    for (phase, summary) in &verdict.phases {
        let [gap, limit] = [summary.max_gap, summary.limit].map(power);
        let _ = writeln!(text, "| {} | {gap} | {limit} | {} |", phase.name(), budget(summary.budget));
    }
    text + "\n"
}

/// How far beyond its limit the phase is that first goes wrong, step by step, which GitHub draws from Mermaid's words.
fn picture(case: &Case, verdict: &Verdict) -> String {
    let Some((phase, _)) = verdict.phases.iter().find(|(_, summary)| summary.first_divergence.is_some()) else {
        return String::new();
    };
    // A logarithm of 0 has no place in a picture.
    let least = |budget: f32| format!("{:.2}", budget.max(1e-3).log10());
    if case.budgets.len() < 2 || case.budgets.iter().any(|(_, budget)| !budget.is_finite()) {
        return String::new();
    }
    let steps: Vec<String> = case.budgets.iter().map(|(step, _)| step.to_string()).collect();
    let budgets: Vec<String> = case.budgets.iter().map(|(_, budget)| least(*budget)).collect();
    format!(
        "```mermaid\nxychart-beta\n  title \"Gap / limit in {}, as a power of ten; above 0 is not rounding\"\n  x-axis \"step\" [{}]\n  \
         y-axis \"log10(gap / limit)\"\n  line [{}]\n  line [{}]\n```\n\n",
        phase.name(),
        steps.join(", "),
        budgets.join(", "),
        vec!["0"; steps.len()].join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_github_shows_is_summed_up_in_the_last_one() {
        let of = |count: usize| -> Vec<Annotation> {
            let one = |number: usize| Annotation {
                file: format!("a,b/{number}.toml"),
                line: number,
                title: "50 %: x".to_owned(),
                words: "first\nsecond 1,5 %".to_owned(),
            };
            (1..=count).map(one).collect()
        };
        let ten = commands("error", of(10));
        assert_eq!(ten.lines().count(), 10);
        let first = "::error file=a%2Cb/1.toml,line=1,title=50 %25%3A x::first%0Asecond 1,5 %25";
        assert_eq!(ten.lines().next(), Some(first));
        let more = commands("warning", of(14));
        assert_eq!(more.lines().count(), 10);
        let last = more.lines().last().unwrap();
        assert!(last.starts_with("::warning file=a%2Cb/10.toml,line=10,") && last.contains("and 5 more"), "{last}");
        assert!(last.contains("a,b/14.toml:14"), "{last}");
    }
}
