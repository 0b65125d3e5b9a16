//! Mistakes that people make, as options of the candidate: what is wrong with a side, on purpose.

/// A mistake. The candidate alone makes it, in the engine from scratch; the reference defines what is right.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// `relu-derivative-one-at-zero`: ReLU′(0) = 1.
    ReluDerivativeOneAtZero,
    /// `sigmoid-derivative-of-output`: σ′ is taken at y = σ(x), not at x: σ(y)(1 − σ(y)).
    SigmoidDerivativeOfOutput,
    /// `unstable-softmax`: eˣ/Σeˣ without taking the largest x off first; infinite over infinite where eˣ overflows. Of
    /// softmax and log-softmax layers and of cross-entropy.
    UnstableSoftmax,
    /// `{ transposed = "2.weight" }`: a square weight is used transposed.
    Transposed(String),
    /// `{ frozen = "2.weight" }`: a parameter is never updated.
    Frozen(String),
    /// `gradients-not-zeroed`: each step's gradients are added to those of the steps before.
    GradientsNotZeroed,
    /// `update-per-sample`: one update for each row of a batch, one after the other.
    UpdatePerSample,
    /// `no-bias-correction`: Adam's m and v are used as they are.
    NoBiasCorrection,
    /// `eps-inside-root`: √(v̂ + ε) in Adam, √(v + ε) in RMSprop.
    EpsInsideRoot,
    /// `eps-hat`: Adam's m/(√v + ε)·lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ) (Kingma and Ba, end of section 2; TensorFlow).
    EpsHat,
    /// `{ step-counter = 1 }`: Adam's t is this much too large.
    StepCounter(i32),
    /// `velocity-of-steps`: momentum gathers steps, b ← μb + lr·g and w ← w − b, which a changing learning rate shows.
    VelocityOfSteps,
    /// `no-decay-on-biases`: weight decay leaves parameters of one dimension alone.
    NoDecayOnBiases,
    /// `labels-permuted`: the class c is taken for (c + 1) mod classes; values are given to the next row of the batch.
    LabelsPermuted,
    /// `{ inputs-scaled = 2 }`: every input is this many times too large.
    InputsScaled(f64),
    /// `{ order = SEED }`: the rows are shuffled by another seed.
    Order(u64),
    /// `last-batch-dropped`: what is left at the end of an epoch is not trained on.
    LastBatchDropped,
}

/// Where in a side a fault is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// In what the side is given: its rows, their targets, their order.
    Data,
    /// Around any engine, in what it is lent or keeps.
    Wrapper,
    /// In the formulas of the engine from scratch, which alone can have it.
    Scratch,
}

impl Fault {
    /// Every fault's name with how it is typed.
    pub const ALL: [(&str, &str); 17] = [
        ("relu-derivative-one-at-zero", "\"relu-derivative-one-at-zero\""),
        ("sigmoid-derivative-of-output", "\"sigmoid-derivative-of-output\""),
        ("unstable-softmax", "\"unstable-softmax\""),
        ("transposed", "{ transposed = \"2.weight\" }"),
        ("frozen", "{ frozen = \"2.weight\" }"),
        ("gradients-not-zeroed", "\"gradients-not-zeroed\""),
        ("update-per-sample", "\"update-per-sample\""),
        ("no-bias-correction", "\"no-bias-correction\""),
        ("eps-inside-root", "\"eps-inside-root\""),
        ("eps-hat", "\"eps-hat\""),
        ("step-counter", "{ step-counter = 1 }"),
        ("velocity-of-steps", "\"velocity-of-steps\""),
        ("no-decay-on-biases", "\"no-decay-on-biases\""),
        ("labels-permuted", "\"labels-permuted\""),
        ("inputs-scaled", "{ inputs-scaled = 2 }"),
        ("order", "{ order = SEED }"),
        ("last-batch-dropped", "\"last-batch-dropped\""),
    ];

    /// What makes it.
    pub fn made_by(&self) -> Maker {
        match self {
            Self::ReluDerivativeOneAtZero
            | Self::SigmoidDerivativeOfOutput
            | Self::UnstableSoftmax
            | Self::NoBiasCorrection
            | Self::EpsInsideRoot
            | Self::EpsHat
            | Self::StepCounter(_)
            | Self::VelocityOfSteps
            | Self::NoDecayOnBiases => Maker::Scratch,
            Self::Transposed(_) | Self::Frozen(_) | Self::GradientsNotZeroed | Self::UpdatePerSample => Maker::Wrapper,
            Self::LabelsPermuted | Self::InputsScaled(_) | Self::Order(_) | Self::LastBatchDropped => Maker::Data,
        }
    }
}
