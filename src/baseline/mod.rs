//! Verdicts that were accepted, kept in the user's repository, and what has changed since.
//!
//! An [`Entry`] is what a baseline keeps of one experiment: outcome, causes, places, structure and power, which no processor
//! changes, and the gaps of each phase with their noise, which stand under the [environment](Entry::gaps) that they were measured
//! in. [`Found`] is one experiment as it is now; [`against`] holds it against its entry. A [`Baseline`] is the file; a [`Check`]
//! is all cases of one command.

mod accept;
mod check;
mod compare;
mod deviation;
mod entry;
mod file;
mod found;
mod speed;
mod waiver;

pub use accept::Renewal;
pub use check::{Beside, Case, Check, Leniency, MANIFEST, Status};
pub use compare::{Change, Kind, against};
pub use deviation::{Deviation, What};
pub use entry::{Entry, Figure, First, NamedCause};
pub use file::{Baseline, FILE};
pub use found::Found;
pub use speed::{SPEED_FILE, Speeds};
pub use waiver::{Waived, today};
