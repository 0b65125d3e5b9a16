//! Whether the whole steps of two sides agree, from weights to weights, whatever lies in between.
//!
//! Every step starts from the reference's weights on both sides. What rounding does to it is measured beside the same definition in
//! f64: by the engine from scratch in either side's type, and by the reference where that is right.

use super::{
    Comparison,
    verdict::{Divergence, Farther, Mode},
};
use crate::{
    data::{Batch, Inputs},
    engine::Engine,
    error::Result,
    experiment::{EngineKind, Experiment, Side},
    judge::noise::UNJUDGED,
    run::{Lockstep, Observer, Role, RunMode, Runner, StepEvent, load},
    tensor::{DType, Owned, Shape, Values, View, gap, norm},
};
use std::{ops::ControlFlow, sync::atomic::AtomicBool};

/// Steps that are looked at behind the one at which the sides part.
const STEPS: usize = 200;

/// Runs an experiment again, step by step from the reference's weights, up to some steps behind `first`. Nothing where rounding
/// hides it.
///
/// # Errors
/// If an engine fails.
pub(super) fn steps_agree(
    experiment: &Experiment,
    comparison: Comparison<'_>,
    first: &Divergence,
    stop: &AtomicBool,
) -> Result<Option<bool>> {
    // The definition here makes one batch a step.
    if experiment.batches_differ() || experiment.reference.engine == EngineKind::Exact {
        return Ok(None);
    }
    let mut lockstep = Lockstep::with(experiment, Mode::Sync, &|role, side, rows| comparison.build(role, side, rows))?;
    let steps = lockstep.steps.min(first.step.saturating_add(STEPS));
    let alignment = experiment.alignment();
    let all = alignment.parameters.iter().copied().collect::<Option<Vec<usize>>>();
    let Some(own) = all.filter(|own| own.len() == experiment.candidate.model.parameters().len()) else {
        return Ok(None);
    };
    let engine = |dtype| {
        let side = Side { engine: EngineKind::Scratch, dtype, ..experiment.reference.clone() };
        Ok(Definition { engine: comparison.build(Role::Referee, &side, lockstep.rows)?, dtype })
    };
    // Each type once; one of f64 would be the definition again.
    let mut narrow = vec![experiment.reference.dtype, experiment.candidate.dtype];
    narrow.dedup();
    narrow.retain(|dtype| *dtype != DType::F64);
    let is_right = !matches!(first.farther, Some(Farther::Reference | Farther::Both));
    let mut watching = Agreement {
        exact: engine(DType::F64)?,
        twins: narrow.into_iter().map(engine).collect::<Result<_>>()?,
        is_right,
        own,
        unit: [&experiment.reference, &experiment.candidate]
            .map(|side| side.dtype.unit_roundoff())
            .into_iter()
            .fold(0.0, f64::max),
        k: comparison.limits.k,
        agrees: None,
        failed: None,
    };
    let ended = lockstep.run(steps, None, stop, &mut [&mut watching])?;
    match watching.failed {
        Some(error) => Err(error),
        None => Ok(watching.agrees.filter(|_| !ended.interrupted)),
    }
}

/// The reference's definition in an engine of ours.
struct Definition {
    engine: Box<dyn Engine>,
    dtype: DType,
}

/// Compares whole steps.
struct Agreement {
    /// The reference's definition in f64.
    exact: Definition,
    /// The same in the types of the sides, where these are others.
    twins: Vec<Definition>,
    /// Whether the reference does what its definition says, so that its error is rounding.
    is_right: bool,
    /// For each of the reference's parameters, the candidate's.
    own: Vec<usize>,
    /// The rounding of the coarser side.
    unit: f64,
    k: f64,
    agrees: Option<bool>,
    failed: Option<crate::error::Error>,
}

impl Definition {
    /// What a step on a batch changes in every parameter, from these weights.
    fn changes(&mut self, batch: &Batch<'_>, before: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let shapes: Vec<Shape> = self.engine.parameters().iter().map(|parameter| parameter.shape).collect();
        for (index, (values, shape)) in before.iter().zip(&shapes).enumerate() {
            load(self.engine.as_mut(), index, *shape, values, self.dtype)?;
        }
        let mut wide = [Vec::new(), Vec::new()];
        batch.inputs.widen_into(&mut wide[0]);
        batch.targets.widen_into(&mut wide[1]);
        let own = |values: &[f64]| {
            let mut own = Owned::new(self.dtype);
            own.assign(Values::F64(values));
            own
        };
        let [inputs, targets] = wide.each_ref().map(|values| own(values));
        let masks: Vec<(Shape, Owned)> = batch
            .masks
            .iter()
            .map(|mask| {
                let mut wide = Vec::new();
                mask.widen_into(&mut wide);
                (mask.shape, own(&wide))
            })
            .collect();
        let masks: Vec<View<'_>> = masks.iter().map(|(shape, mask)| mask.view(*shape)).collect();
        let batch = Batch {
            inputs: Inputs::Dense(inputs.view(batch.inputs.shape())),
            targets: targets.view(batch.targets.shape),
            masks: &masks,
            ..*batch
        };
        self.engine.step(&batch)?;
        let after = (0..shapes.len()).map(|index| {
            let mut after = Vec::new();
            self.engine.tensor(index).widen_into(&mut after);
            after
        });
        Ok(after.zip(before).map(|(after, before)| difference(&after, before)).collect())
    }
}

fn difference(after: &[f64], before: &[f64]) -> Vec<f64> {
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

fn wide(values: Values<'_>) -> Vec<f64> {
    values.iter().collect()
}

impl Agreement {
    /// Takes in a step.
    fn compare(&mut self, event: &StepEvent<'_>) -> Result<()> {
        let Some((_, candidate)) = event.candidates.iter().find(|(mode, _)| *mode == RunMode::Sync) else {
            return Ok(());
        };
        let reference = event.reference_runner;
        let before: Vec<Vec<f64>> = (0..self.own.len()).map(|index| wide(reference.before(index))).collect();
        let exact = self.exact.changes(&event.batch, &before)?;
        let twins = self.twins.iter_mut().map(|twin| twin.changes(&event.batch, &before));
        let twins = twins.collect::<Result<Vec<_>>>()?;
        let change =
            |side: &Runner, own: usize, before: &[f64]| difference(&wide(side.engine().tensor(own).values), before);
        for (index, before) in before.iter().enumerate() {
            let [one, other] =
                [(reference, index), (candidate, self.own[index])].map(|(side, own)| change(side, own, before));
            let of_twins = twins.iter().map(|twin| gap(&twin[index], &exact[index])).fold(0.0, f64::max);
            let noise = if self.is_right { of_twins.max(gap(&one, &exact[index])) } else { of_twins };
            // No step is known better than new weights are stored; eight roundings are what a short sum has on its way.
            let noise = noise.max(self.unit * (8.0 + norm(before) / norm(&one)));
            let (apart, limit) = (gap(&one, &other), self.k * noise);
            let agrees = apart <= limit || apart == 0.0;
            // Of a limit that wide that they agree says nothing.
            self.agrees = match (agrees, limit <= UNJUDGED) {
                (false, _) => Some(false),
                (true, true) => Some(self.agrees.unwrap_or(true)),
                (true, false) => self.agrees,
            };
        }
        Ok(())
    }
}

impl Observer for Agreement {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        if let Err(error) = self.compare(event) {
            self.failed = Some(error);
        }
        if self.failed.is_some() || self.agrees == Some(false) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
