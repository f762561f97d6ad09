//! What the compiler says, and whose doing it is: the submission's or this machine's.

use anyhow::{Result, bail};
use conclint_sandbox::{End, Finished};
use serde_json::Value;

use crate::build::HIDDEN;
use crate::evidence::CompileError;
use crate::{interface, text};

/// Errors of the compiler that are kept.
const ERRORS: usize = 8;

/// The compiler's errors. Source text, which may be a hidden test's, is left out; where a pin of
/// the interface does not hold, what it stands for is said instead.
///
/// # Errors
/// What is not the submission's doing: the disk is full, something outside has killed the compiler,
/// or it ends by itself and says nothing. A compiler that comes to a limit is no error.
pub(crate) fn errors(
    finished: &Finished,
    own: &dyn Fn(&str) -> bool,
    pins: &[String],
) -> Result<Vec<CompileError>> {
    if !finished.end.is_its_own() {
        bail!(
            "this machine kept the compiler from its work: {}",
            finished.end
        );
    }
    let (mut missing, mut out): (Vec<CompileError>, Vec<CompileError>) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&finished.stderr).lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = value["message"].as_str().unwrap_or_default();
        if value["level"] != "error" || message.starts_with("aborting due to") {
            continue;
        }
        if message.starts_with("linking with") && !placed(&value) {
            // No submission can reach the linker: nothing of it names a symbol or a library.
            let notes = value["children"].as_array().into_iter().flatten();
            let notes: Vec<&str> = notes.filter_map(|n| n["message"].as_str()).collect();
            bail!(
                "{message}: {}",
                text::clean(notes.last().unwrap_or(&""), 400)
            );
        }
        if cannot_work(&value) {
            bail!(
                "this machine kept the compiler from its work: {}",
                text::clean(message, 400)
            );
        }
        let spans = value["spans"].as_array().into_iter().flatten();
        let mut primary = spans.filter(|s| s["is_primary"] == true);
        let shown = primary.find(|s| s["file_name"].as_str().is_some_and(own));
        let place = shown.map(|s| {
            let file = s["file_name"].as_str().unwrap_or_default();
            (file.to_owned(), s["line_start"].as_u64().unwrap_or(0))
        });
        // What stands under the line, `expected u64, found usize`.
        let label = shown.and_then(|s| s["label"].as_str()).unwrap_or_default();
        if let Some(pin) = pinned(&value, pins) {
            let message = format!("there is no {pin}, as the starter has it");
            if !missing.iter().any(|e| e.message == message) {
                missing.push(CompileError {
                    message,
                    file: None,
                    line: 0,
                });
            }
            continue;
        }
        let said = match label.is_empty() || message.contains(label) {
            true => message.to_owned(),
            false => format!("{message}: {label}"),
        };
        let message = match value["code"]["code"].as_str() {
            Some(code) => format!("{said} [{code}]"),
            None => said,
        };
        let error = CompileError {
            message: text::clean(&message, 400),
            line: u32::try_from(place.as_ref().map_or(0, |(_, line)| *line)).unwrap_or(0),
            file: place.map(|(file, _)| file),
        };
        if !out.contains(&error) {
            out.push(error);
        }
    }
    // What else the tests then stumble over says less.
    if !missing.is_empty() {
        out = missing;
    }
    out.truncate(ERRORS);
    if out.is_empty() {
        if let End::Exited(code) = finished.end {
            let said = String::from_utf8_lossy(&finished.stderr);
            bail!(
                "rustc ended with status {code}: {}",
                text::clean(&said, 300)
            );
        }
        out.push(CompileError {
            message: format!("the compiler ended with {}", ended(finished)),
            file: None,
            line: 0,
        });
    }
    Ok(out)
}

/// An error of the system, such as that of a full disk. It has no place in any text, as all have
/// that a submission can cause, with `compile_error!` or by a file that is not there.
fn cannot_work(error: &Value) -> bool {
    let message = error["message"].as_str().unwrap_or_default();
    let number = message.rsplit_once("(os error ").map(|(_, rest)| rest);
    let number = number.and_then(|rest| rest.split_once(')')?.0.parse::<i32>().ok());
    // Memory and the size of a file have limits, which the submission has come to.
    let limits = [libc::ENOMEM, libc::EFBIG];
    number.is_some_and(|number| !placed(error) && !limits.contains(&number))
}

/// It points at a text.
fn placed(error: &Value) -> bool {
    error["spans"].as_array().is_some_and(|s| !s.is_empty())
}

/// How it ended; memory that it cannot get ends it as any other failure of its own does.
fn ended(finished: &Finished) -> String {
    let said = String::from_utf8_lossy(&finished.stderr);
    let lacks = ["memory allocation of ", "out of memory"];
    match finished.end {
        End::Signalled(libc::SIGABRT) if lacks.iter().any(|what| said.contains(what)) => {
            "the limit of memory".to_owned()
        }
        end => end.to_string(),
    }
}

/// What the line of the interface that an error points at stands for.
fn pinned<'a>(error: &Value, pins: &'a [String]) -> Option<&'a str> {
    let file = format!("{HIDDEN}/{}.rs", interface::MODULE);
    let spans = error["spans"].as_array().into_iter().flatten();
    let line = spans
        .filter(|s| s["is_primary"] == true && s["file_name"] == *file)
        .find_map(|s| s["line_start"].as_u64())?;
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    let pin = pins.get(index)?;
    (!pin.is_empty()).then_some(pin.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a student is told when the compiler ends so and says this.
    fn ended_with(end: End, stderr: &str) -> Result<Vec<String>> {
        let finished = Finished {
            end,
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        let own = |file: &str| file.starts_with("src/");
        let told = errors(&finished, &own, &[])?;
        Ok(told.into_iter().map(|error| error.message).collect())
    }

    fn told(stderr: &str) -> Vec<String> {
        ended_with(End::Exited(1), stderr).unwrap()
    }

    /// An error without a place.
    fn bare(message: &str) -> String {
        serde_json::json!({"level": "error", "message": message, "code": null, "spans": []})
            .to_string()
    }

    #[test]
    fn a_full_disk_is_not_the_submissions_doing() {
        // As rustc 1.95 says it, with less and less room.
        let full = "No space left on device";
        let said = [
            bare(&format!(
                "failed to write to `/out/full.rmeta`: {full} (os error 28)"
            )),
            bare(&format!(
                "couldn't create a temp dir: {full} (os error 28) at path \"/tmp/a\""
            )),
            bare("failed to write `/out/a`: Read-only file system (os error 30)"),
            format!("rustc-LLVM ERROR: IO failure on output stream: {full}\n"),
        ];
        for stderr in said {
            let error = ended_with(End::Exited(101), &stderr)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("(os error") || error.contains(full),
                "{error}"
            );
        }
        // Who writes it into a submission gains nothing.
        let written = mismatch("src/lib.rs", "No space left on device (os error 28)");
        assert_eq!(told(&written).len(), 1);
        for message in ["full (os error 28)", "linking with `cc` failed"] {
            let own = serde_json::json!({
                "level": "error", "message": message,
                "spans": [{"is_primary": true, "file_name": "src/lib.rs", "line_start": 3}],
            });
            assert_eq!(told(&own.to_string()), [message]);
        }
    }

    #[test]
    fn a_limit_is_the_submissions_doing_and_a_kill_from_outside_is_not() {
        let ended = |end, said| ended_with(end, said).map(|told| told.concat());
        let at = |signal| End::Signalled(signal);
        assert_eq!(
            ended(at(libc::SIGXCPU), "").unwrap(),
            "the compiler ended with the limit of processor time"
        );
        let memory = "memory allocation of 4294967296 bytes failed\n";
        assert_eq!(
            ended(at(libc::SIGABRT), memory).unwrap(),
            "the compiler ended with the limit of memory"
        );
        assert_eq!(
            ended(at(libc::SIGSEGV), "").unwrap(),
            "the compiler ended with signal 11"
        );
        for end in [at(libc::SIGKILL), at(libc::SIGBUS), End::Wall] {
            let error = ended(end, "").unwrap_err().to_string();
            assert!(
                error.starts_with("this machine kept the compiler"),
                "{error}"
            );
        }
    }

    fn mismatch(file: &str, label: &str) -> String {
        serde_json::json!({
            "level": "error", "message": "mismatched types", "code": {"code": "E0308"},
            "spans": [{"is_primary": true, "file_name": file, "line_start": 3, "label": label}],
        })
        .to_string()
    }

    #[test]
    fn what_stands_under_a_line_of_the_submission_is_told() {
        let expected = "expected `u64`, found `usize`";
        assert_eq!(
            told(&mismatch("src/lib.rs", expected)),
            [format!("mismatched types: {expected} [E0308]")]
        );
        assert_eq!(
            told(&mismatch("hidden/tests.rs", expected)),
            ["mismatched types [E0308]"]
        );
        assert_eq!(
            told(&mismatch("src/lib.rs", "")),
            ["mismatched types [E0308]"]
        );
    }

    #[test]
    fn one_error_is_told_once() {
        let one = mismatch("src/lib.rs", "here");
        assert_eq!(told(&format!("{one}\n{one}\nnot json\n")).len(), 1);
    }
}
