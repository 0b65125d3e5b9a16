//! `lockstep list`: the studies of this program, and the experiment files under `experiments/` here.

use super::print;
use crate::{error::Result, experiment::Experiment, study};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

pub(super) fn run() -> Result<u8> {
    let mut text = String::from("Studies (lockstep study NAME)\n");
    for study in study::ALL {
        let _ = writeln!(text, "  {:<14}{}", study.name, study.title);
    }
    let mut files = Vec::new();
    collect(Path::new("experiments"), 0, &mut files);
    files.sort();
    if files.is_empty() {
        text.push_str("\nNo experiments here: run this in a folder that has experiments/NAME.toml\n");
    } else {
        text.push_str("\nExperiments (lockstep run FILE)\n");
    }
    for file in files {
        let title = match Experiment::load(&file, &[]) {
            Ok(experiment) => experiment.title,
            Err(error) => format!("cannot be used: {error}"),
        };
        let _ = writeln!(text, "  {:<34}{title}", file.display());
    }
    print(&text)?;
    Ok(0)
}

/// The TOML files below a folder; what cannot be listed has none. Links may run in circles, so depth is limited.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    if depth > 4 {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, depth + 1, files);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
}
