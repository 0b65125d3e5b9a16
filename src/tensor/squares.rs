//! Sums of squares of two tensors and of their difference, in f64, over borrowed memory of either type, in one pass.
//!
//! Elements are widened in registers: nothing is copied. A sum's order depends on the processor and the length alone.

use super::{Values, gap::FEW};
use pulp::{Arch, Simd, WithSimd};

/// Σa², Σb² and Σ(a − b)².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Squares {
    /// Σa².
    pub a: f64,
    /// Σb².
    pub b: f64,
    /// Σ(a − b)².
    pub difference: f64,
    /// Whether there were as many a as b.
    pub lengths_agree: bool,
}

impl Default for Squares {
    fn default() -> Self {
        Self { a: 0.0, b: 0.0, difference: 0.0, lengths_agree: true }
    }
}

impl Squares {
    /// The sums over both parts of a vector.
    pub fn plus(self, other: Self) -> Self {
        Self {
            a: self.a + other.a,
            b: self.b + other.b,
            difference: self.difference + other.difference,
            lengths_agree: self.lengths_agree && other.lengths_agree,
        }
    }

    /// The sums with one more pair of elements.
    pub fn with(self, a: f64, b: f64) -> Self {
        let difference = a - b;
        Self {
            a: self.a + a * a,
            b: self.b + b * b,
            difference: self.difference + difference * difference,
            lengths_agree: self.lengths_agree,
        }
    }

    /// The gap, unless the squares may have left the range in which sums of them are accurate.
    pub(crate) fn gap(&self) -> Option<f64> {
        let largest = self.a.max(self.b);
        if !self.lengths_agree {
            return Some(f64::NAN);
        }
        // Squares below 2⁻⁵⁰⁰ may have lost digits of a difference that is 2⁻⁵³ times smaller; a difference may be twice
        // as large as both, and its square leave the range alone.
        let within = largest.is_finite() && largest > 2f64.powi(-500) && self.difference != f64::INFINITY;
        within.then(|| (self.difference / largest).sqrt())
    }

    /// The gap of what was summed; `elements` are asked for again where the squares left the range of f64.
    pub fn gap_of<I: Iterator<Item = (f64, f64)>>(&self, elements: impl Fn() -> I) -> f64 {
        if let Some(gap) = self.gap() {
            return gap;
        }
        // Bring the largest element to 1 (by a power of two, so exactly) and repeat.
        let (mut largest, mut finite) = (0.0f64, true);
        for (a, b) in elements() {
            largest = largest.max(a.abs()).max(b.abs());
            finite &= a.is_finite() && b.is_finite();
        }
        if !finite {
            return f64::NAN;
        }
        if largest == 0.0 {
            return 0.0;
        }
        let scale = 2f64.powi(-(largest.log2().floor() as i32).clamp(-1000, 1000));
        let scaled = elements().fold(Self::default(), |sums, (a, b)| sums.with(a * scale, b * scale));
        scaled.gap().unwrap_or(f64::NAN)
    }
}

/// The sums of two tensors.
pub fn squares(a: Values<'_>, b: Values<'_>) -> Squares {
    let sums = match (a, b) {
        (Values::F32(a), Values::F32(b)) => pair(a, b),
        (Values::F32(a), Values::F64(b)) => pair(a, b),
        (Values::F64(a), Values::F32(b)) => pair(a, b),
        (Values::F64(a), Values::F64(b)) => pair(a, b),
    };
    Squares { lengths_agree: a.len() == b.len(), ..sums }
}

/// The sums of one tensor beside each of two others, of which those are of one type; all three are read once.
pub fn squares_beside(a: Values<'_>, others: [Values<'_>; 2]) -> [Squares; 2] {
    let sums = match (a, others) {
        (Values::F32(a), [Values::F32(b), Values::F32(c)]) => beside(a, [b, c]),
        (Values::F32(a), [Values::F64(b), Values::F64(c)]) => beside(a, [b, c]),
        (Values::F64(a), [Values::F32(b), Values::F32(c)]) => beside(a, [b, c]),
        (Values::F64(a), [Values::F64(b), Values::F64(c)]) => beside(a, [b, c]),
        (_, others) => return others.map(|other| squares(a, other)),
    };
    let [one, other] = sums;
    let agree = |sums: Squares, other: Values<'_>| Squares { lengths_agree: a.len() == other.len(), ..sums };
    [agree(one, others[0]), agree(other, others[1])]
}

/// The sums of two sides' tensors after a step, and of their changes, after − before in f64. Each side's two tensors are
/// of one type and length.
pub fn squares_of_changes(before: [Values<'_>; 2], after: [Values<'_>; 2]) -> [Squares; 2] {
    let sums = match (before, after) {
        ([Values::F32(a), Values::F32(b)], [Values::F32(c), Values::F32(d)]) => changes([a, c], [b, d]),
        ([Values::F32(a), Values::F64(b)], [Values::F32(c), Values::F64(d)]) => changes([a, c], [b, d]),
        ([Values::F64(a), Values::F32(b)], [Values::F64(c), Values::F32(d)]) => changes([a, c], [b, d]),
        ([Values::F64(a), Values::F64(b)], [Values::F64(c), Values::F64(d)]) => changes([a, c], [b, d]),
        _ => [Squares { lengths_agree: false, ..Squares::default() }; 2],
    };
    let length = after[0].len();
    let lengths_agree = before.iter().chain(&after).all(|values| values.len() == length);
    sums.map(|sums| Squares { lengths_agree: sums.lengths_agree && lengths_agree, ..sums })
}

/// What f64 holds exactly.
trait Narrow: Copy + Default + Into<f64> {}
impl Narrow for f32 {}
impl Narrow for f64 {}

fn pair<A: Narrow, B: Narrow>(a: &[A], b: &[B]) -> Squares {
    if a.len() < FEW {
        return a.iter().zip(b).fold(Squares::default(), |sums, (&a, &b)| sums.with(a.into(), b.into()));
    }
    Arch::new().dispatch(Pair { a, b })
}

fn beside<A: Narrow, B: Narrow>(a: &[A], [b, c]: [&[B]; 2]) -> [Squares; 2] {
    if a.len() < FEW || a.len() != b.len() || a.len() != c.len() {
        return [pair(a, b), pair(a, c)];
    }
    Arch::new().dispatch(Beside { a, others: [b, c] })
}

fn changes<A: Narrow, B: Narrow>(a: [&[A]; 2], b: [&[B]; 2]) -> [Squares; 2] {
    if a[1].len() < FEW {
        let (before, after) = (a[0].iter().zip(b[0]), a[1].iter().zip(b[1]));
        return before.zip(after).fold([Squares::default(); 2], |[after, change], ((&a0, &b0), (&a1, &b1))| {
            let [a0, a1, b0, b1]: [f64; 4] = [a0.into(), a1.into(), b0.into(), b1.into()];
            [after.with(a1, b1), change.with(a1 - a0, b1 - b0)]
        });
    }
    Arch::new().dispatch(Changes { a, b })
}

/// Elements that are widened at a time: two vectors of the widest, so that two chains of sums run side by side.
const WIDE: usize = 16;

/// So many elements in f64.
type Wide = [f64; WIDE];

#[inline(always)]
fn widen<T: Narrow>(elements: &[T; WIDE]) -> Wide {
    let mut wide = [0.0; WIDE];
    for place in 0..WIDE {
        wide[place] = elements[place].into();
    }
    wide
}

/// The last elements of a tensor; zeros behind them change no sum.
#[inline(always)]
fn widen_rest<T: Narrow>(elements: &[T]) -> Wide {
    let mut wide = [T::default(); WIDE];
    wide[..elements.len()].copy_from_slice(elements);
    widen(&wide)
}

/// Vectors of sums of squares.
pub(crate) struct Lanes<S: Simd> {
    simd: S,
    a: S::f64s,
    b: S::f64s,
    difference: S::f64s,
}

impl<S: Simd> Lanes<S> {
    #[inline(always)]
    pub(crate) fn new(simd: S) -> Self {
        let zero = simd.splat_f64s(0.0);
        Self { simd, a: zero, b: zero, difference: zero }
    }

    /// Adds vectors of elements, and returns their difference.
    #[inline(always)]
    pub(crate) fn add(&mut self, a: S::f64s, b: S::f64s) -> S::f64s {
        let simd = self.simd;
        let difference = simd.sub_f64s(a, b);
        self.a = simd.mul_add_e_f64s(a, a, self.a);
        self.b = simd.mul_add_e_f64s(b, b, self.b);
        self.difference = simd.mul_add_e_f64s(difference, difference, self.difference);
        difference
    }

    #[inline(always)]
    pub(crate) fn totals(self) -> Squares {
        let simd = self.simd;
        Squares {
            a: simd.reduce_sum_f64s(self.a),
            b: simd.reduce_sum_f64s(self.b),
            difference: simd.reduce_sum_f64s(self.difference),
            lengths_agree: true,
        }
    }
}

/// Adds elements to two chains of sums, half of them to each.
#[inline(always)]
fn add<S: Simd>([even, odd]: &mut [Lanes<S>; 2], a: &Wide, b: &Wide) {
    let ((a, _), (b, _)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    let ((a_low, a_high), (b_low, b_high)) = (a.split_at(a.len() / 2), b.split_at(b.len() / 2));
    for ((&a, &b), (&c, &d)) in a_low.iter().zip(b_low).zip(a_high.iter().zip(b_high)) {
        even.add(a, b);
        odd.add(c, d);
    }
}

/// Adds elements after a step to the first sums, their changes to the second.
#[inline(always)]
fn add_changes<S: Simd>([after, change]: &mut [Lanes<S>; 2], [a0, b0]: [&Wide; 2], [a1, b1]: [&Wide; 2]) {
    let simd = after.simd;
    let ((a0, _), (b0, _)) = (S::as_simd_f64s(a0), S::as_simd_f64s(b0));
    let ((a1, _), (b1, _)) = (S::as_simd_f64s(a1), S::as_simd_f64s(b1));
    for ((&a0, &b0), (&a1, &b1)) in a0.iter().zip(b0).zip(a1.iter().zip(b1)) {
        after.add(a1, b1);
        change.add(simd.sub_f64s(a1, a0), simd.sub_f64s(b1, b0));
    }
}

/// Adds elements beside each of two others. Both sums of a² are taken: what takes time is to read memory.
#[inline(always)]
fn add_beside<S: Simd>([one, other]: &mut [Lanes<S>; 2], a: &Wide, b: &Wide, c: &Wide) {
    let ((a, _), (b, _), (c, _)) = (S::as_simd_f64s(a), S::as_simd_f64s(b), S::as_simd_f64s(c));
    for ((&a, &b), &c) in a.iter().zip(b).zip(c) {
        one.add(a, b);
        other.add(a, c);
    }
}

/// Two tensors whose squares are summed.
struct Pair<'a, A, B> {
    a: &'a [A],
    b: &'a [B],
}

impl<A: Narrow, B: Narrow> WithSimd for Pair<'_, A, B> {
    type Output = Squares;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Squares {
        let ((a, a_rest), (b, b_rest)) = (self.a.as_chunks::<WIDE>(), self.b.as_chunks::<WIDE>());
        let mut lanes = [Lanes::new(simd), Lanes::new(simd)];
        for (a, b) in a.iter().zip(b) {
            add(&mut lanes, &widen(a), &widen(b));
        }
        add(&mut lanes, &widen_rest(a_rest), &widen_rest(b_rest));
        let [even, odd] = lanes;
        even.totals().plus(odd.totals())
    }
}

/// A tensor and two others, whose squares are summed.
struct Beside<'a, A, B> {
    a: &'a [A],
    others: [&'a [B]; 2],
}

impl<A: Narrow, B: Narrow> WithSimd for Beside<'_, A, B> {
    type Output = [Squares; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [Squares; 2] {
        let (a, a_rest) = self.a.as_chunks::<WIDE>();
        let [(b, b_rest), (c, c_rest)] = self.others.map(<[B]>::as_chunks::<WIDE>);
        let mut lanes = [Lanes::new(simd), Lanes::new(simd)];
        for ((a, b), c) in a.iter().zip(b).zip(c) {
            add_beside(&mut lanes, &widen(a), &widen(b), &widen(c));
        }
        add_beside(&mut lanes, &widen_rest(a_rest), &widen_rest(b_rest), &widen_rest(c_rest));
        let [one, other] = lanes;
        [one.totals(), other.totals()]
    }
}

/// Two sides' tensors before and after a step, whose squares and whose changes' squares are summed.
struct Changes<'a, A, B> {
    a: [&'a [A]; 2],
    b: [&'a [B]; 2],
}

impl<A: Narrow, B: Narrow> WithSimd for Changes<'_, A, B> {
    type Output = [Squares; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [Squares; 2] {
        let [(a0, a0_rest), (a1, a1_rest)] = self.a.map(<[A]>::as_chunks::<WIDE>);
        let [(b0, b0_rest), (b1, b1_rest)] = self.b.map(<[B]>::as_chunks::<WIDE>);
        let mut lanes = [Lanes::new(simd), Lanes::new(simd)];
        for ((a0, b0), (a1, b1)) in a0.iter().zip(b0).zip(a1.iter().zip(b1)) {
            add_changes(&mut lanes, [&widen(a0), &widen(b0)], [&widen(a1), &widen(b1)]);
        }
        let rest = [&widen_rest(a0_rest), &widen_rest(b0_rest)];
        add_changes(&mut lanes, rest, [&widen_rest(a1_rest), &widen_rest(b1_rest)]);
        let [after, change] = lanes;
        [after.totals(), change.totals()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{DType, Owned};
    use proptest::prelude::*;

    /// What a gap is, written down: each square in f64, scaled so that no square leaves the range.
    fn defined(pairs: &[(f64, f64)]) -> f64 {
        if pairs.iter().any(|(a, b)| !a.is_finite() || !b.is_finite()) {
            return f64::NAN;
        }
        let largest = pairs.iter().fold(0.0f64, |largest, (a, b)| largest.max(a.abs()).max(b.abs()));
        if largest == 0.0 {
            return 0.0;
        }
        let norm = |part: &dyn Fn(&(f64, f64)) -> f64| {
            let scaled = pairs.iter().map(|pair| part(pair) / largest);
            scaled.map(|x| x * x).sum::<f64>().sqrt()
        };
        norm(&|(a, b)| a - b) / norm(&|(a, _)| *a).max(norm(&|(_, b)| *b))
    }

    fn held(values: &[f64], dtype: DType) -> Owned {
        let mut own = Owned::new(dtype);
        own.assign(Values::F64(values));
        own
    }

    /// Numbers of every kind that f32 has, and of f64 beyond it: zeros, subnormals, the largest, what is not finite.
    fn odd() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(f64::from(f32::from_bits(1))),
            Just(f64::from(f32::MAX)),
            Just(1e-200),
            Just(-1e200),
            Just(f64::NAN),
            Just(f64::INFINITY),
        ]
    }

    fn types() -> impl Strategy<Value = DType> {
        prop_oneof![Just(DType::F32), Just(DType::F64)]
    }

    proptest! {
        /// Lengths that a plain loop, vectors and their last elements see; memory that starts at any element.
        #[test]
        fn one_pass_over_borrowed_memory_gives_what_the_definition_gives_in_f64(
            length in prop_oneof![0usize..70, 1000usize..1100],
            start in 0usize..17,
            values in prop::collection::vec(-1e3..1e3f64, 1..90),
            odd in prop::collection::vec((0usize..1100, 0usize..4, odd()), 0..3),
            [one, other] in [types(), types()],
            scale in prop_oneof![Just(1.0), Just(1e-30), Just(1e-160), Just(1e160)],
        ) {
            let column = |shift: usize| -> Vec<f64> {
                let values = values.iter().cycle().skip(shift % values.len());
                values.take(start + length).enumerate().map(|(i, x)| scale * x * (1.0 + 1e-3 * (i % 7) as f64)).collect()
            };
            let mut columns: [Vec<f64>; 4] = [0, 1, 2, 3].map(column);
            for (place, which, value) in odd {
                if place < length {
                    columns[which][start + place] = value;
                }
            }
            // As each type holds them: beyond f32's range that is not finite, and the definition says NaN.
            let held: Vec<Owned> =
                columns.iter().zip([one, other, one, other]).map(|(values, dtype)| held(values, dtype)).collect();
            let lent: Vec<Values<'_>> = held.iter().map(|own| own.values().part(start..start + length)).collect();
            let at = |tensor: usize, place: usize| lent[tensor].at(place);
            let after: Vec<_> = (0..length).map(|place| (at(2, place), at(3, place))).collect();
            let change: Vec<_> =
                (0..length).map(|place| (at(2, place) - at(0, place), at(3, place) - at(1, place))).collect();
            // Sums of up to 1100 positive terms, each of three roundings, in any order; and as many in the definition.
            let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * b.abs();
            let found = gap_of(lent[2], lent[3]);
            prop_assert!(close(found, defined(&after)), "{found} and {}", defined(&after));
            // Beside each other as alone.
            let alone = [lent[1], lent[3]].map(|other| gap_of(lent[0], other));
            let pairs = |which: usize| (0..length).map(move |place| (at(0, place), at(which, place))).collect::<Vec<_>>();
            for ((sums, alone), pairs) in squares_beside(lent[0], [lent[1], lent[3]]).iter().zip(alone).zip([1, 3].map(pairs)) {
                let found = sums.gap_of(|| pairs.iter().copied());
                prop_assert!(close(found, alone), "{found} and {alone}");
            }
            let [both, changed] = squares_of_changes([lent[0], lent[1]], [lent[2], lent[3]]);
            let found = both.gap_of(|| after.iter().copied());
            prop_assert!(close(found, defined(&after)), "{found} and {}", defined(&after));
            let found = changed.gap_of(|| change.iter().copied());
            prop_assert!(close(found, defined(&change)), "{found} and {}", defined(&change));
        }
    }

    fn gap_of(a: Values<'_>, b: Values<'_>) -> f64 {
        super::super::gap_of_parts(std::iter::once((a, b)))
    }

    #[test]
    fn tensors_of_other_lengths_have_no_gap() {
        let (long, short) = ([1.0f32; 40], [1.0f64; 30]);
        assert!(gap_of(Values::F32(&long), Values::F64(&short)).is_nan());
        let [after, change] = squares_of_changes([Values::F32(&long); 2], [Values::F32(&long), Values::F64(&short)]);
        assert!(after.gap_of(std::iter::empty).is_nan() && change.gap_of(std::iter::empty).is_nan());
    }
}
