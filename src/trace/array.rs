//! One recorded array: its first axis is the step, and a step is read when it is asked for, from where it lies in the file.
//!
//! Read at an offset, not mapped into memory: a file that someone cuts while it is read is an error then, not the end of the
//! program. What is compressed, or in the order in which the first axis runs fastest, is unpacked once, and has to fit the
//! memory.

use super::ACTION;
use crate::{
    error::{Error, Result},
    file::{self, Element, Header, most_bytes},
};
use std::{fs::File, os::unix::fs::FileExt, path::Path, sync::Arc};

/// One recorded array.
#[derive(Debug, Clone)]
pub(super) struct Array {
    /// What it is called in errors: the file, or the archive and the name in it.
    origin: String,
    source: Source,
    element: Element,
    shape: Vec<usize>,
    /// Whether its last row is not whole, or there are fewer than its header says.
    pub cut: bool,
}

#[derive(Debug, Clone)]
enum Source {
    /// The elements begin at this byte.
    File(Arc<File>, u64),
    Memory(Arc<Vec<f64>>),
}

impl Array {
    /// The `.npy` at `path`. Of a recording that is not complete its bytes count, whatever its header says.
    pub fn open(path: &Path, complete: bool) -> Result<Self> {
        let origin = path.display().to_string();
        let file = file::open(path, ACTION)?;
        let length = file.metadata().map_err(|error| Error::io(path, ACTION, error))?.len();
        Self::within(origin.clone(), &Arc::new(file), (0, length), complete).map_err(|why| Error::data(origin, why))
    }

    /// An array whose `.npy` lies at `start` of a file, in so many bytes.
    pub fn within(
        origin: String,
        file: &Arc<File>,
        (start, length): (u64, u64),
        complete: bool,
    ) -> std::result::Result<Self, String> {
        const LONGEST: u64 = 1 << 16;
        let mut bytes = vec![0; length.min(LONGEST) as usize];
        file.read_exact_at(&mut bytes, start).map_err(|error| format!("cannot be read: {error}"))?;
        let header = Header::parse(&bytes)?;
        let data = length - header.length as u64;
        let Header { element, mut shape, by_columns, length: behind } = header;
        let row = row_of(&shape, &element)?;
        let whole = (data / row as u64) as usize;
        let cut = if complete { whole < shape[0] } else { !data.is_multiple_of(row as u64) };
        let (told, by_columns) = (shape[0], by_columns && shape.len() > 1);
        shape[0] = if complete { told.min(whole) } else { whole };
        let offset = start + behind as u64;
        let source = if by_columns {
            // A step of it has its parts all over the file, wherever its header says.
            if whole != told {
                return Err(
                    "is not as long as its header says, and its order is Fortran's, so that no step of it is whole"
                        .to_owned(),
                );
            }
            let elements = data as usize / element.size;
            let mut bytes = reserved(data)?;
            file.read_exact_at(&mut bytes, offset).map_err(|error| format!("cannot be read: {error}"))?;
            let values: Vec<f64> =
                bytes.chunks_exact(element.size).take(elements).map(|one| element.number(one)).collect();
            Source::Memory(Arc::new(file::rows_first(values, &shape, true)))
        } else {
            Source::File(Arc::clone(file), offset)
        };
        Ok(Self { origin, source, element, shape, cut })
    }

    /// An array from the bytes of its `.npy`, as they come out of a compressed archive.
    pub fn unpacked(origin: String, bytes: &[u8]) -> std::result::Result<Self, String> {
        let Header { element, shape, by_columns, length } = Header::parse(bytes)?;
        let row = row_of(&shape, &element)?;
        if bytes.len() - length != row * shape[0] {
            let (found, wanted) = (bytes.len() - length, row * shape[0]);
            return Err(format!("has {found} bytes where its header says {wanted}: it is cut short or damaged"));
        }
        let values = bytes[length..].chunks_exact(element.size).map(|one| element.number(one)).collect();
        let values = file::rows_first(values, &shape, by_columns);
        Ok(Self { origin, source: Source::Memory(Arc::new(values)), element, shape, cut: false })
    }

    /// How many rows of steps it has.
    pub fn steps(&self) -> usize {
        self.shape[0]
    }

    /// The sizes of one step.
    pub fn shape(&self) -> &[usize] {
        &self.shape[1..]
    }

    /// The number of elements of one step.
    pub fn elements(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether its type is f64; f32 and whole numbers are not.
    pub fn is_wide(&self) -> bool {
        self.element.kind == "f8"
    }

    /// Whether its type is one of whole numbers.
    pub fn is_whole(&self) -> bool {
        !self.element.kind.starts_with('f')
    }

    /// The elements of a step.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(&self, step: usize, values: &mut Vec<f64>) -> Result<()> {
        let elements = self.elements();
        values.clear();
        match &self.source {
            Source::Memory(all) => values.extend_from_slice(&all[step * elements..(step + 1) * elements]),
            Source::File(file, offset) => {
                let row = elements * self.element.size;
                let mut bytes = vec![0; row];
                file.read_exact_at(&mut bytes, offset + (step * row) as u64).map_err(|error| {
                    Error::data(
                        &self.origin,
                        format!("step {step} cannot be read ({error}); was the file changed meanwhile?"),
                    )
                })?;
                values.extend(bytes.chunks_exact(self.element.size).map(|one| self.element.number(one)));
            }
        }
        Ok(())
    }
}

/// The bytes of one step of an array of steps.
fn row_of(shape: &[usize], element: &Element) -> std::result::Result<usize, String> {
    let Some((_, row)) = shape.split_first() else {
        return Err("holds a single number; the first axis of a recorded array is the step".to_owned());
    };
    let bytes = file::elements(row).and_then(|elements| elements.checked_mul(element.size));
    let bytes = bytes.filter(|bytes| *bytes > 0 && bytes.checked_mul(shape[0].max(1)).is_some());
    bytes.ok_or_else(|| format!("has shape {shape:?}, which no file holds"))
}

/// Room for bytes that have to fit the memory.
fn reserved(bytes: u64) -> std::result::Result<Vec<u8>, String> {
    let most = most_bytes();
    if bytes > most {
        return Err(format!(
            "has {bytes} bytes in Fortran's order, of which {most} fit; save it with numpy.ascontiguousarray"
        ));
    }
    Ok(vec![0; bytes as usize])
}
