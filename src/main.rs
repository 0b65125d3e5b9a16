//! `lockstep`: arguments → command → exit code.

use clap::{CommandFactory, Parser, error::ErrorKind};
use lockstep::cli::{Arguments, leave, run};
use std::io::{self, Write};

fn main() {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are asked for; everything else is a mistake in usage. Both print themselves.
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.format(&mut Arguments::command()).print();
            leave(if asked { 0 } else { 2 });
        }
    };
    match run(arguments) {
        Ok(code) => leave(code),
        Err(error) => {
            // A stderr that cannot be written leaves the exit code to say it.
            let _ = writeln!(io::stderr(), "lockstep: {error}");
            leave(2)
        }
    }
}
