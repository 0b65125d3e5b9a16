//! ReLU at 0: what rounding pushes to different sides is a tie and no fault; what a side makes of exactly 0, or moves
//! across by more than rounding, is a fault and no tie. The candidate is an engine as a user would write it.
// A test may stop at the first thing that is not as it should be; clippy.toml says so for test functions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::own::{Kink, Own};
use lockstep::{
    engine::Engine,
    error::Result,
    experiment::Side,
    judge::{
        Comparison,
        verdict::{Outcome, Phase, RunMode, Tie, Verdict},
    },
    run::{Role, build},
};
use ndarray::{arr1, arr2};
use ndarray_npy::NpzWriter;
use std::{fs::File, path::Path};

/// The own engine as the candidate, with this kink.
fn judged(text: &str, folder: &Path, sets: &[&str], kink: Kink) -> Verdict {
    let engines = move |role, side: &Side, rows| -> Result<Box<dyn Engine>> {
        if role == Role::Candidate { Ok(Box::new(Own::new(side, kink))) } else { build(side, rows) }
    };
    common::judged(text, folder, sets, Comparison { engines: &engines, ..Comparison::default() }).0
}

const REGRESSION: &str = "
    data = { kind = 'regression', rows = 24, inputs = 6, outputs = 3 }
    model.layers = [{ linear = { outputs = 10 } }, 'relu', { linear = { outputs = 3 } }]
    training = { loss = 'mse', optimizer = { sgd = { lr = 0.1 } }, batch_size = 7, steps = 50 }
";

#[test]
fn an_engine_of_one_s_own_is_at_parity() {
    let verdict = judged(REGRESSION, Path::new(""), &[], Kink::Off);
    assert_eq!(verdict.verdict, Outcome::Parity, "{:?}", verdict.first_divergence);
    // It is another engine: its sums are rounded otherwise.
    assert!(verdict.gaps[&RunMode::Sync]["output"].max > Some(0.0));
}

const XOR: &str = "
    data.kind = 'xor'
    model.layers = [{ linear = { outputs = 3 } }, 'relu', { linear = { outputs = 1 } }]
    training = { loss = 'mse', optimizer = { sgd = { lr = 0.1 } }, steps = 50 }
";

/// Writes weights for [`XOR`] in which these are the second hidden unit's.
fn weights(folder: &Path, [first, second, bias]: [f32; 3]) -> &'static str {
    let mut archive = NpzWriter::new(File::create(folder.join("weights.npz")).unwrap());
    archive.add_array("0.weight", &arr2(&[[0.5, -0.4], [first, second], [0.3, 0.6]])).unwrap();
    archive.add_array("0.bias", &arr1(&[0.1, bias, -0.2])).unwrap();
    archive.add_array("2.weight", &arr2(&[[0.7f32, -0.5, 0.4]])).unwrap();
    archive.add_array("2.bias", &arr1(&[0.05f32])).unwrap();
    archive.finish().unwrap();
    "model.init.file='weights.npz'"
}

/// In f32, 0.1 + 0.2 is rounded up to 0.3, so that 0.3 − (0.1 + 0.2) is 0, and 0.3 − 0.2 − 0.1 is 2⁻²⁷. The row (1, 1) adds
/// all three, each engine in its own order, so that the unit is on in one of them. What the twins and the exact run make
/// of it, which differs from seed to seed, must not matter.
#[test]
fn a_kink_that_rounding_pushes_to_different_sides_is_a_tie_and_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    for (unit, reference, candidate) in
        [([-0.1, -0.2, 0.3], 0.0, 2f64.powi(-27)), ([0.3, -0.2, -0.1], 2f64.powi(-27), 0.0)]
    {
        let file = weights(folder.path(), unit);
        for seed in 0..20 {
            let verdict = judged(XOR, folder.path(), &[file, &format!("seed={seed}")], Kink::Off);
            assert_eq!(verdict.verdict, Outcome::Parity, "seed {seed}: {:?}", verdict.first_divergence);
            let gap = &verdict.gaps[&RunMode::Sync]["grad/0.weight"];
            assert!(gap.max > Some(1e-3) && gap.at == 0, "{gap:?}");
            // In the free run, too, unless a twin was pushed elsewhere and put the horizon here.
            let modes: &[RunMode] =
                if verdict.horizon == Some(0) { &[RunMode::Sync] } else { &[RunMode::Sync, RunMode::Free] };
            let tie = |&mode| Tie { mode, step: 0, layer: 1, sample: 3, unit: 1, reference, candidate };
            assert_eq!(verdict.ties, modes.iter().map(tie).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(verdict.tied, modes.len());
        }
    }
}

/// Without a bias, the row (0, 0) puts the second unit at exactly 0, on both sides.
#[test]
fn what_a_side_makes_of_exactly_0_is_its_definition_and_no_tie() {
    let folder = tempfile::tempdir().unwrap();
    let file = weights(folder.path(), [0.2, 0.3, 0.0]);
    let verdict = judged(XOR, folder.path(), &[file], Kink::Off);
    assert_eq!((verdict.verdict, verdict.tied), (Outcome::Parity, 0), "{:?}", verdict.first_divergence);
    let verdict = judged(XOR, folder.path(), &[file], Kink::On);
    assert_eq!((verdict.verdict, verdict.tied), (Outcome::Mismatch, 0));
    let first = verdict.first_divergence.unwrap();
    assert_eq!((first.step, first.phase, first.tensor.as_str()), (0, Phase::Backward, "0.bias"));
    assert_eq!(first.index, [1]);
}

#[test]
fn a_kink_that_more_than_rounding_moves_across_is_a_fault_and_no_tie() {
    let folder = tempfile::tempdir().unwrap();
    // For the row (1, 1) the second unit is at −5·10⁻⁴; 10⁻³ more switches it on.
    let file = weights(folder.path(), [-0.1, -0.2, 0.2995]);
    let verdict = judged(XOR, folder.path(), &[file], Kink::Moved);
    assert_eq!((verdict.verdict, verdict.tied), (Outcome::Mismatch, 0));
    let first = verdict.first_divergence.unwrap();
    assert_eq!((first.step, first.phase, first.tensor.as_str()), (0, Phase::Forward, "activation/0"));
    assert_eq!(first.index, [3, 1]);
    assert!(first.reference < Some(0.0) && first.candidate > Some(0.0), "{first:?}");
}

/// Where a fault has taken the free run's weights elsewhere, its kinks are elsewhere, too.
#[test]
fn a_fault_makes_no_ties() {
    for fault in ["training.optimizer.sgd.lr=0.2", "seed=1", "model.init='kaiming'"] {
        for twins in ["noise.twins=0", "noise.twins=2"] {
            let verdict = judged(REGRESSION, Path::new(""), &[&format!("candidate.{fault}"), twins], Kink::Off);
            assert_eq!((verdict.verdict, verdict.tied), (Outcome::Mismatch, 0), "{fault}: {:?}", verdict.ties.first());
        }
    }
}

/// Weights that are multiples of 0.1 move by 0.1: what comes out where they should meet 0, or outputs their targets, is
/// rounding's, another one in f32 than in f64, and from there on the sides go apart.
#[test]
fn an_absolute_value_that_rounding_bends_the_other_way_is_a_tie_of_the_free_run_and_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let model = "data.kind = 'xor'\nmodel = { layers = [{ linear = { outputs = 1, bias = false } }], init = { file = 'w.npz' } }";
    let penalty = "penalty = { l1 = { factor = 1e8 } }, loss = 'mse', optimizer = { sgd = { lr = 1e-9 } }";
    let loss = "loss = { l1 = { reduction = 'sum' } }, optimizer = { sgd = { lr = 0.1 } }";
    for (training, what) in [(penalty, "the L1 penalty of 0.weight"), (loss, "the L1 loss of an output")] {
        let mut told = 0;
        for start in 1..16 {
            let mut archive = NpzWriter::new(File::create(folder.path().join("w.npz")).unwrap());
            archive.add_array("0.weight", &arr2(&[[f64::from(start) / 10.0, -0.35]])).unwrap();
            archive.finish().unwrap();
            let text = format!("{model}\ntraining = {{ {training}, steps = 20 }}\nreference.dtype = 'f64'");
            let (verdict, _) = common::judged(&text, folder.path(), &[], Comparison::default());
            assert_ne!(verdict.verdict, Outcome::Mismatch, "{what} from {start}: {:?}", verdict.first_divergence);
            told += usize::from(verdict.not_checked.iter().any(|text| text.contains(what)));
        }
        // Whether an error meets 0 by rounding hangs on the order in which a processor adds; that a weight does, on nothing.
        assert!(told > 0 || what == "the L1 loss of an output", "{what}");
    }
}
