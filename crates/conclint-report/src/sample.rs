//! One sample that every format is tested with.

use std::sync::Arc;

use conclint_diag::{
    Confidence, Finding, Fingerprint, Role, Severity, Span, Step, Summary, Trace, Unparsed,
};

use crate::{Format, Places, Report, RulePage, Sources};

pub(crate) struct Sample {
    pub(crate) findings: Vec<Finding>,
    pub(crate) summary: Summary,
    pub(crate) sources: Sources,
    pub(crate) places: Places,
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

/// Something that was not understood.
pub(crate) fn unparsed(line: u32) -> Unparsed {
    Unparsed {
        file: Arc::from("src/macros.rs"),
        line,
        what: "macro `select!`".to_owned(),
        why: "expected `,`".to_owned(),
        mentions_lock: line.is_multiple_of(2),
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
            places: Places::default(),
        }
    }

    /// Text that would break out of every format if it were not escaped, in
    /// every place that holds foreign text.
    pub(crate) fn hostile() -> Sample {
        let hostile = format!(
            "\"quoted\" 'n' \\ `tick` %0A ::error file=x,line=1::no ##[error]no ]]> </failure> \
             <script> [link](x) @all \r\n\u{1b}[31mred\u{1b}]0;t\u{7} \0 \u{ffff} \u{202e} a, b: {}",
            "n".repeat(10_000)
        );
        // What a path that is no UTF-8 is shown as.
        let file: Arc<str> = Arc::from(format!("src/\u{fffd}\u{1b}[0m,::a b\n]]>/{hostile}.rs"));
        let mut sample = Sample::inversion();
        for finding in &mut sample.findings {
            finding.message.clone_from(&hostile);
            finding.help = vec![hostile.clone()];
            finding.suppressed = finding.suppressed.take().map(|_| hostile.clone());
            for path in &mut finding.paths {
                path.title.clone_from(&hostile);
                for step in &mut path.steps {
                    step.span.file = file.clone();
                    step.function.clone_from(&hostile);
                    step.object.clone_from(&hostile);
                    step.what.clone_from(&hostile);
                }
            }
        }
        let mut item = unparsed(3);
        (item.file, item.what, item.why) = (file.clone(), hostile.clone(), hostile.clone());
        sample.summary.unparsed = vec![item];
        sample.sources = [(file, Arc::from(format!("\n\n{hostile}\n{hostile}\n")))].into();
        sample
    }

    pub(crate) fn render(&self, format: Format) -> String {
        self.render_with(format, false)
    }

    pub(crate) fn render_with(&self, format: Format, color: bool) -> String {
        let mut out = Vec::new();
        self.with_report(|report| format.write(report, color, &mut out).unwrap());
        String::from_utf8(out).unwrap()
    }

    pub(crate) fn with_report(&self, use_it: impl FnOnce(&Report<'_>)) {
        let rule = |code, name| RulePage {
            code,
            name,
            severity: Severity::Error,
            summary: "two locks are taken in opposite orders",
            page: "# The page\n",
        };
        use_it(&Report {
            findings: &self.findings,
            summary: &self.summary,
            sources: &self.sources,
            rules: &[
                rule("CL101", "lock-order-inversion"),
                rule("CL102", "double-lock"),
            ],
            places: &self.places,
            version: "9.9.9",
            closing: None,
        });
    }
}
