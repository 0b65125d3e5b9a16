//! What gap rounding explains: the limits that a comparison is judged by. Nothing here is chosen by a user.
//!
//! A phase is judged on its own inputs, by the running bound of its replay ([`Places`]); the reference's own error widens
//! it, the candidate's never does. A free run is judged by how far [`Twins`] of the reference drift, up to the horizon
//! past which even they agree on nothing; beside a large model first by what single synced steps leave, added up. What the
//! weights have no effect on ([`Effects`]) counts for neither. A kink that rounding pushes to different sides is a tie
//! ([`Ties`]). The [`Referee`], libtorch in f64, says whether the replay's formulas are the reference's.
//!
//! The constants come from `lockstep study calibration`, whose report is `reports/calibration/`.

mod apart;
mod effects;
mod fill;
mod layout;
mod measure;
mod place;
mod referee;
mod ties;
mod translate;
mod twins;

pub use apart::{Apart, Broken, Watched, non_finite};
pub use effects::{By, Effects};
pub use fill::Filling;
pub use layout::Layout;
pub use measure::{Each, Judged};
pub use place::{Place, Places};
pub use referee::{Referee, Refereed};
pub use ties::{Computed, Tie, Ties};
pub use translate::{Slack, Translation};
pub use twins::{Drift, Twins};

/// What limits are derived with. The defaults are what holds; others serve to measure them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// K: how many times the noise at a place is its limit. A sum of n terms may be off by K·√n roundings, a free run
    /// may drift K times as far as its twins.
    pub k: f64,
    /// How many twins run beside a model that is compared at every step.
    pub twins: usize,
    /// How many a drift is looked at with again before it is called a mismatch. Where training amplifies rounding, twins
    /// are as far apart as chance has it, and a few may all be near: a run in thousands needs the second look.
    pub again: usize,
    /// Whether sums that are beyond their bounds are looked at closely: by what their terms lose in the side's type.
    pub closely: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { k: 3.0, twins: 2, again: 16, closely: true }
    }
}

/// A limit above which agreement proves nothing: 1 %.
pub const UNJUDGED: f64 = 0.01;
