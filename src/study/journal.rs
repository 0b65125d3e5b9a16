//! What an interrupted study has done already, so that it goes on from there.
//!
//! One line of JSON for each part that is done, written when it is. Numbers are read back as they were written, so that a
//! study that was interrupted ends as one that was not. A journal of another program, or of other data, is not gone on
//! with.

use crate::{
    environment::program,
    error::{Error, Result},
    report::{json_line, write_whole},
    store,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The name of the file.
pub const FILE: &str = "unfinished.jsonl";

/// The parts that are done.
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Nothing where there is nowhere to write.
    file: Option<File>,
    done: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Line<V> {
    part: String,
    found: V,
}

/// The part that says which program wrote the journal, and on which data.
const PROGRAM: &str = "program";

impl Journal {
    /// The journal of a folder, which exists: gone on with where this program wrote it, else begun.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let failed = |error| Error::io(&path, "cannot be read; delete it to begin anew", error);
        let written = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            // A line that was cut within a character ends a journal as one that was cut between two does.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                String::from_utf8_lossy(&fs::read(&path).map_err(failed)?).into_owned()
            }
            read => read.map_err(failed)?,
        };
        let lines = written.lines().map_while(|line| serde_json::from_str::<Line<serde_json::Value>>(line).ok());
        let mut done: BTreeMap<_, _> = lines.map(|line| (line.part, line.found)).collect();
        let begun_by = serde_json::json!([program(), store::present().unwrap_or_default()]);
        if done.remove(PROGRAM).as_ref() != Some(&begun_by) {
            done.clear();
        }
        // Written anew, without what was cut.
        let mut whole = json_line(&Line { part: PROGRAM.to_owned(), found: begun_by })?;
        for (part, found) in &done {
            whole += &json_line(&Line { part: part.clone(), found })?;
        }
        write_whole(&path, whole.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|error| unwritten(&path, error))?;
        Ok(Self { path, inner: Mutex::new(Inner { file: Some(file), done }) })
    }

    /// A journal that is kept nowhere.
    #[cfg(test)]
    pub fn nowhere() -> Self {
        Self { path: PathBuf::new(), inner: Mutex::new(Inner { file: None, done: BTreeMap::new() }) }
    }

    /// What an interrupted run found for a part.
    pub fn recall<V: DeserializeOwned>(&self, part: &str) -> Option<V> {
        let found = self.lock().done.get(part).cloned()?;
        serde_json::from_value(found).ok()
    }

    /// Lets a part be done again.
    pub fn forget(&self, part: &str) {
        self.lock().done.remove(part);
    }

    /// Keeps what was found for a part.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep<V: Serialize>(&self, part: &str, found: &V) -> Result<()> {
        let mut inner = self.lock();
        let Some(file) = &mut inner.file else { return Ok(()) };
        let line = json_line(&Line { part: part.to_owned(), found })?;
        file.write_all(line.as_bytes()).map_err(|error| unwritten(&self.path, error))
    }

    /// Whether anything was found before.
    pub fn is_begun(&self) -> bool {
        !self.lock().done.is_empty()
    }

    /// Ends it: there is nothing left to go on with.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn close(self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unwritten(&self.path, error)),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritten(path: &Path, error: std::io::Error) -> Error {
    Error::io(path, "cannot write to the output folder; choose another with --out", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_recalled_to_the_bit_and_a_cut_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let values = vec![0.1 + 0.2, f64::MIN_POSITIVE, -1e300];
        let journal = Journal::open(folder.path()).unwrap();
        assert!(!journal.is_begun());
        journal.keep("values", &values).unwrap();
        journal.keep("word", &"ü").unwrap();
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for cut in [whole.len(), whole.len() - 1, whole.len() - 4] {
            fs::write(&path, &whole[..cut]).unwrap();
            let journal = Journal::open(folder.path()).unwrap();
            assert_eq!(journal.recall::<Vec<f64>>("values").unwrap(), values);
            assert_eq!(journal.recall::<String>("word").is_some(), cut + 1 >= whole.len());
            assert_eq!(journal.recall::<f64>("values"), None, "of another type");
        }
        fs::write(&path, String::from_utf8(whole).unwrap().replace(" bytes", " bits")).unwrap();
        assert!(!Journal::open(folder.path()).unwrap().is_begun(), "another program's");
        Journal::open(folder.path()).unwrap().close().unwrap();
        assert!(!path.exists());
    }
}
