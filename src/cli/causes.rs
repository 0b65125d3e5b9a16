//! `lockstep causes` and `lockstep explain ID`: the mistakes that are recognized.

use super::print;
use crate::{
    cause::{ALL, Cause},
    error::{Error, Result, did_you_mean},
};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The cause, as `lockstep causes` lists it
    id: String,
}

fn all() -> impl Iterator<Item = &'static Cause> {
    ALL.iter().copied().flatten()
}

/// Lists them.
pub(super) fn list() -> Result<u8> {
    let lines: String = all().map(|cause| format!("{:<30}the candidate {}\n", cause.id, cause.does)).collect();
    print(&lines)?;
    Ok(0)
}

/// Explains one.
pub(super) fn explain(options: &Options) -> Result<u8> {
    let cause = all().find(|cause| cause.id == options.id).ok_or_else(|| {
        let hint = did_you_mean(&options.id, all().map(|cause| cause.id));
        Error::Usage(format!("unknown cause `{}`{hint}; `lockstep causes` lists them", options.id))
    })?;
    let Cause { id, does, formula, by_hand, in_pytorch, phase, told_by, .. } = cause;
    let told = if told_by.is_empty() { String::new() } else { format!("Told from others by: {told_by}\n") };
    print(&format!(
        "{id}\n\nThe candidate {does}.\n\n  {formula}\n\nShows first in: {}\nBy hand:        {by_hand}\nIn PyTorch:     {in_pytorch}\n{told}",
        phase.name()
    ))?;
    Ok(0)
}
