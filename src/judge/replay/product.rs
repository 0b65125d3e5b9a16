//! Products of matrices: of values, in f64, and of magnitudes, which bounds are made of.
//!
//! Large ones go to `gemm` (SIMD, one thread), magnitudes in f32, whose own rounding is added to the bound. Below
//! [`SMALL`] multiply-adds its set-up costs more than the product, and plain loops are used.

use super::Exact;
use pulp::{Arch, Simd, WithSimd};
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

/// Products with bounds, and room for those of the magnitudes.
#[derive(Default)]
pub(super) struct Products {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Products {
    /// Values A·B with bounds `relative`·|E|·|B| + `absolute`, each rounded up by less than 1 %: A and what its errors
    /// are relative to, E, are `[m, k]`, B is `[k, n]` and the result row-major `[m, n]`.
    pub(super) fn product(
        &mut self,
        a: Matrix<'_>,
        errors: Matrix<'_>,
        b: Matrix<'_>,
        (relative, absolute): (f64, f64),
        result: &mut Exact,
        sizes: [usize; 3],
    ) {
        let [m, k, n] = sizes;
        result.value.resize(m * n, 0.0);
        result.bound.resize(m * n, 0.0);
        // Two factors, their product and the sum: with u half an epsilon, k + 2 roundings, each down by u at most;
        // 1/(1 − u)ᵐ ≤ 1 + 2mu while mu ≤ ½. Two more are for the last line.
        let upward = |epsilon: f64| relative * (1.0 + (k + 4) as f64 * epsilon);
        if m * k * n <= SMALL {
            return plain(a, errors, b, (upward(f64::EPSILON), absolute), result, sizes);
        }
        vectorized(a, b, &mut result.value, sizes);
        let bound = &mut result.bound;
        let narrowed = (narrow(errors.values, &mut self.a), narrow(b.values, &mut self.b));
        if let (Some(errors_narrow), Some(b_narrow), ..=FEW) = (narrowed.0, narrowed.1, k) {
            let magnitudes = room(&mut self.c, m * n);
            vectorized(errors.with(errors_narrow), b.with(b_narrow), magnitudes, sizes);
            Arch::new().dispatch(Widen { magnitudes, factor: upward(f64::from(f32::EPSILON)), absolute, bound });
        } else {
            let [errors_wide, b_wide] =
                [errors, b].map(|matrix| matrix.values.iter().map(|x| x.abs()).collect::<Vec<_>>());
            vectorized(errors.with(&errors_wide), b.with(&b_wide), bound, sizes);
            let factor = upward(f64::EPSILON);
            bound.iter_mut().for_each(|bound| *bound = factor * *bound + absolute);
        }
    }
}

/// The first `count` places of a buffer, which hold anything.
fn room(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    &mut buffer[..count]
}

/// The magnitudes in f32, if all are within [`NARROW`].
fn narrow<'a>(values: &[f64], buffer: &'a mut Vec<f32>) -> Option<&'a [f32]> {
    let narrowed = room(buffer, values.len());
    Arch::new().dispatch(Narrow { values, narrowed: &mut *narrowed }).then_some(narrowed)
}

/// A loop that is compiled for several processors.
struct Narrow<'a> {
    values: &'a [f64],
    narrowed: &'a mut [f32],
}

impl WithSimd for Narrow<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> bool {
        let mut within = true;
        for (narrowed, value) in self.narrowed.iter_mut().zip(self.values) {
            let magnitude = value.abs();
            *narrowed = magnitude as f32;
            // All are looked at, as that is faster than to stop at the first.
            within &= (magnitude == 0.0) | ((magnitude >= *NARROW.start()) & (magnitude <= *NARROW.end()));
        }
        within
    }
}

/// Another one: `bound` = `factor`·`magnitudes` + `absolute`.
struct Widen<'a> {
    magnitudes: &'a [f32],
    factor: f64,
    absolute: f64,
    bound: &'a mut [f64],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (bound, &magnitude) in self.bound.iter_mut().zip(self.magnitudes) {
            *bound = self.factor * f64::from(magnitude) + self.absolute;
        }
    }
}

/// As [`Products::product`], one term after the other.
fn plain(
    a: Matrix<'_>,
    errors: Matrix<'_>,
    b: Matrix<'_>,
    (factor, absolute): (f64, f64),
    result: &mut Exact,
    [m, k, n]: [usize; 3],
) {
    for i in 0..m {
        for j in 0..n {
            let (mut sum, mut magnitude) = (0.0, 0.0);
            for l in 0..k {
                let (left, right) = (i * a.row + l * a.column, b.values[l * b.row + j * b.column]);
                sum += a.values[left] * right;
                magnitude += (errors.values[left] * right).abs();
            }
            result.value[i * n + j] = sum;
            result.bound[i * n + j] = factor * magnitude + absolute;
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
