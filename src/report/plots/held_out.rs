//! `held-out`: how the sides do on the validation rows, look by look: loss, and for classes the share that is right.

use super::{Area, Axis, CANDIDATE, Drawn, Keep, REFERENCE, curve, heading, legend, panel, thin};
use crate::judge::verdict::{Curves, Evaluated, RunMode, Scores};

/// Points of a curve: a look may come after every step.
const LOOKS: usize = 800;

/// The looks at the validation rows that a figure can show: nothing where there are fewer than two.
pub(super) fn looks(curves: &Curves) -> Option<Vec<&Evaluated>> {
    let looks: Vec<_> = curves.evaluations.iter().filter(|evaluated| evaluated.part == "validation").collect();
    (looks.len() > 1).then_some(looks)
}

/// Draws the scores of the looks, each where it was made.
pub fn draw(area: &Area<'_>, title: &str, curves: &Curves) -> Drawn {
    let looks = looks(curves).unwrap_or_default();
    let mode = looks.first().and_then(|look| look.candidates.last()).map(|(mode, _)| *mode);
    let of = |score: fn(&Scores) -> Option<f64>| -> [Vec<f64>; 2] {
        let value = |scores: Option<&Scores>| scores.and_then(score).unwrap_or(f64::NAN);
        let candidate = |look: &Evaluated| value(look.candidates.last().map(|(_, scores)| scores));
        [
            looks.iter().map(|look| value(Some(&look.reference))).collect(),
            looks.iter().map(|look| candidate(look)).collect(),
        ]
    };
    let area = heading(area, title, "How each side does on the validation rows, which nobody trains on, on the way.")?;
    let how = if mode == Some(RunMode::Sync) { "on the reference's weights" } else { "on its own weights" };
    let entries = [
        (format!("reference: {}", curves.reference), Some(REFERENCE)),
        (format!("candidate, {how}: {}", curves.candidate), Some(CANDIDATE)),
    ];
    let area = legend(&area, &entries)?;
    let steps: Vec<usize> = looks.iter().map(|look| look.steps).collect();
    let (losses, shares) = (of(|scores| scores.loss), of(|scores| scores.accuracy));
    let classes = shares.iter().flatten().any(|share| share.is_finite());
    let height = area.dim_in_pixel().1;
    let (upper, lower) = area.split_vertically(if classes { height / 2 } else { height });
    let panels = [(upper, "loss", losses), (lower, "share right", shares)];
    for (area, name, columns) in panels.into_iter().take(1 + usize::from(classes)) {
        let x = Axis::steps("", &steps);
        let y = Axis::linear(name, columns.iter().flatten().copied());
        let mut chart = panel(&area, &x, &y)?;
        for (column, stroke) in columns.iter().zip([REFERENCE, CANDIDATE]) {
            curve(&mut chart, &thin(column, LOOKS, Keep::Extremes), (&steps, column), stroke)?;
        }
    }
    Ok(())
}
