//! Section 4.6: how many tokens are looked at, against how many units look.

use super::{
    Section,
    sets::{ODIYA, Opened},
    shapes::FOUR_DIM,
};
use crate::{
    data::set::{Part, Which},
    error::Result,
    run::{Alone, RunSide},
    study::{Context, Sample, StudyVerdict, page::table, share_error, together},
};
use serde::{Deserialize, Serialize};

pub(super) const SECTION: Section = Section { parts: jobs_count(), run };

/// One network of the section.
struct Setup {
    odiya: bool,
    first: usize,
    units: usize,
    seeds: u64,
}

/// Epochs on odiya and on 4dim.
const EPOCHS: [usize; 2] = [6, 50];
const ODIYA_SEEDS: u64 = 3;
const SEEDS: u64 = 5;

const SETUPS: [Setup; 7] = [
    odiya(10, 450),
    odiya(5, 450),
    odiya(10, 18),
    four_dim(100, 32),
    four_dim(150, 32),
    four_dim(150, 64),
    four_dim(100, 64),
];
/// Their places.
const LONG: usize = 0;
const SHORT: usize = 1;
const NARROW: usize = 2;
const F100: usize = 3;
const F150: usize = 4;
const WIDER: usize = 5;

const fn odiya(first: usize, units: usize) -> Setup {
    Setup { odiya: true, first, units, seeds: ODIYA_SEEDS }
}

const fn four_dim(first: usize, units: usize) -> Setup {
    Setup { odiya: false, first, units, seeds: SEEDS }
}

const fn jobs_count() -> usize {
    let (mut all, mut setup) = (0, 0);
    while setup < SETUPS.len() {
        all += SETUPS[setup].seeds as usize;
        setup += 1;
    }
    all
}

/// Accuracies of a trained network, in per cent.
#[derive(Serialize, Deserialize)]
struct Trained {
    setup: usize,
    training: f64,
    /// After the last epoch.
    validation: f64,
    /// The best that any epoch ended with, as one reads off a curve.
    best: f64,
}

impl Trained {
    fn gap(&self) -> f64 {
        self.training - self.validation
    }
}

struct Job<'a> {
    setup: usize,
    opened: &'a Opened,
    seed: u64,
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    let odiya = study.has("Section 4.6", ODIYA.data)?;
    let four_dim = study.has("Section 4.6", FOUR_DIM.data)?;
    let mut opened: Vec<(usize, Opened)> = Vec::new();
    for (place, setup) in SETUPS.iter().enumerate() {
        let (file, there) = if setup.odiya { (&ODIYA, odiya) } else { (&FOUR_DIM, four_dim) };
        if there {
            opened.push((place, Opened::new(file, &[&format!("data.rows.vectors.first={}", setup.first)])?));
        }
    }
    let jobs: Vec<Job<'_>> = opened
        .iter()
        .flat_map(|(setup, opened)| (0..SETUPS[*setup].seeds).map(move |seed| Job { setup: *setup, opened, seed }))
        .collect();
    let trained = context.each(
        &jobs,
        |job| format!("section 4.6: {}, seed {}", name(&SETUPS[job.setup]), job.seed),
        |job| train(context, job),
    )?;
    if trained.is_empty() {
        return Ok(String::new());
    }
    claims(study, &trained);
    let few = opened.iter().find(|(setup, _)| !SETUPS[*setup].odiya);
    let rows = few.and_then(|(_, opened)| opened.set.validation.as_ref()).map(Part::rows);
    Ok(render(&trained, rows))
}

fn name(setup: &Setup) -> String {
    let set = if setup.odiya { "odiya" } else { "4dim" };
    format!("{set}, {} tokens, {} units", setup.first, setup.units)
}

fn train(context: &Context<'_>, job: &Job<'_>) -> Result<Trained> {
    let Setup { odiya, units, .. } = SETUPS[job.setup];
    // Table 1's batches on odiya, those of the public script on 4dim.
    let (classes, batch) = if odiya { (3, 128) } else { (4, 32) };
    let sets = [
        format!(
            "model.layers=[{{ linear = {{ outputs = {units} }} }}, \"relu\", {{ linear = {{ outputs = {classes} }} }}]"
        ),
        format!("training.batch_size={batch}"),
        format!("seed={}", job.seed),
        "reference.engine=scratch".to_owned(),
        "dtype=f32".to_owned(),
        "training.shuffle=true".to_owned(),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let experiment = job.opened.experiment("section 4.6", &sets)?;
    let mut alone = Alone::new(&experiment, RunSide::Reference)?;
    let mut looks = Vec::new();
    for _ in 0..EPOCHS[usize::from(!odiya)] {
        context.go_on()?;
        alone.epoch()?;
        looks.push(100.0 * alone.scores(&experiment.set, Which::Validation)?.accuracy.unwrap_or(f64::NAN));
    }
    let training = 100.0 * alone.scores(&experiment.set, Which::Training)?.accuracy.unwrap_or(f64::NAN);
    let best = looks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok(Trained { setup: job.setup, training, validation: looks.last().copied().unwrap_or(f64::NAN), best })
}

fn sample(trained: &[Trained], setup: usize, value: impl Fn(&Trained) -> f64) -> Option<Sample> {
    let values: Vec<f64> = trained.iter().filter(|one| one.setup == setup).map(value).collect();
    (!values.is_empty()).then(|| Sample::of(&values))
}

/// Whether one sample lies above another by more than two standard errors; below by as many, not; else nobody can tell.
fn above(one: &Sample, other: &Sample) -> Option<bool> {
    let above = one.above(other);
    (above.abs() > 2.0).then_some(above > 0.0)
}

fn claims(study: &mut StudyVerdict, trained: &[Trained]) {
    let of = |setup: usize, value: fn(&Trained) -> f64| sample(trained, setup, value);
    if let (Some(long), Some(short), Some(narrow)) =
        (of(LONG, Trained::gap), of(SHORT, Trained::gap), of(NARROW, |one| one.validation))
        && let (Some(long_right), Some(short_right)) = (of(LONG, |one| one.validation), of(SHORT, |one| one.validation))
    {
        study.claim(
            "Section 4.6: 10 to 5 tokens on odia",
            "showed an improvement in the generalization gap",
            format!(
                "gap {long:.1} points with 10 tokens, {short:.1} with 5; validation accuracy {long_right:.1} and \
                 {short_right:.1} %"
            ),
            above(&long, &short),
        );
        study.claim(
            "Section 4.6: fewer units and more tokens on odia",
            "much better accuracy than fewer tokens",
            format!("18 units on 10 tokens: {narrow:.1} %; 450 on 5: {short_right:.1} %"),
            above(&narrow, &short_right),
        );
    }
    wider(study, trained);
}

/// 4dim by the last epoch and by the best.
fn wider(study: &mut StudyVerdict, trained: &[Trained]) {
    let readings: [fn(&Trained) -> f64; 2] = [|one| one.validation, |one| one.best];
    let of = |setup: usize| readings.map(|reading| sample(trained, setup, reading));
    let ([Some(hundred), Some(hundred_best)], [Some(longer), Some(longer_best)], [Some(wider), Some(wider_best)]) =
        (of(F100), of(F150), of(WIDER))
    else {
        return;
    };
    study.claim(
        "Section 4.6: 100 to 150 tokens on 4dim at 32 units",
        "gave worse performance",
        format!(
            "validation accuracy {hundred:.1} % with 100 tokens, {longer:.1} % with 150 (best epochs {hundred_best:.1} \
             and {longer_best:.1})"
        ),
        together([above(&hundred, &longer), above(&hundred_best, &longer_best)].into_iter()),
    );
    let alone = trained.iter().filter(|one| one.setup == F150).map(|one| one.validation);
    let [low, high] = alone.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], one| [low.min(one), high.max(one)]);
    let last = together([above(&wider, &longer), above(&wider, &hundred)].into_iter());
    let best = together([above(&wider_best, &longer_best), above(&wider_best, &hundred_best)].into_iter());
    study.claim(
        "Section 4.6: 32 to 64 units on 4dim",
        "much higher accuracy with similar gap, validation accuracy from 34 % to 53 %",
        format!(
            "{wider:.1} % with 150 tokens and 64 units; from 150 tokens and 32 units {longer:.1} %, from 100 and 32 \
             {hundred:.1} %. Best epochs: {wider_best:.1}, {longer_best:.1}, {hundred_best:.1}. The seed alone moves \
             150 tokens and 32 units from {low:.1} to {high:.1} %"
        ),
        together([last, best].into_iter()),
    );
}

/// What 4dim's validation rows, of which there are so many, alone leave unsure.
fn unsure(trained: &[Trained], rows: Option<usize>) -> String {
    let mean = sample(trained, F100, |one| one.validation / 100.0).map(|sample| sample.mean);
    mean.zip(rows).map_or(String::new(), |(mean, rows)| {
        let error = 100.0 * share_error(mean, rows);
        format!(" 4dim's {rows} validation rows alone have a standard error of {error:.1} points.")
    })
}

/// `rows` are 4dim's validation rows.
fn render(trained: &[Trained], rows: Option<usize>) -> String {
    let row = |(place, setup): (usize, &Setup)| {
        let cell = |value: fn(&Trained) -> f64| sample(trained, place, value).map(|sample| format!("{sample:.1}"));
        let cells =
            [cell(|one| one.training)?, cell(|one| one.validation)?, cell(|one| one.best)?, cell(Trained::gap)?];
        Some([name(setup), setup.seeds.to_string()].into_iter().chain(cells).collect::<Vec<_>>())
    };
    format!(
        "\n## Section 4.6: tokens against units\n\n\
         Accuracies in per cent, mean ± standard deviation over seeds; ours from scratch, f32, rate .05, PyTorch's \
         initial weights, {} epochs on odiya (batches of 128), {} on 4dim (of 32, as in the public script). \"From 34 \
         % to 53 %\" can be read as 32 to 64 units at 150 tokens, or as both changes against 100 tokens and 32 units: \
         both are asked, after the last epoch and of the best one, as one reads it off a curve; a claim holds where \
         both say so.{}\n\n",
        EPOCHS[0],
        EPOCHS[1],
        unsure(trained, rows)
    ) + &table(
        &["", "seeds", "training", "validation, last epoch", "best epoch", "gap"],
        1,
        &SETUPS.iter().enumerate().filter_map(row).collect::<Vec<_>>(),
    )
}
