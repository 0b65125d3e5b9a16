//! Figure 2: dropout of half of the inputs, live throughout in NumPy and in the first epoch only in PyTorch, on both
//! data sets that the document names; and each side with the other's.

use super::{
    Section,
    curves::draw,
    initial::points,
    sets::{File, Look, ODIYA, Opened, QUESTIONS, percent, train},
};
use crate::{
    error::Result,
    run::RunSide,
    study::{Context, Sample, StudyVerdict, page::table},
};

pub(super) const SECTION: Section = Section { parts: RUNS, run };

/// Epochs, as in Figure 2.
const EPOCHS: usize = 100;

/// Of the runs by libtorch itself, on questions and on the headlines, where an epoch takes twenty times as long.
const EPOCHS_OF_TORCH: [usize; 2] = [100, 3];

/// Seeds on questions and on the headlines.
const SEEDS: [u64; 2] = [3, 1];

/// Epochs at the start whose changes are not counted: every curve climbs there.
const SETTLED: usize = 5;

/// A training accuracy at which a curve can hardly move any more.
const SATURATED: f64 = 0.99;

/// How many times as large a gap is without dropout where it is much smaller with: smaller by a third.
const MUCH: f64 = 1.5;

/// What becomes of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropout {
    Without,
    Live,
    FirstEpoch,
}

/// Whose network it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    NumPy,
    Torch,
}

/// A run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    /// Of questions, 0, or the headlines, 1.
    pub(super) set: usize,
    network: Network,
    dropout: Dropout,
    seed: u64,
    /// Whether libtorch trains it.
    torch: bool,
}

pub(super) const NAMES: [&str; 2] = ["questions", "odia"];
const CLASSES: [usize; 2] = [6, 3];
const FILES: [&File; 2] = [&QUESTIONS, &ODIYA];

/// Those by libtorch itself are PyTorch's as published, with and without dropout.
const RUNS: usize = 6 * (SEEDS[0] + SEEDS[1]) as usize + 4;

fn jobs(set: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for network in Network::BOTH {
        for dropout in Dropout::ALL {
            jobs.extend((0..SEEDS[set]).map(|seed| Job { set, network, dropout, seed, torch: false }));
            let as_published = network == Network::Torch && dropout != Dropout::Live;
            jobs.extend(as_published.then_some(Job { set, network, dropout, seed: 0, torch: true }));
        }
    }
    jobs
}

impl Dropout {
    const ALL: [Self; 3] = [Self::Live, Self::FirstEpoch, Self::Without];

    /// Its layer.
    fn layer(self) -> &'static str {
        match self {
            Self::Without => "",
            Self::Live => "{ dropout = { p = 0.5 } }, ",
            Self::FirstEpoch => "{ dropout = { p = 0.5, first_epoch_only = true } }, ",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Live => "live",
            Self::FirstEpoch => "first epoch only",
        }
    }
}

impl Network {
    pub(super) const BOTH: [Self; 2] = [Self::NumPy, Self::Torch];

    /// What dropout is in it as published.
    fn published(self) -> Dropout {
        if self == Self::NumPy { Dropout::Live } else { Dropout::FirstEpoch }
    }

    /// The other's.
    fn swapped(self) -> Dropout {
        if self == Self::NumPy { Dropout::FirstEpoch } else { Dropout::Live }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NumPy => "NumPy",
            Self::Torch => "PyTorch",
        }
    }
}

impl Job {
    pub(super) fn name(&self) -> String {
        let Self { set, network, dropout, seed, torch } = self;
        let engine = if *torch { "torch" } else { "scratch" };
        format!("Figure 2: {}, {}'s, dropout {}, {engine}, seed {seed}", NAMES[*set], network.name(), dropout.name())
    }

    fn epochs(&self) -> usize {
        if self.torch { EPOCHS_OF_TORCH[self.set] } else { EPOCHS }
    }

    /// NumPy's: normal weights, rows shuffled, one softmax. PyTorch's: its own weights, never shuffled, two softmaxes.
    fn sets(&self) -> Vec<String> {
        let numpy = self.network == Network::NumPy;
        let (softmax, init) =
            if numpy { ("", "{ normal = { divided_by = \"inputs\" } }") } else { (", \"softmax\"", "\"pytorch\"") };
        let (dropout, classes) = (self.dropout.layer(), CLASSES[self.set]);
        vec![
            format!("model.init={init}"),
            format!(
                "model.layers=[{dropout}{{ linear = {{ outputs = 18 }} }}, \"relu\", \
                 {{ linear = {{ outputs = {classes} }} }}{softmax}]"
            ),
            format!("training.shuffle={numpy}"),
            "training.batch_size=8".to_owned(),
            format!("reference.engine={}", if self.torch { "torch" } else { "scratch" }),
            "dtype=f32".to_owned(),
            format!("seed={}", self.seed),
        ]
    }
}

/// What the runs on one data set came to.
pub(super) struct Found {
    pub(super) set: usize,
    runs: Vec<(Job, Vec<Look>)>,
}

/// What a run's curves come to in the end.
#[derive(Debug, Clone, Copy)]
struct End {
    pub(super) training: f64,
    pub(super) validation: f64,
}

/// Means over the last tenth of the looks.
fn end(looks: &[Look]) -> End {
    let last = &looks[looks.len() - looks.len().div_ceil(10)..];
    let mean = |of: &dyn Fn(&Look) -> f64| last.iter().map(of).sum::<f64>() / last.len() as f64;
    End { training: mean(&|look| look.training.accuracy), validation: mean(&|look| look.validation.accuracy) }
}

/// The mean change of the training and of the validation accuracy from one epoch to the next, after the first
/// [`SETTLED`] of the first `until` epochs; nothing where there are no two.
fn changes(looks: &[Look], until: usize) -> Option<[f64; 2]> {
    let settled = looks.get(SETTLED..until)?;
    let change = |of: fn(&Look) -> f64| {
        let changes = settled.windows(2).map(|pair| (of(&pair[1]) - of(&pair[0])).abs());
        changes.sum::<f64>() / (settled.len() - 1) as f64
    };
    (settled.len() > 1).then(|| [change(|look| look.training.accuracy), change(|look| look.validation.accuracy)])
}

impl Found {
    /// Every look of every run.
    pub(super) fn looks(&self) -> impl Iterator<Item = &Look> {
        self.runs.iter().flat_map(|(_, looks)| looks)
    }

    fn train(context: &Context<'_>, set: usize, opened: &Opened) -> Result<Self> {
        let jobs = jobs(set);
        let looks = context.each(&jobs, Job::name, |job| {
            let sets = job.sets();
            let experiment = opened.experiment("", &sets.iter().map(String::as_str).collect::<Vec<_>>())?;
            train(context, &experiment, RunSide::Reference, job.epochs(), 1)
        })?;
        Ok(Self { set, runs: jobs.into_iter().zip(looks).collect() })
    }

    /// The looks of each seed, by scratch.
    pub(super) fn of(&self, network: Network, dropout: Dropout) -> impl Iterator<Item = &[Look]> {
        let wanted = move |job: &Job| (job.network, job.dropout, job.torch) == (network, dropout, false);
        self.runs.iter().filter(move |(job, _)| wanted(job)).map(|(_, looks)| looks.as_slice())
    }

    fn sample(&self, network: Network, dropout: Dropout, what: impl Fn(&End) -> f64) -> Sample {
        Sample::of(&self.of(network, dropout).map(|looks| what(&end(looks))).collect::<Vec<_>>())
    }

    /// Epochs until NumPy's first run, with dropout or without, comes past [`SATURATED`].
    fn moving(&self) -> usize {
        let runs = [Dropout::Live, Dropout::Without].into_iter().flat_map(|dropout| self.of(Network::NumPy, dropout));
        let until =
            |looks: &[Look]| looks.iter().position(|look| look.training.accuracy > SATURATED).unwrap_or(looks.len());
        runs.map(until).min().unwrap_or(0)
    }

    /// [`changes`] of NumPy's runs until then: training and validation, over the seeds.
    fn changes(&self, dropout: Dropout) -> Option<[Sample; 2]> {
        let until = self.moving();
        let found: Option<Vec<[f64; 2]>> =
            self.of(Network::NumPy, dropout).map(|looks| changes(looks, until)).collect();
        let found = found.filter(|found| !found.is_empty())?;
        Some([0, 1].map(|part| Sample::of(&found.iter().map(|pair| 100.0 * pair[part]).collect::<Vec<_>>())))
    }

    fn gap(&self, network: Network, dropout: Dropout) -> f64 {
        self.sample(network, dropout, |end| end.training - end.validation).mean
    }

    /// Whether dropout in the first epoch only leaves the gap nearer to that without it, live nearer to live, on both
    /// sides: what dropout does follows its switch, and not the side.
    fn follows_the_switch(&self) -> bool {
        Network::BOTH.into_iter().all(|network| {
            let [live, first, without] = Dropout::ALL.map(|dropout| self.gap(network, dropout));
            live < without && (first - without).abs() < (first - live).abs()
        })
    }
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<String> {
    let mut all = Vec::new();
    for (set, sets) in [(0, &["data.rows.vectors.first=10"][..]), (1, &[])] {
        if verdict.has(&format!("Figure 2 on {}", NAMES[set]), FILES[set].data)? {
            let found = Found::train(context, set, &Opened::new(FILES[set], sets)?)?;
            claims(&found, verdict);
            all.push(found);
        }
    }
    if all.is_empty() {
        return Ok(String::new());
    }
    let published = "As published: in NumPy half of the inputs are dropped at every step; in PyTorch eval() ends that \
                     after the first epoch. Accuracy with dropout off, seed 0, epoch by epoch.";
    draw(
        context.folder,
        "figure-2",
        "Figure 2: accuracy with and without dropout",
        published,
        &all,
        Network::published,
    )?;
    let follows = if all.iter().all(Found::follows_the_switch) { " The gap follows the switch." } else { "" };
    let swapped = &format!(
        "Dropout the other way round: in NumPy it ends after the first epoch, in PyTorch train() is called before \
         every epoch.{follows}"
    );
    let heading = "Figure 2 with dropout's switch on the other side";
    draw(context.folder, "dropout-swapped", heading, swapped, &all, Network::swapped)?;
    Ok(section(&all))
}

fn claims(found: &Found, study: &mut StudyVerdict) {
    let name = NAMES[found.set];
    let gap = |network, dropout| points(found.gap(network, dropout));
    let numpy = |dropout| gap(Network::NumPy, dropout);
    study.claim(
        &format!("dropout, {name}: a much smaller gap"),
        "with dropout \"much smaller generalization gap\"",
        format!(
            "NumPy: {} points with, {} without (much: smaller by a third at least); validation accuracy {} and {}",
            numpy(Dropout::Live),
            numpy(Dropout::Without),
            percent(found.sample(Network::NumPy, Dropout::Live, |end| end.validation).mean),
            percent(found.sample(Network::NumPy, Dropout::Without, |end| end.validation).mean)
        ),
        Some(found.gap(Network::NumPy, Dropout::Live) < found.gap(Network::NumPy, Dropout::Without) / MUCH),
    );
    steadier(found, study);
    let torch = |dropout| gap(Network::Torch, dropout);
    study.claim(
        &format!("dropout, {name}: PyTorch's -d curves"),
        "models \"plugging in … a dropout layer of 0.5 zeroing probability\"",
        format!(
            "they are without dropout from the second epoch on: gap {} points with, {} without; left \
             live {}. NumPy's, off after the first epoch: {}",
            torch(Dropout::FirstEpoch),
            torch(Dropout::Without),
            torch(Dropout::Live),
            numpy(Dropout::FirstEpoch)
        ),
        Some(!found.follows_the_switch()),
    );
    study.expect(
        format!("{name}: the gap follows dropout's switch on both sides, whichever side it is put on"),
        found.follows_the_switch(),
    );
}

/// Whether accuracies move less with dropout, before any of the curves is at its end.
fn steadier(found: &Found, study: &mut StudyVerdict) {
    let until = found.moving();
    let percent_right = 100.0 * SATURATED;
    let both = found.changes(Dropout::Live).zip(found.changes(Dropout::Without));
    let (ours, agreed) = match both {
        Some((live, without)) => {
            let small = |[training, validation]: [Sample; 2]| {
                let one = |sample: Sample| match sample.count {
                    1 => format!("{:.2}", sample.mean),
                    _ => sample.to_string(),
                };
                format!("{} and {}", one(training), one(validation))
            };
            let ours = format!(
                "from epoch {} to {until}, before a run is right on {percent_right} % of its training rows, training \
                 and validation accuracy move by {} points an epoch with, by {} without",
                SETTLED + 1,
                small(live),
                small(without)
            );
            (ours, calmer(live, without))
        }
        None => (
            format!(
                "a run is right on {percent_right} % of its training rows after {} epochs, too soon to measure it",
                until + 1
            ),
            None,
        ),
    };
    study.claim(
        &format!("dropout, {name}: steadier", name = NAMES[found.set]),
        "with dropout \"a more steady rate of improvement\"",
        ours,
        agreed,
    );
}

/// Whether both move less than the others by more than two standard errors; not if one moves as much more; else, and of
/// single seeds, nobody can tell.
fn calmer(these: [Sample; 2], others: [Sample; 2]) -> Option<bool> {
    if these.iter().chain(&others).any(|sample| sample.count < 2) {
        return None;
    }
    let below = [0, 1].map(|part| others[part].above(&these[part]));
    match (below.iter().all(|errors| *errors > 2.0), below.iter().any(|errors| *errors < -2.0)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

fn section(all: &[Found]) -> String {
    let mut rows = Vec::new();
    for found in all {
        for network in Network::BOTH {
            for dropout in Dropout::ALL {
                let of = |what: fn(&End) -> f64| {
                    let sample = found.sample(network, dropout, |end| 100.0 * what(end));
                    if sample.count > 1 { format!("{sample:.1}") } else { format!("{:.1}", sample.mean) }
                };
                let published = network.published() == dropout || dropout == Dropout::Without;
                rows.push(vec![
                    NAMES[found.set].to_owned(),
                    network.name().to_owned(),
                    dropout.name().to_owned() + if published { "" } else { ", swapped" },
                    of(|end| end.training),
                    of(|end| end.validation),
                    of(|end| end.training - end.validation),
                    found.of(network, dropout).count().to_string(),
                ]);
            }
        }
    }
    let head = ["data", "network", "dropout", "training %", "validation %", "gap, points", "seeds"];
    format!(
        "\n## Figure 2: dropout that is live in one epoch\n\n\
         ![learning curves](figure-2.svg)\n\n\
         18 ReLU units on the first 10 tokens, rate .05, batch 8, half of the inputs dropped. NumPy draws a new mask \
         for every batch; in PyTorch `eval()` is called to validate after the first epoch and `train()` never again. \
         NumPy starts from N(0, 1/k²) and shuffles, PyTorch from U(±1/√k) and has its second softmax. The caption says \
         odia, the legend questions: both are here, over {EPOCHS} epochs. Means over the last tenth of them, ± over \
         seeds, by scratch in f32.\n\n{}\n{}\n\n\
         ![learning curves with the switch on the other side](dropout-swapped.svg)\n",
        table(&head, 3, &rows),
        by_torch(all)
    )
}

/// libtorch's own runs beside scratch's at the same epoch.
fn by_torch(all: &[Found]) -> String {
    let mut told = Vec::new();
    for found in all {
        for (job, looks) in found.runs.iter().filter(|(job, _)| job.torch) {
            let same = found.of(job.network, job.dropout).next().and_then(|looks| looks.get(job.epochs() - 1));
            let Some((torch, scratch)) = looks.last().zip(same) else { continue };
            let accuracies =
                |look: &Look| format!("{}/{}", percent(look.training.accuracy), percent(look.validation.accuracy));
            told.push(format!(
                "{}, dropout {}, after {} epochs {} (scratch {})",
                NAMES[found.set],
                job.dropout.name(),
                job.epochs(),
                accuracies(torch),
                accuracies(scratch)
            ));
        }
    }
    format!(
        "PyTorch's network trained by libtorch itself at seed 0, training/validation accuracy: {}. In f32 rounding \
         parts two engines over so many steps, as it does two copies of one ([below](#in-lockstep)).",
        told.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::{super::sets::Seen, *};

    #[test]
    fn an_end_is_the_mean_of_the_last_tenth_and_changes_count_from_where_curves_have_settled() {
        let look = |epoch: usize| {
            // Climbs to the last of the first looks, then goes up and down by 0.1; the validation accuracy stays.
            let accuracy = if epoch <= SETTLED { epoch as f64 } else { 0.5 + 0.05 * (-1f64).powi(epoch as i32) };
            let seen = |accuracy| Seen { loss: 0.0, accuracy };
            Look { epoch, training: seen(accuracy), validation: seen(0.25) }
        };
        let looks: Vec<Look> = (1..=40).map(look).collect();
        let end = end(&looks);
        assert!((end.training - 0.5).abs() < 1e-12 && end.validation == 0.25);
        let [training, validation] = changes(&looks, 40).unwrap();
        assert!((training - 0.1).abs() < 1e-12 && validation == 0.0);
        assert_eq!((changes(&looks, SETTLED + 1), changes(&looks, 0)), (None, None));
    }
}
