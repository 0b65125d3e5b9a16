//! A process that has one engine and times it when it is asked to.
//!
//! `lockstep bench-worker` ([`child`]) reads requests from stdin and answers on stdout, one line of JSON each
//! ([`protocol`]). The other side, which starts it, is [`Worker`]. What one process does between two requests is nothing:
//! it waits in a read. Whatever its engine's threads do meanwhile is the engine's, and is measured
//! ([`Worker::processor_ns`]).

mod child;
mod protocol;

pub use child::serve;
pub(super) use protocol::{Loaded, Purpose};
pub use protocol::{Memory, Source, Work};

use crate::error::{Error, Result};
use protocol::{Answer, Request};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A worker, from the side of the process that asks.
pub(super) struct Worker {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    name: String,
    reference: bool,
    threads: usize,
}

/// What libgomp's threads do between two parallel regions, in every worker: `OMP_WAIT_POLICY` is not set, so that they
/// spin 300,000 times, which were 9 ms on the machine this was tried on, and then sleep. Measured with 2 threads, a
/// step of 784-512-256-10: 3.0 ms so, 4.5 ms where they sleep at once (PASSIVE), 2.4 ms where they never do (ACTIVE)
/// and disturb whoever has his turn. Between one region and the next of a step the default never sleeps either.
pub(super) const WAIT_POLICY: &str =
    "libgomp's own, as PyTorch's users have it (threads spin for some 9 ms, then sleep)";

impl Worker {
    /// Starts a process for one side's engine with so many threads.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(reference: bool, threads: usize) -> Result<Self> {
        let name = format!("bench worker of the {}", if reference { "reference" } else { "candidate" });
        let failed = |error| Error::io(Path::new("lockstep bench-worker"), "cannot be started", error);
        let program = env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("bench-worker").stdin(Stdio::piped()).stdout(Stdio::piped());
        for policy in ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_NUM_THREADS", "OMP_DYNAMIC", "OMP_PROC_BIND"] {
            command.env_remove(policy);
        }
        // Read by libgomp as it is loaded: what is set later does not reach every thread.
        command.env("OMP_NUM_THREADS", threads.to_string());
        let mut child = command.spawn().map_err(failed)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::Error::other("it has no pipes")));
        };
        Ok(Self { child, to, from: BufReader::new(from), name, reference, threads })
    }

    /// Makes the engine ready.
    ///
    /// # Errors
    /// If the source cannot be used, or the engine not be built.
    pub(super) fn load(&mut self, source: &Source, purpose: Purpose) -> Result<Loaded> {
        let (reference, threads) = (self.reference, self.threads);
        let answer = self.ask(&Request::Load { source: source.clone(), reference, threads, purpose })?;
        if let Answer::Loaded(loaded) = answer { Ok(loaded) } else { Err(self.unexpected(&answer)) }
    }

    /// Repeats work until it is warm; how often does a block of that length repeat it?
    ///
    /// # Errors
    /// If the engine fails.
    pub(super) fn warm(&mut self, work: Work, block: Duration) -> Result<u32> {
        let answer = self.ask(&Request::Warm { work, block_us: block.as_secs_f64() * 1e6 })?;
        if let Answer::Repeats(repeats) = answer { Ok(repeats) } else { Err(self.unexpected(&answer)) }
    }

    /// Microseconds of one repetition, of so many.
    ///
    /// # Errors
    /// If the engine fails.
    pub(super) fn block(&mut self, work: Work, repeats: u32) -> Result<f64> {
        let answer = self.ask(&Request::Block { work, repeats })?;
        if let Answer::Took(us) = answer { Ok(us) } else { Err(self.unexpected(&answer)) }
    }

    /// Microseconds of each phase of a step, of so many.
    ///
    /// # Errors
    /// If the engine fails.
    pub(super) fn phases(&mut self, repeats: u32) -> Result<[f64; 4]> {
        let answer = self.ask(&Request::Phases { repeats })?;
        if let Answer::Phases(us) = answer { Ok(us) } else { Err(self.unexpected(&answer)) }
    }

    /// Its memory, where the system says.
    ///
    /// # Errors
    /// If it does not answer.
    pub(super) fn memory(&mut self) -> Result<Option<Memory>> {
        let answer = self.ask(&Request::Memory)?;
        if let Answer::Memory(memory) = answer { Ok(memory) } else { Err(self.unexpected(&answer)) }
    }

    /// Threads of its engine.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Nanoseconds that all its threads have been running, where the system says (Linux's schedstat).
    pub(super) fn processor_ns(&self) -> Option<u64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()?;
        let of = |thread: io::Result<fs::DirEntry>| -> Option<u64> {
            fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
        };
        threads.map(of).sum()
    }

    fn ask(&mut self, request: &Request) -> Result<Answer> {
        let mut line = serde_json::to_string(request).map_err(|error| self.failed("ask", error.to_string()))?;
        line.push('\n');
        let asked = self.to.write_all(line.as_bytes()).and_then(|()| self.to.flush());
        asked.map_err(|error| self.failed("ask", error.to_string()))?;
        line.clear();
        let answered = self.from.read_line(&mut line);
        answered.map_err(|error| self.failed("answer", error.to_string()))?;
        match serde_json::from_str(&line) {
            Ok(Answer::Failed(message)) => Err(Error::Usage(message)),
            Ok(answer) => Ok(answer),
            Err(_) if line.is_empty() => Err(self.failed("answer", "it ended without one".to_owned())),
            Err(error) => Err(self.failed("answer", format!("{error} in `{}`", line.trim_end()))),
        }
    }

    fn failed(&self, operation: &str, message: String) -> Error {
        Error::Engine { engine: self.name.clone(), operation: operation.to_owned(), message }
    }

    fn unexpected(&self, answer: &Answer) -> Error {
        self.failed("answer", format!("{answer:?} is no answer to what was asked"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It holds nothing that is to be kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
