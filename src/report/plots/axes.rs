//! What every figure is made of: palette, text, headings, legends, axes, panels and curves.
//!
//! Lengths are in half pixels, like the canvas's. Values that are not finite leave gaps in a curve; exact zeros, which
//! a logarithmic axis has no place for, stand on its lowest line, and that line is then labelled 0.

use super::canvas::{Area, Canvas, Drawn};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, DashedLineSeries, EmptyElement, LineSeries, PathElement,
    Rectangle, Text,
};
use plotters::style::{
    BLACK, Color, FontStyle, RGBColor, ShapeStyle, TRANSPARENT, TextStyle,
    text_anchor::{HPos, Pos, VPos},
};
use std::ops::Range;

/// Okabe and Ito's colours, told apart by colour-blind readers; grey in place of their yellow, too pale on white.
pub const PALETTE: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x8c, 0x8c, 0x8c),
];
/// The reference, drawn pale and wide so that a candidate on top of it leaves it visible.
pub const REFERENCE: Stroke = Stroke { color: RGBColor(0xf7, 0xc6, 0x7a), width: 12, dashed: false };
/// The candidate, drawn dark and thin above the reference.
pub const CANDIDATE: Stroke = Stroke { color: RGBColor(0x00, 0x4c, 0x80), width: 3, dashed: false };

/// Ordinary text.
pub const TEXT: RGBColor = RGBColor(0x22, 0x22, 0x22);
const FAINT: RGBColor = RGBColor(0x66, 0x66, 0x66);
const RULING: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);
const FRAME: RGBColor = RGBColor(0x88, 0x88, 0x88);
/// How dark the shading of what proves nothing is: rulings stay visible through it.
const SHADE: f64 = 0.07;
const SHADED: RGBColor = RGBColor(0xed, 0xed, 0xed); // on white
const TITLE_SIZE: u32 = 36;
/// The size of ordinary text.
pub const TEXT_SIZE: u32 = 26;
const LINE: i32 = 34;
/// Points of a curve that spans a figure; what is dropped would share its pixel.
pub const POINTS: usize = 400;
const HUGE: f64 = 1e300; // beyond it, differences overflow

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Stroke {
    /// Its colour.
    pub color: RGBColor,
    /// Its width in half pixels.
    pub width: u32,
    /// Whether it is dashed.
    pub dashed: bool,
}

impl Stroke {
    /// The same, thinner and paler: for what proves nothing.
    pub fn pale(self) -> Self {
        let RGBColor(red, green, blue) = self.color;
        let [red, green, blue] = [red, green, blue].map(|channel| 255 - (255 - channel) / 2);
        Self { color: RGBColor(red, green, blue), width: 2, ..self }
    }
}

impl From<Stroke> for ShapeStyle {
    fn from(stroke: Stroke) -> Self {
        stroke.color.stroke_width(stroke.width)
    }
}

/// Text of a size and colour.
pub fn text(size: u32, color: &'static RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size)).color(color).pos(Pos::new(horizontal, vertical))
}

/// What fits of `words` into `width`, with an ellipsis where something does not.
pub fn fit(area: &Area<'_>, words: &str, style: &TextStyle<'_>, width: i32) -> Drawn<String> {
    let mut kept: String = words.chars().take(300).collect();
    let mut shown = words.to_owned();
    while !kept.is_empty() && area.estimate_text_size(&shown, style)?.0 as i32 > width {
        kept.pop();
        shown = format!("{}…", kept.trim_end());
    }
    Ok(shown)
}

/// Draws the title in bold and under it what the figure shows, wrapped; returns the area that is left.
pub fn heading<'a>(area: &Area<'a>, title: &str, shows: &str) -> Drawn<Area<'a>> {
    let area = area.margin(20, 10, 28, 28);
    let width = area.dim_in_pixel().0 as i32;
    let bold = TextStyle::from(("sans-serif", TITLE_SIZE, FontStyle::Bold)).color(&TEXT);
    area.draw_text(&fit(&area, title, &bold, width)?, &bold, (0, 0))?;
    let plain = text(TEXT_SIZE, &FAINT, HPos::Left, VPos::Top);
    let mut lines = vec![String::new()];
    for word in shows.split_whitespace() {
        let last = lines.last().map(String::as_str).unwrap_or_default();
        let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if !last.is_empty() && area.estimate_text_size(&longer, &plain)?.0 as i32 > width {
            lines.push(word.to_owned());
        } else if let Some(last) = lines.last_mut() {
            *last = longer;
        }
    }
    let mut y = 48;
    for line in lines {
        area.draw_text(&fit(&area, &line, &plain, width)?, &plain, (0, y))?;
        y += LINE;
    }
    Ok(area.split_vertically(y + 8).1)
}

/// Draws samples and names in rows at the top of `area`, so never over data; returns the area under them.
pub fn legend<'a>(area: &Area<'a>, entries: &[(String, Option<Stroke>)]) -> Drawn<Area<'a>> {
    let (width, style) = (area.dim_in_pixel().0 as i32, text(TEXT_SIZE, &TEXT, HPos::Left, VPos::Center));
    let (mut x, mut y) = (0, LINE / 2);
    for (name, stroke) in entries {
        let sample = if stroke.is_some() { 56 } else { 0 };
        let name = fit(area, name, &style, width - sample)?;
        let needed = sample + area.estimate_text_size(&name, &style)?.0 as i32;
        if x > 0 && x + needed > width {
            (x, y) = (0, y + LINE);
        }
        if let Some(stroke) = stroke {
            let dashes: &[_] = if stroke.dashed { &[(6, 14), (20, 28), (34, 42)] } else { &[(6, 42)] };
            for (from, to) in dashes {
                area.draw(&PathElement::new([(x + from, y), (x + to, y)], *stroke))?;
            }
        }
        area.draw_text(&name, &style, (x + sample, y))?;
        x += needed + 32;
    }
    Ok(if entries.is_empty() { area.clone() } else { area.split_vertically(y + LINE / 2 + 8).1 })
}

/// Says in the middle of `area` why nothing is drawn there.
pub fn note(area: &Area<'_>, words: &str) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let style = text(TEXT_SIZE, &FAINT, HPos::Center, VPos::Center);
    area.draw_text(&fit(area, words, &style, width as i32)?, &style, (width as i32 / 2, height as i32 / 2))
}

/// One axis of a panel: its range, its ticks and its description.
#[derive(Debug, Clone)]
pub struct Axis {
    places: Range<f64>, // logarithms, where it is logarithmic
    ticks: Vec<(f64, String)>,
    logarithmic: bool,
    description: String,
}

impl Axis {
    /// A linear axis over the values that can be drawn.
    pub fn linear(description: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        // Values that agree to 0.1 % are shown as equal: finer ticks would need more digits than there is room for.
        let room = (0.05 * (high - low)).max(0.001 * low.abs().max(high.abs()));
        let room = if room > 0.0 { room } else { 1.0 };
        Self::over(description, low - room, high + room)
    }

    /// A linear axis over the steps of a run.
    pub fn steps(description: &str, steps: &[usize]) -> Self {
        let (low, high) = extent(steps.iter().map(|&step| step as f64)).unwrap_or((0.0, 1.0));
        if low == high {
            let ticks = vec![(low, low.to_string())];
            return Self {
                places: low - 1.0..low + 1.0,
                ticks,
                logarithmic: false,
                description: description.to_owned(),
            };
        }
        let mut axis = Self::over(description, low, high);
        axis.ticks.retain(|(tick, _)| tick.fract() == 0.0);
        axis
    }

    /// A linear axis from 0 to 100.
    pub fn percent(description: &str) -> Self {
        Self::over(description, 0.0, 100.0)
    }

    fn over(description: &str, low: f64, high: f64) -> Self {
        let rough = (high - low) / 6.0;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|nice| nice * magnitude).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * magnitude);
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        let largest = low.abs().max(high.abs());
        let ticks = (first..=last).map(|index| (index as f64 * step, number(index as f64 * step, step, largest)));
        Self { places: low..high, ticks: ticks.collect(), logarithmic: false, description: description.to_owned() }
    }

    /// A logarithmic axis over the positive values, with a line for 0 under them if there are zeros.
    pub fn logarithmic(description: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|value| value.abs() < HUGE).collect();
        let positive = extent(values.iter().copied().filter(|value| *value > 0.0));
        let (low, high) = positive.map_or((-9.0, -6.0), |(low, high)| (low.log10(), high.log10()));
        let room = (0.06 * (high - low)).max(0.5 - 0.5 * (high - low)).max(0.05); // at least a decade
        let mut places = low - room..high + room;
        let decades = places.start.ceil() as i32..=places.end.floor() as i32;
        let stride = (decades.end() - decades.start()) / 7 + 1;
        let mut ticks: Vec<_> =
            decades.step_by(stride as usize).map(|decade| (10f64.powi(decade), power(1, decade))).collect();
        if places.end - places.start < 2.5 {
            for decade in places.start.floor() as i32..=places.end.floor() as i32 {
                ticks.extend([2, 5].map(|digit| (f64::from(digit) * 10f64.powi(decade), power(digit, decade))));
            }
            ticks.retain(|(tick, _)| places.contains(&tick.log10()));
        }
        if values.iter().any(|value| *value <= 0.0) {
            places.start -= (0.15 * (places.end - places.start)).max(0.3);
            ticks.push((0.0, "0".to_owned()));
        }
        Self { places, ticks, logarithmic: true, description: description.to_owned() }
    }

    /// An axis of named groups, each 1 wide, the first around 0.
    pub fn groups(names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<_> = names.into_iter().enumerate().map(|(index, name)| (index as f64, name)).collect();
        Self { places: -0.5..ticks.len() as f64 - 0.5, ticks, logarithmic: false, description: String::new() }
    }

    /// The value at the low end of the axis, where bars have their foot.
    pub fn foot(&self) -> f64 {
        self.range().start
    }

    /// Where `value` stands between the low end, 0, and the high end, 1.
    fn share(&self, value: f64) -> f64 {
        let place = if self.logarithmic { value.max(0.0).log10() } else { value };
        ((place - self.places.start) / (self.places.end - self.places.start)).clamp(0.0, 1.0)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        low + (self.share(*value) * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.iter().map(|(tick, _)| *tick).collect() }
    }

    fn range(&self) -> Range<f64> {
        let value = |place: f64| if self.logarithmic { 10f64.powf(place) } else { place };
        value(self.places.start)..value(self.places.end)
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, tick: &f64) -> String {
        self.ticks.iter().find(|(value, _)| value == tick).map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// The least and the largest value that can be drawn.
fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let drawable = values.into_iter().filter(|value| value.abs() < HUGE);
    drawable.fold(None, |extent, value| {
        extent.map_or(Some((value, value)), |(low, high): (f64, f64)| Some((low.min(value), high.max(value))))
    })
}

fn number(value: f64, step: f64, largest: f64) -> String {
    let (fine, coarse) = (step.log10().floor() as i32, largest.log10().floor() as i32);
    if (-4..=5).contains(&coarse) && fine >= -6 {
        return format!("{value:.*}", (-fine).max(0) as usize).replace('-', "−");
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = format!("{:.*}", (coarse - fine).max(0) as usize, value / 10f64.powi(coarse));
    format!("{}×{}", digits.replace('-', "−"), power(1, coarse))
}

/// `digit` × 10 to the `exponent`, in Unicode's superscripts.
pub fn power(digit: u8, exponent: i32) -> String {
    if exponent == 0 {
        return digit.to_string();
    }
    let factor = if digit == 1 { String::new() } else { format!("{digit}×") };
    let mut power = format!("{factor}10");
    power.extend(exponent.to_string().chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => c.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(c),
    }));
    power
}

/// A panel with its axes drawn.
pub type Panel<'a, 'b> = ChartContext<'a, Canvas<'b>, Cartesian2d<Axis, Axis>>;

/// Draws both axes, with the same room on the left in every panel so that panels line up.
pub fn panel<'a, 'b>(area: &'a Area<'b>, x: &Axis, y: &Axis) -> Drawn<Panel<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(10)
        .margin_right(24)
        .x_label_area_size(if x.description.is_empty() { 48 } else { 84 })
        .y_label_area_size(156)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(RULING.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .axis_style(FRAME.stroke_width(2))
        .set_all_tick_mark_size(6)
        .label_style(text(TEXT_SIZE - 2, &TEXT, HPos::Center, VPos::Center))
        .axis_desc_style(text(TEXT_SIZE, &TEXT, HPos::Center, VPos::Center))
        .x_desc(x.description.as_str())
        .y_desc(y.description.as_str())
        .draw()?;
    Ok(chart)
}

/// Shades what a free run shows from the step `horizon` on, and says why where there is room: drawn before the curves.
pub fn shade(panel: &mut Panel<'_, '_>, horizon: Option<usize>) -> Drawn {
    let (steps, values) = (panel.x_range(), panel.y_range());
    let Some(from) = horizon.map(|step| (step as f64).max(steps.start)).filter(|from| *from < steps.end) else {
        return Ok(());
    };
    let past = [(from, values.start), (steps.end, values.end)];
    panel.draw_series([Rectangle::new(past, BLACK.mix(SHADE).filled())])?;
    let area = panel.plotting_area();
    let ((left, bottom), (right, top)) = (area.map_coordinate(&past[0]), area.map_coordinate(&past[1]));
    let size = TEXT_SIZE - 4;
    let style = text(size, &FAINT, HPos::Center, VPos::Top);
    let words = "past the horizon: proves nothing";
    let (width, height) = (area.estimate_text_size(words, &style)?.0 as i32, size as i32);
    // An axis leaves a twentieth of its length free above the curves.
    if width + 16 <= right - left && 20 * height <= bottom - top {
        // No ruling strikes the words through.
        let plain = Rectangle::new([(-width / 2 - 6, 1), (width / 2 + 6, height + 2)], SHADED.filled());
        let middle = ((from + steps.end) / 2.0, values.end);
        area.draw(&(EmptyElement::at(middle) + plain + Text::new(words, (0, 2), style)))?;
    }
    Ok(())
}

/// Draws `values` over `steps` at the indices that [`thin`] kept.
pub fn curve(
    panel: &mut Panel<'_, '_>,
    runs: &[Vec<usize>],
    (steps, values): (&[usize], &[f64]),
    stroke: Stroke,
) -> Drawn {
    for run in runs {
        let points = run.iter().filter_map(|&index| Some((*steps.get(index)? as f64, *values.get(index)?)));
        let points: Vec<_> = points.filter(|point| point.1.abs() < HUGE).collect();
        match points.as_slice() {
            [] => {}
            [point] if stroke.dashed => {
                let dash = PathElement::new([(-14, 0), (14, 0)], ShapeStyle::from(stroke));
                panel.draw_series([EmptyElement::at(*point) + dash])?;
            }
            [point] => drop(panel.draw_series([Circle::new(*point, stroke.width.max(5), stroke.color.filled())])?),
            _ if stroke.dashed => drop(panel.draw_series(DashedLineSeries::new(points, 12, 10, stroke.into()))?),
            _ => drop(panel.draw_series(LineSeries::new(points, ShapeStyle::from(stroke)))?),
        }
    }
    Ok(())
}

/// What to keep of the values that share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The least and the largest.
    Extremes,
    /// The largest.
    Largest,
}

impl Keep {
    /// How many of `count` values share a bucket when about `points` are to be drawn.
    pub fn bucket(self, count: usize, points: usize) -> usize {
        let buckets = if self == Self::Extremes { points / 2 } else { points };
        if count <= points { 1 } else { count.div_ceil(buckets.max(1)) }
    }

    /// The description of an axis of steps, which says when a point stands for several.
    pub fn step_description(self, count: usize, points: usize) -> String {
        match (self, self.bucket(count, points)) {
            (_, 1) => "step".to_owned(),
            (Self::Extremes, size) => format!("step (drawn: the lowest and the highest of every {size} values)"),
            (Self::Largest, size) => format!("step (drawn: the largest of every {size} values)"),
        }
    }
}

/// The indices to draw, at most about `points`: of each bucket what `keep` says, in order. A bucket in which
/// something is not finite ends its run, so that the curve shows a gap there.
pub fn thin(values: &[f64], points: usize, keep: Keep) -> Vec<Vec<usize>> {
    let size = keep.bucket(values.len(), points);
    let mut runs = vec![Vec::new()];
    for (bucket, chunk) in values.chunks(size).enumerate() {
        let finite = || (bucket * size..).zip(chunk).filter(|(_, value)| value.abs() < HUGE);
        let largest = finite().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index);
        let least = finite().min_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index);
        if let (Some(run), Some(least), Some(largest)) = (runs.last_mut(), least, largest) {
            if keep == Keep::Extremes && least != largest {
                run.extend([least.min(largest), least.max(largest)]);
            } else {
                run.push(largest);
            }
        }
        if finite().count() < chunk.len() {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The values that [`thin`] kept.
pub fn kept<'a>(values: &'a [f64], runs: &'a [Vec<usize>]) -> impl Iterator<Item = f64> + 'a {
    runs.iter().flatten().filter_map(|&index| values.get(index).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes_in_order_and_leaves_gaps() {
        let mut values: Vec<f64> = (0..5000).map(|step| f64::from(step * 7919 % 5003) / 5003.0).collect();
        (values[1234], values[4321]) = (9.0, -9.0);
        for (keep, expected) in [(Keep::Extremes, vec![1234, 4321]), (Keep::Largest, vec![1234])] {
            let runs = thin(&values, POINTS, keep);
            assert_eq!(runs.len(), 1);
            assert!(runs[0].len() <= POINTS && runs[0].is_sorted(), "{keep:?}: {}", runs[0].len());
            assert!(expected.iter().all(|index| runs[0].contains(index)), "{keep:?}");
        }
        assert_eq!(thin(&[1.0, f64::NAN, 2.0, 3.0, f64::INFINITY], POINTS, Keep::Largest), [vec![0], vec![2, 3]]);
        assert!(thin(&[], POINTS, Keep::Extremes).is_empty());
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_wherever_the_values_lie() {
        for (low, high) in [(1e-45, 1e30), (3e-8, 3e-8), (2.1e-7, 2.2e-7), (1e-16, 1.0), (0.0, 0.0), (0.0, 4.0)] {
            let axis = Axis::logarithmic("gap", [low, high]);
            assert!((2..=9).contains(&axis.ticks.len()), "{low:e} {high:e}: {:?}", axis.ticks);
            assert!([low, high].iter().all(|value| (0.0..=1.0).contains(&axis.share(*value))));
            assert_eq!(axis.ticks.iter().any(|(_, label)| label == "0"), low == 0.0);
        }
        assert_eq!(power(2, -16), "2×10⁻¹⁶");
    }
}
