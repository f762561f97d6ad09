//! What a dying child still says: that it ran out of stack.

use std::sync::atomic::Ordering;

use crate::journal;

/// An access so far below or above a stack's lower end is taken for its overflow.
const NEAR: u64 = 64 * 1024;

/// Notes an overflow and lets the signal kill the process.
extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid structure; only lock-free atomics and async-signal-safe
    // calls are used.
    unsafe {
        let address = (*info).si_addr() as u64;
        if let Some(journal) = journal::get() {
            let limit = journal.stack.load(Ordering::Relaxed);
            if limit != 0 && address < limit + 4096 && address + NEAR > limit {
                journal.overflow.store(1, Ordering::Relaxed);
            }
        }
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Watches for faults in this process, on a stack of their own.
pub(crate) fn watch() {
    let size = 64 * 1024;
    let stack: &'static mut [u8] = Box::leak(vec![0_u8; size].into_boxed_slice());
    // SAFETY: the stack is leaked, so it outlives every signal; the handler has the signature that
    // `SA_SIGINFO` asks for.
    unsafe {
        let alternative = libc::stack_t {
            ss_sp: stack.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: size,
        };
        libc::sigaltstack(&raw const alternative, std::ptr::null_mut());
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}
