//! What a system computes from an export is the mark, and nothing of what is hidden is in it.

use serde_json::Value;

use super::super::{Format, export, release};
use super::{batch, entry, json, lint, mark, one};
use crate::assignment::Visibility;
use crate::batch::Batch;
use crate::rubric::{Outcome, Status};

/// 5 of 9 points before and 4 after lateness; one criterion hidden, one for later, one extra.
fn late_and_secret() -> Batch {
    let mut criteria = vec![
        mark("compiles", Status::Met, 1.0, 1.0, ""),
        mark("alone", Status::Partly, 0.5, 2.0, "fails"),
        mark("exact", Status::Lost, 0.0, 3.0, "EXACT fails"),
        mark("waits", Status::Met, 1.0, 1.0, "LATER"),
        mark("mean", Status::Met, 2.0, 2.0, "HIDDEN"),
        mark("lints", Status::Partly, 0.5, 1.0, "lint"),
    ];
    criteria[3].visibility = Visibility::AfterDueDate;
    criteria[4].visibility = Visibility::Hidden;
    criteria[5].extra_credit = true;
    let mut late = entry("s1", "Ann", Outcome::Graded, criteria);
    late.marks.max_points = 9.0;
    late.marks.late_percent = 20.0;
    late.marks.points = Some(4.0);
    Batch {
        submissions: vec![late],
        max_points: 9.0,
        ..batch()
    }
}

fn text(format: Format, batch: &Batch) -> String {
    export(format, batch, None).unwrap().text
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|l| serde_json::from_str(l).unwrap());
    lines.collect()
}

fn near(sum: f64, mark: f64) -> bool {
    (sum - mark).abs() < 1e-9
}

#[test]
fn codegrade_computes_the_mark() {
    let list = lines(&text(Format::CodeGrade, &late_and_secret()));
    let share = list.last().unwrap()["points"].as_f64().unwrap();
    assert!(near(share, 4.0 / 9.0), "{share}");
}

#[test]
fn autolab_adds_up_to_the_mark() {
    let out = text(Format::Autolab, &late_and_secret());
    let scores: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let scores = scores["scores"].as_object().unwrap();
    let sum: f64 = scores.values().filter_map(Value::as_f64).sum();
    assert!(near(sum, 4.0), "{scores:?}");
    assert_eq!(scores["not-shown"], 3.0);
    assert_eq!(scores["lateness"], -1.0);
}

#[test]
fn markus_adds_up_to_the_mark_without_negative_points() {
    let list = lines(&text(Format::MarkUs, &late_and_secret()));
    let of = |field: &str| -> Vec<f64> { list.iter().filter_map(|l| l[field].as_f64()).collect() };
    let (earned, total) = (of("marks_earned"), of("marks_total"));
    assert!(near(earned.iter().sum(), 4.0), "{earned:?}");
    let sum = total.iter().sum();
    assert!(near(sum, 9.0), "extra points come on top: {total:?}");
    assert!(earned.iter().all(|points| *points >= 0.0), "{earned:?}");
}

#[test]
fn nothing_hidden_is_told() {
    let mut batch = late_and_secret();
    let mut secret = lint("error");
    "SECRET".clone_into(&mut secret.message);
    let entry = &mut batch.submissions[0];
    entry.marks.criteria[4].reasons.push(secret.reason());
    entry.lints = vec![lint("error"), secret];
    for format in [
        Format::PrairieLearn,
        Format::Autolab,
        Format::Exercism,
        Format::MarkUs,
        Format::CodeGrade,
        Format::JUnit,
        Format::Moodle,
    ] {
        let out = text(format, &batch);
        let words = ["HIDDEN", "LATER", "SECRET", "ion mean", "ion waits"];
        for word in words {
            assert!(!out.contains(word), "{format:?}: {word} in {out}");
        }
    }
    let out = text(Format::CodeGrade, &batch);
    assert!(out.contains("is locked again"), "no criterion hides it");
    // Nothing ran, so Exercism gets every reason that may be told.
    batch.submissions[0].marks.criteria[0].status = Status::Lost;
    let out = text(Format::Exercism, &batch);
    assert!(out.contains("EXACT") && !out.contains("HIDDEN"), "{out}");
}

#[test]
fn what_is_for_later_is_shown_when_released() {
    let mut batch = late_and_secret();
    release(&mut batch);
    for format in [
        Format::Autolab,
        Format::MarkUs,
        Format::CodeGrade,
        Format::JUnit,
    ] {
        let out = text(format, &batch);
        assert!(out.contains("Criterion waits"), "{format:?}: {out}");
        assert!(!out.contains("HIDDEN"), "{format:?}: {out}");
    }
}

#[test]
fn lateness_is_told() {
    let mut open = late_and_secret();
    for mark in &mut open.submissions[0].marks.criteria {
        mark.visibility = Visibility::Visible;
    }
    for format in [
        Format::Gradescope,
        Format::PrairieLearn,
        Format::Autolab,
        Format::CodeGrade,
        Format::JUnit,
        Format::Moodle,
    ] {
        let told = "20 per cent off for lateness";
        let out = text(format, &open);
        let whole = format!("{told}: 5 points before.");
        assert!(out.contains(&whole), "{format:?}: {out}");
        let out = text(format, &late_and_secret());
        assert!(out.contains(told), "{format:?}: {out}");
        if [Format::Gradescope, Format::PrairieLearn, Format::Moodle].contains(&format) {
            assert!(!out.contains("points before"), "a total: {out}");
        }
    }
    // Where the points are listed anyway, those before lateness are, too.
    for format in [Format::Autolab, Format::CodeGrade] {
        let out = text(format, &late_and_secret());
        assert!(out.contains("lateness: 5 points before"), "{out}");
    }
    let list = lines(&text(Format::MarkUs, &late_and_secret()));
    let output = "fails\n20 per cent off for lateness: 0.5 points before.";
    assert_eq!(list[1]["output"], output);
}

#[test]
fn what_the_student_spoilt_is_a_zero_with_the_reason() {
    let mut batch = batch();
    let mut noise = entry("s1", "Eve", Outcome::Ungradable, Vec::new());
    noise.marks.reasons = vec!["src/lib.rs is missing".to_owned()];
    noise.headlines.clear();
    batch.submissions = vec![noise];
    let value: Value = serde_json::from_str(&text(Format::Gradescope, &batch)).unwrap();
    assert_eq!(value["score"], 0.0);
    assert_eq!(value["tests"][0]["max_score"], 4.0);
    for said in [&value["output"], &value["tests"][0]["output"]] {
        let said = said.as_str().unwrap();
        assert!(said.contains("src/lib.rs is missing"), "{value}");
    }
    let list = lines(&text(Format::CodeGrade, &batch));
    let reason = &list[0]["results"][0]["testCases"][0]["reason"];
    assert!(reason.as_str().unwrap().contains("src/lib.rs is missing"));
    assert_eq!(list[1]["points"], 0.0);
}

#[test]
fn students_read_titles_and_not_ids() {
    let tests = json(Format::PrairieLearn, 0);
    assert!(tests["tests"][0].get("description").is_none());
    let tests = json(Format::Exercism, 0);
    assert_eq!(tests["tests"][0]["test_code"], "Criterion compiles");
    let out = one(Format::Autolab, 0).unwrap();
    let table = out.lines().rev().nth(1).unwrap();
    assert!(table.contains("\"Criterion exact\""), "{table}");
}

#[test]
fn comments_are_sentences() {
    let mut batch = batch();
    batch.submissions.truncate(1);
    for format in [Format::Gradescope, Format::CodeGrade, Format::Moodle] {
        let out = text(format, &batch);
        assert!(out.contains("What <b>. Why Do"), "{format:?}: {out}");
    }
}
