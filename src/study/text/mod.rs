//! "Comparing feed-forward networks in bare NumPy and PyTorch": a text classifier written twice, which differ in what
//! neither author nor reader could see.
//!
//! One file for each question of the document. Each runs its experiments, answers its claims and returns its sections
//! of the report; here stand the opening and their order.

mod chance;
mod classify;
mod lengths;
mod naive_bayes;
mod perceptron;
mod sets;
mod shapes;
mod times;
mod together;
mod widths;

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

/// In the order of the report; times are measured first, while nothing else runs.
const SECTIONS: &[Section] = &[times::SECTION, classify::SECTION, widths::SECTION, lengths::SECTION, together::SECTION];

const fn parts() -> usize {
    let (mut parts, mut section) = (0, 0);
    while section < SECTIONS.len() {
        parts += SECTIONS[section].parts;
        section += 1;
    }
    parts
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    let sections = SECTIONS.iter().map(|section| (section.run)(context, verdict)).collect::<Result<Vec<_>>>()?;
    let report = format!(
        "# Text: bare NumPy against PyTorch\n\n## Claims\n\n{}{}{}",
        page::claims(verdict),
        sections.concat(),
        page::end(verdict)
    );
    Ok(Page { report, summary: page::summary(verdict, TITLE) })
}
