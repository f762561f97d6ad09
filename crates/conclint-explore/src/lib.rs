//! Explores an unedited cargo project: builds its tests on the runtime, runs every test under
//! controlled schedules in child processes, and explains what fails.
//!
//! The project's sources, manifests and lock file stay as they are; everything is written below
//! `target/conclint/`. What is explored is what `cargo test` would run, except doc tests.

mod build;
mod drive;
mod human;
mod json;
mod outcome;
mod request;
mod runtime;
mod saved;
mod wrapper;

use std::path::Path;

use anyhow::Result;

pub use build::BuildFailed;
pub use human::write as write_human;
pub use json::write as write_json;
pub use outcome::{
    Explored, Failure, Held, Outcome, Panicked, Place, Step, Stuck, TestResult, Verdict,
};
pub use request::{Ignored, Request};
pub use runtime::{Runtime, prepare};
pub use wrapper::act_as_compiler;

/// Called before each test with its number, their count and its name.
pub type Progress<'a> = &'a (dyn Fn(usize, usize, &str) + Sync);

/// Explores what `request` asks for.
///
/// # Errors
/// [`BuildFailed`] where rustc has said why; anything else is a problem of the set-up.
pub fn run(request: &Request, progress: Progress<'_>) -> Result<Outcome> {
    let project = build::locate(request)?;
    let runtime = prepare(&request.dir)?;
    let binaries = build::build(request, &project, &runtime)?;
    let mut tests = drive::run(request, &project, &binaries, None, progress)?;
    for test in &mut tests {
        let rustc = &runtime.rustc;
        if !test.result.verdict.is_failure() {
            continue;
        }
        if let Some(file) = saved::of(test, rustc, &request.cargo_args) {
            let path = saved::save(&project, &file)?;
            let shown = path.strip_prefix(&project.root).unwrap_or(&path);
            test.schedule_file = Some(shown.display().to_string());
        }
    }
    Ok(Outcome {
        rustc: runtime.rustc,
        tests,
        root: project.root,
    })
}

/// Runs a saved schedule once more, in the project around `request.dir`.
///
/// # Errors
/// As for [`run`], and where the file is not a schedule or its test is gone.
pub fn replay(request: &Request, file: &Path) -> Result<Outcome> {
    let saved = saved::load(file)?;
    let request = Request {
        cargo_args: saved.cargo_args.clone(),
        filters: vec![saved.test.clone()],
        exact: true,
        ignored: Ignored::Include,
        max_steps: saved.max_steps,
        ..request.clone()
    };
    let project = build::locate(&request)?;
    let runtime = prepare(&request.dir)?;
    let mut binaries = build::build(&request, &project, &runtime)?;
    binaries.retain(|b| b.package == saved.package && b.target == saved.target);
    let fixed = drive::Fixed {
        flags: saved.flags,
        deviations: saved.deviations.clone(),
    };
    let tests = drive::run(&request, &project, &binaries, Some(&fixed), &|_, _, _| {})?;
    anyhow::ensure!(!tests.is_empty(), "the test {} is gone", saved.test);
    Ok(Outcome {
        rustc: runtime.rustc,
        tests,
        root: project.root,
    })
}
