//! Rows as they were drawn or read, before they are held: what is held out of them, how they are standardized, and
//! the data set that comes of it.

use super::{
    columns::{Columns, DTypes},
    set::{DataSet, Held, Part, Targets, Which, without_row},
};
use crate::error::{Error, Result};
pub(super) use crate::file::Raw;

/// How inputs are standardized: (x − mean) / deviation, both of the training rows. The deviation is the root of the sum of
/// the squares over n − `ddof`: of n − 1 where nothing is written, of n as NumPy and scikit-learn take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standardize {
    /// `none`: they are not.
    #[default]
    No,
    /// `scalar`: by one mean and deviation of all inputs.
    Scalar {
        /// What is taken off n, 0 or 1.
        ddof: usize,
    },
    /// `columns`: by those of each column.
    Columns {
        /// What is taken off n, 0 or 1.
        ddof: usize,
    },
}

/// What is taken from the training rows to validate on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HoldOut {
    /// How much.
    pub share: Share,
    /// Where.
    pub from: Edge,
}

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// This part of them, rounded to whole rows; of texts it is [truncated](super::text::set::Validation::Truncated).
    Rounded(f64),
    /// This many.
    Rows(usize),
}

/// An end of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The first ones.
    Start,
    /// The last ones.
    End,
}

/// What is to be learned, as it comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Goals {
    /// `[rows, width]`
    Values { width: usize, values: Vec<f64> },
    /// `[rows]`
    Classes(Vec<u32>),
}

/// Rows of inputs with their targets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub width: usize,
    pub inputs: Raw, // [rows, width]
    pub goals: Goals,
}

/// The parts of a data set as they come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tables {
    pub training: Table,
    pub validation: Option<Table>,
    pub test: Option<Table>,
    pub classes: Option<Vec<String>>,
    pub notes: Vec<String>,
}

/// What is done to every input.
enum Transform {
    Nothing,
    Scalar(Moments),
    Columns(Vec<Moments>),
}

/// The mean, and what is divided by.
#[derive(Clone, Copy)]
struct Moments {
    mean: f64,
    deviation: f64,
}

impl Raw {
    /// As they are held; values that need no change are moved where they can be.
    fn hold(self, width: usize, transform: &Transform, wanted: DTypes) -> Columns {
        let rows = self.len() / width;
        match (transform, self) {
            (Transform::Nothing, Self::F64(values)) => Columns::new(width, values, wanted),
            (Transform::Nothing, Self::F32(values)) => Columns::from_f32(width, values, wanted),
            (Transform::Nothing, raw) => Columns::from_fn(rows, width, wanted, |place| raw.at(place)),
            (Transform::Scalar(moments), raw) => {
                Columns::from_fn(rows, width, wanted, |place| moments.apply(raw.at(place)))
            }
            (Transform::Columns(moments), raw) => {
                Columns::from_fn(rows, width, wanted, |place| moments[place % width].apply(raw.at(place)))
            }
        }
    }
}

impl Moments {
    /// Of the columns of rows of `width` values: the means, and then the deviations from them.
    fn of(raw: &Raw, width: usize, ddof: usize) -> Vec<Self> {
        let rows = raw.len() / width;
        let sums = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; width];
            for row in 0..rows {
                sums.iter_mut()
                    .enumerate()
                    .for_each(|(column, sum)| *sum += term(column, raw.at(row * width + column)));
            }
            sums
        };
        let means: Vec<f64> = sums(&|_, value| value).iter().map(|sum| sum / rows as f64).collect();
        let squares = sums(&|column, value| (value - means[column]).powi(2));
        let deviation = |squares: &f64| (squares / (rows - ddof) as f64).sqrt();
        means.iter().zip(&squares).map(|(&mean, squares)| Self { mean, deviation: deviation(squares) }).collect()
    }

    fn apply(self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}

impl Goals {
    fn split_off(&mut self, row: usize) -> Self {
        match self {
            Self::Values { width, values } => Self::Values { width: *width, values: values.split_off(row * *width) },
            Self::Classes(classes) => Self::Classes(classes.split_off(row)),
        }
    }

    fn hold(self, wanted: DTypes) -> Targets {
        match self {
            Self::Values { width, values } => Targets::Values(Columns::new(width, values, wanted)),
            Self::Classes(classes) => Targets::Classes(classes),
        }
    }
}

impl Table {
    pub fn rows(&self) -> usize {
        self.inputs.len() / self.width.max(1)
    }

    /// Takes the rows from `row` on.
    fn split_off(&mut self, row: usize) -> Self {
        Self { width: self.width, inputs: self.inputs.split_off(row * self.width), goals: self.goals.split_off(row) }
    }

    fn hold(self, transform: &Transform, wanted: DTypes) -> Part {
        Part { inputs: Held::Dense(self.inputs.hold(self.width, transform, wanted)), targets: self.goals.hold(wanted) }
    }
}

impl Tables {
    /// Takes validation rows from the training rows; `origin` is what errors name.
    ///
    /// # Errors
    /// If none or all of the rows would be taken.
    pub fn hold_out(&mut self, hold_out: HoldOut, origin: &str) -> Result<()> {
        let rows = self.training.rows();
        let taken = match hold_out.share {
            Share::Rounded(fraction) => (fraction * rows as f64).round() as usize,
            Share::Rows(taken) => taken,
        };
        if taken == 0 || taken >= rows {
            return Err(Error::data(
                origin,
                format!("`validation` takes {taken} of the {rows} training rows; both have to keep at least one"),
            )
            .mended_by(&["validation"]));
        }
        let end = match hold_out.from {
            Edge::Start => taken,
            Edge::End => rows - taken,
        };
        let mut other = self.training.split_off(end);
        if hold_out.from == Edge::Start {
            std::mem::swap(&mut self.training, &mut other);
        }
        let place = if hold_out.from == Edge::Start { "first" } else { "last" };
        self.notes.push(format!("the {place} {taken} of {rows} rows are kept for validation"));
        self.validation = Some(other);
        Ok(())
    }

    /// Notes the classes that have no row, of each part.
    pub fn note_classes(&mut self) {
        let Some(names) = &self.classes else { return };
        let parts = [Some(&self.training), self.validation.as_ref(), self.test.as_ref()];
        for (part, which) in parts.into_iter().zip([Which::Training, Which::Validation, Which::Test]) {
            if let Some(Table { goals: Goals::Classes(labels), .. }) = part {
                self.notes.extend(without_row(names, labels, which));
            }
        }
    }

    /// The data set, held in the types of `wanted`; `origin` is what errors name.
    ///
    /// # Errors
    /// If there are too few rows to standardize, or a number does not fit the type.
    pub fn into_set(mut self, standardize: Standardize, wanted: DTypes, origin: &str) -> Result<DataSet> {
        let transform = self.transform(standardize, origin)?;
        let part = |table: Table| table.hold(&transform, wanted);
        let (training, validation, test) = (part(self.training), self.validation.map(part), self.test.map(part));
        for (part, name) in
            [(Some(&training), "training"), (validation.as_ref(), "validation"), (test.as_ref(), "test")]
        {
            if let Some(part) = part {
                check_finite(part, name, origin)?;
            }
        }
        DataSet::new(training, validation, test, self.classes, self.notes)
    }

    fn transform(&mut self, standardize: Standardize, origin: &str) -> Result<Transform> {
        let Table { width, inputs, .. } = &self.training;
        let rows = self.training.rows();
        let (of_each, ddof) = match standardize {
            Standardize::No => return Ok(Transform::Nothing),
            Standardize::Scalar { ddof } => (1, ddof),
            Standardize::Columns { ddof } => (*width, ddof),
        };
        if rows <= ddof {
            let message = format!("to standardize takes at least {} training rows; there is {rows}", ddof + 1);
            return Err(Error::data(origin, message).mended_by(&["standardize"]));
        }
        let mut moments = Moments::of(inputs, of_each, ddof);
        // What does not vary cannot be scaled to a deviation of 1: its mean is taken off, and that is all.
        let constant = |moments: &&mut Moments| moments.deviation == 0.0;
        let constants = moments.iter_mut().filter(constant).map(|moments| moments.deviation = 1.0).count();
        if constants > 0 {
            let scalar = matches!(standardize, Standardize::Scalar { .. });
            let what = if scalar { "all inputs" } else { "some input columns" };
            self.notes.push(format!(
                "{what} ({constants} of {}) are constant in training; standardizing takes their mean off and does \
                 not scale them",
                moments.len()
            ));
        }
        Ok(match standardize {
            Standardize::Columns { .. } => Transform::Columns(moments),
            Standardize::No | Standardize::Scalar { .. } => Transform::Scalar(moments[0]),
        })
    }
}

/// Refuses numbers that overflow in a type they are held in.
fn check_finite(part: &Part, name: &str, origin: &str) -> Result<()> {
    let inputs = match &part.inputs {
        Held::Dense(columns) => Some((columns, "input")),
        Held::Sparse(_) | Held::Vectors { .. } | Held::Words { .. } => None,
    };
    let targets = match &part.targets {
        Targets::Values(columns) => Some((columns, "target")),
        Targets::Classes(_) => None,
    };
    for (columns, what) in inputs.into_iter().chain(targets) {
        if let Some(place) = columns.not_finite() {
            let (row, column) = (place / columns.width() + 1, place % columns.width() + 1);
            return Err(Error::data(
                origin,
                format!(
                    "{what} column {column} of {name} row {row} is not finite in the type it is computed in; \
                     scale it, or use dtype = \"f64\""
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, inputs: Raw) -> Table {
        let rows = inputs.len() / width;
        Table { width, inputs, goals: Goals::Classes((0..rows as u32).map(|row| row % 2).collect()) }
    }

    fn tables(training: Table) -> Tables {
        let classes = Some(vec!["a".to_owned(), "b".to_owned()]);
        Tables { training, validation: None, test: None, classes, notes: Vec::new() }
    }

    fn numbers(part: &Part) -> &[f64] {
        let Held::Dense(columns) = &part.inputs else { panic!("dense") };
        columns.f64().unwrap()
    }

    #[test]
    fn test_rows_are_standardized_by_the_training_rows() {
        let bytes = || Raw::Bytes(vec![2, 7, 4, 7, 6, 7], 2.0);
        for raw in
            [bytes, || Raw::F32(vec![1.0, 3.5, 2.0, 3.5, 3.0, 3.5]), || Raw::F64(vec![1.0, 3.5, 2.0, 3.5, 3.0, 3.5])]
        {
            let mut tables = tables(table(2, raw()));
            tables.test = Some(table(2, Raw::F64(vec![5.0, 4.5])));
            let set = tables.clone().into_set(Standardize::Columns { ddof: 1 }, DTypes::F64, "x").unwrap();
            // 1, 2, 3 have mean 2 and deviation 1; 3.5 does not vary.
            assert_eq!(numbers(&set.training), [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
            assert_eq!(numbers(set.test.as_ref().unwrap()), [3.0, 1.0]);
            assert!(set.notes[0].contains("some input columns (1 of 2) are constant"), "{:?}", set.notes);
            let of_n = tables.clone().into_set(Standardize::Columns { ddof: 0 }, DTypes::F64, "x").unwrap();
            assert_eq!(numbers(of_n.test.as_ref().unwrap())[0], 3.0 / (2.0_f64 / 3.0).sqrt());
            let set = tables.into_set(Standardize::Scalar { ddof: 1 }, DTypes::F64, "x").unwrap();
            // 16.5 / 6, and the squares of the deviations from it are 5.375 in all, over 5.
            let moments = (2.75, 1.075_f64.sqrt());
            assert_eq!(numbers(set.test.as_ref().unwrap())[0], (5.0 - moments.0) / moments.1);
        }
    }

    #[test]
    fn validation_rows_are_taken_from_either_end_and_never_all() {
        let all = tables(table(1, Raw::F64((0..10).map(f64::from).collect())));
        for (share, from, training, validation) in [
            (Share::Rows(3), Edge::End, 0..7, 7..10),
            (Share::Rows(3), Edge::Start, 3..10, 0..3),
            (Share::Rounded(0.25), Edge::End, 0..7, 7..10),
            (Share::Rounded(0.1), Edge::Start, 1..10, 0..1),
        ] {
            let mut tables = all.clone();
            tables.hold_out(HoldOut { share, from }, "x").unwrap();
            for (table, rows) in [(&tables.training, training), (tables.validation.as_ref().unwrap(), validation)] {
                assert_eq!(table.inputs, Raw::F64(rows.clone().map(f64::from).collect()));
                assert_eq!(table.goals, Goals::Classes(rows.map(|row| row as u32 % 2).collect()));
            }
        }
        for share in [Share::Rows(10), Share::Rounded(0.01), Share::Rounded(0.99)] {
            let error = all.clone().hold_out(HoldOut { share, from: Edge::End }, "x").unwrap_err().to_string();
            assert!(error.starts_with("x: `validation` takes") && error.contains("of the 10 training rows"), "{error}");
        }
    }

    #[test]
    fn classes_without_a_row_are_told_with_how_many_there_are() {
        let mut tables = tables(table(1, Raw::F64(vec![0.0; 2])));
        tables.hold_out(HoldOut { share: Share::Rows(1), from: Edge::End }, "x").unwrap();
        tables.note_classes();
        assert_eq!(
            tables.notes[1..],
            ["1 of 2 classes has no training row: b", "1 of 2 classes has no validation row: a"]
        );
        tables.classes = Some((0..50_000).map(|class| format!("w{class}")).collect());
        tables.notes.clear();
        tables.note_classes();
        assert_eq!(tables.notes[0], "49999 of 50000 classes have no training row: w1, w2, w3, w4, w5, w6, …");
    }

    #[test]
    fn a_number_that_does_not_fit_the_type_is_named() {
        let tables = tables(table(2, Raw::F64(vec![0.0, 0.0, 0.0, 1e300])));
        assert!(tables.clone().into_set(Standardize::No, DTypes::F64, "x").is_ok());
        let error = tables.clone().into_set(Standardize::No, DTypes::F32, "x").unwrap_err().to_string();
        assert!(error.starts_with("x: input column 2 of training row 2 is not finite"), "{error}");
        let one = Tables { training: table(1, Raw::F64(vec![1.0])), ..tables };
        let error = one.into_set(Standardize::Scalar { ddof: 1 }, DTypes::F64, "x").unwrap_err().to_string();
        assert!(error.contains("at least 2 training rows"), "{error}");
    }
}
