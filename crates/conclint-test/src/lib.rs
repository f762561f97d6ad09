//! conclint in the `cargo test` that is there already: a dev-dependency.
//!
//! ```
//! // tests/conclint.rs, all of it:
//! conclint_test::lint!();
//! # fn main() {}
//! ```
//!
//! [`lint!`] is a test that checks the crate and fails with the findings, drawn
//! into its source lines. It uses the nearest `conclint.toml` and the baseline
//! that it names, as `conclint check` does, and builds and runs nothing.
//!
//! [`explore`] and [`skip`](macro@skip) tell `conclint explore` what to do with a test.
//! Under plain `cargo test` they change nothing.

use std::path::{Path, PathBuf};

use conclint_check::{Error, NoProgress, Outcome, Request, check};
use conclint_report::{Format, Places, Report};

pub use conclint_macros::{explore, skip};

/// A test named `conclint` that fails with what conclint finds in the crate;
/// `lint!(workspace)` looks at the whole workspace. Anything else says what to
/// write:
///
/// ```compile_fail
/// conclint_test::lint!("src");
/// # fn main() {}
/// ```
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
    let request = Request {
        paths: vec![dir.to_owned()],
        ..Request::default()
    };
    match check(&request, &NoProgress) {
        Ok(outcome) if outcome.failed() => Err(render(&outcome)),
        Ok(_) => Ok(()),
        Err(Error::NothingToCheck { problems }) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(format!("nothing to check\n{}", problems.join("\n")))
        }
        Err(error) => Err(format!("conclint: {error}")),
    }
}

fn render(outcome: &Outcome) -> String {
    let report = Report {
        findings: &outcome.findings,
        summary: &outcome.summary,
        sources: &outcome.sources,
        rules: &[],
        places: &Places::default(),
        version: env!("CARGO_PKG_VERSION"),
        closing: None,
    };
    let mut out = Vec::new();
    match Format::Human.write(&report, false, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(error) => format!("the findings could not be written: {error}"),
    }
}

/// The root of the workspace that `dir` belongs to, or `dir` itself. Manifests
/// are read as text: no cargo runs inside a test.
fn workspace_of(dir: &Path) -> PathBuf {
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
    use std::fs;

    use super::*;

    const TWICE: &str = "\
use std::sync::Mutex;
pub struct Shared { state: Mutex<u32> }
impl Shared {
    pub fn twice(&self) -> u32 {
        let first = self.state.lock().unwrap();
        let second = self.state.lock().unwrap();
        *first + *second
    }
}
";

    fn project(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("member/src")).unwrap();
        fs::write(
            dir.path().join("Cargo.toml"),
            "[workspace]\nmembers = [\"member\"]\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("member/Cargo.toml"),
            "[package]\nname = \"m\"\n",
        )
        .unwrap();
        fs::write(dir.path().join("member/src/lib.rs"), text).unwrap();
        dir
    }

    #[test]
    fn findings_are_drawn() {
        let dir = project(TWICE);
        let report = report_on(&dir.path().join("member")).unwrap_err();
        assert!(report.contains("error[CL102 double-lock]"), "{report}");
        assert!(report.contains("src/lib.rs:"), "{report}");
        assert!(report.ends_with("1 finding (1 error)\n"), "{report}");
    }

    #[test]
    fn clean_code_passes_and_no_code_is_said() {
        assert_eq!(report_on(project("pub fn f() {}\n").path()), Ok(()));
        let empty = tempfile::tempdir().unwrap();
        assert!(
            report_on(empty.path())
                .unwrap_err()
                .starts_with("nothing to check")
        );
        assert!(
            report_on(Path::new("/no/such/dir"))
                .unwrap_err()
                .contains("no such file")
        );
    }

    #[test]
    fn the_workspace_is_found_upwards() {
        let dir = project("");
        let root = dir.path();
        assert_eq!(workspace_of(&root.join("member")), root);
        assert_eq!(workspace_of(root), root);
    }
}
