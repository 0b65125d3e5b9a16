//! The lecture's early stopping on the looks of a run: a run that stops is the run that does not, cut short, so that
//! one training answers both.

use super::{
    printed::{EPOCHS, STOPPED},
    runs::{Look, Run},
};
use crate::{
    run::{Patience, Scores},
    training::{EarlyStopping, Monitor},
};

/// "patience=3".
pub(super) const PATIENCE: usize = 3;

/// What early stopping does with a row of looks; looks are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// The look that stops it, if one does.
    pub(super) stopped: Option<usize>,
    /// The best one until then.
    pub(super) best: usize,
}

/// The rule over a row of scores; `exceeded` is the lecture's `> patience`.
pub(super) fn stop(scores: impl IntoIterator<Item = f64>, exceeded: bool) -> Stop {
    let rule = EarlyStopping { patience: PATIENCE, exceeded, monitor: Monitor::Accuracy, restore: true };
    let mut patience = Patience::new(rule);
    for (number, score) in scores.into_iter().enumerate() {
        patience.see(number, &Scores { loss: None, accuracy: Some(score), confusion: None, rows: 0 });
        if patience.stopped.is_some() {
            break;
        }
    }
    Stop { stopped: patience.stopped, best: patience.best_at.unwrap_or_default() }
}

/// What it does with the looks that the lecture prints of it.
pub(super) fn printed() -> Stop {
    stop(STOPPED.looks.iter().copied(), true)
}

/// What stopping gains over training to the end, in dev accuracy.
pub(super) struct Gain {
    /// Of the best look, judged by the rows that chose it.
    pub(super) chosen: f64,
    /// Of the look that one half of the rows chose, judged by the other half; mean of both halves.
    pub(super) held_out: f64,
    /// Of the look at which it stops, where the lecture is left.
    pub(super) left: f64,
    /// Of the best look in dev loss, where less is better.
    pub(super) loss: f64,
}

/// What stopping gains in a run.
pub(super) fn gain(run: &Run) -> Gain {
    let Some(end) = run.epochs.get(EPOCHS - 1).map(|epoch| &epoch.dev) else {
        return Gain { chosen: f64::NAN, held_out: f64::NAN, left: f64::NAN, loss: f64::NAN };
    };
    let all = stop(run.looks.iter().map(Look::accuracy), true);
    let left = all.stopped.map_or(end, |look| &run.looks[look]);
    let other = |half: usize| {
        let best = stop(run.looks.iter().map(|look| look.of_half(half)), true).best;
        run.looks[best].of_half(1 - half) - end.of_half(1 - half)
    };
    Gain {
        chosen: run.looks[all.best].accuracy() - end.accuracy(),
        held_out: (other(0) + other(1)) / 2.0,
        left: left.accuracy() - end.accuracy(),
        loss: run.looks[all.best].loss - end.loss,
    }
}
