//! What one child runs: executions, one after the other, until something ends the batch.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use conclint_schedule::{Portfolio, Strategy as _};

use super::Test;
use super::child::files_left;
use super::judge::{EARLY, LONG, body, fingerprint, flags_for, flags_of_phase, quiet, settings};
use super::notes::{Notes, Output};
use crate::exec::Runner;
use crate::interpose::real_millis;
use crate::statics::Watch;
use crate::wire::Job;
use crate::{hashing, journal};

/// Schedules and traces are told apart up to this many in a batch.
const COUNTED: usize = 100_000;

/// What a batch begins with.
pub(super) struct Start<'a> {
    pub job: &'a Job,
    pub test: &'a Test,
    pub max_steps: u64,
    /// Executions before it.
    pub first: u64,
    /// One execution only: statics carry state over.
    pub fresh: bool,
    /// Milliseconds of the real clock at which it ends.
    pub deadline: u64,
    /// The strategy's state.
    pub saved: Vec<u32>,
    pub statics: &'a [(usize, usize, String)],
    /// What was seen before it.
    pub notes: &'a Notes,
}

/// What a batch came to, as it crosses from the child to the supervisor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Executions so far, with those before the batch.
    pub executions: u64,
    pub steps: u64,
    /// The preemption bound exhausted.
    pub exhausted: Option<u32>,
    /// The search is over.
    pub over: bool,
    /// Flags of the last execution.
    pub flags: u64,
    /// The static that was written.
    pub touched: String,
    /// The failure's fingerprint.
    pub failure: String,
    /// What was seen beside failures.
    pub notes: Notes,
    /// Hashes of the schedules and of the traces.
    pub schedules: BTreeSet<u64>,
    pub traces: BTreeSet<u64>,
}

impl Report {
    pub(super) fn write(&self) -> String {
        let Self {
            executions,
            steps,
            over,
            flags,
            touched,
            failure,
            ..
        } = self;
        let exhausted = self.exhausted.map_or(0, |e| u64::from(e) + 1);
        let over = u8::from(*over);
        let mut out =
            format!("{executions}\n{steps}\n{exhausted}\n{over}\n{flags}\n{touched}\n{failure}\n");
        out.push_str(&self.notes.write());
        for set in [&self.schedules, &self.traces] {
            for hash in set {
                let _ = write!(out, "{hash:x} ");
            }
            out.push('\n');
        }
        out
    }

    pub(super) fn read(text: &str) -> Self {
        let mut lines = text.lines();
        let mut number = || {
            lines
                .next()
                .and_then(|l| l.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let (executions, steps, exhausted, over, flags) =
            (number(), number(), number(), number(), number());
        let mut text = || lines.next().unwrap_or_default();
        let (touched, failure) = (text().to_owned(), text().to_owned());
        let notes = Notes::read(&mut text);
        let set = |line: &str| {
            let hashes = line.split_ascii_whitespace();
            hashes
                .filter_map(|h| u64::from_str_radix(h, 16).ok())
                .collect()
        };
        Self {
            executions,
            steps,
            exhausted: exhausted.checked_sub(1).and_then(|e| u32::try_from(e).ok()),
            over: over == 1,
            flags,
            touched,
            failure,
            notes,
            schedules: set(text()),
            traces: set(text()),
        }
    }
}

/// The body of a batch's child.
pub(super) fn run(start: &Start<'_>) -> Report {
    quiet();
    let (job, test) = (start.job, start.test);
    let mut strategy = Portfolio::new(job.mix, job.seed);
    strategy.restore(&start.saved);
    let mut runner = Runner::default();
    let watch = Watch::new(start.statics);
    let mut report = Report {
        executions: start.first,
        notes: start.notes.clone(),
        ..Report::default()
    };
    let output = (test.name == "main").then(Output::catch).flatten();
    while report.executions < job.schedules {
        let execution = report.executions;
        let check = execution.is_multiple_of(16) || start.max_steps == LONG;
        if execution > start.first && check && real_millis() > start.deadline {
            break;
        }
        if !strategy.begin(execution) {
            report.over = true;
            break;
        }
        // A search that claims completeness must see the same program every time.
        let mut flags = match strategy.phase() {
            Some(phase) => job.flags | flags_of_phase(phase),
            None => flags_for(execution),
        };
        if job.late {
            flags &= !EARLY;
        }
        report.flags = flags;
        journal::begin(execution, flags);
        let settings = settings(flags, start.max_steps, false);
        let outcome = runner.run(&mut strategy, settings, test.thread(), body(test));
        strategy.end(outcome.decisions);
        report.executions += 1;
        report.steps += outcome.steps;
        let mut hasher = DefaultHasher::new();
        (flags, &outcome.deviations).hash(&mut hasher);
        if report.schedules.len() < COUNTED {
            report.schedules.insert(hasher.finish());
            report.traces.insert(outcome.trace);
        }
        report.failure = fingerprint(test, &outcome).unwrap_or_default();
        if report.failure.is_empty() {
            let early = flags & EARLY != 0;
            report.notes.look(output.as_ref(), &outcome, early);
        }
        if let Some(at) = outcome.touched_static {
            report.touched = at.to_string();
        } else if !start.fresh
            && let Some(name) = watch.changed()
        {
            report.touched = name;
        } else if !start.fresh && hashing::lost() {
            "the seeds of hash maps".clone_into(&mut report.touched);
        } else if !start.fresh && (execution == start.first || check) && files_left() {
            "temporary files that stay".clone_into(&mut report.touched);
        }
        if execution == 0 && outcome.threads.len() == 1 && report.failure.is_empty() {
            // There is nothing to schedule.
            (report.over, report.exhausted) = (true, Some(u32::MAX));
            return report;
        }
        let touched = !report.touched.is_empty();
        if !report.failure.is_empty() || start.fresh || touched || outcome.leaked > 20_000 {
            break;
        }
    }
    report.exhausted = strategy.exhausted();
    let kept = journal::save(&strategy.save())
        || strategy.give_up_bounded() && journal::save(&strategy.save());
    report.over |= !kept;
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_crosses_whole() {
        let report = Report {
            executions: 12,
            steps: 340,
            exhausted: Some(u32::MAX),
            over: true,
            flags: 3,
            touched: "a::COUNT".to_owned(),
            failure: "panic src/lib.rs:3".to_owned(),
            notes: Notes::default(),
            schedules: [1, u64::MAX].into(),
            traces: [7].into(),
        };
        assert_eq!(Report::read(&report.write()), report);
        assert_eq!(Report::read(&Report::default().write()), Report::default());
    }
}
