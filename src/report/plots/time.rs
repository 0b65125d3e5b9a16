//! `time`: wall time of each phase and of the whole step, both sides, with the middle half of the steps as whisker.

use super::{Area, Axis, CANDIDATE, Drawn, REFERENCE, TEXT, TEXT_SIZE, heading, legend, note, panel, text};
use crate::judge::verdict::{Curves, Phase, PhaseTimes};
use plotters::prelude::{PathElement, Rectangle, Text};
use plotters::style::{
    Color, WHITE,
    text_anchor::{HPos, VPos},
};

/// Half the width of a bar; a group is 1 wide.
const HALF: f64 = 0.17;

/// Draws a pair of bars per phase and one for the step.
pub fn draw(area: &Area<'_>, title: &str, curves: &Curves) -> Drawn {
    let measured = |phase: Phase| curves.times.iter().find(|times| times.phase == phase);
    let mut groups: Vec<(String, [[f64; 3]; 2])> = Vec::new();
    for times in Phase::COMPUTED.into_iter().filter_map(measured) {
        groups.push((times.phase.name().to_owned(), [times.reference_us, times.candidate_us]));
    }
    let whole = |side: fn(&PhaseTimes) -> f64| curves.times.iter().map(side).sum::<f64>();
    let (reference, candidate) = (whole(|times| times.reference_us[1]), whole(|times| times.candidate_us[1]));
    let step = [reference, candidate].map(|median| [f64::NAN, median, f64::NAN]); // quartiles do not add up
    groups.push(("whole step".to_owned(), step));

    let (ratio, how) =
        if candidate <= reference { (reference / candidate, "faster") } else { (candidate / reference, "slower") };
    let shows = if drawable(reference) && drawable(candidate) {
        let (reference, candidate, ratio) = (short(reference), short(candidate), short(ratio));
        format!("One step takes the reference {reference} µs, the candidate {candidate} µs: {ratio}× {how}.")
    } else {
        "Wall time of one step.".to_owned()
    };
    let shows = format!("{shows} Bars: the median step (logarithmic axis); whiskers: the middle half of all steps.");
    let area = heading(area, title, &shows)?;
    let times = groups.iter().flat_map(|(_, sides)| sides).flatten().copied().filter(|value| drawable(*value));
    let times: Vec<f64> = times.collect();
    if times.is_empty() {
        return note(&area, "no times were measured");
    }
    let sides = [("reference", &curves.reference, REFERENCE), ("candidate", &curves.candidate, CANDIDATE)];
    let area = legend(
        &area,
        &sides.map(|(side, name, stroke)| (format!("{side}: {name}"), Some(super::Stroke { width: 16, ..stroke }))),
    )?;

    // Bars need a foot below the shortest time, and labels room above the longest.
    let room = times.iter().flat_map(|time| [0.5 * time, 1.5 * time]);
    let y = Axis::logarithmic("time per step (µs)", room);
    let x = Axis::groups(groups.iter().map(|(name, _)| name.clone()));
    let mut chart = panel(&area, &x, &y)?;
    let label = text(TEXT_SIZE - 2, &TEXT, HPos::Center, VPos::Bottom);
    for (group, (_, bars)) in groups.iter().enumerate() {
        for ((&[first, median, third], (_, _, stroke)), side) in bars.iter().zip(&sides).zip([-1.0, 1.0]) {
            if !drawable(median) {
                continue;
            }
            let middle = group as f64 + side * (HALF + 0.01);
            let bar = [(middle - HALF, y.foot()), (middle + HALF, median)];
            chart.draw_series([Rectangle::new(bar, stroke.color.filled())])?;
            if drawable(first) && drawable(third) {
                let end = |time: f64| [(middle - 0.05, time), (middle + 0.05, time)];
                let whisker = [[(middle, first), (middle, third)], end(first), end(third)];
                // A white rim under the whisker shows it on a dark bar.
                for style in [WHITE.stroke_width(9), TEXT.stroke_width(3)] {
                    chart.draw_series(whisker.map(|line| PathElement::new(line, style)))?;
                }
            }
            let top = if drawable(third) { third.max(median) } else { median };
            chart.draw_series([Text::new(short(median), (middle, top), label.clone())])?;
        }
    }
    Ok(())
}

/// Whether a time has a place on a logarithmic axis.
fn drawable(time: f64) -> bool {
    (1e-12..1e15).contains(&time)
}

fn short(value: f64) -> String {
    match value {
        _ if !(0.001..1e6).contains(&value) => format!("{value:.1e}"),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
