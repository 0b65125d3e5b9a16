//! torch's `normal_(0, 1)`, bit for bit: pairs of uniform draws made normal deviates (Box and Muller, *A Note on the
//! Generation of Random Normal Deviates*, 1958). Source: ATen/native/cpu/DistributionTemplates.h and
//! ATen/core/DistributionsHelper.h of PyTorch 2.13.
//!
//! Fewer than 16 elements are drawn one by one in f64, the second deviate of a pair waiting for the next call. From 16 on
//! all elements are drawn first, then made in groups of 16, element i with element i + 8; of a number that is not a
//! multiple of 16 the last 16 are drawn and made once more. In f32 that runs on AVX2, on machines with AVX-512 too, with
//! the logarithm, sine and cosine of Moshier's Cephes library (logf.c, sinf.c), whose products and sums the compiler
//! fuses: written out here, as no other function has these last bits. Without AVX2 Python itself has others.

use super::mersenne::Torch;
use crate::tensor::DType;
use std::f64::consts::PI;

/// As many deviates as a tensor has elements.
pub(super) fn fill(stream: &mut Torch, count: usize, dtype: DType) -> Vec<f64> {
    match dtype {
        _ if count < GROUP => {
            let one = (0..count).map(|_| one(stream));
            one.map(|value| if dtype == DType::F32 { f64::from(value as f32) } else { value }).collect()
        }
        DType::F32 => {
            let pair = |first: f32, second: f32| {
                let (radius, (sine, cosine)) = ((-2.0 * logarithm(1.0 - first)).sqrt(), turn(TWO_PI * second));
                [radius * cosine, radius * sine]
            };
            groups(count, || stream.single(), pair).into_iter().map(f64::from).collect()
        }
        DType::F64 => {
            let pair = |first: f64, second: f64| {
                let (radius, angle) = ((-2.0 * (1.0 - first).ln()).sqrt(), 2.0 * PI * second);
                [radius * angle.cos(), radius * angle.sin()]
            };
            groups(count, || stream.double(), pair)
        }
    }
}

/// Elements that are made at once.
const GROUP: usize = 16;

/// 2π in f32.
const TWO_PI: f32 = 2.0 * PI as f32;

/// One deviate in f64: the one that waits, or the first of a new pair.
fn one(stream: &mut Torch) -> f64 {
    if let Some(waiting) = stream.waiting.take() {
        return waiting;
    }
    let (first, second) = (stream.double(), stream.double());
    let (radius, angle) = ((-2.0 * (-second).ln_1p()).sqrt(), 2.0 * PI * first);
    stream.waiting = Some(radius * angle.sin());
    radius * angle.cos()
}

/// Uniform draws, made deviates in groups.
fn groups<T: Copy>(count: usize, mut draw: impl FnMut() -> T, pair: impl Fn(T, T) -> [T; 2]) -> Vec<T> {
    let make = |group: &mut [T]| {
        let (first, second) = group.split_at_mut(GROUP / 2);
        first.iter_mut().zip(second).for_each(|(first, second)| [*first, *second] = pair(*first, *second));
    };
    let mut values: Vec<T> = (0..count).map(|_| draw()).collect();
    values.chunks_exact_mut(GROUP).for_each(make);
    if !count.is_multiple_of(GROUP) {
        let last = &mut values[count - GROUP..];
        last.fill_with(draw);
        make(last);
    }
    values
}

/// Of ln(1 + x)'s expansion, x³ and up, for 1/√2 ≤ 1 + x < √2 (logf.c).
const LOGARITHM: [f32; 9] = [
    7.037_683_6e-2,
    -1.151_461e-1,
    0.116_769_984,
    -1.242_014_1e-1,
    1.424_932_3e-1,
    -1.666_805_8e-1,
    0.200_007_14,
    -2.499_999_4e-1,
    3.333_333e-1,
];

/// ln 2 in two parts (logf.c).
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// ln x of a positive normal x.
fn logarithm(x: f32) -> f32 {
    // x = m·2ᵉ with m in [½, 1), or in [1/√2, √2).
    let bits = x.to_bits();
    let (mut m, mut e) = (f32::from_bits(bits & 0x007f_ffff | 0x3f00_0000), (bits >> 23) as f32 - 126.0);
    if m < std::f32::consts::FRAC_1_SQRT_2 {
        (m, e) = (m - 1.0 + m, e - 1.0);
    } else {
        m -= 1.0;
    }
    let square = m * m;
    let polynomial = LOGARITHM[1..].iter().fold(LOGARITHM[0], |sum, &term| sum.mul_add(m, term)) * m;
    let small = polynomial.mul_add(square, e * LN_2[1]);
    e.mul_add(LN_2[0], m + (-square).mul_add(0.5, small))
}

/// −π/4 in three parts (sinf.c).
const MINUS_QUARTER: [f32; 3] = [-0.785_156_25, -2.418_756_5e-4, -3.774_895e-8];

/// Of the expansions of sine and cosine on [−π/4, π/4], the third term and up (sinf.c).
const SINE: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -0.166_666_55];
const COSINE: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];

/// Sine and cosine of an angle of at least 0.
fn turn(angle: f32) -> (f32, f32) {
    // The even number of eighths of a turn that is nearest, and what is left.
    let eighths = ((angle * (4.0 / PI) as f32) as i32 + 1) & !1;
    let left = MINUS_QUARTER.iter().fold(angle, |left, &part| (eighths as f32).mul_add(part, left));
    let square = left * left;
    let series = |terms: [f32; 3]| terms[0].mul_add(square, terms[1]).mul_add(square, terms[2]) * square;
    let cosine = series(COSINE).mul_add(square, -(square * 0.5)) + 1.0;
    let sine = series(SINE).mul_add(left, left);
    let (sine, cosine) = if eighths & 2 == 0 { (sine, cosine) } else { (cosine, sine) };
    (if eighths & 4 == 0 { sine } else { -sine }, if (eighths - 2) & 4 == 0 { -cosine } else { cosine })
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{
            Embedding, Layer, Linear, Model,
            init::{Init, draw},
        },
        tensor::DType,
    };

    fn drawn(words: usize, columns: usize, seed: u64, dtype: DType) -> [Vec<f64>; 2] {
        let inputs = 2 * columns;
        let layers = vec![
            Layer::Embedding(Embedding { words, columns }),
            Layer::Flatten,
            Layer::Linear(Linear { inputs, outputs: 2, bias: true }),
        ];
        let drawn = draw(&Model::new(layers, 2).unwrap(), &Init::Pytorch, seed, dtype).unwrap();
        [0, 1].map(|number| drawn[number].values.clone())
    }

    /// Printed by Python's torch 2.13.0 (AVX-512): `nn.Embedding(words, columns)` after `torch.manual_seed(0)`, its first
    /// three and last three elements, and the first two of the `nn.Linear(2 * columns, 2)` that is made next.
    #[test]
    fn an_embedding_and_the_linear_layer_after_it_are_pythons() {
        type Case = (usize, usize, DType, &'static [f64], &'static [f64]);
        let cases: [Case; 4] = [
            (
                3,
                3,
                DType::F32,
                &[
                    1.5409960746765137,
                    -0.293428897857666,
                    -2.1787893772125244,
                    0.40334683656692505,
                    0.8380263447761536,
                    -0.7192575931549072,
                ],
                &[0.14828276634216309, 0.3390044867992401],
            ),
            (
                5,
                7,
                DType::F32,
                &[
                    -1.1258398294448853,
                    -1.152360200881958,
                    -0.2505785822868347,
                    1.203223705291748,
                    0.08453469723463058,
                    -1.2001394033432007,
                ],
                &[0.2656932473182678, 0.10607121884822845],
            ),
            (
                3,
                3,
                DType::F64,
                &[
                    1.5409961082440433,
                    -0.2934289057609464,
                    -2.1787893820745574,
                    0.4033468476292993,
                    0.8380263329976598,
                    -0.7192575784693592,
                ],
                &[-0.038482423743758196, -0.2638920818088885],
            ),
            (
                5,
                7,
                DType::F64,
                &[
                    -2.310411800234176,
                    -0.3732508612577643,
                    -1.0608166785462863,
                    -0.013720701456433322,
                    -0.19960822763281003,
                    -1.6564246944540333,
                ],
                &[-0.13047708167836142, -0.16591146137285318],
            ),
        ];
        for (words, columns, dtype, table, weight) in cases {
            let [found, linear] = drawn(words, columns, 0, dtype);
            assert_eq!([&found[..3], &found[found.len() - 3..]].concat(), table, "{words} x {columns} {dtype}");
            assert_eq!(linear[..2], *weight, "after {words} x {columns} {dtype}");
        }
    }

    /// Every bit of 100,000 deviates of seed 11, folded as FNV-1a does words, by Python over `torch.empty(100000).normal_()`.
    #[test]
    fn a_hundred_thousand_deviates_are_pythons_to_the_bit() {
        let fold = |values: &[f64], bits: fn(f64) -> u64| {
            let folded = |hash: u64, &value: &f64| (hash ^ bits(value)).wrapping_mul(0x0100_0000_01b3);
            values.iter().fold(0xcbf2_9ce4_8422_2325, folded)
        };
        let [single, _] = drawn(1000, 100, 11, DType::F32);
        assert_eq!(fold(&single, |value| u64::from((value as f32).to_bits())), 18333801510702105383);
        let [double, _] = drawn(1000, 100, 11, DType::F64);
        assert_eq!(fold(&double, f64::to_bits), 2777605087034514225);
    }
}
