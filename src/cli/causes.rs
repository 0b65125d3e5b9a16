//! `lockstep causes` and `lockstep explain ID`: the mistakes that are recognized.

use super::print;
use crate::{
    cause::{ALL, Cause},
    error::{Error, Result, did_you_mean},
    report::text::wrap,
};
use clap::Args;

/// Columns of what stands before a paragraph.
const HEAD: usize = 13;

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
    const ID: usize = 30;
    let mut text = "The candidate …\n\n".to_owned();
    for cause in all() {
        for (number, line) in wrap(cause.does, 80 - ID).iter().enumerate() {
            text += &format!("{:<ID$}{line}\n", if number == 0 { cause.id } else { "" });
        }
    }
    print(&text)?;
    Ok(0)
}

/// Explains one.
pub(super) fn explain(options: &Options) -> Result<u8> {
    let cause = all().find(|cause| cause.id == options.id).ok_or_else(|| {
        let near: Vec<&str> = all().map(|cause| cause.id).filter(|id| id.contains(&options.id)).collect();
        let hint = match near.is_empty() {
            true => did_you_mean(&options.id, all().map(|cause| cause.id)),
            false => format!("; did you mean one of {}?", near.join(", ")),
        };
        Error::Usage(format!("unknown cause `{}`{hint}; `lockstep causes` lists them", options.id))
    })?;
    let Cause { id, does, formula, by_hand, in_pytorch, phase, told_by, .. } = cause;
    let mut text = format!("{id}\n\n");
    let mut paragraph = |head: &str, words: &str| {
        for (number, line) in wrap(words, 80 - HEAD).iter().enumerate() {
            text += &format!("{:<HEAD$}{line}\n", if number == 0 { head } else { "" });
        }
    };
    paragraph("", &format!("The candidate {does}."));
    paragraph("", formula);
    paragraph("shows first", &format!("in {}", phase.name()));
    paragraph("by hand", by_hand);
    paragraph("in PyTorch", in_pytorch);
    if !told_by.is_empty() {
        paragraph("told by", told_by);
    }
    print(&text)?;
    Ok(0)
}
