//! What conclint says: findings, traces, steps and spans.
//!
//! Plain data. This crate does no I/O, knows no output format and derives no
//! serialisation: wire types live in `conclint-report`. A finding of a lint
//! and a verdict of an exploration carry the same [`Trace`], so one renderer
//! draws both.

pub mod explore;
mod places;
mod summary;

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use places::Places;
pub use summary::{Summary, Unparsed};

/// How much a finding matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; never fails a run by default.
    Note,
    /// Likely to hurt.
    Warning,
    /// Can hang or corrupt the program.
    Error,
}

impl Severity {
    /// The lower-case word used on the command line and in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Severity {
    /// All of them, least first.
    pub const ALL: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];
}

/// How sure a finding is, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// More than one guess stands behind it.
    Low,
    /// One resolution by name, or one lock held on some paths only.
    Medium,
    /// The facts prove it for the code as read.
    High,
}

impl Confidence {
    /// The lower-case word used on the command line and in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

impl Confidence {
    /// All of them, least first.
    pub const ALL: [Confidence; 3] = [Confidence::Low, Confidence::Medium, Confidence::High];
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in a source file. Lines and columns count from 1, columns in
/// characters; the end column is one past the last character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Path relative to the directory that was given, with `/`.
    pub file: Arc<str>,
    /// First line, from 1.
    pub line: u32,
    /// First column, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
}

/// What a step of a trace does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A lock is taken here and stays held.
    Hold,
    /// A call on the way.
    Call,
    /// A lock is taken (or wanted) here while another is held.
    Acquire,
    /// A wait on a condition variable or barrier.
    Wait,
    /// A notification of a condition variable.
    Notify,
    /// A thread or task starts.
    Spawn,
    /// A thread or task is joined.
    Join,
    /// A message is sent.
    Send,
    /// A message is received.
    Recv,
    /// Any other operation that can block.
    Block,
    /// Anything else worth pointing at.
    Use,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 11] = [
        Role::Hold,
        Role::Call,
        Role::Acquire,
        Role::Wait,
        Role::Notify,
        Role::Spawn,
        Role::Join,
        Role::Send,
        Role::Recv,
        Role::Block,
        Role::Use,
    ];

    /// The lower-case word used in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Hold => "hold",
            Role::Call => "call",
            Role::Acquire => "acquire",
            Role::Wait => "wait",
            Role::Notify => "notify",
            Role::Spawn => "spawn",
            Role::Join => "join",
            Role::Send => "send",
            Role::Recv => "recv",
            Role::Block => "block",
            Role::Use => "use",
        }
    }
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Where.
    pub span: Span,
    /// The enclosing function as people write it, `Registry::close`.
    pub function: String,
    /// What kind of step.
    pub role: Role,
    /// The lock, channel or thread concerned, `Registry.sessions`; empty for a call.
    pub object: String,
    /// One short phrase, `takes Registry.sessions`.
    pub what: String,
}

/// A path through the program: one thread's way to a lock, or one column of
/// an interleaving.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trace {
    /// What this path is, `one thread: Registry.sessions, then Registry.users`.
    pub title: String,
    /// First step first.
    pub steps: Vec<Step>,
}

/// A name for a finding that survives edits elsewhere in the file: 16
/// hexadecimal digits over lint, lock names and function names, never over
/// line numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Hashes `parts` in order (SHA-256, first 8 bytes).
    pub fn of<I, S>(parts: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut hasher = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let digest = hasher.finalize();
        Fingerprint(digest.iter().take(8).map(|b| format!("{b:02x}")).collect())
    }

    /// The fingerprint of these digits, as a report has them.
    pub fn of_digits(digits: &str) -> Option<Self> {
        let known = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (digits.len() == 16 && digits.bytes().all(known)).then(|| Fingerprint(digits.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Something a lint has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The lint's name, `lock-order-inversion`.
    pub rule: &'static str,
    /// The lint's code, `CL101`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was found and why it hurts, with the lock's own name.
    pub message: String,
    /// The evidence; never empty, no trace is empty. The first step of the
    /// first trace is the primary location.
    pub paths: Vec<Trace>,
    /// What to do, one sentence each.
    pub help: Vec<String>,
    /// Stable across edits elsewhere.
    pub fingerprint: Fingerprint,
    /// The code concerned is test code.
    pub in_test: bool,
    /// The reason given in the source or the configuration, where it was suppressed.
    pub suppressed: Option<String>,
}

impl Finding {
    /// The place a reader should look at first, and the key findings are sorted by.
    pub fn primary(&self) -> &Span {
        &self.paths[0].steps[0].span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_separates_parts() {
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
        assert_eq!(Fingerprint::of(["ab", "c"]).as_str().len(), 16);
    }

    #[test]
    fn fingerprints_are_read_back() {
        let print = Fingerprint::of(["a"]);
        assert_eq!(Fingerprint::of_digits(print.as_str()), Some(print));
        assert_eq!(Fingerprint::of_digits("0123456789ABCDEF"), None);
        assert_eq!(Fingerprint::of_digits("012"), None);
    }

    #[test]
    fn severities_and_confidences_are_ordered() {
        assert!(Severity::Error > Severity::Warning);
        assert!(Confidence::High > Confidence::Low);
    }
}
