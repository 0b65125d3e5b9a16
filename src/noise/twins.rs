//! Twins of the reference's description: how far rounding alone takes a free run.
//!
//! One twin trains in f64: the whole run in exact arithmetic, as far as we have it. The others train in the sides' type
//! and are nudged at every step, as a nudge at the start alone dies out in contractive settings: each input by one unit
//! in the last place, each weight by one unit or by what rounding may have made of its update, up or down at random. The
//! candidate may drift from the reference as far as they do, or the exact run does, times a constant; a candidate that
//! goes much farther does something else.

use super::Limits;
use crate::{
    data::Batch,
    engine::{self, Engine},
    error::Result,
    experiment::Side,
    gap::gap_of_parts,
    lockstep::load,
    tensor::{DType, Shape, Values, View},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How far a free run has drifted after a step: gaps of the weights, all trained tensors as one vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// From the reference to the median twin; of an even number to the farther of the middle two.
    pub twins: f64,
    /// How far the sides may be apart: [`Limits::k`] times the farthest that a twin, or the exact run, has been.
    pub limit: f64,
    /// From the reference to the candidate.
    pub apart: f64,
    /// From the exact run to the reference.
    pub reference: f64,
    /// From the exact run to the candidate.
    pub candidate: f64,
}

impl Drift {
    /// The share of the limit that is used.
    pub fn budget(&self) -> f64 {
        if self.apart == 0.0 { 0.0 } else { self.apart / self.limit }
    }

    /// Whether rounding explains how far the sides are apart. NaN does not pass.
    pub fn passes(&self) -> bool {
        self.apart <= self.limit
    }
}

/// Engines that train beside the reference.
pub struct Twins {
    exact: Box<dyn Engine>,
    nudged: Vec<Box<dyn Engine>>,
    /// The type that the nudged ones compute in.
    dtype: DType,
    random: ChaCha8Rng,
    k: f64,
    started: bool,
    /// The farthest that a twin, or the exact run, has been from the reference.
    noise: f64,
    horizon_at: f64,
    horizon: Option<usize>,
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    nudged: Vec<f64>,
    inputs_f32: Vec<f32>,
    targets_f32: Vec<f32>,
    values: Vec<Vec<f64>>,
}

impl Twins {
    /// Twins of `reference`, nudged by units of `dtype`, and an exact one, for batches of at most `rows` rows. The
    /// horizon is where the median twin passes `horizon_at`.
    pub fn new(reference: &Side, dtype: DType, limits: Limits, rows: usize, horizon_at: f64) -> Self {
        let engine = |dtype| engine::scratch::build(&reference.model, &reference.training, dtype, rows);
        Self {
            exact: engine(DType::F64),
            nudged: (0..limits.twins).map(|_| engine(dtype)).collect(),
            dtype,
            random: ChaCha8Rng::seed_from_u64(reference.seed),
            k: limits.k,
            started: false,
            noise: 0.0,
            horizon_at,
            horizon: None,
            buffers: Buffers::default(),
        }
    }

    /// How many are nudged.
    pub fn count(&self) -> usize {
        self.nudged.len()
    }

    /// Makes the reference's step: on `batch`, at the first step from the weights `before`. `moved` says, for each
    /// parameter, by how much of it rounding may have moved it in this step.
    ///
    /// # Errors
    /// If an engine fails.
    pub fn step(&mut self, batch: &Batch<'_>, before: &[Vec<f64>], moved: &[f64]) -> Result<()> {
        let Self { exact, nudged, dtype, random, buffers, .. } = self;
        let unit = 2.0 * dtype.unit_roundoff();
        if !self.started {
            for (engine, dtype) in
                std::iter::once((&mut *exact, DType::F64)).chain(nudged.iter_mut().zip(std::iter::repeat(*dtype)))
            {
                for (index, values) in before.iter().enumerate() {
                    let shape = engine.parameters()[index].shape;
                    load(engine.as_mut(), index, shape, values, dtype)?;
                }
            }
            self.started = true;
        }
        batch.inputs.widen_into(&mut buffers.inputs);
        batch.targets.widen_into(&mut buffers.targets);
        let (inputs, targets) = (batch.inputs.shape, batch.targets.shape);
        train(exact.as_mut(), (inputs, Values::F64(&buffers.inputs)), (targets, Values::F64(&buffers.targets)))?;
        for twin in nudged {
            buffers.nudged.clone_from(&buffers.inputs);
            nudge(&mut buffers.nudged, unit, random);
            match dtype {
                DType::F64 => {
                    let given = (targets, Values::F64(&buffers.targets));
                    train(twin.as_mut(), (inputs, Values::F64(&buffers.nudged)), given)?;
                }
                DType::F32 => {
                    narrow(&buffers.nudged, &mut buffers.inputs_f32);
                    narrow(&buffers.targets, &mut buffers.targets_f32);
                    let given = (targets, Values::F32(&buffers.targets_f32));
                    train(twin.as_mut(), (inputs, Values::F32(&buffers.inputs_f32)), given)?;
                }
            }
            for (index, moved) in moved.iter().enumerate() {
                let view = twin.parameter(index);
                let shape = view.shape;
                view.widen_into(&mut buffers.nudged);
                nudge(&mut buffers.nudged, unit.max(*moved), random);
                load(twin.as_mut(), index, shape, &buffers.nudged, *dtype)?;
            }
        }
        Ok(())
    }

    /// The first step after which the median twin was past the horizon.
    pub fn horizon(&self) -> Option<usize> {
        self.horizon
    }

    /// Compares what `step` left: the reference's weights, and those of the candidate that it shares, each with its
    /// number in the reference.
    pub fn compare<'a>(
        &mut self,
        step: usize,
        reference: &[Vec<f64>],
        candidate: impl Iterator<Item = (usize, &'a [f64])> + Clone,
    ) -> Drift {
        let Self { exact, nudged, buffers, .. } = self;
        let mut gaps = Vec::with_capacity(nudged.len());
        for twin in nudged {
            buffers.values.resize_with(reference.len(), Vec::new);
            for (index, values) in buffers.values.iter_mut().enumerate() {
                twin.parameter(index).widen_into(values);
            }
            gaps.push(gap_of_parts(reference.iter().map(Vec::as_slice).zip(buffers.values.iter().map(Vec::as_slice))));
        }
        gaps.sort_by(f64::total_cmp);
        let twins = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
        if self.horizon.is_none() && !(twins <= self.horizon_at) {
            self.horizon = Some(step);
        }
        let from_exact = |index| exactly(exact.as_ref(), index);
        let to_reference =
            gap_of_parts(reference.iter().enumerate().map(|(index, values)| (&values[..], from_exact(index))));
        self.noise = gaps.into_iter().chain([to_reference]).fold(self.noise, f64::max);
        Drift {
            twins,
            limit: self.k * self.noise,
            apart: gap_of_parts(candidate.clone().map(|(index, values)| (reference[index].as_slice(), values))),
            reference: to_reference,
            candidate: gap_of_parts(candidate.map(|(index, values)| (values, from_exact(index)))),
        }
    }
}

/// A parameter of the exact run.
fn exactly(exact: &dyn Engine, index: usize) -> &[f64] {
    match exact.parameter(index).values {
        Values::F64(values) => values,
        Values::F32(_) => &[],
    }
}

fn train(engine: &mut dyn Engine, inputs: (Shape, Values<'_>), targets: (Shape, Values<'_>)) -> Result<()> {
    let view = |(shape, values)| View { shape, values };
    let batch = Batch { inputs: view(inputs), targets: view(targets) };
    engine.forward(&batch)?;
    engine.loss(&batch)?;
    engine.backward()?;
    engine.update()
}

/// Moves every value by `part` of it, up or down; what is 0 stays 0, so that what is absent stays absent.
fn nudge(values: &mut [f64], part: f64, random: &mut ChaCha8Rng) {
    for chunk in values.chunks_mut(64) {
        let mut signs = random.next_u64();
        for value in chunk {
            *value *= if signs & 1 == 0 { 1.0 + part } else { 1.0 - part };
            signs >>= 1;
        }
    }
}

fn narrow(values: &[f64], target: &mut Vec<f32>) {
    target.clear();
    target.extend(values.iter().map(|&value| value as f32));
}
