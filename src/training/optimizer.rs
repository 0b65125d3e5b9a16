//! Optimizers as data: PyTorch's names, formulas and defaults. g is the gradient, w a parameter, t the step from 1.

/// How gradients become updates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// `sgd`: stochastic gradient descent, with momentum if asked for.
    Sgd(Sgd),
    /// `adam`, or `adamw` where its decay is decoupled.
    Adam(Adam),
    /// `rmsprop`.
    RmsProp(RmsProp),
}

/// PyTorch's SGD (<https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html>):
///
/// g ← g + λw; b ← g at the first step, then μ·b + (1 − dampening)·g; w ← w − lr·b, or w − lr·(g + μ·b) with Nesterov.
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
    /// λ.
    pub weight_decay: f64,
}

/// PyTorch's Adam (<https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html>; Kingma and Ba 2015) and AdamW
/// (<https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html>; Loshchilov and Hutter 2019):
///
/// g ← g + λw, or w ← w − lr·λ·w where decoupled; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
/// w ← w − lr·(m/(1 − β₁ᵗ))/(√v/√(1 − β₂ᵗ) + ε).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// The learning rate.
    pub lr: f64,
    /// β₁ and β₂, from 0, below 1.
    pub betas: [f64; 2],
    /// ε.
    pub eps: f64,
    /// λ.
    pub weight_decay: f64,
    /// Whether the decay is AdamW's.
    pub decoupled: bool,
}

/// PyTorch's RMSprop (<https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html>; Hinton's lecture 6e):
///
/// g ← g + λw; v ← αv + (1 − α)g²; with centering a ← αa + (1 − α)g and ṽ = v − a², else ṽ = v;
/// with momentum b ← μb + g/(√ṽ + ε) and w ← w − lr·b, else w ← w − lr·g/(√ṽ + ε).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    /// The learning rate.
    pub lr: f64,
    /// α.
    pub alpha: f64,
    /// ε.
    pub eps: f64,
    /// λ.
    pub weight_decay: f64,
    /// μ; 0 switches the buffer b off.
    pub momentum: f64,
    /// Whether the mean gradient is taken off.
    pub centered: bool,
}

impl Sgd {
    /// Plain descent with this learning rate.
    pub fn new(lr: f64) -> Self {
        Self { lr, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
    }
}

impl Adam {
    /// PyTorch's defaults for AdamW: those of Adam, with a decay of 0.01.
    pub fn adamw() -> Self {
        Self { weight_decay: 0.01, decoupled: true, ..Self::default() }
    }
}

impl Default for Adam {
    /// PyTorch's defaults for Adam: lr 10⁻³, betas (0.9, 0.999), eps 10⁻⁸, no decay.
    fn default() -> Self {
        Self { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

impl Default for RmsProp {
    /// PyTorch's defaults: lr 0.01, alpha 0.99, eps 10⁻⁸.
    fn default() -> Self {
        Self { lr: 0.01, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false }
    }
}

impl Optimizer {
    /// Whether updates depend on earlier gradients.
    pub fn has_state(&self) -> bool {
        match self {
            Self::Sgd(sgd) => sgd.momentum != 0.0,
            Self::Adam(_) | Self::RmsProp(_) => true,
        }
    }

    /// What it keeps of a parameter from step to step, by PyTorch's names, in the order of its formula.
    pub fn moments(&self) -> [Option<&'static str>; 3] {
        match self {
            Self::Sgd(sgd) => [(sgd.momentum != 0.0).then_some("momentum_buffer"), None, None],
            Self::Adam(_) => [Some("exp_avg"), Some("exp_avg_sq"), None],
            Self::RmsProp(rmsprop) => [
                Some("square_avg"),
                rmsprop.centered.then_some("grad_avg"),
                (rmsprop.momentum != 0.0).then_some("momentum_buffer"),
            ],
        }
    }

    /// λ, decoupled or not.
    pub fn weight_decay(&self) -> f64 {
        match self {
            Self::Sgd(Sgd { weight_decay, .. })
            | Self::Adam(Adam { weight_decay, .. })
            | Self::RmsProp(RmsProp { weight_decay, .. }) => *weight_decay,
        }
    }

    /// Whether updates depend on earlier weights, too: by a decay that enters the state with the gradient.
    pub fn remembers_weights(&self) -> bool {
        let decoupled = matches!(self, Self::Adam(Adam { decoupled: true, .. }));
        self.has_state() && !decoupled && self.weight_decay() != 0.0
    }

    /// The learning rate before any schedule.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Sgd(Sgd { lr, .. }) | Self::Adam(Adam { lr, .. }) | Self::RmsProp(RmsProp { lr, .. }) => *lr,
        }
    }
}
