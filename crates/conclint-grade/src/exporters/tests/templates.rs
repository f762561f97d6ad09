//! Files of Canvas and Moodle that are filled in: nobody gets another's mark, and no mark is lost
//! without a word.

use super::super::{Export, Format, export};
use super::batch;
use crate::batch::Batch;
use crate::intake::Origin;

/// Ann with 2.5 points, whose id is 1, and Bob without a mark, whose id is 2.
fn of(origin: Origin) -> Batch {
    let mut batch = batch();
    for entry in &mut batch.submissions {
        entry.origin = origin;
    }
    batch
}

fn fill(format: Format, batch: &Batch, template: &str) -> Export {
    export(format, batch, Some(template)).unwrap()
}

fn refused(format: Format, batch: &Batch, template: &str) -> String {
    export(format, batch, Some(template))
        .unwrap_err()
        .to_string()
}

const CANVAS: &str = "Student,ID,SIS Login ID,Section,\"An, \"\"assignment\"\" (42)\"\n    \
                      Points Possible,,,,4\nAnn,1,ann,A,\n\"Bob, jr.\",2,bob,A,3\n";
const MOODLE: &str = "Identifier,\"Full name\",\"Email address\",Grade,\"Maximum Grade\",\
                      \"Grade can be changed\",\"Feedback comments\"\n\
                      Participant 1,Ann,x@y,,4.00,Yes,\nParticipant 2,Bob,z@y,-,4.00,Yes,\n";

#[test]
fn canvas_fills_its_own_file_in() {
    let filled = fill(Format::Canvas, &of(Origin::Canvas), CANVAS);
    let lines: Vec<&str> = filled.text.lines().collect();
    assert_eq!(lines[2], "Ann,1,ann,A,2.5");
    let bob = "\"Bob, jr.\",2,bob,A,3";
    assert_eq!(lines[3], bob, "no mark leaves the cell alone");
    assert!(filled.unplaced.is_empty() && filled.notes.is_empty());
    assert!(export(Format::Canvas, &batch(), Some("a,b\n")).is_err());
}

#[test]
fn canvas_logins_are_addresses_or_plain_names() {
    let mut batch = of(Origin::Gradescope);
    "ANN@example.org".clone_into(&mut batch.submissions[0].email);
    let template = CANVAS.replace(",ann,", ",ann@example.org,");
    let filled = fill(Format::Canvas, &batch, &template);
    assert!(filled.text.contains(",ann@example.org,A,2.5"), "{filled:?}");
    let mut batch = of(Origin::Unknown);
    "ann".clone_into(&mut batch.submissions[0].name);
    let filled = fill(Format::Canvas, &batch, CANVAS);
    assert!(filled.text.contains("Ann,1,ann,A,2.5"), "{filled:?}");
}

#[test]
fn moodle_fills_its_own_file_in() {
    let filled = fill(Format::Moodle, &of(Origin::Moodle), MOODLE);
    let first = filled.text.lines().nth(1).unwrap();
    assert!(first.starts_with("Participant 1,Ann,x@y,2.5,4.00,Yes,"));
    assert!(filled.text.contains("Participant 2,Bob,z@y,-,"));
    assert!(filled.unplaced.is_empty(), "{filled:?}");
}

#[test]
fn a_number_of_another_system_is_somebody_elses() {
    for (format, template, own) in [
        (Format::Canvas, CANVAS, Origin::Canvas),
        (Format::Moodle, MOODLE, Origin::Moodle),
    ] {
        for origin in [Origin::Canvas, Origin::Moodle, Origin::Gradescope] {
            let filled = fill(format, &of(origin), template);
            let placed = filled.text.contains("2.5");
            assert_eq!(placed, origin == own, "{format:?} {origin:?}");
            let told = filled.unplaced.is_empty();
            assert_eq!(told, origin == own, "{format:?} {origin:?}");
        }
    }
    let fresh = export(Format::Canvas, &of(Origin::Moodle), None).unwrap();
    assert!(fresh.text.contains(",,s1@example.org,"), "{}", fresh.text);
}

#[test]
fn marks_without_a_row_are_named() {
    let mut batch = of(Origin::Canvas);
    "77".clone_into(&mut batch.submissions[0].student_id);
    let filled = fill(Format::Canvas, &batch, CANVAS);
    assert_eq!(filled.text, CANVAS);
    assert_eq!(filled.unplaced.len(), 1);
    let line = &filled.unplaced[0];
    assert!(line.contains("2.5 points") && line.ends_with("no row"));
}

#[test]
fn nobody_is_guessed() {
    let mut batch = of(Origin::Moodle);
    batch.submissions[1] = batch.submissions[0].clone();
    "s9".clone_into(&mut batch.submissions[1].id);
    let filled = fill(Format::Moodle, &batch, MOODLE);
    assert!(!filled.text.contains("2.5"), "two for one row: {filled:?}");
    assert!(filled.unplaced[0].contains("s9"), "{filled:?}");
    let mut batch = of(Origin::Unknown);
    "Ann".clone_into(&mut batch.submissions[0].name);
    let two = MOODLE.replace(",Bob,", ",Ann,");
    let filled = fill(Format::Moodle, &batch, &two);
    assert!(!filled.text.contains("2.5"), "two rows for one: {filled:?}");
    assert!(filled.unplaced[0].ends_with("2 rows fit"), "{filled:?}");
}

#[test]
fn a_group_gets_a_row_each() {
    let mut batch = of(Origin::Gradescope);
    "x@y, z@y, q@y".clone_into(&mut batch.submissions[0].email);
    let filled = fill(Format::Moodle, &batch, MOODLE);
    assert_eq!(filled.text.matches(",2.5,").count(), 2, "{filled:?}");
    assert!(filled.unplaced[0].ends_with("no row for 1 of them"));
}

#[test]
fn a_new_column_of_canvas_has_its_maximum() {
    for template in [
        CANVAS.replace("(42)", "B (42)").replace("An, ", "Another "),
        "Student,ID,SIS Login ID,Section\nAnn,1,ann,A\n".to_owned(),
    ] {
        let filled = fill(Format::Canvas, &of(Origin::Canvas), &template);
        let lines: Vec<&str> = filled.text.lines().collect();
        assert!(lines[1].starts_with("    Points Possible,"), "{filled:?}");
        assert!(lines[1].ends_with(",4"), "{filled:?}");
        assert!(lines[2].ends_with(",2.5"), "{filled:?}");
        assert!(filled.notes[0].contains("new assignment"), "{filled:?}");
    }
    let five = CANVAS.replace(",4\n", ",5\n");
    let filled = fill(Format::Canvas, &of(Origin::Canvas), &five);
    assert!(filled.notes[0].contains("5 points possible"), "{filled:?}");
}

#[test]
fn the_maximum_of_moodle_is_kept() {
    let batch = of(Origin::Moodle);
    let said = refused(Format::Moodle, &batch, &MOODLE.replace("4.00", "5.00"));
    assert!(said.contains("maximum is 5.00") && said.contains("to 4 points"));
    let comma = MOODLE.replace("4.00", "\"4,00\"");
    assert!(fill(Format::Moodle, &batch, &comma).unplaced.is_empty());
    let mut extra = batch;
    extra.submissions[0].marks.points = Some(4.5);
    let said = refused(Format::Moodle, &extra, MOODLE);
    assert!(said.contains("4.5 points") && said.contains("by hand"));
}

#[test]
fn a_grade_that_cannot_be_changed_is_left_alone() {
    let locked = MOODLE.replace("Ann,x@y,,4.00,Yes", "Ann,x@y,1,5.00,No");
    let filled = fill(Format::Moodle, &of(Origin::Moodle), &locked);
    assert!(filled.text.contains("Ann,x@y,1,5.00,No,\n"), "{filled:?}");
    assert!(filled.unplaced[0].contains("cannot be changed"));
}
