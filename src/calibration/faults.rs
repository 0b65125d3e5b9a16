//! Faults, each put into one side of a run at parity: found in the phase that is to blame, at the first step at which it
//! can show, and on the side that has it.

use super::settings::{FAULTED, Faulted};
use crate::study::Context;
use crate::{
    engine::{
        Engine,
        faulty::{Fault, Faulty, with_faults},
    },
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Divergence, Farther, Outcome, Verdict},
    },
    run::{self, Phase, Role, build},
    training::{self, Training},
};
use serde::{Deserialize, Serialize};

/// Steps of a run with a fault.
pub(super) const STEPS: usize = 5;

/// Where something is found: the phase, the step, and the tensor where only one can show it.
type Place = (Phase, usize, Option<&'static str>);

/// Something that is wrong with one side.
pub(super) struct Case {
    pub name: &'static str,
    /// What the side has instead of the setting's, or what is wrong with its engine.
    kind: Kind,
    /// Where it has to be found.
    expected: Place,
    /// Of what the start shows already: where it has to be found in what is computed, if it can be.
    then: Option<Place>,
}

/// Keys are as after `--set`. `after=LAYERS` puts these after each hidden layer, with OTHER for another activation than
/// the setting's, and `last=LAYER` one after the outputs.
#[derive(Clone, Copy)]
enum Kind {
    /// Keys of the experiment, for both sides and for the one that has the fault.
    Keys(&'static [&'static str], &'static [&'static str]),
    /// Keys for both sides, and one of `training.faults`, which the candidate alone can have.
    Own(&'static [&'static str], &'static str),
    /// A fault of the engine's gradients.
    Engine(Fault),
    /// A fault of the engine that concerns the square weight.
    Square(fn(String) -> training::Fault),
}

/// The number of the square weight among the parameters, and its name.
const SQUARE: usize = 2;
const SQUARE_NAME: &str = "2.weight";

/// The parameter nearest the loss, of a model without layers of its own, and that farthest from it.
const NEAREST: Option<&str> = Some("4.bias");
const FARTHEST: Option<&str> = Some("0.weight");
const LOSS: Place = (Phase::Loss, 0, Some("loss"));
const OUTPUT_GRADIENT: Place = (Phase::Backward, 0, Some("output_gradient"));
const AT_ONCE: Place = (Phase::Update, 0, NEAREST);
/// With a state that starts from nothing, the first step is the same whatever is remembered of it.
const NEXT: Place = (Phase::Update, 1, NEAREST);
const INPUTS: Place = (Phase::Batch, 0, Some("inputs"));
const TARGETS: Place = (Phase::Batch, 0, Some("targets"));
const LAYER_1: Place = (Phase::Forward, 0, Some("activation/1"));
const LAYER_2: Place = (Phase::Forward, 0, Some("activation/2"));

const MOMENTUM: &str = "training.optimizer.sgd.momentum=0.9";
const DECAY: &str = "training.optimizer.sgd.weight_decay=0.01";
const DECAYING_RATE: &str = "training.schedule={ exponential = { gamma = 0.9, every = 'step' } }";
const ADAM: &str = "training.optimizer={ adam = { lr = 0.001 } }";
const ADAMW: &str = "training.optimizer={ adamw = { lr = 0.001 } }";
const RMSPROP: &str = "training.optimizer={ rmsprop = { lr = 0.001 } }";
const CLASSES: &str = "data={ kind = 'blobs', rows = 96, columns = 16, centers = 4 }";
/// Logits whose powers overflow f64.
const FAR_APART: &str = "data={ kind = 'blobs', rows = 96, columns = 16, centers = 4, spread = 1e5 }";
const CROSS_ENTROPY: &str = "training.loss=cross-entropy";
const SMOOTHED: &str = "training.loss={ cross-entropy = { label_smoothing = 0.1 } }";
const L2: &str = "training.penalty={ l2 = { factor = 0.001 } }";
const DROPOUT: &str = "after='silu', { dropout = { p = 0.3 } }";
const LAYER_NORM: &str = "after='layer-norm', 'gelu'";
const BATCH_NORM: &str = "after='batch-norm', 'relu'";

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    keys("learning rate × 2", &[], &["training.optimizer.sgd.lr=0.1"], AT_ONCE),
    keys("learning rate × (1 + 1e-4)", &[], &["training.optimizer.sgd.lr=0.050005"], (Phase::Update, 0, None)),
    keys("sum for mean", &[], &["training.loss=sum-squares"], LOSS),
    keys("sum for mean, behind an equal loss", &["training.reported_loss=mse"], &["training.loss=sum-squares"],
        OUTPUT_GRADIENT),
    keys("sum for mean, behind an equal loss and Adam", &[ADAM, "training.reported_loss=mse"],
        &["training.loss=sum-squares"], OUTPUT_GRADIENT),
    keys("Huber for squares", &[], &["training.loss=huber"], LOSS),
    keys("cross-entropy's sum for its mean", &[CLASSES, CROSS_ENTROPY],
        &["training.loss={ cross-entropy = { reduction = 'sum' } }"], LOSS),
    keys("label smoothing 0.1 for 0", &[CLASSES, CROSS_ENTROPY], &[SMOOTHED], LOSS),
    keys("label smoothing 0.1 for 0, behind an equal loss",
        &[CLASSES, CROSS_ENTROPY, "training.reported_loss=cross-entropy"], &[SMOOTHED], OUTPUT_GRADIENT),
    own("softmax of powers that overflow", &["after='relu'", FAR_APART, CROSS_ENTROPY], "'unstable-softmax'", LOSS),
    keys("an L2 penalty", &[], &[L2], LOSS),
    keys("an L2 penalty, behind an equal loss", &["training.reported_loss={ loss = 'mse', penalty = false }"], &[L2],
        (Phase::Backward, 0, NEAREST)),
    keys("softmax twice", &[CLASSES, CROSS_ENTROPY], &["last=softmax"], (Phase::Forward, 0, Some("output"))),
    start("last bias missing", &[], &["model.layer.4.linear.bias=false"], "4.bias",
        Some((Phase::Forward, 0, Some("output")))),
    // It is found as soon as the reference's bias has moved: in the look after that step.
    start("last bias missing, its values 0", &["model.init=xavier-uniform"], &["model.layer.4.linear.bias=false"],
        "4.bias", Some((Phase::Evaluation, 0, Some("output")))),
    keys("another activation", &[], &["after=OTHER"], LAYER_1),
    // Each side computes what is right of its own weights.
    start("another initial scheme", &[], &["model.init=kaiming"], "0.weight", None),
    keys("leaky ReLU's slope × 2", &["after='leaky-relu'"], &["model.layer.1={ leaky-relu = { slope = 0.02 } }"],
        LAYER_1),
    keys("GELU by tanh", &["after='gelu'"], &["model.layer.1={ gelu = { approximate = 'tanh' } }"], LAYER_1),
    keys("dropout unscaled", &[DROPOUT], &["model.layer.2.dropout.scaled=false"], LAYER_2),
    keys("dropout off", &[DROPOUT], &["model.layer.2.dropout.p=0"], LAYER_2),
    keys("layer norm's eps 1e-3 for 1e-5", &[LAYER_NORM], &["model.layer.1.layer-norm.eps=1e-3"], LAYER_1),
    keys("batch norm's eps 1e-3 for 1e-5", &[BATCH_NORM], &["model.layer.1.batch-norm.eps=1e-3"], LAYER_1),
    keys("batch norm's momentum 0.01 for 0.1", &[BATCH_NORM], &["model.layer.1.batch-norm.momentum=0.01"],
        (Phase::Evaluation, 0, Some("buffer/1.running_mean"))),
    // Inputs of 0 and biases of 0 leave every ReLU at exactly 0.
    own("ReLU′(0) = 1", &["after='relu'", "model.init=xavier-uniform", "data.scale=0"], "'relu-derivative-one-at-zero'",
        (Phase::Backward, 0, Some("activation_gradient/2"))),
    own("sigmoid's derivative of its output", &["after='sigmoid'"], "'sigmoid-derivative-of-output'",
        (Phase::Backward, 0, Some("activation_gradient/2"))),
    keys("momentum 0.9 for 0", &[], &[MOMENTUM], NEXT),
    keys("momentum 0.9 for 0.90001", &[MOMENTUM], &["training.optimizer.sgd.momentum=0.90001"], (Phase::Update, 1, None)),
    keys("dampening 0.5 for 0", &[MOMENTUM], &["training.optimizer.sgd.dampening=0.5"], NEXT),
    keys("Nesterov's momentum for plain", &[MOMENTUM], &["training.optimizer.sgd.nesterov=true"], AT_ONCE),
    own("momentum of steps, under a schedule", &[MOMENTUM, DECAYING_RATE], "'velocity-of-steps'", NEXT),
    keys("weight decay 0.01 for 0", &[], &[DECAY], AT_ONCE),
    own("no decay on biases", &[DECAY], "'no-decay-on-biases'", AT_ONCE),
    keys("clipped by norm", &[], &["training.clip={ norm = 0.01 }"], AT_ONCE),
    keys("clipped by value", &[], &["training.clip={ value = 0.001 }"], AT_ONCE),
    keys("schedule missing", &[DECAYING_RATE], &["training.schedule.exponential.gamma=1"], NEXT),
    keys("a schedule of steps for one of epochs", &["training.schedule={ exponential = { gamma = 0.9 } }"],
        &["training.schedule.exponential.every=step"], NEXT),
    keys("Adam: learning rate × 2", &[ADAM], &["training.optimizer.adam.lr=0.002"], AT_ONCE),
    keys("Adam: L2 for decoupled decay", &[ADAMW], &["training.optimizer={ adam = { lr = 0.001, weight_decay = 0.01 } }"],
        AT_ONCE),
    keys("AdamW: decay 0 for 0.01", &[ADAMW], &["training.optimizer.adamw.weight_decay=0"], AT_ONCE),
    own("Adam: no bias correction", &[ADAM], "'no-bias-correction'", AT_ONCE),
    own("Adam: eps inside the root", &[ADAM], "'eps-inside-root'", (Phase::Update, 0, None)),
    own("Adam: eps-hat", &[ADAM], "'eps-hat'", (Phase::Update, 0, None)),
    own("Adam: step counter ahead by 1", &[ADAM], "{ step-counter = 1 }", AT_ONCE),
    keys("Adam: eps 1e-7 for 1e-8", &[ADAM], &["training.optimizer.adam.eps=1e-7"], (Phase::Update, 0, None)),
    // m and v of the first step, corrected, are the gradient and its square with any β.
    keys("Adam: β₂ 0.99 for 0.999", &[ADAM], &["training.optimizer.adam.betas=[0.9, 0.99]"], NEXT),
    own("RMSprop: eps inside the root", &[RMSPROP], "'eps-inside-root'", (Phase::Update, 0, None)),
    keys("RMSprop: α 0.9 for 0.99", &[RMSPROP], &["training.optimizer.rmsprop.alpha=0.9"], AT_ONCE),
    keys("RMSprop: centered for plain", &[RMSPROP], &["training.optimizer.rmsprop.centered=true"], AT_ONCE),
    keys("RMSprop: momentum 0.9 for 0", &[RMSPROP], &["training.optimizer.rmsprop.momentum=0.9"], NEXT),
    engine("gradients × (1 + 1e-4)", Fault::GradientTimes(1.0001), Phase::Backward, None),
    engine("gradients × (1 − 1e-4)", Fault::GradientTimes(0.9999), Phase::Backward, None),
    engine("gradients × 2", Fault::GradientTimes(2.0), Phase::Backward, NEAREST),
    engine("gradients × 1.05", Fault::GradientTimes(1.05), Phase::Backward, NEAREST),
    engine("gradients with the other sign", Fault::GradientTimes(-1.0), Phase::Backward, NEAREST),
    engine("a gradient in reverse order", Fault::Reversed(SQUARE), Phase::Backward, Some(SQUARE_NAME)),
    engine("one weight's gradient with the other sign", Fault::SignFlipped(0), Phase::Backward, FARTHEST),
    engine("every other column's gradient 0", Fault::ColumnsZeroed(0), Phase::Backward, FARTHEST),
    square("a square weight transposed", training::Fault::Transposed, LAYER_2),
    square("one parameter frozen", training::Fault::Frozen, (Phase::Update, 0, Some(SQUARE_NAME))),
    own("gradients not zeroed", &[], "'gradients-not-zeroed'", (Phase::Backward, 1, NEAREST)),
    own("an update for each row", &[], "'update-per-sample'", AT_ONCE),
    own("targets of other rows", &[], "'labels-permuted'", TARGETS),
    own("labels permuted", &[CLASSES, CROSS_ENTROPY], "'labels-permuted'", TARGETS),
    own("inputs × 1.001", &[], "{ inputs-scaled = 1.001 }", INPUTS),
    own("another order of rows", &["training.shuffle=true"], "{ order = 7 }", INPUTS),
    // The third batch of 40 has 16 rows.
    own("the last batch dropped", &["training.batch_size=40"], "'last-batch-dropped'",
        (Phase::Batch, 2, Some("inputs"))),
];

const fn case(name: &'static str, kind: Kind, expected: Place) -> Case {
    Case { name, kind, expected, then: None }
}

const fn keys(
    name: &'static str,
    both: &'static [&'static str],
    one: &'static [&'static str],
    expected: Place,
) -> Case {
    case(name, Kind::Keys(both, one), expected)
}

const fn start(
    name: &'static str,
    both: &'static [&'static str],
    one: &'static [&'static str],
    tensor: &'static str,
    then: Option<Place>,
) -> Case {
    Case { name, kind: Kind::Keys(both, one), expected: (Phase::Start, 0, Some(tensor)), then }
}

const fn own(name: &'static str, both: &'static [&'static str], fault: &'static str, expected: Place) -> Case {
    case(name, Kind::Own(both, fault), expected)
}

const fn engine(name: &'static str, fault: Fault, phase: Phase, tensor: Option<&'static str>) -> Case {
    case(name, Kind::Engine(fault), (phase, 0, tensor))
}

const fn square(name: &'static str, fault: fn(String) -> training::Fault, expected: Place) -> Case {
    case(name, Kind::Square(fault), expected)
}

impl Case {
    /// The sides that it is put into.
    pub(super) const fn sides(&self) -> &'static [Role] {
        match self.kind {
            Kind::Own(..) => &[Role::Candidate],
            Kind::Keys(..) | Kind::Engine(_) | Kind::Square(_) => &[Role::Candidate, Role::Reference],
        }
    }
}

/// How many runs all of them are.
pub(super) const RUNS: usize = {
    let (mut runs, mut case) = (0, 0);
    while case < CASES.len() {
        runs += CASES[case].sides().len() * FAULTED.len();
        case += 1;
    }
    runs
};

/// What came of one fault in one setting.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Found {
    pub case: usize,
    pub setting: usize,
    /// The side that has the fault.
    pub side: Role,
    /// Phase, step, tensor.
    pub place: Option<(Phase, usize, String)>,
    /// The same in what is computed, where the start shows it already.
    pub then: Option<(Phase, usize, String)>,
    /// Whether places and side are what they have to be.
    pub right: bool,
}

/// Runs every fault on every side that can have it, in every setting.
pub(super) fn run(context: &Context<'_>) -> Result<Vec<Found>> {
    let mut jobs = Vec::new();
    for (case, fault) in CASES.iter().enumerate() {
        for setting in 0..FAULTED.len() {
            jobs.extend(fault.sides().iter().map(|&side| (case, setting, side)));
        }
    }
    let part = |&(number, setting, side): &(usize, usize, Role)| {
        format!("{}, {}, {side:?}", CASES[number].name, FAULTED[setting].setting.name)
    };
    context.each(&jobs, part, |&(number, setting, side)| {
        let case = &CASES[number];
        let verdict = faulted(context, case, setting, side)?;
        // Where keys differ, the reference's are the definition, whichever side was changed: the candidate is off.
        let whose = match (case.kind, side) {
            (Kind::Engine(_) | Kind::Square(_), Role::Reference) => Farther::Reference,
            _ => Farther::Candidate,
        };
        let first = verdict.first_divergence.as_ref();
        let at_start = case.expected.0 == Phase::Start;
        let then = if at_start { first_computed(&verdict) } else { None };
        let right = verdict.verdict == Outcome::Mismatch
            && is(first, Some(case.expected), if at_start { None } else { Some(whose) })
            && is(then, case.then, Some(whose));
        let place = |found: &Divergence| (found.phase, found.step, found.tensor.clone());
        Ok(Found { case: number, setting, side, place: first.map(place), then: then.map(place), right })
    })
}

/// The earliest divergence of those that each phase reports.
fn first_computed(verdict: &Verdict) -> Option<&Divergence> {
    let found = verdict.phases.values().filter_map(|summary| summary.first_divergence.as_ref());
    found.min_by_key(|found| (found.step, found.phase))
}

/// Whether what was found is there, of that side, or nothing where nothing is expected.
fn is(found: Option<&Divergence>, expected: Option<Place>, whose: Option<Farther>) -> bool {
    match (found, expected) {
        (Some(found), Some((phase, step, tensor))) => {
            (found.phase, found.step, found.farther) == (phase, step, whose)
                && tensor.is_none_or(|tensor| tensor == found.tensor)
        }
        (found, expected) => found.is_none() && expected.is_none(),
    }
}

/// The sets that put a case into a side, in a setting.
fn sets(case: &Case, setting: &Faulted, side: Role) -> Vec<String> {
    let (both, one): (_, &[&str]) = match case.kind {
        Kind::Keys(both, one) => (both, one),
        Kind::Own(both, _) => (both, &[]),
        Kind::Engine(_) | Kind::Square(_) => (&[][..], &[]),
    };
    let written = |key: &&str| match key.split_once('=') {
        Some(("after", layers)) => {
            let layers = layers.replace("OTHER", setting.other_activation());
            format!("model.layers={}", setting.setting.layers(&layers, None))
        }
        Some(("last", layer)) => {
            format!("model.layers={}", setting.setting.layers(setting.setting.hidden.1, Some(layer)))
        }
        _ => (*key).to_owned(),
    };
    let named = if side == Role::Reference { "reference" } else { "candidate" };
    let mut sets = vec![format!("dtype={}", setting.dtype)];
    sets.extend(both.iter().map(written));
    sets.extend(one.iter().map(|key| format!("{named}.{}", written(key))));
    if let Kind::Own(_, fault) = case.kind {
        sets.push(format!("candidate.training.faults=[{fault}]"));
    }
    sets
}

fn faulted(context: &Context<'_>, case: &Case, setting: usize, faulty: Role) -> Result<Verdict> {
    let setting = &FAULTED[setting];
    let experiment = setting.setting.experiment(STEPS, &sets(case, setting, faulty))?;
    let engines = |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        let engine = build(side, rows)?;
        match case.kind {
            Kind::Engine(fault) if role == faulty => Ok(Box::new(Faulty::new(engine, &side.training, fault))),
            Kind::Square(fault) if role == faulty => {
                let faults = vec![fault(SQUARE_NAME.to_owned())];
                with_faults(engine, &Training { faults, ..side.training.clone() })
            }
            Kind::Keys(..) | Kind::Own(..) | Kind::Engine(_) | Kind::Square(_) => Ok(engine),
        }
    };
    let comparison = Comparison { engines: &engines, ..Comparison::default() };
    Ok(comparison.watched(&experiment, &mut run::Silent, context.stop)?.0)
}
