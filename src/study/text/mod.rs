//! "Comparing feed-forward networks in bare NumPy and PyTorch": a text classifier written twice, which differ in what
//! neither author nor reader could see.
//!
//! One file for each question of the document. Each runs its experiments, answers its claims and returns its sections
//! of the report; here stand the opening and their order.

mod dropout;
mod initial;
mod parity;
mod sets;
mod smaller;
mod softmax;

use super::{Context, Page, Study, StudyVerdict, page};
use crate::error::Result;

/// The study.
pub const STUDY: Study = Study { name: "text", title: TITLE, parts: parts(), run };

const TITLE: &str = "Feed-forward networks in bare NumPy against PyTorch, on text";

/// A question of the document.
struct Section {
    /// How many parts it runs.
    parts: usize,
    /// Runs them, adds its claims and expectations, and returns its Markdown, from a heading of the second level on.
    run: fn(&Context<'_>, &mut StudyVerdict) -> Result<String>,
}

/// In the order of the report.
const SECTIONS: &[Section] = &[softmax::SECTION, dropout::SECTION, smaller::SECTION, parity::SECTION];

const fn parts() -> usize {
    let (mut parts, mut section) = (0, 0);
    while section < SECTIONS.len() {
        parts += SECTIONS[section].parts;
        section += 1;
    }
    parts
}

/// The puzzle and its answer.
const OPENING: &str = "\
# Text: bare NumPy against PyTorch

One hidden layer on the vectors of a text's first tokens, written once in bare NumPy and once in PyTorch, \
\"identical\". PyTorch's losses come out twice as large at the same accuracy, and its author asks whether there is \
\"some sort of an implicit regularization inherited in PyTorch's implementation\".

There is none in PyTorch. The model ends in a softmax and is trained with a loss that applies another, so that with \
three classes its loss cannot fall below .551; its dropout is switched off after the first epoch and never on again; \
its initial weights are others. Each is put in and taken out below, on both sides; with none left the two are at parity.
";

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    let sections = SECTIONS.iter().map(|section| (section.run)(context, verdict)).collect::<Result<Vec<_>>>()?;
    let report =
        format!("{OPENING}\n## Claims\n\n{}{}{}", page::claims(verdict), sections.concat(), page::end(verdict));
    Ok(Page { report, summary: page::summary(verdict, TITLE) })
}
