//! A data set: its parts, what their inputs and targets are, and how targets are given to a loss.
//!
//! Every set is checked as it is made, so that whoever takes batches from it can rely on its numbers: the parts have
//! the same columns, every row has a target, and what points somewhere points to something.

use super::columns::{Columns, Csr};
use crate::error::{Error, Result};

/// Rows to train on, and rows to judge by.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// What is trained on.
    pub training: Part,
    /// What decides when to stop.
    pub validation: Option<Part>,
    /// What is looked at in the end.
    pub test: Option<Part>,
    /// The number of input columns of a batch.
    pub columns: usize,
    /// The names of the classes, where targets are classes.
    pub classes: Option<Vec<String>>,
    /// What was done on purpose and is not to be seen in the numbers, in sentences: `12 rows have no token`.
    pub notes: Vec<String>,
}

/// Rows with their targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// As many rows of inputs
    pub inputs: Held,
    /// as of targets.
    pub targets: Targets,
}

/// Inputs as they are held.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// Every number. `[rows, columns]`
    Dense(Columns),
    /// What is not 0. `[rows, columns]`
    Sparse(Csr),
    /// Each row is the vectors of its tokens side by side, gathered when a batch is made and never held.
    Vectors {
        /// The row of the table for each token. `[rows, first]`
        tokens: Vec<u32>,
        /// The number of tokens of a row.
        first: usize,
        /// The vectors. `[words, dimensions]`
        table: Columns,
    },
    /// Each row is the numbers of its words, for an embedding; engines are given them as floating-point numbers.
    Words {
        /// The number of each word. `[rows, first]`
        tokens: Vec<u32>,
        /// The number of words of a row.
        first: usize,
        /// The number of different words.
        vocabulary: usize,
    },
}

/// What is to be learned.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Numbers. `[rows, columns]`
    Values(Columns),
    /// The number of each row's class, from 0. `[rows]`
    Classes(Vec<u32>),
}

/// A part by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What is trained on.
    Training,
    /// What decides when to stop.
    Validation,
    /// What is looked at in the end.
    Test,
}

/// How targets are given to a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Numbers as they are. `[rows, columns]`
    Values,
    /// The number of the class. `[rows, 1]`
    Index,
    /// 1 in the column of the class, 0 elsewhere. `[rows, classes]`
    OneHot,
    /// 0 or 1, of two classes. `[rows, 1]`
    Binary,
}

/// f32 holds every whole number up to here: a class's or a word's number is given to an engine exactly.
const MOST_NUMBERED: usize = 1 << f32::MANTISSA_DIGITS;

/// As many as a model may have outputs: more could not be learned, and a slip in a label must not take all memory.
pub const MOST_CLASSES: usize = 1_000_000;

/// What values look like that may be meant as classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookalike {
    /// Whole numbers in one column, the least of which is 0, or 1.
    Numbers {
        /// The least one.
        first: usize,
        /// As many classes as they would be.
        classes: usize,
    },
    /// A single 1 among zeros in every row.
    OneHot,
}

impl Held {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(columns) => columns.rows(),
            Self::Sparse(csr) => csr.rows(),
            Self::Vectors { tokens, first, .. } | Self::Words { tokens, first, .. } => tokens.len() / (*first).max(1),
        }
    }

    /// The number of columns of a batch.
    pub fn columns(&self) -> usize {
        match self {
            Self::Dense(columns) => columns.width(),
            Self::Sparse(csr) => csr.width,
            Self::Vectors { first, table, .. } => first * table.width(),
            Self::Words { first, .. } => *first,
        }
    }

    /// What is not as it must be, if anything.
    fn fault(&self) -> Option<&'static str> {
        let finite = |columns: &Columns| columns.not_finite().map(|_| "an input is NaN or an infinity");
        let point = |tokens: &[u32], first: usize, words: usize| {
            let whole =
                first > 0 && tokens.len().is_multiple_of(first) && tokens.iter().all(|&token| (token as usize) < words);
            (!whole).then_some("a token has no word")
        };
        match self {
            Self::Dense(columns) => finite(columns),
            Self::Sparse(csr) => csr.fault().or_else(|| finite(&csr.values)),
            Self::Vectors { tokens, first, table } => point(tokens, *first, table.rows()).or_else(|| finite(table)),
            Self::Words { tokens, first, vocabulary } => point(tokens, *first, (*vocabulary).min(MOST_NUMBERED)),
        }
    }
}

impl Targets {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Values(columns) => columns.rows(),
            Self::Classes(classes) => classes.len(),
        }
    }
}

impl Part {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.targets.rows()
    }
}

impl Which {
    /// As it is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl DataSet {
    /// A set of these parts. The names of the classes stand in the order of their numbers; there are none where
    /// targets are values.
    ///
    /// # Errors
    /// If a part is empty, its columns or targets are not those of training, or a number does not point to anything.
    pub fn new(
        training: Part,
        validation: Option<Part>,
        test: Option<Part>,
        classes: Option<Vec<String>>,
        notes: Vec<String>,
    ) -> Result<Self> {
        let set = Self { columns: training.inputs.columns(), training, validation, test, classes, notes };
        for which in [Which::Training, Which::Validation, Which::Test] {
            if let Some(fault) = set.part(which).and_then(|part| set.fault(part)) {
                return Err(Error::Usage(format!("the {} rows of the data cannot be used: {fault}", which.name())));
            }
        }
        Ok(set)
    }

    /// What is not as it must be in a part, if anything.
    fn fault(&self, part: &Part) -> Option<String> {
        let rows = (part.inputs.rows(), part.targets.rows());
        if rows.0 == 0 || rows.0 != rows.1 || u32::try_from(rows.0).is_err() {
            return Some(format!("there are {} of inputs and {} of targets", rows.0, rows.1));
        }
        let columns = part.inputs.columns();
        if columns == 0 || columns != self.columns {
            return Some(format!("they have {columns} input columns, those of training {}", self.columns));
        }
        let of_targets = match (&part.targets, &self.training.targets, &self.classes) {
            (Targets::Values(values), Targets::Values(training), None) => {
                let fits = values.width() == training.width() && values.width() > 0 && values.not_finite().is_none();
                (!fits).then_some("their targets are not finite numbers in as many columns as those of training")
            }
            (Targets::Classes(numbers), Targets::Classes(_), Some(names)) if names.len() <= MOST_NUMBERED => {
                let fits = numbers.iter().all(|&number| (number as usize) < names.len());
                (!fits).then_some("a class has no name")
            }
            _ => Some("their targets are not all classes with names, or all values"),
        };
        of_targets.or_else(|| part.inputs.fault()).map(str::to_owned)
    }

    /// A part, if the set has it.
    pub fn part(&self, which: Which) -> Option<&Part> {
        match which {
            Which::Training => Some(&self.training),
            Which::Validation => self.validation.as_ref(),
            Which::Test => self.test.as_ref(),
        }
    }

    /// What the values of the training rows look like, if not like values alone.
    pub fn lookalike(&self) -> Option<Lookalike> {
        let Targets::Values(values) = &self.training.targets else { return None };
        if values.width() > 1 {
            let one_hot = (0..values.rows()).all(|row| {
                let ones = (0..values.width()).map(|column| values.at(row * values.width() + column));
                ones.clone().all(|value| value == 0.0 || value == 1.0) && ones.sum::<f64>() == 1.0
            });
            return one_hot.then_some(Lookalike::OneHot);
        }
        let range = (0..values.rows()).try_fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), row| {
            let value = values.at(row);
            let is_class = value >= 0.0 && value < MOST_CLASSES as f64 && value.fract() == 0.0;
            is_class.then(|| (least.min(value), most.max(value)))
        });
        let (least, most) = range.filter(|(least, _)| *least <= 1.0)?;
        let (first, last) = (least as usize, most as usize);
        Some(Lookalike::Numbers { first, classes: last + 1 - first })
    }

    /// The number of columns that targets have in this encoding.
    ///
    /// # Errors
    /// If the targets cannot be given so.
    pub fn targets_width(&self, encoding: Encoding) -> Result<usize> {
        let fail = |message: String| Err(Error::Usage(message));
        match (&self.training.targets, &self.classes, encoding) {
            (Targets::Values(values), _, Encoding::Values) => Ok(values.width()),
            (Targets::Values(_), ..) => {
                fail("the data's targets are values, not classes; use a loss that takes values".to_owned())
            }
            (Targets::Classes(_), _, Encoding::Index) => Ok(1),
            (Targets::Classes(_), Some(names), Encoding::OneHot) => Ok(names.len()),
            (Targets::Classes(_), Some(names), Encoding::Binary) if names.len() == 2 => Ok(1),
            (Targets::Classes(_), names, encoding) => {
                let (count, names) = names.as_ref().map_or((0, String::new()), |names| (names.len(), listed(names)));
                let what = if encoding == Encoding::Values { "values" } else { "0 and 1" };
                fail(format!("the data's targets are {count} classes ({names}), which cannot be given as {what}"))
            }
        }
    }

    /// How targets reach a model of so many outputs: values as they are; classes by their number where the loss takes
    /// numbers of classes, as 0 and 1 for a single output, else one column for each class.
    ///
    /// # Errors
    /// If no encoding fits the outputs.
    pub fn encoding(&self, outputs: usize, loss_takes_class_numbers: bool) -> Result<Encoding> {
        let encoding = match (&self.training.targets, loss_takes_class_numbers, outputs) {
            (Targets::Values(_), false, _) => Encoding::Values,
            (_, true, _) => Encoding::Index,
            (Targets::Classes(_), false, 1) => Encoding::Binary,
            (Targets::Classes(_), false, _) => Encoding::OneHot,
        };
        let width = self.targets_width(encoding)?;
        let needed = match (encoding, &self.classes) {
            (Encoding::Index, Some(names)) => names.len(),
            _ => width,
        };
        if needed == outputs {
            return Ok(encoding);
        }
        let what = match &self.classes {
            Some(names) => format!("{needed} classes ({})", listed(names)),
            None => needed.to_string(),
        };
        let or_one = if encoding == Encoding::OneHot && needed == 2 { ", or 1" } else { "" };
        Err(Error::Usage(format!(
            "the model's outputs have {outputs} columns, but the data's targets have {what}; its last linear layer \
             needs outputs = {needed}{or_one}"
        )))
    }
}

/// Says which classes no row is of, if any: a language model has such, and trains.
pub(super) fn without_row(names: &[String], labels: &[u32], which: Which) -> Option<String> {
    let mut seen = vec![false; names.len()];
    labels.iter().for_each(|&label| seen[label as usize] = true);
    let missing: Vec<String> = names.iter().zip(seen).filter(|(_, seen)| !seen).map(|(name, _)| name.clone()).collect();
    let have = if missing.len() == 1 { "has" } else { "have" };
    (!missing.is_empty()).then(|| {
        format!("{} of {} classes {have} no {} row: {}", missing.len(), names.len(), which.name(), listed(&missing))
    })
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 6;
    let first = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{first}, …") } else { first }
}

#[cfg(test)]
mod tests {
    use super::{super::columns::DTypes, *};

    fn values(width: usize, values: &[f64]) -> Columns {
        Columns::new(width, values.to_vec(), DTypes::BOTH)
    }

    fn part(classes: &[u32]) -> Part {
        let inputs = Held::Dense(Columns::from_fn(classes.len(), 2, DTypes::F32, |place| place as f64));
        Part { inputs, targets: Targets::Classes(classes.to_vec()) }
    }

    fn names(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn set(training: Part, test: Option<Part>, classes: Option<Vec<String>>) -> Result<DataSet> {
        DataSet::new(training, None, test, classes, Vec::new())
    }

    #[test]
    fn what_points_to_nothing_is_refused_with_the_part_it_is_in() {
        let classes = names(&["a", "b"]);
        assert!(set(part(&[0, 1]), Some(part(&[1])), classes.clone()).is_ok());
        let words = |tokens: &[u32]| Part {
            inputs: Held::Words { tokens: tokens.to_vec(), first: 2, vocabulary: 5 },
            targets: Targets::Classes(vec![0]),
        };
        assert_eq!(set(words(&[0, 4]), None, classes.clone()).unwrap().columns, 2);
        let table = values(3, &[0.0; 6]);
        let vectors = |tokens: &[u32]| Part {
            inputs: Held::Vectors { tokens: tokens.to_vec(), first: 2, table: table.clone() },
            targets: Targets::Classes(vec![0]),
        };
        assert_eq!(set(vectors(&[0, 1]), None, classes.clone()).unwrap().columns, 6);
        let wider = Part { inputs: Held::Dense(values(3, &[0.0; 3])), ..part(&[0]) };
        let not_finite = Part { inputs: Held::Dense(values(2, &[0.0, f64::NAN])), ..part(&[0]) };
        let of_values = Part { targets: Targets::Values(values(1, &[0.0])), ..part(&[0]) };
        for (training, test, expected) in [
            (part(&[]), None, "the training rows of the data cannot be used: there are 0"),
            (part(&[0, 2]), None, "the training rows of the data cannot be used: a class has no name"),
            (part(&[0]), Some(part(&[5])), "the test rows of the data cannot be used: a class has no name"),
            (part(&[0]), Some(wider), "the test rows of the data cannot be used: they have 3 input columns"),
            (not_finite, None, "the training rows of the data cannot be used: an input is NaN"),
            (part(&[0]), Some(of_values), "the test rows of the data cannot be used: their targets are not all"),
            (words(&[0, 5]), None, "the training rows of the data cannot be used: a token has no word"),
            (words(&[0]), None, "the training rows of the data cannot be used: there are 0"),
            (vectors(&[0, 2]), None, "the training rows of the data cannot be used: a token has no word"),
        ] {
            let error = set(training, test, classes.clone()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn the_encoding_follows_from_targets_outputs_and_loss() {
        let two = set(part(&[0, 1]), None, names(&["a", "b"])).unwrap();
        let three = set(part(&[0, 1]), None, names(&["a", "b", "c"])).unwrap();
        let regression = Part { inputs: part(&[0]).inputs, targets: Targets::Values(values(4, &[0.0; 4])) };
        let regression = set(regression, None, None).unwrap();
        for (set, outputs, numbers, expected) in [
            (&two, 1, false, Encoding::Binary),
            (&two, 2, false, Encoding::OneHot),
            (&two, 2, true, Encoding::Index),
            (&three, 3, false, Encoding::OneHot),
            (&regression, 4, false, Encoding::Values),
        ] {
            assert_eq!(set.encoding(outputs, numbers).unwrap(), expected);
        }
        for (set, outputs, numbers, expected) in [
            (&three, 1, false, "3 classes (a, b, c), which cannot be given as 0 and 1"),
            (&three, 2, true, "outputs have 2 columns, but the data's targets have 3 classes (a, b, c)"),
            (&two, 1, true, "outputs = 2"),
            (&regression, 4, true, "targets are values, not classes"),
            (&regression, 1, false, "outputs = 4"),
        ] {
            let error = set.encoding(outputs, numbers).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
