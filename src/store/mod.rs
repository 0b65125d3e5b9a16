//! Where data lie: the data folder, and the table of the sets that may be in it.
//!
//! How they come there is `fetch`'s matter, what is in the files `data`'s.

mod sets;

use crate::error::{Error, Result};
pub use sets::{Convert, Download, Entry, File, NEW, Name, PART, SUMS_FILE, Set, Sets, Sha256, USER_FILE, Url};
use std::{
    env, fs,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
    time::UNIX_EPOCH,
};

/// 4 GiB: what is longer could not be read, so that nothing longer is fetched or unpacked unless the set says how long it
/// is.
pub const MOST_BYTES: u64 = crate::file::MOST_BYTES;

/// The variable that names the data folder.
pub const FOLDER: &str = "LOCKSTEP_DATA";

/// The data folder, whether or not it is there: `LOCKSTEP_DATA`, else `lockstep/data` in the platform's cache.
///
/// # Errors
/// Neither `LOCKSTEP_DATA` nor a home folder is set.
pub fn folder() -> Result<PathBuf> {
    match env::var_os(FOLDER) {
        Some(folder) if !folder.is_empty() => Ok(folder.into()),
        _ => dirs::cache_dir()
            .map(|cache| cache.join("lockstep").join("data"))
            .ok_or_else(|| Error::Usage(format!("there is no home folder to keep data in: set {FOLDER} to a folder"))),
    }
}

/// The path of a file of a data set, named as in `sst2/train.tsv`; the file is there.
///
/// # Errors
/// It is not there: [`Error::Io`] of kind [`ErrorKind::NotFound`], whose text has the path and what to do. No set has
/// such a file. It cannot be looked at. The name leads out of the data folder.
pub fn locate(name: &str) -> Result<PathBuf> {
    locate_in(&folder()?, name)
}

/// Whether a file of a data set, named as in `sst2/train.tsv`, is there.
///
/// # Errors
/// As [`locate`], but for its not being there.
pub fn is_there(name: &str) -> Result<bool> {
    match locate(name) {
        Ok(_) => Ok(true),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The files in the folders of the data folder, each with its size and the time of its last change: what tells one
/// state of the data from another. Nothing where there is no such folder.
///
/// # Errors
/// If a folder that is there cannot be listed.
pub fn present() -> Result<Vec<String>> {
    let mut files = Vec::new();
    let folder = folder()?;
    for set in listed(&folder)? {
        for file in listed(&set)? {
            let Some(found) = fs::metadata(&file).ok().filter(fs::Metadata::is_file) else { continue };
            let changed = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            files.push(format!("{} {} {}", file.display(), found.len(), changed.map_or(0, |time| time.as_nanos())));
        }
    }
    files.sort();
    Ok(files)
}

/// What is in a folder; nothing where it is none.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(Error::io(folder, "cannot be listed", error)),
    }
}

fn locate_in(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        let what = format!("`{name}` leads out of the data folder; write SET/FILE, as in data:sst2/train.tsv");
        return Err(fault(&path, "is not read", ErrorKind::InvalidInput, what));
    }
    match fs::metadata(&path) {
        Ok(found) if found.is_file() => return Ok(path),
        Ok(_) => return Err(fault(&path, "cannot be read", ErrorKind::IsADirectory, "expected a file")),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(error) => return Err(Error::io(&path, "cannot be looked at", error)),
    }
    let sets = Sets::load(folder)?;
    let entry = sets.find(name)?;
    let action = match entry.download {
        Some(_) => format!("get it with `lockstep data fetch {}`", entry.set.name.0),
        None => format!("put it there by hand, no download is known ({})", entry.file.format.as_deref().unwrap_or("?")),
    };
    Err(fault(&path, action, ErrorKind::NotFound, "the file is not there"))
}

/// An error at `path` in our own words: what to do, and what is wrong.
pub(crate) fn fault(path: &Path, action: impl Into<String>, kind: ErrorKind, what: impl Into<String>) -> Error {
    Error::io(path, action, io::Error::new(kind, what.into()))
}

/// Refuses what is there and is no file: a pipe would be waited for, and a device has no end.
pub(crate) fn refuse_no_file(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = if found.is_dir() { "a folder" } else { "a pipe or a device" };
            let what = format!("expected a file, found {what}");
            Err(fault(path, "move it away and try again", ErrorKind::InvalidInput, what))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_with_its_path_and_what_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = locate_in(folder.path(), "sst2/train.tsv").unwrap_err();
        assert!(matches!(&error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound));
        let path = folder.path().join("sst2/train.tsv");
        let text = error.to_string();
        assert!(text.starts_with(&path.display().to_string()) && text.contains("`lockstep data fetch sst2`"), "{text}");
        let by_hand = locate_in(folder.path(), "odiya/odiya.ppmi-svd.300d.vec.gz").unwrap_err().to_string();
        assert!(by_hand.contains("by hand") && by_hand.contains("word2vec text"), "{by_hand}");
        let unknown = locate_in(folder.path(), "sst2/tran.tsv").unwrap_err().to_string();
        assert!(unknown.contains("did you mean `sst2/train.tsv`?"), "{unknown}");
        fs::create_dir_all(&path).unwrap();
        assert!(locate_in(folder.path(), "sst2/train.tsv").unwrap_err().to_string().contains("expected a file"));
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "sentence\tlabel\n").unwrap();
        assert_eq!(locate_in(folder.path(), "sst2/train.tsv").unwrap(), path);
        assert!(locate_in(folder.path(), "./sst2/train.tsv").is_ok());
    }

    #[test]
    fn no_name_leads_out_of_the_data_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("data");
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(outer.path().join("secret"), "x").unwrap();
        for name in ["../secret", "a/../../secret", "a/../a", &outer.path().join("secret").display().to_string()] {
            let error = locate_in(&folder, name).unwrap_err().to_string();
            let told = format!("`{name}` leads out of the data folder; write SET/FILE, as in data:sst2/train.tsv");
            assert!(error.ends_with(&told), "{error}");
        }
    }
}
