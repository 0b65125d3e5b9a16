//! Products of sparse rows and a dense weight: the work is that of the values there are.

use super::Real;
use crate::data::Sparse;

/// y = x·Wᵀ + b: x sparse `[rows, inputs]`, W `[outputs, inputs]`, b `[outputs]`, y `[rows, outputs]`.
pub(in super::super) fn affine<T: Real>(
    x: Sparse<'_>,
    values: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    y: &mut [T],
    outputs: usize,
) {
    for (y, ends) in y.chunks_exact_mut(outputs).zip(x.starts.windows(2)) {
        let (columns, values) = (&x.columns[ends[0]..ends[1]], &values[ends[0]..ends[1]]);
        for (output, (y, weight)) in y.iter_mut().zip(weight.chunks_exact(x.width)).enumerate() {
            let dot = columns.iter().zip(values).fold(T::zero(), |sum, (&at, &x)| sum + x * weight[at as usize]);
            *y = bias.map_or(dot, |bias| dot + bias[output]);
        }
    }
}

/// ∂W = Gᵀ·x: G `[rows, outputs]`, x sparse `[rows, inputs]`, ∂W `[outputs, inputs]`, dense: an optimizer with a state
/// moves every weight.
pub(in super::super) fn weight_gradient<T: Real>(
    gradient: &[T],
    x: Sparse<'_>,
    values: &[T],
    target: &mut [T],
    outputs: usize,
) {
    target.fill(T::zero());
    for (gradient, ends) in gradient.chunks_exact(outputs).zip(x.starts.windows(2)) {
        let (columns, values) = (&x.columns[ends[0]..ends[1]], &values[ends[0]..ends[1]]);
        for (&gradient, target) in gradient.iter().zip(target.chunks_exact_mut(x.width)) {
            for (&at, &x) in columns.iter().zip(values) {
                target[at as usize] += gradient * x;
            }
        }
    }
}
