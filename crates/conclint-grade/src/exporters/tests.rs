//! Every form against its contract. JSON is held against schemas that were written from the systems'
//! documents (`fixtures/schemas`), tables and XML against golden files with the contract beside them
//! (`golden/README.md`); then what no schema says, such as that nothing without a mark becomes a
//! zero.

mod templates;
mod totals;

use serde_json::Value;

use super::{Format, export};
use crate::assignment::Visibility;
use crate::batch::{Batch, Entry, SCHEMA};
use crate::feedback::Headline;
use crate::intake::Origin;
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
        origin: Origin::Unknown,
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
    Ok(export(format, &batch, None)?.text)
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
    assert_eq!(
        table[stage]["Criterion exact"]["passed"], false,
        "a title, no id"
    );
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
    let case = &lines[1]["results"][0]["testCases"][1];
    assert_eq!(case["name"], "Criterion exact");
    assert_eq!(lines[2]["points"], 0.625);
    assert!(!one(Format::CodeGrade, 1).unwrap().contains("points"));
}

#[test]
fn junit() {
    let text = export(Format::JUnit, &batch(), None).unwrap().text;
    assert!(text.contains("<testsuites name=\"a\" tests=\"3\" failures=\"1\" errors=\"1\">"));
    assert!(
        text.contains("&lt;i&gt;\u{fffd}[1m"),
        "escaped, and no escape character: {text}"
    );
    assert_eq!(text.matches("<testcase").count(), 3);
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn tables_quote_and_disarm() {
    for format in [Format::Csv, Format::Canvas, Format::Moodle] {
        let text = export(format, &batch(), None).unwrap().text;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        assert!(text.contains("'=cmd|"), "{text}");
        for row in reader.records() {
            assert!(row.unwrap().iter().all(|c| !c.starts_with('=')));
        }
    }
    let moodle = export(Format::Moodle, &batch(), None).unwrap().text;
    assert!(
        !moodle.contains("Bob"),
        "feedback without a grade deletes the grade"
    );
}

#[test]
fn one_at_a_time() {
    assert!(export(Format::Gradescope, &batch(), None).is_err());
    let text = export(Format::Json, &batch(), None).unwrap().text;
    assert_eq!(serde_json::from_str::<Batch>(&text).unwrap(), batch());
}

/// Submissions of every sort: graded, late, with hidden and extra criteria, with text that is
/// hostile to every format, ungradable, partly graded, failed.
fn everything() -> Vec<Batch> {
    let hostile = "<b>&\"'\u{1b}[2J\u{202e} =1+1 | `x`\r\nsecond line, ;\u{0}";
    let long = "x".repeat(70_000);
    let full = vec![
        mark("compiles", Status::Met, 1.0, 1.0, ""),
        mark("exact", Status::Partly, 1.5, 3.0, hostile),
        mark("waits", Status::Lost, 0.0, 2.0, &long),
        mark(
            "mean",
            Status::NotRun,
            0.0,
            1.0,
            "it needs \"Criterion exact\"",
        ),
    ];
    let mut secret = full.clone();
    secret[1].visibility = Visibility::Hidden;
    secret[2].visibility = Visibility::AfterDueDate;
    secret[3].extra_credit = true;
    let mut late = entry("late", hostile, Outcome::Graded, full.clone());
    late.marks.late_percent = 20.0;
    late.marks.points = Some(2.0);
    late.lints = ["error", "warning", "note"].map(lint).to_vec();
    let pending = vec![mark(
        "exact",
        Status::Pending,
        0.0,
        3.0,
        "a person has to look",
    )];
    let no_code = vec![
        mark(
            "compiles",
            Status::Lost,
            0.0,
            1.0,
            "src/lib.rs:3: expected `;`",
        ),
        mark(
            "exact",
            Status::NotRun,
            0.0,
            3.0,
            "it needs \"Criterion compiles\"",
        ),
    ];
    let mut noise = entry("noise", "Eve", Outcome::Ungradable, Vec::new());
    noise.marks.reasons = vec!["src/lib.rs is missing".to_owned()];
    noise.headlines.clear();
    let entries = vec![
        entry("full", "Ann", Outcome::Graded, full),
        entry("secret", "Bea", Outcome::Graded, secret),
        late,
        entry("partly", "=Cid", Outcome::PartlyGraded, pending),
        entry("broken", "Dan", Outcome::Failed, Vec::new()),
        noise,
        entry("nocode", "Fay", Outcome::Graded, no_code),
    ];
    let one = |entry| Batch {
        submissions: vec![entry],
        ..batch()
    };
    entries.into_iter().map(one).collect()
}

fn lint(severity: &str) -> crate::evidence::Lint {
    crate::evidence::Lint {
        rule: "double-lock".to_owned(),
        code: "CL101".to_owned(),
        severity: severity.to_owned(),
        confidence: "high".to_owned(),
        message: "`state` is locked again".to_owned(),
        at: crate::evidence::Line {
            file: "src/lib.rs".to_owned(),
            line: 3,
        },
        paths: Vec::new(),
        help: Vec::new(),
    }
}

/// Holds a value against a schema of `fixtures/schemas`.
fn fits(schema: &str, value: &Value) {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/schemas");
    let text = std::fs::read_to_string(format!("{dir}/{schema}.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}\n{value:#}", errors.join("\n"));
}

#[test]
fn whole_documents_fit_their_schemas() {
    let forms = [
        (Format::Gradescope, "gradescope"),
        (Format::PrairieLearn, "prairielearn"),
        (Format::Exercism, "exercism"),
    ];
    for batch in everything() {
        for (format, schema) in forms {
            let text = export(format, &batch, None).unwrap().text;
            assert!(text.len() < 500_000, "{format:?}: every system has a limit");
            let value: Value = serde_json::from_str(&text).unwrap();
            // Where the grader owes a mark, Gradescope gets neither score nor tests: it then asks a
            // person.
            let outcome = batch.submissions[0].marks.outcome;
            if format == Format::Gradescope && outcome.needs_human() {
                assert!(value.get("score").is_none() && value.get("tests").is_none());
                continue;
            }
            fits(schema, &value);
        }
    }
}

#[test]
fn lines_fit_their_schemas() {
    for batch in everything() {
        for (format, schema) in [(Format::MarkUs, "markus"), (Format::CodeGrade, "codegrade")] {
            let text = export(format, &batch, None).unwrap().text;
            for line in text.lines() {
                fits(schema, &serde_json::from_str(line).unwrap());
            }
        }
        if batch.submissions[0].marks.points.is_none() {
            assert!(export(Format::Autolab, &batch, None).is_err());
            continue;
        }
        let text = export(Format::Autolab, &batch, None).unwrap().text;
        let mut lines = text.lines().rev();
        fits(
            "autolab-scores",
            &serde_json::from_str(lines.next().unwrap()).unwrap(),
        );
        fits(
            "autolab-feedback",
            &serde_json::from_str(lines.next().unwrap()).unwrap(),
        );
    }
}

#[test]
fn schemas_refuse_what_they_should() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/schemas");
    for (schema, bad) in [
        ("gradescope", r#"{"tests":[{"status":"ok"}]}"#),
        ("gradescope", r#"{"output":"neither score nor tests"}"#),
        ("prairielearn", r#"{"score":1.5}"#),
        (
            "prairielearn",
            r#"{"gradable":false,"format_errors":[],"score":0}"#,
        ),
        ("exercism", r#"{"version":3,"status":"error"}"#),
        (
            "markus",
            r#"{"test_name":"a","output":"","marks_earned":1,"marks_total":1,"status":"ok"}"#,
        ),
        ("codegrade", r#"{"tag":"points","points":2}"#),
        ("autolab-scores", r#"{"scores":{"a":"1"}}"#),
        ("autolab-feedback", r#"{"stages":["a"],"a":{}}"#),
    ] {
        let text = std::fs::read_to_string(format!("{dir}/{schema}.schema.json")).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
        let value: Value = serde_json::from_str(bad).unwrap();
        assert!(!validator.is_valid(&value), "{schema}: {bad}");
    }
}

/// Golden files; `CONCLINT_BLESS=1` writes them.
#[test]
fn tables_and_xml_are_as_they_were_agreed() {
    let all = Batch {
        submissions: everything()
            .into_iter()
            .flat_map(|b| b.submissions)
            .map(|mut e| {
                // The long text says nothing in a table.
                for mark in &mut e.marks.criteria {
                    mark.reasons.iter_mut().for_each(|r| r.truncate(60));
                }
                e
            })
            .collect(),
        ..batch()
    };
    let canvas = "Student,ID,SIS User ID,SIS Login ID,Section,\"An, \"\"assignment\"\" (42)\"\n\
                  \"    Points Possible\",,,,,4\nAnn,full,,,A,\nLate,late,,,A,1\nDan,broken,,,A,-\n";
    let moodle = "Identifier,\"Full name\",\"Email address\",Status,Grade,\"Maximum Grade\",\
                  \"Last modified (grade)\",\"Feedback comments\"\n\
                  \"Participant 1\",Ann,full@example.org,,,4.00,-,\n\
                  \"Participant 5\",Dan,broken@example.org,,1.00,4.00,-,kept\n";
    for (name, format, template) in [
        ("junit.xml", Format::JUnit, None),
        ("plain.csv", Format::Csv, None),
        ("marks.json", Format::Json, None),
        ("canvas.csv", Format::Canvas, None),
        ("canvas-filled.csv", Format::Canvas, Some(canvas)),
        ("moodle.csv", Format::Moodle, None),
        ("moodle-worksheet.csv", Format::Moodle, Some(moodle)),
    ] {
        let mut all = all.clone();
        for entry in &mut all.submissions {
            entry.origin = match format {
                Format::Canvas => Origin::Canvas,
                Format::Moodle => Origin::Moodle,
                _ => Origin::Unknown,
            };
        }
        let text = export(format, &all, template).unwrap().text;
        let path = format!("{}/src/exporters/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("CONCLINT_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == golden, "{name} is not as agreed:\n{text}");
    }
}
