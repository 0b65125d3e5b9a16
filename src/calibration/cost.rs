//! What judging costs beside the engines themselves.

use super::settings::{BASE, CALIBRATION, Setting};
use crate::study::{Context, quartiles};
use crate::{
    error::Result,
    experiment::Experiment,
    judge::Judge,
    run::{Lockstep, Mode, Observer, StepEvent},
};
use std::{ops::ControlFlow, time::Instant};

/// Runs of each setting, of which the median counts.
pub(super) const RUNS: usize = 3;

/// What costs are measured on, with the steps of a run: up to 10⁵ parameters, and beyond.
pub(super) const COSTED: [(Setting, usize); 12] = [
    (Setting { name: "2-5-1, sigmoid, 4 rows", ..CALIBRATION[0] }, 2000),
    (
        Setting {
            name: "16-64-64-4, relu, 32 rows",
            data: "kind = 'regression', rows = 256, inputs = 16, outputs = 4",
            hidden: (&[64, 64], "'relu'"),
            ..BASE
        },
        1000,
    ),
    (
        Setting {
            name: "64-128-64-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[128, 64], "'relu'"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "64-256-256-10, relu, 4 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[256, 256], "'relu'"),
            outputs: (10, None),
            batch: Some(4),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "64-256-256-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 64, outputs = 10",
            hidden: (&[256, 256], "'relu'"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "784-100-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[100], "'relu'"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        600,
    ),
    (
        Setting {
            name: "784-512-256-10, relu, 64 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[512, 256], "'relu'"),
            outputs: (10, None),
            batch: Some(64),
            ..BASE
        },
        700,
    ),
    (
        Setting {
            name: "784-128-10, relu, 32 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[128], "'relu'"),
            outputs: (10, None),
            batch: Some(32),
            ..BASE
        },
        400,
    ),
    (
        Setting {
            name: "784-512-512-10, relu, 32 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[512, 512], "'relu'"),
            outputs: (10, None),
            batch: Some(32),
            ..BASE
        },
        200,
    ),
    (
        Setting {
            name: "784-512-512-10, relu, 4 rows",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[512, 512], "'relu'"),
            outputs: (10, None),
            batch: Some(4),
            ..BASE
        },
        200,
    ),
    (
        Setting {
            name: "784-512-256-10, relu, 64 rows, Adam 1e-3",
            data: "kind = 'regression', rows = 256, inputs = 784, outputs = 10",
            hidden: (&[512, 256], "'relu'"),
            outputs: (10, None),
            optimizer: "adam = { lr = 0.001 }",
            batch: Some(64),
            ..BASE
        },
        200,
    ),
    (
        Setting {
            name: "3000-450-3, relu, 8 rows",
            data: "kind = 'regression', rows = 64, inputs = 3000, outputs = 3",
            hidden: (&[450], "'relu'"),
            outputs: (3, None),
            batch: Some(8),
            ..BASE
        },
        700,
    ),
];

/// What one network's comparison costs: microseconds per step.
#[derive(Clone)]
pub(super) struct Cost {
    pub name: &'static str,
    pub parameters: usize,
    /// Steps of a run, and how many of them are replayed.
    pub steps: usize,
    pub replayed: usize,
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
    /// Of steps that are watched and not replayed, all but the three sides' own time over that, likewise.
    pub watched: Option<[f64; 3]>,
}

/// A judge whose steps are timed.
struct Clocked {
    judge: Judge,
    /// Nanoseconds of the reference's and the free candidate's engine, and of all three.
    two: u64,
    all: u64,
    /// When the latest step ended.
    since: Instant,
    /// Whether the latest step is replayed, and how many are.
    replayed: bool,
    replays: usize,
    /// Of steps that are not, all but the three sides' own time over that.
    watched: Vec<f64>,
}

impl Observer for Clocked {
    fn computed(&mut self, event: &StepEvent<'_>) -> bool {
        self.replayed = self.judge.computed(event);
        self.replayed
    }

    fn updated(&mut self, event: &StepEvent<'_>) -> bool {
        let late = self.judge.updated(event);
        self.replayed |= late;
        late
    }

    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        let flow = self.judge.step(event);
        let of = |nanoseconds: &[u64; 4]| nanoseconds.iter().sum::<u64>();
        let reference = of(&event.reference.nanoseconds);
        let candidates: Vec<u64> = event.candidates.iter().map(|(_, runner)| of(&runner.latest.nanoseconds)).collect();
        let all = reference + candidates.iter().sum::<u64>();
        self.two += reference + candidates.last().copied().unwrap_or_default();
        self.all += all;
        self.replays += usize::from(self.replayed);
        if !self.replayed {
            let wall = self.since.elapsed().as_nanos() as f64;
            self.watched.push((wall - all as f64) / all as f64);
        }
        self.since = Instant::now();
        flow
    }
}

/// Measures every setting, one after the other on one thread, with noise off and on in turn.
pub(super) fn measure(context: &Context<'_>) -> Result<Vec<Cost>> {
    let cost = |(setting, steps): (Setting, usize)| {
        let experiment = setting.experiment(steps, &[])?;
        let mut unjudged = experiment.clone();
        unjudged.noise.judged = false;
        let parameters = experiment.reference.model.parameters().iter().map(|one| one.shape.elements()).sum();
        let (columns, replayed) = context.once(&format!("cost of {}", setting.name), || {
            let (mut columns, mut replayed) = ([const { Vec::new() }; 6], 0);
            for _ in 0..RUNS {
                let off = timed(&unjudged, steps, context)?;
                let on = timed(&experiment, steps, context)?;
                replayed = on.replays;
                let per_step = [off.engines, off.other, on.other - off.other].map(|time| time / steps as f64);
                columns.iter_mut().zip(per_step).for_each(|(column, time)| column.push(time));
                columns[3].push(per_step[1] / per_step[0]);
                columns[4].push(per_step[2] / per_step[0]);
                // Where an optimizer has a state, its shadow takes in every gradient: that is judging, and not watching.
                columns[5]
                    .extend((!experiment.reference.training.optimizer.has_state()).then_some(on.watched).flatten());
            }
            Ok((columns, replayed))
        })?;
        let [engines, comparing, judging, compared, judged, watched] = columns;
        let watched = (!watched.is_empty()).then(|| quartiles(&watched));
        let [engines, comparing, judging, compared, judged] =
            [engines, comparing, judging, compared, judged].map(|column| quartiles(&column));
        Ok(Cost {
            name: setting.name,
            parameters,
            steps,
            replayed,
            engines: engines[1],
            comparing: comparing[1],
            judging: judging[1],
            compared,
            judged,
            watched,
        })
    };
    COSTED.into_iter().map(cost).collect()
}

/// What a run took.
struct Timed {
    /// Microseconds of the reference's and the free candidate's engine, and of all but the engines.
    engines: f64,
    other: f64,
    replays: usize,
    /// The median of the steps that are not replayed.
    watched: Option<f64>,
}

fn timed(experiment: &Experiment, steps: usize, context: &Context<'_>) -> Result<Timed> {
    let mut lockstep = Lockstep::new(experiment, Mode::Both)?;
    let judge = Judge::new(experiment, Mode::Both, &lockstep);
    let start = Instant::now();
    let mut clocked = Clocked { judge, two: 0, all: 0, since: start, replayed: false, replays: 0, watched: Vec::new() };
    lockstep.run(steps, None, context.stop, &mut [&mut clocked])?;
    let wall = start.elapsed().as_secs_f64() * 1e6;
    context.go_on()?;
    let Clocked { two, all, replays, watched, .. } = clocked;
    let watched = (experiment.noise.judged && !watched.is_empty()).then(|| quartiles(&watched)[1]);
    Ok(Timed { engines: two as f64 / 1e3, other: wall - all as f64 / 1e3, replays, watched })
}
