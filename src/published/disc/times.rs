//! Times: the factor of 60, a step of each network, and backward beside forward.

use super::{
    Findings,
    claims::{GAIN_AT, OTHER_ACTIVATIONS},
    networks::{EPOCHS, NETWORKS, Network, STEPS_PER_EPOCH},
    speed::{BACKWARD, BATCHES, FORWARD, Phases},
};
use crate::study::page::table;
use std::fmt::Write;

pub(super) fn batches(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## The factor of 60\n\n\
         tanh (uniform), one thread, median of blocks in which the engines take turns, on this machine. *Gain* is \
         over one sample at a time.\n"
    )?;
    let rows: Vec<Vec<String>> = BATCHES
        .iter()
        .zip(&found.speed.batches)
        .map(|(batch, pair)| {
            let [torch, scratch] = pair.map(|[_, median, _]| median);
            let epoch = |step: f64| format!("{:.2}", step / *batch as f64);
            let gains = found.speed.gain(*batch).map(|gain| format!("{gain:.1}"));
            let [of_torch, of_scratch] = gains;
            vec![
                batch.to_string(),
                format!("{torch:.1}"),
                epoch(torch),
                of_torch,
                format!("{scratch:.2}"),
                epoch(scratch),
                of_scratch,
            ]
        })
        .collect();
    let head = ["batch", "libtorch, µs a step", "ms an epoch", "gain", "scratch, µs a step", "ms an epoch", "gain"];
    writeln!(text, "{}", table(&head, 0, &rows))?;
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    let printed: Vec<String> = NETWORKS
        .iter()
        .map(|network| format!("{:.0}", network.time.mean * 1e6 / (EPOCHS * STEPS_PER_EPOCH) as f64))
        .collect();
    writeln!(
        text,
        "A batch of 50 replaces 50 steps by one. If that one cost as much as each of the fifty, the gain would be 50, \
         and it is less by as much as it costs more: {:.2} times with libtorch, {:.1} times from scratch. For 60, one \
         sample must have cost more than a batch of 50 does now: the code must have got better in more than batching. \
         (An update for every fifty samples, as the text's accumulated gradients allow, and not for each, makes what \
         can be gained less.) Python adds calls of its own: the printed times are {} µs a step in the table's order, \
         and [the bench](../bench/report.md) has the same network in NumPy and in Python's PyTorch.",
        GAIN_AT as f64 / torch,
        GAIN_AT as f64 / scratch,
        printed.join(", ")
    )
}

pub(super) fn times(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## The time row\n\n\
         µs of a step on a batch of 50, median of blocks in which all networks and both engines take turns, one \
         thread; and what 5000 steps of it come to. Printed times are of Python on another machine: what can be \
         compared is who is faster.\n"
    )?;
    let steps = (EPOCHS * STEPS_PER_EPOCH) as f64;
    let rows: Vec<Vec<String>> = NETWORKS
        .iter()
        .zip(&found.speed.steps)
        .map(|(network, [torch, scratch])| {
            let middle = |[low, median, high]: [f64; 3]| format!("{median:.2} ({low:.2} to {high:.2})");
            let seconds = |[_, median, _]: [f64; 3]| format!("{:.3}", median * steps / 1e6);
            vec![
                network.name(),
                network.time.to_string(),
                middle(*torch),
                seconds(*torch),
                middle(*scratch),
                seconds(*scratch),
            ]
        })
        .collect();
    let head =
        ["network", "printed, s", "libtorch, µs (middle half)", "s a run", "scratch, µs (middle half)", "s a run"];
    writeln!(text, "{}", table(&head, 1, &rows))?;
    writeln!(
        text,
        "By phase, µs, libtorch / scratch, from lockstep runs that judge nothing; what a reading of the clock costs \
         is taken off:\n"
    )?;
    writeln!(text, "{}", phases(NETWORKS.iter().map(Network::name).zip(&found.speed.phases)))?;
    let savings = OTHER_ACTIVATIONS.map(|other| {
        let [forward, backward] = [FORWARD, BACKWARD].map(|phase| found.saving(other, phase).map(minus));
        format!(
            "Against {other} ReLU saves {} µs of libtorch's forward and {} of scratch's, {} and {} µs of their \
             backward pass.",
            forward[0], forward[1], backward[0], backward[1]
        )
    });
    writeln!(
        text,
        "{} So {}. The product that the document names as the reason is one multiplication for each of 3750 \
         activations of a batch, in which every activation has its share. The authors' own tanh may differ: it keeps \
         its input (§2.4), so that its backward pass has to take the tanh again.",
        savings.join(" "),
        if found.saves_backward() { "backward is where it saves" } else { "backward is not where it saves" }
    )
}

/// A saving, which may be negative.
fn minus(saving: f64) -> String {
    format!("{saving:.2}").replace('-', "−")
}

fn phases<'a>(rows: impl Iterator<Item = (String, &'a Phases)>) -> String {
    let row = |(name, [torch, scratch]): (String, &Phases)| {
        let cells = torch.iter().zip(scratch).map(|(torch, scratch)| format!("{torch:.1} / {scratch:.2}"));
        let ratio = format!("{:.2} / {:.2}", torch[BACKWARD] / torch[FORWARD], scratch[BACKWARD] / scratch[FORWARD]);
        [vec![name], cells.collect(), vec![ratio]].concat()
    };
    table(
        &["network", "forward", "loss", "backward", "update", "backward / forward"],
        1,
        &rows.map(row).collect::<Vec<_>>(),
    )
}

pub(super) fn backward(text: &mut String, found: &Findings) -> std::fmt::Result {
    let [forward, backward] = found.speed.counted;
    let [[t0, t1], [s0, s1]] = found.backward_over_forward();
    writeln!(
        text,
        "\n## Is backward twice forward?\n\n\
         In multiply-adds, nearly: {forward} for a row forward, {backward} backward, which is twice that less the \
         gradient in the inputs of the first layer, which nobody wants; the document's library returns it, and has \
         twice. That is what its text claims. By the clock it is {t0:.1} to {t1:.1} times with libtorch and {s0:.1} to \
         {s1:.1} times from scratch, batches of 50 (above) and all 1000 rows at once together:\n"
    )?;
    write!(text, "{}", phases([("tanh (uniform), 1000 rows".to_owned(), &found.speed.large)].into_iter()))
}
