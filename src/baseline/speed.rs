//! How long the candidate's steps took, in a file of their own: times hold for one processor, change with every run, and gate
//! nothing unless that is asked for.
//!
//! What is compared is the candidate's step over the reference's in the same run, so that a machine that is busy, or clocked
//! otherwise, slows both: over ten runs in a row on a busy machine of two cores it varied by 1.10, the bare time by 1.38.

use super::{
    compare::{Change, Kind},
    entry::two_digits,
    found::Found,
};
use crate::{
    error::{Error, Result},
    file,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The file's name, beside the baseline's.
pub const SPEED_FILE: &str = "lockstep-speed.toml";

/// The version of the layout.
const SCHEMA: u32 = 1;

/// How many times as long a step may take before that is told: twice what unchanged runs varied by.
const TOLD: f64 = 1.21;

const HEAD: &str = "\
# Median wall times of a step, in µs, by processor: `lockstep accept --speed` writes this file (docs/ci.md).
";

/// Median wall times of a step, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// The candidate's.
    pub candidate: f64,
    /// The reference's, in the same run.
    pub reference: f64,
}

/// The paces that were accepted, by processor and experiment.
#[derive(Debug, Clone)]
pub struct Speeds {
    path: PathBuf,
    processors: BTreeMap<String, BTreeMap<String, Pace>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema: u32,
    #[serde(default)]
    processors: BTreeMap<String, BTreeMap<String, Pace>>,
}

impl Pace {
    /// Of what was found, where both sides were timed.
    fn of(found: &Found) -> Option<Self> {
        let speed = found.verdict.measured.speed.as_ref()?;
        let pace = Self { candidate: two_digits(speed.candidate_us), reference: two_digits(speed.reference_us) };
        pace.is_possible().then_some(pace)
    }

    fn is_possible(self) -> bool {
        [self.candidate, self.reference].iter().all(|time| time.is_finite() && *time > 0.0)
    }

    /// The candidate's step in steps of the reference.
    fn relative(self) -> f64 {
        self.candidate / self.reference
    }
}

impl Speeds {
    /// Reads the file beside a baseline; empty where there is none.
    ///
    /// # Errors
    /// If it cannot be read, or something in it is not as `accept --speed` writes it.
    pub fn beside(baseline: &Path) -> Result<Self> {
        let path = baseline.with_file_name(SPEED_FILE);
        let action = "cannot read the times that were accepted";
        if !path.try_exists().map_err(|error| Error::io(&path, action, error))? {
            return Ok(Self { path, processors: BTreeMap::new() });
        }
        let bytes = file::typed(&path, action)?;
        let text = String::from_utf8_lossy(&bytes);
        let wrong = |why: String| {
            let message =
                format!("no times as `lockstep accept --speed` writes them: {why}; restore it, or accept anew");
            Error::data(path.display().to_string(), message)
        };
        let content: Content = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        if content.schema != SCHEMA {
            return Err(wrong(format!("it has schema {}, and this lockstep reads {SCHEMA}", content.schema)));
        }
        match content.processors.values().flatten().find(|(_, pace)| !pace.is_possible()) {
            Some((name, _)) => Err(wrong(format!("a time of {name} is no positive number"))),
            None => Ok(Self { processors: content.processors, path: path.clone() }),
        }
    }

    /// What is to be said of an experiment's speed; `gate` is how many times as long a step may take.
    pub fn against(&self, name: &str, found: &Found, gate: Option<f64>) -> Option<Change> {
        let now = Pace::of(found)?;
        let Some(was) = self.processors.get(processor(found)).and_then(|paces| paces.get(name)) else {
            let words = "no time of it was accepted, so that its speed is held against nothing".to_owned();
            return gate.map(|_| Change { kind: Kind::Note, words, origin: found.origin.clone() });
        };
        let slower = now.relative() / was.relative();
        let most = gate.unwrap_or(TOLD);
        let kind = match gate {
            Some(most) if slower > most => Kind::Regression,
            Some(_) | None => Kind::Note,
        };
        let told = slower > most || slower.recip() > TOLD;
        let [one, other] =
            [now, *was].map(|pace| format!("{} µs beside the reference's {}", pace.candidate, pace.reference));
        let words = format!("a step takes {slower:.2} times as long as it did: {one} now, {other} then");
        told.then(|| Change { kind, words, origin: found.origin.clone() })
    }

    /// Refuses to gate by times of other processors.
    ///
    /// # Errors
    /// If nothing was accepted on the processor of what was found.
    pub fn may_gate(&self, found: &Found) -> Result<()> {
        let processor = processor(found);
        if self.processors.contains_key(processor) {
            return Ok(());
        }
        let others: Vec<&str> = self.processors.keys().map(String::as_str).collect();
        let has =
            if others.is_empty() { "no times".to_owned() } else { format!("times of {} alone", others.join(", ")) };
        Err(Error::Usage(format!(
            "{}: has {has}, and a ratio between different processors says nothing; run `lockstep accept --speed` on this one \
             ({processor}), or leave --gate-speed out",
            self.path.display()
        )))
    }

    /// Takes in how fast an experiment is here.
    pub fn take_in(&mut self, name: &str, found: &Found) {
        if let Some(pace) = Pace::of(found) {
            self.processors.entry(processor(found).to_owned()).or_default().insert(name.to_owned(), pace);
        }
    }

    /// As it is written: sorted.
    pub fn render(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = format!("{HEAD}schema = {SCHEMA}\n");
        for (processor, paces) in &self.processors {
            text.push_str(&format!("\n[processors.{}]\n", quoted(processor)));
            text.extend(paces.iter().map(|(name, Pace { candidate, reference })| {
                format!("{} = {{ candidate = {candidate:?}, reference = {reference:?} }}\n", quoted(name))
            }));
        }
        text
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self) -> Result<()> {
        file::whole(&self.path, self.render().as_bytes())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn processor(found: &Found) -> &str {
    found.verdict.measured.environment.get("processor").map_or("unknown", String::as_str)
}
