//! Twins of the reference's description: how far rounding alone takes a free run.
//!
//! One twin trains in f64: the whole run in exact arithmetic, as far as we have it. The others train in the sides' type
//! and are nudged at every step, as a nudge at the start alone dies out in contractive settings: each input by one unit
//! in the last place, each weight by one unit or by what rounding may have made of its update, up or down at random. The
//! candidate may drift from the reference as far as they do, or the exact run does, times a constant; a candidate that
//! goes much farther does something else.

use super::{Effects, Limits};
use crate::{
    data::{Batch, OwnedBatch},
    engine::{self, Engine, scratch::Real},
    error::{Error, Result},
    experiment::Side,
    tensor::{DType, Owned, Values, View},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    sync::mpsc::{Receiver, SendError, Sender, channel},
    thread,
};

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
    /// From the exact run to the candidate, where the sides are too far apart.
    pub candidate: Option<f64>,
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
    /// `None` while it is elsewhere.
    exact: Option<Twin>,
    nudged: Vec<Twin>,
    random: ChaCha8Rng,
    /// By how much of it a value is nudged at least: a unit in the last place.
    unit: f64,
    k: f64,
    started: bool,
    /// The farthest that a twin, or the exact run, has been from the reference.
    noise: f64,
    horizon_at: f64,
    horizon: Option<usize>,
    /// Whether the inputs are numbers of words, which cannot be nudged.
    words: bool,
    /// Multiply-adds of a forward pass of one row.
    multiply_adds: usize,
    helper: Option<Helper>,
}

/// Multiply-adds of a step, and of 16 rows for what is done once per weight, above which the exact twin trains on a
/// thread of its own; handing it over takes some 20 µs.
const THREAD: usize = 1 << 20;

/// A thread that trains one twin while the others train here: one for the whole run, as a new one would have to fetch and
/// give back the memory that products are packed in, which takes longer than they do. It ends with its sender.
struct Helper {
    give: Sender<Twin>,
    back: Receiver<(Twin, Result<()>)>,
}

impl Helper {
    /// None where the system has no thread to give.
    fn start() -> Option<Self> {
        let ((give, given), (done, back)) = (channel::<Twin>(), channel());
        let work = move || {
            for mut twin in given {
                let trained = twin.train();
                if done.send((twin, trained)).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().spawn(work).ok().map(|_| Self { give, back })
    }
}

/// One of them, with what it is given and what it is loaded with, in its own type.
struct Twin {
    engine: Box<dyn Engine + Send>,
    batch: OwnedBatch,
    weights: Owned,
}

impl Twins {
    /// Twins of `reference`, nudged by units of `dtype`, and an exact one, for batches of at most `rows` rows. The
    /// horizon is where the median twin passes `horizon_at`.
    pub fn new(reference: &Side, dtype: DType, limits: Limits, rows: usize, horizon_at: f64) -> Self {
        let twin = |dtype| Twin {
            engine: engine::scratch::build(&reference.model, &reference.training, dtype, rows),
            batch: OwnedBatch::new(dtype),
            weights: Owned::new(dtype),
        };
        Self {
            exact: Some(twin(DType::F64)),
            nudged: (0..limits.twins).map(|_| twin(dtype)).collect(),
            random: ChaCha8Rng::seed_from_u64(reference.seed),
            unit: 2.0 * dtype.unit_roundoff(),
            k: limits.k,
            started: false,
            noise: 0.0,
            horizon_at,
            horizon: None,
            words: reference.model.takes_words(),
            multiply_adds: reference.model.multiply_adds(),
            helper: None,
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
    pub fn step(&mut self, batch: &Batch<'_>, before: &[Owned]) -> Result<()> {
        let Self { exact, nudged, random, unit, started, words, helper, .. } = self;
        let part = if *words { 0.0 } else { *unit };
        if !*started {
            for twin in exact.iter_mut().chain(nudged.iter_mut()) {
                for (index, values) in before.iter().enumerate() {
                    twin.weights.assign(values.values());
                    let shape = twin.engine.parameters()[index].shape;
                    twin.engine.load(index, twin.weights.view(shape))?;
                }
            }
            *started = true;
        }
        exact.iter_mut().for_each(|twin| twin.take(batch, |_| {}));
        nudged.iter_mut().for_each(|twin| twin.take(batch, |inputs| nudge(inputs, part, random)));
        if self.multiply_adds * (batch.rows() + 16) >= THREAD && helper.is_none() {
            *helper = Helper::start();
        }
        let mut away = false;
        if let Some(helper) = helper
            && let Some(twin) = exact.take()
        {
            match helper.give.send(twin) {
                Ok(()) => away = true,
                Err(SendError(twin)) => *exact = Some(twin),
            }
        }
        let trained = exact.iter_mut().chain(nudged).try_for_each(Twin::train);
        if let (Some(helper), true) = (&helper, away) {
            let (twin, on_its_own) = helper.back.recv().map_err(|_| Error::Engine {
                engine: "scratch".to_owned(),
                operation: "train the exact twin".to_owned(),
                message: "its thread has ended".to_owned(),
            })?;
            *exact = Some(twin);
            on_its_own?;
        }
        trained
    }

    /// Nudges the weights that a step left; `moved` says, for each parameter, by how much of it rounding may have moved
    /// it in that step.
    ///
    /// # Errors
    /// If an engine fails.
    pub fn nudge(&mut self, moved: &[f64]) -> Result<()> {
        for Twin { engine, weights, .. } in &mut self.nudged {
            for (index, moved) in moved.iter().enumerate() {
                let View { shape, values } = engine.tensor(index);
                weights.assign(values);
                nudge(weights, self.unit.max(*moved), &mut self.random);
                engine.load(index, weights.view(shape))?;
            }
        }
        Ok(())
    }

    /// The first step after which the median twin was past the horizon.
    pub fn horizon(&self) -> Option<usize> {
        self.horizon
    }

    /// Compares what `step` left: the reference's weights, and those of the candidate that it shares, as `shared` pairs
    /// of numbers. Weights without effect are left out.
    pub fn compare(
        &mut self,
        step: usize,
        [reference, candidate]: [&dyn Engine; 2],
        shared: impl Iterator<Item = (usize, usize)> + Clone,
        effects: &Effects,
    ) -> Drift {
        let all = 0..reference.parameters().len();
        fn values(engine: &dyn Engine, parameter: usize) -> Values<'_> {
            engine.tensor(parameter).values
        }
        let to_reference = |twin: &Twin| {
            let twin = twin.engine.as_ref();
            effects
                .gap(all.clone().map(|parameter| (parameter, [values(reference, parameter), values(twin, parameter)])))
        };
        let mut gaps: Vec<f64> = self.nudged.iter().map(to_reference).collect();
        gaps.sort_by(f64::total_cmp);
        let twins = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
        if self.horizon.is_none() && !(twins <= self.horizon_at) {
            self.horizon = Some(step);
        }
        let to_exact = self.exact.as_ref().map_or(f64::NAN, to_reference);
        self.noise = gaps.into_iter().chain([to_exact]).fold(self.noise, f64::max);
        let limit = self.k * self.noise;
        let pairs = shared.clone().map(|(one, other)| (one, [values(reference, one), values(candidate, other)]));
        let apart = effects.gap(pairs);
        // Asked for only where someone is off.
        let exact = self.exact.as_ref().filter(|_| !(apart <= limit)).map(|exact| exact.engine.as_ref());
        let pairs = |exact| shared.map(move |(one, other)| (one, [values(candidate, other), values(exact, one)]));
        let candidate = exact.map(|exact| effects.gap(pairs(exact)));
        Drift { twins, limit, apart, reference: to_exact, candidate }
    }
}

impl Twin {
    /// Takes in a batch, whose inputs are changed.
    fn take(&mut self, batch: &Batch<'_>, change: impl FnOnce(&mut Owned)) {
        self.batch.take(batch);
        change(self.batch.inputs_mut());
    }

    /// One step on the batch that was taken in.
    fn train(&mut self) -> Result<()> {
        self.batch.lend(|batch| self.engine.step(batch).map(drop))
    }
}

/// Eight signs for each byte of a random word.
static SIGNS: [[f32; 8]; 256] = {
    let mut signs = [[1.0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                signs[byte][bit] = -1.0;
            }
            bit += 1;
        }
        byte += 1;
    }
    signs
};

/// Moves every value by `part` of it, up or down; what is 0 stays 0, so that what is absent stays absent.
fn nudge(values: &mut Owned, part: f64, random: &mut ChaCha8Rng) {
    fn each<T: Real>(values: &mut [T], part: f64, random: &mut ChaCha8Rng) {
        for chunk in values.chunks_mut(64) {
            for (eight, byte) in chunk.chunks_mut(8).zip(random.next_u64().to_le_bytes()) {
                for (value, &sign) in eight.iter_mut().zip(&SIGNS[usize::from(byte)]) {
                    *value += *value * T::of(part * f64::from(sign));
                }
            }
        }
    }
    match values {
        Owned::F32(values) => each(values, part, random),
        Owned::F64(values) => each(values, part, random),
    }
}
