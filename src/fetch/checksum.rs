//! Whether a file is the published one, by its SHA-256 (FIPS 180-4).
//!
//! A file without a published checksum is held to the one that was taken when it was first fetched. Those stand in
//! `SHA256SUMS` in the data folder, in the format of `sha256sum`, so that `sha256sum -c` checks them, too.

use super::unwritten;
use crate::{
    error::{Error, Result},
    store::{self, Entry, MOST_BYTES, NEW, SUMS_FILE, fault, refuse_no_file},
};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// What there is of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not there.
    Missing,
    /// There, and what it should be.
    Right(Basis),
    /// There, with another checksum.
    Wrong {
        /// The SHA-256 it should have.
        expected: String,
        /// The SHA-256 it has, or what is wrong with it.
        found: String,
    },
    /// There, and nothing to check it against.
    Unknown,
}

/// What says that a file is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Its published checksum.
    Published,
    /// The published checksum of the archive it was taken out of.
    Archive,
    /// The checksum it had when it was first fetched.
    Recorded,
    /// Nothing: it was fetched for the first time and its checksum recorded.
    First,
}

/// Looks at a file that is, or is to become, `entry`.
///
/// # Errors
/// It is there and is no file, or cannot be read.
pub fn state(path: &Path, entry: &Entry<'_>, sums: &Sums) -> Result<State> {
    let (expected, basis, unpacked) = match (&entry.file.sha256, &entry.file.content_sha256) {
        (Some(sum), _) => (Some(sum.0.as_str()), Basis::Published, false),
        (None, Some(sum)) => (Some(sum.0.as_str()), Basis::Published, true),
        (None, None) => (sums.get(&entry.name()), Basis::Recorded, false),
    };
    if let Err(error) = fs::metadata(path)
        && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
    {
        return Ok(State::Missing);
    }
    refuse_no_file(path)?;
    let Some(expected) = expected else {
        return Ok(State::Unknown);
    };
    let found = sha256(path, unpacked)?;
    Ok(if found == expected { State::Right(basis) } else { State::Wrong { expected: expected.to_owned(), found } })
}

/// What unpacking a gzip file fails with that is none, or not whole.
const DAMAGED: [ErrorKind; 3] = [ErrorKind::InvalidInput, ErrorKind::InvalidData, ErrorKind::UnexpectedEof];

/// The SHA-256 of a file, or of what it unpacks to; a damaged gzip file has words in its place.
pub(super) fn sha256(path: &Path, unpacked: bool) -> Result<String> {
    let unread = |error| Error::io(path, "cannot be read", error);
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(unread)?);
    let mut hasher = Sha256::new();
    if unpacked {
        match io::copy(&mut MultiGzDecoder::new(file).take(MOST_BYTES + 1), &mut hasher) {
            Ok(bytes) if bytes > MOST_BYTES => return Ok(format!("more than {MOST_BYTES} bytes, unpacked")),
            Err(error) if DAMAGED.contains(&error.kind()) => return Ok("no whole gzip file".to_owned()),
            result => result.map_err(unread)?,
        };
    } else {
        io::copy(&mut file, &mut hasher).map_err(unread)?;
    }
    Ok(hasher.finalize().iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    }))
}

/// The checksums in the data folder's `SHA256SUMS`.
#[derive(Debug)]
pub struct Sums {
    path: PathBuf,
    /// SHA-256 by the file's name, as in `sst2/train.tsv`.
    sums: BTreeMap<String, String>,
}

impl Sums {
    /// Reads them; there are none where the file is not.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is not `SHA-256`, two spaces, name.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(SUMS_FILE);
        refuse_no_file(&path)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => String::new(),
            Err(error) => return Err(Error::io(&path, "cannot be read", error)),
        };
        let mut sums = BTreeMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            // `sha256sum` marks a file that it read as binary with a star.
            let parts = line.split_once("  ").or_else(|| line.split_once(" *"));
            let Some((sum, name)) = parts.filter(|(sum, _)| store::Sha256::try_from((*sum).to_owned()).is_ok()) else {
                let action = format!("line {}: mend or delete it", index + 1);
                return Err(fault(&path, action, ErrorKind::InvalidData, "expected a SHA-256, two spaces and a name"));
            };
            sums.insert(name.to_owned(), sum.to_ascii_lowercase());
        }
        Ok(Self { path, sums })
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.sums.get(name).map(String::as_str)
    }

    /// Adds a checksum and writes them all.
    pub(super) fn record(&mut self, name: String, sum: String) -> Result<()> {
        self.sums.insert(name, sum);
        let text: String = self.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        let new = self.path.with_file_name(format!("{SUMS_FILE}{NEW}"));
        fs::write(&new, text).map_err(|error| unwritten(&new, error))?;
        fs::rename(&new, &self.path).map_err(|error| unwritten(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard_and_survive_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let sum = sha256(&path, false).unwrap();
        // FIPS 180-4's example, https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
        assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(&path, true).unwrap(), "no whole gzip file");
        let mut sums = Sums::load(folder.path()).unwrap();
        sums.record("a/b c".to_owned(), sum.clone()).unwrap();
        assert_eq!(Sums::load(folder.path()).unwrap().get("a/b c"), Some(sum.as_str()));
        fs::write(folder.path().join(SUMS_FILE), format!("{sum}  x\n\n{sum}\n")).unwrap();
        let error = Sums::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("line 3: mend or delete it"), "{error}");
    }
}
