//! Event loops: `epoll_wait` as a wait in the scheduler, on the virtual clock.
//!
//! A thread that waits there is woken by the program itself, by a byte that another thread writes
//! to an eventfd or a pipe (so do tokio and mio), and by nothing else: sockets end the execution,
//! see `outside`. While somebody waits, the kernel is asked before each decision whether something
//! is there, and is not made to hand it over. Refuses to know what the descriptors are.

use std::ffi::c_int;
use std::panic::Location;
use std::time::Duration;

use crate::exec::{active, block, point, progress, publish, with};
use crate::interpose::{answer, raw};
use crate::op::Kind;
use crate::thread::due_in;

/// What `epoll_wait` would return at once.
fn look(epoll: c_int, events: *mut libc::epoll_event, room: c_int) -> i64 {
    let arguments = [i64::from(epoll), events as i64, i64::from(room), 0, 0, 0];
    // SAFETY: the caller of `epoll_wait` answers for the arguments.
    unsafe { raw(libc::SYS_epoll_wait, arguments) }
}

/// Whether `epoll_wait` would have something to return. Takes nothing: an event that is told once
/// is still there.
pub(crate) fn ready(epoll: c_int) -> bool {
    let mut asked = libc::pollfd {
        fd: epoll,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one `pollfd`, which lives across the call; it returns at once.
    unsafe { raw(libc::SYS_poll, [&raw mut asked as i64, 1, 0, 0, 0, 0]) != 0 }
}

fn int(result: i64) -> c_int {
    c_int::try_from(answer(result)).unwrap_or(-1)
}

/// See `epoll_wait(2)`.
///
/// # Safety
/// As for libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut libc::epoll_event,
    room: c_int,
    timeout: c_int,
) -> c_int {
    if !active() {
        let arguments = [
            i64::from(epoll),
            events as i64,
            i64::from(room),
            i64::from(timeout),
            0,
            0,
        ];
        // SAFETY: handed on as it came.
        return int(unsafe { raw(libc::SYS_epoll_wait, arguments) });
    }
    let (at, object) = (Location::caller(), usize::try_from(epoll).unwrap_or(0));
    point(Kind::Poll, object, at);
    // A negative timeout is none.
    let due = u64::try_from(timeout)
        .ok()
        .and_then(|millis| due_in(Duration::from_millis(millis)));
    loop {
        let found = look(epoll, events, room);
        if found != 0 || timeout == 0 {
            if found != 0 {
                progress();
            }
            return int(found);
        }
        publish(Kind::Poll, object, at);
        with(|x| x.watch(epoll));
        let timed_out = block(due);
        with(crate::exec::Exec::unwatch);
        if timed_out {
            progress();
            return int(look(epoll, events, room));
        }
    }
}

/// See `epoll_pwait(2)`; the signal mask is left alone, as no signal is waited for.
///
/// # Safety
/// As for libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait(
    epoll: c_int,
    events: *mut libc::epoll_event,
    room: c_int,
    timeout: c_int,
    mask: *const libc::sigset_t,
) -> c_int {
    if mask.is_null() || active() {
        // SAFETY: as it came.
        return unsafe { epoll_wait(epoll, events, room, timeout) };
    }
    let arguments = [
        i64::from(epoll),
        events as i64,
        i64::from(room),
        i64::from(timeout),
        mask as i64,
        // The size of the kernel's signal set.
        8,
    ];
    // SAFETY: handed on as it came.
    int(unsafe { raw(libc::SYS_epoll_pwait, arguments) })
}
