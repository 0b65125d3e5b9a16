//! The file of a baseline: read with the line of every mistake, written so that it reads well where it is reviewed.

use super::entry::{Entry, Figure, First, NamedCause};
use crate::{
    error::{Error, Result},
    file,
    judge::verdict::Phase,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// The baseline's name where none is said.
pub const FILE: &str = "lockstep-baseline.toml";

/// The version of the layout.
const SCHEMA: i64 = 1;

const HEAD: &str = "\
# Verdicts that were accepted: `lockstep check` holds new ones against them, `lockstep accept` writes this file (docs/ci.md).
";

/// Verdicts that were accepted, by the experiment's path from the file.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// Where it is.
    pub path: PathBuf,
    /// By path from there, with `/`.
    pub experiments: BTreeMap<String, Entry>,
    /// As it was read.
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[allow(dead_code)] // It is looked at before anything else is.
    schema: i64,
    #[serde(default)]
    experiments: BTreeMap<String, Entry>,
}

impl Baseline {
    /// One without entries.
    pub fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), experiments: BTreeMap::new(), text: String::new() }
    }

    /// Whether there is a file.
    ///
    /// # Errors
    /// If it cannot be looked at.
    pub fn exists(path: &Path) -> Result<bool> {
        path.try_exists().map_err(|error| Error::io(path, "cannot read the baseline", error))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, or something in it is not as `accept` writes it.
    pub fn read(path: &Path) -> Result<Self> {
        let action = "cannot read the baseline; `lockstep accept PATHS` writes a first one, --baseline FILE names another, and \
                      --lenient does without";
        let bytes = file::typed(path, action)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let fault = |line: usize, message: String| Err(Error::data(format!("{}:{line}", path.display()), message));
        let conflict = |line: &str| ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|mark| line.starts_with(mark));
        if let Some(at) = text.lines().position(conflict) {
            let message = "a conflict of a merge was left here; take either side whole, then run `lockstep accept` for what both \
                           changed";
            return fault(at + 1, message.to_owned());
        }
        let line_at = |error: &toml::de::Error| {
            1 + error.span().map_or(0, |span| text[..span.start].bytes().filter(|byte| *byte == b'\n').count())
        };
        let wrong = |error: &toml::de::Error| {
            let why = error.message().replace('\n', " ");
            fault(
                line_at(error),
                format!("no baseline as `lockstep accept` writes it: {why}; restore it, or accept anew"),
            )
        };
        let table: toml::Table = match toml::from_str(&text) {
            Ok(table) => table,
            Err(error) => return wrong(&error),
        };
        match table.get("schema").and_then(toml::Value::as_integer) {
            Some(SCHEMA) => {}
            Some(other) => {
                let message = format!(
                    "the baseline has schema {other}, and this lockstep reads {SCHEMA}; take the lockstep that wrote it, or move it \
                     away and accept anew"
                );
                return fault(1, message);
            }
            None => {
                return fault(
                    1,
                    "no baseline: it does not say its `schema`; --baseline FILE names another file".to_owned(),
                );
            }
        }
        let Content { experiments, .. } = match toml::from_str(&text) {
            Ok(content) => content,
            Err(error) => return wrong(&error),
        };
        let baseline = Self { path: path.to_owned(), experiments, text };
        match baseline.experiments.iter().find(|(_, entry)| !is_possible(entry)) {
            Some((name, _)) => {
                let message =
                    format!("a gap, its noise or a power of {name} is no positive number; restore it, or accept anew");
                fault(baseline.line_of(name), message)
            }
            None => Ok(baseline),
        }
    }

    /// The folder that paths are relative to.
    pub fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        }
    }

    /// The line at which an experiment's entry begins.
    pub fn line_of(&self, name: &str) -> usize {
        let head = head(name);
        1 + self.text.lines().position(|line| line == head).unwrap_or(0)
    }

    /// Makes this process the only one that changes the file, for as long as what is returned lives.
    ///
    /// # Errors
    /// If another process changes it, or its folder is not there.
    pub fn lock(&self) -> Result<File> {
        let failed = |error| Error::io(&self.path, "cannot write the baseline", error);
        let folder = File::open(self.folder()).map_err(failed)?;
        match folder.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => {
                let why = "another lockstep writes into that folder; wait for it to end";
                Err(failed(io::Error::new(ErrorKind::ResourceBusy, why)))
            }
            // A file system without locks is no reason not to write.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(folder),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self) -> Result<()> {
        file::whole(&self.path, self.render().as_bytes())
    }

    /// As it is written: sorted, and the same for the same entries.
    fn render(&self) -> String {
        let mut text = format!("{HEAD}schema = {SCHEMA}\n");
        for (name, entry) in &self.experiments {
            text.push('\n');
            text.push_str(&rendered(name, entry));
        }
        text
    }
}

/// Whether all numbers can be what they stand for.
fn is_possible(entry: &Entry) -> bool {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let mut figures = entry.gaps.values().flat_map(BTreeMap::values);
    entry.power.values().all(|power| positive(*power))
        && figures.all(|figure| (figure.gap == 0.0 || positive(figure.gap)) && positive(figure.noise))
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn head(name: &str) -> String {
    format!("[experiments.{}]", quoted(name))
}

/// An entry as it is written.
pub(super) fn rendered(name: &str, entry: &Entry) -> String {
    let mut text = head(name) + "\n";
    let mut put = |key: &str, value: String| text.push_str(&format!("{key:<10} = {value}\n"));
    put("definition", quoted(&entry.definition));
    put("outcome", quoted(&entry.outcome.to_string()));
    entry.first.iter().for_each(|first| put("first", first_of(first)));
    if !entry.causes.is_empty() {
        put("causes", list(entry.causes.iter().map(cause)));
    }
    if !entry.places.is_empty() {
        put("places", list(entry.places.iter().map(|place| quoted(place))));
    }
    put("parameters", list(entry.parameters.iter().map(|parameter| quoted(parameter))));
    put("judged", list(entry.judged.iter().map(|phase| quoted(phase.name()))));
    if !entry.power.is_empty() {
        let powers: Vec<String> =
            entry.power.iter().map(|(phase, edge)| format!("{} = {edge:e}", phase.name())).collect();
        put("power", format!("{{ {} }}", powers.join(", ")));
    }
    for (environment, figures) in &entry.gaps {
        text.push_str(&format!("[experiments.{}.gaps.{}]\n", quoted(name), quoted(environment)));
        text.extend(figures.iter().map(|(phase, figure)| figure_of(*phase, *figure)));
    }
    text
}

fn first_of(first: &First) -> String {
    let pattern = first.pattern.and_then(|pattern| serde_json::to_value(pattern).ok());
    let pattern = pattern.as_ref().and_then(serde_json::Value::as_str);
    let pattern = pattern.map_or(String::new(), |pattern| format!(", pattern = {}", quoted(pattern)));
    let (phase, tensor) = (quoted(first.phase.name()), quoted(&first.tensor));
    format!("{{ phase = {phase}, step = {}, tensor = {tensor}{pattern} }}", first.step)
}

fn cause(named: &NamedCause) -> String {
    let edits: Vec<String> = named.edits.iter().map(|edit| quoted(edit)).collect();
    let edits = if edits.is_empty() { String::new() } else { format!(", edits = [{}]", edits.join(", ")) };
    let proved = if named.proved { ", proved = true" } else { "" };
    format!("{{ cause = {}{edits}{proved} }}", quoted(&named.cause))
}

fn figure_of(phase: Phase, figure: Figure) -> String {
    let Figure { gap, noise } = figure;
    format!("{:<10} = {{ gap = {gap:e}, noise = {noise:e} }}\n", phase.name())
}

/// On one line where that is short, else on as few as hold it.
fn list(items: impl Iterator<Item = String>) -> String {
    const LONGEST: usize = 100;
    let mut lines = vec![String::new()];
    for item in items {
        let room = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if room == 0 => *line = item,
            Some(line) if room + 2 + item.chars().count() <= LONGEST => line.push_str(&format!(", {item}")),
            Some(_) | None => lines.push(item),
        }
    }
    if lines.len() == 1 { format!("[{}]", lines[0]) } else { format!("[\n  {},\n]", lines.join(",\n  ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::verdict::{Outcome, Pattern};

    fn entry() -> Entry {
        Entry {
            definition: "5f1c0c9e2f3a4b5c".to_owned(),
            outcome: Outcome::Mismatch,
            first: Some(First {
                phase: Phase::Update,
                step: 3,
                tensor: "2.bias".to_owned(),
                pattern: Some(Pattern::Times),
            }),
            causes: vec![NamedCause {
                cause: "other-eps".to_owned(),
                edits: vec!["reference.training.faults=[\"it's\"]".to_owned()],
                proved: true,
            }],
            places: (0..12).map(|number| format!("start/{number}.weight")).collect(),
            parameters: vec!["0.weight 5×2".to_owned()],
            judged: vec![Phase::Forward, Phase::Update],
            power: [(Phase::Update, 5e-7), (Phase::Forward, 0.1)].into(),
            gaps: [
                ("AMD".to_owned(), [(Phase::Update, Figure { gap: 0.77, noise: 8.3e-8 })].into()),
                ("Intel".to_owned(), [(Phase::Update, Figure { gap: 0.0, noise: 1e-15 })].into()),
            ]
            .into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_written_again_to_the_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut baseline = Baseline::empty(&path);
        baseline.experiments = [("a \"b\".toml".to_owned(), entry()), ("x/y.toml".to_owned(), entry())].into();
        baseline.write().unwrap();
        let read = Baseline::read(&path).unwrap();
        assert_eq!(read.experiments, baseline.experiments);
        assert_eq!(read.render(), baseline.render());
        assert_eq!(read.text, baseline.render());
        assert!(read.line_of("x/y.toml") > read.line_of("a \"b\".toml"));
    }
}
