//! A directory for the temporary files of one test.
//!
//! A test that takes a counter in a static for the names of its files relies on being in one
//! process with the others. Here each has processes of its own, whose counters all begin alike.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::build::Binary;

/// Exists as long as this does. Its name is the same in each run, since it may be part of what a
/// test says.
#[derive(Debug)]
pub(crate) struct Temp {
    path: PathBuf,
    /// Held while the directory is in use.
    _lock: Option<File>,
}

impl Temp {
    /// Of a test of `binary`, in the project whose jobs are written to `dir`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn of(dir: &Path, binary: &Binary, test: &str) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let dir = dir.to_string_lossy();
        for part in [&*dir, &binary.package, &binary.target, test] {
            hasher.update(part);
            hasher.update([0]);
        }
        let digest = hasher.finalize();
        let name: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        Self::at(std::env::temp_dir().join(format!("conclint-{name}")))
    }

    /// At `path`, or beside it where another run has that one.
    fn at(path: PathBuf) -> io::Result<Self> {
        make(&path)?;
        let lock = File::open(&path)?;
        if lock.try_lock().is_ok() {
            return Ok(Self {
                path,
                _lock: Some(lock),
            });
        }
        let path = path.with_extension(std::process::id().to_string());
        make(&path)?;
        Ok(Self { path, _lock: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directory, or takes the one that an earlier run has left. Its name can be foreseen and
/// it will be emptied: a link, or what belongs to somebody else, is refused.
fn make(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().mode(0o700).create(path);
    if !matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
        return made;
    }
    let there = fs::symlink_metadata(path)?;
    let own = fs::metadata("/proc/self")?.uid();
    match there.is_dir() && there.uid() == own {
        true => Ok(()),
        false => made,
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        // What cannot be removed is in the way of nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_have_two_directories() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("conclint-1");
        let first = Temp::at(path.clone()).unwrap();
        let second = Temp::at(path.clone()).unwrap();
        assert_eq!(first.path(), path);
        assert_ne!(first.path(), second.path());
        fs::write(first.path().join("left"), "").unwrap();
        drop((first, second));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        assert_eq!(Temp::at(path.clone()).unwrap().path(), path);
    }
    #[test]
    fn a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (elsewhere, path) = (
            home.path().join("elsewhere"),
            home.path().join("conclint-1"),
        );
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(Temp::at(path).is_err());
        assert!(elsewhere.exists());
    }
}
