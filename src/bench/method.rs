//! What a bench ran on, and how it measured.

use super::{all::Report, peak::Peak, report::percent, rounds::Pace};
use std::fmt::{Result, Write};

pub(super) fn write_machine(text: &mut String, report: &Report) -> Result {
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

pub(super) fn write_method(text: &mut String, report: &Report) -> Result {
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

pub(super) fn threads(count: usize) -> String {
    if count == 1 { "one thread".to_owned() } else { format!("{count} threads") }
}
