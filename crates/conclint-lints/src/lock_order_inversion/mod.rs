//! A cycle in the lock-order graph: two threads can each hold what the other wants.

use std::collections::BTreeMap;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, Certainty, ClassId, Cycle, EventKind, EventRef, FnId, Nesting, Site,
};

use crate::choice::is_crossed;
use crate::contention::Contention;
use crate::neighbours::Pools;
use crate::trace::{Draw, confidence, list};
use crate::{Found, Level, Lint, Settings};

/// The lint.
pub static LINT: Lint = Lint {
    name: "lock-order-inversion",
    code: "CL101",
    severity: Severity::Error,
    level: Level::Default,
    summary: "two locks are taken in opposite orders: two threads can wait for each other for ever",
    page: include_str!("lint.md"),
    check,
};

/// Places named for each direction of a cycle, the first one included.
const PLACES: usize = 32;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let cycles = analysis.cycles();
    if cycles.is_empty() {
        return;
    }
    let mut contention = Contention::of(analysis);
    let pools = Pools::of(analysis);
    for cycle in cycles {
        // Which of two neighbours comes first is no order, and who asks first has one.
        if let ([one, other], true) = (
            &cycle.edges[..],
            cycle.alternatives.iter().all(Vec::is_empty),
        ) && pools.are_next(one)
            && is_crossed(analysis, one, other)
        {
            continue;
        }
        // A smaller circle among the same locks is the better explanation.
        let smaller = |other: &Cycle| {
            other.classes.len() < cycle.classes.len()
                && other.confidence >= cycle.confidence
                && other
                    .classes
                    .iter()
                    .all(|class| cycle.classes.contains(class))
        };
        if !cycles.iter().any(smaller) {
            // In course work the threads may all be the tests'.
            let lonely = settings.level == Level::Default
                && !cycle
                    .edges
                    .iter()
                    .all(|edge| contention.is_shared(&edge.held.lock));
            findings.extend(report(analysis, &draw, cycle, lonely));
        }
    }
}

/// `lonely`: no second thread is seen to come to one of the locks.
fn report(analysis: &Analysis, draw: &Draw<'_>, cycle: &Cycle, lonely: bool) -> Option<Finding> {
    // One list of places for each direction; the first is the best evidence.
    let directions: Vec<Vec<&Nesting>> = cycle
        .edges
        .iter()
        .enumerate()
        .map(|(step, edge)| places(cycle, step, edge))
        .collect();
    if directions.len() < 2 {
        return None;
    }
    let mut paths = Vec::new();
    let mut letters = 'A'..='Z';
    let mut again = Vec::new();
    let mut hidden = 0;
    for places in &directions {
        let letter = letters.next().unwrap_or('Z');
        for (i, nesting) in places.iter().take(PLACES).enumerate() {
            let also = if i == 0 { "" } else { ", also" };
            let title = format!(
                "path {letter}{also}: {}{}",
                in_words(draw, nesting),
                draw.context(nesting)
            );
            let trace = draw.nesting_trace(title, nesting);
            if i == 0 {
                paths.push(trace);
            } else {
                again.push((i, trace));
            }
        }
        hidden += places.len().saturating_sub(PLACES);
    }
    // Of each direction its nearest ones first; a stable sort.
    again.sort_by_key(|(rank, _)| *rank);
    paths.extend(again.into_iter().map(|(_, trace)| trace));
    for writer in &cycle.writers {
        let event = analysis.event(*writer);
        let lock = acquired(analysis, *writer).unwrap_or_else(|| "the lock".to_owned());
        paths.push(Trace {
            title: format!("and a writer waits for `{lock}`: readers queue behind it"),
            steps: vec![draw.step(
                writer.function,
                event.site,
                Role::Acquire,
                lock.clone(),
                format!("takes `{lock}`"),
            )],
        });
    }
    let in_test = cycle.edges.iter().any(|edge| edge.in_test);
    // The lock inside a lock type is every lock of that type: which of them meet
    // here is not known.
    let inner = cycle
        .classes
        .iter()
        .any(|class| analysis.class(*class).is_inner);
    // A circle that closes only while a third thread waits to write, or only if
    // a guess is right, is worth a word, and no reason to stop.
    // So is one of three: each of them must come by at the right moment, and
    // there are more objects that could be other ones. And the lock of a generic
    // type is the lock of every object of all its types.
    let generic = cycle
        .classes
        .iter()
        .any(|class| is_generic(&analysis.class(*class).type_text));
    // And of what is only reached by calls of calls, every second was wrong.
    let near = cycle.edges.iter().all(|edge| edge.chain.len() < 2);
    let sure = cycle.writers.is_empty()
        && cycle.confidence == Certainty::High
        && cycle.classes.len() == 2
        && near
        && !generic
        && !descends(cycle);
    Some(LINT.finding(Found {
        severity: if sure {
            Severity::Error
        } else {
            Severity::Warning
        },
        confidence: if inner || !sure && (lonely || is_guess(analysis, cycle)) {
            Confidence::Low
        } else {
            confidence(cycle.confidence)
        },
        message: message(draw, cycle),
        paths,
        help: [help(draw, &directions, hidden), draw.also(&cycle.classes)].concat(),
        identity: identity(draw, cycle),
        in_test,
    }))
}

/// Whether more must come together than anybody can see: three threads at the
/// right moment, two that wait to write beside the two of the circle, or the same
/// element of a collection twice. Of 31 such warnings that were read, four were right.
fn is_guess(analysis: &Analysis, cycle: &Cycle) -> bool {
    let element = |class: &ClassId| analysis.class(*class).name.ends_with("[]");
    cycle.classes.len() > 2
        || cycle.writers.len() > 1
        || cycle.classes.iter().any(element)
        || descends(cycle)
}

/// One function calls itself under each of the locks, for the parts of what it
/// guards: `Value::Object` has `Value::Array`s in it, and the other way round. What
/// lies inside of something is not around it, too.
fn descends(cycle: &Cycle) -> bool {
    let function = cycle.edges.first().map(|edge| edge.function);
    cycle.edges.iter().all(|edge| {
        Some(edge.function) == function && edge.taken_in == edge.function && !edge.chain.is_empty()
    })
}

/// Everything the classes and the functions of the cycle are called, sorted:
/// the same cycle found from its other end is the same finding.
fn identity(draw: &Draw<'_>, cycle: &Cycle) -> Vec<String> {
    let mut locks: Vec<String> = cycle
        .classes
        .iter()
        .filter_map(|id| draw.class_of(*id))
        .map(|class| class.key.clone())
        .collect();
    locks.sort();
    let mut functions: Vec<String> = cycle
        .edges
        .iter()
        .map(|edge| draw.function_name(edge.function))
        .collect();
    functions.sort();
    locks.append(&mut functions);
    locks
}

/// The nestings that make up one direction: the cycle's own edge, then the
/// others that would close it, each pair of places once, nearest first; a
/// function's second place comes after the first of every other.
fn places<'a>(cycle: &'a Cycle, step: usize, edge: &'a Nesting) -> Vec<&'a Nesting> {
    let mut others: Vec<&Nesting> = cycle.alternatives.get(step).into_iter().flatten().collect();
    others.sort_by_key(|n| distance(cycle, step, n));
    let mut places = vec![edge];
    for other in others {
        if places.iter().all(|known| ends(known) != ends(other)) {
            places.push(other);
        }
    }
    let mut seen: BTreeMap<FnId, usize> = BTreeMap::new();
    let rank = |place: &&Nesting| {
        let before = seen.entry(place.taken_in).or_default();
        *before += 1;
        *before
    };
    let ranks: Vec<usize> = places.iter().map(rank).collect();
    let mut ranked: Vec<(usize, &Nesting)> = ranks.into_iter().zip(places).collect();
    // Stable: the cycle's own edge stays first.
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// The lock an acquisition takes.
fn acquired(analysis: &Analysis, at: EventRef) -> Option<String> {
    let EventKind::Acquire { guard, .. } = analysis.event(at).kind else {
        return None;
    };
    let lock = &analysis.guard(at.function, guard)?.locks.first()?.lock;
    Some(Draw::new(analysis.program()).name(lock))
}

fn ends(nesting: &Nesting) -> (Site, Site) {
    (nesting.held.site, nesting.site)
}

/// How far a place of direction `step` lies from the cycle: in a file of one of
/// the other directions, in that of its own, or elsewhere.
fn distance(cycle: &Cycle, step: usize, nesting: &Nesting) -> u8 {
    let file = nesting.held.site.file;
    let here = |(_, edge): &(usize, &Nesting)| edge.held.site.file == file;
    match cycle
        .edges
        .iter()
        .enumerate()
        .filter(here)
        .map(|(at, _)| at != step)
        .max()
    {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    }
}

fn in_words(draw: &Draw<'_>, nesting: &Nesting) -> String {
    format!(
        "`{}` then `{}`",
        draw.name(&nesting.held.lock),
        draw.name(&nesting.taken)
    )
}

/// `Mutex<NodeEntry<T>>`: a type parameter is part of what the lock guards.
fn is_generic(type_text: &str) -> bool {
    type_text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word.len() == 1 && word.chars().all(char::is_uppercase))
}

fn message(draw: &Draw<'_>, cycle: &Cycle) -> String {
    if let [a, b] = cycle.edges.as_slice() {
        let (first, second) = (draw.name(&a.held.lock), draw.name(&a.taken));
        return format!(
            "`{first}` and `{second}` are taken in opposite orders, by `{}` and by `{}`: \
             two threads can each hold one and wait for the other for ever",
            draw.function_name(a.function),
            draw.function_name(b.function),
        );
    }
    let locks: Vec<String> = cycle
        .edges
        .iter()
        .map(|edge| format!("`{}`", draw.name(&edge.held.lock)))
        .collect();
    format!(
        "{} are taken in a circle, each while the one before it is held: {} threads can each hold one \
         and wait for the next for ever",
        list(&locks),
        cycle.edges.len(),
    )
}

/// Advice follows the majority: the direction with the most places stays.
fn help(draw: &Draw<'_>, directions: &[Vec<&Nesting>], hidden: usize) -> Vec<String> {
    let mut help = Vec::new();
    let mut by_places: Vec<&Vec<&Nesting>> = directions.iter().collect();
    // A stable sort: at a tie the first direction is kept.
    by_places.sort_by_key(|places| std::cmp::Reverse(places.len()));
    if let [keep, change, ..] = by_places.as_slice()
        && let (Some(kept), Some(changed)) = (keep.first(), change.first())
    {
        let (first, second) = (draw.name(&kept.held.lock), draw.name(&kept.taken));
        if directions.len() == 2 {
            let others = match (keep.len(), change.len()) {
                (k, c) if k > c && k > 1 => format!(", as in {k} places (the other order: {c})"),
                _ => String::new(),
            };
            help.push(format!(
                "take both in one order everywhere, e.g. `{first}` before `{second}`{others}"
            ));
        } else {
            help.push("give the locks one order, write it down (`// lock order: a -> b -> c`) and keep to it".to_owned());
        }
        let guard = draw
            .function(changed.function)
            .and_then(|f| f.guards.get(changed.held.guard.index()))
            .and_then(|g| g.name.clone());
        let release = match guard {
            Some(guard) => format!("or `drop({guard})`"),
            None => format!("or release `{}`", draw.name(&changed.held.lock)),
        };
        help.push(format!(
            "{release} in `{}` before `{}` is taken",
            draw.function_name(changed.function),
            draw.name(&changed.taken)
        ));
    }
    if hidden > 0 {
        help.push(format!("{hidden} more places take them in these orders"));
    }
    help
}
