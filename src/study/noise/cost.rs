//! What judging costs beside the engines themselves.

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
pub(super) const RUNS: usize = 3;

/// What one network's comparison costs: microseconds per step.
#[derive(Clone)]
pub(super) struct Cost {
    pub name: &'static str,
    pub parameters: usize,
    /// Every how many steps it is compared.
    pub every: usize,
    /// The reference's engine and the free candidate's.
    pub engines: f64,
    /// Keeping the synced candidate's weights and copying records.
    pub driving: f64,
    /// What watching adds: gaps, replays, twins and the referee.
    pub judging: f64,
    /// judging / engines: first quartile, median and third quartile of the runs.
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

/// Measures every setting, one after the other on one thread, with and without a judge in turn; `None` when
/// interrupted.
pub(super) fn measure(context: &Context<'_>) -> Result<Option<Vec<Cost>>> {
    let mut costs = Vec::new();
    for (setting, steps) in COSTED {
        let experiment = setting.experiment(steps, &[])?;
        let parameters = experiment.reference.model.parameters().iter().map(|one| one.shape.elements()).sum();
        let (mut columns, mut every) = ([const { Vec::new() }; 4], 1);
        for _ in 0..RUNS {
            let mut lockstep = Lockstep::new(&experiment, Mode::Both)?;
            let Some((engines, driven)) = timed(&mut lockstep, steps, context, None)? else { return Ok(None) };
            let mut lockstep = Lockstep::new(&experiment, Mode::Both)?;
            let mut judge = Judge::new(&experiment, Mode::Both, &lockstep);
            let Some((_, judged)) = timed(&mut lockstep, steps, context, Some(&mut judge))? else { return Ok(None) };
            every = lockstep.compared_every;
            let per_step = [engines, driven, judged - driven].map(|time| time / steps as f64);
            columns.iter_mut().zip(per_step).for_each(|(column, time)| column.push(time));
            columns[3].push(per_step[2] / per_step[0]);
        }
        let [engines, driving, judging, ratio] = columns.map(|column| quartiles(&column));
        costs.push(Cost {
            name: setting.name,
            parameters,
            every,
            engines: engines[1],
            driving: driving[1],
            judging: judging[1],
            ratio,
        });
        (context.tick)(setting.name);
    }
    Ok(Some(costs))
}

/// Microseconds of a run that the reference's and the free candidate's engine took, and of all but the engines.
fn timed(
    lockstep: &mut Lockstep,
    steps: usize,
    context: &Context<'_>,
    judge: Option<&mut Judge>,
) -> Result<Option<(f64, f64)>> {
    let mut time = Engines::default();
    let start = Instant::now();
    let mut observers: Vec<&mut dyn Observer> = vec![&mut time];
    if let Some(judge) = judge {
        observers.push(judge);
    }
    let ended = lockstep.run(steps, None, context.stop, &mut observers)?;
    let wall = start.elapsed().as_secs_f64() * 1e6;
    let engines = (time.reference + time.free) as f64 / 1e3;
    Ok((!ended.interrupted).then_some((engines, wall - time.all as f64 / 1e3)))
}
