//! Sets of arrays: one of inputs, whose first index is the row, and one of targets.
//!
//! Whole numbers are classes from 0, others are values, unless the experiment says which they are. Classes may also have
//! a column each (one-hot).

use super::{ACTION, idx, located};
use crate::{
    data::{
        columns::DTypes,
        set::{DataSet, MOST_CLASSES},
        table::{Goals, HoldOut, Standardize, Table, Tables},
    },
    error::{Error, Result},
    file::{self, Array},
};
use std::path::Path;

/// Arrays and how they are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrays {
    /// What kind of files they are in.
    pub format: Format,
    /// The training rows.
    pub training: Pair,
    /// The test rows.
    pub test: Option<Pair>,
    /// What targets are; where absent, their type decides.
    pub targets_as: Option<TargetsAs>,
    /// The number of the first class; where absent it is 0, and what looks like numbers from 1 is asked about.
    pub first_class: Option<u32>,
    /// How many classes there are; where absent, as many as up to the largest number.
    pub class_count: Option<usize>,
    /// What is taken from the training rows to validate on.
    pub hold_out: Option<HoldOut>,
    /// How inputs are standardized.
    pub standardize: Standardize,
}

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Format {
    /// `.npy`: NumPy's files of one array.
    Npy,
    /// `.npz`: NumPy's archives.
    Npz,
    /// IDX, the format of MNIST.
    Idx {
        /// What an input byte is divided by.
        divisor: f64,
    },
}

/// Where inputs and targets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The archive, where there is one: then the others are names in it.
    pub archive: Option<String>,
    /// The inputs.
    pub inputs: String,
    /// The targets.
    pub targets: String,
}

/// What numbers of targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetsAs {
    /// Classes: a number each, or a column each with a single 1.
    Classes,
    /// Values.
    Values,
}

/// How numbers are read as classes: what the experiment says of them, and how many the training rows have.
#[derive(Debug, Clone, Copy)]
struct Numbering {
    first: Option<u32>,
    count: Option<usize>,
    of_training: Option<usize>,
}

impl Arrays {
    /// Reads the arrays.
    ///
    /// # Errors
    /// If a file cannot be read, or an array is not as it must be: file, array and row are named.
    pub(in crate::data) fn open(&self, folder: &Path, wanted: DTypes) -> Result<DataSet> {
        let origin = self.training.origin(folder)?;
        let arrays = self.read(&self.training, folder)?;
        let test = self.test.as_ref().map(|pair| Ok((self.read(pair, folder)?, pair.origin(folder)?))).transpose()?;
        self.made_of(arrays, test, &origin, wanted)
    }

    /// The set of arrays that are there, of training and, each with what errors name, of test.
    fn made_of(
        &self,
        [inputs, targets]: [Array; 2],
        test: Option<([Array; 2], String)>,
        origin: &str,
        wanted: DTypes,
    ) -> Result<DataSet> {
        let mut notes = Vec::new();
        let of_classes = targets.whole || self.first_class.is_some() || self.class_count.is_some();
        let targets_as = self.targets_as.unwrap_or(if of_classes { TargetsAs::Classes } else { TargetsAs::Values });
        note_shape(&inputs, &mut notes);
        let numbering = Numbering { first: self.first_class, count: self.class_count, of_training: None };
        let (training, classes) = table(inputs, targets, (targets_as, numbering), None, origin)?;
        let test = match test {
            None => None,
            Some(([inputs, targets], origin)) => {
                let numbering = Numbering { of_training: Some(classes), ..numbering };
                Some(table(inputs, targets, (targets_as, numbering), Some(&training), &origin)?.0)
            }
        };
        let first = self.first_class.unwrap_or(0) as usize;
        let names = (first..first + classes).map(|class| class.to_string());
        let classes = (targets_as == TargetsAs::Classes).then(|| names.collect());
        let mut tables = Tables { training, validation: None, test, classes, notes };
        if let Some(hold_out) = self.hold_out {
            tables.hold_out(hold_out, origin)?;
        }
        tables.note_classes();
        tables.into_set(self.standardize, wanted, origin)
    }

    /// The set of the rows of a trace; whole numbers are classes where the loss is of classes.
    ///
    /// # Errors
    /// If they are no rows to train on.
    pub(crate) fn recorded(arrays: [Array; 2], of_classes: bool, origin: &str, wanted: DTypes) -> Result<DataSet> {
        let whole = |values: &file::Raw| (0..values.len()).all(|place| values.at(place).fract() == 0.0);
        let classes = of_classes && whole(&arrays[1].values);
        let name = String::new;
        let read = Self {
            format: Format::Npy,
            training: Pair { archive: None, inputs: name(), targets: name() },
            test: None,
            targets_as: Some(if classes { TargetsAs::Classes } else { TargetsAs::Values }),
            first_class: classes.then_some(0),
            class_count: None,
            hold_out: None,
            standardize: Standardize::No,
        };
        read.made_of(arrays, None, origin, wanted)
    }

    fn read(&self, pair: &Pair, folder: &Path) -> Result<[Array; 2]> {
        let at = |written: &str| located(written, folder);
        match (self.format, &pair.archive) {
            (Format::Idx { divisor }, _) => {
                Ok([idx::read(&at(&pair.inputs)?, divisor)?, idx::read(&at(&pair.targets)?, 1.0)?])
            }
            (_, Some(archive)) => {
                let mut archive = file::Archive::open(&at(archive)?, ACTION)?;
                Ok([archive.array(&pair.inputs)?, archive.array(&pair.targets)?])
            }
            (_, None) => Ok([file::npy(&at(&pair.inputs)?, ACTION)?, file::npy(&at(&pair.targets)?, ACTION)?]),
        }
    }
}

impl Pair {
    /// What errors name.
    fn origin(&self, folder: &Path) -> Result<String> {
        Ok(located(self.archive.as_ref().unwrap_or(&self.inputs), folder)?.display().to_string())
    }
}

fn note_shape(inputs: &Array, notes: &mut Vec<String>) {
    if inputs.shape.len() > 2 {
        let columns: usize = inputs.shape[1..].iter().product();
        notes.push(format!("inputs of shape {:?} are laid out as rows of {columns} columns", inputs.shape));
    }
}

/// Rows of inputs and targets, and the number of classes (0 for values), held against those of training where there
/// are some already.
fn table(
    inputs: Array,
    targets: Array,
    (targets_as, numbering): (TargetsAs, Numbering),
    training: Option<&Table>,
    origin: &str,
) -> Result<(Table, usize)> {
    let fault = |message: String| Err(Error::data(origin, message));
    let (&[rows, ref sizes @ ..], Some(&of_targets)) = (inputs.shape.as_slice(), targets.shape.first()) else {
        return fault("inputs and targets must have at least one dimension, the rows".to_owned());
    };
    let width = sizes.iter().product::<usize>();
    if rows == 0 || width == 0 || rows != of_targets {
        return fault(format!(
            "inputs have shape {:?} and targets {:?} ({} and {}); both need the same number of rows, at least one",
            inputs.shape, targets.shape, inputs.name, targets.name
        ));
    }
    if let Some(place) = (0..inputs.values.len()).find(|&place| !inputs.values.at(place).is_finite()) {
        let (row, column, found) = (place / width, place % width, inputs.values.at(place));
        return fault(format!(
            "{} has {found} in row {row}, column {column}, from 0; inputs must be finite",
            inputs.name
        ));
    }
    if let Some(training) = training.filter(|training| training.width != width) {
        return fault(format!("test inputs have {width} columns, those of training {}", training.width));
    }
    let (goals, classes) = match targets_as {
        TargetsAs::Classes => classes(&targets, numbering, origin)?,
        TargetsAs::Values => (values(&targets, training, origin)?, 0),
    };
    Ok((Table { width, inputs: inputs.values, goals }, classes))
}

/// What mends targets that are no classes: of the training rows, and of test rows.
const MENDING: [&[&str]; 2] = [&["targets_as", "targets", "path"], &["test_targets", "test", "targets", "path"]];
/// What mends where classes begin.
const FIRST: &[&str] = &["first_class", "targets", "path"];

/// The numbers of classes and how many classes there are, those of training where they are known already.
fn classes(targets: &Array, numbering: Numbering, origin: &str) -> Result<(Goals, usize)> {
    let rows = targets.shape.first().copied().unwrap_or_default();
    let (classes, count) = match targets.shape[..] {
        [_, width] if width > 1 => (one_hot(targets, width, numbering, origin)?, width),
        _ if targets.values.len() == rows => numbered(targets, numbering, origin)?,
        _ => {
            let (name, shape) = (&targets.name, &targets.shape);
            let message = format!(
                "{name} has shape {shape:?}; classes have one number for each row, or a column for each class with a \
                 single 1; write targets_as = \"values\" if they are values"
            );
            return Err(Error::data(origin, message).mended_by(MENDING[0]));
        }
    };
    Ok((Goals::Classes(classes), numbering.known().unwrap_or(count)))
}

impl Numbering {
    fn known(self) -> Option<usize> {
        self.count.or(self.of_training)
    }

    /// What has so many classes, where something has, and the keys that say otherwise.
    fn authority(self) -> Option<(String, &'static [&'static str])> {
        match (self.count, self.of_training) {
            (Some(count), _) => Some((format!("class_count = {count} says that there are"), &["class_count"])),
            (None, Some(_)) => Some(("the training rows have".to_owned(), MENDING[1])),
            (None, None) => None,
        }
    }
}

/// The classes of one number for each row, and how many there are: as many as up to the largest number.
fn numbered(targets: &Array, numbering: Numbering, origin: &str) -> Result<(Vec<u32>, usize)> {
    let (name, least) = (&targets.name, f64::from(numbering.first.unwrap_or(0)));
    let most = numbering.known().unwrap_or(MOST_CLASSES);
    let class = |row: usize| {
        let found = targets.values.at(row);
        if found.fract() == 0.0 && (least..least + most as f64).contains(&found) {
            return Ok((found - least) as u32);
        }
        let last = least + most as f64 - 1.0;
        let (why, keys) = match numbering.authority() {
            Some((has, keys)) => {
                let may_be_more = numbering.count.is_none() && found.fract() == 0.0 && found > last;
                let more = if may_be_more { "; write class_count if there are more" } else { "" };
                (format!("{has} classes {least} to {last}{more}"), keys)
            }
            None if found == 0.0 => (format!("first_class = {least} says that the first class is {least}"), FIRST),
            None => (
                format!(
                    "classes are whole numbers from {least} to {last} at most; number them anew, or write targets_as = \
                     \"values\" if they are values"
                ),
                MENDING[0],
            ),
        };
        Err(Error::data(origin, format!("{name} has {found} in row {row}, from 0; {why}")).mended_by(keys))
    };
    let classes = (0..targets.values.len()).map(class).collect::<Result<Vec<u32>>>()?;
    let count = classes.iter().max().map_or(0, |&largest| largest as usize + 1);
    if numbering.first.is_none() && numbering.known().is_none() && is_from_1(&classes, count) {
        let message = format!(
            "{name} has every number from 1 to {}, and no 0; write first_class = 1 if classes are numbered from 1, or \
             first_class = 0 if class 0 has no row",
            count - 1
        );
        return Err(Error::data(origin, message).mended_by(FIRST));
    }
    Ok((classes, count))
}

/// Whether every class has a row but for the first: what labels from 1 look like.
fn is_from_1(classes: &[u32], count: usize) -> bool {
    let mut seen = vec![false; count];
    classes.iter().for_each(|&class| seen[class as usize] = true);
    matches!(seen[..], [false, ref others @ ..] if others.iter().all(|&seen| seen))
}

/// The column of the single 1 of every row.
fn one_hot(targets: &Array, width: usize, numbering: Numbering, origin: &str) -> Result<Vec<u32>> {
    let (name, rows) = (&targets.name, targets.values.len() / width);
    let fault = |why: String| Error::data(origin, format!("{name} has shape {:?}; {why}", targets.shape));
    let known = numbering.known().zip(numbering.authority());
    if let Some((count, (has, keys))) = known.filter(|(count, _)| *count != width) {
        return Err(fault(format!("{has} {count} classes")).mended_by(keys));
    }
    if width > MOST_CLASSES {
        return Err(fault(format!("at most {MOST_CLASSES} classes can be learned")).mended_by(MENDING[0]));
    }
    let class = |row: usize| {
        let mut others = (0..width).filter(|column| targets.values.at(row * width + column) != 0.0);
        match (others.next(), others.next()) {
            (Some(column), None) if targets.values.at(row * width + column) == 1.0 => Ok(column as u32),
            _ => Err(fault(format!(
                "row {row}, from 0, has not a single 1 among zeros, as classes in columns have; write targets_as = \
                 \"values\" if they are values"
            ))
            .mended_by(MENDING[usize::from(numbering.of_training.is_some())])),
        }
    };
    (0..rows).map(class).collect()
}

fn values(targets: &Array, training: Option<&Table>, origin: &str) -> Result<Goals> {
    let rows = targets.shape.first().copied().unwrap_or_default();
    let width = targets.values.len() / rows.max(1);
    let fits =
        !matches!(training.map(|table| &table.goals), Some(Goals::Values { width: known, .. }) if *known != width);
    let values: Vec<f64> = (0..targets.values.len()).map(|place| targets.values.at(place)).collect();
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => {
            let (row, column, found) = (place / width, place % width, values[place]);
            let name = &targets.name;
            Err(Error::data(
                origin,
                format!("{name} has {found} in row {row}, column {column}, from 0; targets must be finite"),
            ))
        }
        None if width > 0 && fits => Ok(Goals::Values { width, values }),
        None => {
            Err(Error::data(origin, format!("{} has {width} columns, unlike the targets of training", targets.name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::set::Targets;
    use ndarray::{Array1, Array2, Array3, array};
    use ndarray_npy::write_npy;

    /// The set of training arrays and, where there are some, test arrays.
    fn open(
        inputs: &Array2<f32>,
        targets: impl Fn(&Path),
        test: Option<(&Array2<f32>, &Array1<i32>)>,
        targets_as: Option<TargetsAs>,
    ) -> Result<DataSet> {
        open_counted(inputs, targets, test, targets_as, None)
    }

    /// The same, told how many classes there are.
    fn open_counted(
        inputs: &Array2<f32>,
        targets: impl Fn(&Path),
        test: Option<(&Array2<f32>, &Array1<i32>)>,
        targets_as: Option<TargetsAs>,
        class_count: Option<usize>,
    ) -> Result<DataSet> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_npy(at("x.npy"), inputs).unwrap();
        targets(&at("y.npy"));
        let pair = |inputs: &str, targets: &str| Pair {
            archive: None,
            inputs: inputs.to_owned(),
            targets: targets.to_owned(),
        };
        if let Some((inputs, targets)) = test {
            write_npy(at("tx.npy"), inputs).unwrap();
            write_npy(at("ty.npy"), targets).unwrap();
        }
        let arrays = Arrays {
            format: Format::Npy,
            training: pair("x.npy", "y.npy"),
            test: test.map(|_| pair("tx.npy", "ty.npy")),
            targets_as,
            first_class: None,
            class_count,
            hold_out: None,
            standardize: Standardize::No,
        };
        arrays.open(folder.path(), DTypes::F32)
    }

    fn whole(targets: &[i32]) -> impl Fn(&Path) {
        move |path| write_npy(path, &Array1::from_vec(targets.to_vec())).unwrap()
    }

    #[test]
    fn whole_numbers_are_classes_and_others_values_unless_told() {
        let inputs = Array2::from_shape_fn((3, 2), |(row, column)| (row + column) as f32);
        let set = open(&inputs, whole(&[1, 0, 1]), Some((&inputs, &Array1::from_vec(vec![0, 0, 0]))), None).unwrap();
        assert_eq!(set.classes.unwrap(), ["0", "1"]);
        assert_eq!(set.training.targets, Targets::Classes(vec![1, 0, 1]));
        assert_eq!(set.notes, ["1 of 2 classes has no test row: 1"]);
        let values = |set: DataSet| match set.training.targets {
            Targets::Values(columns) => columns.f32().unwrap().to_vec(),
            Targets::Classes(_) => panic!("values"),
        };
        assert_eq!(values(open(&inputs, whole(&[7, 0, -1]), None, Some(TargetsAs::Values)).unwrap()), [7.0, 0.0, -1.0]);
        let fractions = |path: &Path| write_npy(path, &Array2::from_elem((3, 2), 0.5_f64)).unwrap();
        assert_eq!(values(open(&inputs, fractions, None, None).unwrap()), [0.5; 6]);
        let whole_fractions = |path: &Path| write_npy(path, &Array1::from_vec(vec![1.0, 0.0, 2.0_f32])).unwrap();
        let set = open(&inputs, whole_fractions, None, Some(TargetsAs::Classes)).unwrap();
        assert_eq!(set.training.targets, Targets::Classes(vec![1, 0, 2]));
        let one_hot =
            |path: &Path| write_npy(path, &array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).unwrap();
        let set = open(&inputs, one_hot, None, Some(TargetsAs::Classes)).unwrap();
        assert_eq!(set.training.targets, Targets::Classes(vec![1, 0, 1]));
        assert_eq!(set.notes, ["1 of 3 classes has no training row: 2"]);
    }

    #[test]
    fn classes_need_no_row_each_and_no_more_rows_than_classes() {
        let inputs = Array2::<f32>::zeros((3, 2));
        let set = open(&inputs, whole(&[7, 0, 90_000]), None, None).unwrap();
        assert_eq!(set.classes.unwrap().len(), 90_001);
        assert_eq!(set.notes, ["89998 of 90001 classes have no training row: 1, 2, 3, 4, 5, 6, …"]);
        let test = Array1::from_vec(vec![3, 0, 1]);
        let counted = |count| open_counted(&inputs, whole(&[0, 1, 2]), Some((&inputs, &test)), None, Some(count));
        assert_eq!(counted(4).unwrap().notes[0], "1 of 4 classes has no training row: 3");
        let error = counted(3).unwrap_err().to_string();
        assert!(
            error.ends_with("has 3 in row 0, from 0; class_count = 3 says that there are classes 0 to 2"),
            "{error}"
        );
    }

    #[test]
    fn arrays_that_do_not_go_together_are_refused() {
        let inputs = Array2::<f32>::zeros((3, 2));
        let ones = Array1::from_vec(vec![0, 1, 1]);
        let wide = Array2::<f32>::zeros((3, 3));
        let mut not_finite = inputs.clone();
        not_finite[(1, 0)] = f32::NAN;
        let empty = Array2::<f32>::zeros((0, 2));
        let beyond = Array1::from_vec(vec![0, 1, 2]);
        let matrix = |path: &Path| write_npy(path, &Array2::<i32>::zeros((3, 2))).unwrap();
        let cube = |path: &Path| write_npy(path, &Array3::<i32>::zeros((3, 2, 2))).unwrap();
        let fractions = |path: &Path| write_npy(path, &Array1::from_vec(vec![0.5, 0.0, 1.0_f32])).unwrap();
        let infinite = |path: &Path| write_npy(path, &Array1::from_vec(vec![0.0, 1.0, f64::INFINITY])).unwrap();
        let classes = Some(TargetsAs::Classes);
        for (found, expected) in [
            (open(&inputs, whole(&[0, 1]), None, None), "both need the same number of rows"),
            (open(&empty, whole(&[]), None, None), "at least one"),
            (open(&not_finite, whole(&[0, 1, 1]), None, None), "has NaN in row 1, column 0, from 0"),
            (open(&inputs, whole(&[0, -1, 1]), None, None), "has -1 in row 1, from 0; classes are whole numbers"),
            (open(&inputs, whole(&[0, 1, i32::MAX]), None, None), "has 2147483647 in row 2, from 0; classes"),
            (open(&inputs, whole(&[0, 1, MOST_CLASSES as i32]), None, None), "whole numbers from 0 to 999999 at most"),
            (open(&inputs, whole(&[2, 1, 1]), None, None), "every number from 1 to 2, and no 0; write first_class = 1"),
            (open(&inputs, matrix, None, None), "has shape [3, 2]; row 0, from 0, has not a single 1 among zeros"),
            (open(&inputs, cube, None, None), "has shape [3, 2, 2]; classes have one number for each row, or a column"),
            (open(&inputs, fractions, None, classes), "has 0.5 in row 0"),
            (open(&inputs, infinite, None, None), "has inf in row 2, column 0"),
            (
                open(&inputs, whole(&[0, 1, 1]), Some((&wide, &ones)), None),
                "test inputs have 3 columns, those of training 2",
            ),
            (
                open(&inputs, whole(&[0, 1, 1]), Some((&inputs, &beyond)), None),
                "the training rows have classes 0 to 1; write class_count if there are more",
            ),
        ] {
            let error = found.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
