//! Wall time and memory, measured so that the figures can be believed: one engine in a process, blocks of the two
//! engines in turn, medians with intervals, and beside every figure what the machine could do at best.
//!
//! `worker` is the process that has one engine; `rounds` asks two of them in turn. `workload` is what is trained,
//! `counted` what that takes in arithmetic and memory, `peak` what the machine has of both. `all` puts it together for
//! `lockstep bench all`, with `sweep`, `overhead` and `python`; `report` (its tables of `steps`, its
//! `method`) and `plots` show it.

mod all;
mod counted;
mod interval;
mod load;
mod measured;
mod method;
mod overhead;
mod peak;
mod plots;
mod python;
mod report;
mod rounds;
mod steps;
mod sweep;
mod worker;
mod workload;

pub(crate) use all::parts;
pub use all::{All, Asked, Report, SCHEMA, all, read};
pub use counted::Counted;
pub use interval::Interval;
pub use measured::{Figures, Measured, Met, Row, bench};
pub use overhead::{Overhead, Process};
pub use peak::{Level, Peak};
pub use python::{Python, PythonRow};
pub use report::{render, summary, text};
pub use rounds::Pace;
pub use sweep::{Point, Sweep};
pub use worker::{Memory, Source, Work, serve};
