//! The program's statics that change without an operation of the runtime: `static mut`, and what is
//! written through an `UnsafeCell` in a static.
//!
//! They are found by the executable's own symbols, and compared after each execution. What one
//! execution leaves in them would be there for the next, so from then on each gets a process of its
//! own, and the static is named. Refused: statics of C code, and of an executable without symbols.

use crate::image;

/// Where a static lies, and its mangled name.
type Static = (usize, usize, String);

/// Crates whose statics are no part of the program.
const OURS: [&str; 21] = [
    "std",
    "core",
    "alloc",
    "test",
    "proc_macro",
    "panic_unwind",
    "panic_abort",
    "std_detect",
    "addr2line",
    "gimli",
    "miniz_oxide",
    "rustc_demangle",
    "hashbrown",
    "conclint_rt",
    "conclint_std",
    "conclint_core",
    "conclint_libtest",
    "conclint_test",
    "conclint_schedule",
    "corosensei",
    "libc",
];

/// Larger statics are tables or arenas; comparing them each time costs too much.
const LARGEST: usize = 1 << 20;

/// The statics of the program, as they were when the child began.
pub(crate) struct Watch {
    statics: Vec<(usize, Vec<u8>, String)>,
}

impl Watch {
    /// Takes down what they hold.
    pub(crate) fn new(statics: &[Static]) -> Self {
        let statics = statics.iter();
        let statics = statics.map(|(at, size, name)| (*at, bytes(*at, *size), name.clone()));
        Self {
            statics: statics.collect(),
        }
    }

    /// The name of a static that holds something else now.
    pub(crate) fn changed(&self) -> Option<String> {
        let other =
            |(at, before, _): &&(usize, Vec<u8>, String)| bytes(*at, before.len()) != *before;
        let (_, _, name) = self.statics.iter().find(other)?;
        Some(path(name).map_or_else(|| name.clone(), |path| path.join("::")))
    }
}

fn bytes(at: usize, size: usize) -> Vec<u8> {
    // SAFETY: the symbol table says that an object of this size lies there in the image.
    unsafe { std::slice::from_raw_parts(at as *const u8, size) }.to_vec()
}

/// Finds the statics, from the executable's file.
pub(crate) fn find() -> Vec<Static> {
    let file = std::env::current_exe().ok();
    let file = file.or_else(|| std::env::args_os().next().map(Into::into));
    let data = file
        .and_then(|f| std::fs::File::open(f).ok())
        .and_then(|f| map(&f));
    data.and_then(symbols).unwrap_or_default()
}

/// Maps a file: only the pages that are looked at are read.
fn map(file: &std::fs::File) -> Option<&'static [u8]> {
    use std::os::fd::AsRawFd as _;
    let length = usize::try_from(file.metadata().ok()?.len()).ok()?;
    // SAFETY: a private read-only mapping that is never undone; nobody rewrites a running binary.
    unsafe {
        let memory = libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            file.as_raw_fd(),
            0,
        );
        (memory != libc::MAP_FAILED).then(|| std::slice::from_raw_parts(memory.cast(), length))
    }
}

fn number<const N: usize>(data: &[u8], at: usize) -> Option<usize> {
    let bytes = data.get(at..at.checked_add(N)?)?;
    let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    usize::try_from(bytes.iter().rev().fold(0, fold)).ok()
}

/// Reads the symbol table of a 64-bit little-endian ELF file.
fn symbols(data: &[u8]) -> Option<Vec<Static>> {
    const SYMBOLS: usize = 2;
    const OBJECT: usize = 1;
    if !data.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (sections, each, count) = (
        number::<8>(data, 40)?,
        number::<2>(data, 58)?,
        number::<2>(data, 60)?,
    );
    let section = |i: usize| data.get(sections.checked_add(i.checked_mul(each)?)?..);
    let range = |header: &[u8]| {
        let from = number::<8>(header, 24)?;
        data.get(from..from.checked_add(number::<8>(header, 32)?)?)
    };
    let table = (0..count)
        .filter_map(section)
        .find(|h| number::<4>(h, 4) == Some(SYMBOLS))?;
    let texts = range(section(number::<4>(table, 40)?)?)?;
    let mut found = Vec::new();
    for symbol in range(table)?.chunks_exact(24) {
        let size = number::<8>(symbol, 16)?;
        let wanted = symbol[4] & 15 == OBJECT as u8 && (1..=LARGEST).contains(&size);
        let at = image::bias().wrapping_add(number::<8>(symbol, 8)?);
        if !wanted || !image::contains(at) || !image::contains(at + size - 1) {
            continue;
        }
        let name = texts.get(number::<4>(symbol, 0)?..)?;
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let root = path(&name).and_then(|p| p.first().cloned());
        if root.is_some_and(|root| !OURS.contains(&root.as_str())) {
            found.push((at, size, name));
        }
    }
    Some(found)
}

/// The identifiers of a mangled path, the crate first. `None` where the name is not Rust's.
fn path(mangled: &str) -> Option<Vec<String>> {
    let (rest, legacy) = match mangled.strip_prefix("_ZN") {
        Some(rest) => (rest, true),
        None => (mangled.strip_prefix("_R")?, false),
    };
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(byte) = rest.as_bytes().get(at) {
        // In v0, digits also occur in the base-62 numbers `s..._`, which are skipped whole.
        if !legacy && *byte == b's' {
            let end = rest.get(at..)?.find('_');
            at += end.map_or(1, |end| end + 1);
            continue;
        }
        if !byte.is_ascii_digit() {
            at += 1;
            continue;
        }
        let digits = rest.get(at..)?;
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let size: usize = digits.get(..length)?.parse().ok()?;
        at += length;
        // An identifier that begins with a digit or `_` has a separator before it.
        at += usize::from(!legacy && rest.as_bytes().get(at) == Some(&b'_'));
        let Some(name) = rest.get(at..at + size) else {
            break;
        };
        at += size;
        let hash = legacy && name.len() == 17 && name.starts_with('h');
        if size > 0 && !hash {
            parts.push(name.to_owned());
        }
    }
    (!parts.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |name| path(name).map(|p| p.join("::"));
        let v0 = "_RNvNtCsgStHSCytQ6I_7my_crat5state5COUNT";
        assert_eq!(of(v0).as_deref(), Some("my_crat::state::COUNT"));
        let legacy = "_ZN7my_crat5state5COUNT17h0123456789abcdefE";
        assert_eq!(of(legacy).as_deref(), Some("my_crat::state::COUNT"));
        assert_eq!(of("environ"), None);
        assert_eq!(of("_R"), None);
        assert_eq!(of("_ZN99x"), None);
    }

    static mut PLAIN: u64 = 7;

    /// Nothing of a test harness may be watched here, so the table is read as it is.
    #[test]
    fn a_plain_static_is_seen_to_change() {
        let at = (&raw const PLAIN) as usize;
        let watch = Watch::new(&[(at, 8, "_ZN1a5PLAINE".to_owned())]);
        assert_eq!(watch.changed(), None);
        // SAFETY: only this test touches it.
        unsafe { (&raw mut PLAIN).write(8) };
        assert_eq!(watch.changed().as_deref(), Some("a::PLAIN"));
    }

    #[test]
    fn own_symbols_are_left_out() {
        image::prepare();
        // The runtime's own statics are in this very binary, and none of them is listed.
        assert!(
            find()
                .iter()
                .all(|(.., name)| !name.contains("conclint_rt"))
        );
        assert!(symbols(b"\x7fELF\x02\x01 and no more").is_none());
    }
}
