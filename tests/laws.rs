//! Laws that every verdict obeys, over random small networks, data and trainings.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::altered::{Altered, Change, Passing};
use lockstep::{
    engine::{
        Engine,
        faulty::{Fault, Faulty},
    },
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Curves, Divergence, Farther, Measured, Mode, Outcome, Phase, RunMode, Verdict},
    },
    run::{Role, build},
    tensor::Shape,
};
use proptest::{collection::vec, prelude::*, sample::select};
use std::{path::Path, rc::Rc};

fn judged(text: &str, sets: &[&str], comparison: Comparison<'_>) -> (Verdict, Curves) {
    common::judged(text, Path::new(""), sets, comparison)
}

/// A random network with data to train it on.
#[derive(Debug, Clone)]
struct Case {
    /// The experiment: mse, plain descent, 5 steps.
    text: String,
    outputs: usize,
    /// Elements of the outputs in the first batch.
    elements: usize,
    /// The names of the layers' outputs and of the parameters, as a verdict has them.
    activations: Vec<String>,
    parameters: Vec<String>,
}

/// Up to three linear layers, up to 12 wide. ReLU layers have 4 units or more, so that few are dead.
fn cases() -> impl Strategy<Value = Case> {
    let activation = prop_oneof![
        (1..=12usize, select(vec!["sigmoid", "tanh"])),
        (4..=12usize, Just("relu")), //
    ];
    let numbers = (1..=12usize, 1..=12usize, 2..=16usize, 2..=16usize);
    (vec(activation, 0..=2), numbers, any::<u32>(), select(vec!["f32", "f64"])).prop_map(
        |(hidden, (inputs, outputs, rows, batch), seed, dtype)| {
            let layers: String = hidden
                .iter()
                .map(|(width, activation)| format!("{{ linear = {{ outputs = {width} }} }}, '{activation}', "))
                .collect();
            let last = 2 * hidden.len();
            let names = |layer| [format!("{layer}.weight"), format!("{layer}.bias")];
            Case {
                text: format!(
                    "seed = {seed}\ndtype = '{dtype}'\n\
                     data = {{ kind = 'regression', rows = {rows}, inputs = {inputs}, outputs = {outputs} }}\n\
                     model.layers = [{layers}{{ linear = {{ outputs = {outputs} }} }}]\n\
                     [training]\nloss = 'mse'\noptimizer = {{ sgd = {{ lr = 0.05 }} }}\n\
                     batch_size = {batch}\nsteps = 5\n"
                ),
                outputs,
                elements: rows.min(batch) * outputs,
                activations: (0..last).map(|layer| format!("activation/{layer}")).chain(["output".into()]).collect(),
                parameters: (0..=last).step_by(2).flat_map(names).collect(),
            }
        },
    )
}

/// The engines of this crate, changed where `on` says how.
fn altered(on: impl Fn(Role) -> Option<Change>) -> impl Fn(Role, &Side, usize) -> Result<Box<dyn Engine>> {
    move |role, side: &Side, rows| {
        let inner = build(side, rows)?;
        Ok(match on(role) {
            Some(change) => Box::new(Altered::new(inner, side.model.layers.len(), change)),
            None => inner,
        })
    }
}

/// Gives an engine the rows of a batch in another order, and the others their tensors in the batch's.
fn permuting(order: Vec<usize>) -> Change {
    Rc::new(move |_, passing, shape: Shape, values: &mut [f64]| {
        let rows = shape.first().copied().unwrap_or_default();
        let given = values.to_vec();
        for (place, row) in order.iter().copied().filter(|&row| row < rows).enumerate() {
            let (from, to) = match passing {
                Passing::Inputs | Passing::Targets => (row, place),
                Passing::Activation(_) | Passing::OutputGradient => (place, row),
                Passing::Loss | Passing::Gradient(_) | Passing::Parameter(_) => return,
            };
            let width = given.len() / rows;
            values[to * width..][..width].copy_from_slice(&given[from * width..][..width]);
        }
    })
}

fn orders() -> impl Strategy<Value = Vec<usize>> {
    Just((0..16).collect()).prop_shuffle()
}

/// What one side may do otherwise.
#[derive(Debug, Clone, Copy)]
struct Difference {
    base: &'static [&'static str],
    other: &'static str,
    /// The first step at which it can show. Up to there both experiments are the same to the bit, swapped or not.
    at: usize,
    /// What it multiplies a tensor by, for N elements in the outputs; at step 1 the two gradients that momentum adds are
    /// no multiples of each other.
    factor: Option<fn(f64) -> f64>,
}

const LARGE: &str = "training.optimizer.sgd.lr=0.5";
const DIFFERENCES: [Difference; 8] = [
    Difference { base: &[LARGE], other: "training.loss=mse", at: 0, factor: Some(|_| 1.0) },
    Difference { base: &[LARGE], other: "training.optimizer.sgd.lr=1.0", at: 0, factor: Some(|_| 2.0) },
    Difference { base: &[LARGE], other: "training.optimizer.sgd.lr=0.2", at: 0, factor: Some(|_| 0.4) },
    Difference { base: &[LARGE], other: "training.loss=sum-squares", at: 0, factor: Some(|n| n) },
    Difference { base: &[LARGE], other: "training.loss=half-sum-squares", at: 0, factor: Some(|n| n / 2.0) },
    Difference {
        base: &[LARGE, "training.optimizer.sgd.momentum=0.9"],
        other: "training.optimizer.sgd.nesterov=true",
        at: 0,
        factor: Some(|_| 1.9),
    },
    Difference { base: &[LARGE], other: "training.optimizer.sgd.momentum=0.9", at: 1, factor: None },
    Difference {
        base: &[LARGE, "training.optimizer.sgd.momentum=0.9"],
        other: "training.optimizer.sgd.dampening=0.5",
        at: 1,
        factor: None,
    },
];

/// The whole tensor's limit where a divergence was found, in the only step that was compared.
fn limit(curves: &Curves, found: &Divergence) -> f64 {
    let curve = curves.sync.iter().find(|curve| curve.phase == found.phase && curve.tensor == found.tensor);
    f64::from(curve.unwrap().limit[0])
}

proptest! {
    #![proptest_config(common::cases(128, "tests/regressions/laws.txt"))]

    #[test]
    fn swapping_the_sides_keeps_the_verdict_and_inverts_the_ratio(
        case in cases(), difference in select(DIFFERENCES.to_vec())
    ) {
        let Difference { base, other, at, factor } = difference;
        let probe = Comparison { mode: Mode::Probe, at, ..Comparison::default() };
        let [(found, curves), (swapped, swapped_curves)] = ["candidate", "reference"].map(|side| {
            let set = format!("{side}.{other}");
            judged(&case.text, &[base, &[set.as_str()]].concat(), probe)
        });
        prop_assert_eq!(found.verdict, swapped.verdict);
        let place = |at: &Divergence| (at.step, at.phase, at.tensor.clone(), at.farther);
        prop_assert_eq!(found.first_divergence.as_ref().map(place), swapped.first_divergence.as_ref().map(place));
        let factor = factor.map(|factor| factor(case.elements as f64));
        if factor == Some(1.0) {
            prop_assert!(found.first_divergence.is_none(), "{:?}", found.first_divergence);
            return Ok(());
        }
        prop_assert_eq!(found.verdict, Outcome::Mismatch);
        // The looks at the evaluation mode have no curve.
        for (phase, summary) in found.phases.iter().filter(|(phase, _)| **phase != Phase::Evaluation) {
            let pair = (&summary.first_divergence, &swapped.phases[phase].first_divergence);
            let (Some(one), Some(other)) = pair else {
                prop_assert_eq!(pair, (&None, &None));
                continue;
            };
            prop_assert_eq!(place(one), place(other));
            // With X what the formula gives without the difference and F = c·X with it, both before rounding: the ratio
            // is ⟨F + e, X⟩/‖X‖² = c + δ with |δ| ≤ ‖e‖/‖X‖, swapped it is ⟨X + e′, F⟩/‖F‖² = 1/c + δ′ with
            // |δ′| ≤ ‖e′‖/‖F‖. Swapped, e is what the limit L′ is for, and e′ is what L is for: they are the bounds'
            // norms over m = max(‖X‖, ‖F‖), so that the product is off by L·m/‖X‖ + L′·m/‖F‖ at most. Where F is no
            // multiple, ‖X‖ ‖F‖ bounds ⟨F, X⟩. Twice that for the product of the errors, and ‖F‖/‖X‖ from a ratio that
            // is itself rounded.
            let (Some(ratio), Some(inverse)) = (one.ratio, other.ratio) else {
                // A gradient of 0 beside what is left of an earlier one in the buffer.
                prop_assert!(factor.is_none(), "{one:?} {other:?}");
                continue;
            };
            let product = ratio * inverse;
            let times = (ratio / inverse).abs().sqrt(); // ‖F‖/‖X‖
            let allowed =
                2.0 * (limit(&curves, one) * times.max(1.0) + limit(&swapped_curves, other) * times.recip().max(1.0));
            match factor {
                Some(factor) => {
                    prop_assert!((product - 1.0).abs() <= allowed, "{phase:?}: {ratio}, {inverse}, {allowed:.1e}");
                    prop_assert!((times / factor - 1.0).abs() <= allowed, "{phase:?}: {ratio}, {inverse}, {allowed:.1e}");
                }
                None => prop_assert!(product <= 1.0 + allowed, "{phase:?}: {ratio}, {inverse}, {allowed:.1e}"),
            }
        }
    }

    /// Products and quotients by a power of two are exact, so that each gradient is the same number times that power, and
    /// its gaps are the same to the bit. With the learning rate divided by it, so is the whole run. Not of what may
    /// underflow: the rate is that of a mean, as behind a run that grows without end a saturated sigmoid has gradients
    /// of 1e-32, and what rounding may take from those is no multiple of them.
    #[test]
    fn a_power_of_two_in_the_loss_of_both_sides_changes_no_gap(
        case in cases(), order in orders(), lr in 0.001..0.1f64, momentum in select(vec!["0", "0.9"])
    ) {
        let candidate = altered(|role| (role == Role::Candidate).then(|| permuting(order.clone())));
        let run = |loss: &str, lr: f64, batches: &[&str]| {
            let (loss, lr) = (format!("training.loss={loss}"), format!("training.optimizer.sgd.lr={lr:?}"));
            let momentum = format!("training.optimizer.sgd.momentum={momentum}");
            let sets = [batches, &[loss.as_str(), lr.as_str(), momentum.as_str()]].concat();
            let (verdict, _) = judged(&case.text, &sets, Comparison { engines: &candidate, ..Comparison::default() });
            let Verdict { phases, gaps, horizon, ties, tied, unjudged, noise, non_finite, .. } = verdict;
            (phases, gaps, horizon, (ties, tied), unjudged, noise, non_finite)
        };
        let of_mean = lr / case.elements as f64;
        prop_assert_eq!(run("half-sum-squares", of_mean, &[]), run("sum-squares", of_mean / 2.0, &[]));
        let full = ["data.rows=16", "training.batch_size=full"];
        let elements = 16 * case.outputs;
        if elements.is_power_of_two() {
            prop_assert_eq!(run("mse", lr, &full), run("sum-squares", lr / elements as f64, &full));
        }
    }

    #[test]
    fn the_order_of_rows_in_a_batch_is_within_noise(case in cases(), order in orders()) {
        let candidate = altered(|role| (role == Role::Candidate).then(|| permuting(order.clone())));
        let (verdict, _) =
            judged(&case.text, &["training.steps=40"], Comparison { engines: &candidate, ..Comparison::default() });
        // Behind two sigmoids a gradient may be so small that its updates vanish in the weight's rounding. The verdict says
        // so.
        let hidden = !verdict.never_judged.is_empty();
        let expected = if hidden { Outcome::Inconclusive } else { Outcome::Parity };
        prop_assert_eq!(verdict.verdict, expected, "{:?} {:?}", verdict.first_divergence, verdict.phases);
    }

    #[test]
    fn a_number_that_is_not_finite_never_passes(
        case in cases(),
        kind in 0..5usize,
        (which, element) in any::<(prop::sample::Index, prop::sample::Index)>(),
        value in select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        from in 0..5usize,
        mode in select(vec![Mode::Both, Mode::Sync, Mode::Free]),
    ) {
        let parameter = which.index(case.parameters.len());
        let layer = which.index(case.activations.len());
        let (place, phase, tensor) = match kind {
            0 => (Passing::Activation(layer), Phase::Forward, case.activations[layer].as_str()),
            1 => (Passing::Loss, Phase::Loss, "loss"),
            2 => (Passing::OutputGradient, Phase::Backward, "output_gradient"),
            3 => (Passing::Gradient(parameter), Phase::Backward, case.parameters[parameter].as_str()),
            _ => (Passing::Parameter(parameter), Phase::Update, case.parameters[parameter].as_str()),
        };
        let spoiling = move |beside: usize| -> Change {
            Rc::new(move |step, passing, _, values: &mut [f64]| {
                if passing == place && step >= from && beside < values.len() {
                    values[(element.index(values.len()) + beside) % values.len()] = value;
                }
            })
        };
        // For each side whether it is spoiled, at this element or, if there is one, at the next.
        for (reference, candidate, sides) in [
            (None, Some(0), &[Farther::Candidate][..]),
            (Some(0), None, &[Farther::Reference]),
            (Some(0), Some(1), &[Farther::Reference, Farther::Candidate]),
            (Some(0), Some(0), &[Farther::Both]),
        ] {
            let engines = altered(move |role| match role {
                Role::Reference => reference.map(spoiling),
                Role::Candidate => candidate.map(spoiling),
                Role::Referee => None,
            });
            let (verdict, _) = judged(&case.text, &[], Comparison { mode, engines: &engines, ..Comparison::default() });
            let last = verdict.non_finite.last().unwrap();
            prop_assert_eq!((last.step, last.phase, last.tensor.as_str()), (from, phase, tensor));
            prop_assert!(sides.contains(&last.side), "{:?} of {:?}", last.side, sides);
            let first = verdict.first_divergence.as_ref().map(|at| (at.step, at.phase, at.tensor.as_str(), at.farther));
            let (outcome, expected) = match last.side {
                Farther::Both => (Outcome::Inconclusive, None),
                side @ (Farther::Reference | Farther::Candidate) => (Outcome::Mismatch, Some((from, phase, tensor, Some(side)))),
            };
            prop_assert_eq!(first, expected);
            prop_assert_eq!(verdict.verdict, outcome);
        }
    }

    #[test]
    fn the_same_experiment_gives_the_same_verdict_to_the_byte(case in cases(), lr in select(vec!["0.05", "0.1"])) {
        let set = format!("candidate.training.optimizer.sgd.lr={lr}");
        let [one, other] = [0; 2].map(|_| {
            let (verdict, _) = judged(&case.text, &[&set], Comparison::default());
            serde_json::to_string(&Verdict { measured: Measured::default(), ..verdict }).unwrap()
        });
        prop_assert_eq!(one, other);
    }
}

/// One input column is 10⁴ times the others, and so are the gradients in its weights: in the norm of the whole gradient
/// those in the others' do not show.
#[test]
fn a_fault_does_not_hide_in_a_large_neighbour() {
    let text = "
        data = { kind = 'regression', rows = 32, inputs = 6, outputs = 3, scale = [1e4, 1, 1, 1, 1, 1] }
        model.layers = [{ linear = { outputs = 8 } }, 'relu', { linear = { outputs = 3 } }]
        training = { loss = 'mse', optimizer = { sgd = { lr = 1e-9 } }, steps = 1 }
    ";
    for dtype in ["f32", "f64"] {
        for fault in [Fault::SignFlipped(0), Fault::ColumnsZeroed(0)] {
            let faulty = |role, side: &Side, rows| {
                let engine = build(side, rows)?;
                Ok(if role == Role::Candidate { Box::new(Faulty::new(engine, &side.training, fault)) } else { engine })
            };
            let (verdict, _) =
                judged(text, &[&format!("dtype={dtype}")], Comparison { engines: &faulty, ..Comparison::default() });
            assert_eq!(verdict.verdict, Outcome::Mismatch);
            let first = verdict.first_divergence.unwrap();
            assert_eq!((first.step, first.phase, first.tensor.as_str()), (0, Phase::Backward, "0.weight"));
            // The five small columns have √5·10⁻⁴ of the large one's norm, where all see the same gradients.
            let gap = verdict.gaps[&RunMode::Sync]["grad/0.weight"].max.unwrap();
            assert!(gap < 1e-3, "{dtype}, {fault:?}: {gap}");
        }
    }
}
