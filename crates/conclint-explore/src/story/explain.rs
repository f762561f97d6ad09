//! One sentence that says what goes wrong, read off the story.
//!
//! A sentence is only as sure as what it was read from: where no pattern is
//! seen, it names the switch that the failure needs and nothing more.

use conclint_diag::explore::{Event, Failure, Stuck, Verdict};

use crate::answer;

/// Bit of a schedule's flags: timeouts fired although other threads could move.
const EARLY_TIMEOUTS: u64 = 1;

/// The sentence. `told` has its timeline, threads and waits already.
pub(super) fn sentence(verdict: Verdict, raw: &answer::Failure, told: &Failure) -> String {
    let text = match verdict {
        Verdict::Deadlock => deadlock(raw, told),
        Verdict::Livelock => livelock(told),
        Verdict::Crashed => crashed(&raw.fingerprint, told),
        Verdict::Failed => return failed(raw, told),
        Verdict::Passed | Verdict::Inconclusive | Verdict::Skipped => {
            return "the schedule does not fail".to_owned();
        }
    };
    let early = (raw.flags & EARLY_TIMEOUTS != 0).then(|| timing(told));
    match early.flatten() {
        Some(early) => format!("{text}; {early}"),
        None => text,
    }
}

fn name(told: &Failure, thread: usize) -> &str {
    told.threads.get(thread).map_or("?", String::as_str)
}

fn at(event: &Event) -> String {
    match event.op.as_str() {
        // The call of another crate into the kernel, where no line of the project led to it.
        "futex-wait" | "futex-wake" if event.inside.as_ref().is_none_or(|i| *i == event.place) => {
            "inside a lock of another crate".to_owned()
        }
        _ => line(event.place.line),
    }
}

/// A line, where it is one of the texts that may be shown.
fn line(number: u32) -> String {
    match number {
        0 => "in the test".to_owned(),
        number => format!("line {number}"),
    }
}

/// `load of count`, or that it is something inside of a dependency.
fn step(event: &Event) -> String {
    match (event.package(), event.object.as_str()) {
        (Some(package), _) => format!("step inside `{package}`"),
        (None, "") => event.op.clone(),
        (None, object) => format!("{} of `{object}`", event.op),
    }
}

fn deadlock(raw: &answer::Failure, told: &Failure) -> String {
    if let Some(text) = lock_cycle(told) {
        return text;
    }
    let waiting = |op: &str| raw.stuck.iter().position(|s| s.op == op);
    if let Some(index) = waiting("wait") {
        return lost_wake_up(index, raw, told);
    }
    let at = |index: usize| told.stuck.get(index).map_or("?", |s| name(told, s.thread));
    if let Some(index) = waiting("recv").filter(|_| blocking_holder(told).is_none()) {
        return format!(
            "{} waits for a message, and whoever could still send waits too or never will",
            at(index)
        );
    }
    if let Some(index) = waiting("send") {
        return format!(
            "{} waits for room in a channel that nobody empties",
            at(index)
        );
    }
    if let Some(index) = waiting("hand-over") {
        let what = told.stuck.get(index).map_or("?", |s| s.what.as_str());
        return format!("{} {what}, and nobody does", at(index));
    }
    if let Some(text) = initialisers(raw, told) {
        return text;
    }
    if let Some(index) = waiting("park") {
        return format!("{} is parked, and nobody is left to unpark it", at(index));
    }
    if let Some(index) = waiting("poll") {
        return format!(
            "{} waits for an event, and nobody is left to bring one about",
            at(index)
        );
    }
    if let Some(index) = waiting("barrier") {
        return format!(
            "{} waits at a barrier that too few threads reach",
            at(index)
        );
    }
    if let Some(index) = ["lock", "read-lock", "write-lock"]
        .iter()
        .find_map(|op| waiting(op))
    {
        return format!(
            "{} waits for a lock whose guard is never dropped",
            at(index)
        );
    }
    blocking_holder(told).unwrap_or_else(|| everybody(told))
}

/// What each thread waits for: locks of other crates do not say who holds them.
fn everybody(told: &Failure) -> String {
    let waits = told.stuck.iter().take(3).map(|s| {
        let (who, line) = (name(told, s.thread), s.place.line);
        format!("{who} {} (line {line} of {})", s.what, s.place.file)
    });
    let waits: Vec<String> = waits.collect();
    match waits.is_empty() {
        true => "no thread can go on".to_owned(),
        false => format!("no thread can go on: {}", waits.join("; ")),
    }
}

/// Threads wait for initialisers that wait themselves.
fn initialisers(raw: &answer::Failure, told: &Failure) -> Option<String> {
    let waits = raw.stuck.iter().zip(&told.stuck);
    let waits = waits.filter(|(raw, _)| raw.op == "once");
    let waits: Vec<String> = waits
        .map(|(_, s)| {
            format!(
                "{} {} (line {})",
                name(told, s.thread),
                s.what,
                s.place.line
            )
        })
        .collect();
    match waits.as_slice() {
        [] => None,
        [one] => Some(format!("{one}, which never ends")),
        all => Some(format!(
            "initialisers wait for each other: {}",
            all.join("; ")
        )),
    }
}

/// A thread waits for something else than a lock while it holds one that another thread needs.
fn blocking_holder(told: &Failure) -> Option<String> {
    told.stuck.iter().find_map(|s| {
        let blocked = told
            .stuck
            .iter()
            .find(|b| b.waits_for.contains(&s.thread))?;
        let held = s.holds.first()?;
        Some(format!(
            "{} {}, and holds `{}`, for which {} waits",
            name(told, s.thread),
            s.what,
            held.object,
            name(told, blocked.thread)
        ))
    })
}

fn lock_cycle(told: &Failure) -> Option<String> {
    let stuck = |thread: usize| told.stuck.iter().find(|s| s.thread == thread);
    let mut waits = told.stuck.iter();
    if let Some(text) = waits.find_map(|s| behind_a_writer(told, s)) {
        return Some(text);
    }
    match told.cycle.as_slice() {
        [] => None,
        [one] => {
            let s = stuck(*one)?;
            Some(format!(
                "{} {}, which it holds itself",
                name(told, *one),
                s.what
            ))
        }
        [a, b] => {
            let part = |me: usize| {
                let s = stuck(me)?;
                let held: Vec<&str> = s.holds.iter().map(|h| h.object.as_str()).collect();
                Some(match held.as_slice() {
                    [] => format!("{} {}", name(told, me), s.what),
                    held => format!(
                        "{} holds `{}` and {}",
                        name(told, me),
                        held.join("`, `"),
                        s.what
                    ),
                })
            };
            Some(format!("{}; {}", part(*a)?, part(*b)?))
        }
        all => Some(format!(
            "{} threads hold one lock each and wait for the next one's in a circle",
            all.len()
        )),
    }
}

/// A second read while a writer waits: the writer waits for the first, and goes before the second.
fn behind_a_writer(told: &Failure, s: &Stuck) -> Option<String> {
    let object = s.what.strip_prefix("waits to read ")?;
    let held = s
        .holds
        .iter()
        .find(|h| format!("`{}`", h.object) == object)?;
    let read = |e: &Event| {
        e.thread == s.thread
            && e.op == "read-lock"
            && e.object == held.object
            && e.place == held.place
    };
    told.timeline.iter().find(|e| read(e))?;
    let writes = format!("waits to write {object}");
    let writer = told.stuck.iter().find(|w| w.what == writes)?;
    Some(format!(
        "{} {} a second time, behind {}, which waits to write it until the first read ends ({})",
        name(told, s.thread),
        s.what,
        name(told, writer.thread),
        line(held.place.line)
    ))
}

/// A thread waits on a condition variable: was there a notification, and who got it?
fn lost_wake_up(index: usize, raw: &answer::Failure, told: &Failure) -> String {
    let (Some(stuck), Some(shown)) = (raw.stuck.get(index), told.stuck.get(index)) else {
        return "a thread waits and nobody is left to wake it".to_owned();
    };
    let who = name(told, shown.thread);
    let steps = &raw.timeline;
    let began = steps
        .iter()
        .rposition(|s| s.thread == stuck.thread && s.op == "wait" && s.note == "waits")
        .unwrap_or(0);
    let notifies = |s: &&answer::Step| s.op.starts_with("notify") && s.object == stuck.object;
    let later = steps.iter().skip(began).rfind(notifies);
    if let Some(notify) = later {
        return format!(
            "{who} waits, and the last notification ({}) woke another thread, not this one",
            line(notify.place.line)
        );
    }
    let earlier = steps.iter().take(began).rfind(notifies);
    match earlier {
        Some(notify) if stuck.missed > 0 => format!(
            "{who} waits ({}) and is never notified: the last notification ({}) came when nobody \
             waited",
            line(shown.place.line),
            line(notify.place.line)
        ),
        _ => format!("{who} waits, and nobody is left to notify it"),
    }
}

fn livelock(told: &Failure) -> String {
    let lines: Vec<String> = told
        .stuck
        .iter()
        .map(|s| format!("{} ({})", name(told, s.thread), line(s.place.line)))
        .collect();
    match lines.as_slice() {
        [] => "the threads run on and on, and nothing changes any more".to_owned(),
        lines => format!(
            "nothing changes any more, and the program runs on: {}",
            lines.join(", ")
        ),
    }
}

fn crashed(print: &str, told: &Failure) -> String {
    let mut panics = told.panics.iter().rev();
    if let (Some(last), "signal 6") = (panics.next(), print) {
        let who = name(told, last.thread);
        let again = match panics.next() {
            Some(first) if first.thread == last.thread => {
                " again while it unwinds from its first panic"
            }
            _ => " where it must not",
        };
        let line = last.place.line;
        let message = last.message.lines().next().unwrap_or_default();
        return format!("{who} panics{again} (line {line}: {message}), and the process aborts");
    }
    let signal = match print {
        "signal 4" => " (SIGILL)",
        "signal 6" => " (SIGABRT: abort, a double free or other damage to the heap)",
        "stack overflow" => ": a thread has used up its stack",
        "signal 7" => " (SIGBUS)",
        "signal 8" => " (SIGFPE)",
        "signal 9" => " (SIGKILL: perhaps out of memory)",
        "signal 11" => " (SIGSEGV: memory that is not there)",
        _ => "",
    };
    let operations = operations(told);
    let patterns = [lost_update, split_section, two_moments, switch];
    let cause = patterns.iter().find_map(|pattern| pattern(&operations));
    let cause = cause.map_or(String::new(), |cause| format!("; {cause}"));
    format!("the process ends with {print}{signal}{cause}")
}

fn failed(raw: &answer::Failure, told: &Failure) -> String {
    match raw.fingerprint.as_str() {
        "no-panic" => return "the test should panic and does not".to_owned(),
        "wrong-panic" => return "the test panics, but not with the text it should".to_owned(),
        _ if raw.flags & EARLY_TIMEOUTS != 0 => {
            if let Some(text) = timing(told) {
                return text;
            }
        }
        print if print.starts_with("process::exit") => {
            return format!("the program ends itself by {print}");
        }
        _ => {}
    }
    if let Some(text) = woken_by_nobody(told) {
        return text;
    }
    let patterns = [lost_update, woken_in_vain, split_section, two_moments];
    let operations = operations(told);
    if let Some(text) = patterns.iter().find_map(|pattern| pattern(&operations)) {
        return text;
    }
    if told.preemptions == 0 {
        return unbegun(told)
            .or_else(|| order(told))
            .unwrap_or_else(|| match told.deviations {
                0 => "it fails without any interruption".to_owned(),
                _ => "it fails when the threads run in another order".to_owned(),
            });
    }
    switch(told).unwrap_or_else(|| "a switch at the wrong moment breaks it".to_owned())
}

/// The failure without the points after operations, which say nothing of their own.
fn operations(told: &Failure) -> Failure {
    let mut out = told.clone();
    let mut mark = (false, false);
    out.timeline.retain_mut(|e| {
        mark = (mark.0 || e.deviated, mark.1 || e.preempting);
        if e.op == "after" {
            return false;
        }
        (e.deviated, e.preempting) = std::mem::take(&mut mark);
        true
    });
    out
}

/// A loads an atomic, B writes it, A stores to it what it made of the old value.
fn lost_update(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    for (i, load) in steps.iter().enumerate() {
        if load.op != "load" || load.package().is_some() {
            continue;
        }
        let mut own = steps.iter().enumerate().skip(i + 1);
        let own = own.find(|(_, e)| e.thread == load.thread && e.object == load.object);
        let Some((k, store)) = own.filter(|(_, e)| e.op == "store") else {
            continue;
        };
        let between = &steps[i + 1..k];
        let other = between.iter().find(|e| {
            let writes = matches!(e.op.as_str(), "store" | "modify" | "compare-exchange");
            e.object == load.object && e.thread != load.thread && writes
        });
        if let Some(other) = other {
            return Some(format!(
                "an update of `{}` is lost: {} reads it ({}) and writes it back ({}), and {} writes \
                 it in between",
                load.object,
                name(told, load.thread),
                at(load),
                at(store),
                name(told, other.thread)
            ));
        }
    }
    None
}

/// The thread whose panic counts has just come out of a wait.
fn woken_in_vain(told: &Failure) -> Option<String> {
    let thread = told.decisive()?.thread;
    let own: Vec<&Event> = told
        .timeline
        .iter()
        .filter(|e| e.thread == thread)
        .collect();
    let wait = own.iter().rposition(|e| e.op == "wait")?;
    let (relock, rest) = own.get(wait + 1..)?.split_first()?;
    let at_once = rest.iter().all(|e| e.op == "unlock" || e.op == "exit");
    (relock.op == "lock" && at_once).then(|| {
        format!(
            "{} wakes from its wait ({}) and fails at once: what it waited for is not there",
            name(told, thread),
            at(own[wait])
        )
    })
}

/// A gives a lock back and takes it again, and B has it in between because A was interrupted.
fn split_section(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let locks = |e: &Event| matches!(e.op.as_str(), "lock" | "read-lock" | "write-lock");
    let unlocks = |e: &Event| e.op.ends_with("unlock");
    let switch = steps.iter().position(|e| e.preempting)?;
    let intruder = steps.get(switch)?.thread;
    let victim = steps.get(switch.checked_sub(1)?)?.thread;
    let mine = |e: &&Event| e.thread == victim;
    let given = steps[..switch].iter().rfind(|e| mine(e) && unlocks(e))?;
    let rest = &steps[switch..];
    let again = rest
        .iter()
        .position(|e| e.thread == victim && locks(e) && e.object == given.object)?;
    if rest[again].place.line == given.place.line {
        // The same statement twice: two operations, not the halves of one.
        return None;
    }
    rest[..again]
        .iter()
        .find(|e| e.thread == intruder && locks(e) && e.object == given.object)?;
    Some(format!(
        "{} gives `{}` back ({}) and takes it again ({}); {} takes it in between",
        name(told, victim),
        given.object,
        at(given),
        at(&rest[again]),
        name(told, intruder)
    ))
}

/// A looks at one object and then at another, and B works on both in between.
fn two_moments(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let switch = steps.iter().position(|e| e.preempting)?;
    let intruder = steps.get(switch)?.thread;
    let victim = steps.get(switch.checked_sub(1)?)?.thread;
    let uses = |e: &&Event| {
        let op = e.op.as_str();
        let known = !e.object.is_empty() && e.package().is_none();
        known && (op.contains("lock") || matches!(op, "load" | "store" | "modify"))
    };
    let mine = |e: &&Event| e.thread == victim && uses(e);
    let first = steps[..switch].iter().rfind(mine)?;
    let length = steps[switch..].iter().position(|e| mine(&e))?;
    let (between, second) = (&steps[switch..switch + length], &steps[switch + length]);
    let changes = |object: &str| {
        let mut all = between.iter().filter(|e| e.thread != victim);
        all.any(|e| e.object == object && e.op != "load")
    };
    let both = first.object != second.object && changes(&first.object) && changes(&second.object);
    both.then(|| {
        format!(
            "{} works on `{}` ({}) and on `{}` ({}) at two moments; {} changes both in between",
            name(told, victim),
            first.object,
            at(first),
            second.object,
            at(second),
            name(told, intruder)
        )
    })
}

/// A sleep or a timeout is over while another thread could still have gone on.
fn timing(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let over = |e: &Event| e.note == "timeout" && e.deviated;
    let index = steps.iter().position(over)?;
    let event = steps.get(index)?;
    let what = match event.op.as_str() {
        "sleep" => "sleep",
        "park" => "park",
        _ => "wait",
    };
    let mut later = steps.iter().skip(index);
    let other = later.find(|e| e.thread != event.thread)?;
    Some(format!(
        "the {what} of {} ({}) is over before {} has come to its {} ({}): only time stands \
         between them",
        name(told, event.thread),
        at(event),
        name(told, other.thread),
        step(other),
        at(other)
    ))
}

/// The failing thread goes on after a wait that nobody has ended.
fn woken_by_nobody(told: &Failure) -> Option<String> {
    let failing = told.decisive()?.thread;
    let spurious = |e: &&Event| e.thread == failing && e.note == "spurious wake-up";
    let event = told.timeline.iter().rfind(spurious)?;
    Some(format!(
        "the wait of {} ({}) returns without a notification, as waits on condition variables may, \
         and what it waits for is not looked at again",
        name(told, event.thread),
        at(event),
    ))
}

/// A thread that the failing one has started, or started beside it, has not begun.
fn unbegun(told: &Failure) -> Option<String> {
    let failing = told.decisive()?.thread;
    let steps = &told.timeline;
    let last = steps
        .iter()
        .rposition(|e| e.thread == failing && e.op != "scope-end")?;
    let begun = |thread: usize| steps[..last].iter().any(|e| e.thread == thread);
    let spawned = |thread: usize| {
        let who = name(told, thread);
        steps[..last]
            .iter()
            .any(|e| e.op == "spawn" && e.object == who)
    };
    let waiting = (0..told.threads.len()).find(|t| *t != failing && spawned(*t) && !begun(*t))?;
    Some(format!(
        "{} fails while {} has not begun",
        name(told, failing),
        name(told, waiting)
    ))
}

/// Who goes first without interrupting anybody.
fn order(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let begins: Vec<usize> = steps
        .iter()
        .filter(|e| e.op == "start")
        .map(|e| e.thread)
        .collect();
    if let Some(pair) = begins.windows(2).find(|p| p[1] < p[0]) {
        let (first, then) = (name(told, pair[0]), name(told, pair[1]));
        return Some(format!("it fails when {first} runs before {then}"));
    }
    let index = steps.iter().position(|e| e.deviated)?;
    let first = steps.get(index)?.thread;
    let then = steps[index..].iter().find(|e| {
        let seen = steps[..index]
            .iter()
            .any(|b| b.thread == e.thread && b.op != "start");
        e.thread != first && !seen
    })?;
    Some(format!(
        "it fails when {} runs before {}",
        name(told, first),
        name(told, then.thread)
    ))
}

/// The first preemption, in words.
fn switch(told: &Failure) -> Option<String> {
    let steps = &told.timeline;
    let index = steps.iter().position(|e| e.preempting)?;
    let victim = steps.get(index.checked_sub(1)?)?.thread;
    let next = steps.get(index)?;
    let resumed = steps[index..].iter().find(|e| e.thread == victim);
    let done = steps[..index].iter().rfind(|e| e.thread == victim);
    Some(match resumed.or(done) {
        Some(event) if event.op == "after" || resumed.is_none() => {
            let done = done.unwrap_or(event);
            format!(
                "{} runs right after the {} by {} ({})",
                name(told, next.thread),
                step(done),
                name(told, victim),
                at(done)
            )
        }
        Some(event) => format!(
            "{} runs while {} stands before its {} ({})",
            name(told, next.thread),
            name(told, victim),
            step(event),
            at(event)
        ),
        None => format!(
            "{} runs on after {} is interrupted and never gets another turn",
            name(told, next.thread),
            name(told, victim)
        ),
    })
}
