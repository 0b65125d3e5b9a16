//! Steps in tables: ratios, what they are made of, their arithmetic, and inference.

use super::{
    all::Report,
    measured::{Figures, Measured, Met, Row},
    report::{percent, times, us},
    worker::Work,
};
use crate::report::number;
use std::fmt::{Result, Write};

const RATIOS: &str = "| network | threads | work | libtorch, µs | scratch, µs | ratio | 95 % | at least | | GFLOP/s | \
                      GB/s | of the roofline | bound by |\n|---|--:|---|--:|--:|--:|--:|--:|---|--:|--:|--:|---|\n";

fn write_ratio(text: &mut String, one: &Measured, row: &Row) -> Result {
    let (reference, candidate) = (&row.reference, &row.candidate);
    let met = match row.met() {
        Some(Met::Yes) => "met",
        Some(Met::Nearly) => "nearly",
        Some(Met::NotQuite) => "**not quite**",
        Some(Met::No) => "**not met**",
        None => "",
    };
    let batch = if row.work < Work::Whole { String::new() } else { format!(" ({})", row.batch) };
    writeln!(
        text,
        "| {} | {} | {}{batch} | {} | {} | **{}** | {}–{} | {} | {met} | {} / {} | {} / {} | {} / {} | {} |",
        one.name,
        one.threads,
        row.work.name(),
        us(reference),
        us(candidate),
        times(row.ratio.median),
        times(row.ratio.low),
        times(row.ratio.high),
        number(row.at_least),
        number(Some(reference.gflops)),
        number(Some(candidate.gflops)),
        number(Some(reference.gb_per_s)),
        number(Some(candidate.gb_per_s)),
        percent(reference.roofline),
        percent(candidate.roofline),
        candidate.bound.as_deref().unwrap_or("–")
    )
}

pub(super) fn write_steps(text: &mut String, report: &Report) -> Result {
    writeln!(text, "## Training steps\n\nPairs of figures are libtorch / scratch.\n")?;
    text.push_str(RATIOS);
    for one in &report.measured {
        for row in one.rows.iter().filter(|row| matches!(row.work, Work::Step | Work::Fused)) {
            write_ratio(text, one, row)?;
        }
    }
    writeln!(
        text,
        "\nThe networks:\n\n| name | | parameters | batch | samples/s, libtorch | samples/s, scratch |\n\
         |---|---|--:|--:|--:|--:|"
    )?;
    for one in report.measured.iter().filter(|one| one.threads == 1) {
        let Some(row) = one.rows.iter().find(|row| row.work == Work::Step) else { continue };
        writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} | {:.0} |",
            one.name, one.title, one.parameters, row.batch, row.reference.samples_per_s, row.candidate.samples_per_s
        )?;
    }
    writeln!(
        text,
        "\n### By phase\n\nOf an observed step, µs, libtorch / scratch, and in brackets their shares of the roofline. \
         A clock read ends each phase; what it costs is taken off.\n\n\
         | network | threads | forward | loss | backward | update |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for one in &report.measured {
        write!(text, "| {} | {} |", one.name, one.threads)?;
        for row in phases(one) {
            let (reference, candidate) = (&row.reference, &row.candidate);
            let shares = [reference.roofline, candidate.roofline].map(percent);
            write!(text, " {} / {} ({} / {}) |", us(reference), us(candidate), shares[0], shares[1])?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// The phases of a step.
pub(super) fn phases(one: &Measured) -> impl Iterator<Item = &Row> {
    Work::PHASES.into_iter().filter_map(|phase| one.rows.iter().find(|row| row.work == phase))
}

/// What a ratio is made of.
pub(super) fn write_composition(text: &mut String, report: &Report) -> Result {
    writeln!(
        text,
        "\n### What a ratio is made of\n\n\
         Of one thread's step, how much is the least that the machine allows, and how much is on top of it: calls, \
         allocation, autograd's graph, and products and loops that are slower than they could be. Where nearly all of \
         both is on top, the ratio compares overheads and says nothing of arithmetic.\n\n\
         | network | least, µs | bound by | libtorch on top, µs | scratch on top, µs |\n|---|--:|---|--:|--:|"
    )?;
    for one in report.measured.iter().filter(|one| one.threads == 1) {
        let Some(row) = one.rows.iter().find(|row| row.work == Work::Step) else { continue };
        let least = |figures: &Figures| figures.roofline.map(|share| share * figures.us.median);
        let top = |figures: &Figures| {
            let share = figures.roofline.map(|share| 1.0 - share);
            format!(
                "{} ({})",
                number(least(figures).map(|least| (figures.us.median - least).max(0.0))),
                percent(share.map(|share| share.max(0.0)))
            )
        };
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            one.name,
            number(least(&row.candidate)),
            row.candidate.bound.as_deref().unwrap_or("–"),
            top(&row.reference),
            top(&row.candidate)
        )?;
    }
    write_arithmetic(text, report)?;
    let smallest = report.sweeps.iter().find(|sweep| sweep.name == "batch").and_then(|sweep| sweep.points.first());
    if let Some(point) = smallest {
        writeln!(
            text,
            "\nOn tiny networks libtorch's time is dispatch: a step of 2-25-25-1 on a single row takes it {} µs and \
             scratch {}, {} times less, for the same few thousand operations.",
            number(Some(point.reference_us.median)),
            number(Some(point.candidate_us.median)),
            times(point.ratio.median)
        )?;
    }
    for sweep in report.sweeps.iter().filter(|sweep| sweep.name != "threads") {
        let Some(last) = sweep.points.last() else { continue };
        match sweep.catches_up {
            Some(at) => writeln!(
                text,
                "It catches up at about {} {} ({}); at {} the ratio is {}.",
                number(Some(at.round())),
                sweep.axis,
                sweep.of,
                last.at,
                times(last.ratio.median)
            )?,
            None => writeln!(
                text,
                "It does not catch up to {} {} ({}), where the ratio is still {}.",
                last.at,
                sweep.axis,
                sweep.of,
                times(last.ratio.median)
            )?,
        }
    }
    Ok(())
}

/// How near the products come to the machine, and where the two do not compute the same products.
fn write_arithmetic(text: &mut String, report: &Report) -> Result {
    let rows = || report.measured.iter().filter(|one| one.threads == 1).flat_map(|one| &one.rows);
    let best = |of: fn(&Row) -> &Figures| {
        let bound = rows().map(of).filter(|figures| figures.bound.as_deref() == Some("arithmetic"));
        percent(bound.filter_map(|figures| figures.roofline).reduce(f64::max))
    };
    writeln!(
        text,
        "\nOf one thread's measured multiply-adds the products reach at most {} in libtorch (MKL's, as the wheel that \
         PyTorch's users install has it) and {} in scratch, over all work here that arithmetic bounds.",
        best(|row| &row.reference),
        best(|row| &row.candidate)
    )?;
    for one in report.measured.iter().filter(|one| one.threads == 1) {
        let operations = |figures: &Figures| figures.gflops * figures.us.median;
        let step = one.rows.iter().find(|row| row.work == Work::Step);
        let more = step.map_or(1.0, |row| operations(&row.reference) / operations(&row.candidate));
        if more > 1.01 {
            writeln!(
                text,
                "On {} libtorch multiplies with every column of a row, zeros too: {more:.0} times as many operations. \
                 That, not how well either does them, is what the ratio is made of there, most of all in inference.",
                one.name
            )?;
        }
    }
    Ok(())
}

pub(super) fn write_inference(text: &mut String, report: &Report) -> Result {
    writeln!(
        text,
        "\n## Inference\n\nOutputs of test rows, libtorch without a graph (`torch.no_grad`): all rows in one batch, \
         batches of 64, and single rows. In brackets the rows of a batch; µs are of a batch.\n"
    )?;
    text.push_str(RATIOS);
    for one in &report.measured {
        for row in one.rows.iter().filter(|row| row.work >= Work::Whole) {
            write_ratio(text, one, row)?;
        }
    }
    Ok(())
}
