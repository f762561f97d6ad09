//! `conclint/explore/1`: the versioned machine format.
//!
//! Fields are only ever added within a version. The types here are the
//! contract; the core types may change under them.

use std::io::{self, Write};

use conclint_diag::explore::{Event, Exhausted, Explored, Failure, Panicked, Place, Stuck};
use serde::Serialize;

use crate::ExploreReport;
use crate::json::Part;

pub(crate) const SCHEMA: &str = "conclint/explore/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    settings: WireSettings<'a>,
    /// Of a run of some of the tests: which part.
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<Part>,
    targets: Vec<WireTest<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
    rustc: &'a str,
    /// What runs the threads.
    engine: &'static str,
    /// Neither is linked: the engine is conclint's own.
    shuttle: Option<&'a str>,
    loom: Option<&'a str>,
}

#[derive(Serialize)]
struct WireSettings<'a> {
    schedules: u64,
    seconds: f64,
    strategy: &'a str,
    seed: u64,
    max_steps: u64,
    replay: bool,
}

#[derive(Serialize)]
struct WireTest<'a> {
    package: &'a str,
    target: &'a str,
    test: &'a str,
    verdict: &'static str,
    reason: &'a str,
    executions: u64,
    steps: u64,
    /// Different schedules, which is at least the number of different traces.
    distinct_schedules: u64,
    /// Not counted by this engine.
    distinct_traces: u64,
    /// All schedules with at most so many preemptions were tried.
    exhaustive_preemptions: Option<u64>,
    /// All schedules there are were tried.
    exhaustive: bool,
    seconds: f64,
    /// The static because of which each schedule had a process of its own.
    isolated_for: &'a str,
    failure: Option<WireFailure<'a>>,
}

#[derive(Serialize)]
struct WireFailure<'a> {
    kind: &'a str,
    explanation: &'a str,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    function: Option<&'a str>,
    preemptions: u64,
    deviations: usize,
    schedule_file: Option<&'a str>,
    threads: &'a [String],
    panics: Vec<WirePanic<'a>>,
    stuck: Vec<WireStuck<'a>>,
    /// Threads that each wait for the next.
    cycle: Vec<&'a str>,
    notes: &'a [String],
    no_longer_applies: &'a [String],
    omitted_steps: u64,
    timeline: Vec<WireEvent<'a>>,
}

#[derive(Serialize)]
struct WirePanic<'a> {
    thread: &'a str,
    message: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    function: &'a str,
}

#[derive(Serialize)]
struct WireStuck<'a> {
    thread: &'a str,
    what: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    waits_for: Vec<&'a str>,
    holds: Vec<WireHeld<'a>>,
}

#[derive(Serialize)]
struct WireHeld<'a> {
    object: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct WireEvent<'a> {
    thread: &'a str,
    op: &'a str,
    object: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    function: &'a str,
    /// Of a step inside of a dependency: where in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<WirePlace<'a>>,
    note: &'a str,
    deviated: bool,
    preempting: bool,
}

#[derive(Serialize)]
struct WirePlace<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    function: &'a str,
}

pub(crate) fn write(report: &ExploreReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let exploration = report.exploration;
    let settings = &exploration.settings;
    let document = Document {
        schema: SCHEMA,
        tool: Tool {
            name: "conclint",
            version: report.version,
            rustc: &exploration.rustc,
            engine: "builtin",
            shuttle: None,
            loom: None,
        },
        settings: WireSettings {
            schedules: settings.schedules,
            seconds: seconds(settings.milliseconds),
            strategy: &settings.strategy,
            seed: settings.seed,
            max_steps: settings.max_steps,
            replay: exploration.replay,
        },
        partition: exploration.partition.map(Part::from),
        targets: exploration.tests.iter().map(WireTest::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

fn seconds(milliseconds: u64) -> f64 {
    u32::try_from(milliseconds).map_or(f64::from(u32::MAX), f64::from) / 1000.0
}

impl<'a> From<&'a Explored> for WireTest<'a> {
    fn from(t: &'a Explored) -> Self {
        WireTest {
            package: &t.package,
            target: &t.target,
            test: &t.test,
            verdict: t.verdict.as_str(),
            reason: &t.reason,
            executions: t.executions,
            steps: t.steps,
            distinct_schedules: t.distinct,
            distinct_traces: t.traces,
            exhaustive_preemptions: t.exhausted.map(|e| match e {
                Exhausted::Preemptions(bound) => bound.into(),
                // No schedule has more preemptions than all of them have steps.
                Exhausted::All => t.steps,
            }),
            exhaustive: t.exhausted == Some(Exhausted::All),
            seconds: seconds(t.milliseconds),
            isolated_for: &t.isolated_for,
            failure: t.failure.as_ref().map(|f| failure(t, f)),
        }
    }
}

fn failure<'a>(test: &Explored, f: &'a Failure) -> WireFailure<'a> {
    WireFailure {
        kind: match f.kind.as_str() {
            "" => test.verdict.as_str(),
            kind => kind,
        },
        explanation: &f.explanation,
        message: &f.message,
        file: f.place.as_ref().map(|p| &*p.file),
        line: f.place.as_ref().map(|p| p.line),
        column: f.place.as_ref().map(|p| p.column),
        function: f.place.as_ref().map(|p| p.function.as_str()),
        preemptions: f.preemptions,
        deviations: f.deviations,
        schedule_file: f.schedule_file.as_deref(),
        threads: &f.threads,
        panics: f.panics.iter().map(|p| panicked(f, p)).collect(),
        stuck: f.stuck.iter().map(|s| stuck(f, s)).collect(),
        cycle: f.cycle.iter().map(|t| thread(f, *t)).collect(),
        notes: &f.notes,
        no_longer_applies: &f.unapplied,
        omitted_steps: f.omitted,
        timeline: f.timeline.iter().map(|e| event(f, e)).collect(),
    }
}

fn thread(failure: &Failure, id: usize) -> &str {
    failure.threads.get(id).map_or("", String::as_str)
}

fn panicked<'a>(failure: &'a Failure, p: &'a Panicked) -> WirePanic<'a> {
    WirePanic {
        thread: thread(failure, p.thread),
        message: &p.message,
        file: &p.place.file,
        line: p.place.line,
        column: p.place.column,
        function: &p.place.function,
    }
}

fn stuck<'a>(failure: &'a Failure, s: &'a Stuck) -> WireStuck<'a> {
    let Place {
        file, line, column, ..
    } = &s.place;
    WireStuck {
        thread: thread(failure, s.thread),
        what: &s.what,
        file,
        line: *line,
        column: *column,
        waits_for: s.waits_for.iter().map(|t| thread(failure, *t)).collect(),
        holds: s
            .holds
            .iter()
            .map(|h| WireHeld {
                object: &h.object,
                file: &h.place.file,
                line: h.place.line,
                column: h.place.column,
            })
            .collect(),
    }
}

fn event<'a>(failure: &'a Failure, e: &'a Event) -> WireEvent<'a> {
    WireEvent {
        thread: thread(failure, e.thread),
        op: &e.op,
        object: &e.object,
        file: &e.place.file,
        line: e.place.line,
        column: e.place.column,
        function: &e.place.function,
        inside: e.inside.as_ref().map(|place| WirePlace {
            file: &place.file,
            line: place.line,
            column: place.column,
            function: &place.function,
        }),
        note: &e.note,
        deviated: e.deviated,
        preempting: e.preempting,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::ExploreFormat;
    use super::super::sample::Sample;

    fn parsed() -> Value {
        serde_json::from_str(&Sample::lost_update().render(ExploreFormat::Json)).unwrap()
    }

    #[test]
    fn carries_tool_and_settings() {
        let value = parsed();
        assert_eq!(value["schema"], "conclint/explore/1");
        assert_eq!(value["tool"]["name"], "conclint");
        assert_eq!(value["tool"]["rustc"], "1.95.0");
        assert_eq!(value["tool"]["shuttle"], Value::Null);
        assert_eq!(value["settings"]["seconds"], json!(30.0));
        assert_eq!(value["settings"]["strategy"], "portfolio");
    }

    #[test]
    fn carries_every_field_of_a_target() {
        let value = parsed();
        let target = &value["targets"][1];
        for key in ["package", "target", "test", "verdict"] {
            assert!(target[key].is_string(), "{key}");
        }
        for key in ["executions", "steps", "distinct_schedules"] {
            assert!(target[key].is_u64(), "{key}");
        }
        assert_eq!(value["targets"][0]["exhaustive_preemptions"], 40);
        assert_eq!(value["targets"][0]["exhaustive"], true);
        assert_eq!(target["exhaustive_preemptions"], Value::Null);
        assert_eq!(value["targets"][0]["failure"], Value::Null);
        let failure = &target["failure"];
        assert_eq!(failure["kind"], "failed");
        assert_eq!(
            (&failure["file"], &failure["line"]),
            (&json!("src/lib.rs"), &json!(9))
        );
        assert_eq!(failure["preemptions"], 1);
        assert_eq!(
            failure["timeline"][1],
            json!({
                "thread": "thread 2", "op": "load", "object": "value", "file": "src/lib.rs",
                "line": 2, "column": 21, "function": "add", "note": "= 0", "deviated": true,
                "preempting": true,
            })
        );
    }

    /// A field that the schema does not know fails here, and so does one that
    /// it wants and that is not written.
    #[test]
    fn keeps_to_its_schema() {
        let schema: Value = serde_json::from_str(crate::EXPLORE_SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut value = parsed();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        value["surprise"] = json!(1);
        assert!(!validator.is_valid(&value));
    }
}
