//! The plateau of PyTorch's loss, more epochs, and larger rates.

use super::{
    Findings,
    folds::{BOTH, EPOCHS, FEW, Init, LONG, On, RATES, long, scratch},
};
use crate::study::{page::table, quartiles};

/// The loss of an answer that is the same everywhere: ½ for either class, each half of the points.
pub(super) const CONSTANT: f64 = 0.25;
/// A fold has learned something once its loss is below half of that.
pub(super) const LEARNED: f64 = CONSTANT / 2.0;
/// It has left the plateau once its loss is a fifth below it.
pub(super) const LEFT: f64 = 0.8 * CONSTANT;

/// The median of epochs; infinite where it is not reached.
pub(super) fn median(epochs: &[f64]) -> f64 {
    let median = quartiles(epochs)[1];
    if median.is_finite() { median } else { f64::INFINITY }
}

/// An epoch; a dash where it is not reached.
pub(super) fn epoch_words(epoch: f64) -> String {
    if epoch.is_finite() { format!("{epoch:.0}") } else { "–".to_owned() }
}

/// Rates whose plateau the document compares.
pub(super) const COMPARED: [f64; 3] = [0.1, 0.2, 0.3];

/// The median epochs that PyTorch's weights need to learn something at each of these rates, and whether fewer at each
/// larger one; it cannot be told where none is reached.
pub(super) fn faster_at_larger_rates(found: &Findings) -> ([f64; 3], Option<bool>) {
    let medians = COMPARED.map(|rate| median(&found.rate(Init::Pytorch, rate).epochs_to(LEARNED)));
    let earlier = |pair: &[f64]| pair[1] < pair[0] || pair.iter().all(|epoch| epoch.is_infinite());
    let reached = medians.iter().any(|epoch| epoch.is_finite());
    (medians, reached.then(|| medians.windows(2).all(earlier)))
}

/// The loss of PyTorch's weights from epoch 1 to 2, from 3 to 7, in epoch 3, and whether that is a plateau.
pub(super) fn on_the_plateau(found: &Findings) -> (f64, f64, f64, bool) {
    let of = found.of(scratch(Init::Pytorch));
    let [first, second, third, seventh] = [1, 2, 3, 7].map(|epoch| of.loss(epoch).mean);
    let (before, after) = (first - second, third - seventh);
    // A plateau where a constant answer's loss is, and flat: four epochs that do a fourth of what one did before.
    (before, after, third, (third - CONSTANT).abs() < 0.02 && after < 0.25 * before)
}

/// Every rate, ascending.
pub(super) fn rates() -> Vec<f64> {
    crate::study::sorted(RATES.into_iter().chain([0.1]).collect())
}

pub(super) fn plateau(found: &Findings) -> String {
    let longer: Vec<Vec<String>> = BOTH
        .iter()
        .map(|init| {
            let of = found.of(long(*init));
            let left = of.epochs_to(LEFT);
            let still = |epoch: f64| left.iter().filter(|found| **found > epoch).count();
            let mut row = vec![init.name().to_owned()];
            row.extend([EPOCHS, 40, LONG].map(|epochs| of.error(On::Test, epochs).to_string()));
            row.push(epoch_words(median(&left)));
            row.extend([5.0, EPOCHS as f64, LONG as f64].map(|epoch| format!("{} of {}", still(epoch), left.len())));
            row
        })
        .collect();
    let left = found.of(long(Init::Pytorch)).epochs_to(LEFT);
    let stuck = left.iter().filter(|epoch| !epoch.is_finite()).count();
    let faster = faster_at_larger_rates(found).1;
    format!(
        "\n## The plateau, more epochs, larger rates\n\n\
         PyTorch's loss {} where a constant answer's is, {CONSTANT}, in epochs 3 to 7. {} of {} folds leave it (for a \
         loss below {LEFT}) within {LONG} epochs{}. Test error in per cent, the epoch in which half of the folds have \
         left, and how many have not:\n\n{}\n\
         Test error after 20 epochs and epochs to a loss below {LEARNED}, by learning rate ({FEW} folds each; a fold \
         whose loss becomes infinite counts as all wrong).{}\n\n{}",
        if on_the_plateau(found).3 { "stays" } else { "does not stay" },
        left.len() - stuck,
        left.len(),
        if stuck * 2 > left.len() { "" } else { ": it is no minimum" },
        table(&["initialization", "20 epochs", "40", "60", "left by", "not left after 5", "20", "60"], 1, &longer),
        if faster == Some(true) {
            " From 0.1 to 0.3 a larger rate shortens the plateau, as the document says."
        } else {
            ""
        },
        swept(found)
    )
}

/// Errors and epochs by learning rate.
fn swept(found: &Findings) -> String {
    let mut rows = Vec::new();
    for rate in rates() {
        let mut row = vec![rate.to_string()];
        for init in BOTH {
            let of = found.rate(init, rate);
            let epochs = of.epochs_to(LEARNED);
            let reached = epochs.iter().filter(|epoch| epoch.is_finite()).count();
            row.push(of.error(On::Test, EPOCHS).to_string());
            row.push(epoch_words(median(&epochs)));
            row.push(format!("{reached} of {}", epochs.len()));
        }
        rows.push(row);
    }
    table(
        &["rate", "custom: test error", "epochs", "got there", "PyTorch's: test error", "epochs", "got there"],
        0,
        &rows,
    )
}
