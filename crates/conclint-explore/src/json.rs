//! `conclint/explore/1`.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::outcome::{Explored, Failure, Outcome, Place, TestResult, Verdict};
use crate::request::Request;

fn message(failure: &Failure) -> (String, Option<&Place>) {
    if let Some(panicked) = failure.panics.first() {
        return (panicked.message.clone(), Some(&panicked.place));
    }
    if let Some(stuck) = failure.stuck.first() {
        return (failure.fingerprint.clone(), Some(&stuck.place));
    }
    (failure.fingerprint.clone(), failure.last.as_ref())
}

fn failure(explored: &Explored, failure: &Failure, verdict: Verdict) -> Value {
    let (message, place) = message(failure);
    let timeline: Vec<Value> = failure
        .timeline
        .iter()
        .map(|s| {
            json!({
                "thread": failure.threads.get(s.thread),
                "op": s.op,
                "object": s.object,
                "file": s.place.file,
                "line": s.place.line,
                "column": s.place.column,
                "function": "",
                "note": s.note,
            })
        })
        .collect();
    json!({
        "kind": verdict.text(),
        "message": message,
        "file": place.map(|p| &p.file),
        "line": place.map(|p| p.line),
        "preemptions": failure.preemptions,
        "schedule_file": explored.schedule_file,
        "timeline": timeline,
    })
}

/// What can be claimed: `null`, a number of preemptions, or `"all"`.
fn exhaustive(result: &TestResult) -> Value {
    match result.exhausted {
        None => Value::Null,
        Some(u32::MAX) => json!("all"),
        Some(bound) => json!(bound),
    }
}

/// Writes the result of a run.
///
/// # Errors
/// When the output cannot be written.
pub fn write(out: &mut dyn Write, request: &Request, outcome: &Outcome) -> io::Result<()> {
    let targets: Vec<Value> = outcome
        .tests
        .iter()
        .map(|t| {
            let r = &t.result;
            json!({
                "package": t.package,
                "target": t.target,
                "test": r.test,
                "verdict": r.verdict.text(),
                "reason": r.reason,
                "executions": r.executions,
                "steps": r.steps,
                "distinct_schedules": r.distinct,
                "exhaustive_preemptions": exhaustive(r),
                "seconds": f64::from(u32::try_from(r.milliseconds).unwrap_or(u32::MAX)) / 1000.0,
                "failure": r.failure.as_ref().map(|f| failure(t, f, r.verdict)),
            })
        })
        .collect();
    let value = json!({
        "schema": "conclint/explore/1",
        "tool": {
            "name": "conclint",
            "version": env!("CARGO_PKG_VERSION"),
            "rustc": outcome.rustc,
        },
        "settings": {
            "schedules": request.schedules,
            "seconds": request.time.as_secs_f64(),
            "strategy": request.strategy,
            "seed": request.seed,
            "max_steps": request.max_steps,
        },
        "targets": targets,
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}
