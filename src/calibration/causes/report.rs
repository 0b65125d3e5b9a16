//! The study in words.

use super::{Answer, DTYPES, Findings, Found, Kept, List, NETWORKS, OPTIMIZER_NAMES, STEPS, mistakes::MISTAKES};
use crate::{
    cause,
    environment::environment,
    study::{
        StudyVerdict,
        page::{claims, table},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// How many of what was found are of a kind.
fn count<'f>(found: impl Iterator<Item = &'f Found> + Clone, answer: Answer) -> usize {
    found.filter(|found| found.answer == answer).count()
}

/// Those of a list that show, judged by so much of a run.
fn shown<'f>(found: &'f Findings, list: List, kept: &'f [Kept]) -> impl Iterator<Item = &'f Found> + Clone {
    let of = move |found: &&Found| found.made.0 == list && kept.contains(&found.kept);
    found.found.iter().filter(of).filter(|found| found.answer != Answer::Unseen)
}

/// `480 of 482 (99.6 %)`.
fn share(part: usize, all: usize) -> String {
    format!("{part} of {all} ({:.1} %)", 100.0 * part as f64 / all.max(1) as f64)
}

/// Answers the claims and states what must hold.
pub(super) fn judge(found: &Findings, study: &mut StudyVerdict) {
    let whole = [Kept::Live, Kept::Full];
    let mut claim = |id: &str, wanted: f64, found: &mut dyn Iterator<Item = &Found>| {
        let found: Vec<&Found> = found.collect();
        let right = count(found.iter().copied(), Answer::Right);
        let agrees = right as f64 >= wanted * found.len() as f64;
        study.claim(id, &format!("≥ {:.0} %", 100.0 * wanted), share(right, found.len()), Some(agrees));
    };
    claim("one mistake, live or all recorded", 0.99, &mut shown(found, List::Single, &whole));
    claim("one mistake, no activations recorded", 0.99, &mut shown(found, List::Single, &[Kept::Gradients]));
    claim("one mistake, weights alone", 0.90, &mut shown(found, List::Single, &[Kept::Weights]));
    claim("two mistakes in different phases", 0.95, &mut shown(found, List::Pair, &whole));
    let wrong = count(found.found.iter(), Answer::Wrong);
    let unknown: Vec<&Found> = shown(found, List::Unknown, &Kept::ALL).collect();
    let none = count(unknown.iter().copied(), Answer::Unexplained);
    let (controls, named) = found.controls;
    study.claim("wrong names", "0", share(wrong, found.found.len()), Some(wrong == 0));
    study.claim(
        "mistakes of no list, named",
        "0",
        share(unknown.len() - none, unknown.len()),
        Some(none == unknown.len()),
    );
    study.claim("no mistake, named", "0", share(named, controls), Some(named == 0));
    study.expect("no mistake is called by the name of another", wrong == 0);
    study.expect("where there is no mistake none is named", named == 0);
}

/// For the terminal.
pub(super) fn summary(study: &StudyVerdict) -> String {
    let mut text = "Is a cause called by its right name?\n\n".to_owned();
    for claim in &study.claims {
        text += &format!("  {:<38} {}: {}\n", claim.id, claim.printed, claim.ours);
    }
    text
}

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = format!(
        "# Is a cause called by its right name?\n\nMade by `lockstep study causes`. {} mistakes of {} causes, each made on \
         purpose wherever it can be: in {} networks under {} optimizers, in f32 and in f64, over {STEPS} steps of 8 rows. The \
         candidate runs beside PyTorch, or is recorded; then two mistakes at once, mistakes that stand in no list, and random \
         experiments without one.\n\nA mistake is *named* where every name that is given is its own or that of one which what \
         was recorded does not tell from it (docs/causes.md), and *proved* where a run of the reference that makes the same \
         mistake agrees with the candidate. Shares are of those that show: a mismatch was found.\n\n",
        MISTAKES.len(),
        MISTAKES.iter().map(|mistake| mistake.cause).collect::<BTreeSet<_>>().len(),
        NETWORKS.len(),
        OPTIMIZER_NAMES.len(),
    );
    text += &claims(study);
    text += "\nPrograms that are judged without a reference to hold them against do worse by their nature: DeepFD names faults \
             with a recall of .55 and a precision of .37 (Empirical Software Engineering 30:124, 2025). The mistakes here are \
             made by the judge's own formulas or by the engine from scratch; independent programs that make them are in \
             [cases/](../../cases/README.md).\n";
    let _ = by_kept(&mut text, found);
    let _ = by_network(&mut text, found);
    let _ = by_cause(&mut text, found);
    let _ = confused(&mut text, found);
    let processor = environment().remove("processor").unwrap_or_else(|| "an unknown processor".to_owned());
    text + &format!("\nRun on {processor}.\n")
}

fn by_kept(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(text, "\n## By what there is to judge by\n")?;
    let mut rows = Vec::new();
    for (list, what) in [(List::Single, "one"), (List::Pair, "two"), (List::Unknown, "of no list")] {
        for kept in Kept::ALL {
            for (dtype, name) in DTYPES.iter().enumerate() {
                let of =
                    found.found.iter().filter(|found| (found.made.0, found.kept, found.dtype) == (list, kept, dtype));
                if of.clone().next().is_none() {
                    continue;
                }
                let mut row =
                    vec![what.to_owned(), kept.words().to_owned(), (*name).to_owned(), of.clone().count().to_string()];
                row.extend(Answer::ALL.map(|answer| count(of.clone(), answer).to_string()));
                let [first, three] =
                    [0, 1].map(|place| of.clone().filter(|found| found.places[place]).count().to_string());
                rows.push([row, vec![first, three]].concat());
            }
        }
    }
    let answers = Answer::ALL.map(Answer::words);
    let head: Vec<&str> = ["mistakes", "judged by", "type", "made"]
        .into_iter()
        .chain(answers)
        .chain(["first", "in the first three"])
        .collect();
    text.write_str(&table(&head, 3, &rows))?;
    writeln!(
        text,
        "\n*First*: its own name is the one that leads; *in the first three*: it, or one of the first two that nothing tells \
         from it."
    )
}

fn by_network(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(text, "\n## By network and optimizer\n\nOne mistake: named and proved, of those that show.\n")?;
    let mut rows = Vec::new();
    for (network, about) in NETWORKS.iter().enumerate() {
        let mut row = vec![about.name.to_owned()];
        for optimizer in 0..OPTIMIZER_NAMES.len() {
            let all = shown(found, List::Single, &Kept::ALL);
            let of: Vec<&Found> =
                all.filter(|found| (found.network, found.optimizer) == (network, optimizer)).collect();
            row.push(format!("{} of {}", count(of.iter().copied(), Answer::Right), of.len()));
        }
        rows.push(row);
    }
    let head: Vec<&str> = ["network"].into_iter().chain(OPTIMIZER_NAMES).collect();
    text.write_str(&table(&head, 1, &rows))
}

fn by_cause(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(text, "\n## By mistake\n")?;
    let head: Vec<&str> = ["cause", "as it is made"].into_iter().chain(Answer::ALL.map(Answer::words)).collect();
    let rows: Vec<Vec<String>> = MISTAKES
        .iter()
        .enumerate()
        .map(|(number, mistake)| {
            let of = found.found.iter().filter(|found| found.made == (List::Single, number));
            let row = [format!("`{}`", mistake.cause), format!("`{}`", mistake.words())];
            row.into_iter().chain(Answer::ALL.map(|answer| count(of.clone(), answer).to_string())).collect()
        })
        .collect();
    text.write_str(&table(&head, 2, &rows))
}

/// What leads where it is not the mistake's own name.
fn confused(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Which name leads, where it is another one\n\nOf one mistake: what nothing recorded tells from it, or what is \
         wrong.\n"
    )?;
    let mut leads: BTreeMap<(&str, &str, Answer), usize> = BTreeMap::new();
    for one in found.found.iter().filter(|one| one.made.0 == List::Single) {
        let own = MISTAKES[one.made.1].cause;
        for name in one.names.iter().filter(|name| *name != own && *name != "unexplained") {
            *leads.entry((own, name, one.answer)).or_default() += 1;
        }
    }
    let rows: Vec<Vec<String>> = leads
        .iter()
        .map(|((own, name, answer), times)| {
            vec![format!("`{own}`"), format!("`{name}`"), answer.words().to_owned(), times.to_string()]
        })
        .collect();
    text.write_str(&table(&["mistake", "is called", "", "times"], 3, &rows))?;
    let ids: Vec<&str> = cause::ALL.iter().copied().flatten().map(|cause| cause.id).collect();
    let made: BTreeSet<&str> = MISTAKES.iter().map(|mistake| mistake.cause).collect();
    let others: Vec<String> = ids.iter().filter(|id| !made.contains(*id)).map(|id| format!("`{id}`")).collect();
    writeln!(
        text,
        "\nNot made here, as no network above can show them or the program itself cannot make them; cases/ has programs that \
         do: {}.",
        others.join(", ")
    )
}

/// A line for each mistake: what it was called, everywhere.
#[cfg(all(test, feature = "torch"))]
pub(super) fn answers(found: &[Found]) -> String {
    let mut text = String::new();
    for one in found {
        let mistakes = &one.made.0.mistakes()[one.made.1];
        let words: Vec<&str> = mistakes.iter().map(|mistake| mistake.words()).collect();
        let _ = writeln!(
            text,
            "{}, {}, {}, {}: {}: {} ({})",
            NETWORKS[one.network].name,
            OPTIMIZER_NAMES[one.optimizer],
            DTYPES[one.dtype],
            one.kept.words(),
            words.join(" and "),
            one.answer.words(),
            one.names.join(", ")
        );
    }
    text
}
