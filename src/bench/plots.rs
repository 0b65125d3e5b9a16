//! How cost grows, on logarithmic axes: one figure for each sweep, and the ratios of all workloads.

use super::{all::Report, sweep::Sweep, worker::Work};
use crate::{
    error::Result,
    report::{
        number,
        plots::{
            Area, Axis, CANDIDATE, Drawn, Keep, PALETTE, POINTS, Stroke, TEXT, TEXT_SIZE, curve, figure, heading,
            legend, panel, text, thin,
        },
    },
};
use plotters::{
    prelude::{Circle, PathElement, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};
use std::path::Path;

/// The reference here: both lines are of times, and none covers the other.
const LIBTORCH: Stroke = Stroke { color: PALETTE[1], width: 4, dashed: false };
const SCRATCH: Stroke = Stroke { width: 4, ..CANDIDATE };

/// Writes `ratios` and `sweep-NAME` for every sweep, as SVG and PNG.
pub(super) fn draw(folder: &Path, report: &Report) -> Result<()> {
    figure(&folder.join("ratios"), (1100, 640), |area| ratios(area, report))?;
    for sweep in &report.sweeps {
        figure(&folder.join(format!("sweep-{}", sweep.name)), (960, 600), |area| grows(area, sweep))?;
    }
    Ok(())
}

/// Both engines' time against what is varied.
fn grows(area: &Area<'_>, sweep: &Sweep) -> Drawn {
    let shows = match (sweep.catches_up, sweep.points.first(), sweep.points.last()) {
        (Some(at), ..) => format!("libtorch catches up at about {} {}.", number(Some(at.round())), sweep.axis),
        (None, Some(first), Some(last)) => format!(
            "libtorch over scratch: {} at {}, {} at {}.",
            number(Some(first.ratio.median)),
            first.at,
            number(Some(last.ratio.median)),
            last.at
        ),
        _ => String::new(),
    };
    let area = heading(area, &format!("A training step against {}", sweep.axis), &format!("{}. {shows}", sweep.of))?;
    let area = legend(&area, &[("libtorch".to_owned(), Some(LIBTORCH)), ("scratch".to_owned(), Some(SCRATCH))])?;
    let at: Vec<usize> = sweep.points.iter().map(|point| point.at).collect();
    let times = [
        (sweep.points.iter().map(|point| point.reference_us).collect::<Vec<_>>(), LIBTORCH),
        (sweep.points.iter().map(|point| point.candidate_us).collect::<Vec<_>>(), SCRATCH),
    ];
    let x = Axis::logarithmic(&sweep.axis, at.iter().map(|&at| at as f64));
    let y = Axis::logarithmic("µs of an observed step", times.iter().flat_map(|(us, _)| us).map(|us| us.median));
    let mut chart = panel(&area, &x, &y)?;
    for (us, stroke) in times {
        let medians: Vec<f64> = us.iter().map(|us| us.median).collect();
        curve(&mut chart, &thin(&medians, POINTS, Keep::Extremes), (&at, &medians), stroke)?;
        for (&at, us) in at.iter().zip(&us) {
            let at = at as f64;
            chart.draw_series([PathElement::new([(at, us.low), (at, us.high)], stroke.color.stroke_width(2))])?;
            chart.draw_series([Circle::new((at, us.median), 6, stroke.color.filled())])?;
        }
    }
    Ok(())
}

/// The ratio of every workload's step, with what is asked of it.
fn ratios(area: &Area<'_>, report: &Report) -> Drawn {
    let shows = "Time of libtorch over time of scratch, observed step: median and 95 % interval. The bar is what is \
    asked for at least; on the line at 1 both take the same time.";
    let area = heading(area, "How many times faster than libtorch is a training step from scratch?", shows)?;
    let mut threads: Vec<usize> = report.measured.iter().map(|one| one.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let stroke = |place: usize| Stroke { color: PALETTE[[0, 1, 2, 3][place % 4]], width: 6, dashed: false };
    let asked = Stroke { color: PALETTE[7], width: 6, dashed: false };
    let name = |count: &usize| format!("{count} thread{}", if *count == 1 { "" } else { "s" });
    let mut entries: Vec<_> =
        threads.iter().enumerate().map(|(place, count)| (name(count), Some(stroke(place)))).collect();
    entries.push(("asked for".to_owned(), Some(asked)));
    let area = legend(&area, &entries)?;
    let mut names: Vec<&str> = Vec::new();
    for one in &report.measured {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    let rows: Vec<_> = report
        .measured
        .iter()
        .flat_map(|one| one.rows.iter().filter(|row| row.work == Work::Step).map(move |row| (one, row)))
        .collect();
    let values = rows
        .iter()
        .flat_map(|(_, row)| [Some(row.ratio.low), Some(row.ratio.high), row.at_least].into_iter().flatten());
    let y = Axis::logarithmic("libtorch / scratch", values.chain([1.0]));
    let mut chart = panel(&area, &Axis::groups(names.iter().map(|&name| name.to_owned())), &y)?;
    chart.draw_series([PathElement::new([(-0.5, 1.0), (names.len() as f64 - 0.5, 1.0)], TEXT.stroke_width(2))])?;
    for (one, row) in rows {
        let group = names.iter().position(|&name| name == one.name).unwrap_or_default() as f64;
        let place = threads.iter().position(|&threads| threads == one.threads).unwrap_or_default();
        let x = group + 0.36 * ((place as f64 + 0.5) / threads.len() as f64 - 0.5) * 2.0;
        if let Some(least) = row.at_least {
            let bar = [(group - 0.4, least), (group + 0.4, least)];
            chart.draw_series([PathElement::new(bar, asked.color.stroke_width(asked.width))])?;
        }
        let style = stroke(place).color;
        chart.draw_series([PathElement::new([(x, row.ratio.low), (x, row.ratio.high)], style.stroke_width(4))])?;
        chart.draw_series([Circle::new((x, row.ratio.median), 8, style.filled())])?;
        let label = text(TEXT_SIZE - 4, &TEXT, HPos::Center, VPos::Bottom);
        // Above the point by a twentieth of the ratio's own size: the axis is logarithmic.
        chart.draw_series([Text::new(number(Some(three(row.ratio.median))), (x, row.ratio.high * 1.12), label)])?;
    }
    Ok(())
}

/// Three significant digits.
fn three(value: f64) -> f64 {
    let scale = 10f64.powf(2.0 - value.abs().log10().floor());
    if value == 0.0 || !scale.is_finite() { value } else { (value * scale).round() / scale }
}
