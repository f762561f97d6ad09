//! `cargo bench -p conclint-check`: checking beside bare parsing, in memory.
//!
//! The texts are the reference programs of this repository. They are dense in
//! locks and threads, so checking costs more here than on ordinary code: for the
//! ratio on real code bases there is `cargo xtask speed DIR`.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conclint_check::{ManifestInput, Settings, SourceInput, check_sources, workers};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;

/// The same allocator as `conclint`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Copies of the programs: one alone is over before the threads are awake.
const COPIES: usize = 16;

/// All files below `dir` in a stable order.
fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).expect("the fixtures can be read");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// The reference programs, several times.
fn programs() -> (Vec<SourceInput>, Vec<ManifestInput>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/programs");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let (mut sources, mut manifests) = (Vec::new(), Vec::new());
    for path in paths {
        let (Ok(text), Ok(inner)) = (fs::read_to_string(&path), path.strip_prefix(&root)) else {
            continue;
        };
        let inner = inner.to_string_lossy().replace('\\', "/");
        let manifest_dir = inner.strip_suffix("/Cargo.toml");
        for copy in 0..COPIES {
            if inner.ends_with(".rs") {
                sources.push(SourceInput {
                    path: format!("{copy}/{inner}").into(),
                    text: Arc::from(text.as_str()),
                });
            } else if let Some(dir) = manifest_dir {
                manifests.push(ManifestInput {
                    dir: format!("{copy}/{dir}"),
                    text: text.clone(),
                });
            }
        }
    }
    (sources, manifests)
}

fn bench(criterion: &mut Criterion) {
    let (sources, manifests) = programs();
    let lines: usize = sources.iter().map(|s| s.text.lines().count()).sum();
    let pool = workers(None).expect("threads can be started");
    let mut group = criterion.benchmark_group("programs");
    group.throughput(Throughput::Elements(lines as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            pool.install(|| {
                sources.par_iter().for_each(|source| {
                    let _ = black_box(syn::parse_file(&source.text));
                    proc_macro2::extra::invalidate_current_thread_spans();
                });
            });
        });
    });
    let settings = Settings::default();
    group.bench_function("check", |bencher| {
        bencher.iter(|| {
            let (sources, manifests) = (sources.clone(), manifests.clone());
            pool.install(|| check_sources(sources, manifests, &settings))
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
