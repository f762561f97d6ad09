//! Children: one forked process each, watched from outside.

use crate::interpose::real_millis;
use crate::{channel, journal};

/// What a child's memory may grow to.
const MEMORY: u64 = 2 << 30;
/// A child that takes no step for so long hangs outside of the runtime.
pub(super) const SILENCE_MS: u64 = 10_000;

/// Where the number of schedules is written while they run, where somebody looks on.
pub(super) static COUNT: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

/// The directory for temporary files, where it is this process's alone.
pub(super) static TEMP: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();

fn temporary_files() -> impl Iterator<Item = std::fs::DirEntry> {
    let dir = TEMP.get().and_then(|dir| std::fs::read_dir(dir).ok());
    dir.into_iter().flatten().flatten()
}

/// An execution has left temporary files, which the next one would find.
pub(super) fn files_left() -> bool {
    temporary_files().next().is_some()
}

fn remove_files() {
    for entry in temporary_files() {
        // What cannot be removed stays, as it does for the test itself.
        let _ = match entry.file_type() {
            Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
            _ => std::fs::remove_file(entry.path()),
        };
    }
}

/// Tells how many schedules have been run, now and then.
fn tell_count(told: &mut u64) {
    let now = real_millis();
    if let (Some(file), Some(journal), true) = (COUNT.get(), journal::get(), now >= *told + 100) {
        *told = now;
        let count = journal.execution.load(std::sync::atomic::Ordering::Relaxed);
        // It is only shown; a number that is lost is followed by another.
        let _ = std::fs::write(file, count.to_string());
    }
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Child {
    Report(String),
    Signal(i32),
    Overflow,
    Exit(i32),
    /// It took no step for a long time; what it was doing instead.
    Silent(String),
    /// It used more memory than it may.
    Large,
    NoFork,
}

/// Runs `f` in a forked child and waits for its report.
pub(super) fn in_child(f: impl FnOnce() -> String) -> Child {
    remove_files();
    if let Some(journal) = journal::get() {
        journal.done.store(0, std::sync::atomic::Ordering::SeqCst);
        journal::failing(false);
    }
    // SAFETY: asks for this process's number.
    let parent = unsafe { libc::getpid() };
    // SAFETY: the supervisor has one thread; of `explore_here`, the calling thread is the only one
    // that goes on, which glibc's allocator is ready for.
    let child = unsafe { libc::fork() };
    if child == 0 {
        channel::forget();
        end_with(parent);
        crate::crash::watch();
        spoil_freed_memory();
        let report = f();
        journal::write(&report);
        // SAFETY: ends the child without running the program's `atexit` handlers.
        unsafe { libc::_exit(0) };
    }
    if child < 0 {
        return Child::NoFork;
    }
    let mut seen = (0, real_millis());
    let mut told = seen.1;
    let mut pause = 50;
    let mut looks = 0_u32;
    let mut killed = None;
    let status = loop {
        tell_count(&mut told);
        let mut status = 0;
        // SAFETY: waits for the child just made.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 => {}
            _ => break Some(status),
        }
        let steps = journal::get().map_or(0, |j| {
            let order = std::sync::atomic::Ordering::Relaxed;
            j.steps.load(order) ^ (j.execution.load(order) << 32)
        });
        if steps != seen.0 {
            seen = (steps, real_millis());
        } else if real_millis() > seen.1 + SILENCE_MS {
            killed = Some(Child::Silent(crate::watch::doing(child)));
        }
        looks += 1;
        if looks.is_multiple_of(16) && crate::watch::resident(child) > MEMORY {
            killed = Some(Child::Large);
        }
        if killed.is_some() {
            // SAFETY: ends and reaps the child just made.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            break None;
        }
        // SAFETY: sleeps.
        unsafe { libc::usleep(pause) };
        pause = (pause * 2).min(5_000);
    };
    match (journal::read(), status) {
        (Some(report), _) => Child::Report(report),
        (None, None) => killed.unwrap_or(Child::NoFork),
        (None, Some(_)) if overflowed() => Child::Overflow,
        (None, Some(status)) if libc::WIFSIGNALED(status) => Child::Signal(libc::WTERMSIG(status)),
        (None, Some(status)) => Child::Exit(libc::WEXITSTATUS(status)),
    }
}

/// This process ends where `parent`, which has started it, does.
pub(super) fn end_with(parent: libc::pid_t) {
    // SAFETY: sets a property of this process, and looks who its parent is now.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(0);
        }
    }
}

/// Fills memory that is given back with a pattern, so that who still uses it does not find what was
/// there before. Only malloc of libc does it.
fn spoil_freed_memory() {
    // SAFETY: sets a parameter of the allocator; this process has one thread.
    unsafe { libc::mallopt(libc::M_PERTURB, 0xa5) };
}

fn overflowed() -> bool {
    let order = std::sync::atomic::Ordering::Relaxed;
    journal::get().is_some_and(|j| j.overflow.load(order) != 0)
}

/// Why a child had to be ended, and where it was.
pub(super) fn why(child: &Child) -> String {
    let place = journal::last().map(|at| {
        let (file, line, column) = (shown(at.file()), at.line(), at.column());
        format!("; the last operation was at {file}:{line}:{column}")
    });
    format!("{}{}", crash(child), place.unwrap_or_default())
}

/// A file without the machine's directories: that of a package begins with the package's.
fn shown(file: &str) -> &str {
    let after = |dir| file.split_once(dir).map(|(_, rest)| rest);
    let registry = after("/registry/src/").and_then(|rest| Some(rest.split_once('/')?.1));
    registry
        .or_else(|| after("/git/checkouts/"))
        .unwrap_or(file)
}

/// What tells one crash from another.
pub(super) fn crash(child: &Child) -> String {
    match child {
        Child::Signal(libc::SIGXCPU) => "comes to the limit of processor time".to_owned(),
        Child::Signal(libc::SIGKILL) => "signal 9, from outside".to_owned(),
        Child::Signal(n) => format!("signal {n}"),
        Child::Overflow => "stack overflow".to_owned(),
        Child::Exit(code) => format!("exit {code}"),
        Child::Silent(doing) => format!("no operation for {} s: {doing}", SILENCE_MS / 1000),
        Child::Large => format!("uses more than {} MiB of memory", MEMORY >> 20),
        Child::NoFork | Child::Report(_) => "cannot start a process".to_owned(),
    }
}

pub(super) fn crash_kind(child: &Child) -> &'static str {
    match child {
        Child::Signal(libc::SIGABRT) => "abort",
        Child::Signal(_) => "signal",
        Child::Overflow => "stack-overflow",
        Child::Exit(_) => "exit",
        Child::Silent(_) => "hang",
        Child::Large => "memory",
        Child::NoFork | Child::Report(_) => "broken",
    }
}

/// A crash is the program's doing; a hang or a lack of memory or time may also be ours.
pub(super) fn crash_verdict(child: &Child) -> &'static str {
    match child {
        Child::Signal(libc::SIGXCPU | libc::SIGKILL) => "inconclusive",
        Child::Signal(_) | Child::Overflow | Child::Exit(_) => "crashed",
        _ => "inconclusive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_time_is_no_crash() {
        assert_eq!(crash_verdict(&Child::Signal(libc::SIGABRT)), "crashed");
        assert_eq!(crash_verdict(&Child::Signal(libc::SIGXCPU)), "inconclusive");
        assert_eq!(crash_verdict(&Child::Signal(libc::SIGKILL)), "inconclusive");
    }

    #[test]
    fn packages_are_named_without_the_machine() {
        let registry = "/home/a/.cargo/registry/src/registry-12/flume-0.11.1/src/lib.rs";
        assert_eq!(shown(registry), "flume-0.11.1/src/lib.rs");
        let checkout = "/home/a/.cargo/git/checkouts/bus-12/3f5/src/lib.rs";
        assert_eq!(shown(checkout), "bus-12/3f5/src/lib.rs");
        assert_eq!(shown("src/lib.rs"), "src/lib.rs");
    }
}
