//! Renderers of one verdict: text, Markdown and plots. They read verdict.json's types, and for plots the curves beside
//! them, and nothing else. Every file reaches its name only when it is whole.

#[cfg(feature = "program")]
pub mod check;
#[cfg(feature = "program")]
mod folder;
mod format;
#[cfg(feature = "program")]
pub mod github;
mod held_out;
#[cfg(feature = "program")]
pub mod junit;
pub mod markdown;
#[cfg(feature = "program")]
pub mod plots;
pub mod steps;
pub mod text;
pub mod words;

#[cfg(feature = "program")]
pub use folder::{CHECKPOINTS, Folder, UNFINISHED};
pub use format::{escaped, number, power, visible};

#[cfg(feature = "program")]
use crate::judge::verdict::{Curves, Verdict};
use crate::{
    error::{Error, Result},
    file,
};
use serde::Serialize;
use std::path::Path;

/// Writes verdict.json, report.md, steps.csv and every plot into a folder, in the place of those of an earlier run, and notes
/// the files in the verdict.
///
/// # Errors
/// If a file cannot be written; what the folder had before stays.
#[cfg(feature = "program")]
pub fn write(folder: &Folder, verdict: &mut Verdict, curves: &Curves) -> Result<()> {
    let unfinished = folder.path().join(UNFINISHED);
    let names = plots::names(curves).into_iter().chain(folder::FILES.map(str::to_owned));
    verdict.measured.files = names.map(|name| (name.clone(), name)).collect();
    write_whole(&unfinished.join("report.md"), markdown::render(verdict).as_bytes())?;
    write_json(&unfinished.join("verdict.json"), verdict)?;
    write_whole(&unfinished.join("steps.csv"), steps::render(curves).as_bytes())?;
    let title = format!("{}: {}", verdict.experiment, words::headline(verdict).to_lowercase());
    plots::draw(&visible(&title), curves, &unfinished)?;
    folder.commit()
}

/// Writes a value as JSON, indented, with a newline at the end.
///
/// # Errors
/// If the file cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_whole(path, json(value)?.as_bytes())
}

/// A value as JSON, indented, with a newline at the end.
///
/// # Errors
/// If it cannot be expressed (a map whose keys are not text).
pub fn json(value: &impl Serialize) -> Result<String> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Error::Usage(format!("cannot write JSON: {error}")))?;
    Ok(format::plain_json(text + "\n"))
}

/// A value as one line of JSON, with a newline at the end.
///
/// # Errors
/// As [`json`].
pub fn json_line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|error| Error::Usage(format!("cannot write JSON: {error}")))?;
    Ok(format::plain_json(text + "\n"))
}

/// Refuses a file that cannot be written, before there is anything to write.
///
/// # Errors
/// If its folder is not there or cannot be written.
#[cfg(feature = "program")]
pub fn can_be_written(path: &Path) -> Result<()> {
    file::write::can_be(path)
}

/// Writes beside `path` and renames, so that `path` never holds half a file.
///
/// # Errors
/// If it cannot be written; nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    file::whole(path, bytes)
}
