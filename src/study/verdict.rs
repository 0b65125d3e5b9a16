//! A study's verdict.json.

use crate::{
    error::{Error, Result},
    judge::verdict::{SCHEMA, Verdict},
    store,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::ErrorKind};

/// What a study found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyVerdict {
    /// The version of the layout.
    pub schema: u32,
    /// The study's name.
    pub study: String,
    /// What was not run for want of data, and how to get them, in sentences.
    pub missing: Vec<String>,
    /// What the document says, and what we found.
    pub claims: Vec<Claim>,
    /// What must hold for the study to have worked.
    pub expectations: Vec<Expectation>,
    /// The runs, by name.
    pub experiments: BTreeMap<String, Verdict>,
}

/// One claim of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// A short name.
    pub id: String,
    /// What is printed.
    pub printed: String,
    /// What we found.
    pub ours: String,
    /// Whether they agree; `null` where it cannot be told.
    pub agrees: Option<bool>,
    /// Whether what we found was read off a clock, and so varies from run to run.
    pub measured: bool,
}

/// What must hold for a study to have worked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is expected.
    pub what: String,
    /// Whether it held.
    pub held: bool,
}

impl StudyVerdict {
    /// A verdict with nothing in it yet.
    pub fn new(study: &str) -> Self {
        Self {
            schema: SCHEMA,
            study: study.to_owned(),
            missing: Vec::new(),
            claims: Vec::new(),
            expectations: Vec::new(),
            experiments: BTreeMap::new(),
        }
    }

    /// The exit code: 1 when an expectation failed, 3 when data are missing, else 0; mismatches are what studies look for.
    pub fn exit_code(&self) -> u8 {
        match (self.expectations.iter().all(|expectation| expectation.held), self.missing.is_empty()) {
            (false, _) => 1,
            (true, false) => 3,
            (true, true) => 0,
        }
    }

    /// Whether the data of a part of the study are there; where they are not, what is missing and how to get it is
    /// noted. Files are named as in `sst2/train.tsv`.
    ///
    /// # Errors
    /// If they cannot be looked at.
    pub fn has(&mut self, part: &str, files: &[&str]) -> Result<bool> {
        let mut there = true;
        for file in files {
            match store::locate(file) {
                Ok(_) => {}
                Err(Error::Io { action, source, .. }) if source.kind() == ErrorKind::NotFound => {
                    // Without its path, so that the report is the same on every machine.
                    let what = format!("{file} is not there; {action}");
                    // What an earlier part lacked, too, is told once.
                    if !self.missing.iter().any(|told| told.ends_with(&what)) {
                        self.missing.push(format!("{part}: {what}"));
                    }
                    there = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(there)
    }

    /// States what must hold.
    pub fn expect(&mut self, what: impl Into<String>, held: bool) {
        self.expectations.push(Expectation { what: what.into(), held });
    }

    /// Answers a claim.
    pub fn claim(&mut self, id: &str, printed: &str, ours: impl Into<String>, agrees: Option<bool>) {
        let (id, printed) = (id.to_owned(), printed.to_owned());
        self.claims.push(Claim { id, printed, ours: ours.into(), agrees, measured: false });
    }

    /// Answers a claim on time by a clock.
    pub fn claim_measured(&mut self, id: &str, printed: &str, ours: impl Into<String>, agrees: Option<bool>) {
        self.claim(id, printed, ours, agrees);
        if let Some(claim) = self.claims.last_mut() {
            claim.measured = true;
        }
    }
}
