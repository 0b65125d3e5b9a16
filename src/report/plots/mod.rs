//! The figures of a run: `loss`, `gaps`, `drift`, `time` and, where held-out rows were looked at, `held-out`, each as SVG
//! and PNG.
//!
//! One file per figure; each is a function from [`Curves`] to drawing calls, with no other input and no state.
//! [`figure`], [`Axis`], [`panel`], [`curve`], [`quantiles()`] and the rest of the toolkit serve other plots as well. A figure reaches
//! its final name only when it is complete.

mod axes;
mod canvas;
mod drift;
mod gaps;
mod held_out;
mod loss;
mod quantiles;
mod shapes;
mod time;

pub use axes::{
    Axis, CANDIDATE, Keep, PALETTE, POINTS, Panel, REFERENCE, Stroke, TEXT, TEXT_SIZE, curve, fit, heading, kept,
    legend, note, panel, power, shade, text, thin,
};
pub use canvas::{Area, Canvas, Drawn, Picture, UNITS};
pub use quantiles::quantiles;
pub use shapes::{band, cells, dots, line};

use super::write_whole;
use crate::error::{Error, Result};
use crate::judge::verdict::Curves;
use plotters::style::{FontStyle, register_font};
use std::path::{Path, PathBuf};
use std::sync::{
    Once,
    atomic::{AtomicUsize, Ordering},
};
use std::{io, thread};

/// Draws one figure.
type Draw = fn(&Area<'_>, &str, &Curves) -> Drawn;
/// A figure: its file name, its size in pixels and what draws it.
type Figure = (&'static str, (u32, u32), Draw);
/// Every figure; the slowest first, so that two threads end together.
const FIGURES: [Figure; 5] = [
    ("gaps", (1100, 800), gaps::draw),
    ("loss", (960, 600), loss::draw),
    ("drift", (960, 600), drift::draw),
    (TIME, (960, 600), time::draw),
    (HELD_OUT, (960, 600), held_out::draw),
];
/// The figures that not every run has: of held-out rows, and of sides that were timed.
const HELD_OUT: &str = "held-out";
const TIME: &str = "time";

/// The figures of a run.
fn figures(curves: &Curves) -> Vec<Figure> {
    let has = |name: &str| match name {
        HELD_OUT => held_out::looks(curves).is_some(),
        TIME => !curves.times.is_empty(),
        _ => true,
    };
    FIGURES.into_iter().filter(|(name, ..)| has(name)).collect()
}

/// Writes every figure of a run as SVG and PNG into `folder`, which exists, and returns the files.
///
/// # Errors
///
/// Where a file cannot be written. What was written before stays and is whole.
pub fn draw(title: &str, curves: &Curves, folder: &Path) -> Result<Vec<PathBuf>> {
    let (next, all) = (AtomicUsize::new(0), figures(curves));
    let work = || {
        let mut files = Vec::new();
        while let Some((name, size, draw)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            files.extend(figure(&folder.join(name), *size, |area| draw(area, title, curves))?);
        }
        Ok(files)
    };
    let (here, there) = thread::scope(|scope| {
        let other = scope.spawn(work);
        let here = work();
        (here, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let mut files: Vec<PathBuf> = here?;
    files.extend(there?);
    files.sort();
    Ok(files)
}

/// The names of the files that [`draw`] writes.
pub fn names(curves: &Curves) -> Vec<String> {
    names_of(&figures(curves))
}

/// The names of all figures that a run can have.
pub(super) fn all_names() -> Vec<String> {
    names_of(&FIGURES)
}

fn names_of(figures: &[Figure]) -> Vec<String> {
    figures.iter().flat_map(|(name, ..)| ["svg", "png"].map(|kind| format!("{name}.{kind}"))).collect()
}

/// Draws one figure of `size` pixels and writes it as `stem`.svg and `stem`.png.
///
/// # Errors
///
/// Where drawing fails or a file cannot be written.
pub fn figure(stem: &Path, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<[PathBuf; 2]> {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // A font that did not register shows as an error when text is drawn.
        let _ = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
        let _ = register_font("sans-serif", FontStyle::Bold, dejavu::sans::bold());
    });
    let failed = |source| Error::io(stem, "could not draw the figure", source);
    let picture = Picture::draw(size, draw).map_err(|error| failed(io::Error::other(error)))?;
    // Appended, because a name may contain a dot that is no extension's.
    let files = [".svg", ".png"].map(|extension| {
        let mut file = stem.as_os_str().to_owned();
        file.push(extension);
        PathBuf::from(file)
    });
    let [svg, png] = &files;
    write_whole(svg, picture.svg())?;
    write_whole(png, &picture.png().map_err(failed)?)?;
    Ok(files)
}

/// f32 columns as f64.
fn widen(column: &[f32]) -> Vec<f64> {
    column.iter().map(|&value| f64::from(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::{Phase, PhaseTimes, TensorCurve};
    use std::fs;

    fn tensors(values: &[f32]) -> Vec<TensorCurve> {
        let all = [
            (Phase::Forward, "output"),
            (Phase::Loss, "loss"),
            (Phase::Backward, "0.weight"),
            (Phase::Update, "weights"),
        ];
        let column = values.to_vec();
        let tensor = |(phase, tensor): (Phase, &str)| {
            let (judged, limit, between) = (column.clone(), column.clone(), column.clone());
            TensorCurve { phase, tensor: tensor.to_owned(), judged, limit, between }
        };
        all.into_iter().map(tensor).collect()
    }

    #[test]
    fn degenerate_runs_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let columns: [&[f32]; 6] = [
            &[],
            &[0.0],
            &[0.0; 3],
            &[1e30, f32::NAN, -1e30, f32::INFINITY, 1e-45],
            &[f32::NAN; 900],
            &[f32::MAX, f32::MIN, f32::MIN_POSITIVE],
        ];
        let horizons = [Some(0), Some(1), Some(2), None, Some(450), Some(usize::MAX)];
        for (column, horizon) in columns.into_iter().flat_map(|column| horizons.map(|horizon| (column, horizon))) {
            let loss: Vec<f64> = column.iter().map(|&value| f64::from(value) * 1e300).collect();
            let phase =
                |phase| PhaseTimes { phase, reference_us: [0.0, f64::NAN, 1e-300], candidate_us: [f64::MAX; 3] };
            let curves = Curves {
                reference: "r".repeat(500),
                reference_loss: loss.clone(),
                free_loss: loss.iter().rev().copied().collect(),
                steps: (0..column.len()).collect(),
                sync: tensors(column),
                free: tensors(column),
                twins: column.iter().rev().copied().collect(),
                horizon,
                times: Phase::COMPUTED.map(phase).to_vec(),
                ..Curves::default()
            };
            let files = draw(&"A title <&\"\u{1}> ".repeat(40), &curves, folder.path()).unwrap();
            assert_eq!(files.len(), 8);
            for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "svg")) {
                let svg = fs::read_to_string(file).unwrap();
                assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{}", file.display());
                assert!(!svg.contains("NaN") && !svg.contains(&i32::MAX.to_string()), "{}", file.display());
            }
        }
    }

    #[test]
    fn what_a_free_run_shows_is_shaded_from_the_horizon_on() {
        let folder = tempfile::tempdir().unwrap();
        let shaded = |horizon, synced: bool| {
            let (free, twins) = (tensors(&[1e-7; 9]), vec![f32::NAN, 1e-7]);
            let sync = if synced { free.clone() } else { Vec::new() };
            let (reference_loss, free_loss) = (vec![1.0; 9], vec![2.0; 9]);
            let steps = (0..9).collect();
            let curves = Curves { reference_loss, free_loss, steps, sync, free, twins, horizon, ..Curves::default() };
            draw("title", &curves, folder.path()).unwrap();
            ["drift", "gaps", "loss"].map(|name| {
                let svg = fs::read_to_string(folder.path().join(name).with_extension("svg")).unwrap();
                (svg.matches("fill-opacity").count(), svg.matches("past the horizon").count())
            })
        };
        for nowhere in [None, Some(9), Some(usize::MAX)] {
            assert_eq!(shaded(nowhere, false), [(0, 0); 3], "{nowhere:?}");
        }
        for step in [0, 4] {
            assert_eq!(shaded(Some(step), false), [(1, 1), (4, 4), (2, 1)], "{step}");
            assert_eq!(shaded(Some(step), true), [(1, 1), (0, 0), (2, 1)], "{step}: gaps shows the synced run");
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(draw("no folder", &Curves::default(), &folder.path().join("missing")).is_err());
        fs::create_dir(folder.path().join("loss.svg")).unwrap(); // a name that cannot be renamed over
        let error = draw("taken", &Curves::default(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("loss.svg"), "{error}");
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let parts: Vec<_> = names.filter(|name| name.to_string_lossy().contains("part")).collect();
        assert!(parts.is_empty(), "{parts:?}");
    }
}
