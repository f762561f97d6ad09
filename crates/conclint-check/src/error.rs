//! Why a run did not happen at all.

use std::fmt;
use std::path::PathBuf;

use crate::Problem;

/// Why a run did not happen.
#[derive(Debug)]
pub enum Error {
    /// A path that was named does not exist.
    NoSuchPath(PathBuf),
    /// There is no Rust file, or none could be read.
    NothingToCheck {
        /// What stood in the way.
        problems: Vec<Problem>,
    },
    /// The configuration is wrong.
    Config(ConfigError),
    /// A lint was named that does not exist.
    UnknownLint(UnknownLint),
    /// A revision to compare with could not be read.
    Revision {
        /// As given.
        revision: String,
        /// Why.
        reason: String,
    },
    /// The worker threads could not be started.
    Workers(rayon::ThreadPoolBuildError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoSuchPath(path) => write!(f, "{}: no such file or directory", path.display()),
            Error::NothingToCheck { .. } => f.write_str("nothing to check: no Rust file was read"),
            Error::Config(error) => error.fmt(f),
            Error::UnknownLint(error) => error.fmt(f),
            Error::Revision { revision, reason } => write!(f, "revision `{revision}`: {reason}"),
            Error::Workers(error) => write!(f, "the worker threads could not be started: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Error::Config(error)
    }
}

impl From<UnknownLint> for Error {
    fn from(error: UnknownLint) -> Self {
        Error::UnknownLint(error)
    }
}

/// A configuration file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// From 1; `None` when the file as a whole is meant.
    pub line: Option<u32>,
    /// What is wrong, with a suggestion where there is one.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The name of a lint that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLint {
    /// As written.
    pub name: String,
    /// The name most like it, if one is.
    pub suggestion: Option<&'static str>,
}

impl fmt::Display for UnknownLint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown lint `{}`", self.name)?;
        match self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => f.write_str("; `conclint rules` lists them"),
        }
    }
}

impl std::error::Error for UnknownLint {}
