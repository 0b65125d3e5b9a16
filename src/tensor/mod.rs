//! Tensors as they cross between rooms: a borrowed, contiguous, row-major view, in f32 or f64.
//!
//! An engine lends its memory through a [`View`]; nothing is copied until a comparison widens it to f64.

mod gap;
mod squares;

pub(crate) use gap::pass;
pub use gap::{gap, gap_of_parts, norm};
use serde::{Deserialize, Serialize};
pub(crate) use squares::Lanes as SquareLanes;
pub use squares::{Squares, squares, squares_beside, squares_of_changes};
use std::{
    fmt,
    ops::{Deref, Range},
};

/// The floating-point type an engine computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl DType {
    /// The unit roundoff u: one correctly rounded operation errs by at most u relative to its result
    /// (2⁻²⁴ for f32, 2⁻⁵³ for f64).
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::EPSILON) / 2.0,
            Self::F64 => f64::EPSILON / 2.0,
        }
    }

    /// The largest finite number of the type.
    pub fn largest(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::MAX),
            Self::F64 => f64::MAX,
        }
    }

    /// The smallest positive number of the type (subnormal): the absolute error of a result that underflows.
    pub fn smallest(self) -> f64 {
        match self {
            Self::F32 => f64::from(f32::from_bits(1)),
            Self::F64 => f64::from_bits(1),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// The sizes of a tensor of at most four dimensions, outermost first; no dimensions is a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    sizes: [usize; 4],
    rank: usize,
}

impl Shape {
    /// The shape with these sizes. Only the first four count: nothing in the vocabulary has more.
    pub fn new(sizes: &[usize]) -> Self {
        let mut kept = [0; 4];
        let rank = sizes.len().min(4);
        kept[..rank].copy_from_slice(&sizes[..rank]);
        Self { sizes: kept, rank }
    }

    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.iter().product()
    }

    /// The index, per dimension, of the element at `offset` in row-major order.
    ///
    /// ```
    /// # use lockstep::tensor::Shape;
    /// assert_eq!(Shape::new(&[5, 2]).index(3), vec![1, 1]);
    /// ```
    pub fn index(&self, mut offset: usize) -> Vec<usize> {
        let mut index = vec![0; self.rank];
        for (place, &size) in index.iter_mut().zip(self.iter()).rev() {
            *place = offset % size.max(1);
            offset /= size.max(1);
        }
        index
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Borrowed elements in the type they are held in, row-major.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// Elements of an f32 tensor.
    F32(&'a [f32]),
    /// Elements of an f64 tensor.
    F64(&'a [f64]),
}

/// A tensor that someone else owns: its shape and its elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View<'a> {
    /// The sizes, outermost first.
    pub shape: Shape,
    /// The elements, row-major; as many as the shape says.
    pub values: Values<'a>,
}

impl<'a> View<'a> {
    /// A view of `values` with these sizes.
    ///
    /// # Panics
    /// If the sizes do not multiply to the number of values (a fault of the caller, never of a user).
    pub fn new(sizes: &[usize], values: impl Into<Values<'a>>) -> Self {
        let view = Self { shape: Shape::new(sizes), values: values.into() };
        assert_eq!(view.shape.elements(), view.len(), "a view's shape and length must agree");
        view
    }

    /// A tensor without elements: what is not there.
    pub fn nothing() -> Self {
        Self { shape: Shape::new(&[0]), values: Values::F64(&[]) }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.values.dtype()
    }

    /// Replaces the content of `target` by the elements, widened to f64 (exactly).
    pub fn widen_into(&self, target: &mut Vec<f64>) {
        self.values.widen_into(target);
    }
}

impl<'a> Values<'a> {
    /// Replaces the content of `target` by the elements, widened to f64 (exactly).
    pub fn widen_into(self, target: &mut Vec<f64>) {
        target.clear();
        match self {
            Self::F32(values) => target.extend(values.iter().map(|&value| f64::from(value))),
            Self::F64(values) => target.extend_from_slice(values),
        }
    }

    /// The elements one by one, widened to f64 (exactly).
    pub fn iter(self) -> impl Iterator<Item = f64> + Clone + 'a {
        (0..self.len()).map(move |place| self.at(place))
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements at these places.
    ///
    /// # Panics
    /// If there are none there (a fault of the caller, never of a user).
    pub fn part(self, places: Range<usize>) -> Self {
        match self {
            Self::F32(values) => Self::F32(&values[places]),
            Self::F64(values) => Self::F64(&values[places]),
        }
    }

    /// A copy of one's own.
    pub fn to_owned(&self) -> Owned {
        match self {
            Self::F32(values) => Owned::F32(values.to_vec()),
            Self::F64(values) => Owned::F64(values.to_vec()),
        }
    }

    /// The element at a place, widened to f64 (exactly).
    pub fn at(&self, place: usize) -> f64 {
        match self {
            Self::F32(values) => f64::from(values[place]),
            Self::F64(values) => values[place],
        }
    }

    /// The place of the first element, widened to f64 (exactly), that is so.
    pub fn position(&self, is_so: impl Fn(f64) -> bool) -> Option<usize> {
        match self {
            Self::F32(values) => values.iter().position(|&value| is_so(f64::from(value))),
            Self::F64(values) => values.iter().position(|&value| is_so(value)),
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
        }
    }
}

impl<'a> From<&'a [f32]> for Values<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::F32(values)
    }
}

impl<'a> From<&'a [f64]> for Values<'a> {
    fn from(values: &'a [f64]) -> Self {
        Self::F64(values)
    }
}

/// Elements of one's own, in the type they are held in, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Owned {
    /// Elements of an f32 tensor.
    F32(Vec<f32>),
    /// Elements of an f64 tensor.
    F64(Vec<f64>),
}

impl Default for Owned {
    fn default() -> Self {
        Self::F64(Vec::new())
    }
}

impl Owned {
    /// No elements yet.
    pub fn new(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Self::F32(Vec::new()),
            DType::F64 => Self::F64(Vec::new()),
        }
    }

    /// Replaces the elements by others, rounded to the type where theirs is finer.
    pub fn assign(&mut self, values: Values<'_>) {
        match (self, values) {
            (Self::F32(own), Values::F32(values)) => {
                own.clear();
                own.extend_from_slice(values);
            }
            (Self::F64(own), Values::F64(values)) => {
                own.clear();
                own.extend_from_slice(values);
            }
            (Self::F32(own), Values::F64(values)) => {
                own.clear();
                own.extend(values.iter().map(|&value| value as f32));
            }
            (Self::F64(own), Values::F32(values)) => {
                own.clear();
                own.extend(values.iter().map(|&value| f64::from(value)));
            }
        }
    }

    /// Becomes a copy of these elements, in their type.
    pub fn copy(&mut self, values: Values<'_>) {
        if self.values().dtype() != values.dtype() {
            *self = Self::new(values.dtype());
        }
        self.assign(values);
    }

    /// The elements, lent.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::F32(values) => Values::F32(values),
            Self::F64(values) => Values::F64(values),
        }
    }

    /// The elements in this shape.
    pub fn view(&self, shape: Shape) -> View<'_> {
        View { shape, values: self.values() }
    }

    /// Replaces every element by a function of its place and value.
    pub fn change(&mut self, new: impl Fn(usize, f64) -> f64) {
        match self {
            Self::F32(values) => {
                values.iter_mut().enumerate().for_each(|(place, x)| *x = new(place, f64::from(*x)) as f32);
            }
            Self::F64(values) => values.iter_mut().enumerate().for_each(|(place, x)| *x = new(place, *x)),
        }
    }
}
