//! Says what `explored` runs on, and from which sources `conclint` is built
//! where none is installed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(conclint_shadow, conclint_explores)");
    // Set in a build of `conclint explore`: std itself is the runtime there.
    println!("cargo::rerun-if-env-changed=CONCLINT_SHADOW_STD");
    if env::var_os("CONCLINT_SHADOW_STD").is_some() {
        println!("cargo::rustc-cfg=conclint_shadow");
    } else if ["OS", "ARCH", "ENV"].map(target) == ["linux", "x86_64", "gnu"] {
        println!("cargo::rustc-cfg=conclint_explores");
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (source, key) = match crates.join("conclint/Cargo.toml").is_file() {
        true => (crates.join("conclint").canonicalize()?, key(&crates)?),
        // Vendored without its neighbours: `conclint` must be installed.
        false => (PathBuf::new(), String::new()),
    };
    println!("cargo::rustc-env=CONCLINT_SOURCE={}", source.display());
    println!("cargo::rustc-env=CONCLINT_SOURCE_KEY={key}");
    Ok(())
}

fn target(what: &str) -> String {
    env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default()
}

/// What the sources of `conclint` are, in a few letters.
fn key(crates: &Path) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    for name in entries(crates)? {
        let manifest = name.join("Cargo.toml");
        if manifest.is_file() {
            add(&manifest, &mut hasher)?;
            add(&name.join("src"), &mut hasher)?;
        }
    }
    add(&crates.join("../Cargo.lock"), &mut hasher)?;
    Ok(format!("{:016x}", hasher.finish()))
}

/// Adds a file, or all that lies in a directory, in a stable order.
fn add(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_dir() {
        for entry in entries(path)? {
            match entry.is_dir() {
                true => add(&entry, hasher)?,
                false => (entry.file_name(), fs::read(&entry)?).hash(hasher),
            }
        }
    } else if path.is_file() {
        fs::read(path)?.hash(hasher);
    }
    Ok(())
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
