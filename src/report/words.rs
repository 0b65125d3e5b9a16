//! What a verdict says, in words that the terminal and the report share.

use super::{
    format::{counted, factor, number, pair, power},
    held_out,
};
use crate::judge::noise::UNJUDGED;
use crate::judge::verdict::{
    Cause, Divergence, DriftSummary, Farther, Mode, NonFinite, Outcome, Pattern, Phase, RunMode, StartDifference,
    StartKind, Status, TensorFound, Tie, Unjudged, Verdict, WorkedOut,
};

/// The verdict in one line.
pub fn headline(verdict: &Verdict) -> String {
    let steps = counted(verdict.steps, "step");
    match verdict.verdict {
        _ if verdict.interrupted => format!("INCONCLUSIVE: interrupted after {steps}"),
        Outcome::Parity => {
            let steps =
                if verdict.watched == verdict.steps { steps } else { format!("{} of {steps}", verdict.watched) };
            let what = if verdict.worked_out.is_empty() { "every phase of " } else { "" };
            let whole =
                if verdict.worked_out.contains(&WorkedOut::Gradients) { ", from weights to weights," } else { "" };
            format!("PARITY: {what}{steps}{whole} within what rounding explains")
        }
        Outcome::Mismatch => match (&verdict.first_divergence, verdict.non_finite.first()) {
            (Some(first), _) => format!("MISMATCH: first in {}", place_in(verdict, first)),
            (None, Some(found)) => format!("MISMATCH: {}", not_finite(found)),
            (None, None) => "MISMATCH".to_owned(),
        },
        Outcome::Inconclusive => match verdict.non_finite.iter().find(|found| found.counts) {
            Some(found) => format!("INCONCLUSIVE: {}", not_finite(found)),
            None if !verdict.judged => "INCONCLUSIVE: nothing was judged, as noise = \"off\" asks".to_owned(),
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

/// Each cause: its sentence, and what belongs to it.
pub fn causes(verdict: &Verdict) -> Vec<(String, Vec<String>)> {
    verdict.causes.iter().map(|cause| (cause_head(cause), cause_lines(cause))).collect()
}

fn cause_head(cause: &Cause) -> String {
    let phases: Vec<&str> = cause.phases.iter().map(|phase| phase.name()).collect();
    let phases = phases.join(" and ");
    match cause.status {
        Status::Confirmed => format!("Cause: {}.", cause.summary),
        Status::Consistent if cause.alternatives.is_empty() => format!("Cause, perhaps: {}.", cause.summary),
        Status::Consistent => format!("Cause, one of these: {}.", cause.summary),
        Status::Unexplained => format!("Cause of what differs in {phases}: {}.", cause.summary),
    }
}

fn cause_lines(cause: &Cause) -> Vec<String> {
    let mut lines = Vec::new();
    if cause.status == Status::Unexplained {
        return lines;
    }
    lines.push(cause.formula.clone());
    match (&cause.recognized, cause.constant) {
        (Some(recognized), measured @ Some(_)) => {
            lines.push(format!("Measured: {}, which is {recognized}.", number(measured)));
        }
        (Some(recognized), None) => lines.push(format!("That value is {recognized}.")),
        (None, measured @ Some(_)) => {
            lines.push(format!("Measured: {}, which is known as nothing.", number(measured)));
        }
        (None, None) => {}
    }
    let sets: Vec<String> = cause.edits.iter().map(|edit| format!("--set '{edit}'")).collect();
    let sets = sets.join(" ");
    lines.push(match (&cause.proof, cause.status) {
        (Some(proof), Status::Confirmed) => format!(
            "Proved: a reference that does the same ({}) agrees with the candidate for {}: {sets}",
            proof.by,
            counted(proof.steps, "step")
        ),
        (Some(_) | None, Status::Confirmed | Status::Consistent | Status::Unexplained) => {
            format!("With it all steps that were replayed fit: {sets}")
        }
    });
    lines.extend(cause.remedy.iter().map(|remedy| sentence(remedy)));
    for other in &cause.alternatives {
        lines.push(format!("Or {} ({}).", other.summary, other.edits.join(", ")));
    }
    if let Some(told) = &cause.would_tell {
        lines.push(match cause.alternatives.is_empty() {
            true => format!("What would tell more: {told}."),
            false => format!("What was recorded does not tell these apart; it would be told by {told}."),
        });
    }
    lines
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
    // The loss is all that there is of its phase.
    let tensor = if at.phase == Phase::Loss { String::new() } else { format!(", {}{index}", at.tensor) };
    format!("{} at step {}{mode}{tensor}{since}", at.phase.name(), at.step)
}

/// The same, where the verdict tells which run it is.
fn place_in(verdict: &Verdict, at: &Divergence) -> String {
    let mode = if verdict.mode == Mode::Free { RunMode::Sync } else { at.mode };
    place(&Divergence { mode, ..at.clone() })
}

/// What one start difference is, in words.
pub fn start_words(difference: &StartDifference) -> String {
    let StartDifference { reference, candidate, gap, .. } = difference;
    match difference.kind {
        StartKind::Layer | StartKind::Dtype => format!("{reference} / {candidate}"),
        StartKind::Missing => format!("only the reference has it, of shape {reference}"),
        StartKind::Extra => format!("only the candidate has it, of shape {candidate}"),
        StartKind::Shape => format!("{reference} / {candidate}"),
        StartKind::InitialValues => format!("{reference} / {candidate}, gap {}", power(*gap)),
    }
}

/// Where values stopped being finite, in words.
pub fn not_finite(found: &NonFinite) -> String {
    let index = if found.index.is_empty() { String::new() } else { format!("{:?}", found.index) };
    let of = |whose: &str| match found.phase {
        Phase::Loss => format!("{whose} loss"),
        phase
        @ (Phase::Start | Phase::Batch | Phase::Forward | Phase::Backward | Phase::Update | Phase::Evaluation) => {
            format!("{whose} {}{index} in {}", found.tensor, phase.name())
        }
    };
    let beside = match (found.side, found.value) {
        (Farther::Both, _) => String::new(),
        (side, Some(value)) => format!(", where the {} has {}", other(side), number(Some(value))),
        (side, None) => format!(", where the {}'s is finite", other(side)),
    };
    let (what, step) = (&found.what, found.step);
    match (found.overflow, found.side) {
        (Some(dtype), Farther::Both) => {
            format!("training diverges: {} overflows {dtype} at step {step}", of("both sides'"))
        }
        (Some(dtype), side) => {
            format!("training diverges: {} overflows {dtype} at step {step}{beside}", of(&format!("the {side}'s")))
        }
        (None, Farther::Both) => format!("{} is {what} at step {step}", of("both sides'")),
        (None, side) => format!("{} is {what} at step {step}{beside}", of(&format!("the {side}'s"))),
    }
}

fn other(side: Farther) -> Farther {
    match side {
        Farther::Reference => Farther::Candidate,
        Farther::Candidate => Farther::Reference,
        Farther::Both => Farther::Both,
    }
}

/// What to do where training diverged, on both sides or beyond a type.
pub fn diverging(verdict: &Verdict) -> Option<String> {
    let found = verdict.non_finite.iter().find(|found| found.counts)?;
    let same = verdict
        .first_divergence
        .as_ref()
        .is_some_and(|first| (first.step, first.phase, &first.tensor) == (found.step, found.phase, &found.tensor));
    match verdict.verdict {
        // It is said already.
        Outcome::Mismatch if same => None,
        Outcome::Mismatch => Some(format!("The run ended with step {}: {}", found.step, not_finite(found))),
        Outcome::Parity | Outcome::Inconclusive => Some(
            "After that nothing means anything, so the run ended there. Both sides train the same way up to it: try a \
             smaller learning rate, clipped gradients or smaller initial weights"
                .to_owned(),
        ),
    }
}

/// Whose fault a mismatch is, with the values at the place.
pub fn whose(verdict: &Verdict) -> Option<String> {
    let first = verdict.first_divergence.as_ref()?;
    if first.phase == Phase::Start {
        let difference = verdict.start.iter().find(|difference| difference.tensor == first.tensor)?;
        let words = start_words(difference);
        return Some(match difference.kind {
            StartKind::Missing | StartKind::Extra => format!("{}: {words}", difference.tensor),
            StartKind::Layer | StartKind::Shape | StartKind::InitialValues | StartKind::Dtype => {
                format!("reference / candidate: {words}")
            }
        });
    }
    if first.phase == Phase::Batch {
        return Some(format!("the candidate was given other {}", given(first)));
    }
    let same =
        |found: &&NonFinite| (found.step, found.phase, &found.tensor) == (first.step, first.phase, &first.tensor);
    if let Some(found) = verdict.non_finite.iter().find(same) {
        return Some(format!("{}; the run ended there", not_finite(found)));
    }
    if first.is_drift() {
        let side = first.farther.map_or(String::new(), |side| format!(", and the {side} is farther from exact ones"));
        return Some(format!(
            "every phase is within its limit, but the free run's weights go {} apart, where rounding explains {}{side}",
            power(first.gap),
            power(first.limit)
        ));
    }
    let Some(side) = first.farther else {
        let words = "a difference of definition: libtorch in f64 does not follow the replay's formula";
        return Some(words.to_owned() + &values(first));
    };
    let (whose, right) = match side {
        Farther::Both => ("both sides'".to_owned(), "their"),
        Farther::Reference | Farther::Candidate => (format!("the {side}'s"), "its"),
    };
    let (known, unknown) = earlier(first.phase, &verdict.worked_out);
    let are = |parts: &[&str]| if let ["loss"] = parts { "is" } else { "are" };
    let up_to_there = match known.as_slice() {
        [] => String::new(),
        known => format!(". Up to there {right} {} {} right", listed(known), are(known)),
    };
    let not_there = match unknown.as_slice() {
        [] => String::new(),
        unknown => format!(
            ". {} {} {} not recorded: what is wrong in them shows here, too",
            if right == "its" { "Its" } else { "Their" },
            listed(unknown),
            if let ["loss"] = unknown { "was" } else { "were" }
        ),
    };
    Some(format!("{whose} {} {}{}{up_to_there}{not_there}", thing(first), how(first), values(first)))
}

/// What is wrong, as a tensor of its phase: `update of 2.bias`.
fn thing(first: &Divergence) -> String {
    let tensor = &first.tensor;
    let layer = tensor.strip_prefix("activation/").map(|layer| format!("output of layer {layer}"));
    let named = layer.unwrap_or_else(|| match tensor.as_str() {
        "output" => "output".to_owned(),
        "output_gradient" => "gradient in the output".to_owned(),
        tensor => match tensor.strip_prefix("activation_gradient/") {
            Some(layer) => format!("gradient in the output of layer {layer}"),
            None => tensor.to_owned(),
        },
    });
    match first.phase {
        Phase::Update => format!("update of {named}"),
        Phase::Backward if !named.contains("gradient") => format!("gradient in {named}"),
        Phase::Evaluation => format!("{named} in evaluation mode"),
        Phase::Start | Phase::Batch | Phase::Forward | Phase::Loss | Phase::Backward => named,
    }
}

/// In which way it is wrong.
fn how(first: &Divergence) -> String {
    let found = first.tensors.iter().find(|found| found.name == first.tensor);
    match found.map(|found| (found.pattern, found.constant)) {
        Some((Pattern::Times, Some(constant))) if (constant + 1.0).abs() < 1e-5 => "has the wrong sign".to_owned(),
        Some((Pattern::Times, Some(constant))) if constant >= 1.01 => {
            format!("is {} times too large", factor(Some(constant)))
        }
        Some((Pattern::Times, Some(constant))) => {
            let shown = factor(Some(constant));
            let shown = if shown.contains(' ') { format!("({shown})") } else { shown };
            format!("is {shown} times what it should be")
        }
        Some((Pattern::Zero, _)) => "is 0 throughout".to_owned(),
        Some((Pattern::Transposed, _)) => "is transposed".to_owned(),
        Some((Pattern::Permuted, _)) => "has its elements in another order".to_owned(),
        Some((Pattern::Times | Pattern::Same | Pattern::Uneven, _)) | None => "is wrong".to_owned(),
    }
}

/// The phases of a step before this one, in words, with their verb.
fn earlier(phase: Phase, worked_out: &[WorkedOut]) -> (Vec<&'static str>, Vec<&'static str>) {
    let parts: &[WorkedOut] = match phase {
        Phase::Loss => &[WorkedOut::Outputs],
        Phase::Backward => &[WorkedOut::Outputs, WorkedOut::Loss],
        Phase::Update => &[WorkedOut::Outputs, WorkedOut::Loss, WorkedOut::Gradients],
        Phase::Start | Phase::Batch | Phase::Forward | Phase::Evaluation => &[],
    };
    let named =
        |there: bool| parts.iter().filter(|part| worked_out.contains(part) != there).map(|part| part.name()).collect();
    (named(true), named(false))
}

/// `outputs, loss and gradients`.
fn listed(parts: &[&str]) -> String {
    match parts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What was not there, and what became of it.
pub fn worked_out(verdict: &Verdict) -> Option<String> {
    if verdict.worked_out.is_empty() {
        return None;
    }
    let parts: Vec<&str> = verdict.worked_out.iter().map(|part| part.name()).collect();
    Some(format!(
        "not recorded: {}. They are worked out in f64 from the candidate's own weights, with what rounding may do on the way, and \
         judged in what follows from them",
        listed(&parts)
    ))
}

/// What the candidate was given, beside what the reference was.
fn given(first: &Divergence) -> String {
    let what = if first.tensor == "targets" { "targets" } else { "rows" };
    match (first.reference, first.candidate) {
        _ if first.gap.is_none() => format!("{what}, and another number of them"),
        (Some(_), Some(_)) => {
            let [reference, candidate] = pair(first.reference, first.candidate);
            format!("{what}: {candidate} where the reference was given {reference}")
        }
        _ => what.to_owned(),
    }
}

/// The values where a phase first goes wrong: the side's, and what it should be.
fn values(first: &Divergence) -> String {
    let own = if first.farther == Some(Farther::Reference) { first.reference } else { first.candidate };
    match (own, first.expected) {
        (Some(own), Some(expected)) => {
            let [shown, should] = pair(Some(own), Some(expected));
            let same = |constant: f64| (own / expected / constant - 1.0).abs() < 1e-3;
            let said = expected == 0.0 || throughout(first).is_some_and(same);
            let times = if said { String::new() } else { times(own / expected) };
            let at = if first.index.is_empty() { String::new() } else { format!("at {:?} it is ", first.index) };
            format!(": {at}{shown} where it should be {should}{times}")
        }
        _ => match pair(first.reference, first.candidate) {
            _ if first.reference.is_none() || first.candidate.is_none() => String::new(),
            [reference, candidate] => format!(": reference {reference}, candidate {candidate}"),
        },
    }
}

/// `, × 2` or `, × (1 − 2.2e-5)`.
pub fn times(ratio: f64) -> String {
    let shown = factor(Some(ratio));
    if shown.contains(' ') { format!(", × ({shown})") } else { format!(", × {shown}") }
}

/// Whether the whole steps agree all the same, and why.
pub fn steps_agree(verdict: &Verdict) -> Option<String> {
    let steps = verdict.steps_agree?;
    let phase = verdict.first_divergence.as_ref().map(|first| first.phase);
    let agree = "The steps they make, from weights to weights, agree";
    Some(match (steps, &verdict.identity, phase) {
        (true, Some(identity), _) => {
            format!("{agree} on this run, and must: {identity}. They are two ways to write the same training")
        }
        (true, None, Some(Phase::Start)) => format!("{agree}, where they start from the same weights"),
        (true, None, Some(Phase::Evaluation)) => format!("{agree}: evaluation alone differs"),
        (true, None, Some(Phase::Loss)) if verdict.first_of(Phase::Backward).is_none() => {
            format!("{agree}: what is reported alone differs")
        }
        (true, None, _) => {
            format!("{agree} on this run all the same: what differs here cancels, in this run at least")
        }
        (false, ..) => "The steps they make, from weights to weights, differ, too".to_owned(),
    })
}

/// Of a parity of sides that are described otherwise: that their numbers are the same all the same.
pub fn no_difference(verdict: &Verdict) -> Option<String> {
    let described = !verdict.differences.is_empty() && verdict.verdict == Outcome::Parity;
    let reasons = verdict.unreached.join("; ");
    let why = if reasons.is_empty() { String::new() } else { format!(" ({reasons})") };
    described.then(|| format!("In numbers none of this shows beyond rounding in any step of this run{why}."))
}

/// What a tensor looks like beside what it should be.
pub fn pattern(found: &TensorFound) -> String {
    match (found.pattern, found.constant) {
        (Pattern::Times, Some(constant)) => {
            let shown = factor(Some(constant));
            // The loss is one number.
            let all = if found.name == "loss" { "" } else { " throughout" };
            if shown.contains(' ') { format!("× ({shown}){all}") } else { format!("× {shown}{all}") }
        }
        // Agreement proves nothing there.
        (Pattern::Same, _) if found.limit.is_some_and(|limit| limit > UNJUDGED) => "not judged".to_owned(),
        (Pattern::Uneven, _) if !found.rows.is_empty() => {
            const LISTED: usize = 4;
            let rows: Vec<String> = found.rows.iter().take(LISTED).map(ToString::to_string).collect();
            let (word, more) = (
                if found.rows.len() == 1 { "row" } else { "rows" },
                if found.rows.len() > LISTED { ", …" } else { "" },
            );
            format!("uneven: {word} {}{more}", rows.join(", "))
        }
        (pattern, _) => pattern.name().to_owned(),
    }
}

/// The factor by which the tensor is off throughout where a phase first goes wrong, if it is.
pub fn throughout(first: &Divergence) -> Option<f64> {
    let found = first.tensors.iter().find(|found| found.name == first.tensor)?;
    found.constant.filter(|_| found.pattern == Pattern::Times)
}

/// A headline for the table of all tensors of the phase in which the sides first part.
pub fn tensors_head(first: &Divergence) -> String {
    let (whose, beside) = match first.farther {
        _ if first.phase == Phase::Batch => ("what the candidate was given", "the reference's"),
        Some(Farther::Reference) => ("the reference's tensors", "what they should be"),
        _ => ("the candidate's tensors", "what they should be"),
    };
    let order = if first.tensors.len() > 1 { ", nearest the loss first" } else { "" };
    format!("{} at step {}: {whose} beside {beside}{order}", first.phase.name(), first.step)
}

/// The tensors that were unjudged, each with its phase and at how many steps of which candidate.
pub fn unjudged(verdict: &Verdict) -> Vec<String> {
    let mut places: Vec<(Phase, &str)> = verdict.unjudged.iter().map(|one| (one.phase, one.tensor.as_str())).collect();
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|place| seen.insert(*place));
    let words = |(phase, tensor): (Phase, &str)| {
        let own = verdict.unjudged.iter().filter(|one| (one.phase, one.tensor.as_str()) == (phase, tensor));
        let steps: Vec<String> = own
            .map(|Unjudged { mode, steps, judged, .. }| {
                format!("{mode}: {steps} of {}", counted(steps + judged, "step"))
            })
            .collect();
        format!("{} of {tensor} ({})", phase.name(), steps.join(", "))
    };
    places.into_iter().map(words).collect()
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
    if verdict.judged && verdict.replayed < verdict.watched {
        lines.push(format!(
            "steps: replayed at {}, watched at all {}: at the others the synced sides were no farther apart than replays \
             have explained",
            verdict.replayed, verdict.watched
        ));
    }
    if !verdict.without_effect.is_empty() {
        lines.push(format!(
            "without effect: {}; in the reference's definition its true gradient is 0 at every step, so that what is made \
             of it does not show",
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
            None if verdict.non_finite.is_empty() => "horizon: none; the free run counts to its end".to_owned(),
            None => "horizon: none before the run ended".to_owned(),
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
            "referee: {} agrees with the replay's formulas at the {} it was asked at",
            referee.engine,
            counted(referee.steps, "step")
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

/// Words as a sentence: with a capital and a full stop.
pub fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Two losses of a step, with the digits that tell them apart.
pub fn loss_pair(reference: Option<f64>, candidate: Option<f64>) -> [String; 2] {
    let [one, other] = pair(reference, candidate);
    let named = |value: Option<f64>, shown: String| if value.is_some() { shown } else { "not finite".to_owned() };
    [named(reference, one), named(candidate, other)]
}
