//! The search for a failing schedule of one test, and the failure made short.

use std::collections::BTreeSet;

use conclint_schedule::{Deviation, Mix, Replay, Shrinker};

use super::Test;
use super::batch::{self, Report, Start};
use super::child::{Child, crash, crash_kind, crash_verdict, in_child, why};
use super::judge::{AFTER, EARLY, LONG, SPURIOUS, fingerprint, once, panic, settings};
use super::notes::Notes;
use crate::exec::{End, Outcome};
use crate::interpose::real_millis;
use crate::wire::{Job, Mode, Object};
use crate::{journal, report, statics, tape};

/// How much shrinking may cost.
const SHRINK_TRIALS: u32 = 400;
const SHRINK_MS: u64 = 8_000;
/// A job's time limit that means none: budgets count schedules and trials only, so that the answer
/// is the same on every machine. A thread that is silent for too long still ends its child.
const NO_CLOCK: u64 = 0;
/// How much the search for a failing schedule with fewer preemptions may cost.
const SIMPLER_SCHEDULES: u64 = 5_000;
const SIMPLER_MS: u64 = 3_000;
/// A schedule with more preemptions than this is worth another search: with priorities, which
/// interrupt seldom. Leaving out one of many switches often changes how long threads spin, and so
/// all that follows.
const FEW: u64 = 2;
const FEWER_SCHEDULES: u64 = 1_000;
/// How much the search for a failure that needs no early timeout may cost.
const LATE_SCHEDULES: u64 = 2_000;
const LATE_MS: u64 = 3_000;

/// The state of one test's exploration.
pub(super) struct Supervisor<'a> {
    job: &'a Job,
    test: &'a Test,
    began: u64,
    executions: u64,
    /// Executions of searches before this one.
    earlier: u64,
    steps: u64,
    schedules: BTreeSet<u64>,
    traces: BTreeSet<u64>,
    exhausted: Option<u32>,
    fresh: Option<String>,
    max_steps: u64,
    statics: Vec<(usize, usize, String)>,
    notes: Notes,
}

/// What a schedule came to when it was run.
#[derive(Clone, Debug)]
struct Tried {
    done: Vec<Deviation>,
    preemptions: u64,
}

/// What a batch of executions found.
enum Batch {
    More,
    Finished,
    Failed(String, Vec<Deviation>, u64),
    Crashed(Child),
}

impl<'a> Supervisor<'a> {
    pub(super) fn new(job: &'a Job, test: &'a Test) -> Self {
        Self {
            job,
            test,
            began: real_millis(),
            executions: 0,
            earlier: 0,
            steps: 0,
            schedules: BTreeSet::new(),
            traces: BTreeSet::new(),
            exhausted: None,
            fresh: None,
            max_steps: job.max_steps,
            statics: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Explores, or replays, and tells what it came to.
    pub(super) fn verdict(mut self) -> String {
        if !journal::map() {
            return self.plain("inconclusive", "no shared memory");
        }
        crate::image::prepare();
        crate::outside::watch();
        if self.job.mode == Mode::Replay {
            let (deviations, flags) = (self.job.deviations.clone(), self.job.flags);
            let (known, _) = self.trial(&deviations, flags);
            return self.show(&deviations, flags, None, known.as_deref());
        }
        self.statics = statics::find();
        self.explore()
    }

    fn explore(&mut self) -> String {
        loop {
            let batch = self.batch();
            if let Some(why) = crate::outside::wanted() {
                return self.plain("inconclusive", &why);
            }
            match batch {
                Batch::More => {
                    if self.executions >= self.job.schedules
                        || self.overdue(self.began, self.job.time_ms)
                    {
                        return self.plain("passed", &self.notes.text());
                    }
                }
                Batch::Finished => return self.plain("passed", &self.notes.text()),
                Batch::Failed(print, ..) if print == "long" && self.max_steps < LONG => {
                    // A stress test: fewer schedules, but whole ones.
                    self.max_steps = LONG;
                    self.executions = 0;
                    journal::save(&[]);
                }
                Batch::Failed(print, deviations, flags) => {
                    return self.failed(&print, deviations, flags);
                }
                Batch::Crashed(child) => {
                    self.executions += 1;
                    let flags = journal::get()
                        .map_or(0, |j| j.flags.load(std::sync::atomic::Ordering::Relaxed));
                    if crash_verdict(&child) == "inconclusive" {
                        // Trying again would take as long again, each time.
                        if self.has_failed() {
                            let done = journal::deviations();
                            return self.show(&done, flags, Some(done.len()), None);
                        }
                        return self.hung(&child);
                    }
                    return self.failed(&crash(&child), journal::deviations(), flags);
                }
            }
        }
    }

    /// The test's own thread had panicked when the last child was ended: what its destructors wait
    /// for changes nothing any more.
    fn has_failed(&self) -> bool {
        let order = std::sync::atomic::Ordering::Relaxed;
        self.test.should_panic.is_none()
            && journal::get().is_some_and(|j| j.failing.load(order) != 0)
    }

    /// Executions in one child: many, or a single one where statics carry state over.
    fn batch(&mut self) -> Batch {
        let deadline = match self.job.time_ms {
            NO_CLOCK => u64::MAX,
            limit => self.began.saturating_add(limit),
        };
        let start = Start {
            job: self.job,
            test: self.test,
            max_steps: self.max_steps,
            first: self.executions,
            fresh: self.fresh.is_some(),
            deadline,
            saved: journal::saved(),
            statics: &self.statics,
            notes: &self.notes,
        };
        let child = in_child(|| batch::run(&start).write());
        let Child::Report(text) = child else {
            let order = std::sync::atomic::Ordering::Relaxed;
            self.executions = journal::get().map_or(start.first, |j| j.execution.load(order));
            return Batch::Crashed(child);
        };
        let report = Report::read(&text);
        self.executions = report.executions;
        self.steps += report.steps;
        self.schedules.extend(report.schedules);
        self.traces.extend(report.traces);
        self.exhausted = report.exhausted;
        self.notes = report.notes;
        if !report.touched.is_empty() && self.fresh.is_none() {
            self.fresh = Some(report.touched);
        }
        match report.failure.as_str() {
            "" if report.over => Batch::Finished,
            "" => Batch::More,
            print => Batch::Failed(print.to_owned(), journal::deviations(), report.flags),
        }
    }

    /// `limit` milliseconds have passed since `began`, in a job that looks at the clock.
    fn overdue(&self, began: u64, limit: u64) -> bool {
        self.job.time_ms != NO_CLOCK && real_millis() >= began.saturating_add(limit)
    }

    /// Runs one schedule in a child of its own.
    fn trial(&self, deviations: &[Deviation], flags: u64) -> (Option<String>, Tried) {
        let (max_steps, test) = (self.max_steps, self.test);
        let child = in_child(|| {
            journal::begin(0, flags);
            let settings = settings(flags, max_steps, false);
            let outcome = once(test, &mut Replay::new(deviations), settings);
            let print = fingerprint(test, &outcome).unwrap_or_default();
            format!("{}\n{print}", outcome.preemptions)
        });
        let done = journal::deviations();
        let (preemptions, print) = match &child {
            Child::Report(text) => {
                let (preemptions, print) = text.split_once('\n').unwrap_or_default();
                (preemptions.parse().unwrap_or(0), print.to_owned())
            }
            child => (done.len() as u64, crash(child)),
        };
        let print = (!print.is_empty()).then_some(print);
        (print, Tried { done, preemptions })
    }

    fn failed(&mut self, print: &str, deviations: Vec<Deviation>, flags: u64) -> String {
        if print == "long" {
            return self.plain(
                "inconclusive",
                "too long: one execution did not end within its steps or its time",
            );
        }
        if let Some(why) = print.strip_prefix("broken ") {
            return self.plain("inconclusive", why);
        }
        let (again, first) = self.trial(&deviations, flags);
        if again.as_deref() != Some(print) {
            let then = again.as_deref().unwrap_or("no failure");
            let why = format!("not reproducible: {print}, then {then} under the same schedule");
            return self.plain("inconclusive", &why);
        }
        let found = deviations.len();
        // Settings that the failure does not need only make it harder to read.
        let mut flags = flags;
        let mut first = first;
        for simpler in [0, flags & AFTER, flags & EARLY, flags & SPURIOUS] {
            if flags.count_ones() > simpler.count_ones() {
                let (result, tried) = self.trial(&first.done, simpler);
                if result.as_deref() == Some(print) {
                    (flags, first) = (simpler, tried);
                }
            }
        }
        if flags & EARLY != 0
            && let Some(answer) = self.without_early(flags)
        {
            return answer;
        }
        for extra in [AFTER, SPURIOUS] {
            if flags & extra != 0
                && let Some(tried) = self.simpler(print, first.preemptions, flags & !extra)
            {
                (flags, first) = (flags & !extra, tried);
            }
        }
        let mut best = self.shrink(print, first, flags);
        if best.preemptions > 0
            && let Some(simpler) = self.simpler(print, best.preemptions - 1, flags)
        {
            best = self.shrink(print, simpler, flags);
        }
        if best.preemptions > FEW
            && let Some(fewer) = self.fewer(print, best.preemptions, flags)
        {
            best = self.shrink(print, fewer, flags);
        }
        self.show(&best.done, flags, Some(found), Some(print))
    }

    /// Looks for a failure that does not need a timeout to fire early: who reads of one that does
    /// will ask whether it can ever come true.
    fn without_early(&self, flags: u64) -> Option<String> {
        let job = Job {
            schedules: LATE_SCHEDULES,
            time_ms: self.job.time_ms.min(LATE_MS),
            late: true,
            flags: self.job.flags & !EARLY,
            ..self.job.clone()
        };
        debug_assert!(flags & EARLY != 0 && !self.job.late);
        journal::save(&[]);
        let mut search = Supervisor::new(&job, self.test);
        search.fresh.clone_from(&self.fresh);
        search.max_steps = self.max_steps;
        search.statics.clone_from(&self.statics);
        search.earlier = self.earlier + self.executions;
        while search.executions < job.schedules && !search.overdue(search.began, job.time_ms) {
            let (print, deviations, flags) = match search.batch() {
                Batch::More => continue,
                Batch::Failed(print, deviations, flags) if print != "long" => {
                    (print, deviations, flags)
                }
                _ => return None,
            };
            let (again, _) = search.trial(&deviations, flags);
            let same = again.as_deref() == Some(print.as_str());
            return same.then(|| search.failed(&print, deviations, flags));
        }
        None
    }

    /// Leaves out deviations while the failure stays the same.
    fn shrink(&self, print: &str, first: Tried, flags: u64) -> Tried {
        let mut best = first;
        let mut shrinker = Shrinker::new(best.done.clone());
        let began = real_millis();
        for _ in 0..SHRINK_TRIALS {
            let Some(trial) = shrinker.next_trial() else {
                break;
            };
            let (result, tried) = self.trial(&trial.deviations, flags);
            if result.as_deref() == Some(print) {
                if tried.done.len() < best.done.len() {
                    best = tried.clone();
                }
                shrinker.result(Some(tried.done));
            } else {
                shrinker.result(None);
            }
            if self.overdue(began, SHRINK_MS) {
                break;
            }
        }
        best
    }

    /// Looks for a schedule with at most so many preemptions that fails in the same way.
    fn simpler(&self, print: &str, preemptions: u64, flags: u64) -> Option<Tried> {
        let bound = u32::try_from(preemptions).unwrap_or(u32::MAX).min(2);
        self.look_again(
            print,
            Mix::Bounded(bound),
            SIMPLER_SCHEDULES,
            flags,
            u64::MAX,
        )
    }

    /// Samples schedules for one that fails in the same way with fewer preemptions.
    fn fewer(&self, print: &str, preemptions: u64, flags: u64) -> Option<Tried> {
        self.look_again(print, Mix::Pct, FEWER_SCHEDULES, flags, preemptions)
    }

    /// Looks for a schedule of `mix` with less than so many preemptions that fails in the same way.
    fn look_again(
        &self,
        print: &str,
        mix: Mix,
        schedules: u64,
        flags: u64,
        below: u64,
    ) -> Option<Tried> {
        let job = Job {
            mix,
            schedules,
            time_ms: self.job.time_ms.min(SIMPLER_MS),
            flags,
            ..self.job.clone()
        };
        journal::save(&[]);
        let mut search = Supervisor::new(&job, self.test);
        search.fresh.clone_from(&self.fresh);
        search.max_steps = self.max_steps;
        search.statics.clone_from(&self.statics);
        while search.executions < job.schedules && !search.overdue(search.began, job.time_ms) {
            let deviations = match search.batch() {
                Batch::More => continue,
                Batch::Failed(found, deviations, _) if found == print => deviations,
                Batch::Failed(..) => continue,
                Batch::Crashed(child) if crash(&child) == print => {
                    // The journal counts an execution when it is over.
                    search.executions += 1;
                    journal::deviations()
                }
                Batch::Crashed(_) | Batch::Finished => return None,
            };
            let (again, tried) = self.trial(&deviations, flags);
            let same = again.as_deref() == Some(print);
            if same && tried.preemptions < below {
                return Some(tried);
            }
            if below == u64::MAX {
                return None;
            }
        }
        None
    }

    /// Runs a schedule with every operation recorded, and reports it.
    ///
    /// `known` is how it ended without the record, which leaves traces on the stacks: a livelock
    /// is found by states that repeat, and these do not.
    fn show(
        &mut self,
        deviations: &[Deviation],
        flags: u64,
        found: Option<usize>,
        known: Option<&str>,
    ) -> String {
        let (max_steps, test) = (self.max_steps, self.test);
        tape::rewind();
        let child = in_child(|| {
            journal::begin(0, flags);
            let settings = settings(flags, max_steps, true);
            let mut outcome = once(test, &mut Replay::new(deviations), settings);
            if let (End::TooLong { livelock }, Some("livelock")) = (&mut outcome.end, known) {
                *livelock = true;
            }
            let print = fingerprint(test, &outcome);
            let failure = report::failure(&outcome, flags, print.as_deref());
            match print {
                None => format!("passed\n{failure}"),
                Some(_) => format!("{}\n{failure}", report::verdict_of(&outcome)),
            }
        });
        if let Some(why) = crate::outside::wanted() {
            return self.plain("inconclusive", &why);
        }
        let (verdict, failure) = match &child {
            Child::Report(text) => match text.split_once('\n') {
                Some((verdict, failure)) => (verdict.to_owned(), failure.to_owned()),
                None => ("inconclusive".to_owned(), "null".to_owned()),
            },
            child => {
                let played = tape::play();
                let outcome = Outcome::cut_off(played, journal::deviations());
                let (verdict, print, kind) = match crash_verdict(child) {
                    "inconclusive" if self.has_failed() => ("failed", panic(&outcome), "panic"),
                    verdict => (verdict, crash(child), crash_kind(child)),
                };
                let end = report::Death {
                    print: &print,
                    kind,
                    last: journal::last(),
                };
                let failure = report::crashed(&outcome, flags, &end);
                (verdict.to_owned(), failure)
            }
        };
        let unapplied = deviations
            .iter()
            .filter(|d| !journal::deviations().contains(d));
        let unapplied: Vec<Deviation> = unapplied.copied().collect();
        self.head(
            &verdict,
            &match &child {
                child if verdict == "inconclusive" => why(child),
                _ => String::new(),
            },
        )
        .raw(
            "found_deviations",
            found.map_or(-1, |f| i64::try_from(f).unwrap_or(-1)),
        )
        .raw("unapplied", report::deviations(&unapplied))
        .raw("failure", failure)
        .end()
    }

    /// A child had to be ended: why, and where it was.
    fn hung(&self, child: &Child) -> String {
        self.plain("inconclusive", &why(child))
    }

    fn head(&self, verdict: &str, reason: &str) -> Object {
        let exhausted = match self.exhausted {
            None => "null".to_owned(),
            Some(bound) => bound.to_string(),
        };
        Object::default()
            .text("test", &self.test.name)
            .text("verdict", verdict)
            .text("reason", reason)
            .raw("executions", self.earlier + self.executions)
            .raw("steps", self.steps)
            .raw("distinct", self.schedules.len())
            .raw("traces", self.traces.len())
            .raw("exhausted", exhausted)
            .raw("max_steps", self.max_steps)
            .raw("milliseconds", real_millis() - self.began)
            .text("fresh_process", self.fresh.as_deref().unwrap_or_default())
    }

    fn plain(&self, verdict: &str, reason: &str) -> String {
        self.head(verdict, reason).raw("failure", "null").end()
    }
}
