//! The judge, in the order of its data: [`gap`], how far a tensor is from what it should be; [`replay`], what it should be,
//! and how far rounding may take it; [`noise`], what rounding explains from place to place and step to step; then a run is
//! watched, and what was found becomes a [`verdict`].

mod agree;
mod before;
mod compare;
mod finish;
pub mod gap;
pub mod noise;
pub mod replay;
pub mod verdict;
mod watch;

pub use compare::{Candidate, Comparison, compare};
pub use watch::Judge;
