//! Numbers as they are held: in every type that somebody computes in, and in no other.
//!
//! A value is decided in f64 and rounded to f32 once. What nobody computes in takes no memory.

use crate::tensor::{DType, Values, View};
use std::ops::Range;

/// The types that somebody computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DTypes {
    /// Whether somebody computes in f32.
    pub f32: bool,
    /// Whether somebody computes in f64.
    pub f64: bool,
}

impl DTypes {
    /// f32 alone.
    pub const F32: Self = Self { f32: true, f64: false };
    /// f64 alone.
    pub const F64: Self = Self { f32: false, f64: true };
    /// Both.
    pub const BOTH: Self = Self { f32: true, f64: true };

    /// Whether `dtype` is among them.
    pub fn has(self, dtype: DType) -> bool {
        match dtype {
            DType::F32 => self.f32,
            DType::F64 => self.f64,
        }
    }
}

impl FromIterator<DType> for DTypes {
    fn from_iter<I: IntoIterator<Item = DType>>(dtypes: I) -> Self {
        dtypes.into_iter().fold(Self::default(), |all, dtype| Self {
            f32: all.f32 || dtype == DType::F32,
            f64: all.f64 || dtype == DType::F64,
        })
    }
}

/// Rows of `width` numbers, row-major, in the types that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    rows: usize,
    width: usize,
    f32: Option<Vec<f32>>, // [rows, width]
    f64: Option<Vec<f64>>, // [rows, width]
}

impl Columns {
    /// Rows of `width` values, row-major.
    ///
    /// # Panics
    /// If the values do not fill whole rows (a fault of the caller, never of a user).
    ///
    /// ```
    /// # use lockstep::data::columns::{Columns, DTypes};
    /// let columns = Columns::new(2, vec![0.1, 0.2, 0.3, 0.4], DTypes::F32);
    /// assert_eq!((columns.rows(), columns.f32()), (2, Some(&[0.1, 0.2, 0.3, 0.4][..])));
    /// assert_eq!(columns.f64(), None);
    /// ```
    pub fn new(width: usize, values: Vec<f64>, wanted: DTypes) -> Self {
        let f32 = wanted.f32.then(|| values.iter().map(|&value| value as f32).collect());
        Self { rows: whole_rows(values.len(), width), width, f32, f64: wanted.f64.then_some(values) }
    }

    /// The same of values that are f32 to begin with.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn from_f32(width: usize, values: Vec<f32>, wanted: DTypes) -> Self {
        let f64 = wanted.f64.then(|| values.iter().map(|&value| f64::from(value)).collect());
        Self { rows: whole_rows(values.len(), width), width, f32: wanted.f32.then_some(values), f64 }
    }

    /// The same of values that are worked out one by one, from their places in row-major order: no other copy is
    /// held meanwhile.
    pub fn from_fn(rows: usize, width: usize, wanted: DTypes, value: impl Fn(usize) -> f64) -> Self {
        let count = rows * width;
        let f32 = wanted.f32.then(|| (0..count).map(|place| value(place) as f32).collect());
        Self { rows, width, f32, f64: wanted.f64.then(|| (0..count).map(value).collect()) }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The types that are held.
    pub fn held(&self) -> DTypes {
        DTypes { f32: self.f32.is_some(), f64: self.f64.is_some() }
    }

    /// The values in f32, if they are held. `[rows, width]`
    pub fn f32(&self) -> Option<&[f32]> {
        self.f32.as_deref()
    }

    /// The values in f64, if they are held. `[rows, width]`
    pub fn f64(&self) -> Option<&[f64]> {
        self.f64.as_deref()
    }

    /// The value at a place in row-major order.
    pub fn at(&self, place: usize) -> f64 {
        let f32 = || self.f32.as_ref().map_or(f64::NAN, |values| f64::from(values[place]));
        self.f64.as_ref().map_or_else(f32, |values| values[place])
    }

    /// Some of the rows, lent. `[range, width]`
    pub fn view(&self, range: Range<usize>, dtype: DType) -> Option<View<'_>> {
        let sizes = [range.len(), self.width];
        let places = range.start * self.width..range.end * self.width;
        let values = match dtype {
            DType::F32 => Values::F32(self.f32()?.get(places)?),
            DType::F64 => Values::F64(self.f64()?.get(places)?),
        };
        Some(View::new(&sizes, values))
    }

    /// The place, in row-major order, of the first value that is NaN or an infinity in a type that is held.
    pub fn not_finite(&self) -> Option<usize> {
        let f32 = || self.f32()?.iter().position(|value| !value.is_finite());
        let f64 = || self.f64()?.iter().position(|value| !value.is_finite());
        f64().or_else(f32)
    }

    /// Replaces every value by a function of its place and value, in each type that is held.
    pub fn change(&mut self, new: impl Fn(usize, f64) -> f64) {
        if let Some(values) = &mut self.f32 {
            values.iter_mut().enumerate().for_each(|(place, x)| *x = new(place, f64::from(*x)) as f32);
        }
        if let Some(values) = &mut self.f64 {
            values.iter_mut().enumerate().for_each(|(place, x)| *x = new(place, *x));
        }
    }
}

fn whole_rows(values: usize, width: usize) -> usize {
    let rows = values / width.max(1);
    assert_eq!(rows * width, values, "values must fill whole rows");
    rows
}

/// Rows of which only what is not 0 is held (compressed sparse rows).
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// The number of columns.
    pub width: usize,
    /// Where each row starts, and where the last one ends, from 0. `[rows + 1]`
    pub starts: Vec<usize>,
    /// The column of each value, ascending within a row. `[values]`
    pub columns: Vec<u32>,
    /// The values. `[values, 1]`
    pub values: Columns,
}

impl Csr {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// What is not as it must be, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let ends = (self.starts.first(), self.starts.last());
        if ends != (Some(&0), Some(&self.columns.len())) || self.values.rows() != self.columns.len() {
            return Some("the starts of its sparse rows do not go from 0 to the number of values");
        }
        if self.starts.windows(2).any(|ends| ends[0] > ends[1]) {
            return Some("a sparse row ends before it starts");
        }
        let ascending = |ends: &[usize]| self.columns[ends[0]..ends[1]].windows(2).all(|pair| pair[0] < pair[1]);
        if !self.starts.windows(2).all(ascending) {
            return Some("the columns of a sparse row do not ascend");
        }
        let beyond = |&column: &u32| column as usize >= self.width;
        self.columns.iter().any(beyond).then_some("a sparse row has a value beyond the last column")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_nobody_computes_in_is_not_held() {
        for (wanted, dtype, other) in [(DTypes::F32, DType::F32, DType::F64), (DTypes::F64, DType::F64, DType::F32)] {
            for columns in [
                Columns::new(1, vec![0.1, 0.2], wanted),
                Columns::from_fn(2, 1, wanted, |place| [0.1, 0.2][place]),
                Columns::from_f32(1, vec![0.1, 0.2], wanted),
            ] {
                assert_eq!((columns.held(), columns.view(0..2, other)), (wanted, None));
                assert_eq!(columns.view(1..2, dtype).unwrap().shape[..], [1, 1]);
            }
        }
    }

    #[test]
    fn a_number_that_f32_cannot_hold_is_found_only_where_f32_is_held() {
        let values = vec![1.0, 1e300];
        assert_eq!(Columns::new(2, values.clone(), DTypes::BOTH).not_finite(), Some(1));
        assert_eq!(Columns::new(2, values, DTypes::F64).not_finite(), None);
    }

    #[test]
    fn sparse_rows_that_are_not_well_formed_are_refused() {
        let valid = Csr {
            width: 3,
            starts: vec![0, 2, 2, 3],
            columns: vec![0, 2, 1],
            values: Columns::new(1, vec![1.0, 2.0, 3.0], DTypes::F32),
        };
        assert_eq!(valid.fault(), None);
        for bad in [
            Csr { starts: vec![], ..valid.clone() },
            Csr { starts: vec![0, 2, 2, 4], ..valid.clone() },
            Csr { starts: vec![0, 2, 1, 3], ..valid.clone() },
            Csr { columns: vec![2, 2, 1], ..valid.clone() },
            Csr { columns: vec![0, 3, 1], ..valid.clone() },
            Csr { values: Columns::new(1, vec![1.0], DTypes::F32), ..valid.clone() },
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
