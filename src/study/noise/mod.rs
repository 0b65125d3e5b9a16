//! Can a verdict be trusted? What rounding really does beside what the limits allow, false alarms, missed faults, and
//! what measuring the noise costs.

mod control;
mod faults;
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
    if let Some(found) = faults::run(context)? {
        for found in found {
            println!(
                "{} {} {:?} {:?} {:?} {:?} {}",
                faults::CASES[found.case].name,
                found.setting,
                found.side,
                found.outcome,
                found.place,
                found.farther,
                if found.right { "" } else { "WRONG" }
            );
        }
    }
    Ok(Outcome { summary: String::new(), exit_code: verdict.exit_code() })
}
