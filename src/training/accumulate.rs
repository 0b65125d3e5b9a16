//! Gradients of several batches that become one update.

/// The gradients of so many batches are gathered before each update: Σg/n, as PyTorch users write it with `loss / n`, or
/// Σg, which `backward` without `zero_grad` makes. An epoch's end changes nothing: the count runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulate {
    /// n, 2 or more.
    pub batches: usize,
    /// Whether their mean becomes the update, not their sum.
    pub mean: bool,
}
