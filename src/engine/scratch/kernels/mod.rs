//! Arithmetic on contiguous slices: the three products of a linear layer and their sums.
//!
//! Large products go to `gemm` (SIMD, one thread); below [`SMALL`] multiply-adds its set-up costs more than the
//! product, and plain loops are used.

pub(super) mod sparse;

use crate::tensor::{DType, Values};
use ndarray::NdFloat;

/// f32 or f64.
pub trait Real: NdFloat {
    /// The type's name.
    const DTYPE: DType;
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// The same value in f64.
    fn widen(self) -> f64;
    /// erf(x) = 2/√π·∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// As elements of a view.
    fn values(slice: &[Self]) -> Values<'_>;
    /// The elements of a view, if they are of this type.
    fn slice(values: Values<'_>) -> Option<&[Self]>;
}

/// Multiply-adds below which plain loops win over `gemm`: its call costs about 300 ns, which the loops use for about
/// this many on 2-core AVX-512 machines.
const SMALL: usize = 1 << 10;

/// y = x·Wᵀ + b: x `[rows, inputs]`, W `[outputs, inputs]`, b `[outputs]`, y `[rows, outputs]`.
pub(super) fn affine<T: Real>(
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
    rows: usize,
    inputs: usize,
    outputs: usize,
) {
    if rows * inputs * outputs > SMALL {
        match bias {
            Some(bias) => y.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(bias)),
            None => y.fill(T::zero()),
        }
        return product(
            Matrix { values: x, row: inputs, column: 1 },
            Matrix { values: weight, row: 1, column: inputs },
            y,
            [rows, inputs, outputs],
        );
    }
    for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
        for (output, (y, weight)) in y.iter_mut().zip(weight.chunks_exact(inputs)).enumerate() {
            let dot = x.iter().zip(weight).fold(T::zero(), |sum, (&x, &w)| sum + x * w);
            *y = bias.map_or(dot, |bias| dot + bias[output]);
        }
    }
}

/// ∂W = Gᵀ·x: G `[rows, outputs]`, x `[rows, inputs]`, ∂W `[outputs, inputs]`.
pub(super) fn weight_gradient<T: Real>(
    gradient: &[T],
    x: &[T],
    target: &mut [T],
    rows: usize,
    inputs: usize,
    outputs: usize,
) {
    target.fill(T::zero());
    if rows * inputs * outputs > SMALL {
        return product(
            Matrix { values: gradient, row: 1, column: outputs },
            Matrix { values: x, row: inputs, column: 1 },
            target,
            [outputs, rows, inputs],
        );
    }
    for (gradient, x) in gradient.chunks_exact(outputs).zip(x.chunks_exact(inputs)) {
        for (&gradient, target) in gradient.iter().zip(target.chunks_exact_mut(inputs)) {
            for (target, &x) in target.iter_mut().zip(x) {
                *target += gradient * x;
            }
        }
    }
}

/// ∂x = G·W: G `[rows, outputs]`, W `[outputs, inputs]`, ∂x `[rows, inputs]`.
pub(super) fn input_gradient<T: Real>(
    gradient: &[T],
    weight: &[T],
    target: &mut [T],
    rows: usize,
    inputs: usize,
    outputs: usize,
) {
    target.fill(T::zero());
    if rows * inputs * outputs > SMALL {
        return product(
            Matrix { values: gradient, row: outputs, column: 1 },
            Matrix { values: weight, row: inputs, column: 1 },
            target,
            [rows, outputs, inputs],
        );
    }
    for (gradient, target) in gradient.chunks_exact(outputs).zip(target.chunks_exact_mut(inputs)) {
        for (&gradient, weight) in gradient.iter().zip(weight.chunks_exact(inputs)) {
            for (target, &weight) in target.iter_mut().zip(weight) {
                *target += gradient * weight;
            }
        }
    }
}

/// Sums each column of a `[rows, target.len()]` matrix.
pub(super) fn column_sums<T: Real>(matrix: &[T], target: &mut [T]) {
    target.fill(T::zero());
    for row in matrix.chunks_exact(target.len()) {
        for (sum, &value) in target.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Partial sums that a [`total`] is made of.
const LANES: usize = 8;

/// The sum of `count` terms, in [`LANES`] partial sums: what a processor adds at once, and a shorter way for errors.
pub(super) fn total<T: Real>(count: usize, term: impl Fn(usize) -> T) -> T {
    let mut lanes = [T::zero(); LANES];
    let whole = count - count % LANES;
    for start in (0..whole).step_by(LANES) {
        lanes.iter_mut().enumerate().for_each(|(lane, sum)| *sum += term(start + lane));
    }
    let rest = (whole..count).fold(T::zero(), |sum, at| sum + term(at));
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

/// A matrix in a slice: the steps, in elements, from a row and from a column to the next.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    values: &'a [T],
    row: usize,
    column: usize,
}

/// C += A·B for A `[m, k]`, B `[k, n]` and row-major C `[m, n]`, on this thread.
fn product<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, c: &mut [T], [m, k, n]: [usize; 3]) {
    assert!(a.values.len() == m * k && b.values.len() == k * n && c.len() == m * n, "a product's sizes must agree");
    // SAFETY: by the assertion, every element at i·row + j·column for the sizes given lies within its slice, as each
    // matrix is contiguous with one of its two steps 1 and the other its width; C is borrowed alone.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            true,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            T::one(),
            T::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes on both sides of [`SMALL`], width 1 and batch 1 included: `gemm` and the loops must give the same.
    #[test]
    fn every_product_equals_its_definition() {
        for [rows, inputs, outputs] in [[1, 1, 1], [4, 2, 5], [1, 300, 7], [33, 17, 9], [64, 50, 1], [8, 1, 200]] {
            let fill = |count: usize, seed: usize| -> Vec<f64> {
                (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f64 / 1009.0 - 0.5).collect()
            };
            let (x, weight, gradient) = (fill(rows * inputs, 1), fill(outputs * inputs, 2), fill(rows * outputs, 3));
            let bias = fill(outputs, 4);
            let sum = |count: usize, term: &dyn Fn(usize) -> f64| (0..count).map(term).sum::<f64>();
            let close = |found: &[f64], width: usize, expected: &dyn Fn(usize, usize) -> f64| {
                for (offset, found) in found.iter().enumerate() {
                    // 300 terms of at most ¼, each rounded: 300 · 75 · 2⁻⁵³ < 1e-11.
                    assert!((found - expected(offset / width, offset % width)).abs() < 1e-11);
                }
            };
            let mut y = vec![f64::NAN; rows * outputs];
            affine(&x, &weight, Some(&bias), &mut y, rows, inputs, outputs);
            close(&y, outputs, &|i, j| bias[j] + sum(inputs, &|k| x[i * inputs + k] * weight[j * inputs + k]));
            let mut target = vec![f64::NAN; outputs * inputs];
            weight_gradient(&gradient, &x, &mut target, rows, inputs, outputs);
            close(&target, inputs, &|i, j| sum(rows, &|k| gradient[k * outputs + i] * x[k * inputs + j]));
            let mut target = vec![f64::NAN; rows * inputs];
            input_gradient(&gradient, &weight, &mut target, rows, inputs, outputs);
            close(&target, inputs, &|i, j| sum(outputs, &|k| gradient[i * outputs + k] * weight[k * inputs + j]));
        }
    }
}
