//! Wall time of a run: nanoseconds of every step by phase, and their quartiles.

use crate::judge::verdict::{PhaseSpeed, Speed};
use crate::run::{Phase, SideStep};

/// Nanoseconds of every step, by phase.
pub(in crate::judge) type Times = [Vec<u32>; 4];

/// Takes in a step.
pub(in crate::judge) fn note_times(times: &mut Times, step: &SideStep) {
    for (column, &nanoseconds) in times.iter_mut().zip(&step.nanoseconds) {
        column.push(u32::try_from(nanoseconds).unwrap_or(u32::MAX));
    }
}

/// First quartile, median and third quartile, in microseconds.
pub(in crate::judge) fn quartiles(column: &mut [u32]) -> [f64; 3] {
    if column.is_empty() {
        return [0.0; 3];
    }
    [1, 2, 3].map(|quarter| {
        let place = (column.len() - 1) * quarter / 4;
        f64::from(*column.select_nth_unstable(place).1) / 1e3
    })
}

/// Fills in a speed from the quartiles of both sides' phases.
pub(in crate::judge) fn speed_of(times: &[[[f64; 3]; 4]; 2], speed: Speed) -> Speed {
    let medians = times.map(|side| side.map(|quartiles| quartiles[1]));
    let [reference_us, candidate_us] = medians.map(|side| side.iter().sum::<f64>());
    let phase = |index: usize| PhaseSpeed { reference_us: medians[0][index], candidate_us: medians[1][index] };
    Speed {
        reference_us,
        candidate_us,
        ratio: reference_us / candidate_us,
        per_phase: (0..4).map(|index| (Phase::COMPUTED[index], phase(index))).collect(),
        ..speed
    }
}
