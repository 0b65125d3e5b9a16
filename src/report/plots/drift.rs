//! `drift`: how far the two sides are apart, tensor by tensor, when the candidate runs free and when it is synced.

use super::{
    Area, Axis, Drawn, Keep, PALETTE, Stroke, TEXT, TEXT_SIZE, curve, heading, kept, legend, note, panel, shade, text,
    thin, widen,
};
use crate::judge::verdict::{Curves, TensorCurve};
use plotters::style::text_anchor::{HPos, VPos};

/// Points of a curve in a panel that spans half the figure.
const POINTS: usize = 250;
/// What is drawn, in the palette's order.
const NAMES: [&str; 5] = ["output", "loss", "output gradient", "gradients (all)", "weights (all)"];

/// The median twin, beside the weights in the free panel.
const TWINS: Stroke = Stroke { color: PALETTE[7], width: 5, dashed: true };

/// Draws one panel per mode that was run, with one vertical axis.
pub fn draw(area: &Area<'_>, title: &str, curves: &Curves) -> Drawn {
    let twins = if curves.free.is_empty() { Vec::new() } else { widen(&curves.twins) };
    let mut shows = "How far the candidate is from the reference at each step.".to_owned();
    if !twins.is_empty() {
        shows += " Twins: copies of the reference, nudged by rounding-sized amounts at every step. Weights that go about \
                  as far as those of the median twin (dashed) go no farther than rounding may take them.";
    }
    let area = heading(area, title, &shows)?;
    let modes = [
        ("free: the candidate keeps its own weights", &curves.free, &twins[..], curves.horizon),
        ("synced: it takes the reference's weights before each step", &curves.sync, &[], None),
    ];
    let modes: Vec<_> = modes.into_iter().filter(|(_, tensors, ..)| !tensors.is_empty()).collect();
    let lines: Vec<_> = modes.iter().map(|(_, tensors, ..)| columns(tensors)).collect();
    let strokes = PALETTE.map(|color| Stroke { color, width: 3, dashed: false });
    let drawn = |index: usize| lines.iter().any(|lines| lines.get(index).is_some_and(|line| !line.is_empty()));
    let names = NAMES.iter().zip(strokes).enumerate().filter(|(index, _)| drawn(*index));
    let mut entries: Vec<_> = names.map(|(_, (name, stroke))| ((*name).to_owned(), Some(stroke))).collect();
    if entries.is_empty() {
        return note(&area, "no tensors were compared");
    }
    if !twins.is_empty() {
        entries.push(("weights, twins".to_owned(), Some(TWINS)));
    }
    let area = legend(&area, &entries)?;

    let points = POINTS * 2 / modes.len().max(1);
    let lines = lines.iter().map(|lines| lines.each_ref().map(|line| (thin(line, points, Keep::Largest), line)));
    let lines: Vec<_> = lines.collect();
    let nudged = thin(&twins, points, Keep::Largest);
    let values = lines.iter().flatten().flat_map(|(runs, line)| kept(line, runs)).chain(kept(&twins, &nudged));
    let y = Axis::logarithmic("gap between the sides (relative)", values);
    let x = Axis::steps(&Keep::Largest.step_description(curves.steps.len(), points), &curves.steps);
    for ((area, (mode, _, twins, horizon)), lines) in
        area.split_evenly((1, modes.len().max(1))).iter().zip(&modes).zip(&lines)
    {
        let width = area.dim_in_pixel().0 as i32;
        let style = text(TEXT_SIZE, &TEXT, HPos::Center, VPos::Top);
        area.draw_text(mode, &style, (width / 2 + 60, 8))?;
        let area = area.split_vertically(40).1;
        let mut chart = panel(&area, &x, &y)?;
        shade(&mut chart, *horizon)?;
        curve(&mut chart, &nudged, (&curves.steps, twins), TWINS)?;
        for ((runs, line), stroke) in lines.iter().zip(strokes) {
            curve(&mut chart, runs, (&curves.steps, line), stroke)?;
        }
    }
    Ok(())
}

/// The columns to draw, in the order of [`NAMES`]; those that were not compared are empty.
fn columns(tensors: &[TensorCurve]) -> [Vec<f64>; 5] {
    let named = |name: &str| {
        let found = tensors.iter().find(|tensor| tensor.tensor == name && !tensor.between.is_empty());
        found.map_or_else(Vec::new, |tensor| widen(&tensor.between))
    };
    [named("output"), named("loss"), named("output_gradient"), named("gradients"), named("weights")]
}
