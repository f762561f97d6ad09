//! Reads `conclint/explore/1` back, so that parts of a run become one.
//!
//! What that format does not carry (the enclosing functions of some places)
//! stays empty; so does what reports of older versions do not have.

use std::sync::Arc;

use conclint_diag::explore::{
    Event, Exhausted, Exploration, Explored, Failure, Held, Panicked, Place, Settings, Stuck,
    Verdict,
};
use serde::Deserialize;

use super::json::SCHEMA;
use crate::read::{Part, Unreadable};

#[derive(Deserialize)]
struct Document {
    schema: String,
    tool: Tool,
    settings: WireSettings,
    partition: Option<Part>,
    targets: Vec<WireTest>,
}

#[derive(Deserialize)]
struct Tool {
    rustc: String,
}

#[derive(Deserialize)]
struct WireSettings {
    schedules: u64,
    seconds: f64,
    strategy: String,
    seed: u64,
    max_steps: u64,
    replay: bool,
}

#[derive(Deserialize)]
struct WireTest {
    package: String,
    target: String,
    test: String,
    verdict: String,
    reason: String,
    executions: u64,
    steps: u64,
    distinct_schedules: u64,
    #[serde(default)]
    distinct_traces: Option<u64>,
    exhaustive_preemptions: Option<Claim>,
    #[serde(default)]
    exhaustive: bool,
    seconds: f64,
    #[serde(default)]
    isolated_for: String,
    failure: Option<WireFailure>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Claim {
    Preemptions(u32),
    All(String),
}

#[derive(Deserialize)]
struct WireFailure {
    kind: String,
    explanation: String,
    message: String,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    function: Option<String>,
    preemptions: u64,
    deviations: usize,
    schedule_file: Option<String>,
    threads: Vec<String>,
    #[serde(default)]
    panics: Vec<WirePanic>,
    stuck: Vec<WireStuck>,
    #[serde(default)]
    cycle: Vec<String>,
    notes: Vec<String>,
    no_longer_applies: Vec<String>,
    omitted_steps: u64,
    timeline: Vec<WireEvent>,
}

#[derive(Deserialize)]
struct WirePanic {
    thread: String,
    message: String,
    file: String,
    line: u32,
    column: u32,
    function: String,
}

#[derive(Deserialize)]
struct WireStuck {
    thread: String,
    what: String,
    file: String,
    line: u32,
    column: u32,
    waits_for: Vec<String>,
    holds: Vec<WireHeld>,
}

#[derive(Deserialize)]
struct WireHeld {
    object: String,
    file: String,
    line: u32,
    column: u32,
}

#[derive(Deserialize)]
struct WireEvent {
    thread: String,
    op: String,
    object: String,
    file: String,
    line: u32,
    column: u32,
    function: String,
    inside: Option<WirePlace>,
    note: String,
    #[serde(default)]
    deviated: bool,
    preempting: bool,
}

#[derive(Deserialize)]
struct WirePlace {
    file: String,
    line: u32,
    column: u32,
    function: String,
}

/// Reads a report of `explore`.
///
/// # Errors
///
/// When the text is no report of this schema.
pub fn read_explore_json(text: &str) -> Result<Exploration, Unreadable> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Unreadable(format!("not a report of an exploration: {error}")))?;
    if document.schema != SCHEMA {
        return Err(Unreadable(format!(
            "the schema is `{}`, expected `{SCHEMA}`",
            document.schema
        )));
    }
    let settings = document.settings;
    Ok(Exploration {
        // The machine format does not carry them.
        replay_arguments: Vec::new(),
        rustc: document.tool.rustc,
        settings: Settings {
            schedules: settings.schedules,
            milliseconds: milliseconds(settings.seconds),
            strategy: settings.strategy,
            seed: settings.seed,
            max_steps: settings.max_steps,
        },
        tests: document
            .targets
            .into_iter()
            .map(test)
            .collect::<Result<_, _>>()?,
        replay: settings.replay,
        partition: document.partition.map(Part::into),
    })
}

fn milliseconds(seconds: f64) -> u64 {
    let time = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    // The wire has thousandths; what a float made of them is rounded back.
    u64::try_from((time.as_micros() + 500) / 1000).unwrap_or(u64::MAX)
}

fn test(wire: WireTest) -> Result<Explored, Unreadable> {
    let verdict = Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.as_str() == wire.verdict)
        .ok_or_else(|| Unreadable(format!("unknown verdict `{}`", wire.verdict)))?;
    Ok(Explored {
        package: wire.package,
        target: wire.target,
        test: wire.test,
        verdict,
        reason: wire.reason,
        executions: wire.executions,
        steps: wire.steps,
        distinct: wire.distinct_schedules,
        traces: wire.distinct_traces.unwrap_or_default(),
        exhausted: match wire.exhaustive_preemptions {
            _ if wire.exhaustive => Some(Exhausted::All),
            None => None,
            Some(Claim::Preemptions(bound)) => Some(Exhausted::Preemptions(bound)),
            Some(Claim::All(word)) if word == "all" => Some(Exhausted::All),
            Some(Claim::All(word)) => return Err(Unreadable(format!("unknown claim `{word}`"))),
        },
        milliseconds: milliseconds(wire.seconds),
        isolated_for: wire.isolated_for,
        failure: wire.failure.map(|failure| of_wire(verdict, failure)),
    })
}

fn of_wire(verdict: Verdict, wire: WireFailure) -> Failure {
    let threads = wire.threads;
    // A name that is no thread's stands for one beyond the list, which is shown without a name.
    let number = |name: &String| threads.iter().position(|t| t == name);
    let number = |name: &String| number(name).unwrap_or(threads.len());
    let place = |file: String, line, column, function| Place {
        file: Arc::from(file),
        line,
        column,
        function,
    };
    Failure {
        // The verdict's own word stands where there is no other.
        kind: match wire.kind == verdict.as_str() {
            true => String::new(),
            false => wire.kind,
        },
        explanation: wire.explanation,
        message: wire.message,
        place: wire.file.zip(wire.line).map(|(file, line)| {
            let column = wire.column.unwrap_or(1);
            place(file, line, column, wire.function.unwrap_or_default())
        }),
        panics: wire
            .panics
            .into_iter()
            .map(|p| Panicked {
                thread: number(&p.thread),
                message: p.message,
                place: place(p.file, p.line, p.column, p.function),
            })
            .collect(),
        cycle: wire.cycle.iter().map(number).collect(),
        stuck: wire
            .stuck
            .into_iter()
            .map(|s| Stuck {
                thread: number(&s.thread),
                what: s.what,
                waits_for: s.waits_for.iter().map(number).collect(),
                holds: s
                    .holds
                    .into_iter()
                    .map(|h| Held {
                        object: h.object,
                        place: place(h.file, h.line, h.column, String::new()),
                    })
                    .collect(),
                place: place(s.file, s.line, s.column, String::new()),
            })
            .collect(),
        timeline: wire
            .timeline
            .into_iter()
            .map(|e| Event {
                thread: number(&e.thread),
                op: e.op,
                object: e.object,
                place: place(e.file, e.line, e.column, e.function),
                inside: e
                    .inside
                    .map(|p| place(p.file, p.line, p.column, p.function)),
                note: e.note,
                deviated: e.deviated,
                preempting: e.preempting,
            })
            .collect(),
        threads: threads.clone(),
        omitted: wire.omitted_steps,
        named: Vec::new(),
        preemptions: wire.preemptions,
        deviations: wire.deviations,
        unapplied: wire.no_longer_applies,
        notes: wire.notes,
        schedule_file: wire.schedule_file,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ExploreFormat;
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn what_is_read_back_is_written_the_same() {
        let mut sample = Sample::lost_update();
        let text = sample.render(ExploreFormat::Json);
        let human = sample.render(ExploreFormat::Human);
        sample.exploration = read_explore_json(&text).unwrap();
        sample.exploration.partition = Some((2, 3));
        let part = sample.render(ExploreFormat::Json);
        let back = read_explore_json(&part).unwrap();
        assert_eq!(back.partition, Some((2, 3)));
        sample.exploration = back;
        sample.exploration.partition = None;
        assert_eq!(sample.render(ExploreFormat::Json), text);
        assert_eq!(sample.render(ExploreFormat::Human), human);
    }

    #[test]
    fn something_else_is_refused() {
        let says = |text: &str| read_explore_json(text).unwrap_err().to_string();
        assert!(says("[]").starts_with("not a report of an exploration: "));
        let text = Sample::lost_update().render(ExploreFormat::Json);
        assert_eq!(
            says(&text.replace("explore/1", "explore/9")),
            "the schema is `conclint/explore/9`, expected `conclint/explore/1`"
        );
        assert_eq!(
            says(&text.replace("\"passed\"", "\"past\"")),
            "unknown verdict `past`"
        );
    }
}
