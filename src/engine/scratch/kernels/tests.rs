//! Every product against its definition, on sizes that take every path: plain loops, dots and tiles, whole and ragged.

use super::*;
use proptest::prelude::*;

fn fill<T: Real>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::of(((i * 7919 + seed * 104_729) % 1009) as f64 / 1009.0 - 0.5)).collect()
}

/// The sum of `count` terms in f64, and how far an engine's may be off: each of its roundings, of a term or of a sum, is
/// at most half a unit of the sum of magnitudes.
fn sum<T: Real>(count: usize, term: impl Fn(usize) -> f64) -> (f64, f64) {
    let magnitudes: f64 = (0..count).map(|k| term(k).abs()).sum();
    ((0..count).map(term).sum(), 2.0 * count as f64 * T::DTYPE.unit_roundoff() * magnitudes)
}

fn close<T: Real>(found: &[T], width: usize, expected: impl Fn(usize, usize) -> (f64, f64)) {
    for (offset, found) in found.iter().enumerate() {
        let (exact, bound) = expected(offset / width, offset % width);
        assert!((found.widen() - exact).abs() <= bound, "[{}, {}]", offset / width, offset % width);
    }
}

/// Every product of a layer of these sizes, by its definition and by so many threads.
fn holds<T: Real>(sizes: Linear, threads: usize) {
    let Linear { rows, inputs, outputs } = sizes;
    let mut kernels = Kernels::<T>::new(threads);
    let (x, weight) = (fill::<T>(rows * inputs, 1), fill::<T>(outputs * inputs, 2));
    let (gradient, bias) = (fill::<T>(rows * outputs, 3), fill::<T>(outputs, 4));
    let of = |matrix: &[T], at: usize| matrix[at].widen();
    for bias in [None, Some(&bias[..])] {
        let mut y = vec![T::nan(); rows * outputs];
        kernels.affine(&x, &weight, bias, &mut y, sizes);
        close(&y, outputs, |i, j| {
            sum::<T>(inputs + 1, |k| match k.checked_sub(1) {
                Some(k) => of(&x, i * inputs + k) * of(&weight, j * inputs + k),
                None => bias.map_or(0.0, |bias| of(bias, j)),
            })
        });
    }
    let mut target = vec![T::nan(); outputs * inputs];
    kernels.weight_gradient(&gradient, &x, &mut target, sizes);
    close(&target, inputs, |i, j| sum::<T>(rows, |k| of(&gradient, k * outputs + i) * of(&x, k * inputs + j)));
    if Kernels::<T>::fuses(sizes) {
        // An update that writes the gradient down, beside a state and two that are not there.
        let (mut value, mut state) = (weight.clone(), vec![T::nan(); outputs * inputs]);
        let update = |value: &mut [T], gradient: &[T], [state, none, nor]: [&mut [T]; 3]| {
            assert!(none.is_empty() && nor.is_empty());
            state.copy_from_slice(gradient);
            value.iter_mut().for_each(|value| *value = -*value);
        };
        kernels.weight_update((&gradient, &x), &mut value, [&mut state, &mut [], &mut []], sizes, &update);
        assert_eq!(state, target, "the gradient is the same, to the bit");
        assert!(value.iter().zip(&weight).all(|(value, weight)| *value == -*weight), "each value once");
    }
    let mut target = vec![T::nan(); rows * inputs];
    kernels.input_gradient(&gradient, &weight, &mut target, sizes);
    close(&target, inputs, |i, j| sum::<T>(outputs, |k| of(&gradient, i * outputs + k) * of(&weight, k * inputs + j)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_product_equals_its_definition(
        rows in prop_oneof![1usize..5, 5usize..40, 100usize..140],
        inputs in prop_oneof![1usize..9, 9usize..140, 500usize..540],
        outputs in prop_oneof![1usize..9, 9usize..80],
        threads in 1usize..4,
    ) {
        holds::<f32>(Linear { rows, inputs, outputs }, threads);
        holds::<f64>(Linear { rows, inputs, outputs }, threads);
    }
}

/// Batches and widths beyond a block, where sums are taken up again and threads have more than one piece of work.
#[test]
fn products_of_several_blocks_equal_their_definition() {
    for (rows, inputs, outputs) in [(300, 1100, 70), (1200, 90, 33), (17, 2100, 130)] {
        holds::<f32>(Linear { rows, inputs, outputs }, 3);
        holds::<f64>(Linear { rows, inputs, outputs }, 2);
    }
}

#[test]
fn threads_do_not_change_a_single_bit() {
    let sizes = Linear { rows: 70, inputs: 700, outputs: 90 };
    let (x, weight) = (fill::<f32>(70 * 700, 1), fill::<f32>(90 * 700, 2));
    let gradient = fill::<f32>(70 * 90, 3);
    let results = [1, 2, 5].map(|threads| {
        let mut kernels = Kernels::new(threads);
        let (mut y, mut of_weight, mut of_input) = (vec![0.0; 70 * 90], vec![0.0; 90 * 700], vec![0.0; 70 * 700]);
        kernels.affine(&x, &weight, None, &mut y, sizes);
        kernels.weight_gradient(&gradient, &x, &mut of_weight, sizes);
        kernels.input_gradient(&gradient, &weight, &mut of_input, sizes);
        (y, of_weight, of_input)
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}
