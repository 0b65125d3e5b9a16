//! What tests with engines of their own share.

// No test uses all of it.
#![allow(dead_code)]

pub mod altered;
pub mod own;
pub mod place;

#[cfg(feature = "torch")]
use lockstep::engine::torch::code_path;
use lockstep::{
    experiment::Experiment,
    judge::{
        Comparison,
        verdict::{Curves, Verdict},
    },
};
use proptest::{prelude::ProptestConfig, test_runner::FileFailurePersistence};
use std::path::Path;

/// So many cases of a property; the seed of one that fails is kept in `file`, is committed and runs first from then on.
pub fn cases(cases: u32, file: &'static str) -> ProptestConfig {
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as Box<_>);
    ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() }
}

/// Whether libtorch takes the code here that it took where `file` was recorded, so that bits can be compared. Where it does
/// not, the output says so, past the test runner's capture.
#[cfg(feature = "torch")]
pub fn has_code_path_of(recorded: &str, file: &str) -> bool {
    use std::io::Write;
    let here = code_path();
    if here != recorded {
        let _ = writeln!(
            std::io::stderr(),
            "\nskipped: the bits of {file} were recorded on {recorded}, this is {here}; values are compared within bounds"
        );
    }
    here == recorded
}

/// An experiment, compared as a user's command does it: a drift that is too far is looked at again beside more twins.
pub fn compared(experiment: &Experiment, comparison: Comparison<'_>) -> (Verdict, Curves) {
    comparison.run(experiment).unwrap()
}

/// `text` with these lines of `--set`, both sides the engine from scratch unless `comparison` says otherwise.
pub fn judged(text: &str, folder: &Path, sets: &[&str], comparison: Comparison<'_>) -> (Verdict, Curves) {
    let sets: Vec<String> = ["reference.engine=scratch"].iter().chain(sets).map(|&set| set.to_owned()).collect();
    compared(&Experiment::parse(text, "test.toml", folder, &sets).unwrap(), comparison)
}
