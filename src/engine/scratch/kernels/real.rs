//! The types an engine computes in.

use super::{Lanes, function};
use crate::tensor::{DType, Values};
use ndarray::NdFloat;

/// f32 or f64.
pub trait Real: NdFloat + Lanes {
    /// The type's name.
    const DTYPE: DType;
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// The same value in f64.
    fn widen(self) -> f64;
    /// eˣ, within 1 unit in the last place.
    fn exponential(self) -> Self;
    /// ln x, within 1 unit in the last place.
    fn logarithm(self) -> Self;
    /// tanh x, within 2 units in the last place.
    fn hyperbolic_tangent(self) -> Self;
    /// erf(x) = 2/√π·∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// As elements of a view.
    fn values(slice: &[Self]) -> Values<'_>;
    /// The elements of a view, if they are of this type.
    fn slice(values: Values<'_>) -> Option<&[Self]>;
}

impl Real for f32 {
    const DTYPE: DType = DType::F32;

    fn of(value: f64) -> Self {
        value as Self
    }

    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn exponential(self) -> Self {
        function::single::exponential(self)
    }

    #[inline(always)]
    fn logarithm(self) -> Self {
        function::single::logarithm(self)
    }

    #[inline(always)]
    fn hyperbolic_tangent(self) -> Self {
        function::single::hyperbolic_tangent(self)
    }

    fn erf(self) -> Self {
        libm::erff(self)
    }

    fn values(slice: &[Self]) -> Values<'_> {
        Values::F32(slice)
    }

    fn slice(values: Values<'_>) -> Option<&[Self]> {
        match values {
            Values::F32(slice) => Some(slice),
            Values::F64(_) => None,
        }
    }
}

impl Real for f64 {
    const DTYPE: DType = DType::F64;

    fn of(value: f64) -> Self {
        value
    }

    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn exponential(self) -> Self {
        function::double::exponential(self)
    }

    #[inline(always)]
    fn logarithm(self) -> Self {
        function::double::logarithm(self)
    }

    #[inline(always)]
    fn hyperbolic_tangent(self) -> Self {
        function::double::hyperbolic_tangent(self)
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }

    fn values(slice: &[Self]) -> Values<'_> {
        Values::F64(slice)
    }

    fn slice(values: Values<'_>) -> Option<&[Self]> {
        match values {
            Values::F64(slice) => Some(slice),
            Values::F32(_) => None,
        }
    }
}
