//! Renderers of one verdict: text, Markdown and plots. They read verdict.json's types, and for plots the curves beside
//! them, and nothing else. Every file reaches its name only when it is whole.

mod format;
mod held_out;
pub mod markdown;
pub mod plots;
pub mod steps;
pub mod text;

pub use format::{number, power};

use crate::{
    error::{Error, Result},
    verdict::{Curves, Verdict},
};
use serde::Serialize;
use std::{fs, io, path::Path};

/// Makes sure that a folder is there and can be written, before anything runs for it.
///
/// # Errors
/// If it cannot be made or written.
pub fn prepare(folder: &Path) -> Result<()> {
    let failed = |error| Error::io(folder, "cannot write to the output folder; choose another with --out", error);
    fs::create_dir_all(folder).map_err(failed)?;
    let probe = folder.join(format!(".{}.part", std::process::id()));
    fs::write(&probe, []).and_then(|()| fs::remove_file(&probe)).map_err(failed)
}

/// Writes verdict.json, report.md, steps.csv and every plot into `folder`, and notes the files in the verdict.
///
/// # Errors
/// If a file cannot be written; those before it stay, whole.
pub fn write(folder: &Path, verdict: &mut Verdict, curves: &Curves) -> Result<()> {
    let failed = |error| Error::io(folder, "cannot replace an earlier verdict.json", error);
    match fs::remove_file(folder.join("verdict.json")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let names = plots::names(curves).into_iter().chain(["report.md", "steps.csv", "verdict.json"].map(str::to_owned));
    verdict.measured.files = names.map(|name| (name.clone(), name)).collect();
    // An earlier verdict is gone before anything else is replaced, and the new one there before the plots: whatever
    // fails, no verdict stands beside what it does not speak of.
    write_whole(&folder.join("report.md"), markdown::render(verdict).as_bytes())?;
    write_json(&folder.join("verdict.json"), verdict)?;
    write_whole(&folder.join("steps.csv"), steps::render(curves).as_bytes())?;
    let title = format!("{}: {}", verdict.experiment, text::headline(verdict).to_lowercase());
    plots::draw(&title, curves, folder)?;
    Ok(())
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
    Ok(text + "\n")
}

/// A value as one line of JSON, with a newline at the end.
///
/// # Errors
/// As [`json`].
pub fn json_line(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).map_err(|error| Error::Usage(format!("cannot write JSON: {error}")))?;
    Ok(text + "\n")
}

/// Writes beside `path` and renames, so that `path` never holds half a file.
///
/// # Errors
/// If it cannot be written; nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(|source| {
        let _ = fs::remove_file(&part);
        Error::io(path, "cannot write; the folder must exist, be writable and have space", source)
    })
}
