//! Each layer of this engine, and what Python's PyTorch computes for it, against the replay's formulas and bounds.

use super::super::Scratch;
use super::*;
use crate::{
    fixtures::{self, Case, Found},
    tensor::{DType, Shape},
    training::{Loss, Optimizer, Sgd, Training},
};

fn typed<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::of(value)).collect()
}

fn wide<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.widen()).collect()
}

fn training() -> Training {
    Training::new(Loss::MEAN_SQUARED_ERROR, Optimizer::Sgd(Sgd::new(0.1)))
}

/// What this engine makes of it.
fn computed<T: Real>(case: &Case) -> Found {
    let Scratch { mut layers, mut trained, mut kept, .. } = Scratch::<T>::new(&case.model, &training(), case.rows);
    for (trained, values) in trained.iter_mut().zip(&case.parameters) {
        trained.value.iter_mut().zip(values).for_each(|(own, &value)| *own = T::of(value));
    }
    kept.iter_mut().zip(&case.buffers).for_each(|(own, values)| *own = typed(values));
    let (input, gradient) = (typed::<T>(&case.input), typed::<T>(&case.output_gradient));
    let mask = case.mask.as_ref().map(|mask| typed::<T>(mask));
    let masks: Vec<View<'_>> =
        mask.iter().map(|mask| View { shape: Shape::new(&[mask.len()]), values: T::values(mask) }).collect();
    let mut kernels = Kernels::new(1);
    let (rows, training) = (case.rows, case.training);
    let mut pass = Pass {
        trained: &mut trained,
        buffers: &mut kept,
        rows,
        training,
        masks: &masks,
        kernels: &mut kernels,
        rule: None,
    };
    let (mut output, mut passed) = (vec![T::zero(); gradient.len()], vec![T::zero(); input.len()]);
    layers[0].forward(&mut pass, Input::Dense(&input), &mut output).unwrap();
    layers[0].backward(&mut pass, Input::Dense(&input), &output, &gradient, Some(&mut passed)).unwrap();
    Found {
        output: wide(&output),
        input_gradient: wide(&passed),
        gradients: trained.iter().map(|trained| trained.gradient.iter().map(|value| value.widen()).collect()).collect(),
        buffers: kept.iter().map(|values| wide(values)).collect(),
    }
}

/// Both engines on PyTorch's own cases: kinks, saturation, thresholds, overflow of exp, rows next to constant, a constant
/// column, batches of one and two rows, evaluation.
#[test]
fn every_layer_and_pythons_are_within_the_bounds_of_the_replay() {
    let (mut largest, mut beyond) = (std::collections::BTreeMap::new(), Vec::new());
    for case in fixtures::layers() {
        let theirs = Found {
            output: case.output.clone(),
            input_gradient: case.input_gradient.clone().unwrap_or_default(),
            gradients: case.gradients.clone(),
            buffers: case.buffers_after.clone(),
        };
        let ours = match case.dtype {
            DType::F32 => computed::<f32>(&case),
            DType::F64 => computed::<f64>(&case),
        };
        for (side, found) in [("scratch", ours), ("PyTorch", theirs)] {
            for (tensor, budget) in found.budgets(&case) {
                if !(budget <= 1.0) {
                    beyond.push(format!("{side}: {} {tensor} uses {budget} of its bound", case.name));
                }
                let kind = case.name.split('"').nth(1).unwrap_or_default().to_owned();
                let kept: &mut f64 = largest.entry((kind, tensor, side)).or_default();
                *kept = kept.max(budget);
            }
        }
    }
    for ((layer, tensor, side), budget) in largest {
        println!("{layer:12} {tensor:15} {side:8} {budget:.2}");
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
