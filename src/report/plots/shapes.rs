//! What is drawn beside curves over steps: lines through points, bands, clouds of points, regions.

use super::{Drawn, Panel, Stroke};
use plotters::{
    prelude::{Circle, LineSeries, Polygon, Rectangle},
    style::{Color, RGBColor, ShapeStyle},
};

/// A line through points with a dot at each; what is not finite is left out.
pub fn line(panel: &mut Panel<'_, '_>, points: &[(f64, f64)], stroke: Stroke) -> Drawn {
    let points: Vec<_> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    panel.draw_series(LineSeries::new(points.iter().copied(), ShapeStyle::from(stroke)))?;
    dots(panel, &points, stroke.color, stroke.width + 2)
}

/// What lies between two columns of values over `x`; where one is not finite the band has a gap.
pub fn band(panel: &mut Panel<'_, '_>, x: &[f64], (low, high): (&[f64], &[f64]), color: RGBColor) -> Drawn {
    let rows: Vec<(f64, f64, f64)> = x.iter().zip(low).zip(high).map(|((x, low), high)| (*x, *low, *high)).collect();
    for run in rows.split(|(_, low, high)| !(low.is_finite() && high.is_finite())).filter(|run| run.len() > 1) {
        let there = run.iter().map(|(x, low, _)| (*x, *low));
        let back = run.iter().rev().map(|(x, _, high)| (*x, *high));
        let outline: Vec<_> = there.chain(back).collect();
        panel.draw_series([Polygon::new(outline, color.mix(0.2).filled())])?;
    }
    Ok(())
}

/// A dot at each point, `radius` half pixels wide.
pub fn dots(panel: &mut Panel<'_, '_>, points: &[(f64, f64)], color: RGBColor, radius: u32) -> Drawn {
    let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
    panel.draw_series(finite.map(|point| Circle::new(*point, radius, color.filled())))?;
    Ok(())
}

/// Fills the cells of a grid over the whole panel, each in the colour that `paint` gives it; neighbours of one colour in
/// a row become one rectangle.
pub fn cells(
    panel: &mut Panel<'_, '_>,
    (columns, rows): (usize, usize),
    paint: impl Fn(usize, usize) -> RGBColor,
) -> Drawn {
    let (x, y) = (panel.x_range(), panel.y_range());
    let place = |range: &std::ops::Range<f64>, index: usize, count: usize| {
        range.start + (range.end - range.start) * index as f64 / count as f64
    };
    for row in 0..rows {
        let colors: Vec<RGBColor> = (0..columns).map(|column| paint(column, row)).collect();
        let mut from = 0;
        for same in colors.chunk_by(|one, other| one == other) {
            let (left, right) = (place(&x, from, columns), place(&x, from + same.len(), columns));
            // Each row reaches under the next one, so that no seam shows between them.
            let (low, high) = (place(&y, row, rows), place(&y, (row + 2).min(rows), rows));
            panel.draw_series([Rectangle::new([(left, low), (right, high)], same[0].filled())])?;
            from += same.len();
        }
    }
    Ok(())
}
