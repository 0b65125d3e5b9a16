//! Mistakes that people make, as options of the candidate: what is wrong with a side, on purpose.

/// A mistake, of the candidate; or of the reference, to show that a candidate makes it: a cause.
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
    /// `constant-correction`: Adam's moments are divided by 1 − β at every step, not by 1 − βᵗ.
    ConstantCorrection,
    /// `step-per-parameter`: Adam's t counts parameters, so that each has another one in a step.
    StepPerParameter,
    /// `moments-reset`: the optimizer is made anew at every step, so that its state is always that of the first one.
    MomentsReset,
    /// `momentum-average`: b ← μb + (1 − μ)g, from b = 0.
    MomentumAverage,
    /// `dampening-at-first`: the first gradient is dampened, too: b ← (1 − dampening)g.
    DampeningAtFirst,
    /// `decay-without-rate`: decoupled decay takes λw off, not lr·λw.
    DecayWithoutRate,
    /// `clip-per-tensor`: each parameter's gradient is cut by its own norm.
    ClipPerTensor,
    /// `clip-by-square`: gradients are multiplied by most/norm², without a root.
    ClipBySquare,
    /// `norm-unbiased`: norms divide the variance by n − 1, not by n.
    NormUnbiased,
    /// `norm-eps-outside`: norms add ε outside the root: √variance + ε.
    NormEpsOutside,
    /// `clip-without-eps`: the clipping factor is most/norm, without PyTorch's 10⁻⁶.
    ClipWithoutEps,
    /// `decay-after-step`: decoupled decay is taken of the weight after the step, not before it.
    DecayAfterStep,
    /// `norm-statistics-constant`: norms take mean and variance for constants on the way back.
    NormStatisticsConstant,
    /// `{ schedule-late = 1 }`: the schedule is so many moves late; below 0 it is early.
    ScheduleLate(i32),
    /// `early-update`: a layer's weights are updated before the gradient is passed back through them.
    EarlyUpdate,
    /// `bias-gradient-averaged`: the gradient of a linear layer's bias is the mean over the rows, not the sum.
    BiasGradientAveraged,
    /// `bias-gradient-summed`: every element of it is the sum over rows and columns.
    BiasGradientSummed,
    /// `last-index-wins`: of several uses of a row of an embedding in a batch the last one's gradient alone counts.
    LastIndexWins,
    /// `softmax-diagonal`: softmax's derivative is y(1 − y), its Jacobian's diagonal alone.
    SoftmaxDiagonal,
    /// `sigmoid-derivative-of-input`: σ′ is taken to be x(1 − x).
    SigmoidDerivativeOfInput,
    /// `tanh-derivative-unsquared`: tanh′ is taken to be 1 − y.
    TanhDerivativeUnsquared,
    /// `{ derivative-forgotten = 1 }`: this layer passes the gradient in its output back as it is.
    DerivativeForgotten(usize),
    /// `{ no-gradient = 1 }`: this layer passes nothing back.
    NoGradient(usize),
    /// `{ gradients-scaled = 0.125 }`: every parameter's gradient is multiplied by this.
    GradientsScaled(f64),
    /// `{ rate-scaled = -1 }`: the learning rate is multiplied by this; below 0 it is ascent.
    RateScaled(f64),
    /// `targets-broadcast`: targets `[N]` against outputs `[N, 1]`: every output is held against every target.
    TargetsBroadcast,
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Maker<'a> {
    /// In what the side is given: its rows, their targets, their order.
    Data(OfData),
    /// Around any engine, in what it is lent or keeps.
    Wrapper(Around<'a>),
    /// In the formulas of the engine from scratch, or in those of the replay.
    Scratch,
    /// In the formulas of the replay alone.
    Formula,
}

/// A fault of the data, as [`Fault`] says it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // The fault's own.
pub enum OfData {
    LabelsPermuted,
    InputsScaled(f64),
    Order(u64),
    LastBatchDropped,
}

/// A fault around an engine, as [`Fault`] says it; of parameters by their names.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // The fault's own.
pub enum Around<'a> {
    GradientsNotZeroed,
    UpdatePerSample,
    Transposed(&'a str),
    Frozen(&'a str),
}

impl Fault {
    /// Every fault's name with how it is typed.
    pub const ALL: [(&str, &str); 43] = [
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
        ("constant-correction", "\"constant-correction\""),
        ("step-per-parameter", "\"step-per-parameter\""),
        ("moments-reset", "\"moments-reset\""),
        ("momentum-average", "\"momentum-average\""),
        ("dampening-at-first", "\"dampening-at-first\""),
        ("decay-without-rate", "\"decay-without-rate\""),
        ("clip-per-tensor", "\"clip-per-tensor\""),
        ("clip-by-square", "\"clip-by-square\""),
        ("norm-unbiased", "\"norm-unbiased\""),
        ("norm-eps-outside", "\"norm-eps-outside\""),
        ("clip-without-eps", "\"clip-without-eps\""),
        ("decay-after-step", "\"decay-after-step\""),
        ("norm-statistics-constant", "\"norm-statistics-constant\""),
        ("schedule-late", "{ schedule-late = 1 }"),
        ("early-update", "\"early-update\""),
        ("bias-gradient-averaged", "\"bias-gradient-averaged\""),
        ("bias-gradient-summed", "\"bias-gradient-summed\""),
        ("last-index-wins", "\"last-index-wins\""),
        ("softmax-diagonal", "\"softmax-diagonal\""),
        ("sigmoid-derivative-of-input", "\"sigmoid-derivative-of-input\""),
        ("tanh-derivative-unsquared", "\"tanh-derivative-unsquared\""),
        ("derivative-forgotten", "{ derivative-forgotten = 1 }"),
        ("no-gradient", "{ no-gradient = 1 }"),
        ("gradients-scaled", "{ gradients-scaled = 0.125 }"),
        ("rate-scaled", "{ rate-scaled = -1 }"),
        ("targets-broadcast", "\"targets-broadcast\""),
        ("labels-permuted", "\"labels-permuted\""),
        ("inputs-scaled", "{ inputs-scaled = 2 }"),
        ("order", "{ order = SEED }"),
        ("last-batch-dropped", "\"last-batch-dropped\""),
    ];

    /// What makes it.
    pub fn made_by(&self) -> Maker<'_> {
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
            Self::ConstantCorrection
            | Self::StepPerParameter
            | Self::MomentsReset
            | Self::MomentumAverage
            | Self::DampeningAtFirst
            | Self::DecayWithoutRate
            | Self::ClipPerTensor
            | Self::ClipBySquare
            | Self::NormUnbiased
            | Self::NormEpsOutside
            | Self::ClipWithoutEps
            | Self::DecayAfterStep
            | Self::NormStatisticsConstant
            | Self::ScheduleLate(_)
            | Self::EarlyUpdate
            | Self::BiasGradientAveraged
            | Self::BiasGradientSummed
            | Self::LastIndexWins
            | Self::SoftmaxDiagonal
            | Self::SigmoidDerivativeOfInput
            | Self::TanhDerivativeUnsquared
            | Self::DerivativeForgotten(_)
            | Self::NoGradient(_)
            | Self::GradientsScaled(_)
            | Self::RateScaled(_)
            | Self::TargetsBroadcast => Maker::Formula,
            Self::GradientsNotZeroed => Maker::Wrapper(Around::GradientsNotZeroed),
            Self::UpdatePerSample => Maker::Wrapper(Around::UpdatePerSample),
            Self::Transposed(name) => Maker::Wrapper(Around::Transposed(name)),
            Self::Frozen(name) => Maker::Wrapper(Around::Frozen(name)),
            Self::LabelsPermuted => Maker::Data(OfData::LabelsPermuted),
            Self::InputsScaled(factor) => Maker::Data(OfData::InputsScaled(*factor)),
            Self::Order(seed) => Maker::Data(OfData::Order(*seed)),
            Self::LastBatchDropped => Maker::Data(OfData::LastBatchDropped),
        }
    }

    /// Whether it is made in what the side is given.
    pub fn is_of_data(&self) -> bool {
        matches!(self.made_by(), Maker::Data(_))
    }
}
