//! Calls that leave the program: the network, other processes, and threads that are not std's.
//!
//! What answers there is not scheduled here, so an execution that makes such a call cannot be
//! repeated, and may wait for ever. The child ends at the call, before it has any effect, and the
//! supervisor says which one it was. A binary that was started by hand makes its calls.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{exec, journal};

/// Set in the supervisor before it starts children.
static SUPERVISED: AtomicBool = AtomicBool::new(false);

/// From now on, executions end at a call that leaves the program.
pub(crate) fn watch() {
    SUPERVISED.store(true, Ordering::Relaxed);
}

/// Everything in this process belongs to an exploration, also outside of its executions.
pub(crate) fn watched() -> bool {
    SUPERVISED.load(Ordering::Relaxed)
}

/// The calls, and what they need. The journal holds the index + 1.
const CALLS: [(&str, &str); 11] = [
    ("bind", "the network"),
    ("connect", "the network"),
    ("accept4", "the network"),
    ("getaddrinfo", "the network"),
    ("posix_spawn", "another process"),
    ("posix_spawnp", "another process"),
    ("execvp", "another process"),
    ("execve", "another process"),
    ("fork", "another process"),
    ("system", "another process"),
    ("pthread_create", "a thread that is not std's"),
];

/// What a child that has ended wanted: `calls connect: it needs the network`.
pub(crate) fn wanted() -> Option<String> {
    let number = journal::get()?.outside.swap(0, Ordering::Relaxed);
    let (name, needs) = CALLS.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
    let at = journal::last().map_or(String::new(), |l| {
        format!(", after {}:{}", l.file(), l.line())
    });
    Some(format!(
        "calls {name}{at}: it needs {needs}, which cannot be scheduled"
    ))
}

/// Ends the child where it is one, else finds libc's own function.
fn leave(index: usize, name: &CStr) -> *mut c_void {
    if SUPERVISED.load(Ordering::Relaxed)
        && exec::active()
        && let Some(journal) = journal::get()
    {
        journal.outside.store(index as u64 + 1, Ordering::SeqCst);
        // SAFETY: ends the process at once; nothing of the program runs any more.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: the name is a C string.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

macro_rules! calls {
    ($($index:literal $name:ident $text:literal ($($argument:ident: $type:ty),*);)*) => {$(
        /// Stands in front of libc's function of the same name.
        ///
        /// # Safety
        /// As for libc.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            let found = leave($index, $text);
            if found.is_null() {
                return -1;
            }
            type Next = unsafe extern "C" fn($($type),*) -> c_int;
            // SAFETY: libc's function of this name takes these arguments, handed on as they came.
            unsafe { std::mem::transmute::<*mut c_void, Next>(found)($($argument),*) }
        }
    )*};
}

type Address = *const libc::sockaddr;
type Length = libc::socklen_t;
type Strings = *const *const c_char;

calls! {
    0 bind c"bind" (socket: c_int, address: Address, length: Length);
    1 connect c"connect" (socket: c_int, address: Address, length: Length);
    2 accept4 c"accept4" (socket: c_int, address: *mut libc::sockaddr, length: *mut Length, flags: c_int);
    3 getaddrinfo c"getaddrinfo" (node: *const c_char, service: *const c_char, hints: *const libc::addrinfo, result: *mut *mut libc::addrinfo);
    4 posix_spawn c"posix_spawn" (pid: *mut libc::pid_t, path: *const c_char, actions: *const c_void, attributes: *const c_void, argv: Strings, envp: Strings);
    5 posix_spawnp c"posix_spawnp" (pid: *mut libc::pid_t, path: *const c_char, actions: *const c_void, attributes: *const c_void, argv: Strings, envp: Strings);
    6 execvp c"execvp" (path: *const c_char, argv: Strings);
    7 execve c"execve" (path: *const c_char, argv: Strings, envp: Strings);
    8 fork c"fork" ();
    9 system c"system" (command: *const c_char);
    10 pthread_create c"pthread_create" (thread: *mut libc::pthread_t, attributes: *const libc::pthread_attr_t, start: *const c_void, argument: *mut c_void);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_name() {
        let names: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
        let text = include_str!("outside.rs");
        for (index, name) in names.iter().enumerate() {
            assert!(
                text.contains(&format!("    {index} {name} c\"{name}\" (")),
                "{name}"
            );
        }
    }
}
