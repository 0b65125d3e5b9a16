//! The study in words: the document's claims answered, report.md, and the terminal's summary.

use super::{
    super::{StudyVerdict, page},
    Findings, PRINTED, Printed, engines_apart,
    folds::{
        self, Among, BOTH, EPOCHS, FEW, Init, LONG, MANY, Of, On, Placed, RATES, Setup, Updates, at_rate, long,
        scratch, torch, updated,
    },
    lockstep::Run,
    signal::LINEAR,
};
use crate::{
    report::power,
    run::Phase,
    study::{Sample, quartiles},
};
use page::table;

/// The loss of an answer that is the same everywhere: ½ for either class, each half of the points.
const CONSTANT: f64 = 0.25;
/// A fold has learned something once its loss is below half of that.
const LEARNED: f64 = CONSTANT / 2.0;
/// It has left the plateau once its loss is a fifth below it.
const LEFT: f64 = 0.8 * CONSTANT;

/// A number with a sign that Markdown shows.
fn signed(value: f64) -> String {
    signed_to(2, value)
}

/// The same with so many digits.
fn signed_to(digits: usize, value: f64) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

/// `3.53 to 7.00`.
fn range([low, high]: [f64; 2]) -> String {
    format!("{} to {}", signed(low), signed(high))
}

impl Findings {
    fn of(&self, setup: Setup) -> Of<'_> {
        self.folds.of(setup)
    }

    /// A row of Table III among ours, with the document's protocol.
    fn place(&self, printed: &Printed, on: On, epochs: usize) -> Placed {
        self.of(scratch(printed.init)).place(printed.table, on, epochs)
    }

    /// Folds at a rate: the document's own is in the main runs.
    fn rate(&self, init: Init, rate: f64) -> Of<'_> {
        if rate == 0.1 { self.of(scratch(init)).first(FEW) } else { self.of(at_rate(init, rate)) }
    }
}

/// The median of epochs; infinite where it is not reached.
fn median(epochs: &[f64]) -> f64 {
    let median = quartiles(epochs)[1];
    if median.is_finite() { median } else { f64::INFINITY }
}

/// An epoch; a dash where it is not reached.
fn epoch_words(epoch: f64) -> String {
    if epoch.is_finite() { format!("{epoch:.0}") } else { "–".to_owned() }
}

/// Rates whose plateau the document compares.
const COMPARED: [f64; 3] = [0.1, 0.2, 0.3];

/// The median epochs that PyTorch's weights need to learn something at each of these rates, and whether fewer at each
/// larger one; it cannot be told where none is reached.
fn faster_at_larger_rates(found: &Findings) -> ([f64; 3], Option<bool>) {
    let medians = COMPARED.map(|rate| median(&found.rate(Init::Pytorch, rate).epochs_to(LEARNED)));
    let earlier = |pair: &[f64]| pair[1] < pair[0] || pair.iter().all(|epoch| epoch.is_infinite());
    let reached = medians.iter().any(|epoch| epoch.is_finite());
    (medians, reached.then(|| medians.windows(2).all(earlier)))
}

/// The loss of PyTorch's weights from epoch 1 to 2, from 3 to 7, in epoch 3, and whether that is a plateau.
fn on_the_plateau(found: &Findings) -> (f64, f64, f64, bool) {
    let of = found.of(scratch(Init::Pytorch));
    let [first, second, third, seventh] = [1, 2, 3, 7].map(|epoch| of.loss(epoch).mean);
    let (before, after) = (first - second, third - seventh);
    // A plateau where a constant answer's loss is, and flat: four epochs that do a fourth of what one did before.
    (before, after, third, (third - CONSTANT).abs() < 0.02 && after < 0.25 * before)
}

/// Every rate, ascending.
fn rates() -> Vec<f64> {
    super::super::sorted(RATES.into_iter().chain([0.1]).collect())
}

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

/// The printed test error of PyTorch less its training error, in points.
fn printed_gap() -> f64 {
    PRINTED[3].table.mean - PRINTED[2].table.mean
}

/// The same of ours with both causes in: the first fold's test points rescaled and read an epoch earlier.
fn gap_of_both(found: &Findings) -> (Sample, Among) {
    gap(found, On::TestRescaledOnce, EPOCHS - 1)
}

/// PyTorch's test error above its training error, over tables, and the printed one among them.
fn gap(found: &Findings, on: On, after: usize) -> (Sample, Among) {
    let ours = found.of(scratch(Init::Pytorch)).gaps((on, after), EPOCHS);
    (Sample::of(&ours), Among::new(printed_gap(), ours))
}

/// Whether what differs is not the engine: parity wherever initial weights are equal, and mean test errors within 0.2
/// points over the same folds.
fn engines_alike(found: &Findings) -> bool {
    found.runs.parity.iter().all(Run::is_parity)
        && BOTH.iter().all(|init| engines_apart(found, *init).mean_apart() < 0.2)
}

/// What the initialization is the whole difference of, as the end of a sentence's part; nothing where it is of nothing.
fn whole_difference(found: &Findings) -> &'static str {
    let trained = [&PRINTED[0], &PRINTED[2]].iter().all(|printed| found.place(printed, On::Train, EPOCHS).agrees());
    match (engines_alike(found), trained) {
        (true, true) => ", and the whole difference between the engines and of the printed training errors",
        (true, false) => ", and the whole difference between the engines",
        (false, _) => "",
    }
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

/// The terminal's summary.
pub(super) fn summary(study: &StudyVerdict) -> String {
    page::summary(study, "circle: a mini deep-learning framework and PyTorch")
}

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    [
        opening(found),
        page::claims(study),
        table_iii(found),
        initialization(found),
        why_it_matters(found),
        updates(found),
        fold_0(found),
        readings(found),
        plateau(found),
        time(found),
        parity(found),
        page::end(study),
    ]
    .concat()
}

/// The answer, of both engines over the same folds.
fn answer(found: &Findings) -> String {
    let [custom, pytorch] = BOTH.map(|init| engines_apart(found, init));
    let errors = |engines: &super::Engines| {
        let [scratch, torch] = engines.means.map(|mean| format!("{mean:.1}"));
        if scratch == torch { scratch } else { format!("{scratch} (from scratch) and {torch} (libtorch)") }
    };
    let higher = (0..2).all(|engine| pytorch.means[engine] > custom.means[engine]);
    let raise = if higher { "raise" } else { "change" };
    let start = if engines_alike(found) {
        "**It is not the engine: started from equal weights the two agree step by step, and PyTorch's default weights \
         alone, in either engine,"
    } else {
        "**Started from equal weights the two do not agree throughout; PyTorch's default weights"
    };
    let both = found.place(&PRINTED[3], On::TestRescaledOnce, EPOCHS - 1);
    let rest = if both.agrees() && gap_of_both(found).1.inside {
        "The rest of the printed gap comes from a plot that moved one fold's test points, and from errors read an \
         epoch apart"
    } else {
        "A plot that moved one fold's test points and errors read an epoch apart do not account for the rest of the \
         printed gap"
    };
    format!(
        "{start} {raise} our test error from about {} to about {} %** (the same {} folds). {rest}: with \
         both, our mean is {:.1} % over {} folds.",
        errors(&custom),
        errors(&pytorch),
        custom.count,
        both.ours.mean,
        both.ours.count
    )
}

fn opening(found: &Findings) -> String {
    format!(
        "# EPFL mini framework: who learns the circle better?\n\n\
         A hand-written framework and PyTorch train the same network, 2-25-25-25-25-2 with ReLU, on the same kind of \
         points at the same rate; the document prints 4.88 % test errors for the one and 16.59 % for the other, and \
         suspects the way gradients are updated. {}\n\n\
         ![loss, training and test errors over the epochs, from both initializations](figure-2.svg)\n\n\
         ![test points, untrained and trained decision regions](figure-1.svg)\n\n\
         ## The document's claims\n\n\
         \"Agrees\" of a row of Table III means: its mean and its deviation both lie within those of 95 in 100 tables \
         of ten folds, of which {} were made. Networks are trained for 20 epochs of 10 steps, a fold has points and \
         weights of its own, and errors are in per cent of 1000 points. Points are standardized by one mean and one \
         deviation for both coordinates, the training set's; mini-batches are not shuffled; deviations are with \
         n − 1.\n\n",
        answer(found),
        MANY as usize / folds::TEN
    )
}

fn table_iii(found: &Findings) -> String {
    let row = |printed: &Printed, name: &str, on, epochs| {
        let ours = found.place(printed, on, epochs);
        vec![
            name.to_owned(),
            printed.table.to_string(),
            ours.ours.to_string(),
            ours.ours.count.to_string(),
            range(ours.mean.range),
            range(ours.deviation.range),
            page::agrees(Some(ours.agrees())).to_owned(),
        ]
    };
    let [custom_train, custom_test, train, test] = &PRINTED;
    let rows = [
        row(custom_train, "custom, training points", On::Train, EPOCHS),
        row(custom_test, "custom, test points", On::Test, EPOCHS),
        row(train, "PyTorch's, training points", On::Train, EPOCHS),
        row(test, "PyTorch's, test points as drawn", On::Test, EPOCHS),
        row(test, "PyTorch's, test points of fold 0 rescaled", On::TestRescaledOnce, EPOCHS),
        row(custom_test, "custom, test points of fold 0 rescaled", On::TestRescaledOnce, EPOCHS),
    ];
    format!(
        "\n## Table III among tables like it\n\n\
         Ten folds are few: their mean and their deviation vary from table to table. So the ten folds are repeated {} \
         times, and each printed row is looked up among them. The last row is a cross-check: had the plot spoiled the \
         custom framework's test too, its printed row could not be what it is.\n\n{}\n\
         ![means and deviations of tables of ten folds, with the printed ones](tables.svg)\n",
        MANY as usize / folds::TEN,
        table(&["initialization", "printed", "ours", "folds", "means of 95 in 100 tables", "deviations", ""], 1, &rows)
    )
}

/// The printed training and test errors of the framework that has an initialization.
fn printed(init: Init) -> [Sample; 2] {
    let [custom_train, custom_test, train, test] = PRINTED.map(|printed| printed.table);
    if init == Init::Custom { [custom_train, custom_test] } else { [train, test] }
}

fn initialization(found: &Findings) -> String {
    let mut rows = Vec::new();
    for (engine, setup) in [("scratch", scratch as fn(Init) -> Setup), ("libtorch", torch)] {
        for init in BOTH {
            let of = found.of(setup(init));
            let [train, test] = [On::Train, On::Test].map(|on| of.error(on, EPOCHS).to_string());
            let loss = format!("{:.3}", of.loss(EPOCHS));
            let [of_train, of_test] = printed(init).map(|table| table.to_string());
            let mut row = vec![engine.to_owned(), init.name().to_owned(), of_train, train, of_test, test, loss];
            row.push(of.0.len().to_string());
            rows.push(row);
        }
    }
    let train = |init| found.of(scratch(init)).error(On::Train, EPOCHS);
    let equal: Vec<String> = BOTH
        .iter()
        .map(|init| {
            let apart = engines_apart(found, *init);
            let weights = if *init == Init::Custom { "the custom" } else { "PyTorch's" };
            let others = match apart.count - apart.equal {
                0 => String::new(),
                others => format!(
                    ", the other {others} within {:.1} points; the means differ by {:.3}",
                    apart.largest,
                    apart.mean_apart()
                ),
            };
            format!(
                "from {weights} weights {} of {} folds end with the very same test errors{others}",
                apart.equal, apart.count
            )
        })
        .collect();
    let others: Vec<Vec<String>> = BOTH
        .iter()
        .map(|init| scratch(*init))
        .chain(folds::others())
        .map(|setup| {
            let of = found.of(setup);
            let [train, test] = [On::Train, On::Test].map(|on| of.error(on, EPOCHS).to_string());
            vec![setup.init.name().to_owned(), train, test, of.0.len().to_string()]
        })
        .collect();
    // Weights bring their figures along: with either engine a row's training errors are the printed framework's.
    let alike = engines_alike(found);
    let follow = alike && whole_difference(found).ends_with("training errors");
    let tested = |setup| found.of(setup).error(On::Test, EPOCHS);
    let better = folds::others().iter().all(|setup| tested(scratch(Init::Pytorch)).above(&tested(*setup)) > 2.0);
    format!(
        "\n## First puzzle: {}\n\n\
         The custom framework draws weights and biases from N(0, 2/(in + out)), PyTorch from U(±1/√in). Each engine is \
         trained from each. {}The printed training errors, of ten folds each, are {:.1} standard errors \
         apart; ours are {:.0}.\n\n{}\n\
         Folds are the same for both engines, so they can be compared one by one: {}.\n\n\
         In lockstep the verdict on the published pair is {} ([report](as-published/report.md)): {}. Without that \
         difference it is {} ([report](parity/report.md)).\n\n\
         Other initial weights, engine from scratch{}\n\n{}",
        if alike { "initialization, not the engine" } else { "initialization or engine?" },
        if follow {
            "PyTorch's engine with the custom weights has the custom figures, the engine from scratch with PyTorch's \
             weights has PyTorch's training errors (its test errors are the second puzzle). "
        } else {
            ""
        },
        PRINTED[2].table.above(&PRINTED[0].table),
        train(Init::Pytorch).above(&train(Init::Custom)),
        table(
            &["engine", "initialization", "printed", "training error", "printed", "test error", "last loss", "folds"],
            2,
            &rows
        ),
        equal.join(". And "),
        found.runs.as_published.verdict.verdict,
        if found.runs.as_published.differs_at_the_start_alone() {
            "it starts from other values, and every phase of every step, given equal weights, is within its rounding \
             bound"
        } else {
            "it differs in more than the values that it starts from"
        },
        found.runs.parity.first().map_or(String::new(), |run| run.verdict.verdict.to_string()),
        if better {
            ": schemes made for deep networks do better than PyTorch's default here, with biases of 0 as well."
        } else {
            ":"
        },
        table(&["initialization", "training error", "test error", "folds"], 1, &others)
    )
}

fn why_it_matters(found: &Findings) -> String {
    let rows: Vec<Vec<String>> = (0..LINEAR.len())
        .map(|place| {
            let cells = found
                .signal
                .iter()
                .flat_map(|signal| [format!("{:.3}", signal.varies[place]), format!("{:.3}", signal.gradient[place])]);
            [format!("{}.weight", LINEAR[place])].into_iter().chain(cells).collect()
        })
        .collect();
    format!(
        "\n### Why the scale matters, ReLU or not\n\n\
         Before the first step, over {FEW} folds: by how much a unit of each linear layer varies from point to point, \
         and the norm of the gradient in its weights. U(±1/√in) has a variance of 1/(3·in), and a ReLU passes half of \
         it, so that each layer keeps about √(1/6) of the signal; the custom weights keep √(1/2). Through five layers \
         PyTorch's network answers nearly the same everywhere, which is where it then stays for a while.\n\n{}",
        table(&["layer", "custom: varies by", "gradient", "PyTorch's: varies by", "gradient"], 1, &rows)
    )
}

fn updates(found: &Findings) -> String {
    let mut rows = Vec::new();
    for init in BOTH {
        for (name, setup) in [
            ("one for each mini-batch", scratch(init)),
            ("one for each sample, at the batch's rate 0.1", updated(init, Updates::Sample)),
            ("one for each sample, at a hundredth of it", updated(init, Updates::SampleShared)),
        ] {
            let of = found.of(setup);
            let errors = [5, EPOCHS].map(|epochs| of.error(On::Test, epochs).to_string());
            let mut row = vec![init.name().to_owned(), name.to_owned(), format!("{:.3}", of.loss(2).mean)];
            row.extend(errors);
            row.push(of.0.len().to_string());
            rows.push(row);
        }
    }
    let losses = BOTH.map(|init| found.of(updated(init, Updates::Sample)).loss(2).mean);
    let [at_once, shared] = [Updates::Sample, Updates::SampleShared]
        .map(|updates| BOTH.map(|init| found.of(updated(init, updates)).error(On::Test, EPOCHS)));
    let printed = PRINTED[1].table;
    // From PyTorch's own weights, too, such updates would give the custom framework's printed error.
    let explains = at_once[1].agrees(&printed)
        && found.of(scratch(Init::Pytorch)).error(On::Test, EPOCHS).above(&at_once[1]) > 2.0;
    let by_sample = found.runs.by_sample.iter().find(|run| !run.is_parity()).or(found.runs.by_sample.first());
    let Run { verdict, .. } = &found.runs.per_sample;
    let first = verdict.first_divergence.as_ref();
    let first = first
        .map(|first| format!(" in the {} of {}, step {}", first.phase.name(), first.tensor, first.step))
        .unwrap_or_default();
    let sum = &found.runs.sum;
    let cancel = (sum.ratio(Phase::Backward) * sum.ratio(Phase::Update) - 1.0).abs() < 1e-3;
    format!(
        "\n## Not per-sample updates\n\n\
         The document explains the difference by its gradients, \"updated each time backward_pass is called\". But \
         they are added up, and the weights take one step for each mini-batch (its section II-C). Its loss gives 2(v \
         − t)/2 for each sample and its step is η/batch; PyTorch's mean over batch and outputs gives 2(v − \
         t)/(2·batch) and its step is η: the same. An engine that does exactly that (each sample forward, forward \
         again and backward by itself, gradients added up, one step), compared with libtorch's batches over 200 \
         steps, in f32 and in f64: **{}**.\n\n\
         Written as a sum (the gradient of ½Σ(v − t)² at rate 0.001) the verdict is {}, with the gradient {:.2} times \
         and the update {:.4} times PyTorch's: two differences{}, and weights that stay within {}.\n\n\
         And if the framework did update the weights at each sample? The verdict is {}{first}. At the batch's rate \
         0.1 for each sample the loss in epoch 2 is {:.3} from the custom weights and {:.3} from PyTorch's, {} \
         {LEARNED}, and test errors end at {} and {} %, where the custom framework's printed error is {printed} %{}. \
         At η/batch for each sample, as much in all as the document's step, they end at {} and {} %{}.\n\n{}",
        by_sample.map_or(String::new(), |run| run.verdict.verdict.to_string()),
        sum.verdict.verdict,
        sum.ratio(Phase::Backward),
        sum.ratio(Phase::Update),
        if cancel { " that cancel" } else { "" },
        power(Some(sum.free_gap("weights"))),
        verdict.verdict,
        losses[0],
        losses[1],
        if losses.iter().all(|loss| *loss < LEARNED) { "both below" } else { "not both below" },
        at_once[0],
        at_once[1],
        if explains { ": at that rate per-sample updates would have been an explanation" } else { "" },
        shared[0],
        shared[1],
        if shared[1].above(&shared[0]) > 2.0 { ": the initialization makes its difference all the same" } else { "" },
        table(
            &["initialization", "updates", "loss in epoch 2", "test error, 5 epochs", "20 epochs", "folds"],
            2,
            &rows
        )
    )
}

fn fold_0(found: &Findings) -> String {
    let of = found.of(scratch(Init::Pytorch));
    let rescaled = of.rescaled(EPOCHS);
    let row = |on, name: &str| {
        let ours = found.place(&PRINTED[3], on, EPOCHS);
        vec![
            name.to_owned(),
            PRINTED[3].table.to_string(),
            format!("{} ({:.0} %)", range(ours.mean.range), ours.mean.below),
            format!("{} ({:.0} %)", range(ours.deviation.range), ours.deviation.below),
            page::agrees(Some(ours.agrees())).to_owned(),
        ]
    };
    let rows = [row(On::Test, "taken out"), row(On::TestRescaledOnce, "put in")];
    format!(
        "\n## Second puzzle: why PyTorch tests so much worse than it trains\n\n\
         The document finds train and test \"very similar\", and prints 10.17 % and 16.59 %. Its Figure 1 shows the \
         test points \"recentered in [0,1] × [0,1]\": the plot does that in place, in the first fold, before \
         PyTorch's network is tested on them. That network was trained on standardized points, so the whole square \
         now lies in one corner of the circle: {rescaled} % wrong over {} folds{}.\n\n\
         ![test points as drawn, and rescaled in place](fold-0.svg)\n\n\
         One such fold in ten, in and out, with the share of our tables that lie up to the printed value:\n\n{}",
        rescaled.count,
        if (40.0..55.0).contains(&rescaled.mean) {
            ", as it is with nearly all of it taken for inside: about as many as by guessing"
        } else {
            ""
        },
        table(&["rescaled first fold", "printed", "means of 95 in 100 tables", "deviations", ""], 1, &rows)
    )
}

/// Both readings of Table III, and what its test error lies above its training error.
fn readings(found: &Findings) -> String {
    let mut rows = Vec::new();
    for printed in &PRINTED {
        for after in [EPOCHS - 1, EPOCHS] {
            let ours = found.place(printed, printed.on, after);
            let mut row =
                vec![printed.init.name().to_owned(), if printed.on == On::Train { "train" } else { "test" }.to_owned()];
            let theirs = if printed.read_after == after { " (their code)" } else { "" };
            row.push(format!("{after} epochs{theirs}"));
            row.extend([printed.table.to_string(), ours.ours.to_string(), ours.ours.count.to_string()]);
            row.push(page::agrees(Some(ours.agrees())).to_owned());
            rows.push(row);
        }
    }
    format!(
        "\n## Third puzzle: errors read at different ends of the epoch\n\n\
         In the authors' public code the custom framework counts its errors before each epoch, so that its last \
         reading is after 19 epochs; PyTorch's loop counts training errors after the epoch and, as far as its public \
         versions show, test errors before it. Both readings of each row:\n\n{}\n\
         For the custom weights, which have all but arrived, the epoch is worth {:.2} points of test error, for \
         PyTorch's, in full descent, {:.2}. By how much PyTorch's test error lies above its training error tells both \
         causes apart, because the two errors of a table rise and fall together. It is printed as {:.2} points; each \
         cause alone, and both:\n\n{}",
        table(&["initialization", "points", "read after", "printed", "ours", "folds", ""], 3, &rows),
        step_of_last_epoch(found, Init::Custom),
        step_of_last_epoch(found, Init::Pytorch),
        printed_gap(),
        gaps(found)
    )
}

/// PyTorch's test error above its training error, with each cause and without.
fn gaps(found: &Findings) -> String {
    let of = found.of(scratch(Init::Pytorch));
    let mut rows = Vec::new();
    for (rescaled, on) in [("out", On::Test), ("in", On::TestRescaledOnce)] {
        for (apart, after) in [("out", EPOCHS), ("in", EPOCHS - 1)] {
            let (sample, among) = gap(found, on, after);
            rows.push(vec![
                rescaled.to_owned(),
                apart.to_owned(),
                PRINTED[3].table.to_string(),
                of.error(on, after).to_string(),
                format!("{:.2}", printed_gap()),
                sample.to_string(),
                range(among.range),
                format!("{:.0} %", among.below),
                if among.inside { "agrees" } else { "does not agree" }.to_owned(),
            ]);
        }
    }
    table(
        &[
            "first fold rescaled",
            "test read an epoch earlier",
            "printed test error",
            "ours",
            "printed gap",
            "ours",
            "95 in 100 tables",
            "tables up to the printed",
            "",
        ],
        2,
        &rows,
    )
}

/// What the last epoch takes off the test error, in points.
fn step_of_last_epoch(found: &Findings, init: Init) -> f64 {
    let of = found.of(scratch(init));
    of.error(On::Test, EPOCHS - 1).mean - of.error(On::Test, EPOCHS).mean
}

fn plateau(found: &Findings) -> String {
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

fn time(found: &Findings) -> String {
    let speed = &found.speed;
    let row = |name: &str, us: [f64; 3]| {
        vec![
            name.to_owned(),
            format!("{:.0} ({:.0} to {:.0})", us[1], us[0], us[2]),
            format!("{:.2}", us[1] / speed.torch[1]),
        ]
    };
    let rows = [
        row("libtorch, in batches", speed.torch),
        row("libtorch, sample by sample", speed.torch_by_sample),
        row("scratch, in batches", speed.scratch),
        row("scratch, sample by sample", speed.scratch_by_sample),
    ];
    // The middle halves must not overlap.
    let answer = |other: [f64; 3]| match (speed.torch[2] < other[0], other[2] < speed.torch[0]) {
        (true, _) => "yes",
        (_, true) => "no",
        _ => "about as fast",
    };
    format!(
        "\n## Is PyTorch a lot faster?\n\n\
         Than loops over samples, {}; than batches from scratch, on a network this small, {}. Microseconds of a step \
         on a mini-batch of 100, measured on this machine, one thread, blocks of the four in turn: median and middle \
         half. Sample by sample is the document's procedure, which passes each sample forward twice; the document's \
         Python around it is not in these numbers.\n\n{}",
        answer(speed.scratch_by_sample),
        answer(speed.scratch),
        table(&["", "µs per mini-batch", "times libtorch in batches"], 1, &rows)
    )
}

fn parity(found: &Findings) -> String {
    let runs = found.runs.parity.iter().chain(&found.runs.by_sample);
    let rows: Vec<Vec<String>> = runs
        .map(|run| {
            let horizon = run.verdict.horizon.map_or("none".to_owned(), |step| step.to_string());
            let gaps = ["loss", "weights"].map(|tensor| power(Some(run.free_gap(tensor))));
            let mut row =
                vec![run.name.clone(), run.verdict.verdict.to_string(), horizon, run.verdict.tied.to_string()];
            row.extend(gaps);
            row
        })
        .collect();
    format!(
        "\n## Parity\n\n\
         Equal initial weights on both sides. Parity is: every phase of every step within its rounding bound, and the \
         free run within its horizon. Beside it the largest gaps between the two free runs. Ties are ReLUs that \
         rounding pushes to either side of 0; after one a run in f32 drifts.\n\n{}",
        table(&["run", "verdict", "horizon", "ties", "loss", "weights"], 2, &rows)
    )
}
