//! The mistakes that are looked for, a file a phase: those that people make most often first. Sources of each are in `cases/`.

mod backward;
mod forward;
mod loss;
mod update;

use super::{Cause, Edit, Evidence};

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

/// One edit for each value of a key of the optimizer that is not the reference's.
fn values(evidence: &Evidence<'_>, key: &str, own: f64, others: &[f64]) -> Vec<Edit> {
    let others = others.iter().filter(|value| **value != own);
    others.map(|value| Edit::key(evidence.optimizer_key(key, *value))).collect()
}
