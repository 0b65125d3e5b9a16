//! Decisions of an experiment beside what was found.

use super::deviation::{Deviation, What};
use crate::{
    cause,
    error::{Error, Result, did_you_mean},
    experiment::{Accepted, Waiver},
    judge::verdict::Phase,
};
use chrono::Utc;

/// What a decision says of a deviation.
#[derive(Debug, Clone, PartialEq)]
pub enum Waived {
    /// It holds.
    Accepted(Waiver),
    /// It held until a day that is past.
    Expired(Waiver),
    /// There is none.
    Not,
}

/// Today, as `2026-12-01`, at Greenwich: the same for all who look at a result.
pub fn today() -> String {
    Utc::now().format("%Y-%m-%d").to_string()
}

impl Waiver {
    /// Whether it is about this deviation.
    fn is_of(&self, what: &What) -> bool {
        match (&self.of, what) {
            (Accepted::Cause(cause), What::Cause { id, alternatives, .. }) => {
                cause == id || alternatives.contains(cause)
            }
            (Accepted::Place(place), What::Place(found)) => place == found,
            (Accepted::Cause(_), What::Place(_)) | (Accepted::Place(_), What::Cause { .. }) => false,
        }
    }

    /// Days are written so that the later one is the larger text.
    fn holds(&self, today: &str) -> bool {
        self.until.as_deref().is_none_or(|until| today <= until)
    }

    /// What it accepts, as it was typed.
    pub fn name(&self) -> &str {
        match &self.of {
            Accepted::Cause(name) | Accepted::Place(name) => name,
        }
    }
}

/// What the decisions say of a deviation.
pub(super) fn waived(waivers: &[Waiver], deviation: &Deviation, today: &str) -> Waived {
    let mut of = waivers.iter().filter(|waiver| waiver.is_of(&deviation.what));
    match of.clone().find(|waiver| waiver.holds(today)).or_else(|| of.next()) {
        Some(waiver) if waiver.holds(today) => Waived::Accepted(waiver.clone()),
        Some(waiver) => Waived::Expired(waiver.clone()),
        None => Waived::Not,
    }
}

/// The decisions that are about nothing that was found.
pub(super) fn idle<'a>(waivers: &'a [Waiver], deviations: &'a [Deviation]) -> impl Iterator<Item = &'a Waiver> {
    waivers.iter().filter(|waiver| !deviations.iter().any(|deviation| waiver.is_of(&deviation.what)))
}

/// Refuses a decision on what there cannot be.
pub(super) fn refuse(waivers: &[Waiver]) -> Result<()> {
    let phases = [Phase::Start, Phase::Batch].into_iter().chain(Phase::COMPUTED).chain([Phase::Evaluation]);
    let phases: Vec<&str> = phases.map(Phase::name).collect();
    let ids = || cause::ALL.iter().copied().flatten().map(|cause| cause.id);
    for waiver in waivers {
        let message = match &waiver.of {
            Accepted::Cause(id) if ids().any(|known| known == id) => continue,
            Accepted::Cause(id) => {
                let hint = did_you_mean(id, ids());
                format!("unknown cause `{id}` in accepted{hint} (`lockstep causes` lists them)")
            }
            Accepted::Place(place) => match place.split_once('/') {
                Some((phase, tensor)) if phases.contains(&phase) && !tensor.is_empty() => continue,
                Some((phase, _)) if !phases.contains(&phase) => {
                    let hint = did_you_mean(phase, phases.iter().copied());
                    format!("unknown phase `{phase}` in accepted{hint} (valid: {})", phases.join(", "))
                }
                Some(_) | None => {
                    format!("`{place}` in accepted is no place; write a phase and a tensor, as \"update/2.bias\"")
                }
            },
        };
        return Err(Error::Experiment { origin: waiver.origin.clone(), message });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_holds_through_its_last_day_and_a_later_one_takes_its_place() {
        let waiver = |until: Option<&str>| Waiver {
            of: Accepted::Cause("other-eps".to_owned()),
            why: "x".to_owned(),
            until: until.map(str::to_owned),
            origin: "x.toml:1".to_owned(),
        };
        let what =
            What::Cause { id: "other-eps".to_owned(), edits: Vec::new(), proved: true, alternatives: Vec::new() };
        let deviation = Deviation { what, phases: Vec::new(), words: String::new(), origin: String::new() };
        let of = |waivers: &[Waiver]| waived(waivers, &deviation, "2026-12-01");
        let (past, last, ever) = (waiver(Some("2026-11-30")), waiver(Some("2026-12-01")), waiver(None));
        assert_eq!(of(&[]), Waived::Not);
        assert_eq!(of(std::slice::from_ref(&past)), Waived::Expired(past.clone()));
        assert_eq!(of(std::slice::from_ref(&last)), Waived::Accepted(last.clone()));
        assert_eq!(of(&[past, ever.clone()]), Waived::Accepted(ever));
    }
}
