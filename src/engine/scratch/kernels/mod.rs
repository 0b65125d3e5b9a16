//! The arithmetic of the engine: products and sums over contiguous slices, on all the threads and in the widest vectors
//! there are.
//!
//! Each kernel's result is the same however many threads there are. Nothing is allocated once each kind of step has been
//! made of the largest batch.

mod dot;
mod function;
mod lanes;
mod product;
mod real;
pub(super) mod sparse;
mod team;

pub(super) use function::sigmoid;
pub use {lanes::Lanes, real::Real};

use product::{Left, Place, Right, Sink, Sizes, Start, Target};
use pulp::{Arch, NullaryFnOnce};
use std::{ops::Range, sync::LazyLock};
use team::Team;

/// What the processor can do, found out once.
static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs a loop with the widest vectors that the processor has. Operations stay what they are, to the bit.
#[inline(always)]
pub(super) fn vectorized<R>(pass: impl FnOnce() -> R) -> R {
    struct Pass<F>(F);
    impl<R, F: FnOnce() -> R> NullaryFnOnce for Pass<F> {
        type Output = R;

        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    ARCH.dispatch(Pass(pass))
}

/// Multiply-adds up to which plain loops are as fast as anything: packing and tiles have their price.
const SMALL: usize = 1 << 8;

/// Elements from which on threads share a pass over them: some 10 µs of one thread.
const SHARED_ELEMENTS: usize = 1 << 16;

/// Rows of a batch up to which the gradient in a weight is complete in one pass over its products, so that an optimizer
/// can take it from the cache.
const FUSED: usize = product::DEPTH[1];

/// Elements of a weight from which on its gradient does not stay in the first cache until the update.
const LARGE: usize = 1 << 13;

/// The sizes of a linear layer and its batch: x `[rows, inputs]`, W `[outputs, inputs]`, y `[rows, outputs]`.
#[derive(Clone, Copy)]
pub(super) struct Linear {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Linear {
    fn small(self) -> bool {
        self.rows * self.inputs * self.outputs <= SMALL
    }
}

/// What an optimizer does to a part of a parameter: its values, their gradients, and as many of each state.
pub(super) type Update<'a, T> = &'a (dyn Fn(&mut [T], &[T], [&mut [T]; 3]) + Sync);

/// The threads of an engine, and the memory its products need.
pub(super) struct Kernels<T> {
    team: Team,
    packed: Vec<T>,
    turned: Vec<T>,
    strips: Vec<T>,
}

impl<T: Real> Kernels<T> {
    pub(super) fn new(threads: usize) -> Self {
        Self { team: Team::new(threads), packed: Vec::new(), turned: Vec::new(), strips: Vec::new() }
    }

    pub(super) fn threads(&self) -> usize {
        self.team.threads()
    }

    /// y = x·Wᵀ + b.
    pub(super) fn affine(&mut self, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T], sizes: Linear) {
        let Linear { rows, inputs, outputs } = sizes;
        if sizes.small() {
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
                for (output, (y, weight)) in y.iter_mut().zip(weight.chunks_exact(inputs)).enumerate() {
                    let dot = x.iter().zip(weight).fold(T::zero(), |sum, (&x, &w)| sum + x * w);
                    *y = bias.map_or(dot, |bias| dot + bias[output]);
                }
            }
            return;
        }
        // What a vector's lanes stand for: outputs, or rows, whose results are then turned; or, where there are so few of
        // either that most lanes would be empty, inputs.
        let half = product::lanes::<T>() / 2;
        let direct = outputs <= half || (rows > half && outputs * inputs <= rows * (inputs + outputs));
        if direct {
            let sizes = Sizes { m: rows, k: inputs, n: outputs };
            if outputs <= half {
                if let Some(bias) = bias {
                    y.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(bias));
                }
                return dot::product(&mut self.team, (x, weight), sizes, y, bias.is_some());
            }
            let (factors, y) = ((Left::Rows(x), Right::Columns(weight)), &mut Place { rows: y, width: outputs });
            let start = bias.map_or(Start::Zero, Start::Row);
            return product::product(&mut self.team, &mut self.packed, factors, sizes, start, y);
        }
        let turned = sized(&mut self.turned, rows * outputs);
        if let Some(bias) = bias {
            turned.chunks_exact_mut(rows).zip(bias).for_each(|(row, &bias)| row.fill(bias));
        }
        let sizes = Sizes { m: outputs, k: inputs, n: rows };
        if rows <= half {
            dot::product(&mut self.team, (weight, x), sizes, turned, bias.is_some());
        } else {
            let (factors, y) = ((Left::Rows(weight), Right::Columns(x)), &mut Place { rows: turned, width: rows });
            let start = if bias.is_some() { Start::There } else { Start::Zero };
            product::product(&mut self.team, &mut self.packed, factors, sizes, start, y);
        }
        let turned = &self.turned[..rows * outputs];
        vectorized(
            #[inline(always)]
            || product::turn((turned, y), [rows, outputs], [outputs, rows], 0),
        );
    }

    /// ∂W = Gᵀ·x: G `[rows, outputs]`.
    pub(super) fn weight_gradient(&mut self, gradient: &[T], x: &[T], target: &mut [T], sizes: Linear) {
        let Linear { rows, inputs, outputs } = sizes;
        if sizes.small() {
            target.fill(T::zero());
            for (gradient, x) in gradient.chunks_exact(outputs).zip(x.chunks_exact(inputs)) {
                for (&gradient, target) in gradient.iter().zip(target.chunks_exact_mut(inputs)) {
                    target.iter_mut().zip(x).for_each(|(target, &x)| *target += gradient * x);
                }
            }
            return;
        }
        let factors = (Left::Columns(gradient), Right::Rows(x));
        let (sizes, target) = (Sizes { m: outputs, k: rows, n: inputs }, &mut Place { rows: target, width: inputs });
        product::product(&mut self.team, &mut self.packed, factors, sizes, Start::Zero, target);
    }

    /// Whether [`weight_update`](Self::weight_update) can be had for these sizes.
    pub(super) fn fuses(sizes: Linear) -> bool {
        sizes.inputs * sizes.outputs >= LARGE && sizes.rows <= FUSED
    }

    /// Updates W by ∂W = Gᵀ·x, which is never written down as a whole: a few rows of it at a time go to `update`, with
    /// the same rows of W and of the optimizer's `states`, each of which may be empty.
    pub(super) fn weight_update(
        &mut self,
        (gradient, x): (&[T], &[T]),
        value: &mut [T],
        states: [&mut [T]; 3],
        sizes: Linear,
        update: Update<'_, T>,
    ) {
        let Linear { rows, inputs, outputs } = sizes;
        let sizes = Sizes { m: outputs, k: rows, n: inputs };
        let strip = product::HEIGHT * inputs;
        let strips = sized(&mut self.strips, strip * self.team.threads());
        let mut weight = Weight { rows: Rows { value, states, gradient: strips, width: inputs, update }, strip };
        let factors = (Left::Columns(gradient), Right::Rows(x));
        product::product(&mut self.team, &mut self.packed, factors, sizes, Start::Zero, &mut weight);
    }

    /// ∂x = G·W: G `[rows, outputs]`, ∂x `[rows, inputs]`.
    pub(super) fn input_gradient(&mut self, gradient: &[T], weight: &[T], target: &mut [T], sizes: Linear) {
        let Linear { rows, inputs, outputs } = sizes;
        if sizes.small() {
            target.fill(T::zero());
            for (gradient, target) in gradient.chunks_exact(outputs).zip(target.chunks_exact_mut(inputs)) {
                for (&gradient, weight) in gradient.iter().zip(weight.chunks_exact(inputs)) {
                    target.iter_mut().zip(weight).for_each(|(target, &weight)| *target += gradient * weight);
                }
            }
            return;
        }
        let factors = (Left::Rows(gradient), Right::Rows(weight));
        let (sizes, target) = (Sizes { m: rows, k: outputs, n: inputs }, &mut Place { rows: target, width: inputs });
        product::product(&mut self.team, &mut self.packed, factors, sizes, Start::Zero, target);
    }

    /// Updates a parameter by its gradient; each of the `states` may be empty.
    pub(super) fn update(&mut self, value: &mut [T], gradient: &[T], states: [&mut [T]; 3], update: Update<'_, T>) {
        if value.len() < SHARED_ELEMENTS || self.team.threads() == 1 {
            return update(value, gradient, states);
        }
        let part = value.len().div_ceil(self.team.threads()).next_multiple_of(64);
        let states = split(states, part);
        let parts = value.chunks_mut(part).zip(gradient.chunks(part)).zip(states);
        self.team.each(parts, |((value, gradient), states)| update(value, gradient, states));
    }
}

/// States in parts of so many elements, without end: those of a state that is empty are empty.
fn split<T>(states: [&mut [T]; 3], part: usize) -> impl Iterator<Item = [&mut [T]; 3]> {
    let mut states = states.map(|state| state.chunks_mut(part));
    std::iter::repeat_with(move || states.each_mut().map(|state| state.next().unwrap_or_default()))
}

/// The first elements of a buffer that grows where it must.
fn sized<T: Real>(buffer: &mut Vec<T>, elements: usize) -> &mut [T] {
    if buffer.len() < elements {
        buffer.resize(elements, T::zero());
    }
    &mut buffer[..elements]
}

/// A weight that is updated as its gradient comes, and room for a strip of that for each thread.
struct Weight<'a, T> {
    rows: Rows<'a, T>,
    strip: usize,
}

/// Rows of a weight and of what belongs to it.
struct Rows<'a, T> {
    value: &'a mut [T],
    states: [&'a mut [T]; 3],
    gradient: &'a mut [T],
    width: usize,
    update: Update<'a, T>,
}

impl<T: Real> Target<T> for Weight<'_, T> {
    type Sink<'s>
        = Rows<'s, T>
    where
        Self: 's;

    fn parts(&mut self, rows: usize) -> impl Iterator<Item = Rows<'_, T>> {
        let Rows { value, states, gradient, width, update } = &mut self.rows;
        let (part, width, update) = (rows * *width, *width, *update);
        let parts = value.chunks_mut(part).zip(gradient.chunks_mut(self.strip));
        let states = split(states.each_mut().map(|state| &mut **state), part);
        parts.zip(states).map(move |((value, gradient), states)| Rows { value, states, gradient, width, update })
    }
}

impl<T: Real> Sink<T> for Rows<'_, T> {
    fn room(&mut self, _: usize, columns: &Range<usize>) -> (&mut [T], usize) {
        (self.gradient, columns.len())
    }

    fn complete(&mut self, rows: Range<usize>, columns: &Range<usize>) {
        // Whole rows lie one behind the other, in the strip and in the weight.
        let whole = columns.len() == self.width;
        let (rows, length) = if whole { (rows.start..rows.start + 1, rows.len()) } else { (rows, 1) };
        for (row, gradient) in rows.zip(self.gradient.chunks_exact(length * columns.len())) {
            let start = row * self.width + columns.start;
            let place = start..start + gradient.len();
            let states = self.states.each_mut().map(|state| state.get_mut(place.clone()).unwrap_or_default());
            (self.update)(&mut self.value[place], gradient, states);
        }
    }
}

/// Sums each column of a `[rows, target.len()]` matrix.
pub(super) fn column_sums<T: Real>(matrix: &[T], target: &mut [T]) {
    let width = target.len();
    vectorized(
        #[inline(always)]
        || {
            let mut column = 0;
            while column < width {
                let (matrix, target) = (&matrix[column..], &mut target[column..]);
                column += match width - column {
                    16.. => sums_of::<T, 16>(matrix, width, target),
                    8.. => sums_of::<T, 8>(matrix, width, target),
                    _ => sums_of::<T, 1>(matrix, width, target),
                };
            }
        },
    );
}

/// Sums the first `C` columns, in registers; returns how many that are.
#[inline(always)]
fn sums_of<T: Real, const C: usize>(matrix: &[T], width: usize, target: &mut [T]) -> usize {
    let mut sums = [T::zero(); C];
    for row in matrix.chunks(width) {
        sums.iter_mut().zip(&row[..C]).for_each(|(sum, &value)| *sum += value);
    }
    target[..C].copy_from_slice(&sums);
    C
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

#[cfg(test)]
mod tests;
