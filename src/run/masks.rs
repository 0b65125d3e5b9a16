//! What dropout layers multiply their inputs by, drawn once for both sides, or as a recorded training drew it.
//!
//! As in PyTorch's `dropout`: bernoulli(1 − p)/(1 − p), in the type of the side
//! (<https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html>).

use crate::{
    model::{Dropout, Model},
    tensor::{DType, Shape, View},
    trace::Kept,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Dropout's own stream of a seed, so that no other use of the seed draws the same numbers.
const STREAM: u64 = 3;

/// Words of the stream that a step has to itself, as a power of two: more than any batch has elements.
const WORDS_OF_STEP: u32 = 36;

/// The masks of a model's dropout layers for one step.
#[derive(Debug)]
pub struct Masks {
    layers: Vec<(Dropout, usize)>, // each with its width
    seed: u64,
    /// What each layer kept in a training that was recorded, in place of what the seed draws.
    kept: Option<Arc<[Kept]>>,
    rows: usize,
    f32: Vec<Vec<f32>>, // per layer [rows, width]
    f64: Vec<Vec<f64>>, // likewise
}

impl Masks {
    /// The masks of `model`, drawn from `seed`, or those that were `kept`. None are drawn yet.
    pub fn new(model: &Model, seed: u64, kept: Option<Arc<[Kept]>>) -> Self {
        let places = model.places().into_iter();
        let layers: Vec<_> = places.filter_map(|place| Some((place.facts.mask?, place.output.elements()))).collect();
        let (f32, f64) = (vec![Vec::new(); layers.len()], vec![Vec::new(); layers.len()]);
        Self { layers, seed, kept, rows: 0, f32, f64 }
    }

    /// Draws the masks of a step of an epoch, for a batch of `rows` rows: the same numbers for a step whatever was drawn
    /// before, and for every model with as many layers of these widths.
    pub fn draw(&mut self, step: usize, epoch: usize, rows: usize) {
        if self.layers.is_empty() {
            return;
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(STREAM);
        random.set_word_pos((step as u128) << WORDS_OF_STEP);
        self.rows = rows;
        let layers = self.layers.iter().zip(self.f32.iter_mut().zip(&mut self.f64)).enumerate();
        for (layer, ((dropout, width), (f32, f64))) in layers {
            let kept_then = self.kept.as_ref().and_then(|kept| kept.get(layer));
            let off = dropout.first_epoch_only && epoch > 0;
            let dropped = if off { 0.0 } else { dropout.p * 2f64.powi(32) };
            let kept = if off || !dropout.scaled { 1.0 } else { 1.0 - dropout.p };
            // The division is that of the type, as PyTorch divides the mask.
            let (narrow, wide) = (1.0 / kept as f32, 1.0 / kept);
            f32.clear();
            f64.clear();
            // An identity draws nothing, so that one more of it shifts no other's numbers.
            if dropout.p == 0.0 {
                f32.resize(rows * width, 1.0);
                f64.resize(rows * width, 1.0);
                continue;
            }
            for element in 0..rows * width {
                let keep = match kept_then {
                    Some(kept) => off || kept.at(step, element),
                    None => f64::from(random.next_u32()) >= dropped,
                };
                f32.push(if keep { narrow } else { 0.0 });
                f64.push(if keep { wide } else { 0.0 });
            }
        }
    }

    /// The masks in a type.
    pub fn views(&self, dtype: DType) -> Vec<View<'_>> {
        let shape = |layer: usize| Shape::new(&[self.rows, self.layers[layer].1]);
        let view = |layer| match dtype {
            DType::F32 => View::new(&shape(layer), &self.f32[layer][..]),
            DType::F64 => View::new(&shape(layer), &self.f64[layer][..]),
        };
        (0..self.layers.len()).map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Layer;

    fn masks(p: f64, scaled: bool, first_epoch_only: bool) -> Masks {
        let dropout = Layer::Dropout(Dropout { p, scaled, first_epoch_only });
        Masks::new(&Model::new(vec![dropout, Layer::Relu, dropout], 100).unwrap(), 7, None)
    }

    fn drawn(masks: &mut Masks, step: usize, epoch: usize) -> Vec<Vec<f64>> {
        masks.draw(step, epoch, 50);
        masks.f64.clone()
    }

    #[test]
    fn a_share_p_is_dropped_and_the_mean_of_a_mask_is_1() {
        let mut masks = masks(0.3, true, false);
        for mask in drawn(&mut masks, 0, 0) {
            // 5000 draws: the share errs by 0.0065; five of these are allowed.
            let dropped = mask.iter().filter(|&&mask| mask == 0.0).count() as f64 / 5000.0;
            assert!((dropped - 0.3).abs() < 0.033, "{dropped}");
            assert!(mask.iter().all(|&mask| mask == 0.0 || mask == 1.0 / 0.7));
        }
        assert!(masks.f32[0].iter().all(|&mask| mask == 0.0 || mask == 1.0 / 0.7f32));
    }

    #[test]
    fn a_step_has_the_same_masks_whatever_was_drawn_before_and_no_two_layers_or_steps_share_one() {
        let [first, second] = [3, 4].map(|step| drawn(&mut masks(0.5, true, false), step, 0));
        let mut masks = masks(0.5, true, false);
        drawn(&mut masks, 9, 0);
        assert_eq!(drawn(&mut masks, 3, 0), first);
        assert!(first != second && first[0] != first[1]);
    }

    #[test]
    fn the_same_elements_are_dropped_unscaled_and_none_after_the_first_epoch_where_dropout_ends_with_it() {
        let scaled = drawn(&mut masks(0.5, true, false), 3, 0);
        let unscaled = drawn(&mut masks(0.5, false, true), 3, 0);
        assert!(scaled.iter().flatten().zip(unscaled.iter().flatten()).all(|(scaled, plain)| *scaled == 2.0 * plain));
        assert!(drawn(&mut masks(0.5, true, true), 3, 1).iter().flatten().all(|&mask| mask == 1.0));
    }
}
