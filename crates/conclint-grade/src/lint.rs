//! The lints over a submission, in a process of their own: code that nobody would write can cost
//! more memory or time than a machine has, and then stops nobody else.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use conclint_check::{ManifestInput, Settings, SourceInput};
use conclint_diag::Trace;
use conclint_sandbox::{End, Job, Limits, Sandbox};
use serde::{Deserialize, Serialize};

use crate::evidence::{Line, Lint};

/// The argument that makes an executable the process that runs the lints.
const ARGUMENT: &str = "__conclint_lint";
/// Processor time, in seconds; what people write takes a hundredth of one.
const SECONDS: u64 = 60;

/// What is looked at: all of a crate, with its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) manifest: String,
}

/// A finding, and whether a comment or an attribute would silence it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) lint: Lint,
    pub(crate) silenced: bool,
}

/// Acts as that process where this executable was started as one. Call it first in `main`.
#[must_use]
pub fn act_as_linter() -> Option<ExitCode> {
    if std::env::args_os().nth(1)? != ARGUMENT {
        return None;
    }
    let mut text = Vec::new();
    let answer = std::io::stdin()
        .read_to_end(&mut text)
        .map_err(anyhow::Error::from)
        .and_then(|_| Ok(serde_json::from_slice(&text)?))
        .and_then(|request| look(&request))
        .and_then(|found| Ok(serde_json::to_writer(std::io::stdout().lock(), &found)?));
    Some(ExitCode::from(u8::from(answer.is_err())))
}

fn look(request: &Request) -> Result<Vec<Found>> {
    let sources = request.files.iter().map(|(name, text)| SourceInput {
        path: Arc::from(name.as_str()),
        text: Arc::from(text.as_str()),
    });
    let manifests = vec![ManifestInput {
        dir: String::new(),
        text: request.manifest.clone(),
    }];
    let settings = Settings {
        level: conclint_lints::Level::Grading,
        excuses: false,
        ..Settings::default()
    };
    let sources = sources.collect();
    let pool = conclint_check::workers(NonZeroUsize::new(1))?;
    let outcome = pool.install(|| conclint_check::check_sources(sources, manifests, &settings));
    let found = outcome.findings.iter().map(|finding| Found {
        silenced: finding.suppressed.is_some(),
        lint: Lint {
            rule: finding.rule.to_owned(),
            code: finding.code.to_owned(),
            severity: finding.severity.to_string(),
            confidence: finding.confidence.to_string(),
            message: finding.message.clone(),
            at: Line {
                file: finding.primary().file.to_string(),
                line: finding.primary().line,
            },
            paths: (finding.paths.iter())
                .map(|path| along(path, &finding.primary().file))
                .collect(),
            help: finding.help.clone(),
        },
    });
    Ok(found.collect())
}

/// What happens along a path, with the lines; those of other files than `file` have its name.
fn along(path: &Trace, file: &str) -> String {
    let steps = path.steps.iter().map(|step| {
        let (at, line) = (&*step.span.file, step.span.line);
        match at == file {
            true => format!("{} (line {line})", step.what),
            false => format!("{} ({at}:{line})", step.what),
        }
    });
    steps.collect::<Vec<_>>().join(", ")
}

/// Runs the lints; `Err` in the result says which limit they came to.
///
/// # Errors
/// Where the sandbox does not work, or something outside has ended them.
pub(crate) fn run(
    sandbox: &Sandbox,
    request: &Request,
    memory_bytes: u64,
) -> Result<Result<Vec<Found>, String>> {
    let job = Job {
        program: sandbox.launcher.clone(),
        args: vec![ARGUMENT.into()],
        env: Vec::new(),
        stdin: serde_json::to_vec(request)?,
        dir: "/usr".into(),
        read: vec![sandbox.launcher.clone()],
        write: Vec::new(),
        limits: Limits {
            cpu_seconds: SECONDS,
            wall: Duration::from_secs(4 * SECONDS),
            memory_bytes,
            processes: 256,
            file_bytes: 0,
            output_bytes: 64 << 20,
        },
    };
    let finished = conclint_sandbox::run(sandbox, &job)?;
    ensure!(
        finished.end.is_its_own(),
        "this machine kept the lints from their work: {}",
        finished.end
    );
    if finished.end != End::Exited(0) {
        return Ok(Err(finished.end.to_string()));
    }
    Ok(Ok(serde_json::from_slice(&finished.stdout)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(code: &str) -> Vec<String> {
        let request = Request {
            files: BTreeMap::from([("src/lib.rs".to_owned(), code.to_owned())]),
            manifest: "[package]\nname = \"a\"\nedition = \"2024\"\n".to_owned(),
        };
        let found = look(&request).expect("findings");
        found.into_iter().map(|found| found.lint.rule).collect()
    }

    #[test]
    fn a_comment_excuses_nobody() {
        let code = |comment: &str| {
            format!(
                "pub fn start() {{\n    {comment}\n    let worker = std::thread::spawn(|| \
                 std::fs::write(\"a\", \"b\"));\n    println!(\"{{:?}}\", worker.thread().id());\n}}\n"
            )
        };
        assert_eq!(rules(&code("")), ["unjoined-thread"]);
        assert_eq!(
            rules(&code("// detached: it is done soon")),
            ["unjoined-thread"]
        );
        assert_eq!(
            rules(&code("// conclint: allow(all) no")),
            ["unjoined-thread"]
        );
    }
}
