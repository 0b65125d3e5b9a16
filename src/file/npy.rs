//! NumPy's files: `.npy`, and the members of an `.npz`.
//!
//! The format: "\x93NUMPY", a version, the length of the header, a Python dictionary with `descr`, `fortran_order` and
//! `shape`, then the elements: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. Read here and
//! not by a crate, so that nothing is reserved before the shape is held against the bytes that are there.

use super::{Array, Raw, content, elements, most_bytes, shown};
use crate::error::{Error, Result, did_you_mean};
use std::{
    io::{Cursor, Read},
    path::Path,
};
use zip::ZipArchive;

/// The array of a `.npy`.
///
/// # Errors
/// If it cannot be read, or is not what it says.
pub(crate) fn read(path: &Path, action: &str) -> Result<Array> {
    let origin = path.display().to_string();
    let bytes = content(path, action)?;
    parse(&bytes, origin.clone()).map_err(|message| Error::data(origin, message))
}

/// An `.npz`: arrays by their names.
pub(crate) struct Archive {
    origin: String,
    zip: ZipArchive<Cursor<Vec<u8>>>,
}

impl Archive {
    /// Opens one.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn open(path: &Path, action: &str) -> Result<Self> {
        let origin = path.display().to_string();
        let zip = ZipArchive::new(Cursor::new(content(path, action)?))
            .map_err(|error| Error::data(&origin, format!("is not an .npz ({error}); write it with numpy.savez")))?;
        Ok(Self { origin, zip })
    }

    /// The names of its arrays, in the order in which they were written.
    pub fn names(&mut self) -> Vec<String> {
        let each = 0..self.zip.len();
        let named = |index| Some(self.zip.by_index_raw(index).ok()?.name().to_owned());
        each.filter_map(named).map(|name| name.strip_suffix(".npy").map_or(name.clone(), str::to_owned)).collect()
    }

    /// The array with a name.
    ///
    /// # Errors
    /// If there is none, or it is not what it says.
    pub fn array(&mut self, name: &str) -> Result<Array> {
        self.member(name).map_err(|message| Error::data(&self.origin, message))
    }

    fn member(&mut self, name: &str) -> std::result::Result<Array, String> {
        let held = format!("{name}.npy");
        let names = if self.zip.index_for_name(&held).is_some() { vec![name.to_owned()] } else { self.names() };
        if !names.iter().any(|known| known == name) {
            let (hint, known) = (did_you_mean(name, names.iter().map(String::as_str)), names.join(", "));
            return Err(format!("has no array {}{hint} (arrays: {known})", shown(name)));
        }
        let most = most_bytes();
        let mut bytes = Vec::new();
        let unreadable =
            |error: &dyn std::fmt::Display| format!("array {name} cannot be read: {error}; get the file again");
        let file = self.zip.by_name(&held).map_err(|error| unreadable(&error))?;
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > most {
            return Err(format!(
                "array {name} has more than {most} bytes when unpacked, which do not fit the memory of this machine"
            ));
        }
        parse(&bytes, name.to_owned()).map_err(|message| format!("array {name} {message}"))
    }
}

/// How the bytes of an element, little end first, become a number.
type Number = fn([u8; 8]) -> f64;

/// The types that are read: NumPy's `descr` without its byte order, and the size of an element.
const TYPES: [(&str, usize, Number); 11] = [
    ("b1", 1, |bytes| f64::from(u8::from(bytes[0] != 0))),
    ("u1", 1, |bytes| f64::from(bytes[0])),
    ("u2", 2, |bytes| f64::from(u16::from_le_bytes([bytes[0], bytes[1]]))),
    ("u4", 4, |bytes| f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))),
    ("u8", 8, |bytes| u64::from_le_bytes(bytes) as f64),
    ("i1", 1, |bytes| f64::from(i8::from_le_bytes([bytes[0]]))),
    ("i2", 2, |bytes| f64::from(i16::from_le_bytes([bytes[0], bytes[1]]))),
    ("i4", 4, |bytes| f64::from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))),
    ("i8", 8, |bytes| i64::from_le_bytes(bytes) as f64),
    ("f4", 4, |bytes| f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))),
    ("f8", 8, f64::from_le_bytes),
];

/// The type of an array's elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element {
    /// NumPy's name of it, as `f8`.
    pub kind: &'static str,
    /// Bytes of one.
    pub size: usize,
    /// Whether its big end comes first.
    big_end_first: bool,
    number: Number,
}

impl Element {
    /// The number that these bytes are, as many as the type has.
    pub fn number(&self, element: &[u8]) -> f64 {
        let mut bytes = [0; 8];
        bytes[..self.size].copy_from_slice(element);
        if self.big_end_first {
            bytes[..self.size].reverse();
        }
        (self.number)(bytes)
    }
}

/// What stands before an array's elements.
#[derive(Debug)]
pub(crate) struct Header {
    pub element: Element,
    pub shape: Vec<usize>,
    /// Whether the first index runs fastest.
    pub by_columns: bool,
    /// Its own bytes.
    pub length: usize,
}

impl Header {
    /// That at the start of these bytes.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (header, data) =
            split(bytes).ok_or("is not a .npy, or ends within its header; write it with numpy.save")?;
        let missing = |key: &str| format!("has a header without `{key}`; write it with numpy.save");
        let descr = value(header, "descr").ok_or_else(|| missing("descr"))?;
        let (order, kind) = descr.split_at_checked(1).unwrap_or((descr, ""));
        let (kind, size, number) = *TYPES.iter().find(|(known, ..)| *known == kind).ok_or_else(|| {
            let known = TYPES.map(|(known, ..)| known).join(", ");
            format!(
                "has elements of type {}, which are not read (types: {known}); convert it with astype",
                shown(descr)
            )
        })?;
        let shape: Option<Vec<usize>> = value(header, "shape").and_then(|shape| {
            shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(|size| size.parse().ok()).collect()
        });
        Ok(Self {
            element: Element { kind, size, big_end_first: order == ">", number },
            shape: shape.ok_or_else(|| missing("shape"))?,
            by_columns: value(header, "fortran_order") == Some("True"),
            length: bytes.len() - data.len(),
        })
    }
}

fn parse(bytes: &[u8], name: String) -> std::result::Result<Array, String> {
    let Header { element, shape, by_columns, length } = Header::parse(bytes)?;
    let (data, size) = (&bytes[length..], element.size);
    if elements(&shape).and_then(|count| count.checked_mul(size)) != Some(data.len()) {
        return Err(format!(
            "has shape {shape:?} of {size} bytes each in its header, but {} bytes follow it: it is cut short or \
             damaged",
            data.len()
        ));
    }
    let values = match element.kind {
        "u1" => Raw::Bytes(rows_first(data.to_vec(), &shape, by_columns), 1.0),
        "f4" => {
            let values = data.chunks_exact(size).map(|one| element.number(one) as f32).collect();
            Raw::F32(rows_first(values, &shape, by_columns))
        }
        _ => {
            let values = data.chunks_exact(size).map(|one| element.number(one)).collect();
            Raw::F64(rows_first(values, &shape, by_columns))
        }
    };
    Ok(Array { name, shape, values, whole: !element.kind.starts_with('f') })
}

/// The header and the elements.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (length, rest) = match rest {
        [1, _, low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return None,
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// The value of a key of a Python dictionary: what is in quotes, in parentheses, or a word.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let after = |quote: &str| header.split_once(&format!("{quote}{key}{quote}")).map(|(_, after)| after);
    let rest = after("'").or_else(|| after("\""))?.trim_start().strip_prefix(':')?.trim_start();
    let end = match rest.chars().next()? {
        '(' => ')',
        quote @ ('\'' | '"') => quote,
        _ => return rest.split([',', '}']).next().map(str::trim),
    };
    rest.get(1..)?.split_once(end).map(|(value, _)| value)
}

/// Elements whose first index runs fastest, put in the order in which the last one does.
pub(crate) fn rows_first<T: Copy>(values: Vec<T>, shape: &[usize], by_columns: bool) -> Vec<T> {
    if !by_columns || shape.len() < 2 {
        return values;
    }
    let mut steps = vec![1; shape.len()];
    (1..shape.len()).for_each(|axis| steps[axis] = steps[axis - 1] * shape[axis - 1]);
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        ordered.push(values[place]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            place -= steps[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::{super::tests::file, *};
    use ndarray::{Array2, Array3, ShapeBuilder};
    use ndarray_npy::{NpzWriter, WriteNpyExt};

    /// A file with this header and these elements, as NumPy writes it.
    fn written(header: &str, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    fn numbers(array: &Array) -> Vec<f64> {
        (0..array.values.len()).map(|place| array.values.at(place)).collect()
    }

    #[test]
    fn every_type_and_both_orders_are_read() {
        fn check<T: ndarray_npy::WritableElement + Copy>(number: fn(u8) -> T, whole: bool) {
            let of = |(i, j, k): (usize, usize, usize)| number((12 * i + 4 * j + k) as u8);
            for array in [Array3::from_shape_fn((2, 3, 4), of), Array3::from_shape_fn((2, 3, 4).f(), of)] {
                let mut bytes = Vec::new();
                array.write_npy(&mut bytes).unwrap();
                let found = parse(&bytes, String::new()).unwrap();
                assert_eq!((numbers(&found), found.whole), ((0..24).map(f64::from).collect(), whole));
                assert_eq!(found.shape, [2, 3, 4]);
            }
        }
        check(|n| n, true);
        check(u16::from, true);
        check(u32::from, true);
        check(u64::from, true);
        check(|n| n as i8, true);
        check(i16::from, true);
        check(i32::from, true);
        check(i64::from, true);
        check(f32::from, false);
        check(f64::from, false);
    }

    #[test]
    fn either_order_of_bytes_is_read() {
        for (descr, data) in [("<i2", [1, 2]), (">i2", [2, 1]), ("=i2", [1, 2])] {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}");
            assert_eq!(numbers(&parse(&written(&header, &data), String::new()).unwrap()), [513.0]);
        }
        let header = "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"|b1\"}";
        assert_eq!(numbers(&parse(&written(header, &[1, 0]), String::new()).unwrap()), [1.0, 0.0]);
    }

    #[test]
    fn a_header_that_lies_reserves_nothing_and_is_refused() {
        let header =
            |descr: &str, shape: &str| format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let valid = written(&header("<f4", "(2, 1)"), &[0; 8]);
        assert_eq!(parse(&valid, String::new()).unwrap().shape, [2, 1]);
        for (bytes, expected) in [
            (vec![], "is not a .npy"),
            (valid[..20].to_vec(), "ends within its header"),
            (
                valid[..valid.len() - 1].to_vec(),
                "has shape [2, 1] of 4 bytes each in its header, but 7 bytes follow it",
            ),
            (written(&header("<f4", "(1000000000000,)"), &[0; 8]), "but 8 bytes follow it"),
            (written(&header("<f4", "(4294967296, 4294967296, 4294967296)"), &[]), "but 0 bytes follow it"),
            (written(&header("<f4", "(-2,)"), &[0; 8]), "a header without `shape`"),
            (written("{'descr': '<f4'}", &[0; 8]), "a header without `shape`"),
            (written("{'shape': (2,)}", &[0; 8]), "a header without `descr`"),
            (written(&header("<f2", "(4,)"), &[0; 8]), "elements of type \"<f2\", which are not read"),
            (written(&header("|O", "(1,)"), &[0; 8]), "elements of type \"|O\""),
            (written(&header("é", "(1,)"), &[0; 8]), "elements of type"),
        ] {
            let error = parse(&bytes, String::new()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn arrays_of_an_archive_are_found_by_their_names_and_listed_as_they_were_written() {
        let mut archive = NpzWriter::new_compressed(Cursor::new(Vec::new()));
        archive.add_array("x_train", &Array2::<u8>::ones((2, 3))).unwrap();
        archive.add_array("y_train", &Array2::<i64>::zeros((2, 1))).unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        let (_folder, path) = file("x.npz", &bytes);
        let open = || Archive::open(&path, "");
        assert_eq!(open().unwrap().names(), ["x_train", "y_train"]);
        let [inputs, targets] = ["x_train", "y_train"].map(|name| open().unwrap().array(name).unwrap());
        assert_eq!((inputs.shape, targets.shape), (vec![2, 3], vec![2, 1]));
        let error = open().unwrap().array("y_tran").unwrap_err().to_string();
        assert!(
            error.contains("has no array \"y_tran\"; did you mean `y_train`? (arrays: x_train, y_train)"),
            "{error}"
        );
        for (bytes, expected) in [(&bytes[..bytes.len() / 2], "is not an .npz"), (b"text", "is not an .npz")] {
            std::fs::write(&path, bytes).unwrap();
            assert!(open().err().unwrap().to_string().contains(expected));
        }
        // A byte of what is compressed.
        let mut damaged = bytes;
        damaged[60] ^= 0xff;
        std::fs::write(&path, damaged).unwrap();
        let error = open().and_then(|mut archive| archive.array("x_train")).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}
