//! The private channel: jobs come in on standard input, answers leave on what was standard
//! output, each stamped with a nonce, and an `end` record says that none is missing.
//!
//! For graders, which run code that would like to write its own answers. Before anything of the
//! explored program runs, the pipe is moved to a descriptor of its own, and all three standard
//! descriptors lead nowhere. A child that runs the program closes the pipe and forgets the nonce,
//! so neither is there to be found.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::sync::{Mutex, PoisonError};

/// The open channel of this process.
static OPEN: Mutex<Option<Channel>> = Mutex::new(None);

struct Channel {
    pipe: File,
    nonce: Vec<u8>,
}

/// Reads the nonce and the jobs from standard input and takes standard output for itself.
/// `None` where input is damaged or the descriptors cannot be moved.
pub(crate) fn open() -> Option<String> {
    let mut text = String::new();
    // SAFETY: standard input is open for as long as this is, and not closed by it.
    let mut input = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    input.read_to_string(&mut text).ok()?;
    let (first, jobs) = text.split_once('\n')?;
    let nonce = first.strip_prefix("nonce ")?;
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .ok()?;
    // SAFETY: duplicates and replaces the process's own descriptors; nothing else runs yet.
    let pipe = unsafe {
        let pipe = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 64);
        let moved = (0..3).all(|fd| libc::dup2(null.as_raw_fd(), fd) == fd);
        if pipe < 0 || !moved {
            return None;
        }
        File::from_raw_fd(pipe)
    };
    let jobs = jobs.to_owned();
    *OPEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Channel {
        pipe,
        nonce: nonce.as_bytes().to_vec(),
    });
    // What held the nonce on the way here is not left for others to find.
    text.into_bytes().fill(0);
    Some(jobs)
}

/// Sends one answer. `false` where nobody reads any more.
pub(crate) fn send(line: &str) -> bool {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(channel) = open.as_mut() else {
        return false;
    };
    let mut bytes = channel.nonce.clone();
    bytes.push(b' ');
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    // conclint: allow(blocking-under-lock) the supervisor has one thread
    let sent = channel.pipe.write_all(&bytes).is_ok();
    bytes.fill(0);
    sent
}

/// Closes the channel in this process and overwrites the nonce. For children, right after the
/// fork.
pub(crate) fn forget() {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(mut channel) = open.take() {
        channel.nonce.fill(0);
        std::hint::black_box(&channel.nonce);
    }
}
