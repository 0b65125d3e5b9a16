//! Lockstep trains one network in two engines at once, the **reference** (PyTorch's libtorch) and the **candidate**
//! (the engine from scratch in this crate, or yours), from the same initial weights and on the same batches, and says
//! at which step, in which phase and in which tensor the two first part.
//!
//! Data flows one way through the rooms: [`experiment`] → [`data`], [`model`], [`training`] → [`engine`] → [`run`] →
//! [`judge`] → [`report`] → [`bench`], [`study`] → [`cli`].

#[cfg(feature = "program")]
pub mod bench;
#[cfg(feature = "program")]
pub mod calibration;
#[cfg(feature = "program")]
pub mod cli;
pub mod data;
pub mod engine;
pub mod environment;
pub mod error;
pub mod experiment;
#[cfg(feature = "program")]
pub mod fetch;
mod file;
#[cfg(test)]
mod fixtures;
pub mod judge;
pub mod model;
pub mod report;
pub mod run;
pub mod store;
#[cfg(feature = "program")]
pub mod study;
pub mod tensor;
pub mod training;
