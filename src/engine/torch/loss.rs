//! Losses: libtorch's, and by hand those that it does not have, as are penalties: a part of the graph.

use crate::{
    model::Parameter,
    training::{Loss, Measure, Norm, Penalty, Reduction, ReportedMeasure, Training},
};
use tch::{Kind, TchError, Tensor};

/// PyTorch's default: targets of this class do not count. No class has this number.
const IGNORED: i64 = -100;

/// What is optimized and what is printed.
pub(super) struct Objective {
    optimized: Measured,
    reported: Reported,
    /// Whether what is printed has the penalties in it.
    penalty: bool,
    penalties: Vec<Weighed>,
}

/// A loss with the tensors that it takes beside outputs and targets.
struct Measured {
    loss: Loss,
    weights: Option<Tensor>,         // [classes]
    positive_weight: Option<Tensor>, // []
}

enum Reported {
    Optimized,
    Other(Measured),
    DeltaTimesMse,
}

/// A penalty with the numbers of the parameters that count.
struct Weighed {
    penalty: Penalty,
    taken: Vec<usize>,
    elements: usize,
}

impl Objective {
    /// The objective of a training, for these parameters.
    pub(super) fn new(training: &Training, parameters: &[Parameter], kind: Kind) -> Result<Self, TchError> {
        let weighed = |penalty: &Penalty| {
            let taken = parameters.iter().enumerate().filter(|(_, parameter)| penalty.takes(parameter));
            let (taken, elements): (_, Vec<_>) = taken.map(|(index, taken)| (index, taken.shape.elements())).unzip();
            Weighed { penalty: *penalty, taken, elements: elements.into_iter().sum() }
        };
        Ok(Self {
            optimized: Measured::new(&training.loss, kind)?,
            reported: match &training.reported_loss.measure {
                ReportedMeasure::Loss(loss) if *loss == training.loss => Reported::Optimized,
                ReportedMeasure::Loss(loss) => Reported::Other(Measured::new(loss, kind)?),
                ReportedMeasure::DeltaTimesMse => Reported::DeltaTimesMse,
            },
            penalty: training.reported_loss.penalty,
            penalties: training.penalties.iter().map(weighed).filter(|weighed| !weighed.taken.is_empty()).collect(),
        })
    }

    /// The loss that is optimized, a scalar with its graph, and the number that is printed.
    pub(super) fn losses(
        &self,
        outputs: &Tensor,
        targets: &Tensor,
        trained: &[Tensor],
    ) -> Result<(Tensor, f64), TchError> {
        let optimized = self.optimized.value(outputs, targets)?;
        let detached = || outputs.f_detach();
        let reported = match &self.reported {
            Reported::Optimized => optimized.shallow_clone(),
            Reported::Other(measured) => measured.value(&detached()?, targets)?,
            Reported::DeltaTimesMse => delta_times_mse(&detached()?, targets)?,
        };
        if self.penalties.is_empty() {
            return Ok((optimized, reported.f_double_value(&[])?));
        }
        let (mut penalized, mut printed) = (optimized, reported);
        for weighed in &self.penalties {
            let penalty = weighed.value(trained)?;
            penalized = penalized.f_add(&penalty)?;
            if self.penalty {
                printed = printed.f_add(&penalty)?;
            }
        }
        Ok((penalized, printed.f_double_value(&[])?))
    }
}

impl Measured {
    fn new(loss: &Loss, kind: Kind) -> Result<Self, TchError> {
        let tensor = |values: &[f64]| Tensor::f_from_slice(values)?.f_to_kind(kind);
        Ok(Self {
            weights: loss.weights().map(tensor).transpose()?,
            positive_weight: match loss.measure {
                Measure::BinaryCrossEntropyWithLogits { positive_weight } if positive_weight != 1.0 => {
                    Some(tensor(&[positive_weight])?)
                }
                Measure::SquaredError
                | Measure::AbsoluteError
                | Measure::Huber { .. }
                | Measure::SmoothL1 { .. }
                | Measure::CrossEntropy(_)
                | Measure::NegativeLogLikelihood { .. }
                | Measure::LogLoss { .. }
                | Measure::BinaryCrossEntropy
                | Measure::BinaryCrossEntropyWithLogits { .. } => None,
            },
            loss: loss.clone(),
        })
    }

    fn value(&self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        if let Measure::LogLoss { zeros_dropped } = self.loss.measure {
            return self.log_loss(outputs, targets, zeros_dropped);
        }
        let numbers =
            if self.loss.of_classes() { Some(targets.f_to_kind(Kind::Int64)?.f_flatten(0, -1)?) } else { None };
        let targets = numbers.as_ref().unwrap_or(targets);
        let terms = |reduction| match &self.loss.measure {
            Measure::SquaredError => outputs.f_mse_loss(targets, reduction),
            Measure::AbsoluteError => outputs.f_l1_loss(targets, reduction),
            Measure::Huber { delta } => outputs.f_huber_loss(targets, reduction, *delta),
            Measure::SmoothL1 { beta } => outputs.f_smooth_l1_loss(targets, reduction, *beta),
            Measure::CrossEntropy(classes) => {
                let smoothing = classes.label_smoothing;
                outputs.f_cross_entropy_loss(targets, self.weights.as_ref(), reduction, IGNORED, smoothing)
            }
            Measure::NegativeLogLikelihood { .. } | Measure::LogLoss { .. } => {
                outputs.f_nll_loss(targets, self.weights.as_ref(), reduction, IGNORED)
            }
            Measure::BinaryCrossEntropy => {
                let found = outputs.f_binary_cross_entropy(targets, None::<Tensor>, reduction);
                // It refuses NaN as it refuses 2; a training that ran away is a verdict, no error.
                match found {
                    Err(_) if outputs.f_isnan()?.f_any()?.f_double_value(&[])? != 0.0 => outputs.f_sum(None),
                    found => found,
                }
            }
            Measure::BinaryCrossEntropyWithLogits { .. } => {
                outputs.f_binary_cross_entropy_with_logits(targets, None, self.positive_weight.as_ref(), reduction)
            }
        };
        reduced(self.loss.reduction, outputs.size()[0], terms)
    }

    /// −ln of the probability of each row's class.
    fn log_loss(&self, outputs: &Tensor, targets: &Tensor, zeros_dropped: bool) -> Result<Tensor, TchError> {
        let mut chosen = outputs.f_gather(1, &targets.f_to_kind(Kind::Int64)?, false)?;
        if zeros_dropped {
            chosen = chosen.f_masked_select(&chosen.f_ne(0.0)?)?;
        }
        let terms = chosen.f_log()?.f_neg()?;
        reduced(self.loss.reduction, terms.numel() as i64, |reduction| {
            if let tch::Reduction::Mean = reduction { terms.f_mean(None) } else { terms.f_sum(None) }
        })
    }
}

impl Weighed {
    /// The penalty of the parameters, a scalar with its graph.
    fn value(&self, trained: &[Tensor]) -> Result<Tensor, TchError> {
        let of_one = |&index: &usize| match self.penalty.norm {
            Norm::L1 => trained[index].f_abs()?.f_sum(None),
            Norm::L2 => trained[index].f_square()?.f_sum(None),
        };
        let sums = self.taken.iter().map(of_one).collect::<Result<Vec<_>, _>>()?;
        let mut sum = Tensor::f_stack(&sums, 0)?.f_sum(None)?;
        if self.penalty.mean {
            sum = sum.f_div_scalar(self.elements as i64)?;
        }
        sum.f_mul_scalar(self.penalty.factor)
    }
}

/// A loss in one of our reductions, from PyTorch's mean or sum of its terms.
fn reduced(
    reduction: Reduction,
    rows: i64,
    terms: impl Fn(tch::Reduction) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    match reduction {
        Reduction::Mean => terms(tch::Reduction::Mean),
        Reduction::Sum => terms(tch::Reduction::Sum),
        Reduction::HalfMean => terms(tch::Reduction::Mean)?.f_mul_scalar(0.5),
        Reduction::HalfSum => terms(tch::Reduction::Sum)?.f_mul_scalar(0.5),
        Reduction::PerSample => terms(tch::Reduction::Sum)?.f_div_scalar(rows),
    }
}

/// mean(p − t) · ½Σ(p − t)².
fn delta_times_mse(outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    let difference = outputs.f_sub(targets)?;
    let half_sum = difference.f_mul(&difference)?.f_sum(None)?.f_mul_scalar(0.5)?;
    difference.f_mean(None)?.f_mul(&half_sum)
}
