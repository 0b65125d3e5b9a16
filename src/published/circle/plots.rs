//! The document's figures redrawn, what its first fold did to the test points, and where its table falls among ours.

use super::{
    Findings, PRINTED, Printed,
    decisions::{Decisions, GRID, Network},
    folds::{BOTH, EPOCHS, Init, MANY, OF_TORCH, Of, On, scratch, torch},
};
use crate::{
    error::Result,
    report::plots::{
        Area, Axis, Drawn, PALETTE, Panel, Stroke, TEXT, TEXT_SIZE, band, cells, dots, figure, heading, legend, panel,
        text,
    },
    study::Sample,
};
use plotters::{
    prelude::{DashedLineSeries, LineSeries, PathElement},
    style::{
        Color, RGBColor, ShapeStyle,
        text_anchor::{HPos, VPos},
    },
};
use std::{f64::consts::TAU, path::Path};

const CUSTOM: RGBColor = PALETTE[0];
const PYTORCH: RGBColor = PALETTE[1];
const RESCALED: RGBColor = PALETTE[3];
/// The two classes, as points and as regions.
const CLASSES: [RGBColor; 2] = [PALETTE[0], PALETTE[6]];
const REGIONS: [RGBColor; 2] = [RGBColor(0xc4, 0xdf, 0xf0), RGBColor(0xfb, 0xe6, 0xbf)];
/// How many test points are drawn.
const POINTS: usize = 500;

/// Writes `figure-1`, `figure-2`, `fold-0` and `tables`, as SVG and PNG.
pub(super) fn draw(folder: &Path, found: &Findings) -> Result<()> {
    figure(&folder.join("figure-1"), (1200, 850), |area| regions(area, &found.decisions))?;
    figure(&folder.join("figure-2"), (960, 1180), |area| learning(area, found))?;
    figure(&folder.join("fold-0"), (960, 600), |area| fold_0(area, &found.decisions))?;
    figure(&folder.join("tables"), (1100, 640), |area| tables(area, found))?;
    Ok(())
}

fn solid(color: RGBColor, width: u32) -> Stroke {
    Stroke { color, width, dashed: false }
}

fn dashed(color: RGBColor, width: u32) -> Stroke {
    Stroke { color, width, dashed: true }
}

/// A line of text at the top of an area; what is left under it.
fn title<'a>(area: &Area<'a>, words: &str) -> Drawn<Area<'a>> {
    area.draw_text(words, &text(TEXT_SIZE, &TEXT, HPos::Left, VPos::Top), (150, 8))?;
    Ok(area.split_vertically(40).1)
}

/// The square from 0 to 1 that the document recentres its points in.
fn recentred(value: f64) -> f64 {
    (value + 1.0) / 2.0
}

/// What a panel keeps for its labels and margins, beside its plot and above and below it.
const LABELS: (i32, i32) = (156 + 24, 84 + 10);

/// The part of an area in which a panel's plot is as high as it is wide.
fn for_a_square<'a>(area: &Area<'a>) -> Area<'a> {
    let (width, height) = area.dim_in_pixel();
    let wider = (width as i32 - LABELS.0) - (height as i32 - LABELS.1);
    area.margin(0, (-wider).max(0), 0, wider.max(0))
}

/// A panel of the square, with regions where there are any, points, and the true circle.
fn square(area: &Area<'_>, words: &str, regions: Option<&[u32]>, points: &[([f64; 2], u32)]) -> Drawn {
    let area = for_a_square(&title(area, words)?);
    let axis = |name: &str| Axis::linear(name, [0.0, 1.0]);
    let mut chart = panel(&area, &axis("x₁, recentred"), &axis("x₂, recentred"))?;
    if let Some(regions) = regions {
        cells(&mut chart, (GRID, GRID), |column, row| REGIONS[regions[row * GRID + column] as usize])?;
    }
    for class in 0..2 {
        let of_class = points.iter().filter(|(_, found)| *found == class);
        let places: Vec<_> = of_class.map(|([x, y], _)| (recentred(*x), recentred(*y))).collect();
        dots(&mut chart, &places, CLASSES[class as usize], 4)?;
    }
    let radius = (2.0 / std::f64::consts::PI).sqrt() / 2.0;
    let circle = (0..=180).map(|part| {
        let angle = TAU * f64::from(part) / 180.0;
        (0.5 + radius * angle.cos(), 0.5 + radius * angle.sin())
    });
    chart.draw_series(DashedLineSeries::new(circle, 10, 8, TEXT.stroke_width(4)))?;
    Ok(())
}

/// Figure 1: test points, untrained and trained decisions, of both initializations.
fn regions(area: &Area<'_>, found: &Decisions) -> Drawn {
    let shows = "The first fold's test points, and what each network decides all over the square before training and \
                 after 20 epochs. Above: the custom initialization, trained by the engine from scratch. Below: \
                 PyTorch's, trained by libtorch.";
    let area = heading(area, "Figure 1: the circle, and what the networks make of it", shows)?;
    let places = area.split_evenly((2, 3)).into_iter().map(|place| place.margin(0, 24, 0, 0)).collect::<Vec<_>>();
    let points = &found.points[..found.points.len().min(POINTS)];
    let networks = [("custom", &found.custom), ("PyTorch's", &found.pytorch)];
    for (row, (name, network)) in networks.into_iter().enumerate() {
        let Network { untrained, trained, errors: [before, after, _] } = network;
        square(&places[3 * row + 1], &format!("{name}, untrained: {before:.1} % wrong"), Some(untrained), &[])?;
        square(&places[3 * row + 2], &format!("{name}, trained: {after:.1} % wrong"), Some(trained), &[])?;
    }
    square(&places[0], &format!("{} of the {} test points", points.len(), found.points.len()), None, points)?;
    key(&places[3])
}

/// What the colours of Figure 1 stand for.
fn key(area: &Area<'_>) -> Drawn {
    let area = area.margin(160, 0, 60, 0);
    let entries = [
        ("class 0: inside the circle".to_owned(), Some(solid(CLASSES[0], 16))),
        ("class 1: outside".to_owned(), Some(solid(CLASSES[1], 16))),
        ("taken for class 0".to_owned(), Some(solid(REGIONS[0], 24))),
        ("taken for class 1".to_owned(), Some(solid(REGIONS[1], 24))),
        ("the true border".to_owned(), Some(dashed(TEXT, 4))),
    ];
    let mut rest = area;
    for entry in entries {
        rest = legend(&rest, &[entry])?;
    }
    Ok(())
}

/// What the plot of the first fold did to the test points.
fn fold_0(area: &Area<'_>, found: &Decisions) -> Drawn {
    let Network { trained, errors: [_, clean, rescaled], .. } = &found.pytorch;
    let (some, all) = (found.points.len().min(POINTS), found.points.len());
    let shows = format!(
        "PyTorch's network of the first fold after 20 epochs, and {some} of the {all} test points that it is given; \
         the errors are of all. Left: as they were drawn. Right: after the plot of Figure 1 has rescaled them in \
         place, where the network takes them to lie: the whole square has been squeezed into one corner of the circle."
    );
    let area = heading(area, "Fold 0: the plot moves the test points", &shows)?;
    let entries = [
        ("class 0 (inside)".to_owned(), Some(solid(CLASSES[0], 16))),
        ("class 1 (outside)".to_owned(), Some(solid(CLASSES[1], 16))),
        ("the true border".to_owned(), Some(dashed(TEXT, 4))),
    ];
    let area = legend(&area, &entries)?;
    let (left, right) = area.split_horizontally(area.dim_in_pixel().0 as i32 / 2);
    let shown = |points: &[([f64; 2], u32)]| points[..points.len().min(POINTS)].to_vec();
    square(&left, &format!("as drawn: {clean:.1} % wrong"), Some(trained), &shown(&found.points))?;
    square(&right, &format!("rescaled: {rescaled:.1} % wrong"), Some(trained), &shown(&found.rescaled))
}

/// A curve of means with a band of one deviation to each side.
fn banded(chart: &mut Panel<'_, '_>, x: &[f64], samples: &[Sample], color: RGBColor) -> Drawn {
    let bound = |side: f64| samples.iter().map(|sample| sample.mean + side * sample.deviation).collect::<Vec<_>>();
    band(chart, x, (&bound(-1.0), &bound(1.0)), color)?;
    mean(chart, x, samples, solid(color, 4))
}

fn mean(chart: &mut Panel<'_, '_>, x: &[f64], samples: &[Sample], stroke: Stroke) -> Drawn {
    let points = x.iter().zip(samples).map(|(x, sample)| (*x, sample.mean));
    if stroke.dashed {
        chart.draw_series(DashedLineSeries::new(points, 10, 12, ShapeStyle::from(stroke)))?;
    } else {
        chart.draw_series(LineSeries::new(points, ShapeStyle::from(stroke)))?;
    }
    Ok(())
}

/// A printed mean ± deviation at an epoch.
fn printed(chart: &mut Panel<'_, '_>, at: f64, table: &Sample, color: RGBColor) -> Drawn {
    let (low, high) = (table.mean - table.deviation, table.mean + table.deviation);
    let end = |value: f64| [(at - 0.12, value), (at + 0.12, value)];
    let whisker = [[(at, low), (at, high)], end(low), end(high)];
    chart.draw_series(whisker.map(|line| PathElement::new(line, color.stroke_width(4))))?;
    dots(chart, &[(at, table.mean)], color, 9)
}

/// Figure 2: loss, training and test errors over the epochs.
fn learning(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = format!(
        "Mean and one standard deviation to each side over {MANY} folds trained by the engine from scratch; dashed in \
         black, the first {OF_TORCH} of them trained by libtorch. At the right, the document's Table III."
    );
    let area = heading(area, "Figure 2: learning the circle from two initializations", &shows)?;
    let area = legend(
        &area,
        &[
            ("custom initialization".to_owned(), Some(solid(CUSTOM, 8))),
            ("PyTorch's".to_owned(), Some(solid(PYTORCH, 8))),
            ("either, trained by libtorch".to_owned(), Some(dashed(TEXT, 4))),
            ("PyTorch's, fold 0 rescaled".to_owned(), Some(dashed(RESCALED, 4))),
        ],
    )?;
    let [loss, train, test] = [0, 1, 2].map(|place| area.split_evenly((3, 1))[place].clone());
    let axis = Axis::linear("epochs", [0.0, 21.0]);
    let epochs: Vec<f64> = (1..=EPOCHS).map(|epoch| epoch as f64).collect();
    let losses = |of: Of<'_>| (1..=EPOCHS).map(|epoch| of.loss(epoch)).collect::<Vec<_>>();
    let top = BOTH.map(|init| losses(found.folds.of(scratch(init))));
    let ends = top.iter().flatten().flat_map(|sample| [0.0, sample.mean + sample.deviation]);
    let mut chart = panel(&loss, &Axis::linear("", [0.0, 21.0]), &Axis::linear("training loss", ends))?;
    for (init, samples) in BOTH.iter().zip(&top) {
        banded(&mut chart, &epochs, samples, color(*init))?;
        mean(&mut chart, &epochs, &losses(found.folds.of(torch(*init))), dashed(TEXT, 3))?;
    }
    errors(&train, (&Axis::linear("", [0.0, 21.0]), "training error (%)"), found, On::Train)?;
    errors(&test, (&axis, "test error (%)"), found, On::Test)
}

fn color(init: Init) -> RGBColor {
    if init == Init::Custom { CUSTOM } else { PYTORCH }
}

/// One of the two lower panels of Figure 2.
fn errors(area: &Area<'_>, (x, name): (&Axis, &str), found: &Findings, on: On) -> Drawn {
    let epochs: Vec<f64> = (0..=EPOCHS).map(|epoch| epoch as f64).collect();
    let all = |of: Of<'_>, on| (0..=EPOCHS).map(|epoch| of.error(on, epoch)).collect::<Vec<_>>();
    let mut chart = panel(area, x, &Axis::linear(name, [0.0, 60.0]))?;
    for init in BOTH {
        banded(&mut chart, &epochs, &all(found.folds.of(scratch(init)), on), color(init))?;
        mean(&mut chart, &epochs, &all(found.folds.of(torch(init)), on), dashed(TEXT, 3))?;
    }
    if on == On::Test {
        let rescaled = all(found.folds.of(scratch(Init::Pytorch)), On::TestRescaledOnce);
        mean(&mut chart, &epochs, &rescaled, dashed(RESCALED, 4))?;
    }
    for (place, Printed { init, table, .. }) in PRINTED.iter().filter(|printed| printed.on == on).enumerate() {
        printed(&mut chart, 20.4 + 0.4 * place as f64, table, color(*init))?;
    }
    Ok(())
}

/// Means and deviations of tables of ten folds, and the printed ones among them.
fn tables(area: &Area<'_>, found: &Findings) -> Drawn {
    let shows = format!(
        "Each dot is a table of ten folds after 20 epochs, as the document prints one: {} of each kind. The crosses \
         are the document's, the lower one the custom framework's, the upper one PyTorch's.",
        MANY as usize / super::folds::TEN
    );
    let area = heading(area, "Where Table III falls among tables like it", &shows)?;
    let area = legend(
        &area,
        &[
            ("custom initialization".to_owned(), Some(solid(CUSTOM, 12))),
            ("PyTorch's".to_owned(), Some(solid(PYTORCH, 12))),
            ("PyTorch's, fold 0 rescaled".to_owned(), Some(solid(RESCALED, 12))),
            ("Table III".to_owned(), Some(solid(TEXT, 6))),
        ],
    )?;
    let (left, right) = area.split_horizontally(area.dim_in_pixel().0 as i32 / 2);
    let kinds = [(On::Train, Init::Custom, CUSTOM), (On::Train, Init::Pytorch, PYTORCH)];
    scattered(&left, "training points", &kinds, found)?;
    let kinds = [
        (On::Test, Init::Custom, CUSTOM),
        (On::Test, Init::Pytorch, PYTORCH),
        (On::TestRescaledOnce, Init::Pytorch, RESCALED),
    ];
    scattered(&right, "test points", &kinds, found)
}

fn scattered(area: &Area<'_>, name: &str, kinds: &[(On, Init, RGBColor)], found: &Findings) -> Drawn {
    let area = title(area, name)?;
    let x = Axis::linear("mean error of ten folds (%)", [0.0, 22.0]);
    let mut chart = panel(&area, &x, &Axis::linear("standard deviation (points)", [0.0, 20.0]))?;
    for (on, init, color) in kinds {
        let tables = found.folds.of(scratch(*init)).tables(*on, EPOCHS);
        let places: Vec<_> = tables.iter().map(|table| (table.mean, table.deviation)).collect();
        dots(&mut chart, &places, *color, 5)?;
    }
    for Printed { table, .. } in PRINTED.iter().filter(|printed| printed.on == kinds[0].0) {
        let Sample { mean, deviation, .. } = table;
        let arms = [
            [(mean - 0.6, *deviation), (mean + 0.6, *deviation)],
            [(*mean, deviation - 0.6), (*mean, deviation + 0.6)],
        ];
        chart.draw_series(arms.map(|arm| PathElement::new(arm, TEXT.stroke_width(6))))?;
    }
    Ok(())
}
