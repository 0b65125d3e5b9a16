//! report.md.

use super::{
    super::{Sample, StudyVerdict, page, share_interval},
    CANCELLED, Findings, Runs, claims, counts, free_weights, printed,
    printed::{EPOCHS, Printed, WINDOW, WINDOWS},
    runs::{Look, Run, deviations, larger, sample},
    stopping, sweeps, times, unseen,
};
use crate::{
    judge::verdict::{Outcome, Verdict},
    report::{number, power},
    run::{Phase, RunMode},
};
use std::fmt::Write;

type Written = std::fmt::Result;

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut text, found, study);
    text + &page::end(study)
}

fn write_report(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
    opening(text, found, study)?;
    writeln!(text, "## The lecture's claims\n\n{}", page::claims(study))?;
    counted(text, found)?;
    losses(text, found)?;
    accuracies(text, found)?;
    helped(text, found)?;
    penalized(text, found, study)?;
    stopped(text, found)?;
    batched(text, found)?;
    lockstep(text, found, study)
}

fn opening(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
    let change = claims::paired(&found.plain.scratch, &found.l2.scratch, claims::last_accuracy);
    let held_out = sample(&found.plain.scratch, |run| stopping::gain(run).held_out);
    let [met, all] = claims::met(found);
    let dev_error = claims::dev_error(printed::PLAIN.dev[1]);
    // Smaller than what the dev rows leave open, however the seeds fell; as the claim on L2 is judged.
    let none = |gain: &Sample| gain.mean + 2.0 * gain.error() < dev_error;
    let helps = |gain: &Sample| gain.mean > 2.0 * gain.error() && !none(gain);
    let answer = match [&change, &held_out] {
        both if both.iter().all(|gain| none(gain)) => "No:",
        both if both.iter().all(|gain| helps(gain)) => "Both did:",
        [l2, stopping] if helps(l2) && none(stopping) => "L2 did:",
        [l2, stopping] if none(l2) && helps(stopping) => "Early stopping did:",
        _ => "That cannot be told:",
    };
    let steps = claims::grouped(found.curves.reference_loss.len());
    let both = match study.experiments.get("plain") {
        Some(plain) if plain.verdict == Outcome::Parity => format!("are at parity over all {steps} steps"),
        Some(plain) => format!("side by side over {steps} steps: {}", plain.verdict),
        None => "were not compared".to_owned(),
    };
    let rows = |counts: Option<[usize; 3]>| claims::grouped(counts.map_or(0, |[rows, ..]| rows));
    let printed =
        printed::ALL.iter().flat_map(|run| run.dev).chain([&printed::STOPPED.looks[stopping::printed().best]]);
    let (least, most) =
        printed.fold((f64::INFINITY, 0.0_f64), |(least, most), share| (least.min(*share), most.max(*share)));
    writeln!(
        text,
        "# SST-2: a lecture's logistic regression, and whether anything helped\n\n\
         A lecture trains logistic regression on the words of {} film phrases, adds an L2 penalty and then early \
         stopping, and prints dev accuracies of {:.1} to {:.1} %. Did anything help? {answer} over {} seeds L2 changes \
         the accuracy by {} ± {:.2} points and early stopping, judged on rows that did not choose the moment, by {} ± \
         {:.2} (standard errors), while {} dev rows alone leave an uncertainty of {:.1} points. Of the lecture's \
         {all} training figures {met} lie within two standard deviations of our runs, and both engines (reference {}, \
         candidate {}) {both}.\n\n\
         ![loss and accuracy during the two epochs](training.svg)\n",
        rows(found.counts.training),
        100.0 * least,
        100.0 * most,
        found.plain.scratch.len(),
        claims::points(change.mean),
        100.0 * change.error(),
        claims::points(held_out.mean),
        100.0 * held_out.error(),
        rows(found.counts.dev),
        100.0 * dev_error,
        found.curves.reference,
        found.curves.candidate,
    )
}

fn counted(text: &mut String, found: &Findings) -> Written {
    let counts = &found.counts;
    let columns = counts.training.map_or(0, |[_, columns, _]| columns);
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    let ours = Sample::of(&found.first.losses);
    let printed = &printed::FIRST_LOGITS;
    let root = (printed.iter().map(|logit| logit * logit).sum::<f64>() / printed.len() as f64).sqrt();
    writeln!(
        text,
        "\n## The counts, and the first batch\n\n\
         Each token is stemmed with NLTK's Porter stemmer in its default mode, lower-cased and split into words of two \
         characters or more. That gives {} for training; {} rows have no word at all. Without stemming there would be \
         {} columns and {} stored elements. Our rows stay sparse from the file to the gradient: {:.1} MB, where all of \
         the matrix in f32 would take {:.1} GB.\n\n\
         Before training, the first batch's loss is ln 2 = .6931 but for the initial weights. The printed {} lies \
         {:+.1} standard deviations from our mean over {} seeds, {ours:.4}; the weights that `nn.Linear` draws, \
         U(±1/√{}), give it a deviation of {:.4}. The root mean square of the printed logits is {root:.4}; derived, \
         it is {:.4}.\n",
        claims::matrix(counts.training.unwrap_or_default()),
        counts.empty,
        claims::grouped(found.unstemmed[0]),
        claims::grouped(found.unstemmed[1]),
        megabytes(counts.bytes[0]),
        megabytes(counts.bytes[1]) / 1e3,
        printed::FIRST_LOSS,
        deviations(printed::FIRST_LOSS, &ours),
        ours.count,
        columns,
        found.first.derived,
        counts::logit_deviation(counts, columns),
    )
}

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

fn losses(text: &mut String, found: &Findings) -> Written {
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

fn accuracies(text: &mut String, found: &Findings) -> Written {
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

fn interval(share: f64) -> String {
    let rows = printed::DEV[0];
    let [low, high] = share_interval((share * rows as f64).round() as usize, rows);
    format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
}

fn helped(text: &mut String, found: &Findings) -> Written {
    let ours = sample(&found.plain.scratch, claims::last_accuracy);
    writeln!(
        text,
        "\n## Did anything help?\n\n\
         {} rows leave a standard error of {:.1} points to a dev accuracy of {:.1} % (binomial). A second source of \
         chance is the run itself: order of the rows and initial weights move ours with a standard deviation of {:.1} \
         points.\n\n\
         ![plain, L2 and early stopping with their intervals](help.svg)\n",
        printed::DEV[0],
        100.0 * claims::dev_error(ours.mean),
        100.0 * ours.mean,
        100.0 * ours.deviation,
    )?;
    let stopping = stopping::printed();
    let rows: Vec<_> = [
        ("plain, end of epoch 0", printed::PLAIN.dev[0]),
        ("L2, epoch 0", printed::L2.dev[0]),
        ("plain, end of epoch 1", printed::PLAIN.dev[1]),
        ("L2, epoch 1", printed::L2.dev[1]),
        ("early stopping, best look", printed::STOPPED.looks[stopping.best]),
        ("early stopping, where it stops", printed::STOPPED.looks[stopping.stopped.unwrap_or_default()]),
    ]
    .into_iter()
    .map(|(name, share)| vec![name.to_owned(), format!("{:.1} %", 100.0 * share), format!("{} %", interval(share))])
    .collect();
    writeln!(text, "{}", page::table(&["printed", "dev accuracy", "95 % interval"], 1, &rows))?;
    writeln!(text, "Against the plain run at the same seed, in points of dev accuracy and in dev loss:\n")?;
    let mut rows = Vec::new();
    for (engine, plain, l2) in
        [("ours", &found.plain.scratch, &found.l2.scratch), ("libtorch", &found.plain.torch, &found.l2.torch)]
    {
        let change = claims::paired(plain, l2, claims::last_accuracy);
        let loss = claims::paired(plain, l2, claims::last_loss);
        let [better, worse] = claims::flipped(plain, l2);
        let rows_changed = format!("{better:.1} rows become right, {worse:.1} wrong");
        rows.push(differences(engine, "L2", change, loss, rows_changed));
        let of = |gain: fn(&Run) -> f64| sample(plain, gain);
        let loss = of(|run| stopping::gain(run).loss);
        let none = Sample::printed(f64::NAN, f64::NAN, plain.len());
        rows.push(differences(
            engine,
            "stopping: best look",
            of(|run| stopping::gain(run).chosen),
            loss,
            "judged by the rows that chose it".to_owned(),
        ));
        rows.push(differences(
            engine,
            "stopping: best look",
            of(|run| stopping::gain(run).held_out),
            none,
            "chosen by one half of the dev rows, judged by the other".to_owned(),
        ));
        rows.push(differences(
            engine,
            "stopping: last look",
            of(|run| stopping::gain(run).left),
            none,
            "where the lecture ends: it keeps no best weights".to_owned(),
        ));
    }
    let head = ["", "against plain", "runs", "accuracy", "its s.e.", "dev loss", ""];
    writeln!(text, "{}", page::table(&head, 2, &rows))
}

fn differences(engine: &str, name: &str, accuracy: Sample, loss: Sample, remark: String) -> Vec<String> {
    let of_loss =
        if loss.mean.is_finite() { format!("{:+.4} ± {:.4}", loss.mean, loss.deviation) } else { String::new() };
    vec![
        engine.to_owned(),
        name.to_owned(),
        accuracy.count.to_string(),
        format!("{} ± {:.2}", claims::points(accuracy.mean), 100.0 * accuracy.deviation),
        format!("{:.2}", 100.0 * accuracy.error()),
        of_loss.replace('-', "−"),
        remark,
    ]
}

fn penalized(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
    let unseen = &found.unseen;
    let mut runs = sweeps::penalties(&found.swept);
    runs.sort_by(|one, other| one.setting.factor.total_cmp(&other.setting.factor));
    let without = runs.iter().find(|run| run.setting.factor == 0.0);
    let best = runs.iter().max_by(|one, other| one.accuracy.mean.total_cmp(&other.accuracy.mean));
    let (gained, error) = match (best, without) {
        (Some(best), Some(without)) => {
            (best.accuracy.mean - without.accuracy.mean, best.accuracy.error().hypot(without.accuracy.error()))
        }
        _ => (f64::NAN, f64::NAN),
    };
    writeln!(
        text,
        "\n## What the penalty does\n\n\
         .001·mean(w²) over 10,106 weights is 9.9e-8·Σw²; its gradient is a weight decay of 2e-7. Adam's steps do not \
         depend on a gradient's size, though. A word that no batch has shown has no other gradient, and Adam divides \
         it by little more than ε = 1e-8: after {} steps the {:.0} or so words not seen yet have a mean |w| of {:.1e} \
         (libtorch {:.1e}), where without the penalty it is {:.5}, at the start {:.5}.{}\n\n\
         Of all penalties tried, the least mean dev loss is {:.3}, where without one it is {:.3}. The best mean \
         accuracy is {:.2} %, {} ± {:.2} (standard error) points from that without a penalty.\n\n\
         ![dev accuracy and loss by penalty](penalty.svg)\n",
        unseen::STEPS,
        unseen.words.mean,
        unseen.l2.mean,
        unseen.torch,
        unseen.plain.mean,
        unseen.start.mean,
        if unseen.l2.mean < unseen.plain.mean / 10.0 {
            " So even the lecture's small penalty rubs out the initial weights of words that come late."
        } else {
            ""
        },
        -runs.iter().map(|run| -run.loss.mean).fold(f64::NEG_INFINITY, larger),
        without.map_or(f64::NAN, |run| run.loss.mean),
        100.0 * best.map_or(f64::NAN, |run| run.accuracy.mean),
        claims::points(gained),
        100.0 * error,
    )?;
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            vec![
                power(Some(run.setting.factor)),
                number(Some(run.setting.factor / sweeps::LECTURE)),
                run.accuracy.count.to_string(),
                format!("{:.2} ± {:.2} %", 100.0 * run.accuracy.mean, 100.0 * run.accuracy.deviation),
                format!("{:.4}", run.loss),
            ]
        })
        .collect();
    writeln!(
        text,
        "{}",
        page::table(&["factor of Σw²", "times the lecture's", "runs", "dev accuracy", "dev loss"], 0, &rows)
    )?;
    let Some(decay) = study.experiments.get("l2-as-decay, f64") else { return Ok(()) };
    let gap = free_weights(decay);
    let seen = |phase: Phase| {
        let first = decay.first_of(phase);
        first.map_or("nowhere".to_owned(), |first| format!("at step {}", first.step))
    };
    writeln!(
        text,
        "Written as a penalty on one side and as Adam's weight decay of 2·.001/10106 on the other, the two should be \
         one training by two differences that cancel: the verdict first sees another gradient {} and another update \
         {}, and over {} steps in f64 the free weights are {} apart at most{}.\n",
        seen(Phase::Backward),
        seen(Phase::Update),
        claims::grouped(decay.steps),
        power(Some(gap)),
        if gap < CANCELLED { ", no more than rounding can make" } else { ", more than rounding makes" }
    )
}

fn stopped(text: &mut String, found: &Findings) -> Written {
    let looks: Vec<String> = printed::STOPPED.looks.iter().map(|look| format!("{look:.3}")).collect();
    let [exceeded, reached] =
        [true, false].map(|exceeded| stopping::stop(printed::STOPPED.looks.iter().copied(), exceeded));
    let l2 = stopping::stop(printed::L2.looks.iter().copied(), true);
    let at = |look: Option<usize>| look.map_or("nowhere".to_owned(), |look| format!("at look {}", look + 1));
    writeln!(
        text,
        "\n## Where early stopping stops\n\n\
         The lecture looks after steps 500 to 4000 of each epoch and stops when `intervals_since_improvement > \
         patience`. On its own printed looks ({}) that rule stops {}, as printed; with `>=` it would have stopped {}. \
         The printed L2 run would have stopped {}. A stopped run is the run that goes on, cut short: the same \
         trainings answer both.\n",
        looks.join(" "),
        at(exceeded.stopped),
        at(reached.stopped),
        at(l2.stopped)
    )?;
    let mut rows = Vec::new();
    for (engine, runs) in [("ours", &found.plain.scratch), ("libtorch", &found.plain.torch)] {
        let stops: Vec<_> = runs.iter().map(|run| stopping::stop(run.looks.iter().map(Look::accuracy), true)).collect();
        let looks: Vec<f64> = stops.iter().filter_map(|stop| Some(stop.stopped? as f64 + 1.0)).collect();
        let best: Vec<f64> =
            runs.iter().zip(&stops).map(|(run, stop)| 100.0 * run.looks[stop.best].accuracy()).collect();
        let (least, most) =
            looks.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), look| (least.min(*look), most.max(*look)));
        let some = |words: String| if looks.is_empty() { "–".to_owned() } else { words };
        rows.push(vec![
            engine.to_owned(),
            format!("{} of {}", looks.len(), runs.len()),
            some(format!("{:.1}", Sample::of(&looks))),
            some(format!("{least} to {most}")),
            format!("{:.2} %", Sample::of(&best)),
        ]);
    }
    rows.push(vec![
        "printed".to_owned(),
        "1 of 1".to_owned(),
        "11".to_owned(),
        String::new(),
        format!("{:.1} %", 100.0 * printed::STOPPED.looks[exceeded.best]),
    ]);
    writeln!(text, "{}", page::table(&["", "stop", "at look", "range", "best dev accuracy"], 1, &rows))
}

/// Whether the largest batches are short of steps: a larger rate then does better in as many.
fn not_done(found: &Findings) -> &'static str {
    let [fixed, faster] = [sweeps::RATE, sweeps::RATES[2]].map(|rate| sweeps::at_rate(&found.swept, rate));
    match (fixed.last(), faster.last()) {
        (Some(fixed), Some(faster)) if faster.accuracy.above(&fixed.accuracy) > 2.0 => {
            " The largest are not done when the time is up: at ten times the rate they get further."
        }
        _ => "",
    }
}

/// Whether the smallest batches overfit: their dev loss is then above that of a larger size.
fn gone_on(found: &Findings) -> &'static str {
    let fixed = sweeps::at_rate(&found.swept, sweeps::RATE);
    let least = fixed.iter().min_by(|one, other| one.loss.mean.total_cmp(&other.loss.mean));
    match (fixed.first(), least) {
        (Some(first), Some(least)) if first.loss.above(&least.loss) > 2.0 => {
            " The smallest have gone on into overfitting, by their dev loss."
        }
        _ => "",
    }
}

/// What a bigger batch buys where the rows stay sparse.
fn sparse_time(found: &Findings) -> String {
    match (found.times.first(), found.times.last()) {
        (Some(first), Some(last)) if last.epoch_s(1) < first.epoch_s(1) => format!(
            " What a bigger batch does buy is time, where the rows stay sparse: an epoch takes {:.3} s at batch {} and \
             {:.3} s at batch {}.",
            first.epoch_s(1),
            claims::grouped(first.size),
            last.epoch_s(1),
            claims::grouped(last.size)
        ),
        _ => String::new(),
    }
}

/// Where a larger batch costs libtorch more time an epoch and not less, most of all.
fn jump(found: &Findings) -> String {
    let growth = |pair: &&[times::Time]| pair[1].epoch_s(0) / pair[0].epoch_s(0);
    let pairs = found.times.windows(2).filter(|pair| growth(pair) > 2.0);
    let Some(pair) = pairs.max_by(|one, other| growth(one).total_cmp(&growth(other))) else { return String::new() };
    let row = |time: &times::Time| time.step_us[0].map_or(f64::NAN, |step| step / time.size as f64);
    format!(
        " From batch {} to {} libtorch's time for a row grows from {:.1} to {:.1} µs: why is not explained here.",
        claims::grouped(pair[0].size),
        claims::grouped(pair[1].size),
        row(&pair[0]),
        row(&pair[1])
    )
}

fn batched(text: &mut String, found: &Findings) -> Written {
    let best = sweeps::at_best_rate(&found.swept);
    let [least, most] = claims::ends(&best);
    writeln!(
        text,
        "\n## Batch sizes\n\n\
         Two epochs at the lecture's rate: the larger the batch, the fewer the steps ({} at batch 1, {} at \
         16,384).{}{} At the best of three rates for each size, mean accuracies lie between {:.1} and {:.1} %, with the \
         dev set's standard error at {:.1} points.{}\n\n![dev accuracy and time by batch size](batches.svg)\n",
        claims::grouped(EPOCHS * found.times.first().map_or(0, |time| time.steps_per_epoch)),
        EPOCHS * found.times.last().map_or(0, |time| time.steps_per_epoch),
        not_done(found),
        gone_on(found),
        100.0 * least,
        100.0 * most,
        100.0 * claims::dev_error(printed::PLAIN.dev[1]),
        sparse_time(found),
    )?;
    let rows: Vec<_> = found
        .times
        .iter()
        .map(|time| {
            let rates = sweeps::RATES.map(|rate| {
                let runs = sweeps::at_rate(&found.swept, rate);
                let run = runs.iter().find(|run| run.setting.size == time.size);
                run.map_or(String::new(), |run| {
                    format!("{:.1} ± {:.1}", 100.0 * run.accuracy.mean, 100.0 * run.accuracy.deviation)
                })
            });
            let fixed = sweeps::at_rate(&found.swept, sweeps::RATE);
            let loss = fixed.iter().find(|run| run.setting.size == time.size);
            let rate = best.iter().find(|run| run.setting.size == time.size);
            let seconds = |side: usize| match time.epoch_s(side) {
                seconds if seconds.is_finite() => format!("{seconds:.3}"),
                _ => "–".to_owned(),
            };
            let mut cells = vec![claims::grouped(time.size), claims::grouped(time.steps_per_epoch)];
            cells.push(loss.map_or(String::new(), |run| run.accuracy.count.to_string()));
            cells.extend(rates);
            cells.push(rate.map_or(String::new(), |run| run.setting.rate.to_string()));
            cells.push(loss.map_or(String::new(), |run| format!("{:.3}", run.loss)));
            cells.extend([seconds(0), seconds(1)]);
            cells
        })
        .collect();
    let head = [
        "batch",
        "steps an epoch",
        "runs",
        "rate .001",
        "rate .01",
        "rate .1",
        "best rate",
        "dev loss at .01",
        "libtorch, s an epoch",
        "scratch, s an epoch",
    ];
    writeln!(
        text,
        "{}\nDev accuracy in %. Times: measured on this machine with one thread, medians of blocks of the two engines \
         in turn, preparing the batch included, times the steps of an epoch. libtorch is given dense rows, as in the \
         lecture: those of a batch of 256 take 10 MB, those of 16,384 would take 660 MB, so libtorch is not timed \
         there.{}\n",
        page::table(&head, 0, &rows),
        jump(found)
    )
}

fn lockstep(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
    writeln!(
        text,
        "\n## Both engines in lockstep\n\n\
         The same shuffled batches, the same initial weights; every step compared, synced and free. Step by step: \
         [the plain run](plain/report.md). `l2-on-one-side` puts a difference in, the penalty in the reference alone, \
         too small for any printed figure to show{}.\n",
        study.experiments.get("l2-on-one-side, f64").map_or(String::new(), one_side)
    )?;
    let rows: Vec<_> = study.experiments.iter().map(|(name, verdict)| watched(name, verdict)).collect();
    let head = [
        "run",
        "verdict",
        "first apart",
        "steps",
        "horizon",
        "largest gap of the free weights",
        "dev, reference",
        "dev, free",
    ];
    writeln!(text, "{}", page::table(&head, 3, &rows))?;
    if let Some(stopping) = study.experiments.get("early-stopping").and_then(|verdict| verdict.stopping.as_ref()) {
        let steps = |at: Option<usize>| at.map_or("never".to_owned(), |at| format!("step {}", claims::grouped(at)));
        writeln!(
            text,
            "Early stopping here looks every 500 steps of the whole run, where the lecture counts anew in each epoch; \
             at seed 0 it is best at {} and stops at {}; {}{}.\n",
            steps(stopping.best),
            steps(stopping.stopped),
            if !stopping.candidates.is_empty() && stopping.candidates.iter().all(|own| own.same) {
                "both engines decide alike"
            } else {
                "the engines decide differently"
            },
            if stopping.restored { ", and the best weights are given back, which the lecture leaves out" } else { "" }
        )?;
    }
    speed(text, found, study)
}

/// Where the penalty of one side alone is seen.
fn one_side(verdict: &Verdict) -> String {
    let first = verdict.first_divergence.as_ref();
    let seen = first.map_or("it is not seen".to_owned(), |first| format!("it is seen at step {}", first.step));
    let free = verdict.gaps.get(&RunMode::Free).and_then(|gaps| gaps.get("weights"));
    let apart =
        free.map_or(String::new(), |gap| format!(", and the free weights are farthest apart at step {}", gap.at));
    format!(": {seen}{apart}")
}

fn watched(name: &str, verdict: &Verdict) -> Vec<String> {
    let first = verdict.first_divergence.as_ref();
    let first =
        first.map_or(String::new(), |first| format!("{}, step {}, {}", first.phase.name(), first.step, first.tensor));
    let horizon = verdict.horizon.map_or("none".to_owned(), |step| format!("step {step}"));
    let last = verdict.evaluations.iter().rfind(|look| look.part == "validation");
    let share = |accuracy: Option<f64>| accuracy.map_or(String::new(), |share| format!("{:.2} %", 100.0 * share));
    vec![
        name.to_owned(),
        verdict.verdict.to_string(),
        first,
        claims::grouped(verdict.steps),
        horizon,
        power(Some(free_weights(verdict))),
        last.map_or(String::new(), |look| share(look.reference.accuracy)),
        last.map_or(String::new(), |look| share(look.candidates.last().and_then(|(_, scores)| scores.accuracy))),
    ]
}

fn speed(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
    let Some(speed) = study.experiments.get("plain").and_then(|verdict| verdict.measured.speed.as_ref()) else {
        return Ok(());
    };
    let phases: Vec<String> = speed
        .per_phase
        .iter()
        .map(|(phase, speed)| format!("{} {:.1} and {:.2}", phase.name(), speed.reference_us, speed.candidate_us))
        .collect();
    let epoch = found.times.iter().find(|time| time.size == 16);
    let update = speed.per_phase.get(&Phase::Update).map_or(f64::NAN, |update| update.candidate_us);
    let [rows, columns, stored] = found.counts.training.unwrap_or_default();
    writeln!(
        text,
        "A step takes libtorch {:.0} µs and ours {:.1} µs in this run: ours is {:.0} % of the {:.0} µs that both take \
         ({}; µs). Ours reads only what is not 0, {:.1} words a row; {:.0} % of its time is Adam's update, which moves \
         all {} weights at every step whether their words were there or not. Alone, an epoch takes {}.\n",
        speed.reference_us,
        speed.candidate_us,
        100.0 * speed.candidate_us / (speed.candidate_us + speed.reference_us),
        speed.candidate_us + speed.reference_us,
        phases.join(", "),
        stored as f64 / rows as f64,
        100.0 * update / speed.candidate_us,
        claims::grouped(columns + 1),
        epoch.map_or("– (not timed)".to_owned(), |time| format!(
            "libtorch {:.2} s and ours {:.3} s",
            time.epoch_s(0),
            time.epoch_s(1)
        ))
    )
}
