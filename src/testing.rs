//! Parity as a test: what `cargo test` fails on.

use crate::{
    cause,
    experiment::Experiment,
    judge::{Candidate, Comparison, verdict::Outcome},
    report::text,
};
use std::sync::atomic::AtomicBool;

/// Fails the test unless the sides of an experiment are at parity, with what the terminal would say: where they part, in
/// which tensor, by how much. An inconclusive comparison fails as well.
///
/// With a second argument the candidate is your own engine: a closure that makes it for a side and batches of at most so many
/// rows.
///
/// ```
/// use lockstep::{Experiment, assert_parity, engine::scratch};
///
/// let text = "
///     data = { kind = 'regression', rows = 16, inputs = 3, outputs = 1 }
///     model.layers = [{ linear = { outputs = 4 } }, 'tanh', { linear = { outputs = 1 } }]
///     training = { loss = 'mse', optimizer = { sgd = { lr = 0.1 } }, steps = 20 }
///     reference.engine = 'scratch' # leave this out, and the reference is PyTorch
/// ";
/// let experiment = Experiment::parse(text, "experiment.toml", "".as_ref(), &[])?;
/// assert_parity!(experiment);
/// assert_parity!(experiment, |side, rows| Ok(scratch::build(&side.model, &side.training, side.dtype, rows)));
/// # Ok::<(), lockstep::Error>(())
/// ```
#[macro_export]
macro_rules! assert_parity {
    ($experiment:expr $(,)?) => {
        $crate::testing::parity(&$experiment, None)
    };
    ($experiment:expr, $candidate:expr $(,)?) => {
        $crate::testing::parity(&$experiment, Some(&$candidate))
    };
}

/// What [`assert_parity!`](crate::assert_parity) calls.
///
/// # Panics
/// Unless the sides are at parity.
#[track_caller]
#[allow(clippy::panic)] // A test fails by it.
pub fn parity(experiment: &Experiment, candidate: Option<Candidate<'_>>) {
    let comparison = Comparison { candidate, ..Comparison::default() };
    let judged = comparison.run(experiment).and_then(|(mut verdict, _)| {
        cause::explain(experiment, comparison, &mut verdict, &AtomicBool::new(false)).map(|()| verdict)
    });
    match judged {
        Ok(verdict) if verdict.verdict == Outcome::Parity => {}
        Ok(verdict) => panic!("{}\n{}", experiment.title, text::render(&verdict)),
        Err(error) => panic!("{}: {error}", experiment.title),
    }
}
