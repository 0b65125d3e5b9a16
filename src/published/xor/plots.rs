//! The study's own figures: the differences removed one by one, and each one's share.

use super::{
    Findings,
    factors::{FACTORS, Measure},
};
use crate::{
    error::Result,
    report::plots::{
        Area, Axis, CANDIDATE, Drawn, Keep, PALETTE, POINTS, REFERENCE, Stroke, TEXT, TEXT_SIZE, curve, figure,
        heading, legend, panel, text, thin,
    },
    study::Sample,
};
use plotters::{
    prelude::{PathElement, Rectangle, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};
use std::path::Path;

/// Writes `peeled` and `shares`, as SVG and PNG.
pub(super) fn draw(folder: &Path, found: &Findings) -> Result<()> {
    figure(&folder.join("peeled"), (960, 600), |area| peeled(area, found))?;
    figure(&folder.join("shares"), (960, 600), |area| shares(area, found))?;
    Ok(())
}

/// The printed curves, from as posted to parity.
fn peeled(area: &Area<'_>, found: &Findings) -> Drawn {
    let (reference, candidates) = &found.peeled;
    let shows = "The loss that each side prints over the epochs. The hand-rolled network starts as posted; then one \
                 difference after the other is removed, in the answer's order, until it lies on PyTorch's curve.";
    let area = heading(area, "XOR: four differences between from scratch and PyTorch", shows)?;
    let name = |removed: usize| match removed {
        0 => "as posted".to_owned(),
        removed if removed == FACTORS.len() => format!("− {}: nothing left", FACTORS[removed - 1].name),
        removed => format!("− {}", FACTORS[removed - 1].name),
    };
    let stroke = |removed: usize| {
        if removed == FACTORS.len() {
            CANDIDATE
        } else {
            Stroke { color: PALETTE[[1, 2, 3, 5][removed % 4]], width: 3, dashed: false }
        }
    };
    let mut entries = vec![(format!("reference: {}", found.posted.reference), Some(REFERENCE))];
    entries.extend((0..candidates.len()).map(|removed| (name(removed), Some(stroke(removed)))));
    let area = legend(&area, &entries)?;
    let steps: Vec<usize> = (0..reference.len()).collect();
    let y = Axis::linear("printed loss", reference.iter().chain(candidates.iter().flatten()).copied());
    let mut chart = panel(&area, &Axis::steps("epoch (one step on all four rows)", &steps), &y)?;
    curve(&mut chart, &thin(reference, POINTS, Keep::Extremes), (&steps, reference), REFERENCE)?;
    for (removed, losses) in candidates.iter().enumerate() {
        curve(&mut chart, &thin(losses, POINTS, Keep::Extremes), (&steps, losses), stroke(removed))?;
    }
    Ok(())
}

/// Half the width of a bar; a group is 1 wide.
const HALF: f64 = 0.17;

/// Each factor's share of the area between the printed curves.
fn shares(area: &Area<'_>, found: &Findings) -> Drawn {
    let Some(shares) = found.shares.iter().find(|shares| shares.measure == Measure::Area) else { return Ok(()) };
    let shows = "Shapley value of each difference over all 16 combinations, as a share of the area between the two \
                 printed loss curves. The factors stand in the order of impact that the published answer claims.";
    let area = heading(area, "XOR as posted: what each difference contributes", shows)?;
    let wide = |stroke: Stroke| Stroke { width: 16, ..stroke };
    let seeds = Stroke { color: PALETTE[5], width: 3, dashed: false };
    let area = legend(
        &area,
        &[
            ("as posted, seed 0".to_owned(), Some(wide(CANDIDATE))),
            ("mean over seeds 0 to 9, whisker: ± one standard deviation".to_owned(), Some(wide(seeds))),
        ],
    )?;
    let percent = |share: f64| 100.0 * share;
    let bars: Vec<_> = shares.of_posted.iter().zip(&shares.over_seeds).collect();
    let ends = bars.iter().flat_map(|(posted, Sample { mean, deviation, .. })| {
        [0.0, percent(**posted), percent(mean + deviation) + 8.0, percent(mean - deviation) - 8.0]
    });
    let x = Axis::groups(FACTORS.iter().enumerate().map(|(place, factor)| format!("{}. {}", place + 1, factor.name)));
    let mut chart = panel(&area, &x, &Axis::linear("share of the discrepancy (%)", ends))?;
    for (group, (posted, Sample { mean, deviation, .. })) in bars.into_iter().enumerate() {
        for (side, share, deviation, stroke) in [(-1.0, *posted, 0.0, CANDIDATE), (1.0, *mean, *deviation, seeds)] {
            let middle = group as f64 + side * (HALF + 0.01);
            let bar = [(middle - HALF, 0.0), (middle + HALF, percent(share))];
            chart.draw_series([Rectangle::new(bar, stroke.color.filled())])?;
            if deviation > 0.0 {
                let (low, high) = (percent(share - deviation), percent(share + deviation));
                let end = |value: f64| [(middle - 0.05, value), (middle + 0.05, value)];
                let whisker = [[(middle, low), (middle, high)], end(low), end(high)];
                chart.draw_series(whisker.map(|line| PathElement::new(line, TEXT.stroke_width(3))))?;
            }
            let below = share < 0.0;
            let anchor = if below { VPos::Top } else { VPos::Bottom };
            let tip = if below { percent(share - deviation) } else { percent(share + deviation) };
            let label = format!("{:.1} %", percent(share)).replace('-', "−");
            let style = text(TEXT_SIZE - 2, &TEXT, HPos::Center, anchor);
            chart.draw_series([Text::new(label, (middle, tip), style)])?;
        }
    }
    let line = [(-0.5, 0.0), (FACTORS.len() as f64 - 0.5, 0.0)];
    chart.draw_series([PathElement::new(line, TEXT.stroke_width(2))])?;
    Ok(())
}
