//! Wall time: what the machine is, and how fast each engine trains alone.

mod environment;
mod step;

pub use environment::environment;
pub use step::{BLOCKS, Bench, Row, bench};
