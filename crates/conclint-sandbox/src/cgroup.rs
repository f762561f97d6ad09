//! A control group of its own for each job, where this process may make one (cgroup v2, delegated).
//!
//! What a group adds to a tier: everything in it dies at once, however it has detached itself, and
//! memory and processes are counted for the whole job instead of for each process. Where a
//! controller is not enabled for our children, that limit stays with the resource limits.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Limits;
use crate::launch::{FAILED, REASON};

/// The first argument that makes an executable join a group and become a program.
pub(crate) const ARGUMENT: &str = "__conclint_cgroup";

/// How often a group that is being emptied is looked at.
const TRIES: u32 = 100;

/// Where groups can be made.
#[derive(Clone, Debug)]
pub struct Delegated {
    dir: PathBuf,
    /// Controllers that limit what is in a child.
    pub controllers: Vec<String>,
}

/// Finds out whether this process may make groups, by making one.
///
/// # Errors
/// Why not, for people.
pub fn delegated() -> Result<Delegated, String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
    let path = own.lines().find_map(|l| l.strip_prefix("0::"));
    let path = path.ok_or("there is no cgroup v2")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
    let root = mount(&mounts).ok_or("cgroup v2 is not mounted")?;
    let dir = root.join(path.trim_start_matches('/'));
    let mut found = Delegated {
        dir,
        controllers: Vec::new(),
    };
    sweep(&found.dir);
    let group = found.make(None)?;
    if !group.dir.join("cgroup.kill").exists() {
        return Err("this kernel has no cgroup.kill".to_owned());
    }
    let mut probe = Command::new("/bin/true");
    let mut child = probe.spawn().map_err(|e| e.to_string())?;
    let moved = fs::write(group.dir.join("cgroup.procs"), child.id().to_string());
    let _ = child.wait();
    // A process that has ended already cannot be moved, and says so in its own way.
    if let Err(error) = moved
        && error.raw_os_error() != Some(libc::ESRCH)
    {
        return Err(format!("no process may be moved into a group: {error}"));
    }
    let list = fs::read_to_string(group.dir.join("cgroup.controllers")).unwrap_or_default();
    found.controllers = list.split_whitespace().map(str::to_owned).collect();
    Ok(found)
}

/// Removes what runs that were killed have left: groups of processes that are no more. One that is
/// not empty stays.
fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let process = name
            .strip_prefix("conclint-")
            .and_then(|n| n.split('-').next());
        if let Some(process) = process
            && process.bytes().all(|b| b.is_ascii_digit())
            && !Path::new("/proc").join(process).exists()
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Where version 2 is mounted, from `/proc/self/mountinfo`.
fn mount(text: &str) -> Option<PathBuf> {
    text.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        back.starts_with("cgroup2 ")
            .then(|| front.split(' ').nth(4).map(PathBuf::from))?
    })
}

impl Delegated {
    /// A new group, with limits where controllers allow.
    pub(crate) fn make(&self, limits: Option<&Limits>) -> Result<Group, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = self
            .dir
            .join(format!("conclint-{}-{number}", std::process::id()));
        fs::create_dir(&dir).map_err(|e| format!("no group can be made: {e}"))?;
        let group = Group { dir };
        if let Some(limits) = limits {
            let has = |name: &str| self.controllers.iter().any(|c| c == name);
            let set = |file: &str, value: String| {
                fs::write(group.dir.join(file), value).map_err(|e| format!("{file}: {e}"))
            };
            if has("memory") {
                set("memory.max", limits.memory_bytes.to_string())?;
                // Not there on a machine without swap.
                let _ = set("memory.swap.max", "0".to_owned());
            }
            if has("pids") {
                set("pids.max", limits.processes.to_string())?;
            }
        }
        Ok(group)
    }
}

/// A group; what is in it is killed when this goes.
#[derive(Debug)]
pub(crate) struct Group {
    dir: PathBuf,
}

impl Group {
    /// A command that joins the group first and then becomes `command`.
    pub(crate) fn wrap(&self, launcher: &Path, command: &Command) -> Command {
        let mut out = Command::new(launcher);
        out.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                out.env(name, value);
            }
        }
        if let Some(dir) = command.get_current_dir() {
            out.current_dir(dir);
        }
        out.arg(ARGUMENT).arg(&self.dir).arg(command.get_program());
        out.args(command.get_args());
        out
    }

    /// Kills everything in the group.
    pub(crate) fn kill(&self) {
        let _ = fs::write(self.dir.join("cgroup.kill"), "1");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        // A group can be removed when the last process in it is gone.
        for _ in 0..TRIES {
            match fs::remove_dir(&self.dir) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return,
            }
        }
    }
}

/// Joins a group and becomes a program. Returns only where that fails.
pub(crate) fn join(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let error = match (arguments.next(), arguments.next()) {
        (Some(dir), Some(program)) => {
            // 0 stands for who writes.
            match fs::write(Path::new(&dir).join("cgroup.procs"), "0") {
                Ok(()) => Command::new(program).args(arguments).exec(),
                Err(error) => error,
            }
        }
        _ => std::io::Error::other("no group and no program"),
    };
    let _ = writeln!(std::io::stderr(), "{REASON}{error}");
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found() {
        let text = "\
25 30 0:22 / /sys rw,nosuid - sysfs sysfs rw
33 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 25 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
";
        assert_eq!(mount(text), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(mount("25 30 0:22 / /sys rw - sysfs sysfs rw\n"), None);
    }
}
