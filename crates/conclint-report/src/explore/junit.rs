//! JUnit XML for verdicts: a suite for each target, a case for each test.
//!
//! What could not be judged counts as skipped, with the reason: it is no
//! failure, and it has not passed.

use std::io::{self, Write};

use conclint_diag::explore::{Explored, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{ExploreReport, findings};
use crate::junit::xml;
use crate::plain;
use crate::text::one_line;

pub(crate) fn write(report: &ExploreReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Report::new("conclint explore");
    let mut suites: Vec<(String, TestSuite)> = Vec::new();
    for test in &report.exploration.tests {
        let name = format!("{} {}", one_line(&test.package), one_line(&test.target));
        let case = case(report, test, &name);
        match suites.iter_mut().find(|(known, _)| *known == name) {
            Some((_, suite)) => {
                suite.add_test_case(case);
            }
            None => {
                let mut suite = TestSuite::new(xml(&name));
                suite.add_test_case(case);
                suites.push((name, suite));
            }
        }
    }
    document.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    document.serialize(&mut *out).map_err(io::Error::other)
}

fn case(report: &ExploreReport<'_>, test: &Explored, suite: &str) -> TestCase {
    let status = match (findings::finding(test), test.verdict) {
        (Some(finding), verdict) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(verdict.as_str());
            status.set_message(xml(&one_line(&finding.message)));
            let text = plain::text(&finding, |file| report.places.from_root(file));
            status.set_description(xml(&text));
            status
        }
        (None, Verdict::Passed) => TestCaseStatus::success(),
        (None, verdict) => {
            let mut status = TestCaseStatus::skipped();
            let why = format!("{}: {}", verdict.as_str(), one_line(&test.reason));
            status.set_message(xml(&why));
            status
        }
    };
    let mut case = TestCase::new(xml(&one_line(&test.test)), status);
    case.set_classname(xml(suite));
    case.set_time(std::time::Duration::from_millis(test.milliseconds));
    case
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::super::ExploreFormat;
    use super::super::sample::Sample;
    use crate::Format;

    #[test]
    fn a_case_for_each_test() {
        let sample = Sample::lost_update();
        let text = sample.render(ExploreFormat::Finding(Format::Junit));
        let document = Document::parse(&text).unwrap();
        let count = |name: &str| {
            let nodes = document.descendants();
            nodes.filter(|n| n.has_tag_name(name)).count()
        };
        assert_eq!(count("failure"), 1);
        assert!(count("testcase") >= 2);
        let failure = document
            .descendants()
            .find(|n| n.has_tag_name("failure"))
            .unwrap();
        assert_eq!(failure.attribute("type"), Some("failed"));
        assert!(failure.text().unwrap().contains("thread 2"));
    }
}
