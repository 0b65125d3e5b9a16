//! `lockstep list`: the studies of this program, and the experiment files under `experiments/` here.

use super::{print, study::studies};
use crate::{
    baseline::{FILE, SPEED_FILE},
    data::IN_DATA,
    error::Result,
    experiment::Outline,
    store,
};
use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

pub(super) fn run() -> Result<u8> {
    let mut text = String::from("Studies (lockstep study NAME)\n");
    for study in studies() {
        let _ = writeln!(text, "  {:<14}{}", study.name, study.title);
        let mut needed = BTreeSet::new();
        for file in study.data {
            if !store::is_there(file)? {
                needed.insert(fetched_by(file));
            }
        }
        for what in needed {
            let _ = writeln!(text, "  {:<14}needs {what}", "");
        }
    }
    let mut files = Vec::new();
    collect(Path::new("experiments"), 0, &mut files);
    files.sort();
    if files.is_empty() {
        text.push_str("\nNo experiments here: run this in a folder that has experiments/NAME.toml\n");
    } else {
        text.push_str("\nExperiments (lockstep run FILE)\n");
    }
    let width = files.iter().map(|file| file.display().to_string().chars().count()).max().unwrap_or(0) + 2;
    for file in files {
        let (title, needed) = match outlined(&file) {
            Ok(outlined) => outlined,
            Err(error) => (format!("cannot be used: {error}"), BTreeSet::new()),
        };
        let _ = writeln!(text, "  {:<width$}{title}", file.display().to_string());
        for what in needed {
            let _ = writeln!(text, "  {:<width$}needs {what}", "");
        }
    }
    print(&text)?;
    Ok(0)
}

/// The title of an experiment, and what it needs that is not there. Its data are not read, as they may be large.
fn outlined(file: &Path) -> Result<(String, BTreeSet<String>)> {
    let Outline { title, data } = Outline::load(file)?;
    let needed = data
        .absent(file.parent().unwrap_or(Path::new("")))?
        .into_iter()
        .map(|written| written.strip_prefix(IN_DATA).map_or_else(|| format!("the file {written}"), fetched_by));
    Ok((title, needed.collect()))
}

/// What gets a file of a data set.
fn fetched_by(file: &str) -> String {
    format!("`lockstep data fetch {}`", file.split('/').next().unwrap_or(file))
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
        } else if path.extension().is_some_and(|extension| extension == "toml")
            && path.file_name().is_none_or(|name| name != FILE && name != SPEED_FILE)
        {
            files.push(path);
        }
    }
}
