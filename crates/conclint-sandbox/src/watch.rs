//! Starts a program in the sandbox and watches it to its end.

use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::launch::{ARGUMENT, FAILED, REASON, Spec};
use crate::{Broken, End, Finished, Job, Sandbox, Tier, bubblewrap};

/// How long the pipes may take to close after everything was killed.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a program to its end.
///
/// # Errors
/// Only where the sandbox does not work; what the program does is in [`Finished`].
pub fn run(sandbox: &Sandbox, job: &Job) -> Result<Finished, Broken> {
    let group = match &sandbox.groups {
        Some(groups) => Some(groups.make(Some(&job.limits)).map_err(Broken)?),
        None => None,
    };
    let mut command = command(sandbox, job)?;
    if let Some(group) = &group {
        command = group.wrap(&sandbox.launcher, &command);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|e| {
            Broken(format!(
                "cannot start {}: {e}",
                command.get_program().display()
            ))
        })?;
    let flood = Arc::new(AtomicBool::new(false));
    let stdout = collect(child.stdout.take(), job.limits.output_bytes, &flood);
    let stderr = collect(child.stderr.take(), job.limits.output_bytes, &flood);
    if let Some(mut pipe) = child.stdin.take() {
        let bytes = job.stdin.clone();
        // detached: a program that does not read must not keep its watcher.
        thread::spawn(move || pipe.write_all(&bytes));
    }
    let end = wait(&mut child, job.limits.wall, &flood);
    if let Some(group) = &group {
        group.kill();
    }
    kill(&child);
    let _ = child.wait();
    drop(group);
    let finished = Finished {
        end: end.map_err(|e| Broken(e.to_string()))?,
        stdout: take(&stdout),
        stderr: take(&stderr),
    };
    judge(sandbox, finished)
}

fn command(sandbox: &Sandbox, job: &Job) -> Result<Command, Broken> {
    let spec = Spec {
        landlock: sandbox.tier == Tier::Landlock,
        read: job.read.clone(),
        write: job.write.clone(),
        cpu_seconds: job.limits.cpu_seconds,
        memory_bytes: job.limits.memory_bytes,
        processes: job.limits.processes,
        file_bytes: job.limits.file_bytes,
    };
    let spec = serde_json::to_string(&spec).map_err(|e| Broken(e.to_string()))?;
    let mut command = match sandbox.tier {
        Tier::Bubblewrap => {
            let program = bubblewrap::find()
                .ok_or_else(|| Broken("bubblewrap is not installed".to_owned()))?;
            let mut command = Command::new(program);
            command.args(bubblewrap::arguments(sandbox, job));
            command.arg(&sandbox.launcher).env_clear();
            command
        }
        Tier::Landlock => {
            let mut command = Command::new(&sandbox.launcher);
            command.env_clear().envs(job.env.iter().cloned());
            command.current_dir(&job.dir);
            command
        }
    };
    command.arg(ARGUMENT).arg(spec).arg(&job.program);
    command.args(&job.args);
    Ok(command)
}

/// Reads a stream on a thread of its own: keeps the first `limit` bytes, raises the flag beyond.
fn collect(
    stream: Option<impl Read + Send + 'static>,
    limit: usize,
    flood: &Arc<AtomicBool>,
) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let flood = flood.clone();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 1 << 14];
        let Some(mut stream) = stream else { return };
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                break;
            }
            let room = limit - kept.len();
            kept.extend_from_slice(&buffer[..count.min(room)]);
            if count > room {
                flood.store(true, Ordering::Relaxed);
                break;
            }
        }
        let _ = sender.send(kept);
    });
    receiver
}

fn take(stream: &Receiver<Vec<u8>>) -> Vec<u8> {
    stream.recv_timeout(GRACE).unwrap_or_default()
}

fn wait(child: &mut Child, wall: Duration, flood: &AtomicBool) -> std::io::Result<End> {
    let began = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            if flood.load(Ordering::Relaxed) {
                // It ended because nobody read any more.
                return Ok(End::Output);
            }
            return Ok(match (status.code(), status.signal()) {
                (Some(code), _) => End::Exited(code),
                (None, signal) => End::Signalled(signal.unwrap_or_default()),
            });
        }
        if flood.load(Ordering::Relaxed) {
            return Ok(End::Output);
        }
        if began.elapsed() > wall {
            return Ok(End::Wall);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(8));
    }
}

/// Kills the program and what it left behind: everything is in its group, since leaving it is
/// denied, or dies with its namespace.
fn kill(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // There may be nobody left.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Tells the launcher's own failure from the program's.
fn judge(sandbox: &Sandbox, mut finished: Finished) -> Result<Finished, Broken> {
    let text = String::from_utf8_lossy(&finished.stderr);
    if finished.end == End::Exited(i32::from(FAILED)) && text.starts_with(REASON) {
        return Err(Broken(text.trim().trim_start_matches(REASON).to_owned()));
    }
    if sandbox.tier == Tier::Bubblewrap {
        if matches!(finished.end, End::Exited(1)) && text.starts_with("bwrap: ") {
            return Err(Broken(text.trim().to_owned()));
        }
        // It passes signals on as a shell does.
        if let End::Exited(code @ 129..=192) = finished.end {
            finished.end = End::Signalled(code - 128);
        }
    }
    Ok(finished)
}
