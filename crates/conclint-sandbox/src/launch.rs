//! The launcher: takes limits and filters upon itself, then becomes the program.
//!
//! A process of its own instead of code between `fork` and `exec`: everything here may allocate,
//! and needs no `unsafe`.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, path_beneath_rules,
};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use serde::{Deserialize, Serialize};

use crate::cgroup;

/// The first argument that makes an executable a launcher.
pub(crate) const ARGUMENT: &str = "__conclint_sandbox";
/// The exit status that says the launcher itself failed; the reason is on standard error.
pub(crate) const FAILED: u8 = 125;
/// What the reason begins with.
pub(crate) const REASON: &str = "conclint-sandbox: ";

/// What a launcher is told, as JSON in its second argument. The program and its arguments follow.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// Files by Landlock: this is tier 2.
    pub landlock: bool,
    pub read: Vec<PathBuf>,
    pub write: Vec<PathBuf>,
    pub cpu_seconds: u64,
    pub memory_bytes: u64,
    pub processes: u64,
    pub file_bytes: u64,
}

/// Acts as the launcher where this executable was started as one. Call it first in `main`.
#[must_use]
pub fn act_as_launcher() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next()?;
    if first == cgroup::ARGUMENT {
        return Some(cgroup::join(arguments));
    }
    if first != ARGUMENT {
        return None;
    }
    let Err(error) = launch(arguments);
    let _ = writeln!(std::io::stderr(), "{REASON}{error}");
    Some(ExitCode::from(FAILED))
}

/// Returns only with an error.
fn launch(
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let spec = arguments.next().ok_or("no specification")?;
    let spec: Spec = serde_json::from_slice(spec.as_encoded_bytes())?;
    let program = arguments.next().ok_or("no program")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let unread = spec.landlock && !readable(&spec, Path::new(&program));
    let copy = unread.then(|| in_memory(&program)).transpose()?;
    limit(&spec)?;
    if spec.landlock {
        restrict(&spec)?;
    }
    for filter in filters()? {
        apply_filter(&filter).map_err(|e| format!("seccomp: {e}"))?;
    }
    let mut command = match &copy {
        None => Command::new(&program),
        Some(copy) => Command::new(format!("/proc/self/fd/{}", copy.as_raw_fd())),
    };
    Err(command.arg0(program).args(arguments).exec().into())
}

/// Whether the program may read its own file.
fn readable(spec: &Spec, program: &Path) -> bool {
    let mut paths = spec.read.iter().map(PathBuf::as_path).chain(system());
    paths.any(|path| program.starts_with(path))
}

/// A program without a path, closed once it runs: Landlock has no right to run a file that is not
/// also one to read it (`security/landlock/fs.c`, `get_required_file_open_access`).
fn in_memory(program: &OsStr) -> Result<File, Box<dyn Error>> {
    let mut copy = File::from(memfd_create("program", MemfdFlags::CLOEXEC)?);
    std::io::copy(&mut File::open(program)?, &mut copy)?;
    Ok(copy)
}

fn limit(spec: &Spec) -> Result<(), Box<dyn Error>> {
    let limits = [
        (Resource::Cpu, spec.cpu_seconds),
        (Resource::As, spec.memory_bytes),
        (Resource::Nproc, spec.processes),
        (Resource::Fsize, spec.file_bytes),
        (Resource::Core, 0),
        (Resource::Nofile, 256),
    ];
    for (resource, value) in limits {
        // What is lower already stays: raising a limit takes a privilege.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        // At the hard limit of time the kernel kills, as anybody may; only at a lower soft one it
        // sends a signal that says why.
        let grace = u64::from(resource == Resource::Cpu);
        let both = Rlimit {
            current: Some(value.min(most.saturating_sub(grace))),
            maximum: Some(value.saturating_add(grace).min(most)),
        };
        setrlimit(resource, both).map_err(|e| format!("{resource:?}: {e}"))?;
    }
    Ok(())
}

/// What every program needs: libraries, the linker's cache, tools.
pub(crate) fn system() -> [&'static Path; 6] {
    [
        "/usr",
        "/lib",
        "/lib64",
        "/bin",
        "/etc/ld.so.cache",
        "/etc/alternatives",
    ]
    .map(Path::new)
}

fn restrict(spec: &Spec) -> Result<(), Box<dyn Error>> {
    // The newest rules that the crate and this kernel share; files are in all of them.
    let abi = ABI::V6;
    let devices = ["/dev/null", "/dev/zero", "/dev/urandom"];
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(system(), AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&spec.read, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&spec.write, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(
            devices,
            AccessFs::ReadFile | AccessFs::WriteFile,
        ))?
        .restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("this kernel has no Landlock".into());
    }
    Ok(())
}

/// System calls that no compiler and no test needs.
const DENIED: &[i64] = &[
    // Network.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Other processes, and leaving the group that is killed at the end.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Surface of the kernel.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_fanotify_init,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

fn filters() -> Result<Vec<BpfProgram>, Box<dyn Error>> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let build = |rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32| {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch)?;
        BpfProgram::try_from(filter)
    };
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().map(|call| (*call, Vec::new())).collect();
    // A thread or a process, but none in a user namespace of its own.
    let flag = libc::CLONE_NEWUSER.unsigned_abs().into();
    denied.insert(
        libc::SYS_clone,
        vec![SeccompRule::new(vec![SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )?])?],
    );
    // Its flags are behind a pointer; the C library falls back to `clone`.
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok(vec![
        build(denied, libc::EPERM)?,
        build(absent, libc::ENOSYS)?,
    ])
}
