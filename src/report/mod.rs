//! Renderers of one verdict. They read verdict.json's types, and for plots the curves beside them, and nothing else.

pub mod plots;
