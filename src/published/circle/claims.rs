//! The document's claims, each with its answer.

use super::{
    Findings, PRINTED,
    among::Placed,
    folds::{BOTH, EPOCHS, FEW, Init, LONG, Of, On, Setup, long, scratch, torch},
    initialization::whole_difference,
    lockstep::Run,
    plateau::{COMPARED, CONSTANT, LEARNED, LEFT, epoch_words, faster_at_larger_rates, median, on_the_plateau, rates},
    signal::LINEAR,
    test_gap::{gap_of_both, printed_gap},
    words::signed_to,
};
use crate::{
    report::power,
    study::{Sample, StudyVerdict},
};

/// A printed row in words: what was found, and where the printed one falls.
fn placed(found: &Placed) -> String {
    format!(
        "{} over {} folds; of {} tables of ten, the printed mean is above {:.0} % of our means, its deviation above \
         {:.0} % of our deviations",
        found.ours, found.ours.count, found.tables, found.mean.below, found.deviation.below
    )
}

/// Answers each claim of the document.
pub(super) fn claims(found: &Findings, study: &mut StudyVerdict) {
    claims_of_the_table(found, study);
    claims_of_the_curves(found, study);
    claims_of_reasons(found, study);
    claims_of_more_training(found, study);
    claim_of_time(found, study);
}

fn claims_of_the_table(found: &Findings, study: &mut StudyVerdict) {
    for (printed, name) in PRINTED.iter().zip(["custom, train", "custom, test", "PyTorch, train", "PyTorch, test"]) {
        let ours = found.place(printed, printed.on, EPOCHS);
        let id = format!("Table III: {name}");
        study.claim(&id, &format!("{} %", printed.table), placed(&ours), Some(ours.agrees()));
    }
    let rescaled = found.place(&PRINTED[3], On::TestRescaledOnce, EPOCHS);
    let printed = format!("{} %", PRINTED[3].table);
    let id = "the same with the first fold's test points rescaled";
    study.claim(id, &printed, placed(&rescaled), Some(rescaled.agrees()));
    let gaps = found.of(scratch(Init::Pytorch)).gaps((On::Test, EPOCHS), EPOCHS);
    let gap = Sample::of(&gaps);
    let similar = gap.mean.abs() < 1.0;
    study.claim(
        "train and test are similar",
        "\"the results for the test and the train are very similar\"; but Table III has 10.17 % and 16.59 %",
        format!(
            "PyTorch's initialization errs {gap:.2} points more on test points ({} tables of ten){}; the printed \
             {:.2} points {} the rescaled fold and an earlier reading",
            gap.count,
            if similar { ": similar" } else { "" },
            printed_gap(),
            if gap_of_both(found).1.inside { "come with" } else { "do not come with" }
        ),
        Some(similar),
    );
    let [right, printed] = found.outside;
    study.claim(
        "the classes are balanced by the radius 2/√π",
        "\"well balanced in term of distribution thanks to the choice of the circle radius\" 2/√π; class 1 inside",
        format!(
            "{printed:.1} % of the points lie outside 2/√π, {right:.1} % outside √(2/π), as in the authors' code, \
                 where class 1 is outside"
        ),
        Some((printed - 50.0).abs() < 5.0),
    );
}

fn claims_of_the_curves(found: &Findings, study: &mut StudyVerdict) {
    let [custom, pytorch] = BOTH.map(|init| found.of(scratch(init)));
    let engines = [scratch as fn(Init) -> Setup, torch].map(|engine| BOTH.map(|init| found.of(engine(init))));
    let [losses, of_torch] = engines.map(|[custom, pytorch]| {
        let words = [5, 10, 20].map(|epoch| {
            format!("{:.3} against {:.3} in epoch {epoch}", pytorch.loss(epoch).mean, custom.loss(epoch).mean)
        });
        words.join(", ")
    });
    let slower = |[custom, pytorch]: &[Of<'_>; 2]| {
        [5, 10, 20].iter().all(|&epoch| pytorch.loss(epoch).above(&custom.loss(epoch)) > 4.0)
    };
    study.claim(
        "PyTorch minimizes the loss slower",
        "\"PyTorch appears to perform the minimization of the loss slower\"",
        format!("its own initial weights against the custom ones, from scratch: {losses}; by libtorch: {of_torch}"),
        Some(engines.iter().all(slower)),
    );
    let [one, other] = [&custom, &pytorch].map(|of| (of.loss(EPOCHS).deviation, of.error(On::Train, EPOCHS).deviation));
    study.claim(
        "variance small for the custom framework, larger for PyTorch",
        "\"very small for the custom implementation and quite larger in the PyTorch framework\"",
        format!(
            "deviation of the last loss {:.3} against {:.3}, of the training error {:.1} against {:.1} points",
            one.0, other.0, one.1, other.1
        ),
        Some(other.0 > 1.5 * one.0 && other.1 > 1.5 * one.1),
    );
    let (before, after, third, plateau) = on_the_plateau(found);
    study.claim(
        "PyTorch reaches a plateau after about 3 epochs",
        "\"reaches a plateau after only about 3 epochs\"",
        format!(
            "the mean loss falls by {before:.3} in epoch 2, and by {after:.3} from epoch 3 to 7, at {third:.3}: a \
             constant answer has {CONSTANT}"
        ),
        Some(plateau),
    );
    let left = found.of(long(Init::Pytorch)).epochs_to(LEFT);
    let stuck = left.iter().filter(|epoch| !epoch.is_finite()).count();
    study.claim(
        "it is stuck in a local minimum",
        "\"the model seems to be stuck in a local minimum\"",
        format!(
            "{} of {} folds leave it within {LONG} epochs, half of them by epoch {}",
            left.len() - stuck,
            left.len(),
            epoch_words(median(&left))
        ),
        Some(stuck * 2 > left.len()),
    );
    let slope = |of: &Of<'_>| (of.error(On::Train, 15).mean - of.error(On::Train, EPOCHS).mean) / 5.0;
    study.claim(
        "at the end PyTorch's errors still fall faster",
        "\"at the very end of the train, a larger slope is observed for the PyTorch curves\"",
        format!("{:.2} against {:.2} points per epoch over the last five", slope(&pytorch), slope(&custom)),
        Some(slope(&pytorch) > slope(&custom)),
    );
}

fn claims_of_reasons(found: &Findings, study: &mut StudyVerdict) {
    // A gap that is missing stays missing.
    let by_sample = found
        .runs
        .by_sample
        .iter()
        .map(|run| run.free_gap("weights"))
        .fold(0.0, |largest: f64, gap| if gap.is_nan() || largest.is_nan() { f64::NAN } else { largest.max(gap) });
    let parity = found.runs.by_sample.iter().all(Run::is_parity);
    study.claim(
        "derivatives updated at each sample explain the difference",
        "\"they are updated each time backward_pass is called (at each sample) whereas in PyTorch [..] once for every \
         mini-batch\"",
        format!(
            "they are, but only added up; the weights are updated once for every mini-batch on both sides. An engine \
             that does so is {} PyTorch's batches, weights within {} after 200 steps",
            if parity { "at parity with" } else { "not at parity with" },
            power(Some(by_sample))
        ),
        Some(!parity),
    );
    let variation = |init: usize| found.signal[init].varies.iter().map(|sample| sample.mean).collect::<Vec<_>>();
    let (custom, pytorch) = (variation(0), variation(1));
    let last = LINEAR.len() - 1;
    study.claim(
        "with the custom initialization activations do not vary between layers",
        "\"our initialization method guarantees that the activation value does not statistically vary between the \
         layers\"",
        format!(
            "what a unit varies from point to point falls from {:.2} in the first layer to {:.3} in the last",
            custom[0], custom[last]
        ),
        // The guarantee would be a ratio of 1.
        Some((custom[last] / custom[0]).ln().abs() < 2f64.ln()),
    );
    let gradient = |init: usize| found.signal[init].gradient[0].mean;
    let errors = BOTH.map(|init| found.of(scratch(init)).error(On::Test, EPOCHS));
    study.claim(
        "with ReLU the initialization is no problem",
        "\"this should however not be a problem in this test as ReLU was chosen\"",
        format!(
            "it gives {} of the printed {:.1} points of test error{}: from PyTorch's initial weights the output varies \
             {:.0} times less than the first layer does, and the first layer's gradient is {:.0} times smaller than \
             from the custom ones",
            signed_to(1, errors[1].mean - errors[0].mean),
            PRINTED[3].table.mean - PRINTED[1].table.mean,
            whole_difference(found),
            pytorch[0] / pytorch[last],
            gradient(0) / gradient(1)
        ),
        Some(errors[1].agrees(&errors[0])),
    );
}

fn claims_of_more_training(found: &Findings, study: &mut StudyVerdict) {
    let longer = found.of(long(Init::Pytorch));
    let [at_20, at_60] = [EPOCHS, LONG].map(|epochs| longer.error(On::Test, epochs));
    study.claim(
        "more epochs would improve PyTorch's results",
        "\"increasing the number of epochs would probably further improve the final PyTorch classifier results\"",
        format!(
            "test error {at_20} % after {EPOCHS}, {at_60} % after {LONG} epochs ({} folds); from the custom weights \
             {} %",
            at_60.count,
            found.of(long(Init::Custom)).error(On::Test, LONG)
        ),
        Some(at_20.above(&at_60) > 2.0),
    );
    let (medians, faster) = faster_at_larger_rates(found);
    let shown: Vec<String> = COMPARED
        .iter()
        .zip(medians)
        .map(|(rate, median)| match median.is_finite() {
            true => format!("{} at {rate}", epoch_words(median)),
            false => format!("not reached at {rate}"),
        })
        .collect();
    study.claim(
        "PyTorch converges faster at a larger rate",
        "\"a faster convergence was observed when using a larger learning rate\"",
        format!("median epochs to a loss below {LEARNED}: {} ({FEW} folds each)", shown.join(", ")),
        faster,
    );
    let error = |init, rate: f64| found.rate(init, rate).error(On::Test, EPOCHS);
    let best =
        |init| rates().into_iter().min_by(|&a, &b| error(init, a).mean.total_cmp(&error(init, b).mean)).unwrap_or(0.1);
    let [custom, pytorch] = BOTH.map(best);
    // Each must do worse at the other's best than at its own.
    let worse = |init, own, other| error(init, other).above(&error(init, own));
    let (one, two) = (worse(Init::Custom, custom, pytorch), worse(Init::Pytorch, pytorch, custom));
    study.claim(
        "the optimal rates differ",
        "\"the optimal learning rate for the two implementations also differs\"",
        format!(
            "least test error at {custom} from the custom weights, at {pytorch} from PyTorch's; at the other's best \
             rate they do {one:.1} and {two:.1} standard errors worse. The optimum is the initial weights', not the \
             implementation's"
        ),
        if custom == pytorch { Some(false) } else { (one.max(two) > 2.0).then_some(true) },
    );
}

fn claim_of_time(found: &Findings, study: &mut StudyVerdict) {
    let speed = &found.speed;
    let [scratch, torch, loops, torch_loops] =
        [speed.scratch, speed.torch, speed.scratch_by_sample, speed.torch_by_sample].map(|us| us[1]);
    study.claim_measured(
        "PyTorch is a lot faster",
        "\"PyTorch is a lot faster, as it relies less on loops and takes full advantage of the batch processing\"",
        format!(
            "{}libtorch's tensors sample by sample, as the document uses them, take {:.0} times as \
             long as in batches; from scratch, sample by sample {:.1} and in batches {:.2} times as long as libtorch \
             in batches",
            if torch_loops > 2.0 * torch { "it is the batches: " } else { "" },
            torch_loops / torch,
            loops / torch,
            scratch / torch
        ),
        Some(torch_loops > 2.0 * torch),
    );
}
