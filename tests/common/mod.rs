//! What tests with engines of their own share.

// No test uses all of it.
#![allow(dead_code)]

pub mod altered;
pub mod own;

use lockstep::{
    experiment::Experiment,
    lockstep::{Observer, StepEvent},
    verdict::{Comparison, Curves, Verdict, compare},
};
use std::{collections::BTreeMap, ops::ControlFlow, path::Path, sync::atomic::AtomicBool};

/// An experiment, compared as a user's command does it: a drift that is too far is looked at again beside more twins.
pub fn compared(experiment: &Experiment, comparison: Comparison<'_>) -> (Verdict, Curves) {
    struct Silent;
    impl Observer for Silent {
        fn step(&mut self, _: &StepEvent<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }
    compare(experiment, comparison, BTreeMap::new(), &mut Silent, &AtomicBool::new(false)).unwrap()
}

/// `text` with these lines of `--set`, both sides the engine from scratch unless `comparison` says otherwise.
pub fn judged(text: &str, folder: &Path, sets: &[&str], comparison: Comparison<'_>) -> (Verdict, Curves) {
    let sets: Vec<String> = ["reference.engine=scratch"].iter().chain(sets).map(|&set| set.to_owned()).collect();
    compared(&Experiment::parse(text, "test.toml", folder, &sets).unwrap(), comparison)
}
