//! What training beyond a few epochs helped, and the L2 penalty.

use super::{
    CANCELLED, Findings, claims,
    curves::interval,
    free_weights, printed,
    report::Written,
    runs::{Run, larger, sample},
    stopping, sweeps, unseen,
};
use crate::{
    report::{number, power},
    run::Phase,
    study::{Sample, StudyVerdict, page},
};
use std::fmt::Write;

pub(super) fn helped(text: &mut String, found: &Findings) -> Written {
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

pub(super) fn penalized(text: &mut String, found: &Findings, study: &StudyVerdict) -> Written {
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
