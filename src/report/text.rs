//! A verdict in words, for a terminal of 80 columns.

use super::{
    format::{budget, power},
    held_out,
    words::{
        causes, diverging, headline, loss_pair, no_difference, noise_words, pattern, sentence, start_words,
        steps_agree, tensors_head, throughout, times, unjudged, whose, worked_out,
    },
};
use crate::judge::verdict::{Farther, Phase, RunMode, Verdict};
use std::fmt::Write;

/// Tensors of the phase in which the sides first part that a text shows; the others are in verdict.json.
const MOST_TENSORS: usize = 24;

/// Gaps between the sides that are always shown; the others are in verdict.json.
const SHOWN: [&str; 4] = ["output", "loss", "gradients", "weights"];

/// The verdict, ending with a newline.
pub fn render(verdict: &Verdict) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, verdict);
    text
}

fn write_all(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    writeln!(text, "{}", verdict.experiment)?;
    for side in ["reference", "candidate"] {
        if let Some(value) = verdict.measured.environment.get(side) {
            for (number, line) in wrap(value, 67).iter().enumerate() {
                writeln!(text, "  {:<11}{line}", if number == 0 { side } else { "" })?;
            }
        }
    }
    writeln!(text)?;
    wrap(&headline(verdict), 80).iter().try_for_each(|line| writeln!(text, "{line}"))?;
    for (head, lines) in causes(verdict) {
        wrap(&head, 76).iter().try_for_each(|line| writeln!(text, "  {line}"))?;
        for words in lines {
            wrap(&words, 72)
                .iter()
                .enumerate()
                .try_for_each(|(number, line)| writeln!(text, "  {}{line}", if number == 0 { "- " } else { "  " }))?;
        }
        writeln!(text)?;
    }
    let told = [whose(verdict), verdict.only_in.clone(), steps_agree(verdict), diverging(verdict), worked_out(verdict)];
    for words in told.into_iter().flatten() {
        wrap(&sentence(&words), 76).iter().try_for_each(|line| writeln!(text, "  {line}"))?;
    }
    writeln!(text)?;
    write_losses(text, verdict)?;
    if !verdict.differences.is_empty() {
        writeln!(text, "What differs (reference / candidate)")?;
        verdict.differences.iter().try_for_each(|difference| write_item(text, difference))?;
        if let Some(words) = no_difference(verdict) {
            wrap(&words, 76).iter().try_for_each(|line| writeln!(text, "  {line}"))?;
        }
        writeln!(text)?;
    }
    // What is of description stands above.
    let start = || verdict.start.iter().filter(|difference| difference.kind.is_of_numbers());
    if start().next().is_some() {
        writeln!(text, "Start: what the experiment makes different (reference / candidate)")?;
        for difference in start() {
            write_item(text, &format!("{}: {}", difference.tensor, start_words(difference)))?;
        }
        writeln!(text)?;
    }
    write_tensors(text, verdict)?;
    if !verdict.data.is_empty() {
        writeln!(text, "Data")?;
        verdict.data.iter().try_for_each(|note| write_item(text, note))?;
        writeln!(text)?;
    }
    if verdict.judged {
        write_phases(text, verdict)?;
    }
    write_gaps(text, verdict)?;
    text.push_str(&held_out::text(verdict));
    write_speed(text, verdict)?;
    if !verdict.not_checked.is_empty() {
        writeln!(text, "Not checked")?;
        verdict.not_checked.iter().try_for_each(|item| write_item(text, item))?;
        writeln!(text)?;
    }
    Ok(())
}

/// Both sides' losses at the first, a middle and the last step.
fn write_losses(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let losses = &verdict.losses;
    if losses.steps.is_empty() {
        return Ok(());
    }
    let pairs: Vec<[String; 2]> =
        losses.reference.iter().zip(&losses.candidate).map(|(one, other)| loss_pair(*one, *other)).collect();
    write!(text, "{:<13}", "Loss")?;
    losses.steps.iter().try_for_each(|step| write!(text, "{:>20}", format!("step {step}")))?;
    for (side, name) in ["reference", "candidate"].iter().enumerate() {
        write!(text, "\n  {name:<11}")?;
        pairs.iter().try_for_each(|pair| write!(text, "{:>20}", pair[side]))?;
    }
    writeln!(text, "\n")
}

/// Every tensor of the phase in which the sides first part.
fn write_tensors(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let Some(first) = verdict.first_divergence.as_ref().filter(|first| !first.tensors.is_empty()) else {
        return Ok(());
    };
    wrap(sentence(&tensors_head(first)).trim_end_matches('.'), 80)
        .iter()
        .try_for_each(|line| writeln!(text, "{line}"))?;
    writeln!(text, "  {:<30}{:<28}{:>9}{:>9}", "tensor", "it is", "gap", "limit")?;
    for found in first.tensors.iter().take(MOST_TENSORS) {
        let [gap, limit] = [found.gap, found.limit].map(power);
        writeln!(text, "  {:<30}{:<28}{gap:>9}{limit:>9}", found.name, pattern(found))?;
    }
    if first.tensors.len() > MOST_TENSORS {
        writeln!(text, "  and {} more, in verdict.json", first.tensors.len() - MOST_TENSORS)?;
    }
    writeln!(text)
}

/// An item of a list.
fn write_item(text: &mut String, item: &str) -> std::fmt::Result {
    let lines = wrap(item, 76);
    let mut lines = lines.iter().enumerate();
    lines.try_for_each(|(number, line)| writeln!(text, "{} {line}", if number == 0 { "  -" } else { "   " }))
}

fn write_phases(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    writeln!(text, "Each phase against exact arithmetic on its own inputs, at its worst")?;
    writeln!(text, "  {:<12}{:>9}{:>10}{:>10}   first beyond rounding", "phase", "budget", "gap", "limit")?;
    for (phase, summary) in &verdict.phases {
        let found = match &summary.first_divergence {
            None if verdict.non_finite.iter().any(|found| found.phase == *phase) => "not finite".to_owned(),
            None if summary.compared == 0 => "nothing compared".to_owned(),
            None => "no".to_owned(),
            Some(first) => {
                let side = if first.farther == Some(Farther::Reference) { ", the reference" } else { "" };
                let place = format!("step {}, {}{side}", first.step, first.tensor);
                let ratio = throughout(first).map_or(String::new(), times);
                if place.chars().count() + ratio.chars().count() <= 34 { place + &ratio } else { place }
            }
        };
        let [gap, limit] = [summary.max_gap, summary.limit].map(power);
        writeln!(text, "  {:<12}{:>9}{gap:>10}{limit:>10}   {found}", phase.name(), budget(summary.budget))?;
    }
    writeln!(text, "  budget: what the worst element uses of its limit; above 1 is not rounding")?;
    let of_update = verdict.phases.get(&Phase::Update).and_then(|summary| summary.budget);
    if of_update.is_some_and(|budget| (0.75..=1.0).contains(&budget)) {
        let words = "an update's budget is near 1 in every healthy run: new weights are rounded to their type, and of \
                     many one lies halfway between two of its numbers";
        wrap(words, 74).iter().try_for_each(|line| writeln!(text, "  {line}"))?;
    }
    let shown: Vec<String> = unjudged(verdict);
    if !shown.is_empty() {
        let words = format!("unjudged, as their own noise passes 1 %: {}", shown.join(", "));
        for (number, line) in wrap(&words, 74).iter().enumerate() {
            writeln!(text, "  {}{line}", if number == 0 { "" } else { "  " })?;
        }
    }
    let all = [(Phase::Backward, "gradients"), (Phase::Update, "updates"), (Phase::Loss, "the loss")];
    let of = all.into_iter().filter(|(phase, _)| verdict.phases.contains_key(phase));
    let detectable = |phase| verdict.phases.get(&phase).and_then(|summary| summary.detectable);
    let (known, unknown): (Vec<_>, Vec<_>) = of.partition(|(phase, _)| detectable(*phase).is_some());
    let known: Vec<String> = known.iter().map(|(phase, of)| format!("{} in {of}", power(detectable(*phase)))).collect();
    let unknown: Vec<&str> = unknown.iter().map(|(_, of)| *of).collect();
    let power_words = match (known.as_slice(), unknown.as_slice()) {
        ([], _) => "power: none; a tensor that is off by a factor at every step need not have shown".to_owned(),
        (known, unknown) => format!(
            "power: a tensor that is off by a factor of 1 ± {} at every step would have shown{}",
            known.join(", "),
            if unknown.is_empty() { String::new() } else { format!("; none for certain in {}", unknown.join(", ")) }
        ),
    };
    let minimum = |phase: &Phase| verdict.phases.get(phase).and_then(|summary| summary.minimum_limit);
    let there = Phase::COMPUTED.into_iter().filter(|phase| verdict.phases.contains_key(phase));
    let minima: Vec<_> = there.map(|phase| format!("{} {}", phase.name(), power(minimum(&phase)))).collect();
    let one = format!("one tolerance for all tensors of a phase would have to be: {}", minima.join(", "));
    for words in [power_words, one] {
        for (number, line) in wrap(&words, 76).iter().enumerate() {
            writeln!(text, "  {}{line}", if number == 0 { "" } else { "  " })?;
        }
    }
    writeln!(text)?;
    write_noise(text, verdict)
}

/// Twins, horizon, ties and the referee.
fn write_noise(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let lines = noise_words(verdict);
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, "Noise")?;
    for words in lines {
        for (number, line) in wrap(&words, 76).iter().enumerate() {
            writeln!(text, "  {}{line}", if number == 0 { "" } else { "  " })?;
        }
    }
    writeln!(text)
}

fn write_gaps(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let modes: Vec<RunMode> = verdict.gaps.keys().copied().collect();
    writeln!(text, "Gap between the sides")?;
    write!(text, "  {:<18}", "tensor")?;
    for mode in &modes {
        write!(text, "{:>14}{:>12}", format!("{mode}: largest"), "last step")?;
    }
    writeln!(text)?;
    for name in SHOWN.into_iter().filter(|name| verdict.gaps.values().any(|gaps| gaps.contains_key(*name))) {
        write!(text, "  {name:<18}")?;
        for mode in &modes {
            if let Some(gap) = verdict.gaps.get(mode).and_then(|gaps| gaps.get(name)) {
                write!(text, "{:>14}{:>12}", power(gap.max), power(gap.last))?;
            }
        }
        writeln!(text)?;
    }
    if !verdict.without_effect.is_empty() {
        writeln!(text, "  (what is without effect is counted here, too)")?;
    }
    writeln!(text)
}

fn write_speed(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let Some(speed) = &verdict.measured.speed else { return Ok(()) };
    writeln!(text, "Wall time per step, µs, median (one clock read of {:.3} µs in each phase)", speed.timer_us)?;
    writeln!(text, "  {:<12}{:>11}{:>11}{:>9}", "phase", "reference", "candidate", "ratio")?;
    let mut row = |name: &str, reference: f64, candidate: f64| {
        writeln!(text, "  {name:<12}{reference:>11.2}{candidate:>11.2}{:>9.1}", reference / candidate)
    };
    for (phase, speed) in &speed.per_phase {
        row(phase.name(), speed.reference_us, speed.candidate_us)?;
    }
    row("whole step", speed.reference_us, speed.candidate_us)?;
    writeln!(text, "  the whole run, comparing and judging included: {:.2} s\n", speed.run_s)
}

/// Breaks words into lines of at most `width` characters.
pub(crate) fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let room = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if room == 0 => line.push_str(word),
            Some(line) if room + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
