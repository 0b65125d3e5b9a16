//! Losses and accuracies over the epochs, ours beside the printed ones.

use super::{
    Findings, Runs, claims,
    printed::{self, EPOCHS, Printed, WINDOW, WINDOWS},
    report::Written,
    runs::{Run, sample},
};
use crate::{
    report::power,
    study::{Sample, page, share_interval},
};
use std::fmt::Write;

/// The head of the tables that set printed runs beside ours.
const HEAD: [&str; 8] =
    ["", "plain", "stopping", "L2", "ours, plain", "libtorch, plain", "ours, L2", "the printed ones"];

/// A row of them: what each run prints there, and what each engine has.
fn row(name: String, printed: [Option<f64>; 3], found: &Findings, value: impl Fn(&Run) -> f64) -> Vec<String> {
    let of = |runs: &[Run]| sample(runs, &value);
    let (plain, torch, l2) = (of(&found.plain.scratch), of(&found.plain.torch), of(&found.l2.scratch));
    let cell = |printed: Option<f64>| printed.map_or(String::new(), |printed| format!("{printed:.3}"));
    let beside = printed.iter().zip([&plain, &plain, &l2]);
    let words: Vec<_> = beside.filter_map(|(printed, ours)| Some(claims::agrees((*printed)?, ours))).collect();
    let verdict = match words.as_slice() {
        [] => "",
        words if words.iter().all(|word| *word == "agrees") => "agree",
        words if words.contains(&"does not agree") => "**one does not agree**",
        _ => "one in the tail",
    };
    let ours = |sample: Sample| format!("{sample:.4}");
    let mut cells = vec![name];
    cells.extend(printed.map(cell));
    cells.extend([plain, torch, l2].map(ours));
    cells.push(verdict.to_owned());
    cells
}

/// How many runs stand behind the columns.
fn behind(found: &Findings) -> String {
    let Runs { scratch, torch } = &found.plain;
    format!(
        "mean ± standard deviation of a run over {} seeds, libtorch's over the first {} of them",
        scratch.len(),
        torch.len()
    )
}

pub(super) fn losses(text: &mut String, found: &Findings) -> Written {
    writeln!(
        text,
        "\n## The losses, every 500 steps\n\n\
         Printed in three runs. Early stopping's is taken for the plain network again: its slide leaves the model out. \
         Ours: {}. A printed value agrees \
         where one more run of ours may print it: within two standard deviations of a run; up to three it is in the \
         tail. At the same seeds the two engines' means differ by {} at most.\n",
        behind(found),
        power(Some(found.apart()))
    )?;
    let at = |printed: &[f64], place: usize| printed.get(place).copied();
    let mut rows: Vec<_> = (0..EPOCHS * WINDOWS)
        .map(|place| {
            let name = format!("epoch {}, step {}", place / WINDOWS, WINDOW * (place % WINDOWS + 1));
            let printed = printed::ALL.map(|run| at(run.windows, place));
            row(name, printed, found, |run| run.windows[place])
        })
        .collect();
    rows.extend((0..EPOCHS).map(|epoch| {
        let printed = printed::ALL.map(|run| at(run.losses, epoch));
        row(format!("**epoch {epoch}, mean**"), printed, found, |run| run.epochs[epoch].loss)
    }));
    writeln!(text, "{}", page::table(&HEAD, 1, &rows))
}

pub(super) fn accuracies(text: &mut String, found: &Findings) -> Written {
    let none: [Option<f64>; 3] = [None; 3];
    let at = |of: fn(&Printed) -> &'static [f64], place: usize| printed::ALL.map(|run| of(run).get(place).copied());
    let mut rows = Vec::new();
    for place in 0..EPOCHS * WINDOWS {
        let (epoch, look) = (place / WINDOWS, place % WINDOWS + 1);
        let name = format!("dev, epoch {epoch}, step {}", WINDOW * look);
        rows.push(row(name, at(|run| run.looks, place), found, |run| run.looks[place].accuracy()));
        if look == WINDOWS {
            let mut printed = none;
            printed[0] = printed::PLAIN.dev.get(epoch).copied();
            rows.push(row(format!("**dev, epoch {epoch}, end**"), printed, found, |run| {
                run.epochs[epoch].dev.accuracy()
            }));
        }
    }
    for epoch in 0..EPOCHS {
        let printed = at(|run| run.accuracies, epoch);
        rows.push(row(format!("**train, epoch {epoch}, on the way**"), printed, found, |run| {
            run.epochs[epoch].running
        }));
        rows.push(row(format!("train, epoch {epoch}, by its last weights"), none, found, |run| {
            run.epochs[epoch].at_end
        }));
    }
    let lags = (0..EPOCHS).all(|epoch| {
        let of = |value: fn(&super::runs::Epoch) -> f64| sample(&found.plain.scratch, |run| value(&run.epochs[epoch]));
        of(|epoch| epoch.at_end).mean > of(|epoch| epoch.running).mean
    });
    let lags = if lags {
        ", so it lags: the weights at the end of an epoch do better on the same rows, as the last lines show"
    } else {
        "; the last lines have those of the weights at the end of an epoch"
    };
    let last = |epoch: usize| printed::L2.looks.get((epoch + 1) * WINDOWS - 1);
    let stale = if (0..EPOCHS).all(|epoch| printed::L2.dev.get(epoch) == last(epoch)) {
        " L2's \"Dev accuracy\" under an epoch (.822, .817) is taken for that of the look at step 4000, whose \
         predictions its listing still holds: both print the same three digits, in both epochs."
    } else {
        ""
    };
    writeln!(
        text,
        "\n## The accuracies\n\n\
         The lecture's train accuracy counts predictions made before each update{lags}.{stale}\n\n{}",
        page::table(&HEAD, 1, &rows)
    )
}

pub(super) fn interval(share: f64) -> String {
    let rows = printed::DEV[0];
    let [low, high] = share_interval((share * rows as f64).round() as usize, rows);
    format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
}
