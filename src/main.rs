//! `lockstep`: arguments → command → exit code.

use clap::{CommandFactory, Parser, error::ErrorKind};
use lockstep::cli::{Arguments, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are asked for; everything else is a mistake in usage. Both print themselves.
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.format(&mut Arguments::command()).print();
            return ExitCode::from(if asked { 0 } else { 2 });
        }
    };
    match run(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lockstep: {error}");
            ExitCode::from(2)
        }
    }
}
