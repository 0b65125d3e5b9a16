//! Networks that stay at chance: the loss that is a sum, initial weights, and learning rates.

use super::{
    Findings,
    inits::{LONG, LONG_RATES, LOOK, LOOKED_AT, MANY},
    networks::{NETWORKS, Network, RELU_NORMAL},
    rates::{self, RATES},
    runs::{Runs, constant, tests, trains},
    sums::{MEANS_RATE, STEPS},
};
use crate::{
    report::power,
    run::Phase,
    study::{page::table, ratio},
};
use std::fmt::Write;

pub(super) fn sums(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## The loss is a sum: {} of {} networks cannot do without\n\n\
         The text says mean; the library's loss is Σ(p − t)² over the batch, and its gradient is the batch size times \
         the mean's. At a batch of 50 a rate of .01 is one of .5. Cause out, with the mean at .01, rate fifty times \
         smaller:\n",
        found.hurt_by_mean().len(),
        NETWORKS.len()
    )?;
    let row = |(place, network): (usize, &Network)| {
        let [sum, mean] = [&found.table.fixed[place], &found.sums.mean[place]].map(|runs| tests(runs));
        vec![
            network.name(),
            network.test.to_string(),
            sum.to_string(),
            mean.to_string(),
            sum.count.to_string(),
            match mean.above(&sum) {
                apart if apart > 2.0 => "the mean is worse",
                apart if apart < -2.0 => "the sum is worse",
                _ => "no difference that 15 runs show",
            }
            .to_owned(),
        ]
    };
    let nowhere = [&found.table.fixed, &found.sums.mean].iter().all(|runs| {
        let runs = &runs[super::networks::SIGMOID_UNIFORM];
        constant(runs) == runs.len()
    });
    let head = ["network", "printed test error, %", "sum at .01", "mean at .01", "runs", ""];
    let rows: Vec<_> = NETWORKS.iter().enumerate().map(row).collect();
    writeln!(text, "{}", table(&head, 1, &rows))?;
    writeln!(
        text,
        "Where the mean is worse, the sum is what a network learns by in 250 epochs: {}. The others get as far or \
         further with a fiftieth of the rate{}.\n\n![training error under sum and \
         mean](sum.svg)\n\n\
         Cause in on one side only: the mean beside the sum at one rate is a mismatch by the first step, its gradient \
         {:.4} times what PyTorch's definition gives ([step by step](mean-against-sum/report.md)). And with the rate \
         made up for, in lockstep, f64, {STEPS} steps, libtorch with the mean at {MEANS_RATE} and scratch with the \
         sum at {MEANS_RATE}/batch: the weights agree although the engines do not compute the same, by two \
         differences that cancel, and the factor is the batch size.\n",
        Findings::names(found.hurt_by_mean()),
        if nowhere { ", or nowhere either way, as sigmoid (uniform)" } else { "" },
        ratio(&found.sums.posted, Phase::Backward)
    )?;
    let law = |law: &super::sums::Law| {
        vec![
            law.batch.to_string(),
            format!("{}", MEANS_RATE / law.batch as f64),
            format!("{:.6}", law.gradient),
            format!("{:.6}", law.update),
            power(Some(law.weights)),
        ]
    };
    let head = [
        "batch",
        "the sum's rate",
        "its gradient over the mean's",
        "its update over the rate's",
        "largest gap of the weights",
    ];
    write!(text, "{}", table(&head, 0, &found.sums.laws.iter().map(law).collect::<Vec<_>>()))
}

/// The rows of variants of one activation.
fn variants<'a>(found: &'a Findings, activation: &'a str) -> impl Iterator<Item = Vec<String>> + 'a {
    let all = found.inits.variants.iter().filter(move |variant| variant.activation == activation);
    all.map(|variant| ended(&format!("ours: {}", variant.weights), &variant.runs))
}

fn ended(name: &str, runs: &Runs) -> Vec<String> {
    vec![
        name.to_owned(),
        trains(runs).to_string(),
        tests(runs).to_string(),
        format!("{} of {}", constant(runs), runs.len()),
    ]
}

const ENDED: [&str; 4] = ["initial weights and biases", "training error, %", "test error, %", "the same of every row"];

pub(super) fn stuck(text: &mut String, found: &Findings) -> std::fmt::Result {
    let [of_training, of_test] = found.table.prior;
    let uniform = &found.table.fixed[super::networks::SIGMOID_UNIFORM];
    let outputs: Vec<[f64; 2]> = uniform.iter().filter_map(|run| run.outputs).collect();
    let low = outputs.iter().map(|[low, _]| *low).fold(f64::INFINITY, f64::min);
    let high = outputs.iter().map(|[_, high]| *high).fold(0.0, f64::max);
    writeln!(
        text,
        "\n## Stuck at the class prior: sigmoid (uniform)\n\n\
         After 250 epochs the outputs of all {} runs lie between {low:.3} and {high:.3} over all training rows. They \
         say of every row that class 1 has about its share, {of_training:.1} %, and what is below .5 is class 0: the \
         training error is the share of class 1, and the test error the share of class 1 in the test rows, \
         {of_test:.1} %. That is how 15 runs give 49.9 ± 0.00 and 50.1 ± 0.00: one data set, and a network that does \
         not look at its input.\n\n\
         What holds it there is how wide its initial weights are. m is a layer's number of outputs.\n",
        uniform.len()
    )?;
    let mut rows = vec![ended("uniform, published: U(±1/√m)", uniform)];
    rows.push(ended("normal, published: N(0, 1)", &found.table.fixed[super::networks::SIGMOID_NORMAL]));
    rows.extend(variants(found, "sigmoid"));
    writeln!(text, "{}", table(&ENDED, 1, &rows))?;
    writeln!(
        text,
        "{}A sigmoid's slope is at most ¼, and narrow weights pass little of it \
         on, so that hardly any gradient reaches the first layer. The norm of the first batch's gradient in each \
         layer's weights:\n",
        if found.width_decides_sigmoid() {
            "Swap the distribution and keep the width, and nothing changes; keep the distribution and swap the width, \
             and stuck becomes learning and the reverse. "
        } else {
            ""
        }
    )?;
    let rows: Vec<Vec<String>> = LOOKED_AT
        .iter()
        .zip(&found.inits.gradients)
        .map(|(network, norms)| {
            [vec![NETWORKS[*network].name()], norms.iter().map(|norm| format!("{norm:.3}")).collect()].concat()
        })
        .collect();
    writeln!(text, "{}", table(&["network", "first layer", "second", "third", "last"], 1, &rows))?;
    let left = |lr: f64| {
        let runs: Vec<_> = found.inits.long.iter().filter(|long| long.lr == lr).collect();
        let epochs: Vec<String> = runs.iter().filter_map(|long| long.left()).map(|epoch| epoch.to_string()).collect();
        let still = match runs.len() - epochs.len() {
            0 => String::new(),
            still => format!("; {still} still there at {LONG}"),
        };
        let at = if epochs.is_empty() { String::new() } else { format!(", at epochs {}", epochs.join(", ")) };
        format!("at rate {lr} {} of {} runs leave it{at}{still}", epochs.len(), runs.len())
    };
    writeln!(
        text,
        "Left to train for {LONG} epochs, runs can leave the prior (training error below 40 %, looked at every {LOOK} \
         epochs): {}; {}.\n\n\
         ![sigmoid (uniform) over {LONG} epochs](stuck.svg)",
        left(LONG_RATES[0]),
        left(LONG_RATES[1])
    )
}

pub(super) fn relu_normal(text: &mut String, found: &Findings) -> std::fmt::Result {
    let [published, slower] = &found.inits.relu_normal;
    let Network { train, test, .. } = &NETWORKS[RELU_NORMAL];
    writeln!(
        text,
        "\n## relu (normal), as published\n\n\
         Printed: {train} and {test} %. With N(0, 1) for weights and biases as published, {MANY} runs on the same \
         data:\n"
    )?;
    let mut rows = vec![
        ended("as published: N(0, 1), rate .01", published),
        ended("libtorch, as published", &found.table.torch[RELU_NORMAL]),
        ended("ours: a tenth of the rate", slower),
    ];
    rows.extend(variants(found, "relu"));
    rows.push(ended("relu (uniform), published: U(±1/√m)", &found.table.fixed[super::networks::RELU_UNIFORM]));
    writeln!(text, "{}", table(&ENDED, 1, &rows))?;
    let [wide, narrow] = [true, false].map(|wide| found.constant_variants("relu", wide));
    let alive: Runs = published.iter().copied().filter(|run| !run.is_constant()).collect();
    writeln!(
        text,
        "![where runs of relu (normal) end](relu-normal.svg)\n\n\
         Every layer with 25 inputs multiplies what comes in by about √(25/2) = 3.5; the output's sigmoid starts \
         saturated, steps are huge, and units die: {} of {MANY} runs end with one output for every row. Those that do \
         not have a test error of {} %. {}Uniform weights as wide as N(0, 1) do so in {} of {} runs, normal ones \
         divided by √k (k inputs), or as narrow as U(±1/√m), in {} of {}. Those are ours, and not what is published. \
         The printed pair of numbers is close to relu (uniform)'s printed {} and {} %. We do not know what was run.",
        constant(published),
        tests(&alive),
        if found.width_decides_relu() { "The cause is the width again, by both tests. " } else { "" },
        wide[0],
        wide[1],
        narrow[0],
        narrow[1],
        NETWORKS[super::networks::RELU_UNIFORM].train,
        NETWORKS[super::networks::RELU_UNIFORM].test
    )
}

pub(super) fn rates(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Is .01 quasi-optimal?\n\n\
         Test error, %, mean ± std of {} runs at each rate, one data set. *Above the best*: how many standard errors \
         the error at .01 lies above the least one of the row, in bold, which as the best of nine from so few runs is \
         lower than its true mean; .01 counts as quasi-optimal within two.\n\n![test error against the learning \
         rate](rates.svg)\n",
        rates::RUNS
    )?;
    let rows: Vec<Vec<String>> = NETWORKS
        .iter()
        .zip(&found.rates)
        .enumerate()
        .map(|(place_of_network, (network, swept))| {
            let compares = found.rates_compare(place_of_network);
            let best = swept.best();
            let cell = |(place, runs): (usize, &Runs)| {
                let error = format!("{:.1}", tests(runs));
                if place == best && compares { format!("**{error}**") } else { error }
            };
            let cells = swept.by_rate.iter().enumerate().map(cell).collect();
            let above = match (compares, swept.learns()) {
                (true, _) => format!("{:+.1} s.e.", swept.above_best()),
                (false, true) => "not compared".to_owned(),
                (false, false) => "learns at none".to_owned(),
            };
            let as_printed = |runs: &Runs| trains(runs).agrees(&network.train) && tests(runs).agrees(&network.test);
            let at = RATES.iter().zip(&swept.by_rate).filter(|(_, runs)| as_printed(runs));
            let at: Vec<String> = at.map(|(lr, _)| lr.to_string()).collect();
            let at = match (compares, at.is_empty()) {
                (false, _) => "not compared".to_owned(),
                (true, true) => "none".to_owned(),
                (true, false) => at.join(", "),
            };
            [vec![network.name()], cells, vec![above, at]].concat()
        })
        .collect();
    let names: Vec<String> = RATES.iter().map(f64::to_string).collect();
    let mut head = vec!["network"];
    head.extend(names.iter().map(String::as_str));
    head.extend(["above the best", "as printed at"]);
    writeln!(text, "{}", table(&head, 1, &rows))?;
    let learned = |rates: std::ops::RangeInclusive<f64>| {
        let by_rate = found.rates.iter().flat_map(|swept| RATES.iter().zip(&swept.by_rate));
        let runs: Vec<_> = by_rate.filter(|(lr, _)| rates.contains(*lr)).flat_map(|(_, runs)| runs).collect();
        format!("{} of {}", runs.iter().filter(|run| run.test < 40.0).count(), runs.len())
    };
    let compared: Vec<_> = (0..NETWORKS.len()).filter(|network| found.rates_compare(*network)).collect();
    let above = compared.iter().filter(|network| found.rates[**network].is_quasi_optimal() == Some(false));
    let smaller = above.clone().filter(|network| found.rates[**network].best() < rates::PUBLISHED);
    let [published, slower] = &found.inits.relu_normal;
    let fails = constant(slower) as f64 / slower.len() as f64;
    writeln!(
        text,
        "Runs with a test error below 40 %: {} from .3 on, {} from .001 to .1. Of {} networks compared .01 lies more \
         than two standard errors above the best rate for {}, and for {} of these the best is smaller. relu (normal) \
         is {}compared: {} of {} runs at a tenth of the rate end constant ({} of {} at .01), and with such a share \
         {} runs have none that does {:.0} % of the time. *As printed at* lists the rates at which both errors are \
         within two standard errors of the printed ones; a wide spread is within two of much. We leave it there: to \
         take the rate that fits the table best would be tuning, and whether a smaller rate or a friendlier data set \
         made the printed errors, they do not say.",
        learned(0.3..=1.0),
        learned(0.001..=0.1),
        compared.len(),
        above.count(),
        smaller.count(),
        if found.rates_compare(RELU_NORMAL) { "" } else { "not " },
        constant(slower),
        slower.len(),
        constant(published),
        published.len(),
        rates::RUNS,
        100.0 * (1.0 - fails).powf(rates::RUNS as f64)
    )
}
