//! `loss`: what the two sides report, the candidate as a thin line on the reference's wide one, and their distance.

use super::{
    Area, Axis, CANDIDATE, Drawn, Keep, PALETTE, POINTS, REFERENCE, Stroke, curve, heading, kept, legend, note, panel,
    shade, thin,
};
use crate::judge::verdict::Curves;

/// Draws the reported loss, and under it the distance of the two, over the same steps.
pub fn draw(area: &Area<'_>, title: &str, curves: &Curves) -> Drawn {
    let free = !curves.free_loss.is_empty() || curves.synced_loss.is_empty();
    let (how, candidate) = if free {
        ("on its own weights", &curves.free_loss)
    } else {
        ("on the reference's weights", &curves.synced_loss)
    };
    let reference = &curves.reference_loss;
    let count = reference.len().max(candidate.len());
    let drawn = match Keep::Extremes.bucket(count, POINTS) {
        1 => String::new(),
        size => format!(" (the lowest and the highest of every {size} steps)"),
    };
    let shows = format!("The loss that each side reports{drawn}, and below how far the two are apart.");
    let area = heading(area, title, &shows)?;
    let mut entries = Vec::new();
    if !reference.is_empty() {
        entries.push((format!("reference: {}{}", curves.reference, lost(reference)), Some(REFERENCE)));
    }
    if !candidate.is_empty() {
        let name = format!("candidate, {how}: {}{}", curves.candidate, lost(candidate));
        entries.push((name, Some(CANDIDATE)));
    }
    let area = legend(&area, &entries)?;
    if entries.is_empty() {
        return note(&area, "no step was run");
    }

    let number = |step: usize| curves.numbers.get(step).copied().unwrap_or(step);
    let steps: Vec<usize> = (0..count).map(number).collect();
    let (upper, lower) = area.split_vertically(area.dim_in_pixel().1 * 64 / 100);
    let x = Axis::steps("", &steps);
    let y = Axis::linear("reported loss", reference.iter().chain(candidate).copied());
    let horizon = curves.horizon.filter(|_| free);
    let mut chart = panel(&upper, &x, &y)?;
    shade(&mut chart, horizon)?;
    for (loss, stroke) in [(reference, REFERENCE), (candidate, CANDIDATE)] {
        curve(&mut chart, &thin(loss, POINTS, Keep::Extremes), (&steps, loss), stroke)?;
    }

    let apart: Vec<f64> =
        candidate.iter().zip(reference).map(|(candidate, reference)| (candidate - reference).abs()).collect();
    if apart.is_empty() {
        return note(&lower, "only one side was run");
    }
    let runs = thin(&apart, POINTS, Keep::Largest);
    let x = Axis::steps(&Keep::Largest.step_description(count, POINTS), &steps);
    let y = Axis::logarithmic("|candidate − ref.|", kept(&apart, &runs));
    let stroke = Stroke { color: PALETTE[1], width: 3, dashed: false };
    let mut chart = panel(&lower, &x, &y)?;
    shade(&mut chart, horizon)?;
    curve(&mut chart, &runs, (&steps, &apart), stroke)
}

/// What a legend adds where part of a curve cannot be drawn.
fn lost(loss: &[f64]) -> String {
    let first = loss.iter().position(|value| !value.is_finite());
    first.map_or_else(String::new, |step| format!(" (not finite from step {step})"))
}
