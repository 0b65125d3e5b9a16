//! Writes a trace: arrays that grow by a step, readable up to the last whole one whenever the program is killed.

use super::{FOLDERS, SCHEMA, SINGLES};
use crate::{
    error::{Error, Result},
    tensor::{Shape, Values, View},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const ACTION: &str = "cannot write the trace; choose another place with --out";

/// The bytes of a `.npy`'s header: room for the count of steps to grow.
const HEADER: usize = 128;

/// A trace that is being written.
pub struct Writer {
    folder: PathBuf,
    files: BTreeMap<String, Growing>,
}

/// An array that grows by a step.
struct Growing {
    file: File,
    shape: Shape,
    descr: &'static str,
    count: usize,
}

impl Writer {
    /// A trace in `folder`, in which nothing else may be: an earlier trace is replaced. `manifest` is what it says of itself
    /// besides its schema.
    ///
    /// # Errors
    /// If the folder holds something else, or cannot be written.
    pub fn create(folder: &Path, manifest: Value) -> Result<Self> {
        let failed = |error| Error::io(folder, ACTION, error);
        match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            entries => {
                for entry in entries.map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    let own = ["manifest.json", "manifest.json.partial", "complete", ".lock"].contains(&name.as_str())
                        || FOLDERS.contains(&name.as_str())
                        || name.strip_suffix(".npy").is_some_and(|name| SINGLES.contains(&name));
                    if !own {
                        let why = format!("it holds {name}, which is no part of a trace");
                        return Err(failed(io::Error::new(ErrorKind::AlreadyExists, why)));
                    }
                    let path = entry.path();
                    let directory = entry.file_type().map_err(failed)?.is_dir();
                    if directory { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(failed)?;
                }
            }
        }
        fs::create_dir_all(folder).map_err(failed)?;
        let mut said = serde_json::json!({ "schema": SCHEMA });
        if let (Some(said), Value::Object(manifest)) = (said.as_object_mut(), manifest) {
            said.extend(manifest);
        }
        let mut text = serde_json::to_vec_pretty(&said).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        fs::write(folder.join("manifest.json"), text).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), files: BTreeMap::new() })
    }

    /// The tensor of a step, behind those before it: `name` as in the layout, `parameter/0.weight`.
    ///
    /// # Errors
    /// If it has another shape than before, or cannot be written.
    pub fn append(&mut self, name: &str, tensor: View<'_>) -> Result<()> {
        let path = self.folder.join(format!("{name}.npy"));
        let failed = |error| Error::io(&path, ACTION, error);
        let growing = match self.files.get_mut(name) {
            Some(growing) => growing,
            None => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(failed)?;
                }
                let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
                let descr = if let Values::F32(_) = tensor.values { "<f4" } else { "<f8" };
                let mut growing = Growing { file, shape: tensor.shape, descr, count: 0 };
                growing.file.write_all(&[b' '; HEADER]).map_err(failed)?;
                self.files.entry(name.to_owned()).or_insert(growing)
            }
        };
        growing.append(tensor).map_err(failed)
    }

    /// The trace is whole.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<()> {
        let failed = |error| Error::io(&self.folder, ACTION, error);
        self.files.values().try_for_each(Growing::write_header).map_err(failed)?;
        fs::write(self.folder.join("complete"), []).map_err(failed)
    }
}

impl Growing {
    fn append(&mut self, tensor: View<'_>) -> io::Result<()> {
        let rows = |shape: &[usize]| shape.first().copied().unwrap_or(1);
        if tensor.shape.len() != self.shape.len()
            || tensor.shape.get(1..) != self.shape.get(1..)
            || rows(&tensor.shape) > rows(&self.shape)
        {
            let why = format!("it is {} now, and was {} before", tensor.shape, self.shape);
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        let mut bytes: Vec<u8> = match tensor.values {
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        // Of a smaller batch, zeros behind it.
        let size = if self.descr == "<f4" { 4 } else { 8 };
        bytes.resize(size * self.shape.elements(), 0);
        self.file.write_all(&bytes)?;
        self.count += 1;
        // The bytes are what counts; the header follows now and then, so that `numpy.load` reads what is there, too.
        if self.count.is_power_of_two() { self.write_header() } else { Ok(()) }
    }

    fn write_header(&self) -> io::Result<()> {
        // A tuple of one has a comma behind it.
        let sizes: String = [self.count].iter().chain(self.shape.iter()).map(|size| format!("{size}, ")).collect();
        let fields =
            format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", self.descr, sizes.trim_end());
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend(((HEADER - 10) as u16).to_le_bytes());
        header.extend(fields.as_bytes());
        header.resize(HEADER - 1, b' ');
        header.push(b'\n');
        self.file.write_all_at(&header, 0)
    }
}
