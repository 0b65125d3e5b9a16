//! The examples run, and hold what they assert.

// What an example prints and asserts is its matter.
#![allow(clippy::unwrap_used)]

#[path = "../examples/from_scratch.rs"]
mod from_scratch;
#[path = "../examples/own_engine.rs"]
mod own_engine;

#[test]
fn a_network_is_trained_from_rust_alone() {
    from_scratch::main().unwrap();
}

#[test]
fn an_engine_of_your_own_is_compared() {
    own_engine::main().unwrap();
}
