//! Collects the sources of the runtime crates, which the binary carries and builds with the
//! explored project's own compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const CRATES: [&str; 5] = [
    "conclint-schedule",
    "conclint-rt",
    "conclint-std",
    "conclint-core",
    "conclint-libtest",
];

fn files(dir: &Path, out: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)?
        .map(|e| e.map(|e| e.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let root = Path::new("../..").canonicalize()?;
    let mut list = vec![root.join("Cargo.toml"), root.join("Cargo.lock")];
    for name in CRATES {
        let dir = root.join("crates").join(name);
        list.push(dir.join("Cargo.toml"));
        println!("cargo::rerun-if-changed={}", dir.join("src").display());
        files(&dir.join("src"), &mut list)?;
    }
    let mut text = String::from("&[\n");
    for path in &list {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.strip_prefix(&root).unwrap_or(path);
        let _ = writeln!(text, "    ({name:?}, include_str!({path:?})),");
    }
    text.push_str("]\n");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("sources.rs"), text)
}
