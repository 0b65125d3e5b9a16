//! Lockstep trains one network in two engines at once, the **reference** (PyTorch's libtorch) and the **candidate**
//! (the engine from scratch in this crate, or yours), from the same initial weights and on the same batches, and says
//! at which step, in which phase and in which tensor the two first part.
//!
//! Data flows one way through the rooms: [`experiment`] → [`data`], [`model`], [`training`] → [`engine`] →
//! [`lockstep`] → [`gap`] → [`replay`] → [`noise`] → [`verdict`] → [`report`].

pub mod bench;
pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
pub mod experiment;
mod file;
#[cfg(test)]
mod fixtures;
pub mod gap;
pub mod lockstep;
pub mod model;
pub mod noise;
pub mod replay;
pub mod report;
pub mod store;
pub mod study;
pub mod tensor;
pub mod training;
pub mod verdict;
