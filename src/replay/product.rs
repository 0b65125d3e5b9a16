//! Products of matrices: of values, in f64, and of magnitudes, which bounds are made of.
//!
//! Large ones go to `gemm` (SIMD, one thread), magnitudes in f32, whose own rounding is added to the bound. Below
//! [`SMALL`] multiply-adds its set-up costs more than the product, and plain loops are used.

use std::ops::RangeInclusive;

/// Multiply-adds below which plain loops win over `gemm`.
const SMALL: usize = 1 << 9;

/// Magnitudes that are multiplied in f32, besides 0: no product of two underflows, and no sum of them overflows.
const NARROW: RangeInclusive<f64> = 1.0 / (1u64 << 60) as f64..=(1u64 << 40) as f64;

/// Terms up to which magnitudes are summed in f32: the bound grows by less than 1 %.
const FEW: usize = 1 << 16;

/// A matrix in a slice: the steps, in elements, from a row and from a column to the next.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T = f64> {
    values: &'a [T],
    row: usize,
    column: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major matrix of this width.
    pub(super) fn new(values: &'a [T], width: usize) -> Self {
        Self { values, row: width, column: 1 }
    }

    /// Its rows as columns.
    pub(super) fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    /// Whether it has these sizes, its elements side by side in one of the two orders.
    fn is(&self, rows: usize, columns: usize) -> bool {
        self.values.len() == rows * columns && [(columns, 1), (1, rows)].contains(&(self.row, self.column))
    }

    /// The same matrix with other values.
    fn with<U>(self, values: &[U]) -> Matrix<'_, U> {
        Matrix { values, row: self.row, column: self.column }
    }
}

/// C = A·B for A `[m, k]`, B `[k, n]` and row-major C `[m, n]`.
pub(super) fn product(a: Matrix<'_>, b: Matrix<'_>, c: &mut [f64], sizes: [usize; 3]) {
    if sizes.iter().product::<usize>() > SMALL {
        vectorized(a, b, c, sizes);
    } else {
        plain(a, b, c, sizes, |a, b| a * b);
    }
}

/// Room for products of magnitudes.
#[derive(Default)]
pub(super) struct Magnitudes {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Magnitudes {
    /// C = `factor`·|A|·|B| + `offset`, each element rounded up by less than 1 %; sizes as in [`product`].
    pub(super) fn product(
        &mut self,
        a: Matrix<'_>,
        b: Matrix<'_>,
        (factor, offset): (f64, f64),
        c: &mut [f64],
        sizes: [usize; 3],
    ) {
        let terms = sizes[1];
        // Two factors, their product and the sum: with u half an epsilon, terms + 2 roundings, each down by u at most;
        // 1/(1 − u)ᵐ ≤ 1 + 2mu while mu ≤ ½. Two more are for this line and the last.
        let upward = |epsilon: f64| factor * (1.0 + (terms + 4) as f64 * epsilon);
        if sizes.iter().product::<usize>() <= SMALL {
            plain(a, b, c, sizes, |a, b| (a * b).abs());
        } else if terms <= FEW && narrow(a.values, &mut self.a) && narrow(b.values, &mut self.b) {
            self.c.resize(c.len(), 0.0);
            vectorized(a.with(&self.a), b.with(&self.b), &mut self.c, sizes);
            let factor = upward(f64::from(f32::EPSILON));
            c.iter_mut().zip(&self.c).for_each(|(c, &magnitude)| *c = factor * f64::from(magnitude) + offset);
            return;
        } else {
            let [a_magnitude, b_magnitude] =
                [a, b].map(|matrix| matrix.values.iter().map(|x| x.abs()).collect::<Vec<_>>());
            vectorized(a.with(&a_magnitude), b.with(&b_magnitude), c, sizes);
        }
        let factor = upward(f64::EPSILON);
        c.iter_mut().for_each(|c| *c = factor * *c + offset);
    }
}

/// Rounds magnitudes to f32; false if one is outside of [`NARROW`].
fn narrow(values: &[f64], narrowed: &mut Vec<f32>) -> bool {
    narrowed.clear();
    narrowed.extend(values.iter().map(|x| x.abs() as f32));
    // All are looked at, as that is faster than to stop at the first.
    values.iter().fold(true, |within, x| {
        let x = x.abs();
        within & ((x == 0.0) | ((x >= *NARROW.start()) & (x <= *NARROW.end())))
    })
}

/// C = Σ term(A, B), one after the other.
fn plain(a: Matrix<'_>, b: Matrix<'_>, c: &mut [f64], [m, k, n]: [usize; 3], term: impl Fn(f64, f64) -> f64) {
    for i in 0..m {
        for j in 0..n {
            let terms = (0..k).map(|l| term(a.values[i * a.row + l * a.column], b.values[l * b.row + j * b.column]));
            c[i * n + j] = terms.sum();
        }
    }
}

/// C = A·B by `gemm`, on this thread.
fn vectorized<T: From<u8> + 'static>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], [m, k, n]: [usize; 3]) {
    assert!(a.is(m, k) && b.is(k, n) && c.len() == m * n, "a product's sizes must agree");
    // SAFETY: by the assertion, every element at i·row + j·column for the sizes given lies within its slice; C is
    // borrowed alone.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            T::from(0),
            T::from(1),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
