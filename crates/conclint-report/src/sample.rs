//! One sample that every format is tested with.

use std::sync::Arc;

use conclint_diag::{Confidence, Finding, Fingerprint, Role, Severity, Span, Step, Summary, Trace};

use crate::{Format, Report, Sources};

pub(crate) struct Sample {
    pub(crate) findings: Vec<Finding>,
    pub(crate) summary: Summary,
    pub(crate) sources: Sources,
}

pub(crate) const REGISTRY: &str = "\
impl Registry {
    fn close(&self, id: u32) {
        let s = self.sessions.lock();
        let name = s.get(&id);
        self.forget(name);
    }
    fn forget(&self, name: &str) {
        self.users.lock().remove(name);
    }
}
";

const ADMIN: &str = "\
fn report(r: &Registry) {
    let u = r.users.lock();
    for x in u.iter() {
        r.sessions.lock().touch(x);
    }
}
";

pub(crate) fn step(
    file: &str,
    at: (u32, u32, u32),
    function: &str,
    role: Role,
    object: &str,
    what: &str,
) -> Step {
    let (line, column, end_column) = at;
    Step {
        span: Span {
            file: Arc::from(file),
            line,
            column,
            end_line: line,
            end_column,
        },
        function: function.to_owned(),
        role,
        object: object.to_owned(),
        what: what.to_owned(),
    }
}

impl Sample {
    pub(crate) fn inversion() -> Sample {
        let (a, b) = ("src/registry.rs", "src/admin.rs");
        let close = Trace {
            title: "one thread: Registry.sessions, then Registry.users".to_owned(),
            steps: vec![
                step(
                    a,
                    (3, 17, 37),
                    "Registry::close",
                    Role::Hold,
                    "Registry.sessions",
                    "takes Registry.sessions",
                ),
                step(
                    a,
                    (5, 9, 26),
                    "Registry::close",
                    Role::Call,
                    "",
                    "calls Registry::forget",
                ),
                step(
                    a,
                    (8, 9, 26),
                    "Registry::forget",
                    Role::Acquire,
                    "Registry.users",
                    "takes Registry.users",
                ),
            ],
        };
        let report = Trace {
            title: "another thread: Registry.users, then Registry.sessions".to_owned(),
            steps: vec![
                step(
                    b,
                    (2, 13, 27),
                    "report",
                    Role::Hold,
                    "Registry.users",
                    "takes Registry.users",
                ),
                step(
                    b,
                    (4, 9, 26),
                    "report",
                    Role::Acquire,
                    "Registry.sessions",
                    "takes Registry.sessions",
                ),
            ],
        };
        let shown = Finding {
            rule: "lock-order-inversion",
            code: "CL101",
            severity: Severity::Error,
            confidence: Confidence::Medium,
            message: "locks in opposite order".to_owned(),
            paths: vec![close, report],
            help: vec!["take Registry.sessions first everywhere".to_owned()],
            fingerprint: Fingerprint::of(["a"]),
            in_test: false,
            suppressed: None,
        };
        let suppressed = Finding {
            severity: Severity::Warning,
            suppressed: Some("measured, 2 ms".to_owned()),
            fingerprint: Fingerprint::of(["b"]),
            ..shown.clone()
        };
        Sample {
            findings: vec![shown, suppressed],
            summary: Summary {
                files: 2,
                lines: 20,
                locks: 2,
                acquisitions: 4,
                spawns: 2,
                errors: 1,
                suppressed: 1,
                ..Summary::default()
            },
            sources: [
                (Arc::from(a), Arc::from(REGISTRY)),
                (Arc::from(b), Arc::from(ADMIN)),
            ]
            .into(),
        }
    }

    pub(crate) fn render(&self, format: Format) -> String {
        self.render_with(format, false)
    }

    pub(crate) fn render_with(&self, format: Format, color: bool) -> String {
        let mut out = Vec::new();
        let report = Report {
            findings: &self.findings,
            summary: &self.summary,
            sources: &self.sources,
            version: "9.9.9",
        };
        format.write(&report, color, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
