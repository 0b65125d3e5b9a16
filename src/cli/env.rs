//! `lockstep env`: the machine and the libraries, for bug reports.

use super::print;
use crate::{environment::environment, error::Result};

pub(super) fn run() -> Result<u8> {
    let lines: String = environment().iter().map(|(key, value)| format!("{key:<20}{value}\n")).collect();
    print(&lines)?;
    Ok(0)
}
