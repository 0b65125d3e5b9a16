//! Faults, each put into one side of a run at parity: found in the phase that is to blame, at the first step at which it
//! can show, and on the side that has it.

use super::{
    super::{Context, Nobody, on_all_cores},
    settings::FAULTED,
};
use crate::{
    engine::{
        Engine,
        faulty::{Fault, Faulty, with_faults},
    },
    error::Result,
    experiment::Side,
    lockstep::{Phase, Role, build},
    training::{self, Training},
    verdict::{Comparison, Farther, Outcome, Verdict, compare},
};
use std::collections::BTreeMap;

/// Steps of a run with a fault.
pub(super) const STEPS: usize = 5;

/// Something that is wrong with one side.
pub(super) struct Case {
    pub name: &'static str,
    /// What the side has instead of the setting's, or what is wrong with its engine.
    kind: Kind,
    /// Where it has to be found; the tensor where only one can show it.
    expected: (Phase, usize, Option<&'static str>),
}

#[derive(Clone, Copy)]
enum Kind {
    /// Keys of the experiment, for both sides and for the one that has the fault.
    Keys(&'static [&'static str], &'static [&'static str]),
    /// A fault of the engine's gradients.
    Engine(Fault),
    /// A fault of the engine that concerns the square weight.
    Square(fn(String) -> training::Fault),
}

/// The number of the square weight among the parameters, and its name.
const SQUARE: usize = 2;
const SQUARE_NAME: &str = "2.weight";

pub(super) const CASES: [Case; 21] = [
    keys("learning rate × 2", &[], &["training.optimizer.sgd.lr=0.1"], (Phase::Update, 0, Some("0.weight"))),
    keys("learning rate × (1 + 1e-4)", &[], &["training.optimizer.sgd.lr=0.050005"], (Phase::Update, 0, None)),
    keys("sum for mean", &[], &["training.loss=sum-squares"], (Phase::Loss, 0, Some("loss"))),
    keys(
        "sum for mean, behind an equal loss",
        &["training.reported_loss=mse"],
        &["training.loss=sum-squares"],
        (Phase::Backward, 0, Some("output_gradient")),
    ),
    keys("last bias missing", &[], &["model.layer.4.linear.bias=false"], (Phase::Start, 0, Some("4.bias"))),
    keys(
        "last bias missing, its values 0",
        &["model.init=xavier-uniform"],
        &["model.layer.4.linear.bias=false"],
        (Phase::Start, 0, Some("4.bias")),
    ),
    keys("another activation", &[], &["model.layers=OTHER"], (Phase::Start, 0, Some("layer 1"))),
    keys("another initial scheme", &[], &["model.init=kaiming"], (Phase::Start, 0, Some("0.weight"))),
    // The buffer is the gradient at step 0, whatever the momentum.
    keys("momentum 0.9 for 0", &[], &["training.optimizer.sgd.momentum=0.9"], (Phase::Update, 1, None)),
    keys(
        "momentum 0.9 for 0.90001",
        &["training.optimizer.sgd.momentum=0.9"],
        &["training.optimizer.sgd.momentum=0.90001"],
        (Phase::Update, 1, None),
    ),
    keys(
        "Nesterov's momentum for plain",
        &["training.optimizer.sgd.momentum=0.9"],
        &["training.optimizer.sgd.nesterov=true"],
        (Phase::Update, 0, None),
    ),
    engine("gradients × (1 + 1e-4)", Fault::GradientTimes(1.0001), Phase::Backward, None),
    engine("gradients × (1 − 1e-4)", Fault::GradientTimes(0.9999), Phase::Backward, None),
    engine("gradients × 2", Fault::GradientTimes(2.0), Phase::Backward, Some("0.weight")),
    engine("gradients × 1.05", Fault::GradientTimes(1.05), Phase::Backward, Some("0.weight")),
    engine("gradients with the other sign", Fault::GradientTimes(-1.0), Phase::Backward, Some("0.weight")),
    engine("a gradient in reverse order", Fault::Reversed(SQUARE), Phase::Backward, Some("2.weight")),
    engine("one weight's gradient with the other sign", Fault::SignFlipped(0), Phase::Backward, Some("0.weight")),
    engine("every other column's gradient 0", Fault::ColumnsZeroed(0), Phase::Backward, Some("0.weight")),
    square("a square weight transposed", training::Fault::Transposed, Phase::Forward, "activation/2"),
    square("one parameter frozen", training::Fault::Frozen, Phase::Update, SQUARE_NAME),
];

const fn keys(
    name: &'static str,
    both: &'static [&'static str],
    one: &'static [&'static str],
    expected: (Phase, usize, Option<&'static str>),
) -> Case {
    Case { name, kind: Kind::Keys(both, one), expected }
}

const fn engine(name: &'static str, fault: Fault, phase: Phase, tensor: Option<&'static str>) -> Case {
    Case { name, kind: Kind::Engine(fault), expected: (phase, 0, tensor) }
}

const fn square(name: &'static str, fault: fn(String) -> training::Fault, phase: Phase, tensor: &'static str) -> Case {
    Case { name, kind: Kind::Square(fault), expected: (phase, 0, Some(tensor)) }
}

/// What came of one fault in one setting.
#[derive(Clone)]
pub(super) struct Found {
    pub case: usize,
    pub setting: usize,
    /// The side that has the fault.
    pub side: Role,
    /// Phase, step, tensor.
    pub place: Option<(Phase, usize, String)>,
    /// Whether place and side are what they have to be.
    pub right: bool,
}

/// Runs every fault on either side in every setting; `None` when interrupted.
pub(super) fn run(context: &Context<'_>) -> Result<Option<Vec<Found>>> {
    let mut jobs = Vec::new();
    for case in 0..CASES.len() {
        for setting in 0..FAULTED.len() {
            jobs.extend([Role::Candidate, Role::Reference].map(|side| (case, setting, side)));
        }
    }
    on_all_cores(context, &jobs, |&(case, setting, side)| {
        let verdict = faulted(context, &CASES[case], setting, side)?;
        let first = verdict.first_divergence.as_ref();
        let place = first.map(|first| (first.phase, first.step, first.tensor.clone()));
        let farther = first.and_then(|first| first.farther);
        let (phase, step, tensor) = CASES[case].expected;
        let where_it_is = place.as_ref().is_some_and(|(found_phase, found_step, found_tensor)| {
            (*found_phase, *found_step) == (phase, step) && tensor.is_none_or(|tensor| tensor == found_tensor)
        });
        // Where keys differ, the reference's are the definition, whichever side was changed: the candidate is off.
        let whose = match (phase, CASES[case].kind, side) {
            (Phase::Start, ..) => None,
            (_, Kind::Engine(_) | Kind::Square(_), Role::Reference) => Some(Farther::Reference),
            _ => Some(Farther::Candidate),
        };
        let right = verdict.verdict == Outcome::Mismatch && where_it_is && farther == whose;
        Ok(Found { case, setting, side, place, right })
    })
}

fn faulted(context: &Context<'_>, case: &Case, setting: usize, faulty: Role) -> Result<Verdict> {
    let setting = &FAULTED[setting];
    let named = if faulty == Role::Reference { "reference" } else { "candidate" };
    let other = setting.with_other_activation();
    let mut sets = vec![format!("dtype={}", setting.dtype)];
    if let Kind::Keys(both, one) = case.kind {
        sets.extend(both.iter().map(|&key| key.to_owned()));
        sets.extend(one.iter().map(|key| format!("{named}.{}", key.replace("OTHER", &other))));
    }
    let experiment = setting.setting.experiment(STEPS, &sets)?;
    let engines = |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let engine = build(side, rows)?;
        match case.kind {
            Kind::Engine(fault) if role == faulty => Ok(Box::new(Faulty::new(engine, &side.training, fault))),
            Kind::Square(fault) if role == faulty => {
                let faults = vec![fault(SQUARE_NAME.to_owned())];
                with_faults(engine, &Training { faults, ..side.training.clone() })
            }
            _ => Ok(engine),
        }
    };
    let comparison = Comparison { engines: &engines, ..Comparison::default() };
    Ok(compare(&experiment, comparison, BTreeMap::new(), &mut Nobody, context.stop)?.0)
}
