//! Losses, by the name an experiment file gives them.

/// What is optimized: a function of the outputs p and the targets t, both `[batch, outputs]` with N elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// `mse`: mean((p − t)²) over all N elements, PyTorch's `nn.MSELoss()`. Gradient (2/N)(p − t).
    MeanSquaredError,
    /// `sum-squares`: Σ(p − t)², PyTorch's `nn.MSELoss(reduction="sum")`. Gradient 2(p − t).
    SumSquares,
    /// `half-sum-squares`: ½Σ(p − t)², the textbook's. Gradient p − t.
    HalfSumSquares,
}

impl Loss {
    /// Every loss with its name in experiment files.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("mse", Self::MeanSquaredError),
        ("sum-squares", Self::SumSquares),
        ("half-sum-squares", Self::HalfSumSquares),
    ];

    /// The name in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanSquaredError => "mse",
            Self::SumSquares => "sum-squares",
            Self::HalfSumSquares => "half-sum-squares",
        }
    }

    /// The factor c of c·Σ(p − t)² for N elements; the gradient's factor is 2c.
    pub fn factor(self, elements: usize) -> f64 {
        match self {
            Self::MeanSquaredError => 1.0 / elements as f64,
            Self::SumSquares => 1.0,
            Self::HalfSumSquares => 0.5,
        }
    }
}

/// The number a training loop prints, which need not be what it optimizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedLoss {
    /// A loss of the vocabulary.
    Loss(Loss),
    /// `delta-times-mse`: mean(p − t) · ½Σ(p − t)². Negative where the outputs are too small on average
    /// (the hand-rolled network of the xor study prints it).
    DeltaTimesMse,
}

impl ReportedLoss {
    /// The name in experiment files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss(loss) => loss.name(),
            Self::DeltaTimesMse => "delta-times-mse",
        }
    }

    /// Every reported loss with its name in experiment files.
    pub fn names() -> Vec<(&'static str, Self)> {
        let mut names: Vec<_> = Loss::NAMES.iter().map(|&(name, loss)| (name, Self::Loss(loss))).collect();
        names.push((Self::DeltaTimesMse.name(), Self::DeltaTimesMse));
        names
    }
}
