//! A verdict as `report.md`, with the plots that lie beside it.

use super::{
    format::{budget, escaped, power, visible},
    held_out,
    words::{
        causes, diverging, headline, loss_pair, no_difference, noise_words, pattern, place, sentence, start_words,
        steps_agree, tensors_head, throughout, times, unjudged, whose, worked_out,
    },
};
use crate::judge::verdict::{Farther, Verdict};
use std::fmt::Write;

/// The report, ending with a newline.
pub fn render(verdict: &Verdict) -> String {
    let mut text = format!("# {}\n\n**{}**\n", escaped(&verdict.experiment), headline(verdict));
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, verdict);
    visible(&text).into_owned()
}

/// Both sides' losses at the first, a middle and the last step.
fn write_losses(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let losses = &verdict.losses;
    if losses.steps.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n| loss at step | reference | candidate |\n|--:|--:|--:|")?;
    for (step, (one, other)) in losses.steps.iter().zip(losses.reference.iter().zip(&losses.candidate)) {
        let [reference, candidate] = loss_pair(*one, *other);
        writeln!(text, "| {step} | {reference} | {candidate} |")?;
    }
    Ok(())
}

/// Every tensor of the phase in which the sides first part.
fn write_tensors(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    let Some(first) = verdict.first_divergence.as_ref().filter(|first| !first.tensors.is_empty()) else {
        return Ok(());
    };
    writeln!(
        text,
        "\n## Where\n\n{}\n\n| tensor | it is | gap | limit |\n|---|---|--:|--:|",
        sentence(&tensors_head(first))
    )?;
    for found in &first.tensors {
        let [gap, limit] = [found.gap, found.limit].map(power);
        writeln!(text, "| {} | {} | {gap} | {limit} |", escaped(&found.name), pattern(found))?;
    }
    Ok(())
}

fn write_all(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    for (head, lines) in causes(verdict) {
        writeln!(text, "\n**{}**\n", escaped(&head))?;
        lines.iter().try_for_each(|line| writeln!(text, "- {}", escaped(line)))?;
    }
    let told = [whose(verdict), verdict.only_in.clone(), steps_agree(verdict), diverging(verdict), worked_out(verdict)];
    for words in told.into_iter().flatten() {
        writeln!(text, "\n{}", sentence(&words))?;
    }
    write_losses(text, verdict)?;
    if let (Some(reference), Some(candidate)) =
        (verdict.measured.environment.get("reference"), verdict.measured.environment.get("candidate"))
    {
        let [reference, candidate] = [reference, candidate].map(|engine| escaped(engine));
        writeln!(text, "\n| side | engine |\n|---|---|\n| reference | {reference} |\n| candidate | {candidate} |")?;
    }
    if !verdict.differences.is_empty() {
        writeln!(text, "\nWhat differs (reference / candidate):\n")?;
        for difference in &verdict.differences {
            writeln!(text, "- `{}`", difference.replace('`', "'"))?;
        }
        if let Some(words) = no_difference(verdict) {
            writeln!(text, "\n{words}")?;
        }
    }
    write_tensors(text, verdict)?;
    if !verdict.data.is_empty() {
        writeln!(text, "\n## Data\n")?;
        for note in &verdict.data {
            writeln!(text, "- {}", escaped(note))?;
        }
    }
    writeln!(text, "\n![reported loss of both sides](loss.svg)")?;
    if !verdict.start.is_empty() {
        writeln!(
            text,
            "\n## Start\n\nWhat the experiment makes different before the first step (reference / candidate):\n"
        )?;
        writeln!(text, "| tensor | difference |\n|---|---|")?;
        for difference in &verdict.start {
            writeln!(text, "| {} | {} |", escaped(&difference.tensor), escaped(&start_words(difference)))?;
        }
    }
    writeln!(
        text,
        "\n## Phases\n\nEach phase of the candidate against what the reference's definition gives in exact arithmetic on \
         the candidate's own inputs. Gap and limit are those of the tensor with the element that \
         uses most of its bound on rounding, and budget is what that uses; above 1 it is more than rounding.\n"
    )?;
    writeln!(
        text,
        "| phase | budget | gap | limit | compared steps | unjudged | would have shown a factor of 1 ± | one tolerance would have to be | first \
         beyond its limit |"
    )?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|---|")?;
    for (phase, summary) in &verdict.phases {
        let found = summary.first_divergence.as_ref().map_or("–".to_owned(), |first| {
            let side = first.farther.map_or(String::new(), |side| match side {
                Farther::Both => ", both sides".to_owned(),
                side @ (Farther::Reference | Farther::Candidate) => format!(", {side}"),
            });
            format!("{}{}{side}", place(first), throughout(first).map_or(String::new(), times))
        });
        let [gap, limit, detectable, minimum] =
            [summary.max_gap, summary.limit, summary.detectable, summary.minimum_limit].map(power);
        writeln!(
            text,
            "| {} | {} | {gap} | {limit} | {} | {} | {detectable} | {minimum} | {found} |",
            phase.name(),
            budget(summary.budget),
            summary.compared,
            summary.unjudged
        )?;
    }
    let hidden = unjudged(verdict);
    if !hidden.is_empty() {
        writeln!(text, "\nUnjudged, as their own noise passes 1 %: {}.", hidden.join(", "))?;
    }
    writeln!(text, "\n![gap of each phase from exact arithmetic, and its limit](gaps.svg)")?;
    let noise = noise_words(verdict);
    if !noise.is_empty() {
        writeln!(text, "\n## Noise\n")?;
        for words in noise {
            writeln!(text, "- {words}")?;
        }
    }
    writeln!(
        text,
        "\n## Gap between the sides\n\n| run | tensor | largest | at step | last step |\n|---|---|--:|--:|--:|"
    )?;
    for (mode, gaps) in &verdict.gaps {
        for (tensor, gap) in gaps {
            writeln!(text, "| {mode} | {tensor} | {} | {} | {} |", power(gap.max), gap.at, power(gap.last))?;
        }
    }
    writeln!(text, "\n![gap between the sides](drift.svg)")?;
    text.push_str(&held_out::markdown(verdict));
    if let Some(speed) = &verdict.measured.speed {
        writeln!(
            text,
            "\n## Wall time\n\nµs per step, median; one thread a side; one clock read of {:.3} µs in each phase.\n",
            speed.timer_us
        )?;
        writeln!(text, "| phase | reference | candidate | ratio |\n|---|--:|--:|--:|")?;
        for (phase, speed) in &speed.per_phase {
            let (reference, candidate) = (speed.reference_us, speed.candidate_us);
            writeln!(text, "| {} | {reference:.2} | {candidate:.2} | {:.1} |", phase.name(), reference / candidate)?;
        }
        writeln!(text, "| whole step | {:.2} | {:.2} | {:.1} |", speed.reference_us, speed.candidate_us, speed.ratio)?;
        writeln!(text, "\n![wall time by phase and side](time.svg)")?;
    }
    if !verdict.not_checked.is_empty() {
        writeln!(text, "\n## Not checked\n")?;
        for item in &verdict.not_checked {
            writeln!(text, "- {}", escaped(item))?;
        }
    }
    Ok(())
}
