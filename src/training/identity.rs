//! Two ways to write the same training: identities that hold for all weights, batches and steps.

use super::{Curve, Norm, Optimizer, Penalty, Reduction, Sgd, Training};
use crate::model::Parameter;

/// Why two trainings of the same parameters make the same steps in exact arithmetic, though they are written otherwise;
/// nothing where no identity of this list says so.
///
/// - Under SGD without clipping, f·Σw² in the loss adds 2f·w to the gradient of what it takes, and decay λ adds λ·w to that
///   of every parameter: f = λ/2 is the same, where the penalty takes all.
/// - Under SGD without clipping, half the loss is half the gradient, and twice the rate as much as before; a decay λ then
///   has to be half as large.
pub fn identity(reference: &Training, candidate: &Training, parameters: &[Parameter]) -> Option<String> {
    let [one, other] = [reference, candidate].map(|training| Canonical::of(training, parameters));
    let (one, other) = (one?, other?);
    if !one.is(&other) {
        return None;
    }
    let mut used = Vec::new();
    if one.penalized != other.penalized {
        used.push("½λ‖w‖² in the loss and weight decay λ add the same to a gradient, under SGD without clipping");
    }
    if one.halved != other.halved {
        used.push("half the loss at twice the rate is the same step, under SGD without clipping");
    }
    (!used.is_empty()).then(|| used.join("; "))
}

/// A training by SGD in one form: no penalty where a decay does it, no halves.
struct Canonical {
    training: Training,
    penalized: bool,
    halved: bool,
}

impl Canonical {
    fn of(training: &Training, parameters: &[Parameter]) -> Option<Self> {
        let Optimizer::Sgd(sgd) = training.optimizer else { return None };
        let plain = training.clip.is_none() && training.faults.is_empty();
        if !plain {
            return None;
        }
        let mut training = Training { reported_loss: training.loss.clone().into(), ..training.clone() };
        let (mut lr, mut decay) = (sgd.lr, sgd.weight_decay);
        let takes_all = |penalty: &Penalty| {
            let all = parameters.iter().all(|parameter| penalty.takes(parameter));
            penalty.norm == Norm::L2 && all
        };
        let penalized = training.penalties.iter().any(takes_all);
        decay += 2.0
            * training
                .penalties
                .iter()
                .filter(|penalty| takes_all(penalty))
                .map(|one| one.weight(parameters))
                .sum::<f64>();
        training.penalties.retain(|penalty| !takes_all(penalty));
        let whole = match training.loss.reduction {
            Reduction::HalfMean => Some(Reduction::Mean),
            Reduction::HalfSum => Some(Reduction::Sum),
            Reduction::Mean | Reduction::Sum | Reduction::PerSample => None,
        };
        // A penalty that stays would have to be halved, too, and a least rate does not scale with the first.
        let least = training.schedule.is_some_and(|schedule| match schedule.curve {
            Curve::Cosine { minimum, .. } => minimum != 0.0,
            Curve::Step { .. } | Curve::Exponential { .. } | Curve::Linear { .. } => false,
        });
        let whole = whole.filter(|_| training.penalties.is_empty() && !least);
        if let Some(whole) = whole {
            training.loss.reduction = whole;
            (lr, decay) = (lr / 2.0, decay * 2.0);
        }
        training.reported_loss = training.loss.clone().into();
        training.optimizer = Optimizer::Sgd(Sgd { lr, weight_decay: decay, ..sgd });
        Some(Self { training, penalized, halved: whole.is_some() })
    }

    /// Whether it is another's, but for what working it out rounds.
    fn is(&self, other: &Self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 4.0 * f64::EPSILON * f64::max(a.abs(), b.abs());
        let of = |one: &Self| match one.training.optimizer {
            Optimizer::Sgd(sgd) => sgd,
            Optimizer::Adam(_) | Optimizer::RmsProp(_) => Sgd::new(f64::NAN),
        };
        let (one, two) = (of(self), of(other));
        let rest = Training { optimizer: Optimizer::Sgd(one), ..other.training.clone() };
        rest == self.training
            && close(one.lr, two.lr)
            && close(one.weight_decay, two.weight_decay)
            && Sgd { lr: two.lr, weight_decay: two.weight_decay, ..one } == two
    }
}
