//! report.md of a bench, and what a single one says on a terminal.

use super::{
    all::Report,
    interval::Interval,
    measured::{Figures, Measured, Met, Row},
    method::{threads, write_machine, write_method},
    overhead::AT_MOST,
    python::PythonRow,
    rounds::Pace,
    steps::{phases, write_composition, write_inference, write_steps},
    worker::Work,
};
use crate::report::number;
use std::fmt::{Result, Write};

/// report.md.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, report);
    text
}

/// For the terminal: one experiment.
pub fn text(measured: &Measured, pace: Pace) -> String {
    let mut text = format!(
        "{}, batch {}, {}\n  reference  {}\n  candidate  {}: {}\n\n\
         µs, medians of {} to {} blocks in turn, one engine in a process\n\
         {:<26}{:>7}{:>11}{:>11}{:>9}   95 %\n",
        measured.title,
        measured.rows.first().map_or(0, |row| row.batch),
        threads(measured.threads),
        measured.reference,
        measured.candidate,
        measured.model,
        pace.least,
        pace.most,
        "  work",
        "rows",
        "reference",
        "candidate",
        "ratio"
    );
    for row in &measured.rows {
        let Interval { low, median, high } = row.ratio;
        let _ = writeln!(
            text,
            "  {:<24}{:>7}{:>11}{:>11}{:>9}   {}–{}",
            row.work.name(),
            row.batch,
            number(Some(row.reference.us.median)),
            number(Some(row.candidate.us.median)),
            times(median),
            times(low),
            times(high)
        );
    }
    if measured.disturbed() {
        let _ = writeln!(
            text,
            "\nOther programs took {} of the machine meanwhile: not to be believed.",
            percent(measured.others)
        );
    }
    text
}

/// For the terminal: everything.
pub fn summary(report: &Report) -> String {
    let (met, asked) = targets(report);
    format!("Steps and inference of {} networks: {met} of {asked} ratios are what is asked for\n", networks(report))
}

fn networks(report: &Report) -> usize {
    report.measured.iter().filter(|one| one.threads == 1).count()
}

/// How many ratios are wholly what they are to be, of how many.
fn targets(report: &Report) -> (usize, usize) {
    let asked: Vec<Met> = report.measured.iter().flat_map(|one| &one.rows).filter_map(Row::met).collect();
    (asked.iter().filter(|met| **met == Met::Yes).count(), asked.len())
}

/// A ratio, with as many digits as mean something.
pub(super) fn times(ratio: f64) -> String {
    let digits = if ratio >= 10.0 { 0 } else { 2 };
    format!("{ratio:.digits$}")
}

pub(super) fn percent(share: Option<f64>) -> String {
    match share {
        Some(share) if share < 0.095 => format!("{:.1} %", 100.0 * share),
        Some(share) => format!("{:.0} %", 100.0 * share),
        None => "–".to_owned(),
    }
}

pub(super) fn us(figures: &Figures) -> String {
    number(Some(figures.us.median))
}

fn write_all(text: &mut String, report: &Report) -> Result {
    let (met, asked) = targets(report);
    writeln!(text, "# How fast is each engine?\n")?;
    writeln!(
        text,
        "Made by `lockstep bench all`{}. The reference is libtorch as PyTorch's users drive it (autograd, its \
         optimizers), the candidate our engine from scratch. {met} of {asked} ratios are what is asked for over their \
         whole interval.\n",
        if report.asked.quick { " --quick, which shows that it works and not how fast" } else { "" }
    )?;
    writeln!(text, "![ratio of every workload's training step](ratios.svg)\n")?;
    write_machine(text, report)?;
    write_method(text, report)?;
    write_steps(text, report)?;
    write_composition(text, report)?;
    write_inference(text, report)?;
    write_unmet(text, report)?;
    write_sweeps(text, report)?;
    write_overhead(text, report)?;
    write_memory(text, report)?;
    write_python(text, report)
}

/// Where a target is not met: what the time goes into.
fn write_unmet(text: &mut String, report: &Report) -> Result {
    let unmet = |row: &&Row| matches!(row.met(), Some(Met::No | Met::NotQuite));
    if !report.measured.iter().any(|one| one.rows.iter().any(|row| unmet(&row))) {
        return Ok(());
    }
    writeln!(text, "\n## Where a ratio is not what is asked for\n")?;
    for one in &report.measured {
        for row in one.rows.iter().filter(unmet) {
            write!(
                text,
                "- **{}, {}, {}**: {} of {}. Scratch is at {} of what {} allows, libtorch at {}.",
                one.name,
                threads(one.threads),
                row.work.name(),
                times(row.ratio.median),
                number(row.at_least),
                percent(row.candidate.roofline),
                row.candidate.bound.as_deref().unwrap_or("the machine"),
                percent(row.reference.roofline)
            )?;
            // The ratio that a candidate on the roofline itself would have.
            if let (Some(share), Some(least)) = (row.reference.roofline, row.at_least)
                && share * least > 1.0
            {
                write!(
                    text,
                    " No engine reaches it here: on the roofline itself the ratio would be {}.",
                    times(1.0 / share)
                )?;
            }
            if row.work < Work::Whole {
                let named = |row: &Row| format!("{} {} / {}", row.work.name(), us(&row.reference), us(&row.candidate));
                let shares: Vec<String> = phases(one).map(named).collect();
                write!(text, " Phases, µs, libtorch / scratch: {}.", shares.join(", "))?;
            }
            writeln!(text)?;
        }
    }
    Ok(())
}

fn write_sweeps(text: &mut String, report: &Report) -> Result {
    writeln!(text, "\n## How cost grows\n")?;
    for sweep in &report.sweeps {
        writeln!(text, "![{} of {}](sweep-{}.svg)\n", sweep.axis, sweep.of, sweep.name)?;
        writeln!(text, "| {} | libtorch, µs | scratch, µs | ratio | 95 % |\n|--:|--:|--:|--:|--:|", sweep.axis)?;
        for point in &sweep.points {
            writeln!(
                text,
                "| {} | {} | {} | {} | {}–{} |",
                point.at,
                number(Some(point.reference_us.median)),
                number(Some(point.candidate_us.median)),
                times(point.ratio.median),
                times(point.ratio.low),
                times(point.ratio.high)
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn write_overhead(text: &mut String, report: &Report) -> Result {
    writeln!(
        text,
        "## What lockstep costs\n\nA free run of both engines in one process, one thread, every step compared, over \
         what the two take alone on the same steps. *Driven*: every tensor of every step recorded. *Compared*: the \
         gaps between the sides as well, with `noise = \"off\"`. At most {AT_MOST} is asked for.\n\n\
         | network | parameters | both engines, µs | driven | 95 % | compared | 95 % | \
         |\n|---|--:|--:|--:|--:|--:|--:|---|"
    )?;
    for one in report.overhead.iter().flatten() {
        let Interval { low, median, high } = one.compared;
        writeln!(
            text,
            "| {} | {} | {} | {:.2} | {:.2}–{:.2} | {median:.2} | {low:.2}–{high:.2} | {} |",
            one.name,
            one.parameters,
            number(Some(one.engines_us.median)),
            one.driven.median,
            one.driven.low,
            one.driven.high,
            if median <= AT_MOST { "met" } else { "**not met**" }
        )?;
    }
    writeln!(text, "\n| process | seconds | 95 % | at most | |\n|---|--:|--:|--:|---|")?;
    for process in report.processes.iter().flatten() {
        let Interval { low, median, high } = process.seconds;
        let met = match process.at_most {
            Some(most) if median <= most => "met",
            Some(_) => "**not met**",
            None => "",
        };
        writeln!(
            text,
            "| {} | {median:.3} | {low:.3}–{high:.3} | {} | {met} |",
            process.command,
            number(process.at_most)
        )?;
    }
    Ok(())
}

fn write_memory(text: &mut String, report: &Report) -> Result {
    let megabytes = |bytes: u64| format!("{:.0}", bytes as f64 / 1e6);
    writeln!(
        text,
        "\n## Memory\n\nMB of a process in training: the most that it held with program, data and engine, libtorch / \
         scratch. The program alone has libtorch loaded in both.\n\n\
         | network | threads | program alone | peak |\n|---|--:|--:|--:|"
    )?;
    for one in &report.measured {
        let cell = |of: fn(&super::worker::Memory) -> u64| {
            let side = |side: usize| one.memory[side].as_ref().map_or("–".to_owned(), |memory| megabytes(of(memory)));
            format!("{} / {}", side(0), side(1))
        };
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            one.name,
            one.threads,
            cell(|memory| memory.program),
            cell(|memory| memory.peak)
        )?;
    }
    Ok(())
}

fn write_python(text: &mut String, report: &Report) -> Result {
    let Some(python) = &report.python else { return Ok(()) };
    writeln!(text, "\n## In Python\n\n{}\n", python.note)?;
    let mut libraries: Vec<&str> = Vec::new();
    for row in &python.rows {
        if !libraries.contains(&row.library.as_str()) {
            libraries.push(&row.library);
        }
    }
    if libraries.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "`scripts/bench.py` trains the same networks: plain NumPy on whole batches, and PyTorch as its tutorials \
         write it (SST-2's rows dense in both). One process for each library and number of threads, one after the \
         other. µs of a step.\n"
    )?;
    writeln!(text, "| network | threads | {} | libtorch | scratch |", libraries.join(" | "))?;
    writeln!(text, "|---|--:|{}--:|--:|", "--:|".repeat(libraries.len()))?;
    for one in &report.measured {
        let Some(step) = one.rows.iter().find(|row| row.work == Work::Step) else { continue };
        write!(text, "| {} | {} |", one.name, one.threads)?;
        for library in &libraries {
            let is = |row: &&PythonRow| {
                (row.library.as_str(), &row.workload, row.threads) == (library, &one.name, one.threads)
            };
            write!(text, " {} |", number(python.rows.iter().find(is).map(|row| row.us.median)))?;
        }
        writeln!(text, " {} | {} |", us(&step.reference), us(&step.candidate))?;
    }
    Ok(())
}
