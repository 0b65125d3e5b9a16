//! Figure 1 and section 4.2: learning curves of wider and deeper layers, of dropout and of sigmoid.

use super::{
    Section,
    chance::{shares, squares},
    sets::Opened,
    shapes::{FOUR_DIM, GLOVE, products},
};
use crate::{
    data::set::{Part as Rows, Targets, Which},
    error::Result,
    report::plots::{
        Area, Axis, Drawn, PALETTE, Stroke, TEXT, TEXT_SIZE, band, curve, figure, heading, legend, panel, text,
    },
    run::{Alone, RunSide},
    study::{Context, Sample, StudyVerdict, page::table},
};
use plotters::style::text_anchor::{HPos, VPos};
use serde::{Deserialize, Serialize};

pub(super) const SECTION: Section = Section { parts: JOBS, run };

/// Epochs of a curve; the public script of products has 50.
const EPOCHS: usize = 40;
/// Tokens that are looked at: as many as the public script of 4dim has; the document's 350 on products take four times
/// as long.
const FIRST: &str = "data.rows.vectors.first=100";
/// Seeds of each variant in scratch; libtorch trains the first of them.
const SEEDS: u64 = 5;
const JOBS: usize = VARIANTS.len() * SEEDS as usize + ALSO_TORCH.len();

/// A curve of the figure.
struct Variant {
    name: &'static str,
    /// Its layers up to the output layer, which has the classes' number of units.
    hidden: &'static str,
    /// Whether the sigmoid's derivative is the NumPy code's.
    as_coded: bool,
    /// Its learning rate.
    rate: f64,
}

const fn variant(name: &'static str, hidden: &'static str) -> Variant {
    Variant { name, hidden, as_coded: false, rate: 0.05 }
}

/// In the order of the figure's panels; the last two stand in the table alone.
const VARIANTS: [Variant; 8] = [
    variant("50", "{ linear = { outputs = 50 } }, \"relu\""),
    variant("80", "{ linear = { outputs = 80 } }, \"relu\""),
    variant("100", RELU_100),
    variant("50 + 50", "{ linear = { outputs = 50 } }, \"relu\", { linear = { outputs = 50 } }, \"relu\""),
    variant("dropout ½ + 100", "{ dropout = { p = 0.5 } }, { linear = { outputs = 100 } }, \"relu\""),
    variant("50 sigmoid", SIGMOID),
    Variant { as_coded: true, ..variant("50 sigmoid, as coded", SIGMOID) },
    Variant { rate: 0.005, ..variant("100 at rate .005", RELU_100) },
];
const RELU_100: &str = "{ linear = { outputs = 100 } }, \"relu\"";
const SIGMOID: &str = "{ linear = { outputs = 50 } }, \"sigmoid\"";
const W50: usize = 0;
const W80: usize = 1;
const W100: usize = 2;
const DEEP: usize = 3;
const DROPOUT: usize = 4;
const SIGMOIDS: usize = 5;
const SLOW: usize = 7;
/// Those that libtorch trains, too.
const ALSO_TORCH: [usize; 2] = [W80, DEEP];

struct Job {
    variant: usize,
    torch: bool,
    seed: u64,
}

/// One of a curve's parts: training or validation.
type Part = fn(&Curve) -> &[f64];

/// Accuracies after each epoch, dropout off.
#[derive(Serialize, Deserialize)]
struct Curve {
    variant: usize,
    torch: bool,
    training: Vec<f64>,
    validation: Vec<f64>,
}

/// What a curve says in numbers, in points of accuracy.
struct Told {
    /// The mean fall from one epoch to the next, a rise counting as none: 0 of a curve that only rises.
    restless: [f64; 2],
    /// The largest fall of the validation accuracy from one epoch to the next.
    spike: f64,
    /// Training less validation accuracy over the last quarter.
    gap: f64,
    /// Training and validation accuracy over the last quarter.
    last: [f64; 2],
}

impl Curve {
    fn told(&self) -> Told {
        let falls =
            |curve: &[f64]| -> Vec<f64> { curve.windows(2).map(|pair| 100.0 * (pair[0] - pair[1]).max(0.0)).collect() };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let last = |curve: &[f64]| 100.0 * mean(&curve[curve.len() - curve.len() / 4..]);
        let last = [last(&self.training), last(&self.validation)];
        let validation = falls(&self.validation);
        Told {
            restless: [mean(&falls(&self.training)), mean(&validation)],
            spike: validation.iter().copied().fold(0.0, f64::max),
            gap: last[0] - last[1],
            last,
        }
    }

    /// The first epoch after which the validation accuracy is at `level`; one more than there are if it never is.
    fn reaches(&self, level: f64) -> f64 {
        (self.validation.iter().position(|accuracy| *accuracy >= level).unwrap_or(EPOCHS) + 1) as f64
    }
}

/// Every curve, and the level that [`Curve::reaches`] asks for.
struct Found {
    /// What it was trained on.
    on: &'static str,
    /// Input columns.
    inputs: usize,
    /// Validation rows.
    rows: usize,
    curves: Vec<Curve>,
    level: f64,
}

impl Found {
    fn of(&self, variant: usize) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(move |curve| curve.variant == variant && !curve.torch)
    }

    fn sample(&self, variant: usize, value: impl Fn(&Curve) -> f64) -> Sample {
        Sample::of(&self.of(variant).map(value).collect::<Vec<_>>())
    }

    /// How many standard errors a number of one variant lies above another's.
    fn above(&self, one: usize, other: usize, value: impl Fn(&Curve) -> f64) -> f64 {
        self.sample(one, &value).above(&self.sample(other, &value))
    }
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    let Some((on, opened)) = open(study)? else { return Ok(String::new()) };
    let jobs = jobs();
    let engine = |job: &Job| if job.torch { "torch" } else { "scratch" };
    let curves = context.each(
        &jobs,
        |job| format!("Figure 1 on {on}: {}, {}, seed {}", VARIANTS[job.variant].name, engine(job), job.seed),
        |job| train(context, &opened, job, engine(job)),
    )?;
    let level = level(&opened, &curves);
    let rows = opened.set.validation.as_ref().map_or(0, Rows::rows);
    let found = Found { on, inputs: opened.set.columns, rows, curves, level };
    claims(study, &found);
    figure(&context.folder.join("widths"), (1200, 800), |area| draw(area, &found))?;
    Ok(render(&found))
}

/// products where the user has it, else 4dim: English reviews, too, and as long.
fn open(study: &mut StudyVerdict) -> Result<Option<(&'static str, Opened)>> {
    if let Some(opened) = products("Figure 1", &[GLOVE], &[FIRST], study)? {
        return Ok(Some(("products", opened)));
    }
    if !study.has("Figure 1", FOUR_DIM.data)? {
        return Ok(None);
    }
    let opened = Opened::new(&FOUR_DIM, &[FIRST])?;
    Ok(Some(("4dim", opened)))
}

fn jobs() -> Vec<Job> {
    let torch = ALSO_TORCH.into_iter().map(|variant| Job { variant, torch: true, seed: 0 });
    let all = (0..SEEDS).flat_map(|seed| (0..VARIANTS.len()).map(move |variant| Job { variant, torch: false, seed }));
    torch.chain(all).collect()
}

fn train(context: &Context<'_>, opened: &Opened, job: &Job, engine: &str) -> Result<Curve> {
    let Variant { name, hidden, as_coded, rate } = &VARIANTS[job.variant];
    let classes = opened.set.classes.as_ref().map_or(0, Vec::len);
    let mut sets = vec![
        format!("model.layers=[{hidden}, {{ linear = {{ outputs = {classes} }} }}]"),
        format!("reference.engine={engine}"),
        format!("seed={}", job.seed),
        "dtype=f32".to_owned(),
        "training.shuffle=true".to_owned(),
        format!("training.optimizer.sgd.lr={rate}"),
    ];
    // A fault is the candidate's.
    sets.extend(as_coded.then(|| "candidate.training.faults=[\"sigmoid-derivative-of-output\"]".to_owned()));
    let side = if *as_coded { RunSide::Candidate } else { RunSide::Reference };
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let experiment = opened.experiment(name, &sets)?;
    let mut alone = Alone::new(&experiment, side)?;
    let mut found = Curve { variant: job.variant, torch: job.torch, training: Vec::new(), validation: Vec::new() };
    for _ in 0..EPOCHS {
        context.go_on()?;
        alone.epoch()?;
        for (curve, part) in [(&mut found.training, Which::Training), (&mut found.validation, Which::Validation)] {
            curve.push(alone.scores(&experiment.set, part)?.accuracy.unwrap_or(f64::NAN));
        }
    }
    Ok(found)
}

/// Halfway from what classes of these shares give by chance to what the three widths end at.
fn level(opened: &Opened, curves: &[Curve]) -> f64 {
    let classes = opened.set.classes.as_ref().map_or(0, Vec::len);
    let chance = match &opened.set.training.targets {
        Targets::Classes(labels) => squares(&shares(labels, classes)),
        Targets::Values(_) => 0.0,
    };
    let ends: Vec<f64> =
        curves.iter().filter(|curve| curve.variant <= W100).map(|curve| curve.told().last[1] / 100.0).collect();
    (chance + Sample::of(&ends).mean) / 2.0
}

/// Whether something is so that lies so many standard errors above what it is compared with, which must be all: it is
/// where all are above two, it is not where one is below minus two.
fn told(above: &[f64]) -> Option<bool> {
    if above.iter().any(|above| *above < -2.0) {
        return Some(false);
    }
    above.iter().all(|above| *above > 2.0).then_some(true)
}

fn restless(part: usize) -> impl Fn(&Curve) -> f64 {
    move |curve| curve.told().restless[part]
}

fn claims(study: &mut StudyVerdict, found: &Found) {
    let stand_in = if found.on == "products" { "" } else { " (on 4dim, which stands in for products)" };
    let each = |variants: &[usize], value: &dyn Fn(&Curve) -> f64, digits: usize| {
        let one = |&variant: &usize| format!("{} {:.digits$}", VARIANTS[variant].name, found.sample(variant, value));
        variants.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let widths = [W50, W80, W100];
    let early = |curve: &Curve| curve.reaches(found.level);
    study.claim(
        "Figure 1: 80 units are the sweet spot",
        "50, 80 and 100 observe similar updates, 80 earlier, with more stable validation curve",
        format!(
            "epochs to a validation accuracy of {:.2}: {}; mean fall of it an epoch, in points: {}{stand_in}",
            found.level,
            each(&widths, &early, 1),
            each(&widths, &restless(1), 2)
        ),
        told(&[
            found.above(W50, W80, early),
            found.above(W100, W80, early),
            found.above(W50, W80, restless(1)),
            found.above(W100, W80, restless(1)),
        ]),
    );
    study.claim(
        "Figure 1: two layers of 50",
        "more stable training, larger spikes in validation, than 100 units in one layer",
        format!(
            "mean fall of the training accuracy an epoch: {}; largest fall of the validation accuracy: {}{stand_in}",
            each(&[DEEP, W100], &restless(0), 2),
            each(&[DEEP, W100], &|curve| curve.told().spike, 1)
        ),
        told(&[found.above(W100, DEEP, restless(0)), found.above(DEEP, W100, |curve| curve.told().spike)]),
    );
    study.claim(
        "Figure 1: dropout",
        "helps with stabilizing the training curve and with reducing the generalization gap",
        format!(
            "mean fall of the training accuracy an epoch: {}; generalization gap: {}{stand_in}",
            each(&[DROPOUT, W100], &restless(0), 2),
            each(&[DROPOUT, W100], &|curve| curve.told().gap, 1)
        ),
        told(&[found.above(W100, DROPOUT, restless(0)), found.above(W100, DROPOUT, |curve| curve.told().gap)]),
    );
    let others = [W50, W80, W100, DEEP, DROPOUT];
    let calm = |curve: &Curve| curve.told().restless[0];
    study.claim(
        "Section 4.5: noisy data",
        "products and 4dim seem to be either noisy data-sets, …",
        format!(
            "the rate makes it look so: with {} inputs .05 is a large step. At a tenth of it 100 units' training \
             accuracy falls by {:.2} points an epoch, not {:.2}, and ends at {:.1} %, not {:.1}{stand_in}",
            found.inputs,
            found.sample(SLOW, calm).mean,
            found.sample(W100, calm).mean,
            found.sample(SLOW, |curve| curve.told().last[0]).mean,
            found.sample(W100, |curve| curve.told().last[0]).mean
        ),
        // Noise in the data would stay.
        told(&[found.above(W100, SLOW, calm)]).map(|calmer| !calmer),
    );
    study.claim(
        "Figure 1: sigmoid",
        "even further stable than all the former",
        format!(
            "mean fall of the training accuracy an epoch: {}{stand_in}",
            each(&[SIGMOIDS, W50, W80, W100, DEEP, DROPOUT], &restless(0), 2)
        ),
        told(&others.map(|other| found.above(other, SIGMOIDS, restless(0)))),
    );
}

/// A panel for each variant of the figure.
fn draw(area: &Area<'_>, found: &Found) -> Drawn {
    let [training, validation] = [PALETTE[0], PALETTE[1]].map(|color| Stroke { color, width: 4, dashed: false });
    let torch = [PALETTE[5], PALETTE[6]].map(|color| Stroke { color, width: 3, dashed: true });
    let shows = format!(
        "Accuracy on {} after each epoch, dropout off: mean ± standard deviation of {SEEDS} seeds. Dashed: libtorch, \
         seed 0.",
        found.on
    );
    let area = heading(area, "Figure 1 again: wider, deeper, dropout, sigmoid", &shows)?;
    let entries = [
        ("training, scratch".to_owned(), Some(training)),
        ("validation, scratch".to_owned(), Some(validation)),
        ("training, libtorch".to_owned(), Some(torch[0])),
        ("validation, libtorch".to_owned(), Some(torch[1])),
    ];
    let area = legend(&area, &entries)?;
    let all = || found.curves.iter().flat_map(|curve| curve.training.iter().chain(&curve.validation));
    let y = Axis::linear("accuracy", all().copied());
    let epochs: Vec<usize> = (1..=EPOCHS).collect();
    for (variant, cell) in area.split_evenly((2, 3)).iter().enumerate() {
        let style = text(TEXT_SIZE, &TEXT, HPos::Center, VPos::Top);
        cell.draw_text(
            &format!("{} units", VARIANTS[variant].name),
            &style,
            (cell.dim_in_pixel().0 as i32 / 2 + 60, 8),
        )?;
        let cell = cell.margin(44, 12, 0, 0);
        let mut chart = panel(&cell, &Axis::steps("epoch", &epochs), &y)?;
        let parts: [(Part, Stroke, Stroke); 2] =
            [(|curve| &curve.training, training, torch[0]), (|curve| &curve.validation, validation, torch[1])];
        for (part, stroke, _) in parts {
            let at = |epoch: usize| found.sample(variant, |curve| part(curve)[epoch]);
            let samples: Vec<Sample> = (0..EPOCHS).map(at).collect();
            let [low, mean, high] =
                [-1.0, 0.0, 1.0].map(|side| samples.iter().map(|at| at.mean + side * at.deviation).collect::<Vec<_>>());
            let x: Vec<f64> = epochs.iter().map(|&epoch| epoch as f64).collect();
            band(&mut chart, &x, (&low, &high), stroke.color)?;
            curve(&mut chart, &[(0..EPOCHS).collect()], (&epochs, &mean), stroke)?;
        }
        for of in found.curves.iter().filter(|curve| curve.torch && curve.variant == variant) {
            for (part, _, stroke) in parts {
                curve(&mut chart, &[(0..EPOCHS).collect()], (&epochs, part(of)), stroke)?;
            }
        }
    }
    Ok(())
}

fn render(found: &Found) -> String {
    let chosen = if found.on == "products" {
        "Trained on your products: the first 100 tokens, batches of 256.".to_owned()
    } else {
        format!(
            "Products is not ours to ship. 4dim stands in: English reviews, too, on GloVe's vectors, which networks \
             over-fit alike (section 4.5); with fewer rows, four classes and {} validation rows, one of which is {:.2} \
             points. The first 100 tokens, batches of 64.",
            found.rows,
            100.0 / found.rows as f64
        )
    };
    let row = |(variant, of): (usize, &Variant)| {
        let cell = |value: &dyn Fn(&Curve) -> f64, digits: usize| format!("{:.digits$}", found.sample(variant, value));
        vec![
            of.name.to_owned(),
            cell(&|curve| curve.reaches(found.level), 1),
            cell(&|curve| curve.told().restless[0], 2),
            cell(&|curve| curve.told().restless[1], 2),
            cell(&|curve| curve.told().spike, 1),
            cell(&|curve| curve.told().last[0], 1),
            cell(&|curve| curve.told().last[1], 1),
            cell(&|curve| curve.told().gap, 1),
        ]
    };
    let reached = format!("epochs to a validation accuracy of {:.2}", found.level);
    format!(
        "\n## Figure 1: wider and deeper layers\n\n\
         ![learning curves of six networks](widths.svg)\n\n\
         {chosen} Rate .05, {EPOCHS} epochs, PyTorch's initial weights, f32, {SEEDS} seeds; dropout on the inputs, \
         where the public scripts put it. \"Stable\" is made a number: the mean fall of an accuracy from one epoch to \
         the next, in points, a rise counting as none. A spike is the largest such fall. The last four columns are of \
         the last {} epochs, mean ± standard deviation over seeds. A claim agrees where every difference it names is \
         above two standard errors, and does not where one is as far on the other side.\n\n",
        EPOCHS / 4
    ) + &table(
        &["hidden units", &reached, "training falls", "validation falls", "spike", "training", "validation", "gap"],
        1,
        &VARIANTS.iter().enumerate().map(row).collect::<Vec<_>>(),
    ) + "\n\"As coded\" takes the sigmoid's derivative at σ(x) instead of x, as the NumPy code does: between .197 and \
         .25, so that the gradient never fades. The last line is the counterfactual to \"noisy data\": the same data, \
         the same network, a tenth of the rate.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_that_only_rises_is_not_restless_and_falls_are_told_in_points() {
        let curve = |training: &[f64], validation: &[f64]| Curve {
            variant: 0,
            torch: false,
            training: training.to_vec(),
            validation: validation.to_vec(),
        };
        let found = curve(&[0.1, 0.5, 0.5, 0.9, 1.0], &[0.2, 0.6, 0.4, 0.5, 0.3]);
        let told = found.told();
        assert_eq!(told.restless[0], 0.0);
        // Falls of 20 and 20 points in four steps.
        assert!((told.restless[1] - 10.0).abs() < 1e-9 && (told.spike - 20.0).abs() < 1e-9);
        assert!((told.gap - 70.0).abs() < 1e-9);
        assert_eq!((found.reaches(0.55), found.reaches(0.7)), (2.0, EPOCHS as f64 + 1.0));
    }

    #[test]
    fn a_claim_is_told_only_beyond_two_standard_errors() {
        assert_eq!(told(&[2.5, 3.0]), Some(true));
        assert_eq!(told(&[2.5, 1.0]), None);
        assert_eq!(told(&[2.5, -2.5]), Some(false));
        assert_eq!(told(&[f64::NAN]), None);
    }
}
