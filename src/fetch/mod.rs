//! A data set, brought to the data folder: what is missing, what to download for it, and what to put there by hand.
//!
//! A file that a fetch put under its own name is whole: it was written beside and renamed once its checksum was right.
//! A download that lies in the set's folder under its own name, put there by hand, is taken instead of its address.

mod checksum;
mod download;
mod install;

use crate::{
    error::{Error, Result},
    store::{Download, Entry, FOLDER, PART, Set, Url, fault, refuse_no_file},
};
pub use checksum::{Basis, State, Sums, state};
pub use download::Watcher;
use install::install;
use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

/// The variable whose scheme and host stand in for every source's.
const MIRROR: &str = "LOCKSTEP_DATA_SOURCE";
/// The variable with the seconds after which a download is given up that brought nothing, or next to nothing, in them.
const SILENCE: &str = "LOCKSTEP_DATA_TIMEOUT";
/// These seconds, unless told: ten times what it takes to send a packet a third
/// time after two were lost (RFC 6298: 1 s, then 2 s).
pub const TIMEOUT: u64 = 30;

/// How to download.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The scheme and host that stand in for every source's.
    pub mirror: Option<Url>,
    /// The longest silence, and the longest time in which 64 KiB have to come.
    pub timeout: Duration,
}

impl Settings {
    /// What `LOCKSTEP_DATA_SOURCE` and `LOCKSTEP_DATA_TIMEOUT` say.
    ///
    /// # Errors
    /// A value that is no address, or no number of seconds above 0.
    pub fn from_environment() -> Result<Self> {
        let told =
            |name: &str| env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|v| !v.is_empty());
        let wrong = |name: &str, message: String| Error::Usage(format!("{name}: {message}"));
        let mirror = told(MIRROR).map(Url::try_from).transpose().map_err(|message| wrong(MIRROR, message))?;
        let timeout = match told(SILENCE) {
            None => Duration::from_secs(TIMEOUT),
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| *seconds > 0.0)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .ok_or_else(|| wrong(SILENCE, format!("`{text}` is no number of seconds above 0, like 30")))?,
        };
        Ok(Self { mirror, timeout })
    }
}

/// A file that a fetch put there.
#[derive(Debug)]
pub struct Installed {
    /// Its name, as in `sst2/train.tsv`.
    pub name: String,
    /// What its checksum was held to.
    pub basis: Basis,
}

/// What is to be done for a set.
#[derive(Debug)]
pub struct Plan<'a> {
    set: &'a Set,
    folder: &'a Path,
    sums: Sums,
    /// What is to be downloaded, or was put there by hand, because a file that it gives is missing.
    pub downloads: Vec<&'a Download>,
    /// Missing files that no address gives.
    pub by_hand: Vec<Entry<'a>>,
}

impl<'a> Plan<'a> {
    /// Looks at what is there.
    ///
    /// # Errors
    /// A file that is there is not the one it should be; the data folder cannot be read.
    pub fn new(set: &'a Set, folder: &'a Path) -> Result<Self> {
        let mut plan = Self { set, folder, sums: Sums::load(folder)?, downloads: Vec::new(), by_hand: Vec::new() };
        for entry in set.entries() {
            let path = entry.path(folder);
            match checksum::state(&path, &entry, &plan.sums)? {
                State::Right(_) | State::Unknown => {}
                State::Wrong { expected, found } => {
                    let action = "is there, but is not the file it should be; move it away and fetch again";
                    let what = format!("expected SHA-256 {expected}, found {found}");
                    return Err(fault(&path, action, ErrorKind::InvalidData, what));
                }
                State::Missing => match entry.download {
                    None => plan.by_hand.push(entry),
                    Some(download) if plan.downloads.iter().any(|other| other.url == download.url) => {}
                    Some(download) => plan.downloads.push(download),
                },
            }
        }
        Ok(plan)
    }

    /// Whether running it will ask the network.
    pub fn needs_network(&self) -> bool {
        self.downloads.iter().any(|download| !self.own(download).is_file())
    }

    /// Downloads what is missing, checks it, and gives each file its name.
    ///
    /// # Errors
    /// No connection, silence, a trickle, an answer cut short or of another kind; a wrong length or checksum, after which
    /// nothing of that download is kept; something that is no file in a file's place; a folder that cannot be written.
    /// Files that were made until then stay.
    pub fn run(mut self, settings: &Settings, watcher: &mut dyn Watcher) -> Result<Vec<Installed>> {
        let mut installed = Vec::new();
        let folder = self.folder.join(&self.set.name.0);
        for download in std::mem::take(&mut self.downloads) {
            fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, error))?;
            let own = self.own(download);
            refuse_no_file(&own)?;
            if own.is_file() {
                self.unpack(download, &own, &mut installed)?;
                continue;
            }
            let part = own.with_file_name(format!("{}{PART}", download.url.file_name()));
            let action = format!(
                "cannot be downloaded from {}; or save that address by hand as {} and run `lockstep data fetch {}` \
                 again",
                download.url.as_str(),
                own.display(),
                self.set.name
            );
            let fetched = download::fetch(download, &part, &action, settings, watcher);
            // The file stays open, so that no other process writes into it meanwhile.
            let outcome = fetched.and_then(|_open| self.unpack(download, &part, &mut installed));
            // What is not as it should be would be gone on with for ever.
            let spoilt =
                |error: &Error| matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::InvalidData);
            if outcome.as_ref().map_or_else(spoilt, |()| true) {
                fs::remove_file(&part).map_err(|error| Error::io(&part, "cannot be deleted", error))?;
            }
            outcome?;
        }
        Ok(installed)
    }

    /// Where a download lies that was put there by hand.
    fn own(&self, download: &Download) -> PathBuf {
        self.folder.join(&self.set.name.0).join(download.url.file_name())
    }

    /// Checks what was downloaded and makes the missing ones of its files.
    fn unpack(&mut self, download: &Download, source: &Path, installed: &mut Vec<Installed>) -> Result<()> {
        let found = fs::metadata(source).map_err(|error| Error::io(source, "cannot be read", error))?.len();
        if let Some(expected) = download.bytes.filter(|expected| *expected != found) {
            let action = format!("not used: not what {} gives", download.url.as_str());
            let what = format!("expected {expected} bytes, found {found}");
            return Err(fault(source, action, ErrorKind::InvalidData, what));
        }
        if let Some(expected) = &download.sha256 {
            let found = checksum::sha256(source, false)?;
            if found != expected.0 {
                let action =
                    format!("not used: not what {} gave when its checksum was published", download.url.as_str());
                let what = format!("expected SHA-256 {}, found {found}", expected.0);
                return Err(fault(source, action, ErrorKind::InvalidData, what));
            }
        }
        let wanted = |entry: &Entry<'_>| entry.download.is_some_and(|other| other.url == download.url);
        for entry in self.set.entries().filter(wanted) {
            if checksum::state(&entry.path(self.folder), &entry, &self.sums)? == State::Missing {
                let basis = install(source, &entry, self.folder, &mut self.sums)?;
                installed.push(Installed { name: entry.name(), basis });
            }
        }
        Ok(())
    }
}

/// An error from writing below the data folder, with what mends it.
#[allow(clippy::wildcard_enum_match_arm)] // Nothing of ours mends another error of the system.
fn unwritten(path: &Path, error: io::Error) -> Error {
    let action = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("cannot be written; make room, or set {FOLDER} to a folder on another disk, and fetch again")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("cannot be written; make its folder writable, or set {FOLDER} to another folder")
        }
        _ => "cannot be written".to_owned(),
    };
    Error::io(path, action, error)
}
