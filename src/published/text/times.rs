//! Table 1: how long an epoch and a classification take, and where the time goes.
//!
//! Everything is measured (`timing`) while nothing else of the study runs, one thread a side, in f64 as the document
//! computes.

use super::{
    Section,
    shapes::{SHAPES, Shape},
    timing::{InPython, PRODUCTS_ROWS, Phases, Point, SWEPT_INPUTS, Times, measure, python, sweep, wide_questions},
};
use crate::{
    bench,
    error::Result,
    study::{Context, Sample, StudyVerdict, page::table, sorted},
};

pub(super) const SECTION: Section = Section { parts: SHAPES.len() + 2, run };

/// Epochs over which the document's average is taken as an example: those of its Table 2.
pub(super) const EPOCHS: f64 = 20.0;

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    let mut all = Vec::new();
    for shape in &SHAPES {
        if let Some(opened) = shape.open("Table 1", study)? {
            let part = format!("times: {}", shape.on(&opened));
            all.push((shape, context.once(&part, || measure(context, shape, &opened))?));
        }
    }
    let wide = context.once("times: questions at the document's 100-d", || wide_questions(context))?;
    let swept = context.once("times: batches and widths", || sweep(context))?;
    let python = python(context);
    claims(study, &all, &swept, python.as_deref());
    Ok(render(&all, &wide, &swept, python.as_deref(), &told_reach(reach(context))))
}

/// How near the products of Table 1's networks come to the multiply-adds that the machine was measured to do:
/// libtorch's and scratch's, at most, with one thread, where bench's report lies beside this one.
fn reach(context: &Context<'_>) -> Option<[f64; 2]> {
    let report = bench::read(&context.folder.parent()?.join("bench").join("bench.json")).ok()?;
    let ours = |name: &str| SHAPES.iter().any(|shape| shape.name == name);
    let measured = report.measured.iter().filter(|one| one.threads == 1 && ours(&one.name));
    let rows: Vec<_> = measured.flat_map(|one| &one.rows).collect();
    let shares = [false, true].map(|scratch| {
        let figures = rows.iter().map(|row| if scratch { &row.candidate } else { &row.reference });
        let bound = figures.filter(|figures| figures.bound.as_deref() == Some("arithmetic"));
        bound.filter_map(|figures| figures.roofline).reduce(f64::max)
    });
    Some([shares[0]?, shares[1]?])
}

/// Why libtorch may take longer, in a sentence.
fn told_reach(reach: Option<[f64; 2]>) -> String {
    reach.map_or(String::new(), |[torch, scratch]| {
        format!(
            "\nOn the multiply-adds of these networks, in f32 on one thread, libtorch (MKL's products) reaches at most \
             {:.0} % of what this machine was measured to do, scratch {:.0} % ([bench](../bench/report.md)).\n",
            100.0 * torch,
            100.0 * scratch
        )
    })
}

/// The geometric mean.
fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    (values.clone().map(f64::ln).sum::<f64>() / values.count() as f64).exp()
}

/// From the least to the largest.
fn range(values: impl Iterator<Item = f64>) -> String {
    let sorted = sorted(values.collect());
    match (sorted.first(), sorted.last()) {
        (Some(least), Some(largest)) => format!("{least:.2} to {largest:.2}"),
        _ => "–".to_owned(),
    }
}

/// The document's own mean of its four speed-ups.
fn printed_speedup() -> f64 {
    Sample::of(&SHAPES.map(|shape| shape.speedup)).mean
}

type Measured<'a> = [(&'a Shape, Times)];

fn claims(study: &mut StudyVerdict, all: &Measured<'_>, swept: &[Point], python: Option<&[InPython]>) {
    let epochs = || all.iter().map(|(_, times)| times.epoch());
    let ours = format!(
        "our engine from scratch is not NumPy: libtorch takes {} times as long as it",
        range(epochs().map(|[torch, scratch]| torch / scratch))
    );
    let (ours, agreed) = match python {
        Some(python) => {
            let of = |threads| python.iter().filter(move |row| row.threads == threads).map(|row| row.ratio);
            let one = mean(of(1));
            let said = format!("{ours}. Plain NumPy takes {} times as long as PyTorch with one thread", range(of(1)));
            // Nearer to what is printed than to equal, on a logarithmic scale.
            (said, Some(one > printed_speedup().sqrt()).filter(|_| one.is_finite()))
        }
        None => (format!("{ours}; of bare NumPy nothing was measured here"), None),
    };
    study.claim_measured("Table 1: PyTorch trains faster", "a speed-up of about 1.58 over bare NumPy", ours, agreed);
    back_propagation(study, all);
    growth(study, swept, python);
    let classified: Vec<String> = all
        .iter()
        .map(|(shape, times)| format!("{} {:.2}", shape.name, times.classify[0] / times.classify[1]))
        .collect();
    study.claim_measured(
        "Table 1: NumPy classifies faster",
        "26, 1.8, 1.1 and 1 times as fast as PyTorch, one execution",
        format!(
            "bare NumPy was not timed; libtorch takes {} times as long as our engine{}",
            classified.join(", "),
            lone(all)
        ),
        None,
    );
}

/// What libtorch would take for the 40 reviews that 4dim's test file seems to have (section 4.5).
fn lone(all: &Measured<'_>) -> String {
    all.iter().find(|(shape, _)| shape.name == "4dim").map_or(String::new(), |(shape, times)| {
        let forty = 40.0 * times.classify[0] / times.rows as f64 / 1e3;
        format!(
            ". At its pace here 4dim's 40 test reviews take libtorch {forty:.0} ms, not {:.0}: what one execution took \
             there was not computing",
            1e3 * shape.classify[1]
        )
    })
}

/// Where libtorch is ahead of our engine or behind: a phase in which it is special would stand out.
fn back_propagation(study: &mut StudyVerdict, all: &Measured<'_>) {
    if all.is_empty() {
        return;
    }
    let over = |times: &Times, phase: usize| times.phases[0][phase] / times.phases[1][phase];
    let own = range(all.iter().map(|(_, times)| times.phases[0][2] / times.phases[0][0]));
    let [forward, backward] = [0, 2].map(|phase| range(all.iter().map(move |(_, times)| over(times, phase))));
    let third = range(all.iter().map(|(_, times)| times.third_product()));
    study.claim_measured(
        "Table 1: the speed-up comes from back-propagation",
        "possibly from the back-propagation part of PyTorch",
        format!(
            "where may be so, why not as it is meant: NumPy's back-propagation multiplies back to the inputs as well, \
             which nobody uses, a third product, which alone makes libtorch's step {third} times as long (printed \
             speed-ups {}). libtorch's own backward pass, as many multiply-adds as its forward pass, takes {own} times \
             as long; over our engine's, forward {forward}, backward {backward}. How NumPy's time is spread over its \
             phases was not measured",
            range(SHAPES.iter().map(|shape| shape.speedup))
        ),
        // What is found is a reason for NumPy's back-propagation to be slow, and no measurement of it.
        None,
    );
}

fn growth(study: &mut StudyVerdict, swept: &[Point], python: Option<&[InPython]>) {
    let at = |batch: usize, units: usize| swept.iter().find(|point| point.batch == batch && point.units == units);
    let Some(((small, large), (narrow, wide))) = at(8, 100).zip(at(512, 100)).zip(at(32, 25).zip(at(32, 400))) else {
        return;
    };
    let ours = [small.ratio() / large.ratio(), narrow.ratio() / wide.ratio()];
    let of = |name: &str| {
        python.into_iter().flatten().filter(|row| row.name == name).map(|row| row.ratio).collect::<Vec<_>>()
    };
    let (questions, products) = (of("questions"), of("products"));
    let in_python: Vec<f64> = questions.iter().zip(&products).map(|(small, large)| large / small).collect();
    // NumPy's own numbers decide where there are any; a gain has to be seen beside what moves a median from run to run.
    let gains = if in_python.is_empty() { &ours[..] } else { &in_python[..] };
    let agreed = match (gains.iter().all(|gain| *gain > 1.2), gains.iter().all(|gain| *gain < 1.0)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let said = if in_python.is_empty() {
        String::new()
    } else {
        format!(
            ". In Python, NumPy over PyTorch goes from {} on questions to {} on products",
            listed(&questions),
            listed(&products)
        )
    };
    study.claim_measured(
        "Table 1: PyTorch gains with batch size and width",
        "it seems to outperform given higher batch sizes and wider dimensions",
        format!(
            "libtorch over our engine goes from {:.2} at batches of 8 to {:.2} at 512, and from {:.2} at 25 units to \
             {:.2} at 400: its fixed cost of a call weighs less{said}",
            small.ratio(),
            large.ratio(),
            narrow.ratio(),
            wide.ratio()
        ),
        agreed,
    );
}

fn listed(ratios: &[f64]) -> String {
    ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" and ")
}

fn pair(values: [f64; 2], digits: usize) -> String {
    format!("{:.digits$} / {:.digits$}", values[0], values[1])
}

fn render(all: &Measured<'_>, wide: &[Phases; 2], swept: &[Point], python: Option<&[InPython]>, reach: &str) -> String {
    let mut text = "\n## Table 1: time\n\n\
        Seconds of an epoch of training, f64 as in the document, one thread; pairs are libtorch / scratch, which is \
        our engine and not NumPy. Steps are timed phase by phase while both engines train on the same batches; an \
        epoch is the median step times its steps. The document's average counts otherwise: it divides by one epoch \
        less than there were, and has the look at the validation rows in it, here for 20 epochs.\n\n"
        .to_owned();
    text += &table(
        &["", "network", "printed, NumPy", "printed, torch", "ours", "as the document counts", "libtorch / scratch"],
        2,
        &all.iter().map(|(shape, times)| epoch_row(shape, times)).collect::<Vec<_>>(),
    );
    text += &remarks(all, wide);
    text += reach;
    text += &phase_table(all);
    text += &classify_table(all);
    text += &sweep_table(swept);
    text + &in_python(all, python)
}

fn epoch_row(shape: &Shape, times: &Times) -> Vec<String> {
    let [torch, scratch] = times.epoch();
    let mark = if times.drawn { " *" } else { "" };
    vec![
        format!("{}{mark}", shape.name),
        times.network.clone(),
        shape.epoch[0].to_string(),
        shape.epoch[1].to_string(),
        pair([torch, scratch], 2),
        pair(times.counted(), 2),
        format!("{:.2}", torch / scratch),
    ]
}

fn remarks(all: &Measured<'_>, wide: &[Phases; 2]) -> String {
    let mut text = String::new();
    if let Some((_, times)) = all.iter().find(|(_, times)| times.drawn) {
        let step = times.phases.map(|phases| phases.iter().sum::<f64>() / 1e3);
        text += &format!(
            "\n\\* Drawn inputs of its shape: the reviews are not ours to ship (put yours at \
             `products/products.train.txt` of the data folder, text, tab, label). The document does not say how many \
             there are; a step takes {} ms, and the epoch is one of {PRODUCTS_ROWS:.0} rows.\n",
            pair(step, 1)
        );
    }
    let step = wide.map(|phases| phases.iter().sum::<f64>());
    text + &format!(
        "\nQuestions has 100-d vectors of unknown origin in the document; GloVe's 50-d stand in for them. On drawn \
         inputs of the document's width, 2000, a step takes {} µs.\n",
        pair(step, 0)
    )
}

fn phase_table(all: &Measured<'_>) -> String {
    let row = |(shape, times): &(&Shape, Times)| {
        let phases = (0..4).map(|phase| pair([times.phases[0][phase], times.phases[1][phase]], 0));
        let third = format!("{:.2}", times.third_product());
        let printed = format!("{:.2}", shape.speedup);
        [shape.name.to_owned()].into_iter().chain(phases).chain([third, printed]).collect::<Vec<_>>()
    };
    "\n### Does the speed-up come from back-propagation?\n\n\
     Microseconds of a step by phase, libtorch / scratch. Forward and backward have one large product each: the inputs \
     times the weights, and the inputs times the gradient. A backward pass that is special would take clearly \
     less than the forward pass.\n\n\
     What the NumPy code does and PyTorch does not: it multiplies the gradient back to the inputs of *every* layer \
     (eq. 6), also of the first, whose inputs are data (the public code's `backpropagate` does so without asking which \
     layer it is). That is a third product as large as the other two. The last but one column is libtorch's step with \
     its forward pass counted twice, over its step: what such a product costs alone, beside the printed speed-up, \
     without anything that PyTorch does well. The code also copies the whole shuffled training set every epoch, and \
     takes ReLU column by column.\n\n"
        .to_owned()
        + &table(
            &["", "forward", "loss", "backward", "update", "with a third product", "printed speed-up"],
            1,
            &all.iter().map(row).collect::<Vec<_>>(),
        )
}

fn classify_table(all: &Measured<'_>) -> String {
    let row = |(shape, times): &(&Shape, Times)| {
        let ms = |us: [f64; 2]| pair(us.map(|us| us / 1e3), 2);
        vec![
            shape.name.to_owned(),
            pair([shape.classify[1] * 1e3, shape.classify[0] * 1e3], 1),
            times.rows.to_string(),
            ms(times.first),
            ms(times.classify),
        ]
    };
    "\n### Classification\n\n\
     Milliseconds of a forward pass of all test rows (of the last 10 % of the training file where there is no test \
     file) in one batch, as the document gives them to PyTorch; medians of blocks in turn, and the first call of a new \
     engine. The document prints one execution, and does not say of how many rows.\n\n"
        .to_owned()
        + &table(
            &["", "printed, torch / NumPy", "rows", "first call, libtorch / scratch", "later, libtorch / scratch"],
            1,
            &all.iter().map(row).collect::<Vec<_>>(),
        )
}

fn sweep_table(swept: &[Point]) -> String {
    let row = |point: &Point| {
        let phases = (0..4).map(|phase| pair([point.phases[0][phase], point.phases[1][phase]], 0));
        let end = [format!("{:.2}", point.ratio()), format!("{:.3}", point.per_work())];
        let start = [point.batch.to_string(), point.units.to_string()];
        start.into_iter().chain(phases).chain(end).collect::<Vec<_>>()
    };
    format!(
        "\n### Does PyTorch gain with batch size and width?\n\n\
         Microseconds by phase of {SWEPT_INPUTS} inputs and two classes, libtorch / scratch, f64, one thread. The last \
         column is libtorch's step over the multiply-adds of its two large products.\n\n"
    ) + &table(
        &["batch", "units", "forward", "loss", "backward", "update", "libtorch / scratch", "ns per multiply-add"],
        0,
        &swept.iter().map(row).collect::<Vec<_>>(),
    )
}

fn in_python(all: &Measured<'_>, python: Option<&[InPython]>) -> String {
    let Some(python) = python else {
        return "\nBare NumPy itself against PyTorch, in Python: `lockstep bench all --python PYTHON` measures it, and \
                this report tells it where bench's stands in the folder beside.\n"
            .to_owned();
    };
    let row = |row: &InPython| {
        let (shape, times) = all.iter().find(|(shape, _)| shape.name == row.name)?;
        Some(vec![
            row.name.to_owned(),
            row.threads.to_string(),
            format!("{:.2}", row.ratio),
            format!("{:.2}", row.ratio * times.third_product()),
            format!("{:.2}", shape.speedup),
        ])
    };
    "\n### NumPy itself\n\n\
     NumPy's over PyTorch's time of a training step, both in Python, f32, as [bench](../bench/report.md#in-python) \
     measured them. Its NumPy stops before the first layer's inputs; the next column is what the third product would \
     make of it, at libtorch's cost of one.\n\n"
        .to_owned()
        + &table(
            &["", "threads", "NumPy / PyTorch", "with a third product", "printed"],
            1,
            &python.iter().filter_map(row).collect::<Vec<_>>(),
        )
}
