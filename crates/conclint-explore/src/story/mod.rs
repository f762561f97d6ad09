//! Turns what the runtime answers into a story: places in the user's files,
//! objects by the user's names, and a sentence that says what goes wrong.

mod callers;
mod explain;
mod names;
mod sources;
#[cfg(test)]
mod tests;

use conclint_diag::explore::{
    Event, Exhausted, Explored, Failure, Held, Panicked, Place, Stuck, Verdict,
};

pub(crate) use self::callers::Callers;
pub(crate) use self::sources::Texts;

use self::callers::{Call, Wait};
use self::names::Names;
use self::sources::is_ours;
use crate::answer::{self, TestResult};

/// The result of a test, for people and formats.
pub(crate) fn tell(
    package: &str,
    target: &str,
    answer: TestResult,
    texts: &mut Texts,
    callers: &mut Callers,
) -> Explored {
    let verdict = answer.verdict;
    let raw = answer.failure;
    Explored {
        package: package.to_owned(),
        target: target.to_owned(),
        test: answer.test,
        verdict,
        reason: answer.reason,
        executions: answer.executions,
        steps: answer.steps,
        distinct: answer.distinct,
        traces: answer.traces,
        exhausted: answer.exhausted.map(|bound| match bound {
            u32::MAX => Exhausted::All,
            bound => Exhausted::Preemptions(bound),
        }),
        milliseconds: answer.milliseconds,
        isolated_for: answer.fresh_process,
        failure: raw.map(|raw| failure(verdict, &raw, texts, callers)),
    }
}

fn failure(
    verdict: Verdict,
    raw: &answer::Failure,
    texts: &mut Texts,
    callers: &mut Callers,
) -> Failure {
    let waits: Vec<Wait> = raw
        .stuck
        .iter()
        .map(|s| callers.wait(s, &raw.stuck))
        .collect();
    let names = Names::of(raw, &waits, texts);
    let mut told = Failure {
        kind: raw.kind.clone(),
        threads: thread_names(&raw.threads),
        omitted: raw.skipped,
        preemptions: raw.preemptions,
        deviations: raw.deviations.len(),
        ..Failure::default()
    };
    told.panics = raw
        .panics
        .iter()
        .map(|p| Panicked {
            thread: p.thread,
            message: p.message.clone(),
            place: texts.place(&p.place),
        })
        .collect();
    told.timeline = raw
        .timeline
        .iter()
        .map(|s| event(&told, s, &names, texts, callers))
        .collect();
    told.stuck = raw
        .stuck
        .iter()
        .zip(&waits)
        .map(|(s, wait)| stuck(&told, s, wait, &names, texts))
        .collect();
    told.cycle = cycle(&told);
    told.place = place(raw, &told, texts);
    told.message = message(raw);
    let sentence = explain::sentence(verdict, raw, &told, texts);
    (told.explanation, told.named) = (sentence.text, sentence.steps);
    if raw.flags & 1 != 0 {
        let machine = match raw.held_up_ms {
            0 => String::new(),
            ms => format!(", as on a machine that holds them up for {ms} ms"),
        };
        told.notes.push(format!(
            "a sleep or a timeout ends here although other threads could move{machine}; \
             --timeouts due leaves such schedules out"
        ));
    }
    told
}

/// A step, at the line of the project that led to it.
fn event(
    told: &Failure,
    step: &answer::Step,
    names: &Names,
    texts: &mut Texts,
    callers: &mut Callers,
) -> Event {
    let mut event = Event {
        thread: step.thread,
        op: step.op.clone(),
        object: shown(told, names, &step.object),
        place: texts.place(&step.place),
        inside: None,
        note: step.note.clone(),
        deviated: step.deviated,
        preempting: step.preempting,
    };
    if !step.frames.is_empty() && texts.is_foreign(&step.place.file) {
        // A system call that we stand in for has no line but ours.
        let ours = is_ours(&step.place.file);
        let outside = callers.outside(&step.frames).filter(|_| ours);
        let place = outside.map_or_else(|| event.place.clone(), |place| texts.place(&place));
        let own = callers.own(&step.frames);
        let calls_itself = own.is_some();
        event.place = own.map_or_else(|| place.clone(), |own| texts.place(&own.place));
        // The project's own system call is a step of its own.
        event.inside = (!calls_itself || place != event.place).then_some(place);
    }
    event
}

/// What each deviation of a schedule does, in order; empty where the story is not whole.
pub(crate) fn switches(failure: &Failure) -> Vec<String> {
    let steps = &failure.timeline;
    let name = |t: usize| failure.threads.get(t).map_or("?", String::as_str);
    let words = |(index, step): (usize, &Event)| {
        let before = steps[..index].last().map_or(step.thread, |e| e.thread);
        let next = steps[index..].iter().find(|e| e.thread == before);
        let where_from = next.map_or(String::new(), |e| {
            let what = format!("{} {}", e.op, e.object);
            let what = what.trim_end();
            let at = format!("{}:{}", e.place.file, e.place.line);
            match e.op.ends_with("unlock") {
                true => format!(" before {what} (the guard of {at} ends)"),
                false => format!(" before {what} ({at})"),
            }
        });
        format!(
            "{} gives way to {}{where_from}",
            name(before),
            name(step.thread)
        )
    };
    let all: Vec<String> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.deviated)
        .map(words)
        .collect();
    match all.len() == failure.deviations {
        true => all,
        false => Vec::new(),
    }
}

/// Names that tell the threads apart.
fn thread_names(threads: &[String]) -> Vec<String> {
    let shared = |name: &str| threads.iter().filter(|t| *t == name).count() > 1;
    let named = threads.iter().enumerate();
    named
        .map(|(id, name)| match shared(name) {
            true => format!("{name} ({id})"),
            false => name.clone(),
        })
        .collect()
}

/// Threads have their own names already.
fn shown(told: &Failure, names: &Names, object: &str) -> String {
    let thread = object
        .strip_prefix("thread ")
        .and_then(|n| n.parse::<usize>().ok());
    match thread.and_then(|id| told.threads.get(id)) {
        Some(name) => name.clone(),
        // A scope, a yield: nothing that two threads could confuse.
        None if object.starts_with("object ") => String::new(),
        None => names.get(object).to_owned(),
    }
}

fn stuck(
    told: &Failure,
    raw: &answer::Stuck,
    wait: &Wait,
    names: &Names,
    texts: &mut Texts,
) -> Stuck {
    let call = wait.call.as_ref();
    let object = match shown(told, names, &raw.object) {
        object if object.is_empty() => object,
        object => format!("`{object}`"),
    };
    let whom: Vec<&str> = raw
        .waits_for
        .iter()
        .filter_map(|t| told.threads.get(*t).map(String::as_str))
        .collect();
    let what = match raw.op.as_str() {
        "lock" => format!("waits to lock {object}"),
        "read-lock" => format!("waits to read {object}"),
        "write-lock" => format!("waits to write {object}"),
        "join" if whom.is_empty() => "waits to join a thread".to_owned(),
        "join" => format!("waits to join {}", whom.join(" and ")),
        "wait" => format!("waits on {object}"),
        "recv" => format!("waits to receive from {object}, whose senders are still alive"),
        "send" => format!("waits for room in {object}"),
        "hand-over" => format!("waits for somebody to receive from {object}"),
        "scope-end" => "waits for the threads of its scope".to_owned(),
        "once" => format!("waits for the initialiser of {object}"),
        "barrier" => format!("waits at {object}"),
        "park" => "is parked".to_owned(),
        "poll" => "waits for an event".to_owned(),
        "futex-wait" => match call.map(|call| method(&call.callee)) {
            Some(method @ ("lock" | "read" | "write")) if !object.is_empty() => {
                format!("waits to {method} {object}")
            }
            _ => "sleeps in a lock that is not std's".to_owned(),
        },
        op if raw.runnable => format!("keeps running: {op} {object}"),
        op => format!("waits in {op} {object}"),
    };
    Stuck {
        thread: raw.thread,
        what: within(what.trim_end(), call),
        place: texts.place(call.map_or(&raw.place, |call| &call.place)),
        waits_for: raw.waits_for.clone(),
        holds: raw
            .holds
            .iter()
            .chain(&wait.took)
            .map(|h| Held {
                object: shown(told, names, &h.object),
                place: texts.place(&h.place),
            })
            .collect(),
    }
}

/// The last part of a callee's name.
fn method(callee: &str) -> &str {
    callee.rsplit("::").next().unwrap_or_default()
}

/// What a thread waits for, and by which call of another crate where the words do not say so.
fn within(what: &str, call: Option<&Call>) -> String {
    match call {
        Some(Call { callee, .. })
            if !callee.is_empty() && !what.contains(&format!(" to {} ", method(callee))) =>
        {
            format!("{what}, in `{callee}`")
        }
        _ => what.to_owned(),
    }
}

/// The threads of a wait-for cycle, lowest number first.
fn cycle(told: &Failure) -> Vec<usize> {
    let next = |id: usize| {
        let stuck = told.stuck.iter().find(|s| s.thread == id)?;
        stuck.waits_for.first().copied()
    };
    for start in told.stuck.iter().map(|s| s.thread) {
        let mut path = vec![start];
        while let Some(id) = path.last().copied().and_then(next) {
            if id == start {
                return path;
            }
            if path.contains(&id) {
                break;
            }
            path.push(id);
        }
    }
    Vec::new()
}

/// Where a reader should look first: the panic that counts, the thread at the bottom of the waiting,
/// or the last operation.
fn place(raw: &answer::Failure, told: &Failure, texts: &mut Texts) -> Option<Place> {
    let bottom = raw
        .stuck
        .iter()
        .position(|s| s.op != "join" && s.op != "scope-end");
    let bottom = told.stuck.get(bottom.unwrap_or(0)).map(|s| s.place.clone());
    let place = match &raw.last {
        // A panic that aborts says more than the last operation; one that was caught says nothing.
        Some(_) if raw.fingerprint == "signal 6" => raw.panics.last(),
        Some(_) => None,
        None => raw.decisive(),
    }
    .map(|panicked| &panicked.place);
    let last = raw.last.as_ref().map(|last| {
        // What led there is known of the steps only.
        let step = raw.timeline.iter().zip(&told.timeline).next_back();
        let step = step.filter(|(raw, _)| raw.place == *last);
        step.map_or_else(|| texts.place(last), |(_, told)| told.place.clone())
    });
    place.map(|place| texts.place(place)).or(bottom).or(last)
}

fn message(raw: &answer::Failure) -> String {
    match raw.decisive().filter(|_| raw.last.is_none()) {
        Some(panicked) => panicked.message.clone(),
        None => raw.fingerprint.clone(),
    }
}
