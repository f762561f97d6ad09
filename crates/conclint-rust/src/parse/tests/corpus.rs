//! Every source file of the local cargo registry, when there is one.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::parse_file;
use crate::hir::{HirFile, Item, ItemKind};

/// The directories to read: `CONCLINT_CORPUS`, else cargo's registry.
pub(super) fn roots() -> Vec<PathBuf> {
    if let Some(list) = std::env::var_os("CONCLINT_CORPUS") {
        return std::env::split_paths(&list).collect();
    }
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    home.map(|home| home.join("registry").join("src"))
        .into_iter()
        .collect()
}

/// Every Rust file below `dirs`, in order.
pub(super) fn sources_in(dirs: Vec<PathBuf>) -> Vec<(PathBuf, String)> {
    let mut pending = dirs;
    let mut found = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && let Ok(text) = fs::read_to_string(&path)
            {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn functions(items: &[Item]) -> usize {
    let count = |item: &Item| match &item.kind {
        ItemKind::Fn(_) => 1,
        ItemKind::Mod(Some(items)) => functions(items),
        ItemKind::Impl(def) => functions(&def.items),
        ItemKind::Trait(def) => functions(&def.items),
        _ => 0,
    };
    items.iter().map(count).sum()
}

#[derive(Default)]
struct Sums {
    files: usize,
    whole: usize,
    lines: u64,
    functions: usize,
    unread: usize,
    /// Other than calls of unknown macros.
    syntax: usize,
    with_lock: usize,
}

impl Sums {
    fn add(&mut self, file: &HirFile) {
        self.files += 1;
        self.whole += usize::from(file.unread.is_empty());
        self.lines += u64::from(file.lines);
        self.functions += functions(&file.items);
        self.unread += file.unread.len();
        let syntax = file
            .unread
            .iter()
            .filter(|part| !part.what.starts_with("macro "));
        self.syntax += syntax.count();
        self.with_lock += file.unread.iter().filter(|part| part.mentions_lock).count();
    }
}

#[test]
#[ignore = "reads all sources of the cargo registry"]
#[expect(clippy::print_stderr, reason = "its figures are what it is for")]
fn every_source_of_the_registry() {
    let verbose = std::env::var_os("CONCLINT_CORPUS_VERBOSE").is_some();
    let mut sums = Sums::default();
    let (mut bare, mut ours) = (Duration::ZERO, Duration::ZERO);
    let reader = || {
        for (path, text) in sources_in(roots()) {
            // In turns, so that neither has the warmer caches.
            for first in [sums.files % 2 == 0, sums.files % 2 == 1] {
                if first {
                    let start = Instant::now();
                    drop(syn::parse_file(&text));
                    proc_macro2::extra::invalidate_current_thread_spans();
                    bare += start.elapsed();
                } else {
                    let start = Instant::now();
                    let file = std::hint::black_box(parse_file(&text));
                    ours += start.elapsed();
                    if verbose {
                        for part in &file.unread {
                            eprintln!(
                                "{}:{}: {} [{}] {}",
                                path.display(),
                                part.span.line,
                                part.what,
                                part.why,
                                part.mentions_lock
                            );
                        }
                    }
                    sums.add(&file);
                }
            }
        }
    };
    // `syn` alone needs a large stack for some of them.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, reader);
        assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
    });
    let Sums {
        files,
        whole,
        lines,
        functions,
        unread,
        syntax,
        with_lock,
    } = sums;
    eprintln!(
        "{files} files, {lines} lines, {functions} functions: {whole} files fully read, {unread} parts unread, \
         {syntax} of them no macro calls, {with_lock} mention a lock"
    );
    let ratio = ours.as_secs_f64() / bare.as_secs_f64().max(f64::EPSILON);
    eprintln!("syn::parse_file {bare:.2?}, parse_file {ours:.2?}, ratio {ratio:.3}");
    assert!(
        syntax * 50 <= files,
        "more than one item or statement unread in 50 files"
    );
}
