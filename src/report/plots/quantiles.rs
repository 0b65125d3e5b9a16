//! A figure for studies of many runs: which share of them stays at or under which value.

use super::{Area, Axis, Drawn, PALETTE, POINTS, Stroke, TEXT, TEXT_SIZE, heading, legend, note, panel, text};
use plotters::prelude::{DashedLineSeries, LineSeries, PathElement, Text};
use plotters::style::{
    Color, ShapeStyle,
    text_anchor::{HPos, VPos},
};

/// Colours that tell series apart; the palette's last, a grey, is left to other things.
const COLORS: usize = 7;

/// Draws each series, sorted ascending, as a staircase: over a share of its runs the value that so many of them do not
/// exceed. Across them lies a line at `level`, with its name.
///
/// The vertical axis is logarithmic, with `y` as its description; zeros stand on its lowest line, labelled 0. Values
/// that are not finite count as runs and are not drawn: their curve ends before 100 %. Of a long series neighbours are
/// merged into the largest. From the eighth series on, colours recur, dashed.
pub fn quantiles(
    area: &Area<'_>,
    title: &str,
    shows: &str,
    y: &str,
    (level, name): (f64, &str),
    series: &[(String, Vec<f64>)],
) -> Drawn {
    let area = heading(area, title, shows)?;
    let stroke = |index: usize| Stroke { color: PALETTE[index % COLORS], width: 4, dashed: index >= COLORS };
    let names = series.iter().enumerate().map(|(index, (name, values))| match values.len() {
        0 => (format!("{name} (no runs)"), None),
        _ => (name.clone(), Some(stroke(index))),
    });
    let area = legend(&area, &names.collect::<Vec<_>>())?;
    let drawn: Vec<_> = series.iter().map(|(_, values)| staircase(values)).collect();
    if drawn.iter().all(Vec::is_empty) {
        return note(&area, "there are no runs to draw");
    }

    let level = (level > 0.0 && level.is_finite()).then_some(level);
    let values = drawn.iter().flatten().map(|&(_, value)| value);
    let mut chart = panel(&area, &Axis::percent("share of runs (%)"), &Axis::logarithmic(y, values.chain(level)))?;
    if let Some(level) = level {
        chart.draw_series([PathElement::new([(0.0, level), (100.0, level)], TEXT.stroke_width(2))])?;
        let style = text(TEXT_SIZE - 2, &TEXT, HPos::Left, VPos::Bottom);
        chart.draw_series([Text::new(format!(" {name}"), (0.0, level), style)])?;
    }
    for (index, points) in drawn.into_iter().enumerate() {
        let stroke = stroke(index);
        if stroke.dashed {
            chart.draw_series(DashedLineSeries::new(points, 12, 10, stroke.into()))?;
        } else {
            chart.draw_series(LineSeries::new(points, ShapeStyle::from(stroke)))?;
        }
    }
    Ok(())
}

/// The corners of a series' staircase, at most about [`POINTS`] steps.
fn staircase(values: &[f64]) -> Vec<(f64, f64)> {
    let size = values.len().div_ceil(POINTS).max(1);
    let share = |rank: usize| 100.0 * rank as f64 / values.len() as f64;
    let mut points = Vec::new();
    for (index, bucket) in values.chunks(size).enumerate() {
        let finite = bucket.iter().take_while(|value| value.is_finite()).count();
        if let Some(&largest) = bucket[..finite].last() {
            let first = index * size;
            points.extend([(share(first), largest), (share(first + finite), largest)]);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::figure;
    use super::*;
    use std::fs;

    #[test]
    fn degenerate_series_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let columns: [&[f64]; 8] = [
            &[],
            &[0.0; 9],
            &[0.3],
            &[0.0, 1e-300, 1e300],
            &[1.0, f64::INFINITY, f64::NAN],
            &[f64::NAN; 900],
            &[-1.0, 0.0, 2.0],
            &[f64::MAX; 3],
        ];
        let named =
            |columns: &[&[f64]]| -> Vec<_> { columns.iter().map(|values| ("n".repeat(40), values.to_vec())).collect() };
        let mut cases = vec![Vec::new(), named(&columns), named(&[columns[2]; 20])];
        cases.extend(columns.iter().map(|values| named(&[values])));
        for series in cases {
            for level in [1.0, 0.0, f64::NAN, f64::INFINITY] {
                let stem = folder.path().join("quantiles");
                let draw = |area: &Area<'_>| quantiles(area, "title", "shows", "value", (level, "the limit"), &series);
                let [svg, _] = figure(&stem, (960, 600), draw).unwrap();
                let svg = fs::read_to_string(svg).unwrap();
                assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{series:?} {level}");
            }
        }
    }

    #[test]
    fn a_staircase_ends_at_the_largest_and_at_what_is_finite() {
        assert_eq!(staircase(&[1.0, 2.0]), [(0.0, 1.0), (50.0, 1.0), (50.0, 2.0), (100.0, 2.0)]);
        let many: Vec<f64> = (1..=10_001).map(f64::from).collect();
        let points = staircase(&many);
        assert!(points.len() <= 2 * POINTS && points.is_sorted());
        assert_eq!(points.last(), Some(&(100.0, 10_001.0)));
        assert_eq!(staircase(&[1.0, f64::INFINITY]), [(0.0, 1.0), (50.0, 1.0)]);
    }
}
