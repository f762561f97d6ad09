//! What isolation this machine gives, found out by using it.

use std::path::Path;
use std::time::Duration;

use crate::{End, Job, Limits, Sandbox, Tier, run};

/// One tier that was tried.
#[derive(Clone, Debug)]
pub struct Check {
    /// The tier.
    pub tier: Tier,
    /// Why it cannot be used; `None` where it can.
    pub problem: Option<String>,
}

/// Every tier, strongest first.
#[derive(Clone, Debug)]
pub struct Doctor {
    /// What came of each.
    pub checks: Vec<Check>,
    /// The controllers of control groups that jobs get on top, or why they get none.
    pub groups: Result<Vec<String>, String>,
}

impl Doctor {
    /// The strongest tier that works.
    #[must_use]
    pub fn best(&self) -> Option<Tier> {
        let works = |check: &&Check| check.problem.is_none();
        self.checks.iter().find(works).map(|check| check.tier)
    }
}

/// Tries both tiers with a harmless program.
#[must_use]
pub fn doctor(launcher: &Path) -> Doctor {
    let checks = [Tier::Bubblewrap, Tier::Landlock].map(|tier| {
        let sandbox = Sandbox::new(tier, launcher.to_path_buf());
        let problem = match run(&sandbox, &probe()) {
            Ok(finished) if finished.end == End::Exited(0) => None,
            Ok(finished) => {
                let said = String::from_utf8_lossy(&finished.stderr);
                Some(format!(
                    "a probe ended with {}: {}",
                    finished.end,
                    said.trim()
                ))
            }
            Err(broken) => Some(broken.0),
        };
        Check { tier, problem }
    });
    Doctor {
        checks: checks.to_vec(),
        groups: crate::cgroup::delegated().map(|d| d.controllers),
    }
}

/// Ends well only where nothing of the host's `/proc` and `/root` can be read.
fn probe() -> Job {
    let script = "if cat /proc/1/status /etc/shadow >/dev/null 2>&1; then exit 3; fi";
    Job {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        stdin: Vec::new(),
        dir: "/usr".into(),
        read: Vec::new(),
        write: Vec::new(),
        limits: Limits {
            cpu_seconds: 5,
            wall: Duration::from_secs(10),
            memory_bytes: 1 << 30,
            processes: 1 << 20,
            file_bytes: 0,
            output_bytes: 1 << 16,
        },
    }
}
