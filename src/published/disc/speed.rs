//! Times: a step of the six networks, an epoch against the batch size, and the phases of a step.
//!
//! Both engines on one thread, in blocks that take turns, while nothing else of the study runs. Medians of the blocks.

use super::{
    networks::{FIXED, NETWORKS, TANH_UNIFORM},
    runs::with,
};
use crate::{
    error::Result,
    judge::noise::Limits,
    run::{Alone, Mode, Phase, RunSide},
    study::{Context, StudyVerdict, quartiles},
};
use std::time::Instant;

/// Batch sizes of the sweep; all of them divide 1000 rows.
pub(super) const BATCHES: [usize; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// Blocks of each kind of work.
const ROUNDS: usize = 21;

/// Steps of a block.
const BLOCK: usize = 40;

/// Steps of a run whose phases are timed.
const PHASED: usize = 1000;

/// The two engines, libtorch first.
pub(super) const ENGINES: [RunSide; 2] = [RunSide::Reference, RunSide::Candidate];

/// First quartile, median and third quartile of the microseconds of a step, for libtorch and for scratch.
pub(super) type Pair = [[f64; 3]; 2];

/// Median microseconds of the phases of a step, for libtorch and for scratch: forward, loss, backward, update.
pub(super) type Phases = [[f64; 4]; 2];

/// Everything that was timed.
pub(super) struct Speed {
    /// A step of each network, on batches of 50.
    pub steps: Vec<Pair>,
    /// A step of the tanh (uniform) network, by [`BATCHES`].
    pub batches: Vec<Pair>,
    /// The phases of each network's step on batches of 50.
    pub phases: Vec<Phases>,
    /// Those of the tanh (uniform) network on all 1000 rows at once, where arithmetic counts for more.
    pub large: Phases,
    /// Multiply-adds of the products for one row: forward, backward.
    pub counted: [usize; 2],
}

impl Speed {
    /// How many times as fast an epoch is in batches of so many rows as one row at a time, for each engine.
    pub(super) fn gain(&self, batch: usize) -> [f64; 2] {
        let place = BATCHES.iter().position(|size| *size == batch).unwrap_or_default();
        [0, 1].map(|engine| gain(batch, self.batches[0][engine][1], self.batches[place][engine][1]))
    }
}

/// How many times as fast an epoch is: as many rows take `batch` steps of one row, or one of all of them.
pub(super) fn gain(batch: usize, step_of_one: f64, step_of_batch: f64) -> f64 {
    batch as f64 * step_of_one / step_of_batch
}

/// Times everything: three parts, and one for each network.
pub(super) fn measure(context: &Context<'_>, study: &mut StudyVerdict) -> Result<Speed> {
    let networks = || NETWORKS.iter().map(|network| [network.sets(), vec![FIXED.to_owned()]].concat());
    let steps = context.once("time of a step", || timed(&networks().collect::<Vec<_>>()))?;
    let batches = context.once("time against batch size", || {
        // So small a rate that the numbers stay those of the first steps, at every batch size.
        let at = |batch: usize| {
            let own = [format!("training.batch_size={batch}"), "training.optimizer.sgd.lr=1e-6".to_owned()];
            [NETWORKS[TANH_UNIFORM].sets(), own.to_vec()].concat()
        };
        timed(&BATCHES.map(at))
    })?;
    let phases = networks()
        .zip(&NETWORKS)
        .map(|(sets, network)| phased(context, study, &format!("phases: {}", network.name()), &sets))
        .collect::<Result<_>>()?;
    let all_rows = ["training.batch_size=full", "training.optimizer.sgd.lr=1e-6"].map(str::to_owned);
    let sets = [NETWORKS[TANH_UNIFORM].sets(), all_rows.to_vec()].concat();
    let large = phased(context, study, "phases: tanh (uniform), 1000 rows at once", &sets)?;
    let model = with(&sets)?.reference.model;
    let first = model.layers.first().map_or(0, |layer| layer.facts().multiply_adds);
    Ok(Speed { steps, batches, phases, large, counted: counted(model.multiply_adds(), first) })
}

/// The multiply-adds of both directions: backward has one product for the weights and one for the inputs of every
/// layer, but nobody wants the gradient in the first layer's inputs.
fn counted(forward: usize, of_first_layer: usize) -> [usize; 2] {
    [forward, 2 * forward - of_first_layer]
}

/// Microseconds of a step of each set-up, in blocks that take turns: what disturbs the machine disturbs all of them.
fn timed(setups: &[Vec<String>]) -> Result<Vec<Pair>> {
    let mut engines = Vec::new();
    for sets in setups {
        let experiment = with(sets)?;
        for side in ENGINES {
            let mut alone = Alone::new(&experiment, side)?;
            for _ in 0..BLOCK {
                alone.step()?;
            }
            engines.push((alone, Vec::new()));
        }
    }
    for _ in 0..ROUNDS {
        for (alone, blocks) in &mut engines {
            // What another engine left in the caches is not this one's.
            alone.step()?;
            let start = Instant::now();
            for _ in 0..BLOCK {
                alone.step()?;
            }
            blocks.push(start.elapsed().as_secs_f64() * 1e6 / BLOCK as f64);
        }
    }
    let quartiles: Vec<_> = engines.iter().map(|(_, blocks)| quartiles(blocks)).collect();
    Ok(quartiles.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}

/// The phases of a step, from a lockstep run that judges nothing.
fn phased(context: &Context<'_>, study: &mut StudyVerdict, name: &str, sets: &[String]) -> Result<Phases> {
    let epochs = |rows: usize| format!("training.epochs={}", PHASED * rows / 1000);
    let full = sets.iter().any(|set| set == "training.batch_size=full");
    let own = ["noise=off".to_owned(), epochs(if full { 1000 } else { 50 })];
    let mut experiment = with(&[sets, &own].concat())?;
    name.clone_into(&mut experiment.title);
    let verdict = context.once(name, || context.silent(&experiment, Mode::Free, Limits::default()))?;
    let mut phases = [[f64::NAN; 4]; 2];
    if let Some(speed) = &verdict.measured.speed {
        for (place, phase) in Phase::COMPUTED.into_iter().enumerate() {
            if let Some(time) = speed.per_phase.get(&phase) {
                // Each phase's time includes one reading of the clock.
                phases[0][place] = time.reference_us - speed.timer_us;
                phases[1][place] = time.candidate_us - speed.timer_us;
            }
        }
    }
    study.experiments.insert(name.to_owned(), verdict);
    Ok(phases)
}

/// Which places of [`Phases`] are which.
pub(super) const FORWARD: usize = 0;
pub(super) const BACKWARD: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_costs_the_same_whatever_its_rows_gains_as_much_as_it_has_rows_and_no_more() {
        assert_eq!(gain(50, 3.0, 3.0), 50.0);
        assert!(gain(50, 3.0, 3.1) < 50.0);
        assert_eq!(gain(50, 3.0, 150.0), 1.0);
    }

    #[test]
    fn backward_is_twice_forward_but_for_the_inputs_of_the_first_layer() {
        // 2-25-25-25-1.
        assert_eq!(counted(1325, 50), [1325, 2600]);
    }
}
