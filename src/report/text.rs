//! A verdict in words, for a terminal of 80 columns.

use super::{
    format::{number, power},
    held_out,
};
use crate::verdict::{
    Divergence, DriftSummary, Farther, Mode, NonFinite, Outcome, Phase, RunMode, StartDifference, StartKind, Tie,
    Unjudged, Verdict,
};
use std::fmt::Write;

/// Gaps between the sides that are always shown; the others are in verdict.json.
const SHOWN: [&str; 4] = ["output", "loss", "gradients", "weights"];

/// The verdict, ending with a newline.
pub fn render(verdict: &Verdict) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, verdict);
    text
}

/// The verdict in one line.
pub fn headline(verdict: &Verdict) -> String {
    let steps = format!("{} step{}", verdict.steps, if verdict.steps == 1 { "" } else { "s" });
    match verdict.verdict {
        _ if verdict.interrupted => format!("INCONCLUSIVE: interrupted after {steps}"),
        Outcome::Parity => {
            let steps =
                if verdict.watched == verdict.steps { steps } else { format!("{} of {steps}", verdict.watched) };
            format!("PARITY: every phase of {steps} within what rounding explains")
        }
        Outcome::Mismatch => match (&verdict.first_divergence, verdict.non_finite.first()) {
            (Some(first), _) => format!("MISMATCH: first in {}", place(first)),
            (None, Some(found)) => format!("MISMATCH: {}", not_finite(found)),
            (None, None) => "MISMATCH".to_owned(),
        },
        Outcome::Inconclusive => match verdict.non_finite.iter().find(|found| found.counts) {
            Some(found) => format!("INCONCLUSIVE: {}", not_finite(found)),
            None if !verdict.is_judged() => "INCONCLUSIVE: nothing was judged, as noise = \"off\" asks".to_owned(),
            None if verdict.mode == Mode::Free && verdict.horizon == Some(0) => {
                "INCONCLUSIVE: every compared step lies past the horizon".to_owned()
            }
            None => match verdict.never_judged.as_slice() {
                [] => "INCONCLUSIVE: not enough was compared to say (see what was not checked)".to_owned(),
                [tensor] => format!("INCONCLUSIVE: {tensor} could be judged at no step"),
                [tensor, other] => format!("INCONCLUSIVE: {tensor} and {other} could be judged at no step"),
                [tensor, others @ ..] => {
                    format!("INCONCLUSIVE: {tensor} and {} other tensors could be judged at no step", others.len())
                }
            },
        },
    }
}

/// `backward at step 0, output_gradient[0, 0]`.
pub fn place(at: &Divergence) -> String {
    if at.phase == Phase::Start {
        return format!("the start, {}", at.tensor);
    }
    let index = if at.index.is_empty() { String::new() } else { format!("{:?}", at.index) };
    let mode = if at.mode == RunMode::Free { " of the free run" } else { "" };
    let since = match at.since {
        Some(since) if since + 1 == at.step => format!(" (step {since} was watched alone)"),
        Some(since) => format!(" (steps {since} to {} were watched alone)", at.step - 1),
        None => String::new(),
    };
    format!("{} at step {}{mode}, {}{index}{since}", at.phase.name(), at.step, at.tensor)
}

/// What one start difference is, in words.
pub fn start_words(difference: &StartDifference) -> String {
    let StartDifference { reference, candidate, gap, .. } = difference;
    match difference.kind {
        StartKind::Layer | StartKind::Dtype => format!("{reference} / {candidate}"),
        StartKind::Missing => format!("only the reference has it, {reference}"),
        StartKind::Extra => format!("only the candidate has it, {candidate}"),
        StartKind::Shape => format!("{reference} / {candidate}"),
        StartKind::InitialValues => format!("{reference} / {candidate}, gap {}", power(*gap)),
    }
}

/// Where values stopped being finite, in words.
pub fn not_finite(found: &NonFinite) -> String {
    let whose = match found.side {
        Farther::Both => "on both sides".to_owned(),
        side => format!("in the {side}"),
    };
    let index = if found.index.is_empty() { String::new() } else { format!("{:?}", found.index) };
    let place = format!("{whose} from step {}, {}, {}{index}", found.step, found.phase.name(), found.tensor);
    match found.overflow {
        Some(dtype) => format!("training diverges: beyond {dtype}'s largest number {place}"),
        None => format!("not finite {place}"),
    }
}

/// Whose fault a mismatch is.
pub fn whose(verdict: &Verdict) -> Option<String> {
    let first = verdict.first_divergence.as_ref().filter(|first| first.phase != Phase::Start)?;
    let exact = "what the reference's definition gives in exact arithmetic";
    let side = match first.farther {
        Some(Farther::Both) => format!("both sides are off {exact}"),
        Some(side) => format!("the {side} is off {exact}"),
        None => "a difference of definition: libtorch in f64 does not follow the replay's formula".to_owned(),
    };
    let values = match (first.reference, first.candidate) {
        (Some(reference), Some(candidate)) => {
            format!(" (reference {}, candidate {})", number(Some(reference)), number(Some(candidate)))
        }
        _ => String::new(),
    };
    Some(side + &values)
}

/// The tensors that were unjudged, each with its phase and at how many steps.
pub fn unjudged(verdict: &Verdict) -> Vec<String> {
    let words = |one: &Unjudged| {
        format!(
            "{} of {} ({}: {} of {} steps)",
            one.phase.name(),
            one.tensor,
            one.mode,
            one.steps,
            one.steps + one.judged
        )
    };
    verdict.unjudged.iter().map(words).collect()
}

/// Twins, horizon, ties and the referee, a sentence each.
pub fn noise_words(verdict: &Verdict) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(drift) = &verdict.noise.drift {
        let DriftSummary { step, apart, limit, .. } = drift;
        let beside = match verdict.noise.twins {
            0 => {
                format!("the limit, {} times what the synced steps leave in all, is {}", verdict.noise.k, power(*limit))
            }
            twins => format!("its {twins} twins {}, the limit {}", power(drift.twins), power(*limit)),
        };
        lines.push(format!(
            "drift: the free run's weights are {} apart where they use most of their limit (step {step}), {beside}",
            power(*apart)
        ));
    }
    if verdict.is_judged() && verdict.replayed < verdict.watched {
        lines.push(format!(
            "steps: replayed at {}, watched at all {}: at the others the synced sides were no farther apart than replays \
             have explained",
            verdict.replayed, verdict.watched
        ));
    }
    if !verdict.without_effect.is_empty() {
        lines.push(format!(
            "without effect: {}; the true gradient is 0 at every step, so that what a side makes of it cannot show",
            verdict.without_effect.join(", ")
        ));
    }
    if verdict.noise.twins > 0 {
        lines.push(match verdict.horizon {
            Some(step) => format!(
                "horizon: step {step}; from there on even twins of the reference are more than {} apart, and that the \
                 free run agrees proves nothing",
                power(Some(verdict.noise.horizon_at))
            ),
            None => "horizon: none; the free run counts to its end".to_owned(),
        });
    }
    if verdict.tied > 0 {
        let shown = verdict.ties.iter().take(3).map(|tie| {
            let Tie { mode, step, layer, sample, unit, .. } = tie;
            let [reference, candidate] = [tie.reference, tie.candidate].map(|value| power(Some(value)));
            format!("{mode} step {step}, layer {layer}, sample {sample}, unit {unit} ({reference} / {candidate})")
        });
        let shown: Vec<String> = shown.collect();
        let more = if verdict.tied > shown.len() { "; the others are in verdict.json" } else { "" };
        lines.push(format!("ties: {}, no mismatch: {}{more}", verdict.tied, shown.join("; ")));
    }
    match &verdict.noise.referee {
        Some(referee) if referee.differs.is_empty() => lines.push(format!(
            "referee: {} agrees with the replay's formulas at the {} steps it was asked at",
            referee.engine, referee.steps
        )),
        Some(referee) => lines.push(format!(
            "referee: {} does not follow the replay's formulas in {}; there the sides are compared with each other, and \
             none is called off",
            referee.engine,
            referee.differs.join(", ")
        )),
        None => {}
    }
    lines.extend(held_out::stopping_words(verdict));
    lines
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
    writeln!(text, "\n{}", headline(verdict))?;
    if let Some(words) = whose(verdict) {
        wrap(&words, 76).iter().try_for_each(|line| writeln!(text, "  {line}"))?;
    }
    writeln!(text)?;
    if !verdict.differences.is_empty() {
        writeln!(text, "What differs (reference / candidate)")?;
        for difference in &verdict.differences {
            writeln!(text, "  {difference}")?;
        }
        writeln!(text)?;
    }
    if !verdict.start.is_empty() {
        writeln!(text, "Start: what the experiment makes different (reference / candidate)")?;
        for difference in &verdict.start {
            writeln!(text, "  {:<12}{}", difference.tensor, start_words(difference))?;
        }
        writeln!(text)?;
    }
    if !verdict.data.is_empty() {
        writeln!(text, "Data")?;
        verdict.data.iter().try_for_each(|note| write_item(text, note))?;
        writeln!(text)?;
    }
    write_phases(text, verdict)?;
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

/// An item of a list.
fn write_item(text: &mut String, item: &str) -> std::fmt::Result {
    let lines = wrap(item, 76);
    let mut lines = lines.iter().enumerate();
    lines.try_for_each(|(number, line)| writeln!(text, "{} {line}", if number == 0 { "  -" } else { "   " }))
}

fn write_phases(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    writeln!(text, "Each phase against exact arithmetic on its own inputs (budget = gap / limit)")?;
    writeln!(text, "  {:<10}{:>9}{:>10}{:>10}   beyond rounding", "phase", "budget", "gap", "limit")?;
    for (phase, summary) in &verdict.phases {
        let found = match &summary.first_divergence {
            None if verdict.non_finite.iter().any(|found| found.phase == *phase) => "not finite".to_owned(),
            None if summary.compared == 0 => "nothing compared".to_owned(),
            None => "no".to_owned(),
            Some(first) => {
                let index = if first.index.is_empty() { String::new() } else { format!("{:?}", first.index) };
                let ratio = match first.farther {
                    Some(Farther::Reference) => ", the reference".to_owned(),
                    _ => first.ratio.map_or(String::new(), |ratio| format!(", × {}", number(Some(ratio)))),
                };
                format!("step {}, {}{index}{ratio}", first.step, first.tensor)
            }
        };
        let [budget, gap, limit] = [summary.budget, summary.max_gap, summary.limit].map(power);
        writeln!(text, "  {:<10}{budget:>9}{gap:>10}{limit:>10}   {found}", phase.name())?;
    }
    let shown: Vec<String> = unjudged(verdict);
    if !shown.is_empty() {
        let words = format!("unjudged, as their own noise passes 1 %: {}", shown.join(", "));
        for (number, line) in wrap(&words, 74).iter().enumerate() {
            writeln!(text, "  {}{line}", if number == 0 { "" } else { "  " })?;
        }
    }
    let detectable = |phase| verdict.phases.get(&phase).and_then(|summary| summary.detectable);
    let shown = |phase, of: &str| match detectable(phase) {
        Some(least) => format!("{} in {of}", power(Some(least))),
        None => format!("none for certain in {of}"),
    };
    let (gradients, updates) = (shown(Phase::Backward, "gradients"), shown(Phase::Update, "updates"));
    writeln!(text, "  would have shown: a lasting fault of {gradients}, {updates},")?;
    writeln!(text, "    {}", shown(Phase::Loss, "the loss"))?;
    let minimum = |phase: &Phase| verdict.phases.get(phase).and_then(|summary| summary.minimum_limit);
    let minima = Phase::COMPUTED.map(|phase| format!("{} {}", phase.name(), power(minimum(&phase))));
    writeln!(text, "  a uniform limit would have to be: {}", minima[..2].join(", "))?;
    writeln!(text, "    {}", minima[2..].join(", "))?;
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
    for name in SHOWN {
        write!(text, "  {name:<18}")?;
        for mode in &modes {
            if let Some(gap) = verdict.gaps.get(mode).and_then(|gaps| gaps.get(name)) {
                write!(text, "{:>14}{:>12}", power(gap.max), power(gap.last))?;
            }
        }
        writeln!(text)?;
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
fn wrap(words: &str, width: usize) -> Vec<String> {
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
