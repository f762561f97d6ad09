//! A lock taken again while its own guard lives.

use std::collections::{BTreeMap, BTreeSet};

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Alone, Analysis, EventKind, EventRef, FnId, FnKind, LockSource, LockTraits, Mode, Nesting,
    Root, SameInstance, Site,
};

use crate::choice;
use crate::contention::is_of_one_thread;
use crate::flow;
use crate::neighbours::Pools;
use crate::trace::{Draw, confidence, is_drop, list, lower};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "double-lock",
    code: "CL102",
    severity: Severity::Error,
    level: Level::Default,
    summary: "a lock is taken again while its own guard still lives",
    page: include_str!("lint.md"),
    check,
};

/// Ways to the second acquisition that one finding shows.
const PATHS: usize = 8;

/// From so many holders on, the function that takes the lock again speaks for all.
const MANY: usize = 3;

fn check(analysis: &Analysis, _: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let pools = Pools::of(analysis);
    let mut by_guard: BTreeMap<(FnId, Site, String), Vec<Case<'_>>> = BTreeMap::new();
    let crossed = choice::crossed_pairs(analysis);
    for nesting in analysis.nestings() {
        if crossed.contains(&(nesting.function, nesting.held.site, nesting.site)) {
            continue;
        }
        let case = Case::of(nesting, analysis).or_else(|| Case::of_next(nesting, analysis, &pools));
        if let Some(case) = case {
            let key = (
                nesting.function,
                nesting.held.site,
                draw.key(&nesting.taken),
            );
            by_guard.entry(key).or_default().push(case);
        }
    }
    let mut by_helper: BTreeMap<(Site, String), Vec<Vec<Case<'_>>>> = BTreeMap::new();
    for (key, mut cases) in by_guard {
        sort(&mut cases);
        match cases.first().map(|case| case.nesting) {
            Some(best) if !best.chain.is_empty() => {
                by_helper.entry((best.site, key.2)).or_default().push(cases)
            }
            _ => findings.extend(report(analysis, &draw, &cases, 1)),
        }
    }
    for holders in by_helper.into_values() {
        let functions: BTreeSet<FnId> = holders
            .iter()
            .flatten()
            .map(|case| case.nesting.function)
            .collect();
        if functions.len() < MANY {
            findings.extend(holders.iter().filter_map(|c| report(analysis, &draw, c, 1)));
        } else {
            let mut all: Vec<Case<'_>> = holders.into_iter().flatten().collect();
            sort(&mut all);
            findings.extend(report(analysis, &draw, &all, functions.len()));
        }
    }
}

/// The surest and shortest first.
fn sort(cases: &mut [Case<'_>]) {
    cases.sort_by_key(|case| {
        let n = case.nesting;
        (
            std::cmp::Reverse((case.severity, case.confidence)),
            n.chain.len(),
            first_step(n),
            n.site,
        )
    });
}

/// One second acquisition.
#[derive(Debug)]
struct Case<'a> {
    nesting: &'a Nesting,
    severity: Severity,
    confidence: Confidence,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The thread waits for itself.
    Certain,
    /// It does if the two paths lead to one object.
    PerhapsOne,
    /// Two of one list, in two fields.
    Next,
    /// Two reads: it does if a writer comes between them.
    Reads {
        /// Where a writer takes the lock.
        writer: EventRef,
    },
}

impl<'a> Case<'a> {
    fn of(nesting: &'a Nesting, analysis: &Analysis) -> Option<Self> {
        if nesting.same == SameInstance::Unlikely || !nesting.blocking.needs_lock() {
            return None;
        }
        let class = nesting.taken.class?;
        let traits = analysis.lock_traits(class)?;
        let waits = can_wait(traits, nesting.held.mode, nesting.taken_mode)?;
        let mut severity = Severity::Error;
        let mut sure = confidence(nesting.confidence);
        let mut kind = Kind::Certain;
        if waits == Waits::ForWriter {
            // Who has the object as `&mut` meets no writer.
            let alone = analysis.is_alone_with(nesting.function, &nesting.held.lock);
            if nesting.context.is_empty() && alone == Alone::Surely {
                return None;
            }
            severity = Severity::Warning;
            kind = Kind::Reads {
                writer: analysis.writer_beside(class, nesting)?,
            };
        }
        if nesting.same == SameInstance::Likely {
            // The key may have changed, or what is found under it; or one field
            // was filled anew.
            severity = Severity::Warning;
            sure = lower(sure);
            if kind == Kind::Certain {
                kind = Kind::PerhapsOne;
            }
            if is_of_one_thread(analysis.class(class)) || traits.self_locking {
                sure = Confidence::Low;
            }
        }
        if nesting.same == SameInstance::Maybe {
            // What is owned or borrowed mutably is nobody else's object; and who
            // compares the two first knows that they differ, and their order.
            let ordered = analysis.function(nesting.function).compares_order;
            if nesting.held.lock.exclusive
                || nesting.taken.exclusive
                || ordered
                || choice::is_chosen(analysis, nesting)
            {
                return None;
            }
            severity = Severity::Warning;
            sure = lower(sure);
            if kind == Kind::Certain {
                kind = Kind::PerhapsOne;
            }
            // Two readers of what may be two objects need a writer in between as
            // well; and who compares or adds two seldom means one and itself. One map
            // is copied into another all the time.
            // What a called function takes of the same type is mostly a part of
            // this one, or its parent.
            // But what is dropped under the lock of its keeper, and leads back to it.
            let (keeper, led) = (&nesting.held.lock.place, &nesting.taken.place);
            let dropped = nesting.chain.len() == 1
                && analysis.function(nesting.taken_in).kind == FnKind::Drop
                && keeper.root == led.root
                && led.path.len() > keeper.path.len();
            let here = (nesting.chain.is_empty() || dropped)
                && nesting.held.mode == Mode::Exclusive
                && nesting.taken_mode == Mode::Exclusive;
            // Behind a lock that all of them take, nobody meets them in another order.
            let gated = nesting
                .gates
                .iter()
                .any(|gate| !nesting.shared_gates.contains(gate));
            if kind != Kind::PerhapsOne
                || !here
                || gated
                || choice::is_admitted(analysis, nesting)
                || is_operator(&analysis.function(nesting.function).name)
                || in_order(analysis, nesting.function)
                || of_another(analysis, nesting)
                || is_of_one_thread(analysis.class(class))
                || traits.self_locking
            {
                sure = Confidence::Low;
            }
        }
        // What a `lock` does whose type says of no lock, nobody knows: one thread
        // may well take it twice.
        if traits.family == "unknown" && !names_a_lock(&analysis.class(class).type_text) {
            sure = Confidence::Low;
        }
        if shares(nesting.held.mode) && reads_else(analysis, nesting) {
            sure = lower(sure);
        }
        // What hangs on a guess is worth a word, and no reason to stop.
        if sure < Confidence::High {
            severity = Severity::Warning;
        }
        // The next round of a loop comes by here again: that the guard of this
        // round is still there, only its variable knows.
        if !nesting.held.must && nesting.held.site == first_step(nesting) {
            sure = Confidence::Low;
        }
        Some(Case {
            nesting,
            severity,
            confidence: sure,
            kind,
        })
    }

    fn of_next(nesting: &'a Nesting, analysis: &Analysis, pools: &Pools) -> Option<Self> {
        let direct = nesting.chain.is_empty()
            && nesting.blocking.needs_lock()
            && nesting.held.mode == Mode::Exclusive
            && nesting.taken_mode == Mode::Exclusive;
        let is_next = direct
            && pools.is_next(nesting)
            && !nesting.apart
            && nesting.in_order.is_empty()
            && !in_order(analysis, nesting.function);
        is_next.then_some(Case {
            nesting,
            severity: Severity::Warning,
            confidence: Confidence::Medium,
            kind: Kind::Next,
        })
    }
}

/// Whether the function, or one that calls it, compares ids, indices or
/// addresses: the usual way to take two locks of one kind in order.
fn in_order(analysis: &Analysis, function: FnId) -> bool {
    let compares = |id: FnId| {
        let function = analysis.function(id);
        function.compares_order
            || function
                .parent
                .is_some_and(|parent| analysis.function(parent).compares_order)
    };
    compares(function)
        || analysis
            .callers(function)
            .iter()
            .any(|call| compares(call.function))
}

/// Whether the text of a type has a lock in it, or says nothing at all.
fn names_a_lock(type_text: &str) -> bool {
    let says_nothing = type_text.chars().all(|c| !c.is_alphanumeric());
    says_nothing || ["utex", "ock"].iter().any(|end| type_text.contains(end))
}

/// `a == b`, `a < b`, `a + b`: what operators are called.
fn is_operator(function: &str) -> bool {
    matches!(
        function,
        "eq" | "ne" | "cmp" | "partial_cmp" | "add" | "sub" | "mul" | "div" | "bitand" | "bitor"
    )
}

/// `fn update(&mut self, other: &Self)`: what is borrowed mutably is not what is
/// borrowed beside it, though both may share what lies behind an `Arc`. And of
/// `fn merge(&mut self, first: &Node, second: &Node)` both are mostly parts of
/// one structure, which nobody else comes to.
fn of_another(analysis: &Analysis, nesting: &Nesting) -> bool {
    let own = Root::Param(0);
    let (held, taken) = (&nesting.held.lock.place.root, &nesting.taken.place.root);
    let other = |root: &Root| matches!(root, Root::Param(number) if *number > 0);
    analysis.function(nesting.function).mut_self
        && (*held == own || other(held))
        && (*taken == own || other(taken))
        && held != taken
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForItself,
    ForWriter,
}

/// Whom a thread waits for that holds the lock in one mode and wants it in another.
fn can_wait(traits: &LockTraits, held: Mode, taken: Mode) -> Option<Waits> {
    if traits.reentrant {
        return None;
    }
    match (held, taken) {
        (_, Mode::ReadRecursive) if held != Mode::Exclusive => None,
        (Mode::Exclusive, _) | (_, Mode::Exclusive) | (Mode::Upgradable, Mode::Upgradable) => {
            Some(Waits::ForItself)
        }
        (Mode::Upgradable, _) => traits
            .upgradable_stops_readers()
            .then_some(Waits::ForItself),
        _ if traits.read_reentrant => None,
        _ if shares(held) || shares(taken) => Some(Waits::ForWriter),
        _ => Some(Waits::ForItself),
    }
}

fn shares(mode: Mode) -> bool {
    matches!(mode, Mode::Read | Mode::ReadRecursive)
}

/// The function that writes takes the lock to read on its other way, and what
/// it is given decides which: `match kind { Change => write(), Query => read() }`.
fn reads_else(analysis: &Analysis, nesting: &Nesting) -> bool {
    if shares(nesting.taken_mode) || nesting.chain.is_empty() {
        return false;
    }
    let function = analysis.function(nesting.taken_in);
    let taken = |wanted: fn(Mode) -> bool| {
        flow::events(function).filter_map(move |(at, event)| match &event.kind {
            EventKind::Acquire {
                source: LockSource::Direct(lock),
                mode,
                ..
            } if wanted(*mode) && lock.class == nesting.taken.class => Some((at, event.site)),
            _ => None,
        })
    };
    taken(|mode| !shares(mode))
        .filter(|(_, site)| *site == nesting.site)
        .any(|(write, _)| {
            let other = |(read, _)| {
                !flow::reaches(function, read, write) && !flow::reaches(function, write, read)
            };
            taken(shares).any(other)
        })
}

/// Where `nesting`'s way leaves the holding function.
fn first_step(nesting: &Nesting) -> Site {
    nesting.chain.first().map_or(nesting.site, |call| call.site)
}

/// `functions`: how many hold the lock where it is taken again.
fn report(
    analysis: &Analysis,
    draw: &Draw<'_>,
    cases: &[Case<'_>],
    functions: usize,
) -> Option<Finding> {
    let best = cases.first()?;
    let nesting = best.nesting;
    let lock = draw.name(&nesting.taken);
    let mut paths: Vec<Trace> = Vec::new();
    // Each function once before any of them twice: the list is cut.
    let mut seen = BTreeSet::new();
    let (once, twice): (Vec<&Case<'_>>, Vec<&Case<'_>>) = cases
        .iter()
        .partition(|case| seen.insert(case.nesting.function));
    for case in once.into_iter().chain(twice) {
        let trace = draw.nesting_trace(title(draw, case), case.nesting);
        if !paths.contains(&trace) {
            paths.push(trace);
        }
    }
    let shown = PATHS.max(functions);
    let more = paths.len().saturating_sub(shown);
    paths.truncate(shown);
    let mut in_test = nesting.in_test;
    if let Kind::Reads { writer } = best.kind {
        // Of what stands in for the real thing, tests are the only writers.
        in_test |= draw.in_test(nesting.function);
        let site = analysis.event(writer).site;
        paths.push(Trace {
            title: format!("another thread: writes `{lock}`"),
            steps: vec![draw.step(
                writer.function,
                site,
                Role::Acquire,
                lock.clone(),
                format!("waits to write `{lock}`"),
            )],
        });
    }
    Some(LINT.finding(Found {
        severity: best.severity,
        confidence: best.confidence,
        message: message(analysis, draw, best, &lock) + &others(functions),
        paths,
        help: help(draw, best, &lock, more),
        identity: vec![
            draw.key(&nesting.taken),
            draw.function_name(if functions > 1 {
                nesting.taken_in
            } else {
                nesting.function
            }),
        ],
        in_test,
    }))
}

fn others(functions: usize) -> String {
    match functions.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (so do {more} other functions)"),
    }
}

fn title(draw: &Draw<'_>, case: &Case<'_>) -> String {
    let lock = draw.name(&case.nesting.taken);
    let calls: Vec<String> = case
        .nesting
        .chain
        .iter()
        .map(|call| format!("`{}`", call.name))
        .collect();
    let mut title = match case.kind {
        Kind::Next => format!(
            "each thread: `{}`, then `{lock}`",
            draw.name(&case.nesting.held.lock)
        ),
        _ => format!("one thread: `{lock}`, then `{lock}` again"),
    };
    if !calls.is_empty() {
        title.push_str(&format!(" through {}", list(&calls)));
    }
    title + &draw.context(case.nesting)
}

fn message(analysis: &Analysis, draw: &Draw<'_>, case: &Case<'_>, lock: &str) -> String {
    let nesting = case.nesting;
    let function = draw.function_name(nesting.function);
    let again = match nesting.chain.first() {
        None => "again".to_owned(),
        Some(call) => format!("again through `{}`", call.name),
    };
    let sometimes = if nesting.held.must {
        ""
    } else {
        " on some paths"
    };
    match case.kind {
        Kind::Certain => format!(
            "`{function}` takes `{lock}` {again} while its first guard still lives{sometimes}: \
             the thread waits for itself and never wakes"
        ),
        Kind::PerhapsOne => format!(
            "`{function}` takes `{lock}` {again} while another `{lock}` is held{sometimes}: \
             if both are one object, the thread waits for itself; if not, two threads can meet in opposite order"
        ),
        Kind::Next => format!(
            "`{function}` takes `{lock}` while it holds `{}`, and both are filled from one list: what is the second \
             for one object is the first for its neighbour, so all can hold their first and wait for their second for ever",
            draw.name(&nesting.held.lock),
        ),
        Kind::Reads { writer } => {
            let span = draw.span(analysis.event(writer).site);
            let one = if nesting.same < SameInstance::Certain {
                ", if both are one object"
            } else {
                ""
            };
            format!(
                "`{function}` reads `{lock}` {again} while its first read guard still lives{sometimes}: when \
                 `{}` ({}:{}) waits to write in between, the second read waits behind it and both hang{one}",
                draw.function_name(writer.function),
                span.file,
                span.line,
            )
        }
    }
}

fn help(draw: &Draw<'_>, case: &Case<'_>, lock: &str, more: usize) -> Vec<String> {
    let nesting = case.nesting;
    let guard = draw
        .function(nesting.function)
        .and_then(|f| f.guards.get(nesting.held.guard.index()))
        .and_then(|g| g.name.clone());
    let mut help = Vec::new();
    match (&guard, nesting.chain.first()) {
        (Some(guard), None) => {
            help.push(format!("use the guard `{guard}` that is already there, or `drop({guard})` before the second"))
        }
        (Some(guard), Some(call)) if is_drop(call) => help.push(format!(
            "keep what ends here until after `drop({guard})`: its `drop` locks again"
        )),
        (None, Some(call)) if is_drop(call) => help.push(
            "what is thrown away ends before the guard does, and its `drop` locks again: keep it in a `let` of \
             its own, which outlives the guard of that statement"
                .to_owned(),
        ),
        (Some(guard), Some(call)) => help.push(format!(
            "`drop({guard})` before calling `{}`, or hand it the locked data instead of locking again",
            call.name
        )),
        (None, _) => help.push(format!(
            "the first guard is a temporary that lives to the end of its statement (with `match`, `if let` and `for`: \
             of the whole body); bind what is needed from `{lock}` in a `let` of its own first"
        )),
    }
    if case.kind == Kind::Next {
        return vec![
            "where the objects are made, put the one with the lower index first: then one of them takes its two the \
             other way round, and the circle is broken"
                .to_owned(),
            "or let all take one more lock around both, or `try_lock` the second and let go of the first".to_owned(),
        ];
    }
    if case.kind == Kind::PerhapsOne {
        help.push(
            "where they are two objects, always lock them in one order (by address or by id)"
                .to_owned(),
        );
    }
    if nesting.same == SameInstance::Likely {
        help.extend(draw.also(&Vec::from_iter(nesting.taken.class)));
    }
    if more > 0 {
        help.push(format!("{more} more ways lead from here to `{lock}`"));
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(reentrant: bool, read_reentrant: bool) -> LockTraits {
        LockTraits {
            family: "std".into(),
            type_name: "RwLock".into(),
            shape: conclint_facts::LockShape::RwLock,
            reentrant,
            read_reentrant,
            is_async: false,
            self_locking: false,
        }
    }

    #[test]
    fn who_waits_for_whom() {
        let fair = traits(false, false);
        assert_eq!(
            can_wait(&fair, Mode::Exclusive, Mode::Exclusive),
            Some(Waits::ForItself)
        );
        assert_eq!(
            can_wait(&fair, Mode::Read, Mode::Exclusive),
            Some(Waits::ForItself)
        );
        assert_eq!(
            can_wait(&fair, Mode::Exclusive, Mode::ReadRecursive),
            Some(Waits::ForItself)
        );
        assert_eq!(
            can_wait(&fair, Mode::Read, Mode::Read),
            Some(Waits::ForWriter)
        );
        assert_eq!(
            can_wait(&fair, Mode::Read, Mode::Upgradable),
            Some(Waits::ForWriter)
        );
        assert_eq!(
            can_wait(&fair, Mode::Upgradable, Mode::Upgradable),
            Some(Waits::ForItself)
        );
        assert_eq!(can_wait(&fair, Mode::Upgradable, Mode::Read), None);
        let spin = LockTraits {
            family: "spin".into(),
            ..traits(false, true)
        };
        assert_eq!(
            can_wait(&spin, Mode::Upgradable, Mode::Read),
            Some(Waits::ForItself)
        );
        assert_eq!(can_wait(&fair, Mode::Read, Mode::ReadRecursive), None);
    }

    #[test]
    fn locks_that_allow_it() {
        assert_eq!(
            can_wait(&traits(true, false), Mode::Exclusive, Mode::Exclusive),
            None
        );
        assert_eq!(can_wait(&traits(false, true), Mode::Read, Mode::Read), None);
        assert_eq!(
            can_wait(&traits(false, true), Mode::Read, Mode::Exclusive),
            Some(Waits::ForItself)
        );
    }
}
