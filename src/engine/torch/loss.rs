//! Losses: libtorch's, and by hand the reported ones that it does not have.

use crate::training::{Loss, ReportedLoss};
use tch::{Reduction, TchError, Tensor};

/// The loss that is optimized, a scalar with its graph.
pub(super) fn optimized(loss: Loss, outputs: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    match loss {
        Loss::MeanSquaredError => outputs.f_mse_loss(targets, Reduction::Mean),
        Loss::SumSquares => outputs.f_mse_loss(targets, Reduction::Sum),
        Loss::HalfSumSquares => outputs.f_mse_loss(targets, Reduction::Sum)?.f_mul_scalar(0.5),
    }
}

/// The number that is printed.
pub(super) fn reported(
    reported: ReportedLoss,
    loss: Loss,
    value: &Tensor,
    outputs: &Tensor,
    targets: &Tensor,
) -> Result<f64, TchError> {
    if reported == ReportedLoss::Loss(loss) {
        return value.f_double_value(&[]);
    }
    let outputs = outputs.f_detach()?;
    match reported {
        ReportedLoss::Loss(loss) => optimized(loss, &outputs, targets)?.f_double_value(&[]),
        ReportedLoss::DeltaTimesMse => {
            let difference = outputs.f_sub(targets)?;
            let half_sum = difference.f_mul(&difference)?.f_sum(None)?.f_mul_scalar(0.5)?;
            difference.f_mean(None)?.f_mul(&half_sum)?.f_double_value(&[])
        }
    }
}
