//! The study in words.

use super::{
    Findings,
    control::{CONTROL_SEEDS, CONTROL_STEPS, SEEDS, STEPS, TWINS},
    cost::{self, Cost},
    faults::{CASES, STEPS as FAULT_STEPS},
    large::{CASES as LARGE_CASES, NETWORKS, OPTIMIZERS},
    random::{Drawn, Why},
    settings::{CALIBRATION, CONTROL, FAULTED},
};
use crate::study::StudyVerdict;
use crate::{
    environment::environment,
    judge::{noise::Limits, verdict::Outcome},
    report::{number, power},
    run::{Phase, Role},
};
use std::fmt::Write;

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, found, study);
    text
}

/// For the terminal.
pub(super) fn summary(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = "Can a verdict be trusted?\n\n".to_owned();
    for claim in &study.claims {
        text += &format!("  {:<20} {}: {}\n", claim.id, claim.printed, claim.ours);
    }
    let (small, large): (Vec<_>, Vec<_>) = found.costs.iter().partition(|cost| cost.parameters <= 100_000);
    let judged = |costs: Vec<&Cost>| costs.into_iter().map(|cost| cost.judged[1]).fold(0.0, f64::max);
    let watched = found.costs.iter().filter_map(|cost| Some(cost.watched?[1])).fold(0.0, f64::max);
    text += &format!(
        "  {:<20} judging takes at most {:.1} times the two engines' time up to 100,000 weights, {:.1} beyond;\n  {:<20} \
         watching a step at most {watched:.2} of the three sides'\n",
        "cost",
        judged(small),
        judged(large),
        ""
    );
    text
}

fn write_all(text: &mut String, found: &Findings, study: &StudyVerdict) -> std::fmt::Result {
    let (k, twins) = (Limits::default().k, Limits::default().twins);
    let (phases, drift) = found.largest_shares();
    writeln!(text, "# Can a verdict be trusted?\n")?;
    writeln!(
        text,
        "Made by `lockstep study calibration`. A limit is K times the noise at its place. This is where K = {k} and the number \
         of twins, {twins}, come from, how often a correct engine is called a mismatch, which faults are missed, and what \
         judging costs. Scratch against libtorch throughout, in sync and free.\n"
    )?;
    writeln!(text, "| question | expected | found |\n|---|---|---|")?;
    for claim in &study.claims {
        writeln!(text, "| {} | {} | {} |", claim.id, claim.printed, claim.ours)?;
    }
    writeln!(
        text,
        "\n## What the noise is, and K\n\n{} settings × {SEEDS} seeds × {STEPS} steps, judged by the noise itself (K = 1). \
         Noise of a phase: √n roundings for a sum of n terms (n where that is less), or the reference's own error from \
         f64 if that is larger; the candidate's error counts for nothing. Noise of a free run: how far twins of the \
         reference are from it, whose inputs are nudged by one unit in the last place at every step and whose weights by \
         what rounding may have made of their update, or the same run in f64. Each cell: what the run that used most \
         used of it, over all steps and tensors, element by element.\n",
        CALIBRATION.len()
    )?;
    write!(text, "| setting |")?;
    Phase::COMPUTED.iter().try_for_each(|phase| write!(text, " {} |", phase.name()))?;
    TWINS.iter().try_for_each(|twins| write!(text, " drift, {twins} twin{} |", if *twins == 1 { "" } else { "s" }))?;
    writeln!(text, " ties |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
    for setting in &found.calibrated {
        write!(text, "| {} |", setting.name)?;
        let cells = setting.phases.values().chain(&setting.drift);
        cells.into_iter().try_for_each(|runs| write!(text, " {} |", power(runs.last().copied())))?;
        writeln!(text, " {} |", setting.ties)?;
    }
    writeln!(
        text,
        "\n**Conclusion.** No phase of a correct engine used more than {phases:.2} times its noise, and beside {twins} \
         twins no free run drifted more than {drift:.2} times as far as they: K = {k} leaves {:.1} times that. With one \
         twin it is {:.2} times, with four {:.2}; where training amplifies rounding a few twins may all be near by chance, \
         so that a drift that passes its limit is measured again beside sixteen before it is called a mismatch. Drift is \
         judged until the first tie of the free run (a kink that rounding \
         pushed to different sides sends it elsewhere for a reason) and the horizon.",
        k / phases.max(drift),
        found.largest_drift(0),
        found.largest_drift(TWINS.len() - 1)
    )?;
    write_controls(text, found)?;
    write_drawn(text, found)?;
    write_faults(text, found)?;
    write_large(text, found)?;
    write_costs(text, found)
}

fn write_controls(text: &mut String, found: &Findings) -> std::fmt::Result {
    let alarms = found.controls.iter().filter(|run| run.outcome == Outcome::Mismatch).count();
    let runs = found.controls.len();
    writeln!(
        text,
        "\n## False alarms\n\nOther settings, other seeds ({} to {}), f32 and f64, {CONTROL_STEPS} steps, K = {}: \
         {alarms} of {runs} runs are called a mismatch.{} Budgets are the largest over all steps of all runs.\n",
        CONTROL_SEEDS.start,
        CONTROL_SEEDS.end - 1,
        Limits::default().k,
        // The rule of three: 0 of n bounds a rate at 3/n with 95 % confidence.
        if alarms == 0 { format!(" The rate is below {:.1} % (95 %).", 300.0 / runs as f64) } else { String::new() }
    )?;
    writeln!(
        text,
        "| setting | type | parity | mismatch | inconclusive | forward | loss | backward | update | drift | ties | with a \
         horizon | unjudged |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )?;
    for (number, setting) in CONTROL.iter().enumerate() {
        for dtype in ["f32", "f64"] {
            let runs = || found.controls.iter().filter(move |run| run.setting == number && run.dtype == dtype);
            let count = |outcome| runs().filter(|run| run.outcome == outcome).count();
            let [parity, mismatch, other] = [Outcome::Parity, Outcome::Mismatch, Outcome::Inconclusive].map(count);
            write!(text, "| {} | {dtype} | {parity} | {mismatch} | {other} |", setting.name)?;
            for phase in Phase::COMPUTED {
                let budget = runs().filter_map(|run| run.phases.get(&phase).copied()).reduce(f64::max);
                write!(text, " {} |", power(budget))?;
            }
            let horizons = runs().filter(|run| run.horizon.is_some()).count();
            let (ties, unjudged): (usize, usize) =
                runs().fold((0, 0), |sum, run| (sum.0 + run.ties, sum.1 + run.unjudged));
            let drift = runs().filter_map(|run| run.drift).reduce(f64::max);
            writeln!(text, " {} | {ties} | {horizons} | {unjudged} |", power(drift))?;
        }
    }
    for run in found.controls.iter().filter(|run| run.outcome == Outcome::Mismatch) {
        writeln!(text, "\n{}: {}", CONTROL[run.setting].name, run.first.as_deref().unwrap_or("–"))?;
    }
    writeln!(text, "\n![share of its limit that each control run used](budgets.svg)")
}

fn write_drawn(text: &mut String, found: &Findings) -> std::fmt::Result {
    let count = |is: &dyn Fn(&Drawn) -> bool| found.drawn.iter().filter(|run| is(run)).count();
    writeln!(
        text,
        "\n## False alarms among random experiments\n\n{} experiments, each drawn by a seed: one to eight linear layers of \
         1 to 700 units with every other layer between them, every loss, optimizer, schedule and clip, 1 to 16,000 rows \
         (normal, repeated, one-hot, binary, sparse, nearly the same, numbers of words) of scales from 1e-6 to 1e6, weights \
         of 0 and rates that diverge, f32, f64 and one of each. In {} of them the candidate is written otherwise, and \
         computes the same: identities more, dropout before ReLU, leaky ReLU of slope 0, log-softmax and nll for \
         cross-entropy.\n",
        found.drawn.len(),
        count(&|run: &Drawn| run.otherwise)
    )?;
    writeln!(text, "| verdict | runs |\n|---|--:|")?;
    let outcome = |outcome| count(&|run: &Drawn| run.outcome == outcome);
    writeln!(text, "| parity | {} |\n| mismatch | {} |", outcome(Outcome::Parity), outcome(Outcome::Mismatch))?;
    for why in Why::ALL {
        let runs = count(&|run: &Drawn| run.why == Some(why));
        writeln!(text, "| inconclusive: {} | {runs} |", why.words())?;
    }
    for run in found.drawn.iter().filter(|run| run.outcome == Outcome::Mismatch) {
        let otherwise = if run.otherwise { ", written otherwise" } else { "" };
        writeln!(text, "\nSeed {}{otherwise}: {}", run.seed, run.headline)?;
    }
    Ok(())
}

fn write_large(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Missed faults, where not every step is replayed\n\nBeyond 131,072 multiply-adds of a forward pass the first \
         eight steps are replayed, one in so many, and every one at which the synced sides are farther apart than replays \
         have explained. 40 steps of 32 rows, the ninth batch of an epoch of 24; each cell: the phase and the step, and how \
         many steps were replayed.\n"
    )?;
    let columns = NETWORKS.iter().flat_map(|network| OPTIMIZERS.iter().map(move |(name, _)| (network.name, name)));
    let heads: Vec<String> = columns.map(|(network, optimizer)| format!("{network}, {optimizer}")).collect();
    writeln!(text, "| fault | in | {} |\n|---|---|{}", heads.join(" | "), "---|".repeat(heads.len()))?;
    for (case, fault) in LARGE_CASES.iter().enumerate() {
        for (side, named) in [(Role::Candidate, "candidate"), (Role::Reference, "reference")] {
            let runs: Vec<_> = found.large.iter().filter(|run| (run.case, run.side) == (case, side)).collect();
            if runs.is_empty() {
                continue;
            }
            write!(text, "| {} | {named} |", fault.name)?;
            for run in runs {
                let place =
                    run.place.map_or("not found".to_owned(), |(phase, step)| format!("{}, {step}", phase.name()));
                let wrong = if run.right { "" } else { " **(wrong)**" };
                write!(text, " {place} ({}){wrong} |", run.replayed)?;
            }
            writeln!(text)?;
        }
    }
    Ok(())
}

fn write_faults(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Missed faults\n\nEach fault in the candidate and, where it is not the scratch engine's own, in the \
         reference, {FAULT_STEPS} steps. Where keys of the experiment differ, the reference's are the definition, so that \
         the candidate is off, whichever side was changed; a fault of an engine is on the side that has it. What the start \
         shows already is found again where it is first computed with: but for initial weights, of which each side \
         computes what is right, and for another number of layers, which leaves no layer to be judged by its like.\n"
    )?;
    writeln!(text, "| fault | in | {} |", FAULTED.map(|faulted| faulted.setting.name).join(" | "))?;
    writeln!(text, "|---|---|{}", "---|".repeat(FAULTED.len()))?;
    for (case, fault) in CASES.iter().enumerate() {
        for &side in fault.sides() {
            let named = if side == Role::Reference { "reference" } else { "candidate" };
            write!(text, "| {} | {named} |", fault.name)?;
            for setting in 0..FAULTED.len() {
                let run = found.faults.iter().find(|run| (run.case, run.setting, run.side) == (case, setting, side));
                let places = run.iter().flat_map(|run| run.place.iter().chain(&run.then));
                let places = places.map(|(phase, step, tensor)| format!("{}, step {step}, {tensor}", phase.name()));
                let place = places.collect::<Vec<_>>().join("; ");
                let place = if place.is_empty() { "not found".to_owned() } else { place };
                let wrong = if run.is_some_and(|run| run.right) { "" } else { " **(wrong)**" };
                write!(text, " {place}{wrong} |")?;
            }
            writeln!(text)?;
        }
    }
    Ok(())
}

fn write_costs(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Cost\n\nMicroseconds per step, mode `both`, median of {} pairs of runs, with noise off and on: the two \
         engines (the reference's and the free candidate's); comparing (the synced candidate's weights, gaps and what is \
         kept of them); what judging adds (copies, replays, twins, referee); and both over the two engines, with their \
         middle halves. Watching: of the steps that are watched and not replayed, all that is not the three sides' own, over \
         that, but for the shadow of an optimizer's state; the median step. Measured before the study's other parts take \
         every core, on {}; what else ran on the machine is not known.\n",
        cost::RUNS,
        environment().get("processor").map_or("an unknown processor", String::as_str)
    )?;
    writeln!(
        text,
        "| network | parameters | replayed | two engines | comparing | judging | comparing / engines \
         | judging / engines | watching / sides |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    )?;
    for cost in &found.costs {
        let share = |[low, ratio, high]: [f64; 3]| format!("{ratio:.2} ({low:.2} to {high:.2})");
        writeln!(
            text,
            "| {} | {} | {} of {} | {} | {} | {} | {} | {} | {} |",
            cost.name,
            cost.parameters,
            cost.replayed,
            cost.steps,
            number(Some(cost.engines)),
            number(Some(cost.comparing)),
            number(Some(cost.judging)),
            share(cost.compared),
            share(cost.judged),
            cost.watched.map_or("–".to_owned(), share)
        )?;
    }
    Ok(())
}
