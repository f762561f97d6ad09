//! What a child is doing, seen from outside.

use std::fs;

/// Resident memory in bytes.
pub(crate) fn resident(process: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|p| p.parse().ok());
    pages.unwrap_or(0_u64).saturating_mul(4096)
}

/// Why the process takes no steps, as far as the kernel tells.
pub(crate) fn doing(process: i32) -> String {
    let call = fs::read_to_string(format!("/proc/{process}/syscall")).unwrap_or_default();
    describe(&call)
}

/// Reads a line of `/proc/PID/syscall`: the call's number, or that there is none.
fn describe(line: &str) -> String {
    match line.split_whitespace().next() {
        Some("running") | None => {
            "it computes, or loops, without reaching one of the operations that are scheduled"
                .to_owned()
        }
        Some(number) => match number.parse::<i64>() {
            Ok(number) => format!("it waits in the system call {}", name(number)),
            Err(_) => "it waits in the kernel".to_owned(),
        },
    }
}

fn name(number: i64) -> String {
    let known = match number {
        libc::SYS_futex => "futex: a lock that is not scheduled",
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => {
            "epoll_wait: an event loop"
        }
        libc::SYS_poll | libc::SYS_ppoll | libc::SYS_select | libc::SYS_pselect6 => "poll",
        libc::SYS_read | libc::SYS_readv | libc::SYS_pread64 => "read",
        libc::SYS_write | libc::SYS_writev => "write",
        libc::SYS_accept | libc::SYS_accept4 => "accept: the network",
        libc::SYS_connect => "connect: the network",
        libc::SYS_recvfrom | libc::SYS_recvmsg => "recv: the network",
        libc::SYS_sendto | libc::SYS_sendmsg => "send: the network",
        libc::SYS_wait4 | libc::SYS_waitid => "wait4: a child process",
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => "nanosleep",
        libc::SYS_pause | libc::SYS_rt_sigsuspend => "pause: a signal",
        libc::SYS_flock => "flock: a file lock",
        number => return format!("number {number}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells() {
        assert!(describe("running").contains("computes"));
        assert!(describe("202 0x7f 0x80 0x2 0x0 0x0 0x0 0x7ff 0x7fe").contains("futex"));
        assert!(describe("61 0x1 0x0").contains("child process"));
        assert!(describe("999 0x1").contains("number 999"));
        assert!(describe("").contains("computes"));
    }

    #[test]
    fn own_memory() {
        assert!(resident(i32::try_from(std::process::id()).unwrap()) > 4096);
        assert_eq!(resident(-1), 0);
    }
}
