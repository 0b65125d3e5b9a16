//! Files: those that are read, what is refused before anything is made of their bytes, NumPy's and safetensors' arrays; and
//! those that are written, which have no name before they are whole.
//!
//! What is no file (a folder, a pipe, a device) is refused, and bytes are bounded by what fits the machine, before and after
//! they are unpacked. Nothing is reserved on the word of a header alone.

mod npy;
mod tensors;
pub(crate) mod write;

pub(crate) use npy::{Archive, Element, Header, read as npy, rows_first};
pub(crate) use tensors::read as safetensors;
pub(crate) use write::whole;

use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::Path,
};

/// 4 GiB: what is larger does not fit beside the numbers that are made of it.
pub(crate) const MOST_BYTES: u64 = 1 << 32;

/// Bytes are held beside the numbers made of them, in f32 and f64 at times: a byte of a picture becomes 13.
const SHARE: u64 = 14;

/// What is read whole of files that people type: 16 MiB.
const MOST_TYPED: u64 = 1 << 24;

/// Numbers in the type that they come in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    F64(Vec<f64>),
    F32(Vec<f32>),
    /// Bytes over a divisor.
    Bytes(Vec<u8>, f64),
}

/// An array as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    /// The file, or the name in an archive.
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Raw, // [shape], row-major
    /// Whether its type is one of whole numbers.
    pub whole: bool,
}

impl Raw {
    pub fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::Bytes(values, _) => values.len(),
        }
    }

    pub fn at(&self, place: usize) -> f64 {
        match self {
            Self::F64(values) => values[place],
            Self::F32(values) => f64::from(values[place]),
            Self::Bytes(values, divisor) => f64::from(values[place]) / divisor,
        }
    }

    /// Takes the values from `at` on.
    pub fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::F64(values) => Self::F64(values.split_off(at)),
            Self::F32(values) => Self::F32(values.split_off(at)),
            Self::Bytes(values, divisor) => Self::Bytes(values.split_off(at), *divisor),
        }
    }
}

/// How many elements a shape has, if that many can be; also of its other sizes where one is 0.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    let most = shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size.max(1)))?;
    Some(if shape.contains(&0) { 0 } else { most })
}

/// Opens a file. `action` says what cannot be done without it, and what to do.
///
/// # Errors
/// If it is a folder, a pipe or a device, which may never end, or cannot be opened.
pub(crate) fn open(path: &Path, action: &str) -> Result<File> {
    let failed = |error| Error::io(path, action, error);
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        let what = if about.is_dir() { "a folder" } else { "a pipe or a device, which may never end" };
        return Err(failed(std::io::Error::new(ErrorKind::InvalidInput, format!("it is {what}, not a file"))));
    }
    File::open(path).map_err(failed)
}

/// A file that is no text that people type for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Program,
    Pickle,
    Arrays,
}

impl Foreign {
    /// What a file is by its name.
    pub fn named(path: &Path) -> Option<Self> {
        match path.extension().and_then(|extension| extension.to_str())? {
            "py" | "ipynb" => Some(Self::Program),
            "pt" | "pth" | "ckpt" | "bin" | "pkl" | "pickle" => Some(Self::Pickle),
            "npz" | "npy" | "safetensors" => Some(Self::Arrays),
            _ => None,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Program => "a Python program",
            Self::Pickle => "a pickle, which is never loaded here, as one can run any program",
            Self::Arrays => "a file of arrays",
        }
    }
}

/// The content of a file that people type.
///
/// # Errors
/// As [`open`]; if it has more than 16 MiB.
pub(crate) fn typed(path: &Path, action: &str) -> Result<Vec<u8>> {
    let too_large = || {
        let why = format!("it has more than {MOST_TYPED} bytes, which nobody types");
        Error::io(path, action, std::io::Error::new(ErrorKind::InvalidInput, why))
    };
    limited(open(path, action)?, path, action, MOST_TYPED)?.ok_or_else(too_large)
}

/// The content of a file, uncompressed where it is gzip.
///
/// # Errors
/// As [`open`]; if its gzip is damaged, or it has more than [`most_bytes`].
pub(crate) fn content(path: &Path, action: &str) -> Result<Vec<u8>> {
    let most = most_bytes();
    let too_large = |what: &str| {
        Error::data(
            path.display().to_string(),
            format!("has more than {most} bytes{what}, which do not fit the memory of this machine; use fewer rows"),
        )
    };
    let bytes = limited(open(path, action)?, path, action, most)?.ok_or_else(|| too_large(""))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    match limited(MultiGzDecoder::new(bytes.as_slice()), path, action, most) {
        Ok(unpacked) => unpacked.ok_or_else(|| too_large(" when unpacked")),
        Err(Error::Io { source, .. }) => Err(Error::data(
            path.display().to_string(),
            format!("its gzip is damaged or cut short ({source}); get it again"),
        )),
        Err(error) => Err(error),
    }
}

/// A name as people sort it: `fc2` before `fc10`.
pub(crate) fn natural(name: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut digits = String::new();
    for letter in name.chars().chain(std::iter::once('\0')) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            parts.push((digits.parse().unwrap_or(usize::MAX), String::new()));
            digits.clear();
        }
        parts.push((0, letter.to_string()));
    }
    parts
}

/// All that a reader has, if it has no more than `most` bytes.
fn limited(reader: impl Read, path: &Path, action: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let count = reader.take(most + 1).read_to_end(&mut bytes).map_err(|error| Error::io(path, action, error))?;
    Ok((count as u64 <= most).then_some(bytes))
}

/// How many bytes of a file are read, packed or unpacked: what is made of them has to fit into the memory that is free.
pub(crate) fn most_bytes() -> u64 {
    let told = fs::read_to_string("/proc/meminfo").ok();
    let free = told.as_deref().and_then(|told| {
        let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    free.map_or(MOST_BYTES, |kilobytes| (kilobytes * 1024 / SHARE).min(MOST_BYTES))
}

/// What a file has, as an error shows it: on one line, without control characters, and not too long.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let start: String = text.chars().take(LONGEST).collect();
    format!("\"{}{}\"", start.escape_debug(), if start.len() < text.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::{io::Write, path::PathBuf};

    const ACTION: &str = "cannot open it";

    /// A file of these bytes in a folder that goes with it.
    pub(super) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// The same bytes, compressed.
    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_file_is_read_plain_or_compressed_and_a_cut_one_is_refused() {
        let text = b"some bytes, many times over".repeat(100);
        let compressed = gzip(&text);
        for bytes in [&text, &compressed, &[&gzip(&text[..50])[..], &gzip(&text[50..])].concat()] {
            let (_folder, path) = file("x", bytes);
            assert_eq!(content(&path, ACTION).unwrap(), text);
        }
        for cut in [3, 20, compressed.len() - 1] {
            let (_folder, path) = file("x", &compressed[..cut]);
            let error = content(&path, ACTION).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()) && error.contains("cut short"), "{error}");
        }
        let (_folder, path) = file("x", b"");
        assert!(matches!(content(&path.with_extension("absent"), ACTION), Err(Error::Io { .. })));
    }

    #[test]
    fn folders_pipes_and_devices_are_refused_at_once() {
        let (folder, _) = file("x", b"");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (path, expected) in [
            (folder.path(), "a folder"),
            (&pipe, "a pipe or a device"),
            (Path::new("/dev/zero"), "which may never end"),
        ] {
            for error in [content(path, ACTION).unwrap_err(), typed(path, ACTION).unwrap_err()] {
                let error = error.to_string();
                assert!(
                    error.starts_with(&format!("{}: {ACTION}", path.display())) && error.contains(expected),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn what_is_unpacked_is_bounded_by_what_fits() {
        assert!(most_bytes() <= MOST_BYTES);
        let (_folder, path) = file("x", &[]);
        let zeros = std::io::repeat(0);
        assert_eq!(limited(zeros, &path, ACTION, 1000).unwrap(), None);
        assert_eq!(limited(&[0; 1000][..], &path, ACTION, 1000).unwrap().map(|bytes| bytes.len()), Some(1000));
    }
}
