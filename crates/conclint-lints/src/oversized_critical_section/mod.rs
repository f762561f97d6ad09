//! Work inside a critical section that never touches the guarded data.

use std::collections::BTreeSet;

use conclint_diag::{Confidence, Finding, Role, Severity, Trace};
use conclint_facts::{
    Analysis, BlockKind, BlockedUnder, EventKind, FnId, GuardId, Mode, ObjectKind, ObjectRef, Site,
};

use crate::contention::{Contention, is_cold};
use crate::flow::events;
use crate::serialised::is_connection;
use crate::trace::{Draw, lines, list};
use crate::{Found, Level, Lint, Settings};

mod section;
mod tree;
mod weight;

use section::{Group, Place, Section};
use weight::Weights;

/// The lint.
pub static LINT: Lint = Lint {
    name: "oversized-critical-section",
    code: "CL104",
    severity: Severity::Warning,
    level: Level::Default,
    summary: "work that never touches the guarded data runs while the lock is held",
    page: include_str!("lint.md"),
    check,
};

/// One line in so many is not what the lock is held for.
const SHARE: u32 = 20;

fn check(analysis: &Analysis, settings: &Settings, findings: &mut Vec<Finding>) {
    let draw = Draw::new(analysis.program());
    let weights = Weights::of(analysis);
    let contention = Contention::of(analysis);
    let waiting = waiting(analysis);
    for (id, function) in (0..).map(FnId).zip(&analysis.program().functions) {
        if is_cold(function) {
            continue;
        }
        for section in section::sections(function, &weights) {
            let waits = waiting.contains(&(id, section.guard))
                || waits_beside(analysis, &draw, id, &section);
            // In course work small things stand for large ones.
            let careful = settings.level == Level::Default;
            let finding = report(analysis, &draw, id, &section, waits, careful);
            let wanted = lock(analysis, id, section.guard).is_some_and(|(lock, mode)| {
                // The lock inside a lock type is every lock of that type, and
                // the standard input is hardly shared.
                let named = lock.class.is_some_and(|class| {
                    let class = analysis.class(class);
                    !class.is_inner
                        && !matches!(&class.kind, ObjectKind::Lock(traits) if traits.type_name == "Stdin")
                });
                named && contention.is_wanted(lock, mode, id)
            });
            findings.extend(finding.filter(|_| wanted));
        }
    }
}

fn report(
    analysis: &Analysis,
    draw: &Draw<'_>,
    id: FnId,
    section: &Section,
    waits: bool,
    careful: bool,
) -> Option<Finding> {
    let function = analysis.function(id);
    let (lock, mode) = lock(analysis, id, section.guard)?;
    let guard = function.guards.get(section.guard.index())?;
    let guard_name = guard.name.clone().unwrap_or_default();
    let lock_name = draw.name(lock);
    let groups = &section.groups;
    let moved: u32 = groups.iter().map(|group| group.lines()).sum();
    let total = section.lines();
    let sites: Vec<String> = groups
        .iter()
        .map(|g| lines(g.first.line, g.last.end_line))
        .collect();
    let reasons = reasons(groups);
    let never = if moved == 1 {
        "never touches"
    } else {
        "never touch"
    };
    let (sites, reasons) = (list(&sites), list(&reasons));
    let message = if groups.iter().all(|group| group.place == Place::InArguments) {
        format!(
            "`{}` takes `{lock_name}`, and with the lock held evaluates an argument that never touches it \
             ({sites}: {reasons}): every other thread waits for that work, too",
            function.qualified,
        )
    } else {
        format!(
            "`{}` keeps `{lock_name}` locked for {total} lines, {moved} of which {never} it ({sites}: {reasons}): \
             every other thread waits for that work, too",
            function.qualified,
        )
    };
    let paths = groups
        .iter()
        .map(|group| trace(draw, id, guard.site, &lock_name, group))
        .collect();
    // What each round of a loop does adds up, unless it is lost in the rest.
    let adds_up = |group: &Group| group.place == Place::InRounds && moved * SHARE >= total;
    let small =
        |group: &Group| group.by_call && !adds_up(group) || group.brief || careful && group.alone;
    let confidence = match mode {
        _ if waits || groups.iter().all(small) => Confidence::Low,
        Mode::Exclusive | Mode::Upgradable => Confidence::High,
        // Readers do not wait for each other, only a writer does.
        Mode::Read | Mode::ReadRecursive => Confidence::Low,
    };
    Some(LINT.finding(Found {
        severity: Severity::Warning,
        confidence,
        message,
        paths,
        help: help(section, &lock_name, &guard_name, total, moved),
        identity: vec![
            draw.key(lock),
            function.qualified.clone(),
            guard_name.to_string(),
        ],
        in_test: draw.in_test(id),
    }))
}

/// Guards under which files, sockets, processes or people are waited for in any case:
/// nothing else that is done there matters beside that. What is only written
/// goes to the system's memory first, and what is written must be put together.
fn waiting(analysis: &Analysis) -> BTreeSet<(FnId, GuardId)> {
    let long = |blocked: &&BlockedUnder| match &analysis.event(blocked.event).kind {
        EventKind::Block { kind, what, .. } => match kind {
            BlockKind::File => {
                let name = what.rsplit([':', '.']).next().unwrap_or(what);
                !name.starts_with("write") && name != "flush"
            }
            BlockKind::Network | BlockKind::Http | BlockKind::Process | BlockKind::Stdin => true,
            _ => false,
        },
        _ => false,
    };
    let blocked = analysis.blocked().iter().filter(long);
    blocked
        .map(|blocked| (blocked.function, blocked.held.guard))
        .collect()
}

/// Whether the rest of the section waits for something: a future, or an answer of
/// another program, a database mostly, whose connection is locked.
fn waits_beside(analysis: &Analysis, draw: &Draw<'_>, id: FnId, section: &Section) -> bool {
    let class = lock(analysis, id, section.guard).and_then(|(lock, _)| draw.class(lock));
    class.is_some_and(|class| is_connection(&class.type_text))
        || events(analysis.function(id)).any(|(at, event)| {
            matches!(event.kind, EventKind::Await)
                && analysis
                    .held_before(at.in_function(id))
                    .iter()
                    .any(|held| held.guard == section.guard)
        })
}

/// The lock of a guard and how it is held, where it is one lock.
fn lock(analysis: &Analysis, function: FnId, guard: GuardId) -> Option<(&ObjectRef, Mode)> {
    match analysis.guard(function, guard)?.locks.as_slice() {
        [held] => Some((&held.lock, held.mode)),
        _ => None,
    }
}

fn reasons(groups: &[Group]) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for reason in groups.iter().flat_map(|group| &group.reasons) {
        if !reasons.contains(reason) {
            reasons.push(reason.clone());
        }
    }
    reasons.truncate(3);
    reasons
}

fn trace(draw: &Draw<'_>, function: FnId, taken: Site, lock: &str, group: &Group) -> Trace {
    let place = lines(group.first.line, group.last.end_line);
    let site = Site {
        end_line: group.last.end_line,
        end_column: group.last.end_column,
        ..group.first
    };
    let what = format!("{} without touching `{lock}`", list(&group.reasons));
    let when = match group.place {
        Place::Before => "before its first use",
        Place::InRounds => "in a loop, from nothing that it guards",
        Place::After => "after its last use",
        Place::InArguments => "among the arguments of its first use",
    };
    Trace {
        title: format!("{place}, {when}: no need to hold `{lock}`"),
        steps: vec![
            draw.step(function, taken, Role::Hold, lock, format!("takes `{lock}`")),
            draw.step(function, site, Role::Use, "", what),
        ],
    }
}

fn help(section: &Section, lock: &str, guard: &str, total: u32, moved: u32) -> Vec<String> {
    let mut help = Vec::new();
    for group in &section.groups {
        let place = lines(group.first.line, group.last.end_line);
        help.push(match group.place {
            Place::Before => format!("move {place} in front of line {}, where `{lock}` is taken", section.taken.line),
            Place::InRounds => format!(
                "let a loop in front of line {} do {place} for all rounds and collect the results; \
                 under `{lock}`, only add them",
                section.taken.line
            ),
            Place::InArguments => format!(
                "put what {place} computes into a `let` in front of line {}, where `{lock}` is taken: \
                 arguments are evaluated with the lock held",
                section.taken.line
            ),
            Place::After => {
                format!("release the lock before {place}: `drop({guard})`, or a block around the part above")
            }
        });
    }
    let left = total.saturating_sub(moved);
    let whole_lines = section
        .groups
        .iter()
        .any(|group| group.place != Place::InArguments);
    if whole_lines {
        help.push(format!(
            "the critical section then shrinks from {total} lines to {left}"
        ));
    }
    help
}
