//! The same hash seeds in every execution.
//!
//! std's `RandomState` asks for random keys once per OS thread and counts one of them up for each
//! map, so maps of the second execution would iterate otherwise than those of the first, and a
//! schedule would not replay. The keys lie in std's thread-local storage and have no door; they are
//! found by their value, which is ours (see `interpose`), and set back. Where they are not found,
//! the executions get processes of their own.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Nothing has asked for random bytes yet.
    Unused,
    Asked,
    /// Here they lie.
    At(*mut u64),
    Lost,
}

thread_local! {
    static KEYS: Cell<Keys> = const { Cell::new(Keys::Unused) };
}

/// Byte `i` of what stands in for random bytes.
pub(crate) fn byte(i: usize) -> u8 {
    u8::try_from((i * 151 + 43) % 251).unwrap_or_default()
}

/// The two keys that std makes of sixteen such bytes.
fn keys() -> [u64; 2] {
    let word = |from: usize| u64::from_ne_bytes(std::array::from_fn(|i| byte(from + i)));
    [word(0), word(8)]
}

/// So many random bytes have been asked for inside an execution.
pub(crate) fn asked(length: usize) {
    if length == 16 && KEYS.get() == Keys::Unused {
        KEYS.set(Keys::Asked);
    }
}

/// An execution begins: maps get the seeds that they got in the first one.
pub(crate) fn begin_anew() {
    if KEYS.get() == Keys::Asked {
        KEYS.set(find().map_or(Keys::Lost, Keys::At));
    }
    if let Keys::At(first) = KEYS.get() {
        // SAFETY: the keys lie there for as long as the OS thread lives, and nobody uses them now.
        unsafe { first.write(keys()[0]) };
    }
}

/// Maps of the next execution would get other seeds.
pub(crate) fn lost() -> bool {
    KEYS.get() == Keys::Asked && find().is_none() || KEYS.get() == Keys::Lost
}

/// Where the keys lie in this OS thread's storage: the second, which nobody changes, after the
/// first, which has been counted up a little.
fn find() -> Option<*mut u64> {
    let [first, second] = keys();
    let mut block: (usize, usize) = (0, 0);
    // SAFETY: the callback is called before this returns, with the pointer given here.
    unsafe {
        libc::dl_iterate_phdr(Some(executable), (&raw mut block).cast());
    }
    let (from, to) = block;
    let words = (from..to).step_by(8).collect::<Vec<usize>>();
    words.windows(2).find_map(|pair| {
        let [a, b] = pair else { return None };
        let (a, b) = (*a as *mut u64, *b as *const u64);
        // SAFETY: whole words within the thread's own storage.
        let (seen_first, seen_second) = unsafe { (a.read_volatile(), b.read_volatile()) };
        let counted = seen_first.wrapping_sub(first) < 1 << 32;
        (seen_second == second && counted).then_some(a)
    })
}

/// Tells the range of the executable's thread-local storage of this thread, in whole words.
unsafe extern "C" fn executable(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    block: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker hands over a valid description, `find` its pair.
    let (info, block) = unsafe { (&*info, &mut *block.cast::<(usize, usize)>()) };
    for i in 0..usize::from(info.dlpi_phnum) {
        // SAFETY: the description has `dlpi_phnum` headers.
        let header = unsafe { &*info.dlpi_phdr.add(i) };
        if header.p_type == libc::PT_TLS && !info.dlpi_tls_data.is_null() {
            let from = (info.dlpi_tls_data as usize).next_multiple_of(8);
            let to = info.dlpi_tls_data as usize + header.p_memsz as usize;
            *block = (from, to - to % 8);
        }
    }
    // Ends the walk: std is part of the executable.
    1
}
