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

    const OF_32: [Of32; 4] = [
        ("exp", f32::exponential, f64::exp, 1.0),
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

    /// A number as the sum of two f64, which together hold some 106 bits (Dekker, *A floating-point technique for extending
    /// the available precision*, 1971).
    #[derive(Clone, Copy)]
    struct Double(f64, f64);

    impl Double {
        const LN_2: Self = Self(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

        fn plus(self, other: Self) -> Self {
            let sum = self.0 + other.0;
            let part = sum - self.0;
            Self::of(sum, (self.0 - (sum - part)) + (other.0 - part) + self.1 + other.1)
        }

        fn times(self, other: Self) -> Self {
            let product = self.0 * other.0;
            Self::of(product, self.0.mul_add(other.0, -product) + self.0 * other.1 + self.1 * other.0)
        }

        /// Two steps of division by hand.
        fn over(self, other: Self) -> Self {
            let first = self.0 / other.0;
            let rest = self.plus(other.times(Self(-first, 0.0)));
            let second = rest.0 / other.0;
            let rest = rest.plus(other.times(Self(-second, 0.0)));
            Self::of(first, second).plus(Self(rest.0 / other.0, 0.0))
        }

        fn of(high: f64, low: f64) -> Self {
            let sum = high + low;
            Self(sum, (high - sum) + low)
        }

        /// eˣ by its series at (x − n·ln 2)/256, squared eight times.
        fn power(self) -> Self {
            let n = (self.0 / Self::LN_2.0).round();
            let r = self.plus(Self::LN_2.times(Self(-n, 0.0))).times(Self(1.0 / 256.0, 0.0));
            let one = Self(1.0, 0.0);
            let series = (1..=12).rev().fold(one, |sum, k| one.plus(r.times(sum).over(Self(f64::from(k), 0.0))));
            let power = (0..8).fold(series, |power, _| power.times(power));
            power.times(Self(2f64.powi(n as i32), 0.0))
        }
    }

    #[test]
    fn functions_of_f64_are_within_their_errors() {
        let one = Double(1.0, 0.0);
        let exp = |x: f64| Double(x, 0.0).power();
        let tanh = |x: f64| {
            let power = exp(2.0 * x);
            power.plus(Double(-1.0, 0.0)).over(power.plus(one))
        };
        // A step of Newton's method from the library's logarithm.
        let ln = |x: f64| Double(x.ln(), 0.0).plus(Double(x, 0.0).times(exp(-x.ln())).plus(Double(-1.0, 0.0)));
        let sigmoid_of = |x: f64| one.over(one.plus(exp(-x)));
        type Case<'a> = (&'a str, fn(f64) -> f64, &'a dyn Fn(f64) -> Double, fn(f64) -> f64, f64);
        let cases: [Case<'_>; 4] = [
            ("exp", f64::exponential, &exp, |part| 1400.0 * part - 700.0, 1.0),
            ("ln", f64::logarithm, &ln, |part| (1380.0 * part - 690.0).exp(), 1.0),
            ("tanh", f64::hyperbolic_tangent, &tanh, |part| 40.0 * (part - 0.5).powi(3), 2.0),
            ("sigmoid", sigmoid, &sigmoid_of, |part| 1400.0 * (part - 0.5).powi(3), 2.0),
        ];
        for (name, fast, exact, place, most) in cases {
            let (mut worst, mut at) = (0.0, 0.0);
            for number in 0..1 << 14 {
                // Steps of the golden ratio, which fill the range evenly.
                let x = place((f64::from(number) * 0.618_033_988_749_895).fract());
                let Double(high, low) = exact(x);
                let error = ((fast(x) - high) - low).abs() / (high.abs().next_up() - high.abs());
                if !(error <= worst) {
                    (worst, at) = (error, x);
                }
            }
            println!("{name}: {worst:.3} ulp at {at:e}");
            assert!(worst <= most, "{name}({at:e}) is off by {worst} ulp");
        }
    }

    #[test]
    fn functions_of_f64_know_the_ends_of_their_range() {
        let (zero, infinity) = (0.0f64, f64::INFINITY);
        let all = |x: f64| [x.exponential(), x.logarithm(), x.hyperbolic_tangent(), sigmoid(x)];
        assert!(all(f64::NAN).iter().all(|y| y.is_nan()));
        assert_eq!(all(infinity), [infinity, infinity, 1.0, 1.0]);
        assert_eq!(all(zero), [1.0, -infinity, 0.0, 0.5]);
        let [power, logarithm, tangent, sigmoid] = all(-infinity);
        assert_eq!([power, tangent, sigmoid], [0.0, -1.0, 0.0]);
        assert!(logarithm.is_nan() && (-1.0f64).logarithm().is_nan());
        assert!((-0.0f64).hyperbolic_tangent().is_sign_negative());
        // Results and arguments below the least normal number.
        assert_eq!((-744.0f64).exponential(), (-744.0f64).exp());
        assert_eq!(5e-324f64.logarithm(), 5e-324f64.ln());
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
