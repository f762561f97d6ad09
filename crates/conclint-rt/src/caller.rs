//! Where the program called into a crate that waits on its behalf.
//!
//! A lock of another crate waits at a line of that crate, which tells a reader nothing about the
//! program. While an execution is recorded, a thread that begins to wait leaves its call stack
//! behind, and so does one that takes a lock which another crate has built of an atomic: such a
//! lock is taken by an acquiring change and given back by a releasing one. What is read off the
//! orderings is a good guess and no more, and says who took a lock last.

use std::backtrace::Backtrace;
use std::sync::atomic::Ordering;

use crate::exec::{Id, with};

/// Longer executions are recorded without call stacks, which would take longer than they do.
const STEPS: u64 = 200_000;
/// So many of the atomics that a thread has changed last are looked at for the one it waits for.
const RECENT: usize = 16;

/// A call in the program's own text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// As the debug information has it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1; 0 where it is not known.
    pub column: u32,
    /// What is called, `Mutex::lock`.
    pub callee: String,
}

/// Who took a lock that another crate has built of an atomic.
struct Taken {
    object: usize,
    thread: Id,
    stack: Backtrace,
}

/// The call stacks of one execution.
#[derive(Default)]
pub(crate) struct Callers {
    /// Of the threads that wait.
    waiting: Vec<Option<Backtrace>>,
    taken: Vec<Taken>,
    /// The atomics that each thread has changed or tried to, the last one last, and whether it
    /// gave them back.
    recent: Vec<Vec<(usize, bool)>>,
}

fn slot<T: Default>(list: &mut Vec<T>, index: usize) -> Option<&mut T> {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    list.get_mut(index)
}

impl Callers {
    /// A thread begins to wait.
    pub(crate) fn waits(&mut self, thread: Id, steps: u64) {
        if let Some(waiting) = slot(&mut self.waiting, thread) {
            *waiting = (steps < STEPS).then(Backtrace::force_capture);
        }
    }

    fn tried(&mut self, thread: Id, object: usize, done: Option<Ordering>, steps: u64) {
        let released = done == Some(Ordering::Release);
        if let Some(recent) = slot(&mut self.recent, thread) {
            recent.retain(|(o, _)| *o != object);
            if recent.len() >= RECENT {
                recent.remove(0);
            }
            recent.push((object, released));
        }
        let mine = |t: &Taken| t.object == object && t.thread == thread;
        let index = self.taken.iter().position(mine);
        if released {
            let any = || self.taken.iter().position(|t| t.object == object);
            if let Some(index) = index.or_else(any) {
                self.taken.remove(index);
            }
        } else if done == Some(Ordering::Acquire) && steps < STEPS {
            let stack = Backtrace::force_capture();
            match index.and_then(|i| self.taken.get_mut(i)) {
                Some(taken) => taken.stack = stack,
                None => self.taken.push(Taken {
                    object,
                    thread,
                    stack,
                }),
            }
        }
    }

    /// Where the program's own text waits.
    pub(crate) fn call(&self, thread: Id) -> Option<Call> {
        own_call(self.waiting.get(thread)?.as_ref()?)
    }

    /// The atomic on which the thread waits for whoever took it, where that can be told.
    pub(crate) fn wanted(&self, thread: Id) -> Option<usize> {
        let mut recent = self.recent.get(thread)?.iter().rev();
        let taken = |object: usize| self.taken.iter().any(|t| t.object == object);
        let wanted = recent.find(|(object, released)| !released && taken(*object));
        wanted.map(|(object, _)| *object)
    }

    /// Who took `object`, and where.
    pub(crate) fn takers(&self, object: usize) -> impl Iterator<Item = (Id, Option<Call>)> {
        let taken = self.taken.iter().filter(move |t| t.object == object);
        taken.map(|t| (t.thread, own_call(&t.stack)))
    }
}

/// An atomic was changed with this ordering; `None` where the change failed.
pub(crate) fn tried(object: usize, done: Option<Ordering>) {
    with(|x| {
        let (me, steps) = (x.current, x.steps);
        if let Some(callers) = &mut x.callers {
            callers.tried(me, object, done, steps);
        }
    });
}

/// Text that is not the program's own: that of the toolchain, of packages, of this runtime.
pub(crate) fn foreign(file: &str) -> bool {
    const PLACES: [&str; 4] = [
        "/registry/src/",
        "/git/checkouts/",
        "/rustlib/src/",
        "/rustc/",
    ];
    let own = file!();
    let here = own.strip_suffix("caller.rs").unwrap_or(own);
    PLACES.iter().any(|place| file.contains(place)) || file.contains(here)
}

/// The innermost call of the program's own text into another's.
fn own_call(stack: &Backtrace) -> Option<Call> {
    // In the long form, paths are not cut down to the working directory's.
    let text = format!("{stack:#}");
    let mut callee = "";
    let mut name = "";
    for line in text.lines().map(str::trim) {
        if let Some(place) = line.strip_prefix("at ") {
            let (file, line, column) = position(place)?;
            if !foreign(file) {
                return Some(Call {
                    file: file.to_owned(),
                    line,
                    column,
                    callee: short(callee),
                });
            }
            callee = name;
        } else if let Some((number, rest)) = line.split_once(':')
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            let rest = rest.trim_start();
            name = match rest.split_once(" - ") {
                Some((address, name)) if address.starts_with("0x") => name,
                _ => rest,
            };
        }
    }
    None
}

/// `src/lib.rs:12:5`, taken apart.
fn position(place: &str) -> Option<(&str, u32, u32)> {
    let (rest, last) = place.rsplit_once(':')?;
    let last = last.parse().ok()?;
    match rest.rsplit_once(':') {
        Some((file, line)) if line.parse::<u32>().is_ok() => Some((file, line.parse().ok()?, last)),
        _ => Some((rest, last, 0)),
    }
}

/// `lock_api::mutex::Mutex<R,T>::lock::h0123456789abcdef`: `Mutex::lock`.
fn short(path: &str) -> String {
    let mut parts: Vec<String> = vec![String::new()];
    let mut depth = 0_usize;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // `<a::B<C> as d::E>::f`: the type stands for its path.
            '<' if depth == 0 && parts.iter().all(String::is_empty) => {}
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => depth += 1,
            ':' if depth == 0 && chars.peek() == Some(&':') => {
                chars.next();
                parts.push(String::new());
            }
            c if depth == 0 => parts.last_mut().into_iter().for_each(|p| p.push(c)),
            _ => {}
        }
    }
    let hash = |p: &String| p.len() == 17 && p.starts_with('h');
    parts.retain(|p| !p.is_empty() && !hash(p));
    let last = parts.len().saturating_sub(2);
    parts[last..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_callees() {
        let legacy = "lock_api::mutex::Mutex<R,T>::lock::h0123456789abcdef";
        assert_eq!(short(legacy), "Mutex::lock");
        let v0 = "<lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, i32>>::lock";
        assert_eq!(short(v0), "Mutex::lock");
        let of_trait = "<a::Latch as b::Wait>::wait";
        assert_eq!(short(of_trait), "Latch::wait");
        assert_eq!(short(""), "");
    }

    #[test]
    fn positions() {
        assert_eq!(position("/a/b.rs:12:5"), Some(("/a/b.rs", 12, 5)));
        assert_eq!(position("/a/b.rs:12"), Some(("/a/b.rs", 12, 0)));
        assert_eq!(position("nowhere"), None);
    }

    #[test]
    fn a_lock_is_taken_and_given_back() {
        // std keeps call stacks under a lock; an execution must not find it taken by a test beside it.
        let _turn = crate::tests::alone();
        let mut callers = Callers::default();
        callers.tried(0, 8, Some(Ordering::Acquire), 1);
        callers.tried(1, 8, None, 2);
        assert_eq!(callers.wanted(1), Some(8));
        assert_eq!(callers.takers(8).map(|t| t.0).collect::<Vec<_>>(), [0]);
        callers.tried(0, 8, Some(Ordering::Release), 3);
        assert_eq!(callers.wanted(1), None);
        // Who has given it back does not wait for it.
        callers.tried(1, 8, Some(Ordering::Acquire), 4);
        assert_eq!(callers.wanted(0), None);
    }
}
