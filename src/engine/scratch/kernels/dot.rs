//! Products of matrices of which one has few rows, C = A·Bᵀ: each element as the product of two rows, read along memory.
//! Nothing is packed, which a few rows would not repay.

use super::{
    ARCH, Lanes, Team,
    product::{Sizes, threads},
};
use pulp::{Simd, WithSimd};

/// Rows of A, and of B, whose products are summed up together: 16 sums, and 8 vectors for them.
const SIDE: usize = 4;

/// C = A·Bᵀ, or C += A·Bᵀ, of A `[m, k]`, B `[n, k]` and C `[m, n]`.
pub(super) fn product<T: Lanes>(team: &mut Team, (a, b): (&[T], &[T]), sizes: Sizes, c: &mut [T], add: bool) {
    let Sizes { m, k, n } = sizes;
    let rows = m.div_ceil(threads(team, sizes)).next_multiple_of(SIDE);
    let parts = a.chunks(rows * k).zip(c.chunks_mut(rows * n));
    team.each(parts, |(a, c)| ARCH.dispatch(Part { a, b, k, c, add }));
}

/// A thread's rows of A and of C.
struct Part<'a, T> {
    a: &'a [T],
    b: &'a [T],
    k: usize,
    c: &'a mut [T],
    add: bool,
}

impl<T: Lanes> WithSimd for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let Self { a, b, k, c, add } = self;
        let n = b.len() / k;
        let (mut row, m) = (0, a.len() / k);
        while row < m {
            let (a, c) = (&a[row * k..], &mut c[row * n..]);
            row += match m - row {
                SIDE.. => rows::<V, T, SIDE>(simd, a, b, k, c, add),
                2.. => rows::<V, T, 2>(simd, a, b, k, c, add),
                _ => rows::<V, T, 1>(simd, a, b, k, c, add),
            };
        }
    }
}

/// The first `H` rows of C; returns how many that are.
#[inline(always)]
fn rows<V: Simd, T: Lanes, const H: usize>(simd: V, a: &[T], b: &[T], k: usize, c: &mut [T], add: bool) -> usize {
    let n = b.len() / k;
    let a: [&[T]; H] = std::array::from_fn(|row| &a[row * k..][..k]);
    let mut column = 0;
    while column < n {
        let (b, c) = (&b[column * k..], &mut c[column..]);
        column += match n - column {
            SIDE.. => square::<V, T, H, SIDE>(simd, a, b, (c, n), add),
            2.. => square::<V, T, H, 2>(simd, a, b, (c, n), add),
            _ => square::<V, T, H, 1>(simd, a, b, (c, n), add),
        };
    }
    H
}

/// The first `W` columns of so many rows of C; returns how many that are.
#[inline(always)]
fn square<V: Simd, T: Lanes, const H: usize, const W: usize>(
    simd: V,
    a: [&[T]; H],
    b: &[T],
    (c, step): (&mut [T], usize),
    add: bool,
) -> usize {
    let k = a[0].len();
    let b = std::array::from_fn(|column| &b[column * k..][..k]);
    simd.vectorize(Square::<T, H, W> { a, b, c, step, add });
    W
}

/// Rows of A and of B, as many as C has elements.
struct Square<'a, T, const H: usize, const W: usize> {
    a: [&'a [T]; H],
    b: [&'a [T]; W],
    c: &'a mut [T],
    step: usize,
    add: bool,
}

impl<T: Lanes, const H: usize, const W: usize> WithSimd for Square<'_, T, H, W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, simd: V) {
        let (k, lanes) = (self.a[0].len(), T::count::<V>());
        let mut sums = [[T::splat(simd, T::ZERO); W]; H];
        let vectors = k / lanes;
        let a: [&[T::Vector<V>]; H] = std::array::from_fn(|row| &T::vectors::<V>(&self.a[row][..k])[..vectors]);
        let b: [&[T::Vector<V>]; W] = std::array::from_fn(|column| &T::vectors::<V>(&self.b[column][..k])[..vectors]);
        for at in 0..vectors {
            let b: [T::Vector<V>; W] = std::array::from_fn(|column| b[column][at]);
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = a[row][at];
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = T::mul_add(simd, a, b, *sum);
                }
            }
        }
        if k > vectors * lanes {
            let rest = vectors * lanes..k;
            let b: [T::Vector<V>; W] = std::array::from_fn(|column| T::load_some(simd, &self.b[column][rest.clone()]));
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = T::load_some(simd, &self.a[row][rest.clone()]);
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = T::mul_add(simd, a, b, *sum);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (target, sum) in self.c[row * self.step..][..W].iter_mut().zip(sums) {
                let sum = T::sum(simd, sum);
                *target = if self.add { *target + sum } else { sum };
            }
        }
    }
}
