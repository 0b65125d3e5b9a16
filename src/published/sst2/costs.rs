//! What the lecture says of costs: steps that bring nothing, and densified rows.

use super::{
    Findings,
    claims::{grouped, last_accuracy},
    printed::{self, WINDOW},
    runs::{Run, sample},
};
use crate::study::StudyVerdict;

pub(super) fn costs(found: &Findings, study: &mut StudyVerdict) {
    let Some(time) = found.times.iter().find(|time| time.size == 16) else { return };
    let looks = [0, 1].map(|side| 100.0 * time.look_in_steps(side) / WINDOW as f64);
    let level = levelled(&found.l2.scratch, found.curves.reference_loss.len());
    study.claim_measured(
        "\"we're doing a lot of extra work\"",
        "said of L2's run; the next slide: stop \"when the improvement seems to level off\"",
        format!(
            "{}. Were it the looks that are meant: every 500 steps they cost libtorch {:.1} % more and ours {:.1} %",
            level.as_ref().map_or("our runs have no looks".to_owned(), Level::words),
            looks[0],
            looks[1]
        ),
        // "A lot" would be a tenth of the steps at least.
        level.map(|level| level.idle() > 0.1),
    );
    study.claim_measured(
        "\"PyTorch doesn't play especially well with sparse matrices\"",
        "rows are densified one by one",
        format!(
            "libtorch's sparse tensors were not run; at batch 16 an epoch takes it {:.2} s on densified rows, ours on \
             sparse ones {:.3} s: {:.0} times",
            time.epoch_s(0),
            time.epoch_s(1),
            time.ratio()
        ),
        None,
    );
}

/// The first look whose mean dev accuracy over seeds is that of the end of training or more.
struct Level {
    /// Updates until then, and in all.
    steps: [usize; 2],
    /// The mean accuracy then, and in the end.
    pub(super) accuracy: [f64; 2],
}

impl Level {
    /// The share of the steps that come after it.
    fn idle(&self) -> f64 {
        1.0 - self.steps[0] as f64 / self.steps[1] as f64
    }

    fn words(&self) -> String {
        format!(
            "mean dev accuracy is {:.2} % after step {} and {:.2} % in the end, after {}: {:.0} % of the steps bring it \
             nothing",
            100.0 * self.accuracy[0],
            grouped(self.steps[0]),
            100.0 * self.accuracy[1],
            grouped(self.steps[1]),
            100.0 * self.idle()
        )
    }
}

/// Where the improvement has levelled off; `steps` in all.
fn levelled(runs: &[Run], steps: usize) -> Option<Level> {
    let last = sample(runs, last_accuracy).mean;
    let first = runs.first()?;
    let looks = first.looks.iter().enumerate().map(|(at, look)| {
        let before = look.epoch * steps / printed::EPOCHS;
        (before + look.step, sample(runs, |run| run.looks[at].accuracy()).mean)
    });
    let level = looks.into_iter().find(|(_, mean)| *mean >= last);
    let (at, mean) = level.unwrap_or((steps, last));
    last.is_finite().then_some(Level { steps: [at, steps], accuracy: [mean, last] })
}
