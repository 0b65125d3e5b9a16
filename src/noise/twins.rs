//! Twins of the reference's description: how far rounding alone takes a free run.
//!
//! One twin trains in f64: the whole run in exact arithmetic, as far as we have it. The others train in the sides' type
//! and are nudged before every step: each weight and each input by one unit in the last place, up or down at random. (A
//! nudge at the start alone dies out in contractive settings.) A side that drifts from the exact run much farther than
//! they do does something else.

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

/// How far each is from the exact run after a step: gaps of the weights, all trained tensors as one vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The median twin; of an even number the farther of the middle two.
    pub twins: f64,
    /// How far a side may be: [`Limits::drift`] times the farthest that a twin has been, or the reference.
    pub limit: f64,
    /// The reference.
    pub reference: f64,
    /// The candidate.
    pub candidate: f64,
    /// Whether the reference is within [`Limits::drift`] times its twins.
    pub reference_passes: bool,
}

impl Drift {
    /// The candidate's share of its limit.
    pub fn budget(&self) -> f64 {
        if self.candidate == 0.0 { 0.0 } else { self.candidate / self.limit }
    }

    /// Whether rounding explains where the candidate is. NaN does not pass.
    pub fn passes(&self) -> bool {
        self.candidate <= self.limit
    }
}

/// Engines that train beside the reference.
pub struct Twins {
    exact: Box<dyn Engine>,
    nudged: Vec<Box<dyn Engine>>,
    /// The type that the nudged ones compute in.
    dtype: DType,
    random: ChaCha8Rng,
    drift: f64,
    started: bool,
    /// The farthest that a twin has been.
    farthest: f64,
    /// The farthest that counts as noise: a twin's, or the reference's as far as its twins explain it.
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
            drift: limits.drift,
            started: false,
            farthest: 0.0,
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

    /// Makes the reference's step: on `batch`, at the first step from the weights `before`.
    ///
    /// # Errors
    /// If an engine fails.
    pub fn step(&mut self, batch: &Batch<'_>, before: &[Vec<f64>]) -> Result<()> {
        let Self { exact, nudged, dtype, random, buffers, .. } = self;
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
            for index in 0..before.len() {
                let view = twin.parameter(index);
                let shape = view.shape;
                view.widen_into(&mut buffers.nudged);
                nudge(&mut buffers.nudged, *dtype, random);
                load(twin.as_mut(), index, shape, &buffers.nudged, *dtype)?;
            }
            buffers.nudged.clone_from(&buffers.inputs);
            nudge(&mut buffers.nudged, *dtype, random);
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
        }
        Ok(())
    }

    /// The first step after which the median twin was past the horizon.
    pub fn horizon(&self) -> Option<usize> {
        self.horizon
    }

    /// Compares what `step` left: weights of the reference and of the candidate, each with its number in the
    /// reference.
    pub fn compare<'a>(
        &mut self,
        step: usize,
        reference: impl Iterator<Item = (usize, &'a [f64])> + Clone,
        candidate: impl Iterator<Item = (usize, &'a [f64])> + Clone,
    ) -> Drift {
        let mut gaps = Vec::with_capacity(self.nudged.len());
        for twin in &self.nudged {
            self.buffers.values.resize_with(twin.parameters().len(), Vec::new);
            for (index, values) in self.buffers.values.iter_mut().enumerate() {
                twin.parameter(index).widen_into(values);
            }
            gaps.push(self.from_exact(self.buffers.values.iter().map(Vec::as_slice).enumerate()));
        }
        gaps.sort_by(f64::total_cmp);
        let twins = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
        let (reference, candidate) = (self.from_exact(reference), self.from_exact(candidate));
        if self.horizon.is_none() && !(twins <= self.horizon_at) {
            self.horizon = Some(step);
        }
        self.farthest = gaps.iter().copied().fold(self.farthest, f64::max);
        let explained = self.drift * self.farthest;
        self.noise = self.noise.max(self.farthest).max(if reference <= explained { reference } else { 0.0 });
        let limit = self.drift * self.noise;
        Drift { twins, limit, reference, candidate, reference_passes: reference <= explained }
    }

    fn from_exact<'a>(&self, weights: impl Iterator<Item = (usize, &'a [f64])> + Clone) -> f64 {
        gap_of_parts(weights.map(|(index, values)| (values, exactly(self.exact.as_ref(), index))))
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

/// Moves every value by one unit in the last place of `dtype`, up or down; what is 0 stays 0, so that what is absent
/// stays absent.
fn nudge(values: &mut [f64], dtype: DType, random: &mut ChaCha8Rng) {
    let unit = 2.0 * dtype.unit_roundoff();
    for chunk in values.chunks_mut(64) {
        let mut signs = random.next_u64();
        for value in chunk {
            *value *= if signs & 1 == 0 { 1.0 + unit } else { 1.0 - unit };
            signs >>= 1;
        }
    }
}

fn narrow(values: &[f64], target: &mut Vec<f32>) {
    target.clear();
    target.extend(values.iter().map(|&value| value as f32));
}
