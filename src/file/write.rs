//! Files that are written: none has its name before it is whole.

use crate::error::{Error, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

/// How the name of a file ends that is not whole yet.
pub(crate) const PART: &str = ".lockstep-part";

/// Writes beside `path` and renames, so that `path` never holds half a file; a link that stands there is replaced, not
/// followed.
///
/// # Errors
/// If it cannot be written; nothing is left behind.
pub(crate) fn whole(path: &Path, bytes: &[u8]) -> Result<()> {
    whole_by(path, |file| file.write_all(bytes))
}

/// Whether a file can be written at `path`, before there is anything to write.
///
/// # Errors
/// As [`whole`]; nothing is left behind.
#[cfg(feature = "program")]
pub(crate) fn can_be(path: &Path) -> Result<()> {
    let failed = |source| Error::io(path, "cannot write; the folder must exist, be writable and have space", source);
    if path.is_dir() {
        return Err(failed(io::Error::new(ErrorKind::IsADirectory, "it is a folder")));
    }
    let (_, part) = part(path).map_err(failed)?;
    fs::remove_file(&part).map_err(failed)
}

/// As [`whole`], of what `write` writes.
///
/// # Errors
/// As [`whole`].
fn whole_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let failed = |source| Error::io(path, "cannot write; the folder must exist, be writable and have space", source);
    let (mut file, part) = part(path).map_err(failed)?;
    let written = write(&mut file).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        failed(error)
    })
}

/// A new file beside `path`, with a name that no other has.
fn part(path: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    loop {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}-{}{PART}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let part = path.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Ok(file) => return Ok((file, part)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [own, link] = ["own", "link"].map(|name| folder.path().join(name));
        fs::write(&own, "kept").unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        whole(&link, b"new").unwrap();
        assert_eq!((fs::read(&own).unwrap(), fs::read(&link).unwrap()), (b"kept".to_vec(), b"new".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_earlier_file_and_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        whole(&path, b"earlier").unwrap();
        let full = |file: &mut File| file.write_all(b"half").and(Err(io::Error::from(ErrorKind::StorageFull)));
        let error = whole_by(&path, full).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
