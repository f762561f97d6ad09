//! What the primitives call: the points at which others may go on, and what they tell of their
//! steps.
//!
//! Outside of an execution there is nothing to tell, and points return at once. Who goes on is
//! not decided here: see `decide`.

use std::panic::Location;

use super::{End, Exec, Id, Panicked, State, with};
use crate::coro;
use crate::op::{Kind, Op};

/// How many operations destructors may take while their threads unwind from panics. They count as
/// no steps of the execution, as nobody can come between them.
const UNWINDING: u64 = 100_000;

/// Publishes an operation and lets the strategy decide who goes on. Returns when it is this
/// thread's turn, or at once outside of an execution.
#[inline]
pub(crate) fn point(kind: Kind, object: usize, at: &'static Location<'static>) {
    point_if(kind, object, at, true);
}

/// Like `point`, for an operation that may be impossible at the moment: a thread with
/// `enabled == false` is not run before somebody makes it ready.
pub(crate) fn point_if(kind: Kind, object: usize, at: &'static Location<'static>, enabled: bool) {
    if crate::cycles::WATCHED.get() {
        crate::cycles::look();
    }
    let yielder = with(|x| {
        let me = x.current;
        let task = &mut x.tasks[me];
        task.op = Op { kind, object, at };
        task.idle += 1;
        if task.looked.0 == x.stretch {
            task.looked.1 += 1;
        } else {
            task.looked = (x.stretch, 1);
        }
        if !std::thread::panicking() {
            if std::mem::take(&mut task.panicking) && me == 0 {
                crate::journal::failing(false);
            }
        } else if enabled && task.panicking {
            // Destructors of an unwinding thread are not interrupted: the count of panics belongs
            // to the OS thread that all threads share. (Where one of them waits, others go on, and
            // take turns.)
            return x.unwinds();
        }
        if !enabled {
            task.state = State::Blocked;
            x.record_wait();
        }
        x.reschedule(me)
    });
    if let Some(Some(yielder)) = yielder {
        coro::suspend(yielder);
    }
    with(Exec::record);
    if crate::cycles::WATCHED.get() {
        crate::cycles::scrub();
    }
}

impl Exec {
    /// Another operation of a thread that unwinds: the execution ends here where there is no end of
    /// them, and the way out of the thread is given.
    fn unwinds(&mut self) -> Option<coro::YielderPtr> {
        self.unwinding += 1;
        if self.unwinding <= UNWINDING {
            return None;
        }
        self.over = true;
        self.end = Some(match self.current {
            0 => End::Panicked,
            // It may wait for others, who cannot come between.
            _ => End::Broken("a destructor takes step after step while its thread panics"),
        });
        Some(self.tasks[self.current].yielder.get())
    }
}

/// Blocks the current thread until somebody makes it ready or, where `due` is set, its timeout
/// fires. Returns whether it did.
pub(crate) fn block(due: Option<u64>) -> bool {
    if crate::cycles::WATCHED.get() {
        crate::cycles::look();
    }
    let yielder = with(|x| {
        let me = x.current;
        let task = &mut x.tasks[me];
        task.state = State::Blocked;
        task.due = due;
        task.timed_out = false;
        x.record_wait();
        x.reschedule(me)
    });
    if let Some(Some(yielder)) = yielder {
        coro::suspend(yielder);
    }
    if crate::cycles::WATCHED.get() {
        crate::cycles::scrub();
    }
    with(|x| {
        x.record_resumed();
        let me = x.current;
        let task = &mut x.tasks[me];
        task.due = None;
        std::mem::take(&mut task.timed_out)
    })
    .unwrap_or(true)
}

/// Publishes an operation that [`block`] is about to carry out, without a scheduling point.
pub(crate) fn publish(kind: Kind, object: usize, at: &'static Location<'static>) {
    with(|x| {
        let me = x.current;
        x.tasks[me].op = Op { kind, object, at };
    });
}

/// A thread has been chosen for the first time.
pub(crate) fn started() {
    with(Exec::record);
}

/// Where the current thread was last seen: for operations of destructors, which have no caller.
#[track_caller]
pub(crate) fn here() -> &'static Location<'static> {
    with(|x| x.tasks[x.current].op.at).unwrap_or(Location::caller())
}

/// The current thread has caught its panic.
pub(crate) fn unwound() {
    with(|x| {
        let me = x.current;
        if std::mem::take(&mut x.tasks[me].panicking) && me == 0 {
            crate::journal::failing(false);
        }
    });
}

/// The current thread, rather than another one on the same OS thread, is unwinding.
pub(crate) fn panicking() -> bool {
    std::thread::panicking()
        && with(|x| {
            let other = |id: &Id| *id != x.current && x.tasks[*id].panicking;
            x.tasks[x.current].panicking || !x.live.iter().any(other)
        })
        .unwrap_or(true)
}

/// Called by the panic hook.
pub(crate) fn panicked(message: String, at: Option<(&str, u32, u32)>) {
    with(|x| {
        let me = x.current;
        x.tasks[me].panicking = true;
        if me == 0 {
            crate::journal::failing(true);
        }
        let (file, line, column) = at.unwrap_or_default();
        let panicked = Panicked {
            thread: u32::try_from(me).unwrap_or(u32::MAX),
            message,
            file: file.to_owned(),
            line,
            column,
        };
        if x.settings.trace {
            crate::tape::panicked(&panicked);
        }
        x.panics.push(panicked);
    });
}

/// Lets others come in right after an operation whose effect they see, where that is wanted: what
/// the thread does next may be nothing that is scheduled, such as giving up an `Arc`.
pub(crate) fn point_after(object: usize, at: &'static Location<'static>) {
    if with(|x| x.settings.points_after).unwrap_or(false) {
        point(Kind::After, object, at);
    }
}

/// Something changed that other threads can see: the thread is not merely waiting.
pub(crate) fn progress() {
    with(|x| {
        x.moved();
        if let Some(cycles) = &mut x.cycles {
            cycles.unseen();
        }
    });
}

/// Like [`progress`], for an atomic whose value was changed.
pub(crate) fn changed(object: usize, old: u64, new: u64) {
    with(|x| {
        x.moved();
        if let Some(cycles) = &mut x.cycles {
            cycles.changed(object, old, new);
        }
    });
}

/// Like [`progress`], for a change that the states of the threads show.
pub(crate) fn moved() {
    with(Exec::moved);
}

/// Ends the execution as if the process had ended.
pub(crate) fn exit(code: i32, at: &'static Location<'static>) -> ! {
    loop {
        let yielder = with(|x| {
            if x.main_ended_at.is_none() {
                x.end = Some(End::Exited(code, at));
            }
            x.over = true;
            x.tasks[x.current].yielder.get()
        });
        match yielder {
            Some(yielder) => coro::suspend(yielder),
            None => std::process::exit(code),
        }
    }
}
