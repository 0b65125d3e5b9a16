//! Losses, with PyTorch's names, formulas and defaults.

use crate::tensor::Values;
use std::fmt;

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

impl Measure {
    /// The name in experiment files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SquaredError => "mse",
            Self::AbsoluteError => "l1",
            Self::Huber { .. } => "huber",
            Self::SmoothL1 { .. } => "smooth-l1",
            Self::CrossEntropy(_) => "cross-entropy",
            Self::NegativeLogLikelihood { .. } => "nll",
            Self::LogLoss { .. } => "log-loss",
            Self::BinaryCrossEntropy => "bce",
            Self::BinaryCrossEntropyWithLogits { .. } => "bce-with-logits",
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

    /// Losses whose names say the reduction, too.
    pub const NAMED: [(&'static str, Self); 2] =
        [("sum-squares", Self::SUM_SQUARES), ("half-sum-squares", Self::HALF_SUM_SQUARES)];

    /// Every measure, with its options off and on, in every reduction, for outputs of this many columns.
    pub fn examples(outputs: usize) -> Vec<Self> {
        let weights = Some((0..outputs).map(|class| 0.25 + 0.75 * (class % 3) as f64).collect::<Vec<_>>());
        let mut measures = vec![Measure::SquaredError, Measure::AbsoluteError, Measure::BinaryCrossEntropy];
        measures.extend([1.0, 0.3].map(|delta| Measure::Huber { delta }));
        measures.extend([1.0, 0.3].map(|beta| Measure::SmoothL1 { beta }));
        measures.extend([1.0, 2.5].map(|positive_weight| Measure::BinaryCrossEntropyWithLogits { positive_weight }));
        measures.extend([false, true].map(|zeros_dropped| Measure::LogLoss { zeros_dropped }));
        for weights in [None, weights] {
            measures.push(Measure::NegativeLogLikelihood { weights: weights.clone() });
            for (label_smoothing, probabilities) in [(0.0, false), (0.1, false), (0.0, true), (0.1, true)] {
                let weights = weights.clone();
                measures.push(Measure::CrossEntropy(Classes { weights, label_smoothing, probabilities }));
            }
        }
        let reduced =
            |measure: Measure| Reduction::NAMES.map(|(_, reduction)| Self { measure: measure.clone(), reduction });
        measures.into_iter().flat_map(reduced).collect()
    }

    /// The targets' columns for outputs of `outputs` columns.
    pub fn target_columns(&self, outputs: usize) -> usize {
        if self.of_classes() { 1 } else { outputs }
    }

    /// Whether the targets are class numbers, one for each row.
    pub fn of_classes(&self) -> bool {
        match &self.measure {
            Measure::CrossEntropy(classes) => !classes.probabilities,
            Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } => true,
            Measure::SquaredError
            | Measure::AbsoluteError
            | Measure::Huber { .. }
            | Measure::SmoothL1 { .. }
            | Measure::BinaryCrossEntropy
            | Measure::BinaryCrossEntropyWithLogits { .. } => false,
        }
    }

    /// Whether a term belongs to a row, not to an element.
    pub fn per_row(&self) -> bool {
        self.of_classes() || matches!(self.measure, Measure::CrossEntropy(_))
    }

    /// One weight for each class, where there are some.
    pub fn weights(&self) -> Option<&[f64]> {
        match &self.measure {
            Measure::CrossEntropy(Classes { weights, .. }) | Measure::NegativeLogLikelihood { weights } => {
                weights.as_deref()
            }
            Measure::LogLoss { .. }
            | Measure::SquaredError
            | Measure::AbsoluteError
            | Measure::Huber { .. }
            | Measure::SmoothL1 { .. }
            | Measure::BinaryCrossEntropy
            | Measure::BinaryCrossEntropyWithLogits { .. } => None,
        }
    }

    /// What some rows count for in a mean of the terms: each its class's weight, 1 where there are none, and nothing where it is
    /// left out.
    pub fn counted(&self, rows: usize, outputs: &[f64], targets: &[f64]) -> f64 {
        let classes = outputs.len() / rows.max(1);
        let each = || targets.iter().zip(outputs.chunks(classes.max(1)));
        let of = |target: f64| Self::class(target, classes);
        match &self.measure {
            Measure::LogLoss { zeros_dropped: true } => {
                let zero = |(target, row): &(&f64, &[f64])| of(**target).is_some_and(|class| row[class] == 0.0);
                each().filter(|row| !zero(row)).count() as f64
            }
            Measure::SquaredError
            | Measure::AbsoluteError
            | Measure::Huber { .. }
            | Measure::SmoothL1 { .. }
            | Measure::CrossEntropy(_)
            | Measure::NegativeLogLikelihood { .. }
            | Measure::LogLoss { .. }
            | Measure::BinaryCrossEntropy
            | Measure::BinaryCrossEntropyWithLogits { .. } => match self.weights().filter(|_| self.of_classes()) {
                Some(weights) => each().map(|(&target, _)| of(target).map_or(f64::NAN, |class| weights[class])).sum(),
                None => rows as f64,
            },
        }
    }

    /// The class that a target names, of so many.
    ///
    /// ```
    /// # use lockstep::training::Loss;
    /// assert_eq!(Loss::class(2.0, 3), Some(2));
    /// assert_eq!([3.0, 0.5, -1.0, f64::NAN].map(|target| Loss::class(target, 3)), [None; 4]);
    /// ```
    pub fn class(target: f64, classes: usize) -> Option<usize> {
        // The cast saturates, and makes 0 of NaN: what it changes is no class.
        let class = target as usize;
        (class < classes && class as f64 == target).then_some(class)
    }

    /// Whether it can be taken of outputs of this many columns.
    ///
    /// # Errors
    /// If there are not as many class weights; says so.
    pub fn suits(&self, outputs: usize) -> Result<(), String> {
        match self.weights() {
            Some(weights) if weights.len() != outputs => Err(format!(
                "the loss has {} class weights, but the outputs have {outputs} columns, one for each class",
                weights.len()
            )),
            _ => Ok(()),
        }
    }

    /// Whether these are targets for `rows` rows of outputs.
    ///
    /// # Errors
    /// If there are too many or too few of them, or one is no class; names its row.
    pub fn takes(&self, rows: usize, outputs: usize, targets: Values<'_>) -> Result<(), String> {
        let expected = rows * self.target_columns(outputs);
        if targets.len() != expected {
            return Err(format!("{self} takes {expected} targets for {rows} rows, was given {}", targets.len()));
        }
        let wrong = |row: &usize| Self::class(targets.at(*row), outputs).is_none();
        match (0..if self.of_classes() { rows } else { 0 }).find(wrong) {
            None => Ok(()),
            Some(row) => Err(format!(
                "the target of row {row} of the batch is {}, which is no class; there are {outputs} of them, 0 to {}",
                targets.at(row),
                outputs.saturating_sub(1)
            )),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = Self::NAMED.iter().find(|(_, loss)| loss == self) {
            return f.write_str(name);
        }
        let mut settings = Vec::new();
        match &self.measure {
            Measure::Huber { delta } => settings.push(format!("delta {delta}")),
            Measure::SmoothL1 { beta } => settings.push(format!("beta {beta}")),
            Measure::CrossEntropy(classes) => {
                settings.extend(classes.probabilities.then(|| "of probabilities".to_owned()));
                let smoothing = classes.label_smoothing;
                settings.extend((smoothing != 0.0).then(|| format!("label smoothing {smoothing}")));
            }
            Measure::LogLoss { zeros_dropped: true } => settings.push("zeros dropped".to_owned()),
            Measure::BinaryCrossEntropyWithLogits { positive_weight } if *positive_weight != 1.0 => {
                settings.push(format!("positive weight {positive_weight}"));
            }
            Measure::SquaredError
            | Measure::AbsoluteError
            | Measure::NegativeLogLikelihood { .. }
            | Measure::LogLoss { .. }
            | Measure::BinaryCrossEntropy
            | Measure::BinaryCrossEntropyWithLogits { .. } => {}
        }
        settings.extend(self.weights().map(|weights| format!("class weights {weights:?}")));
        settings.extend((self.reduction != Reduction::Mean).then(|| self.reduction.to_string()));
        f.write_str(self.measure.name())?;
        if settings.is_empty() { Ok(()) } else { write!(f, " ({})", settings.join(", ")) }
    }
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES.iter().find(|(_, reduction)| reduction == self).map_or("", |(name, _)| name))
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

impl ReportedMeasure {
    /// Whether the targets are class numbers, one for each row.
    pub fn of_classes(&self) -> bool {
        matches!(self, Self::Loss(loss) if loss.of_classes())
    }
}

impl fmt::Display for ReportedMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss(loss) => loss.fmt(f),
            Self::DeltaTimesMse => f.write_str("delta-times-mse"),
        }
    }
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
