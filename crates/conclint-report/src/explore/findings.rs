//! Verdicts for the formats of findings: a failing schedule is a finding with
//! a path for each thread, so that one writer per format serves both.

use std::sync::Arc;

use conclint_diag::explore::{Event, Explored, Failure, Place, Verdict};
use conclint_diag::{Confidence, Finding, Fingerprint, Role, Severity, Span, Step, Trace};

use super::ExploreReport;
use crate::RulePage;

/// What a failing schedule is called among findings. The codes never change.
pub(crate) const RULES: [RulePage<'static>; 4] = [
    rule(
        "CE101",
        "explored-failure",
        "a schedule makes a test fail",
        "Under the schedule shown, the test panics or fails in another way of its own.",
    ),
    rule(
        "CE102",
        "explored-deadlock",
        "a schedule leaves every thread of a test waiting",
        "Under the schedule shown, no thread can go on: each waits for another.",
    ),
    rule(
        "CE103",
        "explored-livelock",
        "a schedule keeps a test busy without getting anywhere",
        "Under the schedule shown, threads run for ever and none of them finishes.",
    ),
    rule(
        "CE104",
        "explored-crash",
        "a schedule ends the process of a test",
        "Under the schedule shown, the process of the test dies.",
    ),
];

const fn rule(
    code: &'static str,
    name: &'static str,
    summary: &'static str,
    page: &'static str,
) -> RulePage<'static> {
    RulePage {
        code,
        name,
        severity: Severity::Error,
        summary,
        page,
    }
}

/// A finding for each test that a schedule breaks, in their order.
pub(crate) fn of(report: &ExploreReport<'_>) -> Vec<Finding> {
    report
        .exploration
        .tests
        .iter()
        .filter_map(finding)
        .collect()
}

/// The finding of one test, where it failed.
pub(crate) fn finding(test: &Explored) -> Option<Finding> {
    let [failed, deadlock, livelock, crash] = RULES;
    let rule = match test.verdict {
        Verdict::Failed => failed,
        Verdict::Deadlock => deadlock,
        Verdict::Livelock => livelock,
        Verdict::Crashed => crash,
        Verdict::Passed | Verdict::Inconclusive | Verdict::Skipped => return None,
    };
    let unknown = Failure::default();
    let failure = test.failure.as_ref().unwrap_or(&unknown);
    let mut help = failure.notes.clone();
    if let Some(file) = &failure.schedule_file {
        help.push(format!("`conclint replay {file}` runs this schedule again"));
    }
    let what = if failure.explanation.is_empty() {
        rule.summary
    } else {
        &failure.explanation
    };
    Some(Finding {
        rule: rule.name,
        code: rule.code,
        severity: rule.severity,
        confidence: Confidence::High,
        message: format!("test `{}`: {what}", test.test),
        paths: paths(failure),
        help,
        fingerprint: Fingerprint::of([rule.name, &test.package, &test.target, &test.test]),
        in_test: true,
        suppressed: None,
    })
}

/// Where it goes wrong, then what each thread does; steps are numbered over
/// all threads, in the order in which they happen.
fn paths(failure: &Failure) -> Vec<Trace> {
    let nowhere = Place {
        file: Arc::from("Cargo.toml"),
        line: 1,
        column: 1,
        function: String::new(),
    };
    let place = failure
        .place
        .as_ref()
        .or_else(|| failure.timeline.last().map(|event| &event.place))
        .unwrap_or(&nowhere);
    let message = if failure.message.is_empty() {
        "goes wrong here"
    } else {
        &failure.message
    };
    let mut paths = vec![Trace {
        title: String::new(),
        steps: vec![step(place, Role::Use, "", message.to_owned())],
    }];
    for (id, name) in failure.threads.iter().enumerate() {
        let steps: Vec<Step> = failure
            .timeline
            .iter()
            .enumerate()
            .filter(|(_, event)| event.thread == id)
            .map(|(number, event)| {
                let role = role(&event.op);
                step(&event.place, role, &event.object, words(number + 1, event))
            })
            .collect();
        if !steps.is_empty() {
            let title = name.clone();
            paths.push(Trace { title, steps });
        }
    }
    paths
}

fn words(number: usize, event: &Event) -> String {
    let mut out = format!("step {number}: {}", event.op);
    for part in [&event.object, &event.note] {
        if !part.is_empty() {
            out.push(' ');
            out.push_str(part);
        }
    }
    if event.preempting {
        out.push_str(", in place of the thread before");
    }
    out
}

fn role(op: &str) -> Role {
    match op.split(' ').next().unwrap_or_default() {
        "lock" | "try_lock" | "read" | "write" => Role::Acquire,
        "wait" | "wait_timeout" => Role::Wait,
        "notify" | "notify_one" | "notify_all" => Role::Notify,
        "spawn" => Role::Spawn,
        "join" => Role::Join,
        "send" => Role::Send,
        "recv" | "try_recv" => Role::Recv,
        _ => Role::Use,
    }
}

fn step(place: &Place, role: Role, object: &str, what: String) -> Step {
    Step {
        span: Span {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
            end_line: place.line,
            end_column: place.column,
        },
        function: place.function.clone(),
        role,
        object: object.to_owned(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::ExploreFormat;
    use super::super::sample::Sample;
    use crate::Format;

    #[test]
    fn a_failing_schedule_has_a_thread_flow_for_each_thread() {
        let text = Sample::lost_update().render(ExploreFormat::Finding(Format::Sarif));
        let value: Value = serde_json::from_str(&text).unwrap();
        let results = value["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0]["ruleId"], "CE101");
        let flows = results[0]["codeFlows"][0]["threadFlows"]
            .as_array()
            .unwrap();
        assert!(flows.len() >= 3, "the place and two threads");
        let text = flows[2]["locations"][0]["location"]["message"]["text"].as_str();
        assert!(text.unwrap().starts_with("step "), "{text:?}");
    }

    #[test]
    fn every_format_of_findings_takes_verdicts() {
        let sample = Sample::lost_update();
        for format in Format::ALL {
            let text = sample.render(ExploreFormat::Finding(format));
            assert!(!text.is_empty(), "{}", format.name());
        }
        let text = sample.render(ExploreFormat::Finding(Format::Github));
        assert!(
            text.starts_with("::error file=src/lib.rs,line=9,"),
            "{text}"
        );
        assert!(
            !text.contains("0 files"),
            "the closing line is that of explore"
        );
    }
}
