//! What comparing and judging costs beside the engines themselves.

use super::{
    super::{Context, quartiles},
    settings::COSTED,
};
use crate::{
    error::Result,
    lockstep::{Lockstep, Mode, Observer, StepEvent},
    verdict::Judge,
};
use std::{ops::ControlFlow, time::Instant};

/// Runs of each setting, of which the median counts.
const RUNS: usize = 5;

/// What one network's comparison costs: microseconds per step.
#[derive(Clone)]
pub(super) struct Cost {
    pub name: &'static str,
    pub parameters: usize,
    /// Every how many steps it is compared.
    pub every: usize,
    /// The reference's engine and the free candidate's.
    pub engines: f64,
    /// All else: the synced candidate's engine apart, records, gaps, replays, twins and the referee.
    pub beside: f64,
    /// beside / engines: first quartile, median and third quartile of the runs.
    pub ratio: [f64; 3],
}

/// Adds up what the engines take.
#[derive(Default)]
struct Engines {
    reference: u64,
    free: u64,
    all: u64,
}

impl Observer for Engines {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        let of = |nanoseconds: &[u64; 4]| nanoseconds.iter().sum::<u64>();
        let reference = of(&event.reference.nanoseconds);
        let candidates: Vec<u64> = event.candidates.iter().map(|(_, runner)| of(&runner.latest.nanoseconds)).collect();
        self.reference += reference;
        self.free += candidates.last().copied().unwrap_or_default();
        self.all += reference + candidates.iter().sum::<u64>();
        ControlFlow::Continue(())
    }
}

/// Measures every setting, one after the other on one thread; `None` when interrupted.
pub(super) fn measure(context: &Context<'_>) -> Result<Option<Vec<Cost>>> {
    let mut costs = Vec::new();
    for (setting, steps) in COSTED {
        let experiment = setting.experiment(steps, &[])?;
        let parameters = experiment.reference.model.parameters().iter().map(|one| one.shape.elements()).sum();
        let (mut ratios, mut engines, mut beside, mut every) = (Vec::new(), Vec::new(), Vec::new(), 1);
        for _ in 0..RUNS {
            let mut lockstep = Lockstep::new(&experiment, Mode::Both)?;
            let (mut judge, mut time) = (Judge::new(&experiment, Mode::Both, &lockstep), Engines::default());
            every = lockstep.compared_every;
            let start = Instant::now();
            let ended = lockstep.run(steps, None, context.stop, &mut [&mut time, &mut judge])?;
            let wall = start.elapsed().as_secs_f64() * 1e6;
            if ended.interrupted {
                return Ok(None);
            }
            let own = (time.reference + time.free) as f64 / 1e3;
            let rest = wall - time.all as f64 / 1e3;
            ratios.push(rest / own);
            engines.push(own / steps as f64);
            beside.push(rest / steps as f64);
        }
        let median = |values: &[f64]| quartiles(values)[1];
        costs.push(Cost {
            name: setting.name,
            parameters,
            every,
            engines: median(&engines),
            beside: median(&beside),
            ratio: quartiles(&ratios),
        });
        (context.tick)(setting.name);
    }
    Ok(Some(costs))
}
