//! The one error type. Its text names the place, says what was expected and what to do; the command line prints
//! it and exits with 2.

use std::path::{Path, PathBuf};

/// What a command returns when it cannot do what was asked.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done: usage, configuration, input and output, or an engine that refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An experiment file, or a `--set`, that cannot be accepted.
    #[error("{origin}: {message}")]
    Experiment {
        /// Where it stands: `file:line`, or the `--set` as typed.
        origin: String,
        /// What is wrong, what was expected and what to do.
        message: String,
    },
    /// A file or folder that could not be read or written.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried and what to do, in one clause.
        action: String,
        /// The operating system's own words.
        source: std::io::Error,
    },
    /// A file of initial weights that does not fit the model.
    #[error("{}: {message}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong, what was expected and what to do.
        message: String,
    },
    /// A file of data that cannot be accepted.
    #[error("{origin}: {message}")]
    Data {
        /// Where it stands: the file, or `file:line`.
        origin: String,
        /// What is wrong, what was expected and what to do.
        message: String,
        /// The keys of `[data]` that say otherwise, the first one first; none where the one that names the file does.
        keys: &'static [&'static str],
    },
    /// An engine that failed, with its own words.
    #[error("{engine} engine, {operation}: {message}")]
    Engine {
        /// The engine's name.
        engine: String,
        /// What it was doing, with the shapes.
        operation: String,
        /// The engine's own words.
        message: String,
    },
    /// Sides that differ at the start although the experiment does not ask for it.
    #[error("the sides differ at the start and the experiment does not ask for it: {0}")]
    Start(String),
    /// Ctrl-C, or a termination, before there was a result.
    #[error("interrupted")]
    Interrupted,
    /// A command used in a way that makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// An input or output error at `path`; `action` says what was tried.
    pub fn io(path: &Path, action: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), action: action.into(), source }
    }

    /// An error about data at `origin`: the file, or `file:line`.
    pub(crate) fn data(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Data { origin: origin.into(), message: message.into(), keys: &[] }
    }

    /// The same, where an experiment mends it by one of these keys of `[data]`: the first one that it has.
    pub(crate) fn mended_by(mut self, mending: &'static [&'static str]) -> Self {
        if let Self::Data { keys, .. } = &mut self {
            *keys = mending;
        }
        self
    }
}

/// `; did you mean …?` if a name is near enough: at most a third of its letters differ.
pub(crate) fn did_you_mean<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> String {
    let typed = typed.to_lowercase();
    names
        .map(|name| (strsim::osa_distance(&typed, name), name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .min()
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}
