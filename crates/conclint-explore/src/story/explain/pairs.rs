//! Two steps of a thread that belong together, and what others do in between.

use conclint_diag::explore::{Event, Failure};

use super::{Operations, Told, at, line, name, step};

/// A loads an atomic, B writes it, A stores to it what it made of the old value.
pub(super) fn lost_update(ops: &Operations<'_>) -> Option<Told> {
    let steps = &ops.steps;
    for (i, load) in steps.iter().enumerate() {
        if load.op != "load" || load.package().is_some() || load.place.line == 0 {
            continue;
        }
        let mut own = steps.iter().enumerate().skip(i + 1);
        let own = own.find(|(_, e)| e.thread == load.thread && e.object == load.object);
        let Some((k, store)) = own.filter(|(_, e)| e.op == "store") else {
            continue;
        };
        let other = (i + 1..k).find(|n| {
            let e = &steps[*n];
            let writes = matches!(e.op.as_str(), "store" | "modify" | "compare-exchange");
            e.object == load.object && e.thread != load.thread && writes
        });
        if let Some(other) = other {
            let text = format!(
                "an update of `{}` is lost: {} reads it ({}) and writes it back ({}), and {} writes \
                 it in between",
                load.object,
                ops.name(load.thread),
                at(load),
                at(store),
                ops.name(steps[other].thread)
            );
            return Some(ops.told(text, &[i, other, k]));
        }
    }
    None
}

/// How two steps of a thread belong together, the closest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    /// One call of one function takes both.
    Function,
    /// Two calls that a function of the program makes, one after the other.
    Caller,
}

fn bond(ops: &Operations<'_>, first: usize, second: usize) -> Option<Bond> {
    let (a, b) = (&ops.steps[first], &ops.steps[second]);
    let thread = a.thread;
    let (a, b) = (&a.place, &b.place);
    if a.line == 0 || b.line == 0 {
        return None;
    }
    if a.file == b.file && a.function == b.function {
        // The same line or one before: two operations, not the halves of one.
        return (a.line < b.line).then_some(Bond::Function);
    }
    // Whoever comes by the test in between was called by it twice.
    let mut between = ops.steps[first + 1..second].iter();
    let test = between.any(|e| e.thread == thread && e.place.line == 0);
    (!test && ops.texts.calls_in_order(a, b)).then_some(Bond::Caller)
}

/// Two steps of a thread that was interrupted, between which others do something: of all the pair
/// that belongs together most closely, and of those the one at the last interruption, after which
/// it is decided that the test fails.
pub(super) fn torn(ops: &Operations<'_>) -> Option<Told> {
    let switches = (1..ops.steps.len()).filter(|n| ops.steps[*n].preempting);
    let pairs = switches.rev().flat_map(|switch| {
        let split = split_section(ops, switch).map(|(bond, told)| (bond, false, told));
        let moments = two_moments(ops, switch).map(|(bond, told)| (bond, true, told));
        split.into_iter().chain(moments)
    });
    let best = pairs.min_by_key(|(bond, moments, _)| (*bond, *moments));
    best.map(|(_, _, told)| told)
}

/// A gives a lock back and takes it again, and B has it in between because A was interrupted.
fn split_section(ops: &Operations<'_>, switch: usize) -> Option<(Bond, Told)> {
    let steps = &ops.steps;
    let victim = steps[switch - 1].thread;
    let locks = |e: &Event| {
        let lock = matches!(e.op.as_str(), "lock" | "read-lock" | "write-lock");
        lock && e.note != "waits"
    };
    let mut seen: Vec<&str> = Vec::new();
    let mut best: Option<(Bond, Told)> = None;
    for first in (0..switch).rev() {
        let given = &steps[first];
        if given.thread != victim || !given.op.contains("lock") || seen.contains(&&*given.object) {
            continue;
        }
        seen.push(&given.object);
        if !given.op.ends_with("unlock") {
            continue;
        }
        let again = |n: &usize| {
            let e = &steps[*n];
            e.thread == victim && locks(e) && e.object == given.object
        };
        let Some(second) = (switch..steps.len()).find(again) else {
            continue;
        };
        // What two read at the same time, neither of them changes.
        let takes = |n: &usize| {
            let e = &steps[*n];
            let harmless = given.op == "read-unlock" && e.op == "read-lock";
            e.thread != victim && e.object == given.object && locks(e) && !harmless
        };
        let Some(taker) = (first..second).find(takes) else {
            continue;
        };
        let Some(bond) = bond(ops, first, second) else {
            continue;
        };
        if best.as_ref().is_none_or(|(b, _)| bond < *b) {
            let text = format!(
                "{} gives `{}` back ({}) and takes it again ({}); {} takes it in between",
                ops.name(victim),
                given.object,
                at(given),
                at(&steps[second]),
                ops.name(steps[taker].thread)
            );
            best = Some((bond, ops.told(text, &[first, taker, second])));
        }
    }
    best
}

/// A looks at one object and then at another, and others work on both in between.
fn two_moments(ops: &Operations<'_>, switch: usize) -> Option<(Bond, Told)> {
    let steps = &ops.steps;
    let victim = steps[switch - 1].thread;
    let mine = |n: &usize| {
        let e = &steps[*n];
        let op = e.op.as_str();
        let known = !e.object.is_empty() && e.package().is_none() && e.thread == victim;
        known && (op.contains("lock") || matches!(op, "load" | "store" | "modify"))
    };
    let first = (0..switch).rev().find(mine)?;
    let second = (switch..steps.len()).find(mine)?;
    let (a, b) = (&steps[first], &steps[second]);
    if a.object == b.object {
        return None;
    }
    let bond = bond(ops, first, second)?;
    let works = |n: &usize, on: &Event| {
        let e = &steps[*n];
        let only_looks = matches!(e.op.as_str(), "load" | "read-lock") || e.note == "held";
        e.thread != victim && e.object == on.object && !only_looks && !e.op.ends_with("unlock")
    };
    let all =
        |on: &Event| -> Vec<usize> { (switch..second).rev().filter(|n| works(n, on)).collect() };
    let (on_first, on_second) = (all(a), all(b));
    // One that works on both is likelier to be the one.
    let same = on_second.iter().find_map(|also| {
        let does = on_first
            .iter()
            .find(|n| steps[**n].thread == steps[*also].thread)?;
        Some((*does, *also))
    });
    let (on_first, on_second) = match same {
        Some(pair) => pair,
        None => (*on_first.first()?, *on_second.first()?),
    };
    let (does, also) = (&steps[on_first], &steps[on_second]);
    let others = match does.thread == also.thread {
        true => format!(
            "{} works on both in between ({}, {})",
            ops.name(also.thread),
            at(does),
            at(also)
        ),
        false => format!(
            "in between {} works on `{}` ({}) and {} on `{}` ({})",
            ops.name(does.thread),
            a.object,
            at(does),
            ops.name(also.thread),
            b.object,
            at(also)
        ),
    };
    let text = format!(
        "{} works on `{}` ({}) and on `{}` ({}) at two moments; {others}",
        ops.name(victim),
        a.object,
        line(a.place.line),
        b.object,
        line(b.place.line),
    );
    Some((bond, ops.told(text, &[first, on_first, on_second, second])))
}

/// The last preemption, in words: after it nothing else is needed for the failure.
pub(super) fn switch(told: &Failure) -> Option<Told> {
    let steps = &told.timeline;
    let index = steps.iter().rposition(|e| e.preempting)?;
    let victim = steps.get(index.checked_sub(1)?)?.thread;
    let next = steps.get(index)?;
    let resumed = steps[index..].iter().find(|e| e.thread == victim);
    let done = steps[..index].iter().rfind(|e| e.thread == victim);
    let text = match resumed.or(done) {
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
    };
    let before = (index..steps.len()).find(|n| steps[*n].thread == victim);
    Some(Told {
        text,
        steps: before.into_iter().chain([index - 1, index]).collect(),
    })
}
