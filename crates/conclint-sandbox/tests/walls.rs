//! Every wall, in each tier that works here: a probe runs inside and tries to get out.
//!
//! The harness is this program itself, because it has to be the launcher and the probe, too.
//! `CONCLINT_ALL_TIERS` makes a tier that does not work a failure.

#![allow(clippy::print_stdout)] // A harness talks through its output.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use conclint_sandbox::{End, Finished, Job, Limits, Sandbox, act_as_launcher, doctor, run};

/// The argument that makes this program a probe.
const PROBE: &str = "__probe";

fn main() -> ExitCode {
    if let Some(code) = act_as_launcher() {
        return code;
    }
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(PROBE) {
        return probe(&arguments.next().unwrap_or_default());
    }
    let launcher = std::env::current_exe().expect("a path");
    let works = doctor(&launcher);
    let mut failed = 0;
    for check in &works.checks {
        if let Some(problem) = &check.problem {
            println!("tier {}: {problem}", check.tier);
            failed += usize::from(std::env::var_os("CONCLINT_ALL_TIERS").is_some());
            continue;
        }
        let grouped = Sandbox::new(check.tier, launcher.clone());
        let mut plain = grouped.clone();
        plain.groups = None;
        let mut sandboxes = vec![("", plain)];
        if grouped.groups.is_some() {
            sandboxes.push((" with a control group", grouped));
        }
        for (how, sandbox) in sandboxes {
            for (name, test) in TESTS {
                let result = std::panic::catch_unwind(|| test(&sandbox));
                let word = if result.is_ok() { "ok" } else { "FAILED" };
                println!("tier {}{how}: {name} ... {word}", check.tier.number());
                failed += usize::from(result.is_err());
            }
        }
    }
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

type Test = fn(&Sandbox);

const TESTS: &[(&str, Test)] = &[
    ("sockets are refused", |s| inside(s, "sockets")),
    ("files are not there", files),
    ("a program cannot read itself", itself),
    ("nothing can be written", |s| inside(s, "writes")),
    ("no namespaces of its own", |s| inside(s, "namespaces")),
    ("the environment is the job's", |s| inside(s, "environment")),
    ("left-over processes die", left_over),
    ("processor time is limited", processor_time),
    ("wall time is limited", wall_time),
    ("memory is limited", memory),
    ("output is limited", output),
    ("file size is limited", file_size),
    ("ends are told apart", ends),
    ("input and output are whole", echo),
];

fn job(sandbox: &Sandbox, probe: &str) -> Job {
    Job {
        program: sandbox.launcher.clone(),
        args: vec![PROBE.into(), probe.into()],
        env: vec![("GIVEN".to_owned(), "yes".to_owned())],
        stdin: Vec::new(),
        dir: "/usr".into(),
        read: vec![sandbox.launcher.clone()],
        write: Vec::new(),
        limits: Limits {
            cpu_seconds: 5,
            wall: Duration::from_secs(60),
            memory_bytes: 1 << 30,
            processes: 1 << 20,
            file_bytes: 1 << 20,
            output_bytes: 1 << 20,
        },
    }
}

fn go(sandbox: &Sandbox, job: &Job) -> Finished {
    run(sandbox, job).expect("the sandbox works")
}

/// The probe looks for itself and ends well.
fn inside(sandbox: &Sandbox, probe: &str) {
    let finished = go(sandbox, &job(sandbox, probe));
    let said = String::from_utf8_lossy(&finished.stdout);
    assert_eq!(finished.end, End::Exited(0), "{probe}: {said}");
    assert_eq!(said, "held\n", "{probe}");
}

/// What every machine has, and a file that only this test knows of.
fn files(sandbox: &Sandbox) {
    let mut secret = tempfile::NamedTempFile::new().expect("a file");
    secret.write_all(b"secret").expect("written");
    let mut job = job(sandbox, "files");
    job.stdin = secret.path().to_string_lossy().into_owned().into_bytes();
    let finished = go(sandbox, &job);
    assert_eq!(String::from_utf8_lossy(&finished.stdout), "held\n");
}

/// What is secret about the program is in its file.
fn itself(sandbox: &Sandbox) {
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("probe");
    fs::copy(&sandbox.launcher, &program).expect("copied");
    fs::set_permissions(&program, Permissions::from_mode(0o111)).expect("a mode");
    let job = Job {
        program,
        read: Vec::new(),
        ..job(sandbox, "itself")
    };
    let finished = go(sandbox, &job);
    let said = String::from_utf8_lossy(&finished.stdout);
    assert_eq!(said, "held\n", "{}", finished.end);
}

/// Processes of this machine with the word among their arguments.
fn alive(word: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|e| fs::read(e.path().join("cmdline")).ok());
    lines
        .filter(|line| line.split(|b| *b == 0).any(|a| a == word.as_bytes()))
        .count()
}

fn left_over(sandbox: &Sandbox) {
    // A number that nobody else sleeps for.
    let seconds = format!("{}", 300_000 + std::process::id());
    let mut job = job(sandbox, "children");
    job.stdin = seconds.clone().into_bytes();
    let finished = go(sandbox, &job);
    assert_eq!(finished.end, End::Exited(0));
    assert_eq!(String::from_utf8_lossy(&finished.stdout), "started\n");
    let began = Instant::now();
    while alive(&seconds) > 0 && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(alive(&seconds), 0, "processes outlive their job");
}

fn processor_time(sandbox: &Sandbox) {
    let mut job = job(sandbox, "spin");
    job.limits.cpu_seconds = 1;
    let end = go(sandbox, &job).end;
    assert_eq!(end.to_string(), "the limit of processor time");
}

fn wall_time(sandbox: &Sandbox) {
    let mut job = job(sandbox, "sleep");
    job.limits.wall = Duration::from_millis(300);
    assert_eq!(go(sandbox, &job).end, End::Wall);
}

fn memory(sandbox: &Sandbox) {
    let mut job = job(sandbox, "hoard");
    job.limits.memory_bytes = 256 << 20;
    let finished = go(sandbox, &job);
    assert_ne!(finished.end, End::Exited(0));
    assert!(!finished.stdout.ends_with(b"all\n"));
}

fn output(sandbox: &Sandbox) {
    let mut job = job(sandbox, "flood");
    job.limits.output_bytes = 100_000;
    let finished = go(sandbox, &job);
    assert_eq!(finished.end, End::Output);
    assert_eq!(finished.stdout.len(), 100_000);
}

fn file_size(sandbox: &Sandbox) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut job = job(sandbox, "fill");
    job.dir = dir.path().canonicalize().expect("a path");
    job.write = vec![job.dir.clone()];
    let finished = go(sandbox, &job);
    assert_ne!(finished.end, End::Exited(0));
    let size = fs::metadata(dir.path().join("full")).expect("a file").len();
    assert!(size <= job.limits.file_bytes, "{size}");
}

fn ends(sandbox: &Sandbox) {
    assert_eq!(go(sandbox, &job(sandbox, "exit")).end, End::Exited(7));
    assert_eq!(go(sandbox, &job(sandbox, "abort")).end, End::Signalled(6));
}

fn echo(sandbox: &Sandbox) {
    let mut job = job(sandbox, "echo");
    job.stdin = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    job.limits.output_bytes = job.stdin.len();
    let finished = go(sandbox, &job);
    assert_eq!(finished.end, End::Exited(0));
    assert_eq!(finished.stdout, job.stdin);
}

/// What runs inside.
fn probe(name: &str) -> ExitCode {
    let held = match name {
        "sockets" => {
            UdpSocket::bind("127.0.0.1:0").is_err()
                && TcpListener::bind("127.0.0.1:0").is_err()
                && TcpStream::connect("127.0.0.1:9").is_err()
                && std::os::unix::net::UnixDatagram::unbound().is_err()
                && std::os::unix::net::UnixStream::pair().is_ok()
        }
        "itself" => {
            let program = std::env::args_os().next().expect("a name");
            // The owner can change the mode where the file system lets it.
            let _ = fs::set_permissions(&program, Permissions::from_mode(0o777));
            fs::read(&program).is_err()
        }
        "files" => {
            let mut secret = String::new();
            let _ = std::io::stdin().read_to_string(&mut secret);
            let known = [
                "/proc/self/maps",
                "/proc/self/fd",
                "/proc/1/environ",
                "/etc/shadow",
                "/etc/passwd",
                "/root",
                "/home",
                "/var",
                "/sys",
            ];
            !secret.is_empty()
                && known
                    .iter()
                    .chain([&secret.as_str()])
                    .all(|path| fs::read(path).is_err() && fs::read_dir(path).is_err())
        }
        "writes" => ["/tmp", "/var/tmp", "/dev/shm", "/dev", "/", "/usr", "."]
            .iter()
            .all(|dir| fs::write(format!("{dir}/conclint-wall"), "x").is_err()),
        "namespaces" => {
            !succeeds(&["unshare", "--user", "true"])
                && !succeeds(&["mount", "-t", "tmpfs", "none", "/usr"])
                && succeeds(&["true"])
        }
        "environment" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            std::env::var("GIVEN").as_deref() == Ok("yes")
                && names.iter().all(|n| n == "GIVEN" || n == "PWD")
        }
        "children" => return children(),
        "spin" => loop {
            std::hint::black_box(0);
        },
        "sleep" => {
            std::thread::sleep(Duration::from_secs(600));
            true
        }
        "hoard" => {
            let all: Vec<Vec<u8>> = (0..64).map(|_| vec![1; 16 << 20]).collect();
            println!("{} all", std::hint::black_box(all).len());
            return ExitCode::SUCCESS;
        }
        "flood" => loop {
            if std::io::stdout().write_all(&[b'x'; 4096]).is_err() {
                return ExitCode::FAILURE;
            }
        },
        "fill" => match fs::write("full", vec![0; 4 << 20]) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(_) => return ExitCode::FAILURE,
        },
        "exit" => return ExitCode::from(7),
        "abort" => std::process::abort(),
        "echo" => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes).is_ok();
            let wrote = std::io::stdout().write_all(&bytes).is_ok();
            return ExitCode::from(u8::from(!(read && wrote)));
        }
        _ => false,
    };
    println!("{}", if held { "held" } else { "open" });
    ExitCode::from(u8::from(!held))
}

/// The command is there and ends well.
fn succeeds(words: &[&str]) -> bool {
    let mut command = Command::new(Path::new("/usr/bin").join(words[0]));
    command.args(&words[1..]).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// Children in every way that detaches them, then a quick end.
fn children() -> ExitCode {
    let mut seconds = String::new();
    let _ = std::io::stdin().read_to_string(&mut seconds);
    let sleep = format!("sleep {seconds}");
    let detached = format!("setsid sleep {seconds} & (trap '' HUP TERM; sleep {seconds}) &");
    for script in [sleep.as_str(), detached.as_str()] {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if command.spawn().is_err() {
            return ExitCode::FAILURE;
        }
    }
    // Time for them to become what they want to be.
    std::thread::sleep(Duration::from_millis(300));
    println!("started");
    ExitCode::SUCCESS
}
