//! Faults in networks whose steps are not all replayed: late ones, ones of a single step, ones of the last batch of an
//! epoch. Each is found in its phase at the first step that has it, though that step is not due for a replay.

use crate::study::Context;
use crate::{
    engine::{
        Engine,
        faulty::{Fault, Faulty},
    },
    error::Result,
    experiment::{Experiment, Side},
    judge::{
        Comparison,
        verdict::{Farther, Outcome},
    },
    run::{self, Phase, Role, build},
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Steps of a run: four epochs of nine batches, of which the last has fewer rows, and half of a fifth.
const STEPS: usize = 40;
const BATCHES: usize = 9;

/// The step that alone has a fault, and the one from which on a late fault is there.
const ONCE: usize = 13;
const LATE: usize = 20;

/// A network, and its hidden layers as they are written.
pub(super) struct Network {
    pub name: &'static str,
    hidden: &'static [usize],
}

pub(super) const NETWORKS: [Network; 2] = [
    Network { name: "784-128-10, 101,770 weights", hidden: &[128] },
    Network { name: "784-512-512-10, 669,706 weights", hidden: &[512, 512] },
];

/// At rates at which the loss stays above 1e-3 up to the late faults: where it is 1e-6, f32 leaves a hundredth of p − 1, and
/// gradients × 1.01 are rounding.
pub(super) const OPTIMIZERS: [(&str, &str); 2] =
    [("SGD", "{ sgd = { lr = 0.05 } }"), ("Adam", "{ adam = { lr = 0.0001 } }")];

/// Something that is wrong at some steps.
pub(super) struct Case {
    pub name: &'static str,
    kind: Kind,
    phase: Phase,
    step: usize,
}

enum Kind {
    /// Keys of the candidate.
    Keys(&'static str),
    /// A fault of an engine's gradients, at these steps.
    Engine(Fault, fn(usize) -> bool),
}

fn once(step: usize) -> bool {
    step == ONCE
}

fn late(step: usize) -> bool {
    step >= LATE
}

fn last_batch(step: usize) -> bool {
    step % BATCHES == BATCHES - 1
}

const fn engine(name: &'static str, fault: Fault, when: fn(usize) -> bool, step: usize) -> Case {
    Case { name, kind: Kind::Engine(fault, when), phase: Phase::Backward, step }
}

const fn keys(name: &'static str, keys: &'static str, phase: Phase, step: usize) -> Case {
    Case { name, kind: Kind::Keys(keys), phase, step }
}

#[rustfmt::skip]
pub(super) const CASES: [Case; 9] = [
    engine("gradients × 1.01, one step", Fault::GradientTimes(1.01), once, ONCE),
    engine("gradients × 1.0001, one step", Fault::GradientTimes(1.0001), once, ONCE),
    engine("one weight's gradient with the other sign, one step", Fault::SignFlipped(0), once, ONCE),
    engine("every other column's gradient 0, late", Fault::ColumnsZeroed(0), late, LATE),
    engine("gradients × 1.001, late", Fault::GradientTimes(1.001), late, LATE),
    engine("gradients × 1.01, the last batch", Fault::GradientTimes(1.01), last_batch, BATCHES - 1),
    keys("learning rate × 0.5, late", "schedule={ step = { size = 20, gamma = 0.5, every = 'step' } }", Phase::Update, LATE),
    keys("learning rate × 0.999 from step to step",
        "schedule={ exponential = { gamma = 0.999, every = 'step' } }", Phase::Update, 1),
    keys("the last batch dropped", "faults=['last-batch-dropped']", Phase::Batch, BATCHES - 1),
];

/// What came of one of them.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Found {
    pub case: usize,
    pub network: usize,
    pub optimizer: usize,
    pub side: Role,
    /// Phase and step.
    pub place: Option<(Phase, usize)>,
    pub right: bool,
    /// Steps that were replayed.
    pub replayed: usize,
}

/// A job: case, network, optimizer and the side that has the fault.
pub(super) type Job = (usize, usize, usize, Role);

/// Every fault in every network, on either side.
pub(super) fn jobs(networks: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (case, fault) in CASES.iter().enumerate() {
        let sides: &[Role] = match fault.kind {
            Kind::Keys(_) => &[Role::Candidate],
            Kind::Engine(..) => &[Role::Candidate, Role::Reference],
        };
        for network in 0..networks {
            for optimizer in 0..OPTIMIZERS.len() {
                jobs.extend(sides.iter().map(|&side| (case, network, optimizer, side)));
            }
        }
    }
    jobs
}

/// How many runs all of them are.
pub(super) const RUNS: usize = {
    let (mut runs, mut case) = (0, 0);
    while case < CASES.len() {
        let sides = if matches!(CASES[case].kind, Kind::Keys(_)) { 1 } else { 2 };
        runs += sides * NETWORKS.len() * OPTIMIZERS.len();
        case += 1;
    }
    runs
};

pub(super) fn run(context: &Context<'_>, jobs: &[Job]) -> Result<Vec<Found>> {
    let part = |&(case, network, optimizer, side): &Job| {
        let (network, optimizer) = (NETWORKS[network].name, OPTIMIZERS[optimizer].0);
        format!("{}, {network}, {optimizer}, {side:?}", CASES[case].name)
    };
    context.each(jobs, part, |&(number, network, optimizer, faulty)| {
        let case = &CASES[number];
        let hidden: String = NETWORKS[network]
            .hidden
            .iter()
            .map(|units| format!("{{ linear = {{ outputs = {units} }} }}, 'relu', "))
            .collect();
        let text = format!(
            "data = {{ kind = 'blobs', rows = 280, columns = 784, centers = 10, spread = 3 }}\n\
             model.layers = [{hidden}{{ linear = {{ outputs = 10 }} }}]\n\
             training = {{ loss = 'cross-entropy', batch_size = 32, steps = {STEPS}, optimizer = {} }}\n",
            OPTIMIZERS[optimizer].1
        );
        let sets = match case.kind {
            Kind::Keys(keys) => vec![format!("candidate.training.{keys}")],
            Kind::Engine(..) => Vec::new(),
        };
        let experiment = Experiment::parse(&text, case.name, Path::new(""), &sets)?;
        let engines = |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
            let engine = build(side, rows)?;
            Ok(match case.kind {
                Kind::Engine(fault, when) if role == faulty => {
                    Box::new(Faulty::at(engine, &side.training, fault, when))
                }
                Kind::Keys(_) | Kind::Engine(..) => engine,
            })
        };
        let comparison = Comparison { engines: &engines, ..Comparison::default() };
        let verdict = comparison.watched(&experiment, &mut run::Silent, context.stop)?.0;
        let first = verdict.first_divergence.as_ref();
        let whose = if faulty == Role::Reference { Farther::Reference } else { Farther::Candidate };
        let right = verdict.verdict == Outcome::Mismatch
            && first.is_some_and(|first| {
                (first.phase, first.step, first.since, first.farther) == (case.phase, case.step, None, Some(whose))
            });
        let place = first.map(|first| (first.phase, first.step));
        Ok(Found { case: number, network, optimizer, side: faulty, place, right, replayed: verdict.replayed })
    })
}
