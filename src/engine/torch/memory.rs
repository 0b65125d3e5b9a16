//! The one place that touches libtorch's memory: CPU tensors read and written in place.

use crate::{
    data::Inputs,
    tensor::{DType, Values, View},
};
use std::slice;
use tch::{TchError, Tensor};

/// The `length` elements of a contiguous CPU tensor of type `dtype`, in place. The length is the caller's, who knows
/// it: asking libtorch for it costs more than reading a small tensor.
pub(super) fn values(tensor: &Tensor, length: usize, dtype: DType) -> Values<'_> {
    if length == 0 {
        return none(dtype);
    }
    let address = tensor.data_ptr();
    // SAFETY: the engine makes every tensor itself, on the CPU, in its own dtype, contiguous; `length` elements lie at
    // `address` as long as the tensor lives, which the borrow holds. libtorch writes to them only inside calls that
    // take `&mut` the engine.
    unsafe {
        match dtype {
            DType::F32 => Values::F32(slice::from_raw_parts(address.cast(), length)),
            DType::F64 => Values::F64(slice::from_raw_parts(address.cast(), length)),
        }
    }
}

/// No elements of a type.
pub(super) fn none(dtype: DType) -> Values<'static> {
    match dtype {
        DType::F32 => Values::F32(&[]),
        DType::F64 => Values::F64(&[]),
    }
}

/// Overwrites a contiguous CPU tensor with values of its own type and length, as `tensor.data.copy_` would.
pub(super) fn write(tensor: &mut Tensor, view: View<'_>) {
    assert_eq!(tensor.numel(), view.len(), "a tensor is overwritten by as many values as it has");
    let address = tensor.data_ptr();
    // SAFETY: as in `values`; the lengths agree by the assertion, the types by the caller's check, and the memory is
    // not shared with the view, which belongs to another engine or to nobody.
    unsafe {
        match view.values {
            Values::F32(values) => slice::from_raw_parts_mut(address.cast(), values.len()).copy_from_slice(values),
            Values::F64(values) => slice::from_raw_parts_mut(address.cast(), values.len()).copy_from_slice(values),
        }
    }
}

/// A tensor with a copy of the view's elements.
pub(super) fn tensor(view: View<'_>) -> Result<Tensor, TchError> {
    let flat = match view.values {
        Values::F32(values) => Tensor::f_from_slice(values)?,
        Values::F64(values) => Tensor::f_from_slice(values)?,
    };
    let sizes: Vec<i64> = view.shape.iter().map(|&size| size as i64).collect();
    flat.f_view(&sizes[..])
}

/// The inputs of a batch: a copy, dense.
pub(super) fn inputs(inputs: &Inputs<'_>) -> Result<Tensor, TchError> {
    let sparse = match inputs {
        Inputs::Dense(view) => return tensor(*view),
        Inputs::Sparse(sparse) => sparse,
    };
    let (rows, width) = (sparse.starts.len().saturating_sub(1), sparse.width);
    match sparse.values {
        Values::F32(values) => tensor(View::new(&[rows, width], &sparse.spread(values)[..])),
        Values::F64(values) => tensor(View::new(&[rows, width], &sparse.spread(values)[..])),
    }
}
