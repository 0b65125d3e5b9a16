//! A free run proves nothing past its horizon; its phases, judged on its own inputs, and the synced run still do.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    altered::{Altered, Change, Passing},
    own::{Kink, Own},
};
use lockstep::{
    engine::Engine,
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Mode, Outcome, Phase, RunMode, Verdict},
    },
    run::{Role, build},
};
use std::{path::Path, rc::Rc};

/// A learning rate near the edge of stability: what rounding does grows until runs have nothing in common. The horizon is
/// set where that begins, at step 187 where this was written.
const CHAOTIC: &str = "
    seed = 6
    noise.horizon = 1e-5
    data = { kind = 'regression', rows = 96, inputs = 8, outputs = 2 }
    model.layers = [{ linear = { outputs = 32 } }, 'relu', { linear = { outputs = 2 } }]
    training = { loss = 'mse', optimizer = { sgd = { lr = 0.6 } }, batch_size = 16, steps = 800 }
";

/// [`CHAOTIC`], with an engine that rounds otherwise as the candidate, and whose tensors are changed so.
fn judged(mode: Mode, sets: &[&str], change: Change) -> Verdict {
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        if role != Role::Candidate {
            return build(side, rows);
        }
        let own = Box::new(Own::new(side, Kink::Off));
        Ok(Box::new(Altered::new(own, side.model.layers.len(), change.clone())))
    };
    common::judged(CHAOTIC, Path::new(""), sets, Comparison { mode, engines: &engines, ..Comparison::default() }).0
}

fn unchanged() -> Change {
    Rc::new(|_, _, _, _: &mut [f64]| {})
}

#[test]
fn a_chaotic_run_has_a_horizon_and_what_lies_past_it_is_no_fault() {
    for mode in [Mode::Free, Mode::Both] {
        let verdict = judged(mode, &[], unchanged());
        assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
        assert!(verdict.horizon.is_some_and(|horizon| horizon > 0), "{:?}", verdict.horizon);
        // The sides, too, end farther apart than what makes the horizon.
        let weights = &verdict.gaps[&RunMode::Free]["weights"];
        assert!(weights.last > Some(verdict.noise.horizon_at), "{weights:?}");
    }
}

/// No f32 twin stays within 10⁻¹², so that not even the first step is inside the horizon.
#[test]
fn a_free_run_past_its_horizon_from_the_start_proves_nothing_and_a_synced_one_does() {
    for (mode, outcome) in [(Mode::Free, Outcome::Inconclusive), (Mode::Both, Outcome::Parity)] {
        let verdict = judged(mode, &["noise.horizon=1e-12"], unchanged());
        assert_eq!((verdict.horizon, verdict.verdict), (Some(0), outcome), "{mode}");
        assert_eq!(verdict.first_divergence, None);
    }
}

#[test]
fn a_fault_past_the_horizon_is_a_fault() {
    const FROM: usize = 700;
    let flipped: Change = Rc::new(|step, passing, _, values: &mut [f64]| {
        if step >= FROM && passing == Passing::Gradient(0) {
            values.iter_mut().for_each(|value| *value = -*value);
        }
    });
    let verdict = judged(Mode::Free, &[], flipped);
    assert_eq!(verdict.verdict, Outcome::Mismatch);
    assert!(verdict.horizon.is_some_and(|horizon| horizon < FROM), "{:?}", verdict.horizon);
    let first = verdict.first_divergence.unwrap();
    assert_eq!((first.mode, first.step, first.phase), (RunMode::Free, FROM, Phase::Backward));
    assert_eq!(first.tensor, "0.weight");
}

/// Its loss falls to where its own gap is large, while the weights stay together: a horizon is about weights.
#[test]
fn a_run_that_merely_converges_has_no_horizon() {
    let text = include_str!("../experiments/xor/parity.toml");
    let (verdict, _) = common::judged(text, Path::new(""), &[], Comparison::default());
    assert_eq!((verdict.verdict, verdict.steps, verdict.horizon), (Outcome::Parity, 5000, None));
}
