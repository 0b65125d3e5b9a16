//! What a study runs in: its folder, what it has done already, all cores.

use super::Journal;
use crate::{
    error::{Error, Result},
    experiment::Experiment,
    judge::{
        Comparison,
        noise::Limits,
        verdict::{Curves, Verdict},
    },
    report::{Folder, write},
    run::{self, Mode},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

/// What a study runs in.
pub struct Context<'a> {
    /// Where its report goes; exists and can be written.
    pub folder: &'a Path,
    /// Set to end the study between two steps.
    pub stop: &'a AtomicBool,
    /// Told of each part that is done.
    pub tick: &'a (dyn Fn(&str) + Sync),
    /// What an interrupted run of the study has done.
    pub journal: &'a Journal,
}

/// Does jobs in their order, on as many threads as there are cores, as long as `go_on` says so before each; what came of those
/// that were begun, in the same order.
pub fn on_all_cores<J: Sync, R: Send>(
    jobs: &[J],
    go_on: impl Fn() -> bool + Sync,
    work: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while go_on() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            done.push((number, work(job)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let others: Vec<_> = (1..threads.min(jobs.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, found)| found).collect()
}

impl Context<'_> {
    /// Goes on, unless the study is to end.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Does a part of the study, or recalls what an interrupted run found. The name is the part's alone. A value that
    /// is not finite cannot be recalled, so that such a part is done again.
    ///
    /// # Errors
    /// Those of `work`; if what was found cannot be kept; if the study is to end.
    pub fn once<R: Serialize + DeserializeOwned>(&self, part: &str, work: impl FnOnce() -> Result<R>) -> Result<R> {
        self.go_on()?;
        let found = match self.journal.recall(part) {
            Some(found) => found,
            None => {
                let found = work()?;
                // What was cut short is not found.
                self.go_on()?;
                self.journal.keep(part, &found)?;
                found
            }
        };
        (self.tick)(part);
        Ok(found)
    }

    /// Does every job, each [once](Self::once), on as many threads as there are cores; the results come in the jobs'
    /// order and do not depend on the number of cores. `part` names a job.
    ///
    /// # Errors
    /// The first of the jobs' in their order, or that the study is to end.
    pub fn each<J: Sync, R: Serialize + DeserializeOwned + Send>(
        &self,
        jobs: &[J],
        part: impl Fn(&J) -> String + Sync,
        work: impl Fn(&J) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let failed = AtomicBool::new(false);
        let work = |job: &J| {
            let found = self.once(&part(job), || work(job));
            failed.fetch_or(found.is_err(), Ordering::Relaxed);
            found
        };
        on_all_cores(jobs, || !failed.load(Ordering::Relaxed), work).into_iter().collect()
    }

    /// Compares an experiment, once: its verdict alone. The part's name is the experiment's title.
    ///
    /// # Errors
    /// If an engine fails, or the study is to end.
    pub fn compare(&self, experiment: &Experiment) -> Result<Verdict> {
        self.once(&experiment.title, || self.silent(experiment, Mode::Both, Limits::default()))
    }

    /// Compares an experiment, once, and writes its own report into the folder `name`.
    ///
    /// # Errors
    /// As [`compare`](Self::compare); if the report cannot be written.
    pub fn report(&self, name: &str, experiment: &Experiment) -> Result<(Verdict, Curves)> {
        let folder = self.folder.join(name);
        if !folder.join("verdict.json").exists() {
            self.journal.forget(name);
        }
        self.once(name, || {
            let (mut verdict, curves) = Comparison::default().watched(experiment, &mut run::Silent, self.stop)?;
            self.go_on()?;
            let folder = Folder::open(&folder)?;
            folder.begin()?;
            write(&folder, &mut verdict, &curves)?;
            Ok((verdict, curves))
        })
    }

    /// Compares an experiment and keeps the verdict alone, and that nowhere.
    ///
    /// # Errors
    /// As [`compare`](Self::compare).
    pub fn silent(&self, experiment: &Experiment, mode: Mode, limits: Limits) -> Result<Verdict> {
        let comparison = Comparison { mode, limits, ..Comparison::default() };
        Ok(comparison.watched(experiment, &mut run::Silent, self.stop)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_that_is_interrupted_does_each_part_once_and_ends_as_one_that_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let jobs: Vec<u32> = (0..40).collect();
        let worked = AtomicUsize::new(0);
        let run = |stop_at: Option<usize>| {
            let (stop, journal) = (AtomicBool::new(false), Journal::open(folder.path()).unwrap());
            let ticks = AtomicUsize::new(0);
            let tick = |_: &str| {
                if Some(ticks.fetch_add(1, Ordering::Relaxed) + 1) == stop_at {
                    stop.store(true, Ordering::Relaxed);
                }
            };
            let context = Context { folder: folder.path(), stop: &stop, tick: &tick, journal: &journal };
            let found = context.each(&jobs, u32::to_string, |&job| {
                worked.fetch_add(1, Ordering::Relaxed);
                Ok(f64::from(job).sqrt())
            });
            (found, ticks.into_inner())
        };
        assert!(matches!(run(Some(13)).0, Err(Error::Interrupted)));
        let first = worked.load(Ordering::Relaxed);
        assert!((13..40).contains(&first), "{first}");
        let (found, ticks) = run(None);
        assert_eq!(found.unwrap(), jobs.iter().map(|&job| f64::from(job).sqrt()).collect::<Vec<_>>());
        // One that was in work on another core when the study ended is not kept.
        assert!(worked.load(Ordering::Relaxed) <= 40 + thread::available_parallelism().map_or(1, usize::from));
        assert_eq!(ticks, 40);
    }

    #[test]
    fn the_first_failure_in_the_jobs_order_is_told() {
        let context = Context {
            folder: Path::new(""),
            stop: &AtomicBool::new(false),
            tick: &|_| {},
            journal: &Journal::nowhere(),
        };
        let fails = |&job: &u32| if job == 3 { Err(Error::Usage(format!("job {job}"))) } else { Ok(job) };
        let error = context.each(&[0, 1, 2, 3, 4], u32::to_string, fails).unwrap_err();
        assert_eq!(error.to_string(), "job 3");
    }
}
