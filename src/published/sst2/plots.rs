//! The study's figures: loss and dev accuracy during the two epochs, what L2 and early stopping change, batch sizes,
//! penalties.

use super::{
    Findings, Runs, claims, printed,
    printed::{EPOCHS, Printed, WINDOW, WINDOWS},
    runs::{Look, Run, sample},
    stopping, sweeps,
};
use crate::{
    error::Result,
    report::plots::{
        Area, Axis, CANDIDATE, Drawn, PALETTE, Panel, REFERENCE, Stroke, TEXT, band, dots, figure, heading, legend,
        line, panel,
    },
    study::{Sample, share_interval},
};
use plotters::{
    prelude::PathElement,
    style::{Color, RGBColor},
};
use std::path::Path;

/// What the lecture prints, run by run.
const PRINTED: [Stroke; 3] = [
    Stroke { color: PALETTE[1], width: 8, dashed: false },
    Stroke { color: PALETTE[2], width: 8, dashed: false },
    Stroke { color: PALETTE[3], width: 8, dashed: false },
];
const POINT: u32 = 8;

/// Writes every figure, as SVG and PNG.
pub(super) fn draw(folder: &Path, found: &Findings) -> Result<()> {
    figure(&folder.join("training"), (960, 860), |area| training(area, found))?;
    figure(&folder.join("help"), (960, 600), |area| help(area, found))?;
    figure(&folder.join("batches"), (960, 860), |area| batches(area, found))?;
    figure(&folder.join("penalty"), (960, 760), |area| penalty(area, found))?;
    Ok(())
}

/// Steps over both epochs at which means are printed and the dev rows looked at.
fn places(found: &Findings) -> Vec<f64> {
    let epoch = epoch_steps(found);
    (0..EPOCHS).flat_map(|number| (1..=WINDOWS).map(move |at| number as f64 * epoch + (at * WINDOW) as f64)).collect()
}

fn epoch_steps(found: &Findings) -> f64 {
    (found.curves.reference_loss.len() / EPOCHS) as f64
}

fn training(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Mean training loss of every 500 steps and accuracy on the 872 dev rows, as printed in three runs, and \
                 as ours have them: means, and bands of two standard deviations of a run. Grey: the 95 % interval that \
                 872 rows leave to our mean. Printed points that share a step stand side by side.";
    let area = heading(area, "SST-2: the two epochs of the lecture, printed and re-run", shows)?;
    let Runs { scratch, torch } = &found.plain;
    let mut entries = vec![
        (format!("{}, {} seeds", found.curves.reference, torch.len()), Some(REFERENCE)),
        (format!("{}, {} seeds", found.curves.candidate, scratch.len()), Some(CANDIDATE)),
    ];
    let names = printed::ALL.iter().zip(PRINTED);
    entries.extend(names.map(|(printed, stroke)| (format!("printed: {}", printed.name), Some(stroke))));
    let area = legend(&area, &entries)?;
    let (upper, lower) = area.split_vertically(area.dim_in_pixel().1 as i32 / 2);
    let loss = |run: &Run, at: usize| run.windows[at];
    let accuracy = |run: &Run, at: usize| 100.0 * run.looks[at].accuracy();
    let of_losses = |printed: &Printed| printed.windows.to_vec();
    let of_looks = |printed: &Printed| printed.looks.iter().map(|look| 100.0 * look).collect::<Vec<_>>();
    curves(&upper, found, "mean loss of 500 steps", &loss, &of_losses, false)?;
    curves(&lower, found, "dev accuracy (%)", &accuracy, &of_looks, true)
}

/// One panel: both engines' means, the band of a run, printed points.
fn curves(
    area: &Area<'_>,
    found: &Findings,
    description: &str,
    value: &dyn Fn(&Run, usize) -> f64,
    printed: &dyn Fn(&Printed) -> Vec<f64>,
    of_rows: bool,
) -> Drawn {
    let x = places(found);
    let Runs { scratch, torch } = &found.plain;
    let of = |runs: &[Run]| (0..x.len()).map(|at| sample(runs, |run| value(run, at))).collect::<Vec<Sample>>();
    let (scratch, libtorch) = (of(scratch), of(torch));
    let low: Vec<f64> = scratch.iter().map(|at| at.mean - 2.0 * at.deviation).collect();
    let high: Vec<f64> = scratch.iter().map(|at| at.mean + 2.0 * at.deviation).collect();
    let interval: Vec<[f64; 2]> =
        scratch.iter().map(|at| rows_interval(at.mean / 100.0).map(|end| 100.0 * end)).collect();
    let [least, most] = [0, 1].map(|end| interval.iter().map(|ends| ends[end]).collect::<Vec<_>>());
    let ends = if of_rows { [&least, &most] } else { [&low, &high] };
    let all = low.iter().chain(&high).chain(ends[0]).chain(ends[1]).copied();
    let all = all.chain(printed::ALL.iter().flat_map(|run| printed(run)));
    let steps = Axis::linear("step (two epochs of 4210)", [0.0, 2.0 * x[0] + x[x.len() - 1] - x[0]]);
    let mut chart = panel(area, &steps, &Axis::linear(description, all))?;
    // Epochs apart: the lecture counts its 500 steps anew in each.
    for epoch in 0..EPOCHS {
        let part = epoch * WINDOWS..(epoch + 1) * WINDOWS;
        if of_rows {
            band(&mut chart, &x[part.clone()], (&least[part.clone()], &most[part.clone()]), PALETTE[7])?;
        }
        band(&mut chart, &x[part.clone()], (&low[part.clone()], &high[part.clone()]), CANDIDATE.color)?;
        for (samples, stroke) in [(&libtorch, REFERENCE), (&scratch, CANDIDATE)] {
            let points: Vec<_> = part.clone().map(|at| (x[at], samples[at].mean)).collect();
            line(&mut chart, &points, stroke)?;
        }
    }
    // Side by side, so that equal ones do not hide each other.
    for (number, (run, stroke)) in printed::ALL.iter().zip(PRINTED).enumerate() {
        let beside = 60.0 * (number as f64 - 1.0);
        let points: Vec<_> = x.iter().map(|x| x + beside).zip(printed(run)).collect();
        dots(&mut chart, &points, stroke.color, POINT)?;
    }
    if of_rows {
        let ends = printed::PLAIN.dev.iter().zip(1..);
        let points: Vec<_> =
            ends.map(|(share, epoch)| (f64::from(epoch) * epoch_steps(found), 100.0 * share)).collect();
        dots(&mut chart, &points, PRINTED[0].color, POINT)?;
    }
    Ok(())
}

/// The 95 % interval of a share of the dev rows.
fn rows_interval(share: f64) -> [f64; 2] {
    let rows = printed::DEV[0];
    share_interval((share * rows as f64).round() as usize, rows)
}

/// One column of the figure on what helps.
struct Column {
    name: &'static str,
    printed: f64,
    value: fn(&Run) -> f64,
    l2: bool,
}

fn stopped(run: &Run) -> f64 {
    let stop = stopping::stop(run.looks.iter().map(Look::accuracy), true);
    stop.stopped.map_or_else(|| claims::last_accuracy(run), |look| run.looks[look].accuracy())
}

fn best(run: &Run) -> f64 {
    run.looks[stopping::stop(run.looks.iter().map(Look::accuracy), true).best].accuracy()
}

fn columns() -> [Column; 6] {
    let first = |run: &Run| run.epochs[0].dev.accuracy();
    let of_first_look = |run: &Run| run.looks[WINDOWS - 1].accuracy();
    let of_last_look = |run: &Run| run.looks[EPOCHS * WINDOWS - 1].accuracy();
    let stopping = stopping::stop(printed::STOPPED.looks.iter().copied(), true);
    let [left, most] = [stopping.stopped.unwrap_or_default(), stopping.best].map(|look| printed::STOPPED.looks[look]);
    [
        Column { name: "plain, epoch 0", printed: printed::PLAIN.dev[0], value: first, l2: false },
        Column { name: "L2, epoch 0", printed: printed::L2.dev[0], value: of_first_look, l2: true },
        Column { name: "plain, epoch 1", printed: printed::PLAIN.dev[1], value: claims::last_accuracy, l2: false },
        Column { name: "L2, epoch 1", printed: printed::L2.dev[1], value: of_last_look, l2: true },
        Column { name: "stopped: last look", printed: left, value: stopped, l2: false },
        Column { name: "stopped: best look", printed: most, value: best, l2: false },
    ]
}

fn help(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Dev accuracy of each variant: printed, with the 95 % interval that 872 rows leave (whiskers), and \
                 every run of ours, a dot each, with their mean. The best look is chosen on these rows. Every \
                 printed difference is smaller than the interval.";
    let area = heading(area, "SST-2: did L2 or early stopping help?", shows)?;
    let wide = |stroke: Stroke| Stroke { width: 10, ..stroke };
    let area = legend(
        &area,
        &[
            ("printed, 95 % interval".to_owned(), Some(PRINTED[0])),
            (found.curves.candidate.clone(), Some(wide(CANDIDATE))),
            (found.curves.reference.clone(), Some(wide(REFERENCE))),
            ("mean".to_owned(), Some(Stroke { color: TEXT, width: 4, dashed: false })),
        ],
    )?;
    let columns = columns();
    let of = |column: &Column| {
        let Runs { scratch, torch } = if column.l2 { &found.l2 } else { &found.plain };
        [scratch, torch].map(|runs| runs.iter().map(|run| 100.0 * (column.value)(run)).collect::<Vec<_>>())
    };
    let values: Vec<[Vec<f64>; 2]> = columns.iter().map(of).collect();
    let ends = columns.iter().flat_map(|column| rows_interval(column.printed)).map(|end| 100.0 * end);
    let y = Axis::linear("dev accuracy (%)", ends.chain(values.iter().flatten().flatten().copied()));
    let x = Axis::groups(columns.iter().map(|column| column.name.to_owned()));
    let mut chart = panel(&area, &x, &y)?;
    for (group, (column, [scratch, torch])) in columns.iter().zip(&values).enumerate() {
        let place = group as f64;
        whisker(&mut chart, place - 0.28, rows_interval(column.printed).map(|end| 100.0 * end), PRINTED[0].color)?;
        dots(&mut chart, &[(place - 0.28, 100.0 * column.printed)], PRINTED[0].color, POINT)?;
        for (runs, middle, stroke) in [(scratch, place, CANDIDATE), (torch, place + 0.28, REFERENCE)] {
            // Side by side, so that equal ones do not hide each other.
            let wide = runs.len().clamp(1, 7);
            let spread = |number: usize| ((number % wide) as f64 - (wide as f64 - 1.0) / 2.0) * 0.03;
            let points: Vec<_> = runs.iter().enumerate().map(|(at, run)| (middle + spread(at), *run)).collect();
            dots(&mut chart, &points, stroke.color, 4)?;
            let mean = Sample::of(runs).mean;
            let bar = PathElement::new([(middle - 0.12, mean), (middle + 0.12, mean)], TEXT.stroke_width(4));
            chart.draw_series([bar])?;
        }
    }
    Ok(())
}

fn whisker(chart: &mut Panel<'_, '_>, x: f64, [low, high]: [f64; 2], color: RGBColor) -> Drawn {
    let end = |y: f64| [(x - 0.05, y), (x + 0.05, y)];
    let lines = [[(x, low), (x, high)], end(low), end(high)];
    chart.draw_series(lines.map(|ends| PathElement::new(ends, color.stroke_width(4))))?;
    Ok(())
}

/// Means over a sweep with a band of one standard deviation.
fn swept(chart: &mut Panel<'_, '_>, points: &[(f64, Sample)], stroke: Stroke) -> Drawn {
    let x: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
    let ends = |sign: f64| points.iter().map(|(_, y)| y.mean + sign * y.deviation).collect::<Vec<_>>();
    band(chart, &x, (&ends(-1.0), &ends(1.0)), stroke.color)?;
    let means: Vec<_> = points.iter().map(|(x, y)| (*x, y.mean)).collect();
    line(chart, &means, stroke)
}

fn percent(sample: Sample) -> Sample {
    Sample { mean: 100.0 * sample.mean, deviation: 100.0 * sample.deviation, ..sample }
}

fn batches(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Dev accuracy after two epochs by batch size, mean and one standard deviation over seeds, at three \
                 learning rates; and the time of an epoch on one thread, where libtorch is given densified rows as in \
                 the lecture.";
    let area = heading(area, "SST-2: are bigger batches better?", shows)?;
    let strokes = [PALETTE[2], PALETTE[3], PALETTE[1]].map(|color| Stroke { color, width: 4, dashed: false });
    let mut entries: Vec<_> = sweeps::RATES
        .iter()
        .zip(strokes)
        .map(|(rate, stroke)| {
            let whose = if *rate == sweeps::RATE { " (the lecture's)" } else { "" };
            (format!("rate {rate}{whose}"), Some(stroke))
        })
        .collect();
    entries.push(("time: libtorch".to_owned(), Some(REFERENCE)));
    entries.push(("time: scratch".to_owned(), Some(CANDIDATE)));
    let area = legend(&area, &entries)?;
    let (upper, lower) = area.split_vertically(area.dim_in_pixel().1 as i32 * 3 / 5);
    let x = Axis::logarithmic("batch size", sweeps::SIZES.map(|size| size as f64));
    let lines = sweeps::RATES.map(|rate| {
        let sizes = sweeps::at_rate(&found.swept, rate);
        sizes.into_iter().map(|of| (of.setting.size as f64, percent(of.accuracy))).collect::<Vec<_>>()
    });
    let ends = lines.iter().flatten().flat_map(|(_, y)| [y.mean - y.deviation, y.mean + y.deviation]);
    let mut chart = panel(&upper, &x, &Axis::linear("dev accuracy (%)", ends))?;
    for (points, stroke) in lines.iter().zip(strokes) {
        swept(&mut chart, points, stroke)?;
    }
    let times = [0, 1].map(|side| {
        let points = found.times.iter().map(|time| (time.size as f64, time.epoch_s(side)));
        points.filter(|(_, seconds)| seconds.is_finite()).collect::<Vec<_>>()
    });
    let y = Axis::logarithmic("seconds of an epoch", times.iter().flatten().map(|(_, seconds)| *seconds));
    let mut chart = panel(&lower, &x, &y)?;
    for (points, stroke) in times.iter().zip([REFERENCE, CANDIDATE]) {
        line(&mut chart, points, stroke)?;
    }
    Ok(())
}

fn penalty(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "After two epochs with a penalty factor·Σw², ten seeds each: mean and one standard deviation. 0: \
                 without. The lecture's .001·mean(w²) is the dashed line; .001·Σw² is 10,106 times as much.";
    let area = heading(area, "SST-2: a penalty that is felt", shows)?;
    let lecture = Stroke { color: PRINTED[2].color, width: 4, dashed: true };
    let area = legend(
        &area,
        &[(found.curves.candidate.clone(), Some(CANDIDATE)), ("the lecture's factor".to_owned(), Some(lecture))],
    )?;
    let (upper, lower) = area.split_vertically(area.dim_in_pixel().1 as i32 / 2);
    let runs = sweeps::penalties(&found.swept);
    let values = |of: fn(&sweeps::Swept) -> Sample| {
        let mut points: Vec<_> = runs.iter().map(|run| (run.setting.factor, of(run))).collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points
    };
    let panels =
        [(upper, "dev accuracy (%)", values(|run| percent(run.accuracy))), (lower, "dev loss", values(|run| run.loss))];
    for (area, name, points) in panels {
        let x = Axis::logarithmic("factor of Σw²", points.iter().map(|(factor, _)| *factor));
        let ends: Vec<f64> = points.iter().flat_map(|(_, y)| [y.mean - y.deviation, y.mean + y.deviation]).collect();
        let y = Axis::linear(name, ends.iter().copied());
        let mut chart = panel(&area, &x, &y)?;
        let range = chart.y_range();
        let upright = [(sweeps::LECTURE, range.start), (sweeps::LECTURE, range.end)];
        chart.draw_series(plotters::prelude::DashedLineSeries::new(upright, 12, 10, lecture.into()))?;
        swept(&mut chart, &points, CANDIDATE)?;
    }
    Ok(())
}
