//! The first puzzle: what the initial weights alone do, and why; what per-sample updates do not.

use super::{
    Findings, PRINTED, engines_apart,
    folds::{self, BOTH, EPOCHS, FEW, Init, On, Setup, Updates, scratch, torch, updated},
    lockstep::Run,
    plateau::LEARNED,
    signal::LINEAR,
};
use crate::{
    report::power,
    run::Phase,
    study::{Sample, page::table},
};

/// Whether what differs is not the engine: parity wherever initial weights are equal, and mean test errors within 0.2
/// points over the same folds.
pub(super) fn engines_alike(found: &Findings) -> bool {
    found.runs.parity.iter().all(Run::is_parity)
        && BOTH.iter().all(|init| engines_apart(found, *init).mean_apart() < 0.2)
}

/// What the initialization is the whole difference of, as the end of a sentence's part; nothing where it is of nothing.
pub(super) fn whole_difference(found: &Findings) -> &'static str {
    let trained = [&PRINTED[0], &PRINTED[2]].iter().all(|printed| found.place(printed, On::Train, EPOCHS).agrees());
    match (engines_alike(found), trained) {
        (true, true) => ", and the whole difference between the engines and of the printed training errors",
        (true, false) => ", and the whole difference between the engines",
        (false, _) => "",
    }
}

/// The printed training and test errors of the framework that has an initialization.
fn printed(init: Init) -> [Sample; 2] {
    let [custom_train, custom_test, train, test] = PRINTED.map(|printed| printed.table);
    if init == Init::Custom { [custom_train, custom_test] } else { [train, test] }
}

pub(super) fn initialization(found: &Findings) -> String {
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

pub(super) fn why_it_matters(found: &Findings) -> String {
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

pub(super) fn updates(found: &Findings) -> String {
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
