//! Can a verdict be trusted? What rounding really does beside what the limits allow, false alarms, missed faults, and
//! what measuring the noise costs.

mod control;
mod settings;

use super::{Context, Outcome, Study, StudyVerdict};
use crate::error::Result;

/// The study.
pub const STUDY: Study = Study {
    name: "noise",
    title: "Can a verdict be trusted? False alarms, missed faults, and what measuring noise costs",
    parts: 1,
    run,
};

fn run(context: &Context<'_>) -> Result<Outcome> {
    let verdict = StudyVerdict::new(STUDY.name);
    if let Some(found) = control::calibrate(context, 50, 200)? {
        for setting in &found {
            let max = |v: &Vec<f64>| {
                format!("{:.2}/{:.2}", v.get(v.len() / 2).copied().unwrap_or(-1.0), v.last().copied().unwrap_or(-1.0))
            };
            println!(
                "{:40} {:?} drift {:?} horizons {} ties {}",
                setting.name,
                setting.phases.values().map(max).collect::<Vec<_>>(),
                setting.drift.each_ref().map(max),
                setting.horizons,
                setting.ties
            );
        }
    }
    if let Some(found) = control::control(context, control::CONTROL_SEEDS, 1000)? {
        for run in &found {
            println!(
                "{} {} {:?} {:?} drift {:?} horizon {:?} ties {} unjudged {} {:?}",
                run.setting,
                run.dtype,
                run.outcome,
                run.phases.values().collect::<Vec<_>>(),
                run.drift,
                run.horizon,
                run.ties,
                run.unjudged,
                run.first
            );
        }
    }
    Ok(Outcome { summary: String::new(), exit_code: verdict.exit_code() })
}
