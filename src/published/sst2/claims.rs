//! The lecture's statements, each answered.

use super::{
    Findings, Runs,
    costs::costs,
    printed::{self, HALF_DIGIT, Printed, WINDOWS},
    runs::{Look, Run, larger, mean, most_outside, one_of, sample},
    stopping, sweeps,
};
use crate::study::{Sample, StudyVerdict, share_error};

/// Standard error of a share of the dev rows (binomial).
pub(super) fn dev_error(share: f64) -> f64 {
    share_error(share, printed::DEV[0])
}

/// A number with commas between thousands.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A matrix in words.
pub(super) fn matrix([rows, columns, stored]: [usize; 3]) -> String {
    format!("{} × {}, {} stored elements", grouped(rows), grouped(columns), grouped(stored))
}

/// Answers every claim.
pub(super) fn answer(found: &Findings, study: &mut StudyVerdict) {
    counts(found, study);
    first(found, study);
    losses(found, study);
    accuracies(found, study);
    regularization(found, study);
    stopping_early(found, study);
    batches(found, study);
    costs(found, study);
}

fn counts(found: &Findings, study: &mut StudyVerdict) {
    for (id, printed, ours) in
        [("training matrix", printed::TRAINING, found.counts.training), ("dev matrix", printed::DEV, found.counts.dev)]
    {
        study.claim(id, &matrix(printed), ours.map_or("not sparse".to_owned(), matrix), Some(ours == Some(printed)));
    }
}

fn first(found: &Findings, study: &mut StudyVerdict) {
    let ours = Sample::of(&found.first.losses);
    let [low, high] = found.first.range();
    study.claim(
        "the first batch's loss",
        &format!("{}", printed::FIRST_LOSS),
        format!(
            "{ours:.4} over {} seeds, 95 of 100 between {low:.4} and {high:.4}; the printed logits and labels give \
             {:.4}",
            ours.count,
            super::counts::printed_loss()
        ),
        Some(one_of(printed::FIRST_LOSS, &ours, printed::FIRST_HALF_DIGIT)),
    );
}

/// Printed values with what our runs have there.
pub(super) type Beside = (f64, Sample);

/// The mean losses of 500 steps of a printed run.
pub(super) fn windows(printed: &Printed, runs: &[Run]) -> Vec<Beside> {
    printed.windows.iter().enumerate().map(|(at, value)| (*value, sample(runs, |run| run.windows[at]))).collect()
}

/// The looks of a printed run.
pub(super) fn looks(printed: &Printed, runs: &[Run]) -> Vec<Beside> {
    printed.looks.iter().enumerate().map(|(at, value)| (*value, sample(runs, |run| run.looks[at].accuracy()))).collect()
}

/// The runs of the network of a printed run.
pub(super) fn of<'a>(printed: &Printed, found: &'a Findings) -> &'a Runs {
    if printed.name == printed::L2.name { &found.l2 } else { &found.plain }
}

/// How many values one of our runs would not print.
fn outside(values: &[Beside]) -> usize {
    values.iter().filter(|(printed, ours)| !one_of(*printed, ours, HALF_DIGIT)).count()
}

/// Claims a table of values: as many outside as chance leaves, or fewer. (Values of one run that lie close together
/// share weights, so that chance leaves rather more outside.)
fn table(study: &mut StudyVerdict, id: &str, printed: &str, values: &[Beside]) {
    let (outside, most) = (outside(values), most_outside(values.len()));
    let ours = format!(
        "{} of {} within two standard deviations of a run; chance would leave up to {most} outside",
        values.len() - outside,
        values.len()
    );
    study.claim(id, printed, ours, Some(outside <= most));
}

/// What every printed run has of a kind, beside ours.
fn every(found: &Findings, values: fn(&Printed, &[Run]) -> Vec<Beside>) -> Vec<Beside> {
    printed::ALL.iter().flat_map(|printed| values(printed, &of(printed, found).scratch)).collect()
}

fn losses(found: &Findings, study: &mut StudyVerdict) {
    table(study, "mean loss of every 500 steps", "43 values of three runs, .560 to .251", &every(found, windows));
    table(study, "mean loss of an epoch", ".374, .258; .374; with L2 .375, .260", &every(found, epochs));
    table(study, "train accuracy of an epoch", ".849, .902; .850; with L2 .849, .903", &every(found, running));
}

fn epochs(printed: &Printed, runs: &[Run]) -> Vec<Beside> {
    printed.losses.iter().enumerate().map(|(at, value)| (*value, sample(runs, |run| run.epochs[at].loss))).collect()
}

fn running(printed: &Printed, runs: &[Run]) -> Vec<Beside> {
    let values = printed.accuracies.iter().enumerate();
    values.map(|(at, value)| (*value, sample(runs, |run| run.epochs[at].running))).collect()
}

/// How many of the numbers that the lecture prints of its training one of our runs may print, and of how many.
pub(super) fn met(found: &Findings) -> [usize; 2] {
    let kinds = [every(found, windows), every(found, epochs), every(found, running), every(found, looks)];
    let all: Vec<Beside> = kinds.into_iter().flatten().chain(printed_dev(found)).collect();
    [all.len() - outside(&all), all.len()]
}

/// The dev accuracies that the epochs' ends print. Plain alone: L2's are those of its last looks, counted there.
fn printed_dev(found: &Findings) -> Vec<Beside> {
    let plain = printed::PLAIN.dev.iter().enumerate();
    plain.map(|(at, value)| (*value, sample(&found.plain.scratch, |run| run.epochs[at].dev.accuracy()))).collect()
}

fn accuracies(found: &Findings, study: &mut StudyVerdict) {
    table(study, "dev accuracy of an epoch", ".812, .814 (L2's are of its looks)", &printed_dev(found));
    let printed = "27 values of two runs, .759 to .827";
    table(study, "dev accuracy after every 500 steps", printed, &every(found, looks));
    let stale = stale(&found.l2.scratch);
    study.claim(
        "L2's dev accuracy of an epoch is that of its end",
        "\"Dev accuracy\" .822, .817 under the epoch",
        format!(
            "in both epochs the same three digits as the look at step 4000, 210 steps before the end, which by our \
             runs chance does {:.1} % of the time",
            100.0 * stale
        ),
        Some(stale >= 0.05),
    );
}

/// How often the look at step 4000 and the epoch's end print the same in both epochs.
fn stale(runs: &[Run]) -> f64 {
    let same = |run: &Run, epoch: usize| {
        let [look, end] = [&run.looks[(epoch + 1) * WINDOWS - 1], &run.epochs[epoch].dev];
        (1000.0 * look.accuracy()).round() == (1000.0 * end.accuracy()).round()
    };
    // Each epoch by itself: both together are too rare to count in so few runs.
    let share = |epoch| runs.iter().filter(|run| same(run, epoch)).count() as f64 / runs.len() as f64;
    share(0) * share(1)
}

/// What L2 changes in the end at the same seeds, in dev accuracy.
pub(super) fn paired(plain: &[Run], l2: &[Run], value: impl Fn(&Run) -> f64) -> Sample {
    let differences: Vec<f64> = plain.iter().zip(l2).map(|(plain, l2)| value(l2) - value(plain)).collect();
    Sample::of(&differences)
}

/// Dev rows that L2 makes right, and that it makes wrong, at the same seed; means over seeds.
pub(super) fn flipped(plain: &[Run], l2: &[Run]) -> [f64; 2] {
    let count = |from: &Run, to: &Run| {
        let (Some(from), Some(to)) = (from.epochs.last(), to.epochs.last()) else { return f64::NAN };
        from.wrong.iter().filter(|row| !to.wrong.contains(row)).count() as f64
    };
    let all = |pairs: Vec<f64>| mean(&pairs);
    [
        all(plain.iter().zip(l2).map(|(plain, l2)| count(plain, l2)).collect()),
        all(plain.iter().zip(l2).map(|(plain, l2)| count(l2, plain)).collect()),
    ]
}

pub(super) fn last_accuracy(run: &Run) -> f64 {
    run.epochs.last().map_or(f64::NAN, |epoch| epoch.dev.accuracy())
}

pub(super) fn last_loss(run: &Run) -> f64 {
    run.epochs.last().map_or(f64::NAN, |epoch| epoch.dev.loss)
}

/// In points, with a sign.
pub(super) fn points(difference: f64) -> String {
    format!("{:+.2}", 100.0 * difference).replace('-', "−")
}

fn regularization(found: &Findings, study: &mut StudyVerdict) {
    let (plain, l2) = (&found.plain.scratch, &found.l2.scratch);
    let change = paired(plain, l2, last_accuracy);
    let error = dev_error(sample(plain, last_accuracy).mean);
    study.claim(
        "\"regularization didn't really help\"",
        "dev .814 without, .817 with",
        format!(
            "{} ± {:.2} points over {} seeds (standard error {:.2}), where the dev set's own is {:.1}",
            points(change.mean),
            100.0 * change.deviation,
            change.count,
            100.0 * change.error(),
            100.0 * error
        ),
        Some(change.mean + 2.0 * change.error() < error),
    );
    too_simple(found, study);
}

/// Two claims: by dev accuracy, as the lecture judges, and by dev loss.
fn too_simple(found: &Findings, study: &mut StudyVerdict) {
    let penalties = sweeps::penalties(&found.swept);
    let (without, with): (Vec<_>, Vec<_>) = penalties.into_iter().partition(|swept| swept.setting.factor == 0.0);
    let Some(without) = without.first() else { return };
    let times = |swept: &sweeps::Swept| format!("{:.0}", swept.setting.factor / sweeps::LECTURE);
    // In points, with the standard error of the difference.
    let changed = |swept: &sweeps::Swept| {
        let error = swept.accuracy.error().hypot(without.accuracy.error());
        format!("{} ± {:.2}", points(swept.accuracy.mean - without.accuracy.mean), 100.0 * error)
    };
    if let Some(best) = with.iter().max_by(|a, b| a.accuracy.mean.total_cmp(&b.accuracy.mean)) {
        study.claim(
            "it \"may be too simple model\" to profit, in dev accuracy",
            "no number",
            format!(
                "the best of {} penalties, {} times the lecture's, changes it by {} points (standard error)",
                with.len(),
                times(best),
                changed(best)
            ),
            Some(with.iter().all(|swept| swept.accuracy.above(&without.accuracy) <= 2.0)),
        );
    }
    if let Some(best) = with.iter().min_by(|a, b| a.loss.mean.total_cmp(&b.loss.mean)) {
        study.claim(
            "it \"may be too simple model\" to profit, in dev loss",
            "no number",
            format!(
                "{}; a penalty {} times the lecture's ends at {:.3} ± {:.3}, where without one it is {:.3}, and \
                 changes the accuracy by {} points (standard error)",
                overfits(&sample(&found.plain.scratch, |run| run.epochs[1].dev.loss - run.epochs[0].dev.loss)),
                times(best),
                best.loss.mean,
                best.loss.deviation,
                without.loss.mean,
                changed(best)
            ),
            Some(with.iter().all(|swept| without.loss.above(&swept.loss) <= 2.0)),
        );
    }
}

/// What the dev loss does in the second epoch, in words.
fn overfits(change: &Sample) -> String {
    let by = format!("{:.3} ± {:.3}", change.mean.abs(), change.deviation);
    if change.mean > 2.0 * change.error() {
        format!("it overfits: the dev loss grows by {by} in the second epoch")
    } else if change.mean < -2.0 * change.error() {
        format!("it does not overfit: the dev loss falls by {by} in the second epoch")
    } else {
        format!(
            "whether it overfits is not seen: the dev loss changes by {:+.3} ± {:.3} in the second epoch",
            change.mean, change.deviation
        )
        .replace('-', "−")
    }
}

fn stopping_early(found: &Findings, study: &mut StudyVerdict) {
    let runs = &found.plain.scratch;
    let stops: Vec<_> = runs.iter().map(|run| stopping::stop(run.looks.iter().map(Look::accuracy), true)).collect();
    let stopped: Vec<f64> = stops.iter().filter_map(|stop| stop.stopped.map(|look| look as f64 + 1.0)).collect();
    let best: Vec<f64> = runs.iter().zip(&stops).map(|(run, stop)| run.looks[stop.best].accuracy()).collect();
    let (looks, best) = (Sample::of(&stopped), Sample::of(&best));
    let printed = stopping::stop(printed::STOPPED.looks.iter().copied(), true);
    let at = printed.stopped.map_or(f64::NAN, |look| look as f64 + 1.0);
    let of_printed = printed::STOPPED.looks[printed.best];
    study.claim(
        "where early stopping stops",
        "epoch 1, step 1500 (the 11th look), best dev .827",
        format!(
            "{} of {} runs stop, at look {}; best dev {:.1} ± {:.1} %",
            stopped.len(),
            runs.len(),
            if stopped.is_empty() { "–".to_owned() } else { format!("{looks:.1}") },
            100.0 * best.mean,
            100.0 * best.deviation
        ),
        (!stopped.is_empty()).then(|| one_of(at, &looks, 0.0) && one_of(of_printed, &best, HALF_DIGIT)),
    );
    let three = stopping::stop(printed::STOPPED.looks.iter().copied(), false).stopped;
    study.claim(
        "patience=3",
        "stops at the 11th look, .820",
        format!(
            "on the printed looks `> patience` stops at look {at}, the fourth without a new best; `>= patience` at \
             look {}",
            three.map_or("–".to_owned(), |look| (look + 1).to_string())
        ),
        Some(printed.stopped == Some(printed::STOPPED.looks.len() - 1) && three != printed.stopped),
    );
    let [chosen, held_out, loss] = [
        sample(runs, |run| stopping::gain(run).chosen),
        sample(runs, |run| stopping::gain(run).held_out),
        sample(runs, |run| stopping::gain(run).loss),
    ];
    study.claim(
        "early stopping avoids overfitting, in dev accuracy",
        "best .827 against .814 at the end",
        format!(
            "{} points by the rows that chose the look, {} ± {:.2} (standard error) by rows that did not",
            points(chosen.mean),
            points(held_out.mean),
            100.0 * held_out.error(),
        ),
        Some(held_out.mean > 2.0 * held_out.error()),
    );
    study.claim(
        "early stopping avoids overfitting, in dev loss",
        "no number",
        format!("{:+.3} ± {:.3} at the best look", loss.mean, loss.deviation).replace('-', "−"),
        Some(loss.mean < -2.0 * loss.error()),
    );
}

fn batches(found: &Findings, study: &mut StudyVerdict) {
    let fixed = sweeps::at_rate(&found.swept, sweeps::RATE);
    important(study, "at the lecture's rate", &fixed);
    important(study, "at the best of three rates for each size", &sweeps::at_best_rate(&found.swept));
    let words: Vec<String> = fixed
        .iter()
        .map(|swept| format!("{}: {:.1}", grouped(swept.setting.size), 100.0 * swept.accuracy.mean))
        .collect();
    let falls = fixed.windows(2).filter(|pair| pair[0].accuracy.above(&pair[1].accuracy) > 2.0).count();
    study.claim(
        "bigger batches are \"usually better\"",
        "no number",
        format!(
            "dev accuracy in % after two epochs at rate .01, by batch size: {}; {falls} of {} enlargements lose more \
             than two standard errors",
            words.join(", "),
            fixed.len().saturating_sub(1)
        ),
        Some(2 * falls < fixed.len().saturating_sub(1) && best_is_last(&fixed)),
    );
}

/// The least and the largest mean dev accuracy.
pub(super) fn ends(swept: &[&sweeps::Swept]) -> [f64; 2] {
    let means = || swept.iter().map(|swept| swept.accuracy.mean);
    [-means().map(|mean| -mean).fold(f64::NEG_INFINITY, larger), means().fold(f64::NEG_INFINITY, larger)]
}

/// "Hugely": more between the best and the worst size than the 95 % interval of the dev rows is wide.
fn important(study: &mut StudyVerdict, rates: &str, swept: &[&sweeps::Swept]) {
    let [least, most] = ends(swept);
    let wide = 4.0 * dev_error(most);
    study.claim(
        &format!("batch size is \"hugely important\", {rates}"),
        "no number",
        format!(
            "mean dev accuracies of {} sizes lie between {:.1} and {:.1} %: {:.1} points, where the dev rows' 95 % \
             interval is {:.1} wide",
            swept.len(),
            100.0 * least,
            100.0 * most,
            100.0 * (most - least),
            100.0 * wide
        ),
        (!swept.is_empty()).then_some(most - least > wide),
    );
}

/// Whether no smaller batch does better than the largest by more than two standard errors.
fn best_is_last(swept: &[&sweeps::Swept]) -> bool {
    let Some((last, others)) = swept.split_last() else { return false };
    others.iter().all(|other| other.accuracy.above(&last.accuracy) <= 2.0)
}

/// How a value printed to three digits compares, for tables.
pub(super) fn agrees(printed: f64, ours: &Sample) -> &'static str {
    if one_of(printed, ours, HALF_DIGIT) {
        "agrees"
    } else if (printed - ours.mean).abs() <= 3.0 * ours.deviation + HALF_DIGIT {
        "in the tail"
    } else {
        "does not agree"
    }
}
