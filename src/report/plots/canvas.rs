//! One picture in two formats: whatever plotters draws on a [`Canvas`] becomes SVG and pixels in the same pass.
//!
//! plotters knows only whole coordinates, so the canvas counts in half pixels: curves are placed twice as finely as
//! the pixels they end in, and SVG keeps that precision. Its own bitmap back end draws wide lines without
//! anti-aliasing and its SVG back end writes each dash as an element of its own; both are replaced here.

use plotters::prelude::{DrawingArea, DrawingBackend, IntoDrawingArea};
use plotters::{coord::Shift, drawing::DrawingAreaErrorKind, style::text_anchor};
use plotters_backend::{BackendColor, BackendStyle, BackendTextStyle, DrawingErrorKind, FontStyle, FontTransform};
use std::{fmt::Write, io};

/// Units of the canvas per pixel.
pub const UNITS: u32 = 2;
/// Text's size over its em: plotters sizes text by the font's ascent and descent, 0.928 + 0.236 em in DejaVu Sans.
const SIZE_PER_EM: f64 = 1.164;

/// A part of a canvas.
pub type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
/// What drawing returns.
pub type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;
/// What the back end returns.
type Done = Result<(), DrawingErrorKind<io::Error>>;

/// A picture while it is drawn.
pub struct Canvas<'a>(&'a mut Picture);

/// A picture in both formats.
#[derive(Debug, Default)]
pub struct Picture {
    size: (usize, usize), // pixels
    svg: String,
    open_path: Option<(String, (i32, i32))>, // style and end of the SVG path that is still open
    rgb: Vec<u8>,                            // [height, width, 3]
    /// How much of each pixel the current shape leaves bare, in 255ths, `[height, width]`. Not how much it covers:
    /// zeroed memory that is read before it is written is mapped twice, and the second time interrupts the other
    /// thread (measured: a fifth of all the time).
    bare: Vec<u8>,
    touched: Vec<usize>, // pixels that the current shape covers
}

impl Picture {
    /// A white picture of `width` × `height` pixels, with what `draw` draws on it.
    pub fn draw((width, height): (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<Self> {
        let pixels = width as usize * height as usize;
        let mut picture = Self { size: (width as usize, height as usize), ..Self::default() };
        (picture.rgb, picture.bare) = (vec![255; 3 * pixels], vec![255; pixels]);
        let (units_x, units_y) = (UNITS * width, UNITS * height);
        picture.element(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {units_x} {units_y}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" \
             font-family=\"DejaVu Sans,Verdana,sans-serif\">\n<path fill=\"#fff\" d=\"M0 0h{units_x}v{units_y}H0z\"/>\n"
        ));
        draw(&Canvas(&mut picture).into_drawing_area())?;
        picture.element(format_args!("</svg>\n"));
        Ok(picture)
    }

    /// The SVG file.
    pub fn svg(&self) -> &[u8] {
        self.svg.as_bytes()
    }

    /// The PNG file.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let mut file = Vec::with_capacity(1 << 17);
        let mut encoder = png::Encoder::new(&mut file, self.size.0 as u32, self.size.1 as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.rgb).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(file)
    }

    fn element(&mut self, markup: std::fmt::Arguments<'_>) {
        if self.open_path.take().is_some() {
            self.svg.push_str("\"/>\n");
        }
        self.svg.write_fmt(markup).unwrap_or_default(); // a String takes everything
    }

    /// A line through `points` in SVG: appended to the last path where that has the same style, as dashes do.
    fn svg_path(&mut self, points: &[(i32, i32)], style: &impl BackendStyle) {
        let Some(&first) = points.first() else { return };
        let style = format!("{} stroke-width=\"{}\"", paint("stroke", style.color()), style.stroke_width());
        let mut from = match self.open_path.take() {
            Some((open, end)) if open == style => {
                write!(self.svg, "m{} {}", first.0 - end.0, first.1 - end.1).unwrap_or_default();
                first
            }
            open => {
                self.open_path = open;
                self.element(format_args!("<path {style} d=\"M{} {}", first.0, first.1));
                first
            }
        };
        for (index, &to) in points.iter().skip(1).enumerate() {
            let (right, down) = (to.0 - from.0, to.1 - from.1);
            let separator = if index == 0 {
                "l"
            } else if right < 0 {
                ""
            } else {
                " "
            };
            let comma = if down < 0 { "" } else { " " };
            write!(self.svg, "{separator}{right}{comma}{down}").unwrap_or_default();
            from = to;
        }
        self.open_path = Some((style, from));
    }

    fn cover(&mut self, column: i64, row: i64, mix: impl FnOnce(f32) -> f32) {
        let (width, height) = (self.size.0 as i64, self.size.1 as i64);
        if (0..width).contains(&column) && (0..height).contains(&row) {
            let pixel = (row * width + column) as usize;
            if let Some(bare) = self.bare.get_mut(pixel) {
                if *bare == 255 {
                    self.touched.push(pixel);
                }
                let covered = mix(1.0 - f32::from(*bare) / 255.0).min(1.0);
                *bare = 255 - (255.0 * covered + 0.5) as u8;
            }
        }
    }

    /// Covers what lies within half of `width` of the segment, with round ends; pixels, y downwards.
    fn cover_segment(&mut self, a: (f64, f64), b: (f64, f64), width: f64) {
        let reach = 0.5 * width + 0.5; // the outermost half pixel fades
        let along = (b.0 - a.0, b.1 - a.1);
        let square = along.0 * along.0 + along.1 * along.1;
        let top = (a.1.min(b.1) - reach).max(0.0) as i64;
        let bottom = (a.1.max(b.1) + reach).min(self.size.1 as f64) as i64;
        for row in top..=bottom {
            let y = row as f64 + 0.5;
            // The part of the segment that comes near this row, so that a steep line costs its length, not its box.
            let near = |y: f64, otherwise: f64| {
                if along.1 == 0.0 { otherwise } else { a.0 + along.0 * ((y - a.1) / along.1).clamp(0.0, 1.0) }
            };
            let (start, end) = (near(y - reach, a.0), near(y + reach, b.0));
            let left = (start.min(end) - reach).max(0.0) as i64;
            let right = (start.max(end) + reach).min(self.size.0 as f64) as i64;
            for column in left..=right {
                let offset = (column as f64 + 0.5 - a.0, y - a.1);
                let share = (offset.0 * along.0 + offset.1 * along.1) / square;
                let share = if square > 0.0 { share.clamp(0.0, 1.0) } else { 0.0 };
                let (right, down) = (offset.0 - share * along.0, offset.1 - share * along.1);
                let distance = (right * right + down * down).sqrt();
                if distance < reach {
                    self.cover(column, row, |cover| cover.max((reach - distance) as f32));
                }
            }
        }
    }

    /// Covers what lies inside of a polygon by the even-odd rule, row by row in the middle of each.
    fn cover_polygon(&mut self, corners: &[(i32, i32)]) {
        let corners: Vec<(f64, f64)> = corners.iter().copied().map(in_pixels).collect();
        let next = corners.iter().skip(1).chain(corners.first());
        let edges: Vec<_> = corners.iter().zip(next).filter(|(a, b)| a.1 != b.1).collect();
        let heights = || corners.iter().map(|corner| corner.1);
        let top = heights().fold(f64::INFINITY, f64::min).max(0.0) as i64;
        let bottom = heights().fold(0.0, f64::max).min(self.size.1 as f64) as i64;
        for row in top..=bottom {
            let y = row as f64 + 0.5;
            let crossed = edges.iter().filter(|(a, b)| (a.1 <= y) != (b.1 <= y));
            let mut places: Vec<f64> = crossed.map(|(a, b)| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)).collect();
            places.sort_by(f64::total_cmp);
            for ends in places.chunks_exact(2) {
                let (left, right) = (ends[0].max(0.0), ends[1].min(self.size.0 as f64));
                for column in left as i64..=right as i64 {
                    let share = right.min(column as f64 + 1.0) - left.max(column as f64);
                    self.cover(column, row, |cover| cover.max(share.max(0.0) as f32));
                }
            }
        }
    }

    /// Paints what is covered and forgets the cover.
    fn paint(&mut self, color: BackendColor) {
        for pixel in self.touched.drain(..) {
            let Some(bare) = self.bare.get_mut(pixel) else { continue };
            let share = f32::from(255 - std::mem::replace(bare, 255)) / 255.0 * color.alpha as f32;
            let channels = self.rgb.iter_mut().skip(3 * pixel);
            for (channel, to) in channels.zip([color.rgb.0, color.rgb.1, color.rgb.2]) {
                *channel = (f32::from(*channel) + share * (f32::from(to) - f32::from(*channel)) + 0.5) as u8;
            }
        }
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        (UNITS * self.0.size.0 as u32, UNITS * self.0.size.1 as u32)
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): (i32, i32), color: BackendColor) -> Done {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: (i32, i32), to: (i32, i32), style: &S) -> Done {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = (i32, i32)>>(&mut self, path: I, style: &S) -> Done {
        let points: Vec<_> = path.into_iter().collect();
        self.0.svg_path(&points, style);
        let width = f64::from(style.stroke_width()) / f64::from(UNITS);
        for pair in points.windows(2) {
            let &[from, to] = pair else { continue };
            let (mut a, mut b) = (in_pixels(from), in_pixels(to));
            if points.len() == 2 && width == 1.0 {
                // Rulings are sharp in the middle of a row of pixels and grey between two.
                if from.1 == to.1 {
                    (a.1, b.1) = (a.1.floor() + 0.5, b.1.floor() + 0.5);
                } else if from.0 == to.0 {
                    (a.0, b.0) = (a.0.floor() + 0.5, b.0.floor() + 0.5);
                }
            }
            self.0.cover_segment(a, b, width);
        }
        self.0.paint(style.color());
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: (i32, i32), radius: u32, style: &S, _filled: bool) -> Done {
        let fill = paint("fill", style.color());
        self.0.element(format_args!("<circle {fill} cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>\n", center.0, center.1));
        let center = in_pixels(center);
        self.0.cover_segment(center, center, 2.0 * f64::from(radius) / f64::from(UNITS));
        self.0.paint(style.color());
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: (i32, i32), b: (i32, i32), style: &S, filled: bool) -> Done {
        if !filled {
            return self.draw_path([a, (b.0, a.1), b, (a.0, b.1), a], style);
        }
        let ((left, right), (top, bottom)) = ((a.0.min(b.0), a.0.max(b.0)), (a.1.min(b.1), a.1.max(b.1)));
        let (fill, width, height) = (paint("fill", style.color()), right - left, bottom - top);
        self.0.element(format_args!("<path {fill} d=\"M{left} {top}h{width}v{height}h-{width}z\"/>\n"));
        // Whole pixels inside; a pixel that the edge halves is covered by half.
        let unit = UNITS as i32;
        let overlap = |pixel: i32, low: i32, high: i32| (high.min(unit * pixel + unit) - low.max(unit * pixel)) as f32;
        for row in top.max(0) / unit..(bottom + 1).min(unit * self.0.size.1 as i32) / unit {
            for column in left.max(0) / unit..(right + 1).min(unit * self.0.size.0 as i32) / unit {
                let share = overlap(column, left, right) * overlap(row, top, bottom) / (unit * unit) as f32;
                self.0.cover(i64::from(column), i64::from(row), |cover| cover.max(share));
            }
        }
        self.0.paint(style.color());
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = (i32, i32)>>(&mut self, corners: I, style: &S) -> Done {
        let corners: Vec<_> = corners.into_iter().collect();
        let mut path = String::new();
        for (index, (x, y)) in corners.iter().enumerate() {
            write!(path, "{}{x} {y}", if index == 0 { 'M' } else { 'L' }).unwrap_or_default();
        }
        self.0.element(format_args!("<path {} fill-rule=\"evenodd\" d=\"{path}z\"/>\n", paint("fill", style.color())));
        self.0.cover_polygon(&corners);
        self.0.paint(style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): (i32, i32)) -> Done {
        if text.is_empty() {
            return Ok(());
        }
        let font_error = |error| DrawingErrorKind::FontError(Box::new(error));
        let em = style.size() / SIZE_PER_EM;
        let ((left, _), (right, _)) = style.layout_box(text).map_err(font_error)?;
        let (anchor, shift) = match style.anchor().h_pos {
            text_anchor::HPos::Left => ("start", 0),
            text_anchor::HPos::Center => ("middle", (left - right) / 2),
            text_anchor::HPos::Right => ("end", left - right),
        };
        let baseline = em
            * match style.anchor().v_pos {
                text_anchor::VPos::Top => 0.76,
                text_anchor::VPos::Center => 0.36,
                text_anchor::VPos::Bottom => -0.24,
            };
        let weight = if matches!(style.style(), FontStyle::Bold) { " font-weight=\"bold\"" } else { "" };
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        let (fill, escaped) = (paint("fill", style.color()), escape(text));
        self.0.element(format_args!(
            "<text {fill} x=\"{x}\" y=\"{y}\" dy=\"{baseline:.1}\" font-size=\"{em:.1}\" \
             text-anchor=\"{anchor}\"{weight}{turn}>{escaped}</text>\n"
        ));
        // plotters draws glyphs with their baseline half the text's size below the origin.
        let rise = (baseline - style.size() / 2.0).round() as i32;
        let quarter = (UNITS * UNITS) as f32;
        let drawn: Result<Done, _> = style.draw(text, (0, 0), |column, row, color| {
            let (right, down) = style.transform().transform(column + shift, row + rise);
            let (column, row) = ((x + right).div_euclid(UNITS as i32), (y + down).div_euclid(UNITS as i32));
            self.0.cover(i64::from(column), i64::from(row), |cover| cover + color.alpha as f32 / quarter);
            Ok(())
        });
        self.0.paint(style.color());
        drawn.map_err(font_error)?
    }
}

fn in_pixels((x, y): (i32, i32)) -> (f64, f64) {
    (f64::from(x) / f64::from(UNITS), f64::from(y) / f64::from(UNITS))
}

fn paint(what: &str, color: BackendColor) -> String {
    let (red, green, blue) = color.rgb;
    let opacity = if color.alpha < 1.0 { format!(" {what}-opacity=\"{:.2}\"", color.alpha) } else { String::new() };
    format!("{what}=\"#{red:02x}{green:02x}{blue:02x}\"{opacity}")
}

/// XML knows no control characters, escaped or not.
fn escape(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
