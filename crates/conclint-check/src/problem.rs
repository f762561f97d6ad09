//! Something about the input that a run says on the side.

use std::fmt;

/// Input that could not be read or understood: it never stops the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or directory, as shown to people.
    pub file: String,
    /// The line, where there is one.
    pub line: Option<u32>,
    /// Why.
    pub reason: String,
    /// The file as a whole was not read.
    pub not_read: bool,
}

impl Problem {
    /// A file or directory that was left out.
    pub(crate) fn not_read(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Problem {
            file: file.into(),
            line: None,
            reason: reason.into(),
            not_read: true,
        }
    }

    /// A remark on a line of a file that was read.
    pub(crate) fn remark(file: impl Into<String>, line: u32, reason: impl Into<String>) -> Self {
        Problem {
            file: file.into(),
            line: Some(line),
            reason: reason.into(),
            not_read: false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}
