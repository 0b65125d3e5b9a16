//! The IDX format of MNIST: two zero bytes, the type, the number of dimensions, the sizes as big-endian u32, the
//! elements row-major. <https://yann.lecun.org/exdb/mnist/> describes it at its end.
//!
//! Only unsigned bytes are read, which is what images and labels are in.

use super::{content, shown};
use crate::{
    error::{Error, Result},
    file::{Array, Raw, elements},
};
use std::path::Path;

/// The type of unsigned bytes.
const UNSIGNED_BYTES: u8 = 0x08;

/// The array in a file; each byte stands for its value over `divisor`.
pub(super) fn read(path: &Path, divisor: f64) -> Result<Array> {
    let origin = path.display().to_string();
    let mut bytes = content(path)?;
    let header = header(&bytes).map_err(|message| Error::data(&origin, message))?;
    let start = 4 + 4 * header.len();
    let (found, expected) = (bytes.len() - start, elements(&header));
    if expected != Some(found) {
        let sizes = header.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let expected = expected.map_or_else(|| "more than fit".to_owned(), |expected| expected.to_string());
        return Err(Error::data(
            &origin,
            format!(
                "its header says {sizes} bytes ({expected}), but {found} follow it: it is cut short or \
                 damaged; get it again"
            ),
        ));
    }
    bytes.drain(..start);
    Ok(Array { name: origin, shape: header, values: Raw::Bytes(bytes, divisor), whole: true })
}

/// The sizes.
fn header(bytes: &[u8]) -> std::result::Result<Vec<usize>, String> {
    let expected = "an IDX file starts with 00 00 08, for unsigned bytes, and its number of dimensions";
    let (dimensions, rest) = match bytes {
        [0, 0, UNSIGNED_BYTES, dimensions @ 1..=4, rest @ ..] => (usize::from(*dimensions), rest),
        _ => {
            let found: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            return Err(format!("is not the IDX file that is expected: {expected}; found {}", shown(&found.join(" "))));
        }
    };
    if rest.len() < 4 * dimensions {
        return Err(format!("ends within its header of {dimensions} sizes; get it again"));
    }
    let size = |bytes: &[u8]| bytes.iter().fold(0, |size: usize, &byte| size << 8 | usize::from(byte));
    Ok(rest.chunks_exact(4).take(dimensions).map(size).collect())
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{file, gzip},
        *,
    };

    /// A file of 2 × 3 bytes.
    fn valid() -> Vec<u8> {
        let header = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3];
        [&header[..], &[0, 51, 255, 1, 2, 3]].concat()
    }

    #[test]
    fn sizes_and_elements_are_those_of_the_file() {
        for bytes in [valid(), gzip(&valid())] {
            let (_folder, path) = file("x", &bytes);
            let array = read(&path, 255.0).unwrap();
            assert_eq!((array.shape, array.whole), (vec![2, 3], true));
            assert_eq!([0, 1, 2].map(|place| array.values.at(place)), [0.0, 0.2, 1.0]);
        }
    }

    #[test]
    fn a_header_is_held_against_the_bytes_that_are_there() {
        let with = |place: usize, byte: u8| {
            let mut bytes = valid();
            bytes[place] = byte;
            bytes
        };
        for (bytes, expected) in [
            (vec![], "is not the IDX file that is expected"),
            (with(1, 1), "found \"00 01 08 02\""),
            (with(2, 0x0d), "found \"00 00 0d 02\""),
            (with(3, 9), "found \"00 00 08 09\""),
            (valid()[..9].to_vec(), "ends within its header of 2 sizes"),
            (valid()[..17].to_vec(), "its header says 2 × 3 bytes (6), but 5 follow it"),
            ([valid(), vec![0]].concat(), "(6), but 7 follow it"),
            (with(4, 255), "its header says 4278190082 × 3 bytes (12834570246), but 6 follow it"),
            ([&[0, 0, 8, 3][..], &[255; 12]].concat(), "bytes (more than fit), but 0 follow it"),
        ] {
            let (_folder, path) = file("x", &bytes);
            let error = read(&path, 1.0).unwrap_err().to_string();
            assert!(error.starts_with(&path.display().to_string()) && error.contains(expected), "{error}");
        }
    }
}
