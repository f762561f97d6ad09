//! Runs a program that may be hostile: it sees the paths it is given and nothing else, has no
//! network, gets no new privileges, and ends within its limits together with everything it
//! started.
//!
//! Two tiers. **Bubblewrap** puts it into namespaces of its own, without `/proc`. **Landlock** is
//! for machines that refuse user namespaces: files by Landlock, sockets and the rest of the
//! kernel's surface by seccomp. Both apply the same seccomp filters and resource limits, in a
//! launcher ([`act_as_launcher`]) that then becomes the program. There is no tier without
//! isolation: where neither works, nothing runs. Where this process may make control groups
//! (cgroup v2, delegated), each job gets one of its own on top.
//!
//! The crate judges nothing and reads no output: it hands over bytes and says how the end came.

mod bubblewrap;
mod cgroup;
mod doctor;
mod launch;
mod watch;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cgroup::Delegated;
pub use doctor::{Check, Doctor, doctor};
pub use launch::act_as_launcher;
pub use watch::run;

/// How strong the isolation is, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Namespaces by bubblewrap, seccomp, limits. Tier 1.
    Bubblewrap,
    /// Landlock, seccomp, limits. Tier 2.
    Landlock,
}

impl Tier {
    /// 1 or 2, as people say it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Tier::Bubblewrap => 1,
            Tier::Landlock => 2,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Bubblewrap => "1 (bubblewrap)",
            Tier::Landlock => "2 (landlock)",
        })
    }
}

/// What a program may use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor seconds of one process.
    pub cpu_seconds: u64,
    /// Time until everything is killed.
    pub wall: Duration,
    /// Address space of one process, in bytes.
    pub memory_bytes: u64,
    /// Processes of the user. The kernel does not hold root to it.
    pub processes: u64,
    /// Size of one written file, in bytes.
    pub file_bytes: u64,
    /// Bytes of standard output and of standard error, each.
    pub output_bytes: usize,
}

/// A program and what it is given.
#[derive(Clone, Debug)]
pub struct Job {
    /// The program, by its absolute path. It is run; what it may read of itself, `read` says and,
    /// in tier 1, the file's own mode.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// What it reads from standard input.
    pub stdin: Vec<u8>,
    /// Its directory; must be below one of the paths.
    pub dir: PathBuf,
    /// Files and directories it may read and run, besides the system's libraries and tools.
    pub read: Vec<PathBuf>,
    /// Directories it may write to.
    pub write: Vec<PathBuf>,
    /// The limits.
    pub limits: Limits,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was killed when the time was over.
    Wall,
    /// It was killed because it wrote too much.
    Output,
}

impl End {
    /// One of the job's own limits, or what the program does, is the reason; not the machine that
    /// it runs on, whose memory or disk was used up, or which had no time for it.
    #[must_use]
    pub fn is_its_own(self) -> bool {
        match self {
            End::Exited(_) | End::Output => true,
            End::Signalled(signal) => !matches!(signal, libc::SIGKILL | libc::SIGBUS),
            End::Wall => false,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(code) => write!(f, "exit status {code}"),
            End::Signalled(libc::SIGXCPU) => f.write_str("the limit of processor time"),
            End::Signalled(libc::SIGXFSZ) => f.write_str("the limit of file size"),
            End::Signalled(libc::SIGKILL) => f.write_str("signal 9, from outside"),
            End::Signalled(signal) => write!(f, "signal {signal}"),
            End::Wall => f.write_str("the time limit"),
            End::Output => f.write_str("the limit of output"),
        }
    }
}

/// What is left of a program.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// The first bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error.
    pub stderr: Vec<u8>,
}

/// The sandbox itself did not work. Never the program's doing.
#[derive(Debug)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox does not work: {}", self.0)
    }
}

impl std::error::Error for Broken {}

/// Where programs are put.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// The isolation.
    pub tier: Tier,
    /// An executable whose `main` calls [`act_as_launcher`] first.
    pub launcher: PathBuf,
    /// Where each job gets a control group; `None` where none can be made.
    pub groups: Option<Delegated>,
}

impl Sandbox {
    /// Isolation of `tier`, by an executable whose `main` calls [`act_as_launcher`] first.
    #[must_use]
    pub fn new(tier: Tier, launcher: PathBuf) -> Self {
        Sandbox {
            tier,
            launcher,
            groups: cgroup::delegated().ok(),
        }
    }
}
