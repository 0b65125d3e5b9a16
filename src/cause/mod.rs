//! Why the sides differ: the mistake that the candidate makes, named and proved.
//!
//! A cause is an edit of the reference's definition, in an experiment's own words: one key, or one mistake of the vocabulary
//! ([`Fault`](crate::training::Fault)). With it the candidate's own recorded tensors replay within their limits. The catalogue
//! ([`ALL`]) says which edits a mismatch suggests; the [search](explain) replays each of them over the first steps, and those
//! around the first one apart; whatever fits is then run as the reference from the start, which proves it. Where nothing fits,
//! constants are found by their size.
//!
//! A name is printed only for an edit that was tried and fits. Of several that fit none is told from another by what was
//! recorded: they are one answer. Where nothing fits, nothing is named.

mod catalogue;
mod edit;
mod evidence;
mod fit;
mod search;
mod trial;

pub use catalogue::ALL;
pub use edit::Edit;
pub use evidence::Evidence;
pub use search::explain;

use crate::run::Phase;

/// A mistake that people make, with what to do about it.
pub struct Cause {
    /// As it is typed: `lockstep explain no-bias-correction`.
    pub id: &'static str,
    /// What the candidate does, as the end of "the candidate …".
    pub does: &'static str,
    /// The formula, right and wrong.
    pub formula: &'static str,
    /// What to change in code by hand.
    pub by_hand: &'static str,
    /// What it is in PyTorch, that a script there does it, too.
    pub in_pytorch: &'static str,
    /// The phase in which it shows, where all of a step was recorded.
    pub phase: Phase,
    /// What would tell it from others that fit, where one run cannot.
    pub told_by: &'static str,
    /// The edits that stand for it, beside this evidence.
    pub edits: fn(&Evidence<'_>) -> Vec<Edit>,
}
