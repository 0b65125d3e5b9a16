//! The study in words: report.md and the terminal's summary.

use super::{
    Findings, PRINTED, Printed, engines_apart,
    folds::{self, BOTH, EPOCHS, MANY, On},
    initialization::{engines_alike, initialization, updates, why_it_matters},
    plateau::plateau,
    test_gap::{fold_0, gap_of_both, readings},
    words::range,
};
use crate::{
    report::power,
    study::{
        StudyVerdict,
        page::{self, table},
    },
};

/// The terminal's summary.
pub(super) fn summary(study: &StudyVerdict) -> String {
    page::summary(study, "circle: a mini deep-learning framework and PyTorch")
}

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    [
        opening(found),
        page::claims(study),
        table_iii(found),
        initialization(found),
        why_it_matters(found),
        updates(found),
        fold_0(found),
        readings(found),
        plateau(found),
        time(found),
        parity(found),
        page::end(study),
    ]
    .concat()
}

/// The answer, of both engines over the same folds.
fn answer(found: &Findings) -> String {
    let [custom, pytorch] = BOTH.map(|init| engines_apart(found, init));
    let errors = |engines: &super::Engines| {
        let [scratch, torch] = engines.means.map(|mean| format!("{mean:.1}"));
        if scratch == torch { scratch } else { format!("{scratch} (from scratch) and {torch} (libtorch)") }
    };
    let higher = (0..2).all(|engine| pytorch.means[engine] > custom.means[engine]);
    let raise = if higher { "raise" } else { "change" };
    let start = if engines_alike(found) {
        "**It is not the engine: started from equal weights the two agree step by step, and PyTorch's default weights \
         alone, in either engine,"
    } else {
        "**Started from equal weights the two do not agree throughout; PyTorch's default weights"
    };
    let both = found.place(&PRINTED[3], On::TestRescaledOnce, EPOCHS - 1);
    let rest = if both.agrees() && gap_of_both(found).1.inside {
        "The rest of the printed gap comes from a plot that moved one fold's test points, and from errors read an \
         epoch apart"
    } else {
        "A plot that moved one fold's test points and errors read an epoch apart do not account for the rest of the \
         printed gap"
    };
    format!(
        "{start} {raise} our test error from about {} to about {} %** (the same {} folds). {rest}: with \
         both, our mean is {:.1} % over {} folds.",
        errors(&custom),
        errors(&pytorch),
        custom.count,
        both.ours.mean,
        both.ours.count
    )
}

fn opening(found: &Findings) -> String {
    format!(
        "# EPFL mini framework: who learns the circle better?\n\n\
         A hand-written framework and PyTorch train the same network, 2-25-25-25-25-2 with ReLU, on the same kind of \
         points at the same rate; the document prints 4.88 % test errors for the one and 16.59 % for the other, and \
         suspects the way gradients are updated. {}\n\n\
         ![loss, training and test errors over the epochs, from both initializations](figure-2.svg)\n\n\
         ![test points, untrained and trained decision regions](figure-1.svg)\n\n\
         ## The document's claims\n\n\
         \"Agrees\" of a row of Table III means: its mean and its deviation both lie within those of 95 in 100 tables \
         of ten folds, of which {} were made. Networks are trained for 20 epochs of 10 steps, a fold has points and \
         weights of its own, and errors are in per cent of 1000 points. Points are standardized by one mean and one \
         deviation for both coordinates, the training set's; mini-batches are not shuffled; deviations are with \
         n − 1.\n\n",
        answer(found),
        MANY as usize / folds::TEN
    )
}

fn table_iii(found: &Findings) -> String {
    let row = |printed: &Printed, name: &str, on, epochs| {
        let ours = found.place(printed, on, epochs);
        vec![
            name.to_owned(),
            printed.table.to_string(),
            ours.ours.to_string(),
            ours.ours.count.to_string(),
            range(ours.mean.range),
            range(ours.deviation.range),
            page::agrees(Some(ours.agrees())).to_owned(),
        ]
    };
    let [custom_train, custom_test, train, test] = &PRINTED;
    let rows = [
        row(custom_train, "custom, training points", On::Train, EPOCHS),
        row(custom_test, "custom, test points", On::Test, EPOCHS),
        row(train, "PyTorch's, training points", On::Train, EPOCHS),
        row(test, "PyTorch's, test points as drawn", On::Test, EPOCHS),
        row(test, "PyTorch's, test points of fold 0 rescaled", On::TestRescaledOnce, EPOCHS),
        row(custom_test, "custom, test points of fold 0 rescaled", On::TestRescaledOnce, EPOCHS),
    ];
    format!(
        "\n## Table III among tables like it\n\n\
         Ten folds are few: their mean and their deviation vary from table to table. So the ten folds are repeated {} \
         times, and each printed row is looked up among them. The last row is a cross-check: had the plot spoiled the \
         custom framework's test too, its printed row could not be what it is.\n\n{}\n\
         ![means and deviations of tables of ten folds, with the printed ones](tables.svg)\n",
        MANY as usize / folds::TEN,
        table(&["initialization", "printed", "ours", "folds", "means of 95 in 100 tables", "deviations", ""], 1, &rows)
    )
}

fn time(found: &Findings) -> String {
    let speed = &found.speed;
    let row = |name: &str, us: [f64; 3]| {
        vec![
            name.to_owned(),
            format!("{:.0} ({:.0} to {:.0})", us[1], us[0], us[2]),
            format!("{:.2}", us[1] / speed.torch[1]),
        ]
    };
    let rows = [
        row("libtorch, in batches", speed.torch),
        row("libtorch, sample by sample", speed.torch_by_sample),
        row("scratch, in batches", speed.scratch),
        row("scratch, sample by sample", speed.scratch_by_sample),
    ];
    // The middle halves must not overlap.
    let answer = |other: [f64; 3]| match (speed.torch[2] < other[0], other[2] < speed.torch[0]) {
        (true, _) => "yes",
        (_, true) => "no",
        _ => "about as fast",
    };
    format!(
        "\n## Is PyTorch a lot faster?\n\n\
         Than loops over samples, {}; than batches from scratch, on a network this small, {}. Microseconds of a step \
         on a mini-batch of 100, measured on this machine, one thread, blocks of the four in turn: median and middle \
         half. Sample by sample is the document's procedure, which passes each sample forward twice; the document's \
         Python around it is not in these numbers.\n\n{}",
        answer(speed.scratch_by_sample),
        answer(speed.scratch),
        table(&["", "µs per mini-batch", "times libtorch in batches"], 1, &rows)
    )
}

fn parity(found: &Findings) -> String {
    let runs = found.runs.parity.iter().chain(&found.runs.by_sample);
    let rows: Vec<Vec<String>> = runs
        .map(|run| {
            let horizon = run.verdict.horizon.map_or("none".to_owned(), |step| step.to_string());
            let gaps = ["loss", "weights"].map(|tensor| power(Some(run.free_gap(tensor))));
            let mut row =
                vec![run.name.clone(), run.verdict.verdict.to_string(), horizon, run.verdict.tied.to_string()];
            row.extend(gaps);
            row
        })
        .collect();
    format!(
        "\n## Parity\n\n\
         Equal initial weights on both sides. Parity is: every phase of every step within its rounding bound, and the \
         free run within its horizon. Beside it the largest gaps between the two free runs. Ties are ReLUs that \
         rounding pushes to either side of 0; after one a run in f32 drifts.\n\n{}",
        table(&["run", "verdict", "horizon", "ties", "loss", "weights"], 2, &rows)
    )
}
