//! The study in words: report.md.

use super::{
    Findings,
    claims::{ERRORS, GAIN_AT, Measure},
    inits::{LONG, LONG_RATES, LOOK, LOOKED_AT, MANY},
    networks::{EPOCHS, NETWORKS, Network, RELU_NORMAL, STEPS_PER_EPOCH},
    rates::{self, RATES},
    runs::{Runs, constant, tests, trains},
    speed::{BACKWARD, BATCHES, FORWARD, Phases},
    sums::{MEANS_RATE, STEPS},
    table::{DATA_RUNS, DATA_SETS, Table},
};
use crate::{
    lockstep::Phase,
    report::power,
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
    format!(
        "# Disc: six networks of a library from scratch\n\n\
         A student library trains 2-25-25-25-1 networks to tell the inside of a disc from its outside, and prints \
         that all of them do it at a learning rate of .01 but one, which stays at chance, and that mini-batches of 50 \
         made it 60 times as fast. The \"mean squared error\" is a sum: .01 stands for .5, without which less is \
         learned by {}. The one at chance is held there \
         by the width of its initial weights; the same width from a bell curve holds it too, and a wider one lets it \
         go. relu (normal) cannot be had from the published recipe: {} of {} runs end saying the same of every point. \
         And batching alone cannot give 60: {torch:.0} times on libtorch, {scratch:.0} times on an engine that has \
         less to save, and never more than {GAIN_AT}.\n\n\
         ![time of an epoch against batch size](batch-size.svg)\n",
        Findings::names(found.hurt_by_mean()),
        constant(many),
        many.len()
    )
}

fn table_1(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Table 1\n\n\
         250 epochs, batches of 50, the summed loss at rate .01; 15 runs a number, as printed. A printed ± 0.00 over \
         15 runs wants one data set for all of them, so that is what libtorch and scratch are given; beside it stand \
         runs that draw their own. *Other data sets* are {DATA_SETS} more, {DATA_RUNS} runs each: the least and the \
         largest of their means, and whether the printed mean lies between. The data set behind the printed table is \
         not known, and it moves a mean by more than the printed ± shows. *Equal runs* are seeds with which both \
         engines end with the same two errors.\n\n\
         ![Table 1, printed and ours](table.svg)\n"
    )?;
    for (part, printed, error) in ERRORS {
        writeln!(text, "Error on the {part} rows, %:\n")?;
        writeln!(text, "{}", errors(&found.table, printed, error))?;
    }
    writeln!(
        text,
        "Both engines give the same errors within what 15 runs can tell. Run by run they need not: rounding alone \
         sends two f32 runs of most of these networks apart within some hundred steps (the last section), so that a \
         run's error is a draw, and only their distribution can be reproduced."
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
            page::agrees(Some(ours.agrees(&printed))).to_owned(),
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
        "within two s.e.",
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
        "\n## The sum that makes .01 work\n\n\
         The text says mean; the library's loss is Σ(p − t)² over the batch, and its gradient is the batch size times \
         the mean's. At a batch of 50 a rate of .01 is one of .5. Cause out, with the mean at .01, rate fifty times \
         smaller:\n"
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
    let head = ["network", "printed test error, %", "sum at .01", "mean at .01", "runs", ""];
    let rows: Vec<_> = NETWORKS.iter().enumerate().map(row).collect();
    writeln!(text, "{}", table(&head, 1, &rows))?;
    writeln!(
        text,
        "So where the mean is worse, the sum is what a network learns by in 250 epochs. The others get as far with a \
         fiftieth of the rate, and sigmoid (uniform) goes nowhere either way.\n\n![training error under sum and \
         mean](sum.svg)\n\n\
         Cause in on one side only: the mean beside the sum at one rate is a mismatch by the first step, its gradient \
         {:.4} times what PyTorch's definition gives ([step by step](mean-against-sum/report.md)). And with the rate \
         made up for, in lockstep, f64, {STEPS} steps, libtorch with the mean at {MEANS_RATE} and scratch with the \
         sum at {MEANS_RATE}/batch: the weights agree although the engines do not compute the same, by two \
         differences that cancel, and the factor is the batch size.\n",
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
        "Swap the distribution and keep the width, and nothing changes; keep the distribution and swap the width, and \
         stuck becomes learning and the reverse. A sigmoid's slope is at most ¼, and narrow weights pass little of it \
         on, so that hardly any gradient reaches the first layer. The norm of the first batch's gradient in each \
         layer's weights:\n"
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
        let runs = found.inits.long.iter().filter(|long| long.lr == lr);
        let epochs: Vec<String> =
            runs.map(|long| long.left().map_or("never".to_owned(), |epoch| epoch.to_string())).collect();
        epochs.join(", ")
    };
    writeln!(
        text,
        "It is slow, not lost. Left to train for {LONG} epochs, the runs leave the prior (training error below 40 %, \
         looked at every {LOOK} epochs) at epoch {} at rate {}, and at epoch {} at rate {}.\n\n\
         ![sigmoid (uniform) over {LONG} epochs](stuck.svg)",
        left(LONG_RATES[0]),
        LONG_RATES[0],
        left(LONG_RATES[1]),
        LONG_RATES[1]
    )
}

fn relu_normal(text: &mut String, found: &Findings) -> std::fmt::Result {
    let [published, slower] = &found.inits.relu_normal;
    let Network { train, test, .. } = &NETWORKS[RELU_NORMAL];
    writeln!(
        text,
        "\n## relu (normal) is not reproducible as published\n\n\
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
    let alive: Runs = published.iter().copied().filter(|run| !run.is_constant()).collect();
    writeln!(
        text,
        "![where runs of relu (normal) end](relu-normal.svg)\n\n\
         Every layer with 25 inputs multiplies what comes in by about √(25/2) = 3.5; the output's sigmoid starts \
         saturated, steps are huge, and units die: {} of {MANY} runs end with one output for every row. Those that do \
         not have a test error of {} %. The cause is the width again, by both tests: uniform weights as wide as N(0, \
         1) do the same, and normal ones divided by √k (k inputs), or as narrow as U(±1/√m), learn in every run. \
         Those are ours, and not what is published. The printed pair of numbers is close to relu (uniform)'s printed \
         {} and {} %: it is what a narrower \"normal\" would give. We do not know what was run.",
        constant(published),
        tests(&alive),
        NETWORKS[super::networks::RELU_UNIFORM].train,
        NETWORKS[super::networks::RELU_UNIFORM].test
    )
}

fn rates(text: &mut String, found: &Findings) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Is .01 quasi-optimal?\n\n\
         Test error, %, mean ± std of {} runs at each rate, one data set. *Above the best*: how many standard errors \
         the error at .01 lies above the least one of the row.\n\n![test error against the learning rate](rates.svg)\n",
        rates::RUNS
    )?;
    let rows: Vec<Vec<String>> = NETWORKS
        .iter()
        .zip(&found.rates)
        .map(|(network, swept)| {
            let best = swept.best();
            let cell = |(place, runs): (usize, &Runs)| {
                let error = format!("{:.1}", tests(runs));
                if place == best && swept.learns() { format!("**{error}**") } else { error }
            };
            let cells = swept.by_rate.iter().enumerate().map(cell).collect();
            let above =
                if swept.learns() { format!("{:+.1} s.e.", swept.above_best()) } else { "learns at none".to_owned() };
            let as_printed = |runs: &Runs| trains(runs).agrees(&network.train) && tests(runs).agrees(&network.test);
            let at = RATES.iter().zip(&swept.by_rate).filter(|(_, runs)| as_printed(runs));
            let at: Vec<String> = at.map(|(lr, _)| lr.to_string()).collect();
            let at = if at.is_empty() { "none".to_owned() } else { at.join(", ") };
            [vec![network.name()], cells, vec![above, at]].concat()
        })
        .collect();
    let names: Vec<String> = RATES.iter().map(f64::to_string).collect();
    let mut head = vec!["network"];
    head.extend(names.iter().map(String::as_str));
    head.extend(["above the best", "as printed at"]);
    writeln!(text, "{}", table(&head, 1, &rows))?;
    writeln!(
        text,
        "From .3 on most runs end near chance; from .001 to .1 most learn. Within that range .01 is not the best: \
         smaller steps reach smaller errors in the same 250 epochs. *As printed at* lists the rates at which both \
         errors are within two standard errors of the printed ones; a wide spread is within two of much. We leave it \
         there: to take the rate that fits the table best would be tuning, and whether a smaller rate or a friendlier \
         data set made the printed errors, they do not say."
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
    let printed: Vec<String> = NETWORKS
        .iter()
        .map(|network| format!("{:.0}", network.time.mean * 1e6 / (EPOCHS * STEPS_PER_EPOCH) as f64))
        .collect();
    writeln!(
        text,
        "A batch of 50 replaces 50 steps by one. If that one cost as much as each of the fifty, the gain would be 50; \
         it costs more, if little, so the gain is less. libtorch comes near, because on networks this small a step is \
         nearly all calls: one that does fifty times the arithmetic takes hardly longer. The engine from scratch has \
         few calls to save, and gains less. For 60, one sample must have cost more than a batch of 50 does now: the \
         code must have got better in more than batching. (An update for every fifty samples, as the text's \
         accumulated gradients allow, and not for each, makes what can be gained less.) Python adds calls of its own: \
         the printed times are {} µs a step in the table's order, and [the bench](../bench/report.md) has the same \
         network in NumPy and in Python's PyTorch. The more a call costs, the nearer to 50 the gain.",
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
    let [forward, backward] = [FORWARD, BACKWARD].map(|phase| found.saving(phase));
    writeln!(
        text,
        "On average ReLU saves {:.1} µs of libtorch's forward and {:.2} of scratch's, and {} and {} µs of their \
         backward pass, so that {}. In forward, max(0, x) costs less than an exponential. The product that the \
         document names as the reason is one multiplication for each of 3750 activations of a batch, in which every \
         activation has its share. The authors' own tanh may differ: it keeps its input (§2.4), so that its backward \
         pass has to take the tanh again.",
        forward[0],
        forward[1],
        minus(backward[0]),
        minus(backward[1]),
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
    writeln!(
        text,
        "\n## Is backward twice forward?\n\n\
         In multiply-adds, nearly: {forward} for a row forward, {backward} backward, which is twice that less the \
         gradient in the inputs of the first layer, which nobody wants. By the clock it depends on what a step is \
         made of. On batches of 50 (above) libtorch's ratio is that of its calls, as autograd makes more of them, and \
         scratch's is held down by activations, whose exponentials are all in forward. On all 1000 rows at once \
         arithmetic counts for more:\n"
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
         The text has 1 inside the disc, the code outside. It does not matter: σ(−z) = 1 − σ(z), so that (1 − p) − (1 \
         − t) is −(p − t), and a network whose last layer has the signs turned takes the mirrored step on turned \
         targets. N(0, 1) and U(±a) are as likely with signs turned. Trained both ways in f64 for {} steps at rate \
         .001, with the last layer turned back, the largest difference of two weights is:\n",
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
            power(run.free_gap("weights")),
        ]
    };
    let head = ["network", "type", "seed", "steps", "verdict", "horizon", "ties", "weights' largest gap"];
    writeln!(text, "{}", table(&head, 2, &found.parity.iter().map(row).collect::<Vec<_>>()))?;
    let first = found.parity.iter().find(|run| run.network == RELU_NORMAL && run.dtype == "f32");
    let horizon =
        first.and_then(|run| run.verdict.horizon).map_or("never".to_owned(), |step| format!("at step {step}"));
    writeln!(
        text,
        "Everything is at parity, relu (normal) too: what the published recipe does to it, it does in both engines. \
         Its seed 0 in f32 meets the horizon {horizon}: with weights this wide a rounding grows to 1 % within so many \
         steps. Of 15 seeds, {} end constant in one engine and not in the other; which runs die is a matter of the \
         last bit, how many is not. The run in the file's own words: [step by step](parity/report.md).",
        found.table.fates_differ(RELU_NORMAL)
    )
}
