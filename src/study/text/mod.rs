//! "Comparing feed-forward networks in bare NumPy and PyTorch": a text classifier written twice, which differ in what
//! neither author nor reader could see.
//!
//! One file for each question of the document. Each runs its experiments, answers its claims and returns its sections
//! of the report; here stand the opening and their order.

mod chance;
mod classify;
mod dropout;
mod initial;
mod lengths;
mod naive_bayes;
mod parity;
mod perceptron;
mod sets;
mod shapes;
mod smaller;
mod softmax;
mod times;
mod together;
mod widths;

use super::{Context, Page, Study, StudyVerdict, page};
use crate::error::Result;

/// The study.
pub const STUDY: Study =
    Study { name: "text", title: TITLE, data: DATA, parts: times::SECTION.parts + parts(PUZZLES) + parts(EQUAL), run };

const TITLE: &str = "Feed-forward networks in bare NumPy against PyTorch, on text";

/// What all of it needs.
const DATA: &[&str] = &[
    "odiya/odiya.train.txt",
    "odiya/odiya.ppmi-svd.300d.vec.gz",
    "questions/questions.train.txt",
    "questions/questions.test.txt",
    "4dim/4dim.train.txt",
    "glove/glove.6B.50d.subset.txt",
];

/// A question of the document.
struct Section {
    /// How many parts it runs.
    parts: usize,
    /// Runs them, adds its claims and expectations, and returns its Markdown, from a heading of the second level on.
    run: fn(&Context<'_>, &mut StudyVerdict) -> Result<String>,
}

/// What the document leaves open, in the order of the report.
const PUZZLES: &[Section] = &[softmax::SECTION, dropout::SECTION, classify::SECTION, widths::SECTION, lengths::SECTION];

/// What is left once the causes are removed.
const EQUAL: &[Section] = &[smaller::SECTION, parity::SECTION, together::SECTION];

const fn parts(sections: &[Section]) -> usize {
    let (mut parts, mut section) = (0, 0);
    while section < sections.len() {
        parts += sections[section].parts;
        section += 1;
    }
    parts
}

/// The puzzle and its answer.
const OPENING: &str = "\
# Text: bare NumPy against PyTorch

One hidden layer on the vectors of a text's first tokens, written once in bare NumPy and once in PyTorch, \"identical\". \
PyTorch's losses come out twice as large at the same accuracy, and its author asks whether there is \"some sort of an \
implicit regularization inherited in PyTorch's implementation\"; and both score on the test rows hardly better than by \
chance, which is \"very unclear\".

PyTorch does not regularize. The model ends in a softmax and is trained with a loss that applies another, so that with three \
classes its loss cannot fall below .551; its dropout is switched off after the first epoch and never on again; its initial \
weights are others. The test scores are chance: the test lines were shuffled when they were read, and the predictions \
compared with labels in the old order. Each cause is put in and taken out below, on both sides; with none left the two are at \
parity.
";

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    // Times are measured first, while nothing else runs, and told after the puzzles.
    let times = (times::SECTION.run)(context, verdict)?;
    let on_times = std::mem::take(&mut verdict.claims);
    let all = |sections: &[Section], verdict: &mut StudyVerdict| {
        sections.iter().map(|section| (section.run)(context, verdict)).collect::<Result<String>>()
    };
    let puzzles = all(PUZZLES, verdict)?;
    verdict.claims.extend(on_times);
    let equal = all(EQUAL, verdict)?;
    let (claims, end) = (page::claims(verdict), page::end(verdict));
    let report = format!("{OPENING}\n## Claims\n\n{claims}{puzzles}{times}{equal}{end}");
    Ok(Page { report, summary: page::summary(verdict, TITLE) })
}
