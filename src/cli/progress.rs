//! A progress bar on a terminal's stderr; nothing on a pipe.

use crate::run::{Observer, StepEvent};
use indicatif::{ProgressBar, ProgressStyle};
use std::{ops::ControlFlow, time::Duration};

/// Steps between two looks at the bar, so that tiny nets are not slowed down.
const EVERY: usize = 256;

/// Shows how far a run or a study is.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of so many parts; a run sets their number with its first step.
    pub(super) fn new(parts: usize, what: &str) -> Self {
        let bar = ProgressBar::new(parts as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:24!} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// So many of so many.
    pub(super) fn at(&self, number: usize, of: usize) {
        if number.is_multiple_of(EVERY) {
            self.bar.set_length(of as u64);
            self.bar.set_position(number as u64);
        }
    }

    /// One part more.
    pub(super) fn advance(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        self.bar.inc(1);
    }
}

impl Observer for Progress {
    fn step(&mut self, event: &StepEvent<'_>) -> ControlFlow<()> {
        self.at(event.step, event.steps);
        ControlFlow::Continue(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
