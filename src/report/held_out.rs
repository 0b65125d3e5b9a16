//! How the sides did on rows that they did not train on, as tables and sentences.

use super::format::number;
use crate::judge::verdict::{Decision, Evaluated, Outcome, RunMode, Scores, Verdict};
use std::fmt::Write;

/// Looks that a table shows, the latest ones.
const SHOWN: usize = 8;

/// What early stopping decided, and in which candidate it would have gone otherwise.
pub fn stopping_words(verdict: &Verdict) -> Option<String> {
    let stopping = verdict.stopping.as_ref()?;
    let best = stopping.best.map_or("never had a best look".to_owned(), |best| format!("was best after {best} steps"));
    let stopped = match stopping.stopped {
        Some(steps) => format!("stopped after {steps}"),
        None => "went on to the end".to_owned(),
    };
    let restored = if stopping.restored { "; every side was given back its weights of the best look" } else { "" };
    let others: Vec<String> = stopping.candidates.iter().filter(|own| !own.same).map(decided_otherwise).collect();
    let decided = match others.as_slice() {
        [] => "the candidate decides the same".to_owned(),
        others if verdict.verdict == Outcome::Parity => format!(
            "by its own scores {}. Every side's scores are judged by what its own weights give, so that only rounding is \
             between the two decisions: a tie",
            others.join(", and ")
        ),
        others => format!("by its own scores {}", others.join(", and ")),
    };
    Some(format!("early stopping: the reference {best} and {stopped}{restored}; {decided}"))
}

fn decided_otherwise(own: &Decision) -> String {
    let stopped = match own.stopped {
        Some(steps) => format!("would have stopped after {steps} steps"),
        None => "would not have stopped".to_owned(),
    };
    let best = own.best.map_or("was never best".to_owned(), |best| format!("was best after {best}"));
    format!("the {} candidate {stopped} and {best}", own.mode)
}

/// The candidate that a reader looks at first: the free one where there is one.
fn shown(evaluated: &Evaluated) -> Option<&(RunMode, Scores)> {
    evaluated.candidates.last()
}

fn score(scores: &Scores) -> [String; 2] {
    let accuracy = scores.accuracy.map_or("–".to_owned(), |share| format!("{:.2} %", 100.0 * share));
    [number(scores.loss), accuracy]
}

/// A row for each of the latest looks: part, steps, the reference's loss and accuracy, the candidate's.
pub fn rows(verdict: &Verdict) -> Vec<[String; 6]> {
    let skipped = verdict.evaluations.len().saturating_sub(SHOWN);
    let row = |evaluated: &Evaluated| {
        let [loss, accuracy] = score(&evaluated.reference);
        let [own_loss, own_accuracy] = shown(evaluated).map_or_else(Default::default, |(_, scores)| score(scores));
        [evaluated.part.clone(), evaluated.steps.to_string(), loss, accuracy, own_loss, own_accuracy]
    };
    verdict.evaluations.iter().skip(skipped).map(row).collect()
}

/// The section of a text.
pub fn text(verdict: &Verdict) -> String {
    let rows = rows(verdict);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = String::from("Held-out rows, latest looks        reference               candidate\n");
    let head = ["part", "steps", "loss", "accuracy", "loss", "accuracy"].map(str::to_owned);
    for [part, steps, loss, accuracy, own_loss, own_accuracy] in std::iter::once(head).chain(rows) {
        let _ = writeln!(text, "  {part:<12}{steps:>8}{loss:>14}{accuracy:>10}{own_loss:>14}{own_accuracy:>10}");
    }
    text + "\n"
}

/// The section of a page, with the confusion matrix of the last look at each part.
pub fn markdown(verdict: &Verdict) -> String {
    let rows = rows(verdict);
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n## Held-out rows\n\nThe latest {} of {} looks.\n\n| part | after steps | reference: loss | accuracy | \
         candidate: loss | accuracy |\n|---|--:|--:|--:|--:|--:|\n",
        rows.len(),
        verdict.evaluations.len()
    );
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    if verdict.evaluations.iter().filter(|evaluated| evaluated.part == "validation").count() > 1 {
        text.push_str("\n![how the sides do on the validation rows](held-out.svg)\n");
    }
    if let Some(words) = stopping_words(verdict) {
        let _ = writeln!(text, "\n{}.", words.replacen("early", "Early", 1));
    }
    for part in ["validation", "test"] {
        let last = verdict.evaluations.iter().rev().find(|evaluated| evaluated.part == part);
        let Some(last) = last else { continue };
        let of_candidate = shown(last).map(|(mode, scores)| (format!("the {mode} candidate"), scores));
        for (side, scores) in std::iter::once(("the reference".to_owned(), &last.reference)).chain(of_candidate) {
            if let Some(matrix) = &scores.confusion {
                let _ = write!(text, "\n{}", confusion(part, &side, matrix));
            }
        }
    }
    text
}

/// Rows of each class against what they were taken for.
fn confusion(part: &str, side: &str, matrix: &[Vec<usize>]) -> String {
    let heads: Vec<String> = (0..matrix.len()).map(|class| class.to_string()).collect();
    let mut text =
        format!("What {side} takes the {part} rows of each class for:\n\n| class | {} |\n|--:|", heads.join(" | "));
    text.push_str(&"--:|".repeat(matrix.len()));
    for (class, row) in matrix.iter().enumerate() {
        let counts: Vec<String> = row.iter().map(usize::to_string).collect();
        let _ = write!(text, "\n| **{class}** | {} |", counts.join(" | "));
    }
    text + "\n"
}
