//! The study in words: report.md.

use super::{
    Findings,
    claims::{ERRORS, GAIN_AT, Measure},
    networks::{EPOCHS, NETWORKS, Network, RELU_NORMAL, STEPS_PER_EPOCH},
    runs::constant,
    stuck::{rates, relu_normal, stuck, sums},
    table::{DATA_RUNS, DATA_SETS, Table},
    times::{backward, batches, times},
};
use crate::{
    judge::verdict::Outcome,
    report::power,
    study::{
        Sample, StudyVerdict,
        page::{self, table},
    },
};
use std::fmt::Write;

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = opening(found);
    text += "\n## The document's claims\n\n";
    text += &page::claims(study);
    for section in [table_1, sums, stuck, relu_normal, rates, batches, times, backward, differences, labels, parity] {
        // Writing to a String cannot fail.
        let _ = section(&mut text, found);
    }
    text + &page::end(study)
}

fn opening(found: &Findings) -> String {
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    let [many, _] = &found.inits.relu_normal;
    let width = if found.width_decides_sigmoid() {
        "The one at chance is held there by initial weights that are too narrow, whatever their distribution"
    } else {
        "What holds the one at chance we could not tell"
    };
    format!(
        "# Disc: six networks of a library from scratch\n\n\
         A student library trains six small networks to tell the inside of a disc from its outside, and prints that \
         five of them do it almost without error, one stays at chance, and batches of {GAIN_AT} made it 60 times as \
         fast. {width}; another, relu (normal), is printed as learning in every run, but {} of {} runs of its recipe \
         end with one answer for every point. Batches of {GAIN_AT} alone cannot give 60: the most is {GAIN_AT}, and we \
         measure {torch:.0} times with libtorch and {scratch:.0} times from scratch. The \"mean squared error\" is a \
         sum: at batches of 50 a rate of .01 stands for .5.\n\n\
         The networks are 2-25-25-25-1; the points are drawn evenly from the square [−1, 1]², 1000 to train and 1000 \
         to test; the disc has the radius √(2/π), half the square's area; inputs are standardized by one mean and one \
         deviation of both coordinates.\n\n\
         ![Table 1, printed and ours](table.svg)\n\n\
         ![time of an epoch against batch size](batch-size.svg)\n",
        constant(many),
        many.len()
    )
}

fn table_1(text: &mut String, found: &Findings) -> std::fmt::Result {
    let rows = ERRORS.iter().flat_map(|row| (0..NETWORKS.len()).map(move |network| (row, network)));
    let wide = rows.clone().filter(|((_, printed, error), network)| {
        let [low, high] = found.table.over_sets(*network, *error);
        high - low > 2.0 * printed(&NETWORKS[*network]).deviation
    });
    writeln!(
        text,
        "\n## Table 1\n\n\
         250 epochs, batches of 50, the summed loss at rate .01; 15 runs a number, as printed. A printed ± 0.00 over \
         15 runs wants one data set for all of them, so that is what libtorch and scratch are given; beside it stand \
         runs that draw their own. *Other data sets* are {DATA_SETS} more, {DATA_RUNS} runs each: the least and the \
         largest of their means, and whether the printed mean lies between. The data set behind the printed table is \
         not known; in {} of the {} rows below these means are further apart than the printed ± reaches from end to \
         end. So a printed mean outside two standard errors of ours on one data set, but between the means of others, \
         is one of which it *cannot be told* whether it agrees. sigmoid (uniform) agrees if every run says the same of \
         every row. *Equal runs* are seeds with which both engines end with the same two errors.\n",
        wide.count(),
        rows.count()
    )?;
    let whole = found.parity.iter().filter(|run| run.steps == EPOCHS * STEPS_PER_EPOCH);
    let parted = whole.filter(|run| run.verdict.horizon.is_some());
    for (part, printed, error) in ERRORS {
        writeln!(text, "Error on the {part} rows, %:\n")?;
        writeln!(text, "{}", errors(&found.table, printed, error))?;
    }
    writeln!(
        text,
        "Both engines give the same errors within what 15 runs can tell. Run by run they need not: rounding alone \
         sends the f32 runs of {} of these networks apart before they end (the last section), so that a run's error is \
         a draw, and only their distribution can be reproduced.",
        parted.count()
    )
}

fn errors(table_1: &Table, printed: fn(&Network) -> Sample, error: Measure) -> String {
    let row = |(place, network): (usize, &Network)| {
        let (printed, ours) = (printed(network), error(&table_1.fixed[place]));
        let [low, high] = table_1.over_sets(place, error);
        vec![
            network.name(),
            printed.to_string(),
            error(&table_1.torch[place]).to_string(),
            ours.to_string(),
            page::agrees(table_1.answer(place, &printed, error)).to_owned(),
            error(&table_1.drawn[place]).to_string(),
            format!("{low:.2} to {high:.2}"),
            if table_1.may_be(place, &printed, error) { "within".to_owned() } else { "not within".to_owned() },
            format!("{} of {}", table_1.equal_runs(place), ours.count),
        ]
    };
    let head = [
        "network",
        "printed",
        "libtorch, 15 runs",
        "scratch, 15 runs",
        "agrees",
        "a data set each, 15 runs",
        "other data sets",
        "printed is",
        "equal runs",
    ];
    table(&head, 1, &NETWORKS.iter().enumerate().map(row).collect::<Vec<_>>())
}

fn differences(text: &mut String, found: &Findings) -> std::fmt::Result {
    let printed = super::differences::Differences::of(&NETWORKS.map(|network| network.test));
    let ours = found.differences();
    writeln!(
        text,
        "\n## Which networks differ?\n\n\
         Welch's t of all 15 pairs of test errors; significant is |t| > {}, 5 % over all pairs together \
         (Bonferroni).\n",
        super::differences::BONFERRONI
    )?;
    let row = |name: &str, found: &super::differences::Differences| {
        let group: Vec<_> = found.group.iter().map(|network| NETWORKS[*network].name()).collect();
        vec![name.to_owned(), group.join(", "), found.two_errors.to_string(), found.significant.to_string()]
    };
    let rows = [row("printed", &printed), row("ours, one data set", &ours)];
    writeln!(text, "{}", table(&["", "no two of these differ", "pairs over 2 s.e.", "pairs that differ"], 2, &rows))?;
    writeln!(
        text,
        "By its own numbers the document has four networks that cannot be told apart and two, both sigmoid, that \
         differ from all others: \"most networks\" counts networks, not pairs. relu (normal)'s errors are of two \
         kinds, learned or dead, so that its t has little of a normal distribution about it."
    )
}

fn labels(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Which class is 1?\n\n\
         The text has 1 inside the disc, the code outside. {}: σ(−z) = 1 − σ(z), so that (1 − p) − (1 \
         − t) is −(p − t), and a network whose last layer has the signs turned takes the mirrored step on turned \
         targets. N(0, 1) and U(±a) are as likely with signs turned. Trained both ways in f64 for {} steps at rate \
         .001, with the last layer turned back, the largest difference of two weights is:\n",
        if found.mirrored.iter().all(|gap| *gap <= super::labels::LIMIT) {
            "It does not matter"
        } else {
            "By algebra it does not matter, and yet it does below"
        },
        super::labels::STEPS
    )?;
    let rows: Vec<Vec<String>> =
        NETWORKS.iter().zip(&found.mirrored).map(|(network, gap)| vec![network.name(), power(Some(*gap))]).collect();
    write!(text, "{}", table(&["network", "largest difference"], 1, &rows))
}

fn parity(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Parity\n\n\
         libtorch beside scratch, the same initial weights and batches, every phase of every step judged. *Horizon* \
         is the step at which rounding alone moves the free run's weights by 1 %; from there on a free run proves \
         nothing, and the synced run, which takes the reference's weights before every step, still does. The gaps are \
         the free run's largest over all steps, beyond the horizon too.\n"
    )?;
    let row = |run: &super::parity::Compared| {
        vec![
            NETWORKS[run.network].name(),
            run.dtype.to_owned(),
            run.seed.to_string(),
            run.steps.to_string(),
            run.verdict.verdict.to_string(),
            run.verdict.horizon.map_or("none".to_owned(), |step| step.to_string()),
            run.verdict.ties.len().to_string(),
            power(run.verdict.free_gap("weights")),
        ]
    };
    let head = ["network", "type", "seed", "steps", "verdict", "horizon", "ties", "weights' largest gap"];
    writeln!(text, "{}", table(&head, 2, &found.parity.iter().map(row).collect::<Vec<_>>()))?;
    let at_parity = found.parity.iter().filter(|run| run.verdict.verdict == Outcome::Parity).count();
    let first = found.parity.iter().find(|run| run.network == RELU_NORMAL && run.dtype == "f32");
    let horizon =
        first.and_then(|run| run.verdict.horizon).map_or("never".to_owned(), |step| format!("at step {step}"));
    writeln!(
        text,
        "{at_parity} of {} runs are at parity. relu (normal)'s seed 0 in f32 meets the horizon {horizon}, and {} of \
         its {} seeds end constant in one engine and not in the other; {} end so from scratch, {} with libtorch. The \
         run in the file's own words: [step by step](parity/report.md).",
        found.parity.len(),
        found.table.fates_differ(RELU_NORMAL),
        found.table.fixed[RELU_NORMAL].len(),
        constant(&found.table.fixed[RELU_NORMAL]),
        constant(&found.table.torch[RELU_NORMAL])
    )
}
