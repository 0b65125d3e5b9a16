//! The judge, calibrated: can a verdict be trusted? What rounding really does beside what the limits allow, false alarms, missed faults, and
//! what judging costs.

pub mod causes;
mod control;
mod cost;
mod faults;
mod large;
mod random;
mod report;
mod rewritten;
mod settings;

use crate::study::{Context, Page, Study, StudyVerdict, sorted};
use crate::{
    error::Result,
    judge::{noise::Limits, verdict::Outcome as Answer},
    report::plots::{figure, quantiles},
    run::Phase,
};
use control::{CONTROL_SEEDS, CONTROL_STEPS, Calibrated, Control, SEEDS, STEPS};
use cost::{COSTED, Cost};
use faults::Found;
use random::Drawn;
use settings::{CALIBRATION, CONTROL};

/// The study.
pub const STUDY: Study = Study {
    name: "calibration",
    title: "Can a verdict be trusted? False alarms, missed faults, and what judging costs",
    data: &[],
    parts: CALIBRATION.len() * SEEDS as usize
        + CONTROL.len() * 2 * (CONTROL_SEEDS.end - CONTROL_SEEDS.start) as usize
        + faults::RUNS
        + large::RUNS
        + (RANDOM_SEEDS.end - RANDOM_SEEDS.start) as usize
        + (OTHERWISE_SEEDS.end - OTHERWISE_SEEDS.start) as usize
        + COSTED.len(),
    run,
};

/// Seeds of the random experiments.
const RANDOM_SEEDS: std::ops::Range<u64> = 0..1200;

/// Seeds of those in which the candidate is written otherwise.
const OTHERWISE_SEEDS: std::ops::Range<u64> = 10_000..10_400;

/// Everything the study found.
struct Findings {
    calibrated: Vec<Calibrated>,
    controls: Vec<Control>,
    drawn: Vec<Drawn>,
    faults: Vec<Found>,
    large: Vec<large::Found>,
    costs: Vec<Cost>,
}

impl Findings {
    /// The largest share of the noise that a phase of a run used, and the largest drift beside the twins that are run.
    fn largest_shares(&self) -> (f64, f64) {
        let phases = self.calibrated.iter().flat_map(|setting| setting.phases.values().flatten());
        (phases.copied().fold(0.0, f64::max), self.largest_drift(control::held()))
    }

    /// The largest drift beside the number of twins at this place of those that were tried.
    fn largest_drift(&self, twins: usize) -> f64 {
        self.calibrated.iter().flat_map(|setting| &setting.drift[twins]).copied().fold(0.0, f64::max)
    }
}

fn run(context: &Context<'_>, verdict: &mut StudyVerdict) -> Result<Page> {
    let found = Findings {
        // First, while nothing else runs.
        costs: cost::measure(context)?,
        faults: faults::run(context)?,
        large: large::run(context, &large::jobs(large::NETWORKS.len()))?,
        drawn: [(RANDOM_SEEDS, false), (OTHERWISE_SEEDS, true)]
            .into_iter()
            .map(|(seeds, otherwise)| random::run(context, seeds, otherwise))
            .collect::<Result<Vec<_>>>()?
            .concat(),
        calibrated: control::calibrate(context, SEEDS, STEPS)?,
        controls: control::control(context, CONTROL_SEEDS, CONTROL_STEPS)?,
    };
    judge(&found, verdict);
    draw(context, &found)?;
    Ok(Page { report: report::render(&found, verdict), summary: report::summary(&found, verdict) })
}

/// Answers the claims and states what must hold.
fn judge(found: &Findings, study: &mut StudyVerdict) {
    let k = Limits::default().k;
    let (phases, drift) = found.largest_shares();
    let alarms: Vec<&Control> = found.controls.iter().filter(|run| run.outcome == Answer::Mismatch).collect();
    let (runs, missed) = (found.controls.len(), found.faults.iter().filter(|fault| !fault.right).count());
    let of_drawn = found.drawn.iter().filter(|run| run.outcome == Answer::Mismatch).count();
    let of_large = found.large.iter().filter(|fault| !fault.right).count();
    study.claim(
        "K covers the noise",
        &format!("K = {k}"),
        format!(
            "phases use at most {phases:.2} times the noise, free runs drift at most {drift:.2} times as far as twins"
        ),
        Some(phases.max(drift) <= k),
    );
    study.claim("false alarms", "0", format!("{} of {runs} runs", alarms.len()), Some(alarms.is_empty()));
    study.claim(
        "false alarms, random experiments",
        "0",
        format!("{of_drawn} of {} runs", found.drawn.len()),
        Some(of_drawn == 0),
    );
    study.claim("missed faults", "0", format!("{missed} of {} runs", found.faults.len()), Some(missed == 0));
    study.claim(
        "missed faults, steps that are watched",
        "0",
        format!("{of_large} of {} runs", found.large.len()),
        Some(of_large == 0),
    );
    study.expect("no phase and no drift of a correct engine passes K times its noise", phases.max(drift) <= k);
    study.expect("no correct engine is called a mismatch", alarms.is_empty() && of_drawn == 0);
    study.expect("every fault is found in its phase, at the first step that can show it, on its side", missed == 0);
    study.expect("a fault at a step that is not due for a replay is found at that step", of_large == 0);
}

/// How much of their limits the control runs use.
fn draw(context: &Context<'_>, found: &Findings) -> Result<()> {
    let phase = |phase: Phase| {
        let budgets = found.controls.iter().filter_map(|run| run.phases.get(&phase).copied());
        (phase.name().to_owned(), sorted(budgets.collect()))
    };
    let mut series: Vec<_> = Phase::COMPUTED.into_iter().map(phase).collect();
    series.push(("drift".to_owned(), sorted(found.controls.iter().filter_map(|run| run.drift).collect())));
    let alarms = found.controls.iter().filter(|run| run.outcome == Answer::Mismatch).count();
    let shows = format!(
        "{} runs of correct engines: the largest share of its limit that each run used over all its steps. A run above \
         the line would have been a false alarm.",
        found.controls.len()
    );
    figure(&context.folder.join("budgets"), (960, 600), |area| {
        quantiles(
            area,
            &format!("False alarms: {alarms} of {}", found.controls.len()),
            &shows,
            "budget (gap / limit)",
            (1.0, "limit"),
            &series,
        )
    })?;
    Ok(())
}

#[cfg(all(test, feature = "torch"))]
mod tests {
    use super::{settings::FAULTED, *};
    use crate::study::Journal;
    use std::{path::Path, sync::atomic::AtomicBool};

    /// A smaller version of the tables in reports/calibration, on seeds of its own.
    #[test]
    fn no_correct_engine_is_called_a_mismatch_and_no_fault_is_missed() {
        let context = Context {
            folder: Path::new(""),
            stop: &AtomicBool::new(false),
            tick: &|_| {},
            journal: &Journal::nowhere(),
        };
        for run in control::control(&context, 77..78, 60).unwrap() {
            assert_ne!(run.outcome, Answer::Mismatch, "{}, {}: {:?}", CONTROL[run.setting].name, run.dtype, run.first);
        }
        let missed: Vec<_> = faults::run(&context).unwrap().into_iter().filter(|run| !run.right).collect();
        let missed = missed.iter().map(|run| {
            let (fault, setting) = (faults::CASES[run.case].name, FAULTED[run.setting].setting.name);
            format!("{fault} in the {:?}, {setting}: {:?}, {:?}", run.side, run.place, run.then)
        });
        let missed: Vec<String> = missed.collect();
        assert!(missed.is_empty(), "{}", missed.join("\n"));
    }

    /// Ten seconds' worth; the study runs a thousand, and `scripts/test --all` with it.
    #[test]
    fn no_random_experiment_is_called_a_mismatch() {
        let context = Context {
            folder: Path::new(""),
            stop: &AtomicBool::new(false),
            tick: &|_| {},
            journal: &Journal::nowhere(),
        };
        let mut drawn = random::run(&context, 50_000..50_080, false).unwrap();
        drawn.extend(random::run(&context, 60_000..60_040, true).unwrap());
        for run in &drawn {
            assert_ne!(run.outcome, Answer::Mismatch, "seed {}: {}", run.seed, run.headline);
            assert_ne!(run.why, Some(random::Why::Other), "seed {}: {}", run.seed, run.headline);
        }
        assert!(drawn.iter().filter(|run| run.outcome == Answer::Parity).count() > drawn.len() / 2);
    }

    #[test]
    fn no_fault_of_single_steps_is_missed_where_not_every_step_is_replayed() {
        let context = Context {
            folder: Path::new(""),
            stop: &AtomicBool::new(false),
            tick: &|_| {},
            journal: &Journal::nowhere(),
        };
        for run in large::run(&context, &large::jobs(1)).unwrap() {
            let (fault, optimizer) = (large::CASES[run.case].name, large::OPTIMIZERS[run.optimizer].0);
            assert!(run.right, "{fault} in the {:?}, {optimizer}: {:?}", run.side, run.place);
        }
    }

    /// The shares that K is derived from are of the candidate's error in the noise alone: none passes K here either. A few twins
    /// may all be near by chance where an optimizer divides by the size of gradients that rounding makes: what goes farther
    /// than they say is held, as in a verdict, to the twins that decide.
    #[test]
    fn what_correct_engines_use_of_the_noise_is_below_k() {
        let context = Context {
            folder: Path::new(""),
            stop: &AtomicBool::new(false),
            tick: &|_| {},
            journal: &Journal::nowhere(),
        };
        let most = |shares: &mut dyn Iterator<Item = f64>| shares.fold(0.0, f64::max);
        for (number, setting) in control::calibrate(&context, 1, 20).unwrap().iter().enumerate() {
            let k = Limits::default().k;
            let phases = most(&mut setting.phases.values().flatten().copied());
            let mut drift = most(&mut setting.drift[control::held()].iter().copied());
            if drift > k {
                drift = control::decided(&context, number, 0, 20).unwrap().unwrap();
            }
            assert!(phases <= k && drift <= k, "{}: {phases}, {drift}", setting.name);
        }
    }
}
