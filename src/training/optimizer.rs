//! Optimizers as data: PyTorch's names, formulas and defaults.

/// How gradients become updates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// `sgd`: stochastic gradient descent, with momentum if asked for.
    Sgd(Sgd),
}

/// PyTorch's SGD (<https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html>), g the gradient:
///
/// b ← g at the first step, then μ·b + (1 − dampening)·g; w ← w − lr·b, or w − lr·(g + μ·b) with Nesterov.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    /// The learning rate.
    pub lr: f64,
    /// μ; 0 switches the buffer b off.
    pub momentum: f64,
    /// How much of the gradient is left out of the buffer after the first step.
    pub dampening: f64,
    /// Whether the update looks ahead; PyTorch allows it only with momentum and without dampening.
    pub nesterov: bool,
}

impl Sgd {
    /// Plain descent with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, momentum: 0.0, dampening: 0.0, nesterov: false }
    }
}

impl Optimizer {
    /// Whether updates depend on earlier gradients.
    pub fn has_state(&self) -> bool {
        match self {
            Self::Sgd(sgd) => sgd.momentum != 0.0,
        }
    }
}
