//! Every form against its contract: the fields that the system insists on, their ranges, and that
//! nothing without a mark becomes a zero.

use serde_json::Value;

use super::{Format, export};
use crate::assignment::Visibility;
use crate::batch::{Batch, Entry, SCHEMA};
use crate::feedback::Headline;
use crate::rubric::{Mark, Marks, Outcome, Status};

fn mark(id: &str, status: Status, points: f64, max: f64, reason: &str) -> Mark {
    Mark {
        id: id.to_owned(),
        title: format!("Criterion {id}"),
        status,
        points: (status != Status::Pending).then_some(points),
        max_points: max,
        extra_credit: false,
        visibility: Visibility::Visible,
        reasons: (!reason.is_empty())
            .then(|| reason.to_owned())
            .into_iter()
            .collect(),
    }
}

fn entry(id: &str, name: &str, outcome: Outcome, criteria: Vec<Mark>) -> Entry {
    let raw: f64 = criteria.iter().filter_map(|c| c.points).sum();
    Entry {
        id: id.to_owned(),
        submission: id.to_owned(),
        name: name.to_owned(),
        email: format!("{id}@example.org"),
        student_id: id.trim_start_matches('s').to_owned(),
        submitted_at: None,
        hash: "00".to_owned(),
        notes: Vec::new(),
        marks: Marks {
            outcome,
            reasons: Vec::new(),
            points: (outcome == Outcome::Graded).then_some(raw),
            raw_points: raw,
            max_points: 4.0,
            late_percent: 0.0,
            criteria,
        },
        headlines: vec![Headline {
            what: "What <b>".to_owned(),
            why: "Why".to_owned(),
            advice: "Do".to_owned(),
            file: Some("src/lib.rs".to_owned()),
            line: 7,
        }],
        lints: Vec::new(),
    }
}

fn batch() -> Batch {
    let good = vec![
        mark("compiles", Status::Met, 1.0, 1.0, ""),
        mark("exact", Status::Partly, 1.5, 3.0, "fails, <i>\u{1b}[1m"),
    ];
    Batch {
        schema: SCHEMA.to_owned(),
        assignment: "a".to_owned(),
        title: "An, \"assignment\"".to_owned(),
        assignment_hash: "11".to_owned(),
        max_points: 4.0,
        submissions: vec![
            entry("s1", "=cmd|' /C'!A0", Outcome::Graded, good),
            entry("s2", "Bob, jr.", Outcome::Failed, Vec::new()),
        ],
    }
}

fn one(format: Format, index: usize) -> anyhow::Result<String> {
    let mut batch = batch();
    batch.submissions = vec![batch.submissions.swap_remove(index)];
    export(format, &batch, None)
}

fn json(format: Format, index: usize) -> Value {
    serde_json::from_str(&one(format, index).unwrap()).unwrap()
}

#[test]
fn gradescope() {
    let value = json(Format::Gradescope, 0);
    assert_eq!(value["score"], 2.5);
    let tests = value["tests"].as_array().unwrap();
    assert_eq!(tests[1]["score"], 1.5);
    assert_eq!(tests[1]["max_score"], 3.0);
    assert_eq!(tests[1]["status"], "failed");
    for test in tests {
        let visibility = test["visibility"].as_str().unwrap();
        assert!(["visible", "hidden", "after_due_date", "after_published"].contains(&visibility));
        assert!(test["number"].is_string());
    }
    let failed = json(Format::Gradescope, 1);
    assert!(failed.get("score").is_none() && failed.get("tests").is_none());
}

#[test]
fn prairielearn() {
    let value = json(Format::PrairieLearn, 0);
    assert_eq!(value["score"], 0.625);
    for test in value["tests"].as_array().unwrap() {
        assert!(test["points"].is_number() && test["max_points"].is_number());
    }
    let failed = json(Format::PrairieLearn, 1);
    assert_eq!(failed["gradable"], false);
    assert!(failed["format_errors"].is_array() && failed.get("score").is_none());
}

#[test]
fn autolab() {
    let text = one(Format::Autolab, 0).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let scores: Value = serde_json::from_str(lines[lines.len() - 1]).unwrap();
    assert_eq!(scores["scores"]["exact"], 1.5);
    let table: Value = serde_json::from_str(lines[lines.len() - 2]).unwrap();
    assert_eq!(table["_presentation"], "semantic");
    let stage = table["stages"][0].as_str().unwrap();
    assert_eq!(table[stage]["exact"]["passed"], false);
    assert!(one(Format::Autolab, 1).is_err(), "no mark is no zero");
}

#[test]
fn exercism() {
    let value = json(Format::Exercism, 0);
    assert_eq!(value["version"], 3);
    assert_eq!(value["status"], "fail");
    for test in value["tests"].as_array().unwrap() {
        assert!(["pass", "fail", "error"].contains(&test["status"].as_str().unwrap()));
        assert!(test["name"].is_string() && test["test_code"].is_string());
    }
    let failed = json(Format::Exercism, 1);
    assert_eq!(failed["status"], "error");
    assert!(!failed["message"].as_str().unwrap().is_empty());
}

#[test]
fn markus() {
    for index in 0..2 {
        for line in one(Format::MarkUs, index).unwrap().lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            let status = value["status"].as_str().unwrap();
            assert!(["pass", "fail", "partial", "error"].contains(&status));
            assert!(value["marks_earned"].is_number() && value["marks_total"].is_number());
        }
    }
}

#[test]
fn codegrade() {
    let text = one(Format::CodeGrade, 0).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[0]["tag"], "comments");
    let comment = &lines[0]["comments"][0];
    assert_eq!(comment["filename"], "src/lib.rs");
    assert_eq!(comment["items"][0]["loc"]["start"]["line"], 7);
    assert_eq!(lines[1]["points"], 0.625);
    assert!(!one(Format::CodeGrade, 1).unwrap().contains("points"));
}

#[test]
fn junit() {
    let text = export(Format::JUnit, &batch(), None).unwrap();
    assert!(text.contains("<testsuites name=\"a\" tests=\"3\" failures=\"1\" errors=\"1\">"));
    assert!(
        text.contains("&lt;i&gt;[1m"),
        "escaped, and no escape character: {text}"
    );
    assert_eq!(text.matches("<testcase").count(), 3);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn tables_quote_and_disarm() {
    for format in [Format::Csv, Format::Canvas, Format::Moodle] {
        let text = export(format, &batch(), None).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        assert!(text.contains("'=cmd|"), "{text}");
        for row in reader.records() {
            assert!(row.unwrap().iter().all(|c| !c.starts_with('=')));
        }
    }
    let moodle = export(Format::Moodle, &batch(), None).unwrap();
    assert!(
        !moodle.contains("Bob"),
        "feedback without a grade deletes the grade"
    );
}

#[test]
fn canvas_fills_its_own_file_in() {
    let template = "Student,ID,SIS Login ID,Section,\"An, \"\"assignment\"\" (42)\"\n\
                    \"    Points Possible\",,,,4\n\"Ann\",1,ann,A,\n\"Bob, jr.\",2,bob,A,3\n";
    let text = export(Format::Canvas, &batch(), Some(template)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], "Ann,1,ann,A,2.5");
    assert_eq!(
        lines[3], "\"Bob, jr.\",2,bob,A,3",
        "no mark leaves the cell alone"
    );
    assert!(export(Format::Canvas, &batch(), Some("a,b\n")).is_err());
}

#[test]
fn moodle_fills_its_own_file_in() {
    let template = "Identifier,\"Full name\",\"Email address\",Grade,\"Feedback comments\"\n\
                    \"Participant 1\",Ann,x@y,,\n\"Participant 2\",Bob,z@y,-,\n";
    let text = export(Format::Moodle, &batch(), Some(template)).unwrap();
    let mut lines = text.lines();
    assert!(
        lines
            .nth(1)
            .unwrap()
            .starts_with("Participant 1,Ann,x@y,2.5,")
    );
    assert!(text.contains("Participant 2,Bob,z@y,-,"));
}

#[test]
fn one_at_a_time() {
    assert!(export(Format::Gradescope, &batch(), None).is_err());
    let text = export(Format::Json, &batch(), None).unwrap();
    assert_eq!(serde_json::from_str::<Batch>(&text).unwrap(), batch());
}
