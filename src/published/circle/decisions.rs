//! The document's Figure 1: a fold's test points, and what an untrained and a trained network decide all over the
//! square.

use super::folds::{EPOCHS, Init, rescaled, scratch, torch};
use crate::{
    data::{
        columns::{Columns, DTypes},
        set::{DataSet, Held, Part, Targets, Which},
    },
    error::Result,
    experiment::Experiment,
    run::{Alone, RunSide},
    study::{Context, Sample},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Cells of a region along each side of the square.
pub(super) const GRID: usize = 60;

/// How far a region reaches from the middle: as far as a plot does whose points go to 1.
const REACH: f64 = 1.1;

/// The fold that is shown: the first.
const FOLD: u64 = 0;

/// What is drawn.
#[derive(Serialize, Deserialize)]
pub(super) struct Decisions {
    /// The test points with their class, in the square [−1, 1]².
    pub(super) points: Vec<([f64; 2], u32)>,
    /// The same as the document's plot leaves them, where a network takes them to lie, in the same square.
    pub(super) rescaled: Vec<([f64; 2], u32)>,
    /// The custom initialization, trained by the engine from scratch.
    pub(super) custom: Network,
    /// PyTorch's, trained by libtorch.
    pub(super) pytorch: Network,
}

/// The class that a network gives each cell of the square [−1.1, 1.1]², row by row, and its errors.
#[derive(Serialize, Deserialize)]
pub(super) struct Network {
    /// `[GRID, GRID]`
    pub(super) untrained: Vec<u32>,
    /// `[GRID, GRID]`
    pub(super) trained: Vec<u32>,
    /// Test error in per cent: before training, after it, and on the rescaled points.
    pub(super) errors: [f64; 3],
}

/// How inputs were standardized.
#[derive(Clone, Copy)]
struct Scaling {
    mean: f64,
    deviation: f64,
}

/// Trains both networks of the fold.
pub(super) fn find(context: &Context<'_>) -> Result<Decisions> {
    context.once("decision regions", || {
        let experiment = scratch(Init::Custom).experiment(FOLD)?;
        let raw = super::parity(&[format!("seed={FOLD}"), "data.standardize=none".to_owned()])?.set;
        let scaling = Scaling::of(&raw.training);
        let back = |[x, y]: [f64; 2]| [x, y].map(|value| value * scaling.deviation + scaling.mean);
        let changed = points(rescaled(&experiment.set)?.test.as_ref());
        Ok(Decisions {
            points: points(raw.test.as_ref()),
            rescaled: changed.into_iter().map(|(point, class)| (back(point), class)).collect(),
            custom: Network::train(&experiment, scaling)?,
            pytorch: Network::train(&torch(Init::Pytorch).experiment(FOLD)?, scaling)?,
        })
    })
}

/// Points with their class.
fn points(part: Option<&Part>) -> Vec<([f64; 2], u32)> {
    let Some(Part { inputs: Held::Dense(columns), targets: Targets::Classes(classes) }) = part else {
        return Vec::new();
    };
    let values = columns.f32().unwrap_or_default().chunks_exact(2);
    values.zip(classes).map(|(point, &class)| ([f64::from(point[0]), f64::from(point[1])], class)).collect()
}

impl Scaling {
    /// That of a training set before it is standardized.
    fn of(training: &Part) -> Self {
        let values: Vec<f64> = points(Some(training)).into_iter().flat_map(|(point, _)| point).collect();
        let Sample { mean, deviation, .. } = Sample::of(&values);
        Self { mean, deviation }
    }
}

impl Network {
    fn train(experiment: &Experiment, scaling: Scaling) -> Result<Self> {
        let set = &experiment.set;
        let (grid, rescaled) = (grid(set, scaling)?, rescaled(set)?);
        let mut alone = Alone::new(experiment, RunSide::Candidate)?;
        let regions = |alone: &mut Alone| -> Result<Vec<u32>> {
            let outputs = alone.outputs(&grid, Which::Test)?;
            Ok(outputs.chunks_exact(2).map(|output| u32::from(output[1] > output[0])).collect())
        };
        let error = |alone: &mut Alone, set: &Arc<DataSet>| -> Result<f64> {
            Ok(100.0 * (1.0 - alone.scores(set, Which::Test)?.accuracy.unwrap_or(f64::NAN)))
        };
        let (untrained, before) = (regions(&mut alone)?, error(&mut alone, set)?);
        for _ in 0..EPOCHS {
            alone.epoch()?;
        }
        let errors = [before, error(&mut alone, set)?, error(&mut alone, &rescaled)?];
        Ok(Self { untrained, trained: regions(&mut alone)?, errors })
    }
}

/// The middles of the square's cells as a set's test inputs, standardized as the set is.
fn grid(set: &DataSet, scaling: Scaling) -> Result<Arc<DataSet>> {
    let middle = |cell: usize| REACH * ((2 * cell + 1) as f64 / GRID as f64 - 1.0);
    let place = |place: usize| {
        let (row, column) = (place / 2 / GRID, place / 2 % GRID);
        (middle(if place.is_multiple_of(2) { column } else { row }) - scaling.mean) / scaling.deviation
    };
    let inputs = Held::Dense(Columns::from_fn(GRID * GRID, 2, DTypes::F32, place));
    let part = Part { inputs, targets: Targets::Classes(vec![0; GRID * GRID]) };
    DataSet::new(set.training.clone(), None, Some(part), set.classes.clone(), Vec::new()).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_and_the_points_stand_in_the_units_that_the_network_was_trained_in() {
        let experiment = scratch(Init::Custom).experiment(FOLD).unwrap();
        let raw = super::super::parity(&[format!("seed={FOLD}"), "data.standardize=none".to_owned()]).unwrap().set;
        let scaling = Scaling::of(&raw.training);
        let standardized = points(experiment.set.test.as_ref());
        for ((raw, _), (held, _)) in points(raw.test.as_ref()).into_iter().zip(standardized) {
            let again = raw.map(|value| (value - scaling.mean) / scaling.deviation);
            assert!(again.iter().zip(held).all(|(one, other)| (one - other).abs() < 1e-5), "{again:?} {held:?}");
        }
        let corner = points(grid(&experiment.set, scaling).unwrap().test.as_ref())[GRID - 1].0;
        let right = (REACH * (1.0 - 1.0 / GRID as f64) - scaling.mean) / scaling.deviation;
        assert!((corner[0] - right).abs() < 1e-6 && corner[1] < 0.0, "the columns run along x: {corner:?}");
    }
}
