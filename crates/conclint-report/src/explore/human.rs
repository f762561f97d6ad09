//! For people: a line a test, and the story of each failure.

use std::io::{self, Write};

use conclint_diag::explore::{Exhausted, Exploration, Explored, Failure, Verdict};

use super::{columns, snippet};
use crate::ExploreReport;
use crate::summary::count;
use crate::text::one_line;

pub(crate) fn write(
    report: &ExploreReport<'_>,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let exploration = report.exploration;
    if !exploration.replay {
        overview(out, &exploration.tests)?;
    }
    for test in &exploration.tests {
        let shown = test.verdict.is_failure() || exploration.replay;
        if let Some(failure) = test.failure.as_ref().filter(|_| shown) {
            writeln!(out)?;
            story(report, color, out, test, failure)?;
        }
    }
    writeln!(out, "\n{}", explore_summary_line(exploration))
}

impl ExploreReport<'_> {
    /// The stories alone: of each test what happens, or why nothing can be said.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write_stories(&self, color: bool, out: &mut dyn Write) -> io::Result<()> {
        for test in &self.exploration.tests {
            match &test.failure {
                Some(failure) => story(self, color, out, test, failure)?,
                None => {
                    let verdict = test.verdict.as_str();
                    let (name, why) = (one_line(&test.test), one_line(&test.reason));
                    writeln!(out, "{verdict}: {name}: {why}")?;
                }
            }
        }
        Ok(())
    }
}

/// A heading a target, a line a test.
fn overview(out: &mut dyn Write, tests: &[Explored]) -> io::Result<()> {
    let mut heading = None;
    let width = tests.iter().map(|t| t.test.chars().count()).max();
    let width = width.unwrap_or(0).min(64);
    for test in tests {
        let target = (&test.package, &test.target);
        if heading != Some(target) {
            writeln!(
                out,
                "{} ({})",
                one_line(&test.package),
                one_line(&test.target)
            )?;
            heading = Some(target);
        }
        let line = format!(
            "  {:12}  {:width$}  {}",
            test.verdict.as_str(),
            one_line(&test.test),
            effort(test)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What was done, and what may be concluded from it.
fn effort(test: &Explored) -> String {
    let mut parts = Vec::new();
    if test.executions > 0 {
        parts.push(count_of(test.executions, "schedule", "schedules"));
    }
    if test.verdict == Verdict::Passed {
        match test.exhausted {
            Some(Exhausted::All) => parts.push("all there are".to_owned()),
            Some(Exhausted::Preemptions(bound)) => parts.push(format!(
                "all with at most {}",
                count_of(bound.into(), "preemption", "preemptions")
            )),
            None => {}
        }
    }
    if !test.reason.is_empty() {
        parts.push(one_line(&test.reason).into_owned());
    }
    parts.join(", ")
}

fn count_of(n: u64, one: &str, many: &str) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), one, many)
}

fn story(
    report: &ExploreReport<'_>,
    color: bool,
    out: &mut dyn Write,
    test: &Explored,
    failure: &Failure,
) -> io::Result<()> {
    if test.verdict.is_failure() {
        snippet::write(out, color, report.sources, test, failure, report.width)?;
    } else {
        let why = match test.reason.as_str() {
            "" => "the schedule does not fail".into(),
            reason => one_line(reason),
        };
        let verdict = test.verdict.as_str();
        writeln!(out, "{verdict}: {}: {why}\n", one_line(&test.test))?;
    }
    if !failure.timeline.is_empty() {
        columns::write(out, report.sources, failure, report.width)?;
        writeln!(out)?;
    }
    for lost in &failure.unapplied {
        writeln!(out, "no longer applies: {}", one_line(lost))?;
    }
    let mut found = Vec::new();
    if test.executions > 0 {
        found.push(format!("found by schedule {}", test.executions));
    }
    if test.verdict.is_failure() {
        found.push(match failure.preemptions {
            0 => "no preemption is needed".to_owned(),
            n => count_of(n, "preemption", "preemptions"),
        });
    }
    if !found.is_empty() {
        writeln!(out, "{}", found.join("; "))?;
    }
    if let Some(file) = &failure.schedule_file {
        let mut command = format!("conclint replay {}", quoted(file));
        for argument in &report.exploration.replay_arguments {
            command.push(' ');
            command.push_str(&quoted(argument));
        }
        writeln!(out, "replay: {command}")?;
    }
    Ok(())
}

/// As a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-=+:,@".contains(c);
    match argument.chars().all(plain) {
        true => argument.to_owned(),
        false => format!("'{}'", one_line(argument).replace('\'', "'\\''")),
    }
}

/// `7 tests, 10 102 schedules: 1 failed, 1 deadlock, 4 passed, 1 skipped`.
pub fn explore_summary_line(exploration: &Exploration) -> String {
    let tests = &exploration.tests;
    let schedules: u64 = tests.iter().map(|t| t.executions).sum();
    let verdicts: Vec<String> = Verdict::ALL
        .iter()
        .map(|v| (tests.iter().filter(|t| t.verdict == *v).count(), v))
        .filter(|(n, _)| *n > 0)
        .map(|(n, v)| format!("{n} {}", v.as_str()))
        .collect();
    let mut seen = vec![count(tests.len(), "test", "tests")];
    if !exploration.replay {
        seen.push(count_of(schedules, "schedule", "schedules"));
    }
    format!("{}: {}", seen.join(", "), verdicts.join(", "))
}

#[cfg(test)]
mod tests {
    use conclint_diag::explore::Place;

    use super::super::ExploreFormat;
    use super::super::sample::Sample;

    #[test]
    fn the_replay_line_can_be_pasted() {
        assert_eq!(super::quoted("target/a-b.json"), "target/a-b.json");
        assert_eq!(super::quoted("it's here"), "'it'\\''s here'");
        let mut sample = Sample::lost_update();
        sample.exploration.replay_arguments = vec!["--manifest-path".into(), "a b".into()];
        let text = sample.render(ExploreFormat::Human);
        assert!(
            text.contains("total.json --manifest-path 'a b'\n"),
            "{text}"
        );
    }

    #[test]
    fn draws_a_lost_update() {
        let text = Sample::lost_update().render(ExploreFormat::Human);
        assert_eq!(
            text,
            "\
counter (lib)
  passed        tests::one    4 schedules, all there are
  failed        tests::total  4 schedules
  skipped       tests::zero   ignored

error[failed]: tests::total: an addition is lost
  ┌─ src/lib.rs:9:5
  │
3 │     value.store(seen + 1, SeqCst);
  │           ----- thread 1 is interrupted before this, thread 2 runs
  ·
9 │     assert_eq!(total, 2);
  │     ^^^^^^^^^^^^^^^^^^^^ main panics: assertion `left == right` failed
  │
  =   left: 1
  =  right: 2

  thread 1        thread 2        src/lib.rs
  load value = 0                  2  let seen = value.load(SeqCst);
>> thread 1 is interrupted, thread 2 runs
                  load value = 0  2  let seen = value.load(SeqCst);
                  store value = 1 3  value.store(seen + 1, SeqCst);
  store value = 1                 3  value.store(seen + 1, SeqCst);

found by schedule 4; 1 preemption
replay: conclint replay target/conclint/schedules/total.json

3 tests, 8 schedules: 1 failed, 1 passed, 1 skipped
"
        );
    }

    #[test]
    fn a_guard_does_not_end_where_it_is_taken() {
        let mut sample = Sample::lost_update();
        let failure = sample.exploration.tests[1].failure.as_mut().unwrap();
        failure.timeline[3].op = "unlock".to_owned();
        let text = sample.render(ExploreFormat::Human);
        let label = "- thread 1 is interrupted before the guard from here ends, thread 2 runs";
        assert!(text.contains(label), "{text}");
    }

    #[test]
    fn notes_are_as_wide_as_the_rest() {
        let mut sample = Sample::lost_update();
        let failure = sample.exploration.tests[1].failure.as_mut().unwrap();
        failure.notes = vec!["no more than a few words a line ".repeat(8)];
        let text = sample.render(ExploreFormat::Human);
        assert_eq!(text.matches("few").count(), 8, "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
        assert!(text.contains("  = no more than"), "{text}");
    }

    #[test]
    fn steps_inside_dependencies_are_one_row_a_line() {
        let mut sample = Sample::lost_update();
        let failure = sample.exploration.tests[1].failure.as_mut().unwrap();
        let load = failure.timeline[0].clone();
        let within = |line: u32, note: &str| {
            let mut event = load.clone();
            event.inside = Some(Place {
                file: "some_lock-0.12.5/src/raw.rs".into(),
                line,
                ..load.place.clone()
            });
            event.note = note.to_owned();
            event
        };
        // Of a thread of the dependency's own: no line of the project led there.
        let mut alone = within(9, "waits");
        alone.place = alone.inside.clone().unwrap();
        let steps = [within(1, ""), within(2, ""), within(3, ""), alone];
        failure.timeline.splice(0..1, steps);
        let text = sample.render(ExploreFormat::Human);
        let rows = "\
  3 steps in some_lock                            lib.rs:2  let seen = value.load(SeqCst);
  1 step in some_lock, waits                      raw.rs:9
>> thread 1 is interrupted, thread 2 runs
";
        assert!(text.contains(rows), "{text}");
    }
}
