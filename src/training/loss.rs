//! Losses, with PyTorch's names, formulas and defaults.

/// What is optimized: a function of the outputs p `[rows, columns]` and the targets t.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// What each term measures.
    pub measure: Measure,
    /// How terms become one number.
    pub reduction: Reduction,
}

/// The term of one element, or of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// `mse`: (p − t)², `nn.MSELoss`.
    SquaredError,
    /// `l1`: |p − t|, with derivative 0 at 0, `nn.L1Loss`.
    AbsoluteError,
    /// `huber`: ½(p − t)² where |p − t| ≤ δ, else δ(|p − t| − ½δ), `nn.HuberLoss`.
    Huber {
        /// δ, above 0.
        delta: f64,
    },
    /// `smooth-l1`: ½(p − t)²/β where |p − t| < β, else |p − t| − ½β, `nn.SmoothL1Loss`.
    SmoothL1 {
        /// β, above 0.
        beta: f64,
    },
    /// `cross-entropy`: of a row's logits, −w_c·ln softmax(p)_c of its class c, or −Σ w·t·ln softmax(p) of
    /// probabilities t, `nn.CrossEntropyLoss`.
    CrossEntropy(Classes),
    /// `nll`: −w_c·p_c, of log-probabilities, `nn.NLLLoss`.
    NegativeLogLikelihood {
        /// One for each class; all 1 where absent.
        weights: Option<Vec<f64>>,
    },
    /// `log-loss`: −ln p_c, of probabilities that a softmax layer made: what networks written by hand often use.
    LogLoss {
        /// Whether rows whose p_c is 0 are left out (of the sum, and of the rows that are counted), or are infinite.
        zeros_dropped: bool,
    },
    /// `bce`: −(t·ln p + (1 − t)·ln(1 − p)), logarithms not below −100, `nn.BCELoss`.
    BinaryCrossEntropy,
    /// `bce-with-logits`: the same of σ(p), in a stable form, `nn.BCEWithLogitsLoss`.
    BinaryCrossEntropyWithLogits {
        /// What the terms of t = 1 are multiplied by.
        positive_weight: f64,
    },
}

/// The options of cross-entropy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Classes {
    /// One weight for each class; all 1 where absent.
    pub weights: Option<Vec<f64>>,
    /// How much of the target is spread over all classes alike.
    pub label_smoothing: f64,
    /// Whether targets are probabilities, `[rows, classes]`, not class numbers, `[rows, 1]`.
    pub probabilities: bool,
}

/// How terms become one number. A term belongs to an element, or for classes to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean: for classes with weights, divided by the sum of the rows' weights.
    Mean,
    /// Their sum.
    Sum,
    /// Half their mean.
    HalfMean,
    /// Half their sum.
    HalfSum,
    /// Their sum, divided by the number of rows.
    PerSample,
}

impl Reduction {
    /// Every reduction with its name in experiment files.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("half-mean", Self::HalfMean),
        ("half-sum", Self::HalfSum),
        ("per-sample", Self::PerSample),
    ];

    /// What the sum of the terms is multiplied by: `count` of them, weights counted, from `rows` rows.
    pub fn factor(self, count: f64, rows: usize) -> f64 {
        match self {
            Self::Mean => 1.0 / count,
            Self::Sum => 1.0,
            Self::HalfMean => 0.5 / count,
            Self::HalfSum => 0.5,
            Self::PerSample => 1.0 / rows as f64,
        }
    }
}

impl Loss {
    /// The mean of (p − t)², `mse`.
    pub const MEAN_SQUARED_ERROR: Self = Self { measure: Measure::SquaredError, reduction: Reduction::Mean };
    /// Σ(p − t)², `sum-squares`.
    pub const SUM_SQUARES: Self = Self { measure: Measure::SquaredError, reduction: Reduction::Sum };
    /// ½Σ(p − t)², the textbook's, `half-sum-squares`.
    pub const HALF_SUM_SQUARES: Self = Self { measure: Measure::SquaredError, reduction: Reduction::HalfSum };

    /// The targets' columns for outputs of `outputs` columns.
    pub fn target_columns(&self, outputs: usize) -> usize {
        if self.of_classes() { 1 } else { outputs }
    }

    /// Whether the targets are class numbers, one for each row.
    pub fn of_classes(&self) -> bool {
        match &self.measure {
            Measure::CrossEntropy(classes) => !classes.probabilities,
            Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } => true,
            _ => false,
        }
    }

    /// Whether a term belongs to a row, not to an element.
    pub fn per_row(&self) -> bool {
        self.of_classes() || matches!(self.measure, Measure::CrossEntropy(_))
    }
}

/// The number a training loop prints, which need not be what it optimizes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedLoss {
    /// What it measures.
    pub measure: ReportedMeasure,
    /// Whether the penalty is in it.
    pub penalty: bool,
    /// Whether it is that of the weights after the update, on the same batch, in evaluation.
    pub after_update: bool,
    /// Whether it is the mean of the losses of the epoch so far.
    pub running_mean: bool,
}

/// What a reported loss measures.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportedMeasure {
    /// A loss of the vocabulary.
    Loss(Loss),
    /// `delta-times-mse`: mean(p − t) · ½Σ(p − t)². Negative where the outputs are too small on average
    /// (the hand-rolled network of the xor study prints it).
    DeltaTimesMse,
}

impl From<ReportedMeasure> for ReportedLoss {
    fn from(measure: ReportedMeasure) -> Self {
        Self { measure, penalty: true, after_update: false, running_mean: false }
    }
}

impl From<Loss> for ReportedLoss {
    fn from(loss: Loss) -> Self {
        ReportedMeasure::Loss(loss).into()
    }
}
