//! The document's claims, each with its answer, and what had to hold for the answers to count.

use super::{
    Findings,
    differences::Differences,
    inits::LONG,
    networks::{
        NETWORKS, Network, RELU_NORMAL, RELU_UNIFORM, SIGMOID_NORMAL, SIGMOID_UNIFORM, STEPS_PER_EPOCH, TANH_UNIFORM,
    },
    rates::RATES,
    runs::{Final, constant, tests, trains},
    speed::{BACKWARD, FORWARD},
};
use crate::study::{Sample, StudyVerdict};

/// The networks that neither are stuck nor fail to be reproduced.
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

impl Findings {
    /// Names of networks.
    pub(super) fn names(places: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<_> = places.into_iter().map(|network| NETWORKS[network].name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// The place with the least and the one with the largest mean test error.
    fn extremes(&self) -> [usize; 2] {
        let mean = |network: &usize| tests(&self.table.fixed[*network]).mean;
        let mut order: Vec<usize> = (0..NETWORKS.len()).collect();
        order.sort_by(|one, other| mean(one).total_cmp(&mean(other)));
        [order[0], order[NETWORKS.len() - 1]]
    }

    /// Networks that the mean at .01 leaves with a larger test error than the sum does.
    pub(super) fn hurt_by_mean(&self) -> Vec<usize> {
        let apart = |network: &usize| tests(&self.sums.mean[*network]).above(&tests(&self.table.fixed[*network]));
        (0..NETWORKS.len()).filter(|network| apart(network) > 2.0).collect()
    }

    /// µs of a phase on an engine, the least of an activation's networks: other programs only add to it.
    fn phase(&self, activation: &str, engine: usize, phase: usize) -> f64 {
        let networks = NETWORKS.iter().zip(&self.speed.phases).filter(|(network, _)| network.activation == activation);
        networks.map(|(_, phases)| phases[engine][phase]).fold(f64::INFINITY, f64::min)
    }

    /// How many µs a phase takes longer with tanh and sigmoid, on average, than with ReLU, for each engine.
    pub(super) fn saving(&self, phase: usize) -> [f64; 2] {
        [0, 1].map(|engine| {
            let of = |activation: &str| self.phase(activation, engine, phase);
            (of("tanh") + of("sigmoid")) / 2.0 - of("relu")
        })
    }

    /// Whether ReLU saves more in backward than in forward, for both engines.
    pub(super) fn saves_backward(&self) -> bool {
        let [forward, backward] = [FORWARD, BACKWARD].map(|phase| self.saving(phase));
        backward.iter().zip(&forward).all(|(backward, forward)| backward > forward)
    }

    /// Backward over forward of every network, for each engine: least and largest.
    pub(super) fn backward_over_forward(&self) -> [[f64; 2]; 2] {
        [0, 1].map(|engine| {
            let ratios = self.speed.phases.iter().map(|phases| phases[engine][BACKWARD] / phases[engine][FORWARD]);
            ratios.fold([f64::INFINITY, 0.0], |[low, high], ratio| [ratio.min(low), ratio.max(high)])
        })
    }

    /// µs of a step of an activation's networks on an engine: its phases together, each a median of many steps in which
    /// the engines take turns.
    fn step(&self, activation: &str, engine: usize) -> f64 {
        (0..4).map(|phase| self.phase(activation, engine, phase)).sum()
    }

    /// A step of relu's networks over that of another activation's, for each engine.
    pub(super) fn relu_over(&self, activation: &str) -> [f64; 2] {
        [0, 1].map(|engine| self.step("relu", engine) / self.step(activation, engine))
    }

    /// Whether a ReLU step takes 5 % less than either other one, on both engines.
    fn relu_is_faster(&self) -> bool {
        ["tanh", "sigmoid"].iter().all(|other| self.relu_over(other).iter().all(|share| *share < 0.95))
    }
}

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
        let agree = |network: &usize| ours(*network).agrees(&printed(&NETWORKS[*network]));
        let may_be = |network: &usize| found.table.may_be(*network, &printed(&NETWORKS[*network]), error);
        let words: Vec<_> =
            OTHERS.iter().map(|network| format!("{} {}", NETWORKS[*network].name(), ours(*network))).collect();
        let some = OTHERS.iter().copied().filter(may_be).collect::<Vec<_>>();
        study.claim(
            &format!("Table 1, {part} error of the four that are neither stuck nor divergent"),
            &OTHERS.map(|network| printed(&NETWORKS[network]).to_string()).join(", "),
            format!(
                "{} %; equal within two standard errors: {}; within the range of other data sets: {}",
                words.join(", "),
                Findings::names(OTHERS.iter().copied().filter(agree)),
                Findings::names(some.iter().copied())
            ),
            Some(OTHERS.iter().all(agree)),
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
            "{} and {} on one data set, all {} runs say the same of every row: class 1 has {of_training:.1} % of the \
             training rows, {of_test:.1} % of the test rows; {} and {} where each run draws its own",
            trains(runs),
            tests(runs),
            constant(runs),
            trains(drawn),
            tests(drawn)
        ),
        // Stuck, with no spread: the digits are those of the data set.
        Some(constant(runs) == runs.len() && trains(runs).deviation == 0.0),
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
            "not reached as published: {} and {} over {} runs (test error from {:.1} to {:.1}), of which {} say the \
             same of every row",
            trains(many),
            tests(many),
            many.len(),
            errors(f64::min, f64::INFINITY),
            errors(f64::max, 0.0),
            constant(many)
        ),
        Some(trains(many).agrees(train) && tests(many).agrees(test)),
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
    study.claim(
        "no significant difference between most networks",
        "\"no significant difference between most networks, with a few exceptions\"",
        format!("printed: {}; ours: {}", words(&printed), words(&ours)),
        // Most of six are four.
        Some(ours.group.len() >= 4),
    );
    let [best, worst] = found.extremes();
    study.claim(
        "sigmoid is both the worst and the best",
        "\"both the worst and the best one, depending on weight initialization\"",
        format!(
            "best: {} with {}; worst: {} with {}",
            NETWORKS[best].name(),
            tests(&found.table.fixed[best]),
            NETWORKS[worst].name(),
            tests(&found.table.fixed[worst])
        ),
        Some([best, worst] == [SIGMOID_NORMAL, SIGMOID_UNIFORM]),
    );
}

impl Findings {
    /// Which of our networks differ in their test errors, on one data set.
    pub(super) fn differences(&self) -> Differences {
        Differences::of(&self.table.fixed.iter().map(|runs| tests(runs)).collect::<Vec<_>>())
    }
}

fn rates(found: &Findings, study: &mut StudyVerdict) {
    let learn = found.rates.iter().zip(&NETWORKS).filter(|(swept, _)| swept.learns());
    let words: Vec<_> = learn
        .clone()
        .map(|(swept, network)| {
            let best = swept.best();
            format!(
                "{} best at {} ({}, {:+.1} s.e.)",
                network.name(),
                RATES[best],
                tests(&swept.by_rate[best]),
                swept.above_best()
            )
        })
        .collect();
    study.claim(
        ".01 is quasi-optimal for each network",
        "\"a learning rate of 0.01 was quasi-optimal for each network\"",
        format!("{}; in brackets the best rate's test error and how far that of .01 lies above it", words.join("; ")),
        Some(learn.clone().all(|(swept, _)| swept.is_quasi_optimal() == Some(true))),
    );
}

fn times(found: &Findings, study: &mut StudyVerdict) {
    let percent =
        |[torch, scratch]: [f64; 2]| format!("{:.0} % (libtorch), {:.0} % (scratch)", 100.0 * torch, 100.0 * scratch);
    study.claim(
        "both ReLU networks are significantly faster",
        "1.82 ± 0.01 and 1.87 ± 0.09 s against 2.07 ± 0.16 to 2.50 ± 0.23 s",
        format!(
            "a ReLU step takes of a tanh step {}, of a sigmoid step {}",
            percent(found.relu_over("tanh")),
            percent(found.relu_over("sigmoid"))
        ),
        Some(found.relu_is_faster()),
    );
    let [forward, backward] = [FORWARD, BACKWARD].map(|phase| found.saving(phase));
    study.claim(
        "…because its backward pass multiplies less",
        "\"does not require multiplication of two small numerical values for the backward pass\"",
        format!(
            "what ReLU saves in forward and in backward: {:.1} and {:.1} µs (libtorch), {:.2} and {:.2} µs (scratch)",
            forward[0], backward[0], forward[1], backward[1]
        )
        .replace('-', "−"),
        Some(found.saves_backward()),
    );
    let [[t0, t1], [s0, s1]] = found.backward_over_forward();
    let [forward, backward] = found.speed.counted;
    study.claim(
        "backward costs twice the forward pass",
        "\"computationally twice more expensive than the forward pass\" (§3.3)",
        format!(
            "counted in multiply-adds {backward}/{forward} = {:.2}; by the clock {t0:.1} to {t1:.1} times (libtorch), \
             {s0:.1} to {s1:.1} times (scratch)",
            backward as f64 / forward as f64
        ),
        // Nearer to 2 than to 1 or 4, of every network and engine.
        Some([t0, t1, s0, s1].iter().all(|ratio| (2f64.sqrt()..8f64.sqrt()).contains(ratio))),
    );
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    study.claim(
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
    let gap = found.mirrored.iter().copied().fold(0.0, f64::max);
    study.claim(
        "0 outside, 1 inside",
        "\"labelled with 0 if the point is outside the disk, and 1 if inside\"",
        format!(
            "the code has it the other way round, and it does not matter: turned targets and a last layer with turned \
             signs train as the mirror image, all weights within {gap:.0e} after {STEPS_PER_EPOCH} steps"
        ),
        Some(false),
    );
}

/// States what must hold for the study to have worked.
pub(super) fn expect(found: &Findings, study: &mut StudyVerdict) {
    let runs = |network: usize| [&found.table.fixed[network], &found.table.torch[network]];
    let [of_training, of_test] = found.table.prior;
    let is_prior = |run: &Final| {
        let all_of = |class_1: bool, share: f64| if class_1 { 100.0 - share } else { share };
        [false, true].iter().any(|class_1| {
            let near = |error: f64, share: f64| (error - all_of(*class_1, share)).abs() < 1e-9;
            near(run.train, of_training) && near(run.test, of_test)
        })
    };
    let stuck = runs(SIGMOID_UNIFORM).into_iter().flatten().all(|run| run.is_constant() && is_prior(run));
    study.expect("every run of sigmoid (uniform) on one data set, in both engines, says the same of every row", stuck);
    let learns = runs(SIGMOID_NORMAL).into_iter().flatten().all(|run| run.test < 10.0);
    study.expect("every run of sigmoid (normal), in both engines, learns", learns);
    let variant = |activation: &'static str, wide: bool| {
        let all = found.inits.variants.iter().filter(move |variant| variant.activation == activation);
        let start = if wide { "U(" } else { "N(0, 1/3m)" };
        all.filter(move |variant| variant.weights.starts_with(start)).flat_map(|variant| &variant.runs)
    };
    study.expect(
        "sigmoid's fate goes with the width of its initial weights and not with their distribution: uniform ones as \
         wide as N(0, 1) learn in every run, normal ones as narrow as U(±1/√m) in none",
        variant("sigmoid", true).all(|run| run.test < 10.0) && variant("sigmoid", false).all(Final::is_constant),
    );
    let dies = variant("relu", true).filter(|run| run.is_constant()).count();
    study.expect(
        "so does relu's: wide uniform weights end constant in some runs, narrow normal ones in none",
        dies > 0 && variant("relu", false).all(|run| run.test < 10.0),
    );
    let off: Vec<usize> =
        found.inits.long.iter().filter(|long| long.lr == 0.1).filter_map(super::inits::Long::left).collect();
    study.expect(
        format!("at ten times the rate every long run of sigmoid (uniform) leaves the prior within {LONG} epochs"),
        off.len() == found.inits.long.iter().filter(|long| long.lr == 0.1).count(),
    );
    // An epoch of f64 roundings, of weights of order 1.
    let mirrored = found.mirrored.iter().all(|gap| *gap <= 1e-9);
    study.expect("turned labels train as the mirror image, within 1e-9", mirrored);
}
