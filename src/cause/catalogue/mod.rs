//! The mistakes that are looked for, a file a phase: those that people make most often first. Sources of each are in `cases/`.

mod backward;
mod forward;
mod loss;
mod update;

use super::{
    Cause, Edit, Evidence,
    edit::{HOLE, Range},
    evidence::number,
};

/// Every cause that can be named.
pub const ALL: [&[Cause]; 4] = [backward::CAUSES, loss::CAUSES, update::CAUSES, forward::CAUSES];

/// One edit, if it applies.
fn one(applies: bool, edit: impl FnOnce() -> Edit) -> Vec<Edit> {
    if applies { vec![edit()] } else { Vec::new() }
}

/// A mistake of the vocabulary by its name. One that nothing here could show is refused as in a file, and so not tried.
fn fault(name: &str) -> Vec<Edit> {
    vec![Edit::fault(format!("\"{name}\""))]
}

/// Sizes that nothing is known of: ε, λ, a rate.
const ANY_SIZE: Range = Range::Size { from: 1e-14, to: 1e3 };

/// Shares that nothing is known of: μ, β, a slope.
const ANY_SHARE: Range = Range::Share { least: 1e-6 };

/// Edits of one key, which `key` says with a value, given its own value: each value that is known, with what it is known as, and
/// any other one in a range.
fn values(key: impl Fn(&str) -> String, own: f64, known: &[(f64, &str)], range: Range) -> Vec<Edit> {
    let known = known.iter().filter(|(value, _)| *value != own);
    let known = known.map(|(value, words)| Edit::key(key(&number(*value))).known_as(words));
    known.chain([Edit::key(key(HOLE)).open(range)]).collect()
}
