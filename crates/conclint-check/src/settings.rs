//! What a run is asked to do, once configuration and command line are merged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use conclint_diag::Confidence;
use conclint_lints::Level;

/// What a run is asked to do. Lints are held by their names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Lints of this level and of those before it run.
    pub level: Level,
    /// Findings below it are counted and not shown.
    pub min_confidence: Confidence,
    /// From which severity on the run counts as failed.
    pub fail_on: FailOn,
    /// If not empty, exactly these lints run.
    pub select: Vec<&'static str>,
    /// These lints do not run.
    pub ignore: Vec<&'static str>,
    /// Severities set for single lints.
    pub severities: BTreeMap<&'static str, LintSeverity>,
    /// Globs as in a `.gitignore`, relative to `root`.
    pub exclude: Vec<String>,
    /// Show findings in test code as well.
    pub include_tests: bool,
    /// Lock types besides the known ones.
    pub lock_types: Vec<LockType>,
    /// Lock orders, each outermost first.
    pub lock_orders: Vec<Vec<String>>,
    /// A suppression without a reason does not count. By default only where
    /// the level is `grading`.
    pub require_reason: Option<bool>,
    /// `// detached: reason` in the code lets a thread go.
    pub excuses: bool,
    /// Larger files are left out.
    pub max_file_bytes: u64,
    /// The directory of the configuration file.
    pub root: Option<PathBuf>,
    /// Findings that are known.
    pub baseline: Option<BaselineFile>,
    /// Only this part of the lints runs.
    pub partition: Option<Partition>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            level: Level::Default,
            min_confidence: Confidence::Medium,
            fail_on: FailOn::Warning,
            select: Vec::new(),
            ignore: Vec::new(),
            severities: BTreeMap::new(),
            exclude: Vec::new(),
            include_tests: false,
            lock_types: Vec::new(),
            lock_orders: Vec::new(),
            require_reason: None,
            excuses: true,
            max_file_bytes: 8 << 20,
            root: None,
            baseline: None,
            partition: None,
        }
    }
}

impl Settings {
    /// Whether a suppression needs a reason.
    pub fn reasons_required(&self) -> bool {
        self.require_reason.unwrap_or(self.level == Level::Grading)
    }
}

/// Where known findings are written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineFile {
    /// The file.
    pub path: PathBuf,
    /// It must exist: somebody named it for this run.
    pub required: bool,
}

/// One of several parts of a run, which together say what the whole run says.
///
/// Findings depend on the whole program, so each part reads all of it; what is
/// parted are the lints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    index: usize,
    count: usize,
}

impl Partition {
    /// Part `number`, from 1, of `count`. `None` where there is no such part.
    pub fn new(number: usize, count: usize) -> Option<Self> {
        let index = number.checked_sub(1)?;
        (index < count).then_some(Partition { index, count })
    }

    /// Which part, from 1, and of how many.
    pub fn number_and_count(self) -> (usize, usize) {
        (self.index + 1, self.count)
    }

    /// Whether the lint at this place of the list of lints that run belongs to it.
    pub(crate) fn holds(self, place: usize) -> bool {
        place % self.count == self.index
    }
}

impl std::str::FromStr for Partition {
    type Err = String;

    /// `2/3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, count)| {
            Partition::new(number.trim().parse().ok()?, count.trim().parse().ok()?)
        });
        parts.ok_or_else(|| "reads K/N with K from 1 to N, such as 1/3".to_owned())
    }
}

/// From which severity on a run counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Errors only.
    Error,
    /// Warnings and errors.
    #[default]
    Warning,
    /// Nothing.
    Never,
}

impl FailOn {
    /// The word used on the command line and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            FailOn::Error => "error",
            FailOn::Warning => "warning",
            FailOn::Never => "never",
        }
    }
}

/// A severity set for one lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LintSeverity {
    /// It does not run.
    Allow,
    /// Its findings are warnings.
    Warn,
    /// Its findings are errors.
    Deny,
}

impl LintSeverity {
    /// The word used in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            LintSeverity::Allow => "allow",
            LintSeverity::Warn => "warn",
            LintSeverity::Deny => "deny",
        }
    }
}

/// A lock type from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockType {
    /// `my_sync::Mutex`.
    pub path: String,
    /// Mutual exclusion or readers and writers.
    pub shape: LockShape,
    /// What taking it gives.
    pub guard: GuardKind,
    /// One thread may take it twice.
    pub reentrant: bool,
}

/// Mutual exclusion or readers and writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockShape {
    /// `lock`.
    Mutex,
    /// `read` and `write`.
    Rwlock,
}

impl LockShape {
    /// The word used in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            LockShape::Mutex => "mutex",
            LockShape::Rwlock => "rwlock",
        }
    }
}

/// What taking a lock gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardKind {
    /// The guard, as in parking_lot.
    Plain,
    /// A `Result` of the guard, as in std.
    Result,
    /// A future of the guard, as in tokio.
    Future,
}

impl GuardKind {
    /// The word used in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            GuardKind::Plain => "plain",
            GuardKind::Result => "result",
            GuardKind::Future => "future",
        }
    }
}
