//! Futexes of locks that are not shadowed: std's own, where uninstrumented code holds one, and
//! those of crates that call the kernel directly, like parking_lot.

use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::exec::{block, point, progress, publish, with};
use crate::op::Kind;
use crate::thread::due_in;

/// Answers a futex call; `None` hands it on to the kernel.
pub(crate) fn call(address: usize, op: i64, value: i64, timeout: i64, mask: i64) -> Option<i64> {
    let at = Location::caller();
    let command = i32::try_from(op).ok()? & libc::FUTEX_CMD_MASK;
    match command {
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            point(Kind::FutexWait, address, at);
            // SAFETY: the kernel would read the same word.
            let now = unsafe { &*(address as *const AtomicU32) }.load(Ordering::SeqCst);
            if i64::from(now) != value & 0xffff_ffff {
                return Some(-i64::from(libc::EAGAIN));
            }
            publish(Kind::FutexWait, address, at);
            let due = if timeout == 0 {
                None
            } else {
                // SAFETY: the kernel would read the same structure.
                let ts = unsafe { *(timeout as *const libc::timespec) };
                let seconds = u64::try_from(ts.tv_sec).ok()?;
                let wait = Duration::new(seconds, u32::try_from(ts.tv_nsec).ok()?);
                if command == libc::FUTEX_WAIT {
                    due_in(wait)
                } else {
                    // Absolute, on the clock that `interpose` shows.
                    let due = wait.saturating_sub(crate::interpose::base(op)).as_nanos();
                    u64::try_from(due).ok()
                }
            };
            let _ = mask;
            let timed_out = block(due);
            progress();
            Some(if timed_out {
                -i64::from(libc::ETIMEDOUT)
            } else {
                0
            })
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            point(Kind::FutexWake, address, at);
            let mut left = value;
            let mut woken = 0;
            while left > 0 {
                let one = with(|x| x.wake_one(address, Kind::FutexWait)).unwrap_or(false);
                if !one {
                    break;
                }
                left -= 1;
                woken += 1;
            }
            if woken > 0 {
                progress();
            }
            Some(woken)
        }
        _ => None,
    }
}
