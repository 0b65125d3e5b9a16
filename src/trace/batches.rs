//! The batches that a trace was trained on: the different rows, each once, and which of them every batch has.

use super::{Array, Trace};
use crate::{
    data::order::Listed,
    error::Result,
    file::{self, Raw, most_bytes},
};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
};

/// What a trace says of its batches.
pub(crate) enum Given {
    /// Their rows.
    Rows {
        /// Each once, inputs and targets. `[rows, …]`
        set: [file::Array; 2],
        /// Which of them a batch has.
        listed: Listed,
    },
    /// Which rows of the data they have.
    Numbers(Listed),
}

impl Given {
    /// Whether two trainings were given the same batches, numbers rounded to f32, as one of them may compute in that.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let narrow = |array: &file::Array| -> Vec<f32> {
            (0..array.values.len()).map(|place| array.values.at(place) as f32).collect()
        };
        match (self, other) {
            (Self::Rows { set, listed }, Self::Rows { set: others, listed: other }) => {
                listed == other && set.iter().zip(others).all(|(one, other)| narrow(one) == narrow(other))
            }
            (Self::Numbers(listed), Self::Numbers(other)) => listed == other,
            // One of them tells the rows, the other their numbers.
            (Self::Rows { .. }, Self::Numbers(_)) | (Self::Numbers(_), Self::Rows { .. }) => false,
        }
    }
}

impl Trace {
    /// The batches, if it has them.
    ///
    /// # Errors
    /// If they cannot be read, or are not what they should be.
    pub(crate) fn batches(&self) -> Result<Option<Given>> {
        let size = self.array("batch/size");
        if let Some(index) = self.array("batch/index") {
            return self.numbers(index, size).map(Given::Numbers).map(Some);
        }
        match (self.array("batch/input"), self.array("batch/target")) {
            (Some(inputs), Some(targets)) => self.rows([inputs, targets], size).map(Some),
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(self.fault("has inputs of its batches and no targets; record batch=(inputs, targets)"))
            }
            (None, Some(_)) => {
                Err(self.fault("has targets of its batches and no inputs; record batch=(inputs, targets)"))
            }
        }
    }

    /// How many rows of a batch count: all that are recorded, or as many as its size says.
    fn counts(&self, array: &Array, size: Option<&Array>) -> Result<Vec<usize>> {
        let most = array.shape().first().copied().unwrap_or(1);
        let Some(size) = size else { return Ok(vec![most; array.steps()]) };
        let mut value = Vec::new();
        let of =
            |step| -> Result<usize> {
                size.read(step, &mut value)?;
                match value.as_slice() {
                    &[rows] if rows >= 1.0 && rows <= most as f64 && rows.fract() == 0.0 => Ok(rows as usize),
                    found => Err(self
                        .fault(format!("says at step {step} that a batch has {found:?} rows; there are 1 to {most}"))),
                }
            };
        (0..array.steps().min(size.steps())).map(of).collect()
    }

    /// Refuses rows that the data do not have.
    ///
    /// # Errors
    /// If there are some.
    pub(crate) fn within(&self, listed: &Listed, rows: usize) -> Result<()> {
        match listed.largest().filter(|row| *row >= rows) {
            None => Ok(()),
            Some(row) => Err(self.fault(format!(
                "has row {row} of the data in a batch, but they have {rows} rows, numbered from 0; give [data] those that it was trained on"
            ))),
        }
    }

    fn numbers(&self, index: &Array, size: Option<&Array>) -> Result<Listed> {
        let (mut listed, mut values) = (Listed::default(), Vec::new());
        for (step, count) in self.counts(index, size)?.into_iter().enumerate() {
            index.read(step, &mut values)?;
            let numbers = values.iter().take(count).map(|&number| {
                let whole = number >= 0.0 && number < f64::from(u32::MAX) && number.fract() == 0.0;
                whole.then_some(number as u32).ok_or_else(|| {
                    self.fault(format!(
                        "says at step {step} that its batch has row {number} of the data, which is no number of a row"
                    ))
                })
            });
            listed.push(&numbers.collect::<Result<Vec<_>>>()?);
        }
        Ok(listed)
    }

    pub(super) fn rows(&self, [inputs, targets]: [&Array; 2], size: Option<&Array>) -> Result<Given> {
        let counts = self.counts(inputs, size)?;
        let [width, of_targets] = [inputs, targets].map(|array| {
            let most = array.shape().first().copied().unwrap_or(1).max(1);
            (array.elements() / most).max(1)
        });
        let (mut listed, mut known) = (Listed::default(), HashMap::<u64, Vec<u32>>::new());
        let (mut all, mut goals) = (Vec::<f64>::new(), Vec::<f64>::new());
        let (mut rows, mut their) = (Vec::new(), Vec::new());
        let most = most_bytes();
        for (step, count) in counts.into_iter().enumerate().take(targets.steps()) {
            inputs.read(step, &mut rows)?;
            targets.read(step, &mut their)?;
            if their.len() < count * of_targets {
                return Err(self.fault(format!("has {count} rows of inputs and fewer targets at step {step}")));
            }
            let mut numbers = Vec::with_capacity(count);
            for (x, t) in rows.chunks_exact(width).zip(their.chunks_exact(of_targets)).take(count) {
                let mut hasher = DefaultHasher::new();
                x.iter().chain(t).for_each(|value| hasher.write_u64(value.to_bits()));
                let same = known.entry(hasher.finish()).or_default();
                let at = |row: u32, width: usize| row as usize * width..(row as usize + 1) * width;
                let found =
                    same.iter().copied().find(|&row| all[at(row, width)] == *x && goals[at(row, of_targets)] == *t);
                numbers.push(match found {
                    Some(row) => row,
                    None => {
                        let row = (all.len() / width) as u32;
                        all.extend_from_slice(x);
                        goals.extend_from_slice(t);
                        same.push(row);
                        row
                    }
                });
                if 8 * (all.len() + goals.len()) as u64 > most {
                    return Err(self.fault(format!(
                        "has batches of more than {most} bytes of different rows, which do not fit the memory of this machine; record rows= \
                         (their numbers) in place of batch=, and give the experiment its [data]"
                    )));
                }
            }
            listed.push(&numbers);
        }
        let count = all.len() / width;
        if count == 0 {
            return Err(self.fault("has batches without rows"));
        }
        let array = |name: &str, shape: Vec<usize>, values: Vec<f64>, whole: bool| file::Array {
            name: name.to_owned(),
            shape,
            values: Raw::F64(values),
            whole,
        };
        let shape = |width: usize| if width == 1 { vec![count] } else { vec![count, width] };
        // Whole numbers are classes, however a program has widened them; which they are the loss decides.
        let set = [
            array("batch/input", vec![count, width], all, false),
            array("batch/target", shape(of_targets), goals, targets.is_whole()),
        ];
        Ok(Given::Rows { set, listed })
    }
}
