//! `lockstep`: arguments → command → exit code.

use clap::{CommandFactory, Parser, error::ErrorKind};
use lockstep::cli::{Arguments, complain, leave, run};

fn main() {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are asked for; everything else is a mistake in usage. Both print themselves.
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let error = error.format(&mut Arguments::command());
            if asked {
                let _ = error.print();
            } else {
                complain(&error.render().to_string());
            }
            leave(if asked { 0 } else { 2 });
        }
    };
    match run(arguments) {
        Ok(code) => leave(code),
        Err(error) => {
            complain(&format!("lockstep: {error}\n"));
            leave(2)
        }
    }
}
