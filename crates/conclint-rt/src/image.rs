//! Where the program's statics lie.
//!
//! An object inside the image of the executable is a static: what is written to it survives into
//! the next execution, so such a program gets a fresh process per execution.

use std::sync::OnceLock;

static RANGES: OnceLock<Vec<(usize, usize)>> = OnceLock::new();

/// Reads the ranges. Done once before anything is explored; without it nothing is a static.
pub(crate) fn prepare() {
    RANGES.get_or_init(|| {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let exe = std::env::current_exe().unwrap_or_default();
        ranges(&maps, &exe.to_string_lossy())
    });
}

/// The object lies in the image of the executable.
pub(crate) fn contains(address: usize) -> bool {
    RANGES
        .get()
        .is_some_and(|r| r.iter().any(|(from, to)| (*from..*to).contains(&address)))
}

/// Writable mappings of `exe`, each with the anonymous one (`.bss`) that follows it directly.
fn ranges(maps: &str, exe: &str) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut in_image = false;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(span), Some(_mode)) = (fields.next(), fields.next()) else {
            continue;
        };
        let path = fields.nth(3).unwrap_or_default();
        let hex = |s: &str| usize::from_str_radix(s, 16).ok();
        let Some((from, to)) = span
            .split_once('-')
            .and_then(|(a, b)| Some((hex(a)?, hex(b)?)))
        else {
            continue;
        };
        let follows = path.is_empty() && out.last().is_some_and(|(_, end)| *end == from);
        in_image = (!path.is_empty() && exe.ends_with(path)) || (in_image && follows);
        if in_image {
            out.push((from, to));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_and_bss() {
        let maps = "\
1000-2000 r-xp 00000000 00:00 5 /x/prog
2000-3000 rw-p 00001000 00:00 5 /x/prog
3000-4000 rw-p 00000000 00:00 0
5000-6000 rw-p 00000000 00:00 0 [heap]
7000-8000 rw-p 00000000 00:00 9 /lib/libc.so
8000-9000 rw-p 00000000 00:00 0
";
        assert_eq!(
            ranges(maps, "/x/prog"),
            [(0x1000, 0x2000), (0x2000, 0x3000), (0x3000, 0x4000)]
        );
    }

    static IN_IMAGE: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

    #[test]
    fn statics_are_seen() {
        prepare();
        assert!(contains(&raw const IN_IMAGE as usize));
        let on_heap = Box::new(0u8);
        assert!(!contains(&raw const *on_heap as usize));
    }
}
