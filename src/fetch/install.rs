//! One file of a set, made from what was downloaded: taken out of its archive, converted, checked, and only then given
//! its name.

use super::{
    checksum::{self, Basis, State, Sums},
    unwritten,
};
use crate::{
    error::{Error, Result},
    store::{Convert, Entry, MOST_BYTES, NEW, SUMS_FILE, fault, refuse_no_file},
};
use std::{
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read, Write},
    path::Path,
};
use zip::{ZipArchive, result::ZipError};

/// 256 MiB: what is converted is held whole, twice.
const MOST_CONVERTED: u64 = 1 << 28;

/// Makes `entry` from `source`, which is what its download gave; says what its checksum was held to.
pub(super) fn install(source: &Path, entry: &Entry<'_>, folder: &Path, sums: &mut Sums) -> Result<Basis> {
    let path = entry.path(folder);
    let new = path.with_file_name(format!("{}{NEW}", entry.file.path.0));
    refuse_no_file(&new)?;
    let outcome = make(source, entry, &new).and_then(|()| {
        let basis = check(&new, &path, entry, sums)?;
        fs::rename(&new, &path).map_err(|error| unwritten(&path, error))?;
        Ok(basis)
    });
    if outcome.is_err() {
        // Its own error would hide the first one.
        let _ = fs::remove_file(&new);
    }
    outcome
}

#[allow(clippy::wildcard_enum_match_arm)] // The archive's other errors say enough.
fn make(source: &Path, entry: &Entry<'_>, new: &Path) -> Result<()> {
    let unread = |error| Error::io(source, "cannot be read", error);
    let file = BufReader::new(File::open(source).map_err(unread)?);
    let convert = entry.file.convert;
    let Some(member) = &entry.file.member else {
        // A copy is as long as what is there.
        let most = if convert.is_some() { MOST_CONVERTED } else { u64::MAX };
        return write(file, most, convert, new, unread);
    };
    let wrong = |what: String| fault(source, "not the archive that was expected", ErrorKind::InvalidData, what);
    let unopened = |error: ZipError| match error {
        ZipError::Io(error) => unread(error),
        ZipError::FileNotFound => wrong(format!("there is no `{member}` in it")),
        other => wrong(other.to_string()),
    };
    let mut archive = ZipArchive::new(file).map_err(unopened)?;
    let member = archive.by_name(member).map_err(unopened)?;
    let most = most(entry, member.size());
    // What is read is unpacked on the way and has a checksum at its end.
    write(member, most, convert, new, |error| wrong(error.to_string()))
}

/// The bytes that a member of an archive has at most, of which the archive says that it has so many.
fn most(entry: &Entry<'_>, said: u64) -> u64 {
    let kept = match (entry.file.bytes, entry.file.convert) {
        (Some(bytes), None) => bytes,
        // Its length is that of what is made of it.
        (_, Some(_)) => MOST_CONVERTED,
        (None, None) => MOST_BYTES,
    };
    kept.min(said)
}

/// Writes what `from` gives, at most so many bytes, converted, all the way to the disk.
fn write(
    from: impl Read,
    most: u64,
    convert: Option<Convert>,
    new: &Path,
    unread: impl Fn(io::Error) -> Error,
) -> Result<()> {
    let unwritten = |error| unwritten(new, error);
    let too_long = || unread(io::Error::new(ErrorKind::InvalidData, format!("it unpacks to more than {most} bytes")));
    let mut from = from.take(most.saturating_add(1));
    let mut to = File::create(new).map_err(unwritten)?;
    if let Some(convert) = convert {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(&unread)?;
        if bytes.len() as u64 > most {
            return Err(too_long());
        }
        to.write_all(&converted(&bytes, convert)).map_err(unwritten)?;
    } else {
        // Not `io::copy`, which does not say which side failed.
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = from.read(&mut buffer).map_err(&unread)?;
            if from.limit() == 0 {
                return Err(too_long());
            }
            if count == 0 {
                break;
            }
            to.write_all(&buffer[..count]).map_err(unwritten)?;
        }
    }
    to.sync_all().map_err(unwritten)
}

fn converted(bytes: &[u8], convert: Convert) -> Vec<u8> {
    match convert {
        // Latin-1's 256 characters are Unicode's first ones.
        Convert::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes(),
        Convert::Trim => bytes.trim_ascii_end().to_vec(),
        Convert::ClassLast => {
            let mut text = Vec::with_capacity(bytes.len());
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                let end = line.trim_ascii_end().len();
                let (row, tail) = line.split_at(end);
                match row.iter().position(|&byte| byte == b',') {
                    Some(comma) => text.extend([&row[comma + 1..], b",", &row[..comma], tail].concat()),
                    None => text.extend(line),
                }
            }
            text
        }
    }
}

/// Checks a file that is about to get its name, and records a checksum that was seen for the first time.
fn check(new: &Path, path: &Path, entry: &Entry<'_>, sums: &mut Sums) -> Result<Basis> {
    let wrong = |action: String, what: String| Err(fault(path, action, ErrorKind::InvalidData, what));
    match checksum::state(new, entry, sums)? {
        State::Right(basis) => Ok(basis),
        State::Unknown => {
            sums.record(entry.name(), checksum::sha256(new, false)?)?;
            let archive = entry.download.is_some_and(|download| download.sha256.is_some());
            Ok(if archive { Basis::Archive } else { Basis::First })
        }
        State::Missing => wrong("was taken away while it was checked".to_owned(), "fetch again".to_owned()),
        State::Wrong { expected, found } => {
            let published = entry.file.sha256.is_some() || entry.file.content_sha256.is_some();
            let than =
                if published { "the published one".to_owned() } else { format!("the first fetched, in {SUMS_FILE}") };
            wrong(
                format!("not installed: another file than {than}"),
                format!("expected SHA-256 {expected}, found {found}"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_unpacked_than_there_should_be_and_a_full_disk_is_said_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("x.new");
        let write = |most, convert, new: &Path| {
            write(io::repeat(b'x').take(2000), most, convert, new, |error| {
                fault(new, "wrong", error.kind(), error.to_string())
            })
        };
        for convert in [None, Some(Convert::Trim)] {
            write(2000, convert, &new).unwrap();
            let error = write(1999, convert, &new).unwrap_err().to_string();
            assert!(error.ends_with("wrong: it unpacks to more than 1999 bytes"), "{error}");
        }
        if cfg!(target_os = "linux") {
            let error = write(2000, None, Path::new("/dev/full")).unwrap_err().to_string();
            assert!(error.contains("make room, or set LOCKSTEP_DATA"), "{error}");
        }
    }

    #[test]
    fn conversions_give_the_files_that_the_sets_have() {
        assert_eq!(converted(b"sister\xf0city\n", Convert::Latin1), "sisterðcity\n".as_bytes());
        assert_eq!(converted(b"1,2\n3,4\n\n", Convert::Trim), b"1,2\n3,4");
        assert_eq!(converted(b"1,14.23,.28\r\n3,9.2,5\n\n2,7", Convert::ClassLast), b"14.23,.28,1\r\n9.2,5,3\n\n7,2");
    }
}
