//! The study in words: report.md.

use super::{
    Findings,
    claims::{ERRORS, GAIN_AT, Measure, OTHER_ACTIVATIONS},
    inits::{LONG, LONG_RATES, LOOK, LOOKED_AT, MANY},
    networks::{EPOCHS, NETWORKS, Network, RELU_NORMAL, STEPS_PER_EPOCH},
    rates::{self, RATES},
    runs::{Runs, constant, tests, trains},
    speed::{BACKWARD, BATCHES, FORWARD, Phases},
    sums::{MEANS_RATE, STEPS},
    table::{DATA_RUNS, DATA_SETS, Table},
};
use crate::{
    judge::verdict::Outcome,
    report::power,
    run::Phase,
    study::{
        Sample, StudyVerdict,
        page::{self, table},
    },
};
use std::fmt::Write;

/// report.md.
pub(super) fn render(found: &Findings, study: &StudyVerdict) -> String {
    let mut text = opening(found);
    text += "\n## The document's claims\n\n";
    text += &page::claims(study);
    for section in [table_1, sums, stuck, relu_normal, rates, batches, times, backward, differences, labels, parity] {
        // Writing to a String cannot fail.
        let _ = section(&mut text, found);
    }
    text + &page::end(study)
}

fn opening(found: &Findings) -> String {
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    let [many, _] = &found.inits.relu_normal;
    let width = if found.width_decides_sigmoid() {
        "The one at chance is held there by initial weights that are too narrow, whatever their distribution"
    } else {
        "What holds the one at chance we could not tell"
    };
    format!(
        "# Disc: six networks of a library from scratch\n\n\
         A student library trains six small networks to tell the inside of a disc from its outside, and prints that \
         five of them do it almost without error, one stays at chance, and batches of {GAIN_AT} made it 60 times as \
         fast. {width}; another, relu (normal), is printed as learning in every run, but {} of {} runs of its recipe \
         end with one answer for every point. Batches of {GAIN_AT} alone cannot give 60: the most is {GAIN_AT}, and we \
         measure {torch:.0} times with libtorch and {scratch:.0} times from scratch. The \"mean squared error\" is a \
         sum: at batches of 50 a rate of .01 stands for .5.\n\n\
         The networks are 2-25-25-25-1; the points are drawn evenly from the square [−1, 1]², 1000 to train and 1000 \
         to test; the disc has the radius √(2/π), half the square's area; inputs are standardized by one mean and one \
         deviation of both coordinates.\n\n\
         ![Table 1, printed and ours](table.svg)\n\n\
         ![time of an epoch against batch size](batch-size.svg)\n",
        constant(many),
        many.len()
    )
}

fn table_1(text: &mut String, found: &Findings) -> std::fmt::Result {
    let rows = ERRORS.iter().flat_map(|row| (0..NETWORKS.len()).map(move |network| (row, network)));
    let wide = rows.clone().filter(|((_, printed, error), network)| {
        let [low, high] = found.table.over_sets(*network, *error);
        high - low > 2.0 * printed(&NETWORKS[*network]).deviation
    });
    writeln!(
        text,
        "\n## Table 1\n\n\
         250 epochs, batches of 50, the summed loss at rate .01; 15 runs a number, as printed. A printed ± 0.00 over \
         15 runs wants one data set for all of them, so that is what libtorch and scratch are given; beside it stand \
         runs that draw their own. *Other data sets* are {DATA_SETS} more, {DATA_RUNS} runs each: the least and the \
         largest of their means, and whether the printed mean lies between. The data set behind the printed table is \
         not known; in {} of the {} rows below these means are further apart than the printed ± reaches from end to \
         end. So a printed mean outside two standard errors of ours on one data set, but between the means of others, \
         is one of which it *cannot be told* whether it agrees. sigmoid (uniform) agrees if every run says the same of \
         every row. *Equal runs* are seeds with which both engines end with the same two errors.\n",
        wide.count(),
        rows.count()
    )?;
    let whole = found.parity.iter().filter(|run| run.steps == EPOCHS * STEPS_PER_EPOCH);
    let parted = whole.filter(|run| run.verdict.horizon.is_some());
    for (part, printed, error) in ERRORS {
        writeln!(text, "Error on the {part} rows, %:\n")?;
        writeln!(text, "{}", errors(&found.table, printed, error))?;
    }
    writeln!(
        text,
        "Both engines give the same errors within what 15 runs can tell. Run by run they need not: rounding alone \
         sends the f32 runs of {} of these networks apart before they end (the last section), so that a run's error is \
         a draw, and only their distribution can be reproduced.",
        parted.count()
    )
}

fn errors(table_1: &Table, printed: fn(&Network) -> Sample, error: Measure) -> String {
    let row = |(place, network): (usize, &Network)| {
        let (printed, ours) = (printed(network), error(&table_1.fixed[place]));
        let [low, high] = table_1.over_sets(place, error);
        vec![
            network.name(),
            printed.to_string(),
            error(&table_1.torch[place]).to_string(),
            ours.to_string(),
            page::agrees(table_1.answer(place, &printed, error)).to_owned(),
            error(&table_1.drawn[place]).to_string(),
            format!("{low:.2} to {high:.2}"),
            if table_1.may_be(place, &printed, error) { "within".to_owned() } else { "not within".to_owned() },
            format!("{} of {}", table_1.equal_runs(place), ours.count),
        ]
    };
    let head = [
        "network",
        "printed",
        "libtorch, 15 runs",
        "scratch, 15 runs",
        "agrees",
        "a data set each, 15 runs",
        "other data sets",
        "printed is",
        "equal runs",
    ];
    table(&head, 1, &NETWORKS.iter().enumerate().map(row).collect::<Vec<_>>())
}

fn sums(text: &mut String, found: &Findings) -> std::fmt::Result {
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
        super::sums::ratio(&found.sums.posted, Phase::Backward)
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

fn stuck(text: &mut String, found: &Findings) -> std::fmt::Result {
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

fn relu_normal(text: &mut String, found: &Findings) -> std::fmt::Result {
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

fn rates(text: &mut String, found: &Findings) -> std::fmt::Result {
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

fn batches(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## The factor of 60\n\n\
         tanh (uniform), one thread, median of blocks in which the engines take turns, on this machine. *Gain* is \
         over one sample at a time.\n"
    )?;
    let rows: Vec<Vec<String>> = BATCHES
        .iter()
        .zip(&found.speed.batches)
        .map(|(batch, pair)| {
            let [torch, scratch] = pair.map(|[_, median, _]| median);
            let epoch = |step: f64| format!("{:.2}", step / *batch as f64);
            let gains = found.speed.gain(*batch).map(|gain| format!("{gain:.1}"));
            let [of_torch, of_scratch] = gains;
            vec![
                batch.to_string(),
                format!("{torch:.1}"),
                epoch(torch),
                of_torch,
                format!("{scratch:.2}"),
                epoch(scratch),
                of_scratch,
            ]
        })
        .collect();
    let head = ["batch", "libtorch, µs a step", "ms an epoch", "gain", "scratch, µs a step", "ms an epoch", "gain"];
    writeln!(text, "{}", table(&head, 0, &rows))?;
    let [torch, scratch] = found.speed.gain(GAIN_AT);
    let printed: Vec<String> = NETWORKS
        .iter()
        .map(|network| format!("{:.0}", network.time.mean * 1e6 / (EPOCHS * STEPS_PER_EPOCH) as f64))
        .collect();
    writeln!(
        text,
        "A batch of 50 replaces 50 steps by one. If that one cost as much as each of the fifty, the gain would be 50, \
         and it is less by as much as it costs more: {:.2} times with libtorch, {:.1} times from scratch. For 60, one \
         sample must have cost more than a batch of 50 does now: the code must have got better in more than batching. \
         (An update for every fifty samples, as the text's accumulated gradients allow, and not for each, makes what \
         can be gained less.) Python adds calls of its own: the printed times are {} µs a step in the table's order, \
         and [the bench](../bench/report.md) has the same network in NumPy and in Python's PyTorch.",
        GAIN_AT as f64 / torch,
        GAIN_AT as f64 / scratch,
        printed.join(", ")
    )
}

fn times(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## The time row\n\n\
         µs of a step on a batch of 50, median of blocks in which all networks and both engines take turns, one \
         thread; and what 5000 steps of it come to. Printed times are of Python on another machine: what can be \
         compared is who is faster.\n"
    )?;
    let steps = (EPOCHS * STEPS_PER_EPOCH) as f64;
    let rows: Vec<Vec<String>> = NETWORKS
        .iter()
        .zip(&found.speed.steps)
        .map(|(network, [torch, scratch])| {
            let middle = |[low, median, high]: [f64; 3]| format!("{median:.2} ({low:.2} to {high:.2})");
            let seconds = |[_, median, _]: [f64; 3]| format!("{:.3}", median * steps / 1e6);
            vec![
                network.name(),
                network.time.to_string(),
                middle(*torch),
                seconds(*torch),
                middle(*scratch),
                seconds(*scratch),
            ]
        })
        .collect();
    let head =
        ["network", "printed, s", "libtorch, µs (middle half)", "s a run", "scratch, µs (middle half)", "s a run"];
    writeln!(text, "{}", table(&head, 1, &rows))?;
    writeln!(
        text,
        "By phase, µs, libtorch / scratch, from lockstep runs that judge nothing; what a reading of the clock costs \
         is taken off:\n"
    )?;
    writeln!(text, "{}", phases(NETWORKS.iter().map(Network::name).zip(&found.speed.phases)))?;
    let savings = OTHER_ACTIVATIONS.map(|other| {
        let [forward, backward] = [FORWARD, BACKWARD].map(|phase| found.saving(other, phase).map(minus));
        format!(
            "Against {other} ReLU saves {} µs of libtorch's forward and {} of scratch's, {} and {} µs of their \
             backward pass.",
            forward[0], forward[1], backward[0], backward[1]
        )
    });
    writeln!(
        text,
        "{} So {}. The product that the document names as the reason is one multiplication for each of 3750 \
         activations of a batch, in which every activation has its share. The authors' own tanh may differ: it keeps \
         its input (§2.4), so that its backward pass has to take the tanh again.",
        savings.join(" "),
        if found.saves_backward() { "backward is where it saves" } else { "backward is not where it saves" }
    )
}

/// A saving, which may be negative.
fn minus(saving: f64) -> String {
    format!("{saving:.2}").replace('-', "−")
}

fn phases<'a>(rows: impl Iterator<Item = (String, &'a Phases)>) -> String {
    let row = |(name, [torch, scratch]): (String, &Phases)| {
        let cells = torch.iter().zip(scratch).map(|(torch, scratch)| format!("{torch:.1} / {scratch:.2}"));
        let ratio = format!("{:.2} / {:.2}", torch[BACKWARD] / torch[FORWARD], scratch[BACKWARD] / scratch[FORWARD]);
        [vec![name], cells.collect(), vec![ratio]].concat()
    };
    table(
        &["network", "forward", "loss", "backward", "update", "backward / forward"],
        1,
        &rows.map(row).collect::<Vec<_>>(),
    )
}

fn backward(text: &mut String, found: &Findings) -> std::fmt::Result {
    let [forward, backward] = found.speed.counted;
    let [[t0, t1], [s0, s1]] = found.backward_over_forward();
    writeln!(
        text,
        "\n## Is backward twice forward?\n\n\
         In multiply-adds, nearly: {forward} for a row forward, {backward} backward, which is twice that less the \
         gradient in the inputs of the first layer, which nobody wants; the document's library returns it, and has \
         twice. That is what its text claims. By the clock it is {t0:.1} to {t1:.1} times with libtorch and {s0:.1} to \
         {s1:.1} times from scratch, batches of 50 (above) and all 1000 rows at once together:\n"
    )?;
    write!(text, "{}", phases([("tanh (uniform), 1000 rows".to_owned(), &found.speed.large)].into_iter()))
}

fn differences(text: &mut String, found: &Findings) -> std::fmt::Result {
    let printed = super::differences::Differences::of(&NETWORKS.map(|network| network.test));
    let ours = found.differences();
    writeln!(
        text,
        "\n## Which networks differ?\n\n\
         Welch's t of all 15 pairs of test errors; significant is |t| > {}, 5 % over all pairs together \
         (Bonferroni).\n",
        super::differences::BONFERRONI
    )?;
    let row = |name: &str, found: &super::differences::Differences| {
        let group: Vec<_> = found.group.iter().map(|network| NETWORKS[*network].name()).collect();
        vec![name.to_owned(), group.join(", "), found.two_errors.to_string(), found.significant.to_string()]
    };
    let rows = [row("printed", &printed), row("ours, one data set", &ours)];
    writeln!(text, "{}", table(&["", "no two of these differ", "pairs over 2 s.e.", "pairs that differ"], 2, &rows))?;
    writeln!(
        text,
        "By its own numbers the document has four networks that cannot be told apart and two, both sigmoid, that \
         differ from all others: \"most networks\" counts networks, not pairs. relu (normal)'s errors are of two \
         kinds, learned or dead, so that its t has little of a normal distribution about it."
    )
}

fn labels(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Which class is 1?\n\n\
         The text has 1 inside the disc, the code outside. {}: σ(−z) = 1 − σ(z), so that (1 − p) − (1 \
         − t) is −(p − t), and a network whose last layer has the signs turned takes the mirrored step on turned \
         targets. N(0, 1) and U(±a) are as likely with signs turned. Trained both ways in f64 for {} steps at rate \
         .001, with the last layer turned back, the largest difference of two weights is:\n",
        if found.mirrored.iter().all(|gap| *gap <= super::labels::LIMIT) {
            "It does not matter"
        } else {
            "By algebra it does not matter, and yet it does below"
        },
        super::labels::STEPS
    )?;
    let rows: Vec<Vec<String>> =
        NETWORKS.iter().zip(&found.mirrored).map(|(network, gap)| vec![network.name(), power(Some(*gap))]).collect();
    write!(text, "{}", table(&["network", "largest difference"], 1, &rows))
}

fn parity(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Parity\n\n\
         libtorch beside scratch, the same initial weights and batches, every phase of every step judged. *Horizon* \
         is the step at which rounding alone moves the free run's weights by 1 %; from there on a free run proves \
         nothing, and the synced run, which takes the reference's weights before every step, still does. The gaps are \
         the free run's largest over all steps, beyond the horizon too.\n"
    )?;
    let row = |run: &super::parity::Compared| {
        vec![
            NETWORKS[run.network].name(),
            run.dtype.to_owned(),
            run.seed.to_string(),
            run.steps.to_string(),
            run.verdict.verdict.to_string(),
            run.verdict.horizon.map_or("none".to_owned(), |step| step.to_string()),
            run.verdict.ties.len().to_string(),
            power(run.verdict.free_gap("weights")),
        ]
    };
    let head = ["network", "type", "seed", "steps", "verdict", "horizon", "ties", "weights' largest gap"];
    writeln!(text, "{}", table(&head, 2, &found.parity.iter().map(row).collect::<Vec<_>>()))?;
    let at_parity = found.parity.iter().filter(|run| run.verdict.verdict == Outcome::Parity).count();
    let first = found.parity.iter().find(|run| run.network == RELU_NORMAL && run.dtype == "f32");
    let horizon =
        first.and_then(|run| run.verdict.horizon).map_or("never".to_owned(), |step| format!("at step {step}"));
    writeln!(
        text,
        "{at_parity} of {} runs are at parity. relu (normal)'s seed 0 in f32 meets the horizon {horizon}, and {} of \
         its {} seeds end constant in one engine and not in the other; {} end so from scratch, {} with libtorch. The \
         run in the file's own words: [step by step](parity/report.md).",
        found.parity.len(),
        found.table.fates_differ(RELU_NORMAL),
        found.table.fixed[RELU_NORMAL].len(),
        constant(&found.table.fixed[RELU_NORMAL]),
        constant(&found.table.torch[RELU_NORMAL])
    )
}
