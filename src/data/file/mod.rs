//! Sets that are read: where files lie, and what is refused before anything is made of their bytes.
//!
//! A path is relative to the folder of the experiment; `data:sst2/train.tsv` lies in the folder of data sets. Files
//! are read whole, plain or gzip.

mod array;
mod csv;
mod idx;

pub use array::{Arrays, Format, Pair, TargetsAs};
pub use csv::{ClassOrder, Column, Csv, Goal};

pub(in crate::data) use crate::file::shown;
use crate::{error::Result, file, store};
use std::path::{Path, PathBuf};

/// What stands before a path within the folder of data sets.
pub const IN_DATA: &str = "data:";
const ACTION: &str = "cannot open the data; their path is relative to the experiment's folder";

/// Where a file lies that an experiment in `folder` names so.
pub(super) fn located(written: &str, folder: &Path) -> Result<PathBuf> {
    match written.strip_prefix(IN_DATA) {
        Some(name) => store::locate(name),
        None => Ok(folder.join(written)),
    }
}

/// Whether an error's text is about the file that an experiment in `folder` names so.
pub(crate) fn names_file(written: &str, folder: &Path, text: &str) -> bool {
    let (path, name) = match written.strip_prefix(IN_DATA) {
        Some(name) => (store::folder().unwrap_or_default().join(name), Some(name)),
        None => (folder.join(written), None),
    };
    let begins = text.strip_prefix(&path.display().to_string()).is_some_and(|rest| rest.starts_with(':'));
    begins || name.is_some_and(|name| text.contains(&format!("`{name}`")))
}

/// The content of a file, uncompressed.
pub(super) fn content(path: &Path) -> Result<Vec<u8>> {
    file::content(path, ACTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{
        columns::DTypes,
        set::{Held, Part, Targets},
        table::Standardize,
    };
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    /// A file of these bytes in a folder that goes with it.
    pub(super) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// The same bytes, compressed.
    pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn paths_are_relative_to_the_experiment_unless_they_say_data() {
        let folder = Path::new("folder");
        assert_eq!(located("a/b.csv", folder).unwrap(), Path::new("folder/a/b.csv"));
        assert_eq!(located("/a/b.csv", folder).unwrap(), Path::new("/a/b.csv"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            valid in prop::sample::select(vec![&b"x,y\n1,a\n\"2\",b\n"[..], b"\0\0\x08\x02\0\0\0\x02\0\0\0\x01ab",
                b"\x93NUMPY\x01\0\x3b\0{'descr': '<i2', 'fortran_order': True, 'shape': (2, 1), }\nabcd"]),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, any::<Vec<u8>>()), 0..3),
            compressed: bool,
        ) {
            let mut bytes = valid.to_vec();
            for (at, removed, inserted) in edits {
                let start = at.index(bytes.len() + 1);
                let end = (start + removed).min(bytes.len());
                bytes.splice(start..end, inserted);
            }
            let (folder, path) = file("x", &if compressed { gzip(&bytes) } else { bytes });
            let goal = Goal::Classes(Column::Last, ClassOrder::Sorted);
            let csv = Csv { header: true, goal, ..tables("x".to_owned()) };
            for error in [
                csv.open(folder.path(), DTypes::BOTH).err(),
                idx::read(&path, 255.0).err(),
                file::npy(&path, ACTION).err(),
                file::Archive::open(&path, ACTION).and_then(|mut archive| archive.array("inputs")).err(),
                file::safetensors(&path, ACTION).err(),
            ].into_iter().flatten() {
                prop_assert!(error.to_string().starts_with(&path.display().to_string()), "{}", error);
            }
        }
    }

    /// A table without names, its class last.
    fn tables(path: String) -> Csv {
        let goal = Goal::Classes(Column::Last, ClassOrder::Sorted);
        let (drop, hold_out, standardize) = (Vec::new(), None, Standardize::Columns { ddof: 1 });
        Csv { path, test: None, separator: b',', header: false, goal, drop, hold_out, standardize }
    }

    /// The files of the data folder; without it a test of them is skipped, and says so.
    fn absent(file: &str) -> bool {
        let skipped = located(file, Path::new("")).is_err();
        if skipped {
            eprintln!("skipped: {file} is absent");
        }
        skipped
    }

    /// How many rows each class of the training rows has.
    fn counts(part: &Part, classes: usize) -> Vec<usize> {
        let Targets::Classes(numbers) = &part.targets else { panic!("classes") };
        (0..classes).map(|class| numbers.iter().filter(|&&number| number as usize == class).count()).collect()
    }

    #[test]
    fn the_uci_sets_have_their_published_rows_and_classes() {
        for (name, drop, label, columns, expected) in [
            (
                "iris.csv",
                vec![],
                Column::Last,
                4,
                [("Iris-setosa", 50), ("Iris-versicolor", 50), ("Iris-virginica", 50)].as_slice(),
            ),
            ("wine.csv", vec![], Column::Last, 13, &[("1", 59), ("2", 71), ("3", 48)]),
            ("banknote_authentication.csv", vec![], Column::Last, 4, &[("0", 762), ("1", 610)]),
            ("wdbc.data", vec![Column::Number(1)], Column::Number(2), 30, &[("B", 357), ("M", 212)]),
        ] {
            let path = format!("data:uci/{name}");
            if absent(&path) {
                return;
            }
            let goal = Goal::Classes(label, ClassOrder::Sorted);
            let set = Csv { goal, drop, ..tables(path) }.open(Path::new(""), DTypes::F64).unwrap();
            assert_eq!((set.columns, set.notes.len()), (columns, 0), "{name}");
            let found = set.classes.unwrap().into_iter().zip(counts(&set.training, expected.len())).collect::<Vec<_>>();
            assert_eq!(found, expected.iter().map(|(class, rows)| ((*class).to_owned(), *rows)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn mnist_has_its_published_rows_labels_and_moments() {
        let pair = |name: &str| Pair {
            archive: None,
            inputs: format!("data:mnist/{name}-images-idx3-ubyte.gz"),
            targets: format!("data:mnist/{name}-labels-idx1-ubyte.gz"),
        };
        if absent(&pair("train").inputs) {
            return;
        }
        let arrays = Arrays {
            format: Format::Idx { divisor: 255.0 },
            training: pair("train"),
            test: Some(pair("t10k")),
            targets_as: None,
            first_class: None,
            class_count: None,
            hold_out: None,
            standardize: Standardize::No,
        };
        let set = arrays.open(Path::new(""), DTypes::F32).unwrap();
        let test = set.test.unwrap();
        assert_eq!((set.training.rows(), test.rows(), set.columns), (60_000, 10_000, 784));
        assert_eq!(counts(&set.training, 10), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
        assert_eq!(counts(&test, 10), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
        let Held::Dense(columns) = &set.training.inputs else { panic!("dense") };
        let pixels = columns.f32().unwrap();
        assert_eq!(columns.held(), DTypes::F32);
        // The first digit, a 5: the four pixels from row 5, column 12 on are 3, 18, 18, 18 of 255.
        assert_eq!(pixels[5 * 28 + 12..][..4], [3, 18, 18, 18].map(|byte| byte as f32 / 255.0));
        // torchvision's examples normalize by .1307 and .3081.
        let mean = pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64;
        let squares: f64 = pixels.iter().map(|&pixel| (f64::from(pixel) - mean).powi(2)).sum();
        let deviation = (squares / pixels.len() as f64).sqrt();
        assert_eq!([mean, deviation].map(|moment| (moment * 1e4).round()), [1307.0, 3081.0]);
    }
}
