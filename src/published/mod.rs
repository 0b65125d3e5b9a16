//! The published comparisons "from scratch against PyTorch", one room each.

pub mod circle;
pub mod disc;
pub mod sst2;
pub mod text;
pub mod xor;

use crate::study::Study;

/// All of them.
pub const ALL: &[Study] = &[xor::STUDY, circle::STUDY, disc::STUDY, text::STUDY, sst2::STUDY];
