//! Why nobody can go on.

use conclint_diag::explore::{Event, Failure, Held, Stuck};

use super::{Told, line, name};
use crate::answer;

/// The sentence on a deadlock.
pub(super) fn deadlock(raw: &answer::Failure, told: &Failure) -> Told {
    if let Some(text) = lock_cycle(told) {
        return text.into();
    }
    let wait = raw.stuck.iter().position(|s| s.op == "wait");
    match wait {
        Some(index) if told.stuck.get(index).is_some_and(|s| !in_test(told, s)) => {
            lost_wake_up(index, raw, told)
        }
        _ => in_the_test(raw, told).unwrap_or_else(|| reason(raw, told).into()),
    }
}

/// The thread waits in code that must not be shown.
fn in_test(told: &Failure, stuck: &Stuck) -> bool {
    stuck.place.line == 0 && name(told, 0) == "the test"
}

/// Who waits, and in which function the thread of a hidden test does.
fn who(told: &Failure, stuck: &Stuck) -> String {
    let function = &stuck.place.function;
    match name(told, stuck.thread) {
        "the test" if !function.is_empty() => format!("the test, in `{function}`,"),
        name => name.to_owned(),
    }
}

/// The test waits in what the program calls, for something that another thread was to do: who of
/// them has gone?
fn in_the_test(raw: &answer::Failure, told: &Failure) -> Option<Told> {
    let mut waits = raw.stuck.iter().zip(&told.stuck);
    let ends = |op: &str| matches!(op, "join" | "scope-end");
    let (_, stuck) = waits.find(|(raw, s)| !ends(&raw.op) && in_test(told, s))?;
    if raw
        .stuck
        .iter()
        .zip(&told.stuck)
        .any(|(raw, s)| !ends(&raw.op) && !in_test(told, s))
    {
        return None;
    }
    let who = name(told, stuck.thread);
    let steps = &told.timeline;
    let gone = (1..told.threads.len()).find_map(|thread| {
        let last = |n: &usize| {
            let e = &steps[*n];
            e.thread == thread && e.place.line != 0 && !e.op.ends_with("unlock")
        };
        let stuck = told.stuck.iter().any(|s| s.thread == thread);
        (0..steps.len()).rev().find(last).filter(|_| !stuck)
    });
    Some(match gone {
        Some(last) => Told {
            text: format!(
                "{who} waits in the test for another thread, and {} has ended before (the last it \
                 did: {})",
                name(told, steps[last].thread),
                line(steps[last].place.line)
            ),
            steps: vec![last],
        },
        None => format!("{who} waits in the test for what no other thread does").into(),
    })
}

fn reason(raw: &answer::Failure, told: &Failure) -> String {
    let waiting = |op: &str| raw.stuck.iter().position(|s| s.op == op);
    let at = |index: usize| {
        told.stuck
            .get(index)
            .map_or("?".to_owned(), |s| who(told, s))
    };
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
            let held = |h: &&Held| s.what.contains(&format!("`{}`", h.object));
            let since = s.holds.iter().find(held).map(|h| h.place.line);
            let since = since.filter(|since| *since != 0);
            Some(format!(
                "{} {}, which it holds itself{}",
                who(told, s),
                s.what,
                since.map_or(String::new(), |since| format!(" since line {since}"))
            ))
        }
        [a, b] => {
            let part = |me: usize| {
                let s = stuck(me)?;
                let held: Vec<&str> = s.holds.iter().map(|h| h.object.as_str()).collect();
                Some(match held.as_slice() {
                    [] => format!("{} {}", who(told, s), s.what),
                    held => format!(
                        "{} holds `{}` and {}",
                        who(told, s),
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
fn lost_wake_up(index: usize, raw: &answer::Failure, told: &Failure) -> Told {
    let (Some(stuck), Some(shown)) = (raw.stuck.get(index), told.stuck.get(index)) else {
        return "a thread waits and nobody is left to wake it".into();
    };
    let (who, here) = (who(told, shown), line(shown.place.line));
    let steps = &raw.timeline;
    let mine = |n: &usize| steps[*n].thread == stuck.thread;
    let began = (0..steps.len())
        .rev()
        .find(|n| mine(n) && steps[*n].op == "wait" && steps[*n].note == "waits");
    let began = began.unwrap_or(0);
    let notifies =
        |n: &usize| steps[*n].op.starts_with("notify") && steps[*n].object == stuck.object;
    let said = |text: String, named: Vec<usize>| Told { text, steps: named };
    let from = |n: usize| line(steps[n].place.line);
    if let Some(notify) = (began..steps.len()).rev().find(notifies) {
        let text = format!(
            "{who} waits, and the last notification ({}) woke another thread, not this one",
            from(notify)
        );
        return said(text, vec![began, notify]);
    }
    let nobody = || {
        said(
            format!("{who} waits ({here}), and nobody is left to notify it"),
            vec![began],
        )
    };
    let Some(notify) = (0..began).rev().find(notifies) else {
        return nobody();
    };
    // Who waits, has a lock that it took when it last looked.
    let relocks = |n: &usize| mine(n) && steps[*n].op == "lock";
    let look = (0..began).rev().find(relocks).unwrap_or(0);
    let waited = (0..look).rev().find(mine);
    let waited = waited.filter(|n| steps[*n].op == "wait" && steps[*n].object == stuck.object);
    if look < notify && !mine(&notify) {
        let text = format!(
            "{who} looks and then waits ({here}), and the last notification ({}) comes in between, \
             when nobody waits: what is waited for has to be changed under the waiter's lock",
            from(notify)
        );
        return said(text, vec![look, notify, began]);
    }
    if let Some(waited) = waited.filter(|waited| *waited < notify) {
        let text = format!(
            "{who} was woken by {} and went back to sleep ({here}), and nobody is left to notify it: \
             look at the condition of the wait",
            from(notify)
        );
        return said(text, vec![waited, notify, look, began]);
    }
    if mine(&notify) {
        let text = format!(
            "{who} waits ({here}), and nobody is left to notify it: the last notification ({}) was \
             its own",
            from(notify)
        );
        return said(text, vec![notify, began]);
    }
    if stuck.missed == 0 {
        return nobody();
    }
    let text = format!(
        "{who} waits ({here}) and is never notified: the last notification ({}) came when nobody \
         waited",
        from(notify)
    );
    said(text, vec![notify, began])
}
