//! The study's figures: time against batch size, Table 1, the sweep of rates, the sum's curves, relu (normal)'s runs
//! and sigmoid (uniform)'s long ones.

use super::{
    Findings,
    claims::ERRORS,
    inits::LOOK,
    networks::{NETWORKS, RELU_NORMAL, RELU_UNIFORM, SIGMOID_UNIFORM},
    rates::{PUBLISHED, RATES},
    runs::{Final, constant, tests},
    speed::BATCHES,
    sums::{CURVES, DRAWN},
    table::Table,
};
use crate::{
    error::Result,
    report::plots::{
        Area, Axis, CANDIDATE, Drawn, PALETTE, Panel, REFERENCE, Stroke, TEXT, TEXT_SIZE, curve, dots, figure, heading,
        legend, line, panel, quantiles, text,
    },
    study::{Sample, sorted},
};
use plotters::{
    prelude::{PathElement, Text},
    style::{
        Color, RGBColor,
        text_anchor::{HPos, VPos},
    },
};
use std::path::Path;

/// The size of every figure but the table's, in pixels.
const SIZE: (u32, u32) = (960, 600);

/// Writes every figure, as SVG and PNG.
pub(super) fn draw(folder: &Path, found: &Findings) -> Result<()> {
    figure(&folder.join("batch-size"), SIZE, |area| batch_size(area, found))?;
    figure(&folder.join("table"), (1100, 860), |area| table(area, &found.table))?;
    figure(&folder.join("rates"), SIZE, |area| rates(area, found))?;
    figure(&folder.join("sum"), (1100, 800), |area| sum(area, found))?;
    figure(&folder.join("relu-normal"), SIZE, |area| relu_normal(area, found))?;
    figure(&folder.join("stuck"), SIZE, |area| stuck(area, found))?;
    Ok(())
}

fn plain(color: RGBColor) -> Stroke {
    Stroke { color, width: 4, dashed: false }
}

/// A hairline across a panel.
fn rule(chart: &mut Panel<'_, '_>, ends: [(f64, f64); 2]) -> Drawn {
    chart.draw_series([PathElement::new(ends, TEXT.stroke_width(2))])?;
    Ok(())
}

/// Time of an epoch over the batch size.
fn batch_size(area: &Area<'_>, found: &Findings) -> Drawn {
    let [torch, scratch] = found.speed.gain(50);
    let shows = format!(
        "Time of an epoch of 1000 samples, tanh (uniform), one thread, this machine; medians. From one sample at a \
         time to batches of 50 libtorch gains {torch:.0} times, scratch {scratch:.1} times; printed: 60 times. The \
         vertical line is the published batch size, 50."
    );
    let area = heading(area, "Mini-batches: what they gain", &shows)?;
    let ideal = Stroke { color: PALETTE[7], width: 3, dashed: true };
    let libtorch = Stroke { width: 6, ..REFERENCE };
    let entries = [
        ("libtorch".to_owned(), Some(libtorch)),
        ("scratch".to_owned(), Some(CANDIDATE)),
        ("as if a step cost the same whatever its samples".to_owned(), Some(ideal)),
    ];
    let area = legend(&area, &entries)?;
    let times = |engine: usize| -> Vec<(f64, f64)> {
        let epochs = BATCHES.iter().zip(&found.speed.batches);
        epochs.map(|(batch, step)| (*batch as f64, step[engine][1] * 1000.0 / *batch as f64 / 1e3)).collect()
    };
    let free = |engine: usize| -> Vec<(f64, f64)> {
        let first = times(engine).first().map_or(f64::NAN, |(_, time)| *time);
        BATCHES.iter().map(|batch| (*batch as f64, first / *batch as f64)).collect()
    };
    let all = [0, 1].into_iter().flat_map(|engine| times(engine).into_iter().chain(free(engine)));
    let y = Axis::logarithmic("time of an epoch (ms)", all.map(|(_, time)| time));
    let x = Axis::logarithmic("batch size (samples)", BATCHES.map(|batch| batch as f64));
    let mut chart = panel(&area, &x, &y)?;
    rule(&mut chart, [(50.0, y.foot()), (50.0, 1e9)])?;
    for (engine, stroke) in [(0, libtorch), (1, CANDIDATE)] {
        let points = free(engine);
        chart.draw_series(plotters::prelude::DashedLineSeries::new(points, 12, 10, ideal.into()))?;
        line(&mut chart, &times(engine), stroke)?;
    }
    Ok(())
}

/// Table 1: printed and ours, train above test.
fn table(area: &Area<'_>, table: &Table) -> Drawn {
    let shows = "Mean error of 15 runs with one standard deviation either way, on a logarithmic axis. Grey: the means \
                 that other data sets give, each the same for its runs.";
    let area = heading(area, "Table 1: six networks on a disc", shows)?;
    let columns = [
        ("printed", PALETTE[4]),
        ("libtorch", PALETTE[6]),
        ("scratch", PALETTE[0]),
        ("scratch, a data set for each run", PALETTE[2]),
    ];
    let mut entries: Vec<_> = columns.map(|(name, color)| (name.to_owned(), Some(plain(color)))).to_vec();
    entries.push(("other data sets".to_owned(), Some(plain(PALETTE[7]))));
    let area = legend(&area, &entries)?;
    let rows = area.split_evenly((2, 1));
    for (row, (part, printed, error)) in rows.iter().zip(ERRORS) {
        let name = format!("{part} error (%)");
        let printed = |network: usize| printed(&NETWORKS[network]);
        let of = |network: usize| {
            let ours = [&table.torch, &table.fixed, &table.drawn].map(|runs| error(&runs[network]));
            [printed(network), ours[0], ours[1], ours[2]]
        };
        let ends = (0..NETWORKS.len()).flat_map(|network| of(network).map(|sample| ends(&sample))).flatten();
        let x = Axis::groups(NETWORKS.iter().map(super::networks::Network::name));
        let mut chart = panel(row, &x, &Axis::logarithmic(&name, ends.collect::<Vec<_>>()))?;
        for network in 0..NETWORKS.len() {
            let means = table.others[network].iter().map(|runs| (network as f64 + 0.38, error(runs).mean));
            dots(&mut chart, &means.collect::<Vec<_>>(), PALETTE[7], 5)?;
            for (place, (sample, (_, color))) in of(network).iter().zip(columns).enumerate() {
                whisker(&mut chart, network as f64 - 0.34 + 0.18 * place as f64, sample, color)?;
            }
        }
    }
    Ok(())
}

/// One deviation below and above a mean; below no further than a fifth of it, for a logarithmic axis.
fn ends(sample: &Sample) -> [f64; 2] {
    [(sample.mean - sample.deviation).max(sample.mean / 5.0), sample.mean + sample.deviation]
}

fn whisker(chart: &mut Panel<'_, '_>, x: f64, sample: &Sample, color: RGBColor) -> Drawn {
    let [low, high] = ends(sample);
    chart.draw_series([PathElement::new([(x, low), (x, high)], color.stroke_width(5))])?;
    dots(chart, &[(x, sample.mean)], color, 9)
}

/// Test error over the rate.
fn rates(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Mean test error after 250 epochs over the learning rate of the summed loss, one data set; the \
                 vertical line is the published rate, .01. Around 50 % a network says the same of every row.";
    let area = heading(area, "Is .01 quasi-optimal for each network?", shows)?;
    let strokes: Vec<Stroke> = (0..NETWORKS.len()).map(|network| plain(PALETTE[network])).collect();
    let entries: Vec<_> =
        NETWORKS.iter().zip(&strokes).map(|(network, stroke)| (network.name(), Some(*stroke))).collect();
    let area = legend(&area, &entries)?;
    let points = |network: usize| -> Vec<(f64, f64)> {
        RATES.iter().zip(&found.rates[network].by_rate).map(|(lr, runs)| (*lr, tests(runs).mean)).collect()
    };
    let all = (0..NETWORKS.len()).flat_map(points).map(|(_, error)| error);
    let y = Axis::logarithmic("test error (%)", all);
    let mut chart = panel(&area, &Axis::logarithmic("learning rate", RATES), &y)?;
    rule(&mut chart, [(RATES[PUBLISHED], y.foot()), (RATES[PUBLISHED], 1e9)])?;
    for (network, stroke) in strokes.into_iter().enumerate() {
        line(&mut chart, &points(network), stroke)?;
    }
    Ok(())
}

/// Training error over the epochs under the sum and under the mean.
fn sum(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Training error after each epoch. With the mean that the text names, .01 is a rate fifty times \
                 smaller; at .5 the mean's curve lies on the sum's until rounding parts them.";
    let area = heading(area, "A mean squared error that is a sum", shows)?;
    let strokes = [REFERENCE, plain(PALETTE[1]), CANDIDATE];
    let entries: Vec<_> =
        CURVES.iter().zip(strokes).map(|((name, ..), stroke)| ((*name).to_owned(), Some(stroke))).collect();
    let area = legend(&area, &entries)?;
    let rows = area.split_evenly((2, 1));
    for ((row, network), curves) in rows.iter().zip(DRAWN).zip(&found.sums.curves) {
        let epochs: Vec<usize> = (1..=curves[0].len()).collect();
        let description = format!("{}: error (%)", NETWORKS[network].name());
        let y = Axis::linear(&description, curves.iter().flatten().copied().chain([0.0]));
        let mut chart = panel(row, &Axis::steps("epoch", &epochs), &y)?;
        for (errors, stroke) in curves.iter().zip(strokes) {
            curve(&mut chart, &[(0..errors.len()).collect()], (&epochs, errors), stroke)?;
        }
    }
    Ok(())
}

/// How many runs of relu (normal) end where.
fn relu_normal(area: &Area<'_>, found: &Findings) -> Drawn {
    let errors = |runs: &[Final]| sorted(runs.iter().map(|run| run.test).collect());
    let [published, slower] = &found.inits.relu_normal;
    let mut series = vec![
        ("as published: N(0, 1), rate .01".to_owned(), errors(published)),
        ("ours: rate .001".to_owned(), errors(slower)),
    ];
    let relu = found.inits.variants.iter().filter(|variant| variant.activation == "relu");
    series.extend(relu.map(|variant| (format!("ours: {}", variant.weights), errors(&variant.runs))));
    series.push(("relu (uniform) as published".to_owned(), errors(&found.table.fixed[RELU_UNIFORM])));
    let printed = NETWORKS[RELU_NORMAL].test;
    let [of_narrow, narrow] = found.constant_variants("relu", false);
    let shows = format!(
        "The share of the runs whose test error stays at or under a value; the horizontal line is the printed mean, \
         {:.2} %. As published, {} of {} runs say the same of every row in the end; of narrower initial weights, \
         normal too, {of_narrow} of {narrow}.",
        printed.mean,
        constant(published),
        published.len()
    );
    // The curves run where a label would stand.
    let level = (printed.mean, "");
    quantiles(area, &format!("relu (normal): printed {printed} %"), &shows, "test error (%)", level, &series)
}

/// Training error of sigmoid (uniform) over thousands of epochs.
fn stuck(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = "Training error of sigmoid (uniform), four runs each, over twelve times the published number of epochs \
                 (the vertical line).";
    let area = heading(area, "Stuck at the class prior, and what gets it off", shows)?;
    let rates = super::inits::LONG_RATES;
    let strokes = [CANDIDATE, plain(PALETTE[1])];
    let entries: Vec<_> = rates.iter().zip(strokes).map(|(lr, stroke)| (format!("rate {lr}"), Some(stroke))).collect();
    let area = legend(&area, &entries)?;
    let longest = found.inits.long.first().map_or(0, |long| long.errors.len());
    let epochs: Vec<usize> = (1..=longest).map(|look| look * LOOK).collect();
    let y = Axis::linear("training error (%)", [0.0, NETWORKS[SIGMOID_UNIFORM].train.mean]);
    let mut chart = panel(&area, &Axis::steps("epoch", &epochs), &y)?;
    rule(&mut chart, [(super::networks::EPOCHS as f64, -1e9), (super::networks::EPOCHS as f64, 1e9)])?;
    for long in &found.inits.long {
        let stroke = rates.iter().zip(strokes).find(|(lr, _)| **lr == long.lr).map_or(CANDIDATE, |(_, stroke)| stroke);
        curve(&mut chart, &[(0..long.errors.len()).collect()], (&epochs, &long.errors), stroke)?;
    }
    let label = text(TEXT_SIZE - 4, &TEXT, HPos::Left, VPos::Bottom);
    chart.draw_series([Text::new(" 250", (super::networks::EPOCHS as f64, 0.0), label)])?;
    Ok(())
}
