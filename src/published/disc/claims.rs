//! The document's claims, each with its answer, and what had to hold for the answers to count.

use super::{
    Findings,
    differences::Differences,
    inits::LONG,
    labels::{LIMIT, STEPS},
    networks::{NETWORKS, Network, RELU_NORMAL, RELU_UNIFORM, SIGMOID_NORMAL, SIGMOID_UNIFORM, TANH_UNIFORM},
    rates::RATES,
    runs::{Final, constant, tests, trains},
    speed::{BACKWARD, FORWARD},
};
use crate::study::{Sample, StudyVerdict, largest, together};

/// What ReLU is set beside.
pub(super) const OTHER_ACTIVATIONS: [&str; 2] = ["tanh", "sigmoid"];

/// The networks other than relu (normal) and sigmoid (uniform).
const OTHERS: [usize; 4] = [RELU_UNIFORM, 2, TANH_UNIFORM, SIGMOID_NORMAL];

/// The batch size of the printed gain of 60.
pub(super) const GAIN_AT: usize = 50;

/// An error of a network's runs.
pub(super) type Measure = fn(&[Final]) -> Sample;

/// A row of Table 1: its name, what is printed and what is ours.
pub(super) type Row = (&'static str, fn(&Network) -> Sample, Measure);

/// Both errors of Table 1.
pub(super) const ERRORS: [Row; 2] =
    [("training", |network| network.train, trains), ("test", |network| network.test, tests)];

/// Answers every claim.
pub(super) fn answer(found: &Findings, study: &mut StudyVerdict) {
    errors(found, study);
    sum(found, study);
    stuck(found, study);
    relu_normal(found, study);
    comparisons(found, study);
    rates(found, study);
    times(found, study);
    labels(found, study);
}

fn errors(found: &Findings, study: &mut StudyVerdict) {
    for (part, printed, error) in ERRORS {
        let ours = |network: usize| error(&found.table.fixed[network]);
        let answer = |network: &usize| found.table.answer(*network, &printed(&NETWORKS[*network]), error);
        let words: Vec<_> =
            OTHERS.iter().map(|network| format!("{} {}", NETWORKS[*network].name(), ours(*network))).collect();
        let with =
            |wanted: Option<bool>| Findings::names(OTHERS.iter().copied().filter(|network| answer(network) == wanted));
        study.claim(
            &format!("Table 1, {part} error of the four other than relu (normal) and sigmoid (uniform)"),
            &OTHERS.map(|network| printed(&NETWORKS[network]).to_string()).join(", "),
            format!(
                "{} %; equal within two standard errors: {}; not so, but within the range of other data sets, and the \
                 document's is not known: {}; outside of that range: {}",
                words.join(", "),
                with(Some(true)),
                with(None),
                with(Some(false))
            ),
            together(OTHERS.iter().map(answer)),
        );
    }
}

fn sum(found: &Findings, study: &mut StudyVerdict) {
    let hurt = found.hurt_by_mean();
    let how = |network: &usize| {
        let [sum, mean] = [&found.table.fixed, &found.sums.mean].map(|runs| tests(&runs[*network]));
        format!("{} {sum} % with the sum, {mean} % with the mean", NETWORKS[*network].name())
    };
    study.claim(
        "a mean squared error at rate .01",
        "\"simply returns the mean squared error\" (§2.5), learning rate 0.01",
        format!(
            "the library's loss is a sum, so that .01 stands for .5; a mean at .01 is worse for {} of six: {}",
            hurt.len(),
            hurt.iter().map(how).collect::<Vec<_>>().join("; ")
        ),
        // The text's loss at the text's rate does what its table says only if it does what the sum does.
        Some(hurt.is_empty()),
    );
}

fn stuck(found: &Findings, study: &mut StudyVerdict) {
    let Network { train, test, .. } = &NETWORKS[SIGMOID_UNIFORM];
    let runs = &found.table.fixed[SIGMOID_UNIFORM];
    let drawn = &found.table.drawn[SIGMOID_UNIFORM];
    let [of_training, of_test] = found.table.prior;
    study.claim(
        "sigmoid (uniform) does not learn",
        &format!("{train} training, {test} test, 15 runs"),
        format!(
            "{} and {} on one data set, {} of {} runs say the same of every row: class 1 has {of_training:.1} % of the \
             training rows, {of_test:.1} % of the test rows; {} and {} where each run draws its own",
            trains(runs),
            tests(runs),
            constant(runs),
            runs.len(),
            trains(drawn),
            tests(drawn)
        ),
        // Stuck, with no spread as all runs are equal: the digits are those of the data set.
        together(ERRORS.iter().map(|(_, printed, error)| {
            found.table.answer(SIGMOID_UNIFORM, &printed(&NETWORKS[SIGMOID_UNIFORM]), *error)
        })),
    );
}

fn relu_normal(found: &Findings, study: &mut StudyVerdict) {
    let Network { train, test, .. } = &NETWORKS[RELU_NORMAL];
    let [many, _] = &found.inits.relu_normal;
    let errors = |pick: fn(f64, f64) -> f64, start: f64| many.iter().map(|run| run.test).fold(start, pick);
    study.claim(
        "relu (normal)",
        &format!("{train} training, {test} test, 15 runs"),
        format!(
            "{} and {} over {} runs (test error from {:.1} to {:.1}), of which {} say the \
             same of every row",
            trains(many),
            tests(many),
            many.len(),
            errors(f64::min, f64::INFINITY),
            errors(f64::max, 0.0),
            constant(many)
        ),
        together(ERRORS.iter().map(|(_, printed, error)| {
            let printed = printed(&NETWORKS[RELU_NORMAL]);
            match error(many).agrees(&printed) {
                true => Some(true),
                false if found.table.may_be(RELU_NORMAL, &printed, *error) => None,
                false => Some(false),
            }
        })),
    );
}

fn comparisons(found: &Findings, study: &mut StudyVerdict) {
    let printed = Differences::of(&NETWORKS.map(|network| network.test));
    let ours = found.differences();
    let words = |found: &Differences| {
        format!(
            "{} of {} pairs differ by more than two standard errors, {} significantly; no two differ of {}",
            found.two_errors,
            found.pairs,
            found.significant,
            Findings::names(found.group.iter().copied())
        )
    };
    // Most of six are four.
    study.claim(
        "no significant difference between most networks, by the printed numbers",
        "\"no significant difference between most networks, with a few exceptions\"",
        words(&printed),
        Some(printed.group.len() >= 4),
    );
    study.claim("…by ours", "likewise", words(&ours), Some(ours.group.len() >= 4));
    let [best, worst] = found.extremes();
    let error = |network: usize| format!("{} with {}", NETWORKS[network].name(), tests(&found.table.fixed[network]));
    let near = (0..NETWORKS.len())
        .filter(|network| *network != best)
        .filter(|network| tests(&found.table.fixed[*network]).agrees(&tests(&found.table.fixed[best])));
    study.claim(
        "sigmoid is the worst, with uniform weights",
        "\"both the worst and the best one, depending on weight initialization\"",
        format!("worst: {}", error(worst)),
        found.is_extreme(SIGMOID_UNIFORM, true),
    );
    study.claim(
        "…and the best, with normal ones",
        "likewise",
        format!("best: {}; within two standard errors of it: {}", error(best), Findings::names(near)),
        found.is_extreme(SIGMOID_NORMAL, false),
    );
}

fn rates(found: &Findings, study: &mut StudyVerdict) {
    let compared: Vec<usize> = (0..NETWORKS.len()).filter(|network| found.rates_compare(*network)).collect();
    let words: Vec<_> = compared
        .iter()
        .map(|network| {
            let swept = &found.rates[*network];
            let best = swept.best();
            format!(
                "{} best at {} ({}, {:+.1} s.e.)",
                NETWORKS[*network].name(),
                RATES[best],
                tests(&swept.by_rate[best]),
                swept.above_best()
            )
        })
        .collect();
    let [_, slower] = &found.inits.relu_normal;
    study.claim(
        ".01 is quasi-optimal for each network",
        "\"a learning rate of 0.01 was quasi-optimal for each network\"",
        format!(
            "{}; in brackets the best rate's test error and how far that of .01 lies above it. Quasi-optimal is within \
             two standard errors of the best of nine rates, which, of {} runs each, is lower than its true mean. relu \
             (normal): {} of {} runs at a tenth of the rate end constant",
            words.join("; "),
            super::rates::RUNS,
            constant(slower),
            slower.len()
        ),
        if compared.is_empty() {
            None
        } else {
            Some(compared.iter().all(|network| found.rates[*network].is_quasi_optimal() == Some(true)))
        },
    );
}

fn times(found: &Findings, study: &mut StudyVerdict) {
    for (engine, name) in ["libtorch", "scratch"].into_iter().enumerate() {
        let words = |relu: bool| {
            let [least, largest] = found.steps(engine, relu);
            format!("{:.2} to {:.2} µs (middle halves {:.2} to {:.2})", least[1], largest[1], least[0], largest[2])
        };
        study.claim_measured(
            &format!("both ReLU networks are significantly faster: {name}"),
            "1.82 ± 0.01 and 1.87 ± 0.09 s against 2.07 ± 0.16 to 2.50 ± 0.23 s",
            format!("a step of theirs takes {}, of the others {}", words(true), words(false)),
            found.relu_is_faster(engine),
        );
    }
    let savings = OTHER_ACTIVATIONS.map(|other| {
        let [forward, backward] = [FORWARD, BACKWARD].map(|phase| found.saving(other, phase));
        format!(
            "against {other}, {:.1} and {:.1} µs (libtorch), {:.2} and {:.2} µs (scratch)",
            forward[0], backward[0], forward[1], backward[1]
        )
    });
    study.claim_measured(
        "…because its backward pass multiplies less",
        "\"does not require multiplication of two small numerical values for the backward pass\"",
        format!("what ReLU saves in forward and in backward: {}", savings.join("; ")).replace('-', "−"),
        Some(found.saves_backward()),
    );
    let [[t0, t1], [s0, s1]] = found.backward_over_forward();
    let [forward, backward] = found.speed.counted;
    let counted = backward as f64 / forward as f64;
    study.claim(
        "backward costs twice the forward pass, in arithmetic",
        "\"computationally twice more expensive than the forward pass\" (§3.3)",
        format!(
            "two products for one: counted in multiply-adds {backward}/{forward} = {counted:.2}; with the gradient in \
             the first layer's inputs, which the document's library returns too, 2.00"
        ),
        Some((counted - 2.0).abs() < 0.1),
    );
    study.claim_measured(
        "…and by the clock",
        "the text counts no time",
        format!(
            "{t0:.1} to {t1:.1} times (libtorch), {s0:.1} to {s1:.1} times (scratch), of all networks on batches of 50 \
             and of tanh (uniform) on all 1000 rows at once"
        ),
        // Nearer to 2 than to 1 or 4, of every network and engine.
        Some([t0, t1, s0, s1].iter().all(|ratio| (2f64.sqrt()..8f64.sqrt()).contains(ratio))),
    );
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    study.claim_measured(
        "mini-batches of 50 are 60 times as fast",
        "\"a speed-up by a factor of 60\" (§3.4)",
        format!(
            "{torch:.0} times (libtorch), {scratch:.1} times (scratch); batching alone cannot give more than \
             {GAIN_AT}, which is what it gives when a step costs the same whatever its rows"
        ),
        // More than batching can give, with a tenth for what a clock does.
        Some(torch > 1.1 * GAIN_AT as f64),
    );
}

fn labels(found: &Findings, study: &mut StudyVerdict) {
    let gap = largest(found.mirrored.iter().copied());
    let same = gap <= LIMIT;
    study.claim(
        "0 outside, 1 inside, where the code has it the other way round",
        "\"labelled with 0 if the point is outside the disk, and 1 if inside\"",
        format!(
            "{}: turned targets and a last layer with turned signs train {} the mirror image, all weights within \
             {gap:.0e} after {STEPS} steps",
            if same { "it does not matter" } else { "it matters" },
            if same { "as" } else { "not as" }
        ),
        // Either way gives the printed table as well as the other.
        Some(same),
    );
}

/// States what must hold for the study to have worked.
pub(super) fn expect(found: &Findings, study: &mut StudyVerdict) {
    let runs = |network: usize| [&found.table.fixed[network], &found.table.torch[network]];
    let stuck = runs(SIGMOID_UNIFORM).into_iter().flatten().all(|run| run.is_constant() && found.table.is_share(run));
    study.expect("every run of sigmoid (uniform) on one data set, in both engines, says the same of every row", stuck);
    let learns = runs(SIGMOID_NORMAL).into_iter().flatten().all(|run| run.test < 10.0);
    study.expect("every run of sigmoid (normal), in both engines, learns", learns);
    study.expect(
        "sigmoid's fate goes with the width of its initial weights and not with their distribution: uniform ones as \
         wide as N(0, 1) learn in every run, normal ones as narrow as U(±1/√m) in none",
        found.width_decides_sigmoid(),
    );
    study.expect(
        "so does relu's: wide uniform weights end constant in some runs, narrow normal ones in none",
        found.width_decides_relu(),
    );
    let off: Vec<usize> =
        found.inits.long.iter().filter(|long| long.lr == 0.1).filter_map(super::inits::Long::left).collect();
    study.expect(
        format!("at ten times the rate every long run of sigmoid (uniform) leaves the prior within {LONG} epochs"),
        off.len() == found.inits.long.iter().filter(|long| long.lr == 0.1).count(),
    );
    let mirrored = found.mirrored.iter().all(|gap| *gap <= LIMIT);
    study.expect("turned labels train as the mirror image, within 1e-9", mirrored);
}
