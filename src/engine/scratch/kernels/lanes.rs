//! Vectors of f32 or of f64, as wide as the processor has them, under one name for code that is generic over both.

use pulp::Simd;

/// What a product does with vectors of this type.
pub trait Lanes: Copy + std::ops::Add<Output = Self> + Send + Sync + 'static {
    /// As many values as a register holds.
    type Vector<S: Simd>: Copy;
    /// 0.
    const ZERO: Self;

    /// How many that are.
    fn count<S: Simd>() -> usize;
    /// The whole vectors that a slice begins with.
    fn vectors<S: Simd>(values: &[Self]) -> &[Self::Vector<S>];
    /// As [`vectors`](Self::vectors), to write.
    fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [Self::Vector<S>];
    /// The same value in every lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// a + b.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a·b + c, rounded once where the processor can.
    fn mul_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// Fewer values than a vector has, with zeros behind them.
    fn load_some<S: Simd>(simd: S, values: &[Self]) -> Self::Vector<S>;
    /// The first lanes, as many as there is room for.
    fn store_some<S: Simd>(simd: S, values: &mut [Self], vector: Self::Vector<S>);
    /// The sum of all lanes.
    fn sum<S: Simd>(simd: S, vector: Self::Vector<S>) -> Self;
}

macro_rules! lanes {
    ($real:ty, $vector:ident, $count:ident, $vectors:ident, $vectors_mut:ident, $splat:ident, $add:ident, $mul_add:ident,
     $load:ident, $store:ident, $sum:ident) => {
        impl Lanes for $real {
            type Vector<S: Simd> = S::$vector;
            const ZERO: Self = 0.0;

            #[inline(always)]
            fn count<S: Simd>() -> usize {
                S::$count
            }

            #[inline(always)]
            fn vectors<S: Simd>(values: &[Self]) -> &[S::$vector] {
                S::$vectors(values).0
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(values: &mut [Self]) -> &mut [S::$vector] {
                S::$vectors_mut(values).0
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn load_some<S: Simd>(simd: S, values: &[Self]) -> S::$vector {
                simd.$load(values)
            }

            #[inline(always)]
            fn store_some<S: Simd>(simd: S, values: &mut [Self], vector: S::$vector) {
                simd.$store(values, vector);
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, vector: S::$vector) -> Self {
                simd.$sum(vector)
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    F32_LANES,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    add_f32s,
    mul_add_e_f32s,
    partial_load_f32s,
    partial_store_f32s,
    reduce_sum_f32s
);
lanes!(
    f64,
    f64s,
    F64_LANES,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    add_f64s,
    mul_add_e_f64s,
    partial_load_f64s,
    partial_store_f64s,
    reduce_sum_f64s
);
