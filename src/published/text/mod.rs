//! "Comparing feed-forward networks in bare NumPy and PyTorch": a text classifier written twice, which differ in what
//! neither author nor reader could see.
//!
//! One file for each question of the document. Each runs its experiments, answers its claims and returns its sections
//! of the report; here stand the opening and their order.
//! `draws`, `predictions` and `timing` run what `initial`, `classify` and `times` tell; `curves` draws for `dropout`.

mod chance;
mod classify;
mod curves;
mod draws;
mod dropout;
mod initial;
mod lengths;
mod naive_bayes;
mod parity;
mod perceptron;
mod predictions;
mod sets;
mod shapes;
mod smaller;
mod softmax;
mod times;
mod timing;
mod together;
mod widths;

use crate::{
    error::Result,
    study::{Context, Page, Study, StudyVerdict, page},
};

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

/// The puzzles and their answers.
const OPENING: &str = "\
# Text: bare NumPy against PyTorch

The same small network was written once in bare NumPy and once in PyTorch. The author was left with two puzzles: \
PyTorch's training loss is twice NumPy's at nearly the same accuracy, as if PyTorch regularized in secret, and both \
score near chance on the test data although they validate at some 80 %. Neither puzzle is in PyTorch: the model ends in \
a softmax and its loss applies a second, so that with three classes the loss cannot fall below .551; and the test lines \
are shuffled when they are read, so that predictions are scored against other lines' labels. Besides, PyTorch's \
dropout is off after the first epoch, and the two start from different initial weights.";

/// The opening, with what the runs without a difference came to.
fn opening(verdict: &StudyVerdict) -> String {
    let ([equal, all], [large, all_large]) = (parity::at_parity(verdict), together::at_parity(verdict));
    let (equal, all) = (equal + large, all + all_large);
    let runs = match all {
        0 => return format!("{OPENING}\n"),
        _ if equal == all => format!("all {all} runs"),
        _ => format!("{equal} of {all} runs"),
    };
    format!("{OPENING} With nothing different, or the same on both sides, the two are at parity in {runs}.\n")
}

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
    let opening = opening(verdict);
    let report = format!("{opening}\n## Claims\n\n{claims}{puzzles}{times}{equal}{end}");
    Ok(Page { report, summary: page::summary(verdict, TITLE) })
}
