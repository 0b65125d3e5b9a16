//! Losses: libtorch's, and by hand the reported ones that it does not have.

use crate::training::{Loss, Measure, Reduction, ReportedMeasure, Training};
use tch::{TchError, Tensor};

/// The loss that is optimized, a scalar with its graph.
pub(super) fn optimized(training: &Training, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    reduced(&training.loss, outputs, targets)
}

fn reduced(loss: &Loss, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    let terms = |reduction| match loss.measure {
        Measure::SquaredError => outputs.f_mse_loss(targets, reduction),
        _ => todo!("in libtorch"),
    };
    match loss.reduction {
        Reduction::Mean => terms(tch::Reduction::Mean),
        Reduction::Sum => terms(tch::Reduction::Sum),
        Reduction::HalfMean => terms(tch::Reduction::Mean)?.f_mul_scalar(0.5),
        Reduction::HalfSum => terms(tch::Reduction::Sum)?.f_mul_scalar(0.5),
        Reduction::PerSample => terms(tch::Reduction::Sum)?.f_div_scalar(outputs.size()[0]),
    }
}

/// The number that is printed, where `optimized` is the loss that is optimized.
pub(super) fn reported(
    training: &Training,
    optimized: &Tensor,
    outputs: &Tensor,
    targets: &Tensor,
) -> Result<f64, TchError> {
    let outputs = outputs.f_detach()?;
    match &training.reported_loss.measure {
        ReportedMeasure::Loss(loss) if *loss == training.loss => optimized.f_double_value(&[]),
        ReportedMeasure::Loss(loss) => reduced(loss, &outputs, targets)?.f_double_value(&[]),
        ReportedMeasure::DeltaTimesMse => {
            let difference = outputs.f_sub(targets)?;
            let half_sum = difference.f_mul(&difference)?.f_sum(None)?.f_mul_scalar(0.5)?;
            difference.f_mean(None)?.f_mul(&half_sum)?.f_double_value(&[])
        }
    }
}
