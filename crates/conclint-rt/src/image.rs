//! Where the program's statics lie.
//!
//! An object inside the image of the executable is a static: what is written to it survives into
//! the next execution, so such a program gets a fresh process per execution.
//!
//! The program headers say it, not `/proc`, which a grader's sandbox does not have.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

static RANGES: OnceLock<Vec<(usize, usize)>> = OnceLock::new();
static BIAS: OnceLock<usize> = OnceLock::new();

/// Reads the ranges. Done once before anything is explored; without it nothing is a static.
pub(crate) fn prepare() {
    RANGES.get_or_init(|| {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        // SAFETY: the callback is called before this returns, with the pointer given here.
        unsafe {
            libc::dl_iterate_phdr(Some(executable), (&raw mut ranges).cast());
        }
        ranges
    });
}

/// Called once per loaded object, the executable first.
unsafe extern "C" fn executable(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    ranges: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker hands over a valid description, `prepare` its vector.
    let (info, ranges) = unsafe { (&*info, &mut *ranges.cast::<Vec<(usize, usize)>>()) };
    let _ = BIAS.set(info.dlpi_addr as usize);
    for i in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: the description has `dlpi_phnum` headers.
        let header = unsafe { &*info.dlpi_phdr.add(i) };
        if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W != 0 {
            let from = (info.dlpi_addr + header.p_vaddr) as usize;
            ranges.push((from, from + header.p_memsz as usize));
        }
    }
    // Ends the walk: libraries have statics of their own, which no execution changes.
    1
}

/// By how much the executable's addresses are moved in memory.
pub(crate) fn bias() -> usize {
    BIAS.get().copied().unwrap_or(0)
}

/// The object lies in the image of the executable.
pub(crate) fn contains(address: usize) -> bool {
    RANGES
        .get()
        .is_some_and(|r| r.iter().any(|(from, to)| (*from..*to).contains(&address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    static IN_DATA: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(7);
    static IN_BSS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

    #[test]
    fn statics_are_seen() {
        prepare();
        assert!(contains(&raw const IN_DATA as usize));
        assert!(contains(&raw const IN_BSS as usize));
        let on_heap = Box::new(0u8);
        assert!(!contains(&raw const *on_heap as usize));
        let on_stack = 0u8;
        assert!(!contains(&raw const on_stack as usize));
    }
}
