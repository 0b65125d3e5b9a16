//! Lockstep trains one network in two engines at once, the **reference** (PyTorch's libtorch) and the **candidate**
//! (the engine from scratch in this crate, or yours), from the same initial weights and on the same batches, and says
//! at which step, in which phase and in which tensor the two first part.
//!
//! What most people need: an [`Experiment`], which describes a network and its training; [`compare`], which trains both sides
//! and judges the candidate; [`Engine`], the trait that an engine of your own implements, and
//! [`engine::check`], which tells whether it does so; [`assert_parity!`], all of it as a test.
//!
//! ```
//! use lockstep::{Experiment, assert_parity};
//!
//! let text = "
//!     data.kind = 'xor'
//!     model.layers = [{ linear = { outputs = 5 } }, 'sigmoid', { linear = { outputs = 1 } }, 'sigmoid']
//!     training = { loss = 'mse', optimizer = { sgd = { lr = 0.3 } }, steps = 50 }
//!     reference.engine = 'scratch' # leave this out, and the reference is PyTorch
//! ";
//! assert_parity!(Experiment::parse(text, "xor.toml", "".as_ref(), &[])?);
//! # Ok::<(), lockstep::Error>(())
//! ```
//!
//! Data flows one way through the rooms: [`experiment`] → [`data`], [`model`], [`training`] → [`engine`] → [`run`] →
//! [`judge`] → [`report`]; then the program's own, which a library is built without: benchmarks, studies, the command line.

#[cfg(feature = "program")]
#[doc(hidden)]
pub mod baseline;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "program")]
mod calibration;
pub mod cause;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod cli;
pub mod data;
pub mod engine;
pub mod environment;
pub mod error;
pub mod experiment;
#[cfg(feature = "program")]
mod fetch;
mod file;
#[cfg(test)]
mod fixtures;
pub mod judge;
pub mod model;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod published;
pub mod report;
pub mod run;
#[doc(hidden)]
pub mod store;
#[cfg(feature = "program")]
#[doc(hidden)]
pub mod study;
pub mod tensor;
#[doc(hidden)]
pub mod testing;
pub mod trace;
pub mod training;

pub use engine::Engine;
pub use error::{Error, Result};
pub use experiment::Experiment;
pub use judge::{Comparison, compare, verdict::Verdict};
