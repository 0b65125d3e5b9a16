//! Both engines in lockstep on the largest networks of Table 1, without the causes.

use super::{
    Section,
    sets::Opened,
    shapes::{SHAPES, Shape},
};
use crate::{
    data::Length,
    error::Result,
    judge::{
        noise::Limits,
        verdict::{Outcome, Phase, Verdict},
    },
    report::power,
    run::Mode,
    study::{Context, StudyVerdict, page::table},
};

pub(super) const SECTION: Section = Section { parts: RUNS.len(), run };

/// A run: network of Table 1, type, steps.
struct Run {
    shape: &'static str,
    dtype: &'static str,
    steps: usize,
    /// Whether it has a report of its own.
    report: bool,
}

const RUNS: [Run; 4] = [
    Run { shape: "4dim", dtype: "f64", steps: 110, report: true },
    Run { shape: "4dim", dtype: "f32", steps: 110, report: false },
    Run { shape: "products", dtype: "f64", steps: 10, report: false },
    Run { shape: "products", dtype: "f32", steps: 20, report: false },
];

/// The folder of the run that has a report.
const REPORT: &str = "4dim-in-lockstep";

impl Run {
    fn name(&self) -> String {
        format!("{} in lockstep, {}", self.shape, self.dtype)
    }
}

fn run(context: &Context<'_>, study: &mut StudyVerdict) -> Result<String> {
    let mut rows = Vec::new();
    for shape in &SHAPES {
        let runs: Vec<&Run> = RUNS.iter().filter(|run| run.shape == shape.name).collect();
        if runs.is_empty() {
            continue;
        }
        let Some(opened) = shape.open("In lockstep", study)? else { continue };
        let (reported, silent): (Vec<&Run>, Vec<&Run>) = runs.into_iter().partition(|run| run.report);
        let mut found = Vec::new();
        for run in reported {
            found.push((run, context.report(REPORT, &experiment(&opened, run)?)?.0));
        }
        let verdicts = context.each(
            &silent,
            |run| format!("{} in lockstep, {}", shape.on(&opened), run.dtype),
            |run| context.silent(&experiment(&opened, run)?, Mode::Both, Limits::default()),
        )?;
        found.extend(silent.into_iter().zip(verdicts));
        for (run, verdict) in found {
            expect(study, run, &verdict);
            rows.push(row(shape, &opened, run, &verdict));
            study.experiments.insert(run.name(), verdict);
        }
    }
    if rows.is_empty() {
        return Ok(String::new());
    }
    Ok(render(&rows, study))
}

fn experiment(opened: &Opened, run: &Run) -> Result<crate::experiment::Experiment> {
    let mut experiment = opened.experiment(&run.name(), &[&format!("dtype={}", run.dtype)])?;
    experiment.course.length = Length::Steps(run.steps);
    Ok(experiment)
}

fn expect(study: &mut StudyVerdict, run: &Run, verdict: &Verdict) {
    // Networks as large have no twins to find the horizon: the free run itself is to stay inside.
    let apart = verdict.free_gap("weights").unwrap_or(f64::NAN);
    study.expect(
        format!("parity over {} steps, the free run inside the horizon: {}", run.steps, run.name()),
        verdict.verdict == Outcome::Parity && apart < verdict.noise.horizon_at,
    );
}

fn row(shape: &Shape, opened: &Opened, run: &Run, verdict: &Verdict) -> Vec<String> {
    let gap = |tensor: &str| power(verdict.free_gap(tensor));
    vec![
        shape.name.to_owned(),
        shape.network(opened),
        run.dtype.to_owned(),
        verdict.steps.to_string(),
        told(verdict),
        gap("loss"),
        gap("weights"),
        gap("gradients"),
    ]
}

/// How many of the runs are at parity, of how many.
pub(super) fn at_parity(study: &StudyVerdict) -> [usize; 2] {
    let found: Vec<_> = RUNS.iter().filter_map(|run| study.experiments.get(&run.name())).collect();
    [found.iter().filter(|found| found.verdict == Outcome::Parity).count(), found.len()]
}

fn render(rows: &[Vec<String>], study: &StudyVerdict) -> String {
    let [equal, all] = at_parity(study);
    let reported = RUNS.iter().find(|run| run.report && study.experiments.contains_key(&run.name()));
    let link = reported
        .map_or(String::new(), |run| format!(" Step by step: [{}, {}]({REPORT}/report.md).", run.shape, run.dtype));
    format!(
        "\n## The largest networks in lockstep\n\n\
         PyTorch's engine and ours on the same batches from the same weights, ours both re-synchronized every step and \
         free. Nothing differs between them; {equal} of {all} runs are at parity. The gaps are the free run's \
         largest.{link}\n\n"
    ) + &table(&["", "network", "type", "steps", "verdict", "loss", "weights", "gradients"], 3, rows)
}

/// What a verdict says, in a few words: `parity`, or where the sides first part.
fn told(verdict: &Verdict) -> String {
    match &verdict.first_divergence {
        None => verdict.verdict.to_string(),
        Some(first) if first.phase == Phase::Start || first.phase == Phase::Batch => {
            format!("{} in the {}", verdict.verdict, first.phase.name())
        }
        Some(first) => {
            format!("{} at step {}, {}, `{}`", verdict.verdict, first.step, first.phase.name(), first.tensor)
        }
    }
}
