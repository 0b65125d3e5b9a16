//! eˣ, ln x, tanh x and σ(x) without a branch, so that loops of them become loops of vectors.
//!
//! Arguments are reduced to where a short series suffices, as in W. J. Cody and W. Waite, *Software Manual for the Elementary
//! Functions* (1980): x = n·ln 2 + r for eˣ, x = 2ⁿ·m for ln x. Every fused multiply-add is rounded once on
//! every processor, so that results are the same everywhere; where it has no such instruction they are slow.
//! Errors are measured below, in units in the last place (ulp).

use super::Real;

/// σ(x) = 1/(1 + e⁻ˣ), from e^−|x|, which cannot overflow; within 2 ulp.
#[inline(always)]
pub(in super::super) fn sigmoid<T: Real>(x: T) -> T {
    let one = T::one();
    let power = (-x.abs()).exponential();
    let negative = x < T::zero();
    let numerator = if negative { power } else { one };
    let sum = one + power;
    let quotient = numerator / sum;
    // What the sum and the quotient have lost in rounding, over the sum: the quotient itself says what 1 over that is.
    let lost = (-quotient).mul_add(sum, numerator) - quotient * ((one - sum) + power);
    quotient + lost * if negative { one - quotient } else { quotient }
}

/// The coefficients of a series, from the last to the first, put in at x by Horner's rule.
macro_rules! series {
    ($real:ident, $x:expr; $last:expr $(, $coefficient:expr)*) => {{
        let sum: $real = $last;
        $(let sum = sum.mul_add($x, $coefficient);)*
        sum
    }};
}

macro_rules! functions {
    (
        $name:ident: $real:ident, $bits:ident, $signed:ident,
        fraction: $fraction:literal, bias: $bias:literal, round: $round:expr,
        ln_2: [$high:expr, $low:expr], least: $least:expr, most: $most:expr,
        power: [$($power:expr),+], logarithm: [$($logarithm:expr),+],
        tangent: [$($numerator:expr),+] / [$($denominator:expr),+],
    ) => {
        pub(super) mod $name {
            /// What rounds a number to a whole one, which then stands in its last bits.
            const ROUND: $real = $round;
            /// √½, the least m.
            const ROOT: $bits = std::$real::consts::FRAC_1_SQRT_2.to_bits();

            /// 2ⁿ, for a normal result.
            #[inline(always)]
            fn two_to(n: $signed) -> $real {
                $real::from_bits((n.wrapping_add($bias) as $bits) << $fraction)
            }

            /// eˣ.
            #[inline(always)]
            pub(in super::super) fn exponential(x: $real) -> $real {
                // Selected, so that NaN stays.
                let x = if x > $most { $most } else { x };
                let x = if x < $least { $least } else { x };
                let rounded = x.mul_add(std::$real::consts::LOG2_E, ROUND);
                let (n, whole) = (rounded - ROUND, rounded.to_bits().wrapping_sub(ROUND.to_bits()) as $signed);
                // ln 2 in two parts, of which the first times n is exact: r is the sum of two, with digits to spare.
                let (high, low) = (n.mul_add(-$high, x), n * -$low);
                let r = high + low;
                // eʳ = 1 + r + r²/2 + …, the sum of the first two with what its rounding loses.
                let sum = 1.0 + high;
                let lost = (1.0 - sum) + high;
                let power = sum + (lost + (r * r).mul_add(series!($real, r; $($power),+), low));
                // In two factors, as 2ⁿ itself may be out of range where the result is not.
                let half = whole >> 1;
                power * two_to(half) * two_to(whole.wrapping_sub(half))
            }

            /// tanh x: near 0 x − x³/(3 + x² − …) by Lambert's continued fraction x/(1 + x²/(3 + x²/(5 + …))), cut off where
            /// what follows changes no digit and written as one quotient; else 1 − 2/(e^2x + 1).
            #[inline(always)]
            pub(in super::super) fn hyperbolic_tangent(x: $real) -> $real {
                let size = x.abs();
                let square = x * x;
                let fraction = series!($real, square; $($numerator),+) / series!($real, square; $($denominator),+);
                let near = size - size * (square * fraction);
                let far = 1.0 - 2.0 / (exponential(2.0 * size) + 1.0);
                // Selected, so that NaN stays.
                (if size < 0.8 { near } else { far }).copysign(x)
            }

            /// ln x.
            #[inline(always)]
            pub(in super::super) fn logarithm(x: $real) -> $real {
                const SMALL: $real = (1u64 << ($fraction + 2)) as $real;
                let (y, shift) =
                    if x < $real::MIN_POSITIVE { (x * SMALL, $fraction as $real + 2.0) } else { (x, 0.0) };
                let bits = y.to_bits().wrapping_sub(ROOT);
                let n = ((bits as $signed) >> $fraction) as $real - shift;
                let f = $real::from_bits((bits & ((1 << $fraction) - 1)).wrapping_add(ROOT)) - 1.0;
                // ln(1 + f) = f − ½f² + s(½f² + R) for s = f/(2 + f), R = ⅔s² + ⅖s⁴ + …
                let (s, half_square) = (f / (2.0 + f), 0.5 * f * f);
                let square = s * s;
                let rest = square * series!($real, square; $($logarithm),+);
                let low = s.mul_add(half_square + rest, n * $low);
                let result = n.mul_add($high, f - (half_square - low));
                let result = if x < $real::INFINITY { result } else { x };
                let result = if x > 0.0 { result } else { $real::NAN };
                if x == 0.0 { -$real::INFINITY } else { result }
            }
        }
    };
}

functions! {
    single: f32, u32, i32,
    fraction: 23, bias: 127, round: 12_582_912.0, // 1.5·2²³
    // 15 bits of it.
    ln_2: [0.693_145_75, 1.428_606_8e-6], least: -104.5, most: 89.0,
    power: [1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5],
    logarithm: [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 0.4, 2.0 / 3.0],
    // To x²/11: 3e-11 is missing at 0.8.
    tangent: [1.0, 189.0, 3465.0] / [1.0, 210.0, 4725.0, 10_395.0],
}

functions! {
    double: f64, u64, i64,
    fraction: 52, bias: 1023, round: 6_755_399_441_055_744.0, // 1.5·2⁵²
    // 32 bits of it.
    ln_2: [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10], least: -746.0, most: 710.0,
    power: [
        1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0, 1.0 / 39_916_800.0, 1.0 / 3_628_800.0, 1.0 / 362_880.0,
        1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5
    ],
    logarithm: [
        2.0 / 23.0, 2.0 / 21.0, 2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0, 2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 0.4,
        2.0 / 3.0
    ],
    // To x²/17: 6e-19 is missing at 0.8.
    tangent: [44.0, 12_870.0, 810_810.0, 11_486_475.0] / [45.0, 13_860.0, 945_945.0, 16_216_200.0, 34_459_425.0],
}

#[cfg(test)]
mod tests {
    use super::{super::vectorized, *};

    /// The distance of two numbers in units in the last place of the one in f64.
    fn ulps(found: f32, exact: f64) -> f64 {
        if found.is_nan() || exact.is_nan() {
            return if found.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
        }
        let nearest = exact as f32;
        if nearest == found {
            return 0.0;
        }
        let unit = f64::from(nearest.abs().next_up()) - f64::from(nearest.abs());
        (f64::from(found) - exact).abs() / unit
    }

    type Of32 = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f64);
    type Of64 = (&'static str, fn(f64) -> f64, fn(f64) -> f64, f64);

    const OF_32: [Of32; 4] = [
        ("exp", f32::exponential, f64::exp, 1.5),
        ("ln", f32::logarithm, f64::ln, 1.0),
        ("tanh", f32::hyperbolic_tangent, f64::tanh, 2.0),
        ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 2.0),
    ];

    /// The largest error over every `step`-th f32 from `first` on, and where it is.
    fn worst(function: Of32, first: u32, step: usize) -> (f64, f32) {
        let (_, fast, exact, _) = function;
        let mut worst = (0.0, 0.0);
        for bits in (first..=u32::MAX).step_by(step) {
            let x = f32::from_bits(bits);
            let error = ulps(fast(x), exact(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    #[test]
    fn functions_of_f32_are_within_their_errors_over_the_whole_range() {
        for function in OF_32 {
            let (name, _, _, most) = function;
            let (error, at) = worst(function, 7, 1009);
            println!("{name}: {error:.3} ulp at {at:e}");
            assert!(error <= most, "{name}({at:e}) is off by {error} ulp");
        }
    }

    #[test]
    #[ignore = "takes some minutes"]
    fn functions_of_f32_are_within_their_errors_at_every_number() {
        for function in OF_32 {
            let (name, _, _, most) = function;
            let (error, at) = worst(function, 0, 1);
            println!("{name}: {error:.3} ulp at {at:e}");
            assert!(error <= most, "{name}({at:e}) is off by {error} ulp");
        }
    }

    /// Against the platform's library, whose own error, 1 ulp at most with glibc, musl and Apple's, is added.
    #[test]
    fn functions_of_f64_are_within_their_errors_over_the_whole_range() {
        let functions: [Of64; 4] = [
            ("exp", f64::exponential, f64::exp, 1.0),
            ("ln", f64::logarithm, f64::ln, 1.0),
            ("tanh", f64::hyperbolic_tangent, f64::tanh, 2.0),
            ("sigmoid", sigmoid, |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }, 2.0),
        ];
        for (name, fast, library, most) in functions {
            let mut worst = (0, 0.0);
            // Everywhere, and densely where results are not 0, 1 or infinite.
            let everywhere = (0..1 << 20).map(|i: u64| f64::from_bits(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let densely = (0..1 << 20).map(|i: u32| (f64::from(i) - 524_288.0) / 700.0 * 1.000_000_7);
            let near = (0..1 << 20).map(|i: u32| (f64::from(i) + 0.5) / 524_288.0);
            for x in everywhere.chain(densely).chain(near) {
                let (found, exact) = (fast(x), library(x));
                if found.is_nan() && exact.is_nan() {
                    continue;
                }
                let apart = found.to_bits().abs_diff(exact.to_bits());
                if apart > worst.0 {
                    worst = (apart, x);
                }
            }
            println!("{name}: {} ulp from the library at {:e}", worst.0, worst.1);
            assert!(worst.0 as f64 <= most, "{name}({:e}) is off by {} ulp", worst.1, worst.0);
        }
    }

    /// What a processor's vectors make of a loop is what a single call gives, to the bit.
    #[test]
    fn a_loop_in_vectors_gives_the_same_bits() {
        for (name, fast, _, _) in OF_32 {
            let inputs: Vec<f32> = (0..=u32::MAX).step_by(65_521).map(f32::from_bits).collect();
            let mut outputs = inputs.clone();
            vectorized(
                #[inline(always)]
                || outputs.iter_mut().for_each(|x| *x = fast(*x)),
            );
            for (&x, &y) in inputs.iter().zip(&outputs) {
                let alone = fast(x);
                assert!(y.to_bits() == alone.to_bits() || (y.is_nan() && alone.is_nan()), "{name}({x:e})");
            }
        }
    }
}
