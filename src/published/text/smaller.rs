//! The smaller differences of the two networks: the derivative of the sigmoid, that of the ReLU at 0, the order of
//! rows.

use super::{
    Section,
    initial::points,
    sets::{Look, Opened, QUESTIONS, train},
};
use crate::{
    error::Result,
    run::RunSide,
    study::{Context, Sample, StudyVerdict, page::table},
};

pub(super) const SECTION: Section = Section { parts: SETUPS.len() * SEEDS as usize, run };

/// Epochs and seeds of each set-up.
const EPOCHS: usize = 20;
const SEEDS: u64 = 3;

/// A network, and what is changed in it. Faults are the candidate's.
struct Setup {
    name: &'static str,
    hidden: &'static str,
    set: &'static str,
    shuffled: bool,
}

const SETUPS: [Setup; 6] = [
    Setup { name: "sigmoid", hidden: "sigmoid", set: "", shuffled: true },
    Setup {
        name: "sigmoid, σ′ of the output",
        hidden: "sigmoid",
        set: "candidate.training.faults=[\"sigmoid-derivative-of-output\"]",
        shuffled: true,
    },
    Setup { name: "ReLU, shuffled every epoch", hidden: "relu", set: "", shuffled: true },
    Setup { name: "ReLU, never shuffled", hidden: "relu", set: "", shuffled: false },
    Setup {
        name: "ReLU, never shuffled, ReLU′(0) = 1",
        hidden: "relu",
        set: "candidate.training.faults=[\"relu-derivative-one-at-zero\"]",
        shuffled: false,
    },
    Setup { name: "ReLU from zeros, ReLU′(0) = 1", hidden: "relu", set: ZEROS, shuffled: true },
];

const ZEROS: &str = "candidate.training.faults=[\"relu-derivative-one-at-zero\"]\nmodel.init=zeros";

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    if !study.has("the smaller differences", QUESTIONS.data)? {
        return Ok(String::new());
    }
    let opened = Opened::new(&QUESTIONS, &["dtype=f32", "candidate.engine=scratch"])?;
    let jobs: Vec<(&Setup, u64)> = SETUPS.iter().flat_map(|setup| (0..SEEDS).map(move |seed| (setup, seed))).collect();
    let looks = context.each(
        &jobs,
        |(setup, seed)| format!("smaller: {}, seed {seed}", setup.name),
        |(setup, seed)| {
            let layers = format!(
                "model.layers=[{{ linear = {{ outputs = 100 }} }}, \"{}\", {{ linear = {{ outputs = 6 }} }}]",
                setup.hidden
            );
            let (seed, shuffle) = (format!("seed={seed}"), format!("training.shuffle={}", setup.shuffled));
            let mut sets = vec![layers.as_str(), &seed, &shuffle];
            sets.extend(setup.set.lines());
            train(context, &opened.experiment("", &sets)?, RunSide::Candidate, EPOCHS, EPOCHS)
        },
    )?;
    let by_setup: Vec<Vec<Look>> = looks
        .chunks(SEEDS as usize)
        .map(|seeds| seeds.iter().filter_map(|looks| looks.last().copied()).collect())
        .collect();
    // No hidden unit is exactly at 0 but from zeros, where the gradient that the derivative multiplies is 0, too.
    study.expect("ReLU′(0) = 1 changes no loss and no accuracy of what is trained", by_setup[3] == by_setup[4]);
    Ok(section(&by_setup))
}

fn section(by_setup: &[Vec<Look>]) -> String {
    let of = |setup: usize, what: fn(&Look) -> f64| Sample::of(&by_setup[setup].iter().map(what).collect::<Vec<_>>());
    let row = |(place, setup): (usize, &Setup)| {
        let percent = |what: fn(&Look) -> f64| {
            let Sample { mean, deviation, .. } = of(place, what);
            format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * deviation)
        };
        vec![
            setup.name.to_owned(),
            format!("{:.3}", of(place, |look| look.training.loss)),
            percent(|look| look.training.accuracy),
            percent(|look| look.validation.accuracy),
        ]
    };
    let rows: Vec<_> = SETUPS.iter().enumerate().map(row).collect();
    let equal = if by_setup[3] == by_setup[4] { "equal to the last digit" } else { "not equal" };
    let validation = |setup: usize| of(setup, |look| look.validation.accuracy).mean;
    format!(
        "\n## The smaller differences\n\n\
         Questions, 1000-100-6, rate .05, batch 8, {EPOCHS} epochs, PyTorch's initial weights; {SEEDS} seeds, by \
         scratch in f32.\n\n{}\n\
         - **σ′ of the output.** The NumPy network takes σ′ at σ(z) and not at z. σ(z) lies between 0 and 1, so that \
         this derivative lies between .197 and .25 and never vanishes. Validation accuracy moves by {} points.\n\
         - **ReLU′(0) = 1**, equation 7, where PyTorch has 0. A hidden unit is exactly at 0 only from zeros, and there \
         the gradient that reaches it is 0 as the output weights are: the derivative multiplies nothing, in either \
         engine. From PyTorch's weights the scores with and without are {equal}.\n\
         - **Shuffling.** NumPy shuffles every epoch, PyTorch never. Never costs {} points of validation accuracy.\n\n\
         What each of them is [in lockstep](#in-lockstep).\n",
        table(&["network", "t-loss", "t-acc %", "v-acc %"], 1, &rows),
        points(validation(1) - validation(0)),
        points(validation(2) - validation(3))
    )
}
