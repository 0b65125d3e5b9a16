//! Numbers that carry how far rounding may have taken a side's from them (running error analysis: Higham, *Accuracy and
//! Stability of Numerical Algorithms*, section 3.3): a formula written in them derives its own bound.

use super::Rounding;

/// A number in f64, and the most by which a side's may be off it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Near {
    pub(super) value: f64,
    pub(super) error: f64,
}

impl Near {
    /// What every side has alike.
    pub(super) fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// The largest magnitude that a side may have for it.
    pub(super) fn magnitude(self) -> f64 {
        self.value.abs() + self.error
    }

    /// The same number with the other sign, which is never rounded.
    pub(super) fn negative(self) -> Self {
        Self { value: -self.value, ..self }
    }

    /// A number of which it is known that it cannot be below 0, whatever the roundings of the replay say.
    pub(super) fn at_least_0(self) -> Self {
        if self.value < 0.0 { Self { value: 0.0, ..self } } else { self }
    }
}

impl Rounding {
    /// The result of one operation on numbers that are off already: a side's is rounded once more, relative to itself,
    /// or absolutely where it underflows; what may overflow may be off by anything. Exactly 0 stays so.
    #[inline(always)]
    fn once(self, value: f64, error: f64) -> Near {
        let largest = value.abs() + error;
        let underflow = if largest > 0.0 { self.smallest } else { 0.0 };
        let error = error + self.unit * largest + underflow;
        Near { value, error: if largest * self.overflow < 1.0 { error } else { f64::INFINITY } }
    }

    /// A setting, as a side holds it: worked out in f64, then rounded to its type.
    #[inline(always)]
    pub(super) fn setting(self, value: f64) -> Near {
        self.once(value, 0.0)
    }

    /// a + b.
    #[inline(always)]
    pub(super) fn plus(self, a: Near, b: Near) -> Near {
        self.once(a.value + b.value, a.error + b.error)
    }

    /// a − b.
    #[inline(always)]
    pub(super) fn minus(self, a: Near, b: Near) -> Near {
        self.plus(a, b.negative())
    }

    /// a·b; a factor of exactly 1 rounds nothing, and one of exactly 0 leaves 0.
    #[inline(always)]
    pub(super) fn times(self, a: Near, b: Near) -> Near {
        // 0·∞ is what no side has: one factor is 0 but for rounding, of the other nothing is known.
        let part = |a: f64, b: f64| if (a == 0.0) | (b == 0.0) { 0.0 } else { a * b };
        let error = part(a.value.abs(), b.error) + part(a.error, b.magnitude());
        let product = self.once(a.value * b.value, error);
        // Selected, not branched to, so that loops of it vectorize.
        let (one, zero) = (a == Near::exact(1.0), (a.magnitude() == 0.0) | (b.magnitude() == 0.0));
        let select = |product: f64, b: f64| {
            if one {
                b
            } else if zero {
                0.0
            } else {
                product
            }
        };
        Near { value: select(product.value, b.value), error: select(product.error, b.error) }
    }

    /// A sum of numbers, in any order: `terms` of them, at most.
    pub(super) fn total(self, numbers: impl Iterator<Item = Near> + Clone, terms: usize) -> Near {
        let (mut value, mut error, mut magnitude) = (0.0, 0.0, 0.0);
        for number in numbers.clone() {
            value += number.value;
            error += number.error;
            magnitude += number.magnitude();
        }
        Near { value, error: error + self.summed(terms, magnitude, numbers.map(|number| number.value)) }
    }

    /// a/b: from (a + α)/(b + β) − a/b = (α − βa/b)/(b + β). Anything where b may be 0.
    #[inline(always)]
    pub(super) fn over(self, a: Near, b: Near) -> Near {
        let value = a.value / b.value;
        let least = b.value.abs() - b.error;
        let error = (a.error + value.abs() * b.error) / least;
        self.once(value, if least > 0.0 { error } else { f64::INFINITY })
    }

    /// a·b/c, whether a side takes the product first or the quotient: what the product underflows by is divided by c.
    #[inline(always)]
    pub(super) fn times_over(self, a: Near, b: Near, c: Near) -> Near {
        let found = self.times(a, self.over(b, c));
        let underflow = 2.0 * self.smallest / (c.value.abs() - c.error);
        Near { error: if found.magnitude() > 0.0 { found.error + underflow } else { found.error }, ..found }
    }

    /// √a, for an a that is not below 0. Roots are concave, so the lower end of a ± α decides: α/(√a + √(a − α)), or
    /// where a side's a may be anything from 0 on, √α, which is more than √a and more than √(a + α) − √a.
    #[inline(always)]
    pub(super) fn root(self, a: Near) -> Near {
        let value = a.value.sqrt();
        let end = if a.error < a.value { a.value - a.error } else { a.error };
        let end = end.sqrt();
        let error = if a.error < a.value { a.error / (value + end) } else { end };
        self.once(value, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;
    use proptest::prelude::*;

    /// Numbers of either sign over all of f32's range, and 0.
    fn numbers() -> impl Strategy<Value = f64> {
        prop_oneof![
            9 => (-50.0..38.0f64, any::<bool>())
                .prop_map(|(power, minus)| f64::from(10f64.powf(power) as f32) * if minus { -1.0 } else { 1.0 }),
            1 => Just(0.0),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

        /// Operands are off by up to two units in the last place; f32 rounds the operation.
        #[test]
        fn every_operation_in_f32_is_within_its_error(a in numbers(), b in numbers(), off in [-2.0..=2.0f64, -2.0..=2.0]) {
            let rounding = Rounding::new(DType::F32, f64::INFINITY);
            let ulps = |x: f64| 2.5 * rounding.unit * x.abs() + 2.5 * rounding.smallest;
            let near = |x: f64| Near { value: x, error: ulps(x) };
            let held = |x: f64, off: f64| (x + off / 2.5 * ulps(x)) as f32;
            let (x, y) = (held(a, off[0]), held(b, off[1]));
            let inside = |found: f32, near: Near| {
                near.error.is_infinite() || (f64::from(found) - near.value).abs() <= near.error
            };
            prop_assert!(inside(x + y, rounding.plus(near(a), near(b))), "{a} + {b}");
            prop_assert!(inside(x * y, rounding.times(near(a), near(b))), "{a} · {b}");
            prop_assert!(inside(x / y, rounding.over(near(a), near(b))), "{a} / {b}");
            prop_assert!(inside(x.abs().sqrt(), rounding.root(near(a.abs()))), "√{a}");
            // In every order, with a divisor of an update: far below 1, but not among what underflows.
            let (c, z) = (1e-8 + x.abs().min(1.0), 1e-8 + x.abs().min(1.0));
            let (scale, bound) = (0.01f32, rounding.times_over(near(f64::from(0.01f32)), near(b), near(f64::from(c))));
            for found in [scale * y / z, scale * (y / z)] {
                prop_assert!(inside(found, bound), "0.01 · {b} / {c}");
            }
        }
    }

    #[test]
    fn exactly_0_stays_exactly_0_and_ordinary_numbers_err_by_units() {
        let rounding = Rounding::new(DType::F32, f64::INFINITY);
        let (zero, one) = (Near::default(), Near::exact(1.5));
        for near in
            [rounding.plus(zero, zero), rounding.times(zero, one), rounding.over(zero, one), rounding.root(zero)]
        {
            assert_eq!(near, zero);
        }
        let units = |near: Near| near.error / near.value / rounding.unit;
        for near in [rounding.plus(one, one), rounding.times(one, one), rounding.over(one, one), rounding.root(one)] {
            assert!((units(near) - 1.0).abs() < 1e-6, "{}", units(near));
        }
    }
}
