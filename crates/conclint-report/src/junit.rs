//! JUnit XML in the dialect that Jenkins reads and nextest writes.
//!
//! A test suite is a lint that ran, a test case a finding: a failure, or
//! skipped with its reason where it was suppressed. A lint without findings
//! is one test that passed, so that a clean run is not an empty file. No clock
//! and no random identity: the same input gives the same bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use conclint_diag::Finding;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::text::one_line;
use crate::{Report, plain};

pub(crate) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut document = quick_junit::Report::new("conclint");
    // The lints that ran, and any other that reported all the same.
    let mut lints: BTreeSet<(&str, &str)> = report.rules.iter().map(|r| (r.code, r.name)).collect();
    lints.extend(report.findings.iter().map(|f| (f.code, f.rule)));
    for (code, name) in lints {
        document.add_test_suite(suite(report, code, name));
    }
    document.serialize(&mut *out).map_err(io::Error::other)
}

fn suite(report: &Report<'_>, code: &str, name: &str) -> TestSuite {
    let mut suite = TestSuite::new(xml(&format!("{code} {name}")));
    for finding in report.findings.iter().filter(|f| f.code == code) {
        suite.add_test_case(case(report, finding));
    }
    if suite.test_cases.is_empty() {
        let mut passed = TestCase::new("no findings", TestCaseStatus::success());
        passed.set_classname(format!("conclint.{name}"));
        suite.add_test_case(passed);
    }
    suite
}

fn case(report: &Report<'_>, finding: &Finding) -> TestCase {
    let at = finding.primary();
    let file = report.places.from_root(&at.file);
    let status = match &finding.suppressed {
        Some(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(xml(&one_line(reason)));
            status
        }
        None => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(finding.severity.as_str());
            status.set_message(xml(&one_line(&finding.message)));
            let text = plain::text(finding, |f| report.places.from_root(f));
            status.set_description(xml(&text));
            status
        }
    };
    let function = finding
        .paths
        .first()
        .and_then(|path| path.steps.first())
        .map_or("", |step| &step.function);
    // A reader tells tests apart by class and name, from one run to the next.
    let name = format!(
        "{} {} [{}]",
        one_line(&file),
        one_line(function),
        finding.fingerprint
    );
    let mut case = TestCase::new(xml(&name), status);
    case.set_classname(format!("conclint.{}", finding.rule));
    case
}

/// Without the two characters that XML excludes and `XmlString` lets through.
pub(crate) fn xml(text: &str) -> Cow<'_, str> {
    if text.contains(['\u{fffe}', '\u{ffff}']) {
        Cow::Owned(text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use crate::Format;
    use crate::sample::Sample;

    type Names = &'static [&'static str];

    /// Elements of the dialect: where each may stand, attributes it must have
    /// and attributes it may have.
    const DIALECT: &[(&str, Names, Names, Names)] = &[
        (
            "testsuites",
            &[""],
            &["tests", "failures", "errors"],
            &["name", "uuid", "timestamp", "time", "skipped", "disabled"],
        ),
        (
            "testsuite",
            &["testsuites"],
            &["name", "tests", "errors", "failures"],
            &["disabled", "skipped", "timestamp", "time"],
        ),
        (
            "testcase",
            &["testsuite"],
            &["name", "classname"],
            &["timestamp", "time"],
        ),
        ("failure", &["testcase"], &["type", "message"], &[]),
        ("skipped", &["testcase"], &[], &["type", "message"]),
        ("system-out", &["testcase", "testsuite"], &[], &[]),
        ("system-err", &["testcase", "testsuite"], &[], &[]),
    ];

    fn assert_dialect(text: &str) {
        let document = Document::parse(text).unwrap();
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let (_, parents, needed, allowed) = DIALECT
                .iter()
                .find(|(known, ..)| *known == name)
                .unwrap_or_else(|| panic!("`{name}` is not in the dialect"));
            let parent = node.parent_element().map_or("", |p| p.tag_name().name());
            assert!(parents.contains(&parent), "`{name}` in `{parent}`");
            for key in *needed {
                assert!(node.has_attribute(*key), "`{name}` without `{key}`");
            }
            for attribute in node.attributes() {
                let key = attribute.name();
                assert!(
                    needed.contains(&key) || allowed.contains(&key),
                    "`{name}` with `{key}`"
                );
            }
            if matches!(name, "testsuite" | "testsuites") {
                let count = |what: &str| {
                    let mut under = node.descendants();
                    under.by_ref().filter(|n| n.has_tag_name(what)).count()
                };
                let said = |key: &str| node.attribute(key).unwrap().parse::<usize>().unwrap();
                assert_eq!(said("tests"), count("testcase"));
                assert_eq!(said("failures"), count("failure"));
                assert_eq!(said("errors"), 0);
            }
        }
    }

    #[test]
    fn a_suite_for_each_lint_and_a_case_for_each_finding() {
        let sample = Sample::inversion();
        let text = sample.render(Format::Junit);
        assert_dialect(&text);
        let (first, second) = (
            sample.findings[0].fingerprint.as_str(),
            sample.findings[1].fingerprint.as_str(),
        );
        assert_eq!(
            text,
            format!(
                "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites name=\"conclint\" tests=\"3\" skipped=\"1\" failures=\"1\" errors=\"0\">
    <testsuite name=\"CL101 lock-order-inversion\" tests=\"2\" skipped=\"1\" errors=\"0\" failures=\"1\">
        <testcase name=\"src/registry.rs Registry::close [{first}]\" classname=\"conclint.lock-order-inversion\">
            <failure message=\"locks in opposite order\" type=\"error\">locks in opposite order
one thread: Registry.sessions, then Registry.users
  1. src/registry.rs:3:17: takes Registry.sessions, in Registry::close
  2. src/registry.rs:5:9: calls Registry::forget, in Registry::close
  3. src/registry.rs:8:9: takes Registry.users, in Registry::forget
another thread: Registry.users, then Registry.sessions
  1. src/admin.rs:2:13: takes Registry.users, in report
  2. src/admin.rs:4:9: takes Registry.sessions, in report
help: take Registry.sessions first everywhere
confidence: medium</failure>
        </testcase>
        <testcase name=\"src/registry.rs Registry::close [{second}]\" classname=\"conclint.lock-order-inversion\">
            <skipped message=\"measured, 2 ms\"/>
        </testcase>
    </testsuite>
    <testsuite name=\"CL102 double-lock\" tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"0\">
        <testcase name=\"no findings\" classname=\"conclint.double-lock\"/>
    </testsuite>
</testsuites>
"
            )
        );
    }

    #[test]
    fn hostile_text_survives() {
        let text = Sample::hostile().render(Format::Junit);
        assert_dialect(&text);
        let document = Document::parse(&text).unwrap();
        let failure = document
            .descendants()
            .find(|n| n.has_tag_name("failure"))
            .unwrap();
        let message = failure.attribute("message").unwrap();
        assert!(message.contains("\"quoted\"") && message.contains("]]>"));
        assert!(message.contains("</failure>") && message.contains(&"n".repeat(10_000)));
        assert!(failure.text().unwrap().contains("]]>"));
        assert!(!text.contains(['\u{1b}', '\0', '\u{ffff}']));
    }
}
