//! One phase recomputed in f64 from a side's own recorded inputs, with a bound on what rounding can do to it.
//!
//! A phase is judged on equal inputs, so that an error in one phase is not reported again in the next: forward layer by
//! layer from the side's own activations, the loss from its outputs, the gradients from its weights, activations and
//! output gradient, the update from its gradients, with an f64 shadow of the optimizer's state fed by those gradients.
//!
//! Formulas are written out once more here, plainly and apart from both engines, so that no kernel's fault is shared: but
//! for products of more than 512 multiply-adds, which the `gemm` crate takes and a test holds to plain loops.
//! Every result comes with a running error bound: what a side that evaluates the formula in any order, fused or not, may
//! be off, plus the replay's own f64 rounding. A sum of n products may be off by K·√n·u of its terms' magnitudes where
//! roundings are independent (Higham and Mary, *A New Approach to Probabilistic Rounding Error Analysis*, 2019), and
//! never by more than n·u (Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 3): the smaller of the two.
//!
//! Equal terms round alike, and errors add up like n: repeated rows, dead or saturated units, one-hot columns. Nothing is
//! granted for that beforehand. Where a result is beyond its bound it is looked at [closely](Replay::closely): the terms
//! of the sums in question are added up in the side's type, one after the other, and what is lost on the way is their noise.

mod engine;
mod layer;
mod loss;
mod near;
mod product;
mod update;

use crate::{
    experiment::Side,
    model::{Parameter, Place},
    tensor::DType,
    training::{Fault, Training},
};
pub use engine::Exact as ExactEngine;
use product::Products;
pub use update::Given;
use update::Shadow;

/// A tensor in f64, and for each element how far rounding may take a side from it.
#[derive(Debug, Clone, Default)]
pub struct Exact {
    /// The values.
    pub value: Vec<f64>,
    /// The bounds, as many.
    pub bound: Vec<f64>,
}

/// Replays the phases of one side under a definition: a model and a training.
pub struct Replay {
    places: Vec<Place>,
    /// The first layer that is taken together with the loss; as many as there are where none is.
    tail: usize,
    parameters: Vec<Parameter>,
    training: Training,
    rounding: Rounding,
    result: Exact,
    /// The gradient on its way back through the layers, and the one it becomes.
    passing: Exact,
    passed: Exact,
    /// What bounds of sums with the passing gradient are relative to.
    errors: Vec<f64>,
    products: Products,
    gradients: Vec<Exact>,
    buffers: Vec<Exact>,
    shadow: Shadow,
    /// The side's gradients of the latest step and of the one before, where these are never zeroed.
    kept: [(usize, Vec<Vec<f64>>); 2],
}

/// Where a parameter's values are found: the definition's parameter number to the side's values.
pub type Parameters<'a> = &'a dyn Fn(usize) -> &'a [f64];

/// Where a side's own gradient in a parameter is found, if it has one: what a close look is for.
pub type Found<'a> = &'a dyn Fn(usize) -> Option<&'a [f64]>;

impl Replay {
    /// A replay under the definition of `definition`, of a side that computes in `dtype`. Sums of n terms are bounded by
    /// `k`·√n roundings, where that is less than n: with an infinite `k` no rounding whatever passes a bound.
    pub fn new(definition: &Side, dtype: DType, k: f64) -> Self {
        let parameters = definition.model.parameters();
        Self {
            rounding: Rounding::new(dtype, k),
            result: Exact::default(),
            passing: Exact::default(),
            passed: Exact::default(),
            errors: Vec::new(),
            products: Products::default(),
            gradients: vec![Exact::default(); parameters.len()],
            buffers: vec![Exact::default(); definition.model.buffers().len()],
            shadow: Shadow::new(&definition.training, &parameters),
            kept: Default::default(),
            places: definition.model.places(),
            tail: definition.model.layers.len(),
            parameters,
            training: definition.training.clone(),
        }
    }
}

impl Replay {
    /// The same, with the layers from this one on taken together with the loss.
    pub fn with_tail(self, tail: usize) -> Self {
        Self { tail, ..self }
    }

    /// How many layers the definition has.
    pub fn layers(&self) -> usize {
        self.places.len()
    }

    /// Whether layers are taken together with the loss.
    pub fn has_tail(&self) -> bool {
        self.tail < self.places.len()
    }

    /// Whether the definition makes a mistake.
    fn makes(&self, fault: &Fault) -> bool {
        self.training.faults.contains(fault)
    }

    /// Keeps the side's gradients of a step, where these are never zeroed.
    fn remember<'a>(&mut self, step: usize, gradients: impl Iterator<Item = Given<'a>>) {
        if !self.makes(&Fault::GradientsNotZeroed) {
            return;
        }
        if self.kept[1].0 != step || self.kept[1].1.is_empty() {
            self.kept.swap(0, 1);
        }
        self.kept[1] = (step, gradients.map(|given| given.values.iter().collect()).collect());
    }

    /// The side's gradient of the step before this one.
    fn left_over(&self, step: usize, parameter: usize) -> &[f64] {
        let before = self.kept.iter().find(|(kept, gradients)| kept + 1 == step && !gradients.is_empty());
        before.and_then(|(_, gradients)| gradients.get(parameter)).map_or(&[], Vec::as_slice)
    }

    /// Whether sums are looked at closely from now on.
    pub fn closely(&mut self, close: bool) {
        self.rounding.close = close;
    }

    /// The share of its bounds that f64's own rounding is.
    pub fn rounded_in_f64(&self) -> f64 {
        2.0 * DType::F64.unit_roundoff() / self.rounding.unit
    }

    /// What bounds of nothing but underflow stay below: as many smallest numbers as no sum has terms.
    pub fn silence(&self) -> f64 {
        2f64.powi(40) * self.rounding.smallest
    }
}

#[cfg(test)]
impl Replay {
    /// The gradient in the model's input that the latest backward phase ended with; the first layer is not linear.
    pub(crate) fn input_gradient(&self) -> &Exact {
        &self.passing
    }
}

impl Exact {
    fn zeros(elements: usize) -> Self {
        Self { value: vec![0.0; elements], bound: vec![0.0; elements] }
    }

    /// Replaces the content by these values, each with the bound that `bound` gives it.
    fn fill(&mut self, values: impl Iterator<Item = f64>, bound: impl Fn(f64) -> f64) {
        self.value.clear();
        self.value.extend(values);
        self.bound.clear();
        self.bound.extend(self.value.iter().map(|&value| bound(value)));
    }
}

/// What rounding does in a side's type, the replay's own f64 rounding added.
#[derive(Debug, Clone, Copy)]
struct Rounding {
    /// Relative error of one operation: u of the side's type + u of f64.
    unit: f64,
    /// Absolute error of a result that underflows.
    smallest: f64,
    /// Above 1/x for every x that overflows.
    overflow: f64,
    /// Roundings that a sum of n terms may be off, over √n.
    k: f64,
    /// Whether sums are taken in the side's type, too, to see how their roundings add up.
    close: bool,
}

impl Rounding {
    fn new(dtype: DType, k: f64) -> Self {
        Self {
            k,
            close: false,
            unit: dtype.unit_roundoff() + DType::F64.unit_roundoff(),
            smallest: dtype.smallest(),
            overflow: dtype.largest().recip(),
        }
    }

    /// The relative error, against the sum of the terms' magnitudes, of a sum of n products in any order, fused or not:
    /// γₘ = m·u/(1 − m·u) with m the n roundings that touch a term (Higham 2002, eq. 3.5), or the K·√n that they amount
    /// to where they are independent, whichever is less.
    fn sum(&self, terms: usize) -> f64 {
        let terms = terms as f64;
        gamma(self.unit * terms.min(self.k * terms.sqrt()))
    }

    /// How far a sum may be off, in all: of so many terms, whose magnitudes add up to this; where it is looked at closely,
    /// by `k` times what these terms lose when they are added up in the side's type.
    fn summed(&self, count: usize, magnitude: f64, terms: impl Iterator<Item = f64> + Clone) -> f64 {
        let usual = self.sum(count) * magnitude;
        if self.close { usual.max(self.lost(count, magnitude, terms)) } else { usual }
    }

    /// `k` times what terms lose when they are added up one after the other in the side's type: the most on the way, as
    /// another order may end there. What an addition rounds off hangs on where the term lies between two units of the sum,
    /// and a side may have it elsewhere, so that terms are tried that are parts of such a unit larger and smaller. No sum
    /// loses more than n roundings.
    fn lost(&self, count: usize, magnitude: f64, terms: impl Iterator<Item = f64> + Clone) -> f64 {
        // A unit of the sum is up to n of a term's.
        let tried = (-TRIED..=TRIED).map(|part| {
            let scale = 1.0 + 0.29 * f64::from(part) * (count as f64 * self.unit).min(0.01);
            self.rounded_off(terms.clone().map(|term| term * scale))
        });
        (self.k * tried.fold(0.0, f64::max)).min(gamma(self.unit * count as f64) * magnitude)
    }

    /// The most that is lost on the way when terms are added up one after the other in the side's type.
    fn rounded_off(&self, terms: impl Iterator<Item = f64>) -> f64 {
        let narrow = self.unit > DType::F32.unit_roundoff();
        let (mut sum, mut off, mut most) = (0.0f64, 0.0f64, 0.0f64);
        for term in terms {
            if narrow {
                // Exact in f64, but for terms that lie 29 bits apart.
                let exact = sum + f64::from(term as f32);
                let rounded = f64::from(exact as f32);
                (off, sum) = (off + (rounded - exact), rounded);
            } else {
                // What an addition rounds off (Knuth's TwoSum).
                let rounded = sum + term;
                let part = rounded - sum;
                (off, sum) = (off - ((sum - (rounded - part)) + (term - part)), rounded);
            }
            most = most.max(off.abs());
        }
        most
    }

    /// The error of a result that `operations` rounded operations in a row gave, with a result of that magnitude.
    fn chain(&self, operations: f64, magnitude: f64) -> f64 {
        1.01 * operations * self.unit * magnitude + self.smallest
    }
}

/// Terms that are larger, and smaller, are tried so many times each.
const TRIED: i8 = 4;

/// mu/(1 − mu), for mu below 1.
fn gamma(product: f64) -> f64 {
    if product < 1.0 { product / (1.0 - product) } else { f64::INFINITY }
}

#[cfg(test)]
mod tests;
