//! What gap rounding explains.

/// Roundings, over √n, that a sum of n terms may be off.
pub const K: f64 = 3.0;
