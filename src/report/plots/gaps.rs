//! `gaps`: for each phase and tensor, how far the candidate is from exact arithmetic and how far rounding may take it.

use super::{
    Area, Axis, Drawn, Keep, PALETTE, Stroke, TEXT, TEXT_SIZE, curve, heading, kept, legend, note, panel, shade, text,
    thin, widen,
};
use crate::judge::noise::UNJUDGED;
use crate::judge::verdict::{Curves, Phase, TensorCurve};
use plotters::style::text_anchor::{HPos, VPos};

/// Points of a curve in a panel that spans half the figure.
const POINTS: usize = 200;
/// Tensors drawn in a panel that has more than the palette has colours.
const LARGEST: usize = 7;

/// Draws one panel per phase.
pub fn draw(area: &Area<'_>, title: &str, curves: &Curves) -> Drawn {
    let (tensors, how, horizon) = if curves.sync.is_empty() {
        (&curves.free, "its own weights", curves.horizon)
    } else {
        (&curves.sync, "the reference's weights", None)
    };
    let mut shows = format!(
        "How far each phase of the candidate is from exact arithmetic (solid), and how far rounding may take it \
         (dashed). A solid line above the dashed line of its colour is more than rounding explains. Candidate: {} \
         on {how}.",
        curves.candidate
    );
    if tensors.iter().any(|tensor| (0..tensor.judged.len()).any(|index| unjudged(tensor, index))) {
        shows += &format!(" Pale where the limit is above {} %: there agreement proves nothing.", 100.0 * UNJUDGED);
    }
    let area = heading(area, title, &shows)?;
    for (area, phase) in area.split_evenly((2, 2)).iter().zip(Phase::COMPUTED) {
        let tensors: Vec<_> = tensors.iter().filter(|tensor| tensor.phase == phase).collect();
        phase_panel(area, phase, &tensors, &curves.steps, horizon)?;
    }
    Ok(())
}

fn phase_panel(
    area: &Area<'_>,
    phase: Phase,
    tensors: &[&TensorCurve],
    steps: &[usize],
    horizon: Option<usize>,
) -> Drawn {
    let words = match phase {
        Phase::Forward => "forward: from weights and inputs to outputs",
        Phase::Loss => "loss: from outputs and targets to the loss",
        Phase::Backward => "backward: from the loss to the gradients",
        Phase::Update => "update: from gradients to new weights",
        Phase::Start | Phase::Batch | Phase::Evaluation => phase.name(),
    };
    area.draw_text(words, &text(TEXT_SIZE + 3, &TEXT, HPos::Left, VPos::Top), (0, 4))?;
    let area = area.split_vertically(44).1.margin(0, 16, 0, 20);

    let mut columns: Vec<_> = tensors.iter().map(|tensor| (widen(&tensor.judged), *tensor)).collect();
    columns.retain(|(judged, _)| !judged.is_empty());
    let more = if columns.len() > PALETTE.len() { columns.len() - LARGEST } else { 0 };
    if more > 0 {
        let largest = |judged: &[f64]| judged.iter().copied().filter(|gap| gap.is_finite()).fold(0.0, f64::max);
        columns.sort_by(|a, b| largest(&b.0).total_cmp(&largest(&a.0)));
        columns.truncate(LARGEST);
    }
    let strokes = PALETTE.map(|color| Stroke { color, width: 3, dashed: false });
    let names = columns.iter().map(|(_, tensor)| tensor.tensor.clone()).zip(strokes.map(Some));
    let mut entries: Vec<_> = names.collect();
    if more > 0 {
        entries.push((format!("+{more} more, smaller"), None));
    }
    let area = legend(&area, &entries)?;
    if columns.is_empty() {
        return note(&area, "nothing was judged in this phase");
    }

    // The limit is that of the step whose gap is drawn: only so do the two lines compare.
    let curves = columns
        .iter()
        .map(|(judged, tensor)| (thin(judged, POINTS, Keep::Largest), judged, widen(&tensor.limit), *tensor));
    let curves: Vec<_> = curves.collect();
    let values = curves.iter().flat_map(|(runs, judged, limit, _)| kept(judged, runs).chain(kept(limit, runs)));
    let y = Axis::logarithmic("gap (relative)", values);
    let x = Axis::steps(&Keep::Largest.step_description(steps.len(), POINTS), steps);
    let mut chart = panel(&area, &x, &y)?;
    shade(&mut chart, horizon)?;
    for ((runs, judged, limit, tensor), stroke) in curves.iter().zip(strokes) {
        let parts = runs.iter().flat_map(|run| run.split(|&index| unjudged(tensor, index)));
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).map(<[usize]>::to_vec).collect();
        curve(&mut chart, runs, (steps, limit), Stroke { dashed: true, width: 2, ..stroke })?;
        curve(&mut chart, runs, (steps, judged), stroke.pale())?;
        curve(&mut chart, &parts, (steps, judged), stroke)?;
    }
    Ok(())
}

/// Whether a gap within its limit proves nothing, as the limit is too wide; a gap above any limit is a fault.
fn unjudged(tensor: &TensorCurve, index: usize) -> bool {
    let (judged, limit) = (tensor.judged.get(index), tensor.limit.get(index));
    judged.zip(limit).is_some_and(|(&judged, &limit)| judged <= limit && f64::from(limit) > UNJUDGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_agreement_within_too_wide_a_limit_is_unjudged() {
        let columns = [(1e-7, 1e-6), (0.01, 0.2), (0.3, 0.2), (f32::NAN, 0.2), (0.2, f32::NAN), (9.0, f32::INFINITY)];
        let (judged, limit) = columns.into_iter().unzip();
        let tensor =
            TensorCurve { phase: Phase::Update, tensor: "weight".to_owned(), judged, limit, between: Vec::new() };
        let unjudged: Vec<_> = (0..7).map(|index| unjudged(&tensor, index)).collect();
        assert_eq!(unjudged, [false, true, false, false, false, true, false]);
    }
}
