//! report.md of a bench, and what a single one says on a terminal.

use super::{
    all::Report,
    interval::Interval,
    measured::{Figures, Measured, Met, Row},
    overhead::AT_MOST,
    peak::Peak,
    python::PythonRow,
    rounds::Pace,
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
fn times(ratio: f64) -> String {
    let digits = if ratio >= 10.0 { 0 } else { 2 };
    format!("{ratio:.digits$}")
}

fn percent(share: Option<f64>) -> String {
    match share {
        Some(share) if share < 0.095 => format!("{:.1} %", 100.0 * share),
        Some(share) => format!("{:.0} %", 100.0 * share),
        None => "–".to_owned(),
    }
}

fn us(figures: &Figures) -> String {
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

fn write_machine(text: &mut String, report: &Report) -> Result {
    writeln!(text, "## The machine\n")?;
    for (key, value) in &report.environment {
        writeln!(text, "- {key}: {value}")?;
    }
    let names: Vec<&str> = report
        .peaks
        .first()
        .map_or_else(Vec::new, |peak| peak.levels.iter().map(|level| level.name.as_str()).collect());
    writeln!(
        text,
        "\nMeasured in this run, the best of many tries: f32 multiply-adds on registers (two operations each), and \
         the better of reading and of a = b + s·c from each level of memory, over half of a cache, or four times the \
         last one.\n"
    )?;
    writeln!(
        text,
        "| threads | GFLOP/s | {} |",
        names.iter().map(|name| format!("{name}, GB/s")).collect::<Vec<_>>().join(" | ")
    )?;
    writeln!(text, "|--:|--:|{}", "--:|".repeat(names.len()))?;
    for Peak { threads, gflops, levels } in &report.peaks {
        write!(text, "| {threads} | {gflops:.0} |")?;
        levels.iter().try_for_each(|level| write!(text, " {:.0} |", level.gb_per_s))?;
        writeln!(text)?;
    }
    Ok(())
}

fn write_method(text: &mut String, report: &Report) -> Result {
    let pace = if report.asked.quick { Pace::QUICK } else { Pace::FULL };
    let idle = report.measured.iter().filter_map(|one| Some((one.threads, one.idle?)));
    let (alone, together): (Vec<_>, Vec<_>) = idle.partition(|(threads, _)| *threads == 1);
    let largest = |found: Vec<(usize, f64)>| found.iter().map(|(_, share)| *share).reduce(f64::max);
    writeln!(
        text,
        "\n## How it is measured\n\n\
         - One engine in a process. The two take turns: a block of every kind of work by the one, {} ms of pause ({} \
         ms with several threads), the same by the other; who goes first alternates, and a repetition that is not \
         timed opens a turn. A block repeats its work for {} ms at least; {} to {} rounds.\n\
         - `OMP_NUM_THREADS` is set before a process starts, and no wait policy: {}. The idle process took at most {} \
         of the working one's time with one thread, and {} with several.\n\
         - Medians, with the order statistics that enclose the true median with 95 % confidence; ratios are of blocks \
         pair by pair. A target is *met* where the whole interval is above it, *nearly* where the median is, *not \
         quite* where some of the interval is.\n\
         - The same batch is repeated, in f32, with learning rates so small that the numbers stay those of the first \
         steps. Both engines copy the batch in. Data are drawn; SST-2's rows are 8 random words of 10106, which \
         scratch takes sparse and libtorch dense, as in the lecture.\n\
         - The *observed* step is forward, loss, backward and update one by one, every gradient written down, as \
         lockstep needs it. The *fused* one is a step that nobody looks into; libtorch has only the one.\n\
         - GFLOP/s count the products alone, GB/s what has to move at least: parameters, state, gradients, inputs and \
         outputs of layers, each once per use (`src/bench/counted.rs` has the formula). The roofline is the least \
         time that the measured machine allows for both, with the bandwidth of the level that holds all of it: small \
         networks live in a cache. A share above 100 % says that layers were fused, or that a cache above held part \
         of it.\n",
        pace.pause.as_secs_f64() * 1e3,
        pace.long_pause.as_secs_f64() * 1e3,
        pace.block.as_secs_f64() * 1e3,
        pace.least,
        pace.most,
        report.wait_policy,
        percent(largest(alone)),
        percent(largest(together))
    )?;
    let disturbed: Vec<String> = report
        .measured
        .iter()
        .filter(|one| one.disturbed())
        .map(|one| format!("{} with {} ({})", one.name, threads(one.threads), percent(one.others)))
        .collect();
    if disturbed.is_empty() {
        let most = report.measured.iter().filter_map(|one| one.others).reduce(f64::max);
        return writeln!(
            text,
            "What other programs disturbed was measured again; they took at most {} of the machine meanwhile.\n",
            percent(most)
        );
    }
    writeln!(
        text,
        "**Not quiet**: other programs took too much of the machine while these were measured, three times over, which \
         are not to be believed: {}.\n",
        disturbed.join(", ")
    )
}

fn threads(count: usize) -> String {
    if count == 1 { "one thread".to_owned() } else { format!("{count} threads") }
}

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

fn write_steps(text: &mut String, report: &Report) -> Result {
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
fn phases(one: &Measured) -> impl Iterator<Item = &Row> {
    Work::PHASES.into_iter().filter_map(|phase| one.rows.iter().find(|row| row.work == phase))
}

/// What a ratio is made of.
fn write_composition(text: &mut String, report: &Report) -> Result {
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

fn write_inference(text: &mut String, report: &Report) -> Result {
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
