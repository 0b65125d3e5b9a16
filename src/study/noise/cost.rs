//! What judging costs beside the engines themselves.

use super::{
    super::{Context, quartiles},
    settings::{COSTED, Setting},
};
use crate::{
    error::Result,
    experiment::Experiment,
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
    /// With `noise = "off"`: the synced candidate's weights, gaps between the sides and what is kept of them.
    pub comparing: f64,
    /// What judging adds: copies, replays, twins and the referee.
    pub judging: f64,
    /// comparing / engines: first quartile, median and third quartile of the runs.
    pub compared: [f64; 3],
    /// judging / engines, likewise.
    pub judged: [f64; 3],
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

/// Measures every setting, one after the other on one thread, with noise off and on in turn.
pub(super) fn measure(context: &Context<'_>) -> Result<Vec<Cost>> {
    let cost = |(setting, steps): (Setting, usize)| {
        let experiment = setting.experiment(steps, &[])?;
        let mut unjudged = experiment.clone();
        unjudged.noise.judged = false;
        let parameters = experiment.reference.model.parameters().iter().map(|one| one.shape.elements()).sum();
        let (columns, every) = context.once(&format!("cost of {}", setting.name), || {
            let (mut columns, mut every) = ([const { Vec::new() }; 5], 1);
            for _ in 0..RUNS {
                let (engines, comparing, _) = timed(&unjudged, steps, context)?;
                let (_, judging, compared_every) = timed(&experiment, steps, context)?;
                every = compared_every;
                let per_step = [engines, comparing, judging - comparing].map(|time| time / steps as f64);
                columns.iter_mut().zip(per_step).for_each(|(column, time)| column.push(time));
                columns[3].push(per_step[1] / per_step[0]);
                columns[4].push(per_step[2] / per_step[0]);
            }
            Ok((columns, every))
        })?;
        let [engines, comparing, judging, compared, judged] = columns.map(|column| quartiles(&column));
        Ok(Cost {
            name: setting.name,
            parameters,
            every,
            engines: engines[1],
            comparing: comparing[1],
            judging: judging[1],
            compared,
            judged,
        })
    };
    COSTED.into_iter().map(cost).collect()
}

/// Microseconds of a run that the reference's and the free candidate's engine took, and of all but the engines; and every
/// how many steps it compares.
fn timed(experiment: &Experiment, steps: usize, context: &Context<'_>) -> Result<(f64, f64, usize)> {
    let mut lockstep = Lockstep::new(experiment, Mode::Both)?;
    let mut judge = Judge::new(experiment, Mode::Both, &lockstep);
    let mut time = Engines::default();
    let start = Instant::now();
    lockstep.run(steps, None, context.stop, &mut [&mut time, &mut judge])?;
    let wall = start.elapsed().as_secs_f64() * 1e6;
    let engines = (time.reference + time.free) as f64 / 1e3;
    context.go_on()?;
    Ok((engines, wall - time.all as f64 / 1e3, lockstep.replayed_every))
}
