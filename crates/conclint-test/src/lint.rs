//! `lint!()`: what `conclint check` finds, as a test.

use std::path::{Path, PathBuf};

use crate::tool;

/// A test named `conclint` that fails with what conclint finds in the crate;
/// `lint!(workspace)` looks at the whole workspace. Anything else says what to
/// write:
///
/// ```compile_fail
/// conclint_test::lint!("src");
/// # fn main() {}
/// ```
///
/// It uses the nearest `conclint.toml` and the baseline that this names, as
/// `conclint check` does. Builds nothing of the crate and runs nothing of it.
#[macro_export]
macro_rules! lint {
    () => {
        $crate::lint!(@test krate);
    };
    (workspace) => {
        $crate::lint!(@test workspace);
    };
    (@test $what:ident) => {
        #[$crate::skip(reason = "looks at source files and starts no thread of the program")]
        #[test]
        fn conclint() {
            $crate::lint_test::$what(::core::env!("CARGO_MANIFEST_DIR"));
        }
    };
    ($($other:tt)*) => {
        ::core::compile_error!("write `conclint_test::lint!();` for the crate, or `conclint_test::lint!(workspace);`");
    };
}

/// What [`lint!`] calls.
#[doc(hidden)]
pub mod lint_test {
    use super::{Path, report_on, workspace_of};

    /// # Panics
    /// With the findings, or with what kept conclint from looking.
    #[track_caller]
    pub fn krate(manifest_dir: &str) {
        fail_with(report_on(Path::new(manifest_dir)));
    }

    /// # Panics
    /// As [`krate`].
    #[track_caller]
    pub fn workspace(manifest_dir: &str) {
        fail_with(report_on(&workspace_of(Path::new(manifest_dir))));
    }

    #[track_caller]
    fn fail_with(result: Result<(), String>) {
        if let Err(report) = result {
            panic!("\n{report}");
        }
    }
}

/// Checks the files below `dir`.
///
/// # Errors
///
/// The rendered findings where they are at or above the configured fail level,
/// or why nothing could be checked.
pub fn report_on(dir: &Path) -> Result<(), String> {
    let output = tool::conclint()?
        .args(["check", "--format", "human", "--color", "never", "."])
        .current_dir(dir)
        .output()
        .map_err(|error| format!("{}: {error}", dir.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) => Err(format!("{}{said}", String::from_utf8_lossy(&output.stdout))),
        _ => Err(format!("conclint could not look at it: {}", said.trim())),
    }
}

/// The root of the workspace that `dir` belongs to, or `dir` itself. Manifests
/// are read as text: no cargo runs inside a test.
pub(crate) fn workspace_of(dir: &Path) -> PathBuf {
    let is_root = |dir: &&Path| {
        std::fs::read_to_string(dir.join("Cargo.toml")).is_ok_and(|text| {
            text.lines()
                .any(|line| line.trim_start().starts_with("[workspace"))
        })
    };
    dir.ancestors().find(is_root).unwrap_or(dir).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_upwards() {
        let dir = tempfile::tempdir().unwrap();
        let (root, member) = (dir.path(), dir.path().join("member"));
        std::fs::create_dir(&member).unwrap();
        let write = |dir: &Path, text| std::fs::write(dir.join("Cargo.toml"), text).unwrap();
        write(&member, "[package]\nname = \"m\"\n");
        assert_eq!(workspace_of(&member), member);
        write(root, "[workspace]\nmembers = [\"member\"]\n");
        assert_eq!(workspace_of(&member), root);
        assert_eq!(workspace_of(root), root);
    }
}
